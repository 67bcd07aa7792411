/* SPDX-License-Identifier: BSD-3-Clause
 * Transport mode; see the header. A gateway's own packets are few: they are taken one by one, out of the way of the batches, and
 * each rule is asked where it stands in the RFC. Worker threads. */
#include "dataplane/transport.h"

#include "dataplane/audit.h"
#include "dataplane/dp.h"
#include "dataplane/esp_head.h"
#include "dataplane/flow.h"
#include "dataplane/fragment.h"
#include "dataplane/spd.h"

#define IKE_PORT 500

/* ---- which packets ---- */

/* IKE could not begin under a policy that needs it, and ESP of the kernel's own is sealed. */
static bool
is_exempt(const struct dp_worker *w, const struct sadb_flow *flow, rte_be16_t port_be)
{
	return flow->proto == IPPROTO_ESP ||
	       (flow->proto == IPPROTO_UDP && (port_be == RTE_BE16(IKE_PORT) || port_be == w->dp->nat_t_port_be));
}

static bool
is_fragment(struct rte_mbuf *m)
{
	if (!dp_is_v6(m))
		return dp_ipv4_is_fragment(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *));
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	struct dp_ipv6_upper upper;
	return dp_ipv6_walk(ip, dp_meta(m)->ip_bytes, &upper) != DP_IP_VERIFIED || upper.proto == IPPROTO_FRAGMENT;
}

/* An SA vouches for its two ends and for nobody else's address. */
static bool
is_between(const struct sadb_sa *sa, const struct sadb_flow *flow)
{
	const struct sadb_sa_config *config = &sa->cold->config;
	return (sadb_addr_equal(&flow->src, &config->src) || sa->encap != 0) &&
	       sadb_addr_equal(&flow->dst, &config->dst);
}

/* May the SA carry it (RFC 4301 4.4.2.1)? Outbound. */
static bool
is_of(const struct sadb_sa *sa, struct rte_mbuf *m)
{
	const struct sadb_sa_config *config = &sa->cold->config;
	const struct sadb_flow flow = dp_flow_of(m);
	return sadb_addr_equal(&flow.src, &config->src) && is_between(sa, &flow) &&
	       sadb_selector_matches(&config->sel, &flow);
}

/* ---- out ---- */

static void
set_lengths(uint8_t *packet, bool v6, uint16_t bytes)
{
	if (v6) {
		((struct rte_ipv6_hdr *)packet)->payload_len = dp_be16((uint16_t)(bytes - sizeof(struct rte_ipv6_hdr)));
		return;
	}
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)packet;
	ip->total_length = dp_be16(bytes);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~dp_ipv4_sum20(packet);
}

/* Makes room, writes ESP's header and trailer and, with it, UDP's; fills the operation. False: no room. */
static bool
insert(struct rte_mbuf *m, const struct sadb_sa *sa, uint64_t seq)
{
	static const uint8_t padding[4] = {1, 2, 3, 0};
	struct dp_meta *meta = dp_meta(m);
	struct dp_aead_op *op = dp_op(m);
	const bool v6 = dp_is_v6(m), udp = sa->encap != 0;
	uint8_t *old = rte_pktmbuf_mtod(m, uint8_t *);
	/* RFC 4303 3.1.1: behind what every router reads. The kernel sends no such extension headers here: see leads_on(). */
	const uint16_t next = v6 ? offsetof(struct rte_ipv6_hdr, proto) : offsetof(struct rte_ipv4_hdr, next_proto_id),
		       at = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr),
		       head = (uint16_t)(sizeof(struct dp_esp_head) + (udp ? DP_UDP_BYTES : 0));
	const unsigned plain = meta->ip_bytes - at, text = dp_esp_text_bytes(plain);
	const uint16_t bytes = (uint16_t)(at + head + text + DP_TAG_BYTES);
	if (m->data_off < head || m->data_off + at + text + DP_TAG_BYTES > m->buf_len)
		return false;

	uint8_t *packet = old - head, *esp = packet + at, *inner = old + at;
	const uint8_t proto = old[next];
	memmove(packet, old, at);
	packet[next] = udp ? IPPROTO_UDP : IPPROTO_ESP;
	memcpy(inner + plain, padding, text - DP_ESP_TRAILER - plain);
	inner[text - 2] = (uint8_t)(text - DP_ESP_TRAILER - plain);
	inner[text - 1] = proto;
	if (udp) {
		dp_put32(esp, sa->encap);
		dp_put32(esp + 4, dp_word_pair_16(dp_be16((uint16_t)(bytes - at)), 0));
		esp += DP_UDP_BYTES;
	}
	const uint32_t seq_low = rte_cpu_to_be_32((uint32_t)seq), seq_high = rte_cpu_to_be_32((uint32_t)(seq >> 32));
	dp_put64(esp, dp_word_pair(sa->spi_be, seq_low));
	dp_put64(esp + 8, dp_word_pair(seq_high, seq_low));
	set_lengths(packet, v6, bytes);
	m->data_off = (uint16_t)(m->data_off - head);
	m->data_len = bytes;
	m->pkt_len = bytes;
	meta->ip_bytes = bytes;

	op->key_area = sa->key_area;
	op->text = inner;
	op->tag = inner + text;
	op->cookie = m;
	dp_esp_sizes(op, text, sa->aad_bytes, DP_SEAL);
	uint32_t salt;
	memcpy(&salt, sa->salt, sizeof(salt));
	dp_esp_nonce(op, salt, dp_word_pair(seq_high, seq_low));
	dp_esp_aad(op, sa->spi_be, seq_high, seq_low);
	return true;
}

