/* SPDX-License-Identifier: BSD-3-Clause
 * The preload library's memory of what a program installed, and its cutting of datagrams. The input is what a program
 * sends, or a daemon answers: messages one after the other. */
#include <stdlib.h>
#include <string.h>

#include "control/preload/journal.h"
#include "control/preload/wire.h"
#include "tests/fuzz/fuzz.h"

static void
count(void *arg, const struct nlmsghdr *nlh)
{
	fuzz_expect(nlh->nlmsg_type == XFRM_MSG_NEWPOLICY || nlh->nlmsg_type == XFRM_MSG_UPDPOLICY);
	++*(unsigned *)arg;
}

static void
take(struct pre_journal *journal, const struct nlmsghdr *nlh, unsigned *taken)
{
	struct pre_change *change = pre_change_create(nlh);

	if (change != NULL) {
		pre_journal_has(journal, change);
		pre_change_policy(change);
		fuzz_expect(pre_journal_apply(journal, change));
		++*taken;
	}
	if (nlh->nlmsg_type == XFRM_MSG_EXPIRE)
		pre_journal_expire(journal, nlh);
}

static void
answer(const struct nlmsghdr *nlh)
{
	uint8_t error[PRE_ERROR_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *copy = malloc(nlh->nlmsg_len);
	uint64_t boot;

	fuzz_expect(copy != NULL);
	memcpy(copy, nlh, nlh->nlmsg_len);
	pre_wire_hello(copy, &boot);
	pre_wire_error(error, copy, -1);
	pre_wire_plain_ack(error, copy);
	pre_wire_hide_offset(copy);
	fuzz_expect(copy->nlmsg_len == nlh->nlmsg_len);
	free(copy);
}

/* All that was remembered comes out again: policies as messages, SAs as notices of their end. */
static void
empty(struct pre_journal *journal, unsigned taken)
{
	uint8_t expire[PRE_EXPIRE_BYTES] __attribute__((aligned(8)));
	unsigned policies = 0;

	fuzz_expect(pre_journal_policies(journal, count, &policies));
	struct pre_lost *lost = pre_journal_lose(journal);
	fuzz_expect(policies + (lost != NULL ? lost->n : 0) <= taken);
	for (uint32_t i = 0; lost != NULL && i < lost->n; i++)
		fuzz_expect(pre_lost_expire(&lost->sas[i], expire) <= sizeof(expire));
	free(lost);
	fuzz_expect(pre_journal_lose(journal) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pre_journal *journal = pre_journal_create();
	const struct nlmsghdr *nlh;
	unsigned taken = 0;
	size_t unit;

	fuzz_expect(journal != NULL);
	for (size_t at = 0; (nlh = pre_wire_at(data, size, at)) != NULL; at += pre_wire_step(nlh, size - at)) {
		answer(nlh);
		take(journal, nlh, &taken);
	}
	for (size_t at = 0; (unit = pre_wire_unit(data, size, at)) > 0; at += unit)
		fuzz_expect(at + unit <= size);
	empty(journal, taken);
	pre_journal_destroy(journal);
	return 0;
}
