/* SPDX-License-Identifier: BSD-3-Clause
 * Scenarios: what they mean, and that every mistake is one line which names file, line and key. */
#include "pktgen/scenario.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TX    "tx: {device: net_ring0, destination_mac: 02:00:00:00:00:02}\n"
#define FLOWS "flows: {source: 10.1.0.1, destination: 10.2.0.1}\n"
#define WHOLE TX FLOWS

static void
a_short_scenario_gets_the_defaults(void **state)
{
	(void)state;
	static struct pg_scenario s;
	struct pg_error err;
	assert_int_equal(pg_scenario_parse("f", WHOLE, &s, &err), 0);
	assert_string_equal(s.tx.device, "net_ring0");
	assert_string_equal(s.rx.device, "");
	assert_int_equal(s.destination_mac[5], 2);
	assert_int_equal(s.flows.count, 1);
	assert_int_equal(s.mix.max, 64);
	assert_int_equal(s.rate.kind, PG_RATE_PPS);
	assert_int_equal(s.rate.value, 10000);
	assert_int_equal(s.duration_ns, 10000000000);
	assert_int_equal(s.link_settle_ns, 500000000);
	assert_int_equal(s.learn_ns, 3000000000);
	assert_int_equal(s.burst, 256);
	assert_false(s.one_thread || s.adaptive || s.no_huge || s.udp_checksum);
	assert_int_equal(s.search.n_mixes, 1);
	assert_int_equal(s.search.mixes[0].max, 64);
	assert_int_equal(s.search.max.kind, PG_RATE_MAX);
	assert_int_equal(s.search.n_loads, 3);
}

static const char every_key[] = "tx:\n"
				"  device: \"net_af_xdp0,iface=a\"\n"
				"  mac: 02:00:00:00:00:0a\n"
				"  gateway: 10.1.0.254\n"
				"rx: {device: \"net_af_xdp1,iface=b\", mac: 02:00:00:00:00:0b}\n"
				"flows:\n"
				"  count: 1M\n"
				"  source: 10.1.0.1-10.1.0.10\n"
				"  destination: 10.2.0.0/24\n"
				"  source_port: 1000-1999\n"
				"  destination_port: 2000-2999\n"
				"sizes: [64x2, 1422]\n"
				"rate: 25%\n"
				"link: 40Gbit/s\n"
				"duration: 30s\n"
				"warm_up: 2s\n"
				"drain: 3s\n"
				"link_wait: 4s\n"
				"link_settle: 5s\n"
				"learn: 6s\n"
				"burst: 16\n"
				"threads: 1\n"
				"poll: adaptive\n"
				"huge_pages: off\n"
				"udp_checksum: full\n"
				"cpus: [3]\n"
				"search:\n"
				"  sizes: [64, imix, 64x1+9000x1]\n"
				"  trial: 5s\n"
				"  resolution: 0.5%\n"
				"  loss_tolerance: 0.001%\n"
				"  max: 90%\n"
				"  loads: [25%, 75%]\n";

