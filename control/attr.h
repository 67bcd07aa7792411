/* SPDX-License-Identifier: BSD-3-Clause
 * Netlink attributes for both codecs: checked parsing by a table of rules, bounded building. Pure; any thread. */
#ifndef CTL_ATTR_H
#define CTL_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "sa-db/sadb.h"

/* One attribute number: its name for the operator and the fewest bytes it may have (as the kernel's policies say). */
struct ctl_attr_rule {
	const char *name; /* NULL: not known here, skipped */
	uint16_t min_bytes;
};

struct ctl_attr_rules {
	const struct ctl_attr_rule *rule;
	uint16_t max; /* highest number in rule[] */
};

/* Writes a line into err, names the attribute at fault (0: none) and returns rc, a negative errno. */
int ctl_refuse(struct sadb_error *err, int rc, uint16_t attr, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sorts the attributes in bytes [from, from + bytes) by number into at[0..rules->max]; of repeated ones the last counts,
 * as in the kernel. Unknown numbers are skipped. -EINVAL with err filled when a length is wrong. from is 4-aligned. */
int ctl_attr_parse(const void *from, size_t bytes, const struct ctl_attr_rules *rules, const struct nlattr *at[],
		   struct sadb_error *err);

/* The first attribute of that type in bytes [from, from + bytes), NULL when it is not there. Nothing past the last byte is
 * read, which mnl_attr_for_each() does in a message of odd length. from is 4-aligned. */
const struct nlattr *ctl_attr_find(const void *from, size_t bytes, uint16_t type);

/* Copies the first bytes of an attribute, whose length the rules have checked. Payloads are 4-aligned only. */
static inline void
ctl_attr_copy(void *out, const struct nlattr *attr, size_t bytes)
{
	memcpy(out, mnl_attr_get_payload(attr), bytes);
}

/* A message under construction in a buffer of known size. Once something did not fit, full stays set. */
struct ctl_put {
	struct nlmsghdr *nlh;
	size_t size;
	bool full;
};

/* Starts a message: header copied (but for its length), body bytes zeroed after it. Returns the body's place, NULL when
 * it does not fit. Bodies are 4-aligned: copy structs with 64-bit members in. */
void *ctl_put_start(struct ctl_put *put, void *buf, size_t size, const struct nlmsghdr *header, size_t body);
/* Room for an attribute, zeroed; NULL when it does not fit. */
void *ctl_put_room(struct ctl_put *put, uint16_t type, size_t bytes);
void ctl_put_attr(struct ctl_put *put, uint16_t type, const void *data, size_t bytes);
void ctl_put_u16(struct ctl_put *put, uint16_t type, uint16_t value);
void ctl_put_u32(struct ctl_put *put, uint16_t type, uint32_t value);
void ctl_put_u64(struct ctl_put *put, uint16_t type, uint64_t value);
void ctl_put_str(struct ctl_put *put, uint16_t type, const char *text);
/* Attributes put between open and close lie inside one of the given type. */
struct nlattr *ctl_put_nest_open(struct ctl_put *put, uint16_t type);
void ctl_put_nest_close(struct ctl_put *put, struct nlattr *nest);
/* The message's length, 0 when it did not fit. */
size_t ctl_put_end(const struct ctl_put *put);

#endif
