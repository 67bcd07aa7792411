/* SPDX-License-Identifier: BSD-3-Clause
 * From words to the structs of sa-db, and on through the codec to what a daemon reads. */
#include "control/cli/config.h"

#include <arpa/inet.h>

#include "tests/unit/control/cli_rig.h"
#include "control/xfrm_codec.h"

#define SA "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file k"

static struct sadb_addr
addr(const char *text)
{
	struct sadb_addr out;

	assert_int_equal(sadb_addr_parse(text, &out), 0);
	return out;
}

static struct sadb_prefix
prefix(const char *text)
{
	struct sadb_prefix out;

	assert_int_equal(sadb_prefix_parse(text, &out), 0);
	return out;
}

static void
assert_prefix(const struct sadb_prefix *got, const char *want)
{
	struct sadb_prefix expected = prefix(want);

	assert_int_equal(got->addr.family, expected.addr.family);
	assert_memory_equal(got->addr.bytes, expected.addr.bytes, sizeof(expected.addr.bytes));
	assert_int_equal(got->len, expected.len);
}

static void
assert_addr(const struct sadb_addr *got, const char *want)
{
	struct sadb_addr expected = addr(want);

	assert_true(sadb_addr_equal(got, &expected));
}

static void
sa_config(const char *text, struct sadb_sa_config *out)
{
	struct rig_line line;
	struct cli_command cmd;
	struct cli_text err;

	rig_parse_ok(&line, text, &cmd);
	if (cli_config_sa(&cmd, out, &err) != 0)
		fail_msg("'%s' was refused: %s", text, err.text);
}

static void
policy_config(const char *text, struct sadb_policy_config *out)
{
	struct rig_line line;
	struct cli_command cmd;
	struct cli_text err;

	rig_parse_ok(&line, text, &cmd);
	struct sadb_policy_config all[CLI_POLICIES_MAX];

	if (cli_config_policy(&cmd, all, &err) != 1)
		fail_msg("'%s' was refused: %s", text, err.text);
	*out = all[0];
}

static void
an_sa_with_every_argument_becomes_its_configuration(void **state)
{
	struct sadb_sa_config sa;

	(void)state;
	sa_config(SA " reqid 77 dir out esn on window 1024 sel-src 10.1.0.0/16 sel-dst 10.2.0.0/16 sel-proto udp "
		     "encap espinudp 4500 61000 soft-bytes 1M hard-bytes 2M soft-packets 10 hard-packets 20 "
		     "soft-seconds 30 hard-seconds 40",
		  &sa);
	assert_addr(&sa.src, "192.0.2.1");
	assert_addr(&sa.dst, "192.0.2.2");
	assert_int_equal(sa.spi_be, htonl(0x1001));
	assert_int_equal(sa.proto, 50);
	assert_int_equal(sa.mode, 1);
	assert_int_equal(sa.reqid, 77);
	assert_int_equal(sa.dir, SADB_DIR_OUT);
	assert_int_equal(sa.flags, SADB_SA_ESN);
	assert_int_equal(sa.window_packets, 1024);
	assert_int_equal(sa.encap_sport_be, htons(4500));
	assert_int_equal(sa.encap_dport_be, htons(61000));
	assert_prefix(&sa.sel.src, "10.1.0.0/16");
	assert_prefix(&sa.sel.dst, "10.2.0.0/16");
	assert_int_equal(sa.sel.proto, 17);
	assert_true(sa.life.soft_bytes == 1 << 20 && sa.life.hard_bytes == 2 << 20);
	assert_true(sa.life.soft_packets == 10 && sa.life.hard_packets == 20);
	assert_true(sa.life.soft_add_s == 30 && sa.life.hard_add_s == 40);
	assert_true(sa.life.soft_use_s == 0 && sa.life.hard_use_s == 0);
	assert_int_equal(sa.key_bytes, 0);
}

