/* SPDX-License-Identifier: BSD-3-Clause
 * The kernel's mirror (source: kernel): SAs and policies that anyone installed in the kernel by NETLINK_XFRM live in the
 * database too, and what the workers do with them is told to the kernel. Control thread.
 *
 * In: one socket is subscribed, then another dumps, then what queued meanwhile is taken in; everything is an upsert, so
 * order and repetition do no harm. Whenever something may have been missed (ENOBUFS, a message cut short, MIGRATE, which
 * the kernel tells the initial namespace only) the dump is made again and compared: what did not change is not touched.
 * mirror_msg.c reads the kernel's words, mirror_sa.c and mirror_policy.c apply them, mirror_sync.c dumps and compares.
 *
 * One owner per sequence space. The kernel could seal under an SA that Culvert seals under, and nonces would repeat. So
 * before the first packet the kernel's copy gets a sequence of all ones (XFRM_MSG_NEWAE): it refuses with an overflow, for
 * good, and each later report says all ones again. What the kernel sent before that is known exactly, because the packets
 * that it counts were left as they were: Culvert starts above. All ones in the kernel means "Culvert has it": the numbers
 * are then those of Culvert's own store, also when an IKE daemon reads them and installs them again (MOBIKE).
 *
 * Out (mirror_report.c): use and replay state by NEWAE, EXPIRE at limits in bytes and packets, ACQUIRE. Limits in seconds
 * are the kernel's own timers', whose EXPIRE ends the SA here; workers do not watch them a second time. */
#ifndef CTL_MIRROR_H
#define CTL_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "control/own_codec.h"
#include "sa-db/sadb.h"

struct ctl_mirror;

struct ctl_mirror_config {
	struct sadb *db;
	uint32_t max_sas, max_policies; /* of the database */
	uint32_t report_s;              /* use and replay state go to the kernel that often */
	uint32_t audit_s;               /* a dump is compared that often, whatever events said; 0: never */
	/* Sockets of packets, one message or more in each, taken over; -1: NETLINK_XFRM of this network namespace. */
	int events_fd, requests_fd;
};

/* Subscribes. NULL with err filled. db outlives it. */
struct ctl_mirror *ctl_mirror_create(const struct ctl_mirror_config *config, struct sadb_error *err);
/* Reports once more, so that the kernel's counters are true to the end. NULL is allowed. */
void ctl_mirror_destroy(struct ctl_mirror *mirror);

/* Dumps and compares now; the gateway's own addresses are in the database already, for they say which SAs are inbound. */
int ctl_mirror_sync(struct ctl_mirror *mirror, struct sadb_error *err);

/* The socket to wait on for reading, and what to do when it is readable. */
int ctl_mirror_fd(const struct ctl_mirror *mirror);
void ctl_mirror_read(struct ctl_mirror *mirror);

/* About ten times a second: reports, audits, and tries again what failed. */
void ctl_mirror_tick(struct ctl_mirror *mirror);

/* After each of the calls above: did the database change, so that a commit is due? Once. */
bool ctl_mirror_take_changed(struct ctl_mirror *mirror);
/* The next tick dumps and compares: a commit failed, or virtual networks came. */
void ctl_mirror_again(struct ctl_mirror *mirror);

/* From sadb_tick()'s and sadb_sa_expire()'s callback: tells the kernel, with the use up to now. */
void ctl_mirror_expire(struct ctl_mirror *mirror, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind);
/* Has the kernel multicast ACQUIRE, as if a packet of its own had found no SA. 0 or -errno. */
int ctl_mirror_acquire(struct ctl_mirror *mirror, const struct sadb_policy_config *policy,
		       const struct sadb_flow *flow);

/* For display. out is large. */
void ctl_mirror_get(const struct ctl_mirror *mirror, struct ctl_mirror_info *out);

#endif
