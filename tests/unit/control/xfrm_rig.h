/* SPDX-License-Identifier: BSD-3-Clause
 * For the XFRM codec's tests: values in short, and the key that every sample has. */
#ifndef TEST_XFRM_RIG_H
#define TEST_XFRM_RIG_H

#include "tests/unit/control/codec_rig.h"

#include "control/xfrm_codec.h"

static const uint8_t rig_key[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const uint8_t rig_salt[4] = {0xa0, 0xa1, 0xa2, 0xa3};

/* Decodes hexadecimal text that must be right. */
static inline struct ctl_xfrm
rig_decode(const char *hex)
{
	struct nlmsghdr *nlh = rig_message(hex);
	struct sadb_error err;
	struct ctl_xfrm out;

	if (ctl_xfrm_decode(nlh, &out, &err) != 0)
		fail_msg("%s", err.text);
	free(nlh);
	return out;
}

static inline struct sadb_prefix
rig_prefix(const char *text)
{
	struct sadb_prefix out;

	assert_int_equal(sadb_prefix_parse(text, &out), 0);
	return out;
}

static inline struct sadb_addr
rig_addr(const char *text)
{
	struct sadb_addr out;

	assert_int_equal(sadb_addr_parse(text, &out), 0);
	return out;
}

/* Field by field: what lies between them is nobody's. */
static inline void
rig_assert_same_move(const struct sadb_migration *a, const struct sadb_migration *b)
{
	assert_true(sadb_addr_equal(&a->old_src, &b->old_src) && sadb_addr_equal(&a->old_dst, &b->old_dst));
	assert_true(sadb_addr_equal(&a->new_src, &b->new_src) && sadb_addr_equal(&a->new_dst, &b->new_dst));
	assert_true(a->reqid == b->reqid && a->proto == b->proto && a->mode == b->mode);
}

#endif
