/* SPDX-License-Identifier: BSD-3-Clause
 * The table of SAs, by (destination, SPI, protocol). Any worker looks up; the control thread changes.
 *
 * A bucket is one cache line: the addresses of up to six SAs' hot parts, and 16 bits of each key's hash. So a lookup
 * touches the bucket's line and then the SA's own, which the packet needs anyway: there are no keys apart. Half of the
 * entries stay empty, so that an SA costs 21 bytes.
 *
 * An SA whose bucket is full stands in the next one that has room, and each bucket that it passed counts it. A worker goes
 * on to the next bucket only from a full one, so an entry that leaves a passed bucket must not make room before the last
 * who passed is gone: until then it is GONE, which matches nothing. What a worker finds it compares with the key in the
 * SA itself, and memory of an SA is reused only after a grace period: an entry may be given to another SA at once. */
#include "sa-db/sadb_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_jhash.h>
#include <rte_prefetch.h>

#define LOOKUP_MAX 64
#define ENTRIES    6
#define FILL       3           /* SAs in a bucket, on average, when the table is full: few are passed then */
#define HIDDEN     UINT64_C(1) /* the address is a cold part, larval or not on disk yet: no worker's business */
#define EMPTY      UINT64_C(0)
#define GONE       HIDDEN

/* An address is stored with release after its tag, and loaded with acquire: what it points to is complete. A tag that does
 * not belong to its address yet, or not any more, only makes a worker look closer, or see an SA come a moment later. */
struct sadb_sad_bucket {
	alignas(64) uint64_t tags[2]; /* 16 bits for each entry, from the lowest; the last two are nobody's */
	uint64_t entry[ENTRIES];
};
static_assert(sizeof(struct sadb_sad_bucket) == 64, "a line");

/* Every SA is ESP: see sadb_config_check(). An IPv4 address is the first word of dst, the others are zero. */
struct key_words {
	uint32_t dst[4], spi;
	uint8_t family, proto, rest[2];
};
static_assert(sizeof(struct key_words) == sizeof(struct sadb_sa_key), "the same bytes");

static inline uint32_t
fold(const struct key_words *words)
{
	return words->dst[0] ^ words->dst[1] ^ words->dst[2] ^ words->dst[3]; /* as sadb_addr_fold() */
}

static inline uint32_t
hash_key(const struct sadb *db, const struct sadb_sa_key *key)
{
	struct key_words words;
	memcpy(&words, key, sizeof(words));
	return rte_jhash_3words(fold(&words), words.spi, words.proto, db->seed);
}

/* The whole of an IPv6 address stands in the cold part, which lives as long. */
static __rte_noinline bool
same_address(const struct sadb_sa *sa, const struct sadb_sa_key *key)
{
	return memcmp(sa->cold->config.dst.bytes, key->dst, sizeof(key->dst)) == 0;
}

static inline bool
sa_has_key(const struct sadb_sa *sa, const struct sadb_sa_key *key)
{
	struct key_words words;
	memcpy(&words, key, sizeof(words));
	const bool v6 = (sa->flags & SADB_HOT_OUTER_V6) != 0;
	if (fold(&words) != sa->dst_v4_be || words.spi != sa->spi_be || words.family != (v6 ? AF_INET6 : AF_INET) ||
	    words.proto != IPPROTO_ESP)
		return false;
	return v6 ? same_address(sa, key) : (words.dst[1] | words.dst[2] | words.dst[3]) == 0;
}

static inline uint32_t
home_of(const struct sadb_sad *sad, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * sad->buckets >> 32); /* its high bits; the low ones are the tag */
}

static inline uint32_t
next_of(const struct sadb_sad *sad, uint32_t at)
{
	return at + 1 < sad->buckets ? at + 1 : 0;
}

static void *
address_of(uint64_t entry)
{
	return (void *)(uintptr_t)(entry & ~HIDDEN);
}

static inline struct sadb_sa *
sa_of(uint64_t entry)
{
	return entry & HIDDEN ? NULL : (struct sadb_sa *)(uintptr_t)entry;
}

int
sadb_sad_init(struct sadb *db)
{
	struct sadb_sad *sad = &db->sad;
	sad->buckets = db->config.max_sas / FILL + 2;
	sad->bucket = sadb_pages_map(sad->buckets * sizeof(*sad->bucket));
	sad->passed = sadb_pages_map(sad->buckets * sizeof(*sad->passed));
	/* Both as long as they may become: pages that are not used yet cost nothing. */
	sad->free_slot = sadb_pages_map(db->config.max_sas * sizeof(*sad->free_slot));
	db->cold = sadb_pages_map(db->config.max_sas * sizeof(*db->cold));
	db->watch = sadb_pages_map(db->config.max_sas * sizeof(*db->watch));
	return sad->bucket == NULL || sad->passed == NULL || sad->free_slot == NULL || db->cold == NULL ||
		       db->watch == NULL
		   ? -ENOMEM
		   : 0;
}

