/* SPDX-License-Identifier: Apache-2.0 */
/* The scan of a file tree. One directory is open at a time and ".." leads back, so that neither the
 * stack, the descriptor limit nor PATH_MAX bounds the depth. */
#include "support/tree.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define MAX_ENTRIES (16u << 20)
#define MAX_DEPTH 2000
#define BLOCK 4096u
#define OWN_PREFIX "user.imagebuild."
#define STAND_IN OWN_PREFIX "dev"

/* One directory that is being read. */
struct level {
	char **names; /* sorted; one block */
	size_t len, next;
	uint32_t entry;
	size_t path_len; /* of the scan's path while in this directory */
};

/* An inode with several names, by device and number. */
struct inode {
	dev_t dev;
	ino_t ino;
	uint32_t entry; /* 0: free slot; the root is no file */
};

struct scan {
	struct tree *tree;
	const struct tree_options *options;
	size_t cap; /* of tree->entries */
	struct level *levels;
	size_t depth, levels_cap;
	int dir_fd;
	struct buf path;
	struct inode *inodes;
	size_t inodes_len, inodes_cap;
	char *names, *value; /* buffers of 64 KiB, the kernel's bounds of xattrs */
};

static const size_t xattr_max = 65536;

static void scan_release(struct scan *s)
{
	while (s->depth)
		free(s->levels[--s->depth].names);
	free(s->levels);
	free(s->inodes);
	free(s->names);
	free(s->value);
	buf_release(&s->path);
	ib_cleanup_fd(&s->dir_fd);
}
#define cleanup_scan __attribute__((cleanup(scan_release)))

static const char *shown(const struct tree_entry *e)
{
	return *e->path ? e->path : ".";
}

