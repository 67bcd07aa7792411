/* SPDX-License-Identifier: BSD-3-Clause
 * The messages about tunnels, to and from plain structs, by one table for both ways. Pure; for server and CLI. */
#include <errno.h>
#include <stddef.h>

#include "control/attr.h"
#include "control/own_codec.h"

enum kind { KIND_U8, KIND_U16, KIND_U32, KIND_U64, KIND_BOOL, KIND_STR, KIND_ADDR, KIND_ALGORITHM, KIND_SA_FLAGS };

/* A member of struct ctl_tunnel_info. */
struct field {
	uint16_t attr; /* enum ctl_tunnel_attr */
	uint8_t kind;
	bool config; /* part of the description */
	size_t offset, room;
};

#define MEMBER(member) offsetof(struct ctl_tunnel_info, member), sizeof(((struct ctl_tunnel_info *)NULL)->member)

static const struct field fields[] = {
    {CTL_T_NAME, KIND_STR, true, MEMBER(config.name)},
    {CTL_T_VNET_ID, KIND_U32, true, MEMBER(config.vnet_id)},
    {CTL_T_PRIORITY, KIND_U32, true, MEMBER(config.priority)},
    {CTL_T_LOCAL, KIND_ADDR, true, MEMBER(config.local)},
    {CTL_T_REMOTE, KIND_ADDR, true, MEMBER(config.remote)},
    {CTL_T_ALGORITHM, KIND_ALGORITHM, true, MEMBER(config.algorithm)},
    {CTL_T_ESN, KIND_BOOL, true, MEMBER(config.esn)},
    {CTL_T_WINDOW, KIND_U32, true, MEMBER(config.window_packets)},
    {CTL_T_OVERLAP_S, KIND_U32, true, MEMBER(config.overlap_s)},
    {CTL_T_SOFT_BYTES, KIND_U64, true, MEMBER(config.life.soft_bytes)},
    {CTL_T_HARD_BYTES, KIND_U64, true, MEMBER(config.life.hard_bytes)},
    {CTL_T_SOFT_PACKETS, KIND_U64, true, MEMBER(config.life.soft_packets)},
    {CTL_T_HARD_PACKETS, KIND_U64, true, MEMBER(config.life.hard_packets)},
    {CTL_T_SOFT_SECONDS, KIND_U64, true, MEMBER(config.life.soft_add_s)},
    {CTL_T_HARD_SECONDS, KIND_U64, true, MEMBER(config.life.hard_add_s)},
    {CTL_T_EXCHANGE, KIND_STR, true, MEMBER(config.exchange)},
    {CTL_T_SA_FLAGS, KIND_SA_FLAGS, true, MEMBER(config.sa_flags)},
    {CTL_T_TFC_PAD, KIND_U16, true, MEMBER(config.tfc_pad_bytes)},
    {CTL_T_OUTER_TTL, KIND_U8, true, MEMBER(config.outer_ttl)},
    {CTL_T_OUTER_DSCP, KIND_U8, true, MEMBER(config.outer_dscp)},
    {CTL_T_REQID, KIND_U32, false, MEMBER(reqid)},
    {CTL_T_OUT_SPI, KIND_U32, false, MEMBER(out_spi_be)},
    {CTL_T_IN_SPI, KIND_U32, false, MEMBER(in_spi_be)},
    {CTL_T_IN_COUNT, KIND_U32, false, MEMBER(in_count)},
    {CTL_T_GENERATION, KIND_U64, false, MEMBER(generation)},
    {CTL_T_OUT_AGE_S, KIND_U64, false, MEMBER(out_age_s)},
    {CTL_T_OUT_PACKETS, KIND_U64, false, MEMBER(out_packets)},
    {CTL_T_OUT_BYTES, KIND_U64, false, MEMBER(out_bytes)},
    {CTL_T_IN_PACKETS, KIND_U64, false, MEMBER(in_packets)},
    {CTL_T_IN_BYTES, KIND_U64, false, MEMBER(in_bytes)},
    {CTL_T_NEXT_REKEY_S, KIND_U64, false, MEMBER(next_rekey_s)},
    {CTL_T_EXCHANGES, KIND_U64, false, MEMBER(exchanges)},
    {CTL_T_FAILURES, KIND_U64, false, MEMBER(failures)},
    {CTL_T_STATE, KIND_STR, false, MEMBER(state)},
    {CTL_T_KEYING, KIND_STR, false, MEMBER(keying)},
    {CTL_T_ERROR, KIND_STR, false, MEMBER(error)},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const struct {
	uint32_t wire, flag;
} sa_flags[] = {
    {CTL_T_FLAG_OUTER_DSCP, SADB_SA_OUTER_DSCP},
    {CTL_T_FLAG_DF_SET, SADB_SA_OUTER_DF},
    {CTL_T_FLAG_DF_CLEAR, SADB_SA_NOPMTUDISC},
    {CTL_T_FLAG_FRAGMENT_AFTER, SADB_SA_FRAGMENT_AFTER},
};
#define SA_FLAGS (sizeof(sa_flags) / sizeof(sa_flags[0]))

/* ---- reading ---- */
#define RULE(attr, bytes) [attr] = {#attr, bytes}
#define U32(attr)         RULE(attr, sizeof(uint32_t))
#define U64(attr)         RULE(attr, sizeof(uint64_t))

static const struct ctl_attr_rule rule[CTL_T_MAX + 1] = {
    RULE(CTL_T_NAME, 1),
    U32(CTL_T_VNET_ID),
    U32(CTL_T_PRIORITY),
    RULE(CTL_T_LOCAL, 4),
    RULE(CTL_T_REMOTE, 4),
    RULE(CTL_T_LOCAL_PREFIX, 5),
    RULE(CTL_T_REMOTE_PREFIX, 5),
    U32(CTL_T_ESN),
    U32(CTL_T_WINDOW),
    U32(CTL_T_OVERLAP_S),
    U64(CTL_T_SOFT_BYTES),
    U64(CTL_T_HARD_BYTES),
    U64(CTL_T_SOFT_PACKETS),
    U64(CTL_T_HARD_PACKETS),
    U64(CTL_T_SOFT_SECONDS),
    U64(CTL_T_HARD_SECONDS),
    RULE(CTL_T_EXCHANGE, 1),
    U32(CTL_T_REQID),
    U32(CTL_T_OUT_SPI),
    U32(CTL_T_IN_SPI),
    U32(CTL_T_IN_COUNT),
    U64(CTL_T_GENERATION),
    U64(CTL_T_OUT_AGE_S),
    U64(CTL_T_OUT_PACKETS),
    U64(CTL_T_OUT_BYTES),
    U64(CTL_T_IN_PACKETS),
    U64(CTL_T_IN_BYTES),
    U64(CTL_T_NEXT_REKEY_S),
    U64(CTL_T_EXCHANGES),
    U64(CTL_T_FAILURES),
    RULE(CTL_T_STATE, 1),
    RULE(CTL_T_KEYING, 1),
    RULE(CTL_T_ERROR, 1),
    RULE(CTL_T_OFFER, 1),
    RULE(CTL_T_KIND, 1),
    RULE(CTL_T_TEXT, 1),
    RULE(CTL_T_ALGORITHM, 1),
    U32(CTL_T_SA_FLAGS),
    RULE(CTL_T_TFC_PAD, 2),
    RULE(CTL_T_OUTER_TTL, 1),
    RULE(CTL_T_OUTER_DSCP, 1),
};
static const struct ctl_attr_rules rules = {rule, CTL_T_MAX};

typedef const struct nlattr *attr_table[CTL_T_MAX + 1];

/* Nothing is cut: half a name is another name. */
static int
get_str(const struct nlattr *attr, char *out, size_t room, struct sadb_error *err)
{
	const char *text = mnl_attr_get_payload(attr);
	size_t bytes = strnlen(text, mnl_attr_get_payload_len(attr));

	if (bytes >= room)
		return ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "%s has %zu characters: at most %zu are accepted",
				  rule[mnl_attr_get_type(attr)].name, bytes, room - 1);
	memcpy(out, text, bytes);
	out[bytes] = 0;
	return 0;
}

