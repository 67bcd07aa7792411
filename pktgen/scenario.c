/* SPDX-License-Identifier: BSD-3-Clause
 * Scenarios: the table of keys, the defaults, and the checks that need more than one key. Main thread. */
#include "pktgen/scenario.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pktgen/pace.h"
#include "pktgen/scenario_yaml.h"

#define FILE_MAX  (1u << 20)
#define BURST_MAX 4096

#define AT(member) offsetof(struct pg_scenario, member)
#define VALUE(key, member, reader, text)                                                                        \
	{                                                                                                       \
		.name = key, .parse = reader, .offset = AT(member), .line_offset = PG_NO_LINE, .accepted = text \
	}
#define VALUE_LINE(key, member, line, reader, text)                                                           \
	{                                                                                                     \
		.name = key, .parse = reader, .offset = AT(member), .line_offset = AT(line), .accepted = text \
	}

#define ACCEPT_DEVICE "DPDK's name of a device, such as net_af_xdp0,iface=eth1 or 0000:3b:00.0"
#define ACCEPT_MAC    "a unicast MAC address, such as 02:00:00:00:00:01"
#define ACCEPT_RANGE  "unicast IPv4 as 10.1.0.1, 10.1.0.1-10.1.0.9 or 10.1.0.0/24 (a prefix of 8 to 32 bits)"
#define ACCEPT_PORTS  "UDP ports as 5000 or 1024-65535"
#define ACCEPT_TIME   "a time such as 500ms, 10s or 2min"
#define ACCEPT_RATE   "10000pps, 1.5Mpps, 10Gbit/s, 50% (of the link) or max"
#define ACCEPT_SIZES  "frames of 64 to 9216 bytes, such as 64, [64, 1422], 64x7+1422x1 or imix"
#define ACCEPT_SHARE  "a percentage above 0% up to 100%, such as 0.1%"

/* ---- values that only a scenario has ---- */

/* One of two words. */
static int
either(const char *text, const char *no, const char *yes, void *out)
{
	const bool is_yes = strcmp(text, yes) == 0;
	if (!is_yes && strcmp(text, no) != 0)
		return -EINVAL;
	memcpy(out, &is_yes, sizeof(is_yes));
	return 0;
}

static int
threads(const char *text, void *out)
{
	return either(text, "2", "1", out);
}

static int
poll_mode(const char *text, void *out)
{
	return either(text, "busy", "adaptive", out);
}

static int
huge_pages(const char *text, void *out)
{
	return either(text, "auto", "off", out);
}

static int
udp_checksum(const char *text, void *out)
{
	return either(text, "zero", "full", out);
}

/* A time, a speed or a share that must not be zero. */
static int
some(int (*parse)(const char *, void *), const char *text, void *out)
{
	uint64_t value;
	const int rc = parse(text, &value);
	if (rc < 0)
		return rc;
	if (value == 0)
		return -ERANGE;
	memcpy(out, &value, sizeof(value));
	return 0;
}

static int
some_time(const char *text, void *out)
{
	return some(pg_value_duration, text, out);
}

static int
some_bits(const char *text, void *out)
{
	return some(pg_value_bits, text, out);
}

static int
some_share(const char *text, void *out)
{
	return some(pg_value_percent, text, out);
}

/* Calls parse for each item of "a,b,c"; item sizes and the most there may be are its caller's. */
static int
items(const char *text, int (*parse)(const char *, void *), void *out, size_t bytes, unsigned max)
{
	char item[PG_TEXT];
	unsigned n = 0;

	for (;; text++) {
		const size_t len = strcspn(text, ",");
		if (n == max || len >= sizeof(item))
			return -ERANGE;
		memcpy(item, text, len);
		item[len] = '\0';
		const int rc = parse(item, (char *)out + n * bytes);
		if (rc < 0)
			return rc;
		n++;
		text += len;
		if (*text == '\0')
			return (int)n;
	}
}

