/* SPDX-License-Identifier: BSD-3-Clause
 * A security association in three parts (RFC 4301 4.4.2): cold for the control thread, hot and immutable for the
 * worker's reads, hot and mutable for what workers write. One writer (the control thread), any number of workers. */
#ifndef SADB_SA_H
#define SADB_SA_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "sa-db/addr.h"
#include "sa-db/replay.h"

#define SADB_KEY_MAX      32
#define SADB_SALT_BYTES   4
#define SADB_KEY_ID_BYTES 32
#define SADB_INF          UINT64_MAX /* a limit that never comes (XFRM_INF) */

struct sadb_vnet;

/* What it takes of each stands in algorithm.h. Of those on AES the key's length says 128 or 256. */
enum sadb_aead {
	SADB_AEAD_NONE,
	SADB_AEAD_AES_GCM_16,        /* RFC 4106 with a 16-byte ICV */
	SADB_AEAD_CHACHA20_POLY1305, /* RFC 7634 */
	SADB_AEAD_AES_GMAC,          /* RFC 4543, integrity only: what it carries is not encrypted */
};

/* An SA is simplex (RFC 4301 4.1). ANY leaves it to the destination: ours makes it inbound, another's outbound. */
enum sadb_dir { SADB_DIR_ANY, SADB_DIR_IN, SADB_DIR_OUT };

enum sadb_sa_flag {
	SADB_SA_ESN = 1 << 0,
	SADB_SA_NOECN = 1 << 1,           /* XFRM_STATE_NOECN */
	SADB_SA_DECAP_DSCP = 1 << 2,      /* XFRM_STATE_DECAP_DSCP */
	SADB_SA_NOPMTUDISC = 1 << 3,      /* XFRM_STATE_NOPMTUDISC: the outer DF bit stays clear */
	SADB_SA_DONT_ENCAP_DSCP = 1 << 4, /* XFRM_SA_XFLAG_DONT_ENCAP_DSCP */
	/* Beyond the eight that the hot part has: */
	SADB_SA_OUTER_DSCP = 1 << 8,      /* the outer DSCP is outer_dscp */
	SADB_SA_OUTER_DF = 1 << 9,        /* the outer DF bit is set, whatever the inner one */
	SADB_SA_FRAGMENT_AFTER = 1 << 10, /* what is too long is sealed whole, and cut then (RFC 4303 3.3.4) */
};

/* RFC 4301 4.4.2.1. Bytes count inner packets; SADB_INF: no limit. Seconds: 0 means no limit. */
struct sadb_lifetime {
	uint64_t soft_bytes, hard_bytes;
	uint64_t soft_packets, hard_packets;
	uint64_t soft_add_s, hard_add_s; /* since the SA was added */
	uint64_t soft_use_s, hard_use_s; /* since its first packet */
};

/* What finds an SA: (destination, SPI, protocol). Compared as bytes: build it with sadb_sa_key_make(). */
struct sadb_sa_key {
	uint8_t dst[16]; /* network order; IPv4 in the first four bytes, the rest zero */
	rte_be32_t spi_be;
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t proto;  /* IPPROTO_ESP */
	uint8_t zero[2];
};
static_assert(sizeof(struct sadb_sa_key) == 24, "the hash reads the key as bytes: no hidden padding");

struct sadb_sa_key sadb_sa_key_make(const struct sadb_addr *dst, rte_be32_t spi_be, uint8_t proto);

/* Everything that says what an SA is. A plain value: the codec fills it, the control thread owns it. It holds a raw key:
 * wipe it with sadb_wipe() when done. */
