/* SPDX-License-Identifier: Apache-2.0 */
/* What mke2fs would decide from a type, a size, its options and /etc/mke2fs.conf of Debian 12;
 * pure. Private to extfs. */
#ifndef IMAGEBUILD_EXTOPTS_H
#define IMAGEBUILD_EXTOPTS_H

#include <imagebuild/base.h>

struct extfs_options;
struct ib_error;

/* Bits of the superblock's three feature words that extfs itself asks about. */
#define EXT_HAS_JOURNAL 0x0004u   /* compat */
#define EXT_RESIZE_INODE 0x0010u  /* compat */
#define EXT_DIR_INDEX 0x0020u     /* compat */
#define EXT_FILETYPE 0x0002u      /* incompat */
#define EXT_META_BG 0x0010u       /* incompat */
#define EXT_EXTENTS 0x0040u       /* incompat */
#define EXT_64BIT 0x0080u         /* incompat */
#define EXT_FLEX_BG 0x0200u       /* incompat */
#define EXT_CSUM_SEED 0x2000u     /* incompat */
#define EXT_SPARSE_SUPER 0x0001u  /* ro_compat */
#define EXT_GDT_CSUM 0x0010u      /* ro_compat */
#define EXT_DIR_NLINK 0x0020u     /* ro_compat */
#define EXT_METADATA_CSUM 0x0400u /* ro_compat */

struct extopts {
	uint32_t compat, incompat, ro_compat;
	uint32_t block_size, inode_size;
	uint64_t blocks, reserved, inodes;
	uint32_t journal_blocks; /* 0: none */
	uint32_t reserved_gdt;   /* blocks kept for growth; 0: the default */
	uint32_t log_flex;
	uint32_t stride, stripe_width;
	uint16_t errors; /* 1 continue, 2 remount read-only, 3 panic */
	uint8_t uuid[16], hash_seed[16];
	char label[16]; /* padded with zeros, not terminated */
};

/* Parses and computes all for a file system of SIZE bytes. */
int extopts_read(const struct extfs_options *options, uint64_t size, struct extopts *ret_opts,
		 struct ib_error *err);

#endif