/* A number for one packet, and its share of the lifetimes. DP_DROP_COUNT, or why there is none. */
static unsigned
take_number(struct dp_worker *w, struct sadb_sa *sa, uint64_t bytes, uint64_t *seq)
{
	const struct dp_group group = {.sa = sa, .packets = 1, .bytes = bytes};
	if (sadb_sa_stopped(sa)) {
		dp_report_hard(w, sa);
		return DP_DROP_SA_EXPIRED;
	}
	if (sadb_sa_seq_take(sa->mut, 1, seq) == 0)
		return DP_DROP_SEQ_SPENT;
	const uint64_t max = sa->flags & SADB_SA_ESN ? UINT64_MAX : UINT32_MAX;
	if (dp_seq_is_near(*seq, 1, max))
		dp_audit_sequence_near(w, sa, *seq);
	return dp_group_use(w, &group, 1, bytes) ? DP_DROP_COUNT : DP_DROP_SA_EXPIRED;
}

/* Its length is checked first: an IPv4 packet that may be cut is cut once it is sealed (RFC 4303 3.3.4); of any other the kernel
 * is told. */
static bool
fits(struct dp_worker *w, struct rte_mbuf *m, const struct dp_esp_way *way)
{
	const bool v6 = dp_is_v6(m);
	const uint16_t outer = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	if (dp_meta(m)->ip_bytes <= way->max_inner_bytes + outer)
		return true;
	if (!v6 && dp_ipv4_may_fragment(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *)))
		return true;
	dp_icmp_to_twin(w, m, (uint16_t)(way->max_inner_bytes + outer));
	return false;
}

static void
protect(struct dp_worker *w, struct rte_mbuf *m, struct sadb_sa *sa)
{
	struct dp_meta *meta = dp_meta(m);
	const struct dp_esp_way way = dp_esp_way(w, sa);
	uint64_t seq;
	unsigned reason = way.reason;

	if (reason == DP_DROP_COUNT)
		reason = !is_of(sa, m)       ? (unsigned)DP_DROP_OUT_SELECTOR
			 : is_fragment(m)    ? (unsigned)DP_DROP_OWN_FRAGMENT
			 : !fits(w, m, &way) ? (unsigned)DP_DROP_MTU
					     : take_number(w, sa, meta->ip_bytes, &seq);
	if (reason == DP_DROP_COUNT && !insert(m, sa, seq))
		reason = DP_DROP_NO_HEADROOM;
	if (reason != DP_DROP_COUNT) {
		dp_drop(w, m, reason);
		return;
	}
	meta->out_port = way.out_port;
	meta->next_hop_be = way.next_hop_be;
	meta->cut_bytes = way.max_outer_bytes;
	meta->flags |= DP_META_LONG;
	if (way.next_hop_v6 != NULL) {
		memcpy(meta->next_hop_v6, way.next_hop_v6, sizeof(meta->next_hop_v6));
		meta->flags |= sa->encap != 0 ? DP_META_UDP_SUM : 0;
	}
	struct dp_aead_op *op = dp_op(m);
	dp_crypto_submit(w, &op, 1);
}

static void
strip_ethernet(struct rte_mbuf *m)
{
	dp_meta(m)->flags &= (uint16_t)~DP_META_HAS_L2;
	rte_pktmbuf_adj(m, sizeof(struct rte_ether_hdr));
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - dp_meta(m)->ip_bytes));
}

