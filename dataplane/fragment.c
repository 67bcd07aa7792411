/* SPDX-License-Identifier: BSD-3-Clause
 * Cuts what is too long for its way and may be cut: before ESP, so that each fragment is sealed by itself (RFC 4303 3.3.4),
 * or at a port. Worker threads. */
#include "dataplane/fragment.h"

#include "dataplane/dp.h"
#include "dataplane/ipv6.h"

/* One buffer with bytes of the packet's payload, from at on. NULL: no buffer. */
static struct rte_mbuf *
cut(struct dp_worker *w, struct rte_mbuf *m, uint16_t at, uint16_t bytes)
{
	const struct rte_ipv4_hdr *whole = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	const uint16_t length = (uint16_t)(sizeof(*whole) + bytes);
	struct rte_mbuf *fragment = rte_pktmbuf_alloc(w->dp->pool);
	if (fragment == NULL)
		return NULL;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_append(fragment, length);
	if (ip == NULL) {
		rte_pktmbuf_free(fragment);
		return NULL;
	}
	*ip = *whole;
	/* Of a packet that is a fragment itself all pieces but the last, and that one if it was none of the last, say that
	 * more follow. Offsets count in eights. */
	uint16_t place = (uint16_t)(dp_be16(whole->fragment_offset) + at / 8);
	if (sizeof(*whole) + at + bytes < dp_meta(m)->ip_bytes)
		place |= RTE_IPV4_HDR_MF_FLAG;
	ip->fragment_offset = dp_be16(place);
	ip->total_length = dp_be16(length);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20((const uint8_t *)ip);
	memcpy(ip + 1, (const uint8_t *)(whole + 1) + at, bytes);
	*dp_meta(fragment) = *dp_meta(m); /* the flow too: policies and selectors judged the whole packet */
	dp_meta(fragment)->ip_bytes = length;
	return fragment;
}

unsigned
dp_fragment(struct dp_worker *w, struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *out[DP_FRAGMENTS_MAX])
{
	const uint16_t header = sizeof(struct rte_ipv4_hdr), all = (uint16_t)(dp_meta(m)->ip_bytes - header);
	const uint16_t most = (uint16_t)((mtu - header) & ~7);
	const uint16_t place = dp_be16(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)->fragment_offset);
	unsigned n = 0;

	/* Its pieces' places could not be written down: they would begin anew, before the packet's own beginning. */
	if ((place & RTE_IPV4_HDR_OFFSET_MASK) * 8u + all > UINT16_MAX - header) {
		dp_drop(w, m, DP_DROP_IP_LENGTH);
		return 0;
	}
	for (uint16_t at = 0; at < all;) {
		const uint16_t bytes = all - at > most ? most : (uint16_t)(all - at);
		out[n] = cut(w, m, at, bytes);
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

void
dp_fragment_uncut(struct dp_worker *w)
{
	struct dp_vec *in = &w->uncut, *out = &w->esp_out;
	struct rte_mbuf *piece[DP_FRAGMENTS_MAX];
	unsigned i = 0;

	while (i < in->n && out->n + DP_FRAGMENTS_MAX <= UNCUT_BATCH) {
		struct rte_mbuf *m = in->pkt[i++];
		const struct dp_esp_way way = dp_esp_way(w, dp_meta(m)->sa);
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
		if (way.reason != DP_DROP_COUNT || dp_meta(m)->ip_bytes <= way.max_inner_bytes ||
		    !dp_ipv4_may_fragment(ip)) {
			dp_vec_push(out, m);
			continue;
		}
		const unsigned n = dp_fragment(w, m, way.max_inner_bytes, piece);
		for (unsigned k = 0; k < n; k++)
			dp_vec_push(out, piece[k]);
	}
	in->n -= i;
	memmove(in->pkt, &in->pkt[i], in->n * sizeof(in->pkt[0]));
}
