/* SPDX-License-Identifier: BSD-3-Clause
 * Where an SA's packets go, and the longest that it can seal in one piece. Worker threads. */
#include "dataplane/dp.h"
#include "dataplane/esp_head.h"

static uint16_t
outer_mtu(const struct dp_worker *w, uint16_t port, const struct sadb_sa *sa)
{
	const uint16_t mtu = w->dp->port[port]->mtu, learnt = sadb_sa_path_mtu(sa->mut, w->now_s);
	return learnt != 0 && learnt < mtu ? learnt : mtu;
}

struct dp_esp_way
dp_esp_way(const struct dp_worker *w, const struct sadb_sa *sa)
{
	const struct sadb_fib *fib = sadb_vnet_fib(sadb_underlay(w->db));
	const bool v6 = (sa->flags & SADB_HOT_OUTER_V6) != 0;
	const uint8_t *dst = v6 ? sa->cold->config.dst.bytes : NULL;
	const struct sadb_nexthop *hop = v6 ? sadb_fib_lookup_v6(fib, dst) : sadb_fib_lookup(fib, sa->dst_v4_be);
	if (hop == NULL)
		return (struct dp_esp_way){.reason = DP_DROP_NO_ROUTE};
	if (hop->kind != SADB_ROUTE_UNICAST)
		return (struct dp_esp_way){.reason = hop->kind == SADB_ROUTE_LOCAL ? DP_DROP_ROUTE_DOMAIN
										   : DP_DROP_BLACKHOLE};
	const uint16_t outer_bytes = outer_mtu(w, hop->port, sa);
	struct dp_esp_way way = {.reason = DP_DROP_COUNT,
				 .out_port = hop->port,
				 .max_outer_bytes = outer_bytes,
				 .max_inner_bytes = dp_esp_inner_bytes(outer_bytes, sa)};
	if (v6)
		way.next_hop_v6 = sadb_nexthop_of_v6(hop, dst);
	else
		way.next_hop_be = hop->gateway_v4_be ? hop->gateway_v4_be : sa->dst_v4_be;
	return way;
}
