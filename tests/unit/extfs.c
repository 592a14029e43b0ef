/* SPDX-License-Identifier: Apache-2.0 */
/* extfs: options, sizes, equal bytes; tests/ext checks what is in the file systems. */
#include "test.h"

#include "support/extfs.h"
#include "support/extopts.h"
#include "support/fs.h"
#include "support/tree.h"
#include "support/view.h"

#include <errno.h>
#include <fcntl.h>
#include <imagebuild/error.h>
#include <sys/mman.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static struct extfs_options options_of(const char *type, const char *opts)
{
	return (struct extfs_options){
		.type = type,
		.label = "root",
		.uuid = "01234567-89ab-cdef-0123-456789abcdef",
		.hash_seed = "fedcba98-7654-3210-FEDC-BA9876543210",
		.time = 1600000000,
		.opts = opts,
		.sector_size = 512,
	};
}

static struct extopts read_opts(const char *type, const char *opts, uint64_t size)
{
	struct extfs_options options = options_of(type, opts);
	struct ib_error err = IB_ERROR_INIT;
	struct extopts o = { .blocks = 0 };

	if (extopts_read(&options, size, &o, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
	return o;
}

static void check_refused(const char *opts, uint64_t size, const char *text)
{
	struct extfs_options options = options_of("ext4", opts);
	struct ib_error err = IB_ERROR_INIT;

	check(extfs_check(&options, size, &err) < 0);
	check_str(err.text, text);
}

TEST("the size decides blocks, inodes and journal as in mke2fs.conf")
{
	static const struct {
		uint64_t size;
		uint32_t block, journal;
		uint64_t inodes;
	} rows[] = {
		{ 2 * MIB, 1024, 1024, 256 },
		{ 100 * MIB, 1024, 4096, 25600 },
		{ 511 * MIB, 1024, 8192, 130816 },
		{ 512 * MIB, 4096, 4096, 32768 },
		{ 3 * GIB, 4096, 16384, 196608 },
		{ 100 * GIB, 4096, 131072, 6553600 },
		{ 5120 * GIB, 4096, 262144, 167772160 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct extopts o = read_opts("ext4", NULL, rows[i].size);

		check_int(o.block_size, rows[i].block);
		check_int(o.blocks, rows[i].size / rows[i].block);
		check_int(o.journal_blocks, rows[i].journal);
		check_int(o.inodes, rows[i].inodes);
		check_int(o.reserved, o.blocks / 20);
	}
}

TEST("options override, in dib's spelling")
{
	struct extopts o = read_opts("ext4", "-E resize=100000000 -i 4096 -J size=64", 3 * GIB);

	check_int(o.inodes, 3 * GIB / 4096);
	check_int(o.journal_blocks, 16384);
	check_int(o.reserved_gdt, 48 - 1);
	o = read_opts("ext4", "-O ^metadata_csum,^64bit -N1234 -m 0.5 -b2048 -I 128 -L other", GIB);
	check(!(o.ro_compat & EXT_METADATA_CSUM));
	check(!(o.incompat & EXT_64BIT));
	check_int(o.inodes, 1234);
	check_int(o.block_size, 2048);
	check_int(o.inode_size, 128);
	check_int(o.reserved, GIB / 2048 / 200);
	check(!memcmp(o.label, "other", 6));
	o = read_opts("ext2", "-O none -T largefile", GIB);
	check_int(o.compat | o.incompat | o.ro_compat, 0);
	check_int(o.inodes, 1024);
	o = read_opts("ext2", "-J size=8", GIB);
	check(o.compat & EXT_HAS_JOURNAL);
	check_int(read_opts("ext3", NULL, GIB).incompat, EXT_FILETYPE);
}

TEST("a sector of 4096 bytes makes blocks of as many")
{
	struct extfs_options options = options_of("ext4", NULL);
	struct ib_error err = IB_ERROR_INIT;
	struct extopts o;

	options.sector_size = 4096;
	check_int(extopts_read(&options, 100 * MIB, &o, &err), 0);
	check_int(o.block_size, 4096);
	options.opts = "-b 1024";
	check_int(extopts_read(&options, 100 * MIB, &o, &err), -EINVAL);
	check_str(err.text, "blocks of 1024 bytes are smaller than the disk's sectors of 4096");
}

TEST("options that cannot be are refused with a reason")
{
	check_refused("-Z", GIB, "mkfs option '-Z' is not supported");
	check_refused("-i", GIB, "mkfs option '-i' needs a value");
	check_refused("-i 12", GIB, "mkfs option '-i': '12' is not a number from 1024 to 67108864");
	check_refused("-b 3000", GIB, "mkfs option '-b': block size 3000 is no power of two");
	check_refused("-O bigalloc", GIB, "mkfs option '-O': feature 'bigalloc' is not supported");
	check_refused("-O ^extent", GIB, "feature 64bit needs extent");
	check_refused("-O ^sparse_super", GIB, "feature resize_inode needs sparse_super");
	check_refused("-E resize=10", GIB, "resize=10 is not above the size of 262144 blocks");
	check_refused("-E offset=5", GIB,
		      "mkfs option '-E': extended option 'offset=5' is not supported");
	check_refused("-J size=600", GIB,
		      "a journal of 600 MiB is too large for a file system of 1024 MiB");
	check_refused("-L a-label-of-17-byte", GIB,
		      "label 'a-label-of-17-byte' has 18 bytes, at most 16 fit");
	check_refused("-m 80", GIB, "mkfs option '-m': '80' is not a percentage from 0 to 50");
	check_refused(NULL, 40960, "40960 bytes are too small for an ext file system");
}

TEST("what extfs_check passes can be made")
{
	static const char *const opts[] = { "", "-i 4096 -J size=16", "-O ^resize_inode,meta_bg",
					    "-N 20", "-m 0" };
	struct ib_error err = IB_ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		struct extfs_options options = options_of("ext4", opts[i]);
		cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
		struct view_extent extent = { .size = 300 * MIB };
		struct view view = { .fd = fd, .extents = &extent, .len = 1 };

		check_int(ftruncate(fd, 300 << 20), 0);
		check_int(extfs_check(&options, 300 * MIB, &err), 0);
		check_int(extfs_write(&view, &options, NULL, &err), 0);
	}
}

static char *image_of(struct tree *t, const char *type, size_t *ret_len)
{
	struct extfs_options options = options_of(type, NULL);
	struct ib_error err = IB_ERROR_INIT;
	cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC);
	struct view_extent extent = { .size = 8 * MIB };
	struct view view = { .fd = fd, .extents = &extent, .len = 1 };
	char *data = ib_xmalloc(8 << 20);

	check_int(ftruncate(fd, 8 << 20), 0);
	if (extfs_write(&view, &options, t, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
	check_int(fs_pread_all(fd, data, 8 << 20, 0), 0);
	*ret_len = 8 << 20;
	return data;
}

TEST("equal trees give equal bytes, whatever the environment says")
{
	static const char *const types[] = { "ext2", "ext3", "ext4" };
	struct tree_options options = { .clamp = 1500000000 };
	struct ib_error err = IB_ERROR_INIT;
	char dir[] = "/tmp/imagebuild-extfs-XXXXXX";
	cleanup_tree struct tree *t = NULL;
	cleanup_fd int top = -1;

	check(mkdtemp(dir) != NULL);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_int(fs_write_at(top, "file", "some text", 9, 0644, &err), 0);
	check_int(symlinkat("file", top, "link"), 0);
	check_int(tree_open(top, &options, &t, &err), 0);
	for (size_t i = 0; t && i < ARRAY_SIZE(types); i++) {
		size_t len;
		cleanup_free char *one = image_of(t, types[i], &len), *two = NULL;

		check_int(setenv("E2FSPROGS_FAKE_TIME", "12345", 1), 0);
		two = image_of(t, types[i], &len);
		check_int(unsetenv("E2FSPROGS_FAKE_TIME"), 0);
		check(!memcmp(one, two, len));
		check(memmem(one, len, "some text", 9) != NULL);
	}
	check_int(fs_remove_at(AT_FDCWD, dir, &err), 0);
}

TEST("what does not fit is measured before anything is written")
{
	struct extfs_options options = options_of("ext4", NULL);
	struct ib_error err = IB_ERROR_INIT;
	char dir[] = "/tmp/imagebuild-extfs-XXXXXX";
	cleanup_fd int fd = memfd_create("image", MFD_CLOEXEC), top = -1;
	struct view_extent extent = { .size = 8 * MIB };
	struct view view = { .fd = fd, .extents = &extent, .len = 1 };
	struct tree_options scan = { .clamp = INT64_MAX };
	cleanup_tree struct tree *t = NULL;
	cleanup_free char *zeros = calloc(1, 10 << 20);

	check(mkdtemp(dir) != NULL);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_int(fs_write_at(top, "big", zeros, 10 << 20, 0644, &err), 0);
	check_int(tree_open(top, &scan, &t, &err), 0);
	check_int(ftruncate(fd, 8 << 20), 0);
	check_int(extfs_write(&view, &options, t, &err), -ENOSPC);
	check_str(err.text,
		  "the files do not fit: 6 MiB are free in the file system, 4 MiB are missing");
	check(*err.hint != '\0');
	check_int(fs_remove_at(AT_FDCWD, dir, &err), 0);
}

TEST_MAIN()
