/* SPDX-License-Identifier: BSD-3-Clause
 * Outbound packets of SAs with wishes; see the header. Worker threads. */
#include "dataplane/esp_odd.h"

#include "dataplane/dp.h"
#include "dataplane/esp_head.h"
#include "dataplane/fragment.h"

void
dp_esp_pad(const struct dp_group *group, struct rte_mbuf *const pkt[], unsigned n)
{
	const uint16_t wanted = group->sa->cold->config.tfc_pad_bytes;
	const uint16_t bytes = wanted < group->max_inner_bytes ? wanted : group->max_inner_bytes;

	for (unsigned i = 0; i < n && dp_meta(pkt[i])->group == group->index; i++) {
		struct dp_meta *meta = dp_meta(pkt[i]);
		/* With the trailer, alignment and the tag behind it; a shorter buffer has no room for what need not be. */
		if (meta->ip_bytes >= bytes ||
		    pkt[i]->data_off + bytes + DP_ESP_TRAILER + DP_ESP_ALIGN + DP_TAG_BYTES > pkt[i]->buf_len)
			continue;
		memset(rte_pktmbuf_mtod_offset(pkt[i], uint8_t *, meta->ip_bytes), 0, bytes - meta->ip_bytes);
		meta->ip_bytes = bytes;
	}
}

static uint8_t
with_dscp(uint8_t tos, uint8_t dscp)
{
	return (uint8_t)(dscp << 2 | (tos & RTE_IPV4_HDR_ECN_MASK));
}

static void
dress_v4(struct rte_ipv4_hdr *ip, const struct sadb_sa_config *wanted)
{
	if (wanted->flags & SADB_SA_OUTER_DSCP)
		ip->type_of_service = with_dscp(ip->type_of_service, wanted->outer_dscp);
	if (wanted->flags & SADB_SA_OUTER_DF)
		ip->fragment_offset |= RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	if (wanted->outer_ttl != 0)
		ip->time_to_live = wanted->outer_ttl;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20((const uint8_t *)ip);
}

static void
dress_v6(struct rte_ipv6_hdr *ip, const struct sadb_sa_config *wanted)
{
	if (wanted->flags & SADB_SA_OUTER_DSCP)
		dp_ipv6_tclass_set(ip, with_dscp(dp_ipv6_tclass(ip), wanted->outer_dscp));
	if (wanted->outer_ttl != 0)
		ip->hop_limits = wanted->outer_ttl;
}

/* The rule for the outer DF bit is the SA's: set, clear, or as the inner packet has it. IPv6 has none: its sender is told what
 * fits, but of packets that every way must take, and where the SA says clear (RFC 2473 7.1, RFC 8200 5). */
bool
dp_esp_seals_whole(const struct sadb_sa *sa, struct rte_mbuf *m)
{
	const uint32_t flags = sa->cold->config.flags;

	if (!(flags & SADB_SA_FRAGMENT_AFTER) || (flags & SADB_SA_OUTER_DF) ||
	    dp_meta(m)->ip_bytes > dp_esp_inner_bytes(UINT16_MAX, sa))
		return false;
	if (flags & SADB_SA_NOPMTUDISC)
		return true;
	return dp_is_v6(m) ? dp_meta(m)->ip_bytes <= DP_IPV6_MIN_MTU
			   : dp_ipv4_may_fragment(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *));
}

/* What is cut has an identification that does not come again soon (RFC 6864 4.3). 0 is none: some hosts write another over it. */
static rte_be16_t
identification(struct dp_worker *w)
{
	return dp_be16((uint16_t)(dp_fragment_ids(w, 1) % UINT16_MAX + 1));
}

/* Checksums are dress_v4()'s. */
static void
mark_long(struct dp_worker *w, const struct dp_group *group, struct dp_aead_op *const ops[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = ops[i]->cookie;
		struct dp_meta *meta = dp_meta(m);
		if (meta->ip_bytes <= group->max_outer_bytes)
			continue;
		meta->flags = (uint16_t)((meta->flags & ~DP_META_ROUTED) | DP_META_LONG);
		meta->cut_bytes = group->max_outer_bytes;
		if (group->next_hop_v6 == NULL) {
			struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);
			ip->fragment_offset = 0; /* dp_esp_seals_whole() */
			ip->packet_id = identification(w);
		}
	}
}

void
dp_esp_dress(struct dp_worker *w, const struct dp_group *group, struct dp_aead_op *const ops[], unsigned n)
{
	const struct sadb_sa *sa = group->sa;
	const struct sadb_sa_config *wanted = &sa->cold->config;

	if (wanted->flags & SADB_SA_FRAGMENT_AFTER)
		mark_long(w, group, ops, n);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = ops[i]->cookie;
		if (sa->flags & SADB_HOT_OUTER_V6)
			dress_v6(rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *), wanted);
		else
			dress_v4(rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *), wanted);
	}
}
