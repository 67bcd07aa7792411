/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of messages about the policy table as a whole: NEWSPDINFO, SETDEFAULT, GETDEFAULT; and of REPORT. Pure. */
#include "control/xfrm_impl.h"

#include <errno.h>

static int
get_threshold(const struct nlattr *attr, unsigned max, uint8_t out[2], struct sadb_error *err)
{
	struct xfrmu_spdhthresh thresh;

	ctl_attr_copy(&thresh, attr, sizeof(thresh));
	if (thresh.lbits > max || thresh.rbits > max)
		return ctl_refuse(err, -EINVAL, mnl_attr_get_type(attr),
				  "prefix lengths %u and %u: at most %u is accepted", thresh.lbits, thresh.rbits, max);
	out[0] = thresh.lbits;
	out[1] = thresh.rbits;
	return 0;
}

int
ctl_xfrm_get_spd_info(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	static const struct ctl_attr_rule rules[] = {
	    [XFRMA_SPD_INFO] = {"XFRMA_SPD_INFO", sizeof(struct xfrmu_spdinfo)},
	    [XFRMA_SPD_IPV4_HTHRESH] = {"XFRMA_SPD_IPV4_HTHRESH", sizeof(struct xfrmu_spdhthresh)},
	    [XFRMA_SPD_IPV6_HTHRESH] = {"XFRMA_SPD_IPV6_HTHRESH", sizeof(struct xfrmu_spdhthresh)},
	};
	static const struct ctl_attr_rules all = {rules, XFRMA_SPD_MAX};
	const struct nlattr *at[XFRMA_SPD_MAX + 1];
	struct ctl_spd_info *spd = &out->spd;
	struct xfrmu_spdinfo info = {0};
	int rc = ctl_attr_parse(msg->body + sizeof(uint32_t), msg->nlh->nlmsg_len - MNL_NLMSG_HDRLEN - sizeof(uint32_t),
				&all, at, err);

	if (rc == 0 && at[XFRMA_SPD_IPV4_HTHRESH])
		rc = get_threshold(at[XFRMA_SPD_IPV4_HTHRESH], 32, spd->v4, err);
	if (rc == 0 && at[XFRMA_SPD_IPV6_HTHRESH])
		rc = get_threshold(at[XFRMA_SPD_IPV6_HTHRESH], 128, spd->v6, err);
	if (rc)
		return rc;
	if (at[XFRMA_SPD_INFO])
		ctl_attr_copy(&info, at[XFRMA_SPD_INFO], sizeof(info));
	spd->in = info.incnt;
	spd->out = info.outcnt;
	spd->fwd = info.fwdcnt;
	spd->has_v4 = at[XFRMA_SPD_IPV4_HTHRESH] != NULL;
	spd->has_v6 = at[XFRMA_SPD_IPV6_HTHRESH] != NULL;
	return 0;
}

int
ctl_xfrm_get_default(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_userpolicy_default wire;

	(void)err;
	memcpy(&wire, msg->body, sizeof(wire));
	out->spd_default.action[SADB_POLICY_IN] = wire.in;
	out->spd_default.action[SADB_POLICY_OUT] = wire.out;
	out->spd_default.action[SADB_POLICY_FWD] = wire.fwd;
	return 0;
}

int
ctl_xfrm_get_report(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_user_report wire;

	memcpy(&wire, msg->body, sizeof(wire));
	out->report.proto = wire.proto;
	return ctl_xfrm_get_selector(&wire.sel, wire.sel.family, &out->report.sel, err);
}
