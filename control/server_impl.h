/* SPDX-License-Identifier: BSD-3-Clause
 * What the files of the server share. Control thread.
 *
 * server.c receives, batches and commits; server_path.c owns files and who may speak; server_peer.c the clients and what
 * waits for them; server_greet.c says hello to those of a daemon before; server_ack.c, server_xfrm.c, server_progress.c,
 * server_expire.c, server_spd.c, server_own.c, server_memory.c, server_dump.c, server_events.c, server_acquire.c make
 * what is sent. */
#ifndef CTL_SERVER_IMPL_H
#define CTL_SERVER_IMPL_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>

#include <event2/event_struct.h>
#include <linux/netlink.h>

#include "control/client.h"
#include "control/own_codec.h"
#include "control/server.h"
#include "control/xfrm_codec.h"

#define CTL_MAX_PEERS     64
#define CTL_ROOT_PEERS    16           /* of them only for root: whatever others do, the operator comes in */
#define CTL_USER_PEERS    16           /* of one user who is not root */
#define CTL_BATCH         64           /* datagrams before a commit */
#define CTL_ANSWER_BYTES  (512 * 1024) /* waiting for one client: past this its requests are not taken */
#define CTL_EVENT_BYTES   (256 * 1024) /* past this it loses events */
#define CTL_MESSAGE_BYTES 16384        /* no single message is longer: NEWSA with a window of 65536 is 8.7 KiB */
#define CTL_MEMBER_S      60           /* seconds that a look at the group holds */
#define CTL_BITMAP_WORDS  (SADB_REPLAY_MAX / 32)

#define CTL_ACK_BYTES (NLMSG_HDRLEN + sizeof(struct nlmsgerr)) /* of an ACK without text */

/* A message, or a datagram of a dump, that waits to be sent. */
struct ctl_out {
	struct ctl_out *next;
	uint32_t bytes;
	bool event;         /* events do not share a datagram with answers */
	bool awaits_commit; /* an ACK that turns into an error if the commit fails */
	bool secret;        /* wiped when it was sent */
	uint8_t data[] __attribute__((aligned(8)));
};

struct ctl_dump {
	struct nlmsghdr header; /* of each message sent */
	uint16_t asked;         /* the request's type; 0: no dump runs */
	bool all_drops;
	struct ctl_xfrm ask;          /* GETSA's filter */
	uint32_t slot;                /* where to go on */
	const struct sadb_vnet *vnet; /* ROUTE, VNET: the one being shown */
	const void *table;            /* ROUTE, NEIGH: the table the slot belongs to */
	uint64_t changes;             /* GETSA, GETPOLICY: how often the set had changed when it began */
};

/* One client. */
struct ctl_peer {
	struct ctl_server *server;
	struct sockaddr_un addr;
	ino_t ino;            /* of its socket file, with ... */
	struct timespec ctim; /* ... its change time: a new file of the same name is a new client */
	struct ucred cred;
	int fd;                /* connected to the client: its queue alone decides when this one is writable */
	struct event writable; /* pending while something waits */
	uint64_t used;         /* the batch of its last request */
	uint32_t groups;       /* 1 << XFRMNLGRP_* */
	bool lost_events;      /* an overrun notice is due */
	bool chained, broken;  /* CTL_MSG_CHAIN: an error breaks the chain; and it did */
	struct ctl_out *first, **last;
	struct ctl_out *spare; /* for an ACK's number when there is no memory: room for CTL_ACK_BYTES; NULL: in use */
	size_t waiting_bytes;
	struct ctl_dump dump;
};

/* Policies that have asked for an SA, in the order in which they may ask again. */
enum { CTL_WAIT_HEARD, CTL_WAIT_UNHEARD, CTL_WAITS };
struct ctl_wait;
struct ctl_wait_list {
	struct ctl_wait *first, **last;
};

/* Whether a user is of the group, as was last looked up: the user database may be far away. */
struct ctl_member {
	uid_t uid;
	bool is_member;
	uint64_t until_s; /* CLOCK_MONOTONIC */
};

