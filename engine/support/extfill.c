/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a tree into an empty ext file system. Inode numbers follow the tree's order; directories
 * come first, then file data, each file in one run where the free space has one. Data is written
 * once, in large pieces, past libext2fs; only metadata goes through it. */
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
#define FAST_SYMLINK 60u
#define LOST_FOUND "lost+found"

/* Blocks of a file that lie one after another, in the file and on the disk. */
struct run {
	uint64_t logical, physical;
	uint32_t count; /* at most EXT_INIT_MAX_LEN */
};

/* A tree entry's place among the others. */
struct place {
	uint32_t ino;
	uint32_t first_child, next_sibling; /* entries; 0: none */
	uint32_t children, subdirs;
};

struct fill {
	ext2_filsys fs;
	const struct view *view;
	const struct tree *tree;
	int64_t time;
	struct place *places;
	uint64_t goal;       /* where to look for free blocks */
	uint64_t needed;     /* blocks that the tree takes */
	uint64_t taken;      /* blocks taken so far */
	uint32_t lost_found; /* entry; 0: the tree has none */
	struct run *runs;    /* of the file in work */
	size_t runs_len, runs_cap;
	uint8_t *buffer; /* data to be written at buffer_at of the view */
	uint64_t buffer_at;
	size_t buffered;
	struct ib_error *err;
};

static void fill_release(struct fill *f)
{
	free(f->places);
	free(f->runs);
	free(f->buffer);
}
#define cleanup_fill __attribute__((cleanup(fill_release)))

static const char *shown(const struct tree_entry *e)
{
	return *e->path ? e->path : ".";
}

static uint64_t blocks_of(const struct fill *f, uint64_t bytes)
{
	return (bytes + f->fs->blocksize - 1) / f->fs->blocksize;
}

static int fail_space(struct fill *f, uint64_t missing)
{
	uint64_t size = f->fs->blocksize, mib = 1u << 20;

	(void)ib_fail_text(f->err, ENOSPC,
			   "the files do not fit: %" PRIu64
			   " MiB are free in the file system, %" PRIu64 " MiB are missing",
			   (uint64_t)ext2fs_free_blocks_count(f->fs->super) * size / mib,
			   (missing * size + mib - 1) / mib);
	return ib_hint(f->err, "make the image or its partition larger");
}

/* Takes up to WANTED free blocks in a row. */
static int take_blocks(struct fill *f, uint64_t wanted, uint64_t *ret_first, uint32_t *ret_count)
{
	blk64_t first, count;
	errcode_t code;

	if (wanted > EXT_INIT_MAX_LEN)
		wanted = EXT_INIT_MAX_LEN;
	code = ext2fs_new_range(f->fs, 0, f->goal, wanted, NULL, &first, &count);
	if (code == EXT2_ET_BLOCK_ALLOC_FAIL)
		return fail_space(f, f->needed > f->taken ? f->needed - f->taken : wanted);
	if (code)
		return ext_fail(f->err, code, "find free blocks");
	ext2fs_block_alloc_stats_range(f->fs, first, (blk_t)count, +1);
	f->goal = first + count;
	f->taken += count;
	*ret_first = first;
	*ret_count = (uint32_t)count;
	return 0;
}

static void add_run(struct fill *f, uint64_t logical, uint64_t physical, uint32_t count)
{
	struct run *last = f->runs_len ? &f->runs[f->runs_len - 1] : NULL;

	if (last && last->logical + last->count == logical &&
	    last->physical + last->count == physical && last->count + count <= EXT_INIT_MAX_LEN) {
		last->count += count;
		return;
	}
	if (f->runs_len == f->runs_cap) {
		f->runs_cap = f->runs_cap ? f->runs_cap * 2 : 16;
		f->runs = ib_xrealloc(f->runs, f->runs_cap * sizeof(*f->runs));
	}
	f->runs[f->runs_len++] =
		(struct run){ .logical = logical, .physical = physical, .count = count };
}

static int flush_buffer(struct fill *f)
{
	int r = 0;

	if (f->buffered)
		r = view_pwrite(f->view, f->buffer, f->buffered, f->buffer_at);
	f->buffered = 0;
	return r < 0 ? ib_fail(f->err, -r, "write file data") : 0;
}

