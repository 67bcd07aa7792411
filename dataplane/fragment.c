/* SPDX-License-Identifier: BSD-3-Clause
 * Cuts what is too long for its way and may be cut: before ESP, so that each fragment is sealed by itself, or after it (RFC 4303
 * 3.3.4), or at a port. Worker threads. */
#include "dataplane/fragment.h"

#include "dataplane/dp.h"
#include "dataplane/esp_odd.h"
#include "dataplane/ipv6.h"

uint64_t
dp_fragment_ids(struct dp_worker *w, unsigned n)
{
	/* Relaxed: that no two get the same comes from the add alone. */
	return __atomic_fetch_add(&w->dp->fragment_ids, n, __ATOMIC_RELAXED);
}

/* Of one packet that is cut. */
struct plan {
	const uint8_t *whole;
	uint16_t ip_bytes; /* of its IP header */
	uint16_t head;     /* of what stands before the payload in each piece */
	uint16_t all;      /* payload */
	uint16_t most;     /* of it, in one piece; eights */
	rte_be32_t id_be;  /* IPv6 */
	bool v6;
};

static struct plan
plan(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu)
{
	struct plan p = {.whole = rte_pktmbuf_mtod(m, const uint8_t *), .v6 = dp_is_v6(m)};

	p.ip_bytes = p.v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	p.head = p.v6 ? (uint16_t)(p.ip_bytes + RTE_IPV6_FRAG_HDR_SIZE) : p.ip_bytes;
	p.all = (uint16_t)(dp_meta(m)->ip_bytes - p.ip_bytes);
	p.most = (uint16_t)((mtu - p.head) & ~7);
	if (p.v6)
		p.id_be = rte_cpu_to_be_32((uint32_t)dp_fragment_ids(w, 1));
	return p;
}

/* Of a packet that is a fragment itself all pieces but the last, and that one if it was none of the last, say that more follow.
 * Offsets count in eights. */
static void
write_v4(const struct plan *p, struct rte_ipv4_hdr *ip, uint16_t at, uint16_t bytes)
{
	uint16_t place;

	memcpy(ip, p->whole, sizeof(*ip));
	place = (uint16_t)(dp_be16(ip->fragment_offset) + at / 8);
	if (at + bytes < p->all)
		place |= RTE_IPV4_HDR_MF_FLAG;
	ip->fragment_offset = dp_be16(place);
	ip->total_length = dp_be16((uint16_t)(sizeof(*ip) + bytes));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20((const uint8_t *)ip);
}

/* RFC 8200 4.5. Only the gateway cuts IPv6, and only what it made: of no extension headers, and no fragment. */
static void
write_v6(const struct plan *p, struct rte_ipv6_hdr *ip, uint16_t at, uint16_t bytes)
{
	struct rte_ipv6_fragment_ext fragment = {.frag_data = dp_be16((uint16_t)(at | (at + bytes < p->all))),
						 .id = p->id_be};

	memcpy(ip, p->whole, sizeof(*ip));
	fragment.next_header = ip->proto;
	ip->proto = IPPROTO_FRAGMENT;
	ip->payload_len = dp_be16((uint16_t)(sizeof(fragment) + bytes));
	memcpy(ip + 1, &fragment, sizeof(fragment));
}

/* One buffer with bytes of the packet's payload, from at on. NULL: no buffer. */
static struct rte_mbuf *
cut(struct dp_worker *w, struct rte_mbuf *m, const struct plan *p, uint16_t at, uint16_t bytes)
{
	const uint16_t length = (uint16_t)(p->head + bytes);
	struct rte_mbuf *fragment = rte_pktmbuf_alloc(w->dp->pool);
	if (fragment == NULL)
		return NULL;
	char *ip = rte_pktmbuf_append(fragment, length);
	if (ip == NULL) {
		rte_pktmbuf_free(fragment);
		return NULL;
	}
	if (p->v6)
		write_v6(p, (struct rte_ipv6_hdr *)ip, at, bytes);
	else
		write_v4(p, (struct rte_ipv4_hdr *)ip, at, bytes);
	memcpy(ip + p->head, p->whole + p->ip_bytes + at, bytes);
	*dp_meta(fragment) = *dp_meta(m); /* the flow too: policies and selectors judged the whole packet */
	dp_meta(fragment)->ip_bytes = length;
	return fragment;
}

unsigned
dp_fragment(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *out[DP_FRAGMENTS_MAX])
{
	const struct plan p = plan(w, m, mtu);
	const uint16_t place = p.v6 ? 0 : dp_be16(((const struct rte_ipv4_hdr *)p.whole)->fragment_offset);
	unsigned n = 0;

	/* Its pieces' places could not be written down: they would begin anew, before the packet's own beginning. */
	if ((place & RTE_IPV4_HDR_OFFSET_MASK) * 8u + p.all > (unsigned)(UINT16_MAX - p.ip_bytes)) {
		dp_drop(w, m, DP_DROP_IP_LENGTH);
		return 0;
	}
	for (uint16_t at = 0; at < p.all;) {
		const uint16_t bytes = p.all - at > p.most ? p.most : (uint16_t)(p.all - at);
		out[n] = cut(w, m, &p, at, bytes);
		if (out[n] == NULL) { /* the others would be of no use to anyone */
			rte_pktmbuf_free_bulk(out, n);
			dp_drop(w, m, DP_DROP_NO_BUFFER);
			return 0;
		}
		n++;
		at = (uint16_t)(at + bytes);
	}
	rte_pktmbuf_free(m);
	dp_count(&w->stats.made, n - 1);
	return n;
}

/* What of a round's vectors may fill up at once with fragments. */
#define UNCUT_BATCH (DP_VEC_MAX / 2)
static_assert(UNCUT_BATCH > DP_FRAGMENTS_MAX, "one packet makes progress");

/* Is it to be cut before ESP? */
static bool
is_cut_first(struct dp_worker *w, struct rte_mbuf *m, uint16_t *max_inner_bytes)
{
	const struct sadb_sa *sa = dp_meta(m)->sa;
	const struct dp_esp_way way = dp_esp_way(w, sa);

	*max_inner_bytes = way.max_inner_bytes;
	return way.reason == DP_DROP_COUNT && dp_meta(m)->ip_bytes > way.max_inner_bytes &&
	       dp_ipv4_may_fragment(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)) && !dp_esp_seals_whole(sa, m);
}

void
dp_fragment_uncut(struct dp_worker *w)
{
	struct dp_vec *in = &w->uncut, *out = &w->esp_out;
	struct rte_mbuf *piece[DP_FRAGMENTS_MAX];
	unsigned i = 0;

	while (i < in->n && out->n + DP_FRAGMENTS_MAX <= UNCUT_BATCH) {
		struct rte_mbuf *m = in->pkt[i++];
		uint16_t mtu;
		if (!is_cut_first(w, m, &mtu)) {
			dp_vec_push(out, m);
			continue;
		}
		const unsigned n = dp_fragment(w, m, mtu, piece);
		for (unsigned k = 0; k < n; k++)
			dp_vec_push(out, piece[k]);
	}
	in->n -= i;
	memmove(in->pkt, &in->pkt[i], in->n * sizeof(in->pkt[0]));
}
