/* SPDX-License-Identifier: Apache-2.0 */
/* dib's block device configuration as LAYOUT's attribute tree. Tree form (a mkfs inside of its
 * partition) and graph form (nodes that name their `base`) become one flat list of nodes first, as
 * in dib (contract 11.2). */
#include "block/config.h"

#include <stdio.h>
#include <string.h>

#define NODES_MAX 4096

/* dib's plugins and their own keys; each may hold other plugins as well. */
static const struct plugin plugins[] = {
	{ "local_loop", { "name", "size", "directory", "block_size", NULL } },
	{ "partitioning", { "name", "base", "label", "align", "partitions", NULL } },
	{ "partition", { "name", "base", "size", "type", "flags", NULL } },
	{ "mkfs", { "name", "base", "type", "label", "opts", "uuid", NULL } },
	{ "mount", { "name", "base", "mount_point", NULL } },
	{ "fstab", { "name", "base", "options", "dump-freq", "fsck-passno", NULL } },
	{ "lvm", { "name", "base", "pvs", "vgs", "lvs", NULL } },
};

static const struct plugin *find_plugin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
		if (strcmp(plugins[i].name, name) == 0)
			return &plugins[i];
	return NULL;
}

static bool is_nested(const char *key)
{
	return strcmp(key, "partition") != 0 && find_plugin(key);
}

const char *dib_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *value = map && map->kind == YAML_MAP ? yaml_get(map, key) : NULL;

	return value && value->kind == YAML_SCALAR ? value->text : NULL;
}

static void report_key(struct dib_graph *g, const struct plugin *p, const struct yaml_node *value)
{
	const char *words[PLUGIN_KEYS_MAX + ARRAY_SIZE(plugins)];
	size_t n = 0;

	for (; n < PLUGIN_KEYS_MAX && p->keys[n]; n++)
		words[n] = p->keys[n];
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
		if (is_nested(plugins[i].name))
			words[n++] = plugins[i].name;
	ib_diag_unknown(g->diag, IB_D_IGNORED_KEY, value->key_at, value->key, words, n,
			"'%s' has no key '%s', which is left out as dib does", p->name, value->key);
}

static bool knows(const struct plugin *p, const char *key)
{
	for (size_t i = 0; i < PLUGIN_KEYS_MAX && p->keys[i]; i++)
		if (strcmp(p->keys[i], key) == 0)
			return true;
	return is_nested(key);
}

void dib_check_keys(struct dib_graph *g, const struct plugin *p, const struct yaml_node *map)
{
	for (const struct yaml_node *v = map->children; v; v = v->next)
		if (!knows(p, v->key))
			report_key(g, p, v);
}

static const struct dib_node *find_node(const struct dib_graph *g, const char *name)
{
	vec_foreach (struct dib_node, n, &g->nodes)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

/* Adds the node of MAP; its name, or NULL where that is missing or taken. */
const char *dib_add_node(struct dib_graph *g, const struct plugin *p, const struct yaml_node *map,
			 struct ib_span at, const char *parent)
{
	const struct yaml_node *base_node = map->kind == YAML_MAP ? yaml_get(map, "base") : NULL;
	struct dib_node n = {
		.plugin = p, .at = at, .base_at = base_node ? base_node->at : at, .yaml = map
	};

	/* whatever a partition says, dib puts it on its table's disk */
	n.base = strcmp(p->name, "partition") == 0 ? parent : dib_text(map, "base");
	if (!n.base)
		n.base = parent;
	n.name = dib_text(map, "name");
	if (!n.name && n.base)
		n.name = arena_printf(g->arena, "%s_%s", p->name, n.base);
	if (!n.name) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, at, "'%s' has neither name nor base",
			    p->name);
		return NULL;
	}
	const struct dib_node *other = find_node(g, n.name);

	if (g->nodes.len == NODES_MAX) {
		ib_diag_add(g->diag, IB_D_NESTING, at, "more than %d nodes", NODES_MAX);
		return NULL;
	}
	if (other) {
		ib_diag_add(g->diag, IB_D_BAD_NAME, at, "two nodes have the name '%s'", n.name);
		ib_diag_note(g->diag, other->at, "the other is here");
		return NULL;
	}
	vec_push(g->arena, &g->nodes, n);
	return n.name;
}

