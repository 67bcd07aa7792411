/* SPDX-License-Identifier: BSD-3-Clause
 * The database of what is true: SAs, policies, virtual networks, routes. One writer (the control thread); workers read
 * without locks and report quiescence. Functions marked "worker" are for workers, all others for the control thread.
 *
 * Changes are staged and then committed: between a change and sadb_commit() workers may see the old state. After
 * sadb_commit() every change is visible, and what must be on disk before a packet uses it is on disk. */
#ifndef SADB_SADB_H
#define SADB_SADB_H

#include <stddef.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "sa-db/clock.h"
#include "sa-db/algorithm.h"
#include "sa-db/fib.h"
#include "sa-db/policy.h"
#include "sa-db/sa.h"

struct sadb;

/* How the crypto engine expands a key; the database calls it on the control thread, and fini before it frees. An expanded
 * key may be copied to another area (aligned as the first): of its copies, which workers may use at the same time, one
 * goes to fini, when no worker uses any. */
struct sadb_keyer {
	size_t area_bytes;
	int (*init)(void *area, enum sadb_aead aead, const uint8_t *key, uint32_t key_bytes);
	void (*fini)(void *area);
};

struct sadb_config {
	uint32_t max_sas;
	uint32_t max_policies;
	unsigned max_workers;
	struct sadb_keyer keyer;
	/* A collision-resistant hash of key and salt: the name under which used sequence numbers are remembered. It says
	 * nothing of the algorithm: AES-GCM and AES-GMAC under one key and nonce break each other, so they share the numbers. */
	int (*key_id)(const uint8_t *key, uint32_t key_bytes, const uint8_t salt[SADB_SALT_BYTES],
		      uint8_t id[SADB_KEY_ID_BYTES]);
	const char *store_path; /* SQLite file of sequence marks; NULL: memory only (tests) */
};

/* Why something was refused, for the operator: one line, and the XFRM attribute at fault (0: none in particular). */
struct sadb_error {
	char text[160];
	uint16_t attr;
};

/* NULL on failure, with err filled. destroy frees and wipes everything; no worker may be registered any more. */
struct sadb *sadb_create(const struct sadb_config *config, struct sadb_error *err);
void sadb_destroy(struct sadb *db);

/* Makes staged changes durable (sequence marks), then visible (tables, SA pointers). 0 or -errno; when the marks cannot be
 * written, the SAs added since the last good commit are taken back: no packet left through them. Other changes stand. */
int sadb_commit(struct sadb *db, struct sadb_error *err);

/* Frees what was retired and is seen by no worker any more; wipes keys. Never blocks. Returns how many wait still. */
unsigned sadb_reclaim(struct sadb *db);

/* ---- quiescence: one RCU variable for all published data ---- */
struct rte_rcu_qsbr *sadb_qsbr(struct sadb *db); /* workers register with it under their worker number */

/* Worker: changes with every publication of a policy or route table, before the grace period of the old one begins. What a
 * worker remembers of lookups is good as long as this is what it was before them. */
uint64_t sadb_generation(const struct sadb *db);

/* Publishing idiom for pointers elsewhere in Culvert: p was replaced in the published place by the caller; free_fn(p)
 * runs in sadb_reclaim() after the grace period. */
void sadb_retire(struct sadb *db, void *p, void (*free_fn)(void *p));

/* ---- virtual networks ---- */
#define SADB_VNET_NAME 32
/* In the place of a vnet's id: the underlay's own SAs and policies, which are in transport mode (XFRM: no if_id). */
#define SADB_UNDERLAY_ID UINT32_MAX
struct sadb_vnet {
	uint32_t id; /* XFRM if_id */
	char name[SADB_VNET_NAME];
	struct sadb_spd *spd[SADB_POLICY_DIRS]; /* published; acquire-load with sadb_vnet_spd() */
	struct sadb_spd *spd_v6[SADB_POLICY_DIRS];
	struct sadb_fib *fib; /* published; acquire-load with sadb_vnet_fib() */
	uint32_t sa_count;    /* control thread */
	uint8_t bypass;       /* see sadb_vnet_bypass_set(); read with sadb_vnet_bypasses() */
};

static inline struct sadb_spd *
sadb_vnet_spd(const struct sadb_vnet *vnet, enum sadb_policy_dir dir)
{
	return __atomic_load_n(&vnet->spd[dir], __ATOMIC_ACQUIRE); /* pairs with the release in sadb_commit() */
}

