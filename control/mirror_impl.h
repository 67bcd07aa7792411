/* SPDX-License-Identifier: BSD-3-Clause
 * What the files of the mirror share: see mirror.h. Control thread. */
#ifndef CTL_MIRROR_IMPL_H
#define CTL_MIRROR_IMPL_H

#include "control/mirror.h"
#include "control/mirror_msg.h"

#define CTL_MIRROR_BYTES  32768 /* the kernel's datagrams are at most as long */
#define CTL_MIRROR_SPARE  4096  /* objects that cannot be mirrored and are remembered beside those that can */
#define CTL_MIRROR_BITMAP (SADB_REPLAY_MAX / 32)

struct ctl_mirror_socket {
	int fd;
	uint32_t port_id; /* the kernel's name for the socket: what it does for us carries it */
	uint32_t seq;
};

/* An SA of the kernel's. */
struct ctl_mirror_sa {
	struct ctl_mirror_sa_id id;
	struct sadb_sa_config config; /* as the kernel has it, without its key and numbers */
	uint8_t key_id[SADB_KEY_ID_BYTES];
	struct ctl_mirror_copy
	    copy; /* as it was when Culvert took over: the use before is the base of what is reported */
	uint64_t told_packets, told_in_seq; /* in the last report */
	uint32_t round;                     /* the dump that last had it */
	bool mirrored;
	char *reason; /* why it is not; NULL: it is */
};

struct ctl_mirror_slot;

/* A policy of the kernel's. */
struct ctl_mirror_policy {
	uint32_t index;
	uint8_t type;
	bool guard;                       /* config drops what the kernel's policy would have protected */
	struct sadb_policy_config config; /* when it is in a slot */
	uint64_t age;
	uint32_t round;
	struct ctl_mirror_slot *slot; /* NULL: nothing of it is in the database */
	struct ctl_mirror_policy *next;
	char *reason; /* why it is not mirrored as it is; NULL: it is */
};

/* Policies of one virtual network, direction and selector. The kernel may have several, by mark or type, or where bits
 * beyond a prefix tell them apart; of these the first in the kernel's order decides, so it alone is in the database. */
struct ctl_mirror_slot {
	struct sadb_policy_config installed; /* index 0: nothing */
	uint64_t rank;                       /* of that one, among those of its priority */
	uint32_t vnet_id;
	uint8_t dir;
	struct sadb_selector sel;
	struct ctl_mirror_policy *first;
};

struct ctl_mirror {
	struct ctl_mirror_config config;
	const char *offload_path; /* is there while the kernel's module esp4_offload is; NULL: no matter */
	struct ctl_mirror_socket events, requests;
	/* Ordered sets (tsearch(3)). */
	void *sas, *policies, *slots;
	unsigned n_sas, n_policies;
	uint64_t age;   /* of the newest policy */
	uint32_t round; /* number of the last dump */
	bool changed;   /* the database, since the last commit */
	bool again;     /* dump and compare */
	/* A guard could not be had, or the kernel's policies cannot be read: none may let packets pass in the clear. */
	bool closed;
	bool conflicts; /* in this dump: what goes later may make room */
	uint64_t retry_ns, audit_ns, report_ns;
	bool reporting; /* a round of reports is under way, at */
	uint32_t report_slot;
	unsigned said; /* lines about what is not mirrored, in the last second */
	unsigned unsaid;
	uint64_t said_ns;
	uint8_t defaults[SADB_POLICY_DIRS];
	uint64_t synced_ns;
	uint64_t n_events, n_echoes, n_lost, n_syncs, n_reports, n_expires, n_acquires, n_refused;
	unsigned n_unlisted; /* objects beyond what is remembered */
	uint32_t bitmap[CTL_MIRROR_BITMAP];
	char in[CTL_MIRROR_BYTES] __attribute__((aligned(8)));     /* events */
	char answer[CTL_MIRROR_BYTES] __attribute__((aligned(8))); /* what a request brings; may hold keys: wiped */
	char out[CTL_MIRROR_BYTES] __attribute__((aligned(8)));
};

/* ---- mirror.c: names for people ---- */

#define CTL_MIRROR_WHAT 160
const char *ctl_mirror_sa_text(const struct ctl_mirror_sa_id *id, char text[CTL_MIRROR_WHAT]);
const char *ctl_mirror_policy_text(const struct ctl_mirror_policy *entry, char text[CTL_MIRROR_WHAT]);

/* ---- mirror_socket.c ---- */

/* Receives one message of an answer; the header is whole. */
typedef void (*ctl_mirror_fn)(void *arg, const struct nlmsghdr *nlh);

int ctl_mirror_socket_open(struct ctl_mirror_socket *socket, int fd, uint32_t groups, struct sadb_error *err);
void ctl_mirror_socket_close(struct ctl_mirror_socket *socket);
/* One datagram of the kernel's. Its bytes, or -EAGAIN, -ENOBUFS (messages were lost), -EMSGSIZE. */
ssize_t ctl_mirror_receive(const struct ctl_mirror_socket *socket, void *buf, size_t size, int flags);
/* Sends the request that lies in mirror->out and hands the answer's messages to fn, up to ACK, error or end of dump. 0,
 * -EINTR for a dump that changes cut through, or another -errno. */
