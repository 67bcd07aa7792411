/* SPDX-License-Identifier: BSD-3-Clause
 * The plain list of policies: see spd_oracle.h. */
#include "tests/unit/sa-db/spd_oracle.h"

#include <arpa/inet.h>

static unsigned
below(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) % n;
}

#define PICK(seed, array) ((array)[below(seed, sizeof(array) / sizeof((array)[0]))])

/* ---- draws ---- */

static uint32_t
draw_addr(unsigned *seed)
{
	static const uint32_t centre[] = {0, 0x0a010203, 0x0a0102ff, 0x0a020000, 0x80000000, UINT32_MAX};
	uint32_t addr = PICK(seed, centre);
	switch (below(seed, 3)) {
	case 0:
		return addr;
	case 1:
		return addr ^ 1u << below(seed, 32);
	default:
		return addr + below(seed, 64);
	}
}

static struct sadb_prefix
draw_prefix(enum oracle_taste taste, unsigned *seed)
{
	static const uint8_t usual[] = {0, 24, 24, 32}, mixed[] = {0, 0, 1, 8, 15, 16, 24, 31, 32};
	struct sadb_prefix prefix = {.addr = sadb_addr_v4(htonl(draw_addr(seed)))};
	if (taste == ORACLE_GATEWAY)
		prefix.addr = sadb_addr_v4(htonl(0x0a010000 + below(seed, 1024)));
	prefix.len = taste == ORACLE_GATEWAY  ? PICK(seed, usual)
		     : taste == ORACLE_NESTED ? (uint8_t)below(seed, 33)
					      : PICK(seed, mixed);
	/* Any address is also said without a family. */
	if (below(seed, 12) == 0)
		prefix = (struct sadb_prefix){.len = 0};
	return prefix;
}

struct sadb_policy_config
oracle_policy(enum oracle_taste taste, unsigned *seed)
{
	static const uint8_t protos[] = {0, 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const uint16_t ports[] = {0, 22, 53, 0x1600, UINT16_MAX},
			      masks[] = {UINT16_MAX, UINT16_MAX, 0xff00, 0x8001};
	bool with_ports = below(seed, taste == ORACLE_PORTS ? 5 : 20) < 4;
	struct sadb_policy_config config = rig_policy("0.0.0.0/0", below(seed, 6), 0);
	config.sel = (struct sadb_selector){.src = draw_prefix(taste, seed), .dst = draw_prefix(taste, seed)};
	if (taste != ORACLE_GATEWAY || below(seed, 10) == 0)
		config.sel.proto = PICK(seed, protos);
	if (with_ports && below(seed, 2)) {
		config.sel.sport_be = htons(PICK(seed, ports));
		config.sel.sport_mask_be = htons(PICK(seed, masks));
	}
	if (with_ports) {
		config.sel.dport_be = htons(taste == ORACLE_PORTS ? (uint16_t)below(seed, 300) : PICK(seed, ports));
		config.sel.dport_mask_be = htons(PICK(seed, masks));
	}
	return config;
}

static uint32_t
draw_in(const struct sadb_prefix *prefix, unsigned *seed)
{
	uint32_t addr, host = prefix->len == 32 ? 0 : UINT32_MAX >> prefix->len;
	memcpy(&addr, prefix->addr.bytes, sizeof(addr));
	return htonl((ntohl(addr) & ~host) | (((uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed)) & host));
}

struct sadb_flow_v4
oracle_flow(const struct oracle *oracle, unsigned *seed)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE};
	static const uint16_t ports[] = {0, 22, 53, 54, 0x1600, 0x16ff, 0x8001, UINT16_MAX};
	struct sadb_flow_v4 flow = {
	    .src_be = htonl(draw_addr(seed)),
	    .dst_be = htonl(draw_addr(seed)),
	    .sport_be = htons(PICK(seed, ports)),
	    .dport_be = htons(PICK(seed, ports)),
	    .proto = PICK(seed, protos),
	    .later_fragment = (uint8_t)below(seed, 2), /* is no part of what is compared */
	};
	if (oracle->n == 0 || below(seed, 4) == 0)
		return flow;
	const struct sadb_selector *sel = &oracle->rule[below(seed, oracle->n)].config.sel;
	if (sel->src.addr.family == AF_INET6)
		return flow;
	flow.src_be = draw_in(&sel->src, seed);
	flow.dst_be = draw_in(&sel->dst, seed);
	if (below(seed, 8) == 0)
		return flow;
	flow.proto = sel->proto != 0 ? sel->proto : flow.proto;
	flow.sport_be = (rte_be16_t)((flow.sport_be & ~sel->sport_mask_be) | (sel->sport_be & sel->sport_mask_be));
	flow.dport_be = (rte_be16_t)((flow.dport_be & ~sel->dport_mask_be) | (sel->dport_be & sel->dport_mask_be));
	return flow;
}

