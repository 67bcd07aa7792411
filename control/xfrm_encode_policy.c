/* SPDX-License-Identifier: BSD-3-Clause
 * Encoding of policy messages. Pure. */
#include "control/xfrm_impl.h"

static void
fill_info(struct xfrm_userpolicy_info *info, const struct sadb_policy_config *config)
{
	memset(info, 0, sizeof(*info));
	ctl_xfrm_put_selector(&info->sel, &config->sel);
	info->lft = ctl_xfrm_put_lifetime(&config->life);
	info->priority = config->priority;
	info->index = config->index;
	info->dir = config->dir;
	info->action = config->action == SADB_DROP ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
}

static void
put_policy_attrs(struct ctl_put *put, const struct sadb_policy_config *config)
{
	if (config->action == SADB_PROTECT) {
		const struct sadb_template *from = &config->tmpl;
		struct xfrm_user_tmpl tmpl;

		memset(&tmpl, 0, sizeof(tmpl));
		ctl_xfrm_put_addr(&tmpl.saddr, &from->src);
		ctl_xfrm_put_addr(&tmpl.id.daddr, &from->dst);
		tmpl.id.spi = from->spi_be;
		tmpl.id.proto = from->proto;
		tmpl.family = from->dst.family ? from->dst.family : config->sel.dst.addr.family;
		tmpl.reqid = from->reqid;
		tmpl.mode = from->mode;
		tmpl.aalgos = tmpl.ealgos = tmpl.calgos = UINT32_MAX; /* any that the SA has */
		ctl_put_attr(put, XFRMA_TMPL, &tmpl, sizeof(tmpl));
	}
	ctl_xfrm_put_if_id(put, config->vnet_id);
}

size_t
ctl_xfrm_encode_policy(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_policy_info *info)
{
	struct xfrm_userpolicy_info wire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(wire));

	if (!body)
		return 0;
	fill_info(&wire, &info->config);
	wire.curlft.add_time = info->add_time_s;
	wire.curlft.use_time = info->use_time_s;
	memcpy(body, &wire, sizeof(wire));
	put_policy_attrs(&put, &info->config);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_policy_expire(void *buf, size_t size, const struct nlmsghdr *header,
			      const struct sadb_policy_info *info, int hard)
{
	struct xfrm_user_polexpire wire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(wire));

	if (!body)
		return 0;
	memset(&wire, 0, sizeof(wire));
	fill_info(&wire.pol, &info->config);
	wire.pol.curlft.add_time = info->add_time_s;
	wire.pol.curlft.use_time = info->use_time_s;
	wire.hard = hard != 0;
	memcpy(body, &wire, sizeof(wire));
	put_policy_attrs(&put, &info->config);
	return ctl_put_end(&put);
}

static struct xfrm_userpolicy_id
policy_id(const struct sadb_policy_config *which)
{
	struct xfrm_userpolicy_id id;

	memset(&id, 0, sizeof(id));
	ctl_xfrm_put_selector(&id.sel, &which->sel);
	id.index = which->index;
	id.dir = which->dir;
	return id;
}

size_t
ctl_xfrm_encode_policy_id(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_policy_config *which)
{
	struct xfrm_userpolicy_id id = policy_id(which);
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(id));

	if (!body)
		return 0;
	memcpy(body, &id, sizeof(id));
	ctl_xfrm_put_if_id(&put, which->vnet_id);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_policy_deleted(void *buf, size_t size, const struct nlmsghdr *header,
			       const struct sadb_policy_info *info)
{
	struct xfrm_userpolicy_id id = policy_id(&info->config);
	struct xfrm_userpolicy_info wire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(id));

	if (!body)
		return 0;
	memcpy(body, &id, sizeof(id));
	fill_info(&wire, &info->config);
	wire.curlft.add_time = info->add_time_s;
	wire.curlft.use_time = info->use_time_s;
	ctl_put_attr(&put, XFRMA_POLICY, &wire, sizeof(wire));
	put_policy_attrs(&put, &info->config);
	return ctl_put_end(&put);
}

size_t
ctl_xfrm_encode_flush_policy(void *buf, size_t size, const struct nlmsghdr *header)
{
	struct ctl_put put;

	return ctl_put_start(&put, buf, size, header, 0) ? ctl_put_end(&put) : 0;
}

/* Of a prefix, the single address of the packet that asked. */
static void
fill_flow(struct xfrm_selector *sel, const struct sadb_flow *flow)
{
	memset(sel, 0, sizeof(*sel));
	ctl_xfrm_put_addr(&sel->saddr, &flow->src);
	ctl_xfrm_put_addr(&sel->daddr, &flow->dst);
	sel->family = flow->src.family;
	sel->prefixlen_s = sel->prefixlen_d = flow->src.family == AF_INET6 ? 128 : 32;
	sel->proto = flow->proto;
	sel->sport = flow->sport_be;
	sel->dport = flow->dport_be;
	sel->sport_mask = flow->sport_be ? UINT16_MAX : 0;
	sel->dport_mask = flow->dport_be ? UINT16_MAX : 0;
}

size_t
ctl_xfrm_encode_acquire(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_policy_config *policy,
			const struct sadb_flow *flow, uint32_t seq)
{
	struct xfrm_user_acquire acquire;
	struct ctl_put put;
	void *body = ctl_put_start(&put, buf, size, header, sizeof(acquire));

	if (!body)
		return 0;
	memset(&acquire, 0, sizeof(acquire));
	ctl_xfrm_put_addr(&acquire.id.daddr, &policy->tmpl.dst);
	ctl_xfrm_put_addr(&acquire.saddr, &policy->tmpl.src);
	acquire.id.spi = policy->tmpl.spi_be;
	acquire.id.proto = policy->tmpl.proto;
	fill_flow(&acquire.sel, flow);
	fill_info(&acquire.policy, policy);
	acquire.aalgos = acquire.ealgos = acquire.calgos = UINT32_MAX;
	acquire.seq = seq;
	memcpy(body, &acquire, sizeof(acquire));
	put_policy_attrs(&put, policy);
	return ctl_put_end(&put);
}