/* Policies of IPv6 packets stand in tables of their own. A selector without a family is one of IPv4 packets. */
static inline struct sadb_spd *
sadb_vnet_spd_v6(const struct sadb_vnet *vnet, enum sadb_policy_dir dir)
{
	return __atomic_load_n(&vnet->spd_v6[dir], __ATOMIC_ACQUIRE); /* pairs with the release in sadb_commit() */
}

static inline struct sadb_fib *
sadb_vnet_fib(const struct sadb_vnet *vnet)
{
	return __atomic_load_n(&vnet->fib, __ATOMIC_ACQUIRE); /* pairs with the release in sadb_vnet_fib_set() */
}

/* Is it in transport mode? Those of the underlay are, and no other. */
static inline bool
sadb_sa_transport(const struct sadb_sa *sa)
{
	return sa->vnet->id == SADB_UNDERLAY_ID;
}

/* Worker, rare: does a packet in the clear that no policy names pass? Relaxed, with the store in sadb_vnet_bypass_set():
 * nothing else depends on it, and policies that are there do not. */
static inline bool
sadb_vnet_bypasses(const struct sadb_vnet *vnet)
{
	return __atomic_load_n(&vnet->bypass, __ATOMIC_RELAXED) != 0;
}

/* -EEXIST: the id or the name is taken. A vnet lives until sadb_destroy(). */
int sadb_vnet_add(struct sadb *db, uint32_t id, const char *name, struct sadb_error *err);
struct sadb_vnet *sadb_vnet_find(struct sadb *db, uint32_t id);
struct sadb_vnet *sadb_vnet_next(struct sadb *db, const struct sadb_vnet *after); /* NULL starts; NULL ends */
/* The vnet's default policy (RFC 4301 4.4.1: discard) for packets in the clear: true lets pass those that no policy names.
 * What workers remember of lookups ends with it. */
void sadb_vnet_bypass_set(struct sadb *db, struct sadb_vnet *vnet, bool bypass);
/* The underlay's domain, found by SADB_UNDERLAY_ID. Its policies are of the gateway's own packets. Never NULL. */
struct sadb_vnet *sadb_underlay(struct sadb *db);

/* Publishes a table and retires the one before it. Takes ownership. With the underlay's local routes goes which SAs of
 * SADB_DIR_ANY are inbound; that is on disk before workers see the table. */
void sadb_vnet_fib_set(struct sadb *db, struct sadb_vnet *vnet, struct sadb_fib *fib);
void sadb_neighs_set(struct sadb *db, struct sadb_neigh_table *table);
struct sadb_neigh_table *sadb_neighs(const struct sadb *db); /* worker: acquire-load of the published table */

/* ---- SAs ---- */
/* The cold part: identity, configuration without its key, times. Control thread only. */
struct sadb_sa_cold {
	struct sadb_sa_config config;              /* key and salt are wiped: zero here */
	uint64_t add_time_s;                       /* sadb_now_s() */
	uint32_t slot;                             /* place in the dump order */
	uint8_t larval;                            /* 1: from ALLOCSPI, has no key yet */
	struct sadb_sa *hot;                       /* NULL while larval */
	uint8_t own[] __attribute__((aligned(8))); /* the database's own fields */
};

/* NEWSA. -EEXIST: that (destination, SPI, protocol) lives already, or another SA holds the same key and salt (one key,
 * one sequence: two would repeat nonces), or the key was used in the other direction. -EINVAL: algorithm, key length,
 * all-zero key, mode, SPI 0..255, lengths, a sequence number of the other direction. SADB_DIR_ANY becomes SADB_DIR_IN in
 * the SA's configuration when the destination is, or becomes, one of the gateway's own addresses, and when the key is
 * known as the peer's to seal with; any other sends and never receives.
 * -ENODEV: no such vnet. -ENOSPC: full. If this key was used before (tombstone, mark on disk), the new SA starts above
 * the last number used, and its window at the highest received. Turns a larval SA of the same key into a full one. */
int sadb_sa_add(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err);

/* UPDSA. -ESRCH: no such SA. Completes a larval SA. On a full one: takes lifetimes, selector, flags, reqid, the ports of
 * UDP encapsulation if it has any; the key and salt must be the same (-EINVAL), the sequence never goes back, the replay
 * window keeps what it saw. */
int sadb_sa_update(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err);

