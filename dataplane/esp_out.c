/* SPDX-License-Identifier: BSD-3-Clause
 * Stage esp_out: what the policy protects gets its sequence number, outer header and seal (RFC 4303 3.3). Worker
 * threads. Exits: forward, drop; on the way there packets are with the engine. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/audit.h"
#include "dataplane/dp.h"
#include "dataplane/esp_head.h"
#include "dataplane/esp_odd.h"
#include "dataplane/flow.h"
#include "dataplane/fragment.h"

#define SA_AHEAD 32 /* packets */

/* Once per SA and batch: where do its packets go? Whether it may be used at all shows when they are numbered. */
static void
open_group(const struct dp_worker *w, struct dp_group *group, bool v6)
{
	const struct dp_esp_way way = dp_esp_way(w, group->sa);
	group->reason = way.reason;
	group->out_port = way.out_port;
	group->next_hop_be = way.next_hop_be;
	group->next_hop_v6 = way.next_hop_v6;
	group->max_inner_bytes = way.max_inner_bytes;
	group->max_outer_bytes = way.max_outer_bytes;
	/* Beyond this admit() is asked: nothing is plain where the SA has a selector or may not be used. */
	const bool any = v6 ? (group->sa->flags & SADB_HOT_ANY_V6) != 0 : group->sa->sel_any;
	group->plain_bytes = group->reason == DP_DROP_COUNT && any ? group->max_inner_bytes : 0;
}

enum admitted { ADMITTED, REFUSED, TO_CUT };

/* RFC 4301 4.4.2.1: the SA's selector. */
static bool
selected(const struct sadb_sa *sa, struct rte_mbuf *m, bool v6)
{
	const struct sadb_selector *sel = &sa->cold->config.sel;
	if (v6)
		return (sa->flags & SADB_HOT_ANY_V6) || dp_ipv6_selected(sel, &dp_v6(m)->flow);
	return sa->sel_any || dp_flow_selected(sel, &dp_meta(m)->flow);
}

static inline uint8_t *
hop_limit(struct rte_mbuf *m, bool v6)
{
	return v6 ? &rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *)->hop_limits
		  : &rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *)->time_to_live;
}

/* Longer than what goes its SA's way in one piece. Some SAs cut once it is sealed. Of others: a host that lets nobody cut its
 * packet is told (RFC 1191, RFC 4301 8.2.2); any other's is for dp_fragment_uncut(). What comes from there and is too long all the same met a way that became narrower
 * at this moment. */
static enum admitted
too_long(struct dp_worker *w, struct rte_mbuf *m, const struct dp_group *group, bool v6)
{
	if (dp_esp_seals_whole(group->sa, m))
		return ADMITTED;
	if (!v6 && dp_ipv4_may_fragment(rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *))) {
		if (!w->cutting)
			return TO_CUT;
	} else {
		dp_icmp_error(w, m, DP_ICMP_TOO_BIG, group->max_inner_bytes);
	}
	dp_drop(w, m, DP_DROP_MTU);
	return REFUSED;
}

/* The packets that are not the common ones: refused before a sequence number is spent, or let through after all. */
static enum admitted
admit(struct dp_worker *w, struct rte_mbuf *m, const struct dp_group *group, bool v6)
{
	const struct dp_meta *meta = dp_meta(m);

	if (group->reason != DP_DROP_COUNT) {
		dp_drop(w, m, group->reason);
		return REFUSED;
	}
	if (!(meta->flags & DP_META_DUMMY) && !selected(group->sa, m, v6)) {
		dp_drop(w, m, DP_DROP_OUT_SELECTOR);
		return REFUSED;
	}
	if (!(meta->flags & DP_META_FROM_TWIN) && *hop_limit(m, v6) <= 1) {
		dp_icmp_error(w, m, DP_ICMP_TTL, 0);
		dp_drop(w, m, DP_DROP_TTL);
		return REFUSED;
	}
	return meta->ip_bytes > group->max_inner_bytes ? too_long(w, m, group, v6) : ADMITTED;
}

/* The batch ends before this packet: it and those behind it wait in order until the stages after this one are done. */
static void
set_aside(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n)
{
	memcpy(w->uncut.pkt, pkt, n * sizeof(pkt[0]));
	w->uncut.n = n;
}

/* With many SAs in use every one of them has left the caches since its last packet. classify asked for its first line;
 * these are the ones that it leads to. */
static inline void
prefetch_sa(const struct sadb_sa *sa)
{
	__builtin_prefetch(&sa->mut->out_seq, 1);
	__builtin_prefetch(&sa->mut->bytes, 1);
}

