/* SPDX-License-Identifier: BSD-3-Clause
 * Decoding of policy messages: NEWPOLICY, UPDPOLICY, DELPOLICY, GETPOLICY, POLEXPIRE, FLUSHPOLICY, ACQUIRE. Pure. */
#include "control/xfrm_impl.h"

#include <errno.h>
#include <netinet/in.h>

static int
get_tmpl(const struct nlattr *attr, uint16_t family, struct sadb_template *out, struct sadb_error *err)
{
	struct xfrm_user_tmpl tmpl;
	int rc;

	if (mnl_attr_get_payload_len(attr) > sizeof(tmpl))
		return ctl_refuse(err, -EOPNOTSUPP, XFRMA_TMPL,
				  "XFRMA_TMPL with more than one template: SA bundles are not supported");
	ctl_attr_copy(&tmpl, attr, sizeof(tmpl));
	if (tmpl.optional)
		return ctl_refuse(
		    err, -EOPNOTSUPP, XFRMA_TMPL,
		    "XFRMA_TMPL with level 'use' would let clear packets pass: level 'required' is accepted");
	rc = ctl_xfrm_get_proto(tmpl.id.proto, err);
	if (rc == 0)
		rc = ctl_xfrm_get_mode(tmpl.mode, err);
	/* Old applications leave the family at zero and mean the selector's. */
	uint16_t outer = tmpl.family ? tmpl.family : family;
	if (rc == 0)
		rc = ctl_xfrm_get_addr_or_none(&tmpl.saddr, outer, &out->src, err);
	if (rc == 0)
		rc = ctl_xfrm_get_addr_or_none(&tmpl.id.daddr, outer, &out->dst, err);
	if (rc) {
		err->attr = XFRMA_TMPL;
		return rc;
	}
	out->spi_be = tmpl.id.spi;
	out->reqid = tmpl.reqid;
	out->proto = tmpl.id.proto;
	out->mode = tmpl.mode;
	return 0;
}

static int
get_action(const struct ctl_xfrm_msg *msg, uint8_t action, struct sadb_policy_config *config, struct sadb_error *err)
{
	const struct nlattr *tmpl = msg->at[XFRMA_TMPL];

	if (action != XFRM_POLICY_ALLOW && action != XFRM_POLICY_BLOCK)
		return ctl_refuse(err, -EINVAL, 0, "policy action %u: allow (0) and block (1) are accepted", action);
	if (tmpl && mnl_attr_get_payload_len(tmpl) % sizeof(struct xfrm_user_tmpl) != 0)
		return ctl_refuse(err, -EINVAL, XFRMA_TMPL, "XFRMA_TMPL has %u bytes, no multiple of %zu",
				  mnl_attr_get_payload_len(tmpl), sizeof(struct xfrm_user_tmpl));
	if (action == XFRM_POLICY_BLOCK) {
		config->action = SADB_DROP;
		return 0;
	}
	config->action = SADB_BYPASS;
	if (!tmpl || mnl_attr_get_payload_len(tmpl) == 0)
		return 0;
	config->action = SADB_PROTECT;
	return get_tmpl(tmpl, config->sel.src.addr.family, &config->tmpl, err);
}

int
ctl_xfrm_get_policy_type(const struct ctl_xfrm_msg *msg, struct sadb_error *err)
{
	struct xfrm_userpolicy_type type;

	if (!msg->at[XFRMA_POLICY_TYPE])
		return 0;
	ctl_attr_copy(&type, msg->at[XFRMA_POLICY_TYPE], sizeof(type));
	if (type.type != XFRM_POLICY_TYPE_MAIN)
		return ctl_refuse(err, -EINVAL, XFRMA_POLICY_TYPE, "XFRMA_POLICY_TYPE %u: main (0) is accepted",
				  type.type);
	return 0;
}

int
ctl_xfrm_get_dir(uint8_t dir, uint32_t index, struct sadb_error *err)
{
	if (dir > XFRM_POLICY_FWD)
		return ctl_refuse(err, -EINVAL, 0, "policy direction %u: in (0), out (1) and fwd (2) are accepted",
				  dir);
	if (index != 0 && (index & 7) != dir)
		return ctl_refuse(err, -EINVAL, 0, "policy index %u is not one of direction %u", index, dir);
	return 0;
}

static int
get_info(const struct ctl_xfrm_msg *msg, const struct xfrm_userpolicy_info *info, struct ctl_xfrm *out,
	 struct sadb_error *err)
{
	struct sadb_policy_config *config = &out->policy.config;
	int rc = ctl_xfrm_get_dir(info->dir, info->index, err);