static int
search_sizes(const char *text, void *out)
{
	struct pg_search_spec *spec = out;
	const int n = items(text, pg_value_mix, spec->mixes, sizeof(spec->mixes[0]), PG_SEARCH_MIXES);
	spec->n_mixes = n > 0 ? (unsigned)n : 0;
	return n < 0 ? n : 0;
}

static int
search_loads(const char *text, void *out)
{
	struct pg_search_spec *spec = out;
	if (strcmp(text, "none") == 0) {
		spec->n_loads = 0;
		return 0;
	}
	const int n = items(text, some_share, spec->loads_ppm, sizeof(spec->loads_ppm[0]), PG_SEARCH_LOADS);
	spec->n_loads = n > 0 ? (unsigned)n : 0;
	return n < 0 ? n : 0;
}

/* ---- the keys ---- */
static const struct pg_key tx_keys[] = {
    {"device", NULL, pg_value_text, AT(tx.device), AT(tx.device_line), ACCEPT_DEVICE, true},
    VALUE("mac", tx.mac, pg_value_mac, ACCEPT_MAC),
    VALUE("destination_mac", destination_mac, pg_value_mac, ACCEPT_MAC),
    VALUE_LINE("gateway", gateway, gateway_line, pg_value_addr, "the IPv4 address of the next hop"),
    {0},
};

static const struct pg_key rx_keys[] = {
    {"device", NULL, pg_value_text, AT(rx.device), AT(rx.device_line), ACCEPT_DEVICE, true},
    VALUE("mac", rx.mac, pg_value_mac, ACCEPT_MAC),
    {0},
};

static const struct pg_key flow_keys[] = {
    VALUE_LINE("count", flows.count, flows.count_line, pg_value_count, "1 to 1048576, such as 1000, 64k or 1M"),
    {"source", NULL, pg_value_addr_range, AT(flows.source), PG_NO_LINE, ACCEPT_RANGE, true},
    {"destination", NULL, pg_value_addr_range, AT(flows.destination), PG_NO_LINE, ACCEPT_RANGE, true},
    VALUE("source_port", flows.source_port, pg_value_port_range, ACCEPT_PORTS),
    VALUE("destination_port", flows.destination_port, pg_value_port_range, ACCEPT_PORTS),
    {0},
};

static const struct pg_key search_keys[] = {
    VALUE_LINE("sizes", search, search.sizes_line, search_sizes,
	       "up to 16 of: frames of 64 to 9216 bytes, imix, a mix; such as [64, 1422, 64x7+1422x1]"),
    VALUE("trial", search.trial_ns, some_time, ACCEPT_TIME),
    VALUE("resolution", search.resolution_ppm, some_share, ACCEPT_SHARE),
    VALUE("loss_tolerance", search.loss_tolerance_ppm, pg_value_percent, "a percentage from 0% to 100%, such as 0.1%"),
    VALUE_LINE("max", search.max, search.max_line, pg_value_rate, ACCEPT_RATE),
    VALUE("loads", search, search_loads, "none, or up to 16 percentages above 0, such as [10%, 50%, 90%]"),
    {0},
};

