/* SPDX-License-Identifier: BSD-3-Clause
 * What this process has installed. Records hang in a search tree by key and in a list by age. One thread at a time. */
#include "control/preload/journal_impl.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "control/preload/wire.h"

struct list {
	struct pre_record *first, **last;
	uint32_t n;
};

struct pre_journal {
	void *tree;
	struct list lists[2]; /* by enum pre_kind */
	size_t bytes;
};

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

static struct pre_record *
find(struct pre_journal *journal, const struct pre_key *key)
{
	struct pre_record *const *node = tfind(key, &journal->tree, compare);

	return node ? *node : NULL;
}

static void
append(struct list *list, struct pre_record *record)
{
	record->next = NULL;
	record->place = list->last;
	*list->last = record;
	list->last = &record->next;
	list->n++;
}

static void
drop(struct pre_journal *journal, struct pre_record *record)
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

static uint32_t
priority_of(const struct pre_record *policy)
{
	return ((const struct xfrm_userpolicy_info *)(const void *)(policy->data + NLMSG_HDRLEN))->priority;
}

/* Of two policies with one priority the older one wins. One that is replaced keeps its age, unless its priority changes:
 * then it is a new one, as in the daemon. */
static bool
set(struct pre_journal *journal, struct pre_record *record)
{
	struct pre_record *old = find(journal, &record->key);
	struct list *list = &journal->lists[record->key.kind];

	if (old && record->key.kind == KIND_POLICY && priority_of(old) != priority_of(record)) {
		drop(journal, old);
		old = NULL;
	}
	if (old) {
		record->next = old->next;
		record->place = old->place;
		*record->place = record;
		if (record->next)
			record->next->place = &record->next;
		else
			list->last = &record->next;
		journal->bytes += record->bytes - old->bytes;
		*(struct pre_record **)tfind(&record->key, &journal->tree, compare) = record;
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
static struct pre_record *
find_named(struct pre_journal *journal, const struct pre_change *change)
{
	struct pre_record *record = journal->lists[KIND_POLICY].first;

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
	struct pre_record *next;

	for (struct pre_record *record = journal->lists[change->record->key.kind].first; record; record = next) {
		next = record->next;
		if (all || record->key.sa.proto == change->proto)
			drop(journal, record);
	}
}

bool
pre_journal_apply(struct pre_journal *journal, struct pre_change *change)
{
	struct pre_record *record = change->record;
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
	struct pre_record *named = pre_record_create_sa(event, &id, sizeof(expire));
	struct pre_record *record = named ? find(journal, &named->key) : NULL;
	free(named);
	if (record)
		drop(journal, record);
}

bool
pre_journal_has(struct pre_journal *journal, const struct pre_change *change)
{
	return change->verb == VERB_DEL && change->record->key.kind == KIND_POLICY && find_named(journal, change);
}

struct ranked {
	const struct pre_record *policy;
	uint32_t priority, age;
};

static int
compare_ranks(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return (a->age > b->age) - (a->age < b->age);
}

bool
pre_journal_policies(struct pre_journal *journal, void (*fn)(void *arg, const struct nlmsghdr *nlh), void *arg)
{
	const struct list *list = &journal->lists[KIND_POLICY];
	struct ranked *ranks = calloc(list->n + 1, sizeof(*ranks));
	uint32_t n = 0;

	if (!ranks)
		return false;
	for (const struct pre_record *policy = list->first; policy; policy = policy->next, n++)
		ranks[n] = (struct ranked){policy, priority_of(policy), n};
	qsort(ranks, n, sizeof(*ranks), compare_ranks);
	for (uint32_t i = 0; i < n; i++)
		fn(arg, (const struct nlmsghdr *)ranks[i].policy->data);
	free(ranks);
	return true;
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
