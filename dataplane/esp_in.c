/* SPDX-License-Identifier: BSD-3-Clause
 * Stage esp_in: finds the SA, checks for replay, opens, moves the window, strips (RFC 4303 3.4). Worker threads.
 * Exits: inner, drop. Between dp_esp_in() and dp_esp_in_finish() packets are with the engine. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/dp.h"
#include "dataplane/esp.h"
#include "dataplane/ipv4.h"
#include "dataplane/ipv6.h"
#include "dataplane/transport.h"

#define LOOKUP_BATCH 64
#define SA_AHEAD     12 /* packets */

static void
replay_drop(struct dp_worker *w, struct rte_mbuf *m, enum sadb_replay_verdict verdict)
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

/* RFC 4303 3.4.2: may this SA receive? False: dropped. */
static bool
usable(struct dp_worker *w, struct rte_mbuf *m, struct sadb_sa *sa)
{
	if (sa == NULL) {
		dp_drop(w, m, DP_DROP_ESP_NO_SA);
		return false;
	}
	if (sa->dir == SADB_DIR_OUT) {
		dp_drop(w, m, DP_DROP_SA_DIRECTION);
		return false;
	}
	if (sadb_sa_stopped(sa)) {
		dp_report_hard(w, sa);
		dp_meta(m)->sa = sa; /* for who asks why */
		dp_drop(w, m, DP_DROP_SA_EXPIRED);
		return false;
	}
	return true;
}

/* The packets of an SA come all in UDP or none, as in the kernel. False: dropped. */
static bool
encapsulated_alike(struct dp_worker *w, struct rte_mbuf *m, const struct sadb_sa *sa)
{
	if ((dp_meta(m)->udp == 0) == (sa->encap == 0))
		return true;
	dp_drop(w, m, sa->encap == 0 ? DP_DROP_ENCAP_UNWANTED : DP_DROP_ENCAP_MISSING);
	return false;
}

/* v6 is a constant here and below: the outer headers of a batch are of one family, and ESP follows them. */
static __rte_always_inline unsigned
outer_bytes(const bool v6)
{
	return v6 ? DP_OUTER_V6_BYTES : DP_OUTER_BYTES;
}

/* RFC 4303 3.4.3. False: dropped. */
static __rte_always_inline bool
prepare(struct dp_worker *w, struct rte_mbuf *m, struct sadb_sa *sa, uint64_t top, const bool v6)
{
	struct dp_meta *meta = dp_meta(m);
	struct dp_aead_op *op = dp_op(m);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct dp_esp_head *esp = (struct dp_esp_head *)(data + outer_bytes(v6));

	if (unlikely((meta->udp | sa->encap) != 0) && !encapsulated_alike(w, m, sa))
		return false;
	meta->sa = sa;
	uint32_t seq_low = rte_be_to_cpu_32(esp->seq_be);
	meta->seq = seq_low;
	if (sa->replay != NULL) {
		if (sa->flags & SADB_SA_ESN)
			meta->seq = sadb_replay_esn(sa->replay, top, seq_low);
		enum sadb_replay_verdict verdict = sadb_replay_check(sa->replay, top, meta->seq);
		if (unlikely(verdict != SADB_REPLAY_OK)) {
			replay_drop(w, m, verdict);
			return false;
		}
	}
	meta->outer_tos = v6 ? dp_ipv6_tclass((const struct rte_ipv6_hdr *)data) : data[1];
	op->key_area = sa->key_area;
	op->text = (uint8_t *)(esp + 1);
	const uint32_t text_bytes = (uint32_t)(meta->ip_bytes - outer_bytes(v6) - sizeof(*esp) - DP_TAG_BYTES);
	op->tag = op->text + text_bytes;
	op->cookie = m;
	dp_esp_sizes(op, text_bytes, sa->aad_bytes, DP_OPEN);
	uint32_t salt;
	memcpy(&salt, sa->salt, sizeof(salt));
	dp_esp_nonce(op, salt, esp->iv_be);
	dp_esp_aad(op, sa->spi_be, rte_cpu_to_be_32((uint32_t)(meta->seq >> 32)), esp->seq_be);
	return true;
}

/* RFC 4303 2: is there a whole ESP packet, and is its ciphertext aligned? */
static __rte_always_inline bool
whole(struct dp_worker *w, struct rte_mbuf *m, const bool v6)
{
	unsigned bytes = dp_meta(m)->ip_bytes;
	if (bytes < outer_bytes(v6) + sizeof(struct dp_esp_head) + DP_ESP_MIN_TEXT + DP_TAG_BYTES) {
		dp_drop(w, m, DP_DROP_ESP_TRUNCATED);
		return false;
	}
	if ((bytes - outer_bytes(v6)) % DP_ESP_ALIGN != 0) {
		dp_drop(w, m, DP_DROP_ESP_UNALIGNED);
		return false;
	}
	return true;
}

static __rte_always_inline struct sadb_sa_key
key_of(const uint8_t *data, const bool v6)
{
	struct sadb_sa_key key = {.family = v6 ? AF_INET6 : AF_INET, .proto = IPPROTO_ESP};
	if (v6)
		memcpy(key.dst, data + offsetof(struct rte_ipv6_hdr, dst_addr), 16);
	else
		memcpy(key.dst, data + offsetof(struct rte_ipv4_hdr, dst_addr), 4);
	memcpy(&key.spi_be, data + outer_bytes(v6), sizeof(key.spi_be));
	return key;
}

