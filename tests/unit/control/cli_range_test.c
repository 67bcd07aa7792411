/* SPDX-License-Identifier: BSD-3-Clause
 * Policies of ranges of ports against the daemon's real server and database: all of a range or none. */
#include "tests/unit/control/cli_daemon_rig.h"

#include <jansson.h>

#define POL "vnet blue dir out src 10.1.0.0/16 dst 10.2.0.0/16 proto udp"

static int
flush(void **state)
{
	(void)state;
	rig_expect_daemon("policy flush", CLI_DONE, "");
	return 0;
}

/* The ports of all policies with that action, in the order of the show, with blanks between. */
static void
expect_ports(const char *name, const char *action, const char *want)
{
	json_t *json = rig_show("-j policy show"), *row;
	struct cli_text text = {.text = ""};
	size_t i;

	json_array_foreach (json, i, row) {
		json_t *port = json_object_get(row, name);

		if (strcmp(rig_string_at(json, i, "action"), action) != 0)
			continue;
		cli_text_add(&text, "%s", text.text[0] != 0 ? " " : "");
		if (json_is_integer(port))
			cli_text_add(&text, "%d", (int)json_integer_value(port));
		else
			cli_text_add(&text, "%s", json_is_null(port) ? "any" : json_string_value(port));
		assert_true(json_is_null(json_object_get(row, "dport_mask")));
	}
	json_decref(json);
	assert_string_equal(text.text, want);
}

static unsigned
count(void)
{
	json_t *json = rig_show("-j policy show");
	const unsigned n = (unsigned)json_array_size(json);

	json_decref(json);
	return n;
}

static void
a_range_is_added_shown_replaced_and_deleted(void **state)
{
	(void)state;
	rig_expect_daemon("policy add " POL " dport 1000-1999 priority 5 action bypass", CLI_DONE, "");
	expect_ports("dport", "bypass", "1000-1007 1008-1023 1024-1535 1536-1791 1792-1919 1920-1983 1984-1999");
	expect_ports("priority", "bypass", "5 5 5 5 5 5 5");
	rig_expect_daemon("policy update " POL " dport 1000-1999 action drop", CLI_DONE, "");
	expect_ports("dport", "drop", "1000-1007 1008-1023 1024-1535 1536-1791 1792-1919 1920-1983 1984-1999");
	rig_expect_daemon("policy del " POL " dport 1000-1999", CLI_DONE, "");
	assert_int_equal(count(), 0);
	rig_expect_daemon("policy add " POL " sport 0-65535 dport 7 action drop", CLI_DONE, "");
	expect_ports("sport", "drop", "any");
	expect_ports("dport", "drop", "7");
}

static void
source_and_destination_ranges_multiply_to_64_at_most(void **state)
{
	(void)state;
	rig_expect_daemon("policy add " POL " sport 1-254 dport 1-15 action drop", CLI_DONE, ""); /* 14 with 4 */
	assert_int_equal(count(), 56);
	rig_expect_daemon("policy del " POL " sport 1-254 dport 1-15", CLI_DONE, "");
	rig_expect_daemon("policy add " POL " sport 1-65534 dport 1-6 action drop", CLI_USAGE,
			  "these ports are 120 policies, 30 blocks of source ports with 4 of destination ports; "
			  "accepted: 64 at most");
	rig_expect_daemon("policy del " POL " sport 1-65534 dport 1-6", CLI_USAGE, "64 at most");
	assert_int_equal(count(), 0);
}

static void
what_stands_in_the_way_is_named_and_nothing_changes(void **state)
{
	(void)state;
	rig_expect_daemon("policy add " POL " dport 1024-1535 action drop", CLI_DONE, "");
	rig_expect_daemon("policy add " POL " dport 1000-1999 action bypass", CLI_FAILED,
			  "culvert: policy add: of this range's 7 policies the one of source ports any and destination "
			  "ports 1024-1535 exists");
	assert_int_equal(count(), 1);
	rig_expect_daemon("policy del " POL " dport 1024-1999", CLI_FAILED,
			  "destination ports 1536-1791 is not there: nothing was deleted");
	assert_int_equal(count(), 1);
}

/* The rig's daemon has room for 64 policies. */
static void
a_failure_in_the_middle_leaves_all_as_it_was(void **state)
{
	char line[128];

	(void)state;
	rig_expect_daemon("policy add " POL " dport 1000-1535 priority 9 action bypass", CLI_DONE, "");
	for (unsigned i = 0; i < 59; i++) {
		snprintf(line, sizeof(line), "policy add vnet green dir in src 10.3.0.%u dst 10.1.0.0/16 action drop",
			 i);
		rig_expect_daemon(line, CLI_DONE, "");
	}
	assert_int_equal(count(), 62);
	rig_expect_daemon("policy add " POL " dport 5001-5014 action protect tunnel-src 192.0.2.1 tunnel-dst 192.0.2.2",
			  CLI_FAILED, "the table is full");
	assert_int_equal(count(), 62);
	rig_expect_daemon(
	    "policy add " POL " dport 5001-5014 action bypass", CLI_FAILED,
	    "of this range's 6 policies 2 were changed before that, and are as they were again: nothing has "
	    "changed");
	/* Of those that are there already, too. */
	rig_expect_daemon("policy update " POL " dport 1000-1999 action drop", CLI_FAILED, "as they were again");
	assert_int_equal(count(), 62);
	expect_ports("dport", "bypass", "1000-1007 1008-1023 1024-1535");
	expect_ports("priority", "bypass", "9 9 9");
}

static void
in_a_batch_a_range_is_carried_out_in_its_place(void **state)
{
	char path[128], words[192];
	FILE *batch;

	(void)state;
	snprintf(path, sizeof(path), "%s/range.batch", rig_dir);
	batch = fopen(path, "w");
	assert_non_null(batch);
	fprintf(batch, "policy add " POL " dport 80 action drop\n"
		       "policy add " POL " dport 5000-5008 action drop\n"
		       "policy del " POL " dport 5000-5008\n"
		       "policy add " POL " dport 1-2 action drop\n"
		       "policy add " POL " dport 1 action drop\n"
		       "policy add " POL " dport 6000-6008 action drop\n");
	fclose(batch);
	snprintf(words, sizeof(words), "--batch %s", path);
	rig_expect_daemon(words, CLI_FAILED, "range.batch:5: policy add: a policy with this selector exists");
	expect_ports("dport", "drop", "80 1 2");
	rig_expect_daemon("policy flush", CLI_DONE, "");
	snprintf(words, sizeof(words), "--batch %s --force", path);
	rig_expect_daemon(words, CLI_FAILED, "range.batch:5");
	expect_ports("dport", "drop", "80 1 2 6000-6007 6008");
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_range_is_added_shown_replaced_and_deleted, flush),
	    cmocka_unit_test_teardown(source_and_destination_ranges_multiply_to_64_at_most, flush),
	    cmocka_unit_test_teardown(what_stands_in_the_way_is_named_and_nothing_changes, flush),
	    cmocka_unit_test_teardown(a_failure_in_the_middle_leaves_all_as_it_was, flush),
	    cmocka_unit_test_teardown(in_a_batch_a_range_is_carried_out_in_its_place, flush),
	};

	return cmocka_run_group_tests(tests, rig_start_daemon, rig_stop_daemon);
}
