/* SPDX-License-Identifier: BSD-3-Clause
 * The command line of the benchmark: what it takes, and the one line about what it does not. */
#include "pktgen/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS          40

static char line[512], said[8192];

/* Reads a line of words with what it says kept in said. */
static int
read_line(const char *words, struct pg_bench_options *o, int stream)
{
	static char name[] = "bench";
	char *argv[WORDS + 1] = {name}, *save = NULL;
	int argc = 1;
	snprintf(line, sizeof(line), "%s", words);
	for (char *word = strtok_r(line, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		assert_in_range(argc, 1, WORDS - 1);
		argv[argc++] = word;
	}
	FILE *kept = tmpfile();
	assert_non_null(kept);
	fflush(NULL);
	const int own = dup(stream);
	dup2(fileno(kept), stream);
	const int code = pg_bench_options_read(argc, argv, o);
	fflush(NULL);
	dup2(own, stream);
	close(own);
	rewind(kept);
	said[fread(said, 1, sizeof(said) - 1, kept)] = '\0';
	fclose(kept);
	return code;
}

static void
accept_line(const char *words, struct pg_bench_options *o)
{
	const int code = read_line(words, o, STDERR_FILENO);
	if (code != -1)
		fail_msg("bench %s: %d, %s", words, code, said);
	assert_string_equal(said, "");
}

static void
without_options_everything_has_its_default(void **state)
{
	(void)state;
	static const char *const frames[] = {"64", "128", "256", "512", "1024", "1422", "8192", "imix"};
	struct pg_bench_options o;
	accept_line("path", &o);
	assert_int_equal(o.kind, PG_BENCH_PATH);
	assert_int_equal(o.n_engines, 1);
	assert_string_equal(o.engine[0], "auto");
	assert_string_equal(o.algorithm->name, "aes-256-gcm-16");
	assert_int_equal(o.n_frames, ENTRIES(frames));
	for (unsigned i = 0; i < ENTRIES(frames); i++)
		assert_string_equal(o.frame[i].name, frames[i]);
	assert_true(o.n_sas == 1 && o.sas[0] == 1);
	assert_true(o.n_workers == 1 && o.workers[0] == 1);
	assert_int_equal(o.n_policies, 0);
	assert_int_equal(o.n_cpus, 0);
	assert_true(o.dir[PG_BENCH_ENCRYPT] && o.dir[PG_BENCH_DECRYPT]);
	assert_true(o.esn[0] && !o.esn[1]);
	assert_int_equal(o.window, 1024);
	assert_int_equal(o.batch, 64);
	assert_int_equal(o.trials, 7);
	assert_int_equal(o.trial_ms, 30);
	assert_false(o.stages || o.quiet || o.verbose);
	assert_true(o.json == NULL && o.svg == NULL);
	assert_int_equal(pg_bench_cases(&o), 16);
	accept_line("aead", &o);
	assert_int_equal(o.kind, PG_BENCH_AEAD);
}

static void
every_option_is_taken(void **state)
{
	(void)state;
	struct pg_bench_options o;
	accept_line(
	    "--engine ipsec-mb,openssl --frames 9216,imix,64x7+590x4 path --dir decrypt --sas 1,10k "
	    "--policies 10k,20000 --workers 1,3 --esn both --window 65536 --batch 256 --trials 101 --time 10000 "
	    "--cpus 5,4,7 --stages --json a --svg b -qv --algorithm aes-128-gmac",
	    &o);
	assert_int_equal(o.n_engines, 2);
	assert_string_equal(o.engine[1], "openssl");
	assert_string_equal(o.algorithm->name, "aes-128-gmac");
	assert_int_equal(o.n_frames, 3);
	assert_int_equal(o.frame[0].max, 9216);
	assert_int_equal(o.frame[2].cycle, 11);
	assert_false(o.dir[PG_BENCH_ENCRYPT]);
	assert_true(o.dir[PG_BENCH_DECRYPT]);
	assert_true(o.n_sas == 2 && o.sas[0] == 1 && o.sas[1] == 10000);
	assert_true(o.n_policies == 2 && o.policies[0] == 10000 && o.policies[1] == 20000);
	assert_true(o.n_workers == 2 && o.workers[1] == 3);
	assert_int_equal(pg_bench_workers(&o), 3);
	assert_true(o.n_cpus == 3 && o.cpu[0] == 5 && o.cpu[1] == 4 && o.cpu[2] == 7);
	assert_true(o.esn[0] && o.esn[1]);
	assert_int_equal(o.window, 65536);
	assert_int_equal(o.batch, 256);
	assert_int_equal(o.trials, 101);
	assert_int_equal(o.trial_ms, 10000);
	assert_true(o.stages && o.quiet && o.verbose);
	assert_string_equal(o.json, "a");
	assert_string_equal(o.svg, "b");
	assert_int_equal(pg_bench_cases(&o), 2 * 3 * 2 * 2 * 2 * 2);
}

static void
the_limits_themselves_are_taken(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "path --frames 64,9216",
	    "path --frames 64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64",
	    "path --sas 2M",
	    "path --policies 2M",
	    "path --workers 32 --batch 1",
	    "path --window 0",
	    "path --window 64 --esn on",
	    "path --batch 1",
	    "path --trials 5",
	    "path --time 1",
	    "path --sas 5 --policies 5",
	    "path --workers 2 --batch 64 --window 192",
	    "path --workers 2 --batch 256 --window 64 --dir encrypt",
	    "path --workers 2 --batch 256 --window 0",
	    "aead --esn both --batch 3 --cpus 1",
	};
	struct pg_bench_options o;
	for (unsigned i = 0; i < ENTRIES(rows); i++)
		accept_line(rows[i], &o);
}

