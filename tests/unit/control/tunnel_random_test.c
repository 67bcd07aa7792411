/* SPDX-License-Identifier: BSD-3-Clause
 * Thousands of random orders of offers, answers, losses, repetitions, delays, restarts of the line and time. The invariant
 * is the promise itself: once both ends have keys, whatever either of them sends arrives, at every moment. */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/control/tunnel_rig.h"

#define SEEDS   120
#define STEPS   250
#define OLD_MAX 8
#define BYTES   CTL_OFFER_BYTES

static uint64_t random_state;
static unsigned step_now, seed_now;

/* xorshift64*: the same on every machine, unlike rand(). */
static unsigned
pick(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned)((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static struct gateway *
pick_gateway(void)
{
	return pick(2) != 0 ? &west : &east;
}

/* Texts that were on the line once, and may come again at any time. */
struct old {
	char text[BYTES];
	size_t bytes;
	struct gateway *to;
};
static struct old olds[OLD_MAX];
static unsigned n_olds;

static void
remember(struct gateway *to, const char *text, size_t bytes)
{
	struct old *old = &olds[n_olds++ % OLD_MAX];

	memcpy(old->text, text, bytes);
	old->bytes = bytes;
	old->to = to;
}

/* The offer under way arrives, or not; its answer arrives, or not. */
static void
deliver(struct gateway *from, bool offer_arrives, bool answer_arrives)
{
	static char answer[BYTES];
	int n = -ECONNABORTED;

	if (from->running == NULL)
		return;
	remember(rig_peer(from), from->running->offer, from->running->bytes);
	if (offer_arrives)
		n = rig_accept(rig_peer(from), from->running->offer, from->running->bytes, answer);
	if (n > 0)
		remember(from, answer, (size_t)n);
	if (from->running == NULL)
		return;
	if (n > 0 && answer_arrives)
		rig_answer(from, answer, (size_t)n);
	else
		rig_fail(from);
}

/* By hand, between two people who do not talk to each other. */
static void
carry(struct gateway *from)
{
	static char offer[BYTES], answer[BYTES];
	int n = ctl_tunnel_offer(from->tunnels, "site", pick(4) == 0, offer, &rig_err);

	assert_true(n > 0);
	remember(rig_peer(from), offer, (size_t)n);
	int a = rig_accept(rig_peer(from), offer, (size_t)n, answer);
	if (a > 0 && pick(2) != 0)
		rig_accept(from, answer, (size_t)a, offer);
	else if (a > 0)
		remember(from, answer, (size_t)a);
}

static void
repeat(void)
{
	static char out[BYTES];
	const struct old *old = &olds[pick(OLD_MAX)];

	if (old->bytes > 0)
		rig_accept(old->to, old->text, old->bytes, out);
}

static void
step(void)
{
	switch (pick(12)) {
	case 0:
	case 1:
		ctl_tunnel_rekey(pick_gateway()->tunnels, "site", &rig_err);
		break;
	case 2:
	case 3:
		deliver(pick_gateway(), true, true);
		break;
	case 4:
		deliver(pick_gateway(), true, false);
		break;
	case 5:
		deliver(pick_gateway(), false, false);
		break;
	case 6:
		carry(pick_gateway());
		break;
	case 7:
	case 8:
		repeat();
		break;
	case 9:
		rig_tick(pick_gateway());
		break;
	default:
		rig_pass(pick(4) != 0 ? pick(2000) : pick(100000));
		break;
	}
}

static void
check(void)
{
	if (!rig_arrives(&west) || !rig_arrives(&east))
		fail_msg("seed %u, step %u: what %s sends does not arrive", seed_now, step_now,
			 rig_arrives(&west) ? "east" : "west");
	for (struct gateway *g = &west; g != NULL; g = g == &west ? &east : NULL)
		if (rig_sas(g) > CTL_TUNNEL_INS + 1)
			fail_msg("seed %u, step %u: %s has %u SAs", seed_now, step_now, g->name, rig_sas(g));
	/* Traffic, but not always. */
	for (struct gateway *g = &west; g != NULL; g = g == &west ? &east : NULL)
		if (pick(3) == 0)
			rig_send(g);
}

/* In the end, with a line that works, both settle on one generation and two SAs. */
static void
settle(void)
{
	for (unsigned i = 0; i < 4; i++) {
		deliver(&west, true, true);
		deliver(&east, true, true);
		rig_pass(61000);
	}
	ctl_tunnel_rekey(west.tunnels, "site", &rig_err);
	rig_pass(100);
	deliver(&west, true, true);
	rig_send(&west);
	rig_send(&east);
	rig_pass(100);
	rig_pass(31000);
	rig_send(&west);
	rig_send(&east);
	if (rig_sas(&west) != 2 || rig_sas(&east) != 2 || west.tunnel->generation != east.tunnel->generation)
		fail_msg("seed %u: in the end west has %u SAs at generation %lu, east %u at %lu", seed_now,
			 rig_sas(&west), (unsigned long)west.tunnel->generation, rig_sas(&east),
			 (unsigned long)east.tunnel->generation);
}

static void
whatever_happens_what_is_sent_arrives(void **state)
{
	for (seed_now = 1; seed_now <= SEEDS; seed_now++) {
		random_state = seed_now * UINT64_C(0x9e3779b97f4a7c15);
		n_olds = 0;
		memset(olds, 0, sizeof(olds));
		rig_set_up_tunnel(state);
		rig_bring_up();
		rig_pass(100);
		for (step_now = 0; step_now < STEPS; step_now++) {
			step();
			check();
		}
		settle();
		rig_tear_down(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_happens_what_is_sent_arrives)};

	return cmocka_run_group_tests(tests, rig_dpdk, NULL);
}
