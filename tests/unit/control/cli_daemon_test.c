/* SPDX-License-Identifier: BSD-3-Clause
 * The whole command against the daemon's real server and database, in a process of its own: what is typed is what is
 * shown. No packet flows here; that is for the tests in network namespaces. */
#include "tests/unit/control/cli_daemon_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "control/cli/key.h"

#define SA "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file %K dir out"

static int
make_keys(void **state)
{
	(void)state;
	rig_expect_daemon("keygen %K", CLI_DONE, "");
	rig_expect_daemon("keygen %L", CLI_DONE, "");
	return 0;
}

static int
flush(void **state)
{
	char path[96];

	(void)state;
	rig_expect_daemon("sa flush", CLI_DONE, "");
	rig_expect_daemon("policy flush", CLI_DONE, "");
	snprintf(path, sizeof(path), "%s/K.key", rig_dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/L.key", rig_dir);
	return unlink(path);
}

static void
an_sa_is_shown_as_it_was_typed_without_its_key(void **state)
{
	char path[96], key[73] = "", line[1024];
	struct rig_run run;
	json_t *json;
	int fd;

	(void)state;
	rig_expect_daemon(
	    SA " reqid 9 window 1024 sel-src 10.1.0.0/16 sel-proto tcp soft-bytes 1M hard-bytes 2M hard-seconds 1h "
	       "encap espinudp 4500 61000",
	    CLI_DONE, "");
	json = rig_show("-j sa show dst 192.0.2.2 spi 4097");
	assert_int_equal(json_array_size(json), 1);
	assert_string_equal(rig_string_at(json, 0, "dst"), "192.0.2.2");
	assert_string_equal(rig_string_at(json, 0, "src"), "192.0.2.1");
	assert_string_equal(rig_string_at(json, 0, "spi"), "0x00001001");
	assert_string_equal(rig_string_at(json, 0, "vnet"), "blue");
	assert_string_equal(rig_string_at(json, 0, "dir"), "out");
	assert_string_equal(rig_string_at(json, 0, "algorithm"), "aes-256-gcm-16");
	assert_string_equal(rig_string_at(json, 0, "sel_src"), "10.1.0.0/16");
	assert_string_equal(rig_string_at(json, 0, "sel_proto"), "tcp");
	assert_int_equal(rig_number_at(json, 0, "vnet_id"), 7);
	assert_int_equal(rig_number_at(json, 0, "reqid"), 9);
	assert_int_equal(rig_number_at(json, 0, "window_packets"), 1024);
	assert_string_equal(rig_string_at(json, 0, "encap"), "espinudp");
	assert_int_equal(rig_number_at(json, 0, "encap_sport"), 4500);
	assert_int_equal(rig_number_at(json, 0, "encap_dport"), 61000);
	assert_int_equal(rig_number_at(json, 0, "soft_limit_bytes"), 1 << 20);
	assert_int_equal(rig_number_at(json, 0, "hard_left_bytes"), 2 << 20);
	assert_int_equal(rig_number_at(json, 0, "hard_limit_age_s"), 3600);
	assert_in_range(rig_number_at(json, 0, "hard_left_age_s"), 3590, 3600);
	assert_true(json_is_null(json_object_get(json_array_get(json, 0), "soft_limit_packets")));
	json_decref(json);

	snprintf(path, sizeof(path), "%s/K.key", rig_dir);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, key, 72), 72);
	close(fd);
	key[16] = 0; /* any eight bytes of it would be too many */
	rig_words(line, "sa show");
	rig_run(&run, line);
	rig_assert_contains(run.out, "dst 192.0.2.2  spi 0x00001001  src 192.0.2.1  vnet blue  dir out\n");
	rig_assert_lacks(run.out, key);
	rig_run_free(&run);
}

