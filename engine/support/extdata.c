/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of an ext file system: which are free, what is written to them, and how an inode finds
 * them again, by an extent tree or by indirect blocks. Data is written once, in pieces of 1 MiB,
 * past libext2fs; all runs of a file are known before its map is made. */
#include "support/extfs_private.h"
#include "support/tree.h"
#include "support/view.h"

#include <endian.h>
#include <errno.h>
#include <ext2fs/ext3_extents.h>
#include <imagebuild/error.h>
#include <inttypes.h>
#include <string.h>

#define BUFFER_BYTES (1u << 20) /* a multiple of every block size */

void ext_data_release(struct ext_data *d)
{
	free(d->runs);
	free(d->buffer);
}

uint64_t ext_blocks_of(const struct ext_data *d, uint64_t bytes)
{
	return (bytes + d->fs->blocksize - 1) / d->fs->blocksize;
}

int ext_fail_space(struct ext_data *d, uint64_t missing)
{
	uint64_t size = d->fs->blocksize, mib = 1u << 20;

	(void)ib_fail_text(d->err, ENOSPC,
			   "the files do not fit: %" PRIu64
			   " MiB are free in the file system, %" PRIu64 " MiB are missing",
			   (uint64_t)ext2fs_free_blocks_count(d->fs->super) * size / mib,
			   (missing * size + mib - 1) / mib);
	return ib_hint(d->err, "make the image or its partition larger");
}

int ext_take_blocks(struct ext_data *d, uint64_t wanted, uint64_t *ret_first, uint32_t *ret_count)
{
	blk64_t first, count;
	errcode_t code;

	if (wanted > EXT_INIT_MAX_LEN)
		wanted = EXT_INIT_MAX_LEN;
	code = ext2fs_new_range(d->fs, 0, d->goal, wanted, NULL, &first, &count);
	if (code == EXT2_ET_BLOCK_ALLOC_FAIL)
		return ext_fail_space(d, d->needed > d->taken ? d->needed - d->taken : wanted);
	if (code)
		return ext_fail(d->err, code, "find free blocks");
	ext2fs_block_alloc_stats_range(d->fs, first, (blk_t)count, +1);
	d->goal = first + count;
	d->taken += count;
	*ret_first = first;
	*ret_count = (uint32_t)count;
	return 0;
}

void ext_add_run(struct ext_data *d, uint64_t logical, uint64_t physical, uint32_t count)
{
	struct ext_run *last = d->runs_len ? &d->runs[d->runs_len - 1] : NULL;

	if (last && last->logical + last->count == logical &&
	    last->physical + last->count == physical && last->count + count <= EXT_INIT_MAX_LEN) {
		last->count += count;
		return;
	}
	if (d->runs_len == d->runs_cap) {
		d->runs_cap = d->runs_cap ? d->runs_cap * 2 : 16;
		d->runs = ib_xrealloc(d->runs, d->runs_cap * sizeof(*d->runs));
	}
	d->runs[d->runs_len++] =
		(struct ext_run){ .logical = logical, .physical = physical, .count = count };
}

int ext_flush(struct ext_data *d)
{
	int r = 0;

	if (d->buffered)
		r = view_pwrite(d->view, d->buffer, d->buffered, d->buffer_at);
	d->buffered = 0;
	return r < 0 ? ib_fail(d->err, -r, "write file data") : 0;
}

int ext_reserve(struct ext_data *d, uint64_t at, size_t n, uint8_t **ret_data, size_t *ret_room)
{
	if (!d->buffer)
		d->buffer = ib_xmalloc(BUFFER_BYTES);
	if (d->buffered == BUFFER_BYTES || d->buffer_at + d->buffered != at) {
		int r = ext_flush(d);

		if (r < 0)
			return r;
		d->buffer_at = at;
	}
	*ret_data = d->buffer + d->buffered;
	*ret_room = n < BUFFER_BYTES - d->buffered ? n : BUFFER_BYTES - d->buffered;
	return 0;
}

