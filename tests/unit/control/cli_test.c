/* SPDX-License-Identifier: BSD-3-Clause
 * The whole command, as far as it needs no daemon: options, exit codes, where messages go. */
#include "tests/unit/control/cli_run.h"

#include <sys/stat.h>

#define SA "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file "

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/culvert-cli-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
help_and_version_are_no_errors(void **state)
{
	(void)state;
	rig_expect("--version", CLI_DONE, "culvert " CULVERT_VERSION "\n");
	rig_expect("-V", CLI_DONE, "culvert ");
	rig_expect("help", CLI_DONE, "objects:");
	rig_expect("--help", CLI_DONE, "objects:");
	rig_expect("sa --help", CLI_DONE, "alloc-spi");
	rig_expect("help sa", CLI_DONE, "alloc-spi");
	rig_expect("sa add -h", CLI_DONE, "culvert sa add src ADDR");
	rig_expect("help sa add", CLI_DONE, "culvert sa add src ADDR");
	rig_expect("help sa add", CLI_DONE, "[encap espinudp] [SPORT] [DPORT]");
	rig_expect("help monitor", CLI_DONE, "culvert monitor [sa|policy|expire|acquire|mapping|tunnel|audit]...");
	rig_expect("completion bash", CLI_DONE, "complete -F _culvert culvert");
}

static void
the_environment_names_the_socket_where_no_option_does(void **state)
{
	(void)state;
	setenv("CULVERT_SOCKET", "/nonexistent/a.sock", 1);
	rig_expect("vnet show", CLI_FAILED, "no daemon at /nonexistent/a.sock");
	rig_expect("--socket /nonexistent/b.sock vnet show", CLI_FAILED, "no daemon at /nonexistent/b.sock");
	setenv("CULVERT_SOCKET", "", 1);
	rig_expect("help", CLI_DONE, "without it $CULVERT_SOCKET, else");
	unsetenv("CULVERT_SOCKET");
}

static void
wrong_usage_ends_with_2_and_points_at_help(void **state)
{
	(void)state;
	rig_expect("", CLI_USAGE, "See: culvert help\n");
	rig_expect("sax", CLI_USAGE, "culvert: unknown word 'sax'; did you mean 'sa'?");
	rig_expect("sa", CLI_USAGE, "See: culvert help sa\n");
	rig_expect("sa add", CLI_USAGE, "culvert: sa add: missing: src ADDR");
	rig_expect("sa add frob", CLI_USAGE, "See: culvert help sa add\n");
	rig_expect("help frob", CLI_USAGE, "unknown word 'frob'");
	rig_expect("help sa frob", CLI_USAGE, "unknown verb 'frob'");
	rig_expect("help monitor sa", CLI_USAGE, "no verbs");
	rig_expect("--jsn vnet show", CLI_USAGE, "did you mean '--json'?");
	rig_expect("-x vnet show", CLI_USAGE, "unknown option, or one that takes no value: '-x'");
	rig_expect("--json=5 vnet show", CLI_USAGE, "takes no value");
	rig_expect("vnet show --socket", CLI_USAGE, "option lacks its value");
	rig_expect("vnet show -w", CLI_USAGE, "unknown word 'watch'");
	rig_expect("stats show -w5 count", CLI_USAGE, "count lacks its value");
	rig_expect("run", CLI_USAGE, "missing: -- COMMAND");
	rig_expect("run --", CLI_USAGE, "missing: -- COMMAND");
	rig_expect("run ip", CLI_USAGE, "the command goes after --");
	rig_expect("run ip xfrm state", CLI_USAGE, "unknown word 'xfrm'; another program's words go after --");
	rig_expect("run ip -- state", CLI_USAGE, "the command goes after --");
	rig_expect(SA "/nonexistent soft-bytes 2 hard-bytes 1", CLI_USAGE, "soft-bytes 2 is above hard-bytes 1");
}

static void
a_key_file_is_judged_before_the_daemon_is_asked(void **state)
{
	char words[256], path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/key", dir);
	snprintf(words, sizeof(words), "--socket %s/none " SA "%s", dir, path);
	rig_expect(words, CLI_FAILED, "culvert: sa add: key-file '");
	snprintf(words, sizeof(words), "keygen %s", path);
	rig_expect(words, CLI_DONE, "");
	rig_expect(words, CLI_FAILED, "never overwritten");
	snprintf(words, sizeof(words), "--socket %s/none " SA "%s", dir, path);
	rig_expect(words, CLI_FAILED, "no daemon at ");
	assert_int_equal(chmod(path, 0644), 0);
	rig_expect(words, CLI_FAILED, "chmod 600");
	unlink(path);
}

static void
without_a_daemon_every_verb_that_needs_one_fails_and_says_so(void **state)
{
	static const char *const words[] = {
	    "sa show",
	    "sa flush",
	    "sa del dst 192.0.2.2 spi 256",
	    "policy show",
	    "policy flush",
	    "policy del index 1",
	    "policy add vnet 1 dir in src ::/0 dst ::/0 action drop",
	    "vnet show",
	    "port show",
	    "route show",
	    "neigh show",
	    "info show",
	    "stats show",
	    "stats show all watch count 1",
	    "monitor",
	    "sa alloc-spi src 192.0.2.1 dst 192.0.2.2 vnet 1",
	};
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(line, sizeof(line), "-j --socket %s/none %s", dir, words[i]);
		rig_expect(line, CLI_FAILED, "is culvertd running?");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(help_and_version_are_no_errors),
	    cmocka_unit_test(the_environment_names_the_socket_where_no_option_does),
	    cmocka_unit_test(wrong_usage_ends_with_2_and_points_at_help),
	    cmocka_unit_test(a_key_file_is_judged_before_the_daemon_is_asked),
	    cmocka_unit_test(without_a_daemon_every_verb_that_needs_one_fails_and_says_so),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
