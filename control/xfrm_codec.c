/* SPDX-License-Identifier: BSD-3-Clause
 * The table of XFRM messages and the way into the decoders. Pure; any thread. */
#include "control/xfrm_codec.h"

#include <errno.h>

#include "control/xfrm_impl.h"

static int
get_nothing(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	(void)msg, (void)out, (void)err;
	return 0;
}

static const struct ctl_xfrm_kind kinds[] = {
    [XFRM_MSG_NEWSA - XFRM_MSG_BASE] = {"NEWSA", sizeof(struct xfrm_usersa_info), ctl_xfrm_get_sa},
    [XFRM_MSG_DELSA - XFRM_MSG_BASE] = {"DELSA", sizeof(struct xfrm_usersa_id), ctl_xfrm_get_sa_id},
    [XFRM_MSG_GETSA - XFRM_MSG_BASE] = {"GETSA", sizeof(struct xfrm_usersa_id), ctl_xfrm_get_sa_id},
    [XFRM_MSG_NEWPOLICY - XFRM_MSG_BASE] = {"NEWPOLICY", sizeof(struct xfrm_userpolicy_info), ctl_xfrm_get_policy},
    [XFRM_MSG_DELPOLICY - XFRM_MSG_BASE] = {"DELPOLICY", sizeof(struct xfrm_userpolicy_id), ctl_xfrm_get_policy_id},
    [XFRM_MSG_GETPOLICY - XFRM_MSG_BASE] = {"GETPOLICY", sizeof(struct xfrm_userpolicy_id), ctl_xfrm_get_policy_id},
    [XFRM_MSG_ALLOCSPI - XFRM_MSG_BASE] = {"ALLOCSPI", sizeof(struct xfrm_userspi_info), ctl_xfrm_get_alloc_spi},
    [XFRM_MSG_ACQUIRE - XFRM_MSG_BASE] = {"ACQUIRE", sizeof(struct xfrm_user_acquire), ctl_xfrm_get_acquire},
    [XFRM_MSG_EXPIRE - XFRM_MSG_BASE] = {"EXPIRE", sizeof(struct xfrm_user_expire), ctl_xfrm_get_expire},
    [XFRM_MSG_UPDPOLICY - XFRM_MSG_BASE] = {"UPDPOLICY", sizeof(struct xfrm_userpolicy_info), ctl_xfrm_get_policy},
    [XFRM_MSG_UPDSA - XFRM_MSG_BASE] = {"UPDSA", sizeof(struct xfrm_usersa_info), ctl_xfrm_get_sa},
    [XFRM_MSG_POLEXPIRE -
	XFRM_MSG_BASE] = {"POLEXPIRE", sizeof(struct xfrm_user_polexpire), ctl_xfrm_get_policy_expire},
    [XFRM_MSG_FLUSHSA - XFRM_MSG_BASE] = {"FLUSHSA", sizeof(struct xfrm_usersa_flush), ctl_xfrm_get_flush_sa},
    [XFRM_MSG_FLUSHPOLICY - XFRM_MSG_BASE] = {"FLUSHPOLICY", 0, ctl_xfrm_get_flush_policy},
    [XFRM_MSG_NEWAE - XFRM_MSG_BASE] = {"NEWAE", sizeof(struct xfrm_aevent_id), ctl_xfrm_get_ae},
    [XFRM_MSG_GETAE - XFRM_MSG_BASE] = {"GETAE", sizeof(struct xfrm_aevent_id), ctl_xfrm_get_ae},
    [XFRM_MSG_REPORT - XFRM_MSG_BASE] = {"REPORT", sizeof(struct xfrm_user_report), ctl_xfrm_get_report},
    [XFRM_MSG_MIGRATE - XFRM_MSG_BASE] = {"MIGRATE", sizeof(struct xfrm_userpolicy_id), ctl_xfrm_get_migrate},
    [XFRM_MSG_NEWSADINFO - XFRM_MSG_BASE] = {"NEWSADINFO", sizeof(uint32_t), ctl_xfrm_get_sad_info},
    [XFRM_MSG_GETSADINFO - XFRM_MSG_BASE] = {"GETSADINFO", sizeof(uint32_t), get_nothing},
    [XFRM_MSG_NEWSPDINFO - XFRM_MSG_BASE] = {"NEWSPDINFO", sizeof(uint32_t), ctl_xfrm_get_spd_info},
    [XFRM_MSG_GETSPDINFO - XFRM_MSG_BASE] = {"GETSPDINFO", sizeof(uint32_t), get_nothing},
    [XFRM_MSG_MAPPING - XFRM_MSG_BASE] = {"MAPPING", sizeof(struct xfrm_user_mapping), ctl_xfrm_get_mapping},
    [XFRM_MSG_SETDEFAULT -
	XFRM_MSG_BASE] = {"SETDEFAULT", sizeof(struct xfrm_userpolicy_default), ctl_xfrm_get_default},
    [XFRM_MSG_GETDEFAULT -
	XFRM_MSG_BASE] = {"GETDEFAULT", sizeof(struct xfrm_userpolicy_default), ctl_xfrm_get_default},
};

