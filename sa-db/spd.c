/* SPDX-License-Identifier: BSD-3-Clause
 * One published table of policies: DPDK's ACL library finds the rank of the first match, an array says which policy has
 * it. Built by the control thread; any worker looks up.
 *
 * The table does not change but for one thing: a policy replaced by another with the same selector and priority, as at
 * every rekey, takes its place in the array by one release store. The ACL build is only for changes of the order. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_acl.h>

#define LOOKUP_MAX 64

enum { FIELD_PROTO, FIELD_SRC, FIELD_DST, FIELD_SPORT, FIELD_DPORT, FIELDS };

RTE_ACL_RULE_DEF(spd_rule, FIELDS);

/* Addresses and protocol only, for the scan on behalf of fragments. Network order. */
struct spd_match {
	rte_be32_t src, src_mask, dst, dst_mask;
	uint8_t proto;
	bool ports;
};

struct sadb_spd {
	struct rte_acl_ctx *acl;
	unsigned n;
	struct spd_match *match;      /* by rank */
	struct sadb_policy *policy[]; /* by rank; each published */
};

/* Both ports share the last four bytes, as the library reads four at a time after the first. */
static const struct rte_acl_config acl_config = {
    .num_categories = 1,
    .num_fields = FIELDS,
    .defs =
	{
	    {RTE_ACL_FIELD_TYPE_BITMASK, 1, FIELD_PROTO, 0, offsetof(struct sadb_flow_v4, proto)},
	    {RTE_ACL_FIELD_TYPE_MASK, 4, FIELD_SRC, 1, offsetof(struct sadb_flow_v4, src_be)},
	    {RTE_ACL_FIELD_TYPE_MASK, 4, FIELD_DST, 2, offsetof(struct sadb_flow_v4, dst_be)},
	    {RTE_ACL_FIELD_TYPE_BITMASK, 2, FIELD_SPORT, 3, offsetof(struct sadb_flow_v4, sport_be)},
	    {RTE_ACL_FIELD_TYPE_BITMASK, 2, FIELD_DPORT, 3, offsetof(struct sadb_flow_v4, dport_be)},
	},
};

static uint32_t
host_mask(uint8_t len)
{
	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

/* The library takes values in host order and packets in network order. */
static struct spd_rule
make_rule(const struct sadb_selector *sel, unsigned rank)
{
	struct spd_rule rule = {.data = {.category_mask = 1,
					 .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - rank),
					 .userdata = rank + 1}}; /* 0 is "no match" */
	rule.field[FIELD_PROTO].value.u8 = sel->proto;
	rule.field[FIELD_PROTO].mask_range.u8 = sel->proto != 0 ? 0xff : 0;
	rule.field[FIELD_SRC].value.u32 = rte_be_to_cpu_32(sadb_addr_to_v4(&sel->src.addr)) & host_mask(sel->src.len);
	rule.field[FIELD_SRC].mask_range.u32 = sel->src.len;
	rule.field[FIELD_DST].value.u32 = rte_be_to_cpu_32(sadb_addr_to_v4(&sel->dst.addr)) & host_mask(sel->dst.len);
	rule.field[FIELD_DST].mask_range.u32 = sel->dst.len;
	rule.field[FIELD_SPORT].value.u16 = rte_be_to_cpu_16(sel->sport_be & sel->sport_mask_be);
	rule.field[FIELD_SPORT].mask_range.u16 = rte_be_to_cpu_16(sel->sport_mask_be);
	rule.field[FIELD_DPORT].value.u16 = rte_be_to_cpu_16(sel->dport_be & sel->dport_mask_be);
	rule.field[FIELD_DPORT].mask_range.u16 = rte_be_to_cpu_16(sel->dport_mask_be);
	return rule;
}

static struct spd_match
make_match(const struct sadb_selector *sel)
{
	struct spd_match match = {
	    .src_mask = rte_cpu_to_be_32(host_mask(sel->src.len)),
	    .dst_mask = rte_cpu_to_be_32(host_mask(sel->dst.len)),
	    .proto = sel->proto,
	    .ports = sel->sport_mask_be != 0 || sel->dport_mask_be != 0,
	};
	match.src = sadb_addr_to_v4(&sel->src.addr) & match.src_mask;
	match.dst = sadb_addr_to_v4(&sel->dst.addr) & match.dst_mask;
	return match;
}

