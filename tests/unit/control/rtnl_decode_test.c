/* SPDX-License-Identifier: BSD-3-Clause
 * rtnetlink messages of a real kernel decode to what iproute2 asked for, and no byte can make the decoder read astray. */
#include "control/rtnl_decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include <cmocka.h>

#include "tests/unit/control/rtnl_bytes.h"

#define LAN 3 /* its interface number when the bytes were taken */

struct sample {
	const char *name;
	const uint8_t *bytes;
	size_t size;
};

#define SAMPLE(name)                      \
	{                                 \
#name, name, sizeof(name) \
	}
static const struct sample samples[] = {
    SAMPLE(link_up),         SAMPLE(addr_new),      SAMPLE(route_local),   SAMPLE(addr_del),
    SAMPLE(route_new),       SAMPLE(route_replace), SAMPLE(route_default), SAMPLE(route_blackhole),
    SAMPLE(route_multipath), SAMPLE(route_via6),    SAMPLE(route_del),     SAMPLE(neigh_permanent),
    SAMPLE(neigh_stale),     SAMPLE(neigh_failed),  SAMPLE(neigh_del),     SAMPLE(link_gone),
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* In memory of exactly that many bytes, so that a read beyond is seen by the sanitizer. */
static int
decode(const uint8_t *bytes, size_t n, struct ctl_rtnl_msg *msg)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	int rc;

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	rc = ctl_rtnl_decode(copy, n, msg);
	free(copy);
	return rc;
}

static void
assert_addr(const struct sadb_addr *addr, const char *expected)
{
	char text[SADB_ADDR_STRLEN];

	assert_string_equal(sadb_addr_format(addr, text, sizeof(text)), expected);
}

static void
a_link_has_its_name_and_state(void **state)
{
	struct ctl_rtnl_msg msg;

	(void)state;
	assert_int_equal(decode(link_up, sizeof(link_up), &msg), 0);
	assert_int_equal(msg.kind, CTL_RTNL_LINK);
	assert_false(msg.gone);
	assert_int_equal(msg.link.ifindex, LAN);
	assert_true(msg.link.up);
	assert_string_equal(msg.link.name, "lan");

	assert_int_equal(decode(link_gone, sizeof(link_gone), &msg), 0);
	assert_int_equal(msg.kind, CTL_RTNL_LINK);
	assert_true(msg.gone);
	assert_int_equal(msg.link.ifindex, LAN);
	assert_false(msg.link.up);
}

static void
an_address_comes_and_goes(void **state)
{
	struct ctl_rtnl_msg msg;

	(void)state;
	assert_int_equal(decode(addr_new, sizeof(addr_new), &msg), 0);
	assert_int_equal(msg.kind, CTL_RTNL_ADDR);
	assert_false(msg.gone);
	assert_int_equal(msg.addr.ifindex, LAN);
	assert_int_equal(msg.addr.len, 24);
	assert_addr(&msg.addr.addr, "10.1.0.1");

	assert_int_equal(decode(addr_del, sizeof(addr_del), &msg), 0);
	assert_true(msg.gone);
	assert_addr(&msg.addr.addr, "10.1.0.77");
}

