/* SPDX-License-Identifier: BSD-3-Clause
 * TCP's segment size lowered; see the header. Worker threads. */
#include "dataplane/mss.h"

#include <netinet/in.h>

#include "dataplane/dp.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/spd.h"

#define TCP_BYTES   20
#define AT_OFFSET   12 /* header length, in words of four bytes, in its upper half */
#define AT_FLAGS    13
#define AT_CHECKSUM 16
#define SYN         0x02
#define OPTION_END  0
#define OPTION_NOP  1
#define OPTION_MSS  2
#define MSS_BYTES   4 /* kind, length, value */
#define V4_OVERHEAD (20 + TCP_BYTES)
#define V6_OVERHEAD (40 + TCP_BYTES)
#define LEAST       88 /* no way is so narrow: Linux goes no lower either */

/* The checksum sums words; what stands at an odd place is in it with its bytes exchanged (RFC 1071 2 (B)). */
static void
write_value(uint8_t *tcp, uint32_t at, uint16_t value)
{
	uint16_t before, after = dp_be16(value), checksum;
	memcpy(&before, tcp + at, sizeof(before));
	memcpy(tcp + at, &after, sizeof(after));
	memcpy(&checksum, tcp + AT_CHECKSUM, sizeof(checksum));
	if (at % 2 != 0) {
		before = __builtin_bswap16(before);
		after = __builtin_bswap16(after);
	}
	checksum = dp_csum_replace(checksum, before, after);
	memcpy(tcp + AT_CHECKSUM, &checksum, sizeof(checksum));
}

bool
dp_mss_lower(uint8_t *tcp, uint32_t bytes, uint16_t most)
{
	bool changed = false;
	if (bytes < TCP_BYTES || !(tcp[AT_FLAGS] & SYN))
		return false;
	const uint32_t head = (tcp[AT_OFFSET] >> 4) * 4u;
	if (head > bytes)
		return false;
	for (uint32_t at = TCP_BYTES; at < head && tcp[at] != OPTION_END;) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 1 == head || tcp[at + 1] < 2 || tcp[at + 1] > head - at)
			break;
		/* Of several the last counts, or the first: all are lowered. */
		if (tcp[at] == OPTION_MSS && tcp[at + 1] == MSS_BYTES && (tcp[at + 2] << 8 | tcp[at + 3]) > most) {
			write_value(tcp, at + 2, most);
			changed = true;
		}
		at += tcp[at + 1];
	}
	return changed;
}

/* The TCP header of a packet, and how many bytes are there from it on. NULL: it has none. */
static uint8_t *
tcp_of(struct rte_mbuf *m, uint32_t *bytes)
{
	const struct dp_meta *meta = dp_meta(m);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t at = sizeof(struct rte_ipv4_hdr);

	if (dp_is_v6(m)) {
		struct dp_ipv6_upper upper;
		if (dp_v6(m)->flow.proto != IPPROTO_TCP || dp_v6(m)->flow.later_fragment ||
		    dp_ipv6_walk((const struct rte_ipv6_hdr *)ip, meta->ip_bytes, &upper) != DP_IP_VERIFIED ||
		    upper.proto != IPPROTO_TCP)
			return NULL;
		at = upper.at;
	} else if (meta->flow.proto != IPPROTO_TCP || meta->flow.later_fragment) {
		return NULL;
	}
	if (meta->ip_bytes < at + TCP_BYTES || !(ip[at + AT_FLAGS] & SYN))
		return NULL;
	*bytes = meta->ip_bytes - at;
	return ip + at;
}

/* What fits the SA's way now; UINT16_MAX: nobody knows. */
static uint16_t
fits(const struct dp_worker *w, const struct sadb_sa *sa, bool v6)
{
	const uint16_t overhead = v6 ? V6_OVERHEAD : V4_OVERHEAD;
	const struct dp_esp_way way = dp_esp_way(w, sa);
	if (way.reason != DP_DROP_COUNT)
		return UINT16_MAX;
	return way.max_inner_bytes < LEAST + overhead ? LEAST : (uint16_t)(way.max_inner_bytes - overhead);
}