void
sadb_sad_fini(struct sadb *db)
{
	sadb_pages_unmap(db->cold, db->config.max_sas * sizeof(*db->cold));
	sadb_pages_unmap(db->watch, db->config.max_sas * sizeof(*db->watch));
	sadb_pages_unmap(db->sad.free_slot, db->config.max_sas * sizeof(*db->sad.free_slot));
	sadb_pages_unmap(db->sad.passed, db->sad.buckets * sizeof(*db->sad.passed));
	sadb_pages_unmap(db->sad.bucket, db->sad.buckets * sizeof(*db->sad.bucket));
}

uint64_t
sadb_sad_bytes(const struct sadb_sad *sad)
{
	return sadb_pages_bytes(sad->buckets, sizeof(*sad->bucket)) +
	       sadb_pages_bytes(sad->buckets, sizeof(*sad->passed));
}

/* ---- entries ---- */

static void
store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE); /* pairs with the acquires of the lookups */
}

static void
store_tag(struct sadb_sad_bucket *bucket, unsigned i, uint32_t hash)
{
	unsigned shift = i % 4 * 16;
	uint64_t tags = (bucket->tags[i / 4] & ~(UINT64_C(0xffff) << shift)) | (uint64_t)(hash & 0xffff) << shift;
	/* Release for symmetry only; see struct sadb_sad_bucket. */
	__atomic_store_n(&bucket->tags[i / 4], tags, __ATOMIC_RELEASE);
}

static bool
entry_has_key(uint64_t entry, const struct sadb_sa_key *key)
{
	if (entry == EMPTY || entry == GONE)
		return false;
	if (sa_of(entry) != NULL)
		return sa_has_key(sa_of(entry), key);
	struct sadb_sa_key own = sadb_cold_key(address_of(entry));
	return memcmp(&own, key, sizeof(own)) == 0;
}

/* Only this thread writes: its own reads need no order. */
static uint64_t *
find_entry(const struct sadb *db, const struct sadb_sa_key *key)
{
	uint32_t hash = hash_key(db, key), at = home_of(&db->sad, hash);
	for (uint32_t n = 0; n < db->sad.buckets; n++, at = next_of(&db->sad, at)) {
		struct sadb_sad_bucket *bucket = &db->sad.bucket[at];
		bool full = true;
		for (unsigned i = 0; i < ENTRIES; i++) {
			bool fits = (uint16_t)(bucket->tags[i / 4] >> i % 4 * 16) == (uint16_t)hash;
			if (fits && entry_has_key(bucket->entry[i], key))
				return &bucket->entry[i];
			full = full && bucket->entry[i] != EMPTY;
		}
		if (!full)
			return NULL;
	}
	return NULL;
}

static void
add_entry(struct sadb_sad *sad, uint32_t hash, uint64_t value)
{
	/* Ends: at most half of the entries are SAs, and a bucket of GONE ones has an SA of its own further on. */
	for (uint32_t at = home_of(sad, hash);; at = next_of(sad, at)) {
		struct sadb_sad_bucket *bucket = &sad->bucket[at];
		for (unsigned i = 0; i < ENTRIES; i++) {
			if (bucket->entry[i] == EMPTY || bucket->entry[i] == GONE) {
				store_tag(bucket, i, hash);
				store(&bucket->entry[i], value);
				return;
			}
		}
		sad->passed[at]++;
	}
}

static void
make_room(struct sadb_sad_bucket *bucket)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (bucket->entry[i] == GONE)
			store(&bucket->entry[i], EMPTY);
}

static void
remove_entry(struct sadb_sad *sad, uint32_t hash, uint64_t *entry)
{
	const struct sadb_sad_bucket *bucket = (void *)RTE_PTR_ALIGN_FLOOR(entry, sizeof(*bucket));
	uint32_t last = (uint32_t)(bucket - sad->bucket);
	store(entry, sad->passed[last] > 0 ? GONE : EMPTY);
	for (uint32_t at = home_of(sad, hash); at != last; at = next_of(sad, at))
		if (--sad->passed[at] == 0)
			make_room(&sad->bucket[at]);
}