static struct rte_acl_ctx *
acl_create(unsigned n)
{
	static unsigned serial; /* the library wants a name that no other table has */
	char name[RTE_ACL_NAMESIZE];
	snprintf(name, sizeof(name), "sadb_spd_%u", serial++);
	const struct rte_acl_param param = {
	    .name = name,
	    .socket_id = SOCKET_ID_ANY,
	    .rule_size = RTE_ACL_RULE_SZ(FIELDS),
	    .max_rule_num = n,
	};
	return rte_acl_create(&param);
}

struct sadb_spd *
sadb_spd_create(struct sadb_rule *const rules[], unsigned n)
{
	int rc = -ENOMEM;
	struct sadb_spd *spd = calloc(1, sizeof(*spd) + n * sizeof(spd->policy[0]));
	if (spd == NULL)
		return NULL;
	spd->match = calloc(n, sizeof(*spd->match));
	spd->acl = acl_create(n);
	if (spd->match == NULL || spd->acl == NULL)
		goto fail;
	spd->n = n;
	for (unsigned rank = 0; rank < n; rank++) {
		const struct sadb_selector *sel = &rules[rank]->config.sel;
		struct spd_rule rule = make_rule(sel, rank);
		rc = rte_acl_add_rules(spd->acl, (const struct rte_acl_rule *)(void *)&rule, 1);
		if (rc != 0)
			goto fail;
		spd->match[rank] = make_match(sel);
		spd->policy[rank] = &rules[rank]->hot;
	}
	rc = rte_acl_build(spd->acl, &acl_config);
	if (rc != 0)
		goto fail;
	return spd;

fail:
	sadb_spd_destroy(spd);
	errno = -rc;
	return NULL;
}

void
sadb_spd_destroy(void *p)
{
	struct sadb_spd *spd = p;
	if (spd == NULL)
		return;
	rte_acl_free(spd->acl);
	free(spd->match);
	free(spd);
}

void
sadb_spd_replace(struct sadb_spd *spd, struct sadb_rule *heir)
{
	/* Release pairs with the acquires in the lookups: the new policy is complete. */
	__atomic_store_n(&spd->policy[heir->rank], &heir->hot, __ATOMIC_RELEASE);
}

void
sadb_spd_lookup(const struct sadb_spd *spd, const struct sadb_flow_v4 *const flow[], unsigned n,
		struct sadb_policy *out[])
{
	uint32_t rank[LOOKUP_MAX];

	if (spd == NULL) {
		for (unsigned i = 0; i < n; i++)
			out[i] = NULL;
		return;
	}
	/* Cannot fail: one category, and the table was built. */
	rte_acl_classify(spd->acl, (const uint8_t **)(uintptr_t)flow, rank, n, 1);
	for (unsigned i = 0; i < n; i++) /* acquire pairs with the release in sadb_spd_replace() */
		out[i] = rank[i] == 0 ? NULL : __atomic_load_n(&spd->policy[rank[i] - 1], __ATOMIC_ACQUIRE);
}

struct sadb_policy *
sadb_spd_lookup_fragment(const struct sadb_spd *spd, const struct sadb_flow_v4 *flow, bool *blocked)
{
	*blocked = false;
	for (unsigned rank = 0; spd != NULL && rank < spd->n; rank++) {
		const struct spd_match *match = &spd->match[rank];
		if ((flow->src_be & match->src_mask) != match->src || (flow->dst_be & match->dst_mask) != match->dst ||
		    (match->proto != 0 && match->proto != flow->proto))
			continue;
		*blocked = match->ports;
		/* Acquire pairs with the release in sadb_spd_replace(). */
		return match->ports ? NULL : __atomic_load_n(&spd->policy[rank], __ATOMIC_ACQUIRE);
	}
	return NULL;
}

/* A packet that came in the clear needs a bypass; one that came through an SA needs a policy that asked for this SA. */
bool
sadb_policy_permits(const struct sadb_policy *policy, const struct sadb_sa *sa)
{
	const struct sadb_template *tmpl = &policy->tmpl;
	if (sa == NULL)
		return policy->action == SADB_BYPASS;
	return policy->action == SADB_PROTECT && (tmpl->spi_be == 0 || tmpl->spi_be == sa->spi_be) &&
	       (tmpl->reqid == 0 || tmpl->reqid == sa->reqid) &&
	       (sadb_addr_is_any(&tmpl->src) || sadb_addr_to_v4(&tmpl->src) == sa->src_v4_be) &&
	       (sadb_addr_is_any(&tmpl->dst) || sadb_addr_to_v4(&tmpl->dst) == sa->dst_v4_be);
}
