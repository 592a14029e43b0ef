/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacks archives through libarchive. Every path is resolved by the kernel beneath the directory,
 * so that neither "..", nor an absolute name, nor a symlink of the archive leads out of it. */
#include "support/archive.h"

#include "support/fs.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define PIECE (1u << 20)
#define LINKS_MAX 8 /* of a member that is a link to a link */
#define WHITEOUT ".wh."
#define OPAQUE ".wh..opq" /* behind WHITEOUT */

/* A directory whose mode and times wait until its content is there. */
struct late {
	char *path;
	mode_t mode;
	struct timespec mtime;
};

struct unpacker {
	struct archive *archive;
	struct archive_entry *entry;
	const struct archive_options *options;
	int dir_fd;
	struct late *late;
	size_t late_len, late_cap;
	struct ib_error *err;
};

static void unpacker_release(struct unpacker *u)
{
	for (size_t i = 0; i < u->late_len; i++)
		free(u->late[i].path);
	free(u->late);
	if (u->archive)
		(void)archive_read_free(u->archive);
}
#define cleanup_unpacker __attribute__((cleanup(unpacker_release)))

/* The parent directory of a member, and its last component. */
struct target {
	char *path; /* relative, without "." parts */
	int parent_fd;
	const char *name;
};

static void target_release(struct target *t)
{
	free(t->path);
	ib_cleanup_fd(&t->parent_fd);
}
#define cleanup_target __attribute__((cleanup(target_release)))

static int fail_read(struct unpacker *u)
{
	const char *text = archive_error_string(u->archive);
	int code = archive_errno(u->archive);

	return ib_fail_text(u->err, code > 0 ? code : EINVAL, "read the archive: %s",
			    text ? text : "it is damaged");
}

/* "./a//b/" becomes "a/b", "/" and "." become "". NULL: a part is "..". */
static char *clean_path(const char *path)
{
	cleanup_buf struct buf out = BUF_INIT;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2))
			return NULL;
		if (n && !(n == 1 && *path == '.')) {
			if (out.len)
				buf_char(&out, '/');
			buf_add(&out, path, n);
		}
		path += n + (path[n] == '/');
	}
	return out.data ? buf_take(&out) : ib_xstrdup("");
}

static int open_below(const struct unpacker *u, const char *path, int flags)
{
	return u->options->is_root ? fs_open_in(u->dir_fd, path, flags, 0)
				   : fs_open_beneath(u->dir_fd, path, flags);
}

/* Opens the directory PATH beneath dir_fd, and makes what is missing of it. */
static int open_parent(struct unpacker *u, const char *path)
{
	cleanup_free char *part = ib_xstrdup(path);
	size_t length = strlen(path), at = 0;
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = *path ? open_below(u, path, flags) : openat(u->dir_fd, ".", flags);

	while (fd < 0 && errno == ENOENT && at < length) {
		at += strcspn(path + at + 1, "/") + 1;
		part[at] = '\0';
		fd = open_below(u, part, flags);
		if (fd < 0 && errno == ENOENT) {
			cleanup_fd int up = -1;
			char *slash = strrchr(part, '/');

			if (slash)
				*slash = '\0';
			up = slash ? open_below(u, part, flags) : openat(u->dir_fd, ".", flags);
			if (slash)
				*slash = '/';
			if (up < 0 || mkdirat(up, slash ? slash + 1 : part, 0755) < 0)
				return -errno;
			fd = open_below(u, part, flags);
		}
		if (fd >= 0 && at < length) {
			(void)close(fd);
			fd = -1;
			errno = ENOENT;
		}
		part[at] = path[at];
	}
	return fd < 0 ? -errno : fd;
}

/* PATH from below what the patterns match, NULL where they do not match it; "" is the matched
 * directory itself. */
static const char *picked(const char *patterns, const char *path)
{
	for (const char *p = patterns ? patterns : ""; *p;) {
		size_t n = strcspn(p, "/"), k = strcspn(path, "/");
		cleanup_free char *pattern = ib_xprintf("%.*s", (int)n, p);
		cleanup_free char *part = ib_xprintf("%.*s", (int)k, path);

		p += n + (p[n] == '/');
		if (n == 0 || strcmp(pattern, ".") == 0)
			continue;
		if (k == 0 || fnmatch(pattern, part, FNM_PERIOD) != 0)
			return NULL;
		path += k + (path[k] == '/');
	}
	return path;
}