/* ---- SAs come and go ---- */

/* An SPI may be reserved before it is known for which virtual network: such a one counts for none. */
static void
count_in_vnet(struct sadb *db, const struct sadb_sa_cold *cold, uint32_t step)
{
	struct sadb_vnet *vnet = sadb_vnet_find(db, cold->config.vnet_id);
	if (vnet != NULL)
		vnet->sa_count += step;
}

int
sadb_sad_insert(struct sadb *db, struct sadb_sa_cold *cold, struct sadb_error *err)
{
	struct sadb_sad *sad = &db->sad;
	if (db->sa_count >= db->config.max_sas)
		return sadb_fail(err, -ENOSPC, 0, "the table is full: max_sas is %u", db->config.max_sas);
	/* As many again may wait for their grace period: a full set can be exchanged. More would be memory without bound. */
	if (sad->waiting > db->config.max_sas)
		sadb_reclaim(db);
	if (sad->waiting > db->config.max_sas)
		return sadb_fail(err, -ENOSPC, 0, "max_sas (%u) deleted SAs are held by a worker still",
				 db->config.max_sas);
	cold->slot = sad->n_free > 0 ? sad->free_slot[--sad->n_free] : db->positions++;
	db->sa_count++;
	db->sa_changes++;
	count_in_vnet(db, cold, 1);
	return 0;
}

void
sadb_sad_replace(struct sadb *db, struct sadb_sa_cold *cold, const struct sadb_sa_cold *larval)
{
	cold->slot = larval->slot;
	count_in_vnet(db, larval, UINT32_MAX); /* less one */
	count_in_vnet(db, cold, 1);
}

static uintptr_t
watch_of(const struct sadb_sa_cold *cold)
{
	if (cold->larval)
		return 0;
	return (uintptr_t)sadb_own(cold)->lineage | (cold->config.dir == SADB_DIR_IN ? SADB_WATCH_IN : 0) |
	       (cold->config.flags & SADB_SA_ESN ? SADB_WATCH_ESN : 0) |
	       (sadb_own(cold)->lineage->window_packets > 0 ? SADB_WATCH_WINDOW : 0);
}

static void
set_entry(struct sadb *db, struct sadb_sa_cold *cold, uint64_t value)
{
	struct sadb_sa_key key = sadb_cold_key(cold);
	uint64_t *entry = db->cold[cold->slot] != NULL ? find_entry(db, &key) : NULL;
	if (entry != NULL)
		store(entry, value);
	else
		add_entry(&db->sad, hash_key(db, &key), value);
	db->cold[cold->slot] = cold;
	db->watch[cold->slot] = watch_of(cold);
}

void
sadb_sad_place(struct sadb *db, struct sadb_sa_cold *cold)
{
	set_entry(db, cold, (uintptr_t)cold | HIDDEN);
}

void
sadb_sad_show(struct sadb *db, struct sadb_sa_cold *cold)
{
	if (cold->hot != NULL)
		set_entry(db, cold, (uintptr_t)cold->hot);
	else
		sadb_sad_place(db, cold); /* larval */
}

void
sadb_sad_hide(struct sadb *db, struct sadb_sa_cold *cold)
{
	sadb_sad_place(db, cold);
}

void
sadb_sad_move(struct sadb *db, struct sadb_sa_cold *old, struct sadb_sa_cold *cold, bool shown)
{
	struct sadb_sa_key from = sadb_cold_key(old), to = sadb_cold_key(cold);
	uint64_t value = shown ? (uintptr_t)cold->hot : (uintptr_t)cold | HIDDEN;
	uint64_t *entry = find_entry(db, &from);
	if (memcmp(&from, &to, sizeof(from)) == 0) {
		store(entry, value);
	} else {
		/* add_entry() moves no other. */
		add_entry(&db->sad, hash_key(db, &to), value);
		remove_entry(&db->sad, hash_key(db, &from), entry);
	}
	db->cold[cold->slot] = cold;
	db->watch[cold->slot] = watch_of(cold);
}

static void
free_after_grace(void *p)
{
	struct sadb_sa_cold *cold = p;
	sadb_own(cold)->db->sad.waiting--;
	sadb_sa_free(cold);
}