static int read_full(struct ext_data *d, const struct tree_entry *e, int fd, uint8_t *data,
		     size_t n, uint64_t at)
{
	while (n) {
		ssize_t got = pread(fd, data, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ib_fail(d->err, errno, "read %s", e->path);
		if (!got)
			return ib_fail_text(d->err, EIO, "read %s: it became shorter meanwhile",
					    e->path);
		data += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* Copies COUNT blocks of the file from block LOGICAL; what is behind its end becomes zeros. */
static int copy_blocks(struct ext_data *d, const struct tree_entry *e, int fd, uint64_t logical,
		       uint64_t physical, uint32_t count)
{
	uint64_t from = logical * d->fs->blocksize, to = physical * d->fs->blocksize;
	uint64_t left = (uint64_t)count * d->fs->blocksize;

	while (left) {
		uint8_t *data;
		size_t n, have;
		int r = ext_reserve(d, to, (size_t)left, &data, &n);

		if (r < 0)
			return r;
		have = e->size - from < n ? (size_t)(e->size - from) : n;
		r = read_full(d, e, fd, data, have, from);
		if (r < 0)
			return r;
		memset(data + have, 0, n - have);
		d->buffered += n;
		from += n;
		to += n;
		left -= n;
	}
	return 0;
}

/* Stores blocks [from, to) of the file. */
static int store_range(struct ext_data *d, const struct tree_entry *e, int fd, uint64_t from,
		       uint64_t to)
{
	while (from < to) {
		uint64_t physical;
		uint32_t count;
		int r = ext_take_blocks(d, to - from, &physical, &count);

		if (r < 0)
			return r;
		ext_add_run(d, from, physical, count);
		r = copy_blocks(d, e, fd, from, physical, count);
		if (r < 0)
			return r;
		from += count;
	}
	return 0;
}

/* A block is a hole where all of it is one. */
static int store_sparse(struct ext_data *d, const struct tree_entry *e, int fd)
{
	uint64_t done = 0; /* blocks */
	off_t at = 0;

	while (at < (off_t)e->size) {
		uint64_t from, to;
		off_t data = lseek(fd, at, SEEK_DATA);
		int r;

		if (data < 0 && errno == ENXIO)
			return 0;
		if (data >= 0)
			at = lseek(fd, data, SEEK_HOLE);
		if (data < 0 || at < 0)
			return ib_fail(d->err, errno, "find the holes of %s", e->path);
		from = (uint64_t)data / d->fs->blocksize;
		to = ext_blocks_of(d, (uint64_t)at < e->size ? (uint64_t)at : e->size);
		r = store_range(d, e, fd, from < done ? done : from, to);
		if (r < 0)
			return r;
		done = to;
	}
	return 0;
}

int ext_store(struct ext_data *d, const struct tree *tree, const struct tree_entry *e)
{
	cleanup_fd int fd = tree_open_file(tree, e);

	if (fd < 0)
		return ib_fail(d->err, -fd, "open %s", e->path);
	if (e->allocated < e->size)
		return store_sparse(d, e, fd);
	return store_range(d, e, fd, 0, ext_blocks_of(d, e->size));
}

static int write_block(struct ext_data *d, uint64_t block, const void *data)
{
	errcode_t code = io_channel_write_blk64(d->fs->io, block, 1, data);

	return code ? ext_fail(d->err, code, "write a block map") : 0;
}

static void put_header(void *at, size_t entries, size_t max, unsigned depth)
{
	struct ext3_extent_header h = {
		.eh_magic = htole16(EXT3_EXT_MAGIC),
		.eh_entries = htole16((uint16_t)entries),
		.eh_max = htole16((uint16_t)max),
		.eh_depth = htole16((uint16_t)depth),
	};

	memcpy(at, &h, sizeof(h));
}

/* Entries of a leaf (LEVEL 0) or of an index node. RUNS of a node are the blocks below it. */
static void put_extents(uint8_t *at, const struct ext_run *runs, size_t n, unsigned level)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t physical = runs[i].physical;
		struct ext3_extent leaf = {
			.ee_block = htole32((uint32_t)runs[i].logical),
			.ee_len = htole16((uint16_t)runs[i].count),
			.ee_start_hi = htole16((uint16_t)(physical >> 32)),
			.ee_start = htole32((uint32_t)physical),
		};
		struct ext3_extent_idx node = {
			.ei_block = leaf.ee_block,
			.ei_leaf = leaf.ee_start,
			.ei_leaf_hi = leaf.ee_start_hi,
		};

		memcpy(at + i * sizeof(leaf), level ? (const void *)&node : &leaf, sizeof(leaf));
	}
}

/* Writes one level of the tree in blocks of its own; the runs shrink to one a block. */
static int write_extent_level(struct ext_data *d, ext2_ino_t ino, unsigned level)
{
	struct ext3_extent_header *h = ib_xmalloc(d->fs->blocksize);
	cleanup_free void *block = h;
	size_t max = (d->fs->blocksize - sizeof(*h)) / sizeof(struct ext3_extent), nodes = 0;

	for (size_t i = 0; i < d->runs_len; i += max) {
		size_t n = d->runs_len - i < max ? d->runs_len - i : max;
		uint64_t at;
		uint32_t count;
		int r = ext_take_blocks(d, 1, &at, &count);

		if (r < 0)
			return r;
		memset(block, 0, d->fs->blocksize);
		put_header(block, n, max, level);
		put_extents((uint8_t *)block + sizeof(*h), d->runs + i, n, level);
		(void)ext2fs_extent_block_csum_set(d->fs, ino, h);
		r = write_block(d, at, block);
		if (r < 0)
			return r;
		d->runs[nodes++] =
			(struct ext_run){ .logical = d->runs[i].logical, .physical = at };
	}
	d->runs_len = nodes;
	return 0;
}

static int map_extents(struct ext_data *d, ext2_ino_t ino, struct ext2_inode_large *inode)
{
	const size_t max = 4; /* that fit into the inode */
	uint8_t *at = (uint8_t *)inode->i_block;
	unsigned level = 0;

	inode->i_flags |= EXT4_EXTENTS_FL;
	for (; d->runs_len > max; level++) {
		int r = write_extent_level(d, ino, level);

		if (r < 0)
			return r;
	}
	put_header(at, d->runs_len, max, level);
	put_extents(at + sizeof(struct ext3_extent_header), d->runs, d->runs_len, level);
	return 0;
}

/* Where the runs are walked by ascending block numbers. */
struct cursor {
	size_t run;
};

/* The block that holds block LOGICAL of the file, 0 for a hole. */
static uint64_t find_block(const struct ext_data *d, struct cursor *c, uint64_t logical)
{
	const struct ext_run *run;

	while (c->run < d->runs_len && d->runs[c->run].logical + d->runs[c->run].count <= logical)
		c->run++;
	run = &d->runs[c->run];
	if (c->run == d->runs_len || run->logical > logical)
		return 0;
	return run->physical + (logical - run->logical);
}

static bool range_is_hole(const struct ext_data *d, const struct cursor *c, uint64_t end)
{
	return c->run == d->runs_len || d->runs[c->run].logical >= end;
}

/* Writes the indirect block over the file's blocks from LOGICAL, LEVEL (1 to 3) steps above them.
 */
static int map_indirect(struct ext_data *d, struct cursor *c, uint64_t logical, unsigned level,
			uint32_t *ret_block)
{
	uint32_t per_block = d->fs->blocksize / 4, count;
	cleanup_free uint32_t *block = NULL;
	uint64_t span = 1, at;
	int r;

	for (unsigned i = 1; i < level; i++)
		span *= per_block;
	(void)find_block(d, c, logical); /* moves the cursor */
	if (range_is_hole(d, c, logical + span * per_block))
		return 0;
	r = ext_take_blocks(d, 1, &at, &count);
	if (r < 0)
		return r;
	block = ib_xmalloc(d->fs->blocksize);
	memset(block, 0, d->fs->blocksize);
	for (uint32_t i = 0; i < per_block; i++, logical += span) {
		if (level == 1)
			block[i] = htole32((uint32_t)find_block(d, c, logical));
		else
			r = map_indirect(d, c, logical, level - 1, &block[i]);
		if (r < 0)
			return r;
		if (level > 1)
			block[i] = htole32(block[i]);
	}
	*ret_block = (uint32_t)at;
	return write_block(d, at, block);
}

static int map_blocks(struct ext_data *d, struct ext2_inode_large *inode)
{
	uint64_t per_block = d->fs->blocksize / 4, logical = EXT2_NDIR_BLOCKS, span = per_block;
	struct cursor c = { 0 };

	for (uint32_t i = 0; i < EXT2_NDIR_BLOCKS; i++)
		inode->i_block[i] = (uint32_t)find_block(d, &c, i);
	for (unsigned level = 1; level <= 3; level++, logical += span, span *= per_block) {
		int r = map_indirect(d, &c, logical, level,
				     &inode->i_block[EXT2_NDIR_BLOCKS + level - 1]);

		if (r < 0)
			return r;
	}
	if (range_is_hole(d, &c, UINT64_MAX))
		return 0;
	return ib_fail_text(d->err, EFBIG, "a file is too large for blocks without extents");
}

int ext_map(struct ext_data *d, ext2_ino_t ino, struct ext2_inode_large *inode, uint64_t taken)
{
	int r;

	if (ext2fs_has_feature_extents(d->fs->super))
		r = map_extents(d, ino, inode);
	else
		r = map_blocks(d, inode);
	if (r < 0)
		return r;
	ext2fs_iblk_set(d->fs, (struct ext2_inode *)inode, d->taken - taken);
	return 0;
}