static void
every_key_reaches_its_place(void **state)
{
	(void)state;
	static struct pg_scenario s;
	struct pg_error err;
	if (pg_scenario_parse("f", every_key, &s, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.rx.device, "net_af_xdp1,iface=b");
	assert_int_equal(s.tx.device_line, 2);
	assert_int_equal(s.rx.device_line, 5);
	assert_int_equal(s.tx.mac[5], 0x0a);
	assert_int_equal(s.rx.mac[5], 0x0b);
	assert_int_equal(s.gateway, 0x0a0100fe);
	assert_int_equal(s.flows.count, 1000000);
	assert_int_equal(s.flows.source.count, 10);
	assert_int_equal(s.flows.destination.count, 254);
	assert_int_equal(s.flows.source_port.count, 1000);
	assert_int_equal(s.flows.destination_port.first, 2000);
	assert_int_equal(s.mix.cycle, 3);
	assert_int_equal(s.rate.value, 250000);
	assert_int_equal(s.link_bits, 40000000000);
	assert_int_equal(s.duration_ns, 30000000000);
	assert_int_equal(s.warm_up_ns, 2000000000);
	assert_int_equal(s.drain_ns, 3000000000);
	assert_int_equal(s.link_wait_ns, 4000000000);
	assert_int_equal(s.link_settle_ns, 5000000000);
	assert_int_equal(s.learn_ns, 6000000000);
	assert_int_equal(s.burst, 16);
	assert_true(s.one_thread && s.adaptive && s.no_huge && s.udp_checksum);
	assert_int_equal(s.cpus.cpu[0], 3);
	assert_int_equal(s.search.n_mixes, 3);
	assert_int_equal(s.search.trial_ns, 5000000000);
	assert_int_equal(s.search.resolution_ppm, 5000);
	assert_int_equal(s.search.loss_tolerance_ppm, 10);
	assert_int_equal(s.search.max.value, 900000);
	assert_int_equal(s.search.n_loads, 2);
	assert_int_equal(s.search.loads_ppm[1], 750000);
	assert_int_equal(pg_scenario_max_frame(&s), 9000);
}

static void
one_device_named_twice_is_one_port(void **state)
{
	(void)state;
	static struct pg_scenario s;
	struct pg_error err;
	assert_int_equal(pg_scenario_parse("f", WHOLE "rx: {device: net_ring0}\n", &s, &err), 0);
	assert_string_equal(s.rx.device, "");
}

/* A scenario that is whole but for a line, and the line's number and key that the message must begin with. */
static const struct {
	const char *text, *message;
} mistakes[] = {
    {"", "s.yaml:1: the scenario is empty"},
    {"- a\n", "s.yaml:1: the scenario: is no mapping"},
    {"a: [\n", "s.yaml:2: not YAML"},
    {"\ta: 1\n", "s.yaml:1: not YAML"},
    {WHOLE "---\na: 1\n", "s.yaml:4: a second document"},
    {FLOWS, "s.yaml:1: tx: is missing"},
    {TX, "s.yaml:1: flows: is missing"},
    {WHOLE "speed: 1\n", "s.yaml:3: speed: unknown key; accepted: tx, rx, flows, sizes, rate"},
    {WHOLE "rate: 1pps\nrate: 2pps\n", "s.yaml:4: rate: stands there twice"},
    {WHOLE "? [a]\n: 1\n", "s.yaml:3: (no text): unknown key"},
    {FLOWS "tx:\n  device: x\n  destination: y\n", "s.yaml:4: tx.destination: unknown key; accepted: device, mac"},
    {FLOWS "tx: {mac: 02:00:00:00:00:01}\n", "s.yaml:2: tx.device: is missing"},
    {FLOWS "tx: net_ring0\n", "s.yaml:2: tx: is no mapping"},
    {FLOWS "tx: {device: a}\n", "s.yaml:2: tx.destination_mac: give either"},
    {FLOWS "tx: {device: a, destination_mac: 02:00:00:00:00:01,\n gateway: 10.0.0.1}\n",
     "s.yaml:3: tx.gateway: give either"},
    {FLOWS "tx: {device: a, gateway: 127.0.0.1}\n", "s.yaml:2: tx.gateway: \"127.0.0.1\" is out of bounds"},
    {FLOWS "tx: {device: a, mac: ff:ff:ff:ff:ff:ff}\n", "s.yaml:2: tx.mac: \"ff:ff:ff:ff:ff:ff\" is out of bounds"},
    {FLOWS "tx: {device: }\n", "s.yaml:2: tx.device: has no value"},
    {WHOLE "rx: {mac: 02:00:00:00:00:01}\n", "s.yaml:3: rx.device: is missing"},
    {TX "flows:\n  destination: 10.0.0.1\n", "s.yaml:3: flows.source: is missing"},
    {TX "flows:\n  source: 10.0.0.300\n",
     "s.yaml:3: flows.source: \"10.0.0.300\" is not understood; accepted: unicast"},
    {TX "flows:\n  source: 224.0.0.1\n", "s.yaml:3: flows.source: \"224.0.0.1\" is out of bounds"},
    {TX "flows:\n  source: 10.0.0.1\n  destination: 10.0.0.2\n  count: 0\n",
     "s.yaml:5: flows.count: 0 is out of bounds; accepted: 1 to 1048576"},
    {TX "flows:\n  source: 10.0.0.0/8\n  destination: 10.0.0.2\n  count: 1048577\n",
     "s.yaml:5: flows.count: 1048577 is out of bounds"},
    {TX "flows:\n  source: 10.0.0.1-10.0.0.3\n  destination: 10.0.0.2\n  count: 4\n",
     "s.yaml:5: flows.count: 4 flows, but addresses and ports make only 3"},
    {TX "flows:\n  source: 10.0.0.1\n  destination: 10.0.0.2\n  source_port: 0\n",
     "s.yaml:5: flows.source_port: \"0\" is out of bounds"},
    {WHOLE "sizes: 63\n", "s.yaml:3: sizes: \"63\" is out of bounds; accepted: frames of 64 to 9216 bytes"},
    {WHOLE "sizes: 9217\n", "s.yaml:3: sizes: \"9217\" is out of bounds"},
    {WHOLE "sizes: []\n", "s.yaml:3: sizes: has no value"},
    {WHOLE "sizes: [64, [65]]\n", "s.yaml:3: sizes: has no value"},
    {WHOLE "sizes: large\n", "s.yaml:3: sizes: \"large\" is not understood"},
    {WHOLE "rate: 0pps\n", "s.yaml:3: rate: \"0pps\" is out of bounds"},
    {WHOLE "rate: 101%\n", "s.yaml:3: rate: \"101%\" is out of bounds"},
    {WHOLE "rate: 1000\n", "s.yaml:3: rate: \"1000\" is not understood; accepted: 10000pps"},
    {WHOLE "rate: {pps: 1}\n", "s.yaml:3: rate: has no value that can be read"},
    {WHOLE "link: 0bit/s\n", "s.yaml:3: link: \"0bit/s\" is out of bounds"},
    {WHOLE "link: 1Gbit/s\nrate: 1420455pps\n",
     "s.yaml:4: rate: 1420455 frames of 64 bytes a second do not fit the link; accepted: up to 1420454pps"},
    {WHOLE "rate: 1Gbit/s\nsizes: imix\nlink: 1Gbit/s\n",
     "s.yaml:3: rate: 347062 frames of imix bytes a second do not"},
    {WHOLE "link: 1Mbit/s\n", "s.yaml:3: rate: 10000 frames of 64 bytes a second do not fit the link"},
    {WHOLE "link: 1Gbit/s\nsearch:\n  sizes: [1422, 64]\n  max: 1Mpps\n",
     "s.yaml:6: search.max: 1000000 frames of 1422 bytes a second do not fit the link; accepted: up to 86445pps"},
    {WHOLE "duration: 0s\n", "s.yaml:3: duration: \"0s\" is out of bounds"},
    {WHOLE "duration: 10\n", "s.yaml:3: duration: \"10\" is not understood; accepted: a time"},
    {WHOLE "burst: 0\n", "s.yaml:3: burst: 0 is out of bounds; accepted: 1 to 4096"},
    {WHOLE "burst: 4097\n", "s.yaml:3: burst: 4097 is out of bounds"},
    {WHOLE "threads: 3\n", "s.yaml:3: threads: \"3\" is not understood; accepted: 1"},
    {WHOLE "poll: lazy\n", "s.yaml:3: poll: \"lazy\" is not understood"},
    {WHOLE "huge_pages: yes\n", "s.yaml:3: huge_pages: \"yes\" is not understood"},
    {WHOLE "udp_checksum: no\n", "s.yaml:3: udp_checksum: \"no\" is not understood"},
    {WHOLE "search: {sizes: [64, 1]}\n", "s.yaml:3: search.sizes: \"64,1\" is out of bounds"},
    {WHOLE "search: {sizes: [64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64]}\n",
     "s.yaml:3: search.sizes: \"64,64"},
    {WHOLE "search: {trial: 0s}\n", "s.yaml:3: search.trial: \"0s\" is out of bounds"},
    {WHOLE "search: {resolution: 0%}\n",
     "s.yaml:3: search.resolution: \"0%\" is out of bounds; accepted: a percentage above 0%"},
    {WHOLE "search: {loads: [0%]}\n", "s.yaml:3: search.loads: \"0%\" is out of bounds"},
    {WHOLE "search: {loss_tolerance: 1}\n", "s.yaml:3: search.loss_tolerance: \"1\" is not understood"},
    {WHOLE "rate: \"1\\n\\e[2J\"\n", "s.yaml:3: rate: \"1??[2J\" is not understood"},
    {WHOLE "search: {step: 1}\n", "s.yaml:3: search.step: unknown key; accepted: sizes, trial"},
};

static void
a_mistake_is_one_line_that_names_file_line_and_key(void **state)
{
	(void)state;
	static struct pg_scenario s;
	for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct pg_error err = {.text = ""};
		const int rc = pg_scenario_parse("s.yaml", mistakes[i].text, &s, &err);
		if (rc != -EINVAL || strncmp(err.text, mistakes[i].message, strlen(mistakes[i].message)) != 0 ||
		    strchr(err.text, '\n') != NULL)
			fail_msg("row %u: %d '%s', not '%s'", i, rc, err.text, mistakes[i].message);
	}
}

