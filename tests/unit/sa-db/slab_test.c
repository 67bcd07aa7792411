/* SPDX-License-Identifier: BSD-3-Clause
 * Objects of one size: apart from each other, aligned, zero, and used again. */
#include "sa-db/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OBJECTS 50000 /* more than a chunk holds */

static uint64_t *object[OBJECTS];

static int
by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (uint64_t *const *)a, y = (uintptr_t) * (uint64_t *const *)b;
	return x < y ? -1 : x > y;
}

static void
take_all(struct sadb_slab *slab, size_t bytes, size_t align)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		object[i] = sadb_slab_alloc(slab);
		assert_non_null(object[i]);
		assert_int_equal((uintptr_t)object[i] % align, 0);
		for (size_t k = 0; k < bytes / sizeof(uint64_t); k++)
			assert_int_equal(object[i][k], 0);
		memset(object[i], 0xff, bytes);
	}
}

static void
objects_do_not_overlap_and_start_as_zero(void **state)
{
	static const struct {
		size_t bytes, align;
	} cases[] = {{64, 64}, {128, 64}, {200, 8}};
	(void)state;
	for (unsigned c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct sadb_slab slab;
		sadb_slab_init(&slab, cases[c].bytes);
		take_all(&slab, cases[c].bytes, cases[c].align);
		for (unsigned i = 0; i < OBJECTS; i += 2)
			sadb_slab_free(object[i]);
		for (unsigned i = 0; i < OBJECTS; i += 2) {
			object[i] = sadb_slab_alloc(&slab);
			assert_int_equal(object[i][0], 0);
			assert_int_equal(object[i][cases[c].bytes / sizeof(uint64_t) - 1], 0);
		}
		qsort(object, OBJECTS, sizeof(object[0]), by_address);
		for (unsigned i = 1; i < OBJECTS; i++)
			assert_true((uintptr_t)object[i] - (uintptr_t)object[i - 1] >= cases[c].bytes);
		sadb_slab_fini(&slab);
	}
}

static void
what_is_freed_serves_again(void **state)
{
	struct sadb_slab slab;
	(void)state;
	sadb_slab_init(&slab, 64);
	take_all(&slab, 64, 64);
	const struct sadb_slab_chunk *newest = slab.chunks;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < OBJECTS; i++)
			sadb_slab_free(object[i]);
		take_all(&slab, 64, 64);
	}
	assert_ptr_equal(slab.chunks, newest); /* no new memory */
	sadb_slab_fini(&slab);
	assert_null(slab.chunks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(objects_do_not_overlap_and_start_as_zero),
	    cmocka_unit_test(what_is_freed_serves_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
