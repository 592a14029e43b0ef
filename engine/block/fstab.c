/* SPDX-License-Identifier: Apache-2.0 */
/* fstab and the mount points, in dib's order: by the mount points' own bytes, swap last. */
#include "block/graph.h"

#include <string.h>

static int compare(const struct block_node *a, const struct block_node *b)
{
	if (!a->mount || !b->mount)
		return (a->mount == NULL) - (b->mount == NULL);
	return strcmp(a->mount, b->mount);
}

/* Keeps equal ones (swap) in the order of the text: few nodes, so by insertion. */
void fstab_sort(struct block_node_vec *mounts)
{
	struct block_node **m = mounts->items;

	for (size_t i = 1; i < mounts->len; i++) {
		struct block_node *n = m[i];
		size_t k = i;

		for (; k > 0 && compare(m[k - 1], n) > 0; k--)
			m[k] = m[k - 1];
		m[k] = n;
	}
}

void layout_fstab(const struct layout *l, struct buf *out)
{
	vec_foreach (struct block_node *, it, &l->all_mounts) {
		const struct block_node *n = *it;

		if (n->has_fstab)
			buf_printf(out, "LABEL=%s %s %s %s %u %u\n", n->label,
				   n->mount ? n->mount : "none", n->row->name, n->options, n->dump,
				   n->passno);
	}
}

static void add_points(const struct layout *l, struct buf *out)
{
	vec_foreach (struct block_node *, n, &l->nodes)
		if ((*n)->mount)
			buf_printf(out, "%s%s", out->len > 0 ? "|" : "", (*n)->mount);
}

const char *layout_mount_points(const struct layout *l)
{
	cleanup_buf struct buf b = BUF_INIT;

	if (!l->disks)
		add_points(l, &b);
	for (size_t i = 0; i < l->disks_len; i++)
		add_points(l->disks[i], &b);
	return b.len > 0 ? arena_strndup(l->arena, b.data, b.len) : "";
}
