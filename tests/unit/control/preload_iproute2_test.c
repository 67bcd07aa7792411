/* SPDX-License-Identifier: BSD-3-Clause
 * Debian's own ip, with the preload library, against a real server: every ip xfrm verb is carried out, shows what was
 * put in, or is refused with the server's words. What ip prints stands here in full. */
#include "tests/unit/control/preload_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "control/server_impl.h"

#define OUT_BYTES 65536

/* A command after "ip ", its exit status and its output, standard error with it. NULL: not looked at. */
struct line {
	const char *words;
	int status;
	const char *output;
};

#define KEY    "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa0a1a2a3"
#define NO_KEY "0x000000000000000000000000000000000000000000000000000000000000000000000000"
#define SA     "src 192.0.2.1 dst 192.0.2.2 proto esp spi "
#define AEAD   "mode tunnel reqid 7 aead 'rfc4106(gcm(aes))' " KEY " 128 if_id 100 "
#define SHOWN_SA(spi)                   \
	"src 192.0.2.1 dst 192.0.2.2\n" \
	"\tproto esp spi " spi " reqid 7 mode tunnel\n"
#define SHOWN_REST       \
	"\tif_id 0x64\n" \
	"\tsel src 0.0.0.0/0 dst 0.0.0.0/0 \n"
#define SHOWN_ESN(spi)                                    \
	SHOWN_SA(spi)                                     \
	"\treplay-window 0 flag esn\n"                    \
	"\taead rfc4106(gcm(aes)) " NO_KEY " 128\n"       \
	"\tanti-replay esn context:\n"                    \
	"\t seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x0\n" \
	"\t replay_window 128, bitmap-length 4\n"         \
	"\t 00000000 00000000 00000000 00000000 \n" SHOWN_REST
#define TMPL "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 7 mode tunnel"
#define SHOWN_POLICY(sel, head)                    \
	sel " \n"                                  \
	    "\t" head " \n"                        \
	    "\ttmpl src 192.0.2.1 dst 192.0.2.2\n" \
	    "\t\tproto esp reqid 7 mode tunnel\n"  \
	    "\tif_id 0x64\n"

static char out[OUT_BYTES];

