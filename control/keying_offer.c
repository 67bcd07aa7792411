/* SPDX-License-Identifier: BSD-3-Clause
 * Offers and answers as text. Pure; any thread.
 *
 * Lines and not JSON: a JSON library keeps copies of its strings on the heap, and this daemon parses what others send with
 * as little as it can. */
#include "control/keying_offer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control/attr.h"

#define HEAD       "culvert-keying 1"
#define SPI_MIN    256 /* RFC 4303 2.1 */
#define LINE_BYTES 128 /* the longest: a key's 72 digits */

/* ---- writing ---- */
struct writer {
	char *out;
	size_t used;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct writer *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(w->out + w->used, CTL_OFFER_BYTES - w->used, format, args);
	va_end(args);
	if (n > 0)
		w->used += (size_t)n;
	if (w->used >= CTL_OFFER_BYTES)
		w->used = CTL_OFFER_BYTES - 1;
}

/* Digit by digit: the formatter's buffers see no key. */
static void
put_hex(struct writer *w, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n && w->used + 2 < CTL_OFFER_BYTES; i++) {
		w->out[w->used++] = digits[bytes[i] >> 4];
		w->out[w->used++] = digits[bytes[i] & 15];
	}
	w->out[w->used] = 0;
}

static void
put_prefixes(struct writer *w, const char *word, const struct sadb_prefix *prefixes, uint32_t n)
{
	char text[SADB_ADDR_STRLEN];

	for (uint32_t i = 0; i < n; i++)
		put(w, "%s %s\n", word, sadb_prefix_format(&prefixes[i], text, sizeof(text)));
}

static void
put_limits(struct writer *w, const struct ctl_offer *offer)
{
	if (offer->hard_bytes != SADB_INF)
		put(w, "hard-bytes %" PRIu64 "\n", offer->hard_bytes);
	if (offer->hard_packets != SADB_INF)
		put(w, "hard-packets %" PRIu64 "\n", offer->hard_packets);
	if (offer->hard_s != 0)
		put(w, "hard-seconds %" PRIu64 "\n", offer->hard_s);
}

size_t
ctl_offer_encode(const struct ctl_offer *offer, char out[CTL_OFFER_BYTES])
{
	char local[SADB_ADDR_STRLEN], remote[SADB_ADDR_STRLEN];
	struct writer w = {.out = out};

	put(&w, HEAD "\nmessage %s\ntunnel %s\nexchange ", offer->answer ? "answer" : "offer", offer->tunnel);
	put_hex(&w, offer->nonce, sizeof(offer->nonce));
	put(&w, "\ngeneration %" PRIu64 "\ninstance ", offer->generation);
	put_hex(&w, offer->instance, sizeof(offer->instance));
	put(&w, "\nlocal %s\nremote %s\n", sadb_addr_format(&offer->local, local, sizeof(local)),
	    sadb_addr_format(&offer->remote, remote, sizeof(remote)));
	put_prefixes(&w, "local-prefix", offer->local_prefix, offer->n_local);
	put_prefixes(&w, "remote-prefix", offer->remote_prefix, offer->n_remote);
	put(&w, "algorithm %s\nesn %s\n", offer->algorithm->name, offer->esn ? "on" : "off");
	put_limits(&w, offer);
	put(&w, "spi 0x%08" PRIx32 "\nkey ", offer->spi);
	put_hex(&w, offer->key, offer->key_bytes);
	put_hex(&w, offer->salt, sizeof(offer->salt));
	put(&w, "\nend\n");
	return w.used;
}

