/* SPDX-License-Identifier: BSD-3-Clause
 * The texts of a scenario into values. No I/O, no allocation; any thread. */
#include "pktgen/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pktgen/mix.h"

#define DIGITS_MAX 15 /* of a number, point left out: any product with a unit's scale fits 128 bits */
#define WEEK_NS    (UINT64_C(7) * 24 * 3600 * 1000000000)
#define PPS_MAX    UINT64_C(10000000000)
#define BITS_MAX   UINT64_C(10000000000000)

struct unit {
	const char *name;
	uint64_t scale;
	enum pg_rate_kind kind; /* of rates */
};

/* "1.5 Mpps" with a table of units: value times the unit's scale, rounded down. */
static int
scaled(const char *text, const struct unit *units, const struct unit **unit, uint64_t *out)
{
	unsigned __int128 value = 0;
	uint64_t divisor = 1;
	unsigned digits = 0;
	bool point = false;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point && digits > 0); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		if (++digits > DIGITS_MAX)
			return -ERANGE;
		value = value * 10 + (unsigned)(*text - '0');
		divisor *= point ? 10 : 1;
	}
	if (digits == 0 || text[-1] == '.')
		return -EINVAL;
	if (*text == ' ')
		text++;
	while (units->name != NULL && strcmp(units->name, text) != 0)
		units++;
	if (units->name == NULL)
		return -EINVAL;
	value = value * units->scale / divisor;
	if (value > UINT64_MAX)
		return -ERANGE;
	*unit = units;
	*out = (uint64_t)value;
	return 0;
}

int
pg_value_text(const char *text, void *out)
{
	if (strlen(text) >= PG_TEXT)
		return -ERANGE;
	strcpy(out, text);
	return 0;
}

int
pg_value_mac(const char *text, void *out)
{
	uint8_t mac[6];
	int end = -1;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5],
		   &end) != 6 ||
	    end != 17)
		return -EINVAL;
	if ((mac[0] & 1) != 0 || memcmp(mac, (uint8_t[6]){0}, 6) == 0)
		return -ERANGE;
	memcpy(out, mac, 6);
	return 0;
}

/* Routers drop what claims to come from or go to anything else. */
static bool
unicast(uint32_t addr)
{
	return addr >> 24 != 0 && addr >> 24 != 127 && addr < UINT32_C(0xe0000000);
}

static int
addr_text(const char *text, size_t len, uint32_t *out)
{
	char buf[INET_ADDRSTRLEN];
	struct in_addr addr;

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, &addr) != 1)
		return -EINVAL;
	*out = ntohl(addr.s_addr);
	return 0;
}

int
pg_value_addr(const char *text, void *out)
{
	uint32_t addr;
	const int rc = addr_text(text, strlen(text), &addr);
	if (rc < 0)
		return rc;
	if (!unicast(addr))
		return -ERANGE;
	memcpy(out, &addr, sizeof(addr));
	return 0;
}

/* Decimal digits from 0 to max; -1 when it is something else. */
static long
whole(const char *text, size_t len, long max)
{
	long value = 0;
	if (len == 0 || len > 6)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value <= max ? value : -1;
}

/* A prefix without its first and last address, which name the network and its broadcast; /31 and /32 have neither. */
static int
prefix(uint32_t addr, const char *len_text, uint32_t *first, uint32_t *last)
{
	const long len = whole(len_text, strlen(len_text), 32);
	if (len < 0)
		return -EINVAL;
	if (len < 8)
		return -ERANGE;
	const uint32_t hosts = (uint32_t)((UINT64_C(1) << (32 - len)) - 1);
	if ((addr & hosts) != 0)
		return -EINVAL;
	*first = addr + (len < 31 ? 1 : 0);
	*last = addr + hosts - (len < 31 ? 1 : 0);
	return 0;
}

int
pg_value_addr_range(const char *text, void *out)
{
	struct pg_addr_range *range = out;
	uint32_t first, last;
	const size_t len = strcspn(text, "-/");
	int rc = addr_text(text, len, &first);

	if (rc < 0)
		return rc;
	last = first;
	if (text[len] == '-')
		rc = addr_text(text + len + 1, strlen(text + len + 1), &last);
	else if (text[len] == '/')
		rc = prefix(first, text + len + 1, &first, &last);
	if (rc < 0)
		return rc;
	if (last < first || !unicast(first) || !unicast(last) || (first >> 24 < 127 && last >> 24 > 127))
		return -ERANGE;
	*range = (struct pg_addr_range){.first = first, .count = last - first + 1};
	return 0;
}