/* What just fits: 1 Gbit/s of 64 bytes and 24 more on the wire. */
static void
a_rate_may_fill_the_link(void **state)
{
	(void)state;
	static const char *const rows[] = {"rate: 1420454pps\n", "rate: 100%\n", "rate: max\n",
					   "rate: 727272727bit/s\n", "sizes: 1514\nrate: 984395318bit/s\n"};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct pg_scenario s;
		struct pg_error err = {.text = ""};
		char text[256];
		snprintf(text, sizeof(text), WHOLE "link: 1Gbit/s\n%s", rows[i]);
		if (pg_scenario_parse("f", text, &s, &err) != 0)
			fail_msg("row %u: %s", i, err.text);
	}
}

static void
a_file_that_is_no_scenario_is_refused(void **state)
{
	(void)state;
	struct pg_scenario *s;
	struct pg_error err;
	char path[] = "/tmp/pg-scenario-XXXXXX";
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(pg_scenario_load("/nonexistent/s.yaml", &s, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/s.yaml: cannot be read: No such file or directory");
	FILE *out = fdopen(fd, "w");
	fwrite(WHOLE "\0", 1, sizeof(WHOLE), out);
	fclose(out);
	assert_int_equal(pg_scenario_load(path, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "zero bytes"));
	out = fopen(path, "w");
	fputs(WHOLE, out);
	fclose(out);
	assert_int_equal(pg_scenario_load(path, &s, &err), 0);
	assert_string_equal(s->file, path);
	free(s);
	remove(path);
}

static void
the_example_is_a_scenario_and_its_defaults_are_true(void **state)
{
	(void)state;
	static struct pg_scenario s;
	struct pg_scenario *example;
	struct pg_error err = {.text = ""};
	if (pg_scenario_load(PG_EXAMPLE, &example, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(pg_scenario_parse("f", WHOLE, &s, &err), 0);
	assert_int_equal(example->flows.source_port.first, s.flows.source_port.first);
	assert_int_equal(example->flows.destination_port.first, s.flows.destination_port.first);
	assert_int_equal(example->duration_ns, s.duration_ns);
	assert_int_equal(example->drain_ns, s.drain_ns);
	assert_int_equal(example->link_wait_ns, s.link_wait_ns);
	assert_int_equal(example->link_settle_ns, s.link_settle_ns);
	assert_int_equal(example->learn_ns, s.learn_ns);
	assert_int_equal(example->burst, s.burst);
	assert_int_equal(example->one_thread, s.one_thread);
	assert_int_equal(example->adaptive, s.adaptive);
	assert_int_equal(example->no_huge, s.no_huge);
	assert_int_equal(example->udp_checksum, s.udp_checksum);
	assert_int_equal(example->search.trial_ns, s.search.trial_ns);
	assert_int_equal(example->search.resolution_ppm, s.search.resolution_ppm);
	assert_int_equal(example->search.loss_tolerance_ppm, s.search.loss_tolerance_ppm);
	assert_int_equal(example->search.max.kind, s.search.max.kind);
	assert_int_equal(example->search.n_loads, s.search.n_loads);
	assert_memory_equal(example->search.loads_ppm, s.search.loads_ppm, sizeof(s.search.loads_ppm));
	free(example);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_short_scenario_gets_the_defaults),
	    cmocka_unit_test(every_key_reaches_its_place),
	    cmocka_unit_test(one_device_named_twice_is_one_port),
	    cmocka_unit_test(a_mistake_is_one_line_that_names_file_line_and_key),
	    cmocka_unit_test(the_example_is_a_scenario_and_its_defaults_are_true),
	    cmocka_unit_test(a_rate_may_fill_the_link),
	    cmocka_unit_test(a_file_that_is_no_scenario_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