/* ---- reading: each function takes a value and says whether it is one ---- */
static bool
get_number(const char *text, uint64_t *out)
{
	uint64_t value = 0;

	if (text[0] == 0 || (text[0] == '0' && text[1] != 0))
		return false;
	for (; *text != 0; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	*out = value;
	return true;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
get_hex(const char *text, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++, text += 2) {
		int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[0] == 0;
}

static bool
get_choice(const char *text, const char *no, const char *yes, bool *out)
{
	*out = strcmp(text, yes) == 0;
	return *out || strcmp(text, no) == 0;
}

static bool
get_message(const char *text, struct ctl_offer *out)
{
	return get_choice(text, "offer", "answer", &out->answer);
}

static bool
get_tunnel(const char *text, struct ctl_offer *out)
{
	snprintf(out->tunnel, sizeof(out->tunnel), "%s", text);
	return ctl_tunnel_name_valid(text);
}

static bool
get_exchange(const char *text, struct ctl_offer *out)
{
	return get_hex(text, out->nonce, sizeof(out->nonce));
}

static bool
get_generation(const char *text, struct ctl_offer *out)
{
	return get_number(text, &out->generation) && out->generation != 0 && out->generation < INT64_MAX;
}

static bool
get_instance(const char *text, struct ctl_offer *out)
{
	return get_hex(text, out->instance, sizeof(out->instance));
}

static bool
get_local(const char *text, struct ctl_offer *out)
{
	return sadb_addr_parse(text, &out->local) == 0;
}

static bool
get_remote(const char *text, struct ctl_offer *out)
{
	return sadb_addr_parse(text, &out->remote) == 0;
}

static bool
get_prefix(const char *text, struct sadb_prefix *prefixes, uint32_t *n)
{
	return *n < CTL_TUNNEL_PREFIXES && sadb_prefix_parse(text, &prefixes[(*n)++]) == 0;
}

static bool
get_local_prefix(const char *text, struct ctl_offer *out)
{
	return get_prefix(text, out->local_prefix, &out->n_local);
}

static bool
get_remote_prefix(const char *text, struct ctl_offer *out)
{
	return get_prefix(text, out->remote_prefix, &out->n_remote);
}

static bool
get_algorithm(const char *text, struct ctl_offer *out)
{
	out->algorithm = sadb_algorithm_named(text);
	return out->algorithm != NULL;
}

static bool
get_esn(const char *text, struct ctl_offer *out)
{
	return get_choice(text, "off", "on", &out->esn);
}

static bool
get_hard_bytes(const char *text, struct ctl_offer *out)
{
	return get_number(text, &out->hard_bytes) && out->hard_bytes != 0;
}

static bool
get_hard_packets(const char *text, struct ctl_offer *out)
{
	return get_number(text, &out->hard_packets) && out->hard_packets != 0;
}

static bool
get_hard_seconds(const char *text, struct ctl_offer *out)
{
	return get_number(text, &out->hard_s) && out->hard_s != 0;
}

static bool
get_spi(const char *text, struct ctl_offer *out)
{
	uint8_t bytes[4];

	if (strncmp(text, "0x", 2) != 0 || !get_hex(text + 2, bytes, sizeof(bytes)))
		return false;
	out->spi = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
	return out->spi >= SPI_MIN;
}

/* As long as that of some algorithm; whether of the offer's shows at its end. */
static bool
get_key(const char *text, struct ctl_offer *out)
{
	static const uint8_t zero[SADB_KEY_MAX];
	const size_t bytes = strlen(text) / 2;
	unsigned i = 0;

	while (sadb_algorithm_at(i) != NULL && sadb_algorithm_at(i)->key_bytes + SADB_SALT_BYTES != bytes)
		i++;
	if (sadb_algorithm_at(i) == NULL)
		return false;
	uint8_t both[SADB_KEY_MAX + SADB_SALT_BYTES] = {0};
	out->key_bytes = sadb_algorithm_at(i)->key_bytes;
	bool good = get_hex(text, both, bytes) && memcmp(both, zero, out->key_bytes) != 0;

	memcpy(out->key, both, out->key_bytes);
	memcpy(out->salt, both + out->key_bytes, sizeof(out->salt));
	sadb_wipe(both, sizeof(both));
	return good;
}

enum { REQUIRED = 1 << 0, MANY = 1 << 1 };

static const struct field {
	const char *word;
	bool (*get)(const char *text, struct ctl_offer *out);
	const char *accepted;
	unsigned flags;
} fields[] = {
    {"message", get_message, "offer or answer", REQUIRED},
    {"tunnel", get_tunnel, "a tunnel's name", REQUIRED},
    {"exchange", get_exchange, "32 hexadecimal digits", REQUIRED},
    {"generation", get_generation, "a number from 1 on", REQUIRED},
    {"instance", get_instance, "16 hexadecimal digits", REQUIRED},
    {"local", get_local, "an address", REQUIRED},
    {"remote", get_remote, "an address", REQUIRED},
    {"local-prefix", get_local_prefix, "a prefix, at most 16 times", REQUIRED | MANY},
    {"remote-prefix", get_remote_prefix, "a prefix, at most 16 times", REQUIRED | MANY},
    {"algorithm", get_algorithm, "aes-256-gcm-16, aes-128-gcm-16, chacha20-poly1305, aes-256-gmac or aes-128-gmac",
     REQUIRED},
    {"esn", get_esn, "on or off", REQUIRED},
    {"hard-bytes", get_hard_bytes, "a number from 1 on", 0},
    {"hard-packets", get_hard_packets, "a number from 1 on", 0},
    {"hard-seconds", get_hard_seconds, "a number from 1 on", 0},
    {"spi", get_spi, "0x and eight hexadecimal digits, from 0x00000100 on", REQUIRED},
    {"key", get_key, "72 hexadecimal digits, or 40 for 128 bits, not all zero", REQUIRED},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

struct reader {
	const char *at, *end;
	unsigned line;
	char value[LINE_BYTES]; /* the line; wiped by the caller */
};

/* The next line, without its end. */
static bool
next_line(struct reader *r)
{
	const char *end = r->at < r->end ? memchr(r->at, '\n', (size_t)(r->end - r->at)) : NULL;
	size_t n = end != NULL ? (size_t)(end - r->at) : 0;

	r->line++;
	if (end == NULL || n >= sizeof(r->value) || memchr(r->at, 0, n) != NULL)
		return false;
	memcpy(r->value, r->at, n);
	/* A file that went through another system's editor. */
	r->value[n > 0 && r->value[n - 1] == '\r' ? n - 1 : n] = 0;
	r->at = end + 1;
	return true;
}

static int
take_line(struct reader *r, unsigned *seen, struct ctl_offer *out, struct sadb_error *err)
{
	char *value = strchr(r->value, ' ');
	size_t i = 0;

	if (value != NULL)
		*value++ = 0;
	while (value != NULL && i < FIELDS && strcmp(fields[i].word, r->value) != 0)
		i++;
	if (value == NULL || i == FIELDS)
		return ctl_refuse(err, -EINVAL, 0, "line %u of the offer is no word of version 1 and its value",
				  r->line);
	if ((*seen & 1u << i) != 0 && (fields[i].flags & MANY) == 0)
		return ctl_refuse(err, -EINVAL, 0, "line %u of the offer: %s is given twice", r->line, fields[i].word);
	*seen |= 1u << i;
	if (!fields[i].get(value, out))
		return ctl_refuse(err, -EINVAL, 0, "line %u of the offer: %s: accepted is %s", r->line, fields[i].word,
				  fields[i].accepted);
	return 0;
}

static int
take_lines(struct reader *r, struct ctl_offer *out, struct sadb_error *err)
{
	unsigned seen = 0;

	if (!next_line(r) || strcmp(r->value, HEAD) != 0)
		return ctl_refuse(err, -EINVAL, 0,
				  "this is no offer: accepted is what 'culvert tunnel offer' or 'accept' wrote, whose "
				  "first line is '" HEAD "'");
	for (;;) {
		if (!next_line(r))
			return ctl_refuse(err, -EINVAL, 0,
					  "the offer is cut off at line %u or the line is too long: it ends with 'end'",
					  r->line);
		if (strcmp(r->value, "end") == 0)
			break;
		int rc = take_line(r, &seen, out, err);
		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < FIELDS; i++)
		if ((fields[i].flags & REQUIRED) != 0 && (seen & 1u << i) == 0)
			return ctl_refuse(err, -EINVAL, 0, "the offer lacks the line '%s'", fields[i].word);
	if (out->key_bytes != out->algorithm->key_bytes)
		return ctl_refuse(err, -EINVAL, 0, "the offer's key has %u bytes, but %s takes %u", out->key_bytes,
				  out->algorithm->name, out->algorithm->key_bytes);
	if (r->at != r->end)
		return ctl_refuse(err, -EINVAL, 0, "the offer goes on after its 'end': one offer at a time");
	return 0;
}

int
ctl_offer_decode(const struct ctl_keying_text *text, struct ctl_offer *out, struct sadb_error *err)
{
	struct reader r = {.at = text->text, .end = text->text + text->bytes};
	int rc;

	memset(out, 0, sizeof(*out));
	out->hard_bytes = out->hard_packets = SADB_INF;
	rc = take_lines(&r, out, err);
	sadb_wipe(r.value, sizeof(r.value));
	if (rc != 0)
		sadb_wipe(out, sizeof(*out));
	return rc;
}
