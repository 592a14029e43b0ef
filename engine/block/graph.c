/* SPDX-License-Identifier: Apache-2.0 */
/* From the attribute tree, whoever made it, to block nodes: rows, keys, names. */
#include "block/graph.h"

#include <stdio.h>
#include <string.h>

#define NODE(name, keys, role) extern const struct block_type block_##name;
#define NODE_LATER(name, keys, role)
#include <imagebuild/nodes.def>
#undef NODE
#undef NODE_LATER

static const struct block_row rows[] = {
#define NODE(name, keys, role) { #name, keys, BLOCK_##role, &block_##name },
#define NODE_LATER(name, keys, role) { #name, keys, BLOCK_##role, NULL },
#include <imagebuild/nodes.def>
#undef NODE
#undef NODE_LATER
};

#define DEPTH_MAX 16

const struct block_row *block_row_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

const char *block_row_suggest(const char *name)
{
	const char *names[ARRAY_SIZE(rows)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		names[i] = rows[i].name;
	return ib_suggest(name, names, ARRAY_SIZE(rows));
}

const struct ib_pair *node_attr(const struct block_node *n, const char *key)
{
	vec_foreach (struct ib_pair, a, &n->source->attrs)
		if (strcmp(a->key, key) == 0)
			return a;
	return NULL;
}

const char *node_value(const struct block_node *n, const char *key)
{
	const struct ib_pair *a = node_attr(n, key);

	return a ? a->value : NULL;
}

bool node_flag(const struct block_node *n, const char *key, bool otherwise)
{
	const char *value = node_value(n, key);

	return value ? strcmp(value, "yes") == 0 : otherwise;
}

struct ib_span node_span(const struct block_node *n, const char *key)
{
	const struct ib_pair *a = key ? node_attr(n, key) : NULL;

	return a ? a->at : n->source->at;
}

#define KEYS_MAX 16

/* "name= size%" -> name, size; returns how many. The names go to A. */
static size_t row_keys(const struct block_row *row, struct arena *a, const char *ret_keys[KEYS_MAX])
{
	size_t len = 0;

	for (const char *s = row->keys; *s && len < KEYS_MAX;) {
		size_t n = strcspn(s, " ");

		ret_keys[len++] = arena_strndup(a, s, n - 1);
		s += n + (s[n] == ' ');
	}
	return len;
}

static void unknown_key(const struct block_row *row, const struct ib_pair *p,
			const char *const *keys, size_t len, struct ib_diag *diag)
{
	ib_diag_unknown(diag, IB_D_UNKNOWN_KEY, p->at, p->key, keys, len, "'%s' has no key '%s'",
			row->name, p->key);
}

static void check_keys(struct layout *l, const struct block_row *row, const struct ib_node *source,
		       struct ib_diag *diag)
{
	const char *keys[KEYS_MAX];
	size_t len = row_keys(row, l->arena, keys);

	for (size_t i = 0; i < source->attrs.len; i++) {
		const struct ib_pair *p = &source->attrs.items[i];
		bool is_known = false;

		for (size_t k = 0; k < len; k++)
			is_known |= strcmp(keys[k], p->key) == 0;
		if (!is_known)
			unknown_key(row, p, keys, len, diag);
		for (size_t k = 0; k < i; k++)
			if (strcmp(source->attrs.items[k].key, p->key) == 0) {
				ib_diag_add(diag, IB_D_DUPLICATE_KEY, p->at, "'%s' is given twice",
					    p->key);
				ib_diag_note(diag, source->attrs.items[k].at, "the first is here");
			}
	}
}

static bool may_hold(const struct block_node *parent, const struct block_row *child)
{
	bool is_content = child->role == BLOCK_CONTENT || child->role == BLOCK_COVER ||
			  child->role == BLOCK_GROUP;

	switch (parent->row->role) {
	case BLOCK_TABLE:
		return strcmp(parent->row->name, "none") == 0 ? is_content
							      : child->role == BLOCK_SLOT;
	case BLOCK_SLOT:
	case BLOCK_VOLUME:
	case BLOCK_COVER:
		return is_content;
	case BLOCK_GROUP:
		return child->role == BLOCK_VOLUME;
	case BLOCK_CONTENT:
		break;
	}
	return false;
}

static bool holds_one(const struct block_node *n)
{
	return n->row->role != BLOCK_GROUP &&
	       !(n->row->role == BLOCK_TABLE && strcmp(n->row->name, "none") != 0);
}

static const struct block_row *check_row(const struct ib_node *source, struct ib_diag *diag)
{
	const struct block_row *row = block_row_find(source->kind);

	/* a volume is named by its group */
	if (row && !row->type && row->role != BLOCK_VOLUME)
		ib_diag_add(diag, IB_D_NOT_BUILT_YET, source->at, "'%s' is not built yet",
			    source->kind);
	if (row)
		return row;
	const char *near = block_row_suggest(source->kind);

	if (near)
		ib_diag_add(diag, IB_D_UNKNOWN_NODE, source->at,
			    "unknown node '%s'; did you mean '%s'?", source->kind, near);
	else
		ib_diag_add(diag, IB_D_UNKNOWN_NODE, source->at, "unknown node '%s'", source->kind);
	return NULL;
}

/* dib's rule: <plugin>_<base>, and what stands in `root` is mkfs_root. */
static const char *derive_name(struct layout *l, const struct block_node *n)
{
	if (n->source->name)
		return n->source->name;
	if (!n->parent)
		return "image0";
	if (n->row->role == BLOCK_CONTENT)
		return arena_printf(l->arena, "mkfs_%s", n->parent->name);
	return arena_printf(l->arena, "%s_%s", n->row->name, n->parent->name);
}

/* A partition without a name is called by its place; two such names would clash otherwise. */
static const char *place_name(struct layout *l, const struct block_node *n)
{
	size_t count = 1;

	if (n->source->name || !n->parent || n->row->role != BLOCK_SLOT)
		return derive_name(l, n);
	for (const struct block_node *s = n->parent->children; s && s != n; s = s->next)
		count++;
	return arena_printf(l->arena, "%s%zu", n->row->name, count);
}

/* Partitions join a group by its name; the volumes stand in the first. */
static bool joins(const struct block_node *n, const struct block_node *first)
{
	return n->row->role == BLOCK_GROUP && first->row == n->row && !n->source->children;
}

static void check_name(struct layout *l, const struct block_node *n, struct ib_diag *diag)
{
	vec_foreach (struct block_node *, other, &l->nodes) {
		if (strcmp((*other)->name, n->name) != 0 || joins(n, *other))
			continue;
		ib_diag_add(diag, IB_D_BAD_NAME,
			    n->source->name ? n->source->name_at : n->source->at,
			    "two nodes have the name '%s'", n->name);
		ib_diag_note(diag, (*other)->source->at, "the other is here");
		return;
	}
}

static struct block_node *add_node(struct layout *l, struct block_node *parent,
				   const struct ib_node *source, struct ib_diag *diag)
{
	const struct block_row *row = check_row(source, diag);

	if (!row)
		return NULL;
	check_keys(l, row, source, diag);
	if (!parent && row->role != BLOCK_TABLE) {
		ib_diag_add(diag, IB_D_NODE_CHILDREN, source->at,
			    "a layout is gpt, mbr or none, not '%s'", source->kind);
		return NULL;
	}
	if (parent && !may_hold(parent, row)) {
		ib_diag_add(diag, IB_D_NODE_CHILDREN, source->at, "'%s' cannot stand in '%s'",
			    source->kind, parent->row->name);
		return NULL;
	}
	struct block_node *n = arena_alloc(l->arena, sizeof(*n));
	struct block_node **tail = parent ? &parent->children : &l->top;

	while (*tail)
		tail = &(*tail)->next;
	*n = (struct block_node){ .row = row, .source = source, .parent = parent };
	*tail = n;
	n->name = place_name(l, n);
	check_name(l, n, diag);
	vec_push(l->arena, &l->nodes, n);
	return n;
}

static void add_children(struct layout *l, struct block_node *n, int depth, struct ib_diag *diag)
{
	size_t count = 0;

	for (const struct ib_node *s = n->source->children; s; s = s->next) {
		if (++count == 2 && holds_one(n)) {
			ib_diag_add(diag, IB_D_NODE_CHILDREN, s->at, "'%s' holds one node",
				    n->row->name);
			return;
		}
		struct block_node *child = add_node(l, n, s, diag);

		if (child && depth < DEPTH_MAX)
			add_children(l, child, depth + 1, diag);
	}
}

int graph_build(struct layout *l, const struct ib_node *root, struct ib_diag *diag)
{
	struct block_node *top = add_node(l, NULL, root, diag);

	if (!top)
		return -1;
	add_children(l, top, 0, diag);
	vec_foreach (struct block_node *, n, &l->nodes)
		if (!(*n)->row->type && (*n)->row->role == BLOCK_CONTENT)
			(void)content_parse(*n, l, diag);
		else if ((*n)->row->type && (*n)->row->type->parse)
			(void)(*n)->row->type->parse(*n, l, diag);
	return 0;
}
