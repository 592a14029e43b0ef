/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of an ext file system, read inode by inode. Data is read from the file itself at the
 * places that the extents or block lists name; nothing of it is written. */
#include "support/extread.h"

#include "support/extfs_private.h"
#include "support/fs.h"

#include <errno.h>
#include <et/com_err.h>
#include <fcntl.h>
#include <imagebuild/arena.h>
#include <imagebuild/error.h>
#include <imagebuild/vec.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DEPTH_MAX 400
#define TARGET_MAX 4095
#define BUCKETS 4096u

/* The first name of an inode that has several. */
struct name {
	const char *path;
	ext2_ino_t ino;
	struct name *next;
};

struct entry {
	const char *name;
	ext2_ino_t ino;
};
struct entry_vec VEC(struct entry);

struct reader {
	ext2_filsys fs;
	int fd; /* the image */
	uint64_t offset;
	int root_fd;
	struct arena *arena;
	ext2fs_inode_bitmap seen; /* directories */
	struct name *names[BUCKETS];
	struct ib_error *err;
};

/* An inode on its way to NAME in the directory DIR_FD. */
struct item {
	ext2_ino_t ino;
	struct ext2_inode_large inode;
	const char *path, *name;
	int dir_fd;
};

static struct ext2_inode *plain(struct ext2_inode_large *inode)
{
	return (struct ext2_inode *)(void *)inode;
}

static int fail_make(struct reader *r, const struct item *it)
{
	return ib_fail(r->err, errno, "make '%s'", it->path);
}

/* Where the blocks of a file go. */
struct sink {
	struct reader *reader;
	const struct item *item;
	int fd;
	uint64_t size;
	int result;
};

static int copy_run(struct sink *s, uint64_t logical, uint64_t physical, uint64_t count)
{
	struct reader *r = s->reader;
	uint64_t block = r->fs->blocksize, at = logical * block, n = count * block;

	if (at >= s->size)
		return 0;
	if (n > s->size - at)
		n = s->size - at;
	return fs_copy_sparse(r->fd, (off_t)(r->offset + physical * block), s->fd, (off_t)at, n,
			      r->err);
}

static int take_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t logical, blk64_t ref_block,
		      int ref_offset, void *arg)
{
	struct sink *s = arg;

	(void)fs;
	(void)ref_block;
	(void)ref_offset;
	s->result = copy_run(s, (uint64_t)logical, *block, 1);
	return s->result < 0 ? BLOCK_ABORT : 0;
}

static int fail_read(struct reader *r, const struct item *it, errcode_t code)
{
	return ext_fail(r->err, code, "read '%s'", it->path);
}

static int copy_extents(struct sink *s)
{
	struct ext2fs_extent extent;
	ext2_extent_handle_t handle;
	struct ext2_inode_large inode = s->item->inode;
	errcode_t code = ext2fs_extent_open2(s->reader->fs, s->item->ino, plain(&inode), &handle);
	int op = EXT2_EXTENT_ROOT, r = 0;

	if (code)
		return fail_read(s->reader, s->item, code);
	while (r >= 0 && (code = ext2fs_extent_get(handle, op, &extent)) == 0) {
		op = EXT2_EXTENT_NEXT;
		if ((extent.e_flags & EXT2_EXTENT_FLAGS_LEAF) &&
		    !(extent.e_flags & (EXT2_EXTENT_FLAGS_UNINIT | EXT2_EXTENT_FLAGS_SECOND_VISIT)))
			r = copy_run(s, extent.e_lblk, extent.e_pblk, extent.e_len);
	}
	ext2fs_extent_free(handle);
	if (r >= 0 && code != EXT2_ET_EXTENT_NO_NEXT && code != EXT2_ET_EXTENT_NOT_FOUND)
		return fail_read(s->reader, s->item, code);
	return r;
}

static int copy_inline(struct sink *s)
{
	size_t n = 0;
	char *data = ib_xmalloc(s->reader->fs->blocksize);
	errcode_t code = ext2fs_inline_data_get(s->reader->fs, s->item->ino, NULL, data, &n);
	int r = 0;

	if (!code)
		r = fs_pwrite_all(s->fd, data, n < s->size ? n : (size_t)s->size, 0);
	free(data);
	if (code)
		return fail_read(s->reader, s->item, code);
	return r < 0 ? ib_fail(s->reader->err, -r, "write '%s'", s->item->path) : 0;
}

