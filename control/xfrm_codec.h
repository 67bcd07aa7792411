/* SPDX-License-Identifier: BSD-3-Clause
 * XFRM netlink messages (linux/xfrm.h) to and from plain structs. Pure: bytes and a length in, a struct or an error out;
 * no I/O, no DPDK call, no allocation; so it fuzzes. Used by the server, the CLI and (later) the kernel's mirror. */
#ifndef CTL_XFRM_CODEC_H
#define CTL_XFRM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "sa-db/sadb.h"

/* What GETSA and events say of an SA beyond its configuration. */
struct ctl_sa_state {
	uint64_t bytes, packets, add_time_s, use_time_s; /* use: the first */
	uint64_t last_use_s;                             /* 0: never */
	uint64_t out_seq, in_seq;
	uint32_t replay_drops, window_drops, icv_drops;
	uint32_t path_mtu;       /* outbound, as far as the path told; 0: it did not */
	const uint8_t *stand_in; /* SADB_KEY_MAX bytes that are told in the key's place; NULL: zeros are */
	uint32_t bitmap_words;   /* of bitmap; 0: none */
	const uint32_t *bitmap;  /* XFRMA_REPLAY_ESN_VAL's bmp: bit i of word i/32 as the kernel lays it out */
};

/* What a message says of an SA's replay state and use. */
enum ctl_xfrm_has {
	CTL_HAS_LIFETIME = 1 << 0,   /* XFRMA_LTIME_VAL */
	CTL_HAS_REPLAY = 1 << 1,     /* XFRMA_REPLAY_VAL: bitmap has one word, bit 0 is in_seq */
	CTL_HAS_REPLAY_ESN = 1 << 2, /* XFRMA_REPLAY_ESN_VAL: bit of number n is (n - 1) % window_packets */
	CTL_HAS_SEQ_THRESH = 1 << 3, /* XFRMA_REPLAY_THRESH */
	CTL_HAS_TIME_THRESH = 1 << 4 /* XFRMA_ETIMER_THRESH */
};

struct ctl_progress {
	uint32_t has; /* enum ctl_xfrm_has */
	uint64_t bytes, packets, add_time_s, use_time_s;
	uint64_t out_seq, in_seq;
	uint32_t window_packets;
	uint32_t bitmap_words;  /* that are there */
	const uint8_t *bitmap;  /* inside the message: words in the byte order of this machine, 4-aligned at best */
	uint32_t seq_threshold; /* packets */
	uint32_t time_threshold_ds;
};

#define CTL_MIGRATIONS 6 /* as the kernel's XFRM_MAX_DEPTH */

/* XFRM_MSG_MIGRATE: which policy, and what changes in it and its SAs. */
struct ctl_migrate {
	struct sadb_selector sel;
	uint32_t vnet_id;
	uint8_t dir; /* enum sadb_policy_dir */
	uint8_t n;
	bool has_km; /* XFRMA_KMADDRESS: where IKE is to speak from now on */
	struct sadb_addr km_local, km_remote;
	struct sadb_migration one[CTL_MIGRATIONS];
};

/* XFRM_MSG_MAPPING: the peer of an SA in UDP sends from another address or port. */
struct ctl_mapping {
	struct sadb_sa_key sa_id;
	uint32_t reqid;
	struct sadb_addr old_src, new_src;
	rte_be16_t old_sport_be, new_sport_be;
};

/* NEWSPDINFO: prefix lengths from which the kernel hashes policies; local, remote. */
struct ctl_spd_info {
	uint32_t in, out, fwd;
	bool has_v4, has_v6;
	uint8_t v4[2], v6[2];
};

/* SETDEFAULT, GETDEFAULT: XFRM_USERPOLICY_*, by enum sadb_policy_dir. */
struct ctl_spd_default {
	uint8_t action[SADB_POLICY_DIRS];
};

/* One decoded request or event; type says which members are set. Holds key bytes for NEWSA/UPDSA: sadb_wipe() it. What it
 * points to lies in the message. */
struct ctl_xfrm {
	uint16_t type;  /* XFRM_MSG_* */
	uint16_t flags; /* NLM_F_* of the header */
	uint32_t seq, pid;
	union {
		/* NEWSA, UPDSA; ALLOCSPI (config and range); EXPIRE (hard; as a request with expired, else with config) */
		struct {
			struct sadb_sa_config config;
			uint32_t spi_min, spi_max; /* host order */
			uint8_t hard;
			struct sadb_sa_key expired;
			struct ctl_progress past; /* NEWSA, UPDSA */
			struct {                  /* set when a GETSA answer or an event was decoded (by the CLI) */
				uint64_t bytes, packets, add_time_s, use_time_s, last_use_s;
				uint32_t replay_drops, window_drops, icv_drops;
				uint32_t path_mtu;
			} cur;
		} sa;
		struct sadb_sa_key sa_id; /* DELSA, GETSA (not a dump) */
		struct {                  /* GETAE, NEWAE */
			struct sadb_sa_key sa_id;
			struct sadb_addr src; /* AF_UNSPEC: zero */
			uint32_t flags;       /* XFRM_AE_* */
			uint32_t reqid, vnet_id;
			struct ctl_progress past;
		} ae;
		struct { /* GETSA with NLM_F_DUMP: family AF_UNSPEC and proto 0 mean all */
			struct sadb_prefix src, dst;
			uint8_t proto;
		} filter;
		uint8_t proto; /* FLUSHSA */
		/* NEWPOLICY, UPDPOLICY; DELPOLICY, GETPOLICY (config only); POLEXPIRE (with hard; as a request: only what
		 * names the policy) */
		struct {
			struct sadb_policy_config config;
			uint64_t add_time_s, use_time_s;
			uint8_t hard;
		} policy;
		struct { /* ACQUIRE */
			struct sadb_policy_config policy;
			struct sadb_flow flow;
			uint32_t seq;
		} acquire;
		struct {
			uint32_t count, hash_now, hash_max;
		} sad;                              /* NEWSADINFO */
		struct ctl_spd_info spd;            /* NEWSPDINFO, an answer or a request */
		struct ctl_spd_default spd_default; /* SETDEFAULT, GETDEFAULT as an answer or event */
		struct ctl_migrate migrate;
		struct ctl_mapping mapping;
		struct {
			struct sadb_selector sel;
			uint8_t proto;
		} report;
	};
};