/* 1, or 0 where the member is not among those wanted. */
static int find_target(struct unpacker *u, const char *member, struct target *ret_target)
{
	cleanup_free char *whole = clean_path(member);
	const char *wanted = whole ? picked(u->options->below, whole) : NULL;
	cleanup_free char *path = wanted ? ib_xstrdup(wanted) : NULL;
	cleanup_free char *parent = NULL;
	char *slash;
	int fd;

	if (!whole)
		return ib_fail_text(u->err, EXDEV, "unpack '%s': the member leaves the directory",
				    member);
	if (!path)
		return 0;
	parent = ib_xstrdup(path);
	slash = strrchr(parent, '/');
	*(slash ? slash : parent) = '\0';
	fd = open_parent(u, parent);
	if (fd == -EXDEV || fd == -ELOOP)
		return ib_fail_text(u->err, EXDEV,
				    "unpack '%s': a link in its path leaves the directory", member);
	if (fd < 0)
		return ib_fail(u->err, -fd, "unpack '%s'", member);
	ret_target->parent_fd = fd;
	ret_target->name = slash ? path + (slash - parent) + 1 : path;
	ret_target->path = take_ptr(path);
	return 1;
}

static int write_data(struct unpacker *u, int fd)
{
	const void *data;
	size_t n;
	int64_t at;
	int r;

	while ((r = archive_read_data_block(u->archive, &data, &n, &at)) == ARCHIVE_OK) {
		int w = fs_pwrite_all(fd, data, n, at);

		if (w < 0)
			return ib_fail(u->err, -w, "write '%s'", archive_entry_pathname(u->entry));
	}
	if (r != ARCHIVE_EOF)
		return fail_read(u);
	if (ftruncate(fd, archive_entry_size(u->entry)) < 0)
		return ib_fail(u->err, errno, "set the size of '%s'",
			       archive_entry_pathname(u->entry));
	return 0;
}

static int fail_make(struct unpacker *u)
{
	return ib_fail(u->err, errno, "unpack '%s'", archive_entry_pathname(u->entry));
}

static int made(struct unpacker *u, int result)
{
	return result < 0 ? fail_make(u) : 0;
}

