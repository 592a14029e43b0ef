/* SPDX-License-Identifier: Apache-2.0 */
/* dib's `lvm` entries: lists of physical volumes, groups and volumes that name each other, while in
 * LAYOUT a group stands in the partition of its physical volume (contract 11.4). */
#include "block/config.h"

#include <string.h>

static const struct plugin physical = { "pv", { "name", "base", "options", NULL } };
static const struct plugin group = { "vg", { "name", "base", "options", NULL } };
static const struct plugin volume = {
	"lv", { "name", "base", "size", "extents", "options", "type", "thin-pool", NULL }
};

/* The item of LIST as a node, where it has what it needs. */
static const char *add_item(struct dib_graph *g, const struct plugin *p,
			    const struct yaml_node *item)
{
	if (item->kind != YAML_MAP) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, item->at, "expected a map with a name");
		return NULL;
	}
	dib_check_keys(g, p, item);
	if (!dib_text(item, "name") || !yaml_get(item, "base")) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, item->at, "'%s' needs a name and a base",
			    p->name);
		return NULL;
	}
	return dib_add_node(g, p, item, item->at, NULL);
}

static void add_list(struct dib_graph *g, const struct plugin *p, const struct yaml_node *map,
		     const char *key, struct ib_span at)
{
	const struct yaml_node *list = yaml_get(map, key);

	if (!list || list->kind != YAML_LIST) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, list ? list->at : at,
			    "'lvm' needs a list '%s'", key);
		return;
	}
	for (const struct yaml_node *item = list->children; item; item = item->next)
		(void)add_item(g, p, item);
}

static bool is_in(const struct yaml_node *list, const char *name)
{
	for (const struct yaml_node *v = list->children; v; v = v->next)
		if (v->kind == YAML_SCALAR && strcmp(v->text, name) == 0)
			return true;
	return false;
}

static const struct dib_node *find(const struct dib_graph *g, const struct plugin *p,
				   const char *name)
{
	vec_foreach (struct dib_node, n, &g->nodes)
		if (n->plugin == p && strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

static struct dib_node *find_group(struct dib_graph *g, const char *pv)
{
	vec_foreach (struct dib_node, n, &g->nodes)
		if (n->plugin == &group && is_in(yaml_get(n->yaml, "base"), pv))
			return n;
	return NULL;
}

static void check_member(struct dib_graph *g, const struct dib_node *n, const struct yaml_node *v)
{
	const char *name = v->kind == YAML_SCALAR ? v->text : "";

	if (!find(g, &physical, name))
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, v->at,
			    "'%s' stands on '%s', which is no physical volume", n->name, name);
	else if (find_group(g, name) != n)
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, v->at,
			    "physical volume '%s' is of group '%s' already", name,
			    find_group(g, name)->name);
}

static void check_group(struct dib_graph *g, const struct dib_node *n)
{
	const struct yaml_node *list = yaml_get(n->yaml, "base");

	if (list->kind != YAML_LIST || !list->children) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, list->at,
			    "the base of a group is a list of physical volumes");
		return;
	}
	for (const struct yaml_node *v = list->children; v; v = v->next)
		check_member(g, n, v);
}

static void check_volume(struct dib_graph *g, const struct dib_node *n)
{
	if (!n->base || !find(g, &group, n->base))
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, n->base_at,
			    "'%s' stands on '%s', which is no group", n->name,
			    n->base ? n->base : "");
	if (!dib_text(n->yaml, "size") && !dib_text(n->yaml, "extents"))
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, n->at, "volume '%s' has no size or extents",
			    n->name);
}

bool lvm_is_member(const struct dib_node *n)
{
	return n->plugin == &group || n->plugin == &volume;
}

void lvm_add_nodes(struct dib_graph *g, const struct yaml_node *map, struct ib_span at)
{
	size_t first = g->nodes.len;

	add_list(g, &physical, map, "pvs", at);
	add_list(g, &group, map, "vgs", at);
	add_list(g, &volume, map, "lvs", at);
	for (size_t i = first; i < g->nodes.len; i++) {
		const struct dib_node *n = &g->nodes.items[i];

		if (n->plugin == &group)
			check_group(g, n);
		if (n->plugin == &volume)
			check_volume(g, n);
	}
}

/* A list of words, as one value. */
static void copy_options(struct dib_graph *g, struct ib_node *n, const char *key,
			 const struct dib_node *from)
{
	const struct yaml_node *list = yaml_get(from->yaml, "options");
	cleanup_buf struct buf text = BUF_INIT;

	if (!list || list->kind == YAML_NULL)
		return;
	if (list->kind != YAML_LIST) {
		ib_diag_add(g->diag, IB_D_BAD_VALUE, list->at, "'options' is a list of words");
		return;
	}
	for (const struct yaml_node *v = list->children; v; v = v->next) {
		if (v->kind != YAML_SCALAR || !*v->text || strpbrk(v->text, " \t\n"))
			ib_diag_add(g->diag, IB_D_BAD_VALUE, v->at,
				    "an option is a word without blanks");
		else
			buf_printf(&text, "%s%s", text.len ? " " : "", v->text);
	}
	if (text.len)
		dib_add_attr(g, n, key, arena_strdup(g->arena, text.data), list->at);
}

static struct ib_node *make_volume(struct dib_graph *g, struct dib_node *lv)
{
	struct ib_node *n = dib_make_node(g, lv, "volume");

	dib_copy_attr(g, n, "size", lv, "size");
	/* lvcreate gets the size where both are given */
	if (!dib_text(lv->yaml, "size"))
		dib_copy_attr(g, n, "extents", lv, "extents");
	dib_copy_attr(g, n, "type", lv, "type");
	dib_copy_attr(g, n, "pool", lv, "thin-pool");
	copy_options(g, n, "options", lv);
	n->children = dib_make_content(g, lv->name);
	return n;
}

struct ib_node *lvm_make_group(struct dib_graph *g, const char *base)
{
	struct dib_node *pv = dib_find_on(g, base, "pv");
	struct dib_node *vg = pv ? find_group(g, pv->name) : NULL;

	if (!pv)
		return NULL;
	pv->is_used = true;
	if (!vg) {
		ib_diag_add(g->diag, IB_D_NODE_CHILDREN, pv->at,
			    "physical volume '%s' is of no group", pv->name);
		return NULL;
	}
	bool is_first = !vg->is_used;
	struct ib_node *n = dib_make_node(g, vg, "lvm");
	struct ib_node **tail = &n->children;

	dib_add_attr(g, n, "pv", pv->name, pv->at);
	copy_options(g, n, "pv-options", pv);
	if (!is_first)
		return n;
	copy_options(g, n, "options", vg);
	for (struct dib_node *lv = dib_find_on(g, vg->name, "lv"); lv;
	     lv = dib_find_on(g, vg->name, "lv")) {
		*tail = make_volume(g, lv);
		tail = &(*tail)->next;
	}
	return n;
}
