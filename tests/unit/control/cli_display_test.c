/* SPDX-License-Identifier: BSD-3-Clause
 * The display layer: one description, the same values for people and for programs; rates of a watch. */
#include "control/cli/display.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>

#include "tests/unit/control/cli_rig.h"
#include "control/cli/stats.h"

static char *
print(const struct show *show, enum show_style style)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(show_print(show, out, style), 0);
	fclose(out);
	return text;
}

static json_t *
print_json(const struct show *show, enum show_style style)
{
	char *text = print(show, style);
	json_error_t err;
	json_t *json = json_loads(text, 0, &err);

	if (json == NULL)
		fail_msg("%s in:\n%s", err.text, text);
	free(text);
	return json;
}

static json_t *
at(json_t *array, size_t row, const char *name)
{
	json_t *value = json_object_get(json_array_get(array, row), name);

	if (value == NULL)
		fail_msg("row %zu has no %s", row, name);
	return value;
}

/* Two rows with every kind of value; the second has as many absent as can be. */
static struct show *
all_kinds(const char *title, enum show_layout layout)
{
	struct show *show = show_create();
	const struct sadb_addr none = {.family = AF_UNSPEC};
	struct sadb_prefix prefix;

	assert_non_null(show);
	assert_int_equal(sadb_prefix_parse("10.1.0.0/16", &prefix), 0);
	show_section(show, title, layout, 2);
	for (int row = 0; row < 2; row++) {
		show_row(show);
		show_text(show, "name", row == 0 ? "west" : "a longer one");
		show_spi(show, "spi", htonl(row == 0 ? 0xabc : 0xc0000001));
		show_addr(show, "addr", row == 0 ? &prefix.addr : &none);
		show_prefix(show, "prefix", &prefix);
		show_text(show, "text", row == 0 ? "here" : NULL);
		show_number(show, "number", row == 0 ? 7 : UINT64_C(0x7fffffffffffffff));
		show_bool(show, "flag", row == 0);
		show_counter(show, "count_bytes", 1000);
		show_ratio(show, "ratio", 10, row == 0 ? 4 : 0);
		show_percent(show, "share_percent", 1, 8);
		show_balance(show, "balance", row == 0 ? 0 : -3);
	}
	return show;
}

static void
a_table_is_aligned_and_complete(void **state)
{
	struct show *show = all_kinds(NULL, SHOW_TABLE);
	char *text = print(show, SHOW_HUMAN);

	(void)state;
	assert_string_equal(text, "name          spi         addr      prefix       text               number  flag  "
				  "count_bytes  ratio  share_percent   balance\n"
				  "west          0x00000abc  10.1.0.0  10.1.0.0/16  here                    7  yes   "
				  "       1000    2.5          12.5%  balanced\n"
				  "a longer one  0xc0000001  -         10.1.0.0/16  -     9223372036854775807  no    "
				  "       1000      -          12.5%        -3\n");
	free(text);
	show_destroy(show);
}

static void
json_has_the_same_rows_with_types(void **state)
{
	struct show *show = all_kinds("things", SHOW_TABLE);
	json_t *json = print_json(show, SHOW_JSON);

	(void)state;
	assert_int_equal(json_array_size(json), 2);
	assert_string_equal(json_string_value(at(json, 0, "section")), "things");
	assert_string_equal(json_string_value(at(json, 0, "name")), "west");
	assert_string_equal(json_string_value(at(json, 0, "spi")), "0x00000abc");
	assert_string_equal(json_string_value(at(json, 1, "spi")), "0xc0000001");
	assert_true(json_is_null(at(json, 1, "addr")));
	assert_true(json_is_null(at(json, 1, "text")));
	assert_string_equal(json_string_value(at(json, 1, "prefix")), "10.1.0.0/16");
	assert_true(json_integer_value(at(json, 1, "number")) == INT64_MAX);
	assert_true(json_is_true(at(json, 0, "flag")) && json_is_false(at(json, 1, "flag")));
	assert_true(json_real_value(at(json, 0, "ratio")) == 2.5);
	assert_true(json_is_null(at(json, 1, "ratio")));
	assert_true(json_real_value(at(json, 0, "share_percent")) == 12.5);
	assert_true(json_is_integer(at(json, 0, "balance")) && json_integer_value(at(json, 0, "balance")) == 0);
	assert_int_equal(json_integer_value(at(json, 1, "balance")), -3);
	json_decref(json);
	show_destroy(show);
}

