/* SPDX-License-Identifier: BSD-3-Clause
 * Whose key it is to seal with, over a stop, a crash, a disk that fails, and from marks written before this was known. */
#include "tests/unit/sa-db/store_rig.h"

#include "sa-db/sadb_private.h"
#include "tests/unit/eal.h"

#define OURS "192.0.2.2" /* where rig_sa() leads */

/* SA n of dir any to an address that is not ours. */
static struct sadb_sa_config
elsewhere(uint32_t n)
{
	struct sadb_sa_config config = rig_sa(n);
	assert_int_equal(sadb_addr_parse("203.0.113.5", &config.dst), 0);
	return config;
}

static const struct sadb_sa_cold *
add(struct sadb *db, const struct sadb_sa_config *config)
{
	struct sadb_sa_key key = sadb_sa_key_make(&config->dst, config->spi_be, config->proto);
	if (sadb_sa_add(db, config, &rig_err) != 0)
		fail_msg("%s", rig_err.text);
	rig_commit(db);
	return sadb_sa_find(db, &key);
}

/* The store as it lies there: SA n comes up inbound at an address that is not ours, and stays so. */
static void
assert_inbound_elsewhere(uint32_t n)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_sa_config config = elsewhere(n);
	uint64_t first;
	const struct sadb_sa_cold *cold = add(db, &config);
	assert_int_equal(cold->config.dir, SADB_DIR_IN);
	assert_int_equal(sadb_sa_seq_take(cold->hot->mut, 1, &first), 0);
	sadb_tick(db, 1000, NULL, NULL);
	assert_int_equal(sadb_sa_seq_take(cold->hot->mut, 1, &first), 0);
	sadb_destroy(db);
}

static void
after_a_restart_a_key_that_received_does_not_send_elsewhere(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	(void)state;
	rig_own_address(db, OURS);
	rig_add(db, 1);
	rig_commit(db);
	rig_receive(db, 1, 1);
	sadb_destroy(db);
	assert_inbound_elsewhere(1);
	assert_inbound_elsewhere(1);
}

static void
work_receives_at_once(struct sadb *db, int out)
{
	rig_own_address(db, OURS);
	rig_add(db, 1);
	rig_commit(db);
	rig_receive(db, 1, 1);
	rig_tell(out, 1);
}

static void
work_receives_when_its_address_comes(struct sadb *db, int out)
{
	rig_add(db, 1);
	rig_commit(db);
	rig_own_address(db, OURS);
	rig_receive(db, 1, 1);
	rig_tell(out, 1);
}

static void
work_receives_without_a_window(struct sadb *db, int out)
{
	struct sadb_sa_config config = rig_sa(1);
	config.window_packets = 0; /* nothing shows what came in but the direction itself */
	rig_own_address(db, OURS);
	add(db, &config);
	assert_int_equal(sadb_sa_use(rig_lookup(db, 1), 1, 100, 1), SADB_USE_OK);
	rig_tell(out, 1);
}

/* No tick comes between the packet and the crash: the disk knew before the packet came. */
static void
after_a_crash_a_key_that_received_one_packet_does_not_send_elsewhere(void **state)
{
	static void (*const works[])(struct sadb *, int) = {work_receives_at_once, work_receives_when_its_address_comes,
							    work_receives_without_a_window};
	(void)state;
	for (uint32_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		rig_crash_after(works[i]);
		assert_inbound_elsewhere(1);
		assert_int_equal(rig_store_tear_down(NULL), 0); /* the next with a store of its own */
		assert_int_equal(rig_store_set_up(NULL), 0);
	}
}

static void
work_adds_outbound(struct sadb *db, int out)
{
	struct sadb_sa_config config = elsewhere(1);
	rig_own_address(db, OURS);
	rig_tell(out, rig_take(add(db, &config)->hot, 7) + 6);
}

static void
after_a_crash_an_outbound_key_goes_on_above_and_does_not_receive(void **state)
{
	uint64_t last = rig_crash_after(work_adds_outbound);
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_sa_config ours = rig_sa(1), config = elsewhere(1);
	(void)state;
	rig_own_address(db, OURS);
	assert_int_equal(sadb_sa_add(db, &ours, &rig_err), -EEXIST);
	assert_true(rig_take(add(db, &config)->hot, 1) > last);
	sadb_destroy(db);
}

