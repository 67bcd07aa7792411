/* SPDX-License-Identifier: BSD-3-Clause
 * Encoding of messages about the policy table as a whole: NEWSPDINFO, SETDEFAULT, GETDEFAULT; and of REPORT. Pure. */
#include "control/xfrm_impl.h"

static void
put_threshold(struct ctl_put *put, uint16_t type, const uint8_t bits[2])
{
	const struct xfrmu_spdhthresh thresh = {.lbits = bits[0], .rbits = bits[1]};

	ctl_put_attr(put, type, &thresh, sizeof(thresh));
}

/* The kernel tells the size of its hash too; Culvert's has none that means the same. */
size_t
ctl_xfrm_encode_spd_info(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_spd_info *info)
{
	const struct xfrmu_spdinfo counts = {.incnt = info->in, .outcnt = info->out, .fwdcnt = info->fwd};
	const struct xfrmu_spdhinfo hash = {0};
	struct ctl_put put;

	if (!ctl_put_start(&put, buf, size, header, sizeof(uint32_t)))
		return 0;
	if (!(header->nlmsg_flags & NLM_F_REQUEST)) {
		ctl_put_attr(&put, XFRMA_SPD_INFO, &counts, sizeof(counts));
		ctl_put_attr(&put, XFRMA_SPD_HINFO, &hash, sizeof(hash));
	}
	if (info->has_v4)
		put_threshold(&put, XFRMA_SPD_IPV4_HTHRESH, info->v4);
	if (info->has_v6)
		put_threshold(&put, XFRMA_SPD_IPV6_HTHRESH, info->v6);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_default(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_spd_default *defaults)
{
	struct ctl_put put;
	struct xfrm_userpolicy_default *wire = ctl_put_start(&put, buf, size, header, sizeof(*wire));

	if (!wire)
		return 0;
	wire->in = defaults->action[SADB_POLICY_IN];
	wire->out = defaults->action[SADB_POLICY_OUT];
	wire->fwd = defaults->action[SADB_POLICY_FWD];
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_report(void *buf, size_t size, const struct nlmsghdr *header, uint8_t proto,
		       const struct sadb_selector *sel)
{
	struct xfrm_user_report wire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(wire));

	if (!body)
		return 0;
	memset(&wire, 0, sizeof(wire));
	wire.proto = proto;
	ctl_xfrm_put_selector(&wire.sel, sel);
	memcpy(body, &wire, sizeof(wire));
	return ctl_put_end(&put);
}

/* Dumps have no fixed part; GETSADINFO and GETSPDINFO have a word of flags, GETDEFAULT three bytes without meaning. */
size_t
ctl_xfrm_encode_get(void *buf, size_t size, const struct nlmsghdr *header)
{
	bool info = header->nlmsg_type == XFRM_MSG_GETSADINFO || header->nlmsg_type == XFRM_MSG_GETSPDINFO;
	size_t body = info                                        ? sizeof(uint32_t)
		      : header->nlmsg_type == XFRM_MSG_GETDEFAULT ? sizeof(struct xfrm_userpolicy_default)
								  : 0;
	struct ctl_put put;

	return ctl_put_start(&put, buf, size, header, body) ? ctl_put_end(&put) : 0;
}
