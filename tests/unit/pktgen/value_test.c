/* SPDX-License-Identifier: BSD-3-Clause
 * The texts of a scenario: what is taken, what is refused as not understood, what as impossible. */
#include "pktgen/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
a_rate_has_a_unit_and_a_bound(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		enum pg_rate_kind kind;
		uint64_t value;
	} rows[] = {
	    {"max", 0, PG_RATE_MAX, 0},
	    {"1pps", 0, PG_RATE_PPS, 1},
	    {"1.5Mpps", 0, PG_RATE_PPS, 1500000},
	    {"1.5 Mpps", 0, PG_RATE_PPS, 1500000},
	    {"0.001kpps", 0, PG_RATE_PPS, 1},
	    {"10000000000pps", 0, PG_RATE_PPS, 10000000000},
	    {"10Gbit/s", 0, PG_RATE_BITS, 10000000000},
	    {"2.5kbit/s", 0, PG_RATE_BITS, 2500},
	    {"50%", 0, PG_RATE_PERCENT, 500000},
	    {"0.1%", 0, PG_RATE_PERCENT, 1000},
	    {"100%", 0, PG_RATE_PERCENT, 1000000},
	    {"100.0001%", -ERANGE, 0, 0},
	    {"101%", -ERANGE, 0, 0},
	    {"0pps", -ERANGE, 0, 0},
	    {"0%", -ERANGE, 0, 0},
	    {"0.0000001kpps", -ERANGE, 0, 0},
	    {"10000000001pps", -ERANGE, 0, 0},
	    {"10001Gbit/s", -ERANGE, 0, 0},
	    {"1000000000000000pps", -ERANGE, 0, 0},
	    {"1000", -EINVAL, 0, 0},
	    {"pps", -EINVAL, 0, 0},
	    {"-1pps", -EINVAL, 0, 0},
	    {"1.pps", -EINVAL, 0, 0},
	    {".5pps", -EINVAL, 0, 0},
	    {"1.5.5pps", -EINVAL, 0, 0},
	    {"1mpps", -EINVAL, 0, 0},
	    {"1Mpps ", -EINVAL, 0, 0},
	    {"", -EINVAL, 0, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_rate rate = {.value = 0};
		const int rc = pg_value_rate(rows[i].text, &rate);
		if (rc != rows[i].rc || (rc == 0 && (rate.kind != rows[i].kind || rate.value != rows[i].value)))
			fail_msg("'%s': %d, kind %d, value %llu", rows[i].text, rc, (int)rate.kind,
				 (unsigned long long)rate.value);
	}
}

static void
numbers_with_units_come_out_exact(void **state)
{
	(void)state;
	static const struct {
		int (*parse)(const char *, void *);
		const char *text;
		int rc;
		uint64_t value;
	} rows[] = {
	    {pg_value_duration, "0s", 0, 0},
	    {pg_value_duration, "10s", 0, 10000000000},
	    {pg_value_duration, "1.5ms", 0, 1500000},
	    {pg_value_duration, "20us", 0, 20000},
	    {pg_value_duration, "2min", 0, 120000000000},
	    {pg_value_duration, "10080min", 0, 604800000000000},
	    {pg_value_duration, "10080.001min", -ERANGE, 0},
	    {pg_value_duration, "10", -EINVAL, 0},
	    {pg_value_duration, "1h", -EINVAL, 0},
	    {pg_value_count, "1", 0, 1},
	    {pg_value_count, "64k", 0, 64000},
	    {pg_value_count, "1M", 0, 1000000},
	    {pg_value_count, "1.5k", -EINVAL, 0},
	    {pg_value_count, "1G", -EINVAL, 0},
	    {pg_value_bits, "10Gbit/s", 0, 10000000000},
	    {pg_value_bits, "10Mpps", -EINVAL, 0},
	    {pg_value_bits, "99999Gbit/s", -ERANGE, 0},
	    {pg_value_percent, "0%", 0, 0},
	    {pg_value_percent, "0.0001%", 0, 1},
	    {pg_value_percent, "100%", 0, 1000000},
	    {pg_value_percent, "100.1%", -ERANGE, 0},
	    {pg_value_percent, "1", -EINVAL, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 0;
		const int rc = rows[i].parse(rows[i].text, &value);
		if (rc != rows[i].rc || (rc == 0 && value != rows[i].value))
			fail_msg("'%s': %d, %llu", rows[i].text, rc, (unsigned long long)value);
	}
}

static void
an_address_range_names_its_first_and_how_many(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		uint32_t first, count;
	} rows[] = {
	    {"10.1.0.1", 0, 0x0a010001, 1},
	    {"10.1.0.1-10.1.0.9", 0, 0x0a010001, 9},
	    {"10.1.0.255-10.1.1.0", 0, 0x0a0100ff, 2},
	    {"10.1.0.0/24", 0, 0x0a010001, 254},
	    {"10.1.0.0/30", 0, 0x0a010001, 2},
	    {"10.1.0.0/31", 0, 0x0a010000, 2},
	    {"10.1.0.7/32", 0, 0x0a010007, 1},
	    {"10.0.0.0/8", 0, 0x0a000001, 16777214},
	    {"223.255.255.255", 0, 0xdfffffff, 1},
	    {"10.0.0.0/7", -ERANGE, 0, 0},
	    {"10.1.0.9-10.1.0.1", -ERANGE, 0, 0},
	    {"0.0.0.1", -ERANGE, 0, 0},
	    {"127.0.0.1", -ERANGE, 0, 0},
	    {"224.0.0.1", -ERANGE, 0, 0},
	    {"223.255.255.255-224.0.0.1", -ERANGE, 0, 0},
	    {"126.0.0.1-128.0.0.1", -ERANGE, 0, 0},
	    {"10.1.0.1/24", -EINVAL, 0, 0},
	    {"10.1.0.0/33", -EINVAL, 0, 0},
	    {"10.1.0.0/", -EINVAL, 0, 0},
	    {"10.1.0", -EINVAL, 0, 0},
	    {"10.1.0.1-", -EINVAL, 0, 0},
	    {"fe80::1", -EINVAL, 0, 0},
	    {"10.1.0.1-10.1.0.2-10.1.0.3", -EINVAL, 0, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_addr_range range = {.first = 0};
		const int rc = pg_value_addr_range(rows[i].text, &range);
		if (rc != rows[i].rc || (rc == 0 && (range.first != rows[i].first || range.count != rows[i].count)))
			fail_msg("'%s': %d, %08x, %u", rows[i].text, rc, range.first, range.count);
	}
}

static void
a_port_range_is_within_the_ports_there_are(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		uint32_t first, count;
	} rows[] = {
	    {"1", 0, 1, 1},        {"65535", 0, 65535, 1},  {"1-65535", 0, 1, 65535}, {"5000-5000", 0, 5000, 1},
	    {"0", -ERANGE, 0, 0},  {"9-8", -ERANGE, 0, 0},  {"65536", -EINVAL, 0, 0}, {"1-", -EINVAL, 0, 0},
	    {"-1", -EINVAL, 0, 0}, {"http", -EINVAL, 0, 0},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pg_port_range range = {.first = 0};
		const int rc = pg_value_port_range(rows[i].text, &range);
		if (rc != rows[i].rc || (rc == 0 && (range.first != rows[i].first || range.count != rows[i].count)))
			fail_msg("'%s': %d, %u, %u", rows[i].text, rc, range.first, range.count);
	}
}

