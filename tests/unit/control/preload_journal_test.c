/* SPDX-License-Identifier: BSD-3-Clause
 * What the preload library remembers of a process: its policies whole, its SAs without keys, in order, within bounds;
 * and which of its requests still wait. */
#include "control/preload/journal.h"
#include "control/preload/pending.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "control/xfrm_codec.h"
#include "tests/unit/control/xfrm_rig.h"

static uint8_t buf[4096] __attribute__((aligned(8)));

static const struct nlmsghdr *
policy_message(uint16_t type, const char *dst, uint32_t priority)
{
	const struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	struct sadb_policy_info p;

	memset(&p, 0, sizeof(p));
	p.config.sel.src = rig_prefix("10.1.0.0/16");
	p.config.sel.dst = rig_prefix(dst);
	p.config.vnet_id = 3;
	p.config.dir = SADB_POLICY_OUT;
	p.config.priority = priority;
	if (type == XFRM_MSG_DELPOLICY)
		assert_true(ctl_xfrm_encode_policy_id(buf, sizeof(buf), &header, &p.config) > 0);
	else
		assert_true(ctl_xfrm_encode_policy(buf, sizeof(buf), &header, &p) > 0);
	return (const struct nlmsghdr *)buf;
}

static const struct nlmsghdr *
sa_message(uint16_t type, uint32_t spi, const char *dst)
{
	const struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	struct sadb_sa_config c;

	memset(&c, 0, sizeof(c));
	c.src = rig_addr("192.0.2.1");
	c.dst = rig_addr(dst);
	c.spi_be = htonl(spi);
	c.proto = IPPROTO_ESP;
	c.aead = SADB_AEAD_AES_GCM_16;
	c.mode = XFRM_MODE_TUNNEL;
	c.vnet_id = 3;
	c.reqid = 9;
	c.key_bytes = 32;
	memset(c.key, 0x5a, sizeof(c.key));
	memset(c.salt, 0x5b, sizeof(c.salt));
	c.sel.src = rig_prefix("0.0.0.0/0");
	c.sel.dst = rig_prefix("0.0.0.0/0");
	if (type == XFRM_MSG_DELSA)
		assert_true(ctl_xfrm_encode_sa_id(buf, sizeof(buf), &header, &c) > 0);
	else if (type == XFRM_MSG_EXPIRE)
		assert_true(ctl_xfrm_encode_expire(buf, sizeof(buf), &header, &c, &(struct ctl_sa_state){0}, 1) > 0);
	else
		assert_true(ctl_xfrm_encode_sa(buf, sizeof(buf), &header, &c, NULL) > 0);
	return (const struct nlmsghdr *)buf;
}

static bool
apply(struct pre_journal *journal, const struct nlmsghdr *request)
{
	struct pre_change *change = pre_change_create(request);

	assert_non_null(change);
	return pre_journal_apply(journal, change);
}

/* The policies as they would be sent: the second byte of their destination, and their priority. */
struct seen {
	unsigned n;
	uint8_t dst[8];
	uint32_t priority[8];
};

static void
see(void *arg, const struct nlmsghdr *nlh)
{
	struct seen *seen = arg;
	struct sadb_error err;
	struct ctl_xfrm m;

	assert_true(seen->n < 8);
	if (ctl_xfrm_decode(nlh, &m, &err) != 0)
		fail_msg("%s", err.text);
	seen->dst[seen->n] = m.policy.config.sel.dst.addr.bytes[1];
	seen->priority[seen->n++] = m.policy.config.priority;
}

static struct seen
look(struct pre_journal *journal)
{
	struct seen seen = {0};

	assert_true(pre_journal_policies(journal, see, &seen));
	return seen;
}

/* The daemon takes the older of two with one priority; one that changes its priority is a new one there. */
static void
policies_are_remembered_and_the_one_that_wins_comes_first(void **state)
{
	static const struct {
		uint16_t type;
		const char *dst;
		uint32_t priority;
		const char *order; /* second bytes of the destinations */
	} table[] = {
	    {XFRM_MSG_NEWPOLICY, "10.2.0.0/16", 20, "2"},    {XFRM_MSG_NEWPOLICY, "10.3.0.0/16", 10, "32"},
	    {XFRM_MSG_UPDPOLICY, "10.4.0.0/16", 10, "342"},  {XFRM_MSG_UPDPOLICY, "10.3.0.0/16", 10, "342"},
	    {XFRM_MSG_UPDPOLICY, "10.3.0.0/16", 20, "423"},  {XFRM_MSG_UPDPOLICY, "10.3.0.0/16", 10, "432"},
	    {XFRM_MSG_NEWPOLICY, "10.5.0.0/16", 0, "5432"},  {XFRM_MSG_DELPOLICY, "10.9.0.0/16", 0, "5432"},
	    {XFRM_MSG_DELPOLICY, "10.4.0.0/16", 0, "532"},   {XFRM_MSG_UPDPOLICY, "10.2.0.0/16", 20, "532"},
	    {XFRM_MSG_NEWPOLICY, "10.6.0.0/16", 20, "5326"}, {XFRM_MSG_DELPOLICY, "10.5.0.0/16", 0, "326"},
	};
	struct pre_journal *journal = pre_journal_create();

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(apply(journal, policy_message(table[i].type, table[i].dst, table[i].priority)));
		const struct seen seen = look(journal);
		bool right = seen.n == strlen(table[i].order);
		for (unsigned k = 0; k < seen.n; k++)
			right = right && seen.dst[k] == table[i].order[k] - '0' &&
				(k == 0 || seen.priority[k] >= seen.priority[k - 1]);
		if (!right)
			fail_msg("case %u", i);
	}
	pre_journal_destroy(journal);
}