/* Destination and SPI follow each other in a header without options. */
static __rte_always_inline bool
same_name(const uint8_t *data, const uint8_t *before, const bool v6)
{
	uint64_t name, last;
	if (v6)
		return memcmp(data + offsetof(struct rte_ipv6_hdr, dst_addr),
			      before + offsetof(struct rte_ipv6_hdr, dst_addr), 16 + sizeof(rte_be32_t)) == 0;
	memcpy(&name, data + offsetof(struct rte_ipv4_hdr, dst_addr), sizeof(name));
	memcpy(&last, before + offsetof(struct rte_ipv4_hdr, dst_addr), sizeof(last));
	return name == last;
}

/* Packets in a row of one SA, as most are, cost one lookup. sa[i] is NULL where there is none. */
static __rte_always_inline void
find_sas(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct sadb_sa *sa[], const bool v6)
{
	struct sadb_sa_key key[LOOKUP_BATCH];
	const struct sadb_sa_key *keys[LOOKUP_BATCH];
	struct sadb_sa *found[LOOKUP_BATCH];
	uint8_t which[LOOKUP_BATCH];
	const uint8_t *before = NULL;
	unsigned n_keys = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(pkt[i], const uint8_t *);
		if (n_keys == 0 || !same_name(data, before, v6)) {
			key[n_keys] = key_of(data, v6);
			keys[n_keys] = &key[n_keys];
			n_keys++;
			before = data;
		}
		which[i] = (uint8_t)(n_keys - 1);
	}
	sadb_sa_lookup(w->db, keys, n_keys, found);
	for (unsigned k = 0; k < n_keys && n_keys > 1; k++)
		if (found[k] != NULL)
			rte_prefetch0(found[k]);
	for (unsigned i = 0; i < n; i++)
		sa[i] = found[which[i]];
}

/* With many SAs in use every one of them has left the caches since its last packet: what prepare() reads of it. */
static inline void
prefetch_window(const struct rte_mbuf *m, const struct sadb_sa *sa, const bool v6)
{
	const struct dp_esp_head *esp = rte_pktmbuf_mtod_offset(m, const struct dp_esp_head *, outer_bytes(v6));
	__builtin_prefetch(&sa->mut->state);
	if (sa->replay != NULL)
		sadb_replay_prefetch(sa->replay, rte_be_to_cpu_32(esp->seq_be));
}

static __rte_always_inline void
open_batch(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, const bool v6)
{
	struct sadb_sa *sa[LOOKUP_BATCH], *fit = NULL;
	struct dp_aead_op *ops[LOOKUP_BATCH];
	unsigned n_ops = 0;
	uint64_t top = 0;

	find_sas(w, pkt, n, sa, v6);
	for (unsigned i = 0; i < n; i++) {
		if (i + SA_AHEAD < n && sa[i + SA_AHEAD] != sa[i] && sa[i + SA_AHEAD] != NULL)
			prefetch_window(pkt[i + SA_AHEAD], sa[i + SA_AHEAD], v6);
		if (unlikely(sa[i] == NULL || sa[i] != fit)) {
			if (!usable(w, pkt[i], sa[i]))
				continue;
			fit = sa[i];
			top = fit->replay != NULL ? sadb_replay_hint(fit->replay) : 0;
		}
		if (likely(prepare(w, pkt[i], fit, top, v6)))
			ops[n_ops++] = dp_op(pkt[i]);
	}
	dp_crypto_submit(w, ops, n_ops);
}

static __rte_always_inline void
esp_in(struct dp_worker *w, struct dp_vec *in, const bool v6)
{
	unsigned n = 0;

	for (unsigned i = 0; i < in->n; i++)
		if (likely(whole(w, in->pkt[i], v6)))
			in->pkt[n++] = in->pkt[i];
	for (unsigned i = 0; i < n; i += LOOKUP_BATCH)
		open_batch(w, &in->pkt[i], n - i < LOOKUP_BATCH ? n - i : LOOKUP_BATCH, v6);
	in->n = 0;
}

void
dp_esp_in(struct dp_worker *w)
{
	esp_in(w, &w->esp_in, false);
}

void
dp_esp_in_v6(struct dp_worker *w)
{
	esp_in(w, &w->esp_in_v6, true);
}

/* Where others have the reason to drop them: IPv6, sorted out from among IPv4 like those. */
#define INNER_IPV6 (DP_DROP_COUNT + 1u)

/* RFC 4303 2.4, 2.6, 3.4.4: padding, next header; then the outer header, ESP and trailer go. Returns DP_DROP_COUNT,
 * INNER_IPV6, or why the packet is of no use; its number counts as received all the same, for its tag is right. */
static inline unsigned
strip(struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
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
	const uint16_t bytes = (uint16_t)(padding - op->text);
	m->data_off = (uint16_t)(op->text - (uint8_t *)m->buf_addr);
	m->data_len = bytes;
	m->pkt_len = bytes;
	meta->ip_bytes = bytes;
	meta->flags = DP_META_FROM_ESP;
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

/* Sorts out what failed; strips the rest and groups it by SA. Returns how many are left, compacted. */
static unsigned
verified(struct dp_worker *w, struct dp_vec *in)
{
	struct dp_group *group = NULL;
	unsigned n = 0;
	dp_groups_start(&w->groups);
	for (unsigned i = 0; i < in->n; i++) {
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
			replay_drop(w, pkt[i], verdict[i]);
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
			replay_drop(w, pkt[i], verdict[i]);
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
