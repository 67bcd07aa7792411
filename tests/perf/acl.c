/* SPDX-License-Identifier: BSD-3-Clause
 * The comparison: see acl.h. */
#include "tests/perf/acl.h"

#include <rte_acl.h>

enum { FIELD_PROTO, FIELD_SRC, FIELD_DST, FIELD_SPORT, FIELD_DPORT, FIELDS };

RTE_ACL_RULE_DEF(perf_rule, FIELDS);

/* The library reads one byte first, then four at a time: both ports together. */
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
prefix_value(const struct sadb_prefix *prefix)
{
	uint32_t mask = prefix->len == 0 ? 0 : UINT32_MAX << (32 - prefix->len);
	return rte_be_to_cpu_32(sadb_addr_to_v4(&prefix->addr)) & mask;
}

/* The library takes values in host order and packets in network order. */
static struct perf_rule
make_rule(const struct sadb_selector *sel, unsigned rank)
{
	struct perf_rule rule = {.data = {.category_mask = 1,
					  .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - rank),
					  .userdata = rank + 1}}; /* 0 is "no match" */
	rule.field[FIELD_PROTO].value.u8 = sel->proto;
	rule.field[FIELD_PROTO].mask_range.u8 = sel->proto != 0 ? 0xff : 0;
	rule.field[FIELD_SRC].value.u32 = prefix_value(&sel->src);
	rule.field[FIELD_SRC].mask_range.u32 = sel->src.len;
	rule.field[FIELD_DST].value.u32 = prefix_value(&sel->dst);
	rule.field[FIELD_DST].mask_range.u32 = sel->dst.len;
	rule.field[FIELD_SPORT].value.u16 = rte_be_to_cpu_16(sel->sport_be & sel->sport_mask_be);
	rule.field[FIELD_SPORT].mask_range.u16 = rte_be_to_cpu_16(sel->sport_mask_be);
	rule.field[FIELD_DPORT].value.u16 = rte_be_to_cpu_16(sel->dport_be & sel->dport_mask_be);
	rule.field[FIELD_DPORT].mask_range.u16 = rte_be_to_cpu_16(sel->dport_mask_be);
	return rule;
}

struct rte_acl_ctx *
perf_acl_create(const struct sadb_policy_config policy[], unsigned n)
{
	const struct rte_acl_param param = {
	    .name = "perf",
	    .socket_id = SOCKET_ID_ANY,
	    .rule_size = RTE_ACL_RULE_SZ(FIELDS),
	    .max_rule_num = n,
	};
	struct rte_acl_ctx *acl = rte_acl_create(&param);
	if (acl == NULL)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		struct perf_rule rule = make_rule(&policy[i].sel, i);
		if (rte_acl_add_rules(acl, (const struct rte_acl_rule *)(void *)&rule, 1) != 0)
			goto fail;
	}
	if (rte_acl_build(acl, &acl_config) == 0)
		return acl;
fail:
	rte_acl_free(acl);
	return NULL;
}