static void
routes_are_what_was_asked_for(void **state)
{
	static const struct {
		const uint8_t *bytes;
		size_t size;
		const char *dst;
		const char *gateway; /* NULL: none */
		uint32_t metric, table;
		int oif;
		enum sadb_route_kind kind;
		bool gone, replace;
	} cases[] = {
	    {route_local, sizeof(route_local), "10.1.0.77/32", NULL, 0, RT_TABLE_LOCAL, LAN, SADB_ROUTE_LOCAL, false,
	     false},
	    {route_new, sizeof(route_new), "10.9.0.0/16", "10.1.0.254", 50, RT_TABLE_MAIN, LAN, SADB_ROUTE_UNICAST,
	     false, false},
	    {route_replace, sizeof(route_replace), "10.9.0.0/16", "10.1.0.253", 50, RT_TABLE_MAIN, LAN,
	     SADB_ROUTE_UNICAST, false, true},
	    {route_default, sizeof(route_default), "0.0.0.0/0", "10.1.0.254", 0, RT_TABLE_MAIN, LAN, SADB_ROUTE_UNICAST,
	     false, false},
	    {route_blackhole, sizeof(route_blackhole), "10.8.0.0/16", NULL, 0, RT_TABLE_MAIN, 0, SADB_ROUTE_BLACKHOLE,
	     false, false},
	    {route_multipath, sizeof(route_multipath), "10.7.0.0/16", "10.1.0.2", 0, RT_TABLE_MAIN, LAN,
	     SADB_ROUTE_UNICAST, false, false},
	    {route_via6, sizeof(route_via6), "10.6.0.0/16", NULL, 0, RT_TABLE_MAIN, LAN, SADB_ROUTE_BLACKHOLE, false,
	     false},
	    {route_del, sizeof(route_del), "10.9.0.0/16", "10.1.0.253", 50, RT_TABLE_MAIN, LAN, SADB_ROUTE_UNICAST,
	     true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[SADB_ADDR_STRLEN];
		struct ctl_rtnl_msg msg;

		assert_int_equal(decode(cases[i].bytes, cases[i].size, &msg), 0);
		assert_int_equal(msg.kind, CTL_RTNL_ROUTE);
		assert_string_equal(sadb_prefix_format(&msg.route.dst, text, sizeof(text)), cases[i].dst);
		if (cases[i].gateway != NULL)
			assert_addr(&msg.route.gateway, cases[i].gateway);
		else
			assert_int_equal(msg.route.gateway.family, AF_UNSPEC);
		assert_int_equal(msg.route.metric, cases[i].metric);
		assert_int_equal(msg.route.table, cases[i].table);
		assert_int_equal(msg.route.oif, cases[i].oif);
		assert_int_equal(msg.route.kind, cases[i].kind);
		assert_int_equal(msg.gone, cases[i].gone);
		assert_int_equal(msg.replace, cases[i].replace);
	}
}

static void
only_a_neighbour_with_an_answer_is_usable(void **state)
{
	static const struct {
		const uint8_t *bytes;
		size_t size;
		const char *addr;
		bool usable, gone;
	} cases[] = {
	    {neigh_permanent, sizeof(neigh_permanent), "10.1.0.9", true, false},
	    {neigh_stale, sizeof(neigh_stale), "10.1.0.8", true, false},
	    {neigh_failed, sizeof(neigh_failed), "10.1.0.7", false, false},
	    {neigh_del, sizeof(neigh_del), "10.1.0.9", false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_rtnl_msg msg;

		assert_int_equal(decode(cases[i].bytes, cases[i].size, &msg), 0);
		assert_int_equal(msg.kind, CTL_RTNL_NEIGH);
		assert_int_equal(msg.neigh.ifindex, LAN);
		assert_addr(&msg.neigh.addr, cases[i].addr);
		assert_int_equal(msg.neigh.usable, cases[i].usable);
		assert_int_equal(msg.gone, cases[i].gone);
		if (cases[i].usable)
			assert_int_equal(msg.neigh.mac[5], cases[i].addr[7] - '0');
	}
}

/* One byte of a good message changed, and what that makes of it. */
static void
what_is_no_concern_is_told_from_what_is_malformed(void **state)
{
	static const struct {
		const uint8_t *bytes;
		size_t size, at;
		uint8_t value;
		int rc;
	} cases[] = {
	    {addr_new, sizeof(addr_new), 16, AF_UNIX, -ENOMSG},
	    {addr_new, sizeof(addr_new), 16, AF_INET6, -EINVAL}, /* of four bytes */
	    {addr_new, sizeof(addr_new), 17, 33, -EINVAL},       /* prefix length */
	    {addr_new, sizeof(addr_new), 32, 7, -EINVAL},        /* the local address's length */
	    {addr_new, sizeof(addr_new), 4, 0xff, -ENOMSG},      /* type */
	    {link_up, sizeof(link_up), 16, AF_BRIDGE, -ENOMSG},  /* a bridge's port */
	    {link_up, sizeof(link_up), 20, 0, -EINVAL},          /* interface 0 */
	    {link_up, sizeof(link_up), 36, 0, -EINVAL},          /* an empty name */
	    {route_new, sizeof(route_new), 16, AF_UNIX, -ENOMSG},
	    {route_new, sizeof(route_new), 16, AF_INET6, -EINVAL},
	    {route_new, sizeof(route_new), 18, 8, -ENOMSG}, /* for some sources only */
	    {route_new, sizeof(route_new), 17, 33, -EINVAL},
	    {route_new, sizeof(route_new), 19, 4, -ENOMSG}, /* type of service */
	    {route_new, sizeof(route_new), 23, RTN_BROADCAST, -ENOMSG},
	    {route_new, sizeof(route_new), 23, RTN_MULTICAST, -ENOMSG},
	    {route_new, sizeof(route_new), 25, RTM_F_CLONED >> 8, -ENOMSG},
	    {route_new, sizeof(route_new), 32, 77, -ENOMSG}, /* table */
	    {route_new, sizeof(route_new), 28, 6, -EINVAL},  /* the table's length */
	    {neigh_stale, sizeof(neigh_stale), 16, AF_UNIX, -ENOMSG},
	    {neigh_stale, sizeof(neigh_stale), 16, AF_INET6, -EINVAL},
	    {neigh_stale, sizeof(neigh_stale), 26, 0x08, -ENOMSG}, /* NTF_PROXY */
	    {neigh_stale, sizeof(neigh_stale), 28, 7, -EINVAL},    /* the address's length */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_rtnl_msg msg;
		uint8_t bytes[2048];

		memcpy(bytes, cases[i].bytes, cases[i].size);
		bytes[cases[i].at] = cases[i].value;
		assert_int_equal(decode(bytes, cases[i].size, &msg), cases[i].rc);
	}
}

static void
a_route_of_dead_next_hops_counts_as_gone(void **state)
{
	struct ctl_rtnl_msg msg;
	uint8_t bytes[sizeof(route_multipath)];
	static const uint8_t second[] = {10, 1, 0, 3};

	(void)state;
	memcpy(bytes, route_multipath, sizeof(bytes));
	/* The flags are the third byte of a next hop; there are two hops of 16 bytes at the end. */
	bytes[sizeof(bytes) - 30] |= RTNH_F_DEAD;
	assert_int_equal(decode(bytes, sizeof(bytes), &msg), 0);
	assert_false(msg.gone);
	assert_memory_equal(msg.route.gateway.bytes, second, sizeof(second));
	bytes[sizeof(bytes) - 14] |= RTNH_F_DEAD;
	assert_int_equal(decode(bytes, sizeof(bytes), &msg), 0);
	assert_true(msg.gone);

	memcpy(bytes, route_new, sizeof(route_new));
	bytes[24] |= RTNH_F_DEAD;
	assert_int_equal(decode(bytes, sizeof(route_new), &msg), 0);
	assert_true(msg.gone);
}

static void
a_group_address_is_no_neighbour(void **state)
{
	uint8_t bytes[sizeof(neigh_stale)];
	struct ctl_rtnl_msg msg;

	(void)state;
	memcpy(bytes, neigh_stale, sizeof(bytes));
	bytes[40] |= 1; /* the first byte of the link-layer address */
	assert_int_equal(decode(bytes, sizeof(bytes), &msg), 0);
	assert_false(msg.neigh.usable);
}

/* Cut short, and with the header saying so: a header that says more than is there is refused at once. */
static void
every_truncation_is_refused_or_sound(void **state)
{
	(void)state;
	for (size_t s = 0; s < SAMPLES; s++) {
		for (size_t n = 0; n < samples[s].size; n++) {
			uint8_t bytes[2048];
			struct ctl_rtnl_msg msg;
			const uint32_t length = (uint32_t)n;
			int rc;

			assert_int_equal(decode(samples[s].bytes, n, &msg), -EINVAL);
			if (n < sizeof(length))
				continue;
			memcpy(bytes, samples[s].bytes, n);
			memcpy(bytes, &length, sizeof(length));
			rc = decode(bytes, n, &msg);
			assert_true(rc == 0 || rc == -EINVAL || rc == -ENOMSG);
			if (n < sizeof(struct nlmsghdr) + 8) /* not even the shortest family header */
				assert_int_equal(rc, -EINVAL);
		}
	}
}

/* splitmix64: the same garbage in every run. */
static uint64_t
next(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void
garbage_never_crashes(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		const struct sample *sample = &samples[next(&seed) % SAMPLES];
		uint8_t bytes[2048];
		struct ctl_rtnl_msg msg;
		int rc;

		memcpy(bytes, sample->bytes, sample->size);
		for (uint64_t changes = 1 + next(&seed) % 8; changes > 0; changes--)
			bytes[sizeof(struct nlmsghdr) + next(&seed) % (sample->size - sizeof(struct nlmsghdr))] =
			    (uint8_t)next(&seed);
		rc = decode(bytes, sample->size, &msg);
		assert_true(rc == 0 || rc == -EINVAL || rc == -ENOMSG);
		if (rc == 0 && msg.kind == CTL_RTNL_ROUTE)
			assert_true(msg.route.dst.len <= 32 && msg.route.kind <= SADB_ROUTE_BLACKHOLE);
		if (rc == 0 && msg.kind == CTL_RTNL_LINK)
			assert_true(memchr(msg.link.name, '\0', sizeof(msg.link.name)) != NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_link_has_its_name_and_state),
	    cmocka_unit_test(an_address_comes_and_goes),
	    cmocka_unit_test(routes_are_what_was_asked_for),
	    cmocka_unit_test(only_a_neighbour_with_an_answer_is_usable),
	    cmocka_unit_test(what_is_no_concern_is_told_from_what_is_malformed),
	    cmocka_unit_test(a_route_of_dead_next_hops_counts_as_gone),
	    cmocka_unit_test(a_group_address_is_no_neighbour),
	    cmocka_unit_test(every_truncation_is_refused_or_sound),
	    cmocka_unit_test(garbage_never_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