struct pending {
	const struct plugin *plugin;
	const struct yaml_node *map;
	struct ib_span at;
	const char *parent;
};
struct pending_vec VEC(struct pending);

static void queue_nested(struct dib_graph *g, const struct yaml_node *map, const char *name,
			 struct pending_vec *queue)
{
	for (const struct yaml_node *v = map->children; v; v = v->next)
		if (is_nested(v->key))
			vec_push(g->arena, queue,
				 ((struct pending){ find_plugin(v->key), v, v->key_at, name }));
}

static void queue_partitions(struct dib_graph *g, const struct yaml_node *list, const char *name,
			     struct pending_vec *queue)
{
	if (!list || list->kind != YAML_LIST) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, list ? list->at : (struct ib_span){ 0, 0 },
			    "'partitioning' needs a list 'partitions'");
		return;
	}
	for (const struct yaml_node *p = list->children; p; p = p->next) {
		if (p->kind == YAML_MAP && dib_text(p, "name"))
			vec_push(g->arena, queue,
				 ((struct pending){ find_plugin("partition"), p, p->at, name }));
		else
			ib_diag_add(g->diag, IB_D_LAYOUT_FILE, p->at,
				    "a partition is a map with a name");
	}
}

static void add_pending(struct dib_graph *g, const struct pending *p, struct pending_vec *queue)
{
	const struct yaml_node *map = p->map;

	if (map->kind != YAML_MAP && map->kind != YAML_NULL) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, map->at, "'%s' is a map", p->plugin->name);
		return;
	}
	dib_check_keys(g, p->plugin, map);
	const char *name = dib_add_node(g, p->plugin, map, p->at, p->parent);

	if (!name)
		return;
	if (strcmp(p->plugin->name, "lvm") == 0) {
		g->nodes.items[g->nodes.len - 1].is_used = true;
		lvm_add_nodes(g, map, p->at);
	}
	if (strcmp(p->plugin->name, "partitioning") == 0)
		queue_partitions(g, yaml_get(map, "partitions"), name, queue);
	queue_nested(g, map, name, queue);
}

/* One item of the list: a map of one plugin. */
static void queue_item(struct dib_graph *g, const struct yaml_node *item, struct pending_vec *queue)
{
	const struct yaml_node *v = item->children;

	if (item->kind != YAML_MAP || !v || v->next) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, item->at,
			    "expected a map of one node, such as 'local_loop:'");
		return;
	}
	if (is_nested(v->key)) {
		vec_push(g->arena, queue,
			 ((struct pending){ find_plugin(v->key), v, v->key_at, NULL }));
		return;
	}
	const char *names[ARRAY_SIZE(plugins)];

	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
		if (is_nested(plugins[i].name))
			names[n++] = plugins[i].name;
	ib_diag_unknown(g->diag, IB_D_UNKNOWN_NODE, v->key_at, v->key, names, n,
			"unknown node '%s'", v->key);
}

static void read_nodes(struct dib_graph *g, const struct yaml_node *list)
{
	struct pending_vec queue = { NULL, 0, 0 };

	for (const struct yaml_node *item = list->children; item; item = item->next)
		queue_item(g, item, &queue);
	/* grows while it is walked */
	for (size_t i = 0; i < queue.len; i++) {
		struct pending p = queue.items[i];

		add_pending(g, &p, &queue);
	}
}

void dib_add_attr(struct dib_graph *g, struct ib_node *n, const char *key, const char *value,
		  struct ib_span at)
{
	vec_push(g->arena, &n->attrs, ((struct ib_pair){ .key = key, .value = value, .at = at }));
}