/* These carry attributes of number spaces of their own, read by their decoders. */
static bool
has_own_attributes(uint16_t type)
{
	return type == XFRM_MSG_NEWSADINFO || type == XFRM_MSG_GETSADINFO || type == XFRM_MSG_NEWSPDINFO ||
	       type == XFRM_MSG_GETSPDINFO;
}

const struct ctl_xfrm_kind *
ctl_xfrm_kind(uint16_t type)
{
	if (type < XFRM_MSG_BASE || type - XFRM_MSG_BASE >= (int)(sizeof(kinds) / sizeof(kinds[0])))
		return NULL;
	return &kinds[type - XFRM_MSG_BASE];
}

const char *
ctl_xfrm_name(uint16_t type)
{
	const struct ctl_xfrm_kind *kind = ctl_xfrm_kind(type);

	return kind ? kind->name : NULL;
}

/* Any bit of NLM_F_DUMP makes a dump, as in the kernel; elsewhere the same bits mean NLM_F_REPLACE and NLM_F_EXCL. */
bool
ctl_xfrm_is_dump(const struct nlmsghdr *nlh)
{
	return (nlh->nlmsg_type == XFRM_MSG_GETSA || nlh->nlmsg_type == XFRM_MSG_GETPOLICY) &&
	       (nlh->nlmsg_flags & NLM_F_DUMP) != 0;
}

static int
get_dump(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	out->filter.proto = 0;
	if (msg->nlh->nlmsg_type != XFRM_MSG_GETSA)
		return 0;
	if (msg->at[XFRMA_PROTO])
		ctl_attr_copy(&out->filter.proto, msg->at[XFRMA_PROTO], sizeof(out->filter.proto));
	if (!msg->at[XFRMA_ADDRESS_FILTER])
		return 0;
	struct xfrm_address_filter filter;
	ctl_attr_copy(&filter, msg->at[XFRMA_ADDRESS_FILTER], sizeof(filter));
	if (filter.family == AF_UNSPEC)
		return 0;
	struct xfrm_selector as = {
	    .saddr = filter.saddr, .daddr = filter.daddr, .prefixlen_s = filter.splen, .prefixlen_d = filter.dplen};
	struct sadb_selector sel;
	int rc = ctl_xfrm_get_selector(&as, filter.family, &sel, err);
	if (rc) {
		err->attr = XFRMA_ADDRESS_FILTER;
		return rc;
	}
	out->filter.src = sel.src;
	out->filter.dst = sel.dst;
	return 0;
}

int
ctl_xfrm_decode(const struct nlmsghdr *nlh, struct ctl_xfrm *out, struct sadb_error *err)
{
	const struct ctl_xfrm_kind *kind = ctl_xfrm_kind(nlh->nlmsg_type);
	struct ctl_xfrm_msg msg = {.nlh = nlh,
				   .body = (const uint8_t *)nlh + MNL_NLMSG_HDRLEN,
				   .request = (nlh->nlmsg_flags & NLM_F_REQUEST) != 0};

	memset(err, 0, sizeof(*err));
	memset(out, 0, sizeof(*out));
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN)
		return ctl_refuse(err, -EINVAL, 0, "message of %u bytes is shorter than its header", nlh->nlmsg_len);
	if (!kind)
		return ctl_refuse(err, -EINVAL, 0, "message type 0x%x is unknown", nlh->nlmsg_type);
	bool dump = ctl_xfrm_is_dump(nlh);
	size_t body = dump ? 0 : kind->body_bytes;
	size_t bytes = nlh->nlmsg_len - MNL_NLMSG_HDRLEN;
	if (bytes < body)
		return ctl_refuse(err, -EINVAL, 0, "XFRM_MSG_%s has %zu bytes after its header, it needs %zu",
				  kind->name, bytes, body);
	size_t skip = MNL_ALIGN(body) < bytes ? MNL_ALIGN(body) : bytes;
	if (!has_own_attributes(nlh->nlmsg_type)) {
		int rc = ctl_attr_parse(msg.body + skip, bytes - skip, &ctl_xfrm_rules, msg.at, err);
		if (rc)
			return rc;
	}
	out->type = nlh->nlmsg_type;
	out->flags = nlh->nlmsg_flags;
	out->seq = nlh->nlmsg_seq;
	out->pid = nlh->nlmsg_pid;
	return dump ? get_dump(&msg, out, err) : kind->decode(&msg, out, err);
}

uint32_t
ctl_xfrm_attr_offset(const struct nlmsghdr *nlh, uint16_t attr)
{
	const struct ctl_xfrm_kind *kind = ctl_xfrm_kind(nlh->nlmsg_type);

	if (!kind || attr == 0)
		return 0;
	size_t at = MNL_NLMSG_HDRLEN + (ctl_xfrm_is_dump(nlh) ? 0 : MNL_ALIGN(kind->body_bytes));
	while (at < nlh->nlmsg_len) {
		const struct nlattr *here = (const struct nlattr *)((const uint8_t *)nlh + at);

		if (!mnl_attr_ok(here, (int)(nlh->nlmsg_len - at)))
			return 0;
		if (mnl_attr_get_type(here) == attr)
			return (uint32_t)at;
		at += MNL_ALIGN(here->nla_len);
	}
	return 0;
}