static int
get_addr(const struct nlattr *attr, size_t skip, struct sadb_addr *out, struct sadb_error *err)
{
	size_t bytes = mnl_attr_get_payload_len(attr) - skip;

	if (bytes != 4 && bytes != 16)
		return ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "%s has an address of %zu bytes: it has 4 or 16",
				  rule[mnl_attr_get_type(attr)].name, bytes);
	memcpy(out->bytes, (const uint8_t *)mnl_attr_get_payload(attr) + skip, bytes);
	out->family = bytes == 4 ? AF_INET : AF_INET6;
	return 0;
}

static int
get_algorithm(const struct nlattr *attr, const struct sadb_algorithm **out, struct sadb_error *err)
{
	char name[32];
	int rc = get_str(attr, name, sizeof(name), err);

	if (rc != 0)
		return rc;
	*out = sadb_algorithm_named(name);
	return *out != NULL ? 0 : ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "CTL_T_ALGORITHM is none that is known");
}

static int
get_sa_flags(const struct nlattr *attr, uint32_t *out, struct sadb_error *err)
{
	uint32_t left;

	ctl_attr_copy(&left, attr, sizeof(left));
	for (size_t i = 0; i < SA_FLAGS; i++) {
		if (left & sa_flags[i].wire)
			*out |= sa_flags[i].flag;
		left &= ~sa_flags[i].wire;
	}
	return left == 0 ? 0
			 : ctl_refuse(err, -EOPNOTSUPP, CTL_A_TUNNEL,
				      "CTL_T_SA_FLAGS: 0x%x is not known: is the client newer than this daemon?", left);
}

