/* SPDX-License-Identifier: BSD-3-Clause
 * Requests under way, a ring by age. The caller's lock. */
#include "control/preload/pending.h"

#include <stddef.h>

static struct pre_asked *
at(struct pre_pending *pending, uint32_t i)
{
	return &pending->asked[(pending->first + i) % PRE_PENDING_MAX];
}

struct pre_change *
pre_pending_add(struct pre_pending *pending, const struct nlmsghdr *header, struct pre_change *change, uint64_t boot)
{
	struct pre_change *forgotten = NULL;

	if (pending->n == PRE_PENDING_MAX) {
		forgotten = at(pending, 0)->change;
		pending->first = (pending->first + 1) % PRE_PENDING_MAX;
		pending->n--;
	}
	*at(pending, pending->n++) = (struct pre_asked){.header = *header, .change = change, .boot = boot};
	return forgotten;
}

struct pre_asked *
pre_pending_find(struct pre_pending *pending, uint32_t seq)
{
	for (uint32_t i = 0; i < pending->n; i++)
		if (at(pending, i)->header.nlmsg_seq == seq)
			return at(pending, i);
	return NULL;
}

void
pre_pending_remove(struct pre_pending *pending, struct pre_asked *asked)
{
	uint32_t i = ((uint32_t)(asked - pending->asked) + PRE_PENDING_MAX - pending->first) % PRE_PENDING_MAX;

	for (; i > 0; i--) /* answers come in order: mostly it is the first */
		*at(pending, i) = *at(pending, i - 1);
	pending->first = (pending->first + 1) % PRE_PENDING_MAX;
	pending->n--;
}

void
pre_pending_mark(struct pre_pending *pending, uint32_t marker)
{
	for (uint32_t i = 0; i < pending->n; i++)
		at(pending, i)->marker = marker;
}

void
pre_pending_fail(struct pre_pending *pending, uint32_t marker, int rc)
{
	for (uint32_t i = 0; i < pending->n; i++)
		if (marker == 0 || at(pending, i)->marker == marker)
			at(pending, i)->rc = rc;
}

struct pre_asked *
pre_pending_failed(struct pre_pending *pending)
{
	for (uint32_t i = 0; i < pending->n; i++)
		if (at(pending, i)->rc != 0)
			return at(pending, i);
	return NULL;
}

void
pre_pending_clear(struct pre_pending *pending)
{
	while (pending->n > 0) {
		pre_change_destroy(at(pending, 0)->change);
		pre_pending_remove(pending, at(pending, 0));
	}
}