int
pg_value_port_range(const char *text, void *out)
{
	struct pg_port_range *range = out;
	const size_t len = strcspn(text, "-");
	const long first = whole(text, len, UINT16_MAX);
	const long last = text[len] == '-' ? whole(text + len + 1, strlen(text + len + 1), UINT16_MAX) : first;

	if (first < 0 || last < 0)
		return -EINVAL;
	if (first == 0 || last < first)
		return -ERANGE;
	*range = (struct pg_port_range){.first = (uint16_t)first, .count = (uint32_t)(last - first + 1)};
	return 0;
}

int
pg_value_count(const char *text, void *out)
{
	static const struct unit units[] = {{"", 1, 0}, {"k", 1000, 0}, {"M", 1000000, 0}, {NULL, 0, 0}};
	const struct unit *unit;
	return strchr(text, '.') != NULL ? -EINVAL : scaled(text, units, &unit, out);
}

int
pg_value_duration(const char *text, void *out)
{
	static const struct unit units[] = {
	    {"us", 1000, 0}, {"ms", 1000000, 0}, {"s", 1000000000, 0}, {"min", UINT64_C(60000000000), 0}, {NULL, 0, 0}};
	const struct unit *unit;
	uint64_t ns;
	const int rc = scaled(text, units, &unit, &ns);

	if (rc < 0)
		return rc;
	if (ns > WEEK_NS)
		return -ERANGE;
	memcpy(out, &ns, sizeof(ns));
	return 0;
}

static const struct unit rates[] = {{"pps", 1, PG_RATE_PPS},
				    {"kpps", 1000, PG_RATE_PPS},
				    {"Mpps", 1000000, PG_RATE_PPS},
				    {"bit/s", 1, PG_RATE_BITS},
				    {"kbit/s", 1000, PG_RATE_BITS},
				    {"Mbit/s", 1000000, PG_RATE_BITS},
				    {"Gbit/s", 1000000000, PG_RATE_BITS},
				    {"%", 10000, PG_RATE_PERCENT},
				    {NULL, 0, PG_RATE_MAX}};

int
pg_value_rate(const char *text, void *out)
{
	static const uint64_t most[] = {
	    [PG_RATE_PPS] = PPS_MAX, [PG_RATE_BITS] = BITS_MAX, [PG_RATE_PERCENT] = 1000000};
	struct pg_rate *rate = out;
	const struct unit *unit;
	uint64_t value;

	if (strcmp(text, "max") == 0) {
		*rate = (struct pg_rate){.kind = PG_RATE_MAX};
		return 0;
	}
	const int rc = scaled(text, rates, &unit, &value);
	if (rc < 0)
		return rc;
	if (value == 0 || value > most[unit->kind])
		return -ERANGE;
	*rate = (struct pg_rate){.kind = unit->kind, .value = value};
	return 0;
}

/* A rate of one kind, zero allowed. */
static int
rate_of(const char *text, enum pg_rate_kind kind, uint64_t most, uint64_t *out)
{
	const struct unit *unit;
	uint64_t value;
	const int rc = scaled(text, rates, &unit, &value);

	if (rc < 0)
		return rc;
	if (unit->kind != kind)
		return -EINVAL;
	if (value > most)
		return -ERANGE;
	*out = value;
	return 0;
}

int
pg_value_bits(const char *text, void *out)
{
	return rate_of(text, PG_RATE_BITS, BITS_MAX, out);
}

int
pg_value_percent(const char *text, void *out)
{
	return rate_of(text, PG_RATE_PERCENT, 1000000, out);
}

int
pg_value_cpus(const char *text, void *out)
{
	struct pg_cpus cpus = {.n = 0};
	for (;;) {
		const size_t len = strcspn(text, ",");
		const long cpu = whole(text, len, 1023);
		if (cpu < 0 || cpus.n == 2)
			return -EINVAL;
		cpus.cpu[cpus.n++] = (unsigned)cpu;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	memcpy(out, &cpus, sizeof(cpus));
	return 0;
}

int
pg_value_mix(const char *text, void *out)
{
	return pg_mix_parse(text, out);
}
