/* SPDX-License-Identifier: BSD-3-Clause
 * A kernel that is played: at the other end of the mirror's two sockets, in a thread of its own, it keeps SAs and policies,
 * answers dumps and requests as linux/net/xfrm/xfrm_user.c does, and writes its messages by hand: nothing here calls the
 * codec that it tests. */
#ifndef MIRROR_RIG_H
#define MIRROR_RIG_H

#include <pthread.h>

#include <linux/netlink.h>

#include "control/mirror.h"
#include "tests/unit/sa-db/rig.h"

#define PLAYED_MAX  16
#define PLAYED_ASKS 128
#define PLAYED_PID  4242 /* of whoever installs SAs */

struct played_sa {
	uint32_t spi; /* host order; 0: none */
	const char *src, *dst;
	uint8_t key; /* its first byte, and all others; 0: hidden by lockdown */
	bool esn, larval, transport;
	uint32_t window, words; /* words 0: as many as the window needs; XFRMA_REPLAY_VAL up to 32 without ESN */
	uint64_t oseq, seq;
	uint64_t bytes, packets, add_time, use_time;
	uint32_t mark, if_id, reqid;
	uint16_t encap;                                                                  /* XFRMA_ENCAP type */
	uint16_t encap_sport, encap_dport;                                               /* 0: 4500 */
	uint64_t soft_packets, hard_packets, soft_bytes, hard_bytes, soft_add, hard_add; /* 0: none */
	unsigned sends;    /* packets that it sends at the last moment: before NEWAE is carried out */
	unsigned segments; /* of each of these packets: 0 and 1 alike; more with GSO, which ESP counts as one packet */
	bool stubborn;     /* a NEWAE does not change it */
	unsigned unreadable; /* so many GETSA fail */
	/* as the last NEWAE left it */
	uint32_t bitmap[SADB_REPLAY_MAX / 32];
	unsigned aes;
};

struct played_policy {
	uint32_t index; /* 0: none */
	const char *src, *dst;
	uint8_t dir, action; /* XFRM_POLICY_* */
	uint32_t priority, mark, if_id, reqid;
	const char *tmpl_src, *tmpl_dst; /* NULL: no template */
	unsigned templates;              /* 0: one, if tmpl_dst */
	bool wide;                       /* prefixes of 8 bits, not 24 */
	uint8_t type;
	int ifindex;
	uint64_t hard_add;
};

struct played {
	struct sadb *db;
	struct ctl_mirror *mirror;
	int events, requests; /* the kernel's ends */
	pthread_t thread;
	pthread_mutex_t lock;
	struct played_sa sa[PLAYED_MAX];
	struct played_policy policy[PLAYED_MAX]; /* both in the order in which they were installed */
	unsigned interruptions;                  /* dumps that are to be cut through by changes */
	unsigned dumps;
	/* Sent as events in the midst of a dump of SAs: after the dump's snapshot was taken. */
	void (*amid)(struct played *played);
	struct {
		uint16_t type, flags;
		uint32_t pid, bytes;
		uint8_t message[1024] __attribute__((aligned(8)));
	} ask[PLAYED_ASKS]; /* requests but dumps, as they came */
	unsigned asks;
};

int played_start(void **state); /* 192.0.2.1 is the gateway's own address */
int played_stop(void **state);
/* The same database, another mirror: a restart that kept the store. */
void played_restart(struct played *played);

void played_sync(struct played *played);
/* An event, as the kernel multicasts it; pid: for whom. Then the mirror reads and the database commits. */
void played_event(struct played *played, uint16_t type, const void *object, uint32_t pid);
/* Into a free place of the kernel, and its NEWSA. */
void played_install(struct played *played, const struct played_sa *sa);
void played_send(struct played *played, uint16_t type, const void *body, size_t bytes);
void played_read(struct played *played);

/* Message number n that the kernel was asked by, of this type; waits for it, asserts that it comes. */
const struct nlmsghdr *played_asked(struct played *played, uint16_t type, unsigned n);
unsigned played_count_asked(struct played *played, uint16_t type);

const struct sadb_sa_cold *played_find(struct played *played, const char *dst, uint32_t spi);
bool played_policy_is(struct played *played, uint32_t index, enum sadb_action action);
uint64_t played_count(struct played *played, const char *name); /* of ctl_mirror_get() */
/* Why the object whose text begins so is not mirrored; "" when it is, or is not known. */
const char *played_reason(struct played *played, const char *what);

extern const struct played_sa played_out, played_in; /* ESN, window 128, SPI 0x1001 and 0x2001 */
extern const struct played_policy
    played_out_policy; /* index 9: 10.1.0.0/24 to 10.2.0.0/24 by 192.0.2.2, priority 100 */

#endif