	if (rc == 0)
		rc = ctl_xfrm_get_policy_type(msg, err);
	if (rc == 0 && info->share > XFRM_SHARE_UNIQUE)
		rc = ctl_refuse(err, -EINVAL, 0, "policy share %u: any (0) to unique (%u) are accepted", info->share,
				XFRM_SHARE_UNIQUE);
	if (rc == 0 && info->sel.family == AF_UNSPEC)
		rc = ctl_refuse(err, -EINVAL, 0,
				"selector without an address family: AF_INET (%u) and AF_INET6 (%u) are accepted",
				AF_INET, AF_INET6);
	if (rc == 0)
		rc = ctl_xfrm_get_selector(&info->sel, info->sel.family, &config->sel, err);
	if (rc == 0)
		rc = get_action(msg, info->action, config, err);
	/* Old applications leave bytes and packets of 0, which end nothing: the kernel heeds a policy's times only. */
	config->life = ctl_xfrm_get_lifetime(&info->lft);
	if (rc == 0)
		rc = ctl_xfrm_refuse_foreign(msg, err);
	config->priority = info->priority;
	config->index = info->index;
	config->dir = info->dir;
	if (rc == 0)
		rc = ctl_xfrm_get_domain(msg, config->action == SADB_PROTECT ? config->tmpl.mode : XFRM_MODE_TUNNEL,
					 &config->vnet_id, err);
	out->policy.add_time_s = info->curlft.add_time;
	out->policy.use_time_s = info->curlft.use_time;
	return rc;
}

int
ctl_xfrm_get_policy(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_userpolicy_info info;

	memcpy(&info, msg->body, sizeof(info));
	return get_info(msg, &info, out, err);
}

static int
get_id(const struct ctl_xfrm_msg *msg, const struct xfrm_userpolicy_id *id, struct ctl_xfrm *out,
       struct sadb_error *err)
{
	struct sadb_policy_config *config = &out->policy.config;
	int rc = ctl_xfrm_get_dir(id->dir, id->index, err);

	if (rc == 0)
		rc = ctl_xfrm_get_policy_type(msg, err);
	if (rc == 0)
		rc = ctl_xfrm_refuse_foreign(msg, err);
	if (rc == 0 && id->index == 0)
		rc = ctl_xfrm_get_selector(&id->sel, id->sel.family ? id->sel.family : AF_INET, &config->sel, err);
	config->index = id->index;
	config->dir = id->dir;
	config->vnet_id = ctl_xfrm_get_u32(msg, XFRMA_IF_ID);
	return rc;
}

/* A request names a policy by index or by selector; the event of a deletion carries the whole policy. */
int
ctl_xfrm_get_policy_id(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_userpolicy_id id;

	if (!msg->request && msg->at[XFRMA_POLICY]) {
		struct xfrm_userpolicy_info info;

		ctl_attr_copy(&info, msg->at[XFRMA_POLICY], sizeof(info));
		return get_info(msg, &info, out, err);
	}
	memcpy(&id, msg->body, sizeof(id));
	return get_id(msg, &id, out, err);
}

int
ctl_xfrm_get_policy_expire(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_user_polexpire expire;

	memcpy(&expire, msg->body, sizeof(expire));
	out->policy.hard = expire.hard != 0;
	if (!msg->request)
		return get_info(msg, &expire.pol, out, err);
	const struct xfrm_userpolicy_id id = {.sel = expire.pol.sel, .index = expire.pol.index, .dir = expire.pol.dir};
	return get_id(msg, &id, out, err);
}

int
ctl_xfrm_get_flush_policy(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	(void)out;
	return ctl_xfrm_get_policy_type(msg, err);
}

int
ctl_xfrm_get_acquire(const struct ctl_xfrm_msg *msg, struct ctl_xfrm *out, struct sadb_error *err)
{
	struct xfrm_user_acquire acquire;
	struct sadb_selector sel;

	memcpy(&acquire, msg->body, sizeof(acquire));
	int rc = get_info(msg, &acquire.policy, out, err);
	if (rc == 0)
		rc = ctl_xfrm_get_selector(&acquire.sel, acquire.sel.family, &sel, err);
	if (rc)
		return rc;
	struct sadb_policy_config policy = out->policy.config;
	out->acquire.policy = policy;
	out->acquire.flow = (struct sadb_flow){.src = sel.src.addr,
					       .dst = sel.dst.addr,
					       .sport_be = sel.sport_be,
					       .dport_be = sel.dport_be,
					       .proto = sel.proto};
	out->acquire.seq = acquire.seq;
	return 0;
}