static void
the_daemons_refusals_are_shown_with_their_errno(void **state)
{
	(void)state;
	rig_expect_daemon(SA, CLI_DONE, "");
	rig_expect_daemon(SA, CLI_FAILED, "culvert: sa add: SPI 0x1001");
	rig_expect_daemon(SA, CLI_FAILED, "(EEXIST)\n");
	rig_expect_daemon("sa del dst 192.0.2.9 spi 256", CLI_FAILED, "(ESRCH)\n");
	rig_expect_daemon("sa show dst 192.0.2.9 spi 256", CLI_FAILED, "(ESRCH)\n");
	rig_expect_daemon("policy del index 9", CLI_FAILED, "(ENOENT)\n");
	rig_expect_daemon("sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1002 vnet bleu key-file %L", CLI_FAILED,
			  "no virtual network 'bleu'; did you mean 'blue'?");
	rig_expect_daemon("sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1002 vnet 99 key-file %L", CLI_FAILED,
			  "(ENODEV)\n");
	rig_expect_daemon("sa update src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file %L dir out", CLI_FAILED,
			  "(EINVAL)\n");
}

static void
an_sa_is_updated_and_deleted(void **state)
{
	json_t *json;

	(void)state;
	rig_expect_daemon(SA, CLI_DONE, "");
	rig_expect_daemon("sa update src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet 7 key-file %K dir out hard-packets 5K",
			  CLI_DONE, "");
	rig_expect_daemon("sa add src 192.0.2.2 dst 192.0.2.1 spi 0x2001 vnet green key-file %L dir in window 65536",
			  CLI_DONE, "");
	json = rig_show("-j sa show");
	assert_int_equal(json_array_size(json), 2);
	assert_int_equal(rig_number_at(json, 0, "hard_limit_packets"), 5000);
	assert_int_equal(rig_number_at(json, 1, "window_packets"), 65536);
	json_decref(json);
	json = rig_show("-j vnet show");
	assert_int_equal(json_array_size(json), 2);
	assert_int_equal(rig_number_at(json, 0, "sa_count"), 1);
	assert_int_equal(rig_number_at(json, 1, "sa_count"), 1);
	json_decref(json);
	rig_expect_daemon("sa del dst 192.0.2.2 spi 0x1001", CLI_DONE, "");
	json = rig_show("-j stats show sa");
	assert_int_equal(json_array_size(json), 1);
	assert_string_equal(rig_string_at(json, 0, "spi"), "0x00002001");
	json_decref(json);
}

static void
a_reserved_spi_is_in_the_range_and_can_be_completed(void **state)
{
	char line[256];
	json_t *json = rig_show("-j sa alloc-spi src 192.0.2.2 dst 192.0.2.1 vnet blue min 0x5000 max 0x5000");

	(void)state;
	assert_string_equal(rig_string_at(json, 0, "spi"), "0x00005000");
	json_decref(json);
	snprintf(line, sizeof(line), "sa alloc-spi src 192.0.2.2 dst 192.0.2.1 vnet blue min 0x5000 max 0x5000");
	rig_expect_daemon(line, CLI_FAILED, "(ENOENT)\n");
	rig_expect_daemon("sa update src 192.0.2.2 dst 192.0.2.1 spi 0x5000 vnet blue key-file %K dir in", CLI_DONE,
			  "");
	json = rig_show("-j sa show dst 192.0.2.1 spi 0x5000");
	assert_string_equal(rig_string_at(json, 0, "algorithm"), "aes-256-gcm-16");
	json_decref(json);
}

/* The rig's workers do not run: what goes there is in server_verbs_test.c. */
static void
dummy_packets_are_asked_for_in_words(void **state)
{
	(void)state;
	rig_expect_daemon(SA, CLI_DONE, "");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1001 count 5 length 100 rate 10", CLI_FAILED,
			  "no worker runs (ENETDOWN)\n");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1001 count off", CLI_FAILED,
			  "sends no dummy packets (ENOENT)\n");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1009", CLI_FAILED, "(ESRCH)\n");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1001 count 0", CLI_USAGE, "1 to 1000000");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1001 count 1000001", CLI_USAGE, "1 to 1000000");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1001 length 19", CLI_USAGE, "20 to 65535");
	rig_expect_daemon("sa dummy dst 192.0.2.2 spi 0x1001 rate 100001", CLI_USAGE, "1 to 100000");
}

