/* SPDX-License-Identifier: BSD-3-Clause
 * What a tunnel may be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/tunnel.h"

static struct sadb_error err;

static struct ctl_tunnel_config
sound(void)
{
	struct ctl_tunnel_config c;

	ctl_tunnel_defaults(&c);
	strcpy(c.name, "site");
	assert_int_equal(sadb_addr_parse("192.0.2.1", &c.local), 0);
	assert_int_equal(sadb_addr_parse("192.0.2.2", &c.remote), 0);
	assert_int_equal(sadb_prefix_parse("10.1.0.0/16", &c.local_prefix[0]), 0);
	assert_int_equal(sadb_prefix_parse("10.2.0.0/16", &c.remote_prefix[0]), 0);
	c.n_local = c.n_remote = 1;
	return c;
}

/* clang-format off */
static void name_empty(struct ctl_tunnel_config *c) { c->name[0] = 0; }
static void name_odd(struct ctl_tunnel_config *c) { strcpy(c->name, "a b"); }
static void name_endless(struct ctl_tunnel_config *c) { memset(c->name, 'x', sizeof(c->name)); }
static void no_local(struct ctl_tunnel_config *c) { c->local.family = AF_UNSPEC; }
static void two_families(struct ctl_tunnel_config *c) { c->remote.family = AF_INET6; }
static void same_address(struct ctl_tunnel_config *c) { c->remote = c->local; }
static void no_prefix(struct ctl_tunnel_config *c) { c->n_remote = 0; }
static void many_prefixes(struct ctl_tunnel_config *c) { c->n_local = CTL_TUNNEL_PREFIXES + 1; }
static void host_bits(struct ctl_tunnel_config *c) { c->local_prefix[0].addr.bytes[3] = 1; }
static void prefix_twice(struct ctl_tunnel_config *c) { c->local_prefix[1] = c->local_prefix[0]; c->n_local = 2; }
static void alone_in_family(struct ctl_tunnel_config *c) { c->n_remote = sadb_prefix_parse("2001:db8::/32", &c->remote_prefix[1]) == 0 ? 2 : 0; }
static void no_algorithm(struct ctl_tunnel_config *c) { c->algorithm = NULL; }
static void esn_no_window(struct ctl_tunnel_config *c) { c->window_packets = 0; }
static void window_small(struct ctl_tunnel_config *c) { c->window_packets = SADB_REPLAY_MIN - 1; }
static void window_wide(struct ctl_tunnel_config *c) { c->window_packets = SADB_REPLAY_MAX + 1; }
static void soft_above(struct ctl_tunnel_config *c) { c->life.soft_bytes = 11; c->life.hard_bytes = 10; }
static void soft_equal(struct ctl_tunnel_config *c) { c->life.soft_add_s = c->life.hard_add_s = 60; }
static void hard_of_one(struct ctl_tunnel_config *c) { c->life.hard_packets = 1; }
static void soft_zero(struct ctl_tunnel_config *c) { c->life.soft_packets = 0; }
static void use_limit(struct ctl_tunnel_config *c) { c->life.hard_use_s = 5; }
static void too_old(struct ctl_tunnel_config *c) { c->life.soft_add_s = UINT64_C(1) << 32; }
static void overlap_long(struct ctl_tunnel_config *c) { c->overlap_s = CTL_TUNNEL_OVERLAP_MAX + 1; }
static void flag_odd(struct ctl_tunnel_config *c) { c->sa_flags = SADB_SA_NOECN; }
static void dscp_high(struct ctl_tunnel_config *c) { c->sa_flags = SADB_SA_OUTER_DSCP; c->outer_dscp = 64; }
static void df_both(struct ctl_tunnel_config *c) { c->sa_flags = SADB_SA_OUTER_DF | SADB_SA_NOPMTUDISC; }
static void quote_open(struct ctl_tunnel_config *c) { strcpy(c->exchange, "sh -c 'x"); }
static void only_blanks(struct ctl_tunnel_config *c) { strcpy(c->exchange, "  "); }
static void exchange_endless(struct ctl_tunnel_config *c) { memset(c->exchange, 'x', sizeof(c->exchange)); }
/* clang-format on */

static void
what_cannot_be_is_refused_by_name(void **state)
{
	static const struct {
		void (*change)(struct ctl_tunnel_config *);
		const char *says;
	} cases[] = {
	    {name_empty, "the name"},
	    {name_odd, "the name"},
	    {name_endless, "the name"},
	    {no_local, "two addresses of one family"},
	    {two_families, "two addresses of one family"},
	    {same_address, "the same address"},
	    {no_prefix, "remote-prefix: 0 are given"},
	    {many_prefixes, "local-prefix: 17 are given"},
	    {host_bits, "local-prefix 10.1.0.1/16 has bits beyond"},
	    {prefix_twice, "local-prefix 10.1.0.0/16 is given twice"},
	    {alone_in_family, "IPv6 prefixes are on one side only"},
	    {no_algorithm, "the algorithm is missing"},
	    {esn_no_window, "window off needs esn off"},
	    {window_small, "window 63"},
	    {window_wide, "window 65537"},
	    {soft_above, "hard-bytes 10 leaves no time"},
	    {soft_equal, "hard-seconds 60 leaves no time"},
	    {hard_of_one, "hard-packets 1 leaves no time"},
	    {soft_zero, "a soft limit of 0"},
	    {use_limit, "since the first use"},
	    {too_old, "limits in seconds"},
	    {overlap_long, "overlap 3601"},
	    {flag_odd, "flags 0x2 of the SA"},
	    {dscp_high, "outer-dscp 64: accepted are 0 to 63"},
	    {df_both, "set or clear, not both"},
	    {quote_open, "exchange"},
	    {only_blanks, "exchange"},
	    {exchange_endless, "exchange"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_tunnel_config c = sound();
		cases[i].change(&c);
		assert_int_equal(ctl_tunnel_check(&c, &err), -EINVAL);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s': '%s' expected", err.text, cases[i].says);
	}
}

static void
a_soft_limit_follows_from_the_hard_one(void **state)
{
	static const struct {
		uint64_t hard, soft;
	} cases[] = {{2, 1}, {3, 2}, {9, 8}, {10, 9}, {19, 18}, {20, 18}, {1000, 900}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctl_tunnel_config c = sound();
		c.life.hard_bytes = c.life.hard_packets = c.life.hard_add_s = cases[i].hard;
		assert_int_equal(ctl_tunnel_check(&c, &err), 0);
		assert_int_equal(c.life.soft_bytes, cases[i].soft);
		assert_int_equal(c.life.soft_packets, cases[i].soft);
		assert_int_equal(c.life.soft_add_s, cases[i].soft);
	}
}

static void
without_limits_there_are_none(void **state)
{
	struct ctl_tunnel_config c = sound();

	(void)state;
	assert_int_equal(ctl_tunnel_check(&c, &err), 0);
	assert_true(c.life.soft_bytes == SADB_INF && c.life.soft_packets == SADB_INF && c.life.soft_add_s == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_cannot_be_is_refused_by_name),
	    cmocka_unit_test(a_soft_limit_follows_from_the_hard_one),
	    cmocka_unit_test(without_limits_there_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
