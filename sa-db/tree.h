/* SPDX-License-Identifier: BSD-3-Clause
 * An ordered set of nodes that live inside what they order, for the control thread's own indexes: a treap, so that every
 * change takes a number of steps that grows with the logarithm of the size. Changes cannot fail. Control thread only. */
#ifndef SADB_TREE_H
#define SADB_TREE_H

#include <stdbool.h>

struct sadb_node {
	struct sadb_node *left, *right;
};

struct sadb_tree {
	struct sadb_node *root;
	/* A total order: of two nodes exactly one stands before the other. */
	bool (*before)(const struct sadb_node *a, const struct sadb_node *b);
};

void sadb_tree_add(struct sadb_tree *tree, struct sadb_node *node);
void sadb_tree_del(struct sadb_tree *tree, struct sadb_node *node); /* which must be in it */
struct sadb_node *sadb_tree_first(const struct sadb_tree *tree);    /* NULL: empty */

#endif
