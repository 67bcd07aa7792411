/* SPDX-License-Identifier: BSD-3-Clause
 * What this process has installed: its policies as it sent them, and who its SAs are, never their keys. From it the
 * policies go to a daemon that began anew, and the program hears which of its SAs are gone. Pure but for malloc(); one
 * thread at a time. */
#ifndef PRE_JOURNAL_H
#define PRE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>

/* Past these a policy or SA is not remembered. */
#define PRE_JOURNAL_RECORDS 262144
#define PRE_JOURNAL_BYTES   (64u * 1024 * 1024)

/* What tells one policy or SA from another; compared as bytes, so all of it is set. */
struct pre_key {
	uint32_t kind; /* enum pre_kind */
	uint32_t if_id;
	struct xfrm_mark mark;
	union {
		struct {
			struct xfrm_selector sel;
			uint32_t dir, type;
		} policy;
		struct {
			xfrm_address_t dst;
			uint32_t spi_be, proto, family;
		} sa;
	};
};

/* A request that, once granted, changes what is installed. */
struct pre_change;

/* NULL: it changes nothing that is remembered, or there is no memory. */
struct pre_change *pre_change_create(const struct nlmsghdr *request);
void pre_change_destroy(struct pre_change *change);
/* The request itself, for one that sets or deletes a policy; NULL for others. */
const struct nlmsghdr *pre_change_policy(const struct pre_change *change);

struct pre_journal;
struct pre_journal *pre_journal_create(void);
void pre_journal_destroy(struct pre_journal *journal);
/* Takes the change. false: the journal is full, and this one is not in it. */
bool pre_journal_apply(struct pre_journal *journal, struct pre_change *change);
/* An SA whose hard limit the daemon has announced (XFRM_MSG_EXPIRE) is gone. */
void pre_journal_expire(struct pre_journal *journal, const struct nlmsghdr *event);
/* Whether the policy that a DELPOLICY names is in it. */
bool pre_journal_has(struct pre_journal *journal, const struct pre_change *change);

/* Hands every policy's message to fn, the one that wins over all others first: whatever part of them a daemon has, from
 * the first on, a packet meets the policy that is its own or none. false: no memory, and fn got nothing. */
bool pre_journal_policies(struct pre_journal *journal, void (*fn)(void *arg, const struct nlmsghdr *nlh), void *arg);

/* SAs that are no more, to be announced to whoever listens. Shared by the descriptors that do. */
struct pre_lost {
	unsigned refs;
	uint32_t n;
	struct pre_lost_sa {
		struct xfrm_usersa_info info;
		struct xfrm_mark mark;
		uint32_t if_id;
	} sas[];
};
/* Moves all SAs out of the journal. NULL: there are none, or no memory to tell of them. */
struct pre_lost *pre_journal_lose(struct pre_journal *journal);
/* A soft EXPIRE for one of them. Returns its length. */
#define PRE_EXPIRE_BYTES (NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct xfrm_user_expire)) + 12 + 8)
size_t pre_lost_expire(const struct pre_lost_sa *sa, void *buf);

#endif
