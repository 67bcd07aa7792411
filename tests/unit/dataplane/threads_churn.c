/* SPDX-License-Identifier: BSD-3-Clause
 * What changes and is read in a gateway beside its keys; see the header. Control thread. */
#include "tests/unit/dataplane/threads_churn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <linux/xfrm.h>

#define MORE_POLICIES 24u
#define THINGS        10u /* of churn() */

/* SAs and a policy that no packet has to do with, but that stand in the tables where packets look. */
#define PASSING      ((enum rig_tunnel)RIG_TUNNELS)
#define PASSING_PEER 0x0a090010u /* 10.9.0.16, and the next one */
#define PASSING_NET  0x0a050000u

static const uint8_t far_mac[6] = {0x02, 0, 0, 0, 0, 0x99};

static struct sadb_addr
v4(uint32_t addr)
{
	return sadb_addr_v4(rte_cpu_to_be_32(addr));
}

static struct sadb_prefix
net24(uint32_t addr)
{
	return (struct sadb_prefix){.addr = v4(addr & 0xffffff00), .len = 24};
}

/* ---- routes and neighbours ---- */
static void
routes(struct control *control, unsigned turn)
{
	struct rig *rig = control->rig;
	struct sadb_route route[3] = {{.kind = SADB_ROUTE_LOCAL}, {.kind = SADB_ROUTE_UNICAST}};

	for (enum rig_port port = 0; port < RIG_PORTS; port++) {
		const uint32_t own = port == RIG_WAN ? GW_WAN : GW_LAN;
		route[0].dst = (struct sadb_prefix){v4(own), 32};
		route[1].dst = net24(own);
		/* One more that nobody goes, longer or shorter. */
		route[2] = (struct sadb_route){.dst = {v4(own + 0x100), (uint8_t)(24 + turn % 9)},
					       .kind = SADB_ROUTE_BLACKHOLE};
		sadb_prefix_trim(&route[2].dst);
		route[0].port = route[1].port = route[2].port = (uint16_t)port;
		struct sadb_vnet *vnet = port == RIG_WAN ? sadb_underlay(rig->db) : rig->vnet[port - RIG_BLUE];
		sadb_vnet_fib_set(rig->db, vnet, sadb_fib_create(route, 2 + turn % 2));
	}
}

void
churn_neighbours(struct control *control)
{
	struct sadb_neigh neigh[5] = {
	    {.addr_v4_be = rte_cpu_to_be_32(GW_PEER), .port = RIG_WAN},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = RIG_BLUE},
	    {.addr_v4_be = rte_cpu_to_be_32(GW_HOST), .port = RIG_RED},
	    {.addr_v4_be = rte_cpu_to_be_32(RIG_RARE), .port = RIG_BLUE},
	    {.addr_v4_be = rte_cpu_to_be_32(RIG_RARE), .port = RIG_RED},
	};
	struct sadb_neigh_table *before = sadb_neighs(control->rig->db), *table;

	for (unsigned i = 0; i < 5; i++) {
		memcpy(neigh[i].mac, far_mac, sizeof(far_mac));
		const struct sadb_neigh *old =
		    before != NULL ? sadb_neigh_lookup(before, neigh[i].port, neigh[i].addr_v4_be) : NULL;
		neigh[i].used = old != NULL && __atomic_load_n(&old->used, __ATOMIC_RELAXED); /* as it is refreshed */
	}
	table = sadb_neigh_table_create(neigh, control->rare_known ? 5 : 3);
	assert_non_null(table);
	sadb_neighs_set(control->rig->db, table);
}

static void
addresses(struct control *control, unsigned turn)
{
	for (enum rig_port port = 0; port < RIG_PORTS; port++) {
		const uint32_t first = port == RIG_WAN ? GW_WAN : GW_LAN;
		struct sadb_addr own[4] = {v4(first), v4(first + 0x100), v4(first + 0x200), {.family = AF_INET6}};
		own[3].bytes[15] = 9;
		assert_int_equal(dp_port_addrs_set(control->rig->dp, (uint16_t)port, own, 1 + turn % 4), 0);
	}
}

/* ---- policies ---- */
static struct sadb_policy_config
policy_of(enum rig_tunnel tunnel, enum sadb_policy_dir dir)
{
	struct sadb_policy_config config = gateway_policy(dir);
	config.vnet_id = tunnel == RIG_TUNNEL_RED ? 2 : 1;
	config.tmpl.reqid = 1 + (uint32_t)tunnel;
	if (tunnel == RIG_TUNNEL_SINK)
		*(dir == SADB_POLICY_OUT ? &config.sel.dst : &config.sel.src) = net24(RIG_SINK);
	return config;
}