static int make_file(struct unpacker *u, const struct target *t)
{
	cleanup_fd int fd = openat(t->parent_fd, t->name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? fail_make(u) : write_data(u, fd);
}

static int make_device(struct unpacker *u, const struct target *t, mode_t type)
{
	int r = fs_make_device(t->parent_fd, t->name, type, archive_entry_rdev(u->entry));

	return r < 0 ? ib_fail(u->err, -r, "unpack '%s'", t->path) : 0;
}

static int make_hard_link(struct unpacker *u, const struct target *t, const char *to)
{
	cleanup_target struct target from = { .parent_fd = -1 };
	int r = find_target(u, to, &from);

	if (r == 0)
		return ib_fail_text(u->err, ENOENT,
				    "unpack '%s': its link leads to '%s', which is "
				    "not unpacked",
				    t->path, to);
	if (r < 0)
		return r;
	return made(u, linkat(from.parent_fd, from.name, t->parent_fd, t->name, 0));
}

static int make_symlink(struct unpacker *u, const struct target *t)
{
	const char *to = archive_entry_symlink(u->entry);

	return made(u, symlinkat(to ? to : "", t->parent_fd, t->name)); /* "" is refused */
}

static int make_dir(struct unpacker *u, const struct target *t)
{
	struct stat st;

	if (!*t->name || mkdirat(t->parent_fd, t->name, 0700) == 0)
		return 0;
	if (errno == EEXIST && fstatat(t->parent_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		return 0;
	if (u->options->is_root)
		return made(u, unlinkat(t->parent_fd, t->name, 0) < 0
				       ? -1
				       : mkdirat(t->parent_fd, t->name, 0700));
	errno = EEXIST;
	return fail_make(u);
}

static int clear(struct unpacker *u, const struct target *t)
{
	if (unlinkat(t->parent_fd, t->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR && u->options->is_root)
		return fs_remove_at(t->parent_fd, t->name, u->err);
	return fail_make(u);
}

static int make(struct unpacker *u, const struct target *t)
{
	mode_t type = archive_entry_filetype(u->entry);
	int r;

	if (type == S_IFDIR)
		return make_dir(u, t);
	r = clear(u, t);
	if (r < 0)
		return r;
	if (archive_entry_hardlink(u->entry))
		return make_hard_link(u, t, archive_entry_hardlink(u->entry));
	switch (type) {
	case S_IFREG:
		return make_file(u, t);
	case S_IFLNK:
		return make_symlink(u, t);
	case S_IFCHR:
	case S_IFBLK:
		return make_device(u, t, type);
	case S_IFIFO:
		return made(u, mkfifoat(t->parent_fd, t->name, 0600));
	default:
		return 0; /* a socket */
	}
}

static void put_le(struct buf *b, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_char(b, (char)(value >> (8 * i)));
}

/* The kernel's form of an ACL; libarchive gives the entries in no promised order, the kernel wants
 * them by tag and id. */
static void add_acl_entries(struct archive_entry *e, int type, int tag, uint32_t kernel_tag,
			    struct buf *acl)
{
	int got_type, mode, got_tag, id;
	const char *name;

	(void)archive_entry_acl_reset(e, type);
	while (archive_entry_acl_next(e, type, &got_type, &mode, &got_tag, &id, &name) ==
	       ARCHIVE_OK) {
		if (got_tag != tag)
			continue;
		put_le(acl, kernel_tag, 2);
		put_le(acl, (uint32_t)mode, 2);
		put_le(acl, kernel_tag & 0x0a ? (uint32_t)id : UINT32_MAX, 4);
	}
}

static int set_acl(struct unpacker *u, const char *path, int type, const char *xattr)
{
	static const struct {
		int tag;
		uint32_t kernel_tag;
	} tags[] = {
		{ ARCHIVE_ENTRY_ACL_USER_OBJ, 0x01 },  { ARCHIVE_ENTRY_ACL_USER, 0x02 },
		{ ARCHIVE_ENTRY_ACL_GROUP_OBJ, 0x04 }, { ARCHIVE_ENTRY_ACL_GROUP, 0x08 },
		{ ARCHIVE_ENTRY_ACL_MASK, 0x10 },      { ARCHIVE_ENTRY_ACL_OTHER, 0x20 },
	};
	cleanup_buf struct buf acl = BUF_INIT;

	if (!(archive_entry_acl_types(u->entry) & type))
		return 0;
	put_le(&acl, 2, 4);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		add_acl_entries(u->entry, type, tags[i].tag, tags[i].kernel_tag, &acl);
	return lsetxattr(path, xattr, acl.data, acl.len, 0);
}

static int set_xattrs(struct unpacker *u, const struct target *t)
{
	char path[64 + NAME_MAX];
	const char *name;
	const void *value;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", t->parent_fd, t->name);
	(void)archive_entry_xattr_reset(u->entry);
	while (archive_entry_xattr_next(u->entry, &name, &value, &n) == ARCHIVE_OK) {
		if (lsetxattr(path, name, value, n, 0) == 0)
			continue;
		/* trusted.* needs the real root; what the file system lacks is lost in any case */
		if (errno != EPERM && errno != EOPNOTSUPP)
			return ib_fail(u->err, errno, "set xattr %s of '%s'", name, t->path);
	}
	if (set_acl(u, path, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access") < 0 ||
	    set_acl(u, path, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default") < 0)
		return ib_fail(u->err, errno, "set the ACL of '%s'", t->path);
	return 0;
}

/* Where there is an ACL, the group's bits of the mode are its mask; libarchive says the group's
 * own. */
static mode_t mode_of(struct archive_entry *e)
{
	mode_t mode = archive_entry_perm(e);
	int type, bits, tag, id;
	const char *name;

	(void)archive_entry_acl_reset(e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
	while (archive_entry_acl_next(e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, &type, &bits, &tag, &id,
				      &name) == ARCHIVE_OK)
		if (tag == ARCHIVE_ENTRY_ACL_MASK)
			mode = (mode & ~(mode_t)070) | (mode_t)(bits & 7) << 3;
	return mode;
}

static struct timespec mtime_of(struct archive_entry *e)
{
	return (struct timespec){ .tv_sec = archive_entry_mtime(e),
				  .tv_nsec = archive_entry_mtime_nsec(e) };
}

static int set_mtime(int dir_fd, const char *name, struct timespec mtime)
{
	const struct timespec times[] = { mtime, mtime };

	return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW);
}

static void put_late(struct unpacker *u, const struct target *t)
{
	if (u->late_len == u->late_cap) {
		u->late_cap = u->late_cap ? u->late_cap * 2 : 64;
		u->late = ib_xrealloc(u->late, u->late_cap * sizeof(*u->late));
	}
	u->late[u->late_len++] = (struct late){
		.path = ib_xstrdup(t->path),
		.mode = mode_of(u->entry),
		.mtime = mtime_of(u->entry),
	};
}

/* Owner before mode and capabilities, which a change of owner clears; the ACL before the mode,
 * which holds the bits that an ACL lacks. */
static int set_attributes(struct unpacker *u, const struct target *t)
{
	const char *name = *t->name ? t->name : ".";
	mode_t type = archive_entry_filetype(u->entry);
	const struct archive_options *o = u->options;
	long long uid = o->has_owner ? o->uid : archive_entry_uid(u->entry);
	long long gid = o->has_owner ? o->gid : archive_entry_gid(u->entry);
	int r;

	if (fchownat(t->parent_fd, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fs_fail_owner(u->err, t->path, uid, gid);
	r = set_xattrs(u, t);
	if (r < 0)
		return r;
	if (type == S_IFDIR) {
		put_late(u, t);
		return 0;
	}
	if (type != S_IFLNK && fchmodat(t->parent_fd, name, mode_of(u->entry), 0) < 0)
		return ib_fail(u->err, errno, "set the mode of '%s'", t->path);
	if (set_mtime(t->parent_fd, name, mtime_of(u->entry)) < 0)
		return ib_fail(u->err, errno, "set the time of '%s'", t->path);
	return 0;
}

/* The name behind ".wh." where PATH is a whiteout, else NULL. */
static const char *whiteout_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return strncmp(name, WHITEOUT, sizeof(WHITEOUT) - 1) == 0 ? name + sizeof(WHITEOUT) - 1
								  : NULL;
}

static int empty_dir(struct unpacker *u, int dir_fd)
{
	char **names = NULL;
	size_t n = 0;
	int r = fs_list(dir_fd, ".", &names, &n, u->err);

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = fs_remove_at(dir_fd, names[i], u->err);
	free(names);
	return r;
}

static int apply_whiteout(struct unpacker *u)
{
	const char *path = archive_entry_pathname(u->entry);
	const char *name = path ? whiteout_of(path) : NULL;
	cleanup_free char *parent = NULL;
	cleanup_fd int fd = -1;
	char *slash;

	if (!name)
		return 0;
	parent = clean_path(path);
	if (!parent || !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return ib_fail_text(u->err, EINVAL, "unpack '%s': the whiteout names nothing",
				    path);
	slash = strrchr(parent, '/');
	*(slash ? slash : parent) = '\0';
	fd = open_below(u, *parent ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : fail_make(u);
	return strcmp(name, OPAQUE) == 0 ? empty_dir(u, fd) : fs_remove_at(fd, name, u->err);
}

static int unpack_member(struct unpacker *u)
{
	cleanup_target struct target t = { .parent_fd = -1 };
	const char *path = archive_entry_pathname(u->entry);
	int r;

	if (!path)
		return ib_fail_text(u->err, EINVAL, "read the archive: a member has no name");
	if (u->options->has_whiteouts && whiteout_of(path))
		return 0; /* applied before */
	r = find_target(u, path, &t);
	if (r <= 0)
		return r;
	if (!*t.name && archive_entry_filetype(u->entry) != S_IFDIR)
		return ib_fail_text(u->err, EINVAL, "unpack '%s': the directory itself is no file",
				    path);
	r = make(u, &t);
	if (r < 0 || archive_entry_hardlink(u->entry) ||
	    archive_entry_filetype(u->entry) == S_IFSOCK)
		return r;
	return set_attributes(u, &t);
}

static int finish_dirs(struct unpacker *u)
{
	while (u->late_len) {
		struct late *l = &u->late[--u->late_len];
		cleanup_free char *path = take_ptr(l->path);
		cleanup_fd int fd = -1;

		fd = *path ? open_below(u, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			   : openat(u->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
			continue; /* a later member took its place */
		if (fd < 0 || fchmod(fd, l->mode) < 0)
			return ib_fail(u->err, errno, "set the mode of '%s'", path);
		if (set_mtime(fd, ".", l->mtime) < 0)
			return ib_fail(u->err, errno, "set the time of '%s'", path);
	}
	return 0;
}

static int open_archive(struct unpacker *u, int fd)
{
	u->archive = archive_read_new();
	if (!u->archive)
		ib_oom();
	(void)archive_read_support_filter_all(u->archive);
	/* not all formats: a plain text would pass for an mtree */
	(void)archive_read_support_format_tar(u->archive);
	(void)archive_read_support_format_cpio(u->archive);
	(void)archive_read_support_format_zip(u->archive);
	return archive_read_open_fd(u->archive, fd, PIECE) == ARCHIVE_OK ? 0 : fail_read(u);
}

static int each_member(struct unpacker *u, int fd, int (*fn)(struct unpacker *))
{
	int r = open_archive(u, fd);

	while (r >= 0) {
		int got = archive_read_next_header(u->archive, &u->entry);

		if (got == ARCHIVE_EOF)
			return 0;
		/* a warning is about a name that the locale cannot show; its bytes are right */
		r = got >= ARCHIVE_WARN ? fn(u) : fail_read(u);
	}
	return r;
}

/* In a pass of their own: they are about what is below the layer, wherever in it they stand. */
static int apply_whiteouts(int fd, int dir_fd, const struct archive_options *options,
			   struct ib_error *err)
{
	cleanup_unpacker struct unpacker u = { .dir_fd = dir_fd, .options = options, .err = err };
	off_t start = lseek(fd, 0, SEEK_CUR);
	int r;

	if (start < 0)
		return ib_fail(err, errno, "read the archive");
	r = each_member(&u, fd, apply_whiteout);
	if (r >= 0 && lseek(fd, start, SEEK_SET) < 0)
		return ib_fail(err, errno, "read the archive again");
	return r;
}

int archive_extract(int fd, int dir_fd, const struct archive_options *options, struct ib_error *err)
{
	static const struct archive_options as_it_is;
	cleanup_unpacker struct unpacker u = { .dir_fd = dir_fd,
					       .options = options ? options : &as_it_is,
					       .err = err };
	int r = u.options->has_whiteouts ? apply_whiteouts(fd, dir_fd, options, err) : 0;

	if (r >= 0)
		r = each_member(&u, fd, unpack_member);
	return r < 0 ? r : finish_dirs(&u);
}

int archive_check(int fd, struct ib_error *err)
{
	cleanup_unpacker struct unpacker u = { .dir_fd = -1, .err = err };
	int r = open_archive(&u, fd);

	if (r < 0)
		return r;
	r = archive_read_next_header(u.archive, &u.entry);
	return r == ARCHIVE_EOF || r >= ARCHIVE_WARN ? 0 : fail_read(&u);
}

static int copy_member(struct unpacker *u, int to_fd, uint64_t max)
{
	const void *data;
	size_t n;
	int64_t at;
	int r;

	while ((r = archive_read_data_block(u->archive, &data, &n, &at)) == ARCHIVE_OK) {
		if ((uint64_t)at + n > max)
			return ib_fail_text(u->err, EFBIG, "'%s' is larger than %llu bytes",
					    archive_entry_pathname(u->entry),
					    (unsigned long long)max);
		r = fs_pwrite_all(to_fd, data, n, at);
		if (r < 0)
			return ib_fail(u->err, -r, "copy '%s'", archive_entry_pathname(u->entry));
	}
	return r == ARCHIVE_EOF ? 0 : fail_read(u);
}

/* What the link NAME in the archive leads to, cleaned; NULL where it leads out. */
static char *link_target(struct archive_entry *e, const char *name)
{
	const char *to =
		archive_entry_hardlink(e) ? archive_entry_hardlink(e) : archive_entry_symlink(e);
	const char *slash = strrchr(name, '/');
	cleanup_buf struct buf path = BUF_INIT;

	if (archive_entry_hardlink(e) || !to || *to == '/')
		return to ? clean_path(to) : NULL;
	if (slash)
		buf_add(&path, name, (size_t)(slash - name));
	while (strncmp(to, "../", 3) == 0) {
		const char *up = path.len ? memrchr(path.data, '/', path.len) : NULL;

		if (!path.len)
			return NULL;
		path.len = up ? (size_t)(up - path.data) : 0;
		to += 3;
	}
	if (path.len)
		buf_char(&path, '/');
	buf_str(&path, to);
	return clean_path(path.data);
}

/* 1 with the data written, 0 with another name in *NAME. */
static int seek_member(struct unpacker *u, char **name, int to_fd, uint64_t max)
{
	int got;

	while ((got = archive_read_next_header(u->archive, &u->entry)) != ARCHIVE_EOF) {
		const char *path = got < ARCHIVE_WARN ? NULL : archive_entry_pathname(u->entry);
		cleanup_free char *clean = path ? clean_path(path) : NULL;
		char *target;
		int r;

		if (got < ARCHIVE_WARN)
			return fail_read(u);
		if (!clean || strcmp(clean, *name) != 0)
			continue;
		if (archive_entry_filetype(u->entry) == S_IFREG &&
		    !archive_entry_hardlink(u->entry)) {
			r = copy_member(u, to_fd, max);
			return r < 0 ? r : 1;
		}
		target = link_target(u->entry, clean);
		if (!target)
			break;
		free(*name);
		*name = target;
		return 0;
	}
	return ib_fail_text(u->err, ENOENT, "'%s' is not in the archive", *name);
}

int archive_member(int fd, const char *path, int to_fd, uint64_t max, struct ib_error *err)
{
	cleanup_free char *name = clean_path(path);

	for (int hops = 0; name && hops < LINKS_MAX; hops++) {
		cleanup_unpacker struct unpacker u = { .dir_fd = -1, .err = err };
		int r;

		if (lseek(fd, 0, SEEK_SET) < 0)
			return ib_fail(err, errno, "read the archive");
		r = open_archive(&u, fd);
		if (r >= 0)
			r = seek_member(&u, &name, to_fd, max);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return ib_fail_text(err, ELOOP, "'%s' is not in the archive", path);
}

static int hash_plain(struct unpacker *u, struct hasher *h)
{
	char *piece = ib_xmalloc(PIECE);
	la_ssize_t n = 0;
	int r = archive_read_next_header(u->archive, &u->entry);

	while (r == ARCHIVE_OK && (n = archive_read_data(u->archive, piece, PIECE)) > 0)
		hasher_add(h, piece, (size_t)n);
	free(piece);
	return n < 0 || r < ARCHIVE_WARN ? fail_read(u) : 0;
}

int archive_digest_plain(int fd, struct digest *ret_digest, struct ib_error *err)
{
	cleanup_unpacker struct unpacker u = { .dir_fd = -1, .err = err };
	struct hasher *h = hasher_new("sha256");
	int r;

	u.archive = archive_read_new();
	if (!u.archive)
		ib_oom();
	(void)archive_read_support_filter_all(u.archive);
	(void)archive_read_support_format_raw(u.archive);
	(void)archive_read_support_format_empty(u.archive);
	r = lseek(fd, 0, SEEK_SET) < 0 ? ib_fail(err, errno, "read the archive") : 0;
	if (r >= 0 && archive_read_open_fd(u.archive, fd, PIECE) != ARCHIVE_OK)
		r = fail_read(&u);
	if (r >= 0)
		r = hash_plain(&u, h);
	if (r >= 0)
		(void)hasher_end(h, ret_digest->bytes);
	hasher_free(h);
	return r;
}