static void
lower(struct dp_worker *w, struct rte_mbuf *m, uint16_t wanted, const struct sadb_sa *sa)
{
	uint32_t bytes;
	uint8_t *tcp = tcp_of(m, &bytes);

	if (tcp == NULL)
		return;
	if (wanted == DP_MSS_AUTO)
		wanted = sa != NULL ? fits(w, sa, dp_is_v6(m)) : UINT16_MAX;
	dp_mss_lower(tcp, bytes, wanted);
}

void
dp_mss_out(struct dp_worker *w, const struct dp_vec *vec)
{
	for (unsigned i = 0; i < vec->n; i++) {
		const struct dp_meta *meta = dp_meta(vec->pkt[i]);
		/* a setting of its own: orders nothing */
		const uint16_t wanted = __atomic_load_n(&w->dp->port[meta->in_port]->mss, __ATOMIC_RELAXED);
		if (wanted != 0)
			lower(w, vec->pkt[i], wanted, meta->sa);
	}
}

/* The SA that answers will go in: the outbound policy's for the same flow the other way round. */
static struct sadb_sa *
way_back(struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	struct sadb_policy *policy = NULL;
	bool blocked;

	if (dp_is_v6(m)) {
		const struct sadb_flow_v6 *flow = &dp_v6(m)->flow;
		struct sadb_flow_v6 back = {
		    .sport_be = flow->dport_be, .dport_be = flow->sport_be, .proto = flow->proto};
		memcpy(back.src, flow->dst, sizeof(back.src));
		memcpy(back.dst, flow->src, sizeof(back.dst));
		policy = sadb_spd_lookup_v6(sadb_vnet_spd_v6(meta->vnet, SADB_POLICY_OUT), &back, &blocked);
	} else {
		const struct sadb_flow_v4 back = {.src_be = meta->flow.dst_be,
						  .dst_be = meta->flow.src_be,
						  .sport_be = meta->flow.dport_be,
						  .dport_be = meta->flow.sport_be,
						  .proto = meta->flow.proto};
		const struct sadb_flow_v4 *const flows = &back;
		sadb_spd_lookup(sadb_vnet_spd(meta->vnet, SADB_POLICY_OUT), &flows, 1, &policy);
	}
	return policy != NULL && policy->action == SADB_PROTECT ? sadb_policy_sa(policy) : NULL;
}

void
dp_mss_in(struct dp_worker *w, const struct dp_vec *vec)
{
	const uint16_t opened = DP_META_FROM_ESP | DP_META_HOP;

	for (unsigned i = 0; i < vec->n; i++) {
		struct rte_mbuf *m = vec->pkt[i];
		const struct dp_meta *meta = dp_meta(m);
		uint32_t bytes;
		/* What waited for its neighbour has been here, and its hop may be gone. */
		if ((meta->flags & (opened | DP_META_ROUTED | DP_META_LONG)) != opened || meta->hop == NULL ||
		    meta->hop->kind != SADB_ROUTE_UNICAST)
			continue;
		const uint16_t wanted = __atomic_load_n(&w->dp->port[meta->hop->port]->mss, __ATOMIC_RELAXED);
		if (wanted != 0 && tcp_of(m, &bytes) != NULL)
			lower(w, m, wanted, wanted == DP_MSS_AUTO ? way_back(m) : NULL);
	}
}

int
dp_port_mss_set(struct dp *dp, uint16_t port, uint16_t mss)
{
	bool any = false;
	if (port >= dp->n_ports)
		return -ENOENT;
	__atomic_store_n(&dp->port[port]->mss, mss, __ATOMIC_RELAXED); /* see dp_mss_out() */
	for (unsigned i = 0; i < dp->n_ports; i++)
		any |= dp->port[i]->mss != 0;
	__atomic_store_n(&dp->mss, any, __ATOMIC_RELAXED); /* with the load in stages(): orders nothing */
	return 0;
}