/* Copies the scalar FROM of dib's node as attribute KEY. */
void dib_copy_attr(struct dib_graph *g, struct ib_node *n, const char *key,
		   const struct dib_node *from, const char *from_key)
{
	const struct yaml_node *v =
		from->yaml->kind == YAML_MAP ? yaml_get(from->yaml, from_key) : NULL;

	if (!v || v->kind == YAML_NULL)
		return;
	if (v->kind == YAML_SCALAR)
		dib_add_attr(g, n, key, v->text, v->at);
	else
		ib_diag_add(g->diag, IB_D_BAD_VALUE, v->at, "'%s' is a word", from_key);
}

struct ib_node *dib_make_node(struct dib_graph *g, struct dib_node *from, const char *kind)
{
	struct ib_node *n = arena_alloc(g->arena, sizeof(*n));

	*n = (struct ib_node){
		.kind = kind, .name = from->name, .at = from->at, .name_at = from->at
	};
	from->is_used = true;
	return n;
}

/* The node of PLUGIN that stands on BASE, or NULL; a second one stays unused and is reported. */
struct dib_node *dib_find_on(struct dib_graph *g, const char *base, const char *plugin)
{
	vec_foreach (struct dib_node, n, &g->nodes)
		if (!n->is_used && n->base && strcmp(n->base, base) == 0 &&
		    strcmp(n->plugin->name, plugin) == 0)
			return n;
	return NULL;
}

static void make_mount(struct dib_graph *g, struct ib_node *n, const struct dib_node *mkfs)
{
	struct dib_node *mount = dib_find_on(g, mkfs->name, "mount");
	struct dib_node *fstab = mount ? dib_find_on(g, mount->name, "fstab") : NULL;

	if (mount) {
		mount->is_used = true;
		if (strcmp(n->kind, "swap") != 0) /* dib has a mount point there, and ignores it */
			dib_copy_attr(g, n, "mount", mount, "mount_point");
	}
	if (!fstab) {
		dib_add_attr(g, n, "fstab", "no", mkfs->at);
		return;
	}
	fstab->is_used = true;
	dib_copy_attr(g, n, "options", fstab, "options");
	if (strcmp(n->kind, "swap") == 0) /* always 0 0 */
		return;
	dib_copy_attr(g, n, "dump", fstab, "dump-freq");
	dib_copy_attr(g, n, "passno", fstab, "fsck-passno");
}

static const char *find_type(struct dib_graph *g, const struct dib_node *mkfs)
{
	const char *type = dib_text(mkfs->yaml, "type");

	if (!type && strcmp(mkfs->name, "mkfs_root") == 0) {
		const char *given = layout_var(g->layout, "FS_TYPE");

		type = given && *given ? given : "ext4";
	}
	if (!type) {
		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, mkfs->at, "mkfs '%s' has no type",
			    mkfs->name);
		return NULL;
	}
	if (strcmp(type, "fat") == 0)
		return "vfat";
	if (block_row_find(type) && block_row_find(type)->role == BLOCK_CONTENT)
		return arena_strdup(g->arena, type);
	const struct yaml_node *value = yaml_get(mkfs->yaml, "type");

	ib_diag_add(g->diag, IB_D_UNKNOWN_NODE, value ? value->at : mkfs->at,
		    "unknown file system '%s'", type);
	return NULL;
}

/* What a disk or a partition holds. */
static struct ib_node *make_held(struct dib_graph *g, const char *base)
{
	struct ib_node *n = dib_make_content(g, base);

	return n ? n : lvm_make_group(g, base);
}

struct ib_node *dib_make_content(struct dib_graph *g, const char *base)
{
	struct dib_node *mkfs = dib_find_on(g, base, "mkfs");
	const char *type = mkfs ? find_type(g, mkfs) : NULL;

	if (!type)
		return NULL;
	struct ib_node *n = dib_make_node(g, mkfs, type);

	dib_copy_attr(g, n, "label", mkfs, "label");
	dib_copy_attr(g, n, "uuid", mkfs, "uuid");
	dib_copy_attr(g, n, "opts", mkfs, "opts");
	make_mount(g, n, mkfs);
	return n;
}

