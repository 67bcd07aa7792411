/* SPDX-License-Identifier: BSD-3-Clause
 * Stage esp_out: what the policy protects gets its sequence number, outer header and seal (RFC 4303 3.3). Worker
 * threads. Exits: forward, drop. Between dp_esp_out() and dp_esp_out_finish() packets are with the engine. */
#include "dataplane/worker.h"

#include <netinet/ip_icmp.h>
#include <rte_prefetch.h>

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/flow.h"
#include "dataplane/ipv4.h"

#define OUTER_TTL 64

/* Everything ESP adds before the inner packet. */
#define HEAD_BYTES (DP_OUTER_BYTES + (uint16_t)sizeof(struct dp_esp_head))

static uint16_t
text_bytes(uint16_t inner_bytes)
{
	return (uint16_t)((inner_bytes + DP_ESP_TRAILER + DP_ESP_ALIGN - 1) & ~(DP_ESP_ALIGN - 1));
}

/* The longest inner packet that fits when the outer one may have that many bytes. */
static uint16_t
inner_mtu(uint16_t outer_bytes)
{
	return (uint16_t)(((outer_bytes - HEAD_BYTES - DP_TAG_BYTES) & ~(DP_ESP_ALIGN - 1)) - DP_ESP_TRAILER);
}

/* Once per SA and batch: where do its packets go? */
static void
route_group(struct dp_worker *w, struct dp_group *group)
{
	const struct sadb_vnet *underlay = sadb_underlay(w->db);
	const struct sadb_nexthop *hop = sadb_fib_lookup(sadb_vnet_fib(underlay), group->sa->dst_v4_be);
	group->reason = DP_DROP_COUNT;
	if (hop == NULL) {
		group->reason = DP_DROP_NO_ROUTE;
	} else if (hop->kind == SADB_ROUTE_UNICAST) {
		group->out_port = hop->port;
		group->next_hop_be = hop->gateway_v4_be ? hop->gateway_v4_be : group->sa->dst_v4_be;
		group->max_ip_bytes = w->dp->port[hop->port]->mtu;
	} else {
		group->reason = hop->kind == SADB_ROUTE_LOCAL ? DP_DROP_ROUTE_DOMAIN : DP_DROP_BLACKHOLE;
	}
}

/* What can be refused before a sequence number is spent. False: dropped. */
static bool
admit(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	struct sadb_sa *sa = meta->sa;
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);

	if (sadb_sa_stopped(sa)) {
		dp_report_hard(w, sa);
		dp_drop(w, m, DP_DROP_SA_EXPIRED);
		return false;
	}
	if (!sa->sel_any && !dp_flow_selected(&sa->cold->config.sel, &meta->flow)) {
		dp_drop(w, m, DP_DROP_OUT_SELECTOR);
		return false;
	}
	/* RFC 4301 5.1.2.1: the TTL goes down before encapsulation when the packet is forwarded. */
	bool forwarded = (meta->flags & DP_META_FROM_TWIN) == 0;
	if (forwarded && ip->time_to_live <= 1) {
		dp_icmp_error(w, m, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		dp_drop(w, m, DP_DROP_TTL);
		return false;
	}
	struct dp_group *group = dp_groups_find(&w->groups, sa, meta);
	if (group->packets == 0)
		route_group(w, group);
	if (group->reason != DP_DROP_COUNT) {
		dp_drop(w, m, group->reason);
		return false;
	}
	if (HEAD_BYTES + text_bytes(meta->ip_bytes) + DP_TAG_BYTES > group->max_ip_bytes) {
		dp_icmp_error(w, m, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, inner_mtu(group->max_ip_bytes));
		dp_drop(w, m, DP_DROP_MTU);
		return false;
	}
	if (forwarded)
		dp_ipv4_ttl_down(ip);
	group->packets++;
	group->bytes += meta->ip_bytes;
	return true;
}

/* Rare: not all of a group may go. The inner bytes of those that may. */
static uint64_t
granted_bytes(struct rte_mbuf *const pkt[], unsigned n, unsigned group, unsigned granted)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < n && granted > 0; i++) {
		if (dp_meta(pkt[i])->group == group) {
			bytes += dp_meta(pkt[i])->ip_bytes;
			granted--;
		}
	}
	return bytes;
}

/* One add for the numbers and one for the lifetimes, per SA and batch. Numbers that a lifetime then forbids stay unused. */
static void
number_group(struct dp_worker *w, unsigned index, struct rte_mbuf *const pkt[], unsigned n)
{
	struct dp_group *group = &w->groups.group[index];
	group->granted = (uint16_t)sadb_sa_seq_take(group->sa->mut, group->packets, &group->first_seq);
	group->reason = DP_DROP_SEQ_SPENT;
	if (group->granted == 0)
		return;
	uint64_t bytes = group->granted == group->packets ? group->bytes : granted_bytes(pkt, n, index, group->granted);
	if (!dp_group_use(w, group, group->granted, bytes)) {
		group->granted = 0;
		group->reason = DP_DROP_SA_EXPIRED;
	}
}

/* RFC 4301 5.1.2.1 and RFC 6040 4.1: the outer header, from the inner one and the SA. The checksum is summed from values
 * at hand (RFC 1071), not from the bytes just written. */
