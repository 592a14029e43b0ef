/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing, listing and finding. Trees are in fs_tree.c. */
#include "support/fs.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Reads to the end of FD, at most MAX bytes. 0 or -errno. */
static int slurp(int fd, size_t max, struct buf *text)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if ((size_t)n > max - text->len)
			return -EFBIG;
		buf_add(text, chunk, (size_t)n);
	}
}

int fs_read_at(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_len,
	       struct ib_error *err)
{
	/* O_NONBLOCK: a FIFO must not hang us before it is refused */
	cleanup_fd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cleanup_buf struct buf text = BUF_INIT;
	struct stat st;
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "stat '%s'", path);
	if (S_ISDIR(st.st_mode))
		return ib_fail_text(err, EISDIR, "'%s' is a directory, expected a file", path);
	if (!S_ISREG(st.st_mode))
		return ib_fail_text(err, EINVAL, "'%s' is not a regular file", path);
	r = slurp(fd, max, &text);
	if (r == -EFBIG)
		return ib_fail_text(err, EFBIG, "'%s' is larger than %zu bytes", path, max);
	if (r < 0)
		return ib_fail(err, -r, "read '%s'", path);
	if (ret_len)
		*ret_len = text.len;
	*ret_text = buf_take(&text);
	return 0;
}

int fs_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int fs_pwrite_all(int fd, const void *data, size_t n, off_t at)
{
	const char *p = data;

	while (n) {
		ssize_t done = pwrite(fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int fs_pread_all(int fd, void *data, size_t n, off_t at)
{
	char *p = data;

	while (n) {
		ssize_t done = pread(fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		p += done;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Makes a new file beside PATH; its name in ret_name. -1 with errno set. */
static int make_beside(int dir_fd, const char *path, char **ret_name)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash + 1 - path) : 0;

	for (unsigned i = 0; i < 10000; i++) {
		cleanup_free char *name =
			ib_xprintf("%.*s.tmp-%d-%u", dir_len, path, (int)getpid(), i);
		int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				0600);

		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd >= 0)
			*ret_name = take_ptr(name);
		return fd;
	}
	return -1;
}

int fs_write_at(int dir_fd, const char *path, const void *data, size_t n, mode_t mode,
		struct ib_error *err)
{
	cleanup_free char *name = NULL;
	cleanup_fd int fd = make_beside(dir_fd, path, &name);
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "create a file beside '%s'", path);
	r = fs_write_all(fd, data, n);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && renameat(dir_fd, name, dir_fd, path) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	(void)unlinkat(dir_fd, name, 0);
	return ib_fail(err, -r, "write '%s'", path);
}

static int make_dir(int dir_fd, const char *path, mode_t mode)
{
	struct stat st;

	if (mkdirat(dir_fd, path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dir_fd, path, &st, 0) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fs_fail_owner(struct ib_error *err, const char *path, long long uid, long long gid)
{
	return errno == EINVAL ? fs_fail_ids(path, uid, gid, err)
			       : ib_fail(err, errno, "give '%s' to %lld:%lld", path, uid, gid);
}

int fs_mkdirs_at(int dir_fd, const char *path, mode_t mode, struct ib_error *err)
{
	cleanup_free char *copy = ib_xstrdup(path);
	char *p = copy;

	while (*p) {
		char end;
		int r;

		p += strspn(p, "/");
		p += strcspn(p, "/");
		if (p == copy)
			break;
		end = *p;
		*p = '\0';
		r = make_dir(dir_fd, copy, mode);
		if (r < 0)
			return ib_fail(err, -r, "make directory '%s'", copy);
		*p = end;
	}
	return 0;
}

static int open_resolved(int root_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		/* the kernel refuses a mode where nothing is made */
		.mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: something was renamed meanwhile, and the kernel could not tell whether a ".."
	 * left */
	for (int i = 0; i < 100; i++) {
		fd = syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

int fs_open_in(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_resolved(root_fd, path, flags, mode, RESOLVE_IN_ROOT);
}

int fs_open_beneath(int root_fd, const char *path, int flags)
{
	return open_resolved(root_fd, path, flags, 0, RESOLVE_BENEATH);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Collects the names of DIR, each with its NUL, in NAMES. 0 or -errno. */
static int collect(DIR *dir, struct buf *names, size_t *ret_len)
{
	for (*ret_len = 0;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		buf_add(names, e->d_name, strlen(e->d_name) + 1);
		++*ret_len;
	}
}

/* One block: the array, its NULL, then the texts. */
static char **pack(const struct buf *names, size_t len)
{
	char **array = ib_xmalloc((len + 1) * sizeof(*array) + names->len);
	char *text = (char *)(array + len + 1);

	if (names->len)
		memcpy(text, names->data, names->len);
	for (size_t i = 0; i < len; i++, text += strlen(text) + 1)
		array[i] = text;
	array[len] = NULL;
	qsort(array, len, sizeof(*array), by_bytes);
	return array;
}

int fs_list(int dir_fd, const char *path, char ***ret_names, size_t *ret_len, struct ib_error *err)
{
	cleanup_fd int fd = openat(dir_fd, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	cleanup_buf struct buf names = BUF_INIT;
	size_t len;
	int r;

	if (!dir)
		return ib_fail(err, errno, "open directory '%s'", path);
	(void)take_fd(&fd); /* the DIR owns it */
	r = collect(dir, &names, &len);
	if (r < 0)
		return ib_fail(err, -r, "list directory '%s'", path);
	*ret_names = pack(&names, len);
	if (ret_len)
		*ret_len = len;
	return 0;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

bool fs_find_program(const char *name, const char *path, char *ret_path, size_t size)
{
	if (strchr(name, '/'))
		return snprintf(ret_path, size, "%s", name) < (int)size && is_program(name);
	while (path && *name) {
		size_t n = strcspn(path, ":");
		int len = snprintf(ret_path, size, "%.*s/%s", n ? (int)n : 1, n ? path : ".", name);

		if (len > 0 && (size_t)len < size && is_program(ret_path))
			return true;
		path = path[n] ? path + n + 1 : NULL;
	}
	return false;
}

char *fs_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	b += strspn(b, "/");
	if (n == 0 || a[n - 1] == '/')
		return ib_xprintf("%s%s", a, b);
	return ib_xprintf("%s/%s", a, b);
}

int fs_make_device(int dir_fd, const char *name, mode_t type, dev_t dev)
{
	cleanup_fd int fd = -1;
	char text[48];

	if (mknodat(dir_fd, name, type | 0600, dev) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	(void)snprintf(text, sizeof(text), "%c %u %u", type == S_IFCHR ? 'c' : 'b', major(dev),
		       minor(dev));
	if (fd < 0 || fsetxattr(fd, "user.imagebuild.dev", text, strlen(text), 0) < 0)
		return -errno;
	return 0;
}

int fs_fail_ids(const char *path, long long uid, long long gid, struct ib_error *err)
{
	return ib_fail_text(err, EINVAL,
			    "'%s' belongs to %lld:%lld, an id beyond those that /etc/subuid and "
			    "/etc/subgid give this user; add more there, or build as root",
			    path, uid, gid);
}