static void
an_sa_with_the_least_is_safe_and_unlimited(void **state)
{
	struct sadb_sa_config sa;

	(void)state;
	sa_config(SA, &sa);
	assert_int_equal(sa.dir, SADB_DIR_ANY);
	assert_int_equal(sa.flags, SADB_SA_ESN);
	assert_int_equal(sa.window_packets, 128);
	assert_true(sa.encap_sport_be == 0 && sa.encap_dport_be == 0);
	assert_int_equal(sa.sel.src.addr.family, AF_UNSPEC);
	assert_int_equal(sa.sel.proto, 0);
	assert_true(sa.life.soft_bytes == SADB_INF && sa.life.hard_bytes == SADB_INF);
	assert_true(sa.life.soft_packets == SADB_INF && sa.life.hard_packets == SADB_INF);
	assert_true(sa.life.soft_add_s == 0 && sa.life.hard_add_s == 0);

	assert_true(sa.tfc_pad_bytes == 0 && sa.outer_ttl == 0 && sa.outer_dscp == 0);

	sa_config(SA " tfc-pad 1400 outer-dscp 46 outer-df set outer-ttl 255", &sa);
	assert_int_equal(sa.tfc_pad_bytes, 1400);
	assert_int_equal(sa.outer_dscp, 46);
	assert_int_equal(sa.outer_ttl, 255);
	assert_int_equal(sa.flags, SADB_SA_ESN | SADB_SA_OUTER_DSCP | SADB_SA_OUTER_DF);
	sa_config(SA " outer-dscp 0 outer-df clear", &sa);
	assert_int_equal(sa.flags, SADB_SA_ESN | SADB_SA_OUTER_DSCP | SADB_SA_NOPMTUDISC);
	sa_config(SA " fragment after", &sa);
	assert_int_equal(sa.flags, SADB_SA_ESN | SADB_SA_FRAGMENT_AFTER);
	sa_config(SA " fragment before", &sa);
	assert_int_equal(sa.flags, SADB_SA_ESN);

	sa_config(SA " esn off window off dir in sel-dst 10.2.0.0/16", &sa);
	assert_int_equal(sa.dir, SADB_DIR_IN);
	assert_int_equal(sa.flags, 0);
	assert_int_equal(sa.window_packets, 0);
	assert_prefix(&sa.sel.src, "0.0.0.0/0");
}

static void
what_the_daemon_decodes_is_what_was_typed(void **state)
{
	static const char *const lines[] = {
	    SA " dir out",
	    SA " dir in esn off window 64",
	    SA " window 65536 reqid 5 sel-src 10.1.0.0/16 sel-dst 10.2.3.4 sel-proto tcp",
	    SA " esn off window off soft-bytes 1 hard-bytes 18446744073709551614 hard-packets 5 soft-seconds 1d",
	};
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_NEWSA, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	static uint8_t buf[16384] __attribute__((aligned(8)));

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sadb_error err = {.text = ""};
		struct sadb_sa_config sa;
		struct ctl_xfrm msg;

		sa_config(lines[i], &sa);
		sa.vnet_id = 7;
		sa.aead = SADB_AEAD_AES_GCM_16;
		sa.key_bytes = 32;
		memset(sa.key, 0x5a, sizeof(sa.key));
		memset(sa.salt, 0xa5, sizeof(sa.salt));
		assert_true(ctl_xfrm_encode_sa(buf, sizeof(buf), &header, &sa, NULL) > 0);
		if (ctl_xfrm_decode((const struct nlmsghdr *)buf, &msg, &err) != 0)
			fail_msg("'%s': %s", lines[i], err.text);
		assert_true(sadb_addr_equal(&msg.sa.config.src, &sa.src));
		assert_true(sadb_addr_equal(&msg.sa.config.dst, &sa.dst));
		assert_int_equal(msg.sa.config.spi_be, sa.spi_be);
		assert_int_equal(msg.sa.config.reqid, sa.reqid);
		assert_int_equal(msg.sa.config.vnet_id, 7);
		assert_int_equal(msg.sa.config.dir, sa.dir);
		assert_int_equal(msg.sa.config.flags, sa.flags);
		assert_int_equal(msg.sa.config.window_packets, sa.window_packets);
		assert_memory_equal(msg.sa.config.key, sa.key, sizeof(sa.key));
		assert_memory_equal(msg.sa.config.salt, sa.salt, sizeof(sa.salt));
		assert_memory_equal(&msg.sa.config.life, &sa.life, sizeof(sa.life));
		assert_int_equal(msg.sa.config.sel.proto, sa.sel.proto);
		assert_int_equal(msg.sa.config.sel.src.len, sa.sel.src.len);
		assert_memory_equal(msg.sa.config.sel.dst.addr.bytes, sa.sel.dst.addr.bytes, 16);
	}
}