struct sadb_sa_config {
	struct sadb_addr src, dst; /* outer */
	rte_be32_t spi_be;
	uint8_t proto; /* IPPROTO_ESP */
	uint8_t aead;  /* enum sadb_aead */
	uint8_t dir;   /* enum sadb_dir */
	uint8_t mode;  /* XFRM_MODE_TUNNEL; XFRM_MODE_TRANSPORT in the underlay */
	uint32_t reqid;
	uint32_t vnet_id;        /* XFRM if_id, or SADB_UNDERLAY_ID */
	uint32_t window_packets; /* 0: no replay protection; else 64..65536 (smaller works as 64, and is shown) */
	uint32_t flags;          /* enum sadb_sa_flag */
	uint32_t key_bytes;      /* without the salt */
	uint8_t key[SADB_KEY_MAX];
	uint8_t salt[SADB_SALT_BYTES];
	struct sadb_selector sel;
	struct sadb_lifetime life;
	uint64_t out_seq; /* last number used before the SA came here (XFRM oseq); never lowers what Culvert knows */
	uint64_t in_seq;  /* highest number received before (XFRM seq) */
	uint32_t acquire_seq; /* of the ACQUIRE that it answers (XFRM usersa.seq); 0: none */
	/* UDP encapsulation (RFC 3948): the ports as they are on the wire in the SA's direction, so that the peer's is the
	 * source inbound and the destination outbound. Both 0: none. */
	rte_be16_t encap_sport_be, encap_dport_be;
	/* Outbound. */
	uint16_t tfc_pad_bytes;        /* shorter inner packets are padded to so many (XFRMA_TFCPAD); 0: none is */
	uint8_t outer_ttl, outer_dscp; /* TTL or hop limit, 0: the default */
	uint32_t mapping_s; /* inbound: the peer's move is told again after so long (XFRMA_MTIMER_THRESH); 0: default */
};

enum sadb_sa_state {
	SADB_SA_SOFT = 1 << 0,     /* a soft limit was reported */
	SADB_SA_HARD = 1 << 1,     /* a hard limit was passed: no packet may use this SA */
	SADB_SA_DEAD = 1 << 2,     /* withdrawn; only packets already in a batch still see it */
	SADB_SA_REPORTED = 1 << 3, /* the hard limit was reported to the control thread */
};

/* The mutable part, on lines by writer. Workers write it; the control thread reads with relaxed loads. It survives an
 * update of the SA: the old and the new hot part share it, so a sequence number cannot go back. */
struct sadb_sa_mut {
	/* line 0: outbound sequence; and what may stop either direction, which is looked at right after */
	alignas(64) uint64_t out_seq; /* last number handed out */
	uint64_t
	    out_limit;  /* no number above this may be used: min(RFC 4303 limit, mark on disk); control thread raises */
	uint32_t state; /* enum sadb_sa_state bits; atomic or */
	uint64_t path_mtu; /* see sadb_sa_path_mtu() */
	/* line 1: use, both directions */
	alignas(64) uint64_t bytes;
	uint64_t packets;
	uint64_t first_use_s, last_use_s;                            /* sadb_now_s(); 0: never */
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; /* control writes, workers read */
	/* line 2: rare */
	alignas(64) uint32_t replay_drops; /* XFRM's statistics, with the next two; relaxed adds */
	uint32_t window_drops, icv_drops;
	uint32_t owners; /* control thread: hot parts that point here */
	/* when the peer was last told to be elsewhere, and there: its address and port in one word; see sadb_sa_moved() */
	uint64_t mapping_told_s, mapping;
};
static_assert(sizeof(struct sadb_sa_mut) == 192, "mutable part: three lines");

/* In the hot part's flags: the selector matches every IPv6 packet of the vnet; and the outer header is IPv6. */
#define SADB_HOT_ANY_V6   (1u << 7)
#define SADB_HOT_OUTER_V6 (1u << 6)
#define SADB_HOT_ODD      (1u << 5) /* outbound: the configuration wants what few do, see dataplane/esp_odd.h */

/* The hot immutable part: one line that both directions read and the engine's key material, inline. */
struct sadb_sa {
	alignas(64) rte_be32_t spi_be;
	uint8_t salt[SADB_SALT_BYTES];
	struct sadb_sa_mut *mut;
	struct sadb_replay *replay; /* NULL when anti-replay is off */
	struct sadb_vnet *vnet;
	struct sadb_sa_cold *cold; /* control thread and the rare paths only */
	/* Outer header. IPv6 addresses stand in the cold part; here are src 0 and the fold of dst, for the table. */
	rte_be32_t src_v4_be, dst_v4_be;
	uint32_t reqid;
	uint32_t outer_sum; /* outer source and destination as 16-bit words in memory, summed, not folded (RFC 1071) */
	uint8_t flags;      /* enum sadb_sa_flag, SADB_HOT_ANY_V6, SADB_HOT_OUTER_V6 */
	uint8_t aad_bytes;  /* 8, or 12 with ESN (RFC 4106 5) */
	uint8_t sel_any;    /* 1: the selector matches every IPv4 packet of its vnet */
	uint8_t dir;        /* SADB_DIR_IN or SADB_DIR_OUT */
	uint32_t encap;     /* UDP's ports as on the wire, source and destination in one word; 0: no encapsulation */
	alignas(64) uint8_t key_area[]; /* expanded key; as long as the keyer asked for */
};
static_assert(sizeof(struct sadb_sa) == 64 || sizeof(struct sadb_sa) == 128, "hot part: whole lines before the key");

