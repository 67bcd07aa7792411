/* SPDX-License-Identifier: BSD-3-Clause
 * What the files of the database share with each other and with no one else. Control thread, unless a line says worker. */
#ifndef SADB_PRIVATE_H
#define SADB_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "sa-db/map.h"
#include "sa-db/sadb.h"
#include "sa-db/slab.h"
#include "sa-db/store.h"
#include "sa-db/tree.h"

/* ---- errors: fills err (which may be NULL) and returns rc ---- */
int sadb_fail(struct sadb_error *err, int rc, uint16_t attr, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- publish.c: what workers may still see ---- */
struct sadb_retired {
	struct sadb_retired *next;
	void *p;
	void (*free_fn)(void *p);
};

struct sadb_retire_list {
	struct sadb_retired *first, **end;
	unsigned count;
};

struct sadb_publish {
	struct rte_rcu_qsbr *qsbr;
	struct sadb_retire_list fresh;   /* withdrawn, no grace period asked for yet */
	struct sadb_retire_list waiting; /* one token for all of them */
	uint64_t token;
};

/* After a table was published, before the old one is retired. */
void sadb_generation_raise(struct sadb *db);
int sadb_publish_init(struct sadb_publish *publish, unsigned max_workers);
void sadb_publish_fini(struct sadb_publish *publish); /* frees everything; no worker is registered any more */
/* Like sadb_retire() with the note kept inside what is retired: cannot fail. */
void sadb_retire_embedded(struct sadb *db, struct sadb_retired *note, void *p, void (*free_fn)(void *p));
/* Waits at most this long for what was retired. True: nothing waits any more. */
bool sadb_grace_try(struct sadb *db, unsigned max_us);

/* ---- mark.c: what numbers a key has used ---- */

/* One key (with its salt), under its key id. bound is what the disk holds, or what is known exactly: no number above it
 * was ever open to a packet under this key. */
struct sadb_mark {
	struct sadb_link link;
	uint8_t key_id[SADB_KEY_ID_BYTES];
	uint64_t bound;
	uint64_t want; /* while an SA lives: the bound asked for, not in force before it is on disk */
	uint64_t final, in_seq;
	struct sadb_sa_cold *live;
	unsigned lineages; /* mutable parts of this key: the living SA's and those that wait for their grace period */
	bool inbound;      /* the peer seals with this key, so we never do: see direction.c */
	bool dirty;        /* in the list of marks to write */
	struct sadb_mark *next_dirty;
};

/* On disk, the bound of a key that is the peer's to seal with: there is no number that we may send under it. */
#define SADB_NO_NUMBERS UINT64_MAX

/* Whoever received under a key knows that the peer seals with it. */
static inline bool
sadb_mark_inbound(const struct sadb_mark *mark)
{
	return mark->inbound || mark->in_seq > 0;
}

int sadb_mark_get(struct sadb *db, const uint8_t key_id[SADB_KEY_ID_BYTES], struct sadb_mark **mark,
		  struct sadb_error *err);
/* 0, -ENOENT, or another -errno with err filled. */
int sadb_mark_known(const struct sadb *db, const uint8_t key_id[SADB_KEY_ID_BYTES], struct sadb_error *err);
void sadb_mark_put(struct sadb *db, struct sadb_mark *mark); /* forgets it if nothing would be lost */
void sadb_mark_dirty(struct sadb *db, struct sadb_mark *mark);
/* Writes all dirty marks in one transaction; then, and only then, opens to workers what their SAs may send or receive. */
int sadb_marks_flush(struct sadb *db, struct sadb_error *err);
/* After a failed flush: takes back the SAs that were added since the last good one. Their adder hears the error. */
void sadb_marks_give_up(struct sadb *db);
void sadb_marks_fini(struct sadb *db);
/* Asks for more numbers for the living SA of this mark. */
void sadb_mark_reserve(struct sadb *db, struct sadb_mark *mark);
void sadb_marks_tick(struct sadb *db); /* about ten times a second */

/* ---- sa.c: making and freeing an SA's three parts ---- */

/* The mutable part with what only the control thread knows of it; a replay window follows. Shared by the hot parts that
 * an update leaves behind, hence the count in mut.owners. */
struct sadb_lineage {
	struct sadb_sa_mut mut;
	struct sadb *db;
	struct sadb_mark *mark;
	uint32_t window_packets;     /* 0: no window */
	alignas(8) uint8_t replay[]; /* struct sadb_replay, or nothing */
};

#define SADB_LINEAGE_SIZES 14 /* without a window, then rings of 1, 2, 4 ... 4096 words (SADB_REPLAY_MAX) */

static inline struct sadb_replay *
sadb_lineage_replay(struct sadb_lineage *lineage)
{
	return lineage->window_packets > 0 ? (struct sadb_replay *)(void *)lineage->replay : NULL;
}

struct sadb_group;

/* An SA's place in a resolution group: see resolve.c. */
struct sadb_member {
	struct sadb_member *next, *prev;
	struct sadb_group *group;
	struct sadb_sa_cold *cold;
};

/* The places of an SA in groups of policies that leave something open. */
#define SADB_OPEN_GROUPS 3
struct sadb_open {
	struct sadb_member member[SADB_OPEN_GROUPS];
};

#define SADB_NO_HEAP UINT32_MAX

struct sadb_sa_own {
	struct sadb *db;
	struct sadb_lineage *lineage; /* NULL while larval */
	struct sadb_retired note;
	struct sadb_member member; /* in the group of its own destination and reqid */
	struct sadb_open *open;    /* NULL: no policy left anything open when it came */
	uint64_t age;              /* newer SAs have higher ones */
	uint64_t deadline_s;
	uint32_t heap_index; /* SADB_NO_HEAP: no limit in seconds */
	bool armed;          /* its mark was on disk once: a policy may use it */
	bool shown;          /* workers find it: it is outbound, or inbound and its mark on disk says so */
	bool numbers_low;    /* reported, as a soft limit */
	bool key_borrowed;   /* the hot part's expanded key belongs to another hot part, which will end it */
};

static inline struct sadb_sa_own *
sadb_own(const struct sadb_sa_cold *cold)
{
	return (struct sadb_sa_own *)(void *)cold->own;
}

static inline struct sadb_sa_key
sadb_cold_key(const struct sadb_sa_cold *cold)
{
	return sadb_sa_key_make(&cold->config.dst, cold->config.spi_be, cold->config.proto);
}

/* ---- check.c ---- */
uint32_t sadb_window_packets(const struct sadb_sa_config *config); /* as it will be: small ones are raised */
int sadb_config_check(const struct sadb_sa_config *config, struct sadb_error *err);
int sadb_addresses_check(const struct sadb_sa_config *config, struct sadb_error *err); /* a part of the former */
int sadb_policy_check(const struct sadb_policy_config *config, struct sadb_error *err);
bool sadb_addr_is_any(const struct sadb_addr *addr);
/* May an SA have them as its outer addresses, whatever its direction? */
void sadb_policy_complete(struct sadb_policy_config *config); /* before its check */
int sadb_mode_check(uint8_t mode, struct sadb_error *err);
int sadb_outer_check(const struct sadb_addr *src, const struct sadb_addr *dst, struct sadb_error *err);

void sadb_sa_slabs_init(struct sadb *db);
void sadb_sa_slabs_fini(struct sadb *db);
struct sadb_sa_cold *sadb_cold_create(struct sadb *db, const struct sadb_sa_config *config);
/* A lineage of its own for a new SA: starts above what the mark knows. */
struct sadb_lineage *sadb_lineage_create(struct sadb *db, const struct sadb_sa_config *config, struct sadb_mark *mark);
void sadb_lineage_put(struct sadb_lineage *lineage);
/* Gives cold its hot part, with lineage (one owner more) and the key and salt of secret. */
int sadb_hot_create(struct sadb *db, struct sadb_sa_cold *cold, const struct sadb_sa_config *secret,
		    struct sadb_lineage *lineage);
/* The same with a key that is expanded already, and belongs to another: see key_borrowed. */
int sadb_hot_borrow(struct sadb *db, struct sadb_sa_cold *cold, const void *area, const uint8_t *salt,
		    struct sadb_lineage *lineage);
void sadb_sa_free(void *cold); /* after the grace period, or when never seen: wipes and frees all parts it owns */
void sadb_limits_set(struct sadb_sa_mut *mut, const struct sadb_lifetime *life);
uint64_t sadb_out_max(const struct sadb_sa_config *config); /* RFC 4303 3.3.3 and 2.2.1 */

/* ---- direction.c: whose key it is to seal with ---- */

bool sadb_direction_is_local(const struct sadb *db, const struct sadb_addr *addr); /* one of the gateway's own */

/* What an SA of this configuration is: SADB_DIR_IN or _OUT when that is told or known, SADB_DIR_ANY when it sends for as
 * long as its destination is not ours. */
uint8_t sadb_direction_of(struct sadb *db, const struct sadb_sa_config *config, const struct sadb_mark *mark);
/* May an SA of that direction use the key? */
int sadb_direction_check(uint8_t dir, const struct sadb_sa_config *config, const struct sadb_mark *mark,
			 struct sadb_error *err);
/* Do the sequence numbers that came with the configuration fit the direction? */
int sadb_direction_numbers(uint8_t dir, const struct sadb_sa_config *config, struct sadb_error *err);
/* The underlay's next route table is about to be published: SAs to addresses that become ours turn inbound. */
void sadb_direction_locals(struct sadb *db, const struct sadb_fib *next);

/* ---- keep.c: keys of SAs that are about to move ---- */
struct sadb_keep;

struct sadb_keeps {
	struct sadb_keep *first, **last; /* by time */
	unsigned n;
};

struct sadb_kept_key {
	void *area;   /* expanded, for aead alone; NULL while its SA lives */
	uint8_t aead; /* enum sadb_aead */
	uint8_t salt[SADB_SALT_BYTES];
	uint8_t key_id[SADB_KEY_ID_BYTES];
	uint32_t key_bytes;
};

void sadb_keeps_init(struct sadb *db);
void sadb_keeps_fini(struct sadb *db); /* retires them all */
void sadb_keeps_tick(struct sadb *db, uint64_t now_s);
void sadb_keep_take(struct sadb *db,
		    struct sadb_sa_cold *cold); /* which is to be deleted: keeps its key if it was read */
/* The key that config's stands for; NULL and 0: it is a key itself. -EINVAL: it stands for nothing any more. */
int sadb_keep_find(struct sadb *db, const struct sadb_sa_config *config, const struct sadb_kept_key **key,
		   struct sadb_error *err);
void sadb_keep_use(struct sadb *db, const struct sadb_kept_key *key); /* it has an SA again */

/* ---- sad.c: the table ---- */
struct sadb_sad_bucket;

struct sadb_sad {
	struct sadb_sad_bucket *bucket; /* workers read */
	uint32_t buckets;
	uint32_t *passed;    /* by bucket: how many SAs stand further on because it was full */
	uint32_t *free_slot; /* a stack of slots that were used before */
	uint32_t n_free;
	uint32_t waiting; /* SAs that were withdrawn and wait for their grace period */
};

/* An SA's lineage with these bits below its address, 0 for a larval SA: a tick that looks at a million SAs fetches one
 * line of each, ahead. */
enum sadb_watched { SADB_WATCH_IN = 1 << 0, SADB_WATCH_ESN = 1 << 1, SADB_WATCH_WINDOW = 1 << 2, SADB_WATCH_BITS = 7 };

int sadb_sad_init(struct sadb *db);
uint64_t sadb_sad_bytes(const struct sadb_sad *sad); /* buckets, as long as max_sas asks for */
void sadb_sad_fini(struct sadb *db);
int sadb_sad_insert(struct sadb *db, struct sadb_sa_cold *cold, struct sadb_error *err); /* sets cold->slot */
/* The larval SA's place and count are the new one's. */
void sadb_sad_replace(struct sadb *db, struct sadb_sa_cold *cold, const struct sadb_sa_cold *larval);
void sadb_sad_place(struct sadb *db, struct sadb_sa_cold *cold); /* the control thread finds it, and at cold->slot */
void sadb_sad_show(struct sadb *db, struct sadb_sa_cold *cold);  /* and workers: publishes cold->hot */
void sadb_sad_hide(struct sadb *db, struct sadb_sa_cold *cold);  /* workers find it no more */
/* cold takes the place of old in the dump order, under a key of its own that is not in the table; workers find it if
 * shown. They may find both for a moment, never neither. */
void sadb_sad_move(struct sadb *db, struct sadb_sa_cold *old, struct sadb_sa_cold *cold, bool shown);
/* Takes the SA out of every lookup and retires it. */
void sadb_sad_remove(struct sadb *db, struct sadb_sa_cold *cold);
struct sadb_sa_cold *sadb_sad_find(const struct sadb *db, const struct sadb_sa_key *key);

/* ---- change.c ---- */
void sadb_sa_remove(struct sadb *db, struct sadb_sa_cold *cold); /* whatever the reason */
/* The sequence may be moved ahead by who knows better; never back. */
void sadb_sequence_raise(struct sadb *db, struct sadb_lineage *lineage, uint64_t out_seq);
/* What an update leaves as it is, from old to cold. */
void sadb_sa_inherit(struct sadb_sa_cold *cold, const struct sadb_sa_cold *old);

/* ---- resolve.c: which SA a policy uses ---- */
struct sadb_rule;

void sadb_resolve_init(struct sadb *db);
void sadb_resolve_fini(struct sadb *db);
int sadb_resolve_join(struct sadb *db, struct sadb_sa_cold *cold); /* 0 or -ENOMEM */
void sadb_resolve_leave(struct sadb *db, struct sadb_sa_cold *cold);
void sadb_resolve_sa(struct sadb_sa_cold *cold); /* it changed: its policies choose again */
int sadb_resolve_join_rule(struct sadb *db, struct sadb_rule *rule);
void sadb_resolve_leave_rule(struct sadb *db, struct sadb_rule *rule);

/* ---- policy.c, spd_*.c ---- */
struct sadb_tuple;
struct sadb_ports;
struct sadb_ports_rule;

/* A policy, the control thread's part. What workers see of it, hot, lies among its kind in memory of its own. Both live
 * until a grace period after the policy left the published table. */
struct sadb_rule {
	struct sadb_policy *hot;
	struct sadb_domain *domain;
	union {
		struct {
			struct sadb_node by_index; /* until it is withdrawn */
			struct sadb_node by_order; /* in tuple */
		};
		struct sadb_retired note; /* afterwards */
	};
	struct sadb_link by_selector;
	struct sadb_rule *next, *prev;      /* in domain->added or domain->gone */
	struct sadb_rule *heir;             /* replaced by this one, in the same place of the order */
	struct sadb_tuple *tuple;           /* the published table that it stands in; NULL: none */
	struct sadb_ports_rule *with_ports; /* NULL: its selector has none */
	struct sadb_group *group;           /* NULL: wants no SA */
	struct sadb_policy_life *life;      /* NULL: nothing limits it */
	struct sadb_rule *group_next, *group_prev;
	uint64_t add_time_s;
	struct sadb_selector sel;
	struct sadb_outer_v6 *outer; /* hot->tmpl.v6; NULL: none */
	uint32_t index;              /* as in hot, for the searches of the control thread */
	uint8_t tmpl_src_family, tmpl_dst_family;
	bool added, gone; /* waits for the next commit to come into the published table, or to leave it */
};

/* The policies of one vnet and direction, for one family. */
struct sadb_domain {
	struct sadb_spd **published; /* in the vnet */
	uint32_t vnet_id;
	uint8_t dir;
	uint8_t width; /* SADB_WIDTH_V4 or _V6 */
	bool staged;
	struct sadb_domain *next_staged;
	struct sadb_tuple *tuples;
	/* What the published table does not show yet. */
	struct sadb_rule *added, *gone;
	struct sadb_ports *changed;
	unsigned count;
};

int sadb_policies_init(struct sadb *db);
void sadb_policies_fini(struct sadb *db); /* retires them all */
void sadb_policies_free(struct sadb *db); /* when nothing that was retired is left */
/* Publishes the staged tables. 0 or -errno; what fails stays as it was. */
int sadb_policies_commit(struct sadb *db, struct sadb_error *err);
struct sadb_rule *sadb_rule_find(const struct sadb *db, const struct sadb_policy_config *which); /* or NULL */
void sadb_rule_describe(const struct sadb_rule *rule, struct sadb_policy_info *out);
void sadb_rule_free(struct sadb_rule *rule); /* its memory alone */
void sadb_rule_withdraw(struct sadb *db, struct sadb_rule *rule);
bool sadb_selector_v6(const struct sadb_selector *sel); /* is it one of IPv6 packets? */

/* Publishes a table that shows what is added and no more what is gone. -ENOMEM: the old one stays. */
int sadb_spd_build(struct sadb *db, struct sadb_domain *domain);
void sadb_spd_drop(struct sadb *db, struct sadb_domain *domain); /* nothing is left: publishes no table */
struct sadb_rule *sadb_rule_heir(const struct sadb_rule *rule);  /* the one that lives, or NULL */
/* The bits that a selector fixes, and what they must be: words as in spd.h, those beyond the width 0. */
void sadb_selector_words(const struct sadb_selector *sel, uint64_t mask[5], uint64_t value[5]);

/* ---- spd_ports.c: policies that ask for ports, as a fragment meets them ---- */
struct sadb_build;

int sadb_ports_create(struct sadb *db, struct sadb_rule *rule); /* 0 or -ENOMEM; must enter and leave later */
void sadb_ports_enter(struct sadb_rule *rule);
void sadb_ports_leave(struct sadb_rule *rule);
bool sadb_ports_changed(const struct sadb_domain *domain); /* does the published table have to show anything else? */
int sadb_ports_build(struct sadb_build *build);
void sadb_ports_give_up(struct sadb_domain *domain);                 /* the build failed */
void sadb_ports_publish(struct sadb_build *build);                   /* what was built is to be seen */
void sadb_ports_settle(struct sadb *db, struct sadb_domain *domain); /* without a build: nothing changed after all */
void sadb_ports_drop(struct sadb_build *build);                      /* nothing is published any more */

/* ---- policy_life.c: a policy's lifetime ---- */

/* Apart from its rule, for few policies have one. */
struct sadb_policy_life {
	struct sadb_node by_deadline;
	struct sadb_rule *rule;
	struct sadb_lifetime limits;
	uint64_t deadline_s; /* when to look again */
	uint64_t reported_s; /* the last report of a soft limit; 0: none */
	bool timed;          /* in the tree: a limit in seconds is set */
};

void sadb_policy_lives_init(struct sadb *db);
void sadb_policy_lives_fini(struct sadb *db);
int sadb_policy_life_create(struct sadb *db, struct sadb_rule *rule, const struct sadb_lifetime *limits); /* -ENOMEM */
void sadb_policy_life_start(struct sadb *db, struct sadb_rule *rule); /* by add_time_s; again after that changed */
void sadb_policy_life_end(struct sadb *db, struct sadb_rule *rule);   /* nothing of it is left */

/* ---- vnet.c ---- */
struct sadb_vnet_own {
	struct sadb_vnet vnet;
	struct sadb_link by_id;
	struct sadb_vnet_own *next;
	struct sadb_domain domain[SADB_POLICY_DIRS], domain_v6[SADB_POLICY_DIRS];
};

int sadb_vnets_init(struct sadb *db);
void sadb_vnets_fini(struct sadb *db);

/* ---- lifetime.c ---- */
struct sadb_heap {
	struct sadb_sa_cold **entry;
	uint32_t count;
	uint32_t most; /* entries that were ever used */
};

int sadb_heap_init(struct sadb *db);
void sadb_heap_fini(struct sadb *db);
void sadb_heap_update(struct sadb *db, struct sadb_sa_cold *cold, uint64_t now_s); /* adds, moves or takes out */
void sadb_heap_remove(struct sadb *db, struct sadb_sa_cold *cold);

/* During a tick: an SA has few sequence numbers left, or none. The first is reported once as a soft limit; the second
 * ends it like a hard one (RFC 4303 3.3.3). */
void sadb_numbers_low(struct sadb *db, struct sadb_sa_cold *cold, bool spent);

#define SADB_LARVAL_S 30

/* ---- memory.c ---- */
/* -ENOMEM: the machine has not the memory that max_sas may need. */
int sadb_memory_check(const struct sadb *db, struct sadb_error *err);

/* ---- the database ---- */
struct sadb {
	struct sadb_config config;
	uint32_t seed; /* of the hashes: an outsider cannot aim at one chain */
	struct sadb_publish publish;
	struct sadb_store *store; /* NULL: memory only */

	struct sadb_slab hot_slab, cold_slab;
	struct sadb_slab lineage_slab[SADB_LINEAGE_SIZES]; /* by the size of the window's ring */
	struct sadb_slab group_slab, open_slab;

	struct sadb_sad sad;
	struct sadb_sa_cold **cold; /* by slot: the dump order; NULL: nobody's */
	uintptr_t *watch;           /* by slot: what ticks look at, see sadb_watched */
	uint32_t positions;         /* slots that were ever used */
	uint32_t sa_count;
	uint64_t sa_changes, rule_changes; /* how often one came or went */
	uint64_t age;                      /* of the newest SA or policy */
	uint64_t generation;               /* of what workers may remember; see sadb_generation() */

	struct sadb_map marks;
	struct sadb_mark *dirty;
	uint32_t out_cursor, in_cursor;

	struct sadb_map vnets;
	struct sadb_vnet_own *vnet_first, **vnet_end;
	struct sadb_vnet_own underlay;
	struct sadb_neigh_table *neighs; /* published */

	struct sadb_map groups;
	unsigned open_kinds; /* of groups that SAs join: see resolve.c */
	struct sadb_map selectors, ports;
	struct sadb_slab rules, hots, hots_v6, outers, shards, entries, entries_v6, lives;
	struct sadb_tree deadlines; /* of policies: sadb_policy_life by deadline */
	struct sadb_tree indexes;   /* rules by index */
	uint32_t rule_count, dir_count[SADB_POLICY_DIRS];
	uint32_t next_index;
	uint64_t spd_version;
	struct sadb_domain *staged;

	struct sadb_keeps keeps;
	struct sadb_heap heap;
	sadb_expire_fn tick_fn; /* during sadb_tick() */
	void *tick_arg;
};

uint32_t sadb_hash(const struct sadb *db, const void *p, size_t bytes);
int sadb_random(void *p, size_t bytes); /* that nobody can guess; 0 or -EIO */

#endif
