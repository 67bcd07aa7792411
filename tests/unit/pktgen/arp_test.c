/* SPDX-License-Identifier: BSD-3-Clause
 * ARP: who is answered for, and what is learnt. Frames are written out as RFC 826 draws them. */
#include "pktgen/arp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct pg_arp arp = {
    .mac = {{2, 0, 0, 0, 0, 1}},
    .ranges = {{0x0a020001, 3}, {0x0a010005, 1}},
    .n = 2,
};

/* 02:00:00:00:00:09, 10.2.0.254, asks for 10.2.0.x. */
static const uint8_t question[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  9, 8, 6,
				     0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,  0, 0, 9,
				     10,   2,    0,    254,  0,    0,    0, 0, 0, 0, 10, 2, 0, 1};

static void
a_request_for_one_of_ours_becomes_its_answer(void **state)
{
	(void)state;
	static const uint8_t answer[42] = {2, 0, 0, 0, 0, 9, 2, 0,  0, 0, 0, 1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
					   2, 2, 0, 0, 0, 0, 1, 10, 2, 0, 1, 2, 0, 0, 0, 0, 9, 10, 2, 0, 254};
	uint8_t frame[42];
	memcpy(frame, question, 42);
	assert_true(pg_arp_answer(&arp, frame, 42));
	assert_memory_equal(frame, answer, 42);
}

static void
only_a_whole_request_for_one_of_ours_is_answered(void **state)
{
	(void)state;
	static const struct {
		unsigned at;
		uint8_t value;
		unsigned bytes;
		bool answered;
	} rows[] = {
	    {41, 1, 42, true},   {41, 3, 42, true}, {41, 1, 60, true}, {41, 0, 42, false}, /* 10.2.0.0 */
	    {41, 4, 42, false},                                                            /* one past the range */
	    {39, 1, 42, false},                                                            /* 10.1.0.1 */
	    {41, 1, 41, false},                                                            /* cut off */
	    {21, 2, 42, false},                                                            /* an answer */
	    {13, 0, 42, false},                                                            /* IPv4 */
	    {15, 6, 42, false},                                                            /* not Ethernet's */
	    {17, 6, 42, false},                                                            /* not IPv4's */
	    {19, 16, 42, false},                                                           /* longer addresses */
	    {18, 8, 42, false},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t frame[60] = {0}, before[60];
		memcpy(frame, question, 42);
		frame[rows[i].at] = rows[i].value;
		memcpy(before, frame, 60);
		if (pg_arp_answer(&arp, frame, rows[i].bytes) != rows[i].answered)
			fail_msg("row %u", i);
		if (!rows[i].answered)
			assert_memory_equal(frame, before, 60);
	}
	uint8_t other[42];
	memcpy(other, question, 42);
	memcpy(other + 38, (const uint8_t[]){10, 1, 0, 5}, 4); /* the second range */
	assert_true(pg_arp_answer(&arp, other, 42));
}

static void
a_question_of_ours_is_broadcast_and_its_answer_tells_the_mac(void **state)
{
	(void)state;
	uint8_t frame[PG_ARP_FRAME];
	struct rte_ether_addr mac;
	pg_arp_request(&arp, 0x0a010005, 0x0a0100fe, frame);
	assert_memory_equal(frame, ((const uint8_t[]){0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  1, 8, 6,
						      0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,  0, 0, 1,
						      10,   1,    0,    5,    0,    0,    0, 0, 0, 0, 10, 1, 0, 254}),
			    42);
	assert_false(pg_arp_learn(frame, 42, 0x0a0100fe, &mac));
	const struct pg_arp gateway = {.mac = {{2, 0, 0, 0, 0, 0x77}}, .ranges = {{0x0a0100fe, 1}}, .n = 1};
	assert_true(pg_arp_answer(&gateway, frame, sizeof(frame)));
	assert_false(pg_arp_learn(frame, sizeof(frame), 0x0a0100fd, &mac));
	assert_true(pg_arp_learn(frame, sizeof(frame), 0x0a0100fe, &mac));
	assert_memory_equal(&mac, &gateway.mac, 6);
	frame[22] |= 1; /* no host has a multicast MAC */
	assert_false(pg_arp_learn(frame, sizeof(frame), 0x0a0100fe, &mac));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_for_one_of_ours_becomes_its_answer),
	    cmocka_unit_test(only_a_whole_request_for_one_of_ours_is_answered),
	    cmocka_unit_test(a_question_of_ours_is_broadcast_and_its_answer_tells_the_mac),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