/* Sorts the batch into groups; what stays is compacted. Returns how many stay. v6 is a constant here and below: the packets
 * of a batch are of one family. */
static __rte_always_inline unsigned
gather(struct dp_worker *w, struct dp_vec *in, const bool v6)
{
	struct dp_group *group = NULL;
	unsigned n = 0;

	dp_groups_start(&w->groups);
	for (unsigned i = 0; i < in->n && i < SA_AHEAD; i++)
		if (i == 0 || dp_meta(in->pkt[i])->sa != dp_meta(in->pkt[i - 1])->sa)
			prefetch_sa(dp_meta(in->pkt[i])->sa);
	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		uint8_t *const hops = hop_limit(m, v6);
		const struct sadb_sa *next = i + SA_AHEAD < in->n ? dp_meta(in->pkt[i + SA_AHEAD])->sa : meta->sa;
		if (next != meta->sa)
			prefetch_sa(next);
		if (unlikely(group == NULL || group->sa != meta->sa)) {
			bool new;
			group = dp_groups_find(&w->groups, meta->sa, &new);
			if (new)
				open_group(w, group, v6);
		}
		/* RFC 4301 5.1.2.1: the TTL goes down before encapsulation when the packet is forwarded. */
		bool forwarded = (meta->flags & DP_META_FROM_TWIN) == 0;
		if (unlikely((meta->ip_bytes > group->plain_bytes) | (*hops <= forwarded))) {
			const enum admitted verdict = admit(w, m, group, v6);
			if (verdict == TO_CUT) {
				set_aside(w, &in->pkt[i], in->n - i);
				break;
			}
			if (verdict == REFUSED)
				continue;
		}
		if (likely(forwarded)) {
			if (v6)
				--*hops;
			else
				dp_ipv4_ttl_down(rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *));
		}
		meta->group = group->index;
		group->packets++;
		group->bytes += meta->ip_bytes;
		in->pkt[n++] = m;
	}
	return n;
}

