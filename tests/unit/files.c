/* SPDX-License-Identifier: Apache-2.0 */
/* fs, undo. */
#include "test.h"

#include "support/fs.h"
#include "support/undo.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

static struct ib_error err;

/* A directory of the test's own below the working directory; open. */
static int make_room(char path[64])
{
	(void)snprintf(path, 64, "unit-files-XXXXXX");
	check(mkdtemp(path) != NULL);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void drop_room(const char *path, int fd)
{
	(void)close(fd);
	check_int(fs_remove_at(AT_FDCWD, path, &err), 0);
	check(access(path, F_OK) < 0);
}

static void put(int dir, const char *path, const char *text)
{
	check_int(fs_write_at(dir, path, text, strlen(text), 0644, &err), 0);
}

TEST("what is written is read back, with the exact mode and nothing beside it")
{
	char room[64];
	int dir = make_room(room);
	cleanup_free char *text = NULL;
	cleanup_free char **names = NULL;
	struct stat st;
	size_t n;

	(void)umask(077);
	check_int(fs_write_at(dir, "f", "a\0b", 3, 0664, &err), 0);
	(void)umask(022);
	check_int(fs_read_at(dir, "f", 3, &text, &n, &err), 0);
	check(n == 3 && memcmp(text, "a\0b", 4) == 0);
	check_int(fs_read_at(dir, "f", 2, &text, &n, &err), -EFBIG);
	check(fstatat(dir, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0664);
	check_int(fs_list(dir, ".", &names, &n, &err), 0);
	check_int(n, 1);
	check_int(fs_read_at(dir, "none", 9, &text, &n, &err), -ENOENT);
	check_int(fs_read_at(dir, ".", 9, &text, &n, &err), -EISDIR);
	check(mkfifoat(dir, "fifo", 0600) == 0);
	check_int(fs_read_at(dir, "fifo", 9, &text, &n, &err), -EINVAL);
	check_int(fs_write_at(dir, "no/f", "", 0, 0644, &err), -ENOENT);
	drop_room(room, dir);
}

TEST("directories are made with their parents, and a file in the way is an error")
{
	char room[64];
	int dir = make_room(room);
	struct stat st;

	check_int(fs_mkdirs_at(dir, "a//b/c/", 0755, &err), 0);
	check_int(fs_mkdirs_at(dir, "a/b/c", 0755, &err), 0);
	check_int(fs_mkdirs_at(AT_FDCWD, "/", 0755, &err), 0);
	check(fstatat(dir, "a/b/c", &st, 0) == 0 && S_ISDIR(st.st_mode));
	put(dir, "a/f", "");
	check_int(fs_mkdirs_at(dir, "a/f/x", 0755, &err), -ENOTDIR);
	drop_room(room, dir);
}

TEST("a tree with directories of mode 000 and any depth is removed")
{
	char room[64];
	int dir = make_room(room), at = dup(dir);

	check_int(fs_mkdirs_at(dir, "a/b", 0755, &err), 0);
	put(dir, "a/b/f", "x");
	check(symlinkat("/etc", dir, "a/link") == 0);
	check(fchmodat(dir, "a/b", 0000, 0) == 0);
	check(fchmodat(dir, "a", 0500, 0) == 0);
	for (int i = 0; i < 3000; i++) {
		int below;

		check(mkdirat(at, "deep", 0755) == 0);
		below = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(at);
		at = below;
	}
	(void)close(at);
	check_int(fs_remove_at(dir, "none", &err), 0);
	check_int(fs_remove_at(dir, "a", &err), 0);
	check(faccessat(dir, "a", F_OK, 0) < 0);
	check(access("/etc", F_OK) == 0);
	drop_room(room, dir);
}

TEST("a copy has the modes, times, links, xattrs and holes of its source")
{
	char room[64], target[8] = "";
	int dir = make_room(room);
	const struct timespec times[2] = { { 1, 2 }, { 1000000007, 123456789 } };
	cleanup_fd int fd = -1;
	bool has_xattrs;
	struct stat st;

	check_int(fs_mkdirs_at(dir, "from/sub", 0755, &err), 0);
	put(dir, "from/f", "text");
	fd = openat(dir, "from/f", O_RDWR | O_CLOEXEC);
	has_xattrs = fsetxattr(fd, "user.note", "yes", 3, 0) == 0;
	check(ftruncate(fd, 8 << 20) == 0 && pwrite(fd, "end", 3, 6 << 20) == 3);
	check(fchmod(fd, 04751) == 0 && futimens(fd, times) == 0);
	check(symlinkat("f", dir, "from/link") == 0);
	check(fchmodat(dir, "from/sub", 0555, 0) == 0);
	check(mkdirat(dir, "to", 0700) == 0);
	put(dir, "to/f", "old");
	put(dir, "to/kept", "old");
	check_int(fs_copy_at(dir, "from", dir, "to", &err), 0);
	check(fstatat(dir, "to/f", &st, 0) == 0);
	check_int(st.st_mode & 07777, 04751);
	check_int(st.st_size, 8 << 20);
	check(st.st_blocks * 512 < 4 << 20);
	check(st.st_mtim.tv_sec == 1000000007 && st.st_mtim.tv_nsec == 123456789);
	check(fstatat(dir, "to/sub", &st, 0) == 0 && (st.st_mode & 07777) == 0555);
	check(readlinkat(dir, "to/link", target, sizeof(target)) == 1 && target[0] == 'f');
	check(faccessat(dir, "to/kept", F_OK, 0) == 0);
	(void)close(fd);
	fd = openat(dir, "to/f", O_RDONLY | O_CLOEXEC);
	check(pread(fd, target, 3, 6 << 20) == 3 && memcmp(target, "end", 3) == 0);
	if (has_xattrs)
		check(fgetxattr(fd, "user.note", target, sizeof(target)) == 3);
	put(dir, "file", "");
	check_int(fs_copy_at(dir, "from", dir, "file", &err), -ENOTDIR);
	check_int(fs_copy_at(dir, "file", dir, "to/sub", &err), -EISDIR);
	drop_room(room, dir);
}

TEST("a path cannot leave its root, by a symlink either")
{
	char room[64];
	int dir = make_room(room), fd;

	check_int(fs_mkdirs_at(dir, "root/etc", 0755, &err), 0);
	put(dir, "root/etc/f", "in");
	put(dir, "f", "out");
	check(symlinkat("/etc/f", dir, "root/absolute") == 0);
	check(symlinkat("../f", dir, "root/up") == 0);
	check(symlinkat("etc/f", dir, "root/good") == 0);
	{
		cleanup_fd int root = openat(dir, "root", O_PATH | O_CLOEXEC);

		fd = fs_open_in(root, "absolute", O_RDONLY, 0);
		check(fd >= 0 && close(fd) == 0);
		fd = fs_open_in(root, "/../../etc/f", O_RDONLY, 0);
		check(fd >= 0 && close(fd) == 0);
		check(fs_open_in(root, "up", O_RDONLY, 0) < 0 && errno == ENOENT);
		fd = fs_open_in(root, "new", O_WRONLY | O_CREAT, 0644);
		check(fd >= 0 && close(fd) == 0);
		check(fs_open_beneath(root, "absolute", O_RDONLY) < 0 && errno == EXDEV);
		check(fs_open_beneath(root, "up", O_RDONLY) < 0 && errno == EXDEV);
		check(fs_open_beneath(root, "../f", O_RDONLY) < 0 && errno == EXDEV);
		check(fs_open_beneath(root, "/etc/f", O_RDONLY) < 0 && errno == EXDEV);
		check(fs_open_beneath(root, "none", O_RDONLY) < 0 && errno == ENOENT);
		fd = fs_open_beneath(root, "etc/../good", O_RDONLY);
		check(fd >= 0 && close(fd) == 0);
	}
	drop_room(room, dir);
}

TEST("names are listed in byte order")
{
	char room[64];
	int dir = make_room(room);
	static const char *const want[] = { "B", "a", "b.c", "\303\251", "\377" };
	cleanup_free char **names = NULL;
	size_t n;

	for (size_t i = ARRAY_SIZE(want); i-- > 0;)
		put(dir, want[i], "");
	check_int(fs_list(dir, "", &names, &n, &err), 0);
	check_int(n, ARRAY_SIZE(want));
	for (size_t i = 0; i < n; i++)
		check_str(names[i], want[i]);
	check(names[n] == NULL);
	check_int(fs_list(dir, "a", &names, &n, &err), -ENOTDIR);
	drop_room(room, dir);
}

TEST("a program is found on a path, a file without the execute bit is not")
{
	char room[64], found[256];
	int dir = make_room(room);
	cleanup_free char *path = ib_xprintf("/nonexistent:%s:/usr/bin:/bin", room);
	cleanup_free char *want = ib_xprintf("%s/prog", room);

	check_int(fs_write_at(dir, "prog", "", 0, 0755, &err), 0);
	check_int(fs_write_at(dir, "data", "", 0, 0644, &err), 0);
	check(fs_find_program("prog", path, found, sizeof(found)));
	check_str(found, want);
	check(fs_find_program(want, "", found, sizeof(found)));
	check(fs_find_program("sh", path, found, sizeof(found)));
	check(!fs_find_program("data", path, found, sizeof(found)));
	check(!fs_find_program("no-such-program", path, found, sizeof(found)));
	check(!fs_find_program("prog", path, found, 5));
	drop_room(room, dir);
}

TEST("paths are joined without a doubled slash")
{
	static const char *const rows[][3] = {
		{ "a", "b", "a/b" }, { "a/", "/b", "a/b" }, { "", "b", "b" },
		{ "/", "b", "/b" },  { "a", "", "a/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup_free char *path = fs_join(rows[i][0], rows[i][1]);

		check_str(path, rows[i][2]);
	}
}

static void note(void *arg)
{
	char *log = arg;

	log[strlen(log)] = (char)('0' + strlen(log));
}

TEST("undo unwinds everything once, and removes the trees it was given")
{
	char room[64], log[8] = "";
	int dir = make_room(room);
	cleanup_free char *tree = fs_join(room, "tree");

	check_int(fs_mkdirs_at(dir, "tree/x", 0755, &err), 0);
	{
		cleanup_undo struct undo u = UNDO_INIT;

		undo_push(&u, note, log);
		undo_push_tree(&u, tree);
		undo_push(&u, note, log);
		undo_unwind(&u);
		check_str(log, "01");
	}
	check_str(log, "01");
	check(access(tree, F_OK) < 0);
	drop_room(room, dir);
}

TEST_MAIN()
