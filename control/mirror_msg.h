/* SPDX-License-Identifier: BSD-3-Clause
 * What the kernel says of its SAs and policies, for the mirror: also of those that Culvert cannot have, which must be
 * known by name all the same. Pure: bytes in, a struct out. */
#ifndef CTL_MIRROR_MSG_H
#define CTL_MIRROR_MSG_H

#include "control/xfrm_codec.h"

/* Two SAs of one key may differ by mark alone. */
struct ctl_mirror_sa_id {
	struct sadb_sa_key key;
	uint32_t mark_value, mark_mask;
};

/* The kernel's copy of an SA: the shape of its replay state, its numbers, its use. */
struct ctl_mirror_copy {
	bool wide;  /* it has XFRMA_REPLAY_ESN_VAL, not XFRMA_REPLAY_VAL */
	bool esn;   /* 64-bit numbers */
	bool spent; /* its outbound sequence is all ones: Culvert has it */
	uint32_t window_packets, bitmap_words;
	uint64_t out_seq, in_seq;
	uint64_t bytes, packets, add_time_s, use_time_s;
};

struct ctl_mirror_sa_msg {
	struct ctl_mirror_sa_id id;
	struct ctl_mirror_copy copy;
	bool larval; /* holds an SPI only */
	/* 0: config is good. Else why Culvert cannot have the SA. Its numbers are zero: see copy. */
	int rc;
	struct sadb_error err;
	struct sadb_sa_config config; /* with the key: wipe it */
};

struct ctl_mirror_policy_msg {
	uint32_t index;
	uint8_t type;   /* XFRM_POLICY_TYPE_* */
	bool of_socket; /* a socket's own policy: for what that socket sends, which never comes to a worker */
	/* 0: config is good. Else why Culvert cannot have the policy, and guard tells whether config is one that drops
	 * what it would have protected or dropped. */
	int rc;
	bool guard;
	struct sadb_error err;
	struct sadb_policy_config config;
};

/* Each returns 0, or -EINVAL for a message that is malformed. */
int ctl_mirror_get_sa(const struct nlmsghdr *nlh, struct ctl_mirror_sa_msg *out);               /* NEWSA, UPDSA */
int ctl_mirror_get_sa_id(const struct nlmsghdr *nlh, struct ctl_mirror_sa_id *out);             /* DELSA, MAPPING */
int ctl_mirror_get_expire(const struct nlmsghdr *nlh, struct ctl_mirror_sa_id *id, bool *hard); /* EXPIRE */
int ctl_mirror_get_ae(const struct nlmsghdr *nlh, struct ctl_mirror_sa_id *id, struct ctl_mirror_copy *copy);
int ctl_mirror_get_policy(const struct nlmsghdr *nlh, struct ctl_mirror_policy_msg *out); /* NEWPOLICY, UPDPOLICY */
/* DELPOLICY, POLEXPIRE (hard: it is gone) */
int ctl_mirror_get_policy_index(const struct nlmsghdr *nlh, uint32_t *index, bool *hard);
int ctl_mirror_get_policy_type(const struct nlmsghdr *nlh, uint8_t *type);                 /* FLUSHPOLICY */
int ctl_mirror_get_defaults(const struct nlmsghdr *nlh, uint8_t action[SADB_POLICY_DIRS]); /* GETDEFAULT */

/* XFRM_MSG_NEWAE, a request. bitmap: NULL, or copy's words of it. with_use: copy's use goes along; else the kernel's
 * counters stay. Returns the length, 0 when it does not fit. */
struct ctl_mirror_ae {
	const struct sadb_sa_config *config;
	const struct ctl_mirror_copy *copy;
	const uint32_t *bitmap;
	bool with_use;
};
size_t ctl_mirror_encode_ae(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_mirror_ae *ae);

/* The number that lets the kernel seal nothing any more. */
uint64_t ctl_mirror_spent_seq(const struct ctl_mirror_copy *copy);

#endif
