/* SPDX-License-Identifier: BSD-3-Clause
 * rtnetlink: what the decoder lets pass is sound, and the state that is kept of it holds together. The input is one or
 * more messages, each behind its length. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/rtnl_decode.h"
#include "control/rtnl_state.h"
#include "tests/fuzz/fuzz.h"

#define LAN 3 /* interface of the seeds */

static void
expect_prefix(const struct sadb_addr *addr, unsigned len)
{
	fuzz_expect(addr->family == AF_INET || addr->family == AF_INET6);
	fuzz_expect(len <= (addr->family == AF_INET ? 32 : 128));
}

static void
expect_sound(const struct ctl_rtnl_msg *msg)
{
	switch (msg->kind) {
	case CTL_RTNL_LINK:
		fuzz_expect(memchr(msg->link.name, 0, sizeof(msg->link.name)) != NULL);
		return;
	case CTL_RTNL_ADDR:
		expect_prefix(&msg->addr.addr, msg->addr.len);
		return;
	case CTL_RTNL_ROUTE:
		expect_prefix(&msg->route.dst.addr, msg->route.dst.len);
		fuzz_expect(msg->route.kind <= SADB_ROUTE_BLACKHOLE);
		if (msg->route.gateway.family != AF_UNSPEC)
			fuzz_expect(msg->route.gateway.family == msg->route.dst.addr.family);
		return;
	default:
		fuzz_expect(msg->kind == CTL_RTNL_NEIGH);
		expect_prefix(&msg->neigh.addr, 0);
	}
}

static void
take(struct ctl_rtnl_state *state, const uint8_t *bytes, size_t size)
{
	struct ctl_rtnl_msg msg;
	uint8_t *copy = malloc(size > 0 ? size : 1);

	fuzz_expect(copy != NULL);
	memcpy(copy, bytes, size);
	const int rc = ctl_rtnl_decode(copy, size, &msg);
	fuzz_expect(rc == 0 || rc == -EINVAL || rc == -ENOMSG);
	free(copy);
	if (rc == 0) {
		expect_sound(&msg);
		fuzz_expect(ctl_rtnl_apply(state, &msg) >= 0);
	}
}

static void
expect_tables(const struct ctl_rtnl_state *state)
{
	struct sadb_route *routes;
	struct sadb_neigh *neighs;
	unsigned n;

	fuzz_expect(ctl_rtnl_routes(state, NULL, &routes, &n) == 0 && n <= state->n_routes);
	free(routes);
	fuzz_expect(ctl_rtnl_neighs(state, &neighs, &n) == 0 && n <= state->n_neighs);
	free(neighs);
	fuzz_expect(ctl_rtnl_addrs(state, LAN, NULL, 0) <= state->n_addrs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ctl_rtnl_twin lan = {.ifindex = LAN, .port = 1, .up = true, .name = "lan"};
	struct fuzz_input in = {data, size};
	struct ctl_rtnl_state state = {0};

	fuzz_expect(ctl_rtnl_twin_add(&state, &lan) == 0);
	while (in.size > 0) {
		const size_t most = fuzz_u16(&in);
		size_t bytes;
		const uint8_t *message = fuzz_bytes(&in, most, &bytes);
		take(&state, message, bytes);
	}
	expect_tables(&state);
	ctl_rtnl_state_clear(&state);
	return 0;
}
