/* SPDX-License-Identifier: BSD-3-Clause
 * Stage esp_in, its first half: finds the SA, checks for replay, has the packet opened (RFC 4303 3.4). Worker threads.
 * Exits: the engine and then esp_opened.c; drop. */
#include "dataplane/worker.h"

#include <rte_prefetch.h>

#include "dataplane/esp.h"
#include "dataplane/ipv6.h"

#define LOOKUP_BATCH 64
#define SA_AHEAD     12 /* packets */

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

/* What the packets of an SA have in common, at hand: what stands in the SA itself has to be read again after every byte that is
 * written to a packet. */
struct opening {
	struct sadb_sa *sa;
	const struct sadb_replay *replay;
	uint64_t top; /* of the window */
	uint32_t salt;
	rte_be32_t spi_be;
	uint32_t encap;
	uint8_t aad_bytes;
	bool esn;
};

static inline struct opening
opening_of(struct sadb_sa *sa)
{
	struct opening o = {.sa = sa,
			    .replay = sa->replay,
			    .top = sa->replay != NULL ? sadb_replay_hint(sa->replay) : 0,
			    .spi_be = sa->spi_be,
			    .encap = sa->encap,
			    .aad_bytes = sa->aad_bytes,
			    .esn = (sa->flags & SADB_SA_ESN) != 0};
	memcpy(&o.salt, sa->salt, sizeof(o.salt));
	return o;
}

/* RFC 4303 3.4.3. False: dropped. */
static __rte_always_inline bool
prepare(struct dp_worker *w, struct rte_mbuf *m, const struct opening *o, const bool v6)
{
	struct dp_meta *meta = dp_meta(m);
	struct dp_aead_op *op = dp_op(m);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	struct dp_esp_head *esp = (struct dp_esp_head *)(data + outer_bytes(v6));
	const rte_be32_t seq_be = esp->seq_be;
	uint64_t seq = rte_be_to_cpu_32(seq_be);

	if (unlikely((meta->udp | o->encap) != 0) && !encapsulated_alike(w, m, o->sa))
		return false;
	meta->sa = o->sa;
	if (o->replay != NULL && o->esn)
		seq = sadb_replay_esn(o->replay, o->top, (uint32_t)seq);
	meta->seq = seq;
	if (o->replay != NULL) {
		enum sadb_replay_verdict verdict = sadb_replay_check(o->replay, o->top, seq);
		if (unlikely(verdict != SADB_REPLAY_OK)) {
			dp_replay_drop(w, m, verdict);
			return false;
		}
	}
	meta->outer_tos = v6 ? dp_ipv6_tclass((const struct rte_ipv6_hdr *)data) : data[1];
	op->key_area = o->sa->key_area;
	op->text = (uint8_t *)(esp + 1);
	const uint32_t text_bytes = (uint32_t)(meta->ip_bytes - outer_bytes(v6) - sizeof(*esp) - DP_TAG_BYTES);
	op->tag = op->text + text_bytes;
	op->cookie = m;
	dp_esp_sizes(op, text_bytes, o->aad_bytes, DP_OPEN);
	dp_esp_nonce(op, o->salt, esp->iv_be);
	dp_esp_aad(op, o->spi_be, rte_cpu_to_be_32((uint32_t)(seq >> 32)), seq_be);
	return true;
}

/* RFC 4303 2: is there a whole ESP packet, and is its ciphertext aligned? DP_DROP_COUNT: yes. */
static __rte_always_inline unsigned
why_not_whole(unsigned bytes, const bool v6)
{
	if (bytes < outer_bytes(v6) + sizeof(struct dp_esp_head) + DP_ESP_MIN_TEXT + DP_TAG_BYTES)
		return DP_DROP_ESP_TRUNCATED;
	return (bytes - outer_bytes(v6)) % DP_ESP_ALIGN != 0 ? DP_DROP_ESP_UNALIGNED : DP_DROP_COUNT;
}

/* Rare: some are not. Returns how many stay, compacted. */
static __rte_noinline unsigned
drop_not_whole(struct dp_worker *w, struct rte_mbuf *pkt[], unsigned n, const bool v6)
{
	unsigned stay = 0;
	for (unsigned i = 0; i < n; i++) {
		const unsigned why = why_not_whole(dp_meta(pkt[i])->ip_bytes, v6);
		if (why == DP_DROP_COUNT)
			pkt[stay++] = pkt[i];
		else
			dp_drop(w, pkt[i], why);
	}
	return stay;
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

/* Packets in a row of one SA, as most are. */
struct runs {
	unsigned n;
	uint8_t start[LOOKUP_BATCH + 1];
	struct sadb_sa *sa[LOOKUP_BATCH]; /* NULL: there is none */
};

/* A run costs one lookup. False: not all packets are whole, and nothing was looked up. */
static __rte_always_inline bool
find_runs(struct dp_worker *w, struct rte_mbuf *const pkt[], unsigned n, struct runs *runs, const bool v6)
{
	struct sadb_sa_key key[LOOKUP_BATCH];
	const struct sadb_sa_key *keys[LOOKUP_BATCH];
	const uint8_t *before = NULL;
	unsigned n_keys = 0, broken = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(pkt[i], const uint8_t *);
		broken |= why_not_whole(dp_meta(pkt[i])->ip_bytes, v6) ^ DP_DROP_COUNT;
		if (n_keys == 0 || !same_name(data, before, v6)) {
			key[n_keys] = key_of(data, v6);
			keys[n_keys] = &key[n_keys];
			runs->start[n_keys++] = (uint8_t)i;
			before = data;
		}
	}
	runs->start[n_keys] = (uint8_t)n;
	runs->n = n_keys;
	if (unlikely(broken != 0))
		return false;
	sadb_sa_lookup(w->db, keys, n_keys, runs->sa);
	for (unsigned k = 0; k < n_keys && n_keys > 1; k++)
		if (runs->sa[k] != NULL)
			rte_prefetch0(runs->sa[k]);
	return true;
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
open_batch(struct dp_worker *w, struct rte_mbuf *pkt[], unsigned n, const bool v6)
{
	struct dp_aead_op *ops[LOOKUP_BATCH];
	struct runs runs;
	unsigned n_ops = 0;

	if (unlikely(!find_runs(w, pkt, n, &runs, v6))) {
		n = drop_not_whole(w, pkt, n, v6);
		if (n == 0)
			return;
		find_runs(w, pkt, n, &runs, v6);
	}
	for (unsigned k = 0; k < runs.n; k++) {
		const unsigned ahead = k + SA_AHEAD, end = runs.start[k + 1];
		struct sadb_sa *sa = runs.sa[k];
		unsigned i = runs.start[k];
		if (ahead < runs.n && runs.sa[ahead] != NULL)
			prefetch_window(pkt[runs.start[ahead]], runs.sa[ahead], v6);
		while (i < end && unlikely(!usable(w, pkt[i], sa)))
			i++;
		if (unlikely(i == end))
			continue;
		const struct opening opening = opening_of(sa);
		for (; i < end; i++)
			if (likely(prepare(w, pkt[i], &opening, v6)))
				ops[n_ops++] = dp_op(pkt[i]);
	}
	dp_crypto_submit(w, ops, n_ops);
}

static __rte_always_inline void
esp_in(struct dp_worker *w, struct dp_vec *in, const bool v6)
{
	const unsigned n = in->n;
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