static struct sadb_policy_config
passing_policy(void)
{
	struct sadb_policy_config config = gateway_policy(SADB_POLICY_OUT);
	config.sel.dst = net24(PASSING_NET);
	config.tmpl.dst = v4(PASSING_PEER);
	config.tmpl.reqid = 1 + PASSING;
	return config;
}

static void
set_policy(struct control *control, struct sadb_policy_config config)
{
	struct sadb_error err;
	if (sadb_policy_add(control->rig->db, &config, true, &err) < 0)
		fail_msg("%s", err.text);
}

/* Policies that nobody needs come, among them more urgent ones than those in use, with ports and ranges of their own; some
 * end by themselves; those in use are set anew, as IKE daemons do. */
static void
policies(struct control *control, unsigned turn)
{
	struct sadb_policy_config config =
	    policy_of(turn & 1 ? RIG_TUNNEL_RED : RIG_TUNNEL_BLUE, (enum sadb_policy_dir)(turn % SADB_POLICY_DIRS));
	struct sadb_error err;

	set_policy(control, config);
	config.sel.dst = net24(0x0a040000u + (turn % MORE_POLICIES) * 0x100);
	config.sel.dst.len = (uint8_t)(20 + turn % 12);
	sadb_prefix_trim(&config.sel.dst);
	config.priority = turn % 200;
	config.sel.proto = turn % 5 == 0 ? IPPROTO_UDP : 0;
	if (config.sel.proto != 0) {
		config.sel.dport_be = RTE_BE16(5001);
		config.sel.dport_mask_be = 0xffff;
	}
	config.life.hard_add_s = turn % 7 == 0;
	set_policy(control, config);
	if (turn % 3 == 0 && sadb_policy_count(control->rig->db, config.dir) > 8)
		sadb_policy_del(control->rig->db, &config, NULL, &err); /* -ENOENT: it ended by itself */
	control_commit(control);
}

/* ---- what is read ---- */
/* As XFRM tells it: NEWSA, GETAE. */
static void
dump(struct control *control)
{
	const struct sadb *db = control->rig->db;
	struct sadb_policy_info policy;
	const struct sadb_sa_cold *sa;
	struct sadb_memory memory[SADB_MEMORY_USES];

	for (uint32_t slot = 0; (sa = sadb_sa_at(db, slot)) != NULL; slot = sa->slot + 1) {
		if (sa->larval)
			continue;
		const struct sadb_sa_mut *mut = sa->hot->mut;
		control->narrow += sadb_sa_path_mtu(mut, sadb_now_s()) != 0;
		control->seen += rig_told(&mut->out_seq) + rig_told(&mut->bytes) + rig_told(&mut->last_use_s);
		const uint64_t top = sa->hot->replay != NULL ? sadb_replay_top(sa->hot->replay) : 0;
		for (uint64_t back = 0; back < sa->config.window_packets && back < top; back++)
			control->seen += sadb_replay_seen(sa->hot->replay, top - back);
	}
	for (uint32_t slot = 0; sadb_policy_at(db, &slot, &policy);)
		control->seen += policy.use_time_s;
	sadb_memory_get(db, memory);
}

static void
statistics(struct control *control)
{
	struct dp_worker_stats stats;
	struct dp_port_info info;
	struct dp_memory memory;

	for (unsigned i = 0; i < RIG_WORKERS; i++)
		assert_int_equal(dp_worker_stats_get(control->rig->dp, i, &stats), 0);
	for (uint16_t port = 0; dp_port_get(control->rig->dp, port, &info) == 0; port++)
		assert_false(info.gone);
	dp_memory_get(control->rig->dp, &memory);
	dp_port_poll_link(control->rig->dp);
}