static void
a_flush_forgets_what_it_flushes(void **state)
{
	const struct nlmsghdr header = {.nlmsg_type = XFRM_MSG_FLUSHPOLICY, .nlmsg_flags = NLM_F_REQUEST};
	const struct nlmsghdr sas = {.nlmsg_type = XFRM_MSG_FLUSHSA, .nlmsg_flags = NLM_F_REQUEST};
	struct pre_journal *journal = pre_journal_create();
	struct pre_lost *lost;

	(void)state;
	apply(journal, policy_message(XFRM_MSG_NEWPOLICY, "10.2.0.0/16", 1));
	apply(journal, sa_message(XFRM_MSG_NEWSA, 0x1001, "192.0.2.2"));
	ctl_xfrm_encode_flush_sa(buf, sizeof(buf), &sas, IPPROTO_AH);
	apply(journal, (const struct nlmsghdr *)buf);
	ctl_xfrm_encode_flush_policy(buf, sizeof(buf), &header);
	apply(journal, (const struct nlmsghdr *)buf);
	assert_int_equal(look(journal).n, 0);
	lost = pre_journal_lose(journal);
	assert_non_null(lost); /* the AH flush left it */
	free(lost);
	apply(journal, sa_message(XFRM_MSG_NEWSA, 0x1001, "192.0.2.2"));
	ctl_xfrm_encode_flush_sa(buf, sizeof(buf), &sas, 0);
	apply(journal, (const struct nlmsghdr *)buf);
	assert_null(pre_journal_lose(journal));
	pre_journal_destroy(journal);
}

static bool
holds(const void *data, size_t bytes, uint8_t value, unsigned run)
{
	const uint8_t *at = data;
	unsigned n = 0;

	for (size_t i = 0; i < bytes; i++) {
		n = at[i] == value ? n + 1 : 0;
		if (n == run)
			return true;
	}
	return false;
}