/* Whatever a layout shows, its names and values are JSON's: each is looked up, none is listed here. */
static void
every_layout_shows_what_json_shows(void **state)
{
	static const enum show_layout layouts[] = {SHOW_TABLE, SHOW_BLOCKS, SHOW_LINES};

	(void)state;
	for (size_t l = 0; l < sizeof(layouts) / sizeof(layouts[0]); l++) {
		struct show *show = all_kinds(NULL, layouts[l]);
		json_t *json = print_json(show, SHOW_JSON_LINE), *value;
		char *text = print(show, SHOW_HUMAN);
		const char *name;

		for (size_t row = 0; row < json_array_size(json); row++) {
			json_object_foreach(json_array_get(json, row), name, value)
			{
				char number[32];

				rig_assert_contains(text, name);
				if (json_is_string(value))
					rig_assert_contains(text, json_string_value(value));
				if (!json_is_integer(value) || json_integer_value(value) == 0)
					continue;
				snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
				rig_assert_contains(text, number);
			}
		}
		free(text);
		json_decref(json);
		show_destroy(show);
	}
}

static void
blocks_and_lines_leave_out_what_is_absent(void **state)
{
	static const enum show_layout layouts[] = {SHOW_BLOCKS, SHOW_LINES};

	(void)state;
	for (size_t l = 0; l < sizeof(layouts) / sizeof(layouts[0]); l++) {
		struct show *show = show_create();
		char *text;

		show_section(show, NULL, layouts[l], 1);
		show_row(show);
		show_text(show, "name", "west");
		show_absent(show, "hard_limit_bytes");
		show_number(show, "mtu_bytes", 1500);
		text = print(show, SHOW_HUMAN);
		rig_assert_contains(text, "name west");
		rig_assert_contains(text, "mtu_bytes 1500");
		rig_assert_lacks(text, "hard_limit");
		free(text);
		show_destroy(show);
	}
}

static void
a_table_has_a_rare_column_only_when_it_says_something(void **state)
{
	(void)state;
	for (uint64_t errors = 0; errors < 2; errors++) {
		struct show *show = show_create();
		json_t *json;
		char *text;

		show_section(show, NULL, SHOW_TABLE, 1);
		for (uint64_t row = 0; row < 2; row++) {
			show_row(show);
			show_number(show, "port", row);
			show_rare(show, "rx_errors", errors * row);
			show_number(show, "zero", 0);
		}
		text = print(show, SHOW_HUMAN);
		assert_string_equal(
		    text, errors == 0 ? "port  zero\n   0     0\n   1     0\n"
				      : "port  rx_errors  zero\n   0          0     0\n   1          1     0\n");
		json = print_json(show, SHOW_JSON);
		assert_int_equal(json_integer_value(at(json, 1, "rx_errors")), errors);
		json_decref(json);
		free(text);
		show_destroy(show);
	}
}

static void
an_empty_show_is_an_empty_array(void **state)
{
	struct show *show = show_create();
	char *text;

	(void)state;
	show_section(show, "drops", SHOW_TABLE, 1);
	text = print(show, SHOW_JSON);
	assert_string_equal(text, "[]\n");
	free(text);
	text = print(show, SHOW_HUMAN);
	assert_string_equal(text, "drops: none\n");
	free(text);
	show_destroy(show);
}

static void
events_are_one_json_object_a_line(void **state)
{
	struct show *show = all_kinds(NULL, SHOW_LINES);
	char *text = print(show, SHOW_JSON_OBJECTS), *second = strchr(text, '\n') + 1;
	json_t *json = json_loads(second, JSON_DISABLE_EOF_CHECK, NULL);

	(void)state;
	assert_int_equal(text[0], '{');
	assert_true(json_is_object(json));
	assert_string_equal(json_string_value(json_object_get(json, "name")), "a longer one");
	assert_string_equal(strchr(second, '\n'), "\n");
	json_decref(json);
	free(text);
	show_destroy(show);
}