static const struct pg_key keys[] = {
    {.name = "tx", .keys = tx_keys, .required = true},
    {.name = "rx", .keys = rx_keys},
    {.name = "flows", .keys = flow_keys, .required = true},
    VALUE_LINE("sizes", mix, sizes_line, pg_value_mix, ACCEPT_SIZES),
    VALUE_LINE("rate", rate, rate_line, pg_value_rate, ACCEPT_RATE),
    VALUE_LINE("link", link_bits, link_line, some_bits, "the link's speed, such as 10Gbit/s"),
    VALUE("duration", duration_ns, some_time, ACCEPT_TIME),
    VALUE("warm_up", warm_up_ns, pg_value_duration, ACCEPT_TIME),
    VALUE("drain", drain_ns, pg_value_duration, ACCEPT_TIME),
    VALUE("link_wait", link_wait_ns, pg_value_duration, ACCEPT_TIME),
    VALUE("link_settle", link_settle_ns, pg_value_duration, ACCEPT_TIME),
    VALUE("learn", learn_ns, pg_value_duration, ACCEPT_TIME),
    VALUE_LINE("burst", burst, burst_line, pg_value_count, "1 to 4096 frames"),
    VALUE("threads", one_thread, threads, "1 (sends and receives in turn) or 2"),
    VALUE("poll", adaptive, poll_mode, "busy or adaptive"),
    VALUE("huge_pages", no_huge, huge_pages, "auto (when enough are free) or off"),
    VALUE("udp_checksum", udp_checksum, udp_checksum, "zero or full"),
    VALUE_LINE("cpus", cpus, cpus_line, pg_value_cpus, "one CPU for each thread, such as 2 or [2, 3]"),
    {.name = "search", .keys = search_keys},
    {0},
};

static void
set_defaults(struct pg_scenario *s)
{
	memset(s, 0, sizeof(*s));
	s->flows.count = 1;
	s->flows.source_port = (struct pg_port_range){.first = 49152, .count = 1};
	s->flows.destination_port = (struct pg_port_range){.first = 5000, .count = 1};
	pg_mix_parse("64", &s->mix);
	s->rate = (struct pg_rate){.kind = PG_RATE_PPS, .value = 10000};
	s->duration_ns = UINT64_C(10000000000);
	s->drain_ns = UINT64_C(1000000000);
	s->link_wait_ns = UINT64_C(10000000000);
	s->link_settle_ns = UINT64_C(500000000);
	s->learn_ns = UINT64_C(3000000000);
	s->burst = 256;
	s->search.trial_ns = UINT64_C(2000000000);
	s->search.resolution_ppm = 10000;
	s->search.max = (struct pg_rate){.kind = PG_RATE_MAX};
	s->search.loads_ppm[0] = 100000;
	s->search.loads_ppm[1] = 500000;
	s->search.loads_ppm[2] = 900000;
	s->search.n_loads = 3;
}

static bool
mac_given(const uint8_t mac[6])
{
	return memcmp(mac, (uint8_t[6]){0}, 6) != 0;
}

static int
check_flows(const struct pg_scenario *s, struct pg_error *err)
{
	const struct pg_flow_spec *f = &s->flows;
	if (f->count == 0 || f->count > PG_FLOWS_MAX)
		return pg_error_set(err, -EINVAL, "%s:%u: flows.count: %llu is out of bounds; accepted: 1 to %u",
				    s->file, f->count_line, (unsigned long long)f->count, PG_FLOWS_MAX);
	const unsigned __int128 room = (unsigned __int128)f->source.count * f->destination.count *
				       f->source_port.count * f->destination_port.count;
	if (room < f->count)
		return pg_error_set(err, -EINVAL,
				    "%s:%u: flows.count: %llu flows, but addresses and ports make only %llu different "
				    "ones; widen source, destination, source_port or destination_port",
				    s->file, f->count_line, (unsigned long long)f->count, (unsigned long long)room);
	return 0;
}

/* Whether a link of the scenario's speed can carry so much of such frames. Of a device's own word nothing is refused:
 * virtual ones make it up. */
static int
check_rate(const struct pg_scenario *s, const struct pg_rate *rate, const struct pg_mix *mix, unsigned line,
	   struct pg_error *err)
{
	struct pg_load load, most;

	if (s->link_bits == 0 || pg_load_of(rate, s->link_bits, &load) < 0)
		return 0;
	pg_load_of(&(struct pg_rate){.kind = PG_RATE_PERCENT, .value = 1000000}, s->link_bits, &most);
	if (pg_load_pps(&load, mix) <= pg_load_pps(&most, mix))
		return 0;
	return pg_error_set(err, -EINVAL,
			    "%s:%u: %s: %.0f frames of %s bytes a second do not fit the link; accepted: up to %.0fpps",
			    s->file, line != 0 ? line : s->link_line, rate == &s->rate ? "rate" : "search.max",
			    pg_load_pps(&load, mix), mix->name, floor(pg_load_pps(&most, mix)));
}

