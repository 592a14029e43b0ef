/* SPDX-License-Identifier: Apache-2.0 */
/* emit layout: everything that is known of a disk, as JSON. */
#include "block/graph.h"

#include <imagebuild/jsonout.h>

#include <string.h>

/* Before the size of the disk is known, places are only known up to the first part of the rest. */
static void emit_place(struct jsonout *j, const struct layout *l, const struct block_node *n)
{
	bool is_settled = l->size > 0 || l->known > 0;
	bool is_start_known = true;

	for (const struct block_node *s = n->parent->children; s != n; s = s->next)
		is_start_known &= is_settled || !s->size.is_relative;
	if (is_start_known)
		json_u64(j, "start", n->start);
	if (is_settled || !n->size.is_relative) {
		json_u64(j, "size", n->bytes);
		return;
	}
	json_str(j, "size", NULL);
	json_u64(j, "millionths_of_rest", n->size.millionths);
}

static void emit_slot(struct jsonout *j, const struct block_node *n)
{
	json_u64(j, "number", n->number);
	json_str(j, "type", n->type_code);
	if (n->type)
		json_str(j, "type_name", n->type->name);
	if (n->is_bootable)
		json_bool(j, "boot", true);
}

static void emit_content(struct jsonout *j, const struct block_node *n)
{
	json_str(j, "label", n->label);
	json_str(j, "mount", n->mount);
	if (n->opts)
		json_str(j, "opts", n->opts);
}

static void emit_node(struct jsonout *j, const struct layout *l, const struct block_node *n)
{
	json_object(j, NULL);
	json_str(j, "kind", n->row->name);
	json_str(j, "name", n->name);
	if (n->parent)
		json_str(j, "base", n->parent->name);
	if (n->row->role == BLOCK_SLOT)
		emit_slot(j, n);
	if (n->row->role == BLOCK_CONTENT)
		emit_content(j, n);
	if (n->row->role == BLOCK_SLOT)
		emit_place(j, l, n);
	if (n->uuid)
		json_str(j, "uuid", n->uuid);
	json_object_end(j);
}

static void emit_size(struct jsonout *j, const struct layout *l)
{
	uint64_t size = l->size > 0 ? l->size : l->known;

	if (size > 0) {
		json_u64(j, "size", size);
		return;
	}
	/* the tree decides; the fixed parts are a lower bound */
	json_str(j, "size", NULL);
	json_u64(j, "at_least", partition_fixed(l));
}

void layout_emit(const struct layout *l, struct buf *out)
{
	struct jsonout j = JSONOUT_INIT(out);
	cleanup_buf struct buf fstab = BUF_INIT;

	json_object(&j, NULL);
	json_str(&j, "name", l->top->name);
	json_str(&j, "table", l->top->row->name);
	json_u64(&j, "sector_size", l->sector_size);
	json_u64(&j, "align", l->align);
	emit_size(&j, l);
	json_bool(&j, "boots_bios", l->boots_bios);
	json_bool(&j, "boots_uefi", l->boots_uefi);
	json_array(&j, "nodes");
	vec_foreach (struct block_node *, n, &l->nodes)
		emit_node(&j, l, *n);
	json_array_end(&j);
	layout_fstab(l, &fstab);
	json_str(&j, "fstab", fstab.data ? fstab.data : "");
	json_object_end(&j);
}
