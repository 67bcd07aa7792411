/* SPDX-License-Identifier: BSD-3-Clause
 * Requests of the program as changes of the journal. Never more is read than a message has. One thread at a time. */
#include "control/preload/journal_impl.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "control/preload/wire.h"

static void
get_mark(const struct nlmsghdr *nlh, size_t body, struct pre_key *key)
{
	const void *mark = pre_wire_attr(nlh, body, XFRMA_MARK, sizeof(key->mark));
	const void *if_id = pre_wire_attr(nlh, body, XFRMA_IF_ID, sizeof(key->if_id));

	if (mark)
		memcpy(&key->mark, mark, sizeof(key->mark));
	if (if_id)
		memcpy(&key->if_id, if_id, sizeof(key->if_id));
}

static struct pre_record *
record_create(enum pre_kind kind, const void *data, size_t bytes)
{
	struct pre_record *record = calloc(1, sizeof(*record) + bytes);

	if (!record)
		return NULL;
	record->key.kind = kind;
	record->bytes = bytes;
	memcpy(record->data, data, bytes);
	return record;
}

/* A policy's record is its whole message; there is no key in it. */
static struct pre_record *
policy_record(const struct nlmsghdr *nlh, const struct xfrm_selector *sel, uint8_t dir, size_t body)
{
	const struct xfrm_userpolicy_type *type =
	    pre_wire_attr(nlh, body, XFRMA_POLICY_TYPE, sizeof(struct xfrm_userpolicy_type));
	struct pre_record *record = record_create(KIND_POLICY, nlh, nlh->nlmsg_len);

	if (!record)
		return NULL;
	get_mark(nlh, body, &record->key);
	record->key.policy.sel = *sel;
	record->key.policy.dir = dir;
	record->key.policy.type = type ? type->type : XFRM_POLICY_TYPE_MAIN;
	return record;
}

/* An SA's record is who it is; the message, which holds the key, is left. As in the kernel, if_id is not part of what
 * tells two SAs apart. */
struct pre_record *
pre_record_create_sa(const struct nlmsghdr *nlh, const struct xfrm_usersa_id *id, size_t body)
{
	struct pre_lost_sa sa;
	struct pre_key key;

	memset(&sa, 0, sizeof(sa));
	memset(&key, 0, sizeof(key));
	if (body == sizeof(sa.info))
		memcpy(&sa.info, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(sa.info));
	get_mark(nlh, body, &key);
	sa.if_id = key.if_id;
	sa.mark = key.mark;
	struct pre_record *record = record_create(KIND_SA, &sa, sizeof(sa));
	if (!record)
		return NULL;
	record->key.mark = key.mark;
	record->key.sa.dst = id->daddr;
	record->key.sa.spi_be = id->spi;
	record->key.sa.proto = id->proto;
	record->key.sa.family = id->family;
	if (id->family == AF_INET) /* what lies behind the address is nobody's */
		memset(&record->key.sa.dst.a6[1], 0, sizeof(id->daddr) - sizeof(id->daddr.a4));
	return record;
}

/* Messages in a datagram begin at multiples of 4, their bodies' members want 8: what is read is copied first. */
static struct pre_record *
read_sa(const struct nlmsghdr *nlh)
{
	struct xfrm_usersa_info info;

	memcpy(&info, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(info));
	const struct xfrm_usersa_id id = {
	    .daddr = info.id.daddr, .spi = info.id.spi, .family = info.family, .proto = info.id.proto};
	return pre_record_create_sa(nlh, &id, sizeof(info));
}

static struct pre_record *
read_sa_id(const struct nlmsghdr *nlh)
{
	struct xfrm_usersa_id id;

	memcpy(&id, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(id));
	return pre_record_create_sa(nlh, &id, sizeof(id));
}

static struct pre_record *
read_policy(const struct nlmsghdr *nlh)
{
	struct xfrm_userpolicy_info policy;

	memcpy(&policy, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(policy));
	return policy_record(nlh, &policy.sel, policy.dir, sizeof(policy));
}

static struct pre_record *
read_policy_id(const struct nlmsghdr *nlh, uint32_t *index)
{
	struct xfrm_userpolicy_id id;

	memcpy(&id, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(id));
	*index = id.index;
	return policy_record(nlh, &id.sel, id.dir, sizeof(id));
}

/* The verb, and the record that the message makes or names. -1: no change that is remembered. */
static int
read_request(const struct nlmsghdr *nlh, struct pre_change *change)
{
	const size_t bytes = nlh->nlmsg_len - NLMSG_HDRLEN;

	switch (nlh->nlmsg_type) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		change->record = bytes >= sizeof(struct xfrm_usersa_info) ? read_sa(nlh) : NULL;
		return VERB_SET;
	case XFRM_MSG_DELSA:
		change->record = bytes >= sizeof(struct xfrm_usersa_id) ? read_sa_id(nlh) : NULL;
		return VERB_DEL;
	case XFRM_MSG_FLUSHSA:
		if (bytes >= sizeof(struct xfrm_usersa_flush))
			change->proto = *((const uint8_t *)nlh + NLMSG_HDRLEN);
		change->record = record_create(KIND_SA, "", 0);
		return VERB_FLUSH;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		change->record = bytes >= sizeof(struct xfrm_userpolicy_info) ? read_policy(nlh) : NULL;
		return VERB_SET;
	case XFRM_MSG_DELPOLICY:
		change->record =
		    bytes >= sizeof(struct xfrm_userpolicy_id) ? read_policy_id(nlh, &change->index) : NULL;
		return VERB_DEL;
	case XFRM_MSG_FLUSHPOLICY:
		change->record = record_create(KIND_POLICY, "", 0);
		return VERB_FLUSH;
	default:
		return -1;
	}
}

struct pre_change *
pre_change_create(const struct nlmsghdr *request)
{
	struct pre_change read = {.verb = VERB_SET};
	int verb = read_request(request, &read);
	struct pre_change *change = verb >= 0 && read.record ? malloc(sizeof(*change)) : NULL;

	if (!change) {
		free(read.record);
		return NULL;
	}
	read.verb = (enum pre_verb)verb;
	*change = read;
	return change;
}

void
pre_change_destroy(struct pre_change *change)
{
	if (change)
		free(change->record);
	free(change);
}

const struct nlmsghdr *
pre_change_policy(const struct pre_change *change)
{
	bool whole = change->record->key.kind == KIND_POLICY && change->verb != VERB_FLUSH;

	return whole ? (const struct nlmsghdr *)change->record->data : NULL;
}
