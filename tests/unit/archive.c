/* SPDX-License-Identifier: Apache-2.0 */
/* archive_write_tar and archive_extract, as any user. */
#include "test.h"

#include "support/archive.h"
#include "support/fs.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <sys/mman.h>

static int make_temp(char *path)
{
	check(mkdtemp(path) != NULL);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_temp(const char *path)
{
	struct ib_error err = IB_ERROR_INIT;

	check_int(fs_remove_at(AT_FDCWD, path, &err), 0);
}

static void write_file(int dir, const char *path, const void *text, size_t n)
{
	struct ib_error err = IB_ERROR_INIT;

	if (fs_write_at(dir, path, text, n, 0640, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
}

static int tar_of(int dir)
{
	struct tree_options options = { .clamp = 1500000000 };
	struct ib_error err = IB_ERROR_INIT;
	cleanup_tree struct tree *t = NULL;
	int fd = memfd_create("tar", MFD_CLOEXEC);

	if (tree_open(dir, &options, &t, &err) < 0 || archive_write_tar(fd, t, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
	(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

static void describe(int dir, struct buf *out)
{
	struct tree_options options = { .clamp = INT64_MAX };
	struct ib_error err = IB_ERROR_INIT;
	cleanup_tree struct tree *t = NULL;

	if (tree_open(dir, &options, &t, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
	for (size_t i = 0; t && i < t->len; i++) {
		const struct tree_entry *e = &t->entries[i];

		buf_printf(out, "%s %o %u %u %zu %zu %s %lld.%09ld\n", e->path, e->mode, e->link,
			   e->links, (size_t)e->size, (size_t)e->allocated,
			   e->target ? e->target : "-", i ? (long long)e->mtime.tv_sec : 0,
			   i ? e->mtime.tv_nsec : 0);
	}
}

TEST("a tree comes back from a tar: long and odd names, links, holes, times")
{
	const struct timespec times[] = { { 1400000000, 987654321 }, { 1400000000, 987654321 } };
	char from[] = "/tmp/imagebuild-archive-XXXXXX", to[] = "/tmp/imagebuild-archive-XXXXXX";
	cleanup_fd int source = make_temp(from), target = make_temp(to), tar = -1, fd = -1;
	cleanup_buf struct buf want = BUF_INIT, got = BUF_INIT;
	struct ib_error err = IB_ERROR_INIT;
	char name[256] = "";

	memset(name, 'n', 255);
	write_file(source, name, "long", 4);
	check_int(mkdirat(source, "dir", 0755), 0);
	write_file(source, "dir/\xff\n =", "odd", 3);
	check_int(symlinkat("../\xff", source, "dir/link"), 0);
	check_int(symlinkat(name, source, "dir/long link"), 0);
	check_int(linkat(source, name, source, "dir/hard", 0), 0);
	check_int(mkfifoat(source, "fifo", 0600), 0);
	fd = openat(source, "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	check_int(fs_pwrite_all(fd, "end", 3, 9LL << 30), 0);
	check_int(utimensat(source, "sparse", times, 0), 0);
	check_int(utimensat(source, "dir", times, 0), 0);
	for (const char *const *p = (const char *const[]){ "fifo", name, "dir/\xff\n =", "dir/link",
							   "dir/long link", NULL };
	     *p; p++)
		check_int(utimensat(source, *p, times, AT_SYMLINK_NOFOLLOW), 0);
	check_int(utimensat(source, "dir", times, 0), 0);
	tar = tar_of(source);
	check(lseek(tar, 0, SEEK_END) < 1 << 20);
	check_int(lseek(tar, 0, SEEK_END) % 10240, 0);
	(void)lseek(tar, 0, SEEK_SET);
	if (archive_extract(tar, target, NULL, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
	describe(source, &want);
	describe(target, &got);
	check_str(got.data, want.data);
	remove_temp(from);
	remove_temp(to);
}

TEST("owners have the names of the tree's own passwd")
{
	char from[] = "/tmp/imagebuild-archive-XXXXXX";
	cleanup_fd int source = make_temp(from), tar = -1;
	cleanup_buf struct buf text = BUF_INIT;
	char block[512];

	check_int(mkdirat(source, "etc", 0755), 0);
	buf_printf(&text, "broken\n:x:%u:\nfirst:x:%u:0::/:\nsecond:x:%u:0::/:\n", getuid(),
		   getuid(), getuid());
	write_file(source, "etc/passwd", text.data, text.len);
	tar = tar_of(source);
	check_int(fs_pread_all(tar, block, sizeof(block), 0), 0);
	check_str(block, ".");
	check_str(block + 257, "ustar");
	check_str(block + 265, "first");
	check_str(block + 297, "");
	remove_temp(from);
}

TEST("a symlink that was there before does not lead out")
{
	char from[] = "/tmp/imagebuild-archive-XXXXXX", to[] = "/tmp/imagebuild-archive-XXXXXX";
	char out[] = "/tmp/imagebuild-archive-XXXXXX";
	cleanup_fd int source = make_temp(from), target = make_temp(to), outside = make_temp(out),
		       tar = -1;
	struct ib_error err = IB_ERROR_INIT;

	check_int(mkdirat(source, "a", 0755), 0);
	write_file(source, "a/file", "x", 1);
	tar = tar_of(source);
	check_int(symlinkat(out, target, "a"), 0);
	check(archive_extract(tar, target, NULL, &err) < 0);
	check_int(faccessat(outside, "file", F_OK, 0), -1);
	remove_temp(from);
	remove_temp(to);
	remove_temp(out);
}

TEST("what is no archive is refused")
{
	char to[] = "/tmp/imagebuild-archive-XXXXXX";
	cleanup_fd int target = make_temp(to), fd = memfd_create("text", MFD_CLOEXEC);
	struct ib_error err = IB_ERROR_INIT;

	check_int(fs_write_all(fd, "hello\n", 6), 0);
	(void)lseek(fd, 0, SEEK_SET);
	check(archive_extract(fd, target, NULL, &err) < 0);
	check_str(err.text, "read the archive: Unrecognized archive format");
	remove_temp(to);
}

TEST_MAIN()
