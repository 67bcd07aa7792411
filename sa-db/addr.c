/* SPDX-License-Identifier: BSD-3-Clause
 * Addresses, prefixes and selectors: text, comparison, matching. Pure functions, any thread. */
#include "sa-db/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

unsigned
sadb_addr_bits(uint8_t family)
{
	return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

struct sadb_addr
sadb_addr_v4(rte_be32_t addr_be)
{
	struct sadb_addr addr = {.family = AF_INET};
	memcpy(addr.bytes, &addr_be, sizeof(addr_be));
	return addr;
}

rte_be32_t
sadb_addr_to_v4(const struct sadb_addr *addr)
{
	rte_be32_t addr_be;
	memcpy(&addr_be, addr->bytes, sizeof(addr_be));
	return addr_be;
}

struct sadb_addr
sadb_addr_v6(const uint8_t bytes[16])
{
	struct sadb_addr addr = {.family = AF_INET6};
	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	return addr;
}

bool
sadb_addr_equal(const struct sadb_addr *a, const struct sadb_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int
sadb_addr_parse(const char *text, struct sadb_addr *out)
{
	struct sadb_addr addr = {.family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET};
	if (inet_pton(addr.family, text, addr.bytes) != 1)
		return -EINVAL;
	*out = addr;
	return 0;
}

uint32_t
sadb_addr_fold(const uint8_t bytes[16])
{
	uint32_t word[4];
	memcpy(word, bytes, sizeof(word));
	return word[0] ^ word[1] ^ word[2] ^ word[3];
}

/* Decimal digits only: no sign, no space, no leading zero that could be read as octal elsewhere. */
static int
parse_len(const char *text, unsigned max, uint8_t *len)
{
	unsigned value = 0;
	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*p - '0');
		if (value > max)
			return -EINVAL;
	}
	*len = (uint8_t)value;
	return 0;
}

int
sadb_prefix_parse(const char *text, struct sadb_prefix *out)
{
	char buf[SADB_ADDR_STRLEN];
	struct sadb_prefix prefix = {.len = 0};
	const char *slash = strchr(text, '/');
	size_t addr_chars = slash != NULL ? (size_t)(slash - text) : strlen(text);

	if (addr_chars >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, addr_chars);
	buf[addr_chars] = '\0';
	int rc = sadb_addr_parse(buf, &prefix.addr);
	if (rc != 0)
		return rc;
	prefix.len = (uint8_t)sadb_addr_bits(prefix.addr.family);
	if (slash != NULL)
		rc = parse_len(slash + 1, prefix.len, &prefix.len);
	if (rc == 0)
		*out = prefix;
	return rc;
}

const char *
sadb_addr_format(const struct sadb_addr *addr, char *buf, size_t size)
{
	if (size == 0)
		return buf;
	char text[INET6_ADDRSTRLEN];
	if (sadb_addr_bits(addr->family) == 0 || inet_ntop(addr->family, addr->bytes, text, sizeof(text)) == NULL)
		strcpy(text, "any");
	snprintf(buf, size, "%s", text);
	return buf;
}

const char *
sadb_prefix_format(const struct sadb_prefix *prefix, char *buf, size_t size)
{
	char text[SADB_ADDR_STRLEN];
	if (size == 0)
		return buf;
	sadb_addr_format(&prefix->addr, text, sizeof(text));
	if (sadb_addr_bits(prefix->addr.family) == 0)
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, "%s/%u", text, prefix->len);
	return buf;
}

void
sadb_prefix_trim(struct sadb_prefix *prefix)
{
	for (unsigned i = 0; i < sizeof(prefix->addr.bytes); i++) {
		unsigned fixed = prefix->len > 8 * i ? prefix->len - 8 * i : 0;
		if (fixed < 8)
			prefix->addr.bytes[i] &= (uint8_t)(0xff00 >> fixed);
	}
}

static bool
bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;
	if (memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a[bytes] ^ b[bytes]) & (uint8_t)(0xff00 >> rest)) == 0;
}

bool
sadb_prefix_contains(const struct sadb_prefix *prefix, const struct sadb_addr *addr)
{
	if (prefix->addr.family == AF_UNSPEC)
		return true;
	if (prefix->addr.family != addr->family || prefix->len > sadb_addr_bits(addr->family))
		return false;
	return bits_equal(prefix->addr.bytes, addr->bytes, prefix->len);
}

bool
sadb_selector_matches(const struct sadb_selector *sel, const struct sadb_flow *flow)
{
	return (sel->proto == 0 || sel->proto == flow->proto) &&
	       ((sel->sport_be ^ flow->sport_be) & sel->sport_mask_be) == 0 &&
	       ((sel->dport_be ^ flow->dport_be) & sel->dport_mask_be) == 0 &&
	       sadb_prefix_contains(&sel->src, &flow->src) && sadb_prefix_contains(&sel->dst, &flow->dst);
}

static bool
prefix_equal(const struct sadb_prefix *a, const struct sadb_prefix *b)
{
	if (a->addr.family != b->addr.family)
		return false;
	if (a->addr.family == AF_UNSPEC)
		return true;
	return a->len == b->len && a->len <= sadb_addr_bits(a->addr.family) &&
	       bits_equal(a->addr.bytes, b->addr.bytes, a->len);
}

/* Equal means: they match the same packets. Bits outside a prefix or a mask do not count. */
bool
sadb_selector_equal(const struct sadb_selector *a, const struct sadb_selector *b)
{
	return a->proto == b->proto && a->sport_mask_be == b->sport_mask_be && a->dport_mask_be == b->dport_mask_be &&
	       ((a->sport_be ^ b->sport_be) & a->sport_mask_be) == 0 &&
	       ((a->dport_be ^ b->dport_be) & a->dport_mask_be) == 0 && prefix_equal(&a->src, &b->src) &&
	       prefix_equal(&a->dst, &b->dst);
}
