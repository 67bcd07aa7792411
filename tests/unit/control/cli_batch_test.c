/* SPDX-License-Identifier: BSD-3-Clause
 * Many commands from a file against the daemon's real server and database: what is carried out, what is not, and what is
 * said of it. */
#include "tests/unit/control/cli_daemon_rig.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SAS 5000

static char path[96];
static FILE *batch;
static unsigned keys; /* used by earlier tests: the daemon remembers them */

static void
begin(void)
{
	snprintf(path, sizeof(path), "%s/batch", rig_dir);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	batch = fdopen(fd, "w");
}

static void
add(unsigned n, const char *dir)
{
	fprintf(batch,
		"sa add src 192.0.2.1 dst 198.51.%u.%u spi %#x vnet blue reqid %u dir %s key "
		"%064x00000001\n",
		n / 250, n % 250 + 1, 0x10000 + n, n + 1, dir, keys + n + 1);
}

static void
del(unsigned n)
{
	fprintf(batch, "sa del dst 198.51.%u.%u spi %#x\n", n / 250, n % 250 + 1, 0x10000 + n);
}

/* Runs the file; with a code that is not 0, standard error must say all of what follows, up to NULL. */
static void
run(const char *options, int code, const char *const says[])
{
	struct rig_run done;
	char line[1024], text[256];

	fclose(batch);
	snprintf(text, sizeof(text), "%s -batch %s", options, path);
	rig_words(line, text);
	rig_run(&done, line);
	if (done.code != code)
		fail_msg("ended with %d: %s", done.code, done.err);
	assert_string_equal(done.out, "");
	if (says == NULL)
		assert_string_equal(done.err, "");
	for (unsigned i = 0; says != NULL && says[i] != NULL; i++)
		rig_assert_contains(done.err, says[i]);
	rig_run_free(&done);
}

static int64_t
sa_count(void)
{
	json_t *json = rig_show("-j info show");
	int64_t n = rig_number_at(json, 0, "sa_count");

	json_decref(json);
	return n;
}

static int64_t
memory_of(const char *use, const char *what)
{
	json_t *json = rig_show("-j stats show memory");
	int64_t value = -1;

	for (size_t i = 0; i < json_array_size(json); i++)
		if (strcmp(rig_string_at(json, i, "use"), use) == 0)
			value = rig_number_at(json, i, what);
	json_decref(json);
	assert_true(value >= 0);
	return value;
}

static int
flush(void **state)
{
	(void)state;
	rig_expect_daemon("sa flush", CLI_DONE, "");
	keys += SAS;
	return 0;
}

static void
five_thousand_sas_come_are_dumped_and_go_and_their_memory_with_them(void **state)
{
	bool *seen = calloc(SAS, sizeof(*seen));
	json_t *json;

	(void)state;
	begin();
	for (unsigned n = 0; n < SAS; n++)
		add(n, n % 2 == 0 ? "out" : "in");
	run("", CLI_DONE, NULL);
	assert_int_equal(sa_count(), SAS);
	json = rig_show("-j sa show");
	assert_int_equal(json_array_size(json), SAS);
	for (size_t i = 0; i < SAS; i++) {
		unsigned long spi = strtoul(rig_string_at(json, i, "spi"), NULL, 16);

		assert_in_range(spi, 0x10000, 0x10000 + SAS - 1);
		assert_false(seen[spi - 0x10000]);
		seen[spi - 0x10000] = true;
	}
	json_decref(json);
	free(seen);
	assert_int_equal(memory_of("sa-hot", "objects"), SAS);
	assert_int_equal(memory_of("marks", "objects"), SAS);
	assert_true(memory_of("sa-hot", "bytes") > SAS * 64);

	begin();
	for (unsigned n = 0; n < SAS; n++)
		del(n);
	run("", CLI_DONE, NULL);
	assert_int_equal(sa_count(), 0);
	for (unsigned tries = 0; memory_of("sa-hot", "objects") > 0 && tries < 100; tries++)
		usleep(20000); /* the daemon frees after a grace period, on its tick */
	assert_int_equal(memory_of("sa-hot", "objects"), 0);
	assert_int_equal(memory_of("sa-cold", "objects"), 0);
}

static void
nothing_after_a_command_that_failed_is_carried_out(void **state)
{
	(void)state;
	begin();
	fprintf(batch, "# the first two lines say nothing\n\n");
	for (unsigned n = 0; n < 700; n++)
		add(n, "out");
	add(5, "out"); /* line 703: lives already */
	for (unsigned n = 700; n < 1400; n++)
		add(n, "out");
	run("", CLI_FAILED, (const char *const[]){"/batch:703: sa add: SPI 0x10005", "(EEXIST)", NULL});
	assert_int_equal(sa_count(), 700);
	/* The next batch begins anew. */
	begin();
	add(4000, "out");
	run("", CLI_DONE, NULL);
	assert_int_equal(sa_count(), 701);
}

