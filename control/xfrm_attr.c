/* SPDX-License-Identifier: BSD-3-Clause
 * The XFRM attributes and the pieces that SA and policy messages share: addresses, selectors, marks. Pure. */
#include "control/xfrm_impl.h"

#include <errno.h>
#include <netinet/in.h>

#define RULE(attr, bytes) [attr] = {#attr, bytes}

static const struct ctl_attr_rule rules[CTL_XFRMA_MAX + 1] = {
    RULE(XFRMA_ALG_AUTH, sizeof(struct xfrm_algo)),
    RULE(XFRMA_ALG_CRYPT, sizeof(struct xfrm_algo)),
    RULE(XFRMA_ALG_COMP, sizeof(struct xfrm_algo)),
    RULE(XFRMA_ENCAP, sizeof(struct xfrm_encap_tmpl)),
    RULE(XFRMA_TMPL, 0), /* a list: checked where it is read */
    RULE(XFRMA_SA, sizeof(struct xfrm_usersa_info)),
    RULE(XFRMA_POLICY, sizeof(struct xfrm_userpolicy_info)),
    RULE(XFRMA_SEC_CTX, sizeof(struct xfrm_user_sec_ctx)),
    RULE(XFRMA_REPLAY_VAL, sizeof(struct xfrm_replay_state)),
    RULE(XFRMA_LTIME_VAL, sizeof(struct xfrm_lifetime_cur)),
    RULE(XFRMA_REPLAY_THRESH, sizeof(uint32_t)),
    RULE(XFRMA_ETIMER_THRESH, sizeof(uint32_t)),
    RULE(XFRMA_SRCADDR, sizeof(xfrm_address_t)),
    RULE(XFRMA_COADDR, sizeof(xfrm_address_t)),
    RULE(XFRMA_LASTUSED, sizeof(uint64_t)),
    RULE(XFRMA_POLICY_TYPE, sizeof(struct xfrm_userpolicy_type)),
    RULE(XFRMA_MIGRATE, sizeof(struct xfrm_user_migrate)),
    RULE(XFRMA_KMADDRESS, sizeof(struct xfrm_user_kmaddress)),
    RULE(XFRMA_ALG_AEAD, sizeof(struct xfrm_algo_aead)),
    RULE(XFRMA_ALG_AUTH_TRUNC, sizeof(struct xfrm_algo_auth)),
    RULE(XFRMA_MARK, sizeof(struct xfrm_mark)),
    RULE(XFRMA_TFCPAD, sizeof(uint32_t)),
    RULE(XFRMA_REPLAY_ESN_VAL, sizeof(struct xfrm_replay_state_esn)),
    RULE(XFRMA_SA_EXTRA_FLAGS, sizeof(uint32_t)),
    RULE(XFRMA_PROTO, sizeof(uint8_t)),
    RULE(XFRMA_ADDRESS_FILTER, sizeof(struct xfrm_address_filter)),
    RULE(XFRMA_OFFLOAD_DEV, sizeof(struct xfrm_user_offload)),
    RULE(XFRMA_SET_MARK, sizeof(uint32_t)),
    RULE(XFRMA_SET_MARK_MASK, sizeof(uint32_t)),
    RULE(XFRMA_IF_ID, sizeof(uint32_t)),
    RULE(XFRMA_MTIMER_THRESH, sizeof(uint32_t)),
    [CTL_XFRMA_SA_DIR] = {"XFRMA_SA_DIR", sizeof(uint8_t)},
    [CTL_XFRMA_KEEPALIVE] = {"XFRMA_NAT_KEEPALIVE_INTERVAL", sizeof(uint32_t)},
    [CTL_XFRMA_SA_PCPU] = {"XFRMA_SA_PCPU", sizeof(uint32_t)},
    [CTL_XFRMA_IPTFS_FIRST] = {"XFRMA_IPTFS_DROP_TIME", sizeof(uint32_t)},
    [CTL_XFRMA_IPTFS_FIRST + 1] = {"XFRMA_IPTFS_REORDER_WINDOW", sizeof(uint16_t)},
    [CTL_XFRMA_IPTFS_FIRST + 2] = {"XFRMA_IPTFS_DONT_FRAG", 0},
    [CTL_XFRMA_IPTFS_FIRST + 3] = {"XFRMA_IPTFS_INIT_DELAY", sizeof(uint32_t)},
    [CTL_XFRMA_IPTFS_FIRST + 4] = {"XFRMA_IPTFS_MAX_QSIZE", sizeof(uint32_t)},
    [CTL_XFRMA_IPTFS_FIRST + 5] = {"XFRMA_IPTFS_PKT_SIZE", sizeof(uint32_t)},
    [CTL_XFRMA_PATH_MTU] = {"path MTU", sizeof(uint32_t)},
    [CTL_XFRMA_OUTER] = {"outer header", sizeof(uint32_t)},
};

