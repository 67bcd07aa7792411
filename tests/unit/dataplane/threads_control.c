/* SPDX-License-Identifier: BSD-3-Clause
 * Keys and events of the control thread's day; what else changes stands in threads_churn.c. Control thread. */
#include "tests/unit/dataplane/threads_control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dataplane/threads_churn.h"
#include "tests/unit/dataplane/udp_rig.h"

#define SOFT_PACKETS 300
#define SINK_PACKETS 20 /* after which its SA is spent */
#define EVENTS       64

/* ---- SAs ---- */
struct sadb_sa_config
control_sa(const struct rig *rig, enum rig_tunnel tunnel, unsigned number, bool in)
{
	const struct witness_sa sa = rig_sa(tunnel, number, in);
	const uint16_t peer = __atomic_load_n(&rig->peer_port, __ATOMIC_RELAXED);
	struct sadb_sa_config config = gateway_sa(&sa, sa.esn ? SADB_SA_ESN : 0, tunnel == RIG_TUNNEL_RED ? 256 : 1024);

	config.dir = in ? SADB_DIR_IN : SADB_DIR_OUT;
	config.reqid = 1 + (uint32_t)tunnel;
	config.vnet_id = tunnel == RIG_TUNNEL_RED ? 2 : 1;
	if (tunnel == RIG_TUNNEL_RED) {
		config.encap_sport_be = rte_cpu_to_be_16(in ? peer : UDP_RIG_NAT_T);
		config.encap_dport_be = rte_cpu_to_be_16(in ? UDP_RIG_NAT_T : peer);
	}
	if (tunnel == RIG_TUNNEL_SINK)
		config.life.hard_packets = SINK_PACKETS;
	else if (!in)
		config.life.soft_packets = SOFT_PACKETS;
	return config;
}

static struct sadb_sa_key
key_of(enum rig_tunnel tunnel, unsigned number, bool in)
{
	const struct witness_sa sa = rig_sa(tunnel, number, in);
	const struct sadb_addr dst = sadb_addr_v4(rte_cpu_to_be_32(sa.dst));
	return sadb_sa_key_make(&dst, rte_cpu_to_be_32(sa.spi), IPPROTO_ESP);
}

static void
add(struct control *control, enum rig_tunnel tunnel, bool in)
{
	const struct sadb_sa_config config = control_sa(control->rig, tunnel, control->tunnel[tunnel].number, in);
	struct sadb_error err;
	if (sadb_sa_add(control->rig->db, &config, &err) < 0)
		fail_msg("%s", err.text);
}

static void
del(struct control *control, enum rig_tunnel tunnel, unsigned number, bool in)
{
	const struct sadb_sa_key key = key_of(tunnel, number, in);
	struct sadb_error err;
	if (sadb_sa_del(control->rig->db, &key, &err) < 0)
		fail_msg("%s", err.text);
}

void
control_commit(struct control *control)
{
	struct sadb_error err;
	if (sadb_commit(control->rig->db, &err) < 0)
		fail_msg("%s", err.text);
}

/* ---- a change of keys ---- */
static uint64_t
grace(struct control *control)
{
	return rte_rcu_qsbr_start(sadb_qsbr(control->rig->db));
}

static bool
over(struct control *control, uint64_t token)
{
	return rte_rcu_qsbr_check(sadb_qsbr(control->rig->db), token, false) == 1;
}

void
control_ask(struct control *control)
{
	__atomic_store_n(&control->rig->asked, ++control->asked, __ATOMIC_RELAXED);
}

bool
control_drained(const struct control *control)
{
	return __atomic_load_n(&control->rig->drained, __ATOMIC_RELAXED) == control->asked;
}

static bool
another_asks(const struct control *control)
{
	return control->tunnel[RIG_TUNNEL_BLUE].step == CONTROL_DRAINING ||
	       control->tunnel[RIG_TUNNEL_RED].step == CONTROL_DRAINING;
}

/* A packet that has been sealed with the old key is opened with the old key, whatever happens meanwhile: none is lost. */
static void
change_keys(struct control *control, enum rig_tunnel which)
{
	struct control_tunnel *tunnel = &control->tunnel[which];

	if (tunnel->step == CONTROL_REST && tunnel->wanted && tunnel->number + 1 < RIG_KEYS_MAX) {
		tunnel->wanted = false;
		tunnel->number++;
		add(control, which, true);
		add(control, which, false);
		control_commit(control);
		tunnel->token = grace(control);
		tunnel->step = CONTROL_SWITCHED;
		control->rekeys++;
	} else if (tunnel->step == CONTROL_SWITCHED && over(control, tunnel->token) && !another_asks(control)) {
		del(control, which, tunnel->number - 1, false);
		control_commit(control);
		control_ask(control);
		tunnel->step = CONTROL_DRAINING;
	} else if (tunnel->step == CONTROL_DRAINING && control_drained(control)) {
		tunnel->token = grace(control);
		tunnel->step = CONTROL_RETIRING;
	} else if (tunnel->step == CONTROL_RETIRING && over(control, tunnel->token)) {
		del(control, which, tunnel->number - 1, true);
		control_commit(control);
		tunnel->step = CONTROL_REST;
	}
}