static void
names_from_outside_cannot_steer_the_terminal(void **state)
{
	struct show *show = show_create();
	json_t *json;
	char *text;

	(void)state;
	show_section(show, NULL, SHOW_TABLE, 1);
	show_row(show);
	show_text(show, "name", "a\033[2Jb\n\xff\xc3z");
	text = print(show, SHOW_HUMAN);
	assert_string_equal(text, "name\na?[2Jb???z\n");
	json = print_json(show, SHOW_JSON);
	assert_string_equal(json_string_value(at(json, 0, "name")), "a?[2Jb???z");
	json_decref(json);
	free(text);
	show_destroy(show);
}

static void
output_that_is_not_taken_is_reported(void **state)
{
	struct show *show = all_kinds(NULL, SHOW_TABLE);
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(show_print(show, full, SHOW_HUMAN), -EIO);
	fclose(full);
	full = fopen("/dev/full", "w");
	assert_int_equal(show_print(show, full, SHOW_JSON), -EIO);
	fclose(full);
	show_destroy(show);
}

/* ---- rates ---- */
struct sample {
	const char *name;
	uint64_t packets, cycles;
};

static struct show *
samples(const struct sample *sample, size_t n)
{
	struct show *show = show_create();

	show_section(show, "ports", SHOW_TABLE, 1);
	for (size_t i = 0; i < n; i++) {
		show_row(show);
		show_text(show, "name", sample[i].name);
		show_counter(show, "packets", sample[i].packets);
		show_ratio(show, "cycles_per_packet", sample[i].cycles, sample[i].packets);
		show_text(show, "help", "x");
	}
	return show;
}

static void
rates_are_differences_over_the_time_between(void **state)
{
	static const struct sample then[] = {{"a", 100, 1000}, {"b", 5, 50}, {"back", 1000, 1}};
	static const struct sample now[] = {{"b", 5, 50}, {"new", 30, 60}, {"a", 600, 11000}, {"back", 10, 20}};
	struct show *before = samples(then, 3), *show = samples(now, 4);
	json_t *json;

	(void)state;
	show_rates(show, before, 2500000000u);
	json = print_json(show, SHOW_JSON);
	assert_true(json_real_value(at(json, 2, "packets_per_s")) == 200.0); /* a: 500 in 2.5 s */
	assert_true(json_real_value(at(json, 2, "cycles_per_packet")) == 20.0);
	assert_int_equal(json_integer_value(at(json, 2, "packets")), 600);
	assert_true(json_real_value(at(json, 0, "packets_per_s")) == 0.0); /* b stood still */
	assert_true(json_is_null(at(json, 0, "cycles_per_packet")));
	assert_true(json_real_value(at(json, 1, "packets_per_s")) == 12.0); /* new: from 0 */
	assert_true(json_real_value(at(json, 1, "cycles_per_packet")) == 2.0);
	assert_true(json_is_null(at(json, 3, "packets_per_s"))); /* went back: another daemon's counter */
	assert_true(json_real_value(at(json, 3, "cycles_per_packet")) == 2.0);
	json_decref(json);
	show_destroy(show);
	show_destroy(before);
}

static void
the_first_round_of_a_watch_has_columns_but_no_rates(void **state)
{
	static const struct sample now[] = {{"a", 600, 12000}};
	struct show *show = samples(now, 1);
	char *text;

	(void)state;
	show_rates(show, NULL, 0);
	text = print(show, SHOW_HUMAN);
	assert_string_equal(text, "ports:\n"
				  "name  packets  packets_per_s  cycles_per_packet  help\n"
				  "a         600              -               20.0  x\n");
	free(text);
	show_destroy(show);
}

static void
rates_need_the_same_key_and_section(void **state)
{
	static const struct sample then[] = {{"a", 100, 1000}};
	struct show *before = samples(then, 1), *show = show_create();
	json_t *json;

	(void)state;
	show_section(show, "drops", SHOW_TABLE, 1);
	show_row(show);
	show_text(show, "name", "a");
	show_counter(show, "packets", 300);
	show_rates(show, before, 1000000000u);
	json = print_json(show, SHOW_JSON);
	assert_true(json_real_value(at(json, 0, "packets_per_s")) == 300.0);
	json_decref(json);
	show_destroy(show);
	show_destroy(before);
}