static void
a_value_that_is_not_accepted_is_one_line_with_option_value_and_what_is(void **state)
{
	(void)state;
	static const struct {
		const char *words, *says;
	} rows[] = {
	    {"path --frames 63", "--frames '63': accepted: up to 16 of 64..9216, imix and mixes as 64x7+590x4"},
	    {"path --frames 64,9217,128", "--frames '9217': accepted: up to 16 of 64..9216"},
	    {"path --frames 64,,128", "--frames '': accepted: up to 16 of"},
	    {"path --frames 64,", "--frames '': accepted: up to 16 of"},
	    {"path --frames big", "--frames 'big': accepted: up to 16 of"},
	    {"path --frames 64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,65",
	     "--frames '65': accepted: up to 16 of"},
	    {"path --algorithm aes-192-gcm-16",
	     "--algorithm 'aes-192-gcm-16': accepted: aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305, aes-256-gmac, "
	     "aes-128-gmac"},
	    {"path --engine ,", "--engine '': accepted: up to 16 engines by name"},
	    {"path --dir up", "--dir 'up': accepted: encrypt, decrypt, both"},
	    {"path --sas 0", "--sas '0': accepted: up to 16 of 1..2M"},
	    {"path --sas 2000001", "--sas '2000001': accepted: up to 16 of 1..2M"},
	    {"path --sas 1,3M", "--sas '3M': accepted: up to 16 of 1..2M"},
	    {"path --sas -1", "--sas '-1': accepted: up to 16 of 1..2M"},
	    {"path --sas +1", "--sas '+1': accepted: up to 16 of 1..2M"},
	    {"path --sas 18446744073709552k", "--sas '18446744073709552k': accepted: up to 16 of 1..2M"},
	    {"path --sas 4294967297", "--sas '4294967297': accepted: up to 16 of 1..2M"},
	    {"path --policies 0", "--policies '0': accepted: up to 16 of 1..2M"},
	    {"path --policies 1x", "--policies '1x': accepted: up to 16 of 1..2M"},
	    {"path --workers 0", "--workers '0': accepted: up to 16 of 1..32"},
	    {"path --workers 33", "--workers '33': accepted: up to 16 of 1..32"},
	    {"path --esn maybe", "--esn 'maybe': accepted: on, off, both"},
	    {"path --window 63", "--window '63': accepted: 0, 64..65536 packets"},
	    {"path --window 65537", "--window '65537': accepted: 0, 64..65536 packets"},
	    {"path --batch 0", "--batch '0': accepted: 1..256 packets"},
	    {"path --batch 257", "--batch '257': accepted: 1..256 packets"},
	    {"path --trials 4", "--trials '4': accepted: 5..101"},
	    {"path --trials 102", "--trials '102': accepted: 5..101"},
	    {"path --time 0", "--time '0': accepted: 1..10000 milliseconds"},
	    {"path --time 10001", "--time '10001': accepted: 1..10000 milliseconds"},
	    {"path --cpus 1,x", "--cpus 'x': accepted: up to 32 CPUs, each once"},
	    {"path --workers 2 --cpus 1,1", "--cpus '1': accepted: up to 32 CPUs, each once"},
	    {"fly", "bench 'fly': accepted: path, aead"},
	};
	struct pg_bench_options o;
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		const int code = read_line(rows[i].words, &o, STDERR_FILENO);
		const char *says = said + strlen("culvert-pktgen bench: ");
		if (code != 2 || strncmp(said, "culvert-pktgen bench: ", 22) != 0 ||
		    strncmp(says, rows[i].says, strlen(rows[i].says)) != 0 || strchr(said, '\n') != strrchr(said, '\n'))
			fail_msg("bench %s: %d, %s", rows[i].words, code, said);
	}
}

