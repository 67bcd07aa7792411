/* SPDX-License-Identifier: BSD-3-Clause
 * The control thread's ordered set, against a plain array. */
#include "sa-db/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NODES 4096

struct item {
	struct sadb_node node;
	unsigned value;
	bool in;
};

static struct item items[NODES];

static bool
before(const struct sadb_node *a, const struct sadb_node *b)
{
	return ((const struct item *)(const void *)a)->value < ((const struct item *)(const void *)b)->value;
}

/* In order, and each once: the values grow. Returns how many there are; *depth: of the deepest. */
static unsigned
walk(const struct sadb_node *node, unsigned level, unsigned *last, unsigned *depth)
{
	if (node == NULL)
		return 0;
	unsigned left = walk(node->left, level + 1, last, depth);
	unsigned value = ((const struct item *)(const void *)node)->value;
	assert_true(value >= *last);
	*last = value + 1;
	*depth = level > *depth ? level : *depth;
	return left + 1 + walk(node->right, level + 1, last, depth);
}

static unsigned
size(const struct sadb_tree *tree, unsigned *depth)
{
	unsigned last = 0;
	*depth = 0;
	return walk(tree->root, 1, &last, depth);
}

static void
any_order_of_adds_and_deletes_leaves_it_sorted(void **state)
{
	struct sadb_tree tree = {.before = before};
	unsigned in = 0, depth;
	(void)state;
	srand(1);
	for (unsigned i = 0; i < NODES; i++)
		items[i] = (struct item){.value = i};
	for (unsigned step = 0; step < 40000; step++) {
		struct item *item = &items[(unsigned)rand() % NODES];
		if (item->in)
			sadb_tree_del(&tree, &item->node);
		else
			sadb_tree_add(&tree, &item->node);
		item->in = !item->in;
		in += item->in ? 1 : -1u;
		if (step % 500 != 0)
			continue;
		unsigned first = 0;
		while (!items[first].in)
			first++;
		assert_ptr_equal(sadb_tree_first(&tree), &items[first].node);
		assert_int_equal(size(&tree, &depth), in);
	}
}

static void
what_comes_sorted_does_not_make_it_deep(void **state)
{
	struct sadb_tree tree = {.before = before};
	unsigned depth;
	(void)state;
	assert_null(sadb_tree_first(&tree));
	for (unsigned i = 0; i < NODES; i++) {
		items[i] = (struct item){.value = i};
		sadb_tree_add(&tree, &items[i].node);
	}
	assert_int_equal(size(&tree, &depth), NODES);
	assert_true(depth < 60); /* 12 at best; a list has 4096 */
	for (unsigned i = 0; i < NODES; i++) {
		assert_ptr_equal(sadb_tree_first(&tree), &items[i].node);
		sadb_tree_del(&tree, &items[i].node);
	}
	assert_null(tree.root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_order_of_adds_and_deletes_leaves_it_sorted),
	    cmocka_unit_test(what_comes_sorted_does_not_make_it_deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