static int
get_field(const struct nlattr *attr, const struct field *field, struct ctl_tunnel_info *info, struct sadb_error *err)
{
	char *member = (char *)info + field->offset;
	uint32_t number;

	switch (field->kind) {
	case KIND_STR:
		return get_str(attr, member, field->room, err);
	case KIND_ADDR:
		return get_addr(attr, 0, (struct sadb_addr *)(void *)member, err);
	case KIND_ALGORITHM:
		return get_algorithm(attr, (const struct sadb_algorithm **)(void *)member, err);
	case KIND_SA_FLAGS:
		return get_sa_flags(attr, (uint32_t *)(void *)member, err);
	case KIND_BOOL:
		ctl_attr_copy(&number, attr, sizeof(number));
		*(bool *)member = number != 0;
		return 0;
	default:
		ctl_attr_copy(member, attr, field->room);
		return 0;
	}
}

static int
get_prefix(const struct nlattr *attr, struct sadb_prefix *prefixes, uint32_t *n, struct sadb_error *err)
{
	if (*n == CTL_TUNNEL_PREFIXES)
		return ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "%s comes more than %d times",
				  rule[mnl_attr_get_type(attr)].name, CTL_TUNNEL_PREFIXES);
	struct sadb_prefix *prefix = &prefixes[(*n)++];
	prefix->len = *(const uint8_t *)mnl_attr_get_payload(attr);
	int rc = get_addr(attr, 1, &prefix->addr, err);
	if (rc == 0 && prefix->len > (prefix->addr.family == AF_INET6 ? 128 : 32))
		return ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "%s: %u is no prefix length",
				  rule[mnl_attr_get_type(attr)].name, prefix->len);
	return rc;
}

/* Repeated attributes; their lengths have been checked. */
static int
get_prefixes(const struct nlattr *nest, struct ctl_tunnel_config *config, struct sadb_error *err)
{
	const struct nlattr *attr;
	int rc = 0;

	mnl_attr_for_each_nested (attr, nest) {
		if (mnl_attr_get_type(attr) == CTL_T_LOCAL_PREFIX)
			rc = get_prefix(attr, config->local_prefix, &config->n_local, err);
		else if (mnl_attr_get_type(attr) == CTL_T_REMOTE_PREFIX)
			rc = get_prefix(attr, config->remote_prefix, &config->n_remote, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
get_info(const struct nlattr *nest, attr_table at, bool config_only, struct ctl_tunnel_info *info,
	 struct sadb_error *err)
{
	int rc = 0;

	ctl_tunnel_defaults(&info->config);
	info->next_rekey_s = UINT64_MAX;
	for (size_t i = 0; i < FIELDS && rc == 0; i++)
		if (at[fields[i].attr] != NULL && (fields[i].config || !config_only))
			rc = get_field(at[fields[i].attr], &fields[i], info, err);
	return rc != 0 ? rc : get_prefixes(nest, &info->config, err);
}

static int
get_words(attr_table at, struct ctl_tunnel_words *words, struct sadb_error *err)
{
	int rc = 0;

	if (at[CTL_T_NAME] != NULL)
		rc = get_str(at[CTL_T_NAME], words->name, sizeof(words->name), err);
	if (rc == 0 && at[CTL_T_KIND] != NULL)
		rc = get_str(at[CTL_T_KIND], words->kind, sizeof(words->kind), err);
	if (rc == 0 && at[CTL_T_TEXT] != NULL)
		rc = get_str(at[CTL_T_TEXT], words->text, sizeof(words->text), err);
	if (at[CTL_T_GENERATION] != NULL)
		ctl_attr_copy(&words->generation, at[CTL_T_GENERATION], sizeof(words->generation));
	if (at[CTL_T_OFFER] != NULL)
		words->offer = (struct ctl_keying_text){mnl_attr_get_payload(at[CTL_T_OFFER]),
							mnl_attr_get_payload_len(at[CTL_T_OFFER])};
	return rc;
}

int
ctl_own_decode_tunnel(const struct nlattr *nest, struct ctl_own *out, struct sadb_error *err)
{
	attr_table at;
	int rc;

	if (nest == NULL)
		return ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "CTL_A_TUNNEL is missing");
	rc = ctl_attr_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), &rules, at, err);
	if (rc == 0 && (at[CTL_T_NAME] == NULL || *(const char *)mnl_attr_get_payload(at[CTL_T_NAME]) == 0))
		rc = ctl_refuse(err, -EINVAL, CTL_A_TUNNEL, "CTL_T_NAME is missing");
	if (rc != 0)
		return rc;
	if (out->type == CTL_MSG_TUNNEL_ADD || out->type == CTL_MSG_TUNNEL)
		return get_info(nest, at, out->type == CTL_MSG_TUNNEL_ADD, &out->tunnel, err);
	return get_words(at, &out->words, err);
}

