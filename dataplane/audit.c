/* SPDX-License-Identifier: BSD-3-Clause
 * What an audit event says, read from the packet that was dropped and what the stages noted of it. Worker threads make the
 * events, the control thread takes them. */
#include "dataplane/audit.h"

#include <netinet/in.h>
#include <time.h>

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/ipv6.h"

/* May this event be told, now? What may not is counted, unless its kind is off. */
static struct dp_audit_event *
place(struct dp_worker *w, enum dp_audit_kind kind)
{
	struct dp_audit *audit = w->audit;
	const uint32_t per_s = __atomic_load_n(&w->dp->audit_per_s[kind], __ATOMIC_RELAXED); /* orders nothing */
	struct dp_audit_event *event = NULL;

	if (per_s == 0)
		return NULL;
	if (dp_bucket_take(&audit->bucket[kind], w->now, w->dp->second_tsc, per_s, per_s))
		event = dp_audit_ring_place(&audit->ring);
	if (event == NULL) {
		dp_count(&w->stats.audit_suppressed[kind], 1);
		return NULL;
	}
	*event = (struct dp_audit_event){.time_ns = w->now, .kind = (uint8_t)kind, .worker = w->index};
	return event;
}

static void
put(struct dp_worker *w, const struct dp_audit_event *event)
{
	const enum dp_audit_kind kind = event->kind;
	dp_audit_ring_put(&w->audit->ring); /* the event is the reader's now */
	dp_count(&w->stats.audit_told[kind], 1);
}

static void
read_esp(struct dp_audit_event *event, const uint8_t *esp, uint32_t avail)
{
	uint32_t seq_be;
	event->proto = IPPROTO_ESP;
	if (avail < offsetof(struct dp_esp_head, seq_be))
		return;
	memcpy(&event->spi_be, esp, sizeof(event->spi_be));
	event->has |= DP_AUDIT_HAS_SPI;
	if (avail < offsetof(struct dp_esp_head, iv_be))
		return;
	memcpy(&seq_be, esp + offsetof(struct dp_esp_head, seq_be), sizeof(seq_be));
	event->seq = rte_be_to_cpu_32(seq_be);
	event->has |= DP_AUDIT_HAS_SEQ;
}

/* The outer header at that place. opened: what stands behind it is ESP, whatever it says, for UDP and extension headers are gone.
 * What is not that far is read of IPv4 alone: behind IPv6's header anything may stand. */
static void
read_outer(struct dp_audit_event *event, const uint8_t *at, uint32_t avail, bool opened)
{
	const struct rte_ipv4_hdr *ip4 = (const struct rte_ipv4_hdr *)at;
	const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)at;
	if (avail >= sizeof(*ip6) && *at >> 4 == 6) {
		event->src = sadb_addr_v6(ip6->src_addr);
		event->dst = sadb_addr_v6(ip6->dst_addr);
		event->proto = ip6->proto;
		if (opened)
			read_esp(event, at + sizeof(*ip6), avail - (uint32_t)sizeof(*ip6));
	} else if (avail >= sizeof(*ip4) && *at >> 4 == 4) {
		event->src = sadb_addr_v4(ip4->src_addr);
		event->dst = sadb_addr_v4(ip4->dst_addr);
		event->proto = ip4->next_proto_id;
		if (opened || (ip4->next_proto_id == IPPROTO_ESP &&
			       (ip4->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) == 0))
			read_esp(event, at + sizeof(*ip4), avail - (uint32_t)sizeof(*ip4));
	}
}

static void
read_sa(struct dp_audit_event *event, const struct sadb_sa *sa)
{
	event->spi_be = sa->spi_be;
	event->has |= DP_AUDIT_HAS_SPI;
	if (sa->vnet->id == SADB_UNDERLAY_ID) /* which is no vnet */
		return;
	event->vnet_id = sa->vnet->id;
	event->has |= DP_AUDIT_HAS_VNET;
}

/* Which stage dropped it says what is known of the packet's SA. */
static bool
sa_is_known(enum dp_drop reason)
{
	switch (reason) {
	case DP_DROP_SA_EXPIRED:
	case DP_DROP_REPLAY_OLD:
	case DP_DROP_REPLAY_DUP:
	case DP_DROP_SEQ_ZERO:
	case DP_DROP_ICV:
	case DP_DROP_ESP_PADDING:
	case DP_DROP_ESP_NEXT_HEADER:
	case DP_DROP_ENGINE_FULL:
	case DP_DROP_ENGINE_FAILED:
		return true;
	default:
		return false;
	}
}

/* On its way in, still in its ESP packet: its outer header stands at the data, maybe behind Ethernet's. */
static void
read_sealed(struct dp_audit_event *event, struct rte_mbuf *m, enum dp_drop reason)
{
	const bool l2 = (dp_meta(m)->flags & DP_META_HAS_L2) != 0;
	const uint32_t skip = l2 ? sizeof(struct rte_ether_hdr) : 0;

	if (m->data_len > skip)
		read_outer(event, rte_pktmbuf_mtod_offset(m, const uint8_t *, skip), m->data_len - skip, !l2);
	if (!sa_is_known(reason))
		return;
	read_sa(event, dp_meta(m)->sa);
	if (reason != DP_DROP_SA_EXPIRED) /* which is found before the number is looked at, too */
		event->seq = dp_meta(m)->seq;
}

