/* SPDX-License-Identifier: BSD-3-Clause
 * A gateway with all its threads: two workers that share every SA, the twins' thread, and a control thread that changes
 * all it can, under traffic that comes back and is looked at byte by byte. No packet is lost, and under ThreadSanitizer none
 * of what they share is a race. As threads_test --race WHICH it makes one, and passes if the sanitizer sees it. */
#include "tests/unit/dataplane/threads_control.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/dataplane/told.h"

#ifdef CULVERT_SANITIZED
#define PACKETS 16000
#else
#define PACKETS 60000
#endif
#define PACKETS_MAX 1000000 /* by then all has happened that shall */

/* What a race is made of. */
enum race {
	RACE_NONE,
	RACE_TABLE,  /* the control thread writes to a table that workers read */
	RACE_PACKET, /* the host looks at a packet that it gave away */
};
static enum race race;

static struct rig rig;
static struct control control;

/* As long as the daemon's shortest timer is: the other threads have the processors meanwhile. */
static void
pause_ms(unsigned ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000L};
	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void
make_race(void)
{
	struct sadb_neigh *neigh = sadb_neigh_at(sadb_neighs(rig.db), 0);
	if (race == RACE_TABLE)
		neigh->mac[5] = (uint8_t)(control.rounds & 1); /* not aside, not published, not after a grace period */
}

/* All of it has to happen, however fast the packets are. */
static bool
all_happened(void)
{
	const uint64_t *const audited = control.audited;
	return control.rekeys > 4 && control.soft > 4 && control.hard > 4 && control.acquires > 4 &&
	       control.mappings > 0 && control.neighbours > 0 && control.policies_ended > 0 && control.narrow > 0 &&
	       audited[DP_AUDIT_REPLAY] > 0 && audited[DP_AUDIT_ICV] > 0 && audited[DP_AUDIT_NO_SA] > 0 &&
	       rig_told(&rig.answers) > 0 && rig_told(&rig.cut) > 0;
}

static bool
goes_on(void)
{
	uint64_t drops[DP_DROP_COUNT];

	if (__atomic_load_n(&rig.wrong, __ATOMIC_RELAXED) != NULL || (race != RACE_NONE && told_races() > 0))
		return false;
	if (all_happened())
		__atomic_store_n(&rig.enough, 1, __ATOMIC_RELAXED);
	rig_drops(&rig, drops);
	return !__atomic_load_n(&rig.sent_all, __ATOMIC_RELAXED) ||
	       rig_told(&rig.back) + rig_lost(drops) < rig_told(&rig.sent);
}

static void
run(uint64_t drops[DP_DROP_COUNT])
{
	pthread_t host, wire;
	struct dp_error err;

	rig_start(&rig);
	rig.packets = PACKETS;
	rig.packets_max = PACKETS_MAX;
	rig.race = race == RACE_PACKET;
	control_start(&control, &rig);
	if (dp_start(rig.dp, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(pthread_create(&host, NULL, rig_host_main, &rig), 0);
	assert_int_equal(pthread_create(&wire, NULL, rig_wire_main, &rig), 0);
	while (goes_on()) {
		control_round(&control);
		make_race();
		pause_ms(1);
	}
	/* What comes to its end at the peer, and what came beside the answers. */
	control_ask(&control);
	while (race == RACE_NONE && rig.wrong == NULL && !control_drained(&control))
		pause_ms(1);
	__atomic_store_n(&rig.stop, 1, __ATOMIC_RELAXED);
	pthread_join(host, NULL);
	pthread_join(wire, NULL);
	rig_stop(&rig, drops);
}

static uint64_t
sum(const uint64_t drops[DP_DROP_COUNT], const enum dp_drop reasons[], unsigned n)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < n; i++)
		all += drops[reasons[i]];
	return all;
}

/* No drop but those that were asked for, each by its number. */
static void
assert_drops(uint64_t drops[DP_DROP_COUNT])
{
	static const enum dp_drop unwanted[] = {DP_DROP_REPLAY_DUP, DP_DROP_REPLAY_OLD, DP_DROP_ICV};
	static const enum dp_drop spent[] = {DP_DROP_NO_SA, DP_DROP_SA_EXPIRED};
	/* Of what the twins' kernel says of itself on links where it has no address. */
	static const enum dp_drop of_kernel[] = {DP_DROP_INJECT_SOURCE, DP_DROP_IP6_LINK, DP_DROP_IP_MULTICAST};

	assert_int_equal(sum(drops, unwanted, 3), rig.twice + rig.tampered);
	assert_int_equal(sum(drops, spent, 2), rig.sunk_sent - rig.sunk);
	for (unsigned i = 0; i < 3; i++)
		drops[unwanted[i]] = drops[of_kernel[i]] = 0;
	drops[DP_DROP_NO_SA] = drops[DP_DROP_SA_EXPIRED] = 0;
	assert_int_equal(rig_lost(drops), rig.sent - rig.back);
	drops[DP_DROP_NEIGH_TIMEOUT] = drops[DP_DROP_FRAGMENT_TIMEOUT] = 0; /* a machine may stand still for seconds */
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		if (drops[i] != 0)
			fail_msg("%lu packets dropped: %s", drops[i], dp_drop_name(i));
}

static void
no_packet_is_lost_while_all_that_threads_share_changes(void **state)
{
	uint64_t drops[DP_DROP_COUNT];

	(void)state;
	run(drops);
	printf(
	    "%lu packets there and back, %lu sealed; %lu changes of keys, %lu SAs spent, %lu acquires, %lu moves, %lu "
	    "neighbours asked for, %lu policies ended, %lu pings and %lu answers, in %u rounds\n",
	    rig.back, rig.sealed, control.rekeys, control.hard, control.acquires, control.mappings, control.neighbours,
	    control.policies_ended, rig.pings, rig.answers, control.rounds);
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		if (drops[i] != 0)
			printf("dropped: %s %lu\n", dp_drop_name(i), drops[i]);
	if (rig.wrong != NULL)
		fail_msg("%s", rig.wrong);
	assert_true(rig.sent >= PACKETS);
	assert_drops(drops);
	assert_true(all_happened());
	assert_true(rig.answers <= rig.pings);
}

/* Else a run without reports would say nothing. */
static void
a_race_is_seen(void **state)
{
	uint64_t drops[DP_DROP_COUNT];

	(void)state;
	assert_true(told_watched());
	run(drops);
	assert_true(told_races() > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_packet_is_lost_while_all_that_threads_share_changes)};
	const struct CMUnitTest races[] = {cmocka_unit_test(a_race_is_seen)};

	if (argc == 3 && strcmp(argv[1], "--race") == 0)
		race = strcmp(argv[2], "table") == 0 ? RACE_TABLE : RACE_PACKET;
	if (rig_process_start() < 0)
		return 77;
	const int failed =
	    race != RACE_NONE ? cmocka_run_group_tests(races, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
	dp_eal_stop();
	return failed;
}
