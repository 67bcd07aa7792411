/* SPDX-License-Identifier: BSD-3-Clause
 * Stage esp_in, its second half: what the engine has opened. Moves the window, strips (RFC 4303 3.4.3, 3.4.4). Worker threads.
 * Exits: inner, drop; in transport mode punt. */
#include "dataplane/worker.h"

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/transport.h"

void
dp_replay_drop(struct dp_worker *w, struct rte_mbuf *m, enum sadb_replay_verdict verdict)
{
	struct sadb_sa_mut *mut = dp_meta(m)->sa->mut;
	switch (verdict) {
	case SADB_REPLAY_OLD:
		__atomic_fetch_add(&mut->window_drops, 1, __ATOMIC_RELAXED); /* a statistic: orders nothing */
		dp_drop(w, m, DP_DROP_REPLAY_OLD);
		return;
	case SADB_REPLAY_ZERO:
		dp_drop(w, m, DP_DROP_SEQ_ZERO);
		return;
	default:
		__atomic_fetch_add(&mut->replay_drops, 1, __ATOMIC_RELAXED); /* likewise */
		dp_drop(w, m, DP_DROP_REPLAY_DUP);
	}
}

/* Where others have the reason to drop them: IPv6, sorted out from among IPv4 like those. */
#define INNER_IPV6 (DP_DROP_COUNT + 1u)

/* The outer header, ESP and trailer go. */
static inline void
unwrap(struct rte_mbuf *m, const struct dp_aead_op *op, uint16_t bytes)
{
	struct dp_meta *meta = dp_meta(m);
	m->data_off = (uint16_t)(op->text - (uint8_t *)m->buf_addr);
	m->data_len = bytes;
	m->pkt_len = bytes;
	meta->ip_bytes = bytes;
	meta->flags = DP_META_FROM_ESP;
}

/* Of a text that ends as most do: at most three bytes of padding, and IPv4 inside. What it has before them; 0: see strip(). */
static inline unsigned
plain_bytes(const struct dp_aead_op *op)
{
	static_assert(DP_ESP_ALIGN == 4, "padding is at most three bytes");
	static const uint64_t mask[] = {0xffff, 0xffffff, 0xffffffff, UINT64_C(0xffffffffff)},
			      right[] = {DP_NEXT_IPV4, 0x010100 | DP_NEXT_IPV4, 0x01020200 | DP_NEXT_IPV4,
					 UINT64_C(0x0102030300) | DP_NEXT_IPV4};
	uint64_t end;
	if (unlikely(op->text_bytes < sizeof(end)))
		return 0;
	memcpy(&end, op->text + op->text_bytes - sizeof(end), sizeof(end));
	end = rte_be_to_cpu_64(end);
	const unsigned pad = (unsigned)(end >> 8) & 3;
	return ((end ^ right[pad]) & mask[pad]) == 0 ? op->text_bytes - DP_ESP_TRAILER - pad : 0;
}

/* RFC 4303 2.4, 2.6, 3.4.4: padding, next header; then the outer header, ESP and trailer go. Returns DP_DROP_COUNT,
 * INNER_IPV6, or why the packet is of no use; its number counts as received all the same, for its tag is right. */
static inline unsigned
strip(struct rte_mbuf *m)
{
	const struct dp_aead_op *op = dp_op(m);
	const uint8_t *end = op->text + op->text_bytes;
	const unsigned pad = end[-2], next = end[-1];
	unsigned wrong = 0;

	if (unlikely(pad + DP_ESP_TRAILER > op->text_bytes))
		return DP_DROP_ESP_PADDING;
	const uint8_t *padding = end - DP_ESP_TRAILER - pad;
	for (unsigned i = 0; i < pad; i++)
		wrong |= padding[i] ^ (i + 1);
	if (unlikely(wrong != 0))
		return DP_DROP_ESP_PADDING;
	if (unlikely(next != DP_NEXT_IPV4 && next != DP_NEXT_IPV6))
		return next == DP_NEXT_DUMMY ? DP_DROP_ESP_DUMMY : DP_DROP_ESP_NEXT_HEADER;
	unwrap(m, op, (uint16_t)(padding - op->text));
	return likely(next == DP_NEXT_IPV4) ? DP_DROP_COUNT : INNER_IPV6;
}

