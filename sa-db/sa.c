/* SPDX-License-Identifier: BSD-3-Clause
 * An SA's three parts: made, joined and wiped by the control thread; sadb_sa_use() and sadb_sa_key_make() on any. */
#include "sa-db/sa.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "sa-db/sadb_private.h"

#define ESN_RESERVE     (UINT64_C(1) << 20) /* more than all workers together can overshoot the limit by */
#define MAPPING_AGAIN_S 10                  /* who keeps the keys may have missed the first word, or been away */
#define MAPPING_NEXT_S  1                   /* a peer behind two NATs at once must not flood the events */

void
sadb_wipe(void *p, size_t bytes)
{
	explicit_bzero(p, bytes);
}

struct sadb_sa_key
sadb_sa_key_make(const struct sadb_addr *dst, rte_be32_t spi_be, uint8_t proto)
{
	struct sadb_sa_key key = {.spi_be = spi_be, .family = dst->family, .proto = proto};
	memcpy(key.dst, dst->bytes, dst->family == AF_INET ? 4 : sizeof(key.dst));
	return key;
}

/* The counter never cycles (RFC 4303 3.3.3). With ESN it stops short of 2^64: the add in sadb_sa_seq_take() may run past
 * the limit by a batch for each worker, and must not wrap either. */
uint64_t
sadb_out_max(const struct sadb_sa_config *config)
{
	return config->flags & SADB_SA_ESN ? UINT64_MAX - ESN_RESERVE : UINT32_MAX;
}

/* No packet, or a hard limit: the batch goes uncounted, so that the counters tell what passed. */
static unsigned
refuse(struct sadb_sa_mut *mut, unsigned packets, uint64_t bytes)
{
	__atomic_fetch_sub(&mut->bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&mut->packets, packets, __ATOMIC_RELAXED);
	/* Relaxed: the bit alone matters, whoever sets it reports it. */
	uint32_t before = __atomic_fetch_or(&mut->state, SADB_SA_HARD, __ATOMIC_RELAXED);
	return before & SADB_SA_HARD ? SADB_USE_STOPPED : SADB_USE_STOPPED | SADB_USE_HARD;
}