/* ---- counters ---- */
static void
the_balance_of_a_worker_is_checked(void **state)
{
	static struct ctl_worker worker = {
	    .cpu = -1, .from_ports = 98, .made = 2, .tx = 50, .punted = 20, .dropped = 27, .held = 1, .joined = 2};
	struct show *show = show_create();
	json_t *json;
	char *text;

	(void)state;
	show_section(show, "workers", SHOW_TABLE, 1);
	cli_stats_worker(show, &worker);
	worker.worker = 1;
	worker.tx = 49;
	cli_stats_worker(show, &worker);
	worker.worker = 2;
	worker.tx = 53;
	cli_stats_worker(show, &worker);
	json = print_json(show, SHOW_JSON);
	assert_int_equal(json_integer_value(at(json, 0, "rx")), 100);
	assert_int_equal(json_integer_value(at(json, 0, "balance")), 0);
	assert_int_equal(json_integer_value(at(json, 1, "balance")), 1);
	assert_int_equal(json_integer_value(at(json, 2, "balance")), -3);
	assert_true(json_is_null(at(json, 0, "cpu")));
	text = print(show, SHOW_HUMAN);
	rig_assert_contains(text, "balanced");
	rig_assert_contains(text, " +1 ");
	rig_assert_contains(text, " -3 ");
	free(text);
	json_decref(json);
	show_destroy(show);
}

static void
drops_and_stages_are_added_up_over_workers(void **state)
{
	static struct ctl_worker worker = {
	    .n_drops = 3,
	    .drops = {{"icv", "bad tag", 5}, {"ttl", "too far", 0}, {"mtu", "too long", 2}},
	    .n_stages = 2,
	    .stages = {{"rx", 100, 10, 3000}, {"tx", 50, 10, 1000}},
	};
	static struct cli_totals totals;
	struct show *show = show_create();
	json_t *json;

	(void)state;
	cli_totals_add(&totals, &worker);
	worker.drops[0].packets = 7;
	worker.stages[0].cycles = 4000;
	cli_totals_add(&totals, &worker);
	cli_stats_drops(show, &totals);
	cli_stats_stages(show, &totals);
	json = print_json(show, SHOW_JSON);
	assert_int_equal(json_array_size(json), 4);
	assert_string_equal(json_string_value(at(json, 0, "reason")), "icv");
	assert_int_equal(json_integer_value(at(json, 0, "packets")), 12);
	assert_string_equal(json_string_value(at(json, 1, "reason")), "mtu");
	assert_int_equal(json_integer_value(at(json, 1, "packets")), 4);
	assert_string_equal(json_string_value(at(json, 1, "help")), "too long");
	assert_string_equal(json_string_value(at(json, 2, "stage")), "rx");
	assert_int_equal(json_integer_value(at(json, 2, "packets")), 200);
	assert_true(json_real_value(at(json, 2, "packets_per_batch")) == 10.0);
	assert_true(json_real_value(at(json, 2, "cycles_per_packet")) == 35.0);
	assert_true(json_real_value(at(json, 2, "share_percent")) == 77.778);
	assert_true(json_real_value(at(json, 3, "share_percent")) == 22.222);
	json_decref(json);
	show_destroy(show);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_table_is_aligned_and_complete),
	    cmocka_unit_test(json_has_the_same_rows_with_types),
	    cmocka_unit_test(every_layout_shows_what_json_shows),
	    cmocka_unit_test(blocks_and_lines_leave_out_what_is_absent),
	    cmocka_unit_test(a_table_has_a_rare_column_only_when_it_says_something),
	    cmocka_unit_test(an_empty_show_is_an_empty_array),
	    cmocka_unit_test(events_are_one_json_object_a_line),
	    cmocka_unit_test(names_from_outside_cannot_steer_the_terminal),
	    cmocka_unit_test(output_that_is_not_taken_is_reported),
	    cmocka_unit_test(rates_are_differences_over_the_time_between),
	    cmocka_unit_test(the_first_round_of_a_watch_has_columns_but_no_rates),
	    cmocka_unit_test(rates_need_the_same_key_and_section),
	    cmocka_unit_test(the_balance_of_a_worker_is_checked),
	    cmocka_unit_test(drops_and_stages_are_added_up_over_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