/* How many policies a virtual network has, as counted when the last dump of them began. */
struct ctl_vnet_count {
	uint32_t id;
	uint32_t policies;
};

struct ctl_server {
	struct ctl_server_config config;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];    /* canonical */
	char clients[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "DIRECTORY/clients/" */
	int fd, lock_fd, clients_fd;
	bool bound;
	bool has_group;
	gid_t gid;
	struct ctl_member members[CTL_MAX_PEERS];
	struct event *readable, *wait_tick;
	struct event *sweep; /* of the files that dead clients left */
	struct ctl_peer *peers[CTL_MAX_PEERS];
	/* Where they live, and one more for who is turned away: a client is heard also when there is no memory. */
	struct ctl_peer room[CTL_MAX_PEERS + 1];
	uint64_t batch;
	uint64_t refused_s; /* of the last line about a refused sender */
	struct {
		uint64_t second; /* of the last line about a refused request */
		uint32_t untold; /* since then */
	} refusals;
	uint32_t acquire_seq;
	struct ctl_spd_info thresholds; /* as they were set: shown, and without effect here */
	struct ctl_wait_list waits[CTL_WAITS];
	bool changed;                  /* the database, in this batch */
	bool serving;                  /* amid a batch: clients are flushed after it */
	struct ctl_vnet_count *counts; /* by id */
	size_t n_counts;
	uint32_t bitmap[CTL_BITMAP_WORDS];
	uint8_t in[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
	uint8_t out[CTL_DATAGRAM_MAX] __attribute__((aligned(8)));
};

/* ---- server.c ---- */
/* Commits what changed in this batch; if that fails, turns its ACKs into errors. */
void ctl_server_commit(struct ctl_server *server);

/* ---- server_path.c ---- */
/* Makes directories, takes the lock, binds server->fd. On failure what was done is undone by ctl_path_close(). */
int ctl_path_open(struct ctl_server *server, struct sadb_error *err);
void ctl_path_close(struct ctl_server *server);
/* The name in clients/ of a sender's address, NULL when it is bound elsewhere. */
const char *ctl_path_client_name(const struct ctl_server *server, const struct sockaddr_un *addr, socklen_t bytes);
bool ctl_path_is_root(uid_t uid); /* or the daemon's own user */
/* Asks the user database once in CTL_MEMBER_S about a user, so who left the group is out by then. */
bool ctl_path_may_speak(struct ctl_server *server, const struct ucred *cred);

/* ---- server_peer.c ---- */
/* No socket is bound to addr: nothing is there, or the file that a dead process left. */
bool ctl_peer_is_dead(const struct sockaddr_un *addr);
/* The client at addr, new or known. NULL when it cannot be answered. *rc is 0, -EPERM (may not speak) or -ENOBUFS (too
 * many clients, in all or of this user); when not 0 the peer only lives for an error answer: ctl_peer_drop() it after ctl_peer_flush(). */
struct ctl_peer *ctl_peer_admit(struct ctl_server *server, const struct sockaddr_un *addr, socklen_t bytes,
				const struct ucred *cred, int *rc);
/* Forgets the client; its dump ends. */
void ctl_peer_drop(struct ctl_peer *peer);
/* Copies a message into the client's queue. false: no memory, which an ACK without text finds in the spare. */
bool ctl_peer_queue(struct ctl_peer *peer, const void *data, size_t bytes, struct ctl_out **out);
/* The same for an event, or a note that it was lost. */
void ctl_peer_queue_event(struct ctl_peer *peer, const void *data, size_t bytes);
/* Sends what the client takes now and arms an event for the rest. false: the client was gone and is dropped. */
bool ctl_peer_flush(struct ctl_peer *peer);
void ctl_peers_flush(struct ctl_server *server);
/* Removes socket files of dead clients. */
void ctl_peers_sweep(struct ctl_server *server);

/* ---- server_greet.c ---- */
/* Tells the clients of a daemon before this one, as far as they may speak, that it began. */
void ctl_peers_greet(struct ctl_server *server);

/* ---- server_ack.c ---- */
/* Queues an ACK (rc 0) or an error with the extended ACK that err holds. */
void ctl_ack_queue(struct ctl_peer *peer, const struct nlmsghdr *request, int rc, const struct sadb_error *err);
/* Turns the ACKs of this batch into errors. */
void ctl_acks_fail(struct ctl_server *server, int rc, const struct sadb_error *err);
void ctl_acks_done(struct ctl_server *server);

/* ---- requests: 0 or -errno with err filled; answers are queued ---- */
int ctl_serve_xfrm(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err);
int ctl_serve_own(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err);

/* An XFRM request under way. */
struct ctl_task {
	struct ctl_peer *peer;
	struct ctl_server *server;
	struct sadb *db;
	const struct ctl_xfrm *ask;
	struct sadb_error *err;
};

/* Header of an answer (to the asker) or event (to all), which carry the asker's seq and pid. */
struct nlmsghdr ctl_task_header(const struct ctl_task *task, uint16_t type);
/* Queues what lies in server->out. bytes 0: it did not fit. */
int ctl_task_answer(const struct ctl_task *task, size_t bytes);
/* Multicasts what lies in server->out. */
void ctl_task_tell(const struct ctl_task *task, unsigned group, size_t bytes);
int ctl_task_no_sa(const struct ctl_task *task, int rc, const struct sadb_sa_key *key);
int ctl_task_find_policy(const struct ctl_task *task, struct sadb_policy_info *info);

/* ---- server_progress.c ---- */
int ctl_task_get_ae(const struct ctl_task *task);
int ctl_task_new_ae(const struct ctl_task *task);
/* Counters and times that came with an SA which is new. */
void ctl_task_take_use(const struct ctl_task *task, const struct sadb_sa_key *key);

/* ---- server_expire.c ---- */
int ctl_task_expire(const struct ctl_task *task);
int ctl_task_expire_policy(const struct ctl_task *task);

/* ---- server_spd.c: about the policy table as a whole, and MIGRATE ---- */
int ctl_task_get_spd_info(const struct ctl_task *task);
int ctl_task_set_spd_info(const struct ctl_task *task);
int ctl_task_get_default(const struct ctl_task *task);
int ctl_task_set_default(const struct ctl_task *task);
int ctl_task_migrate(const struct ctl_task *task);

/* ---- server_tunnel.c ---- */
int ctl_serve_tunnel(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct ctl_own *ask, struct sadb_error *err);
/* What tunnels own is theirs: -EPERM for a request that would change it, or take one of their reqids. */
int ctl_tunnel_guard(const struct ctl_server *server, const struct ctl_xfrm *ask, struct sadb_error *err);

/* ---- server_dummy.c ---- */
int ctl_serve_dummy(struct ctl_peer *peer, const struct nlmsghdr *nlh, const struct ctl_dummy *ask,
		    struct sadb_error *err);

/* ---- server_memory.c ---- */
int ctl_serve_memory(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err);

/* ---- server_dump.c ---- */
bool ctl_dump_asked(const struct nlmsghdr *nlh);
int ctl_dump_start(struct ctl_peer *peer, const struct nlmsghdr *nlh, struct sadb_error *err);
/* Queues the next datagram of the dump. */
void ctl_dump_next(struct ctl_peer *peer);

/* ---- server_acquire.c ---- */
/* An SA came that answers an ACQUIRE: its policy may ask again. */
void ctl_acquire_answered(struct ctl_server *server, const struct sadb_sa_config *config);
int ctl_waits_init(struct ctl_server *server); /* -ENOMEM */
void ctl_waits_fini(struct ctl_server *server);

/* ---- server_events.c ---- */
bool ctl_event_wanted(struct ctl_server *server, unsigned group);
void ctl_event_queue(struct ctl_server *server, unsigned group, const void *data, size_t bytes);
/* What subscribers were told may not be true: they get the overrun notice. */
void ctl_events_lost(struct ctl_server *server);
/* What GETSA and events say of an SA; bitmaps lie in server->bitmap. */
void ctl_sa_state_fill(struct ctl_server *server, const struct sadb_sa_cold *sa, struct ctl_sa_state *state);

#endif