/* A shell command's output and exit status. */
static int
shell(const char *command)
{
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	out[fread(out, 1, sizeof(out) - 1, pipe)] = 0;
	int status = pclose(pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* As the operator starts it. */
static void
prefix(char *command, size_t size, const struct rig *rig, const char *words)
{
	snprintf(command, size, "exec %s --socket %s run -- ip %s 2>&1", getenv("CULVERT"), rig->path, words);
}

/* Runs ip; its output is in out. Exit status. */
static int
ip(const struct rig *rig, const char *words)
{
	char command[2048];

	prefix(command, sizeof(command), rig, words);
	return shell(command);
}

/* The daemon never shows a key. What it shows instead, zeros or a handle for whoever asked, is blanked. */
static void
blank_keys(void)
{
	static const char before[] = "aead rfc4106(gcm(aes)) ";

	assert_null(strstr(out, KEY));
	for (char *at = out; (at = strstr(at, before)); at += sizeof(before)) {
		char *key = at + strlen(before);

		if (strspn(key + 2, "0123456789abcdef") == strlen(NO_KEY) - 2)
			memcpy(key, NO_KEY, strlen(NO_KEY));
	}
}

static void
run(const struct rig *rig, const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int status = ip(rig, lines[i].words);

		if (status != lines[i].status)
			fail_msg("ip %s: status %d, not %d:\n%s", lines[i].words, status, lines[i].status, out);
		blank_keys();
		if (lines[i].output && strcmp(out, lines[i].output) != 0)
			fail_msg("ip %s:\n%s\nnot:\n%s", lines[i].words, out, lines[i].output);
	}
}

static void
sas_are_added_shown_changed_and_deleted(void **state)
{
	static const struct line lines[] = {
	    {"xfrm state add " SA "0x1001 " AEAD "flag esn replay-window 128", 0, ""},
	    {"xfrm state list", 0, SHOWN_ESN("0x00001001")},
	    {"xfrm state get " SA "0x1001", 0, SHOWN_ESN("0x00001001")},
	    {"xfrm state add " SA "0x1001 " AEAD, 2, "Error: SPI 0x1001 to this destination lives already.\n"},
	    {"xfrm state update " SA "0x1001 " AEAD "flag esn replay-window 128 limit byte-hard 5000", 0, ""},
	    {"xfrm state update " SA "0x1002 " AEAD, 2, "Error: no SA with SPI 0x1002 to this destination.\n"},
	    {"xfrm state count", 0, "\t SAD count 1\n"},
	    {"xfrm state get " SA "0x1002", 2, "Error: there is no SA with SPI 0x00001002 and that destination.\n"},
	    {"xfrm state delete " SA "0x1002", 2, "Error: there is no SA with SPI 0x00001002 and that destination.\n"},
	    {"xfrm state delete " SA "0x1001", 0, ""},
	    {"xfrm state list", 0, ""},
	    {"xfrm state count", 0, "\t SAD count 0\n"},
	};

	run(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

static void
lists_of_sas_are_filtered_and_deleted_and_flushed_as_asked(void **state)
{
	static const struct line before[] = {
	    {"xfrm state add src 192.0.2.1 dst 192.0.2.3 proto esp spi 0x2001 " AEAD, 0, ""},
	    {"xfrm state list src 192.0.2.9", 0, ""},
	    {"xfrm state list dst 192.0.2.3 proto esp", 0,
	     "src 192.0.2.1 dst 192.0.2.3\n"
	     "\tproto esp spi 0x00002001 reqid 7 mode tunnel\n"
	     "\treplay-window 0 \n"
	     "\taead rfc4106(gcm(aes)) " NO_KEY " 128\n"
	     "\tanti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000\n" SHOWN_REST},
	    {"xfrm state deleteall dst 192.0.2.3", 0, ""},
	    {"xfrm state list dst 192.0.2.3", 0, ""},
	    {"xfrm state count", 0, "\t SAD count 40\n"},
	};
	static const struct line after[] = {
	    {"xfrm state deleteall spi 0x3001", 0, ""},  {"xfrm state count", 0, "\t SAD count 39\n"},
	    {"xfrm state flush proto ah", 0, NULL},      {"xfrm state count", 0, "\t SAD count 39\n"},
	    {"xfrm state flush proto esp", 0, ""},       {"xfrm state flush", 0, ""},
	    {"xfrm state count", 0, "\t SAD count 0\n"},
	};
	const struct rig *rig = *state;
	struct sadb_sa_config c;
	unsigned shown = 0;

	for (uint32_t i = 0; i < 40; i++) {
		c = rig_sa(0x3001 + i);
		assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	}
	run(rig, before, sizeof(before) / sizeof(before[0]));
	/* More than one datagram. */
	assert_int_equal(ip(rig, "xfrm state list"), 0);
	for (const char *at = out; (at = strstr(at, "\tproto esp spi 0x0000")); at++)
		shown++;
	assert_int_equal(shown, 40);
	run(rig, after, sizeof(after) / sizeof(after[0]));
}

static void
an_spi_is_allocated_and_completed(void **state)
{
	static const struct line lines[] = {
	    {"xfrm state allocspi src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 7 min 0x900 max 0x900", 0,
	     NULL},
	    {"xfrm state update " SA "0x900 " AEAD "flag esn replay-window 128", 0, ""},
	    {"xfrm state list", 0, SHOWN_ESN("0x00000900")},
	    {"xfrm state allocspi src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel min 0x900 max 0x900", 2,
	     "Error: no SPI free in 0x900-0x900.\n"},
	};
	const struct rig *rig = *state;

	run(rig, lines, 1);
	assert_non_null(strstr(out, "proto esp spi 0x00000900 reqid 7 mode tunnel"));
	run(rig, lines + 1, sizeof(lines) / sizeof(lines[0]) - 1);
}

static void
policies_are_added_shown_changed_and_deleted(void **state)
{
	static const struct line lines[] = {
	    {"xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out if_id 100 " TMPL, 0, ""},
	    {"xfrm policy list", 0, SHOWN_POLICY("src 10.1.0.0/16 dst 10.2.0.0/16", "dir out priority 0")},
	    {"xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out if_id 100 " TMPL, 2, NULL},
	    {"xfrm policy update src 10.1.0.0/16 dst 10.2.0.0/16 dir out priority 9 if_id 100 " TMPL, 0, ""},
	    {"xfrm policy get src 10.1.0.0/16 dst 10.2.0.0/16 dir out if_id 100", 0,
	     SHOWN_POLICY("src 10.1.0.0/16 dst 10.2.0.0/16", "dir out priority 9")},
	    {"xfrm policy add src 10.1.0.0/16 dst 10.3.0.0/16 proto tcp dport 25 dir fwd action block if_id 100", 0,
	     ""},
	    {"xfrm policy count", 0, "\t SPD IN  0 OUT 1 FWD 1\n"},
	    {"xfrm policy list dir fwd", 0,
	     "src 10.1.0.0/16 dst 10.3.0.0/16 proto tcp dport 25 \n"
	     "\tdir fwd action block priority 0 \n"
	     "\tif_id 0x64\n"},
	    {"xfrm policy delete src 10.1.0.0/16 dst 10.9.0.0/16 dir out if_id 100", 2,
	     "Error: there is no such policy in that direction of vnet 100.\n"},
	    {"xfrm policy delete src 10.1.0.0/16 dst 10.2.0.0/16 dir out if_id 100", 0, ""},
	    {"xfrm policy count", 0, "\t SPD IN  0 OUT 0 FWD 1\n"},
	    {"xfrm policy deleteall dir fwd", 0, ""},
	    {"xfrm policy list", 0, ""},
	    {"xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out if_id 101 " TMPL, 0, ""},
	    {"xfrm policy flush", 0, ""},
	    {"xfrm policy count", 0, "\t SPD IN  0 OUT 0 FWD 0\n"},
	    {"xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out if_id 102 " TMPL, 2,
	     "Error: no virtual network has the id 102: 'culvert vnet show' lists them.\n"},
	};

	run(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

#define DEFAULTS              \
	"Default policies:\n" \
	" in:  block\n"       \
	" fwd: block\n"       \
	" out: block\n"

static void
defaults_thresholds_and_numbers_are_taken_or_refused_in_words(void **state)
{
	static const struct line lines[] = {
	    {"xfrm policy setdefault in block fwd block out block", 0, ""},
	    {"xfrm policy getdefault", 0, DEFAULTS},
	    {"xfrm policy setdefault out accept", 2,
	     "Error: default policy accept for out would let packets pass unprotected: block is accepted; a policy "
	     "with "
	     "action allow, or vnets.default, says what may pass.\n"},
	    {"xfrm policy getdefault", 0, DEFAULTS},
	    {"xfrm policy set hthresh4 16 24", 0, ""},
	    {"-s xfrm policy count", 0, "\t SPD IN  0 OUT 0 FWD 0 (Sock: IN 0 OUT 0 FWD 0)\n"},
	    {"-s xfrm state count", 0, "\t SAD count 0 (buckets count 0 Max 4096)\n"},
	    {"xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 dir out index 9 if_id 100 limit time-hard 100 " TMPL, 0,
	     ""},
	    {"xfrm policy delete index 9 dir out", 0, ""},
	    {"xfrm policy delete index 9 dir out", 2, NULL},
	    {"xfrm policy flush ptype main", 0, ""},
	    {"xfrm policy flush ptype sub", 2, "Error: XFRMA_POLICY_TYPE 1: main (0) is accepted.\n"},
	    {"xfrm state add " SA "0x1001 mode tunnel enc 'cbc(aes)' 0x000102030405060708090a0b0c0d0e0f if_id 100", 2,
	     "Error: XFRMA_ALG_CRYPT is not supported: XFRMA_ALG_AEAD with rfc4106(gcm(aes)), "
	     "rfc7539esp(chacha20,poly1305), rfc4543(gcm(aes)) is.\n"},
	};

	run(*state, lines, sizeof(lines) / sizeof(lines[0]));
}

struct listening {
	unsigned group;
	bool wanted;
};

static void
ask_wanted(struct rig *rig, void *arg)
{
	struct listening *listening = arg;

	listening->wanted = ctl_event_wanted(rig->server, listening->group);
}

/* Reads until the text is there. */
static void
await_text(int fd, size_t *n, const char *text)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	while (!strstr(out, text)) {
		if (poll(&ready, 1, 5000) != 1)
			fail_msg("'%s' does not come after:\n%s", text, out);
		ssize_t got = read(fd, out + *n, sizeof(out) - 1 - *n);
		if (got <= 0)
			fail_msg("ip monitor ended before '%s':\n%s", text, out);
		*n += (size_t)got;
		out[*n] = 0;
	}
}

static pid_t
start_monitor(const struct rig *rig, int *fd)
{
	char command[2048];
	int fds[2];

	prefix(command, sizeof(command), rig, "xfrm monitor");
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(fds[1]);
	*fd = fds[0];
	return pid;
}

static void
the_monitor_tells_of_every_change_and_hears_on_after_a_restart(void **state)
{
	struct rig *rig = *state;
	struct listening listening = {.group = XFRMNLGRP_SA};
	int fd;
	pid_t pid = start_monitor(rig, &fd);
	struct sadb_sa_config c = rig_sa(0x1001);
	const struct sadb_policy_info p = rig_policy("10.2.0.0/16", SADB_POLICY_OUT);
	size_t n = 0;

	out[0] = 0;
	for (int i = 0; i < 500 && !listening.wanted; i++) {
		usleep(10000); /* nobody says that ip has begun to listen */
		rig_call(rig, ask_wanted, &listening);
	}
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	await_text(fd, &n, "src 192.0.2.1 dst 198.51.100.2\n\tproto esp spi 0x00001001 reqid 7 mode tunnel\n");
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_UPDSA, &c), 0);
	await_text(fd, &n, "Updated src 192.0.2.1 dst 198.51.100.2\n");
	assert_int_equal(rig_ask_policy(rig->client, XFRM_MSG_NEWPOLICY, &p), 0);
	await_text(fd, &n, "src 10.1.0.0/16 dst 10.2.0.0/16 \n\tdir out priority 0 \n");
	assert_int_equal(rig_ask_sa_id(rig->client, XFRM_MSG_DELSA, &c, NULL), 0);
	await_text(fd, &n, "Deleted src 192.0.2.1 dst 198.51.100.2\n");
	assert_int_equal(rig_ask_policy_id(rig->client, XFRM_MSG_DELPOLICY, &p.config, NULL), 0);
	await_text(fd, &n, "Deleted src 10.1.0.0/16 dst 10.2.0.0/16 \n");
	rig_daemon_restart(rig);
	listening.wanted = false;
	for (int i = 0; i < 500 && !listening.wanted; i++) {
		usleep(10000);
		rig_call(rig, ask_wanted, &listening);
	}
	c = rig_sa(0x1009);
	assert_int_equal(rig_ask_sa(rig->client, XFRM_MSG_NEWSA, &c), 0);
	await_text(fd, &n, "\tproto esp spi 0x00001009 reqid 7 mode tunnel\n");
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	close(fd);
}

static void
a_command_gets_the_library_behind_its_own_and_the_sockets_whole_path(void **state)
{
	char command[1024], expected[512], *library = realpath(getenv("CULVERT_PRELOAD"), NULL);

	(void)state;
	assert_non_null(library);
	/* A sanitizer in culvert itself wants to come first. */
	snprintf(command, sizeof(command),
		 "cd /tmp && ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=libm.so.6 %s -s run/x.sock run -- sh -c "
		 "'echo $LD_PRELOAD $" PRE_SOCKET_ENV " $1' sh --socket",
		 getenv("CULVERT"));
	snprintf(expected, sizeof(expected), "libm.so.6:%s /tmp/run/x.sock --socket\n", library);
	assert_int_equal(shell(command), 0);
	assert_string_equal(out, expected);
	free(library);
}

static void
a_command_that_cannot_start_is_named_and_what_it_ends_with_is_passed_on(void **state)
{
	char command[1024];

	(void)state;
	snprintf(command, sizeof(command), "%s run -- no-such-command-here 2>&1", getenv("CULVERT"));
	assert_int_equal(shell(command), 1);
	assert_string_equal(out, "culvert: run: cannot start no-such-command-here: no such command in PATH\n");
	snprintf(command, sizeof(command), "%s run -- / 2>&1", getenv("CULVERT"));
	assert_int_equal(shell(command), 1);
	assert_string_equal(out, "culvert: run: cannot start /: Permission denied\n");
	snprintf(command, sizeof(command), "%s run -- sh -c 'exit 42'", getenv("CULVERT"));
	assert_int_equal(shell(command), 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(sas_are_added_shown_changed_and_deleted, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(lists_of_sas_are_filtered_and_deleted_and_flushed_as_asked, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(an_spi_is_allocated_and_completed, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(policies_are_added_shown_changed_and_deleted, rig_create, rig_destroy),
	    cmocka_unit_test_setup_teardown(defaults_thresholds_and_numbers_are_taken_or_refused_in_words, rig_create,
					    rig_destroy),
	    cmocka_unit_test_setup_teardown(the_monitor_tells_of_every_change_and_hears_on_after_a_restart, rig_create,
					    rig_destroy),
	    cmocka_unit_test(a_command_gets_the_library_behind_its_own_and_the_sockets_whole_path),
	    cmocka_unit_test(a_command_that_cannot_start_is_named_and_what_it_ends_with_is_passed_on),
	};

	if (system("ip -V >/dev/null 2>&1") != 0) {
		printf("skipped: needs ip (Debian: iproute2)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, rig_start_dpdk, rig_stop_dpdk);
}