/* What lifetimes count: the text without its trailer. */
static uint32_t
inner_bytes(const struct dp_aead_op *op)
{
	uint32_t trailer = op->text[op->text_bytes - DP_ESP_TRAILER] + (uint32_t)DP_ESP_TRAILER;
	return trailer < op->text_bytes ? op->text_bytes - trailer : 0;
}

/* The lines of an SA that commit_group() will write. */
static void
prefetch_use(const struct sadb_sa *sa, uint64_t seq)
{
	__builtin_prefetch(&sa->mut->bytes, 1);
	if (sa->replay != NULL)
		sadb_replay_prefetch(sa->replay, seq);
}

/* Packets in a row of one SA whose tags are right, with IPv4 inside and no more padding than alignment asks for: stripped.
 * Returns how many, and their bytes. The next one, and what is behind it, is for verified() to look at. */
static unsigned
strip_straight(struct rte_mbuf *const pkt[], unsigned n, uint64_t *bytes)
{
	const struct sadb_sa *sa = dp_meta(pkt[0])->sa;
	uint64_t sum = 0;
	unsigned i = 0;

	for (; i < n; i++) {
		struct dp_meta *meta = dp_meta(pkt[i]);
		const struct dp_aead_op *op = dp_op(pkt[i]);
		const unsigned plain = plain_bytes(op);
		if (unlikely(((uintptr_t)sa ^ (uintptr_t)meta->sa) != 0 || op->status != 0 || plain == 0))
			break;
		unwrap(pkt[i], op, (uint16_t)plain);
		meta->group = 0; /* the batch's first */
		meta->reason = DP_DROP_COUNT;
		sum += plain;
	}
	*bytes = sum;
	return i;
}

/* Sorts out what failed; strips the rest and groups it by SA. Returns how many are left, compacted. */
static unsigned
verified(struct dp_worker *w, struct dp_vec *in)
{
	struct dp_group *group = NULL;
	uint64_t bytes;
	unsigned n = 0;
	dp_groups_start(&w->groups);
	if (likely(in->n > 0)) {
		prefetch_use(dp_meta(in->pkt[0])->sa, dp_meta(in->pkt[0])->seq);
		n = strip_straight(in->pkt, in->n, &bytes);
	}
	if (likely(n > 0)) {
		bool new;
		group = dp_groups_find(&w->groups, dp_meta(in->pkt[0])->sa, &new);
		group->packets = (uint16_t)n;
		group->bytes = bytes;
	}
	for (unsigned i = n; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct dp_meta *meta = dp_meta(m);
		const struct dp_aead_op *op = dp_op(m);
		if (unlikely(op->status != 0)) {
			if (op->status == -EBADMSG)
				__atomic_fetch_add(&meta->sa->mut->icv_drops, 1, __ATOMIC_RELAXED); /* a statistic */
			dp_drop(w, m, op->status == -EBADMSG ? DP_DROP_ICV : DP_DROP_ENGINE_FAILED);
			continue;
		}
		if (group == NULL || group->sa != meta->sa) {
			bool new;
			group = dp_groups_find(&w->groups, meta->sa, &new);
			if (new)
				prefetch_use(meta->sa, meta->seq);
		}
		const unsigned reason = strip(m);
		meta->reason = (uint16_t)reason;
		group->useless += reason != DP_DROP_COUNT;
		meta->group = group->index;
		group->packets++;
		group->bytes += likely(reason == DP_DROP_COUNT) ? meta->ip_bytes : inner_bytes(op);
		in->pkt[n++] = m;
	}
	return n;
}

/* Those of a group that the window or a limit refused, or that are of no use, and those that pass, by family. */
static void
sort_verdicts(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, const enum sadb_replay_verdict *verdict,
	      bool usable)
{
	for (unsigned i = 0; i < n; i++) {
		if (verdict[i] != SADB_REPLAY_OK)
			dp_replay_drop(w, pkt[i], verdict[i]);
		else if (!usable)
			dp_drop(w, pkt[i], DP_DROP_SA_EXPIRED);
		else if (dp_meta(pkt[i])->reason == INNER_IPV6)
			dp_vec_push(&w->inner_v6, pkt[i]);
		else if (dp_meta(pkt[i])->reason != DP_DROP_COUNT)
			dp_drop(w, pkt[i], dp_meta(pkt[i])->reason);
		else
			dp_vec_push(&w->inner, pkt[i]);
	}
}

