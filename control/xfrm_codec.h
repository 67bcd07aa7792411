/* SPDX-License-Identifier: BSD-3-Clause
 * XFRM netlink messages (linux/xfrm.h) to and from plain structs. Pure: bytes and a length in, a struct or an error out;
 * no I/O, no DPDK call, no allocation; so it fuzzes. Used by the server, the CLI and (later) the kernel's mirror. */
#ifndef CTL_XFRM_CODEC_H
#define CTL_XFRM_CODEC_H

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
	uint32_t bitmap_words;  /* of bitmap; 0: none */
	const uint32_t *bitmap; /* XFRMA_REPLAY_ESN_VAL's bmp: bit i of word i/32 as the kernel lays it out */
};

/* One decoded request or event; type says which members are set. Holds key bytes for NEWSA/UPDSA: sadb_wipe() it. */
struct ctl_xfrm {
	uint16_t type;  /* XFRM_MSG_* */
	uint16_t flags; /* NLM_F_* of the header */
	uint32_t seq, pid;
	union {
		struct { /* NEWSA, UPDSA; ALLOCSPI (config and range); EXPIRE (with hard) */
			struct sadb_sa_config config;
			uint32_t spi_min, spi_max; /* host order */
			uint8_t hard;
			struct { /* set when a GETSA answer or an event was decoded (by the CLI) */
				uint64_t bytes, packets, add_time_s, use_time_s, last_use_s;
				uint32_t replay_drops, window_drops, icv_drops;
			} cur;
		} sa;
		struct sadb_sa_key sa_id; /* DELSA, GETSA (not a dump) */
		struct {                  /* GETSA with NLM_F_DUMP: family AF_UNSPEC and proto 0 mean all */
			struct sadb_prefix src, dst;
			uint8_t proto;
		} filter;
		uint8_t proto; /* FLUSHSA */
		struct {       /* NEWPOLICY, UPDPOLICY; DELPOLICY, GETPOLICY (config only) */
			struct sadb_policy_config config;
			uint64_t add_time_s, use_time_s;
		} policy;
		struct { /* ACQUIRE */
			struct sadb_policy_config policy;
			struct sadb_flow flow;
			uint32_t seq;
		} acquire;
		struct {
			uint32_t count, hash_now, hash_max;
		} sad; /* NEWSADINFO */
		struct {
			uint32_t in, out, fwd;
		} spd; /* NEWSPDINFO */
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
size_t ctl_xfrm_encode_spd_info(void *buf, size_t size, const struct nlmsghdr *header, uint32_t in, uint32_t out,
				uint32_t fwd);
/* GETSA/GETPOLICY dump, GETSADINFO, GETSPDINFO requests. */
size_t ctl_xfrm_encode_get(void *buf, size_t size, const struct nlmsghdr *header);

/* Where attribute attr begins in a message, well-formed or not, for an extended ACK; 0 when it is not there. */
uint32_t ctl_xfrm_attr_offset(const struct nlmsghdr *nlh, uint16_t attr);

/* "NEWSA" and so on for a message type, NULL when unknown. */
const char *ctl_xfrm_name(uint16_t type);

#endif
