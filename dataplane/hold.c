/* SPDX-License-Identifier: BSD-3-Clause
 * Packets whose neighbour is not known yet wait here for a short while; the control thread has the kernel resolve it.
 * One table per worker, bounded: per neighbour, per port, and with a reserve for the underlay, so that a scan of dead
 * addresses in one network takes nothing from the others. Worker threads. */
#include "dataplane/dp.h"
#include "dataplane/ipv6.h"
#include "dataplane/worker.h"

#define PER_NEIGHBOUR 64 /* RFC 1122 2.3.2.2 asks for at least one; a window of TCP fits */
#define PER_PORT      (DP_HOLD_SLOTS / 2)
#define INSIDE        (DP_HOLD_SLOTS * 3 / 4) /* what all inside ports together may take */

/* Asks the control thread for a neighbour, at most once a second as long as the asking reached it. Neighbours that share
 * a place of the table only ask more often. */
static void
ask(struct dp_worker *w, uint16_t port, const struct sadb_addr *addr)
{
	const unsigned last = addr->bytes[sadb_addr_bits(addr->family) / 8 - 1];
	struct dp_asked *asked = &w->asked[(last ^ port * 31u) % DP_ASKED_SLOTS];
	if (sadb_addr_equal(&asked->addr, addr) && asked->port == port && w->now - asked->when < w->dp->second_tsc)
		return;
	struct dp_event event = {.kind = DP_EVENT_NEIGH, .port = port, .addr = *addr};
	if (dp_event_send(w, &event))
		*asked = (struct dp_asked){.addr = *addr, .port = port, .when = w->now};
}

/* A place for one more packet to this neighbour, NULL when it has had its share. */
static struct dp_held *
place(struct dp_worker *w, uint16_t port, const struct sadb_addr *next_hop)
{
	struct dp_held *found = NULL;
	unsigned neighbour = 0, same_port = 0, inside = 0;

	for (unsigned i = 0; i < DP_HOLD_SLOTS; i++) {
		struct dp_held *held = &w->held[i];
		if (held->pkt == NULL) {
			if (found == NULL)
				found = held;
			continue;
		}
		same_port += held->port == port;
		neighbour += held->port == port && sadb_addr_equal(&held->next_hop, next_hop);
		inside += !w->dp->port[held->port]->underlay;
	}
	if (neighbour >= PER_NEIGHBOUR || same_port >= PER_PORT || (inside >= INSIDE && !w->dp->port[port]->underlay))
		return NULL;
	return found;
}

void
dp_hold(struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct sadb_addr next_hop =
	    dp_is_v6(m) ? sadb_addr_v6(dp_meta(m)->next_hop_v6) : sadb_addr_v4(meta->next_hop_be);
	struct dp_held *held = place(w, meta->out_port, &next_hop);

	ask(w, meta->out_port, &next_hop);
	if (held == NULL) {
		dp_drop(w, m, DP_DROP_HOLD_FULL);
		return;
	}
	*held = (struct dp_held){
	    .pkt = m, .deadline = w->now + w->dp->hold_tsc, .next_hop = next_hop, .port = meta->out_port};
	w->n_held++;
	dp_count(&w->stats.held, 1);
}

static struct rte_mbuf *
release(struct dp_worker *w, struct dp_held *held)
{
	struct rte_mbuf *m = held->pkt;
	held->pkt = NULL;
	w->n_held--;
	dp_count(&w->stats.held, (uint64_t)-1);
	return m;
}

void
dp_hold_poll(struct dp_worker *w)
{
	/* A new table at the old one's address looks like no new table: the look every 10 ms covers that. */
	bool new_table = w->neighs != w->held_neighs;
	if (w->n_held == 0 || (!new_table && w->now - w->held_checked < w->dp->second_tsc / 100))
		return;
	w->held_neighs = w->neighs;
	w->held_checked = w->now;
	/* Slots fill from the lowest, so the scan keeps each neighbour's order but for slots that were reused meanwhile. */
	for (unsigned i = 0; i < DP_HOLD_SLOTS; i++) {
		struct dp_held *held = &w->held[i];
		if (held->pkt == NULL)
			continue;
		if (sadb_neigh_find(w->neighs, held->port, &held->next_hop) != NULL)
			dp_vec_push(&w->forward, release(w, held));
		else if (w->now > held->deadline)
			dp_drop(w, release(w, held), DP_DROP_NEIGH_TIMEOUT);
		else
			ask(w, held->port, &held->next_hop);
	}
}

void
dp_hold_drain(struct dp_worker *w, enum dp_drop reason)
{
	for (unsigned i = 0; i < DP_HOLD_SLOTS; i++)
		if (w->held[i].pkt != NULL)
			dp_drop(w, release(w, &w->held[i]), reason);
}