/* What an SA has done, as someone else knows it. */
struct sadb_progress {
	bool has_use;    /* bytes, packets and times are told */
	bool has_in_seq; /* what was received is told */
	bool has_out_seq;
	uint64_t bytes, packets;         /* in all */
	uint64_t add_time_s, use_time_s; /* by the machine's clock; 0: as it is; use: the first */
	uint64_t out_seq, in_seq;
	uint32_t seen_packets; /* how far back seen tells; what is older counts as seen */
	const uint32_t *seen;  /* bit i of word i / 32: was in_seq - i received? */
};

/* NEWAE. -ESRCH; -EINVAL: larval, or a number that an SA of this direction cannot have. Counters and times become what is
 * told. Numbers only go on: the last number sent is never lowered, and what the window has seen stays seen. */
int sadb_sa_progress(struct sadb *db, const struct sadb_sa_key *key, const struct sadb_progress *progress,
		     struct sadb_error *err);

/* For an answer that tells of an SA without its key: what stands in the key's place (its first key_bytes; the salt is
 * zero). Whoever deletes the SA soon may add it with that, under the same SPI, for 10 s. -ESRCH (also: larval), -ENOMEM, -EIO. */
int sadb_sa_stand_in(struct sadb *db, const struct sadb_sa_key *key, uint8_t out[SADB_KEY_MAX]);

/* DELSA. -ESRCH. Leaves a tombstone. */
int sadb_sa_del(struct sadb *db, const struct sadb_sa_key *key, struct sadb_error *err);
/* FLUSHSA. proto 0 or 255: all. Returns how many went. */
unsigned sadb_sa_flush(struct sadb *db, uint8_t proto);

/* The SA's key sends nothing more, now or when it is added again: which numbers it used is not known. -ESRCH: there is no
 * such outbound SA. */
int sadb_sa_spend(struct sadb *db, const struct sadb_sa_key *key);

/* 0: the numbers that this key used are known, because an SA had it before, here or by the store. -ENOENT: it was never
 * heard of. Another -errno with err filled: nothing can be said. */
int sadb_key_known(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err);

const struct sadb_sa_cold *sadb_sa_find(const struct sadb *db, const struct sadb_sa_key *key);
/* Dump order: the first SA whose slot is >= slot, NULL at the end. Continue with its slot + 1. Safe against changes
 * between calls. */
const struct sadb_sa_cold *sadb_sa_at(const struct sadb *db, uint32_t slot);
uint32_t sadb_sa_count(const struct sadb *db);
/* Changes whenever an SA comes or goes: a dump that saw two values may lack one that was there all the time. */
uint64_t sadb_sa_changes(const struct sadb *db);

/* Was this key with this salt ever an SA's here that sent or received, or is it one's now? The store of sequence marks knows
 * beyond a restart. 1, 0, or -errno. config gives key, key_bytes, salt. */
int sadb_key_used(struct sadb *db, const struct sadb_sa_config *config, struct sadb_error *err);

/* ALLOCSPI (RFC 4301 4.4.2.1): a free SPI in [min, max], host order, min at least 256, random; a larval SA holds it for
 * 30 s. config gives src, dst, proto, mode, reqid, vnet (0: the SA that completes it says which). -ENOENT: none free in that
 * range. */
int sadb_spi_alloc(struct sadb *db, const struct sadb_sa_config *config, uint32_t min, uint32_t max, rte_be32_t *spi_be,
		   struct sadb_error *err);

/* Worker: finds n SAs (n up to 64); out[i] NULL where there is none. Larval SAs are not found. */
void sadb_sa_lookup(const struct sadb *db, const struct sadb_sa_key *const keys[], unsigned n, struct sadb_sa *out[]);

/* ---- policies ---- */
/* NEWPOLICY: -EEXIST if (vnet, direction, selector) exists. UPDPOLICY (replace): adds or replaces. -EINVAL, -ENODEV,
 * -ENOSPC. On return config->index holds the id. */
int sadb_policy_add(struct sadb *db, struct sadb_policy_config *config, bool replace, struct sadb_error *err);
/* By index when it is not 0, else by (vnet, direction, selector). -ENOENT. out, when given, receives what was removed. */
int sadb_policy_del(struct sadb *db, const struct sadb_policy_config *which, struct sadb_policy_config *out,
		    struct sadb_error *err);
unsigned sadb_policy_flush(struct sadb *db);

