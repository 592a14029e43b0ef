/* SPDX-License-Identifier: Apache-2.0 */
/* tree_open and tree_bytes, as any user. */
#include "test.h"

#include "support/fs.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <sys/xattr.h>

static char top[] = "/tmp/imagebuild-tree-XXXXXX";
static int top_fd = -1;

static void make_top(void)
{
	memcpy(strrchr(top, '-') + 1, "XXXXXX", 6);
	check(mkdtemp(top) != NULL);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_top(void)
{
	struct ib_error err = IB_ERROR_INIT;

	(void)close(top_fd);
	check_int(fs_remove_at(AT_FDCWD, top, &err), 0);
}

static void make_dir(const char *path)
{
	check_int(mkdirat(top_fd, path, 0755), 0);
}

static int make_file(const char *path, const char *text)
{
	int fd = openat(top_fd, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	check_int(fs_write_all(fd, text, strlen(text)), 0);
	return fd;
}

static struct tree *scan(struct tree_options options)
{
	struct ib_error err = IB_ERROR_INIT;
	struct tree *t = NULL;

	if (tree_open(top_fd, &options, &t, &err) < 0)
		test_fail(__FILE__, __LINE__, "%s", err.text);
	return t;
}

static struct tree_options no_clamp(void)
{
	return (struct tree_options){ .clamp = INT64_MAX };
}

static void list(const struct tree *t, struct buf *out)
{
	for (size_t i = 0; t && i < t->len; i++)
		buf_printf(out, "%s\n", *t->entries[i].path ? t->entries[i].path : ".");
}

static const struct tree_entry *find(const struct tree *t, const char *path)
{
	static const struct tree_entry none;

	for (size_t i = 0; t && i < t->len; i++)
		if (!strcmp(t->entries[i].path, path))
			return &t->entries[i];
	test_fail(__FILE__, __LINE__, "no entry '%s'", path);
	return &none;
}

TEST("entries come parents first and siblings in byte order")
{
	cleanup_tree struct tree *t = NULL;
	cleanup_buf struct buf got = BUF_INIT;

	make_top();
	make_dir("b");
	make_dir("b/sub");
	make_dir("a");
	(void)close(make_file("b/\xff", ""));
	(void)close(make_file("b/Z", ""));
	(void)close(make_file("b/new\nline", ""));
	(void)close(make_file("a-", ""));
	(void)close(make_file("a/x", ""));
	(void)close(make_file("b/sub/y", ""));
	t = scan(no_clamp());
	list(t, &got);
	check_str(got.data, ".\na\na/x\na-\nb\nb/Z\nb/new\nline\nb/sub\nb/sub/y\nb/\xff\n");
	check_str(find(t, "b/sub/y")->name, "y");
	check_str(t->entries[find(t, "b/sub/y")->parent].path, "b/sub");
	check_int(find(t, "b")->parent, 0);
	remove_top();
}

TEST("names of one inode share it, in another directory too")
{
	cleanup_tree struct tree *t = NULL;
	const struct tree_entry *first, *second;

	make_top();
	make_dir("a");
	(void)close(make_file("z", "text"));
	check_int(linkat(top_fd, "z", top_fd, "a/one", 0), 0);
	check_int(linkat(top_fd, "z", top_fd, "b", 0), 0);
	(void)close(make_file("alone", ""));
	t = scan(no_clamp());
	first = find(t, "a/one");
	second = find(t, "z");
	check_int(first->link, first - t->entries);
	check_int(second->link, first->link);
	check_int(find(t, "b")->link, first->link);
	check_int(first->links, 3);
	check_int(second->links, 3);
	check_int(second->size, 4);
	check_int(find(t, "alone")->links, 1);
	check_int(find(t, "a")->links, 1);
	check_int(tree_bytes(t), 4096 * 3); /* two directories and one block of text */
	remove_top();
}

TEST("later times are clamped, earlier ones keep their nanoseconds")
{
	const struct timespec early[] = { { 100, 5 }, { 100, 5 } },
			      late[] = { { 200, 1 }, { 200, 1 } };
	cleanup_tree struct tree *t = NULL;

	make_top();
	(void)close(make_file("early", ""));
	(void)close(make_file("late", ""));
	check_int(utimensat(top_fd, "early", early, 0), 0);
	check_int(utimensat(top_fd, "late", late, 0), 0);
	t = scan((struct tree_options){ .clamp = 200 });
	check_int(find(t, "early")->mtime.tv_sec, 100);
	check_int(find(t, "early")->mtime.tv_nsec, 5);
	check_int(find(t, "late")->mtime.tv_sec, 200);
	check_int(find(t, "late")->mtime.tv_nsec, 0);
	check_int(t->entries[0].mtime.tv_sec, 200);
	remove_top();
}

TEST("an excluded directory stays, empty, and a sub-tree has its own root")
{
	const char *const excluded[] = { "boot/efi", NULL };
	cleanup_tree struct tree *t = NULL, *sub = NULL;
	cleanup_buf struct buf got = BUF_INIT;

	make_top();
	make_dir("boot");
	make_dir("boot/efi");
	make_dir("boot/efi-not");
	(void)close(make_file("boot/efi/x", ""));
	(void)close(make_file("boot/efi-not/y", ""));
	t = scan((struct tree_options){ .clamp = INT64_MAX, .excluded = excluded });
	list(t, &got);
	check_str(got.data, ".\nboot\nboot/efi\nboot/efi-not\nboot/efi-not/y\n");
	sub = scan((struct tree_options){ .clamp = INT64_MAX, .sub = "boot/efi" });
	buf_reset(&got);
	list(sub, &got);
	check_str(got.data, ".\nx\n");
	remove_top();
}

TEST("a stand-in is a device node and its mark is dropped")
{
	cleanup_tree struct tree *t = NULL;
	const struct tree_entry *e;
	int fd;

	make_top();
	fd = make_file("console", "");
	if (fsetxattr(fd, "user.imagebuild.dev", "c 5 1", 5, 0) == 0) {
		check_int(fsetxattr(fd, "user.imagebuild.other", "x", 1, 0), 0);
		check_int(fsetxattr(fd, "user.mine", "y", 1, 0), 0);
		check_int(fsetxattr(fd, "user.also", "", 0, 0), 0);
		t = scan(no_clamp());
		e = find(t, "console");
		check(S_ISCHR(e->mode));
		check_int(e->mode & 07777, 0640);
		check_int(e->major, 5);
		check_int(e->minor, 1);
		check_int(e->xattrs_len, 2);
		check_str(e->xattrs[0].name, "user.also");
		check_int(e->xattrs[0].len, 0);
		check_str(e->xattrs[1].name, "user.mine");
		check_int(tree_bytes(t), 4096);
	}
	(void)close(fd);
	remove_top();
}

TEST("a stand-in that says nonsense is an error")
{
	struct tree_options options = no_clamp();
	struct ib_error err = IB_ERROR_INIT;
	struct tree *t = NULL;
	int fd;

	make_top();
	fd = make_file("console", "");
	if (fsetxattr(fd, "user.imagebuild.dev", "c 5", 3, 0) == 0) {
		check_int(tree_open(top_fd, &options, &t, &err), -EINVAL);
		check(strstr(err.text, "console: xattr user.imagebuild.dev is 'c 5', expected") !=
		      NULL);
	}
	(void)close(fd);
	remove_top();
}

TEST("holes do not count")
{
	cleanup_tree struct tree *t = NULL;
	const struct tree_entry *e;
	int fd;

	make_top();
	fd = make_file("sparse", "");
	check_int(ftruncate(fd, 5LL << 30), 0);
	check_int(fs_pwrite_all(fd, "x", 1, 1 << 20), 0);
	(void)close(fd);
	(void)close(make_file("small", "123"));
	t = scan(no_clamp());
	e = find(t, "sparse");
	check_int(e->size, 5LL << 30);
	check(e->allocated >= 1 && e->allocated <= 65536);
	check_int(find(t, "small")->allocated, 3);
	check(tree_bytes(t) <= 4096 * 2 + 65536);
	remove_top();
}

static void make_deep(int depth)
{
	int fd = fcntl(top_fd, F_DUPFD_CLOEXEC, 3);

	for (int i = 0; i < depth; i++) {
		int next;

		check_int(mkdirat(fd, "deep", 0755), 0);
		next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd);
		fd = next;
	}
	(void)close(openat(fd, "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	(void)close(fd);
}

/* rm -rf of what is deeper than PATH_MAX: the upper half is moved aside piece by piece. */
static void remove_deep(int depth)
{
	struct ib_error err = IB_ERROR_INIT;

	for (int i = 0; i < depth; i += 100) {
		cleanup_buf struct buf path = BUF_INIT;

		for (int j = 0; j < 100; j++)
			buf_str(&path, "deep/");
		path.data[path.len - 1] = '\0';
		(void)renameat(top_fd, path.data, top_fd, "rest");
		check_int(fs_remove_at(top_fd, "deep", &err), 0);
		(void)renameat(top_fd, "rest", top_fd, "deep");
	}
}

TEST("2000 directories in one another are read, and a file at the bottom")
{
	cleanup_tree struct tree *t = NULL;
	const struct tree_entry *last;
	int fd;

	make_top();
	make_deep(2000);
	t = scan(no_clamp());
	check_int(t ? t->len : 0, 2002);
	if (t) {
		last = &t->entries[t->len - 1];
		check_str(last->name, "bottom");
		check_int(strlen(last->path), 2000 * 5 + 6);
		fd = tree_open_file(t, last);
		check(fd >= 0);
		(void)close(fd);
	}
	remove_deep(2000);
	remove_top();
}

TEST("a deeper tree is refused")
{
	struct tree_options options = no_clamp();
	struct ib_error err = IB_ERROR_INIT;
	struct tree *t = NULL;

	make_top();
	make_deep(2001);
	check_int(tree_open(top_fd, &options, &t, &err), -ELOOP);
	check_str(err.text, "the tree is deeper than 2000 directories");
	remove_deep(2001);
	remove_top();
}

TEST_MAIN()