/* ---- events ---- */
static void
on_expire(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	struct control *control = arg;
	enum rig_tunnel tunnel;
	unsigned number;

	*(kind == SADB_EXPIRE_SOFT ? &control->soft : &control->hard) += 1;
	if (!rig_spi_read(rte_be_to_cpu_32(sa->config.spi_be), &tunnel, &number))
		fail_msg("an SA of nobody's ended");
	if (tunnel != RIG_TUNNEL_SINK && number == control->tunnel[tunnel].number)
		control->tunnel[tunnel].wanted = true;
}

static void
on_policy_expire(void *arg, const struct sadb_policy_info *policy, enum sadb_expire_kind kind)
{
	struct control *control = arg;
	(void)policy;
	control->policies_ended += kind == SADB_EXPIRE_HARD;
}

/* A policy wants an SA: only SINK's has none, each time the last one is spent. */
static void
acquire(struct control *control, const struct dp_event *event)
{
	struct control_tunnel *sink = &control->tunnel[RIG_TUNNEL_SINK];

	if (event->flow.dst.bytes[1] != 3)
		fail_msg("a tunnel was without an SA");
	control->acquires++;
	if (++sink->number >= RIG_KEYS_MAX)
		fail_msg("more keys than the test has");
	add(control, RIG_TUNNEL_SINK, false);
	control_commit(control);
	sadb_policy_acquired(control->rig->db, event->policy_index);
}

/* The peer of RED is elsewhere: both SAs follow. */
static void
follow(struct control *control)
{
	const struct control_tunnel *red = &control->tunnel[RIG_TUNNEL_RED];
	struct sadb_error err;

	control->mappings++;
	for (unsigned in = 0; in < 2; in++) {
		const struct sadb_sa_config config = control_sa(control->rig, RIG_TUNNEL_RED, red->number, in != 0);
		if (sadb_sa_update(control->rig->db, &config, &err) < 0)
			fail_msg("%s", err.text);
	}
	control_commit(control);
}

static void
take_event(struct control *control, const struct dp_event *event)
{
	switch (event->kind) {
	case DP_EVENT_ACQUIRE:
		acquire(control, event);
		break;
	case DP_EVENT_SOFT:
		sadb_sa_expire(control->rig->db, &event->sa, SADB_EXPIRE_SOFT, on_expire, control);
		break;
	case DP_EVENT_HARD:
		sadb_sa_expire(control->rig->db, &event->sa, SADB_EXPIRE_HARD, on_expire, control);
		break;
	case DP_EVENT_NEIGH:
		control->neighbours++;
		control->rare_known = true;
		churn_neighbours(control);
		break;
	case DP_EVENT_MAPPING:
		follow(control);
		break;
	default:
		fail_msg("an event of kind %u", event->kind);
	}
}

static void
take_events(struct control *control)
{
	struct dp_event events[EVENTS];
	struct dp_audit_event audit[EVENTS];

	unsigned n = dp_events(control->rig->dp, events, EVENTS);
	for (unsigned i = 0; i < n; i++)
		take_event(control, &events[i]);
	n = dp_audit_take(control->rig->dp, audit, EVENTS);
	for (unsigned i = 0; i < n; i++)
		control->audited[audit[i].kind]++;
}

/* ---- life ---- */
void
control_start(struct control *control, struct rig *rig)
{
	*control = (struct control){.rig = rig, .rare_known = true};
	rig->peer_port = UDP_RIG_PEER;
	churn_start(control);
	for (enum rig_tunnel tunnel = 0; tunnel < RIG_TUNNELS; tunnel++) {
		add(control, tunnel, false);
		if (tunnel != RIG_TUNNEL_SINK)
			add(control, tunnel, true);
	}
	control_commit(control);
}

void
control_round(struct control *control)
{
	take_events(control);
	change_keys(control, RIG_TUNNEL_BLUE);
	change_keys(control, RIG_TUNNEL_RED);
	churn(control, control->rounds++);
	sadb_tick(control->rig->db, sadb_now_s(), on_expire, control);
	sadb_policies_tick(control->rig->db, sadb_now_s(), on_policy_expire, control);
	control_commit(control);
	sadb_reclaim(control->rig->db);
}
