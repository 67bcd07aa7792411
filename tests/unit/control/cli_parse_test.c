/* SPDX-License-Identifier: BSD-3-Clause
 * The grammar: what is accepted, what is refused, and how the refusal helps. */
#include "tests/unit/control/cli_rig.h"

#include <arpa/inet.h>

#define SA   "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file k"
#define POL  "policy add vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16"
#define PROT " action protect tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2"

static void
every_example_of_the_table_parses(void **state)
{
	unsigned examples = 0;
	struct rig_line line;
	struct cli_command cmd;

	(void)state;
	for (unsigned o = 0; o < cli_n_objects; o++) {
		for (unsigned v = 0; v < cli_objects[o].n_verbs; v++) {
			const struct cli_verb *verb = &cli_objects[o].verbs[v];

			for (unsigned i = 0; verb->examples[i] != NULL; i++, examples++) {
				char text[512];

				/* What follows is for the shell. */
				snprintf(text, sizeof(text), "%.*s", (int)strcspn(verb->examples[i], "<>|"),
					 verb->examples[i]);
				rig_parse_ok(&line, strncmp(text, "-j ", 3) == 0 ? text + 3 : text, &cmd);
				assert_ptr_equal(cmd.verb, verb);
			}
			assert_true(verb->examples[0] != NULL);
		}
	}
	assert_true(examples >= cli_n_objects);
}

static void
words_in_any_order_are_accepted(void **state)
{
	static const char *const good[] = {
	    SA,
	    "sa add key-file k vnet 7 spi 4097 dst 2001:db8::2 src 2001:db8::1",
	    SA " dir in esn off window off reqid 9 sel-src 10.0.0.0/8 sel-dst 10.1.2.3 sel-proto tcp",
	    SA " soft-bytes 1K hard-bytes 18446744073709551614 soft-seconds 5m hard-seconds 1h",
	    SA " window 64",
	    SA " encap espinudp 4500 4500",
	    "sa add encap espinudp 1 src 192.0.2.1 dst 192.0.2.2 65535 spi 0x1001 vnet blue key-file k",
	    SA " window 65536",
	    "sa update src 1.1.1.1 dst 2.2.2.2 spi 0xffffffff vnet blue key-file -",
	    "sa show",
	    "sa show spi 0x100 dst 192.0.2.2",
	    "sa del spi 256 dst 192.0.2.2",
	    "sa flush",
	    POL PROT,
	    POL PROT " reqid 1 spi 0x1001",
	    POL " action bypass priority 4294967295",
	    POL " proto icmp sport 8 dport 0 action drop",
	    POL " proto 132 dport 65535 action drop",
	    POL " proto tcp sport 0-65535 dport 0x50-81 action drop",
	    "policy del index 9",
	    "policy del vnet blue dir fwd src ::/0 dst 2001:db8::/32",
	    "stats show",
	    "stats show watch",
	    "stats show watch count 3",
	    "stats show watch 5 sa count 3",
	    "stats show all watch 2m",
	    "monitor",
	    "monitor acquire sa expire policy mapping",
	    "keygen -",
	    "help sa add",
	};
	struct rig_line line;
	struct cli_command cmd;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		rig_parse_ok(&line, good[i], &cmd);
}