/* Seen by no one, it may be chosen by no one; then it is there as if nothing had been. */
static void
while_the_disk_fails_an_sa_whose_address_came_neither_sends_nor_receives(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_sa_config config = rig_sa(1);
	struct sadb_sa_key key = rig_key(1);
	uint64_t first;
	(void)state;
	struct sadb_sa *hot = add(db, &config)->hot;
	rig_disk_fails(true);
	rig_own_address(db, OURS);
	assert_null(rig_lookup(db, 1));
	assert_int_equal(sadb_sa_seq_take(hot->mut, 1, &first), 0);
	assert_true(sadb_commit(db, &rig_err) < 0);
	assert_non_null(sadb_sa_find(db, &key)); /* it is not new, so it is not taken back */
	config.reqid = 8;
	assert_int_equal(sadb_sa_update(db, &config, &rig_err), 0);
	assert_null(rig_lookup(db, 1));
	rig_disk_fails(false);
	sadb_tick(db, 1, NULL, NULL);
	assert_ptr_equal(rig_lookup(db, 1), sadb_sa_find(db, &key)->hot);
	assert_int_equal(rig_lookup(db, 1)->dir, SADB_DIR_IN);
	assert_int_equal(rig_lookup(db, 1)->reqid, 8);
	assert_int_equal(sadb_sa_seq_take(rig_lookup(db, 1)->mut, 1, &first), 0);
	sadb_destroy(db);
	assert_inbound_elsewhere(1);
}

static void
on_a_failed_write_a_new_inbound_sa_was_never_seen(void **state)
{
	struct sadb *db = rig_create(rig_store_path);
	struct sadb_sa_key key = rig_key(1);
	(void)state;
	rig_own_address(db, OURS);
	rig_disk_fails(true);
	rig_add(db, 1);
	assert_null(rig_lookup(db, 1));
	assert_true(sadb_commit(db, &rig_err) < 0);
	assert_null(sadb_sa_find(db, &key));
	assert_null(rig_lookup(db, 1));
	rig_disk_fails(false);
	sadb_destroy(db);
}

/* Formerly an SA of dir any kept its reserved numbers though it received. */
static void
marks_of_before_that_tell_of_a_received_number_count_as_inbound(void **state)
{
	static const struct sadb_store_mark before[] = {
	    {.out = 1 << 24, .in_seq = 5}, {.out = 0, .in_seq = 5}, {.out = SADB_NO_NUMBERS, .in_seq = 0}};
	(void)state;
	for (uint32_t n = 0; n < 3; n++) {
		struct sadb_store *store;
		struct sadb_sa_config config = rig_sa(n);
		uint8_t id[SADB_KEY_ID_BYTES];
		assert_int_equal(rig_config(NULL).key_id(config.key, config.key_bytes, config.salt, id), 0);
		assert_int_equal(sadb_store_open(rig_store_path, &store, &rig_err), 0);
		assert_int_equal(sadb_store_begin(store, &rig_err), 0);
		assert_int_equal(sadb_store_put(store, id, &before[n], &rig_err), 0);
		assert_int_equal(sadb_store_commit(store, &rig_err), 0);
		sadb_store_close(store);
		assert_inbound_elsewhere(n);
		struct sadb *db = rig_create(rig_store_path);
		config.dir = SADB_DIR_OUT;
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), -EEXIST);
		config.dir = SADB_DIR_IN;
		assert_int_equal(sadb_sa_add(db, &config, &rig_err), 0);
		sadb_destroy(db);
	}
}

int
main(void)
{
#define STORE(test) cmocka_unit_test_setup_teardown(test, rig_store_set_up, rig_store_tear_down)
	const struct CMUnitTest tests[] = {
	    STORE(after_a_restart_a_key_that_received_does_not_send_elsewhere),
	    STORE(after_a_crash_a_key_that_received_one_packet_does_not_send_elsewhere),
	    STORE(after_a_crash_an_outbound_key_goes_on_above_and_does_not_receive),
	    STORE(while_the_disk_fails_an_sa_whose_address_came_neither_sends_nor_receives),
	    STORE(on_a_failed_write_a_new_inbound_sa_was_never_seen),
	    STORE(marks_of_before_that_tell_of_a_received_number_count_as_inbound),
	};
	unit_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
