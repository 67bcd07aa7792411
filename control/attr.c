/* SPDX-License-Identifier: BSD-3-Clause
 * Checked parsing and bounded building of netlink attributes. Pure; any thread. */
#include "control/attr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int
ctl_refuse(struct sadb_error *err, int rc, uint16_t attr, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	err->attr = attr;
	return rc;
}

int
ctl_attr_parse(const void *from, size_t bytes, const struct ctl_attr_rules *rules, const struct nlattr *at[],
	       struct sadb_error *err)
{
	const uint8_t *next = from;

	memset(at, 0, (rules->max + 1u) * sizeof(at[0]));
	while (bytes > 0) {
		const struct nlattr *attr = (const struct nlattr *)next;

		if (bytes > INT32_MAX || !mnl_attr_ok(attr, (int)bytes))
			return ctl_refuse(err, -EINVAL, 0, "%zu bytes at the end of the message are no whole attribute",
					  bytes);
		uint16_t type = mnl_attr_get_type(attr);
		const struct ctl_attr_rule *rule = type <= rules->max ? &rules->rule[type] : NULL;
		if (rule && rule->name) {
			if (mnl_attr_get_payload_len(attr) < rule->min_bytes)
				return ctl_refuse(err, -EINVAL, type, "%s has %u bytes, it needs %u", rule->name,
						  mnl_attr_get_payload_len(attr), rule->min_bytes);
			at[type] = attr;
		}
		/* The padding of the last attribute may be missing. */
		size_t step = MNL_ALIGN(attr->nla_len);
		if (step > bytes)
			step = bytes;
		next += step;
		bytes -= step;
	}
	return 0;
}

const struct nlattr *
ctl_attr_find(const void *from, size_t bytes, uint16_t type)
{
	const uint8_t *end = (const uint8_t *)from + bytes;

	/* Past the padding of the last one, end lies before attr. */
	for (const struct nlattr *attr = from; mnl_attr_ok(attr, (int)(end - (const uint8_t *)attr));
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

void *
ctl_put_start(struct ctl_put *put, void *buf, size_t size, const struct nlmsghdr *header, size_t body)
{
	size_t bytes = MNL_NLMSG_HDRLEN + MNL_ALIGN(body);

	*put = (struct ctl_put){.nlh = buf, .size = size, .full = size < bytes};
	if (put->full)
		return NULL;
	memset(buf, 0, bytes);
	*put->nlh = *header;
	put->nlh->nlmsg_len = (uint32_t)bytes;
	return (uint8_t *)buf + MNL_NLMSG_HDRLEN;
}

void *
ctl_put_room(struct ctl_put *put, uint16_t type, size_t bytes)
{
	size_t used = put->full ? 0 : put->nlh->nlmsg_len;

	if (put->full || bytes > UINT16_MAX - MNL_ATTR_HDRLEN ||
	    used + MNL_ATTR_HDRLEN + MNL_ALIGN(bytes) > put->size) {
		put->full = true;
		return NULL;
	}
	struct nlattr *attr = (struct nlattr *)((uint8_t *)put->nlh + used);
	memset(attr, 0, MNL_ATTR_HDRLEN + MNL_ALIGN(bytes));
	attr->nla_type = type;
	attr->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + bytes);
	put->nlh->nlmsg_len += (uint32_t)(MNL_ATTR_HDRLEN + MNL_ALIGN(bytes));
	return mnl_attr_get_payload(attr);
}

void
ctl_put_attr(struct ctl_put *put, uint16_t type, const void *data, size_t bytes)
{
	void *room = ctl_put_room(put, type, bytes);

	if (room && bytes > 0)
		memcpy(room, data, bytes);
}

void
ctl_put_u16(struct ctl_put *put, uint16_t type, uint16_t value)
{
	ctl_put_attr(put, type, &value, sizeof(value));
}

void
ctl_put_u32(struct ctl_put *put, uint16_t type, uint32_t value)
{
	ctl_put_attr(put, type, &value, sizeof(value));
}

void
ctl_put_u64(struct ctl_put *put, uint16_t type, uint64_t value)
{
	ctl_put_attr(put, type, &value, sizeof(value));
}

void
ctl_put_str(struct ctl_put *put, uint16_t type, const char *text)
{
	ctl_put_attr(put, type, text, strlen(text) + 1);
}

struct nlattr *
ctl_put_nest_open(struct ctl_put *put, uint16_t type)
{
	uint8_t *inside = ctl_put_room(put, type | NLA_F_NESTED, 0);

	return inside ? (struct nlattr *)(inside - MNL_ATTR_HDRLEN) : NULL;
}

void
ctl_put_nest_close(struct ctl_put *put, struct nlattr *nest)
{
	if (put->full || !nest)
		return;
	size_t bytes = (size_t)((uint8_t *)put->nlh + put->nlh->nlmsg_len - (uint8_t *)nest);
	if (bytes > UINT16_MAX)
		put->full = true;
	else
		nest->nla_len = (uint16_t)bytes;
}

size_t
ctl_put_end(const struct ctl_put *put)
{
	return put->full ? 0 : put->nlh->nlmsg_len;
}