static size_t inode_slot(const struct inode *table, size_t cap, dev_t dev, ino_t ino)
{
	uint64_t hash = ((uint64_t)ino ^ (uint64_t)dev << 32) * 0x9e3779b97f4a7c15u;
	size_t i = (hash >> 32) & (cap - 1);

	while (table[i].entry && (table[i].ino != ino || table[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return i;
}

static void inodes_grow(struct scan *s)
{
	size_t cap = s->inodes_cap ? s->inodes_cap * 2 : 256;
	struct inode *table = ib_xmalloc(cap * sizeof(*table));

	memset(table, 0, cap * sizeof(*table));
	for (size_t i = 0; i < s->inodes_cap; i++) {
		const struct inode *n = &s->inodes[i];

		if (n->entry)
			table[inode_slot(table, cap, n->dev, n->ino)] = *n;
	}
	free(s->inodes);
	s->inodes = table;
	s->inodes_cap = cap;
}

/* The first entry of the inode, INDEX itself where it is new. */
static uint32_t first_name(struct scan *s, const struct stat *st, uint32_t index)
{
	struct inode *n;

	if (s->inodes_len * 2 >= s->inodes_cap)
		inodes_grow(s);
	n = &s->inodes[inode_slot(s->inodes, s->inodes_cap, st->st_dev, st->st_ino)];
	if (!n->entry) {
		*n = (struct inode){ .dev = st->st_dev, .ino = st->st_ino, .entry = index };
		s->inodes_len++;
	}
	return n->entry;
}

static bool xattr_is_kept(const char *name)
{
	if (!strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)))
		return false;
	return strncmp(name, "system.", 7) != 0 || !strncmp(name, "system.posix_acl_", 17);
}

/* A decimal number and the byte END behind it; NULL where that is not there. */
static const char *parse_number(const char *p, char end, uint32_t *ret_value)
{
	char *rest;
	unsigned long value;

	errno = 0;
	value = strtoul(p, &rest, 10);
	if (*p < '0' || *p > '9' || *rest != end || errno || value > UINT32_MAX)
		return NULL;
	*ret_value = (uint32_t)value;
	return rest + 1;
}

/* "c 1 3" */
static int parse_stand_in(struct tree_entry *e, const char *text, struct ib_error *err)
{
	const char *p = (*text == 'c' || *text == 'b') && text[1] == ' ' ? text + 2 : NULL;

	p = p ? parse_number(p, ' ', &e->major) : NULL;
	p = p ? parse_number(p, '\0', &e->minor) : NULL;
	if (!p)
		return ib_fail_text(err, EINVAL,
				    "read %s: xattr " STAND_IN
				    " is '%s', expected 'c MAJOR MINOR' or 'b MAJOR MINOR'",
				    shown(e), text);
	e->mode = (e->mode & 07777) | (*text == 'c' ? S_IFCHR : S_IFBLK);
	e->size = e->allocated = 0;
	return 0;
}

static int xattr_compare(const void *a, const void *b)
{
	const struct tree_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int read_xattr(struct scan *s, struct tree_entry *e, const char *path, const char *name,
		      struct tree_xattr *xattrs, struct ib_error *err)
{
	ssize_t n = lgetxattr(path, name, s->value, xattr_max);

	if (n < 0 && (errno == ENODATA || errno == EOPNOTSUPP))
		return 0; /* listed, but not for this user or this kernel */
	if (n < 0)
		return ib_fail(err, errno, "read xattr %s of %s", name, shown(e));
	s->value[n] = '\0';
	if (!strcmp(name, STAND_IN) && S_ISREG(e->mode))
		return parse_stand_in(e, s->value, err);
	if (!xattr_is_kept(name))
		return 0;
	xattrs[e->xattrs_len++] = (struct tree_xattr){
		.name = arena_strdup(s->tree->arena, name),
		.value = arena_strndup(s->tree->arena, s->value, (size_t)n),
		.len = (size_t)n,
	};
	return 0;
}

/* Through /proc, for there is no fgetxattrat() and a symlink or a fifo cannot be opened for it. */
static int read_xattrs(struct scan *s, struct tree_entry *e, struct ib_error *err)
{
	char path[64 + NAME_MAX];
	struct tree_xattr *xattrs;
	ssize_t len;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", s->dir_fd, e->name);
	len = llistxattr(path, s->names, xattr_max);
	if (len < 0 && errno != EOPNOTSUPP)
		return ib_fail(err, errno, "list xattrs of %s", shown(e));
	if (len <= 0)
		return 0;
	for (ssize_t i = 0; i < len; i++)
		count += s->names[i] == '\0';
	xattrs = arena_alloc(s->tree->arena, count * sizeof(*xattrs));
	for (const char *p = s->names; p < s->names + len; p += strlen(p) + 1) {
		int r = read_xattr(s, e, path, p, xattrs, err);

		if (r < 0)
			return r;
	}
	qsort(xattrs, e->xattrs_len, sizeof(*xattrs), xattr_compare);
	e->xattrs = xattrs;
	return 0;
}

static int read_target(struct scan *s, struct tree_entry *e, struct ib_error *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(s->dir_fd, e->name, target, sizeof(target));

	if (n < 0)
		return ib_fail(err, errno, "read link %s", shown(e));
	if (n == sizeof(target))
		return ib_fail(err, ENAMETOOLONG, "read link %s", shown(e));
	e->target = arena_strndup(s->tree->arena, target, (size_t)n);
	return 0;
}

/* Bytes of data, so that the sum is the same on file systems that count storage differently. */
static int measure_data(struct scan *s, struct tree_entry *e, struct ib_error *err)
{
	cleanup_fd int fd = openat(s->dir_fd, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t at = 0;

	if (fd < 0)
		return ib_fail(err, errno, "open %s", shown(e));
	e->allocated = 0;
	while (at < (off_t)e->size) {
		off_t data = lseek(fd, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		if (data >= 0)
			at = lseek(fd, data, SEEK_HOLE);
		if (data < 0 || at < 0)
			return ib_fail(err, errno, "find the holes of %s", shown(e));
		e->allocated += (uint64_t)(at - data);
	}
	return 0;
}

static void set_stat(struct scan *s, struct tree_entry *e, const struct stat *st)
{
	int64_t clamp = s->options->clamp;

	e->mode = st->st_mode;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		e->major = major(st->st_rdev);
		e->minor = minor(st->st_rdev);
	}
	if (S_ISREG(st->st_mode))
		e->size = e->allocated = (uint64_t)st->st_size;
	e->mtime = st->st_mtim;
	if (e->mtime.tv_sec >= clamp && clamp != INT64_MAX)
		e->mtime = (struct timespec){ .tv_sec = clamp };
}

/* A further name of a file that is known already. */
static void set_from_first(struct tree_entry *e, struct tree_entry *first)
{
	struct tree_entry own = *e;

	first->links++;
	*e = *first;
	e->path = own.path;
	e->name = own.name;
	e->parent = own.parent;
}

static int read_entry(struct scan *s, uint32_t index, const struct stat *st, struct ib_error *err)
{
	struct tree_entry *e = &s->tree->entries[index];
	int r = 0;

	set_stat(s, e, st);
	e->link = index;
	e->links = 1;
	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		e->link = first_name(s, st, index);
		if (e->link != index) {
			set_from_first(e, &s->tree->entries[e->link]);
			return 0;
		}
	}
	if (S_ISLNK(st->st_mode))
		r = read_target(s, e, err);
	else if (S_ISREG(st->st_mode) && (uint64_t)st->st_blocks * 512 < e->size)
		r = measure_data(s, e, err);
	return r < 0 ? r : read_xattrs(s, e, err);
}

static int add_entry(struct scan *s, const char *name, uint32_t *ret_index, struct ib_error *err)
{
	struct tree *t = s->tree;

	if (t->len == MAX_ENTRIES)
		return ib_fail_text(err, EFBIG, "the tree has more than %u entries", MAX_ENTRIES);
	if (t->len == s->cap) {
		s->cap = s->cap ? s->cap + s->cap / 2 : 1024;
		t->entries = ib_xrealloc(t->entries, s->cap * sizeof(*t->entries));
	}
	t->entries[t->len] = (struct tree_entry){
		.path = arena_strndup(t->arena, s->path.data ? s->path.data : "", s->path.len),
		.parent = s->depth ? s->levels[s->depth - 1].entry : 0,
	};
	t->entries[t->len].name = t->entries[t->len].path + (s->path.len - strlen(name));
	*ret_index = (uint32_t)t->len++;
	return 0;
}

/* Lists the directory that dir_fd is and makes it the top level. */
static int push_level(struct scan *s, uint32_t entry, struct ib_error *err)
{
	struct level *l;
	int r;

	if (s->depth > MAX_DEPTH)
		return ib_fail_text(err, ELOOP, "the tree is deeper than %d directories",
				    MAX_DEPTH);
	if (s->depth == s->levels_cap) {
		s->levels_cap = s->levels_cap ? s->levels_cap * 2 : 32;
		s->levels = ib_xrealloc(s->levels, s->levels_cap * sizeof(*s->levels));
	}
	l = &s->levels[s->depth];
	*l = (struct level){ .entry = entry, .path_len = s->path.len };
	r = fs_list(s->dir_fd, ".", &l->names, &l->len, err);
	if (r < 0)
		return ib_wrap(err, "read %s", shown(&s->tree->entries[entry]));
	s->depth++;
	return 0;
}

static int change_dir(struct scan *s, const char *name, struct ib_error *err)
{
	int fd = openat(s->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return ib_fail(err, errno, "open directory %s", s->path.len ? s->path.data : ".");
	(void)close(s->dir_fd);
	s->dir_fd = fd;
	return 0;
}

static int pop_level(struct scan *s, struct ib_error *err)
{
	free(s->levels[--s->depth].names);
	if (!s->depth)
		return 0;
	return change_dir(s, "..", err);
}

static bool is_excluded(const struct scan *s, const char *path)
{
	for (const char *const *p = s->options->excluded; p && *p; p++)
		if (!strcmp(*p, path))
			return true;
	return false;
}

static int scan_name(struct scan *s, const char *name, struct ib_error *err)
{
	struct stat st;
	uint32_t index;
	int r;

	s->path.len = s->levels[s->depth - 1].path_len;
	if (s->path.len)
		buf_char(&s->path, '/');
	buf_str(&s->path, name);
	if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ib_fail(err, errno, "stat %s", s->path.data);
	if (S_ISSOCK(st.st_mode))
		return 0; /* of a program that is gone */
	r = add_entry(s, name, &index, err);
	if (r < 0)
		return r;
	r = read_entry(s, index, &st, err);
	if (r < 0 || !S_ISDIR(st.st_mode) || is_excluded(s, s->path.data))
		return r;
	r = change_dir(s, name, err);
	return r < 0 ? r : push_level(s, index, err);
}

static int scan_root(struct scan *s, struct ib_error *err)
{
	struct stat st;
	uint32_t index;
	int r;

	if (fstat(s->dir_fd, &st) < 0)
		return ib_fail(err, errno, "stat the root of the tree");
	r = add_entry(s, "", &index, err);
	if (r < 0)
		return r;
	r = read_entry(s, index, &st, err);
	return r < 0 ? r : push_level(s, index, err);
}

static int scan_all(struct scan *s, struct ib_error *err)
{
	int r = scan_root(s, err);

	while (r >= 0 && s->depth) {
		struct level *l = &s->levels[s->depth - 1];

		if (l->next < l->len)
			r = scan_name(s, l->names[l->next++], err);
		else
			r = pop_level(s, err);
	}
	return r;
}

/* The first name of an inode counts the others as they come; they learn the sum at the end. */
static void set_links(struct tree *t)
{
	for (size_t i = 0; i < t->len; i++)
		t->entries[i].links = t->entries[t->entries[i].link].links;
}

static int open_root(int root_fd, const char *sub, struct ib_error *err)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, fd;

	fd = sub && *sub ? fs_open_in(root_fd, sub, flags, 0) : openat(root_fd, ".", flags);
	if (fd < 0)
		return ib_fail(err, errno, "open the tree's directory /%s", sub ? sub : "");
	return fd;
}

int tree_open(int root_fd, const struct tree_options *options, struct tree **ret_tree,
	      struct ib_error *err)
{
	cleanup_scan struct scan s = { .options = options, .dir_fd = -1, .path = BUF_INIT };
	cleanup_tree struct tree *t = ib_xmalloc(sizeof(*t));
	int r;

	*t = (struct tree){ .arena = arena_new(), .root_fd = -1 };
	r = open_root(root_fd, options->sub, err);
	if (r < 0)
		return r;
	t->root_fd = r;
	s.tree = t;
	s.names = ib_xmalloc(xattr_max + 1);
	s.value = ib_xmalloc(xattr_max + 1);
	s.dir_fd = fcntl(t->root_fd, F_DUPFD_CLOEXEC, 3);
	if (s.dir_fd < 0)
		return ib_fail(err, errno, "duplicate a descriptor");
	r = scan_all(&s, err);
	if (r < 0)
		return r;
	set_links(t);
	*ret_tree = take_ptr(t);
	return 0;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	ib_cleanup_fd(&t->root_fd);
	free(t->entries);
	arena_free(t->arena);
	free(t);
}

/* Opens a path longer than PATH_MAX piece by piece. */
static int open_long(int root_fd, const char *path)
{
	cleanup_free char *copy = ib_xstrdup(path);
	cleanup_fd int dir = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	char *p = copy;

	while (dir >= 0 && strlen(p) >= PATH_MAX) {
		char *end = memrchr(p, '/', PATH_MAX - 1);
		int fd;

		*end = '\0';
		fd = openat(dir, p, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ib_cleanup_fd(&dir);
		dir = fd;
		p = end + 1;
	}
	return dir < 0 ? -1 : openat(dir, p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

int tree_open_file(const struct tree *t, const struct tree_entry *e)
{
	int fd;

	if (strlen(e->path) < PATH_MAX)
		fd = openat(t->root_fd, e->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	else
		fd = open_long(t->root_fd, e->path);
	return fd < 0 ? -errno : fd;
}

static uint64_t entry_bytes(const struct tree_entry *e)
{
	if (S_ISDIR(e->mode))
		return BLOCK;
	if (S_ISLNK(e->mode))
		return strlen(e->target) < 60 ? 0 : BLOCK; /* a short one fits into an ext inode */
	return (e->allocated + BLOCK - 1) / BLOCK * BLOCK;
}

uint64_t tree_bytes(const struct tree *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < t->len; i++)
		if (t->entries[i].link == i)
			sum += entry_bytes(&t->entries[i]);
	return sum;
}