/* ---- writing ---- */
static bool
start(struct ctl_put *put, void *buf, size_t size, const struct nlmsghdr *header)
{
	struct ctl_msg_head *head = ctl_put_start(put, buf, size, header, sizeof(*head));

	if (head != NULL)
		head->version = CTL_MSG_VERSION;
	return head != NULL;
}

static size_t
addr_bytes(const struct sadb_addr *addr)
{
	return addr->family == AF_INET6 ? 16 : 4;
}

static void
put_sa_flags(struct ctl_put *put, uint32_t flags)
{
	uint32_t wire = 0;

	for (size_t i = 0; i < SA_FLAGS; i++)
		wire |= flags & sa_flags[i].flag ? sa_flags[i].wire : 0;
	ctl_put_u32(put, CTL_T_SA_FLAGS, wire);
}

static void
put_field(struct ctl_put *put, const struct field *field, const struct ctl_tunnel_info *info)
{
	const char *member = (const char *)info + field->offset;

	switch (field->kind) {
	case KIND_STR:
		if (*member != 0)
			ctl_put_str(put, field->attr, member);
		break;
	case KIND_ADDR:
		ctl_put_attr(put, field->attr, member, addr_bytes((const struct sadb_addr *)(const void *)member));
		break;
	case KIND_ALGORITHM:
		ctl_put_str(put, field->attr, (*(const struct sadb_algorithm *const *)(const void *)member)->name);
		break;
	case KIND_SA_FLAGS:
		put_sa_flags(put, *(const uint32_t *)(const void *)member);
		break;
	case KIND_BOOL:
		ctl_put_u32(put, field->attr, *(const bool *)member);
		break;
	default:
		ctl_put_attr(put, field->attr, member, field->room);
	}
}

static void
put_prefixes(struct ctl_put *put, uint16_t attr, const struct sadb_prefix *prefixes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const size_t bytes = addr_bytes(&prefixes[i].addr);
		uint8_t *room = ctl_put_room(put, attr, 1 + bytes);

		if (room == NULL)
			return;
		room[0] = prefixes[i].len;
		memcpy(room + 1, prefixes[i].addr.bytes, bytes);
	}
}

size_t
ctl_own_encode_tunnel(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_tunnel_info *info)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	struct nlattr *nest = ctl_put_nest_open(&put, CTL_A_TUNNEL);
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].config || header->nlmsg_type != CTL_MSG_TUNNEL_ADD)
			put_field(&put, &fields[i], info);
	put_prefixes(&put, CTL_T_LOCAL_PREFIX, info->config.local_prefix, info->config.n_local);
	put_prefixes(&put, CTL_T_REMOTE_PREFIX, info->config.remote_prefix, info->config.n_remote);
	ctl_put_nest_close(&put, nest);
	return ctl_put_end(&put);
}

size_t
ctl_own_encode_tunnel_words(void *buf, size_t size, const struct nlmsghdr *header, const struct ctl_tunnel_words *words)
{
	struct ctl_put put;

	if (!start(&put, buf, size, header))
		return 0;
	struct nlattr *nest = ctl_put_nest_open(&put, CTL_A_TUNNEL);
	ctl_put_str(&put, CTL_T_NAME, words->name);
	if (words->offer.bytes > 0)
		ctl_put_attr(&put, CTL_T_OFFER, words->offer.text, words->offer.bytes);
	if (words->kind[0] != 0)
		ctl_put_str(&put, CTL_T_KIND, words->kind);
	if (words->generation != 0)
		ctl_put_u64(&put, CTL_T_GENERATION, words->generation);
	if (words->text[0] != 0)
		ctl_put_str(&put, CTL_T_TEXT, words->text);
	ctl_put_nest_close(&put, nest);
	return ctl_put_end(&put);
}