static void
a_policy_becomes_its_configuration(void **state)
{
	struct sadb_policy_config policy;

	(void)state;
	policy_config(
	    "policy add vnet blue dir fwd src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp sport 80 dport 0 priority 9 "
	    "action protect tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2 reqid 3 spi 0x1001",
	    &policy);
	assert_int_equal(policy.dir, SADB_POLICY_FWD);
	assert_int_equal(policy.action, SADB_PROTECT);
	assert_int_equal(policy.priority, 9);
	assert_int_equal(policy.index, 0);
	assert_prefix(&policy.sel.src, "10.1.0.0/16");
	assert_prefix(&policy.sel.dst, "10.2.0.0/16");
	assert_int_equal(policy.sel.proto, 6);
	assert_true(policy.sel.sport_be == htons(80) && policy.sel.sport_mask_be == 0xffff);
	assert_true(policy.sel.dport_be == 0 && policy.sel.dport_mask_be == 0xffff);
	assert_addr(&policy.tmpl.src, "192.0.2.1");
	assert_addr(&policy.tmpl.dst, "192.0.2.2");
	assert_true(policy.tmpl.spi_be == htonl(0x1001) && policy.tmpl.reqid == 3);
	assert_true(policy.tmpl.proto == 50 && policy.tmpl.mode == 1);

	policy_config("policy add vnet blue dir in src 0.0.0.0/0 dst 0.0.0.0/0 action drop", &policy);
	assert_int_equal(policy.action, SADB_DROP);
	assert_int_equal(policy.dir, SADB_POLICY_IN);
	assert_true(policy.sel.sport_mask_be == 0 && policy.sel.dport_mask_be == 0);
	assert_int_equal(policy.tmpl.src.family, AF_UNSPEC);
	assert_int_equal(policy.tmpl.proto, 0);

	policy_config("policy add vnet blue dir out src 0.0.0.0/0 dst 0.0.0.0/0 action bypass", &policy);
	assert_int_equal(policy.action, SADB_BYPASS);
	assert_int_equal(policy.dir, SADB_POLICY_OUT);

	policy_config("policy del index 18", &policy);
	assert_int_equal(policy.index, 18);
	assert_int_equal(policy.dir, SADB_POLICY_FWD);
}

static void
values_that_contradict_each_other_are_refused(void **state)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
	    {"sa add src 192.0.2.1 dst 2001:db8::2 spi 256 vnet b key-file k", "src is IPv4 and dst is IPv6"},
	    {SA " sel-src 10.0.0.0/8 sel-dst ::/0", "sel-src is IPv4 and sel-dst is IPv6"},
	    {SA " window off", "window off needs esn off"},
	    {SA " soft-bytes 2K hard-bytes 2047", "soft-bytes 2K is above hard-bytes 2047"},
	    {SA " soft-packets 2K hard-packets 1999", "soft-packets 2K is above hard-packets 1999"},
	    {SA " soft-seconds 1h hard-seconds 59m", "soft-seconds 1h is above hard-seconds 59m"},
	    {"sa alloc-spi src 192.0.2.1 dst 192.0.2.2 vnet b min 0x200 max 0x1ff", "min 0x200 is above max 0x1ff"},
	};
	static const struct {
		const char *line, *says;
	} bad_policy[] = {
	    {"policy add vnet b dir in src 10.0.0.0/8 dst ::/0 action drop", "src is IPv4 and dst is IPv6"},
	    {"policy add vnet b dir in src ::/0 dst ::/0 action protect tunnel-src 1.1.1.1 tunnel-dst ::1",
	     "tunnel-src is IPv4 and tunnel-dst is IPv6"},
	    {"policy add vnet b dir in src ::/0 dst ::/0 proto esp sport 5 action drop", "esp has no ports"},
	    {"policy add vnet b dir in src ::/0 dst ::/0 proto any dport 5 action drop", "any has no ports"},
	    {"policy add vnet b dir in src ::/0 dst ::/0 proto icmp dport 256 action drop", "0 to 255"},
	    {"policy add vnet b dir in src ::/0 dst ::/0 proto icmp sport 8-256 action drop",
	     "sport: 8-256 is out of range; accepted with icmp: 0 to 255"},
	    {"policy add vnet b dir in src ::/0 dst ::/0 proto tcp sport 1-65534 dport 1-6 action drop",
	     "these ports are 120 policies"},
	};
	struct sadb_policy_config policy[CLI_POLICIES_MAX];
	struct sadb_sa_config sa;
	struct rig_line line;
	struct cli_command cmd;
	struct cli_text err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rig_parse_ok(&line, bad[i].line, &cmd);
		assert_int_not_equal(cli_config_sa(&cmd, &sa, &err), 0);
		rig_assert_contains(err.text, bad[i].says);
	}
	for (size_t i = 0; i < sizeof(bad_policy) / sizeof(bad_policy[0]); i++) {
		rig_parse_ok(&line, bad_policy[i].line, &cmd);
		assert_int_equal(cli_config_policy(&cmd, policy, &err), -EINVAL);
		rig_assert_contains(err.text, bad_policy[i].says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_sa_with_every_argument_becomes_its_configuration),
	    cmocka_unit_test(an_sa_with_the_least_is_safe_and_unlimited),
	    cmocka_unit_test(what_the_daemon_decodes_is_what_was_typed),
	    cmocka_unit_test(a_policy_becomes_its_configuration),
	    cmocka_unit_test(values_that_contradict_each_other_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
