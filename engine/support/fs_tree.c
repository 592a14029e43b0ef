/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of files: removed and copied. Removal keeps one descriptor open whatever the depth, since
 * it must cope with anything that a hook left behind; it goes up by ".." and checks where it
 * arrives. */
#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/vec.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

/* Levels that fs_copy_at follows: each holds two descriptors of the 1024 that a process has. */
#define COPY_DEPTH 400

/* A directory on the way down. */
struct level {
	const char *name; /* in its parent */
	dev_t dev;        /* of the parent */
	ino_t ino;
};

struct removal {
	struct arena *arena;
	struct {
		struct level *items;
		size_t len, cap;
	} levels;
	int fd; /* the directory being emptied */
};

/* Opens directory NAME of DIR_FD, with permission to empty it. -1 with errno set. */
static int open_writable(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISDIR(st.st_mode) && (st.st_mode & 0700) != 0700 &&
	    fchmodat(dir_fd, name, 0700, 0) < 0)
		return -1;
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int enter(struct removal *rm, const char *name)
{
	struct level level = { .name = arena_strdup(rm->arena, name) };
	struct stat st;
	int fd;

	if (fstat(rm->fd, &st) < 0)
		return -errno;
	fd = open_writable(rm->fd, name);
	if (fd < 0)
		return -errno;
	level.dev = st.st_dev;
	level.ino = st.st_ino;
	vec_push(rm->arena, &rm->levels, level);
	(void)close(rm->fd);
	rm->fd = fd;
	return 0;
}

