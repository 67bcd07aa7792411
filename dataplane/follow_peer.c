/* SPDX-License-Identifier: BSD-3-Clause
 * Where the peer of an SA in UDP is now (RFC 7296 2.23). Worker threads. */
#include "dataplane/esp.h"
#include "dataplane/worker.h"

/* Where an opened packet came from. */
static struct sadb_addr
outer_source(struct rte_mbuf *m, const struct sadb_sa *sa)
{
	const bool v6 = (sa->flags & SADB_HOT_OUTER_V6) != 0;
	const uint8_t *outer = dp_op(m)->text - sizeof(struct dp_esp_head) - (v6 ? DP_OUTER_V6_BYTES : DP_OUTER_BYTES);
	rte_be32_t src_be;
	if (v6)
		return sadb_addr_v6(outer + offsetof(struct rte_ipv6_hdr, src_addr));
	memcpy(&src_be, outer + offsetof(struct rte_ipv4_hdr, src_addr), sizeof(src_be));
	return sadb_addr_v4(src_be);
}

void
dp_follow_peer(struct dp_worker *w, struct sadb_sa *sa, struct rte_mbuf *const pkt[], unsigned n,
	       const enum sadb_replay_verdict *verdict)
{
	const uint64_t top = sa->replay != NULL ? sadb_replay_hint(sa->replay) : 0;
	struct rte_mbuf *newest = NULL;

	for (unsigned i = 0; i < n; i++)
		if (dp_meta(pkt[i])->seq >= top && (verdict == NULL || verdict[i] == SADB_REPLAY_OK))
			newest = pkt[i];
	if (newest == NULL)
		return;
	const struct sadb_sa_config *config = &sa->cold->config;
	const struct sadb_addr src = outer_source(newest, sa);
	const rte_be16_t sport_be = dp_first_two(dp_meta(newest)->udp);
	if (likely(sadb_addr_equal(&src, &config->src) && sport_be == dp_first_two(sa->encap)))
		return;
	const struct dp_event event = {.kind = DP_EVENT_MAPPING,
				       .sport_be = sport_be,
				       .addr = src,
				       .sa = sadb_sa_key_make(&config->dst, config->spi_be, config->proto)};
	if (sadb_sa_moved(sa, &src, event.sport_be, w->now_s) && !dp_event_send(w, &event))
		sadb_sa_moved_untold(sa);
}
