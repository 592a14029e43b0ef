/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "output/output.h"
#include "support/fs.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

static char dir[] = "/tmp/output-test-XXXXXX";
static int dir_fd = -1;

static void open_dir(void)
{
	if (dir_fd < 0 && mkdtemp(dir))
		dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(dir_fd >= 0);
}

static size_t count_names(void)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char **names = NULL;
	size_t n = 0;

	check_int(fs_list(dir_fd, ".", &names, &n, &err), 0);
	return n;
}

static char *read_name(const char *name)
{
	struct ib_error err = IB_ERROR_INIT;
	char *text = NULL;

	check_int(fs_read_at(dir_fd, name, 4096, &text, NULL, &err), 0);
	return text;
}

TEST("a file has no name until it is published, then the one asked for alone")
{
	struct ib_error err = IB_ERROR_INIT;
	struct output_file f;
	cleanup_free char *path = NULL;

	open_dir();
	path = fs_join(dir, "disk.raw");
	check_int(output_open(path, &f, &err), 0);
	check_int(fs_write_all(f.fd, "abc", 3), 0);
	check_int(count_names(), 0);
	check_int(output_publish(&f, path, false, false, &err), 0);
	output_drop(&f);
	check_int(count_names(), 1);
	cleanup_free char *text = read_name("disk.raw");

	check_str(text, "abc");
}

TEST("publishing replaces an existing file and writes the checksums that coreutils would")
{
	struct ib_error err = IB_ERROR_INIT;
	struct output_file f;
	cleanup_free char *path = NULL, *want = NULL;

	open_dir();
	path = fs_join(dir, "disk.raw");
	check_int(output_open(path, &f, &err), 0);
	check_int(fs_write_all(f.fd, "hello\n", 6), 0);
	check_int(output_publish(&f, path, true, true, &err), 0);
	output_drop(&f);
	check_int(count_names(), 3);
	cleanup_free char *text = read_name("disk.raw"), *md5 = read_name("disk.raw.md5"),
			  *sha256 = read_name("disk.raw.sha256");

	check_str(text, "hello\n");
	want = ib_xprintf("b1946ac92492d2347c6235b4d2611184  %s\n", path);
	check_str(md5, want);
	free(want);
	want = ib_xprintf("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  %s\n",
			  path);
	check_str(sha256, want);
}

TEST("a dropped file leaves nothing")
{
	struct ib_error err = IB_ERROR_INIT;
	struct output_file f;
	size_t before;
	cleanup_free char *path = NULL;

	open_dir();
	before = count_names();
	path = fs_join(dir, "other.raw");
	check_int(output_open(path, &f, &err), 0);
	check_int(fs_write_all(f.fd, "abc", 3), 0);
	output_drop(&f);
	output_drop(&f);
	check_int(count_names(), before);
}

TEST("a path without a directory or a name is an error that says the path")
{
	struct ib_error err = IB_ERROR_INIT;
	struct output_file f;

	check_int(output_open("/nonexistent/there/x.raw", &f, &err), -ENOENT);
	check(strstr(err.text, "/nonexistent/there/x.raw") != NULL);
	check_int(output_open("/tmp/", &f, &err), -EINVAL);
}

TEST("the formats are the rows of formats.def")
{
	static const struct {
		const char *name, *suffix;
		bool is_later;
	} want[] = {
#define FORMAT(name, suffix) { #name, suffix, false },
#define FORMAT_QEMU(name, suffix) { #name, suffix, false },
#define FORMAT_LATER(name, suffix) { #name, suffix, true },
#include <imagebuild/formats.def>
	};

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct output_format *f = output_find(want[i].name);

		check(f != NULL);
		if (!f)
			continue;
		check_str(f->suffix, want[i].suffix);
		check_int(f->is_later, want[i].is_later);
		check_int(f->write == NULL, want[i].is_later);
	}
	check(output_find("floppy") == NULL);
	check(!output_find("tar")->needs_disk && output_find("raw")->needs_disk);
}

static int convert(const char *format, int from, bool is_uncompressed,
		   const struct ib_op_output *op)
{
	struct ib_error err = IB_ERROR_INIT;
	const struct output_format *f = output_find(format);
	struct output_job job = { .raw_fd = from, .op = op, .is_uncompressed = is_uncompressed };
	int fd;

	open_dir();
	fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	check(fd >= 0);
	check_int(f->write(&job, f, fd, &err), 0);
	check_str(err.text, "");
	return fd;
}

/* 8 MiB with text in two places. */
static int make_raw(void)
{
	int fd;

	open_dir();
	fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	check(ftruncate(fd, 8 << 20) == 0);
	check_int(fs_pwrite_all(fd, "begin", 5, 0), 0);
	for (int i = 0; i < 4096; i++)
		check_int(fs_pwrite_all(fd, "the same words", 14, (4 << 20) + 14 * i), 0);
	return fd;
}

TEST("raw is the same bytes, sparse")
{
	cleanup_fd int from = make_raw();
	cleanup_fd int to = convert("raw", from, false, NULL);
	char text[15] = "";
	struct stat st;

	check(fstat(to, &st) == 0);
	check_int(st.st_size, 8 << 20);
	check(st.st_blocks * 512 < 2 << 20);
	check_int(fs_pread_all(to, text, 14, (4 << 20) + 14), 0);
	check_str(text, "the same words");
}

static uint64_t qcow2_size(int fd)
{
	uint64_t size = 0;
	char magic[4];

	check_int(fs_pread_all(fd, magic, 4, 0), 0);
	check(memcmp(magic, "QFI\xfb", 4) == 0);
	check_int(fs_pread_all(fd, &size, 8, 24), 0);
	return be64toh(size);
}

TEST("qcow2 is written to an unnamed file, compressed unless that is refused, the same each time")
{
	char path[4096];

	if (!fs_find_program("qemu-img", getenv("PATH"), path, sizeof(path)))
		return;
	struct ib_pair option = { .key = "cluster_size", .value = "131072" };
	struct ib_op_output op = { .options = { &option, 1, 1 } };
	cleanup_fd int from = make_raw();
	cleanup_fd int small = convert("qcow2", from, false, NULL);
	cleanup_fd int again = convert("qcow2", from, false, NULL);
	cleanup_fd int large = convert("qcow2", from, true, &op);
	struct stat a, b, c;
	uint32_t cluster_bits = 0;

	check_int(qcow2_size(small), 8 << 20);
	check(fstat(small, &a) == 0 && fstat(again, &b) == 0 && fstat(large, &c) == 0);
	check_int(a.st_size, b.st_size);
	check(a.st_size < c.st_size);
	check_int(fs_pread_all(large, &cluster_bits, 4, 20), 0);
	check_int(be32toh(cluster_bits), 17);
	cleanup_free char *x = ib_xmalloc((size_t)a.st_size), *y = ib_xmalloc((size_t)a.st_size);

	check_int(fs_pread_all(small, x, (size_t)a.st_size, 0), 0);
	check_int(fs_pread_all(again, y, (size_t)a.st_size, 0), 0);
	check(memcmp(x, y, (size_t)a.st_size) == 0);
}

static int remove_dir(void)
{
	struct ib_error err = IB_ERROR_INIT;

	return dir_fd >= 0 ? fs_remove_at(AT_FDCWD, dir, &err) : 0;
}

int main(void)
{
	int failed = test_main();

	return remove_dir() < 0 || failed;
}