static void
a_tunnel_is_shown_as_it_was_typed(void **state)
{
	json_t *json;

	(void)state;
	rig_expect_daemon(
	    "tunnel add site vnet blue local 192.0.2.1 remote 192.0.2.2 local-prefix 10.1.0.0/24 "
	    "remote-prefix 10.2.0.0/24 tfc-pad 1400 outer-dscp 0 outer-df clear outer-ttl 9 fragment after",
	    CLI_DONE, "");
	json = rig_show("-j tunnel show site");
	assert_int_equal(rig_number_at(json, 0, "tfc_pad"), 1400);
	assert_int_equal(rig_number_at(json, 0, "outer_dscp"), 0);
	assert_string_equal(rig_string_at(json, 0, "outer_df"), "clear");
	assert_int_equal(rig_number_at(json, 0, "outer_ttl"), 9);
	assert_string_equal(rig_string_at(json, 0, "fragment"), "after");
	json_decref(json);
	rig_expect_daemon("tunnel del site", CLI_DONE, "");
}

/* With a key as long as each asks for; who names none gets one that encrypts. */
static void
an_sa_has_the_algorithm_that_was_named(void **state)
{
	char line[256];
	json_t *json;

	(void)state;
	for (unsigned i = 0; sadb_algorithm_names[i] != NULL; i++) {
		const struct sadb_algorithm *algorithm = sadb_algorithm_at(i);
		struct cli_text err;

		snprintf(line, sizeof(line), "%s/%u.key", rig_dir, i);
		if (cli_key_make(line, algorithm, &err) != 0)
			fail_msg("%s", err.text);
		snprintf(line, sizeof(line),
			 "sa add src 192.0.2.1 dst 192.0.2.2 spi %u vnet blue key-file %%%u algorithm %s", 0x3000 + i,
			 i, algorithm->name);
		rig_expect_daemon(line, CLI_DONE, "");
		snprintf(line, sizeof(line), "-j sa show dst 192.0.2.2 spi %u", 0x3000 + i);
		json = rig_show(line);
		assert_string_equal(rig_string_at(json, 0, "algorithm"), algorithm->name);
		assert_int_equal(json_is_true(json_object_get(json_array_get(json, 0), "encrypts")),
				 algorithm->encrypts);
		json_decref(json);
		snprintf(line, sizeof(line), "%s/%u.key", rig_dir, i);
		unlink(line);
	}
	rig_expect_daemon("sa add src 192.0.2.1 dst 192.0.2.2 spi 0x4000 vnet blue key-file %K algorithm aes-256-cbc",
			  CLI_USAGE, "algorithm: unknown word 'aes-256-cbc'");
	rig_expect_daemon(
	    "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x4000 vnet blue key-file %K algorithm aes-128-gcm-16", CLI_FAILED,
	    "accepted for aes-128-gcm-16: 40");
	/* The key of one algorithm under another. */
	rig_expect_daemon(SA, CLI_DONE, "");
	rig_expect_daemon("sa add src 192.0.2.1 dst 192.0.2.2 spi 0x4000 vnet blue key-file %K algorithm aes-256-gmac",
			  CLI_FAILED, "(EEXIST)\n");
	rig_expect_daemon("sa update src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue key-file %K dir out algorithm "
			  "aes-256-gmac",
			  CLI_FAILED, "an update cannot change the algorithm");
}

static void
policies_come_and_go(void **state)
{
	json_t *json;

	(void)state;
	rig_expect_daemon(
	    "policy add vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp dport 80 priority 4 action protect "
	    "tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2 reqid 3",
	    CLI_DONE, "");
	rig_expect_daemon("policy add vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp dport 80 action drop",
			  CLI_FAILED, "(EEXIST)\n");
	rig_expect_daemon("policy update vnet blue dir in src 0.0.0.0/0 dst 0.0.0.0/0 action drop", CLI_DONE, "");
	json = rig_show("-j policy show");
	assert_int_equal(json_array_size(json), 2);
	for (size_t row = 0; row < 2; row++) {
		if (strcmp(rig_string_at(json, row, "action"), "drop") == 0) {
			assert_string_equal(rig_string_at(json, row, "dir"), "in");
			continue;
		}
		assert_string_equal(rig_string_at(json, row, "src"), "10.1.0.0/16");
		assert_string_equal(rig_string_at(json, row, "tunnel_dst"), "192.0.2.2");
		assert_int_equal(rig_number_at(json, row, "dport"), 80);
		assert_int_equal(rig_number_at(json, row, "priority"), 4);
		assert_int_equal(rig_number_at(json, row, "reqid"), 3);
	}
	json_decref(json);
	rig_expect_daemon("policy del vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp dport 80", CLI_DONE,
			  "");
	json = rig_show("-j policy show");
	assert_int_equal(json_array_size(json), 1);
	json_decref(json);
}

