/* SPDX-License-Identifier: BSD-3-Clause
 * A worker: one lcore, its queues, the stages it runs and the counters it writes. Inside the dataplane only. Everything
 * in struct dp_worker is written by its own thread; counters are read by others with relaxed loads. */
#ifndef DP_WORKER_H
#define DP_WORKER_H

#include <rte_cycles.h>
#include <rte_ring.h>

#include "dataplane/bucket.h"
#include "dataplane/dataplane.h"
#include "dataplane/dummy.h"
#include "dataplane/flow_cache.h"
#include "dataplane/packet.h"
#include "dataplane/port.h"

/* Packets of one batch that use the same SA. */
struct dp_group {
	alignas(64) struct sadb_sa *sa;
	uint64_t bytes;
	uint64_t first_seq;
	uint16_t index; /* among the batch's groups */
	uint16_t packets;
	uint16_t useless; /* inbound: how many of them go no further, once counted, or another way than IPv4 */
	uint16_t granted; /* how many of them may go */
	uint16_t next;    /* ordinal of the next packet to number */
	uint16_t out_port;
	uint16_t max_inner_bytes; /* outbound: longest packet that fits the way out when sealed */
	uint16_t plain_bytes;     /* outbound: longest packet that nobody needs to look at */
	uint8_t reason;           /* enum dp_drop for those beyond granted */
	uint16_t max_outer_bytes; /* outbound: and the longest sealed one */
	rte_be32_t next_hop_be;
	const uint8_t *next_hop_v6; /* outbound: lives as long as the route; NULL: the outer header is IPv4's */
};
static_assert(sizeof(struct dp_group) == 64, "one line");

#define DP_GROUP_SLOTS 2048 /* hash places for the groups of one batch; a power of two, twice DP_VEC_MAX */

struct dp_groups {
	unsigned n;
	uint32_t generation; /* of the hash places; a place of another generation is empty */
	struct dp_group group[DP_VEC_MAX];
	struct {
		uint32_t generation;
		uint16_t group;
	} slot[DP_GROUP_SLOTS];
};

struct dp_tx_buffer {
	unsigned n;
	uint64_t bytes;
	struct rte_mbuf *pkt[DP_BURST];
};

struct dp_held {
	struct rte_mbuf *pkt; /* NULL: free */
	uint64_t deadline;    /* TSC */
	struct sadb_addr next_hop;
	uint16_t port;
};

/* Neighbours asked for lately. */
#define DP_ASKED_SLOTS 256
struct dp_asked {
	uint64_t when; /* TSC */
	struct sadb_addr addr;
	uint16_t port;
};

struct dp_rx_queue {
	struct dp_port *port;
	uint16_t queue;
};

struct dp_worker {
	struct dp *dp;
	struct sadb *db;
	struct dp_engine_queue *engine_queue;
	struct sadb_neigh_table *neighs; /* this round's */
	uint64_t now_s;                  /* sadb_now_s() */
	uint64_t now;                    /* TSC at the start of the round */
	unsigned index;
	unsigned lcore;

	struct dp_flow_cache flows;

	unsigned n_queues, next_queue;
	struct dp_rx_queue queue[DP_MAX_PORTS];

	/* inputs of the stages */
	struct dp_vec parse, classify, esp_in, esp_out, inner, forward, punt, drop;
	struct dp_vec classify_v6, esp_out_v6, inner_v6;
	struct dp_vec esp_in_v6; /* by the outer header; the others by the inner one */
	struct dp_vec uncut; /* a rest of a batch of esp_out whose first packet is too long for its SA and may be cut */
	bool cutting;        /* esp_out's batch comes from there */
	bool dummy_batch;    /* esp_out's batch is of dummy packets */
	struct dp_vec opened; /* back from the engine */
	unsigned in_flight;   /* operations the engine still has */
	struct dp_groups groups;
	struct dp_tx_buffer tx[DP_MAX_PORTS];

	struct dp_held held[DP_HOLD_SLOTS];
	unsigned n_held;
	struct dp_asked asked[DP_ASKED_SLOTS];
	struct sadb_neigh_table *held_neighs; /* the table the held packets were last tried against */
	uint64_t held_checked;                /* TSC */
	uint64_t path_mtu_learnt;             /* TSC, the last time */
	uint64_t reassembly_polled;           /* TSC */
	struct dp_bucket icmp;
	struct dp_audit *audit;
	uint16_t made_id;

	/* DPDK's launch and wait order memory, but where no sanitizer sees it: these two do it in plain sight. */
	uint8_t launched, ended;
	struct rte_ring *inject; /* twin thread -> this worker */
	struct rte_ring *events; /* workers -> control; shared */
	uint64_t clock_read;     /* TSC when now_s was read */
	struct dp_dummies dummies;

	struct dp_worker_stats stats;
};

/* Adds to a counter that only this thread writes and any may read. */
static inline void
dp_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Counts and frees what was dropped. */
void dp_drop_flush(struct dp_worker *w);

/* The packet lives on until the next drop, or the end of the stages. Of fragments there may be more in a round than a vector
 * holds, so this one makes room for itself. */
static inline void
dp_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason)
{
	if (unlikely(w->drop.n == DP_VEC_MAX))
		dp_drop_flush(w);
	dp_meta(m)->reason = (uint16_t)reason;
	dp_vec_push(&w->drop, m);
}

/* Sends an event to the control thread; when the ring is full it is lost, and the next packet asks again. */
bool dp_event_send(struct dp_worker *w, const struct dp_event *event);