static void
stamp(struct sadb_sa_mut *mut, uint64_t now_s)
{
	uint64_t never = 0;
	/* All relaxed: times for people and for lifetimes in seconds. */
	if (__atomic_load_n(&mut->first_use_s, __ATOMIC_RELAXED) == 0)
		__atomic_compare_exchange_n(&mut->first_use_s, &never, now_s, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	if (__atomic_load_n(&mut->last_use_s, __ATOMIC_RELAXED) != now_s)
		__atomic_store_n(&mut->last_use_s, now_s, __ATOMIC_RELAXED);
}

/* All other atomics are relaxed: counters and limits order nothing else. A limit that the control thread changes at this
 * moment takes effect with the next batch. */
unsigned
sadb_sa_use(struct sadb_sa *sa, unsigned packets, uint64_t bytes, uint64_t now_s)
{
	struct sadb_sa_mut *mut = sa->mut;
	/* Sequentially consistent after the window moved: pairs with the bit in sadb_sa_remove(). */
	uint32_t state = __atomic_load_n(&mut->state, __ATOMIC_SEQ_CST);

	if (state & (SADB_SA_HARD | SADB_SA_DEAD))
		return SADB_USE_STOPPED;
	uint64_t total_bytes = __atomic_add_fetch(&mut->bytes, bytes, __ATOMIC_RELAXED);
	uint64_t total_packets = __atomic_add_fetch(&mut->packets, packets, __ATOMIC_RELAXED);
	if (total_bytes > __atomic_load_n(&mut->hard_bytes, __ATOMIC_RELAXED) ||
	    total_packets > __atomic_load_n(&mut->hard_packets, __ATOMIC_RELAXED))
		return refuse(mut, packets, bytes);
	stamp(mut, now_s);
	if ((state & SADB_SA_SOFT) == 0 && (total_bytes >= __atomic_load_n(&mut->soft_bytes, __ATOMIC_RELAXED) ||
					    total_packets >= __atomic_load_n(&mut->soft_packets, __ATOMIC_RELAXED))) {
		uint32_t before = __atomic_fetch_or(&mut->state, SADB_SA_SOFT, __ATOMIC_RELAXED);
		return before & SADB_SA_SOFT ? SADB_USE_OK : SADB_USE_SOFT;
	}
	return SADB_USE_OK;
}

/* Relaxed throughout: time and place only choose who tells, and what is told comes from the packet itself. A clock set back
 * makes it due. */
bool
sadb_sa_moved(struct sadb_sa *sa, const struct sadb_addr *src, rte_be16_t sport_be, uint64_t now_s)
{
	struct sadb_sa_mut *mut = sa->mut;
	const uint32_t configured_s = sa->cold->config.mapping_s;
	const uint64_t here = (uint64_t)sadb_addr_fold(src->bytes) << 16 | sport_be;
	uint64_t told_s = __atomic_load_n(&mut->mapping_told_s, __ATOMIC_RELAXED);
	uint64_t wait_s = configured_s ? configured_s : MAPPING_AGAIN_S;

	if (__atomic_load_n(&mut->mapping, __ATOMIC_RELAXED) != here)
		wait_s = MAPPING_NEXT_S;
	if (now_s - told_s < wait_s || !__atomic_compare_exchange_n(&mut->mapping_told_s, &told_s, now_s, false,
								    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&mut->mapping, here, __ATOMIC_RELAXED);
	return true;
}

void
sadb_sa_moved_untold(struct sadb_sa *sa)
{
	__atomic_store_n(&sa->mut->mapping_told_s, 0, __ATOMIC_RELAXED); /* long ago; orders nothing */
}

/* 0 would forbid the first packet already; XFRM's tools mean "none" by it. */
static uint64_t
limit(uint64_t configured)
{
	return configured != 0 ? configured : SADB_INF;
}

void
sadb_limits_set(struct sadb_sa_mut *mut, const struct sadb_lifetime *life)
{
	/* Relaxed, see sadb_sa_use(). */
	__atomic_store_n(&mut->soft_bytes, limit(life->soft_bytes), __ATOMIC_RELAXED);
	__atomic_store_n(&mut->hard_bytes, limit(life->hard_bytes), __ATOMIC_RELAXED);
	__atomic_store_n(&mut->soft_packets, limit(life->soft_packets), __ATOMIC_RELAXED);
	__atomic_store_n(&mut->hard_packets, limit(life->hard_packets), __ATOMIC_RELAXED);
}

/* An outbound SA receives nothing: it has no window, whatever was configured. */
static uint32_t
lineage_window(const struct sadb_sa_config *config)
{
	return config->dir == SADB_DIR_OUT ? 0 : sadb_window_packets(config);
}

/* Rings double; the smallest has a word. */
static unsigned
lineage_size(uint32_t window_packets)
{
	size_t words = (sadb_replay_bytes(window_packets) - sizeof(struct sadb_replay)) / sizeof(uint64_t);
	return window_packets > 0 ? 1 + (unsigned)__builtin_ctzll(words) : 0;
}

/* What workers write or read begins at a cache line and shares its last with no other object. */
static size_t
whole_lines(size_t bytes)
{
	return RTE_ALIGN_CEIL(bytes, (size_t)RTE_CACHE_LINE_SIZE);
}

void
sadb_sa_slabs_init(struct sadb *db)
{
	sadb_slab_init(&db->hot_slab, whole_lines(sizeof(struct sadb_sa) + db->config.keyer.area_bytes));
	sadb_slab_init(&db->cold_slab, sizeof(struct sadb_sa_cold) + sizeof(struct sadb_sa_own));
	const size_t bare = offsetof(struct sadb_lineage, replay);
	sadb_slab_init(&db->lineage_slab[0], whole_lines(bare));
	for (unsigned i = 1; i < SADB_LINEAGE_SIZES; i++)
		sadb_slab_init(&db->lineage_slab[i],
			       whole_lines(bare + sizeof(struct sadb_replay) + (sizeof(uint64_t) << (i - 1))));
}

void
sadb_sa_slabs_fini(struct sadb *db)
{
	sadb_slab_fini(&db->hot_slab);
	sadb_slab_fini(&db->cold_slab);
	for (unsigned i = 0; i < SADB_LINEAGE_SIZES; i++)
		sadb_slab_fini(&db->lineage_slab[i]);
}

uint32_t
sadb_window_packets(const struct sadb_sa_config *config)
{
	bool small = config->window_packets > 0 && config->window_packets < SADB_REPLAY_MIN;
	return small ? SADB_REPLAY_MIN : config->window_packets;
}

struct sadb_sa_cold *
sadb_cold_create(struct sadb *db, const struct sadb_sa_config *config)
{
	struct sadb_sa_cold *cold = sadb_slab_alloc(&db->cold_slab);
	if (cold == NULL)
		return NULL;
	cold->config = *config;
	sadb_wipe(cold->config.key, sizeof(cold->config.key));
	sadb_wipe(cold->config.salt, sizeof(cold->config.salt));
	cold->add_time_s = sadb_now_s();
	sadb_own(cold)->db = db;
	sadb_own(cold)->heap_index = SADB_NO_HEAP;
	return cold;
}

struct sadb_lineage *
sadb_lineage_create(struct sadb *db, const struct sadb_sa_config *config, struct sadb_mark *mark)
{
	uint32_t window = lineage_window(config);
	struct sadb_lineage *lineage = sadb_slab_alloc(&db->lineage_slab[lineage_size(window)]);
	if (lineage == NULL)
		return NULL;
	lineage->db = db;
	lineage->mark = mark;
	lineage->window_packets = window;
	mark->lineages++;
	if (mark->bound < config->out_seq)
		mark->bound = config->out_seq;
	if (mark->in_seq < config->in_seq)
		mark->in_seq = config->in_seq;
	if (config->dir != SADB_DIR_IN) {
		lineage->mut.out_seq = mark->bound;
		lineage->mut.out_limit = mark->bound; /* nothing may be sent before the mark is on disk */
	}
	sadb_limits_set(&lineage->mut, &config->life);
	if (window > 0) {
		uint64_t max = sadb_out_max(config);
		sadb_replay_init(sadb_lineage_replay(lineage), window, mark->in_seq < max ? mark->in_seq : max);
	}
	return lineage;
}

/* The last owner is gone, and no worker can take a number any more: what was used is exact now. */
static void
lineage_end(struct sadb_lineage *lineage)
{
	struct sadb_mark *mark = lineage->mark;
	/* Relaxed: the grace period came between. Numbers beyond bound were asked for and refused. */
	uint64_t last = __atomic_load_n(&lineage->mut.out_seq, __ATOMIC_RELAXED);
	uint64_t used = last < mark->bound ? last : mark->bound;
	if (mark->final < used)
		mark->final = used;
	if (sadb_lineage_replay(lineage) != NULL) {
		uint64_t top = sadb_replay_top(sadb_lineage_replay(lineage));
		if (mark->in_seq < top)
			mark->in_seq = top;
	}
	if (--mark->lineages == 0) {
		mark->bound = mark->final;
		sadb_mark_dirty(lineage->db, mark);
	}
}

void
sadb_lineage_put(struct sadb_lineage *lineage)
{
	if (lineage->mut.owners > 0 && --lineage->mut.owners > 0)
		return;
	lineage_end(lineage);
	sadb_slab_free(lineage);
}

/* Every packet of that family? A selector without a family is for both. */
static bool
matches_all(const struct sadb_selector *sel, uint8_t family)
{
	uint8_t src = sel->src.addr.family, dst = sel->dst.addr.family;
	return (src == AF_UNSPEC || src == family) && (dst == AF_UNSPEC || dst == family) && sel->src.len == 0 &&
	       sel->dst.len == 0 && sel->proto == 0 && sel->sport_mask_be == 0 && sel->dport_mask_be == 0;
}

/* Source and destination of the outer header as 16-bit words, as they stand in memory (RFC 1071 2 B). */
static uint32_t
outer_sum(rte_be32_t src_be, rte_be32_t dst_be)
{
	return (src_be >> 16) + (src_be & 0xffff) + (dst_be >> 16) + (dst_be & 0xffff);
}

/* All but the key and its salt. */
static void
hot_fill(struct sadb *db, struct sadb_sa_cold *cold, struct sadb_sa *hot, struct sadb_lineage *lineage)
{
	const struct sadb_sa_config *config = &cold->config;
	hot->spi_be = config->spi_be;
	hot->mut = &lineage->mut;
	hot->replay = sadb_lineage_replay(lineage);
	hot->vnet = sadb_vnet_find(db, config->vnet_id);
	hot->cold = cold;
	const bool outer_v6 = config->dst.family == AF_INET6;
	hot->src_v4_be = outer_v6 ? 0 : sadb_addr_to_v4(&config->src);
	hot->dst_v4_be = outer_v6 ? sadb_addr_fold(config->dst.bytes) : sadb_addr_to_v4(&config->dst);
	hot->reqid = config->reqid;
	hot->outer_sum = outer_sum(hot->src_v4_be, hot->dst_v4_be);
	hot->flags = (uint8_t)config->flags;
	hot->aad_bytes = config->flags & SADB_SA_ESN ? 12 : 8; /* RFC 4106 5 */
	hot->sel_any = matches_all(&config->sel, AF_INET);
	if (matches_all(&config->sel, AF_INET6))
		hot->flags |= SADB_HOT_ANY_V6;
	if (outer_v6)
		hot->flags |= SADB_HOT_OUTER_V6;
	if (config->tfc_pad_bytes != 0 || config->outer_ttl != 0 ||
	    (config->flags & (SADB_SA_OUTER_DSCP | SADB_SA_OUTER_DF | SADB_SA_FRAGMENT_AFTER)) != 0)
		hot->flags |= SADB_HOT_ODD;
	const rte_be16_t ports[2] = {config->encap_sport_be, config->encap_dport_be};
	memcpy(&hot->encap, ports, sizeof(ports));
	hot->dir = config->dir == SADB_DIR_IN ? SADB_DIR_IN : SADB_DIR_OUT; /* RFC 4301 4.1: never both */
	lineage->mut.owners++;
	sadb_own(cold)->lineage = lineage;
	cold->hot = hot;
}

int
sadb_hot_create(struct sadb *db, struct sadb_sa_cold *cold, const struct sadb_sa_config *secret,
		struct sadb_lineage *lineage)
{
	struct sadb_sa *hot = sadb_slab_alloc(&db->hot_slab);
	if (hot == NULL)
		return -ENOMEM;
	int rc = db->config.keyer.init(hot->key_area, (enum sadb_aead)secret->aead, secret->key, secret->key_bytes);
	if (rc != 0) {
		sadb_slab_free(hot);
		return rc;
	}
	memcpy(hot->salt, secret->salt, sizeof(hot->salt));
	hot_fill(db, cold, hot, lineage);
	return 0;
}

int
sadb_hot_borrow(struct sadb *db, struct sadb_sa_cold *cold, const void *area, const uint8_t *salt,
		struct sadb_lineage *lineage)
{
	struct sadb_sa *hot = sadb_slab_alloc(&db->hot_slab);
	if (hot == NULL)
		return -ENOMEM;
	memcpy(hot->key_area, area, db->config.keyer.area_bytes);
	memcpy(hot->salt, salt, sizeof(hot->salt));
	hot_fill(db, cold, hot, lineage);
	sadb_own(cold)->key_borrowed = true;
	return 0;
}

void
sadb_sa_free(void *p)
{
	struct sadb_sa_cold *cold = p;
	struct sadb *db = sadb_own(cold)->db;
	if (cold->hot != NULL) {
		if (!sadb_own(cold)->key_borrowed)
			db->config.keyer.fini(cold->hot->key_area);
		sadb_wipe(cold->hot->key_area, db->config.keyer.area_bytes);
		sadb_slab_free(cold->hot);
		sadb_lineage_put(sadb_own(cold)->lineage);
	}
	sadb_slab_free(cold);
}