static int
check_rates(const struct pg_scenario *s, struct pg_error *err)
{
	int rc = check_rate(s, &s->rate, &s->mix, s->rate_line, err);

	for (unsigned i = 0; rc == 0 && i < s->search.n_mixes; i++)
		rc = check_rate(s, &s->search.max, &s->search.mixes[i], s->search.max_line, err);
	return rc;
}

/* What no key alone can know. */
static int
check(struct pg_scenario *s, struct pg_error *err)
{
	if (mac_given(s->destination_mac) == (s->gateway != 0))
		return pg_error_set(err, -EINVAL,
				    "%s:%u: tx.%s: give either tx.destination_mac or tx.gateway, whose "
				    "MAC is then asked for by ARP",
				    s->file, s->gateway ? s->gateway_line : s->tx.device_line,
				    s->gateway ? "gateway" : "destination_mac");
	if (s->burst == 0 || s->burst > BURST_MAX)
		return pg_error_set(err, -EINVAL, "%s:%u: burst: %llu is out of bounds; accepted: 1 to %u frames",
				    s->file, s->burst_line, (unsigned long long)s->burst, BURST_MAX);
	if (s->search.n_mixes == 0) {
		s->search.mixes[0] = s->mix;
		s->search.n_mixes = 1;
	}
	const int rc = check_flows(s, err);
	return rc < 0 ? rc : check_rates(s, err);
}

int
pg_scenario_parse(const char *file, const char *text, struct pg_scenario *out, struct pg_error *err)
{
	set_defaults(out);
	const int rc = pg_yaml_read(file, text, keys, out, err);
	if (rc < 0)
		return rc;
	snprintf(out->file, sizeof(out->file), "%s", file);
	if (strcmp(out->rx.device, out->tx.device) == 0)
		out->rx.device[0] = '\0';
	return check(out, err);
}

int
pg_scenario_load(const char *file, struct pg_scenario **out, struct pg_error *err)
{
	int rc = 0;
	FILE *in = fopen(file, "re");
	if (in == NULL)
		return pg_error_set(err, -errno, "%s: cannot be read: %s", file, strerror(errno));
	char *text = malloc(FILE_MAX);
	struct pg_scenario *scenario = malloc(sizeof(*scenario));
	if (text == NULL || scenario == NULL) {
		rc = pg_error_set(err, -ENOMEM, "%s: not enough memory", file);
		goto out;
	}
	const size_t bytes = fread(text, 1, FILE_MAX, in);
	if (ferror(in))
		rc = pg_error_set(err, -EIO, "%s: cannot be read: %s", file, strerror(errno));
	else if (bytes == FILE_MAX)
		rc = pg_error_set(err, -EFBIG, "%s: too large for a scenario; accepted: less than 1 MiB", file);
	else if (memchr(text, '\0', bytes) != NULL)
		rc = pg_error_set(err, -EINVAL, "%s: has zero bytes in it; accepted: YAML text", file);
	if (rc < 0)
		goto out;
	text[bytes] = '\0';
	rc = pg_scenario_parse(file, text, scenario, err);
out:
	if (rc == 0)
		*out = scenario;
	else
		free(scenario);
	free(text);
	fclose(in);
	return rc;
}

uint16_t
pg_scenario_max_frame(const struct pg_scenario *scenario)
{
	uint16_t max = scenario->mix.max;
	for (unsigned i = 0; i < scenario->search.n_mixes; i++)
		if (scenario->search.mixes[i].max > max)
			max = scenario->search.mixes[i].max;
	return max;
}
