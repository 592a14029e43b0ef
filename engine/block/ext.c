/* SPDX-License-Identifier: Apache-2.0 */
/* ext2, ext3, ext4. The root of an ext4 image gets dib's mkfs options (contract section 10). */
#include "block/graph.h"

#include "support/extfs.h"

#include <imagebuild/error.h>

#include <stdio.h>
#include <string.h>

#define NO_UUID "00000000-0000-0000-0000-000000000000"
#define USUAL_SIZE (4096 * MIB)

/* "-E resize=N -O ^metadata_csum -i 4096 -J size=64 <--mkfs-options>" */
static const char *root_opts(struct layout *l, const struct block_node *n)
{
	const struct disk_job *job = l->job;
	const char *release = job_var(job, "DIB_RELEASE");
	const char *more = job->mkfs_options ? job->mkfs_options : "";
	struct buf b = BUF_INIT;

	if (job->max_resize && *job->max_resize)
		buf_printf(&b, "-E resize=%s ", job->max_resize);
	if (content_is(n, "ext4")) {
		if (release && strcmp(release, "trusty") == 0)
			buf_str(&b, "-O ^metadata_csum ");
		buf_printf(&b, "-i 4096 -J size=%s ",
			   job->journal_size && *job->journal_size ? job->journal_size : "64");
	}
	buf_str(&b, more);
	while (b.len > 0 && b.data[b.len - 1] == ' ')
		b.len--;
	const char *opts = b.len > 0 ? arena_strndup(l->arena, b.data, b.len) : "";

	buf_release(&b);
	return opts;
}

static struct extfs_options options_of(const struct block_node *n, const struct layout *l)
{
	return (struct extfs_options){
		.type = n->row->name,
		.label = n->label,
		.uuid = n->uuid,
		.hash_seed = n->uuid,
		.time = l->job->epoch,
		.opts = n->opts && *n->opts ? n->opts : NULL,
		.sector_size = (uint32_t)l->sector_size,
	};
}

/* opts= is checked against a file system of a usual size: what is wrong with it does not wait for
 * the build. */
static int ext_parse(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	struct ib_error err = IB_ERROR_INIT;
	struct extfs_options options = {
		.type = n->row->name,
		.uuid = NO_UUID,
		.hash_seed = NO_UUID,
		.opts = node_value(n, "opts"),
		.sector_size = (uint32_t)l->sector_size,
	};

	(void)content_parse(n, l, diag);
	if (options.opts && extfs_check(&options, USUAL_SIZE, &err) < 0)
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "opts"), "opts '%s': %s",
			    options.opts, err.text);
	return 0;
}

static int ext_place(struct block_node *n, struct layout *l, struct ib_error *err)
{
	int r = content_place(n, l, err);

	if (r < 0)
		return r;
	if (n == l->root && !n->opts)
		n->opts = root_opts(l, n);
	struct extfs_options options = options_of(n, l);

	r = extfs_check(&options, n->bytes, err);
	if (r < 0)
		return ib_wrap(err, "lay out '%s'", n->name);
	return 0;
}

static int ext_write(struct block_node *n, struct layout *l, struct ib_error *err)
{
	cleanup_tree struct tree *tree = NULL;
	struct view_extent extent;
	struct view view = layout_view(l, n, &extent);
	struct extfs_options options = options_of(n, l);
	int r = n->mount ? layout_open_tree(l, n, &tree, err) : 0;

	if (r == 0)
		r = extfs_write(&view, &options, tree, err);
	if (r < 0)
		return ib_wrap(err, "fill file system '%s'", n->name);
	return 0;
}

const struct block_type block_ext2 = {
	.name = "ext2", .parse = ext_parse, .place = ext_place, .write = ext_write
};
const struct block_type block_ext3 = {
	.name = "ext3", .parse = ext_parse, .place = ext_place, .write = ext_write
};
const struct block_type block_ext4 = {
	.name = "ext4", .parse = ext_parse, .place = ext_place, .write = ext_write
};