const struct ctl_attr_rules ctl_xfrm_rules = {rules, CTL_XFRMA_MAX};

uint32_t
ctl_xfrm_get_u32(const struct ctl_xfrm_msg *msg, uint16_t attr)
{
	uint32_t value = 0;

	if (msg->at[attr])
		ctl_attr_copy(&value, msg->at[attr], sizeof(value));
	return value;
}

int
ctl_xfrm_get_addr(const xfrm_address_t *in, uint16_t family, struct sadb_addr *out, struct sadb_error *err)
{
	if (family != AF_INET && family != AF_INET6)
		return ctl_refuse(err, -EINVAL, 0,
				  "address family %u is none: AF_INET (%u) and AF_INET6 (%u) are accepted", family,
				  AF_INET, AF_INET6);
	*out = family == AF_INET ? sadb_addr_v4(in->a4) : sadb_addr_v6((const uint8_t *)in->a6);
	return 0;
}

int
ctl_xfrm_get_addr_or_none(const xfrm_address_t *in, uint16_t family, struct sadb_addr *out, struct sadb_error *err)
{
	static const xfrm_address_t none;
	int rc = ctl_xfrm_get_addr(in, family, out, err);

	if (rc == 0 && memcmp(out->bytes, &none, sizeof(none)) == 0)
		memset(out, 0, sizeof(*out));
	return rc;
}

static int
get_prefix(const xfrm_address_t *in, uint8_t len, uint16_t family, struct sadb_prefix *out, struct sadb_error *err)
{
	int rc = ctl_xfrm_get_addr(in, family, &out->addr, err);

	if (rc)
		return rc;
	if (len > sadb_addr_bits((uint8_t)family))
		return ctl_refuse(err, -EINVAL, 0, "selector prefix length %u is over %u", len,
				  sadb_addr_bits((uint8_t)family));
	out->len = len;
	sadb_prefix_trim(out); /* one selector, one value: host bits beyond the prefix say nothing */
	return 0;
}

int
ctl_xfrm_get_selector(const struct xfrm_selector *in, uint16_t family, struct sadb_selector *out,
		      struct sadb_error *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (in->ifindex != 0)
		return ctl_refuse(
		    err, -EOPNOTSUPP, 0,
		    "selector with a device (ifindex %d): not supported, use if_id for the virtual network",
		    in->ifindex);
	if (family == AF_UNSPEC) {
		if (in->prefixlen_s != 0 || in->prefixlen_d != 0)
			return ctl_refuse(err, -EINVAL, 0, "selector of no family has prefix lengths %u and %u",
					  in->prefixlen_s, in->prefixlen_d);
	} else {
		rc = get_prefix(&in->saddr, in->prefixlen_s, family, &out->src, err);
		if (rc == 0)
			rc = get_prefix(&in->daddr, in->prefixlen_d, family, &out->dst, err);
		if (rc)
			return rc;
	}
	out->sport_mask_be = in->sport_mask;
	out->sport_be = in->sport & in->sport_mask;
	out->dport_mask_be = in->dport_mask;
	out->dport_be = in->dport & in->dport_mask;
	out->proto = in->proto;
	return 0;
}