static void
with_force_the_others_are_carried_out_and_each_failure_is_told(void **state)
{
	(void)state;
	begin();
	add(0, "out");
	add(0, "out");
	fprintf(batch, "sa frob\n");
	for (unsigned n = 1; n < 100; n++)
		add(n, "out");
	del(3000);
	run("-force", CLI_USAGE,
	    (const char *const[]){"/batch:2: sa add:", "/batch:3: sa: unknown verb 'frob'",
				  "/batch:103: sa del:", "(ESRCH)", NULL});
	assert_int_equal(sa_count(), 100);
}

static void
a_line_that_is_wrong_stops_it_there(void **state)
{
	(void)state;
	begin();
	add(0, "out");
	fprintf(batch, "sa add src 192.0.2.1 dst 192.0.2.9 spi 0x1001 vnet blue dir out key 00ff\n");
	add(1, "out");
	run("", CLI_FAILED, (const char *const[]){"/batch:2: sa add: key holds 4 hexadecimal digits", NULL});
	assert_int_equal(sa_count(), 1);
	begin();
	fprintf(batch,
		"sa del dst '198.51.0.1' spi 0x10000 # a comment\npolicy add vnet blue dir out src \"10.0.0.0/8\" "
		"dst 0.0.0.0/0 action drop\nsa del dst 'x\n");
	run("", CLI_USAGE, (const char *const[]){"/batch:3: a quote does not end", NULL});
	assert_int_equal(sa_count(), 0);
	rig_expect_daemon("policy flush", CLI_DONE, "");
	begin();
	for (unsigned i = 0; i < 5000; i++)
		fputc('x', batch);
	run("", CLI_FAILED, (const char *const[]){"/batch:1: the line is longer than 4095 bytes", NULL});
}

static void
keys_are_taken_only_from_a_file_that_is_its_owners(void **state)
{
	(void)state;
	begin();
	add(0, "out");
	assert_int_equal(chmod(path, 0640), 0);
	run("", CLI_FAILED, (const char *const[]){"/batch:1: sa add: a key is not accepted in here: mode 0640", NULL});
	assert_int_equal(sa_count(), 0);
	/* Without keys any file will do. */
	begin();
	fprintf(batch, "sa flush\n");
	assert_int_equal(chmod(path, 0644), 0);
	run("", CLI_DONE, NULL);
	/* On a command line, still never. */
	rig_expect_daemon("sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue dir out key 00", CLI_USAGE,
			  "does not belong on a command line");
	begin();
	fprintf(batch, "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue dir out\n");
	run("", CLI_USAGE, (const char *const[]){"/batch:1: sa add: missing: key-file FILE", NULL});
	begin();
	fprintf(batch, "sa add src 192.0.2.1 dst 192.0.2.2 spi 0x1001 vnet blue dir out key-file x key 00\n");
	run("", CLI_USAGE, (const char *const[]){"key and key-file are not accepted together", NULL});
}

static void
a_show_comes_after_what_stands_before_it(void **state)
{
	struct rig_run done;
	char line[1024], text[256];

	(void)state;
	begin();
	for (unsigned n = 0; n < 300; n++)
		add(n, "out");
	fprintf(batch, "info show\n");
	for (unsigned n = 300; n < 400; n++)
		add(n, "out");
	fclose(batch);
	snprintf(text, sizeof(text), "-j --batch %s", path);
	rig_words(line, text);
	rig_run(&done, line);
	if (done.code != CLI_DONE)
		fail_msg("%s", done.err);
	rig_assert_contains(done.out, "\"sa_count\": 300");
	rig_run_free(&done);
	assert_int_equal(sa_count(), 400);
}

static void
wrong_options_and_files_are_told(void **state)
{
	(void)state;
	rig_expect_daemon("-batch /nonexistent/x", CLI_FAILED, "/nonexistent/x: No such file");
	rig_expect_daemon("-batch /dev/null sa show", CLI_USAGE, "no further words");
	rig_expect_daemon("-force sa show", CLI_USAGE, "--force goes with --batch");
	rig_expect_daemon("-batch /dev/null", CLI_DONE, "");
	rig_expect_daemon("-batch", CLI_USAGE, "option lacks its value");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(five_thousand_sas_come_are_dumped_and_go_and_their_memory_with_them, flush),
	    cmocka_unit_test_teardown(nothing_after_a_command_that_failed_is_carried_out, flush),
	    cmocka_unit_test_teardown(with_force_the_others_are_carried_out_and_each_failure_is_told, flush),
	    cmocka_unit_test_teardown(a_line_that_is_wrong_stops_it_there, flush),
	    cmocka_unit_test_teardown(keys_are_taken_only_from_a_file_that_is_its_owners, flush),
	    cmocka_unit_test_teardown(a_show_comes_after_what_stands_before_it, flush),
	    cmocka_unit_test(wrong_options_and_files_are_told),
	};

	return cmocka_run_group_tests(tests, rig_start_daemon, rig_stop_daemon);
}
