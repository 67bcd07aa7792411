/* SPDX-License-Identifier: BSD-3-Clause
 * What the journal's two files share. One thread at a time. */
#ifndef PRE_JOURNAL_IMPL_H
#define PRE_JOURNAL_IMPL_H

#include "control/preload/journal.h"

enum pre_kind { KIND_POLICY, KIND_SA };
enum pre_verb { VERB_SET, VERB_DEL, VERB_FLUSH };

struct pre_record {
	struct pre_key key; /* first: the tree compares it */
	struct pre_record *next, **place;
	size_t bytes; /* of data */
	uint8_t data[] __attribute__((aligned(8)));
};

struct pre_change {
	enum pre_verb verb;
	uint8_t proto;  /* VERB_FLUSH of SAs: 0 for all */
	uint32_t index; /* VERB_DEL: of the policy, when it is named so */
	struct pre_record *record;
};

/* Of an SA, named by what sets or deletes it. NULL: no memory. */
struct pre_record *pre_record_create_sa(const struct nlmsghdr *nlh, const struct xfrm_usersa_id *id, size_t body);

#endif