/* ---- images in IPv6 ---- */

/* A byte of the IPv4 address every four bytes, and between them what is the same in all: what the tables decide of images
 * is what they decide of the IPv4 that is imaged, with bits that count in every word. */
static void
image_addr(const uint8_t v4[4], uint8_t v6[16])
{
	for (unsigned i = 0; i < 16; i++)
		v6[i] = i % 4 == 0 ? v4[i / 4] : (uint8_t)(0x5a + i);
}

static struct sadb_prefix
image_prefix(const struct sadb_prefix *prefix)
{
	struct sadb_prefix image = {.len = (uint8_t)(prefix->len / 8 * 32 + prefix->len % 8)};
	if (prefix->addr.family == AF_UNSPEC)
		return image;
	image.addr.family = AF_INET6;
	image_addr(prefix->addr.bytes, image.addr.bytes);
	return image;
}

static struct sadb_flow_v6
image_flow(const struct sadb_flow_v4 *flow)
{
	struct sadb_flow_v6 image = {.sport_be = flow->sport_be, .dport_be = flow->dport_be, .proto = flow->proto};
	image_addr((const uint8_t *)&flow->src_be, image.src);
	image_addr((const uint8_t *)&flow->dst_be, image.dst);
	return image;
}

/* What is of the other family stays so: it is never found. */
static struct sadb_policy_config
in_database(const struct oracle *oracle, struct sadb_policy_config config)
{
	if (!oracle->v6)
		return config;
	if (config.sel.src.addr.family == AF_INET6) {
		config.sel.src = config.sel.dst = rig_prefix("10.0.0.0/8");
		return config;
	}
	config.sel.src = image_prefix(&config.sel.src);
	config.sel.dst = image_prefix(&config.sel.dst);
	return config;
}

/* ---- the list ---- */

static int
find_like(const struct oracle *oracle, const struct sadb_policy_config *like)
{
	for (unsigned i = 0; i < oracle->n; i++)
		if (sadb_selector_equal(&oracle->rule[i].config.sel, &like->sel))
			return (int)i;
	return -1;
}

/* What was there with this selector goes. */
static void
put(struct oracle *oracle, struct sadb *db, struct sadb_policy_config config)
{
	int old = find_like(oracle, &config);
	struct oracle_rule rule = {.age = ++oracle->age};
	config.index = 0;
	config.tmpl.reqid = ++oracle->reqid;
	rule.config = config;
	if (old >= 0 && oracle->rule[old].config.priority == config.priority)
		rule.age = oracle->rule[old].age;
	if (old >= 0)
		oracle->rule[old] = oracle->rule[--oracle->n];
	assert_true(oracle->n < ORACLE_MAX);
	oracle->rule[oracle->n++] = rule;
	config = in_database(oracle, config);
	assert_int_equal(sadb_policy_add(db, &config, old >= 0, &rig_err), 0);
}

static void
change_one(struct oracle *oracle, struct sadb *db, enum oracle_taste taste, unsigned *seed)
{
	unsigned kind = oracle->n < ORACLE_MAX * 3 / 4 ? below(seed, 10) : 9;
	if (oracle->n == 0 || kind < 5) {
		struct sadb_policy_config config = oracle_policy(taste, seed);
		if (oracle->both && below(seed, 40) == 0)
			config.sel.src = config.sel.dst =
			    rig_prefix("2001:db8::/32"); /* matches nothing that is looked up */
		/* Without a family at either end it is one of IPv4 packets. */
		if (oracle->v6 && config.sel.src.addr.family == AF_UNSPEC)
			config.sel.src = rig_prefix("0.0.0.0/0");
		put(oracle, db, config);
		return;
	}
	unsigned i = below(seed, oracle->n);
	struct sadb_policy_config config = oracle->rule[i].config;
	if (kind < 7) { /* as a rekey does */
		put(oracle, db, config);
		return;
	}
	if (kind == 7) {
		config.priority = below(seed, 6);
		put(oracle, db, config);
		return;
	}
	oracle->rule[i] = oracle->rule[--oracle->n];
	const struct sadb_policy_config which = in_database(oracle, config);
	assert_int_equal(sadb_policy_del(db, &which, NULL, &rig_err), 0);
	if (kind == 8) /* and at once again, as the youngest */
		put(oracle, db, config);
}

void
oracle_change(struct oracle *oracle, struct sadb *db, enum oracle_taste taste, unsigned *seed)
{
	unsigned changes = below(seed, 3) == 0 ? 1 : below(seed, 50);
	while (changes-- > 0)
		change_one(oracle, db, taste, seed);
}

/* ---- the search ---- */

static bool
in_prefix(const struct sadb_prefix *prefix, uint32_t addr_be)
{
	uint32_t addr;
	memcpy(&addr, prefix->addr.bytes, sizeof(addr));
	return (uint64_t)(ntohl(addr) ^ ntohl(addr_be)) >> (32 - prefix->len) == 0;
}