static void
lost_sas_are_announced_as_soft_expires_without_their_keys(void **state)
{
	struct pre_journal *journal = pre_journal_create();
	uint8_t event[PRE_EXPIRE_BYTES] __attribute__((aligned(8)));
	struct sadb_error err;
	struct ctl_xfrm m;

	(void)state;
	apply(journal, sa_message(XFRM_MSG_UPDSA, 0x1001, "192.0.2.2"));
	assert_true(holds(buf, sizeof(buf), 0x5a, 32));                  /* the message had it */
	apply(journal, sa_message(XFRM_MSG_NEWSA, 0x1001, "192.0.2.3")); /* same SPI, another SA */
	apply(journal, sa_message(XFRM_MSG_NEWSA, 0x1002, "192.0.2.2"));
	apply(journal, sa_message(XFRM_MSG_NEWSA, 0x1003, "192.0.2.2"));
	apply(journal, sa_message(XFRM_MSG_DELSA, 0x1001, "192.0.2.3"));
	pre_journal_expire(journal, sa_message(XFRM_MSG_EXPIRE, 0x1002, "192.0.2.2"));
	struct pre_lost *lost = pre_journal_lose(journal);
	assert_non_null(lost);
	assert_int_equal(lost->n, 2);
	assert_false(holds(lost, sizeof(*lost) + lost->n * sizeof(lost->sas[0]), 0x5a, 4));
	for (unsigned i = 0; i < lost->n; i++) {
		size_t bytes = pre_lost_expire(&lost->sas[i], event);

		assert_true(bytes <= sizeof(event));
		assert_int_equal(((struct nlmsghdr *)event)->nlmsg_len, bytes);
		if (ctl_xfrm_decode((struct nlmsghdr *)event, &m, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(m.type, XFRM_MSG_EXPIRE);
		assert_int_equal(m.sa.hard, 0);
		assert_int_equal(ntohl(m.sa.config.spi_be), i == 0 ? 0x1001 : 0x1003);
		assert_int_equal(m.sa.config.vnet_id, 3);
		assert_int_equal(m.sa.config.reqid, 9);
	}
	free(lost);
	assert_null(pre_journal_lose(journal)); /* announced once */
	pre_journal_destroy(journal);
}

/* Every prefix of every message, in memory that ends where it does: a sanitizer sees what is read beyond. */
static void
a_message_cut_short_is_read_no_further(void **state)
{
	static const uint16_t types[] = {XFRM_MSG_NEWSA,     XFRM_MSG_UPDSA,     XFRM_MSG_DELSA,    XFRM_MSG_EXPIRE,
					 XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY, XFRM_MSG_DELPOLICY};
	struct pre_journal *journal = pre_journal_create();

	(void)state;
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		const struct nlmsghdr *whole =
		    types[t] >= XFRM_MSG_NEWPOLICY && types[t] != XFRM_MSG_EXPIRE && types[t] != XFRM_MSG_UPDSA
			? policy_message(types[t], "10.2.0.0/16", 1)
			: sa_message(types[t], 0x1001, "192.0.2.2");

		for (uint32_t bytes = NLMSG_HDRLEN; bytes <= whole->nlmsg_len; bytes++) {
			struct nlmsghdr *part = malloc(bytes);

			memcpy(part, whole, bytes);
			part->nlmsg_len = bytes;
			struct pre_change *change = pre_change_create(part);
			if (change)
				pre_journal_apply(journal, change);
			else if (types[t] == XFRM_MSG_EXPIRE)
				pre_journal_expire(journal, part);
			else
				assert_true(bytes < whole->nlmsg_len);
			free(part);
		}
	}
	pre_journal_destroy(journal);
}

static void
answers_find_their_requests_and_a_full_table_forgets_the_oldest(void **state)
{
	static struct pre_pending pending;
	struct nlmsghdr header = {.nlmsg_len = NLMSG_HDRLEN};

	(void)state;
	for (uint32_t seq = 1; seq <= PRE_PENDING_MAX + 2; seq++) {
		header.nlmsg_seq = seq;
		struct pre_change *change = pre_change_create(sa_message(XFRM_MSG_NEWSA, 0x1000 + seq, "192.0.2.2"));
		struct pre_change *forgotten = pre_pending_add(&pending, &header, change, 0);

		assert_int_equal(forgotten != NULL, seq > PRE_PENDING_MAX);
		pre_change_destroy(forgotten);
	}
	assert_null(pre_pending_find(&pending, 2));
	assert_non_null(pre_pending_find(&pending, 3));
	/* From the middle, out of order. */
	struct pre_asked *asked = pre_pending_find(&pending, 100);
	pre_change_destroy(asked->change);
	pre_pending_remove(&pending, asked);
	assert_null(pre_pending_find(&pending, 100));
	for (uint32_t seq = 3; seq <= PRE_PENDING_MAX + 2; seq++)
		assert_int_equal(pre_pending_find(&pending, seq) != NULL, seq != 100);
	pre_pending_clear(&pending);
	assert_int_equal(pending.n, 0);
}

static void
only_what_was_asked_before_the_marker_fails(void **state)
{
	static struct pre_pending pending;
	struct nlmsghdr header = {.nlmsg_len = NLMSG_HDRLEN};

	(void)state;
	for (header.nlmsg_seq = 1; header.nlmsg_seq <= 4; header.nlmsg_seq++) {
		if (header.nlmsg_seq == 3)
			pre_pending_mark(&pending, 8);
		pre_pending_add(&pending, &header, NULL, 0);
	}
	pre_pending_fail(&pending, 7, -ECONNRESET); /* another marker's ACK */
	assert_null(pre_pending_failed(&pending));
	pre_pending_fail(&pending, 8, -ECONNRESET);
	for (uint32_t seq = 1; seq <= 2; seq++) {
		struct pre_asked *failed = pre_pending_failed(&pending);

		assert_int_equal(failed->header.nlmsg_seq, seq);
		assert_int_equal(failed->rc, -ECONNRESET);
		pre_pending_remove(&pending, failed);
	}
	assert_null(pre_pending_failed(&pending));
	pre_pending_fail(&pending, 0, -ECONNREFUSED);
	assert_int_equal(pre_pending_failed(&pending)->header.nlmsg_seq, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policies_are_remembered_and_the_one_that_wins_comes_first),
	    cmocka_unit_test(a_flush_forgets_what_it_flushes),
	    cmocka_unit_test(lost_sas_are_announced_as_soft_expires_without_their_keys),
	    cmocka_unit_test(a_message_cut_short_is_read_no_further),
	    cmocka_unit_test(answers_find_their_requests_and_a_full_table_forgets_the_oldest),
	    cmocka_unit_test(only_what_was_asked_before_the_marker_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
