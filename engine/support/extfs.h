/* SPDX-License-Identifier: Apache-2.0 */
/* ext2, ext3 and ext4 made and filled straight from a tree, through a view; the one user of
 * libext2fs. Equal trees and arguments give equal bytes. */
#ifndef IMAGEBUILD_EXTFS_H
#define IMAGEBUILD_EXTFS_H

#include <imagebuild/base.h>

struct ib_error;
struct view;	/* support/view.h: all access goes through view_pread, view_pwrite, view_zero */
struct tree;	/* support/tree.h */

struct extfs_options {
	const char *type;	/* "ext2", "ext3", "ext4" */
	const char *label;	/* at most 16 bytes; NULL: none */
	const char *uuid;	/* of the file system */
	const char *hash_seed;	/* UUID: the seed of hashed directories */
	int64_t time;		/* superblock times, lost+found, inode crtimes; seconds */
	uint32_t block_size;	/* bytes; 0: 4096, or 1024 below 512 MiB unless sector_size forbids */
	uint32_t inode_ratio;	/* bytes an inode (-i); 0: mke2fs's default for the size */
	uint32_t journal_mib;	/* 0: mke2fs's default */
	const char *opts;	/* mkfs options as dib passes them ("-i 4096 -J size=64", "-O ^metadata_csum", "-E
				   resize=N", "-m 1", "-N n", "-b n", "-I n"); NULL: none. Overrides the fields above */
	uint32_t sector_size;	/* of the disk; the block size is not below it */
};

/* Checks OPTS and the numbers alone, writes nothing: for preflight and layout_check. */
int extfs_check(const struct extfs_options *options, uint64_t size, struct ib_error *err);

/* Makes the file system over the whole view and fills it from TREE (NULL: empty but for lost+found):
 * owners, modes, times to the nanosecond, xattrs, ACLs, capabilities, hard links, holes, device
 * nodes, names of any byte, the root directory's own attributes. -ENOSPC says how much was missing. */
int extfs_write(struct view *view, const struct extfs_options *options, struct tree *tree,
		struct ib_error *err);

#endif