/* ---- what workers do with an SA; any worker, no lock ---- */

/* Takes up to n consecutive sequence numbers; *first is the lowest. Returns how many may be used: fewer than n at the
 * limit, 0 when the SA is spent (RFC 4303 3.3.3: never wraps). Numbers once taken are never given again, used or not. */
static inline unsigned
sadb_sa_seq_take(struct sadb_sa_mut *mut, unsigned n, uint64_t *first)
{
	/* Relaxed is enough: uniqueness comes from the atomicity of the add alone. out_limit pairs with the release in
	 * the control thread's raise: a mark seen here is on disk. */
	uint64_t limit = __atomic_load_n(&mut->out_limit, __ATOMIC_ACQUIRE);
	if (__atomic_load_n(&mut->out_seq, __ATOMIC_RELAXED) >= limit)
		return 0;
	uint64_t before = __atomic_fetch_add(&mut->out_seq, n, __ATOMIC_RELAXED);
	if (before >= limit)
		return 0;
	*first = before + 1;
	return limit - before < n ? (unsigned)(limit - before) : n;
}

enum sadb_use { SADB_USE_OK = 0, SADB_USE_SOFT = 1 << 0, SADB_USE_HARD = 1 << 1, SADB_USE_STOPPED = 1 << 2 };

/* Counts a batch against the SA's lifetimes (RFC 4301 4.4.2.1). Returns enum sadb_use bits: SOFT and HARD come once in
 * the SA's life each (the caller reports them); STOPPED: the SA is past a hard limit, the batch must be dropped.
 * A batch that would pass a hard limit is refused whole: the SA stops at the limit or up to a batch before it, never after. */
unsigned sadb_sa_use(struct sadb_sa *sa, unsigned packets, uint64_t bytes, uint64_t now_s);

/* A packet that only the peer can have made came from this address and port, and neither the SA's configuration nor an
 * older packet says so (RFC 7296 2.23). True for the one caller who is to tell: once for each change, at
 * most once a second, and again after a while as long as it is not heeded. */
bool sadb_sa_moved(struct sadb_sa *sa, const struct sadb_addr *src, rte_be16_t sport_be, uint64_t now_s);
/* It could not be told: the next packet tries again. */
void sadb_sa_moved_untold(struct sadb_sa *sa);

/* The longest outer packet that a link on the way of an outbound SA takes, as far as the way itself has told; 0: it has not, or
 * too long ago. */
static inline uint16_t
sadb_sa_path_mtu(const struct sadb_sa_mut *mut, uint64_t now_s)
{
	/* When it ends, in seconds, and the MTU, in one word: read and written whole, relaxed, for it orders nothing. */
	const uint64_t learnt = __atomic_load_n(&mut->path_mtu, __ATOMIC_RELAXED);
	return learnt >> 16 > now_s ? (uint16_t)learnt : 0;
}

/* False: it is known to be narrower. Of two workers that learn at once one is heard, and the next packet tells again. */
static inline bool
sadb_sa_path_mtu_learn(struct sadb_sa_mut *mut, uint16_t mtu, uint64_t now_s, uint64_t life_s)
{
	const uint16_t known = sadb_sa_path_mtu(mut, now_s);
	if (known != 0 && known < mtu)
		return false;
	/* pairs with nothing: see sadb_sa_path_mtu() */
	__atomic_store_n(&mut->path_mtu, (now_s + life_s) << 16 | mtu, __ATOMIC_RELAXED);
	return true;
}

static inline bool
sadb_sa_stopped(const struct sadb_sa *sa)
{
	return (__atomic_load_n(&sa->mut->state, __ATOMIC_RELAXED) & (SADB_SA_HARD | SADB_SA_DEAD)) != 0;
}

#endif