/* Rare: not all of a group may go. The inner bytes of those that may. A batch's only group has them all. */
static uint64_t
granted_bytes(const struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, unsigned group)
{
	unsigned granted = w->groups.group[group].granted;
	uint64_t bytes = 0;
	for (unsigned i = 0; i < n && granted > 0; i++) {
		if (w->groups.n == 1 || dp_meta(pkt[i])->group == group) {
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
	if (sadb_sa_stopped(group->sa)) { /* stands on the line that the number comes from */
		dp_report_hard(w, group->sa);
		group->reason = DP_DROP_SA_EXPIRED;
		return;
	}
	group->granted = (uint16_t)sadb_sa_seq_take(group->sa->mut, group->packets, &group->first_seq);
	group->reason = DP_DROP_SEQ_SPENT;
	if (group->granted == 0)
		return;
	const uint64_t max = group->sa->flags & SADB_SA_ESN ? UINT64_MAX : UINT32_MAX;
	if (dp_seq_is_near(group->first_seq, group->granted, max))
		dp_audit_sequence_near(w, group->sa, group->first_seq + group->granted - 1);
	uint64_t bytes = group->granted == group->packets ? group->bytes : granted_bytes(w, pkt, n, index);
	if (!dp_group_use(w, group, group->granted, bytes)) {
		group->granted = 0;
		group->reason = DP_DROP_SA_EXPIRED;
	}
}

/* Trailer and headers around the inner packet (RFC 4303 2.4, 3.3.2); fills the operation. False: no room. */
static __rte_always_inline bool
encapsulate(struct rte_mbuf *m, const struct dp_esp_common *common, uint64_t seq, const unsigned kind)
{
	const bool v6 = (kind & DP_ESP_INNER_V6) != 0, outer_v6 = (kind & DP_ESP_OUTER_V6) != 0;
	struct dp_meta *meta = dp_meta(m);
	struct dp_aead_op *op = dp_op(m);
	const unsigned inner_bytes = meta->ip_bytes, text = dp_esp_text_bytes(inner_bytes),
		       pad = text - inner_bytes - DP_ESP_TRAILER, data_off = m->data_off,
		       head = dp_esp_head_bytes(outer_v6, common->udp);
	const uint16_t bytes = (uint16_t)(head + text + DP_TAG_BYTES);
	const uint64_t seq_be = dp_be64(seq);
	const uint32_t seq_high = dp_first_word(seq_be), seq_low = dp_second_word(seq_be);
	uint8_t *inner = (uint8_t *)m->buf_addr + data_off;
	if (unlikely((data_off < head) | (data_off + text + DP_TAG_BYTES > m->buf_len)))
		return false;

	if (kind & DP_ESP_STRAIGHT)
		dp_ipv4_ttl_down((struct rte_ipv4_hdr *)inner);
	/* At most three bytes of padding, 1, 2, 3; then its length and the next header. What of the padding is too much is
	 * overwritten by these or by the tag. */
	static_assert(DP_ESP_ALIGN == 4, "padding is at most three bytes");
	static const uint8_t padding[4] = {1, 2, 3, 0};
	memcpy(inner + inner_bytes, padding, sizeof(padding));
	const uint16_t trailer = dp_byte_pair((uint8_t)pad, v6 ? DP_NEXT_IPV6 : DP_NEXT_IPV4);
	memcpy(inner + text - DP_ESP_TRAILER, &trailer, sizeof(trailer));
	if (outer_v6)
		dp_esp_write_v6(inner, common, seq_low, seq_high, bytes, v6);
	else
		dp_esp_write_v4(inner, common, seq_low, seq_high, bytes, v6);
	m->data_off = (uint16_t)(data_off - head);
	m->data_len = bytes;
	m->pkt_len = bytes;
	meta->ip_bytes = bytes;
	meta->next_hop_be = common->next_hop_be;
	meta->out_port = common->out_port;
	if (outer_v6) {
		memcpy(meta->next_hop_v6, common->next_hop_v6, sizeof(meta->next_hop_v6));
		meta->flags |= common->udp ? DP_META_V6 | DP_META_UDP_SUM : DP_META_V6;
	} else if (v6) {
		meta->flags &= (uint16_t)~DP_META_V6;
	}
	if (kind & DP_ESP_STRAIGHT)
		meta->flags = DP_META_ROUTED; /* there are no others */
	else
		meta->flags |= DP_META_ROUTED;

	op->key_area = common->key_area;
	op->text = inner;
	op->tag = inner + text;
	op->cookie = m;
	dp_esp_sizes(op, text, common->aad_bytes, DP_SEAL);
	dp_esp_nonce(op, common->salt, seq_be);
	dp_esp_aad(op, common->spi, seq_high, seq_low);
	return true;
}

struct sealed {
	unsigned n;
	struct dp_aead_op *ops[DP_VEC_MAX];
};

/* Packets in a row of one SA. Returns how many they are. */
static __rte_always_inline unsigned
seal_run(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out, const unsigned kind)
{
	const unsigned index = dp_meta(pkt[0])->group;
	struct dp_group *group = &w->groups.group[index];
	const struct dp_esp_common common = dp_esp_common_of(group, kind);
	const unsigned granted = group->granted;
	const uint64_t first_seq = group->first_seq;
	unsigned i = 0, next = group->next, n_ops = out->n;
	do {
		if (unlikely(next == granted))
			dp_drop(w, pkt[i], group->reason);
		else if (likely(encapsulate(pkt[i], &common, first_seq + next++, kind)))
			out->ops[n_ops++] = dp_op(pkt[i]);
		else
			dp_drop(w, pkt[i], DP_DROP_NO_HEADROOM);
	} while (++i < n && dp_meta(pkt[i])->group == index);
	group->next = (uint16_t)next;
	out->n = n_ops;
	return i;
}

/* The same of an SA that wants more. */
static __rte_noinline unsigned
seal_odd(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out, unsigned kind)
{
	const struct dp_group *group = &w->groups.group[dp_meta(pkt[0])->group];
	const unsigned before = out->n;
	unsigned done;

	dp_esp_pad(group, pkt, n);
	switch (kind) {
	case 0:
		done = seal_run(w, pkt, n, out, 0);
		break;
	case DP_ESP_INNER_V6:
		done = seal_run(w, pkt, n, out, DP_ESP_INNER_V6);
		break;
	case DP_ESP_OUTER_V6:
		done = seal_run(w, pkt, n, out, DP_ESP_OUTER_V6);
		break;
	default:
		done = seal_run(w, pkt, n, out, DP_ESP_OUTER_V6 | DP_ESP_INNER_V6);
	}
	dp_esp_dress(w, group, &out->ops[before], out->n - before);
	return done;
}

static __rte_noinline unsigned
seal_run_4in6(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out)
{
	return seal_run(w, pkt, n, out, DP_ESP_OUTER_V6);
}

static __rte_noinline unsigned
seal_run_6in6(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out)
{
	return seal_run(w, pkt, n, out, DP_ESP_OUTER_V6 | DP_ESP_INNER_V6);
}

static __rte_always_inline void
seal_gathered(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out, const bool v6)
{
	for (unsigned i = 0; i < n;) {
		const struct dp_group *group = &w->groups.group[dp_meta(pkt[i])->group];
		if (unlikely(group->sa->flags & SADB_HOT_ODD))
			i +=
			    seal_odd(w, &pkt[i], n - i, out,
				     (v6 ? DP_ESP_INNER_V6 : 0u) | (group->next_hop_v6 != NULL ? DP_ESP_OUTER_V6 : 0u));
		else if (likely(group->next_hop_v6 == NULL))
			i += seal_run(w, &pkt[i], n - i, out, v6 ? DP_ESP_INNER_V6 : 0);
		else
			i += v6 ? seal_run_6in6(w, &pkt[i], n - i, out) : seal_run_4in6(w, &pkt[i], n - i, out);
	}
}

/* Most batches are of one SA, and of packets about which admit() need not be asked. Is this one? Returns its bytes, and the
 * longest packet's; or 0. */
static uint64_t
straight_bytes(struct rte_mbuf *const pkt[], unsigned n, const struct sadb_sa *sa, unsigned *longest)
{
	uintptr_t other = 0;
	unsigned wrong = 0, most = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct dp_meta *meta = dp_meta(pkt[i]);
		other |= (uintptr_t)meta->sa ^ (uintptr_t)sa;
		wrong |= (unsigned)(*hop_limit(pkt[i], false) <= 1) | meta->flags;
		most = meta->ip_bytes > most ? meta->ip_bytes : most;
		bytes += meta->ip_bytes;
	}
	*longest = most;
	return (other | wrong) == 0 ? bytes : 0;
}

/* Makes the group of such a batch. False: its packets are to be gathered one by one. */
static bool
gather_straight(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n)
{
	struct sadb_sa *sa = dp_meta(pkt[0])->sa;
	unsigned longest;
	bool new;

	if (dp_meta(pkt[n - 1])->sa != sa)
		return false;
	prefetch_sa(sa);
	const uint64_t bytes = straight_bytes(pkt, n, sa, &longest);
	if (bytes == 0 || (sa->flags & (SADB_HOT_ODD | DP_ESP_ODD_FLAGS)) || sa->encap != 0)
		return false;
	dp_groups_start(&w->groups);
	struct dp_group *group = dp_groups_find(&w->groups, sa, &new);
	open_group(w, group, false);
	group->packets = (uint16_t)n;
	group->bytes = bytes;
	return group->next_hop_v6 == NULL && longest <= group->plain_bytes;
}

/* Rare: their SA has numbers for some of them only, or may not be used any more. As if they had been gathered one by one. */
static __rte_noinline void
seal_some(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out)
{
	for (unsigned i = 0; i < n; i++) {
		dp_ipv4_ttl_down(rte_pktmbuf_mtod(pkt[i], struct rte_ipv4_hdr *));
		dp_meta(pkt[i])->group = 0;
	}
	seal_gathered(w, pkt, n, out, false);
}

/* Each packet has a number of the group's, in their order. */
static __rte_noinline void
seal_straight(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sealed *out)
{
	const struct dp_group *group = &w->groups.group[0];
	const struct dp_esp_common common = dp_esp_common_of(group, DP_ESP_STRAIGHT);
	const uint64_t first_seq = group->first_seq;
	struct dp_aead_op **op = out->ops;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkt[i];
		if (likely(encapsulate(m, &common, first_seq + i, DP_ESP_STRAIGHT)))
			*op++ = dp_op(m);
		else
			dp_drop(w, m, DP_DROP_NO_HEADROOM);
	}
	out->n = (unsigned)(op - out->ops);
}

static __rte_always_inline void
esp_out(struct dp_worker *w, struct dp_vec *in, const bool v6)
{
	struct sealed sealed;
	sealed.n = 0;
	if (!v6 && likely(in->n > 0) && gather_straight(w, in->pkt, in->n)) {
		number_group(w, 0, in->pkt, in->n);
		if (likely(w->groups.group[0].granted == in->n))
			seal_straight(w, in->pkt, in->n, &sealed);
		else
			seal_some(w, in->pkt, in->n, &sealed);
	} else {
		const unsigned n = gather(w, in, v6);
		for (unsigned g = 0; g < w->groups.n; g++)
			if (w->groups.group[g].packets > 0)
				number_group(w, g, in->pkt, n);
		seal_gathered(w, in->pkt, n, &sealed, v6);
	}
	in->n = 0;
	if (!v6 && unlikely(w->dummy_batch))
		dp_dummy_mark(sealed.ops, sealed.n);
	dp_crypto_submit(w, sealed.ops, sealed.n);
}

void
dp_esp_out(struct dp_worker *w)
{
	esp_out(w, &w->esp_out, false);
}

void
dp_esp_out_v6(struct dp_worker *w)
{
	esp_out(w, &w->esp_out_v6, true);
}
