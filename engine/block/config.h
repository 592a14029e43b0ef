/* SPDX-License-Identifier: Apache-2.0 */
/* What config.c and config_lvm.c share: the flat list of dib's nodes. */
#ifndef IMAGEBUILD_CONFIG_H
#define IMAGEBUILD_CONFIG_H

#include "block/graph.h"

#include "support/yaml.h"

#define PLUGIN_KEYS_MAX 12

/* One of dib's plugins, or what stands in a list of one: its own keys. */
struct plugin {
	const char *name;
	const char *keys[PLUGIN_KEYS_MAX]; /* ended by NULL where there are fewer */
};

/* A node of dib's graph. */
struct dib_node {
	const struct plugin *plugin;
	const char *name, *base; /* base: NULL for a volume group, which has a list */
	struct ib_span at, base_at;
	const struct yaml_node *yaml;
	bool is_used;
};
struct dib_node_vec VEC(struct dib_node);

struct dib_graph {
	struct arena *arena;
	struct layout *layout;
	struct ib_diag *diag;
	struct dib_node_vec nodes;
};

/* config.c */
const char *dib_text(const struct yaml_node *map, const char *key);
/* Unknown keys of MAP: dib leaves them out, and so they are warnings. */
void dib_check_keys(struct dib_graph *g, const struct plugin *p, const struct yaml_node *map);
/* Adds the node of MAP on PARENT, or on what its `base` names; its name, or NULL where that is
 * missing or taken (an error). */
const char *dib_add_node(struct dib_graph *g, const struct plugin *p, const struct yaml_node *map,
			 struct ib_span at, const char *parent);
/* The first unused node of PLUGIN that stands on BASE, or NULL. */
struct dib_node *dib_find_on(struct dib_graph *g, const char *base, const char *plugin);
/* A LAYOUT node of that KIND for FROM, which is used then. */
struct ib_node *dib_make_node(struct dib_graph *g, struct dib_node *from, const char *kind);
void dib_add_attr(struct dib_graph *g, struct ib_node *n, const char *key, const char *value,
		  struct ib_span at);
/* Copies FROM's scalar FROM_KEY, where it has one, as attribute KEY. */
void dib_copy_attr(struct dib_graph *g, struct ib_node *n, const char *key,
		   const struct dib_node *from, const char *from_key);
/* What stands on BASE: a file system, a group of volumes, or NULL. */
struct ib_node *dib_make_content(struct dib_graph *g, const char *base);

/* config_lvm.c: the lists of an `lvm` entry become nodes of the plugins pv, vg and lv (contract
 * 11.4); mistakes are dib's own. */
void lvm_add_nodes(struct dib_graph *g, const struct yaml_node *map, struct ib_span at);
/* Whether N is a group or a volume. */
bool lvm_is_member(const struct dib_node *n);
/* The group that the physical volume on BASE belongs to; its volumes stand in the first. */
struct ib_node *lvm_make_group(struct dib_graph *g, const char *base);

#endif