static bool
hosts_match(const struct sadb_selector *sel, const struct sadb_flow_v4 *flow)
{
	return sel->src.addr.family != AF_INET6 && in_prefix(&sel->src, flow->src_be) &&
	       in_prefix(&sel->dst, flow->dst_be) && (sel->proto == 0 || sel->proto == flow->proto);
}

static bool
ports_match(const struct sadb_selector *sel, const struct sadb_flow_v4 *flow)
{
	return (sel->sport_be & sel->sport_mask_be) == (flow->sport_be & sel->sport_mask_be) &&
	       (sel->dport_be & sel->dport_mask_be) == (flow->dport_be & sel->dport_mask_be);
}

static const struct sadb_policy_config *
search(const struct oracle *oracle, const struct sadb_flow_v4 *flow, bool ports)
{
	const struct oracle_rule *best = NULL;
	for (unsigned i = 0; i < oracle->n; i++) {
		const struct oracle_rule *rule = &oracle->rule[i];
		if (!hosts_match(&rule->config.sel, flow) || (ports && !ports_match(&rule->config.sel, flow)))
			continue;
		if (best == NULL || rule->config.priority < best->config.priority ||
		    (rule->config.priority == best->config.priority && rule->age < best->age))
			best = rule;
	}
	return best == NULL ? NULL : &best->config;
}

uint32_t
oracle_search(const struct oracle *oracle, const struct sadb_flow_v4 *flow)
{
	const struct sadb_policy_config *best = search(oracle, flow, true);
	return best == NULL ? 0 : best->tmpl.reqid;
}

uint32_t
oracle_search_fragment(const struct oracle *oracle, const struct sadb_flow_v4 *flow, bool *blocked)
{
	const struct sadb_policy_config *best = search(oracle, flow, false);
	*blocked = best != NULL && (best->sel.sport_mask_be != 0 || best->sel.dport_mask_be != 0);
	return best == NULL || *blocked ? 0 : best->tmpl.reqid;
}

static unsigned
check_v6(const struct oracle *oracle, struct sadb *db, unsigned flows, unsigned *seed)
{
	const struct sadb_spd *spd = sadb_vnet_spd_v6(sadb_vnet_find(db, 1), SADB_POLICY_OUT);
	unsigned hits = 0;

	for (unsigned i = 0; i < flows; i++) {
		const struct sadb_flow_v4 flow = oracle_flow(oracle, seed);
		struct sadb_flow_v6 image = image_flow(&flow);
		bool blocked = true, is_blocked;
		const struct sadb_policy *found = sadb_spd_lookup_v6(spd, &image, &blocked);
		assert_false(blocked);
		assert_int_equal(found == NULL ? 0 : found->tmpl.reqid, oracle_search(oracle, &flow));
		hits += found != NULL;
		image.later_fragment = 1;
		found = sadb_spd_lookup_v6(spd, &image, &blocked);
		assert_int_equal(found == NULL ? 0 : found->tmpl.reqid,
				 oracle_search_fragment(oracle, &flow, &is_blocked));
		assert_int_equal(blocked, is_blocked);
		hits += blocked;
	}
	return hits;
}

unsigned
oracle_check(const struct oracle *oracle, struct sadb *db, unsigned flows, unsigned *seed)
{
	const struct sadb_spd *spd = sadb_vnet_spd(sadb_vnet_find(db, 1), SADB_POLICY_OUT);
	struct sadb_flow_v4 flow[64];
	const struct sadb_flow_v4 *list[64];
	struct sadb_policy *found[64];
	unsigned hits = 0;

	if (oracle->v6)
		return check_v6(oracle, db, flows, seed);
	for (unsigned done = 0; done < flows;) {
		unsigned n = 1 + below(seed, 64);
		for (unsigned i = 0; i < n; i++) {
			flow[i] = oracle_flow(oracle, seed);
			list[i] = &flow[i];
			found[i] = (struct sadb_policy *)(uintptr_t)1; /* every one is to be written */
		}
		sadb_spd_lookup(spd, list, n, found);
		for (unsigned i = 0; i < n; i++) {
			bool blocked = true, is_blocked;
			const struct sadb_policy *fragment = sadb_spd_lookup_fragment(spd, &flow[i], &blocked);
			assert_int_equal(found[i] == NULL ? 0 : found[i]->tmpl.reqid, oracle_search(oracle, &flow[i]));
			assert_int_equal(fragment == NULL ? 0 : fragment->tmpl.reqid,
					 oracle_search_fragment(oracle, &flow[i], &is_blocked));
			assert_int_equal(blocked, is_blocked);
			hits += (found[i] != NULL) + blocked;
		}
		done += n;
	}
	return hits;
}