/* Room for up to N bytes that will stand at AT. */
static int reserve_buffer(struct fill *f, uint64_t at, size_t n, uint8_t **ret_data,
			  size_t *ret_room)
{
	if (f->buffered == BUFFER_BYTES || f->buffer_at + f->buffered != at) {
		int r = flush_buffer(f);

		if (r < 0)
			return r;
		f->buffer_at = at;
	}
	*ret_data = f->buffer + f->buffered;
	*ret_room = n < BUFFER_BYTES - f->buffered ? n : BUFFER_BYTES - f->buffered;
	return 0;
}

static int read_full(struct fill *f, const struct tree_entry *e, int fd, uint8_t *data, size_t n,
		     uint64_t at)
{
	while (n) {
		ssize_t got = pread(fd, data, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ib_fail(f->err, errno, "read %s", shown(e));
		if (!got)
			return ib_fail_text(f->err, EIO, "read %s: it became shorter meanwhile",
					    shown(e));
		data += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* Copies COUNT blocks of the file from block LOGICAL; what is behind its end becomes zeros. */
static int copy_blocks(struct fill *f, const struct tree_entry *e, int fd, uint64_t logical,
		       uint64_t physical, uint32_t count)
{
	uint64_t from = logical * f->fs->blocksize, to = physical * f->fs->blocksize;
	uint64_t left = (uint64_t)count * f->fs->blocksize;

	while (left) {
		uint8_t *data;
		size_t n, have;
		int r = reserve_buffer(f, to, (size_t)left, &data, &n);

		if (r < 0)
			return r;
		have = e->size - from < n ? (size_t)(e->size - from) : n;
		r = read_full(f, e, fd, data, have, from);
		if (r < 0)
			return r;
		memset(data + have, 0, n - have);
		f->buffered += n;
		from += n;
		to += n;
		left -= n;
	}
	return 0;
}

/* Stores blocks [from, to) of the file. */
static int store_range(struct fill *f, const struct tree_entry *e, int fd, uint64_t from,
		       uint64_t to)
{
	while (from < to) {
		uint64_t physical;
		uint32_t count;
		int r = take_blocks(f, to - from, &physical, &count);

		if (r < 0)
			return r;
		add_run(f, from, physical, count);
		r = copy_blocks(f, e, fd, from, physical, count);
		if (r < 0)
			return r;
		from += count;
	}
	return 0;
}

/* A block is a hole where all of it is one. */
static int store_sparse(struct fill *f, const struct tree_entry *e, int fd)
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
			return ib_fail(f->err, errno, "find the holes of %s", shown(e));
		from = (uint64_t)data / f->fs->blocksize;
		to = blocks_of(f, (uint64_t)at < e->size ? (uint64_t)at : e->size);
		r = store_range(f, e, fd, from < done ? done : from, to);
		if (r < 0)
			return r;
		done = to;
	}
	return 0;
}

static int store_content(struct fill *f, const struct tree_entry *e)
{
	cleanup_fd int fd = tree_open_file(f->tree, e);

	if (fd < 0)
		return ib_fail(f->err, -fd, "open %s", shown(e));
	if (e->allocated < e->size)
		return store_sparse(f, e, fd);
	return store_range(f, e, fd, 0, blocks_of(f, e->size));
}

static int write_block(struct fill *f, uint64_t block, const void *data)
{
	errcode_t code = io_channel_write_blk64(f->fs->io, block, 1, data);

	return code ? ext_fail(f->err, code, "write a block map") : 0;
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
static void put_extents(uint8_t *at, const struct run *runs, size_t n, unsigned level)
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
static int write_extent_level(struct fill *f, ext2_ino_t ino, unsigned level)
{
	struct ext3_extent_header *h = ib_xmalloc(f->fs->blocksize);
	cleanup_free void *block = h;
	size_t max = (f->fs->blocksize - sizeof(*h)) / sizeof(struct ext3_extent), nodes = 0;

	for (size_t i = 0; i < f->runs_len; i += max) {
		size_t n = f->runs_len - i < max ? f->runs_len - i : max;
		uint64_t at;
		uint32_t count;
		int r = take_blocks(f, 1, &at, &count);

		if (r < 0)
			return r;
		memset(block, 0, f->fs->blocksize);
		put_header(block, n, max, level);
		put_extents((uint8_t *)block + sizeof(*h), f->runs + i, n, level);
		(void)ext2fs_extent_block_csum_set(f->fs, ino, h);
		r = write_block(f, at, block);
		if (r < 0)
			return r;
		f->runs[nodes++] = (struct run){ .logical = f->runs[i].logical, .physical = at };
	}
	f->runs_len = nodes;
	return 0;
}

static int map_extents(struct fill *f, ext2_ino_t ino, struct ext2_inode_large *inode)
{
	const size_t max = 4; /* that fit into the inode */
	uint8_t *at = (uint8_t *)inode->i_block;
	unsigned level = 0;

	inode->i_flags |= EXT4_EXTENTS_FL;
	for (; f->runs_len > max; level++) {
		int r = write_extent_level(f, ino, level);

		if (r < 0)
			return r;
	}
	put_header(at, f->runs_len, max, level);
	put_extents(at + sizeof(struct ext3_extent_header), f->runs, f->runs_len, level);
	return 0;
}

/* Where the runs are walked by ascending block numbers. */
struct cursor {
	size_t run;
};

/* The block that holds block LOGICAL of the file, 0 for a hole. */
static uint64_t find_block(const struct fill *f, struct cursor *c, uint64_t logical)
{
	const struct run *run;

	while (c->run < f->runs_len && f->runs[c->run].logical + f->runs[c->run].count <= logical)
		c->run++;
	run = &f->runs[c->run];
	if (c->run == f->runs_len || run->logical > logical)
		return 0;
	return run->physical + (logical - run->logical);
}

static bool range_is_hole(const struct fill *f, const struct cursor *c, uint64_t end)
{
	return c->run == f->runs_len || f->runs[c->run].logical >= end;
}

/* Writes the indirect block over the file's blocks from LOGICAL, LEVEL (1 to 3) steps above them.
 */
static int map_indirect(struct fill *f, struct cursor *c, uint64_t logical, unsigned level,
			uint32_t *ret_block)
{
	uint32_t per_block = f->fs->blocksize / 4, count;
	cleanup_free uint32_t *block = NULL;
	uint64_t span = 1, at;
	int r;

	for (unsigned i = 1; i < level; i++)
		span *= per_block;
	(void)find_block(f, c, logical); /* moves the cursor */
	if (range_is_hole(f, c, logical + span * per_block))
		return 0;
	r = take_blocks(f, 1, &at, &count);
	if (r < 0)
		return r;
	block = ib_xmalloc(f->fs->blocksize);
	memset(block, 0, f->fs->blocksize);
	for (uint32_t i = 0; i < per_block; i++, logical += span) {
		if (level == 1)
			block[i] = htole32((uint32_t)find_block(f, c, logical));
		else
			r = map_indirect(f, c, logical, level - 1, &block[i]);
		if (r < 0)
			return r;
		if (level > 1)
			block[i] = htole32(block[i]);
	}
	*ret_block = (uint32_t)at;
	return write_block(f, at, block);
}

static int map_blocks(struct fill *f, struct ext2_inode_large *inode)
{
	uint64_t per_block = f->fs->blocksize / 4, logical = EXT2_NDIR_BLOCKS, span = per_block;
	struct cursor c = { 0 };

	for (uint32_t i = 0; i < EXT2_NDIR_BLOCKS; i++)
		inode->i_block[i] = (uint32_t)find_block(f, &c, i);
	for (unsigned level = 1; level <= 3; level++, logical += span, span *= per_block) {
		int r = map_indirect(f, &c, logical, level,
				     &inode->i_block[EXT2_NDIR_BLOCKS + level - 1]);

		if (r < 0)
			return r;
	}
	if (range_is_hole(f, &c, UINT64_MAX))
		return 0;
	return ib_fail_text(f->err, EFBIG, "a file is too large for blocks without extents");
}

/* Gives the runs to the inode. TAKEN is what f->taken was before the first of them. */
static int map_runs(struct fill *f, ext2_ino_t ino, struct ext2_inode_large *inode, uint64_t taken)
{
	int r;

	if (ext2fs_has_feature_extents(f->fs->super))
		r = map_extents(f, ino, inode);
	else
		r = map_blocks(f, inode);
	if (r < 0)
		return r;
	ext2fs_iblk_set(f->fs, (struct ext2_inode *)inode, f->taken - taken);
	return 0;
}

/* The kernel's ext4_encode_extra_time(): 34 bits of seconds, the upper two with the nanoseconds. */
static void put_time(struct timespec t, uint32_t *low, uint32_t *extra)
{
	const int64_t min = INT32_MIN, max = (INT64_C(1) << 34) + INT32_MIN - 1;
	int64_t s = t.tv_sec < min ? min : t.tv_sec > max ? max : t.tv_sec;

	*low = (uint32_t)s;
	*extra = (uint32_t)((s - (int32_t)*low) >> 32 & 3) | (uint32_t)t.tv_nsec << 2;
}

static void set_times(const struct fill *f, struct timespec mtime, struct ext2_inode_large *inode)
{
	struct timespec made = { .tv_sec = f->time };

	put_time(mtime, &inode->i_mtime, &inode->i_mtime_extra);
	put_time(mtime, &inode->i_atime, &inode->i_atime_extra);
	put_time(made, &inode->i_ctime, &inode->i_ctime_extra);
	put_time(made, &inode->i_crtime, &inode->i_crtime_extra);
	if (EXT2_INODE_SIZE(f->fs->super) > EXT2_GOOD_OLD_INODE_SIZE)
		inode->i_extra_isize = f->fs->super->s_want_extra_isize;
}

static void set_owner(struct ext2_inode_large *inode, uid_t uid, gid_t gid)
{
	inode->i_uid = (uint16_t)uid;
	inode->i_gid = (uint16_t)gid;
	ext2fs_set_i_uid_high(*inode, (uint16_t)(uid >> 16));
	ext2fs_set_i_gid_high(*inode, (uint16_t)(gid >> 16));
}

static int write_inode(struct fill *f, ext2_ino_t ino, struct ext2_inode_large *inode)
{
	int size = EXT2_INODE_SIZE(f->fs->super);
	errcode_t code;

	if (size > (int)sizeof(*inode))
		size = (int)sizeof(*inode);
	code = ext2fs_write_inode_full(f->fs, ino, (struct ext2_inode *)inode, size);
	return code ? ext_fail(f->err, code, "write inode %u", ino) : 0;
}

static int set_size(struct fill *f, const struct tree_entry *e, struct ext2_inode_large *inode)
{
	errcode_t code =
		ext2fs_inode_size_set(f->fs, (struct ext2_inode *)inode, (ext2_off64_t)e->size);

	return code ? ext_fail(f->err, code, "set the size of %s", shown(e)) : 0;
}

static int fill_file(struct fill *f, const struct tree_entry *e, ext2_ino_t ino,
		     struct ext2_inode_large *inode)
{
	uint64_t taken = f->taken;
	int r = set_size(f, e, inode);

	f->runs_len = 0;
	if (r >= 0 && e->size)
		r = store_content(f, e);
	return r < 0 ? r : map_runs(f, ino, inode, taken);
}

static int fill_symlink(struct fill *f, const struct tree_entry *e, ext2_ino_t ino,
			struct ext2_inode_large *inode)
{
	uint64_t taken = f->taken, at;
	size_t n = strlen(e->target), room;
	uint32_t count;
	uint8_t *data;
	int r;

	inode->i_size = (uint32_t)n;
	if (n < FAST_SYMLINK) {
		memcpy(inode->i_block, e->target, n);
		return 0;
	}
	if (n >= f->fs->blocksize)
		return ib_fail_text(
			f->err, ENAMETOOLONG,
			"symlink %s: its target of %zu bytes needs larger blocks than %u bytes",
			shown(e), n, f->fs->blocksize);
	r = take_blocks(f, 1, &at, &count);
	if (r >= 0)
		r = reserve_buffer(f, at * f->fs->blocksize, f->fs->blocksize, &data, &room);
	if (r < 0)
		return r;
	memset(data, 0, f->fs->blocksize);
	memcpy(data, e->target, n);
	f->buffered += f->fs->blocksize;
	f->runs_len = 0;
	add_run(f, 0, at, 1);
	return map_runs(f, ino, inode, taken);
}

/* The kernel's old_encode_dev() where it fits, else new_encode_dev(). */
static void fill_device(const struct tree_entry *e, struct ext2_inode_large *inode)
{
	if (e->major < 256 && e->minor < 256)
		inode->i_block[0] = e->major << 8 | e->minor;
	else
		inode->i_block[1] = (e->minor & 0xff) | e->major << 8 | (e->minor & ~0xffu) << 12;
}

static uint8_t file_type(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return EXT2_FT_DIR;
	case S_IFLNK:
		return EXT2_FT_SYMLINK;
	case S_IFCHR:
		return EXT2_FT_CHRDEV;
	case S_IFBLK:
		return EXT2_FT_BLKDEV;
	case S_IFIFO:
		return EXT2_FT_FIFO;
	default:
		return EXT2_FT_REG_FILE;
	}
}

static int write_dir_blocks(struct fill *f, ext2_ino_t ino, uint8_t *blocks, uint32_t count)
{
	uint32_t done = 0;

	while (done < count) {
		uint64_t first;
		uint32_t n;
		int r = take_blocks(f, count - done, &first, &n);

		if (r < 0)
			return r;
		add_run(f, done, first, n);
		for (uint32_t i = 0; i < n; i++, done++) {
			errcode_t code = ext2fs_write_dir_block4(
				f->fs, first + i, blocks + (size_t)done * f->fs->blocksize, 0, ino);

			if (code)
				return ext_fail(f->err, code, "write a directory");
		}
	}
	return 0;
}

/* Blocks, size and map of a directory. */
static int store_dir(struct fill *f, struct ext_dir *dir, struct ext2_inode_large *inode)
{
	cleanup_free uint8_t *blocks = NULL;
	uint64_t taken = f->taken;
	uint32_t count;
	bool is_indexed;
	int r = ext_dir_build(f->fs, dir, &blocks, &count, &is_indexed, f->err);

	if (r < 0)
		return r;
	f->runs_len = 0;
	r = write_dir_blocks(f, dir->ino, blocks, count);
	if (r < 0)
		return r;
	inode->i_size = count * f->fs->blocksize;
	inode->i_flags |= is_indexed ? EXT2_INDEX_FL : 0;
	return map_runs(f, dir->ino, inode, taken);
}

static struct ext_dir_item item_of(const struct fill *f, uint32_t entry)
{
	const struct tree_entry *e = &f->tree->entries[entry];

	return (struct ext_dir_item){
		.name = e->name,
		.ino = f->places[e->link].ino,
		.name_len = (uint8_t)strlen(e->name),
		.type = file_type(e->mode),
	};
}

static uint32_t lost_found_blocks(const struct fill *f)
{
	uint32_t n = EXT_LOST_FOUND_BYTES / f->fs->blocksize;

	return n < EXT2_NDIR_BLOCKS ? n : EXT2_NDIR_BLOCKS;
}

static int fill_dir(struct fill *f, const struct tree_entry *e, ext2_ino_t ino,
		    struct ext2_inode_large *inode)
{
	uint32_t index = (uint32_t)(e - f->tree->entries);
	const struct place *p = &f->places[index];
	cleanup_free struct ext_dir_item *items = ib_xmalloc((p->children + 1) * sizeof(*items));
	struct ext_dir dir = { .ino = ino, .parent = f->places[e->parent].ino, .items = items };

	for (uint32_t i = p->first_child; i; i = f->places[i].next_sibling)
		items[dir.len++] = item_of(f, i);
	if (!index && !f->lost_found)
		items[dir.len++] = (struct ext_dir_item){
			.name = LOST_FOUND,
			.ino = EXT_LOST_FOUND_INO,
			.name_len = sizeof(LOST_FOUND) - 1,
			.type = EXT2_FT_DIR,
		};
	if (ino == EXT_LOST_FOUND_INO)
		dir.min_blocks = lost_found_blocks(f);
	return store_dir(f, &dir, inode);
}

static int set_xattrs(struct fill *f, const struct tree_entry *e, ext2_ino_t ino)
{
	struct ext2_xattr_handle *h;
	errcode_t code = ext2fs_xattrs_open(f->fs, ino, &h);
	blk64_t before = ext2fs_free_blocks_count(f->fs->super);
	const char *name = "";

	for (size_t i = 0; !code && i < e->xattrs_len; i++) {
		name = e->xattrs[i].name;
		code = ext2fs_xattr_set(h, name, e->xattrs[i].value, e->xattrs[i].len);
	}
	if (!code)
		code = ext2fs_xattrs_write(h);
	(void)ext2fs_xattrs_close(&h);
	if (code == EXT2_ET_EA_NO_SPACE)
		return ib_fail_text(f->err, E2BIG, "xattr %s of %s does not fit into %u bytes",
				    name, shown(e), f->fs->blocksize);
	if (code)
		return ext_fail(f->err, code, "set xattr %s of %s", name, shown(e));
	f->taken += before - ext2fs_free_blocks_count(f->fs->super);
	return 0;
}

static int set_link_count(struct fill *f, const struct tree_entry *e,
			  struct ext2_inode_large *inode)
{
	uint32_t n = e->links, index = (uint32_t)(e - f->tree->entries);

	if (S_ISDIR(e->mode))
		n = 2 + f->places[index].subdirs;
	if (n >= EXT2_LINK_MAX && S_ISDIR(e->mode) && ext2fs_has_feature_dir_nlink(f->fs->super))
		n = 1; /* "not known" */
	if (n >= EXT2_LINK_MAX)
		return ib_fail(f->err, EMLINK, "store %s with %u names", shown(e), n);
	inode->i_links_count = (uint16_t)n;
	return 0;
}

static int fill_by_type(struct fill *f, const struct tree_entry *e, ext2_ino_t ino,
			struct ext2_inode_large *inode)
{
	switch (e->mode & S_IFMT) {
	case S_IFDIR:
		return fill_dir(f, e, ino, inode);
	case S_IFREG:
		return fill_file(f, e, ino, inode);
	case S_IFLNK:
		return fill_symlink(f, e, ino, inode);
	case S_IFCHR:
	case S_IFBLK:
		fill_device(e, inode);
		return 0;
	default:
		return 0; /* a fifo has no content */
	}
}

static int fill_entry(struct fill *f, const struct tree_entry *e)
{
	struct ext2_inode_large inode = { .i_mode = (uint16_t)e->mode };
	ext2_ino_t ino = f->places[e->link].ino;
	int r = set_link_count(f, e, &inode);

	if (r < 0)
		return r;
	if (ino >= EXT2_FIRST_INODE(f->fs->super))
		ext2fs_inode_alloc_stats2(f->fs, ino, +1, S_ISDIR(e->mode));
	set_owner(&inode, e->uid, e->gid);
	set_times(f, e->mtime, &inode);
	r = fill_by_type(f, e, ino, &inode);
	if (r >= 0)
		r = write_inode(f, ino, &inode);
	return r < 0 || !e->xattrs_len ? r : set_xattrs(f, e, ino);
}

/* lost+found of a tree that has none. */
static int make_lost_found(struct fill *f)
{
	struct ext2_inode_large inode = { .i_mode = S_IFDIR | 0700, .i_links_count = 2 };
	struct ext_dir dir = {
		.ino = EXT_LOST_FOUND_INO,
		.parent = EXT2_ROOT_INO,
		.min_blocks = lost_found_blocks(f),
	};
	int r = store_dir(f, &dir, &inode);

	if (r < 0)
		return r;
	set_times(f, (struct timespec){ .tv_sec = f->time }, &inode);
	ext2fs_inode_alloc_stats2(f->fs, dir.ino, +1, 1);
	return write_inode(f, dir.ino, &inode);
}

static int find_lost_found(struct fill *f)
{
	for (uint32_t i = f->places[0].first_child; i; i = f->places[i].next_sibling) {
		const struct tree_entry *e = &f->tree->entries[i];

		if (strcmp(e->name, LOST_FOUND) != 0)
			continue;
		if (!S_ISDIR(e->mode))
			return ib_fail_text(f->err, EEXIST, "/" LOST_FOUND " is not a directory");
		f->lost_found = i;
	}
	return 0;
}

/* Children and inode numbers. The tree's order makes every list ascend, for it is built backwards.
 */
static int place_entries(struct fill *f)
{
	uint32_t next = EXT_LOST_FOUND_INO + 1;
	size_t n = f->tree->len * sizeof(*f->places);
	int r;

	f->places = ib_xmalloc(n);
	memset(f->places, 0, n);
	for (size_t i = f->tree->len; i-- > 1;) {
		struct place *parent = &f->places[f->tree->entries[i].parent];

		f->places[i].next_sibling = parent->first_child;
		parent->first_child = (uint32_t)i;
		parent->children++;
		parent->subdirs += S_ISDIR(f->tree->entries[i].mode);
	}
	r = find_lost_found(f);
	f->places[0].ino = EXT2_ROOT_INO;
	f->places[0].subdirs += !f->lost_found;
	for (uint32_t i = 1; i < f->tree->len; i++)
		if (f->tree->entries[i].link == i)
			f->places[i].ino = i == f->lost_found ? EXT_LOST_FOUND_INO : next++;
	if (next - 1 <= f->fs->super->s_inodes_count)
		return r;
	(void)ib_fail_text(f->err, ENOSPC,
			   "the files do not fit: %u inodes are needed, the file system has %u",
			   next - 1, f->fs->super->s_inodes_count);
	return ib_hint(f->err, "make it larger or lower the inode ratio (mkfs option -i)");
}

/* At least so many; what is small or shrinks (ACLs do) may fit into the inode. */
static uint64_t xattr_blocks(const struct tree_entry *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->xattrs_len; i++)
		n += e->xattrs[i].len;
	return n > 256;
}

