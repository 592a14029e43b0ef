/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an empty ext file system through a view, in the order in which mke2fs does it. No clock and
 * no random number goes in: UUID, hash seed and time are given. */
#include "support/extfs.h"

#include "support/extfs_private.h"
#include "support/extopts.h"
#include "support/view.h"

#include <errno.h>
#include <et/com_err.h>
#include <imagebuild/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ext2fs_initialize hands only a name to the manager's open; this is what it opens. NULL: nothing
 * is stored and zeros are read, for extfs_check. */
static _Thread_local const struct view *opening;

int ext_fail(struct ib_error *err, errcode_t code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (code == EXT2_ET_BLOCK_ALLOC_FAIL || code == EXT2_ET_DIR_NO_SPACE)
		return ib_fail(err, ENOSPC, "%s", text);
	if (code == EXT2_ET_NO_MEMORY)
		return ib_fail(err, ENOMEM, "%s", text);
	if (code > 0 && code < 256)
		return ib_fail(err, (int)code, "%s", text);
	return ib_fail_text(err, EIO, "%s: %s", text, error_message(code));
}

/* A negative count is a number of bytes. */
static size_t io_bytes(io_channel channel, int count)
{
	return count < 0 ? (size_t)-count : (size_t)count * (size_t)channel->block_size;
}

static errcode_t io_read64(io_channel channel, unsigned long long block, int count, void *data)
{
	const struct view *v = channel->private_data;
	size_t n = io_bytes(channel, count);

	if (v)
		return -view_pread(v, data, n, block * (unsigned)channel->block_size);
	memset(data, 0, n);
	return 0;
}

static errcode_t io_read(io_channel channel, unsigned long block, int count, void *data)
{
	return io_read64(channel, block, count, data);
}

static errcode_t io_write64(io_channel channel, unsigned long long block, int count,
			    const void *data)
{
	const struct view *v = channel->private_data;
	uint64_t at = block * (unsigned)channel->block_size;

	return v ? -view_pwrite(v, data, io_bytes(channel, count), at) : 0;
}

static errcode_t io_write(io_channel channel, unsigned long block, int count, const void *data)
{
	return io_write64(channel, block, count, data);
}

static errcode_t io_zero(io_channel channel, unsigned long long block, unsigned long long count)
{
	const struct view *v = channel->private_data;
	uint64_t size = (unsigned)channel->block_size;

	return v ? -view_zero(v, block * size, count * size) : 0;
}

static errcode_t io_flush(IB_UNUSED io_channel channel)
{
	return 0; /* the disk is synchronised as a whole */
}

static errcode_t io_set_block_size(io_channel channel, int size)
{
	channel->block_size = size;
	return 0;
}

static errcode_t io_close(io_channel channel)
{
	if (--channel->refcount > 0)
		return 0;
	free(channel->name);
	free(channel);
	return 0;
}

static errcode_t io_open(const char *name, int flags, io_channel *ret_channel);

static struct struct_io_manager view_manager = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "imagebuild view",
	.open = io_open,
	.close = io_close,
	.set_blksize = io_set_block_size,
	.read_blk = io_read,
	.write_blk = io_write,
	.flush = io_flush,
	.read_blk64 = io_read64,
	.write_blk64 = io_write64,
	.discard = io_zero,
	.zeroout = io_zero,
};

static errcode_t io_open(const char *name, IB_UNUSED int flags, io_channel *ret_channel)
{
	struct struct_io_channel *c = ib_xmalloc(sizeof(*c));
	union {
		const struct view *in;
		void *out;
	} view = { .in = opening };

	*c = (struct struct_io_channel){
		.magic = EXT2_ET_MAGIC_IO_CHANNEL,
		.manager = &view_manager,
		.name = ib_xstrdup(name),
		.block_size = 1024,
		.refcount = 1,
		.private_data = view.out,
	};
	*ret_channel = c;
	return 0;
}

static void fs_cleanup(ext2_filsys *fs)
{
	if (*fs)
		ext2fs_free(*fs);
}
#define cleanup_fs __attribute__((cleanup(fs_cleanup)))

