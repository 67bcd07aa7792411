/* SPDX-License-Identifier: BSD-3-Clause
 * The slab allocator. */
#include "tests/unit/sa-db/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sa-db/slab.h"

#define OBJECT 1088

static bool
all_zero(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Does the map of this process have the flag ("dd", "hg") for the mapping of p? */
static bool
mapping_has(const void *p, const char *flag)
{
	char line[4096];
	bool here = false, has = false;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		unsigned long start, end;
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)p && (uintptr_t)p < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	fclose(smaps);
	return has;
}

static void
objects_are_zero_apart_and_begin_a_line(void **state)
{
	struct sadb_slab slab;
	uint8_t *object[100];
	(void)state;
	sadb_slab_init(&slab, OBJECT);
	for (unsigned i = 0; i < 100; i++) {
		object[i] = sadb_slab_alloc(&slab);
		assert_non_null(object[i]);
		assert_int_equal((uintptr_t)object[i] % 64, 0);
		assert_true(all_zero(object[i], OBJECT));
		memset(object[i], (int)i + 1, OBJECT);
	}
	assert_int_equal(slab.objects, 100);
	for (unsigned i = 0; i < 100; i++)
		for (unsigned j = 0; j < OBJECT; j++)
			assert_int_equal(object[i][j], i + 1);
	for (unsigned i = 0; i < 100; i++)
		sadb_slab_free(object[i]);
	assert_int_equal(slab.objects, 0);
	sadb_slab_fini(&slab);
}

static void
an_object_that_came_back_is_given_out_wiped(void **state)
{
	struct sadb_slab slab;
	(void)state;
	sadb_slab_init(&slab, OBJECT);
	uint8_t *kept = sadb_slab_alloc(&slab), *object = sadb_slab_alloc(&slab);
	memset(object, 0xa5, OBJECT);
	sadb_slab_free(object);
	assert_ptr_equal(sadb_slab_alloc(&slab), object);
	assert_true(all_zero(object, OBJECT));
	sadb_slab_free(object);
	sadb_slab_free(kept);
	sadb_slab_free(NULL);
	sadb_slab_fini(&slab);
}

/* AddressSanitizer forbids the look at what was given back. */
#ifndef __SANITIZE_ADDRESS__
static void
a_key_is_gone_as_soon_as_its_object_is_given_back(void **state)
{
	struct sadb_slab slab;
	(void)state;
	sadb_slab_init(&slab, OBJECT);
	uint8_t *kept = sadb_slab_alloc(&slab), *object = sadb_slab_alloc(&slab);
	memset(object, 0xa5, OBJECT);
	sadb_slab_free(object);
	assert_true(all_zero(object + sizeof(void *), OBJECT - sizeof(void *)));
	sadb_slab_free(kept);
	sadb_slab_fini(&slab);
}
#endif

static void
chunks_come_with_use_and_go_back_when_empty(void **state)
{
	struct sadb_slab slab;
	(void)state;
	sadb_slab_init(&slab, OBJECT);
	assert_int_equal(sadb_slab_bytes(&slab), 0);
	unsigned n = slab.per_chunk * 3;
	uint8_t **object = calloc(n, sizeof(*object));
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < n; i++)
			object[i] = sadb_slab_alloc(&slab);
		assert_int_equal(slab.chunks, 3);
		assert_int_equal(sadb_slab_bytes(&slab), 3 * SADB_SLAB_CHUNK_BYTES);
		for (unsigned i = 0; i < n; i += 2) /* first every other one: all chunks stay */
			sadb_slab_free(object[i]);
		assert_int_equal(slab.chunks, 3);
		for (unsigned i = 1; i < n; i += 2)
			sadb_slab_free(object[i]);
		assert_int_equal(slab.chunks, 1);
		assert_int_equal(slab.objects, 0);
	}
	free(object);
	sadb_slab_fini(&slab);
	assert_int_equal(slab.chunks, 0);
}

static void
what_was_given_back_is_used_before_a_new_chunk(void **state)
{
	struct sadb_slab slab;
	(void)state;
	sadb_slab_init(&slab, OBJECT);
	unsigned n = slab.per_chunk * 2;
	uint8_t **object = calloc(n, sizeof(*object));
	for (unsigned i = 0; i < n; i++)
		object[i] = sadb_slab_alloc(&slab);
	sadb_slab_free(object[3]);
	sadb_slab_free(object[n - 5]);
	object[3] = sadb_slab_alloc(&slab);
	object[n - 5] = sadb_slab_alloc(&slab);
	assert_int_equal(slab.chunks, 2);
	for (unsigned i = 0; i < n; i++)
		sadb_slab_free(object[i]);
	free(object);
	sadb_slab_fini(&slab);
}

static void
no_core_dump_has_them_and_large_ones_ask_for_huge_pages(void **state)
{
	struct sadb_slab slab;
	(void)state;
	sadb_slab_init(&slab, SADB_SLAB_CHUNK_BYTES / 16);
	unsigned n = slab.per_chunk + 1;
	void **object = calloc(n, sizeof(*object));
	for (unsigned i = 0; i < n; i++)
		object[i] = sadb_slab_alloc(&slab);
	assert_true(mapping_has(object[0], "dd"));
	assert_true(mapping_has(object[n - 1], "dd"));
	assert_false(mapping_has(object[0], "hg")); /* a small gateway stays small */
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0)
		assert_true(mapping_has(object[n - 1], "hg"));
	for (unsigned i = 0; i < n; i++)
		sadb_slab_free(object[i]);
	free(object);
	sadb_slab_fini(&slab);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(objects_are_zero_apart_and_begin_a_line),
	    cmocka_unit_test(an_object_that_came_back_is_given_out_wiped),
#ifndef __SANITIZE_ADDRESS__
	    cmocka_unit_test(a_key_is_gone_as_soon_as_its_object_is_given_back),
#endif
	    cmocka_unit_test(chunks_come_with_use_and_go_back_when_empty),
	    cmocka_unit_test(what_was_given_back_is_used_before_a_new_chunk),
	    cmocka_unit_test(no_core_dump_has_them_and_large_ones_ask_for_huge_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