/* The stages. Each takes its vector of w, empties it, and fills those of later stages. */
void dp_parse(struct dp_worker *w);
void dp_classify(struct dp_worker *w);
void dp_esp_in(struct dp_worker *w);        /* to the engine */
void dp_esp_in_v6(struct dp_worker *w);     /* the same of those with an outer IPv6 header */
void dp_esp_in_finish(struct dp_worker *w); /* back from it: w->opened; esp_opened.c */
void dp_inner(struct dp_worker *w);
void dp_esp_out(struct dp_worker *w);
/* The same for what is in the vectors of IPv6. */
void dp_classify_v6(struct dp_worker *w);
void dp_inner_v6(struct dp_worker *w);
void dp_esp_out_v6(struct dp_worker *w);
void dp_forward(struct dp_worker *w);
void dp_punt(struct dp_worker *w);

/* Takes frames that the twins sent; fills later stages. Returns how many. */
unsigned dp_inject(struct dp_worker *w);

void dp_tx_flush_port(struct dp_worker *w, struct dp_port *port);

/* Hands a packet with its Ethernet header to a port, whose buffer this is; sends when a burst is full. */
static inline void
dp_tx_buffered(struct dp_worker *w, struct dp_port *port, struct dp_tx_buffer *buffer, struct rte_mbuf *m)
{
	buffer->pkt[buffer->n++] = m;
	buffer->bytes += m->pkt_len;
	if (buffer->n == DP_BURST)
		dp_tx_flush_port(w, port);
}

static inline void
dp_tx(struct dp_worker *w, struct dp_port *port, struct rte_mbuf *m)
{
	dp_tx_buffered(w, port, &w->tx[port->number], m);
}

void dp_tx_flush(struct dp_worker *w);

/* Keeps a packet until its neighbour is known. */
void dp_hold(struct dp_worker *w, struct rte_mbuf *m);
/* Puts those whose neighbour may be known now back into w->forward; drops the late. */
void dp_hold_poll(struct dp_worker *w);
void dp_hold_drain(struct dp_worker *w, enum dp_drop reason);

/* What a host inside is told of its packet. */
enum dp_icmp_error { DP_ICMP_TTL, DP_ICMP_TOO_BIG };

/* Makes an ICMP error about the packet (its header at data), if the rules allow one; it goes to w->forward. mtu: with
 * DP_ICMP_TOO_BIG, what would fit. */
void dp_icmp_error(struct dp_worker *w, struct rte_mbuf *m, enum dp_icmp_error error, uint16_t mtu);

/* Tells the gateway's own kernel so of what it sent (IP at data), by the packet's twin. */
void dp_icmp_to_twin(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu);

/* Asks who makes SAs for one that this policy wants, once until it is answered. */
void dp_acquire(struct dp_worker *w, struct sadb_policy *policy, struct rte_mbuf *m);

/* After tags and window: has the peer of an SA in UDP moved (RFC 7296 2.23)? Only the newest packet says where it is now: an
 * older one may have come late from where it was. verdict NULL: all are good. */
void dp_follow_peer(struct dp_worker *w, struct sadb_sa *sa, struct rte_mbuf *const pkt[], unsigned n,
		    const enum sadb_replay_verdict *verdict);

/* Drops a packet of an SA whose number the window refuses, and counts it with the SA. */
void dp_replay_drop(struct dp_worker *w, struct rte_mbuf *m, enum sadb_replay_verdict verdict);

/* Where an SA's packets go, and the longest that it can seal in one piece. */
struct dp_esp_way {
	rte_be32_t next_hop_be;
	const uint8_t *next_hop_v6; /* of an SA with IPv6 addresses; else NULL */
	uint16_t out_port;
	uint16_t max_inner_bytes;
	uint8_t reason;           /* enum dp_drop: nowhere; DP_DROP_COUNT: there */
	uint16_t max_outer_bytes; /* longest that it may seal one to */
};
struct dp_esp_way dp_esp_way(const struct dp_worker *w, const struct sadb_sa *sa);

/* Gives operations to the engine. What it has opened goes to w->opened, what it has sealed to w->forward. */
void dp_crypto_submit(struct dp_worker *w, struct dp_aead_op *const ops[], unsigned n);
/* What a device has finished meanwhile. */
void dp_crypto_complete(struct dp_worker *w);

/* Groups the packets of a batch by SA. */
void dp_groups_start(struct dp_groups *groups);
/* The group of an SA, made when it is new. The caller counts. */
struct dp_group *dp_groups_find(struct dp_groups *groups, struct sadb_sa *sa, bool *new);
/* Counts the group against the SA's lifetimes and reports limits passed. false: the SA is spent. */
bool dp_group_use(struct dp_worker *w, const struct dp_group *group, unsigned packets, uint64_t bytes);

/* One round: receive, all stages, send. Returns false when there was nothing to do. Between rounds the worker holds no
 * reference to shared data unless in_flight > 0. */
bool dp_worker_poll(struct dp_worker *w);

/* At the end: what is still in the worker's hands is dropped and counted. */
void dp_worker_drain(struct dp_worker *w);

/* Tells the control thread that the SA is past a hard limit, if nobody has; called from every drop for that reason, so
 * that a full ring only delays the report. */
void dp_report_hard(struct dp_worker *w, struct sadb_sa *sa);

/* The lcore's main function; arg is the worker. */
int dp_worker_main(void *arg);

#endif