static void
info_tells_version_and_engine(void **state)
{
	json_t *json = rig_show("-j info show");

	(void)state;
	assert_string_equal(rig_string_at(json, 0, "version"), CULVERT_VERSION);
	assert_string_equal(rig_string_at(json, 0, "engine"), "openssl");
	json_decref(json);
	rig_expect_daemon("stats show drops watch count 1", CLI_DONE, "drops: none");
}

static unsigned
files_in(const char *path)
{
	DIR *list = opendir(path);
	unsigned n = 0;

	assert_non_null(list);
	for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
		n += entry->d_name[0] != '.';
	closedir(list);
	return n;
}

static void
assert_no_client_file(void)
{
	char clients[96];

	snprintf(clients, sizeof(clients), "%s/clients", rig_dir);
	assert_int_equal(files_in(clients), 0);
}

static void
a_daemon_that_hangs_is_reported_and_no_socket_stays(void **state)
{
	char line[1024];
	struct rig_run run;

	(void)state;
	rig_words(line, "policy flush");
	assert_int_equal(kill(rig_daemon, SIGSTOP), 0);
	rig_run(&run, line);
	assert_int_equal(kill(rig_daemon, SIGCONT), 0);
	assert_int_equal(run.code, CLI_FAILED);
	rig_assert_contains(run.err, "did not answer");
	rig_assert_contains(run.err, "(ETIMEDOUT)\n");
	rig_run_free(&run);
	assert_no_client_file();
}

/* The monitor runs as a process of its own; what it prints comes through a pipe. It stops on SIGINT with 0 and takes
 * its socket's file with it. */
static void
the_monitor_prints_events_until_it_is_told_to_stop(void **state)
{
	char line[1024], text[4096] = "";
	struct rig_line argv;
	int fds[2], status;
	time_t deadline = time(NULL) + 20;
	size_t n = 0;
	pid_t pid;

	(void)state;
	rig_words(line, "monitor sa");
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char full[1100];
		FILE *out = fdopen(fds[1], "w");

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(full, sizeof(full), "culvert %s", line);
		rig_split(&argv, full);
		_exit(cli_main(argv.n, argv.words, out));
	}
	close(fds[1]);
	/* Adds until the monitor, once it has subscribed, tells of one. */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	while (n == 0 && time(NULL) < deadline) {
		ssize_t got;

		rig_expect_daemon(SA, CLI_DONE, "");
		rig_expect_daemon("sa del dst 192.0.2.2 spi 0x1001", CLI_DONE, "");
		got = read(fds[0], text, sizeof(text) - 1);
		n = got > 0 ? (size_t)got : 0;
	}
	kill(pid, SIGINT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fds[0]);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == CLI_DONE);
	rig_assert_contains(text, "event sa-");
	rig_assert_contains(text, "dst 192.0.2.2  spi 0x00001001");
	assert_no_client_file();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_sa_is_shown_as_it_was_typed_without_its_key, make_keys, flush),
	    cmocka_unit_test_setup_teardown(the_daemons_refusals_are_shown_with_their_errno, make_keys, flush),
	    cmocka_unit_test_setup_teardown(an_sa_is_updated_and_deleted, make_keys, flush),
	    cmocka_unit_test_setup_teardown(a_reserved_spi_is_in_the_range_and_can_be_completed, make_keys, flush),
	    cmocka_unit_test_setup_teardown(dummy_packets_are_asked_for_in_words, make_keys, flush),
	    cmocka_unit_test(a_tunnel_is_shown_as_it_was_typed),
	    cmocka_unit_test(policies_come_and_go),
	    cmocka_unit_test(info_tells_version_and_engine),
	    cmocka_unit_test(a_daemon_that_hangs_is_reported_and_no_socket_stays),
	    cmocka_unit_test_setup_teardown(the_monitor_prints_events_until_it_is_told_to_stop, make_keys, flush),
	    cmocka_unit_test_setup_teardown(an_sa_has_the_algorithm_that_was_named, make_keys, flush),
	};

	return cmocka_run_group_tests(tests, rig_start_daemon, rig_stop_daemon);
}
