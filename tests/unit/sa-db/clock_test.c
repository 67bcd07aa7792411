/* SPDX-License-Identifier: BSD-3-Clause
 * Somebody sets the machine's clock: lifetimes do not notice, and times told to others are right by the new one. The clock
 * is this test's own. */
#include "tests/unit/sa-db/rig.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/eal.h"

static int64_t set_forward_s;

/* In libc's place, for this program: the machine's clock, set by that much. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, now);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		now->tv_sec += set_forward_s;
	return rc;
}

static const int64_t settings_s[] = {3600, -3600, 10 * 365 * 86400L, -20 * 365 * 86400L, 1, -1};

static void
time_goes_on_evenly_whatever_the_clock_is_set_to(void **state)
{
	(void)state;
	set_forward_s = 0;
	const uint64_t start = sadb_now_s();
	assert_true(start + 1 >= (uint64_t)time(NULL) && start <= (uint64_t)time(NULL) + 1);
	for (unsigned i = 0; i < sizeof(settings_s) / sizeof(settings_s[0]); i++) {
		set_forward_s = settings_s[i];
		assert_true(sadb_now_s() >= start && sadb_now_s() < start + 60);
		assert_int_equal(sadb_clock_ahead_s(), settings_s[i]);
	}
	set_forward_s = 0;
}

static void
a_time_moves_there_and_back_and_never_stays_never(void **state)
{
	static const struct {
		uint64_t time_s;
		int64_t by_s;
		uint64_t moved_s;
	} rows[] = {
	    {0, 0, 0},        {0, 100, 0},
	    {0, -100, 0},     {1000, 0, 1000},
	    {1000, 1, 1001},  {1000, -999, 1},
	    {1000, -1000, 1}, /* before 1970: not never all the same */
	    {1000, -1001, 1}, {UINT32_MAX, 1, 1ULL << 32},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(sadb_time_moved(rows[i].time_s, rows[i].by_s), rows[i].moved_s);
}

static unsigned expired;

static void
on_expire(void *arg, const struct sadb_sa_cold *sa, enum sadb_expire_kind kind)
{
	(void)arg;
	(void)sa;
	(void)kind;
	expired++;
}

static void
an_sa_lives_as_long_as_it_should_while_the_clock_is_set(void **state)
{
	struct sadb *db = rig_create(NULL);
	struct sadb_sa_config config = rig_sa(1);
	(void)state;
	set_forward_s = 0;
	config.life.hard_add_s = 1000;
	assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
	for (unsigned i = 0; i < sizeof(settings_s) / sizeof(settings_s[0]); i++) {
		set_forward_s = settings_s[i];
		sadb_tick(db, sadb_now_s(), on_expire, NULL);
		assert_int_equal(expired, 0);
	}
	sadb_tick(db, sadb_now_s() + 1001, on_expire, NULL);
	assert_int_equal(expired, 1);
	set_forward_s = 0;
	sadb_destroy(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(time_goes_on_evenly_whatever_the_clock_is_set_to),
	    cmocka_unit_test(a_time_moves_there_and_back_and_never_stays_never),
	    cmocka_unit_test(an_sa_lives_as_long_as_it_should_while_the_clock_is_set),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