static void
a_mac_is_whole_and_unicast(void **state)
{
	(void)state;
	static const uint8_t expected[6] = {0x02, 0x00, 0x5e, 0xaa, 0xbb, 0xff};
	uint8_t mac[6];
	assert_int_equal(pg_value_mac("02:00:5e:aa:BB:ff", mac), 0);
	assert_memory_equal(mac, expected, 6);
	assert_int_equal(pg_value_mac("01:00:5e:00:00:01", mac), -ERANGE);
	assert_int_equal(pg_value_mac("ff:ff:ff:ff:ff:ff", mac), -ERANGE);
	assert_int_equal(pg_value_mac("00:00:00:00:00:00", mac), -ERANGE);
	assert_int_equal(pg_value_mac("02:00:00:00:00", mac), -EINVAL);
	assert_int_equal(pg_value_mac("02:00:00:00:00:1", mac), -EINVAL);
	assert_int_equal(pg_value_mac("02:00:00:00:00:01:02", mac), -EINVAL);
	assert_int_equal(pg_value_mac("02-00-00-00-00-01", mac), -EINVAL);
	assert_int_equal(pg_value_mac("02:00:00:00:00:0g", mac), -EINVAL);
}

static void
cpus_are_one_or_two(void **state)
{
	(void)state;
	struct pg_cpus cpus;
	assert_int_equal(pg_value_cpus("3", &cpus), 0);
	assert_int_equal(cpus.n, 1);
	assert_int_equal(cpus.cpu[0], 3);
	assert_int_equal(pg_value_cpus("2,7", &cpus), 0);
	assert_int_equal(cpus.n, 2);
	assert_int_equal(cpus.cpu[1], 7);
	assert_int_equal(pg_value_cpus("1,2,3", &cpus), -EINVAL);
	assert_int_equal(pg_value_cpus("1,", &cpus), -EINVAL);
	assert_int_equal(pg_value_cpus("1024", &cpus), -EINVAL);
}

static void
a_text_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	char text[PG_TEXT + 1], out[PG_TEXT];
	memset(text, 'a', PG_TEXT);
	text[PG_TEXT] = '\0';
	assert_int_equal(pg_value_text(text, out), -ERANGE);
	text[PG_TEXT - 1] = '\0';
	assert_int_equal(pg_value_text(text, out), 0);
	assert_string_equal(out, text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rate_has_a_unit_and_a_bound),
	    cmocka_unit_test(numbers_with_units_come_out_exact),
	    cmocka_unit_test(an_address_range_names_its_first_and_how_many),
	    cmocka_unit_test(a_port_range_is_within_the_ports_there_are),
	    cmocka_unit_test(a_mac_is_whole_and_unicast),
	    cmocka_unit_test(cpus_are_one_or_two),
	    cmocka_unit_test(a_text_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
