/* SPDX-License-Identifier: BSD-3-Clause
 * Values of arguments: numbers with their suffixes, addresses, prefixes, names of protocols, fixed words. The command's
 * only thread. */
#include "control/cli/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "control/cli/names.h"
#include "control/tunnel.h"

#define PROTOS_MAX 32 /* more than have names */

struct suffix {
	char letter;
	uint64_t factor;
};

static const struct suffix byte_suffixes[] = {
    {'K', 1ull << 10}, {'M', 1ull << 20}, {'G', 1ull << 30}, {'T', 1ull << 40}, {0, 0}};
static const struct suffix packet_suffixes[] = {{'K', 1000}, {'M', 1000000}, {'G', 1000000000}, {0, 0}};
static const struct suffix time_suffixes[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0, 0}};
static const struct suffix no_suffixes[] = {{0, 0}};

const struct cli_kind_info cli_kinds[CLI_KINDS] = {
    [CLI_KIND_ADDR] = {"ADDR", "an IPv4 or IPv6 address"},
    [CLI_KIND_PREFIX] = {"PREFIX", "an address and its prefix length, such as 10.1.0.0/16; no length: that address"},
    [CLI_KIND_SPI] = {"SPI", "hexadecimal with 0x, or decimal"},
    [CLI_KIND_NUMBER] = {"N", "a number, decimal or hexadecimal with 0x"},
    [CLI_KIND_BYTES] = {"BYTES", "a number of bytes; K, M, G or T after it multiply by powers of 1024"},
    [CLI_KIND_PACKETS] = {"PACKETS", "a number of packets; K, M or G after it multiply by powers of 1000"},
    [CLI_KIND_SECONDS] = {"SECONDS", "a number of seconds; m, h or d after it make it minutes, hours or days"},
    [CLI_KIND_VNET] = {"VNET", "a virtual network's name or id (culvert vnet show)"},
    [CLI_KIND_PROTO] = {"PROTO", "a protocol's number, 0 to 255, or its name"},
    [CLI_KIND_PORTS] = {"PORT[-PORT]", "a number, or the first and the last of a range such as 5000-5007"},
    [CLI_KIND_FILE] = {"FILE", "a path; - is standard input or output"},
    [CLI_KIND_OBJECT] = {"OBJECT", "a word of the first level"},
    [CLI_KIND_NAME] = {"NAME", "letters, digits, '.', '_' and '-', not '.' or '-' first, at most 31"},
    [CLI_KIND_PREFIXES] = {"PREFIXES", "prefixes with commas between, such as 10.1.0.0/16,10.3.0.0/16; at most 16"},
    [CLI_KIND_PROGRAM] = {"PROGRAM", "a program and its arguments as one word, in quotes; no shell reads it"},
    [CLI_KIND_ALGORITHM] =
	{"ALGORITHM",
	 "aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305; aes-256-gmac, aes-128-gmac: these do not encrypt"},
    [CLI_KIND_VERB] = {"VERB", "a word of the second level"},
    [CLI_KIND_COMMAND] = {"-- COMMAND [ARGUMENT]...", NULL},
};

/* Digits, decimal or 0x hexadecimal (never octal: a leading zero is a habit of tables, not a base), then at most one
 * suffix. -EINVAL: not a number, -ERANGE: more than 64 bits. */