static void add_flag(struct dib_graph *g, struct ib_node *n, const struct yaml_node *flag)
{
	static const char *const names[] = { "boot", "primary" };

	for (size_t i = 0; flag->kind == YAML_SCALAR && i < ARRAY_SIZE(names); i++) {
		if (strcmp(flag->text, names[i]) != 0)
			continue;
		dib_add_attr(g, n, names[i], "yes", flag->at);
		return;
	}
	const char *text = flag->kind == YAML_SCALAR ? flag->text : "";

	ib_diag_unknown(g->diag, IB_D_BAD_VALUE, flag->at, text, names, ARRAY_SIZE(names),
			"unknown flag '%s'", text);
}

static struct ib_node *make_partition(struct dib_graph *g, struct dib_node *p)
{
	struct ib_node *n = dib_make_node(g, p, "partition");
	const struct yaml_node *flags = yaml_get(p->yaml, "flags");

	dib_copy_attr(g, n, "size", p, "size");
	dib_copy_attr(g, n, "type", p, "type");
	for (const struct yaml_node *f = flags ? flags->children : NULL; f; f = f->next)
		add_flag(g, n, f);
	if (flags && flags->kind == YAML_SCALAR)
		add_flag(g, n, flags);
	n->children = make_held(g, p->name);
	return n;
}

static const char *find_label(struct dib_graph *g, const struct dib_node *table)
{
	const char *label = dib_text(table->yaml, "label");

	if (label && (strcmp(label, "gpt") == 0 || strcmp(label, "mbr") == 0))
		return arena_strdup(g->arena, label);
	ib_diag_add(g->diag, IB_D_BAD_VALUE, table->at,
		    "the label of '%s' is '%s'; expected gpt or mbr", table->name,
		    label ? label : "");
	return NULL;
}

static struct ib_node *make_disk(struct dib_graph *g, struct dib_node *loop)
{
	struct dib_node *table = dib_find_on(g, loop->name, "partitioning");
	const char *label = table ? find_label(g, table) : "none";

	if (!label)
		return NULL;
	struct ib_node *n = dib_make_node(g, loop, label);

	dib_copy_attr(g, n, "size", loop, "size");
	dib_copy_attr(g, n, "directory", loop, "directory");
	dib_copy_attr(g, n, "sector-size", loop, "block_size");
	if (!table) {
		n->children = make_held(g, loop->name);
		return n;
	}
	table->is_used = true;
	dib_copy_attr(g, n, "align", table, "align");
	struct ib_node **tail = &n->children;

	for (struct dib_node *p = dib_find_on(g, table->name, "partition"); p;
	     p = dib_find_on(g, table->name, "partition")) {
		*tail = make_partition(g, p);
		tail = &(*tail)->next;
	}
	return n;
}

/* Whether the mistake is N's own, not that of what it stands on. */
static bool is_stray(const struct dib_graph *g, const struct dib_node *n)
{
	const struct dib_node *base;

	if (n->is_used || strcmp(n->plugin->name, "local_loop") == 0)
		return false;
	base = n->base ? find_node(g, n->base) : NULL;
	/* a group or volume on nothing was reported as such */
	return base ? base->is_used : !lvm_is_member(n);
}

static void report_unused(struct dib_graph *g)
{
	const char *names[64];

	vec_foreach (struct dib_node, n, &g->nodes) {
		size_t count = 0;

		if (!is_stray(g, n))
			continue;
		if (n->base && find_node(g, n->base)) {
			ib_diag_add(g->diag, IB_D_NODE_CHILDREN, n->at, "'%s' cannot stand on '%s'",
				    n->name, n->base);
			continue;
		}
		vec_foreach (struct dib_node, other, &g->nodes)
			if (count < ARRAY_SIZE(names))
				names[count++] = other->name;
		const char *near = n->base ? ib_suggest(n->base, names, count) : NULL;

		ib_diag_add(g->diag, IB_D_LAYOUT_FILE, n->base_at,
			    "'%s' stands on '%s', which is no node", n->name,
			    n->base ? n->base : "");
		if (near)
			ib_diag_hint(g->diag, "did you mean '%s'?", near);
	}
}

