/* SPDX-License-Identifier: BSD-3-Clause
 * For the tests of messages about what SAs and policies do: samples, and decoding in memory of exactly their length. */
#ifndef TEST_XFRM_EVENTS_RIG_H
#define TEST_XFRM_EVENTS_RIG_H

#include "tests/unit/control/xfrm_rig.h"

#include <netinet/in.h>

#include "tests/unit/control/iproute2_bytes.h"

#define ROOM 1024

static inline struct nlmsghdr
header(uint16_t type, uint16_t flags)
{
	return (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = 5, .nlmsg_pid = 77};
}

/* In memory of exactly its length, kept until the next one: what was decoded may point into it. */
static inline int
decode(const void *buf, size_t bytes, struct ctl_xfrm *out, struct sadb_error *err)
{
	static struct nlmsghdr *exact;

	assert_true(bytes > 0);
	free(exact);
	exact = malloc(bytes);
	assert_non_null(exact);
	memcpy(exact, buf, bytes);
	exact->nlmsg_len = (uint32_t)bytes;
	return ctl_xfrm_decode(exact, out, err);
}

static inline struct sadb_sa_config
config_of(uint32_t window, uint32_t flags)
{
	struct sadb_sa_config c = rig_decode(sa_add).sa.config;

	c.window_packets = window;
	c.flags = flags;
	c.vnet_id = 9;
	return c;
}

static inline struct ctl_migrate
migrate_of(unsigned n)
{
	struct ctl_migrate out = {.vnet_id = 9, .dir = SADB_POLICY_OUT, .n = (uint8_t)n};

	out.sel.src = rig_prefix("10.1.0.0/16");
	out.sel.dst = rig_prefix("10.2.0.0/16");
	for (unsigned i = 0; i < n && i < CTL_MIGRATIONS; i++)
		out.one[i] = (struct sadb_migration){.old_src = rig_addr("192.0.2.1"),
						     .old_dst = rig_addr("198.51.100.2"),
						     .new_src = rig_addr("192.0.2.9"),
						     .new_dst = rig_addr("203.0.113.4"),
						     .reqid = 7 + i,
						     .proto = IPPROTO_ESP,
						     .mode = XFRM_MODE_TUNNEL};
	return out;
}

#endif
