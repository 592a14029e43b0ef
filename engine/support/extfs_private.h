/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of extfs share; the only place that includes libext2fs.
 * extfs.c makes the empty file system, extfill.c puts the tree in, extdata.c stores and maps
 * blocks, extdir.c packs directories. */
#ifndef IMAGEBUILD_EXTFS_PRIVATE_H
#define IMAGEBUILD_EXTFS_PRIVATE_H

#include <ext2fs/ext2fs.h>
#include <imagebuild/base.h>

struct ib_error;
struct tree;
struct tree_entry;
struct view;

#define EXT_LOST_FOUND_INO 11u
#define EXT_LOST_FOUND_BYTES 16384u

/* Fills FS, which is empty but for its reserved inodes. TREE may be NULL. */
int ext_fill(ext2_filsys fs, const struct view *view, struct tree *tree, int64_t time,
	     struct ib_error *err);

/* A name in a directory. */
struct ext_dir_item {
	const char *name;
	uint32_t ino;
	uint32_t hash, minor_hash; /* set by ext_dir_build */
	uint8_t name_len, type;    /* EXT2_FT_* */
};

struct ext_dir {
	uint32_t ino, parent;
	struct ext_dir_item *items; /* in byte order; sorted by hash where that is needed */
	size_t len;
	uint32_t min_blocks; /* empty blocks are added up to it */
};

/* The blocks of a directory, one after another, without checksums. An index block is made where the
 * names need more than one block and the file system has dir_index. */
int ext_dir_build(ext2_filsys fs, struct ext_dir *dir, uint8_t **ret_blocks, uint32_t *ret_count,
		  bool *ret_is_indexed, struct ib_error *err);

/* Blocks of a file that lie one after another, in the file and on the disk. */
struct ext_run {
	uint64_t logical, physical;
	uint32_t count; /* at most EXT_INIT_MAX_LEN */
};

struct ext_data {
	ext2_filsys fs;
	const struct view *view;
	uint64_t goal;        /* where to look for free blocks */
	uint64_t needed;      /* blocks that the tree takes */
	uint64_t taken;       /* blocks taken so far */
	struct ext_run *runs; /* of the file in work */
	size_t runs_len, runs_cap;
	uint8_t *buffer; /* data to be written at buffer_at of the view */
	uint64_t buffer_at;
	size_t buffered;
	struct ib_error *err;
};

void ext_data_release(struct ext_data *d);
uint64_t ext_blocks_of(const struct ext_data *d, uint64_t bytes);
/* Takes up to WANTED free blocks in a row. */
int ext_take_blocks(struct ext_data *d, uint64_t wanted, uint64_t *ret_first, uint32_t *ret_count);
int ext_fail_space(struct ext_data *d, uint64_t missing_blocks);
/* Room for up to N bytes that will stand at AT; the caller adds to d->buffered what it filled. */
int ext_reserve(struct ext_data *d, uint64_t at, size_t n, uint8_t **ret_data, size_t *ret_room);
int ext_flush(struct ext_data *d);
/* Adds to the runs of the file in work; the caller sets d->runs_len to 0 before the first. */
void ext_add_run(struct ext_data *d, uint64_t logical, uint64_t physical, uint32_t count);
/* Copies the content of a regular file and adds its runs. */
int ext_store(struct ext_data *d, const struct tree *tree, const struct tree_entry *e);
/* Gives the runs to the inode. TAKEN is what d->taken was before the first of them. */
int ext_map(struct ext_data *d, ext2_ino_t ino, struct ext2_inode_large *inode, uint64_t taken);

/* ib_fail for an error of libext2fs. */
int ext_fail(struct ib_error *err, errcode_t code, const char *fmt, ...) IB_PRINTF(3, 4);

#endif
