/* SPDX-License-Identifier: BSD-3-Clause
 * What this process has installed. Records hang in a search tree by key and in a list by age. One thread at a time. */
#include "control/preload/journal.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "control/preload/wire.h"

enum kind { KIND_POLICY, KIND_SA };
enum verb { VERB_SET, VERB_DEL, VERB_FLUSH };

struct record {
	struct pre_key key; /* first: the tree compares it */
	struct record *next, **place;
	size_t bytes; /* of data */
	uint8_t data[] __attribute__((aligned(8)));
};

struct pre_change {
	enum verb verb;
	uint8_t proto;  /* VERB_FLUSH of SAs: 0 for all */
	uint32_t index; /* VERB_DEL: of the policy, when it is named so */
	struct record *record;
};

struct list {
	struct record *first, **last;
	uint32_t n;
};

struct pre_journal {
	void *tree;
	struct list lists[2]; /* by enum kind */
	size_t bytes;
};

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

static struct record *
record_create(enum kind kind, const void *data, size_t bytes)
{
	struct record *record = calloc(1, sizeof(*record) + bytes);

	if (!record)
		return NULL;
	record->key.kind = kind;
	record->bytes = bytes;
	memcpy(record->data, data, bytes);
	return record;
}

/* A policy's record is its whole message; there is no key in it. */
static struct record *
policy_record(const struct nlmsghdr *nlh, const struct xfrm_selector *sel, uint8_t dir, size_t body)
{
	const struct xfrm_userpolicy_type *type =
	    pre_wire_attr(nlh, body, XFRMA_POLICY_TYPE, sizeof(struct xfrm_userpolicy_type));
	struct record *record = record_create(KIND_POLICY, nlh, nlh->nlmsg_len);

	if (!record)
		return NULL;
	get_mark(nlh, body, &record->key);
	record->key.policy.sel = *sel;
	record->key.policy.dir = dir;
	record->key.policy.type = type ? type->type : XFRM_POLICY_TYPE_MAIN;
	return record;
}

/* An SA's record is who it is; the message, which holds the key, is left. As in the kernel, if_id is not part of what tells
 * two SAs apart. */
static struct record *
sa_record(const struct nlmsghdr *nlh, const struct xfrm_usersa_id *id, size_t body)
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
	struct record *record = record_create(KIND_SA, &sa, sizeof(sa));
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
static struct record *
read_sa(const struct nlmsghdr *nlh)
{
	struct xfrm_usersa_info info;

	memcpy(&info, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(info));
	const struct xfrm_usersa_id id = {
	    .daddr = info.id.daddr, .spi = info.id.spi, .family = info.family, .proto = info.id.proto};
	return sa_record(nlh, &id, sizeof(info));
}

static struct record *
read_sa_id(const struct nlmsghdr *nlh)
{
	struct xfrm_usersa_id id;

	memcpy(&id, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(id));
	return sa_record(nlh, &id, sizeof(id));
}

static struct record *
read_policy(const struct nlmsghdr *nlh)
{
	struct xfrm_userpolicy_info policy;

	memcpy(&policy, (const uint8_t *)nlh + NLMSG_HDRLEN, sizeof(policy));
	return policy_record(nlh, &policy.sel, policy.dir, sizeof(policy));
}

static struct record *
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
	read.verb = (enum verb)verb;
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

struct pre_journal *
pre_journal_create(void)
{
	struct pre_journal *journal = calloc(1, sizeof(*journal));

	for (int i = 0; journal && i < 2; i++)
		journal->lists[i].last = &journal->lists[i].first;
	return journal;
}

static int
compare(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct pre_key));
}

static struct record *
find(struct pre_journal *journal, const struct pre_key *key)
{
	struct record *const *node = tfind(key, &journal->tree, compare);

	return node ? *node : NULL;
}

static void
append(struct list *list, struct record *record)
{
	record->next = NULL;
	record->place = list->last;
	*list->last = record;
	list->last = &record->next;
	list->n++;
}

static void
drop(struct pre_journal *journal, struct record *record)
{
	struct list *list = &journal->lists[record->key.kind];

	tdelete(&record->key, &journal->tree, compare);
	*record->place = record->next;
	if (record->next)
		record->next->place = record->place;
	else
		list->last = record->place;
	list->n--;
	journal->bytes -= sizeof(*record) + record->bytes;
	free(record);
}

void
pre_journal_destroy(struct pre_journal *journal)
{
	for (int i = 0; journal && i < 2; i++)
		while (journal->lists[i].first)
			drop(journal, journal->lists[i].first);
	free(journal);
}

