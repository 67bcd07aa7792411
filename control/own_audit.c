/* SPDX-License-Identifier: BSD-3-Clause
 * The message of an audit event, to and from a plain struct, by one table for both ways. Pure; for server and CLI. */
#include <errno.h>
#include <stddef.h>

#include "control/attr.h"
#include "control/own_codec.h"

/* How a member of struct ctl_audit goes over the wire. */
enum kind {
	KIND_STR,
	KIND_ADDR, /* if there is one */
	KIND_BYTES /* as it is, of a fixed length */
};

struct field {
	uint8_t attr; /* enum ctl_audit_attr */
	uint8_t kind;
	uint8_t has; /* enum dp_audit_has bits of which one must be set; 0: always */
	size_t offset, room;
};

#define MEMBER(member) offsetof(struct ctl_audit, member), sizeof(((struct ctl_audit *)NULL)->member)

static const struct field fields[] = {
    {CTL_E_KIND, KIND_STR, 0, MEMBER(kind)},
    {CTL_E_REASON, KIND_STR, 0, MEMBER(reason)},
    {CTL_E_TIME_NS, KIND_BYTES, 0, MEMBER(time_ns)},
    {CTL_E_WORKER, KIND_BYTES, 0, MEMBER(worker)},
    {CTL_E_SUPPRESSED, KIND_BYTES, 0, MEMBER(suppressed)},
    {CTL_E_SPI, KIND_BYTES, DP_AUDIT_HAS_SPI, MEMBER(spi_be)},
    {CTL_E_SEQ, KIND_BYTES, DP_AUDIT_HAS_SEQ, MEMBER(seq)},
    {CTL_E_SRC, KIND_ADDR, 0, MEMBER(src)},
    {CTL_E_DST, KIND_ADDR, 0, MEMBER(dst)},
    {CTL_E_PROTO, KIND_BYTES, 0, MEMBER(proto)},
    {CTL_E_VNET_ID, KIND_BYTES, DP_AUDIT_HAS_VNET, MEMBER(vnet_id)},
    {CTL_E_INNER_SRC, KIND_ADDR, DP_AUDIT_HAS_INNER, MEMBER(inner.src)},
    {CTL_E_INNER_DST, KIND_ADDR, DP_AUDIT_HAS_INNER, MEMBER(inner.dst)},
    {CTL_E_INNER_PROTO, KIND_BYTES, DP_AUDIT_HAS_INNER, MEMBER(inner.proto)},
    {CTL_E_SPORT, KIND_BYTES, DP_AUDIT_HAS_INNER | DP_AUDIT_HAS_PORTS, MEMBER(inner.sport_be)},
    {CTL_E_DPORT, KIND_BYTES, DP_AUDIT_HAS_INNER | DP_AUDIT_HAS_PORTS, MEMBER(inner.dport_be)},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* ---- reading ---- */
#define RULE(attr, bytes) [attr] = {#attr, bytes}

static const struct ctl_attr_rule rule[CTL_E_MAX + 1] = {
    RULE(CTL_E_KIND, 1),       RULE(CTL_E_REASON, 1),      RULE(CTL_E_TIME_NS, 8), RULE(CTL_E_WORKER, 4),
    RULE(CTL_E_SUPPRESSED, 8), RULE(CTL_E_SPI, 4),         RULE(CTL_E_SEQ, 8),     RULE(CTL_E_SRC, 4),
    RULE(CTL_E_DST, 4),        RULE(CTL_E_PROTO, 1),       RULE(CTL_E_VNET_ID, 4), RULE(CTL_E_INNER_SRC, 4),
    RULE(CTL_E_INNER_DST, 4),  RULE(CTL_E_INNER_PROTO, 1), RULE(CTL_E_SPORT, 2),   RULE(CTL_E_DPORT, 2),
};
static const struct ctl_attr_rules rules = {rule, CTL_E_MAX};

/* Cuts what is too long, always terminates. */
static void
get_str(const struct nlattr *attr, char *out, size_t room)
{
	size_t bytes = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (bytes > room - 1)
		bytes = room - 1;
	memcpy(out, mnl_attr_get_payload(attr), bytes);
	out[bytes] = 0;
}

static int
get_addr(const struct nlattr *attr, struct sadb_addr *out, struct sadb_error *err)
{
	size_t bytes = mnl_attr_get_payload_len(attr);

	if (bytes != 4 && bytes != 16)
		return ctl_refuse(err, -EINVAL, CTL_A_EVENT, "%s has %zu bytes: an address has 4 or 16",
				  rule[mnl_attr_get_type(attr)].name, bytes);
	memcpy(out->bytes, mnl_attr_get_payload(attr), bytes);
	out->family = bytes == 4 ? AF_INET : AF_INET6;
	return 0;
}

/* What is not there leaves zero; what is there says what the event has. Ports come with an inner source, or alone. */
static uint8_t
found(const struct nlattr *const at[], const struct field *field)
{
	if (field->has != (DP_AUDIT_HAS_INNER | DP_AUDIT_HAS_PORTS))
		return field->has;
	return at[CTL_E_INNER_SRC] != NULL ? DP_AUDIT_HAS_INNER : DP_AUDIT_HAS_PORTS;
}

int
ctl_own_decode_audit(const struct nlattr *nest, struct ctl_own *out, struct sadb_error *err)
{
	const struct nlattr *at[CTL_E_MAX + 1];
	struct ctl_audit *audit = &out->audit;
	int rc;

	if (nest == NULL)
		return ctl_refuse(err, -EINVAL, CTL_A_EVENT, "CTL_A_EVENT is missing");
	rc = ctl_attr_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), &rules, at, err);
	for (size_t i = 0; i < FIELDS && rc == 0; i++) {
		const struct nlattr *attr = at[fields[i].attr];
		char *member = (char *)audit + fields[i].offset;

		if (attr == NULL)
			continue;
		audit->has |= found(at, &fields[i]);
		if (fields[i].kind == KIND_STR)
			get_str(attr, member, fields[i].room);
		else if (fields[i].kind == KIND_ADDR)
			rc = get_addr(attr, (struct sadb_addr *)(void *)member, err);
		else
			ctl_attr_copy(member, attr, fields[i].room);
	}
	return rc;
}

/* ---- writing ---- */
static void
put_field(struct ctl_put *put, const struct field *field, const struct ctl_audit *audit)
{
	const char *member = (const char *)audit + field->offset;
	const struct sadb_addr *addr = (const struct sadb_addr *)(const void *)member;

	if (field->has != 0 && (field->has & audit->has) == 0)
		return;
	if (field->kind == KIND_STR && *member != 0)
		ctl_put_str(put, field->attr, member);
	else if (field->kind == KIND_ADDR && addr->family != AF_UNSPEC)
		ctl_put_attr(put, field->attr, addr->bytes, addr->family == AF_INET6 ? 16 : 4);
	else if (field->kind == KIND_BYTES)
		ctl_put_attr(put, field->attr, member, field->room);
}

size_t
ctl_own_encode_audit(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_audit *audit)
{
	struct ctl_put put;
	struct ctl_msg_head *head = ctl_put_start(&put, buf, size, header, sizeof(*head));

	if (head == NULL)
		return 0;
	head->version = CTL_MSG_VERSION;
	struct nlattr *nest = ctl_put_nest_open(&put, CTL_A_EVENT);
	for (size_t i = 0; i < FIELDS; i++)
		put_field(&put, &fields[i], audit);
	ctl_put_nest_close(&put, nest);
	return ctl_put_end(&put);
}
