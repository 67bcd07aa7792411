/* SPDX-License-Identifier: BSD-3-Clause
 * The daemon's socket: answers XFRM and Culvert's own netlink messages and multicasts events. Control thread, inside the
 * libevent loop it is given.
 *
 * The wire. AF_UNIX datagrams, each one or more netlink messages, at most CTL_DATAGRAM_MAX (client.h) bytes. A client
 * binds a socket file in the directory clients/ beside the daemon's socket, leaves it unconnected, and sends; answers come
 * to that file from an unnamed socket. The daemon need not be root to write there, so its group's members may too (mode
 * 0622); the kernel's word for the sender (SCM_CREDENTIALS) decides, on both sides: a client takes what root or the owner of
 * the daemon's socket sent, the daemon what root, its own user, or a member of the group did.
 *
 * Order. The messages of all datagrams that wait are carried out in order and committed together; only then ACKs, answers
 * and events leave. So an ACK means durable and visible to the workers. */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>

#include "dataplane/dataplane.h"
#include "sa-db/sadb.h"

struct ctl_audit;
struct ctl_mirror;
struct ctl_server;
struct ctl_tunnels;
struct ctl_tunnel_event;

struct ctl_server_config {
	struct event_base *base;
	const char *path;  /* of the socket; its directory is made if it is not there (mode 0750) */
	const char *group; /* whose members may speak beside root; NULL, or no such group: none (a line in the log) */
	uid_t owner;       /* who this daemon will be; 0: who it is */
	struct sadb *db;
	struct dp *dp;
	struct ctl_tunnels *tunnels; /* NULL: there are none, and none can be made */
	uint64_t start_s;            /* CLOCK_MONOTONIC, when the daemon started */
	uint32_t max_sas;            /* for GETSADINFO */
	bool huge;                   /* on huge pages, for INFO */
	struct ctl_mirror *mirror;   /* NULL, or the one writer of SAs and policies: clients only read them */
};

/* Before anything is touched: -EADDRINUSE when a living daemon serves this path, with its pid in err. ctl_server_create()
 * decides; this is for who would meet the other one's devices first. */
int ctl_server_is_alone(const char *path, struct sadb_error *err);
/* Binds and begins to serve. NULL with err filled, e.g. "another daemon (pid 77) serves /run/culvert/culvert.sock". A
 * socket left by a dead daemon is replaced. */
struct ctl_server *ctl_server_create(const struct ctl_server_config *config, struct sadb_error *err);
/* Ends dumps, forgets clients, removes the socket. NULL is allowed. */
void ctl_server_destroy(struct ctl_server *server);

/* Multicasts EXPIRE. Call before the SA is gone (from sadb_tick()'s and sadb_sa_expire()'s callback). */
void ctl_server_expire(struct ctl_server *server, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind);
/* Multicasts POLEXPIRE, from sadb_policies_tick()'s callback. */
void ctl_server_policy_expire(struct ctl_server *server, const struct sadb_policy_info *policy,
			      enum sadb_expire_kind kind);
/* Multicasts MAPPING for a worker's event of kind DP_EVENT_MAPPING. The SA stays as it is: who keeps its key decides what
 * follows. -ESRCH: the SA is gone, or the peer is where it says. */
int ctl_server_mapping(struct ctl_server *server, const struct dp_event *event);
/* Multicasts ACQUIRE for a worker's event of kind DP_EVENT_ACQUIRE, or with a mirror has the kernel do it. The policy asks
 * again, if it still has no SA, 30 s later, or after 1 s if nobody listens now (-ESRCH). -ENOENT: the policy is gone. */
int ctl_server_acquire(struct ctl_server *server, const struct dp_event *event);
/* Multicasts to CTL_GROUP_TUNNEL. */
void ctl_server_tunnel_event(struct ctl_server *server, const struct ctl_tunnel_event *event);
/* Multicasts to CTL_GROUP_AUDIT; not amid a request. */
void ctl_server_audit(struct ctl_server *server, const struct ctl_audit *audit);

#endif