/* Its destination is only the next of several, which a policy cannot see (RFC 8200 4.4). */
static bool
leads_on(struct rte_mbuf *m)
{
	struct dp_ipv6_upper upper;
	return dp_is_v6(m) &&
	       dp_ipv6_walk(rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, sizeof(struct rte_ether_hdr)),
			    dp_meta(m)->ip_bytes, &upper) == DP_DROP_IP6_ROUTING;
}

void
dp_transport_out(struct dp_worker *w, struct rte_mbuf *m, struct dp_port *port)
{
	const struct sadb_vnet *underlay = sadb_underlay(w->db);
	const bool none = dp_is_v6(m) ? sadb_vnet_spd_v6(underlay, SADB_POLICY_OUT) == NULL
				      : sadb_vnet_spd(underlay, SADB_POLICY_OUT) == NULL;
	bool blocked = false;

	if (none) {
		dp_tx(w, port, m);
		return;
	}
	if (leads_on(m)) {
		dp_drop(w, m, DP_DROP_IP6_ROUTING);
		return;
	}
	const struct sadb_flow flow = dp_flow_of(m);
	struct sadb_policy *policy =
	    is_exempt(w, &flow, flow.sport_be) ? NULL : dp_spd_lookup_one(underlay, SADB_POLICY_OUT, m, &blocked);
	if (blocked) {
		dp_drop(w, m, DP_DROP_FRAGMENT_PORTS);
		return;
	}
	if (policy == NULL || policy->action == SADB_BYPASS) {
		dp_tx(w, port, m);
		return;
	}
	dp_policy_touch(w, policy);
	struct sadb_sa *sa = policy->action == SADB_PROTECT ? sadb_policy_sa(policy) : NULL;
	if (sa == NULL) {
		if (policy->action == SADB_PROTECT)
			dp_acquire(w, policy, m);
		dp_drop(w, m, policy->action == SADB_PROTECT ? DP_DROP_NO_SA : DP_DROP_POLICY);
		return;
	}
	dp_meta(m)->vnet = sa->vnet;
	dp_meta(m)->sa = sa;
	strip_ethernet(m);
	protect(w, m, sa);
}

/* ---- in ---- */

/* The packet as it was before ESP: its outer header, moved to the text, and that. */
static void
restore(struct rte_mbuf *m, bool v6)
{
	const uint16_t outer = v6 ? DP_OUTER_V6_BYTES : DP_OUTER_BYTES;
	const struct dp_aead_op *op = dp_op(m);
	uint8_t *text = op->text, *packet = text - outer;
	const uint8_t *end = text + op->text_bytes;
	const uint16_t bytes = (uint16_t)(outer + op->text_bytes - DP_ESP_TRAILER - end[-2]);
	const uint8_t proto = end[-1];

	memmove(packet, packet - sizeof(struct dp_esp_head), outer);
	if (v6) {
		((struct rte_ipv6_hdr *)packet)->proto = proto;
	} else {
		((struct rte_ipv4_hdr *)packet)->next_proto_id = proto;
		((struct rte_ipv4_hdr *)packet)->fragment_offset &= RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	}
	set_lengths(packet, v6, bytes);
	m->data_off = (uint16_t)(packet - (uint8_t *)m->buf_addr);
	m->data_len = bytes;
	m->pkt_len = bytes;
	dp_meta(m)->ip_bytes = bytes;
	dp_meta(m)->flags = (uint16_t)(DP_META_FROM_ESP | (v6 ? DP_META_V6 : 0));
	dp_meta(m)->next_hop_be = 0;
}

/* RFC 3948 3.1.2: a NAT changed the addresses that TCP's and UDP's checksums cover. The tag vouches for the rest, so they are made
 * anew. */
static void
mend_checksum(struct rte_mbuf *m, const struct sadb_flow *flow)
{
	const bool v6 = dp_is_v6(m);
	void *ip = rte_pktmbuf_mtod(m, void *);
	const uint16_t head = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr),
		       there = dp_meta(m)->ip_bytes - head;
	uint8_t *l4 = (uint8_t *)ip + head;
	const unsigned where = flow->proto == IPPROTO_TCP ? 16 : 6;
	uint16_t sum = 0;

	if ((flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP) || there < where + 2u ||
	    (v6 && ((struct rte_ipv6_hdr *)ip)->proto !=
		       flow->proto)) /* behind options of its sender's: no NAT knows it either */
		return;
	memcpy(&sum, l4 + where, sizeof(sum));
	if (flow->proto == IPPROTO_UDP && sum == 0) /* none */
		return;
	sum = 0;
	memcpy(l4 + where, &sum, sizeof(sum));
	sum = v6 ? rte_ipv6_udptcp_cksum(ip, l4) : rte_ipv4_udptcp_cksum(ip, l4);
	memcpy(l4 + where, &sum, sizeof(sum));
}

