/* SPDX-License-Identifier: BSD-3-Clause
 * Requests of one descriptor whose answers have not come, and what they change once granted. The caller's lock. */
#ifndef PRE_PENDING_H
#define PRE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "control/preload/journal.h"

/* A program that has more under way (libmnl's batches) gets its answers all the same; the oldest are only not waited
 * for. */
#define PRE_PENDING_MAX 256

struct pre_pending {
	uint32_t first, n;
	struct pre_asked {
		struct nlmsghdr header; /* as the program sent it, with the port */
		struct pre_change *change;
		uint64_t boot;   /* of the daemon, as known when it was sent */
		uint32_t marker; /* of the last question asked after it; 0: none */
		int rc;          /* not 0: no answer will come, the program gets this error */
	} asked[PRE_PENDING_MAX];
};

/* Takes the change, which may be NULL. Returns that of the one it had to forget, NULL mostly. */
struct pre_change *pre_pending_add(struct pre_pending *pending, const struct nlmsghdr *header,
				   struct pre_change *change, uint64_t boot);
/* The request with that number, NULL when there is none. */
struct pre_asked *pre_pending_find(struct pre_pending *pending, uint32_t seq);
/* The change is the caller's by then. */
void pre_pending_remove(struct pre_pending *pending, struct pre_asked *asked);
/* All that wait now were asked before this marker. */
void pre_pending_mark(struct pre_pending *pending, uint32_t marker);
/* No answer will come to those before the marker; 0: to any. */
void pre_pending_fail(struct pre_pending *pending, uint32_t marker, int rc);
/* The oldest of those, NULL when there is none. */
struct pre_asked *pre_pending_failed(struct pre_pending *pending);
void pre_pending_clear(struct pre_pending *pending);

#endif