static int copy_data(struct sink *s)
{
	uint32_t flags = s->item->inode.i_flags;
	errcode_t code;

	if (flags & EXT4_INLINE_DATA_FL)
		return copy_inline(s);
	if (flags & EXT4_EXTENTS_FL)
		return copy_extents(s);
	code = ext2fs_block_iterate3(s->reader->fs, s->item->ino,
				     BLOCK_FLAG_DATA_ONLY | BLOCK_FLAG_READ_ONLY, NULL, take_block,
				     s);
	return s->result < 0 ? s->result : code ? fail_read(s->reader, s->item, code) : 0;
}

static int make_file(struct reader *r, struct item *it)
{
	cleanup_fd int fd =
		openat(it->dir_fd, it->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct sink s = { .reader = r, .item = it, .fd = fd };

	s.size = EXT2_I_SIZE(&it->inode);
	if (fd < 0 || s.size > INT64_MAX || ftruncate(fd, (off_t)s.size) < 0)
		return fail_make(r, it);
	return s.size ? copy_data(&s) : 0;
}

static int make_symlink(struct reader *r, struct item *it)
{
	uint64_t size = EXT2_I_SIZE(&it->inode);
	char target[TARGET_MAX + 1] = { 0 };
	ext2_file_t file;
	unsigned got = 0;
	errcode_t code = 0;

	if (size > TARGET_MAX)
		return ib_fail_text(r->err, EINVAL, "'%s': its target is too long", it->path);
	if (ext2fs_is_fast_symlink(plain(&it->inode))) {
		if (size < sizeof(it->inode.i_block))
			memcpy(target, it->inode.i_block, size);
	} else {
		code = ext2fs_file_open2(r->fs, it->ino, plain(&it->inode), 0, &file);
		if (!code) {
			code = ext2fs_file_read(file, target, (unsigned)size, &got);
			(void)ext2fs_file_close(file);
		}
	}
	if (code)
		return fail_read(r, it, code);
	return symlinkat(target, it->dir_fd, it->name) < 0 ? fail_make(r, it) : 0;
}

static int make_device(struct reader *r, struct item *it)
{
	uint32_t old = it->inode.i_block[0], new = it->inode.i_block[1];
	dev_t dev = old ? makedev((old >> 8) & 0xff, old & 0xff)
			: makedev((new & 0xfff00) >> 8, (new & 0xff) | ((new >> 12) & 0xfff00));
	int e = fs_make_device(it->dir_fd, it->name, it->inode.i_mode & S_IFMT, dev);

	return e < 0 ? ib_fail(r->err, -e, "make '%s'", it->path) : 0;
}

static int set_xattr(struct reader *r, const struct item *it, struct ext2_xattr_handle *handle,
		     const char *name)
{
	char path[64 + NAME_MAX];
	void *value = NULL;
	size_t n = 0;
	errcode_t code = ext2fs_xattr_get(handle, name, &value, &n);
	int e = 0;

	if (code)
		return fail_read(r, it, code);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", it->dir_fd, it->name);
	if (lsetxattr(path, name, value, n, 0) < 0)
		e = errno;
	(void)ext2fs_free_mem(&value);
	/* trusted.* needs the real root; what the file system lacks is lost in any case */
	return e && e != EPERM && e != EOPNOTSUPP
		       ? ib_fail(r->err, e, "set xattr %s of '%s'", name, it->path)
		       : 0;
}

struct xattr_names {
	struct arena *arena;
	struct str_vec names;
};

static int take_name(char *name, char *value, size_t len, void *arg)
{
	struct xattr_names *x = arg;

	(void)value;
	(void)len;
	if (strcmp(name, "system.data") != 0)
		vec_push(x->arena, &x->names, arena_strdup(x->arena, name));
	return 0;
}

static int set_xattrs(struct reader *r, const struct item *it)
{
	cleanup_arena struct arena *a = arena_new();
	struct xattr_names x = { .arena = a };
	struct ext2_xattr_handle *handle;
	errcode_t code = ext2fs_xattrs_open(r->fs, it->ino, &handle);
	int e = 0;

	if (code)
		return fail_read(r, it, code);
	code = ext2fs_xattrs_read(handle);
	if (!code)
		code = ext2fs_xattrs_iterate(handle, take_name, &x);
	if (code)
		e = fail_read(r, it, code);
	vec_foreach (const char *, name, &x.names)
		e = e < 0 ? e : set_xattr(r, it, handle, *name);
	(void)ext2fs_xattrs_close(&handle);
	return e;
}

/* Two bits of the extra word lengthen the seconds, the rest are nanoseconds. */
static struct timespec mtime_of(const struct reader *r, const struct ext2_inode_large *inode)
{
	struct timespec t = { .tv_sec = (int32_t)inode->i_mtime };
	size_t end =
		offsetof(struct ext2_inode_large, i_mtime_extra) + sizeof(inode->i_mtime_extra);

	if (EXT2_INODE_SIZE(r->fs->super) <= EXT2_GOOD_OLD_INODE_SIZE ||
	    EXT2_GOOD_OLD_INODE_SIZE + (size_t)inode->i_extra_isize < end)
		return t;
	t.tv_sec += (time_t)(inode->i_mtime_extra & 3) << 32;
	t.tv_nsec = (long)(inode->i_mtime_extra >> 2);
	return t;
}

/* Owner before mode and capabilities, which a change of owner clears. */
static int set_attributes(struct reader *r, struct item *it)
{
	const struct timespec mtime = mtime_of(r, &it->inode), times[] = { mtime, mtime };
	uid_t uid = inode_uid(it->inode);
	gid_t gid = inode_gid(it->inode);
	int e;

	if (fchownat(it->dir_fd, it->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == EINVAL
			       ? fs_fail_ids(it->path, uid, gid, r->err)
			       : ib_fail(r->err, errno, "give '%s' to %u:%u", it->path, uid, gid);
	e = set_xattrs(r, it);
	if (e < 0)
		return e;
	if (!S_ISLNK(it->inode.i_mode) &&
	    fchmodat(it->dir_fd, it->name, it->inode.i_mode & 07777, 0) < 0)
		return ib_fail(r->err, errno, "set the mode of '%s'", it->path);
	if (utimensat(it->dir_fd, it->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return ib_fail(r->err, errno, "set the time of '%s'", it->path);
	return 0;
}

/* 1 where NAME became another name of what is there already. */
static int link_known(struct reader *r, const struct item *it)
{
	struct name **bucket = &r->names[it->ino % BUCKETS], *n;

	if (it->inode.i_links_count < 2 || S_ISDIR(it->inode.i_mode))
		return 0;
	for (n = *bucket; n; n = n->next)
		if (n->ino == it->ino)
			return linkat(r->root_fd, n->path, it->dir_fd, it->name, 0) < 0
				       ? fail_make(r, it)
				       : 1;
	n = arena_alloc(r->arena, sizeof(*n));
	*n = (struct name){ .path = it->path, .ino = it->ino, .next = *bucket };
	*bucket = n;
	return 0;
}

static int unpack_dir(struct reader *r, ext2_ino_t ino, int fd, const char *path, int depth);

static int make_dir(struct reader *r, const struct item *it, int depth)
{
	cleanup_fd int fd = -1;

	if (mkdirat(it->dir_fd, it->name, 0700) < 0)
		return fail_make(r, it);
	fd = openat(it->dir_fd, it->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail_make(r, it) : unpack_dir(r, it->ino, fd, it->path, depth);
}

static int make(struct reader *r, struct item *it, int depth)
{
	switch (it->inode.i_mode & S_IFMT) {
	case S_IFREG:
		return make_file(r, it);
	case S_IFDIR:
		return make_dir(r, it, depth);
	case S_IFLNK:
		return make_symlink(r, it);
	case S_IFCHR:
	case S_IFBLK:
		return make_device(r, it);
	case S_IFIFO:
		return mkfifoat(it->dir_fd, it->name, 0600) < 0 ? fail_make(r, it) : 0;
	default:
		return ib_fail_text(r->err, EIO, "'%s' is of no type", it->path);
	}
}

static int read_inode(struct reader *r, struct item *it)
{
	errcode_t code =
		ext2fs_read_inode_full(r->fs, it->ino, plain(&it->inode), sizeof(it->inode));

	if (code)
		return fail_read(r, it, code);
	if (it->inode.i_flags & EXT4_ENCRYPT_FL)
		return ib_fail_text(r->err, EINVAL, "'%s' is encrypted", it->path);
	return 0;
}

static int unpack_entry(struct reader *r, const struct entry *e, int dir_fd, const char *dir,
			int depth)
{
	struct item it = { .ino = e->ino, .name = e->name, .dir_fd = dir_fd };
	int done;

	it.path = *dir ? arena_printf(r->arena, "%s/%s", dir, e->name) : e->name;
	done = read_inode(r, &it);
	if (done < 0 || S_ISSOCK(it.inode.i_mode))
		return done;
	done = link_known(r, &it);
	if (done != 0)
		return done < 0 ? done : 0;
	done = make(r, &it, depth);
	return done < 0 ? done : set_attributes(r, &it);
}

struct listing {
	struct arena *arena;
	struct entry_vec entries;
	bool is_bad;
};

static int take_entry(ext2_ino_t dir, int kind, struct ext2_dir_entry *d, int offset,
		      int block_size, char *block, void *arg)
{
	struct listing *l = arg;
	size_t n = (size_t)ext2fs_dirent_name_len(d);

	(void)dir;
	(void)offset;
	(void)block_size;
	(void)block;
	if (kind != DIRENT_OTHER_FILE || d->inode == 0)
		return 0;
	if (n == 0 || memchr(d->name, '/', n) || memchr(d->name, '\0', n) ||
	    (d->name[0] == '.' && (n == 1 || (n == 2 && d->name[1] == '.')))) {
		l->is_bad = true;
		return DIRENT_ABORT;
	}
	vec_push(l->arena, &l->entries,
		 ((struct entry){ arena_strndup(l->arena, d->name, n), d->inode }));
	return 0;
}

/* It belongs to the file system, not to the tree. */
static bool is_empty_lost_found(struct reader *r, const struct entry *e)
{
	struct listing l = { .arena = r->arena };

	return strcmp(e->name, "lost+found") == 0 &&
	       ext2fs_dir_iterate2(r->fs, e->ino, 0, NULL, take_entry, &l) == 0 && !l.is_bad &&
	       l.entries.len == 0;
}

static int unpack_dir(struct reader *r, ext2_ino_t ino, int fd, const char *path, int depth)
{
	struct listing l = { .arena = r->arena };
	errcode_t code;
	int e = 0;

	if (depth > DEPTH_MAX)
		return ib_fail_text(r->err, ELOOP, "'%s': directories are nested too deep", path);
	if (ext2fs_test_inode_bitmap2(r->seen, ino))
		return ib_fail_text(r->err, EIO, "'%s' is in the tree twice; run fsck", path);
	(void)ext2fs_mark_inode_bitmap2(r->seen, ino);
	code = ext2fs_dir_iterate2(r->fs, ino, 0, NULL, take_entry, &l);
	if (code)
		return ext_fail(r->err, code, "read the directory '%s'", path);
	if (l.is_bad)
		return ib_fail_text(r->err, EIO, "the directory '%s' has a name that is none",
				    path);
	vec_foreach (const struct entry, it, &l.entries)
		if (e >= 0 && !(depth == 0 && is_empty_lost_found(r, it)))
			e = unpack_entry(r, it, fd, path, depth + 1);
	return e;
}

static int unpack_root(struct reader *r)
{
	struct item root = { .ino = EXT2_ROOT_INO, .path = "/", .name = ".", .dir_fd = r->root_fd };
	int e = read_inode(r, &root);

	if (e >= 0)
		e = unpack_dir(r, EXT2_ROOT_INO, r->root_fd, "", 0);
	return e < 0 ? e : set_attributes(r, &root);
}

static int check_state(const struct reader *r)
{
	const struct ext2_super_block *s = r->fs->super;

	if (ext2fs_has_feature_journal_needs_recovery(r->fs->super))
		return ib_fail_text(r->err, EUCLEAN,
				    "its journal holds changes that are not in the file system "
				    "yet; run fsck on it, or shut the machine down that used it");
	if (s->s_state & EXT2_ERROR_FS)
		return ib_fail_text(r->err, EUCLEAN, "it is marked as damaged; run fsck on it");
	return 0;
}

int extread_unpack(int fd, uint64_t offset, int dir_fd, struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct reader *r = arena_alloc(a, sizeof(*r));
	char path[32], options[48];
	errcode_t code;
	int e;

	*r = (struct reader){
		.fd = fd, .offset = offset, .root_fd = dir_fd, .arena = a, .err = err
	};
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)snprintf(options, sizeof(options), "offset=%llu", (unsigned long long)offset);
	code = ext2fs_open2(path, options, EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &r->fs);
	if (code)
		return ext_fail(err, code, "open the ext file system");
	e = check_state(r);
	if (e >= 0) {
		code = ext2fs_allocate_inode_bitmap(r->fs, "directories", &r->seen);
		e = code ? ext_fail(err, code, "read the file system") : unpack_root(r);
	}
	if (r->seen)
		ext2fs_free_inode_bitmap(r->seen);
	(void)ext2fs_close_free(&r->fs);
	return e;
}
