/* SPDX-License-Identifier: BSD-3-Clause
 * The control thread's ordered set: see tree.h. */
#include "sa-db/tree.h"

#include <stddef.h>
#include <stdint.h>

/* The heap's side of the treap: a node's address, mixed until no pattern of the allocator is left in it. */
static uint64_t
weight(const struct sadb_node *node)
{
	uint64_t x = (uint64_t)(uintptr_t)node;
	x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdULL;
	x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

void
sadb_tree_add(struct sadb_tree *tree, struct sadb_node *node)
{
	struct sadb_node **at = &tree->root, **left = &node->left, **right = &node->right;
	uint64_t own = weight(node);

	while (*at != NULL && weight(*at) > own)
		at = tree->before(node, *at) ? &(*at)->left : &(*at)->right;
	struct sadb_node *rest = *at; /* splits in two: what stands before the node, and what after it */
	*at = node;
	while (rest != NULL) {
		if (tree->before(rest, node)) {
			*left = rest;
			left = &rest->right;
			rest = rest->right;
		} else {
			*right = rest;
			right = &rest->left;
			rest = rest->left;
		}
	}
	*left = *right = NULL;
}

void
sadb_tree_del(struct sadb_tree *tree, struct sadb_node *node)
{
	struct sadb_node **at = &tree->root, *left = node->left, *right = node->right;

	while (*at != node)
		at = tree->before(node, *at) ? &(*at)->left : &(*at)->right;
	while (left != NULL && right != NULL) {
		if (weight(left) > weight(right)) {
			*at = left;
			at = &left->right;
			left = left->right;
		} else {
			*at = right;
			at = &right->left;
			right = right->left;
		}
	}
	*at = left != NULL ? left : right;
}

struct sadb_node *
sadb_tree_first(const struct sadb_tree *tree)
{
	struct sadb_node *node = tree->root;
	while (node != NULL && node->left != NULL)
		node = node->left;
	return node;
}