static void
outer_header(struct rte_ipv4_hdr *outer, const struct rte_ipv4_hdr *inner, const struct sadb_sa *sa, uint16_t id,
	     uint16_t bytes)
{
	uint8_t tos = inner->type_of_service;
	if (sa->flags & SADB_SA_DONT_ENCAP_DSCP)
		tos &= RTE_IPV4_HDR_ECN_MASK;
	if (sa->flags & SADB_SA_NOECN)
		tos &= (uint8_t)~RTE_IPV4_HDR_ECN_MASK;
	uint16_t fragment = sa->flags & SADB_SA_NOPMTUDISC
				? 0
				: rte_be_to_cpu_16(inner->fragment_offset) & (uint16_t)RTE_IPV4_HDR_DF_FLAG;
	uint32_t sum =
	    sa->outer_sum + (RTE_IPV4_VHL_DEF << 8 | tos) + bytes + id + fragment + (OUTER_TTL << 8 | IPPROTO_ESP);
	outer->version_ihl = RTE_IPV4_VHL_DEF;
	outer->type_of_service = tos;
	outer->total_length = rte_cpu_to_be_16(bytes);
	outer->packet_id = rte_cpu_to_be_16(id);
	outer->fragment_offset = rte_cpu_to_be_16(fragment);
	outer->time_to_live = OUTER_TTL;
	outer->next_proto_id = IPPROTO_ESP;
	outer->hdr_checksum = rte_cpu_to_be_16((uint16_t)~dp_csum_fold(sum));
	outer->src_addr = sa->src_v4_be;
	outer->dst_addr = sa->dst_v4_be;
}

/* Trailer and headers around the inner packet (RFC 4303 2.4, 3.3.2); fills the operation. False: no room. */
static bool
encapsulate(struct rte_mbuf *m, const struct sadb_sa *sa, uint64_t seq)
{
	struct dp_meta *meta = dp_meta(m);
	struct dp_aead_op *op = dp_op(m);
	uint16_t text = text_bytes(meta->ip_bytes);
	uint16_t pad = (uint16_t)(text - meta->ip_bytes - DP_ESP_TRAILER);
	uint8_t *tail = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(pad + DP_ESP_TRAILER + DP_TAG_BYTES));
	if (tail == NULL)
		return false;
	for (unsigned i = 0; i < pad; i++)
		tail[i] = (uint8_t)(i + 1);
	tail[pad] = (uint8_t)pad;
	tail[pad + 1] = DP_NEXT_IPV4;
	struct rte_ipv4_hdr *outer = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, HEAD_BYTES);
	if (outer == NULL)
		return false;
	struct dp_esp_head *esp = (struct dp_esp_head *)(outer + 1);
	/* RFC 6864: unique per source, destination and protocol while fragments may live: the number's low half is, within
	 * its SA. */
	outer_header(outer, (const struct rte_ipv4_hdr *)(esp + 1), sa, (uint16_t)seq, m->data_len);
	/* RFC 4106 3.1: the IV is the 64-bit sequence number, which sadb_sa_seq_take() gives out once. */
	esp->spi_be = sa->spi_be;
	esp->seq_be = rte_cpu_to_be_32((uint32_t)seq);
	esp->iv_be = rte_cpu_to_be_64(seq);
	meta->ip_bytes = m->data_len;

	op->key_area = sa->key_area;
	op->text = (uint8_t *)(esp + 1);
	op->text_bytes = text;
	op->tag = op->text + text;
	op->cookie = m;
	op->dir = DP_SEAL;
	dp_esp_nonce(op, sa, esp->iv_be, seq);
	return true;
}

void
dp_esp_out(struct dp_worker *w)
{
	struct dp_vec *in = &w->esp_out;
	struct dp_aead_op *ops[DP_VEC_MAX];
	unsigned n = 0, n_ops = 0;

	dp_groups_start(&w->groups);
	for (unsigned i = 0; i < in->n; i++)
		if (admit(w, in->pkt[i]))
			in->pkt[n++] = in->pkt[i];
	for (unsigned g = 0; g < w->groups.n; g++)
		if (w->groups.group[g].packets > 0)
			number_group(w, g, in->pkt, n);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		struct dp_group *group = &w->groups.group[meta->group];
		if (group->next == group->granted) {
			dp_drop(w, m, group->reason);
			continue;
		}
		meta->out_port = group->out_port;
		meta->next_hop_be = group->next_hop_be;
		meta->flags |= DP_META_ROUTED;
		if (encapsulate(m, group->sa, group->first_seq + group->next++))
			ops[n_ops++] = dp_op(m);
		else
			dp_drop(w, m, DP_DROP_NO_HEADROOM);
	}
	in->n = 0;
	dp_crypto_submit(w, ops, n_ops);
}

void
dp_esp_out_finish(struct dp_worker *w)
{
	struct dp_vec *in = &w->sealed;
	unsigned sealed = 0;
	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		if (dp_op(m)->status == 0) {
			dp_vec_push(&w->forward, m);
			sealed++;
		} else {
			dp_drop(w, m, DP_DROP_ENGINE_FAILED);
		}
	}
	dp_count(&w->stats.esp_out, sealed);
	in->n = 0;
}
