/* SPDX-License-Identifier: BSD-3-Clause
 * A server on a real socket in a directory of its own, with a real database and dataplane (no ports), in a thread that
 * plays the control thread. The test's own thread is the client. */
#ifndef TEST_SERVER_RIG_H
#define TEST_SERVER_RIG_H

#include <pthread.h>
#include <stdbool.h>

#include "tests/unit/control/xfrm_rig.h"

#include "control/client.h"
#include "control/own_codec.h"
#include "control/server.h"
#include "control/tunnel.h"

#define RIG_VNET 100

struct rig {
	char dir[64], path[80];
	const char *group;
	struct event_base *base;
	struct event *calls;
	struct sadb *db;
	struct dp *dp;
	struct ctl_server *server;
	struct ctl_tunnels *tunnels;
	pthread_t thread;
	int ask[2], done[2];
	bool workers;
	struct ctl_client *client;
};

/* DPDK, once for a program; cmocka's group set-up and tear-down. */
int rig_start_dpdk(void **state);
int rig_stop_dpdk(void **state);

/* A rig, for cmocka's set-up and tear-down of a test: *state is a struct rig, with one client. */
int rig_create(void **state);
int rig_create_for_group(void **state);    /* speaking allowed to the group "daemon" */
int rig_create_with_workers(void **state); /* they poll */
int rig_create_with_store(void **state);   /* marks on disk */
int rig_destroy(void **state);

/* Runs fn on the control thread and waits for it. */
void rig_call(struct rig *rig, void (*fn)(struct rig *rig, void *arg), void *arg);

/* For rig_call(): the server ends, and another begins, with empty tables as after a restart. */
void rig_daemon_end(struct rig *rig, void *arg);
void rig_daemon_begin(struct rig *rig, void *arg);
void rig_daemon_restart(struct rig *rig); /* both, called by the test */

/* Another client. */
struct ctl_client *rig_client(const struct rig *rig);
/* How many files lie in clients/. */
unsigned rig_client_files(const struct rig *rig);

/* Opens all doors in the file system, so that the credentials alone decide. */
void rig_open_doors(const struct rig *rig);

/* An SA as the tests add it. */
struct sadb_sa_config rig_sa(uint32_t spi);
struct sadb_policy_info rig_policy(const char *dst, uint8_t dir);

/* For ctl_client_ask(): decodes an XFRM answer into arg, a struct ctl_xfrm (NULL: it is not wanted). */
int rig_keep(void *arg, const struct nlmsghdr *nlh);

/* A request with an ACK; the daemon's error text is in rig_error. */
extern struct ctl_client_error rig_error;
int rig_ask_sa(struct ctl_client *client, uint16_t type, const struct sadb_sa_config *config);
int rig_ask_sa_id(struct ctl_client *client, uint16_t type, const struct sadb_sa_config *config, struct ctl_xfrm *out);
int rig_ask_policy(struct ctl_client *client, uint16_t type, const struct sadb_policy_info *info);
int rig_ask_policy_id(struct ctl_client *client, uint16_t type, const struct sadb_policy_config *which,
		      struct ctl_xfrm *out);
int rig_ask_plain(struct ctl_client *client, uint16_t type, uint16_t flags, struct ctl_xfrm *out);
int rig_subscribe(struct ctl_client *client, uint32_t groups);

/* The next message of a subscriber, within 5 s: copied to out (size bytes). */
struct nlmsghdr *rig_event(struct ctl_client *client, void *out, size_t size);

#endif