static const struct {
	const char *line, *says;
} bad[] = {
    {"", "what to do is missing; accepted: sa, policy, tunnel, vnet"},
    {"saa", "unknown word 'saa'; did you mean 'sa'?"},
    {"stat show", "did you mean 'stats'?"},
    {"sa", "the verb is missing; accepted: add, update, show, del, flush, dummy, alloc-spi"},
    {"sa list", "unknown verb 'list'; accepted: add"},
    {"sa delete", "did you mean 'del'?"},
    {SA " frob 1", "unknown word 'frob'; accepted: algorithm, reqid, dir, esn"},
    {SA " sel_src 10.0.0.0/8", "did you mean 'sel-src'?"},
    {SA " hard-byte 5", "did you mean 'hard-bytes'?"},
    {SA " src 192.0.2.9", "src is given twice"},
    {SA " encap", "encap lacks its value: espinudp"},
    {SA " encap espintcp 4500 4500", "encap: unknown word 'espintcp'; did you mean 'espinudp'?"},
    {SA " encap espinudp", "missing: SPORT, DPORT"},
    {SA " encap espinudp 4500", "missing: DPORT"},
    {SA " encap espinudp 0 4500", "SPORT: '0' is out of range; accepted: 1 to 65535"},
    {SA " encap espinudp 4500 65536", "DPORT: '65536' is out of range; accepted: 1 to 65535"},
    {SA " encap espinudp 4500 4500 4500", "unknown word '4500'; accepted: algorithm, reqid"},
    {SA " 4500 4500 encap espinudp", "unknown word '4500'; accepted: algorithm, reqid"},
    {SA " reqid", "reqid lacks its value: N, a number"},
    {"sa add src dst 192.0.2.2", "src lacks its value: ADDR"},
    {"sa add src 192.0.2.1", "missing: dst ADDR, spi SPI, vnet VNET, key-file FILE"},
    {"sa add src 192.0.2.256", "src: '192.0.2.256' is not an IPv4 or IPv6 address"},
    {"sa add src 192.0.2.0/24", "src: '192.0.2.0/24' is not an IPv4 or IPv6 address"},
    {"sa add spi 0", "spi: '0' is out of range; accepted: 0x100 to 0xffffffff"},
    {"sa add spi 255", "out of range"},
    {"sa add spi 0xff", "out of range"},
    {"sa add spi 0x100000000", "out of range"},
    {"sa add spi -1", "'-1' is not a number"},
    {"sa add spi 0x", "'0x' is not a number"},
    {"sa add spi 12x", "'12x' is not a number"},
    {SA " window 63", "window: '63' is out of range; accepted: 64 to 65536"},
    {SA " window 65537", "or off"},
    {SA " window 0", "out of range"},
    {SA " esn yes", "esn: unknown word 'yes'; accepted: off, on"},
    {SA " dir inn", "did you mean 'in'?"},
    {SA " reqid 4294967296", "out of range"},
    {SA " reqid 1K", "'1K' is not a number"},
    {SA " soft-bytes 0", "out of range"},
    {SA " soft-bytes 18446744073709551615", "out of range"},
    {SA " soft-bytes 99999999999999999999", "out of range"},
    {SA " soft-bytes 16777216T", "out of range"},
    {SA " soft-bytes 1KK", "is not a number"},
    {SA " soft-bytes 1.5G", "is not a number"},
    {SA " hard-packets 1T", "is not a number"},
    {SA " hard-seconds 1w", "is not a number"},
    {SA " sel-src 10.1.0.1/16", "bits beyond its prefix length; did you mean 10.1.0.0/16?"},
    {SA " sel-src 10.0.0.0/33", "is not an address and its prefix length"},
    {SA " sel-proto tpc", "did you mean 'tcp'?"},
    {SA " sel-proto 256", "or 0 to 255"},
    {SA " vnet", "vnet is given twice"},
    {"sa show dst 192.0.2.2", "dst is only accepted together with spi"},
    {"sa show spi 0x1001", "spi is only accepted together with dst"},
    {"sa flush all", "unknown word 'all'; no further words are accepted"},
    {POL, "missing: action drop|bypass|protect"},
    {POL " action protect", "missing: tunnel-src ADDR, tunnel-dst ADDR"},
    {POL " action drop tunnel-src 192.0.2.1", "tunnel-src is only accepted together with action protect"},
    {POL " action bypass reqid 5", "reqid is only accepted together with action protect"},
    {POL " action protected", "did you mean 'protect'?"},
    {POL " sport 80 action drop", "sport is only accepted together with proto"},
    {POL " proto tcp sport 65536 action drop", "sport: '65536' is out of range; accepted: 0 to 65535"},
    {POL " proto tcp sport 1-65536 action drop", "sport: '65536' is out of range; accepted: 0 to 65535"},
    {POL " proto tcp sport 2000-1000 action drop", "2000-1000 ends before it begins; did you mean 1000-2000?"},
    {POL " proto tcp dport 5- action drop", "dport: '' is not a number"},
    {POL " proto tcp dport -5 action drop", "dport: '' is not a number"},
    {POL " proto tcp dport 1-2-3 action drop", "dport: '2-3' is not a number"},
    {POL " proto tcp dport 000000000001-3 action drop", "dport: '' is not a number"},
    {"policy del", "missing: vnet VNET, dir in|out|fwd, src PREFIX, dst PREFIX"},
    {"policy del index 9 vnet blue", "vnet and index are not accepted together"},
    {"policy del index 0", "out of range"},
    {"stats show dropz", "did you mean 'drops'?"},
    {"stats show drops stages", "VIEW is given twice"},
    {"stats show count 3", "count is only accepted together with watch"},
    {"stats show watch 0", "out of range"},
    {"monitor esp", "unknown word 'esp'; accepted: sa, policy, expire, acquire, mapping"},
    {"keygen", "missing: FILE"},
    {"keygen a b", "unknown word 'b'; accepted: algorithm"},
    {"completion zsh", "unknown word 'zsh'; accepted: bash"},
    {"vnet show blue", "no further words are accepted"},
};

