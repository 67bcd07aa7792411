/* SPDX-License-Identifier: BSD-3-Clause
 * Outbound packets of SAs with wishes; see the header. Worker threads. */
#include "dataplane/esp_odd.h"

#include "dataplane/esp.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"

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

void
dp_esp_dress(const struct sadb_sa *sa, struct dp_aead_op *const ops[], unsigned n)
{
	const struct sadb_sa_config *wanted = &sa->cold->config;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = ops[i]->cookie;
		if (sa->flags & SADB_HOT_OUTER_V6)
			dress_v6(rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *), wanted);
		else
			dress_v4(rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *), wanted);
	}
}