/* Goes up and removes the directory that is empty now. */
static int leave(struct removal *rm)
{
	struct level level = rm->levels.items[--rm->levels.len];
	int fd = openat(rm->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	(void)close(rm->fd);
	rm->fd = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != level.dev || st.st_ino != level.ino)
		return -EXDEV; /* moved meanwhile: do not go on elsewhere */
	return unlinkat(fd, level.name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* Removes all entries of the current directory up to the first one that is a directory with
 * something in it, and enters that. 1: entered one; 0: the directory is empty. */
static int empty(struct removal *rm)
{
	cleanup_fd int fd = openat(rm->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	for (;;) {
		struct dirent *e;
		int r;

		errno = 0;
		e = readdir(dir);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(rm->fd, e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM)
			return -errno;
		if (unlinkat(rm->fd, e->d_name, AT_REMOVEDIR) == 0)
			continue;
		if (errno == ENOTDIR)
			return -EPERM; /* a file that unlinkat refused */
		r = enter(rm, e->d_name);
		return r < 0 ? r : 1;
	}
}

static int remove_below(struct removal *rm)
{
	for (;;) {
		int r = empty(rm);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (rm->levels.len == 0)
			return 0;
		r = leave(rm);
		if (r < 0)
			return r;
	}
}

int fs_remove_at(int dir_fd, const char *path, struct ib_error *err)
{
	cleanup_arena struct arena *arena = arena_new();
	struct removal rm = { .arena = arena };
	int r;

	if (unlinkat(dir_fd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return ib_fail(err, errno, "remove '%s'", path);
	rm.fd = open_writable(dir_fd, path);
	if (rm.fd < 0)
		return ib_fail(err, errno == ENOTDIR ? EPERM : errno, "remove '%s'", path);
	r = remove_below(&rm);
	(void)close(rm.fd);
	if (r < 0)
		return ib_fail(err, -r, "remove what is in '%s'", path);
	if (unlinkat(dir_fd, path, AT_REMOVEDIR) < 0)
		return ib_fail(err, errno, "remove directory '%s'", path);
	return 0;
}

static bool is_data(int fd, off_t at, off_t end, off_t *ret_start, off_t *ret_end)
{
	off_t start = lseek(fd, at, SEEK_DATA);

	*ret_start = at;
	*ret_end = end;
	if (start < 0)
		return errno != ENXIO; /* ENXIO: only a hole is left; else the file cannot tell */
	if (start >= end)
		return false;
	*ret_start = start;
	*ret_end = lseek(fd, start, SEEK_HOLE);
	if (*ret_end < 0 || *ret_end > end)
		*ret_end = end;
	return true;
}

/* Copies N bytes with a buffer, for descriptors between which the kernel cannot. */
static int copy_by_hand(int from_fd, off_t from, int to_fd, off_t to, size_t n)
{
	char chunk[65536];

	while (n) {
		size_t want = n < sizeof(chunk) ? n : sizeof(chunk);
		ssize_t got = pread(from_fd, chunk, want, from);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno
				       : 0; /* the file became shorter: the rest is a hole */
		r = fs_pwrite_all(to_fd, chunk, (size_t)got, to);
		if (r < 0)
			return r;
		from += got;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

static int copy_range(int from_fd, off_t from, int to_fd, off_t to, size_t n)
{
	while (n) {
		ssize_t done = copy_file_range(from_fd, &from, to_fd, &to, n, 0);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == ENOSPC)
			return -ENOSPC;
		if (done <= 0)
			return copy_by_hand(from_fd, from, to_fd, to, n);
		n -= (size_t)done;
	}
	return 0;
}

int fs_copy_sparse(int from_fd, off_t from_at, int to_fd, off_t to_at, uint64_t n,
		   struct ib_error *err)
{
	off_t end = from_at + (off_t)n, start, stop;

	for (off_t at = from_at; at < end && is_data(from_fd, at, end, &start, &stop); at = stop) {
		int r = copy_range(from_fd, start, to_fd, to_at + (start - from_at),
				   (size_t)(stop - start));

		if (r < 0)
			return ib_fail(err, -r, "copy %lld bytes", (long long)(stop - start));
	}
	return 0;
}

/* One extended attribute. What the target cannot hold or we may not set is left out, as cp -a does.
 */
static int copy_xattr(int from_fd, int to_fd, const char *name)
{
	ssize_t size = fgetxattr(from_fd, name, NULL, 0);
	cleanup_free char *value = NULL;

	if (size < 0)
		return errno == ENODATA || errno == EPERM || errno == EACCES ? 0 : -errno;
	value = ib_xmalloc((size_t)size);
	size = fgetxattr(from_fd, name, value, (size_t)size);
	if (size < 0)
		return -errno;
	if (fsetxattr(to_fd, name, value, (size_t)size, 0) < 0 && errno != EPERM &&
	    errno != EOPNOTSUPP && errno != EACCES && errno != EINVAL)
		return -errno;
	return 0;
}

int fs_copy_xattrs(int from_fd, int to_fd)
{
	ssize_t size = flistxattr(from_fd, NULL, 0);
	cleanup_free char *names = NULL;

	if (size <= 0)
		return size < 0 && errno != EOPNOTSUPP ? -errno : 0;
	names = ib_xmalloc((size_t)size);
	size = flistxattr(from_fd, names, (size_t)size);
	if (size < 0)
		return -errno;
	for (const char *p = names; p < names + size; p += strlen(p) + 1) {
		int r = copy_xattr(from_fd, to_fd, p);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Owner first: a change of owner clears the set-id bits and capabilities. Times last. */
static int copy_attributes(int from_fd, int to_fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(to_fd, st->st_uid, st->st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	if (fchmod(to_fd, st->st_mode & 07777) < 0)
		return -errno;
	r = fs_copy_xattrs(from_fd, to_fd);
	if (r < 0)
		return r;
	return futimens(to_fd, times) < 0 ? -errno : 0;
}

/* Where an entry comes from and goes to. */
struct copy {
	int from_dir, to_dir;
	const char *from, *to;
	struct stat st;
};

static int copy_file(const struct copy *c, struct ib_error *err)
{
	cleanup_fd int from_fd = openat(c->from_dir, c->from,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	cleanup_fd int to_fd = -1;
	int r;

	if (from_fd < 0)
		return ib_fail(err, errno, "open '%s'", c->from);
	to_fd = openat(c->to_dir, c->to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0600);
	if (to_fd < 0)
		return ib_fail(err, errno, "create '%s'", c->to);
	if (ftruncate(to_fd, c->st.st_size) < 0)
		return ib_fail(err, errno, "size '%s'", c->to);
	r = fs_copy_sparse(from_fd, 0, to_fd, 0, (uint64_t)c->st.st_size, err);
	if (r < 0)
		return ib_wrap(err, "write '%s'", c->to);
	r = copy_attributes(from_fd, to_fd, &c->st);
	return r < 0 ? ib_fail(err, -r, "set the attributes of '%s'", c->to) : 0;
}

static int copy_link(const struct copy *c, struct ib_error *err)
{
	char target[4096];
	ssize_t n = readlinkat(c->from_dir, c->from, target, sizeof(target));

	if (n < 0 || (size_t)n == sizeof(target))
		return ib_fail(err, n < 0 ? errno : ENAMETOOLONG, "read link '%s'", c->from);
	target[n] = '\0';
	if (symlinkat(target, c->to_dir, c->to) < 0)
		return ib_fail(err, errno, "make link '%s'", c->to);
	return 0;
}

static int copy_node(const struct copy *c, struct ib_error *err)
{
	if (mknodat(c->to_dir, c->to, c->st.st_mode, c->st.st_rdev) < 0)
		return ib_fail(err, errno, "make node '%s'", c->to);
	if (fchmodat(c->to_dir, c->to, c->st.st_mode & 07777, 0) < 0)
		return ib_fail(err, errno, "set the mode of '%s'", c->to);
	return 0;
}

/* Links and nodes have no descriptor to set attributes through. */
static int copy_special(const struct copy *c, struct ib_error *err)
{
	const struct timespec times[2] = { c->st.st_atim, c->st.st_mtim };
	int r;

	if (S_ISSOCK(c->st.st_mode))
		return 0;
	r = S_ISLNK(c->st.st_mode) ? copy_link(c, err) : copy_node(c, err);
	if (r < 0)
		return r;
	if (fchownat(c->to_dir, c->to, c->st.st_uid, c->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EPERM && errno != EINVAL)
		return ib_fail(err, errno, "set the owner of '%s'", c->to);
	if (utimensat(c->to_dir, c->to, times, AT_SYMLINK_NOFOLLOW) < 0)
		return ib_fail(err, errno, "set the times of '%s'", c->to);
	return 0;
}

static int copy_entry(int from_dir, const char *from, int to_dir, const char *to, int depth,
		      struct ib_error *err);

static int copy_dir(const struct copy *c, int depth, struct ib_error *err)
{
	cleanup_fd int from_fd =
		openat(c->from_dir, c->from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_fd int to_fd = -1;
	cleanup_free char **names = NULL;
	int r;

	if (depth == COPY_DEPTH)
		return ib_fail_text(err, ELOOP, "'%s' lies deeper than %d directories", c->from,
				    COPY_DEPTH);
	if (from_fd < 0)
		return ib_fail(err, errno, "open directory '%s'", c->from);
	if (mkdirat(c->to_dir, c->to, 0700) < 0 && errno != EEXIST)
		return ib_fail(err, errno, "make directory '%s'", c->to);
	to_fd = openat(c->to_dir, c->to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to_fd < 0)
		return ib_fail(err, errno, "open directory '%s'", c->to);
	r = fs_list(from_fd, ".", &names, NULL, err);
	if (r < 0)
		return ib_wrap(err, "copy '%s'", c->from);
	for (char **name = names; *name; name++) {
		r = copy_entry(from_fd, *name, to_fd, *name, depth + 1, err);
		if (r < 0)
			return r;
	}
	r = copy_attributes(from_fd, to_fd, &c->st);
	return r < 0 ? ib_fail(err, -r, "set the attributes of '%s'", c->to) : 0;
}

static int copy_entry(int from_dir, const char *from, int to_dir, const char *to, int depth,
		      struct ib_error *err)
{
	struct copy c = { .from_dir = from_dir, .from = from, .to_dir = to_dir, .to = to };

	if (fstatat(from_dir, from, &c.st, AT_SYMLINK_NOFOLLOW) < 0)
		return ib_fail(err, errno, "stat '%s'", from);
	if (S_ISDIR(c.st.st_mode))
		return copy_dir(&c, depth, err);
	if (unlinkat(to_dir, to, 0) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "replace '%s'", to);
	if (S_ISREG(c.st.st_mode))
		return copy_file(&c, err);
	return copy_special(&c, err);
}

int fs_copy_at(int from_dir, const char *from, int to_dir, const char *to, struct ib_error *err)
{
	return copy_entry(from_dir, *from ? from : ".", to_dir, *to ? to : ".", 0, err);
}
