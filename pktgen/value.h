/* SPDX-License-Identifier: BSD-3-Clause
 * The texts of a scenario into values. Every parser has one shape, so that a table of keys can name it: text in, value at
 * out, 0 or -EINVAL (not understood) or -ERANGE (understood, impossible). No I/O, no allocation; any thread. */
#ifndef PG_VALUE_H
#define PG_VALUE_H

#include <stdint.h>

#define PG_TEXT 256

enum pg_rate_kind {
	PG_RATE_MAX,    /* as fast as the port takes them */
	PG_RATE_PPS,    /* frames a second */
	PG_RATE_BITS,   /* bits of frames a second, without FCS */
	PG_RATE_PERCENT /* parts per million of the link, which also carries preamble, FCS and gap */
};

struct pg_rate {
	enum pg_rate_kind kind;
	uint64_t value;
};

struct pg_addr_range { /* IPv4, host order */
	uint32_t first, count;
};

struct pg_port_range { /* UDP */
	uint16_t first;
	uint32_t count;
};

struct pg_cpus {
	unsigned cpu[2]; /* transmitter, receiver */
	unsigned n;      /* 0: they float */
};

int pg_value_text(const char *text, void *out);       /* char[PG_TEXT] */
int pg_value_mac(const char *text, void *out);        /* uint8_t[6], unicast */
int pg_value_addr(const char *text, void *out);       /* uint32_t, host order, unicast */
int pg_value_addr_range(const char *text, void *out); /* struct pg_addr_range: "A", "A-B", "A/LEN" */
int pg_value_port_range(const char *text, void *out); /* struct pg_port_range: "N", "N-M" */
int pg_value_count(const char *text, void *out);      /* uint64_t: "1000", "64k", "1M" */
int pg_value_duration(const char *text, void *out);   /* uint64_t, ns: "10s", "500ms"; at most a week */
int pg_value_bits(const char *text, void *out);       /* uint64_t, bit/s: "10Gbit/s" */
int pg_value_percent(const char *text, void *out);    /* uint64_t, parts per million: "0.5%"; at most 100% */
int pg_value_rate(const char *text, void *out);       /* struct pg_rate: "1Mpps", "10Gbit/s", "50%", "max" */
int pg_value_cpus(const char *text, void *out);       /* struct pg_cpus: "1" or "1,2" */
int pg_value_mix(const char *text, void *out);        /* struct pg_mix */

#endif
