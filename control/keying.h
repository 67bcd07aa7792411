/* SPDX-License-Identifier: BSD-3-Clause
 * How an offer reaches the peer gateway and the answer comes back: the interface of a keying backend. Control thread.
 *
 * A backend carries two secrets between two gateways and authenticates both; what they mean is the tunnel's affair
 * (tunnel.h). Outgoing, the tunnel calls start(). Incoming, whoever receives a peer's offer hands it to
 * ctl_tunnel_accept() and sends back what that writes: the CLI's "tunnel accept" does so for the manual backend. */
#ifndef CTL_KEYING_H
#define CTL_KEYING_H

#include <stddef.h>
#include <stdint.h>

#include "sa-db/sadb.h"

#define CTL_OFFER_BYTES 4096 /* no offer or answer is longer, its closing zero included */

/* An offer or answer in text. Not zero-terminated. */
struct ctl_keying_text {
	const char *text;
	size_t bytes;
};

/* One exchange under way: the backend's own. */
struct ctl_keying_exchange;

/* rc 0 with the peer's answer, which is wiped after the call; or -errno with why, for the operator. */
typedef void (*ctl_keying_done_fn)(void *arg, int rc, const struct ctl_keying_text *answer, const char *why);

struct ctl_keying_request {
	const char *tunnel;           /* its name, for messages */
	const char *route;            /* how to reach the peer: struct ctl_tunnel_config's exchange */
	struct ctl_keying_text offer; /* valid during start() only */
	ctl_keying_done_fn done;
	void *arg;
};

struct ctl_keying {
	const char *name;
	/* Never blocks. 0: later, from the event loop and not from inside start(), done is called once, within bounded time,
	 * and the exchange is gone by then. -EAGAIN: as many as may be are under way, ask again soon. Or -errno with err
	 * filled: it cannot even begin. */
	int (*start)(void *backend, const struct ctl_keying_request *request, struct ctl_keying_exchange **out,
		     struct sadb_error *err);
	/* Ends it without done. */
	void (*cancel)(struct ctl_keying_exchange *exchange);
	void *backend;
};

/* ---- keying_manual.c: a command of the operator's carries the texts, and so vouches for the peer ---- */
struct event_base;
struct ctl_keying *ctl_keying_manual_create(struct event_base *base, unsigned timeout_s); /* NULL: out of memory */
void ctl_keying_manual_destroy(struct ctl_keying *keying); /* kills what still runs, without done. NULL is allowed */
#define CTL_KEYING_TIMEOUT_S 30

#endif