/* Decodes one whole message (nlh->nlmsg_len bytes are readable: the caller has checked that). Every length, flag, family
 * and attribute is checked before use. 0, or the kernel's errno for that mistake (-EINVAL, -ENOSYS for an algorithm
 * Culvert lacks, -ENOPROTOOPT, ...) with err->text naming the attribute and what is accepted, err->attr its number.
 * On error nothing of out is to be used. Attributes Culvert knows of but need not act on are skipped; unknown ones too
 * (as the kernel does); those that would change what is protected in a way it cannot do are refused. */
int ctl_xfrm_decode(const struct nlmsghdr *nlh, struct ctl_xfrm *out, struct sadb_error *err);

/* Encoders write a whole message, header included, into buf and return its length (NLMSG_ALIGNed), or 0 when size is too
 * small. header gives type, flags, seq, pid; nlmsg_len is filled in. */
size_t
ctl_xfrm_encode_sa(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
		   const struct ctl_sa_state *state); /* NEWSA/UPDSA request (state NULL, key included) or answer */
size_t ctl_xfrm_encode_sa_id(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *id);
size_t ctl_xfrm_encode_sa_deleted(void *buf, size_t size, const struct nlmsghdr *header,
				  const struct sadb_sa_config *config,
				  const struct ctl_sa_state *state); /* DELSA event: XFRMA_SA inside */
size_t ctl_xfrm_encode_alloc_spi(void *buf, size_t size, const struct nlmsghdr *header,
				 const struct sadb_sa_config *config, uint32_t min, uint32_t max);
size_t ctl_xfrm_encode_expire(void *buf, size_t size, const struct nlmsghdr *header,
			      const struct sadb_sa_config *config, const struct ctl_sa_state *state, int hard);
size_t ctl_xfrm_encode_flush_sa(void *buf, size_t size, const struct nlmsghdr *header, uint8_t proto);
size_t ctl_xfrm_encode_policy(void *buf, size_t size, const struct nlmsghdr *header,
			      const struct sadb_policy_info *info); /* NEW/UPDPOLICY request, answer or event */
size_t
ctl_xfrm_encode_policy_id(void *buf, size_t size, const struct nlmsghdr *header,
			  const struct sadb_policy_config *which); /* GET/DELPOLICY request: by index or selector */
size_t ctl_xfrm_encode_policy_deleted(void *buf, size_t size, const struct nlmsghdr *header,
				      const struct sadb_policy_info *info); /* DELPOLICY event: XFRMA_POLICY inside */
size_t ctl_xfrm_encode_flush_policy(void *buf, size_t size, const struct nlmsghdr *header);
size_t ctl_xfrm_encode_acquire(void *buf, size_t size, const struct nlmsghdr *header,
			       const struct sadb_policy_config *policy, const struct sadb_flow *flow, uint32_t seq);
size_t ctl_xfrm_encode_sad_info(void *buf, size_t size, const struct nlmsghdr *header, uint32_t count, uint32_t max);
/* NEWSPDINFO: an answer with counts and thresholds; as a request the thresholds that are there. */
size_t ctl_xfrm_encode_spd_info(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_spd_info *info);
/* GETAE: flags as the request's XFRM_AE_*. */
size_t ctl_xfrm_encode_get_ae(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *id,
			      uint32_t flags);
/* NEWAE, an answer, an event or a request: all of the replay state and the use; flags: XFRM_AE_*. */
size_t ctl_xfrm_encode_ae(void *buf, size_t size, const struct nlmsghdr *header, const struct sadb_sa_config *config,
			  const struct ctl_sa_state *state, uint32_t flags);
size_t ctl_xfrm_encode_policy_expire(void *buf, size_t size, const struct nlmsghdr *header,
				     const struct sadb_policy_info *info, int hard); /* POLEXPIRE */
size_t ctl_xfrm_encode_migrate(void *buf, size_t size, const struct nlmsghdr *header,
			       const struct ctl_migrate *migrate);
size_t ctl_xfrm_encode_mapping(void *buf, size_t size, const struct nlmsghdr *header,
			       const struct ctl_mapping *mapping);
size_t ctl_xfrm_encode_report(void *buf, size_t size, const struct nlmsghdr *header, uint8_t proto,
			      const struct sadb_selector *sel);
/* SETDEFAULT; GETDEFAULT as an answer or event. */
size_t ctl_xfrm_encode_default(void *buf, size_t size, const struct nlmsghdr *header,
			       const struct ctl_spd_default *defaults);
/* GETSA/GETPOLICY dump, GETSADINFO, GETSPDINFO, GETDEFAULT requests. */
size_t ctl_xfrm_encode_get(void *buf, size_t size, const struct nlmsghdr *header);

/* Where attribute attr begins in a message, well-formed or not, for an extended ACK; 0 when it is not there. */
uint32_t ctl_xfrm_attr_offset(const struct nlmsghdr *nlh, uint16_t attr);

/* "NEWSA" and so on for a message type, NULL when unknown. */
const char *ctl_xfrm_name(uint16_t type);

#endif
