/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules on layouts share. */
#ifndef IMAGEBUILD_LINT_LAYOUT_PRIVATE_H
#define IMAGEBUILD_LINT_LAYOUT_PRIVATE_H

#include "lint/private.h"

/* A node and what it stands in. */
struct lint_node {
	const struct ib_node *node, *parent, *table; /* parent: NULL for a table */
	bool in_luks, in_lvm;
};
struct lint_node_vec VEC(struct lint_node);

/* All nodes of all disks, parents first. */
struct lint_node_vec lint_nodes(struct lint *l, const struct lint_layout *x);
bool lint_node_is(const struct ib_node *n, const char *kind);
/* The value of KEY, or NULL; where it stands, else the node. */
const char *lint_node_value(const struct ib_node *n, const char *key);
struct ib_span lint_node_span(const struct ib_node *n, const char *key);
/* "root", or the kind where it has no name. */
const char *lint_node_name(const struct ib_node *n);
/* A size in bytes by the rules of X's language; 0: not absolute, or not given. */
uint64_t lint_node_bytes(const struct lint_layout *x, const struct ib_node *n, const char *key);
/* Whether the partition N is of TYPE ("esp", "swap"), in whichever way that is written. */
bool lint_slot_is(const struct lint *l, const struct ib_node *table, const struct ib_node *n,
		  const char *type);

#endif
