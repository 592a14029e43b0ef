/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a tree into an empty ext file system. Inode numbers follow the tree's order; directories
 * come first, then file data, each file in one run where the free space has one. */
#include "support/extfs_private.h"
#include "support/tree.h"

#include <errno.h>
#include <imagebuild/error.h>
#include <string.h>

#define FAST_SYMLINK 60u
#define LOST_FOUND "lost+found"

/* A tree entry's place among the others. */
struct place {
	uint32_t ino;
	uint32_t first_child, next_sibling; /* entries; 0: none */
	uint32_t children, subdirs;
};

struct fill {
	struct ext_data data;
	const struct tree *tree;
	int64_t time;
	struct place *places;
	uint32_t lost_found; /* entry; 0: the tree has none */
};

static void fill_release(struct fill *f)
{
	free(f->places);
	ext_data_release(&f->data);
}
#define cleanup_fill __attribute__((cleanup(fill_release)))

static const char *shown(const struct tree_entry *e)
{
	return *e->path ? e->path : ".";
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
	if (EXT2_INODE_SIZE(f->data.fs->super) > EXT2_GOOD_OLD_INODE_SIZE)
		inode->i_extra_isize = f->data.fs->super->s_want_extra_isize;
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
	int size = EXT2_INODE_SIZE(f->data.fs->super);
	errcode_t code;

	if (size > (int)sizeof(*inode))
		size = (int)sizeof(*inode);
	code = ext2fs_write_inode_full(f->data.fs, ino, (struct ext2_inode *)inode, size);
	return code ? ext_fail(f->data.err, code, "write inode %u", ino) : 0;
}

static int set_size(struct fill *f, const struct tree_entry *e, struct ext2_inode_large *inode)
{
	errcode_t code = ext2fs_inode_size_set(f->data.fs, (struct ext2_inode *)inode,
					       (ext2_off64_t)e->size);

	return code ? ext_fail(f->data.err, code, "set the size of %s", shown(e)) : 0;
}

static int fill_file(struct fill *f, const struct tree_entry *e, ext2_ino_t ino,
		     struct ext2_inode_large *inode)
{
	uint64_t taken = f->data.taken;
	int r = set_size(f, e, inode);

	f->data.runs_len = 0;
	if (r >= 0 && e->size)
		r = ext_store(&f->data, f->tree, e);
	return r < 0 ? r : ext_map(&f->data, ino, inode, taken);
}

static int fill_symlink(struct fill *f, const struct tree_entry *e, ext2_ino_t ino,
			struct ext2_inode_large *inode)
{
	uint64_t taken = f->data.taken, at;
	size_t n = strlen(e->target), room;
	uint32_t count;
	uint8_t *data;
	int r;

	inode->i_size = (uint32_t)n;
	if (n < FAST_SYMLINK) {
		memcpy(inode->i_block, e->target, n);
		return 0;
	}
	if (n >= f->data.fs->blocksize)
		return ib_fail_text(
			f->data.err, ENAMETOOLONG,
			"symlink %s: its target of %zu bytes needs larger blocks than %u bytes",
			shown(e), n, f->data.fs->blocksize);
	r = ext_take_blocks(&f->data, 1, &at, &count);
	if (r >= 0)
		r = ext_reserve(&f->data, at * f->data.fs->blocksize, f->data.fs->blocksize, &data,
				&room);
	if (r < 0)
		return r;
	memset(data, 0, f->data.fs->blocksize);
	memcpy(data, e->target, n);
	f->data.buffered += f->data.fs->blocksize;
	f->data.runs_len = 0;
	ext_add_run(&f->data, 0, at, 1);
	return ext_map(&f->data, ino, inode, taken);
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
		int r = ext_take_blocks(&f->data, count - done, &first, &n);

		if (r < 0)
			return r;
		ext_add_run(&f->data, done, first, n);
		for (uint32_t i = 0; i < n; i++, done++) {
			errcode_t code = ext2fs_write_dir_block4(
				f->data.fs, first + i,
				blocks + (size_t)done * f->data.fs->blocksize, 0, ino);

			if (code)
				return ext_fail(f->data.err, code, "write a directory");
		}
	}
	return 0;
}