/* Blocks of an entry: exact for data, and never above what it takes for the rest. */
static uint64_t entry_blocks(const struct fill *f, const struct tree_entry *e)
{
	uint64_t n = xattr_blocks(e);

	if (S_ISDIR(e->mode))
		return n + 1;
	if (S_ISREG(e->mode))
		return n + blocks_of(f, e->allocated);
	return n + (S_ISLNK(e->mode) && strlen(e->target) >= FAST_SYMLINK);
}

static int check_space(struct fill *f)
{
	uint64_t free_blocks = ext2fs_free_blocks_count(f->fs->super);

	for (size_t i = 0; i < f->tree->len; i++)
		if (f->tree->entries[i].link == i)
			f->needed += entry_blocks(f, &f->tree->entries[i]);
	return f->needed > free_blocks ? fail_space(f, f->needed - free_blocks) : 0;
}

static int fill_entries(struct fill *f, bool is_dir)
{
	for (size_t i = 0; i < f->tree->len; i++) {
		const struct tree_entry *e = &f->tree->entries[i];
		int r;

		if (e->link != i || !S_ISDIR(e->mode) == is_dir)
			continue;
		r = fill_entry(f, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int ext_fill(ext2_filsys fs, const struct view *view, struct tree *tree, int64_t time,
	     struct ib_error *err)
{
	struct tree_entry root = {
		.path = "",
		.name = "",
		.links = 1,
		.mode = S_IFDIR | 0755,
		.mtime = { .tv_sec = time },
	};
	const struct tree empty = { .root_fd = -1, .entries = &root, .len = 1 };
	cleanup_fill struct fill f = {
		.fs = fs,
		.view = view,
		.tree = tree ? tree : &empty,
		.time = time,
		.goal = fs->super->s_first_data_block,
		.buffer = ib_xmalloc(BUFFER_BYTES),
		.err = err,
	};
	int r = place_entries(&f);

	if (r >= 0)
		r = check_space(&f);
	if (r >= 0 && !f.lost_found)
		r = make_lost_found(&f);
	if (r >= 0)
		r = fill_entries(&f, true);
	if (r >= 0)
		r = fill_entries(&f, false);
	return r < 0 ? r : flush_buffer(&f);
}
