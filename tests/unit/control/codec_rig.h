/* SPDX-License-Identifier: BSD-3-Clause
 * For the codecs' tests: messages in buffers of exactly their size, so that a sanitizer sees one byte read too far. */
#ifndef TEST_CODEC_RIG_H
#define TEST_CODEC_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <linux/netlink.h>

static inline uint8_t
rig_nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* A message from hexadecimal text; free() it. */
static inline struct nlmsghdr *
rig_message(const char *hex)
{
	size_t bytes = strlen(hex) / 2;
	uint8_t *out = malloc(bytes);

	assert_non_null(out);
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(rig_nibble(hex[2 * i]) << 4 | rig_nibble(hex[2 * i + 1]));
	assert_int_equal(((struct nlmsghdr *)out)->nlmsg_len, bytes);
	return (struct nlmsghdr *)out;
}

/* The first bytes of a message, which says that this is all of it; free() it. */
static inline struct nlmsghdr *
rig_cut(const struct nlmsghdr *nlh, size_t bytes)
{
	struct nlmsghdr *out = malloc(bytes);

	assert_non_null(out);
	memcpy(out, nlh, bytes);
	out->nlmsg_len = (uint32_t)bytes;
	return out;
}

/* The first attribute of that type after a fixed part of body bytes. */
static inline struct nlattr *
rig_attr(struct nlmsghdr *nlh, size_t body, uint16_t type)
{
	for (size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(body); at < nlh->nlmsg_len;) {
		struct nlattr *attr = (struct nlattr *)((uint8_t *)nlh + at);

		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	fail_msg("attribute %u is not there", type);
	return NULL;
}

/* The message with one more attribute at its end; frees the old one. */
static inline struct nlmsghdr *
rig_add(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t bytes)
{
	size_t at = NLMSG_ALIGN(nlh->nlmsg_len), total = at + NLA_HDRLEN + NLA_ALIGN(bytes);
	struct nlmsghdr *out = calloc(1, total);
	struct nlattr attr = {.nla_len = (uint16_t)(NLA_HDRLEN + bytes), .nla_type = type};

	assert_non_null(out);
	memcpy(out, nlh, nlh->nlmsg_len);
	memcpy((uint8_t *)out + at, &attr, sizeof(attr));
	memcpy((uint8_t *)out + at + NLA_HDRLEN, data, bytes);
	out->nlmsg_len = (uint32_t)total;
	free(nlh);
	return out;
}

#endif
