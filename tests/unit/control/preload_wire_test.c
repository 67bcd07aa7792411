/* SPDX-License-Identifier: BSD-3-Clause
 * Netlink messages as the preload library reads them: cut as the kernel would have sent them, never read beyond their
 * end. */
#include "control/preload/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/own_codec.h"

#define HEAD NLMSG_HDRLEN

static uint8_t data[8192] __attribute__((aligned(8)));

/* A message at a place: its length as claimed. Returns the place behind. */
static size_t
put(size_t at, uint32_t length, uint16_t type, uint16_t flags, uint32_t seq)
{
	const struct nlmsghdr nlh = {.nlmsg_len = length, .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq};

	memcpy(data + at, &nlh, sizeof(nlh));
	return at + NLMSG_ALIGN(length);
}

static void
a_message_with_a_wrong_length_is_none(void **state)
{
	static const struct {
		uint32_t claimed;
		size_t bytes, at;
		bool there;
	} cases[] = {
	    {HEAD, HEAD, 0, true},      {HEAD + 1, HEAD + 1, 0, true}, {HEAD - 1, HEAD, 0, false}, {0, HEAD, 0, false},
	    {HEAD + 1, HEAD, 0, false}, {UINT32_MAX, 8192, 0, false},  {HEAD, HEAD - 1, 0, false}, {HEAD, 0, 0, false},
	    {HEAD, HEAD, HEAD, false},  {HEAD, HEAD, HEAD + 4, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(0, cases[i].claimed, XFRM_MSG_NEWSA, 0, 1);
		assert_int_equal(pre_wire_at(data, cases[i].bytes, cases[i].at) != NULL, cases[i].there);
		assert_int_equal(pre_wire_unit(data, cases[i].bytes, cases[i].at) != 0, cases[i].there);
	}
}

static void
a_message_alone_is_one_unit_and_parts_of_a_dump_are_joined(void **state)
{
	size_t one, two, three, end;

	(void)state;
	one = put(0, 100, NLMSG_ERROR, NLM_F_CAPPED, 1);
	two = put(one, 101, XFRM_MSG_NEWSA, NLM_F_MULTI, 2);
	three = put(two, 200, XFRM_MSG_NEWSA, NLM_F_MULTI, 2);
	end = put(three, 20, NLMSG_DONE, NLM_F_MULTI, 2);
	end = put(end, 36, NLMSG_ERROR, 0, 3);
	assert_int_equal(pre_wire_unit(data, end, 0), one);
	assert_int_equal(pre_wire_unit(data, end, one), three + 20 - one); /* up to its end, and not the next answer */
	/* The datagram may end without the last one's padding. */
	assert_int_equal(pre_wire_unit(data, one + 101, one), 101);
	/* Another dump is another unit. */
	put(two, 200, XFRM_MSG_NEWSA, NLM_F_MULTI, 9);
	assert_int_equal(pre_wire_unit(data, end, one), two - one);
}

static void
parts_of_a_dump_are_no_longer_than_the_kernels(void **state)
{
	size_t end = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		end = put(end, 400, XFRM_MSG_NEWSA, NLM_F_MULTI, 2);
	assert_int_equal(pre_wire_unit(data, end, 0), 3600);
	assert_int_equal(pre_wire_unit(data, end, 3600), 400);
	/* One that is longer comes alone and whole. */
	end = put(0, 5000, XFRM_MSG_NEWSA, NLM_F_MULTI, 2);
	end = put(end, 20, NLMSG_DONE, NLM_F_MULTI, 2);
	assert_int_equal(pre_wire_unit(data, end, 0), 5000);
}

static void
every_message_of_a_datagram_gets_the_port(void **state)
{
	size_t second, end;

	(void)state;
	second = put(0, 21, XFRM_MSG_GETSA, 0, 1);
	end = put(second, 16, XFRM_MSG_GETSA, 0, 2);
	pre_wire_stamp(data, end, 77);
	assert_int_equal(((const struct nlmsghdr *)data)->nlmsg_pid, 77);
	assert_int_equal(((const struct nlmsghdr *)(data + second))->nlmsg_pid, 77);
	/* Behind a wrong length nothing is touched. */
	put(0, 15, XFRM_MSG_GETSA, 0, 1);
	pre_wire_stamp(data, end, 78);
	assert_int_equal(((const struct nlmsghdr *)(data + second))->nlmsg_pid, 77);
}

static void
an_attribute_is_found_only_where_it_is_whole(void **state)
{
	const struct nlattr mark = {.nla_len = NLA_HDRLEN + 8, .nla_type = XFRMA_MARK};
	const struct nlattr other = {.nla_len = NLA_HDRLEN + 3, .nla_type = XFRMA_IF_ID};
	const size_t at = HEAD + 8 + 8;
	struct nlmsghdr *nlh = (struct nlmsghdr *)data;

	(void)state;
	memset(data, 0, sizeof(data));
	memcpy(data + HEAD + 8, &other, sizeof(other));
	memcpy(data + at, &mark, sizeof(mark));
	nlh->nlmsg_len = (uint32_t)(at + NLA_HDRLEN + 8);
	assert_ptr_equal(pre_wire_attr(nlh, 8, XFRMA_MARK, 8), data + at + NLA_HDRLEN);
	assert_null(pre_wire_attr(nlh, 8, XFRMA_MARK, 9));
	assert_null(pre_wire_attr(nlh, 8, XFRMA_IF_ID, 4));
	assert_null(pre_wire_attr(nlh, 8, XFRMA_TMPL, 0));
	nlh->nlmsg_len--;
	assert_null(pre_wire_attr(nlh, 8, XFRMA_MARK, 8));
	/* A body that is longer than the message. */
	assert_null(pre_wire_attr(nlh, 4096, XFRMA_MARK, 8));
	/* A length of nothing does not go round in circles. */
	((struct nlattr *)(data + HEAD + 8))->nla_len = 0;
	assert_null(pre_wire_attr(nlh, 8, XFRMA_MARK, 8));
}

static void
the_librarys_requests_are_read_by_the_daemon_and_its_hello_by_the_library(void **state)
{
	static struct ctl_own own;
	const struct nlmsghdr header = {.nlmsg_type = CTL_MSG_HELLO};
	struct sadb_error err;
	uint64_t boot = 0;

	(void)state;
	pre_wire_subscribe(data, 5, 0xae);
	assert_int_equal(ctl_own_decode((const struct nlmsghdr *)data, &own, &err), 0);
	assert_int_equal(own.groups, 0xae);
	assert_int_equal(((const struct nlmsghdr *)data)->nlmsg_pid, PRE_OWN_PORT);

	size_t bytes = ctl_own_encode_hello(data, sizeof(data), &header, UINT64_C(0x123456789abcdef1));
	assert_true(bytes > 0);
	assert_true(pre_wire_hello((const struct nlmsghdr *)data, &boot));
	assert_int_equal(boot, UINT64_C(0x123456789abcdef1));
	assert_int_equal(ctl_own_decode((const struct nlmsghdr *)data, &own, &err), 0);
	assert_int_equal(own.boot_id, boot);
	((struct nlmsghdr *)data)->nlmsg_len -= 4;
	assert_false(pre_wire_hello((const struct nlmsghdr *)data, &boot));
}

static void
an_answer_ends_where_its_sender_stops_waiting(void **state)
{
	static const struct {
		uint16_t type, flags, asked;
		bool ends;
	} cases[] = {
	    {NLMSG_ERROR, 0, NLM_F_ACK, true},
	    {NLMSG_ERROR, 0, 0, true},
	    {NLMSG_DONE, NLM_F_MULTI, NLM_F_DUMP, true},
	    {XFRM_MSG_NEWSA, NLM_F_MULTI, NLM_F_DUMP, false},
	    {XFRM_MSG_NEWSA, 0, 0, true},
	    {XFRM_MSG_NEWSA, 0, NLM_F_ACK, false}, /* the ACK follows */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(0, 20, cases[i].type, cases[i].flags, 1);
		assert_int_equal(pre_wire_ends((const struct nlmsghdr *)data, cases[i].asked), cases[i].ends);
	}
}

static void
a_plain_ack_is_the_kernels_without_attributes(void **state)
{
	const struct nlmsghdr request = {
	    .nlmsg_len = 300, .nlmsg_type = XFRM_MSG_NEWSA, .nlmsg_seq = 7, .nlmsg_pid = 8};
	uint8_t plain[PRE_ERROR_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)data;
	const struct nlmsgerr *body = (const void *)(plain + HEAD);

	(void)state;
	pre_wire_error(data, &request, -EEXIST);
	assert_false(pre_wire_plain_ack(plain, nlh)); /* it is one */
	nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	nlh->nlmsg_len += 40;
	assert_true(pre_wire_plain_ack(plain, nlh));
	assert_int_equal(((struct nlmsghdr *)plain)->nlmsg_len, PRE_ERROR_BYTES);
	assert_int_equal(((struct nlmsghdr *)plain)->nlmsg_flags, NLM_F_CAPPED);
	assert_int_equal(body->error, -EEXIST);
	assert_int_equal(body->msg.nlmsg_seq, 7);
	nlh->nlmsg_len = PRE_ERROR_BYTES - 1;
	assert_false(pre_wire_plain_ack(plain, nlh));
}

static void
an_offset_into_what_is_not_there_is_hidden(void **state)
{
	const struct nlmsghdr request = {.nlmsg_len = 300, .nlmsg_type = XFRM_MSG_NEWSA};
	const struct nlattr offset = {.nla_len = NLA_HDRLEN + 4, .nla_type = NLMSGERR_ATTR_OFFS};
	struct nlmsghdr *nlh = (struct nlmsghdr *)data;

	(void)state;
	pre_wire_error(data, &request, -EINVAL);
	memcpy(data + PRE_ERROR_BYTES, &offset, sizeof(offset));
	nlh->nlmsg_len = PRE_ERROR_BYTES + NLA_HDRLEN + 4;
	pre_wire_hide_offset(nlh); /* no extended ACK: what follows is something else */
	assert_non_null(pre_wire_attr(nlh, sizeof(struct nlmsgerr), NLMSGERR_ATTR_OFFS, 4));
	nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	pre_wire_hide_offset(nlh);
	assert_null(pre_wire_attr(nlh, sizeof(struct nlmsgerr), NLMSGERR_ATTR_OFFS, 4));
	assert_non_null(pre_wire_attr(nlh, sizeof(struct nlmsgerr), NLMSGERR_ATTR_UNUSED, 4));
	assert_int_equal(nlh->nlmsg_len, PRE_ERROR_BYTES + NLA_HDRLEN + 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_with_a_wrong_length_is_none),
	    cmocka_unit_test(a_message_alone_is_one_unit_and_parts_of_a_dump_are_joined),
	    cmocka_unit_test(parts_of_a_dump_are_no_longer_than_the_kernels),
	    cmocka_unit_test(every_message_of_a_datagram_gets_the_port),
	    cmocka_unit_test(an_attribute_is_found_only_where_it_is_whole),
	    cmocka_unit_test(the_librarys_requests_are_read_by_the_daemon_and_its_hello_by_the_library),
	    cmocka_unit_test(an_answer_ends_where_its_sender_stops_waiting),
	    cmocka_unit_test(a_plain_ack_is_the_kernels_without_attributes),
	    cmocka_unit_test(an_offset_into_what_is_not_there_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