static void
what_does_not_go_together_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *words, *says;
	} rows[] = {
	    {"path --sas 10 --policies 20,9",
	     "--policies '9': accepted: one or more for each pair of SAs, 10 or more here"},
	    {"path --sas 1,100 --policies 1,100", "--policies '1': accepted: one or more for each pair"},
	    {"path --esn both --window 0", "--window '0': accepted: 64..65536 packets with ESN"},
	    {"path --workers 1,2 --batch 64 --window 191",
	     "--window '191': accepted: 192 or more with 2 workers and batches of 64"},
	    {"path --workers 4 --batch 256",
	     "--window '1024': accepted: 1792 or more with 4 workers and batches of 256"},
	    {"path --cpus 0,1", "--cpus '2 CPUs': accepted: one for each worker, 1 here"},
	    {"path --cpus 0 --workers 1,2", "--cpus '1 CPUs': accepted: one for each worker, 2 here"},
	    {"path --svg a", "--svg 'a': accepted: with different counts in --sas or --policies"},
	    {"path --svg a --sas 10,10", "--svg 'a': accepted: with different counts in --sas or --policies"},
	    {"path --engine a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a --sas 1,1,1,1,1,1,1,1,1 --workers 1,1",
	     "all lists together '4608 cases': accepted: up to 4096"},
	    {"aead --sas 1", "bench aead has no SAs, stages and workers, so no --sas"},
	    {"aead --policies 1", "bench aead has no SAs, stages and workers, so no --policies"},
	    {"aead --workers 1", "bench aead has no SAs, stages and workers, so no --workers"},
	    {"aead --window 64", "bench aead has no SAs, stages and workers, so no --window"},
	    {"--stages aead", "bench aead has no SAs, stages and workers, so no --stages"},
	    {"aead --svg a", "bench aead has no SAs, stages and workers, so no --svg"},
	};
	struct pg_bench_options o;
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		const int code = read_line(rows[i].words, &o, STDERR_FILENO);
		if (code != 2 || strstr(said, rows[i].says) != said + strlen("culvert-pktgen bench: "))
			fail_msg("bench %s: %d, %s", rows[i].words, code, said);
	}
}

static void
a_line_that_is_no_line_is_told_where_to_read(void **state)
{
	(void)state;
	static const struct {
		const char *words, *says;
	} rows[] = {
	    {"", "path or aead must follow"},
	    {"--batch 3", "path or aead must follow"},
	    {"path aead", "one of path and aead, not more"},
	    {"path --bogus", "unknown option --bogus"},
	    {"path -z", "unknown option -z"},
	    {"path -qz", "unknown option -z"},
	    {"path --quiet=3", "unknown option --quiet=3"},
	    {"path --s", "unknown option --s"}, /* of several */
	    {"path --frames", "a value must follow --frames"},
	};
	struct pg_bench_options o;
	char expected[128];
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		snprintf(expected, sizeof(expected), "culvert-pktgen bench: %s; see culvert-pktgen bench --help\n",
			 rows[i].says);
		assert_int_equal(read_line(rows[i].words, &o, STDERR_FILENO), 2);
		assert_string_equal(said, expected);
	}
}

static void
help_names_every_option(void **state)
{
	(void)state;
	static const char *const names[] = {"--engine",   "--algorithm", "--frames", "--dir",    "--sas",
					    "--policies", "--workers",   "--esn",    "--window", "--batch",
					    "--trials",   "--time",      "--cpus",   "--json",   "--svg",
					    "--stages",   "--quiet",     "--verbose"};
	struct pg_bench_options o;
	assert_int_equal(read_line("--help", &o, STDOUT_FILENO), 0);
	for (unsigned i = 0; i < ENTRIES(names); i++)
		if (strstr(said, names[i]) == NULL)
			fail_msg("no %s in the help", names[i]);
	assert_int_equal(read_line("path --help --frames 63", &o, STDOUT_FILENO), 0);
}

static void
a_plot_goes_along_what_varies_and_sas_come_first(void **state)
{
	(void)state;
	static const struct {
		const char *words;
		enum pg_bench_axis axis;
	} rows[] = {
	    {"path", PG_BENCH_AXIS_NONE},
	    {"path --sas 3,3 --policies 5", PG_BENCH_AXIS_NONE},
	    {"path --sas 3,4", PG_BENCH_AXIS_SAS},
	    {"path --policies 3,4", PG_BENCH_AXIS_POLICIES},
	    {"path --sas 1,2 --policies 3,4", PG_BENCH_AXIS_SAS},
	};
	struct pg_bench_options o;
	for (unsigned i = 0; i < ENTRIES(rows); i++) {
		accept_line(rows[i].words, &o);
		assert_int_equal(pg_bench_axis(&o), rows[i].axis);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_options_everything_has_its_default),
	    cmocka_unit_test(every_option_is_taken),
	    cmocka_unit_test(the_limits_themselves_are_taken),
	    cmocka_unit_test(a_value_that_is_not_accepted_is_one_line_with_option_value_and_what_is),
	    cmocka_unit_test(what_does_not_go_together_is_refused),
	    cmocka_unit_test(a_line_that_is_no_line_is_told_where_to_read),
	    cmocka_unit_test(help_names_every_option),
	    cmocka_unit_test(a_plot_goes_along_what_varies_and_sas_come_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
