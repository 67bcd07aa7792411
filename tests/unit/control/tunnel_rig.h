/* SPDX-License-Identifier: BSD-3-Clause
 * Two gateways' tunnels, each on a database of its own, with a clock and a keying backend in the test's hand. No workers:
 * a test counts packets itself. */
#ifndef TEST_TUNNEL_RIG_H
#define TEST_TUNNEL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/tunnel_impl.h"

/* An exchange that the tunnel began and the test has not ended. */
struct ctl_keying_exchange {
	struct gateway *gateway;
	ctl_keying_done_fn done;
	void *arg;
	char offer[CTL_OFFER_BYTES];
	size_t bytes;
};

struct gateway {
	const char *name;
	struct sadb *db;
	struct ctl_tunnels *tunnels;
	struct ctl_tunnel *tunnel; /* "site" */
	struct ctl_keying keying;
	struct ctl_keying_exchange *running; /* NULL: none */
	int refuse;                          /* what start() returns */
	unsigned started, cancelled;
	char event[32], event_text[CTL_TUNNEL_ERROR]; /* the last */
	unsigned events;
};

extern uint64_t rig_now_ns;
extern struct gateway west, east;
extern struct sadb_error rig_err;

/* What west is; east is the mirror. By an exchange command unless a test says otherwise. */
struct ctl_tunnel_config rig_tunnel_config(const struct gateway *gateway);

int rig_dpdk(void **state);          /* once */
int rig_set_up(void **state);        /* both gateways, without a tunnel */
int rig_set_up_tunnel(void **state); /* both have "site" */
int rig_tear_down(void **state);
void rig_add_tunnel(struct gateway *gateway, struct ctl_tunnel_config *config);
/* The gateway's tunnels end and begin anew with the same database: a restart, whose SAs are gone and whose marks stay. */
void rig_restart(struct gateway *gateway);

struct gateway *rig_peer(const struct gateway *gateway);
void rig_pass(uint64_t ms); /* time, and a tick of both at its end */
void rig_tick(struct gateway *gateway);

/* The peer takes this text; its answer goes to out. As ctl_tunnel_accept(). */
int rig_accept(struct gateway *gateway, const char *text, size_t bytes, char out[CTL_OFFER_BYTES]);
/* The exchange under way: the offer reaches the peer and the answer comes back; or it fails. */
int rig_deliver(struct gateway *from);
void rig_answer(struct gateway *gateway, const char *text, size_t bytes);
void rig_fail(struct gateway *gateway);
/* Both have keys. */
void rig_bring_up(void);

/* Does what this gateway sends arrive: is its outbound SA one of the peer's inbound SAs, under one key? */
bool rig_arrives(const struct gateway *from);
/* A packet goes through; asserts that it arrives. */
void rig_send(struct gateway *from);
unsigned rig_sas(const struct gateway *gateway);

#endif
