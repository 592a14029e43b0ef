/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a layout, as its rules want them. */
#include "lint/layout_private.h"

#include "block/block.h"

#include <string.h>
#include <strings.h>

#define DEPTH_MAX 64 /* the readers allow fewer */

static void add_nodes(struct lint *l, const struct lint_node *above, const struct ib_node *first,
		      int depth, struct lint_node_vec *ret_nodes)
{
	for (const struct ib_node *n = first; n; n = n->next) {
		struct lint_node here = { .node = n,
					  .parent = above ? above->node : NULL,
					  .table = above ? above->table : n };

		here.in_luks = above && (above->in_luks || lint_node_is(above->node, "luks"));
		here.in_lvm = above && (above->in_lvm || lint_node_is(above->node, "lvm"));
		vec_push(l->arena, ret_nodes, here);
		if (depth < DEPTH_MAX)
			add_nodes(l, &here, n->children, depth + 1, ret_nodes);
	}
}

struct lint_node_vec lint_nodes(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = { NULL, 0, 0 };

	add_nodes(l, NULL, x->root, 0, &nodes);
	return nodes;
}

bool lint_node_is(const struct ib_node *n, const char *kind)
{
	return n && n->kind && strcmp(n->kind, kind) == 0;
}

static const struct ib_pair *attr(const struct ib_node *n, const char *key)
{
	vec_foreach (struct ib_pair, p, &n->attrs)
		if (strcmp(p->key, key) == 0)
			return p;
	return NULL;
}

const char *lint_node_value(const struct ib_node *n, const char *key)
{
	const struct ib_pair *p = attr(n, key);

	return p ? p->value : NULL;
}

struct ib_span lint_node_span(const struct ib_node *n, const char *key)
{
	const struct ib_pair *p = attr(n, key);

	return p && p->at.end ? p->at : n->at;
}

const char *lint_node_name(const struct ib_node *n)
{
	return n->name ? n->name : n->kind;
}

uint64_t lint_node_bytes(const struct lint_layout *x, const struct ib_node *n, const char *key)
{
	const char *text = lint_node_value(n, key);

	return text ? layout_size_bytes(text, !x->recipe) : 0;
}

bool lint_slot_is(const struct lint *l, const struct ib_node *table, const struct ib_node *n,
		  const char *type)
{
	bool is_gpt = lint_node_is(table, "gpt");
	const char *text = lint_node_value(n, "type"), *code, *wanted;

	if (!text || !lint_node_is(n, "partition"))
		return false;
	code = layout_type_code(text, is_gpt, "amd64", l->arena);
	wanted = layout_type_code(type, is_gpt, "amd64", l->arena);
	return code && wanted && strcasecmp(code, wanted) == 0;
}