int
ctl_xfrm_get_proto(uint8_t proto, struct sadb_error *err)
{
	if (proto == IPPROTO_ESP)
		return 0;
	/* As a kernel without these, or for something that no kernel protects. */
	return ctl_refuse(err, proto == IPPROTO_AH || proto == IPPROTO_COMP ? -EPROTONOSUPPORT : -EINVAL, 0,
			  "protocol %u is not supported: esp (%u) is", proto, IPPROTO_ESP);
}

int
ctl_xfrm_get_mode(uint8_t mode, struct sadb_error *err)
{
	if (mode == XFRM_MODE_TUNNEL || mode == XFRM_MODE_TRANSPORT)
		return 0;
	return ctl_refuse(err, -EINVAL, 0, "mode %u is not supported: tunnel (%u) and transport (%u) are", mode,
			  XFRM_MODE_TUNNEL, XFRM_MODE_TRANSPORT);
}

/* Transport mode has no virtual network, and so no if_id. */
int
ctl_xfrm_get_domain(const struct ctl_xfrm_msg *msg, uint8_t mode, uint32_t *vnet_id, struct sadb_error *err)
{
	*vnet_id = ctl_xfrm_get_u32(msg, XFRMA_IF_ID);
	if (mode != XFRM_MODE_TRANSPORT)
		return 0;
	if (*vnet_id != 0)
		return ctl_refuse(
		    err, -EINVAL, XFRMA_IF_ID,
		    "XFRMA_IF_ID %u in transport mode: that is for the gateway's own packets, without one", *vnet_id);
	*vnet_id = SADB_UNDERLAY_ID;
	return 0;
}

void
ctl_xfrm_put_if_id(struct ctl_put *put, uint32_t vnet_id)
{
	if (vnet_id != 0 && vnet_id != SADB_UNDERLAY_ID)
		ctl_put_u32(put, XFRMA_IF_ID, vnet_id);
}

int
ctl_xfrm_refuse_foreign(const struct ctl_xfrm_msg *msg, struct sadb_error *err)
{
	if (msg->at[XFRMA_MARK]) {
		struct xfrm_mark mark;

		ctl_attr_copy(&mark, msg->at[XFRMA_MARK], sizeof(mark));
		if (mark.v != 0 || mark.m != 0)
			return ctl_refuse(err, -EOPNOTSUPP, XFRMA_MARK,
					  "XFRMA_MARK 0x%x/0x%x: packet marks are not supported, use if_id", mark.v,
					  mark.m);
	}
	if (ctl_xfrm_get_u32(msg, XFRMA_SET_MARK) != 0)
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_SET_MARK, "XFRMA_SET_MARK: packet marks are not supported");
	if (msg->at[XFRMA_SEC_CTX])
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_SEC_CTX,
				  "XFRMA_SEC_CTX: security contexts are not supported");
	if (msg->at[XFRMA_OFFLOAD_DEV])
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_OFFLOAD_DEV,
				  "XFRMA_OFFLOAD_DEV: offload to a device is not supported");
	return 0;
}

void
ctl_xfrm_put_addr(xfrm_address_t *out, const struct sadb_addr *in)
{
	memcpy(out, in->bytes, sizeof(in->bytes));
}

void
ctl_xfrm_put_selector(struct xfrm_selector *out, const struct sadb_selector *in)
{
	memset(out, 0, sizeof(*out));
	ctl_xfrm_put_addr(&out->saddr, &in->src.addr);
	ctl_xfrm_put_addr(&out->daddr, &in->dst.addr);
	out->family = in->src.addr.family != AF_UNSPEC ? in->src.addr.family : in->dst.addr.family;
	out->prefixlen_s = in->src.len;
	out->prefixlen_d = in->dst.len;
	out->sport = in->sport_be;
	out->sport_mask = in->sport_mask_be;
	out->dport = in->dport_be;
	out->dport_mask = in->dport_mask_be;
	out->proto = in->proto;
}