/* Out of its SA: before the packet there still stand its ESP header and the outer one. The number that esp_in noted makes room
 * for the route, and is then found again as it was found before. */
static void
read_opened(struct dp_audit_event *event, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct sadb_sa *sa = meta->sa;
	const uint32_t head =
	    (sa->flags & SADB_HOT_OUTER_V6 ? DP_OUTER_V6_BYTES : DP_OUTER_BYTES) + (uint32_t)sizeof(struct dp_esp_head);
	if (sadb_sa_transport(sa)) { /* the outer header is the packet's own again */
		read_outer(event, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, false);
		event->proto = IPPROTO_ESP;
		event->has |= DP_AUDIT_HAS_SEQ;
	} else {
		read_outer(event, rte_pktmbuf_mtod(m, const uint8_t *) - head, head, true);
	}
	read_sa(event, sa);
	if (!(meta->flags & DP_META_HOP))
		event->seq = meta->seq;
	else if (sa->replay != NULL && (sa->flags & SADB_SA_ESN))
		event->seq = sadb_replay_esn(sa->replay, sadb_replay_hint(sa->replay), (uint32_t)event->seq);
	if (event->kind != DP_AUDIT_SELECTOR) /* else it was found to be none that can be read */
		return;
	event->inner = dp_flow_of(m);
	event->has |= DP_AUDIT_HAS_INNER;
}

/* On its way out: for an SA, or in clear. */
static void
read_inside(struct dp_audit_event *event, struct rte_mbuf *m, enum dp_drop reason)
{
	const struct dp_meta *meta = dp_meta(m);
	const bool sealed = event->kind == DP_AUDIT_ENGINE; /* and the flow is written over */
	const bool flow = !sealed && !(meta->flags & DP_META_DUMMY);

	if (flow)
		event->inner = dp_flow_of(m);
	if (sealed || reason == DP_DROP_SEQ_SPENT || reason == DP_DROP_SA_EXPIRED || reason == DP_DROP_OUT_SELECTOR) {
		event->src = meta->sa->cold->config.src;
		event->dst = meta->sa->cold->config.dst;
		event->proto = IPPROTO_ESP;
		read_sa(event, meta->sa);
		event->has |= flow ? DP_AUDIT_HAS_INNER : 0;
		return;
	}
	event->src = event->inner.src;
	event->dst = event->inner.dst;
	event->proto = event->inner.proto;
	event->vnet_id = meta->vnet->id;
	event->has = DP_AUDIT_HAS_VNET | DP_AUDIT_HAS_PORTS;
}

/* For an SA in transport mode: see dataplane/transport.c. */
static bool
from_kernel(struct rte_mbuf *m)
{
	return (dp_meta(m)->flags & (DP_META_FROM_TWIN | DP_META_HAS_L2)) == DP_META_FROM_TWIN;
}

void
dp_audit_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason)
{
	struct dp_audit_event *event = place(w, dp_audit_kind_of(reason));
	if (event == NULL)
		return;
	event->reason = (uint8_t)reason;
	if (dp_meta(m)->flags & DP_META_FROM_ESP)
		read_opened(event, m);
	else if (w->dp->port[dp_meta(m)->in_port]->underlay && !from_kernel(m))
		read_sealed(event, m, reason);
	else
		read_inside(event, m, reason);
	put(w, event);
}

void
dp_audit_sequence_near(struct dp_worker *w, const struct sadb_sa *sa, uint64_t seq)
{
	struct dp_audit_event *event = place(w, DP_AUDIT_SEQUENCE_NEAR);
	if (event == NULL)
		return;
	event->reason = DP_DROP_COUNT;
	event->src = sa->cold->config.src;
	event->dst = sa->cold->config.dst;
	event->proto = IPPROTO_ESP;
	read_sa(event, sa);
	event->seq = seq;
	event->has |= DP_AUDIT_HAS_SEQ;
	put(w, event);
}

void
dp_audit_set(struct dp *dp, const uint32_t per_s[DP_AUDIT_KINDS])
{
	for (unsigned i = 0; i < DP_AUDIT_KINDS; i++)
		__atomic_store_n(&dp->audit_per_s[i], per_s[i], __ATOMIC_RELAXED); /* see place() */
}

/* When it was, from the worker's TSC. */
static uint64_t
realtime_ns(uint64_t tsc, uint64_t now_tsc, uint64_t now_ns, uint64_t tsc_hz)
{
	/* The counters of two processors may differ by a little. */
	const uint64_t ago = now_tsc > tsc ? now_tsc - tsc : 0, s = ago / tsc_hz;
	return now_ns - s * (uint64_t)NS_PER_S - (ago - s * tsc_hz) * (uint64_t)NS_PER_S / tsc_hz;
}

unsigned
dp_audit_take(struct dp *dp, struct dp_audit_event *out, unsigned max)
{
	struct timespec ts;
	unsigned n = 0;

	for (unsigned i = 0; i < dp->n_workers && n < max; i++)
		if (dp->worker[i] != NULL)
			n += dp_audit_ring_take(&dp->worker[i]->audit->ring, &out[n], max - n);
	if (n == 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	const uint64_t now_ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec, now_tsc = rte_rdtsc();
	for (unsigned i = 0; i < n; i++)
		out[i].time_ns = realtime_ns(out[i].time_ns, now_tsc, now_ns, dp->second_tsc);
	return n;
}