int ctl_mirror_ask(struct ctl_mirror *mirror, size_t bytes, ctl_mirror_fn fn, void *arg);
/* Sends it without waiting; ctl_mirror_drain() counts what the kernel refused. */
int ctl_mirror_send(struct ctl_mirror *mirror, size_t bytes);
void ctl_mirror_drain(struct ctl_mirror *mirror);
struct nlmsghdr ctl_mirror_header(uint16_t type, uint16_t flags);

/* ---- mirror_sa.c ---- */
void ctl_mirror_sa_put(struct ctl_mirror *mirror, const struct ctl_mirror_sa_msg *msg);
/* It is gone from the kernel. */
void ctl_mirror_sa_gone(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id);
void ctl_mirror_sa_flush(struct ctl_mirror *mirror, uint8_t proto);
/* Somebody else set the kernel's replay state. */
void ctl_mirror_sa_ae(struct ctl_mirror *mirror, const struct nlmsghdr *nlh);
/* Asks the kernel for it and puts it. */
void ctl_mirror_sa_refresh(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id);
/* Those that the last dump did not have. */
void ctl_mirror_sa_sweep(struct ctl_mirror *mirror);
struct ctl_mirror_sa *ctl_mirror_sa_find(const struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id);
void ctl_mirror_sa_free(void *entry);
/* What is to be in the database, with its key. */
struct sadb_sa_config ctl_mirror_sa_wanted(const struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg);

/* ---- mirror_handover.c: from the kernel's sequence to Culvert's ---- */

/* Can the kernel's copy of an outbound SA be stopped, and does it stay so? 0, or -errno with err filled. */
int ctl_mirror_check_stop(const struct ctl_mirror *mirror, const struct ctl_mirror_copy *copy, struct sadb_error *err);

/* The SA is in the database and open to no worker yet. Stops the kernel's copy and has the SA start above what that sent.
 * 0; -ESRCH: the kernel has it no more; else err says why the SA must not be used. */
int ctl_mirror_take_over(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg,
			 struct sadb_error *err);
/* The SA is in use, and somebody set the kernel's sequence to other than all ones. -EKEYREVOKED: the kernel has sent since.
 */
int ctl_mirror_take_back(struct ctl_mirror *mirror, struct ctl_mirror_sa *entry, const struct ctl_mirror_sa_msg *msg,
			 struct sadb_error *err);
int ctl_mirror_read_sa(struct ctl_mirror *mirror, const struct ctl_mirror_sa_id *id, struct ctl_mirror_sa_msg *out);

/* ---- mirror_policy.c ---- */
void ctl_mirror_policy_put(struct ctl_mirror *mirror, const struct ctl_mirror_policy_msg *msg);
void ctl_mirror_policy_gone(struct ctl_mirror *mirror, uint32_t index);
void ctl_mirror_policy_flush(struct ctl_mirror *mirror, uint8_t type);
/* The dump under way has it. */
void ctl_mirror_policy_mark(struct ctl_mirror *mirror, uint32_t index);
void ctl_mirror_policy_sweep(struct ctl_mirror *mirror);
/* No policy lets packets pass in the clear, up to the next comparison. */
void ctl_mirror_policy_close(struct ctl_mirror *mirror, const char *why);
void ctl_mirror_policy_free(void *entry);

/* ---- mirror_order.c ---- */

/* Of policies of one priority the lowest decides. */
uint64_t ctl_mirror_policy_rank(const struct ctl_mirror_policy *entry);
/* What the slot has installed was added to the database just now: brings it before those of a higher rank. 0 or -ENOMEM: some
 * are missing. */
int ctl_mirror_policy_order(struct ctl_mirror *mirror, const struct ctl_mirror_slot *slot);

/* A policy of a dump. */
struct ctl_mirror_place {
	const struct nlmsghdr *message;
	uint32_t dumped; /* its place there, the oldest first */
	uint32_t vnet_id, priority, index, key;
	uint8_t dir;
	bool bypass;
};
/* Of those of one priority, whose age is to be guessed, the oldest first. */
void ctl_mirror_places_sort(struct ctl_mirror_place *place, size_t n);

/* ---- mirror_report.c ---- */
void ctl_mirror_report_tick(struct ctl_mirror *mirror);
void ctl_mirror_report_all(struct ctl_mirror *mirror);
/* Ends an SA in the kernel. */
void ctl_mirror_end_sa(struct ctl_mirror *mirror, const struct sadb_sa_config *config);

/* ---- mirror_sync.c ---- */
int ctl_mirror_dump_and_compare(struct ctl_mirror *mirror);
/* Remembers why an object is not mirrored, and says it once. text NULL: it is. */
void ctl_mirror_reason(struct ctl_mirror *mirror, char **reason, const char *what, const char *text);

#endif
