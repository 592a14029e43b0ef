/* SPDX-License-Identifier: Apache-2.0 */
/* What the three files of extfs share; the only place that includes libext2fs.
 * extfs.c makes the empty file system, extfill.c puts the tree in, extdir.c packs directories. */
#ifndef IMAGEBUILD_EXTFS_PRIVATE_H
#define IMAGEBUILD_EXTFS_PRIVATE_H

#include <ext2fs/ext2fs.h>
#include <imagebuild/base.h>

struct ib_error;
struct tree;
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

/* ib_fail for an error of libext2fs. */
int ext_fail(struct ib_error *err, errcode_t code, const char *fmt, ...) IB_PRINTF(3, 4);

#endif