/* ---- what is set of an SA in use ---- */
/* UPDSA with other limits, and NEWAE that says what is so anyway and skips a few numbers. */
static void
update(struct control *control, unsigned turn)
{
	const enum rig_tunnel tunnel = turn & 1 ? RIG_TUNNEL_RED : RIG_TUNNEL_BLUE;
	const bool in = (turn & 2) != 0;
	struct sadb_sa_config config = control_sa(control->rig, tunnel, control->tunnel[tunnel].number, in);
	const struct sadb_sa_key key = sadb_sa_key_make(&config.dst, config.spi_be, IPPROTO_ESP);
	struct sadb *db = control->rig->db;
	struct sadb_error err;
	uint8_t stand_in[SADB_KEY_MAX];

	config.life.hard_bytes = UINT64_C(1) << (40 + turn % 8);
	config.life.hard_use_s = 1000 + turn % 100;
	if (sadb_sa_update(db, &config, &err) < 0)
		fail_msg("%s", err.text);
	control_commit(control);
	const struct sadb_sa_mut *mut = sadb_sa_find(db, &key)->hot->mut;
	const struct sadb_progress progress = {.has_use = true,
					       .bytes = rig_told(&mut->bytes),
					       .packets = rig_told(&mut->packets),
					       .has_out_seq = !in,
					       .out_seq = rig_told(&mut->out_seq) + turn % 3};
	if (sadb_sa_progress(db, &key, &progress, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(sadb_sa_stand_in(db, &key, stand_in), 0);
}

/* ALLOCSPI, the SA that completes it, and its end. */
static void
passing_sa(struct control *control, unsigned turn)
{
	const struct witness_sa sa = rig_sa(PASSING, turn / 3 % RIG_KEYS_MAX, true);
	struct sadb_sa_config config = gateway_sa(&sa, SADB_SA_ESN, 256);
	struct sadb *db = control->rig->db;
	struct sadb_error err;
	int rc;

	config.dir = SADB_DIR_IN;
	config.spi_be = control->passing_spi_be;
	const struct sadb_sa_key key = sadb_sa_key_make(&config.dst, config.spi_be, IPPROTO_ESP);
	if (turn % 3 == 0)
		rc = sadb_spi_alloc(db, &config, 0x40000000, 0x400000ff, &control->passing_spi_be, &err);
	else if (turn % 3 == 1)
		rc = sadb_sa_update(db, &config, &err);
	else
		rc = sadb_sa_del(db, &key, &err);
	if (rc < 0)
		fail_msg("%s", err.text);
	control_commit(control);
}

/* MIGRATE, there and back. */
static void
passing_move(struct control *control, unsigned turn)
{
	struct sadb_migration move = {.old_src = v4(GW_WAN),
				      .new_src = v4(GW_WAN),
				      .old_dst = v4(PASSING_PEER + turn % 2),
				      .new_dst = v4(PASSING_PEER + (turn + 1) % 2),
				      .reqid = 1 + PASSING,
				      .proto = IPPROTO_ESP,
				      .mode = XFRM_MODE_TUNNEL};
	const struct sadb_policy_config which = passing_policy();
	struct sadb_error err;

	if (sadb_migrate(control->rig->db, &which, &move, 1, &err) < 0)
		fail_msg("%s", err.text);
	control_commit(control);
}

static void
passing_start(struct control *control)
{
	struct witness_sa sa = rig_sa(PASSING, 0, false);
	struct sadb_error err;

	sa.dst = PASSING_PEER;
	struct sadb_sa_config config = gateway_sa(&sa, 0, 0);
	config.dir = SADB_DIR_OUT;
	config.reqid = 1 + PASSING;
	if (sadb_sa_add(control->rig->db, &config, &err) < 0)
		fail_msg("%s", err.text);
	set_policy(control, passing_policy());
}

/* A device that is lost and found: ports change under the workers. */
static void
replug(const struct control *control)
{
	struct dp_error err;

	assert_int_equal(dp_port_unplug(control->rig->dp, RIG_PORTS), 0);
	if (dp_port_plug(control->rig->dp, RIG_PORTS, &err) < 0)
		fail_msg("%s", err.text);
}

static void
knobs(struct control *control, unsigned turn)
{
	uint32_t per_s[DP_AUDIT_KINDS];

	for (unsigned kind = 0; kind < DP_AUDIT_KINDS; kind++)
		per_s[kind] = 10 + turn % 1000;
	dp_audit_set(control->rig->dp, per_s);
	assert_int_equal(dp_port_mss_set(control->rig->dp, RIG_BLUE, turn & 8 ? DP_MSS_AUTO : 0), 0);
	sadb_vnet_bypass_set(control->rig->db, control->rig->vnet[1], (turn & 16) != 0);
}

void
churn(struct control *control, unsigned turn)
{
	const unsigned round = turn / THINGS;

	switch (turn % THINGS) {
	case 0:
		routes(control, round);
		break;
	case 1:
		control->rare_known = round % 16 != 0;
		churn_neighbours(control);
		break;
	case 2:
		addresses(control, round);
		break;
	case 3:
		policies(control, round);
		break;
	case 4:
		dump(control);
		break;
	case 5:
		statistics(control);
		break;
	case 6:
		update(control, round);
		break;
	case 7:
		knobs(control, round);
		break;
	case 8:
		passing_sa(control, round);
		passing_move(control, round);
		break;
	case 9:
		replug(control);
		break;
	}
}

void
churn_start(struct control *control)
{
	routes(control, 0);
	churn_neighbours(control);
	for (enum rig_tunnel tunnel = 0; tunnel < RIG_TUNNELS; tunnel++)
		for (enum sadb_policy_dir dir = 0; dir < SADB_POLICY_DIRS; dir++)
			set_policy(control, policy_of(tunnel, dir));
	passing_start(control);
}