struct sadb_policy_info { /* for display and netlink */
	struct sadb_policy_config config;
	uint64_t add_time_s, use_time_s; /* by the machine's clock */
	rte_be32_t sa_spi_be;            /* 0: no SA in charge */
};
int sadb_policy_get(const struct sadb *db, const struct sadb_policy_config *which, struct sadb_policy_info *out);
/* Dump order by index: the first policy whose slot is >= *slot; *slot becomes its slot + 1. false at the end. */
bool sadb_policy_at(const struct sadb *db, uint32_t *slot, struct sadb_policy_info *out);
uint32_t sadb_policy_count(const struct sadb *db, enum sadb_policy_dir dir);
uint64_t sadb_policy_changes(const struct sadb *db); /* as sadb_sa_changes() */
/* One change of XFRM_MSG_MIGRATE: what led from old to old leads from new to new. */
struct sadb_migration {
	struct sadb_addr old_src, old_dst, new_src, new_dst;
	uint32_t reqid; /* 0: any */
	uint8_t proto, mode;
};

/* MIGRATE: the template of a policy, found as by sadb_policy_get(), and all SAs of its vnet that a change names get new
 * addresses; numbers, window, counters and times stay theirs. All or nothing. -EINVAL: no change, an address of zeros, two
 * changes of the same; -ENOENT: no such policy; -ENODATA: no change fits its template; -EEXIST: the new destination has
 * that SPI already; -ENOMEM. */
int sadb_migrate(struct sadb *db, const struct sadb_policy_config *which, const struct sadb_migration *list, unsigned n,
		 struct sadb_error *err);

/* Ends the wait after an ACQUIRE so that the next packet asks again. */
void sadb_policy_acquired(struct sadb *db, uint32_t index);

/* ---- lifetimes ---- */
enum sadb_expire_kind { SADB_EXPIRE_SOFT, SADB_EXPIRE_HARD };
typedef void (*sadb_expire_fn)(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind);

/* Call about ten times a second. Reports soft limits in seconds once each; reports and then deletes SAs past a hard
 * limit in seconds, and larval SAs past their 30 s; raises sequence marks on disk ahead of use. */
void sadb_tick(struct sadb *db, uint64_t now_s, sadb_expire_fn fn, void *arg);

/* A worker passed a byte or packet limit of this SA: hard deletes it. -ESRCH if it is gone already. */
int sadb_sa_expire(struct sadb *db, const struct sadb_sa_key *key, enum sadb_expire_kind kind, sadb_expire_fn fn,
		   void *arg);

/* EXPIRE as a request: the same without a worker's report. -ESRCH; -EINVAL: larval. */
int sadb_sa_expire_asked(struct sadb *db, const struct sadb_sa_key *key, enum sadb_expire_kind kind, sadb_expire_fn fn,
			 void *arg);

/* fn must not change the database. A policy that ended is gone already, but for its place in the published table. */
typedef void (*sadb_policy_expire_fn)(void *arg, const struct sadb_policy_info *policy, enum sadb_expire_kind kind);

/* Like sadb_tick(), for policies: a use limit counts from the last packet, and a soft limit is reported every 30 s, both as
 * in the kernel. */
void sadb_policies_tick(struct sadb *db, uint64_t now_s, sadb_policy_expire_fn fn, void *arg);

/* ---- memory ---- */
enum sadb_memory_use {
	SADB_MEMORY_HOT,
	SADB_MEMORY_MUTABLE,
	SADB_MEMORY_COLD,
	SADB_MEMORY_TABLE,
	SADB_MEMORY_GROUPS,
	SADB_MEMORY_TIMES,
	SADB_MEMORY_MARKS,
	SADB_MEMORY_STORE,
	SADB_MEMORY_POLICIES,
	SADB_MEMORY_USES
};

/* What was allocated, with all that the allocators add, and for how many objects. */
struct sadb_memory {
	uint64_t bytes, objects;
	uint64_t heap_bytes; /* of bytes, what is in malloc()'s heap */
};
void sadb_memory_get(const struct sadb *db, struct sadb_memory out[SADB_MEMORY_USES]);
const char *sadb_memory_name(enum sadb_memory_use use); /* "sa-hot" */
const char *sadb_memory_help(enum sadb_memory_use use);

/* ---- keys ---- */
void sadb_wipe(void *p, size_t bytes); /* never optimised away */

#endif