/* RFC 4301 5.2: the SA's selector, and a policy that asks for this SA. DP_DROP_COUNT, or why not. */
static unsigned
judge(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	bool blocked = false;

	meta->vnet = meta->sa->vnet;
	if (dp_is_v6(m)) {
		const unsigned verdict = dp_ipv6_flow_read(
		    &dp_v6(m)->flow, rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *), meta->ip_bytes);
		if (verdict != DP_IP_VERIFIED)
			return verdict;
	} else {
		dp_flow_read(&meta->flow, rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *), meta->ip_bytes);
	}
	const struct sadb_flow flow = dp_flow_of(m);
	if (!is_between(meta->sa, &flow) || !sadb_selector_matches(&meta->sa->cold->config.sel, &flow))
		return DP_DROP_INNER_SELECTOR;
	struct sadb_policy *policy = dp_spd_lookup_one(meta->vnet, SADB_POLICY_IN, m, &blocked);
	if (blocked)
		return DP_DROP_FRAGMENT_PORTS;
	if (policy == NULL || policy->action != SADB_PROTECT || !sadb_policy_permits(policy, meta->sa))
		return DP_DROP_INNER_POLICY;
	dp_policy_touch(w, policy);
	if (meta->sa->encap != 0)
		mend_checksum(m, &flow);
	return DP_DROP_COUNT;
}

void
dp_transport_unstrip(struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	const struct dp_aead_op *op = dp_op(m);
	const uint8_t *outer = op->text - sizeof(struct dp_esp_head) -
			       (meta->sa->flags & SADB_HOT_OUTER_V6 ? DP_OUTER_V6_BYTES : DP_OUTER_BYTES);
	const uint16_t bytes = (uint16_t)(op->tag + DP_TAG_BYTES - outer);

	m->data_off = (uint16_t)(outer - (uint8_t *)m->buf_addr);
	m->data_len = bytes;
	m->pkt_len = bytes;
	meta->ip_bytes = bytes;
	meta->flags = 0;
}

void
dp_transport_in(struct dp_worker *w, struct rte_mbuf *m)
{
	restore(m, (dp_meta(m)->sa->flags & SADB_HOT_OUTER_V6) != 0);
	const unsigned reason = judge(w, m);
	if (reason != DP_DROP_COUNT)
		dp_drop(w, m, reason);
	else
		dp_vec_push(&w->punt, m);
}

/* ---- in clear ---- */

enum clear { PASSES, IS_JUDGED, CANNOT_BE_READ };

static enum clear
read_clear_v6(struct rte_mbuf *m, const struct rte_ipv6_hdr *ip, uint16_t bytes)
{
	struct dp_meta *meta = dp_meta(m);
	if (dp_ipv6_is_link_multicast(ip->dst_addr) || dp_ipv6_is_link_local(ip->dst_addr) ||
	    dp_ipv6_is_discovery(ip, bytes))
		return PASSES;
	meta->flags |= DP_META_V6;
	return dp_ipv6_own_flow_read(&dp_v6(m)->flow, ip, bytes) == DP_IP_VERIFIED ? IS_JUDGED : CANNOT_BE_READ;
}

bool
dp_transport_clear_allowed(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	bool blocked = false;

	if (!(meta->flags & DP_META_HAS_L2)) /* out of an SA, or made here */
		return true;
	if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
		const enum clear clear = read_clear_v6(m, (const struct rte_ipv6_hdr *)(ether + 1), meta->ip_bytes);
		if (clear != IS_JUDGED)
			return clear == PASSES;
	} else if (ether->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
		dp_flow_read(&meta->flow, (const struct rte_ipv4_hdr *)(ether + 1), meta->ip_bytes);
	} else {
		return true;
	}
	const struct sadb_flow flow = dp_flow_of(m);
	if (is_exempt(w, &flow, flow.dport_be))
		return true;
	const struct sadb_policy *policy = dp_spd_lookup_one(sadb_underlay(w->db), SADB_POLICY_IN, m, &blocked);
	return !blocked && (policy == NULL || policy->action == SADB_BYPASS);
}
