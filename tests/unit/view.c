/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "support/fs.h"
#include "support/view.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <sys/mman.h>

/* Three extents that lie backwards in the file: view bytes 0-4 at 20, 5-7 at 10, 8-11 at 0. */
static const struct view_extent extents[] = { { 0, 20, 5 }, { 5, 10, 3 }, { 8, 0, 4 } };

static int make_file(void)
{
	int fd = memfd_create("view", MFD_CLOEXEC);

	check(fd >= 0 && ftruncate(fd, 32) == 0);
	return fd;
}

TEST("a write across extents lands in each of them, and reads back")
{
	cleanup_fd int fd = make_file();
	struct view v = { .fd = fd, .extents = extents, .len = 3 };
	char raw[33] = "", back[13] = "";

	check_int(view_size(&v), 12);
	check_int(view_pwrite(&v, "abcdefghijkl", 12, 0), 0);
	check_int(fs_pread_all(fd, raw, 32, 0), 0);
	check(memcmp(raw, "ijkl", 4) == 0);
	check(memcmp(raw + 10, "fgh", 3) == 0);
	check(memcmp(raw + 20, "abcde", 5) == 0);
	check_int(raw[25], 0);
	check_int(view_pread(&v, back, 6, 4), 0);
	check_str(back, "efghij");
}

TEST("nothing is read, written or zeroed past the end")
{
	cleanup_fd int fd = make_file();
	struct view v = { .fd = fd, .extents = extents, .len = 3 };
	char c = 'x';

	check_int(view_pwrite(&v, &c, 1, 12), -ENOSPC);
	check_int(view_pread(&v, &c, 1, 12), -ENOSPC);
	check_int(view_pwrite(&v, &c, 1, UINT64_MAX), -ENOSPC);
	check_int(view_zero(&v, 4, 9), -ENOSPC);
	check_int(view_pwrite(&v, &c, 0, 12), 0);
	check_int(view_pwrite(&v, &c, 1, 11), 0);
}

TEST("zeroing touches the view's own bytes only")
{
	cleanup_fd int fd = make_file();
	struct view v = { .fd = fd, .extents = extents, .len = 3 };
	char all[32], raw[32];

	memset(all, 'x', sizeof(all));
	check_int(fs_pwrite_all(fd, all, sizeof(all), 0), 0);
	check_int(view_zero(&v, 3, 6), 0);
	check_int(fs_pread_all(fd, raw, 32, 0), 0);
	check(memcmp(raw + 20, "xxx\0\0xx", 7) == 0);
	check(memcmp(raw + 9, "x\0\0\0x", 5) == 0);
	check(memcmp(raw, "\0xxxx", 5) == 0);
}

TEST("a copy leaves holes unwritten")
{
	enum { SIZE = 4 << 20 };
	const struct view_extent one = { 0, 4096, SIZE };
	cleanup_fd int from = memfd_create("from", MFD_CLOEXEC);
	cleanup_fd int to = memfd_create("to", MFD_CLOEXEC);
	struct view v = { .fd = to, .extents = &one, .len = 1 };
	struct ib_error err = IB_ERROR_INIT;
	struct stat st;
	char back[5] = "";

	check(ftruncate(from, SIZE) == 0 && ftruncate(to, SIZE + 4096) == 0);
	check_int(fs_pwrite_all(from, "data", 4, 3 << 20), 0);
	check_int(view_copy_from(&v, from, SIZE, &err), 0);
	check_int(view_pread(&v, back, 4, 3 << 20), 0);
	check_str(back, "data");
	check(fstat(to, &st) == 0 && st.st_blocks * 512 < 1 << 20);
}

TEST_MAIN()