static int
number(const char *text, const struct suffix *suffixes, uint64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *p = hex ? text + 2 : text;
	const char *start = p;
	uint64_t value = 0;

	for (; hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p); p++) {
		unsigned digit = isdigit((unsigned char)*p) ? *p - '0' : tolower((unsigned char)*p) - 'a' + 10;

		if (__builtin_mul_overflow(value, hex ? 16u : 10u, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	if (p == start)
		return -EINVAL;
	for (const struct suffix *s = suffixes; *p != 0 && s->letter != 0; s++) {
		if (toupper((unsigned char)*p) != toupper((unsigned char)s->letter) || p[1] != 0)
			continue;
		if (__builtin_mul_overflow(value, s->factor, &value))
			return -ERANGE;
		p++;
	}
	if (*p != 0)
		return -EINVAL;
	*out = value;
	return 0;
}

static const struct suffix *
suffixes_of(enum cli_kind kind)
{
	switch (kind) {
	case CLI_KIND_BYTES:
		return byte_suffixes;
	case CLI_KIND_PACKETS:
		return packet_suffixes;
	case CLI_KIND_SECONDS:
		return time_suffixes;
	default:
		return no_suffixes;
	}
}

static int
choice(const struct cli_arg *arg, const char *text)
{
	for (int i = 0; arg->choices != NULL && arg->choices[i] != NULL; i++)
		if (strcmp(arg->choices[i], text) == 0)
			return i;
	return -1;
}

static int
parse_choice(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err)
{
	int i = choice(arg, text);
	size_t n = 0;

	if (i >= 0) {
		out->number = (arg->flags & CLI_MANY) != 0 ? out->number | 1ull << i : (uint64_t)i;
		return 0;
	}
	while (arg->choices[n] != NULL)
		n++;
	cli_text_set(err, "%s: unknown word ", arg->word);
	cli_text_quote(err, text);
	cli_text_candidates(err, text, arg->choices, n);
	return -EINVAL;
}

static int
parse_number(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err)
{
	bool hex = arg->kind == CLI_KIND_SPI;
	uint64_t value;
	int rc;

	if (choice(arg, text) >= 0) {
		out->number = 0;
		return 0;
	}
	rc = number(text, suffixes_of(arg->kind), &value);
	if (rc == 0 && value >= arg->min && value <= arg->max) {
		out->number = value;
		return 0;
	}
	cli_text_set(err, "%s: ", arg->word);
	cli_text_quote(err, text);
	cli_text_add(err, rc == -EINVAL ? " is not a number; accepted: " : " is out of range; accepted: ");
	cli_text_add(err, hex ? "0x%" PRIx64 " to 0x%" PRIx64 " (%s)" : "%" PRIu64 " to %" PRIu64 " (%s)", arg->min,
		     arg->max, cli_kinds[arg->kind].accepts);
	for (int i = 0; arg->choices != NULL && arg->choices[i] != NULL; i++)
		cli_text_add(err, " or %s", arg->choices[i]);
	return -EINVAL;
}

/* first and last with a dash between, or one number. */
static int
parse_ports(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err)
{
	const char *dash = strchr(text, '-');
	struct cli_value first = {0}, last = {0};
	char piece[8];

	if (dash == NULL) {
		if (parse_number(arg, text, &first, err) != 0)
			return -EINVAL;
		last = first;
	} else {
		snprintf(piece, sizeof(piece), "%.*s", dash - text < (int)sizeof(piece) ? (int)(dash - text) : 0, text);
		if (parse_number(arg, piece, &first, err) != 0 || parse_number(arg, dash + 1, &last, err) != 0)
			return -EINVAL;
	}
	if (first.number > last.number)
		return cli_text_set(err, "%s: %s ends before it begins; did you mean %" PRIu64 "-%" PRIu64 "?",
				    arg->word, text, last.number, first.number);
	out->number = first.number;
	out->last = last.number;
	return 0;
}

static int
parse_proto(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err)
{
	const char *names[PROTOS_MAX];
	uint64_t value;
	uint8_t proto;
	unsigned n = 0;

	while (n < PROTOS_MAX && (names[n] = cli_proto_at(n, &proto)) != NULL) {
		if (strcmp(text, names[n++]) == 0) {
			out->number = proto;
			return 0;
		}
	}
	if (number(text, no_suffixes, &value) == 0 && value <= UINT8_MAX) {
		out->number = value;
		return 0;
	}
	cli_text_set(err, "%s: unknown protocol ", arg->word);
	cli_text_quote(err, text);
	cli_text_candidates(err, text, names, n);
	cli_text_add(err, " or 0 to 255");
	return -EINVAL;
}

static int
parse_prefix(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err)
{
	char buf[SADB_ADDR_STRLEN];
	struct sadb_prefix prefix, trimmed;
	bool ok = arg->kind == CLI_KIND_ADDR ? strchr(text, '/') == NULL && sadb_addr_parse(text, &prefix.addr) == 0
					     : sadb_prefix_parse(text, &prefix) == 0;

	if (!ok) {
		cli_text_set(err, "%s: ", arg->word);
		cli_text_quote(err, text);
		cli_text_add(err, " is not %s", cli_kinds[arg->kind].accepts);
		return -EINVAL;
	}
	if (arg->kind == CLI_KIND_ADDR)
		prefix.len = prefix.addr.family == AF_INET ? 32 : 128;
	trimmed = prefix;
	sadb_prefix_trim(&trimmed);
	if (!sadb_addr_equal(&trimmed.addr, &prefix.addr)) {
		sadb_prefix_format(&trimmed, buf, sizeof(buf));
		return cli_text_set(err, "%s: %s has bits beyond its prefix length; did you mean %s?", arg->word, text,
				    buf);
	}
	out->prefix = prefix;
	return 0;
}

int
cli_value_prefixes(const struct cli_arg *arg, const char *text, struct sadb_prefix out[], unsigned max,
		   struct cli_text *err)
{
	char piece[SADB_ADDR_STRLEN];
	struct cli_value value;
	unsigned n = 0;

	for (;; text++) {
		const size_t bytes = strcspn(text, ",");

		if (n == max)
			return cli_text_set(err, "%s: more than %u prefixes", arg->word, max);
		snprintf(piece, sizeof(piece), "%.*s", bytes < sizeof(piece) ? (int)bytes : 0, text);
		if (parse_prefix(arg, piece, &value, err) != 0)
			return -EINVAL;
		out[n++] = value.prefix;
		text += bytes;
		if (*text == 0)
			return (int)n;
	}
}

static int
parse_name(const struct cli_arg *arg, const char *text, struct cli_text *err)
{
	if (ctl_tunnel_name_valid(text))
		return 0;
	cli_text_set(err, "%s: ", arg->word);
	cli_text_quote(err, text);
	cli_text_add(err, " is no name; accepted: %s", cli_kinds[CLI_KIND_NAME].accepts);
	return -EINVAL;
}

int
cli_value_parse(const struct cli_arg *arg, const char *text, struct cli_value *out, struct cli_text *err)
{
	int rc = 0;

	switch ((enum cli_kind)arg->kind) {
	case CLI_KIND_ADDR:
	case CLI_KIND_PREFIX:
		rc = parse_prefix(arg, text, out, err);
		break;
	case CLI_KIND_SPI:
	case CLI_KIND_NUMBER:
	case CLI_KIND_BYTES:
	case CLI_KIND_PACKETS:
	case CLI_KIND_SECONDS:
		rc = parse_number(arg, text, out, err);
		break;
	case CLI_KIND_PROTO:
		rc = parse_proto(arg, text, out, err);
		break;
	case CLI_KIND_PORTS:
		rc = parse_ports(arg, text, out, err);
		break;
	case CLI_KIND_CHOICE:
	case CLI_KIND_ALGORITHM:
		rc = parse_choice(arg, text, out, err);
		break;
	case CLI_KIND_PREFIXES: {
		struct sadb_prefix prefixes[CTL_TUNNEL_PREFIXES];

		rc = cli_value_prefixes(arg, text, prefixes, CTL_TUNNEL_PREFIXES, err) > 0 ? 0 : -EINVAL;
		break;
	}
	case CLI_KIND_NAME:
		rc = parse_name(arg, text, err);
		break;
	case CLI_KIND_TRAP:
		return cli_text_set(err, "%s: %s", arg->word, arg->help);
	case CLI_KIND_VNET:
	case CLI_KIND_PROGRAM:
	case CLI_KIND_FILE:
	case CLI_KIND_OBJECT:
	case CLI_KIND_VERB:
	case CLI_KIND_COMMAND:
	case CLI_KINDS:
		if (text[0] == 0)
			return cli_text_set(err, "%s: empty; accepted: %s", arg->word,
					    cli_kinds[arg->kind].accepts != NULL ? cli_kinds[arg->kind].accepts
										 : "a name");
		break;
	}
	if (rc == 0)
		out->text = text;
	return rc;
}

void
cli_value_syntax(const struct cli_arg *arg, struct cli_text *out)
{
	const char *name = cli_kinds[arg->kind].name;

	if (name != NULL)
		cli_text_add(out, "%s", name);
	if (arg->kind == CLI_KIND_ALGORITHM)
		return;
	for (int i = 0; arg->choices != NULL && arg->choices[i] != NULL; i++)
		cli_text_add(out, "%s%s", i > 0 || name != NULL ? "|" : "", arg->choices[i]);
}

void
cli_arg_syntax(const struct cli_arg *arg, struct cli_text *out)
{
	cli_text_add(out, "%s", arg->word);
	if ((arg->flags & CLI_BARE) != 0 && arg->choices == NULL)
		return; /* its name says what it is */
	cli_text_add(out, " ");
	cli_value_syntax(arg, out);
}