/* A policy that is replaced keeps its age: of two with one priority the older one wins. */
static bool
set(struct pre_journal *journal, struct record *record)
{
	struct record *old = find(journal, &record->key);
	struct list *list = &journal->lists[record->key.kind];

	if (old) {
		record->next = old->next;
		record->place = old->place;
		*record->place = record;
		if (record->next)
			record->next->place = &record->next;
		else
			list->last = &record->next;
		journal->bytes += record->bytes - old->bytes;
		*(struct record **)tfind(&record->key, &journal->tree, compare) = record;
		free(old);
		return true;
	}
	if (list->n >= PRE_JOURNAL_RECORDS || journal->bytes + sizeof(*record) + record->bytes > PRE_JOURNAL_BYTES ||
	    !tsearch(&record->key, &journal->tree, compare)) {
		free(record);
		return false;
	}
	journal->bytes += sizeof(*record) + record->bytes;
	append(list, record);
	return true;
}

/* A policy may also be named by the number that its maker gave it. */
static struct record *
find_named(struct pre_journal *journal, const struct pre_change *change)
{
	struct record *record = journal->lists[KIND_POLICY].first;

	if (change->record->key.kind != KIND_POLICY || change->index == 0)
		return find(journal, &change->record->key);
	for (; record; record = record->next) {
		const struct xfrm_userpolicy_info *policy = (const void *)(record->data + NLMSG_HDRLEN);

		if (policy->index == change->index)
			break;
	}
	return record;
}

static void
flush(struct pre_journal *journal, const struct pre_change *change)
{
	const bool all = change->record->key.kind == KIND_POLICY || change->proto == 0 || change->proto == 255;
	struct record *next;

	for (struct record *record = journal->lists[change->record->key.kind].first; record; record = next) {
		next = record->next;
		if (all || record->key.sa.proto == change->proto)
			drop(journal, record);
	}
}

bool
pre_journal_apply(struct pre_journal *journal, struct pre_change *change)
{
	struct record *record = change->record;
	bool kept = true;

	if (change->verb == VERB_SET) {
		change->record = NULL;
		kept = set(journal, record);
	} else if (change->verb == VERB_FLUSH) {
		flush(journal, change);
	} else if ((record = find_named(journal, change))) {
		drop(journal, record);
	}
	pre_change_destroy(change);
	return kept;
}

void
pre_journal_expire(struct pre_journal *journal, const struct nlmsghdr *event)
{
	struct xfrm_user_expire expire;

	if (event->nlmsg_len < NLMSG_LENGTH(sizeof(expire)))
		return;
	memcpy(&expire, (const uint8_t *)event + NLMSG_HDRLEN, sizeof(expire));
	if (!expire.hard)
		return;
	const struct xfrm_usersa_id id = {.daddr = expire.state.id.daddr,
					  .spi = expire.state.id.spi,
					  .family = expire.state.family,
					  .proto = expire.state.id.proto};
	struct record *named = sa_record(event, &id, sizeof(expire));
	struct record *record = named ? find(journal, &named->key) : NULL;
	free(named);
	if (record)
		drop(journal, record);
}

bool
pre_journal_has(struct pre_journal *journal, const struct pre_change *change)
{
	return change->verb == VERB_DEL && change->record->key.kind == KIND_POLICY && find_named(journal, change);
}

void
pre_journal_policies(struct pre_journal *journal, void (*fn)(void *arg, const struct nlmsghdr *nlh), void *arg)
{
	for (const struct record *record = journal->lists[KIND_POLICY].first; record; record = record->next)
		fn(arg, (const struct nlmsghdr *)record->data);
}

struct pre_lost *
pre_journal_lose(struct pre_journal *journal)
{
	struct list *list = &journal->lists[KIND_SA];
	struct pre_lost *lost = list->n > 0 ? malloc(sizeof(*lost) + list->n * sizeof(lost->sas[0])) : NULL;

	if (lost)
		*lost = (struct pre_lost){.refs = 1};
	while (list->first) {
		if (lost)
			memcpy(&lost->sas[lost->n++], list->first->data, sizeof(lost->sas[0]));
		drop(journal, list->first);
	}
	return lost;
}

static size_t
put(uint8_t *at, uint16_t type, const void *data, size_t bytes)
{
	const struct nlattr attr = {.nla_len = (uint16_t)(NLA_HDRLEN + bytes), .nla_type = type};

	memcpy(at, &attr, sizeof(attr));
	memcpy(at + NLA_HDRLEN, data, bytes);
	return NLA_ALIGN(attr.nla_len);
}

size_t
pre_lost_expire(const struct pre_lost_sa *sa, void *buf)
{
	struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_EXPIRE};
	const struct xfrm_user_expire expire = {.state = sa->info, .hard = 0};
	size_t bytes = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(expire));
	uint8_t *at = buf;

	memset(buf, 0, PRE_EXPIRE_BYTES);
	memcpy(at + NLMSG_HDRLEN, &expire, sizeof(expire));
	if (sa->mark.m != 0)
		bytes += put(at + bytes, XFRMA_MARK, &sa->mark, sizeof(sa->mark));
	if (sa->if_id != 0)
		bytes += put(at + bytes, XFRMA_IF_ID, &sa->if_id, sizeof(sa->if_id));
	header.nlmsg_len = (uint32_t)bytes;
	memcpy(at, &header, sizeof(header));
	return bytes;
}