const struct ib_node *config_yaml(struct layout *l, struct ib_diag *diag)
{
	struct dib_graph g = { .arena = l->arena, .layout = l, .diag = diag };
	const struct yaml_node *list = yaml_parse(l->arena, l->sources, l->input->yaml, diag);

	if (!list)
		return NULL;
	if (list->kind != YAML_LIST) {
		ib_diag_add(diag, IB_D_LAYOUT_FILE, l->input->yaml,
			    "a block device file is a list of nodes");
		return NULL;
	}
	read_nodes(&g, list);
	struct ib_node *disks = NULL, **tail = &disks;
	bool has_loop = false;

	vec_foreach (struct dib_node, n, &g.nodes) {
		if (strcmp(n->plugin->name, "local_loop") != 0)
			continue;
		has_loop = true;
		*tail = make_disk(&g, n);
		tail = *tail ? &(*tail)->next : tail;
	}
	if (!has_loop)
		ib_diag_add(diag, IB_D_LAYOUT_FILE, l->input->yaml, "no 'local_loop' stands in it");
	report_unused(&g);
	return disks;
}

/* What dib does without a configuration. */
struct default_slot {
	const char *name, *type, *size, *kind, *mount, *passno;
	bool is_boot;
};

static struct ib_node *default_content(struct dib_graph *g, const struct default_slot *s)
{
	struct ib_node *n = arena_alloc(g->arena, sizeof(*n));
	const char *fs = s->kind ? s->kind : layout_var(g->layout, "FS_TYPE");

	*n = (struct ib_node){ .kind = fs && *fs ? fs : "ext4",
			       .name = arena_printf(g->arena, "mkfs_%s", s->name) };
	dib_add_attr(g, n, "mount", s->mount, n->at);
	dib_add_attr(g, n, "passno", s->passno, n->at);
	return n;
}

static struct ib_node *default_slot(struct dib_graph *g, const struct default_slot *s)
{
	struct ib_node *n = arena_alloc(g->arena, sizeof(*n));

	*n = (struct ib_node){ .kind = "partition", .name = s->name };
	if (s->type)
		dib_add_attr(g, n, "type", s->type, n->at);
	dib_add_attr(g, n, "size", s->size, n->at);
	if (s->is_boot) {
		dib_add_attr(g, n, "boot", "yes", n->at);
		dib_add_attr(g, n, "primary", "yes", n->at);
	}
	if (s->mount)
		n->children = default_content(g, s);
	return n;
}

const struct ib_node *config_default(struct layout *l, struct ib_diag *diag)
{
	static const struct default_slot mbr[] = { { "root", NULL, "100%", NULL, "/", "1", true } };
	static const struct default_slot efi[] = {
		{ "ESP", "EF00", "550MiB", "vfat", "/boot/efi", "2", false },
		{ "BSP", "EF02", "8MiB", NULL, NULL, NULL, false },
		{ "root", "8300", "100%", "ext4", "/", "1", false },
	};
	struct dib_graph g = { .arena = l->arena, .layout = l, .diag = diag };
	struct ib_node *n = arena_alloc(l->arena, sizeof(*n));
	bool is_efi = strcmp(l->arch, "arm64") == 0;
	struct ib_node **tail = &n->children;

	if (!l->input->has_vm) {
		*n = (struct ib_node){ .kind = "none", .name = "image0" };
		n->children = default_content(&g, &mbr[0]);
		return n;
	}
	*n = (struct ib_node){ .kind = is_efi ? "gpt" : "mbr", .name = "image0" };
	for (size_t i = 0; i < (is_efi ? ARRAY_SIZE(efi) : ARRAY_SIZE(mbr)); i++) {
		*tail = default_slot(&g, is_efi ? &efi[i] : &mbr[i]);
		tail = &(*tail)->next;
	}
	return n;
}