void
sadb_sad_remove(struct sadb *db, struct sadb_sa_cold *cold)
{
	struct sadb_sa_key key = sadb_cold_key(cold);
	remove_entry(&db->sad, hash_key(db, &key), find_entry(db, &key));
	db->cold[cold->slot] = NULL;
	db->watch[cold->slot] = 0;
	db->sad.free_slot[db->sad.n_free++] = cold->slot;
	db->sa_count--;
	db->sa_changes++;
	count_in_vnet(db, cold, UINT32_MAX);
	db->sad.waiting++;
	sadb_retire_embedded(db, &sadb_own(cold)->note, cold, free_after_grace);
}

struct sadb_sa_cold *
sadb_sad_find(const struct sadb *db, const struct sadb_sa_key *key)
{
	const uint64_t *entry = find_entry(db, key);
	if (entry == NULL)
		return NULL;
	return sa_of(*entry) != NULL ? sa_of(*entry)->cold : address_of(*entry);
}

const struct sadb_sa_cold *
sadb_sa_find(const struct sadb *db, const struct sadb_sa_key *key)
{
	return sadb_sad_find(db, key);
}

const struct sadb_sa_cold *
sadb_sa_at(const struct sadb *db, uint32_t slot)
{
	for (; slot < db->positions; slot++)
		if (db->cold[slot] != NULL)
			return db->cold[slot];
	return NULL;
}

uint64_t
sadb_sa_changes(const struct sadb *db)
{
	return db->sa_changes;
}

uint32_t
sadb_sa_count(const struct sadb *db)
{
	return db->sa_count;
}

/* ---- workers ---- */

/* The first of four tags that fits; 4: none. Those above it may be misjudged by the borrow. */
static inline unsigned
find_tag(uint64_t tags, uint64_t four)
{
	const uint64_t low = UINT64_C(0x0001000100010001);
	tags ^= four;
	uint64_t zero = (tags - low) & ~tags & low << 15;
	return zero != 0 ? (unsigned)__builtin_ctzll(zero) / 16 : 4;
}

/* The first SA of this bucket whose tag fits: nearly always the one. */
static inline struct sadb_sa *
candidate(const struct sadb_sad_bucket *bucket, uint32_t hash)
{
	const uint64_t four = UINT64_C(0x0001000100010001) * (uint16_t)hash;
	/* Relaxed: what a tag promises is looked at. */
	unsigned i = find_tag(__atomic_load_n(&bucket->tags[0], __ATOMIC_RELAXED), four);
	if (i == 4)
		i += find_tag(__atomic_load_n(&bucket->tags[1], __ATOMIC_RELAXED), four);
	/* Acquire pairs with the release in store(). */
	return i < ENTRIES ? sa_of(__atomic_load_n(&bucket->entry[i], __ATOMIC_ACQUIRE)) : NULL;
}

/* Where the candidate was another SA, or there was none: all that fit, and in the buckets that were passed. */
static struct sadb_sa *
search(const struct sadb_sad *sad, const struct sadb_sa_key *key, uint32_t hash)
{
	uint32_t at = home_of(sad, hash);
	for (uint32_t n = 0; n < sad->buckets; n++, at = next_of(sad, at)) {
		const struct sadb_sad_bucket *bucket = &sad->bucket[at];
		bool full = true;
		for (unsigned i = 0; i < ENTRIES; i++) {
			/* As in candidate(). An old tag hides an SA that is coming just now, as if it came later. */
			uint64_t tags = __atomic_load_n(&bucket->tags[i / 4], __ATOMIC_RELAXED);
			uint64_t entry = __atomic_load_n(&bucket->entry[i], __ATOMIC_ACQUIRE);
			bool fits = (uint16_t)(tags >> i % 4 * 16) == (uint16_t)hash;
			if (fits && sa_of(entry) != NULL && sa_has_key(sa_of(entry), key))
				return sa_of(entry);
			full = full && entry != EMPTY;
		}
		if (!full)
			return NULL;
	}
	return NULL;
}

void
sadb_sa_lookup(const struct sadb *db, const struct sadb_sa_key *const keys[], unsigned n, struct sadb_sa *out[])
{
	const struct sadb_sad *sad = &db->sad;
	uint32_t hash[LOOKUP_MAX];

	for (unsigned i = 0; i < n; i++) {
		hash[i] = hash_key(db, keys[i]);
		rte_prefetch0(&sad->bucket[home_of(sad, hash[i])]);
	}
	for (unsigned i = 0; i < n; i++) {
		out[i] = candidate(&sad->bucket[home_of(sad, hash[i])], hash[i]);
		rte_prefetch0(out[i]);
	}
	for (unsigned i = 0; i < n; i++)
		if (out[i] == NULL || !sa_has_key(out[i], keys[i]))
			out[i] = search(sad, keys[i], hash[i]);
}