static void
what_is_wrong_is_refused_with_a_cure(void **state)
{
	struct rig_line line;
	struct cli_command cmd;
	struct cli_text err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rig_parse(&line, bad[i].line, &cmd, &err) == 0)
			fail_msg("'%s' was accepted", bad[i].line);
		rig_assert_contains(err.text, bad[i].says);
	}
}

static void
a_key_on_the_command_line_is_refused_and_not_repeated(void **state)
{
	static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff01020304";
	static const char *const where[] = {"%s key %s", "%s %s", "%s reqid %s", "%s esn %s", "%s sel-src 0x%s"};
	char text[512];
	struct rig_line line;
	struct cli_command cmd;
	struct cli_text err;

	(void)state;
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), where[i], SA, key);
#pragma GCC diagnostic pop
		assert_int_not_equal(rig_parse(&line, text, &cmd, &err), 0);
		rig_assert_lacks(err.text, "00112233");
	}
	assert_int_not_equal(rig_parse(&line, SA " key abc", &cmd, &err), 0);
	rig_assert_contains(err.text, "key-file FILE");
	rig_assert_contains(err.text, "culvert keygen");
}

static void
values_arrive_as_typed_and_defaults_where_nothing_was(void **state)
{
	struct rig_line line;
	struct cli_command cmd;

	(void)state;
	rig_parse_ok(&line, SA, &cmd);
	assert_int_equal(cmd.value[CLI_SPI].number, 0x1001);
	assert_int_equal(cmd.value[CLI_SRC].prefix.addr.family, AF_INET);
	assert_int_equal(cmd.value[CLI_WINDOW].number, 128);
	assert_false(cmd.value[CLI_WINDOW].given);
	assert_int_equal(cmd.value[CLI_ESN].number, 1);
	assert_false(cmd.value[CLI_SOFT_BYTES].given);
	assert_string_equal(cmd.value[CLI_VNET].text, "blue");

	rig_parse_ok(&line, SA " window off soft-bytes 3M hard-packets 2k soft-seconds 2h hard-seconds 1D", &cmd);
	assert_int_equal(cmd.value[CLI_WINDOW].number, 0);
	assert_true(cmd.value[CLI_WINDOW].given);
	assert_int_equal(cmd.value[CLI_SOFT_BYTES].number, 3 << 20);
	assert_int_equal(cmd.value[CLI_HARD_PACKETS].number, 2000);
	assert_int_equal(cmd.value[CLI_SOFT_SECONDS].number, 7200);
	assert_int_equal(cmd.value[CLI_HARD_SECONDS].number, 86400);

	rig_parse_ok(&line, "monitor expire sa", &cmd);
	assert_int_equal(cmd.value[CLI_EVENTS].number, 1 << 0 | 1 << 2);
	rig_parse_ok(&line, "stats show watch drops", &cmd);
	assert_true(cmd.value[CLI_WATCH].given);
	assert_int_equal(cmd.value[CLI_WATCH].number, 1);
	assert_int_equal(cmd.value[CLI_VIEW].number, 1);
}

static void
no_argument_of_a_verb_is_there_twice(void **state)
{
	(void)state;
	for (unsigned o = 0; o < cli_n_objects; o++) {
		for (unsigned v = 0; v < cli_objects[o].n_verbs; v++) {
			const struct cli_verb *verb = &cli_objects[o].verbs[v];

			for (unsigned i = 0; i < verb->n_args; i++) {
				assert_int_not_equal(verb->args[i].id, CLI_NOTHING);
				assert_ptr_equal(cli_arg_of(verb, verb->args[i].id), &verb->args[i]);
				if (verb->args[i].with != CLI_NOTHING)
					assert_non_null(cli_arg_of(verb, verb->args[i].with));
				if (verb->args[i].unless != CLI_NOTHING)
					assert_non_null(cli_arg_of(verb, verb->args[i].unless));
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_example_of_the_table_parses),
	    cmocka_unit_test(words_in_any_order_are_accepted),
	    cmocka_unit_test(what_is_wrong_is_refused_with_a_cure),
	    cmocka_unit_test(a_key_on_the_command_line_is_refused_and_not_repeated),
	    cmocka_unit_test(values_arrive_as_typed_and_defaults_where_nothing_was),
	    cmocka_unit_test(no_argument_of_a_verb_is_there_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