/* Blocks, size and map of a directory. */
static int store_dir(struct fill *f, struct ext_dir *dir, struct ext2_inode_large *inode)
{
	cleanup_free uint8_t *blocks = NULL;
	uint64_t taken = f->data.taken;
	uint32_t count;
	bool is_indexed;
	int r = ext_dir_build(f->data.fs, dir, &blocks, &count, &is_indexed, f->data.err);

	if (r < 0)
		return r;
	f->data.runs_len = 0;
	r = write_dir_blocks(f, dir->ino, blocks, count);
	if (r < 0)
		return r;
	inode->i_size = count * f->data.fs->blocksize;
	inode->i_flags |= is_indexed ? EXT2_INDEX_FL : 0;
	return ext_map(&f->data, dir->ino, inode, taken);
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
	uint32_t n = EXT_LOST_FOUND_BYTES / f->data.fs->blocksize;

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
	errcode_t code = ext2fs_xattrs_open(f->data.fs, ino, &h);
	blk64_t before = ext2fs_free_blocks_count(f->data.fs->super);
	const char *name = "";

	for (size_t i = 0; !code && i < e->xattrs_len; i++) {
		name = e->xattrs[i].name;
		code = ext2fs_xattr_set(h, name, e->xattrs[i].value, e->xattrs[i].len);
	}
	if (!code)
		code = ext2fs_xattrs_write(h);
	(void)ext2fs_xattrs_close(&h);
	if (code == EXT2_ET_EA_NO_SPACE)
		return ib_fail_text(f->data.err, E2BIG, "xattr %s of %s does not fit into %u bytes",
				    name, shown(e), f->data.fs->blocksize);
	if (code)
		return ext_fail(f->data.err, code, "set xattr %s of %s", name, shown(e));
	f->data.taken += before - ext2fs_free_blocks_count(f->data.fs->super);
	return 0;
}

static int set_link_count(struct fill *f, const struct tree_entry *e,
			  struct ext2_inode_large *inode)
{
	uint32_t n = e->links, index = (uint32_t)(e - f->tree->entries);

	if (S_ISDIR(e->mode))
		n = 2 + f->places[index].subdirs;
	if (n >= EXT2_LINK_MAX && S_ISDIR(e->mode) &&
	    ext2fs_has_feature_dir_nlink(f->data.fs->super))
		n = 1; /* "not known" */
	if (n >= EXT2_LINK_MAX)
		return ib_fail(f->data.err, EMLINK, "store %s with %u names", shown(e), n);
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
	if (ino >= EXT2_FIRST_INODE(f->data.fs->super))
		ext2fs_inode_alloc_stats2(f->data.fs, ino, +1, S_ISDIR(e->mode));
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
	ext2fs_inode_alloc_stats2(f->data.fs, dir.ino, +1, 1);
	return write_inode(f, dir.ino, &inode);
}

static int find_lost_found(struct fill *f)
{
	for (uint32_t i = f->places[0].first_child; i; i = f->places[i].next_sibling) {
		const struct tree_entry *e = &f->tree->entries[i];

		if (strcmp(e->name, LOST_FOUND) != 0)
			continue;
		if (!S_ISDIR(e->mode))
			return ib_fail_text(f->data.err, EEXIST,
					    "/" LOST_FOUND " is not a directory");
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
	if (next - 1 <= f->data.fs->super->s_inodes_count)
		return r;
	(void)ib_fail_text(f->data.err, ENOSPC,
			   "the files do not fit: %u inodes are needed, the file system has %u",
			   next - 1, f->data.fs->super->s_inodes_count);
	return ib_hint(f->data.err, "make it larger or lower the inode ratio (mkfs option -i)");
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
		return n + ext_blocks_of(&f->data, e->allocated);
	return n + (S_ISLNK(e->mode) && strlen(e->target) >= FAST_SYMLINK);
}

static int check_space(struct fill *f)
{
	uint64_t free_blocks = ext2fs_free_blocks_count(f->data.fs->super);

	for (size_t i = 0; i < f->tree->len; i++)
		if (f->tree->entries[i].link == i)
			f->data.needed += entry_blocks(f, &f->tree->entries[i]);
	return f->data.needed > free_blocks ? ext_fail_space(&f->data, f->data.needed - free_blocks)
					    : 0;
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
		.data = {
			.fs = fs,
			.view = view,
			.goal = fs->super->s_first_data_block,
			.err = err,
		},
		.tree = tree ? tree : &empty,
		.time = time,
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
	return r < 0 ? r : ext_flush(&f.data);
}