/* Superblock times have 32 bits in this release, and 0 would mean the clock. */
static uint32_t super_time(int64_t time)
{
	if (time < 1)
		return 1;
	return time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

static void set_parameters(struct ext2_super_block *p, const struct extopts *o)
{
	p->s_rev_level = EXT2_DYNAMIC_REV;
	p->s_feature_compat = o->compat;
	p->s_feature_incompat = o->incompat;
	p->s_feature_ro_compat = o->ro_compat;
	p->s_log_block_size = (uint32_t)__builtin_ctz(o->block_size) - EXT2_MIN_BLOCK_LOG_SIZE;
	p->s_log_cluster_size = p->s_log_block_size;
	p->s_inode_size = (uint16_t)o->inode_size;
	p->s_inodes_count = (uint32_t)o->inodes;
	p->s_log_groups_per_flex = (uint8_t)o->log_flex;
	p->s_reserved_gdt_blocks = (uint16_t)o->reserved_gdt;
	p->s_desc_size = o->incompat & EXT_64BIT ? EXT2_MIN_DESC_SIZE_64BIT : 0;
	p->s_raid_stride = (uint16_t)o->stride;
	p->s_raid_stripe_width = o->stripe_width;
	p->s_errors = o->errors;
	ext2fs_blocks_count_set(p, o->blocks);
	ext2fs_r_blocks_count_set(p, o->reserved);
}

static void set_super(ext2_filsys fs, const struct extopts *o, int64_t time)
{
	struct ext2_super_block *s = fs->super;

	fs->now = super_time(time);
	s->s_mkfs_time = s->s_lastcheck = s->s_wtime = super_time(time);
	memcpy(s->s_uuid, o->uuid, sizeof(s->s_uuid));
	memcpy(s->s_hash_seed, o->hash_seed, sizeof(s->s_hash_seed));
	memcpy(s->s_volume_name, o->label, sizeof(s->s_volume_name));
	s->s_def_hash_version = EXT2_HASH_HALF_MD4;
	s->s_flags |= EXT2_FLAGS_SIGNED_HASH; /* also where char is unsigned: equal bytes */
	s->s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
	s->s_max_mnt_count = -1;
	s->s_checkinterval = 0;
	if (o->ro_compat & EXT_METADATA_CSUM)
		s->s_checksum_type = EXT2_CRC32C_CHKSUM;
	ext2fs_init_csum_seed(fs);
	if (o->incompat & EXT_CSUM_SEED)
		s->s_checksum_seed = fs->csum_seed;
}

static int initialize(const struct extopts *o, int64_t time, const struct view *view,
		      ext2_filsys *ret_fs, struct ib_error *err)
{
	struct ext2_super_block parameters = { .s_magic = 0 };
	errcode_t code;

	initialize_ext2_error_table();
	set_parameters(&parameters, o);
	opening = view;
	code = ext2fs_initialize("view", EXT2_FLAG_64BITS, &parameters, &view_manager, ret_fs);
	opening = NULL;
	if (code)
		return ext_fail(err, code, "set up the file system");
	if ((*ret_fs)->super->s_inodes_count <= EXT_LOST_FOUND_INO)
		return ib_fail_text(err, ENOSPC, "the file system is too small: it has %u inodes",
				    (*ret_fs)->super->s_inodes_count);
	set_super(*ret_fs, o, time);
	return 0;
}

/* Inodes 1 to 10, of which 2 is the root and filled later. */
static void reserve_inodes(ext2_filsys fs)
{
	for (ext2_ino_t i = EXT2_BAD_INO; i < EXT2_FIRST_INODE(fs->super); i++)
		ext2fs_inode_alloc_stats2(fs, i, +1, i == EXT2_ROOT_INO);
}

/* The view reads as zeros, so that neither the kernel nor mkfs need write the tables. */
static void mark_tables_zeroed(ext2_filsys fs)
{
	if (!ext2fs_has_group_desc_csum(fs))
		return;
	for (dgrp_t i = 0; i < fs->group_desc_count; i++) {
		ext2fs_bg_flags_set(fs, i, EXT2_BG_INODE_ZEROED);
		ext2fs_group_desc_csum_set(fs, i);
	}
}

static int make_tables(ext2_filsys fs, const struct extopts *o, struct ib_error *err)
{
	errcode_t code = ext2fs_set_gdt_csum(fs);

	if (!code)
		code = ext2fs_allocate_tables(fs);
	if (code)
		return ext_fail(err, code, "place the inode tables");
	mark_tables_zeroed(fs);
	reserve_inodes(fs);
	if (o->compat & EXT_RESIZE_INODE)
		code = ext2fs_create_resize_inode(fs);
	if (code)
		return ext_fail(err, code, "make the resize inode");
	if (o->compat & EXT_HAS_JOURNAL)
		code = ext2fs_add_journal_inode(fs, o->journal_blocks, EXT2_MKJOURNAL_LAZYINIT);
	return code ? ext_fail(err, code, "make the journal") : 0;
}

int extfs_check(const struct extfs_options *options, uint64_t size, struct ib_error *err)
{
	cleanup_fs ext2_filsys fs = NULL;
	struct extopts o;
	int r = extopts_read(options, size, &o, err);

	if (r < 0)
		return r;
	r = initialize(&o, options->time, NULL, &fs, err);
	return r < 0 ? r : make_tables(fs, &o, err);
}

int extfs_write(struct view *view, const struct extfs_options *options, struct tree *tree,
		struct ib_error *err)
{
	cleanup_fs ext2_filsys fs = NULL;
	struct extopts o;
	errcode_t code;
	int r = extopts_read(options, view_size(view), &o, err);

	if (r < 0)
		return r;
	r = view_zero(view, 0, view_size(view));
	if (r < 0)
		return ib_fail(err, -r, "clear the space of the file system");
	r = initialize(&o, options->time, view, &fs, err);
	if (r >= 0)
		r = make_tables(fs, &o, err);
	if (r >= 0)
		r = ext_fill(fs, view, tree, options->time, err);
	if (r < 0)
		return r;
	code = ext2fs_close_free(&fs);
	return code ? ext_fail(err, code, "write the file system's tables") : 0;
}