/* The same in transport mode, whatever the next header: what strip() found of that counts no more. */
static void
sort_transport(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, const enum sadb_replay_verdict *verdict,
	       bool usable)
{
	for (unsigned i = 0; i < n; i++) {
		const unsigned reason = dp_meta(pkt[i])->reason;
		dp_transport_unstrip(pkt[i]);
		if (verdict[i] != SADB_REPLAY_OK)
			dp_replay_drop(w, pkt[i], verdict[i]);
		else if (!usable)
			dp_drop(w, pkt[i], DP_DROP_SA_EXPIRED);
		else if (reason == DP_DROP_ESP_PADDING || reason == DP_DROP_ESP_DUMMY)
			dp_drop(w, pkt[i], reason);
		else
			dp_transport_in(w, pkt[i]);
	}
}

/* Moves the window of one SA for all its packets of the batch (RFC 4303 3.4.3: only now, after the tags verified), and
 * counts those accepted against its lifetimes. pkt holds the group's packets in order of arrival. */
static void
commit_group(struct dp_worker *w, const struct dp_group *group, struct rte_mbuf *const pkt[], unsigned n)
{
	uint64_t seq[DP_VEC_MAX];
	enum sadb_replay_verdict verdict[DP_VEC_MAX];
	unsigned accepted = n;
	uint64_t bytes = group->bytes;

	if (group->sa->replay != NULL) {
		unsigned i = 0;
		do /* a group has at least one packet */
			seq[i] = dp_meta(pkt[i])->seq;
		while (++i < n);
		accepted = sadb_replay_commit(group->sa->replay, seq, n, verdict);
	}
	if (unlikely(accepted < n))
		for (unsigned i = 0; i < n; i++)
			if (verdict[i] != SADB_REPLAY_OK)
				bytes -= inner_bytes(dp_op(pkt[i]));
	bool usable = accepted == 0 || dp_group_use(w, group, accepted, bytes);
	dp_count(&w->stats.esp_in, usable ? accepted : 0);
	if (unlikely(group->sa->encap != 0) && usable)
		dp_follow_peer(w, group->sa, pkt, n, accepted < n ? verdict : NULL);
	if (unlikely(sadb_sa_transport(group->sa))) {
		if (accepted == n)
			memset(verdict, 0, n * sizeof(verdict[0])); /* SADB_REPLAY_OK */
		sort_transport(w, pkt, n, verdict, usable);
		return;
	}
	if (unlikely(accepted < n || !usable || group->useless > 0)) {
		if (accepted == n)
			memset(verdict, 0, n * sizeof(verdict[0])); /* SADB_REPLAY_OK */
		sort_verdicts(w, pkt, n, verdict, usable);
		return;
	}
	memcpy(&w->inner.pkt[w->inner.n], pkt, n * sizeof(pkt[0]));
	w->inner.n += n;
}

void
dp_esp_in_finish(struct dp_worker *w)
{
	struct dp_vec *in = &w->opened;
	unsigned n = verified(w, in);
	struct rte_mbuf *sorted[DP_VEC_MAX];
	unsigned at = 0;

	in->n = 0;
	if (likely(w->groups.n == 1)) {
		commit_group(w, &w->groups.group[0], in->pkt, n);
		return;
	}
	for (unsigned g = 0; g < w->groups.n; g++) { /* a counting sort: stable, so each SA's order stays */
		w->groups.group[g].next = (uint16_t)at;
		at += w->groups.group[g].packets;
	}
	for (unsigned i = 0; i < n; i++)
		sorted[w->groups.group[dp_meta(in->pkt[i])->group].next++] = in->pkt[i];
	at = 0;
	for (unsigned g = 0; g < w->groups.n; g++) {
		commit_group(w, &w->groups.group[g], &sorted[at], w->groups.group[g].packets);
		at += w->groups.group[g].packets;
	}
}
