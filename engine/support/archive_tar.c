/* SPDX-License-Identifier: Apache-2.0 */
/* Writes tar: a ustar header an entry (IEEE 1003.1, pax), with a pax header in front of it only
 * where ustar cannot say something, in the words that GNU tar and libarchive read. libarchive's own
 * writer puts records into every entry that GNU tar warns about, and changes with its version. */
#include "support/archive.h"

#include "support/fs.h"
#include "support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512u
#define RECORD 10240u /* archives end at a multiple of it */
#define PIECE (1u << 20)
#define NAMES_MAX (16u << 20) /* of passwd and group */

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char linkname[100], magic[6], version[2], uname[32], gname[32], major[8], minor[8];
	char prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

struct owner {
	uint32_t id;
	const char *name;
};

struct owners {
	struct owner *items; /* by id, the first line of an id first */
	size_t len;
	char *text; /* the names point into it */
};

struct segment {
	uint64_t start, size;
};

struct writer {
	int fd;
	const struct tree *tree;
	struct owners users, groups;
	struct buf pax;           /* records of the entry in work */
	struct buf map;           /* its sparse map */
	struct segment *segments; /* its data */
	size_t segments_len, segments_cap;
	char *piece; /* of PIECE bytes; what is not written yet */
	size_t used;
	uint64_t written;
	struct ib_error *err;
};

static void writer_release(struct writer *w)
{
	free(w->users.items);
	free(w->users.text);
	free(w->groups.items);
	free(w->groups.text);
	buf_release(&w->pax);
	buf_release(&w->map);
	free(w->segments);
	free(w->piece);
}
#define cleanup_writer __attribute__((cleanup(writer_release)))

static int owner_compare(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* "name:x:1000:..."; lines of another form are passed over. */
static void parse_owner(struct owners *o, char *line)
{
	char *end, *second = strchr(line, ':'), *third = second ? strchr(second + 1, ':') : NULL;
	unsigned long long id;

	if (!third || second == line)
		return;
	errno = 0;
	id = strtoull(third + 1, &end, 10);
	if (errno || end == third + 1 || (*end && *end != ':') || id > UINT32_MAX)
		return;
	*second = '\0';
	o->items = ib_xrealloc(o->items, (o->len + 1) * sizeof(*o->items));
	o->items[o->len++] = (struct owner){ .id = (uint32_t)id, .name = line };
}

/* A tree without the file has owners by number only. */
static int read_owners(struct writer *w, const char *path, struct owners *o)
{
	char *save = NULL;
	size_t len;
	int r = fs_read_at(w->tree->root_fd, path, NAMES_MAX, &o->text, &len, w->err);

	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return 0;
	if (r < 0)
		return r;
	for (char *p = strtok_r(o->text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		parse_owner(o, p);
	if (o->len)
		qsort(o->items, o->len, sizeof(*o->items), owner_compare);
	return 0;
}

static const char *find_owner(const struct owners *o, uint32_t id)
{
	size_t low = 0, high = o->len;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (o->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->len && o->items[low].id == id ? o->items[low].name : "";
}

static int flush(struct writer *w)
{
	int r = w->used ? fs_write_all(w->fd, w->piece, w->used) : 0;

	w->written += w->used;
	w->used = 0;
	return r < 0 ? ib_fail(w->err, -r, "write the tar") : 0;
}

static int put(struct writer *w, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		size_t part = n < PIECE - w->used ? n : PIECE - w->used;

		memcpy(w->piece + w->used, p, part);
		w->used += part;
		p += part;
		n -= part;
		if (w->used == PIECE) {
			int r = flush(w);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int pad(struct writer *w, size_t to)
{
	static const char zeros[RECORD];
	size_t over = (w->written + w->used) % to;

	return over ? put(w, zeros, to - over) : 0;
}

/* "30 mtime=1350244992.023960108\n"; the length counts itself. */
static void add_record(struct buf *pax, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3, length = rest + 1;
	char digits[24];

	for (;;) {
		size_t with = rest + (size_t)snprintf(digits, sizeof(digits), "%zu", length);

		if (with == length)
			break;
		length = with;
	}
	buf_printf(pax, "%zu %s=", length, key);
	buf_add(pax, value, n);
	buf_char(pax, '\n');
}

static void add_text(struct buf *pax, const char *key, const char *value)
{
	add_record(pax, key, value, strlen(value));
}

/* Octal where it fits; what does not fit is said by pax and is 0 here. */
static bool put_octal(char *field, size_t size, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%0*" PRIo64, (int)size - 1, value);
	bool fits = n == (int)size - 1;

	if (!fits)
		(void)snprintf(text, sizeof(text), "%0*o", (int)size - 1, 0u);
	memcpy(field, text, size);
	return fits;
}

static void put_number(struct writer *w, char *field, size_t size, uint64_t value, const char *key)
{
	char text[24];

	if (put_octal(field, size, value))
		return;
	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	add_text(&w->pax, key, text);
}

/* Times before 1970 lose their fraction: readers do not agree on its sign. */
static void put_mtime(struct writer *w, struct ustar *h, struct timespec t)
{
	char text[48];
	bool has_fraction = t.tv_nsec && t.tv_sec >= 0;

	if (put_octal(h->mtime, sizeof(h->mtime), t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec) &&
	    t.tv_sec >= 0 && !has_fraction)
		return;
	if (has_fraction)
		(void)snprintf(text, sizeof(text), "%" PRId64 ".%09ld", (int64_t)t.tv_sec,
			       t.tv_nsec);
	else
		(void)snprintf(text, sizeof(text), "%" PRId64, (int64_t)t.tv_sec);
	add_text(&w->pax, "mtime", text);
}

/* Fills name, with a longer one cut at a slash into prefix and name; false: it does not fit. */
static bool put_name(struct ustar *h, const char *path)
{
	size_t n = strlen(path);
	const char *slash;

	if (n <= sizeof(h->name)) {
		memcpy(h->name, path, n);
		return true;
	}
	if (n > sizeof(h->prefix) + 1 + sizeof(h->name))
		return false;
	slash = strchr(path + (n - sizeof(h->name) - 1), '/');
	if (!slash || !slash[1] || (size_t)(slash - path) > sizeof(h->prefix))
		return false;
	memcpy(h->prefix, path, (size_t)(slash - path));
	memcpy(h->name, slash + 1, n - (size_t)(slash - path) - 1);
	return true;
}

static void put_path(struct writer *w, struct ustar *h, const char *path)
{
	if (put_name(h, path))
		return;
	add_text(&w->pax, "path", path);
	memcpy(h->name, path, sizeof(h->name)); /* for readers without pax */
}

static void put_target(struct writer *w, struct ustar *h, const char *target)
{
	size_t n = strlen(target);

	memcpy(h->linkname, target, n < sizeof(h->linkname) ? n : sizeof(h->linkname));
	if (n > sizeof(h->linkname))
		add_text(&w->pax, "linkpath", target);
}

static void put_owner(struct writer *w, char *field, const char *name, const char *key)
{
	size_t n = strlen(name);

	if (n < 32)
		memcpy(field, name, n);
	else
		add_text(&w->pax, key, name);
}

static void seal(struct ustar *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;
	char text[8];

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += p[i];
	(void)snprintf(text, sizeof(text), "%06o", sum);
	memcpy(h->checksum, text, 7);
}

/* The pax header in front of an entry. Its own name is never used by a reader. */
static int put_pax(struct writer *w)
{
	struct ustar h = { .name = "PaxHeaders/entry", .type = 'x' };
	int r;

	(void)put_octal(h.mode, sizeof(h.mode), 0644);
	(void)put_octal(h.uid, sizeof(h.uid), 0);
	(void)put_octal(h.gid, sizeof(h.gid), 0);
	(void)put_octal(h.mtime, sizeof(h.mtime), 0);
	if (!put_octal(h.size, sizeof(h.size), w->pax.len))
		return ib_fail(w->err, EFBIG, "write the attributes of a file");
	seal(&h);
	r = put(w, &h, sizeof(h));
	if (r >= 0)
		r = put(w, w->pax.data, w->pax.len);
	return r < 0 ? r : pad(w, BLOCK);
}

static uint32_t get_le(const uint8_t *p, int bytes)
{
	uint32_t value = 0;

	for (int i = bytes; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

/* The kernel's form (u32 version, then { u16 tag, u16 permissions, u32 id }) as text:
 * "user::rw-,user:1234:r--,group::r--,mask::rwx,other::---" */
static void add_acl(struct writer *w, const char *key, const struct tree_xattr *x)
{
	static const struct {
		uint32_t tag;
		const char *name;
		bool has_id;
	} tags[] = {
		{ 0x01, "user", false }, { 0x02, "user", true },  { 0x04, "group", false },
		{ 0x08, "group", true }, { 0x10, "mask", false }, { 0x20, "other", false },
	};
	const uint8_t *p = x->value;
	cleanup_buf struct buf text = BUF_INIT;

	for (size_t at = 4; at + 8 <= x->len; at += 8) {
		uint32_t mode = get_le(p + at + 2, 2);
		size_t i = 0;

		while (i < ARRAY_SIZE(tags) - 1 && tags[i].tag != get_le(p + at, 2))
			i++;
		buf_printf(&text, "%s%s:", text.len ? "," : "", tags[i].name);
		if (tags[i].has_id)
			buf_printf(&text, "%" PRIu32, get_le(p + at + 4, 4));
		buf_printf(&text, ":%c%c%c", mode & 4 ? 'r' : '-', mode & 2 ? 'w' : '-',
			   mode & 1 ? 'x' : '-');
	}
	if (text.len)
		add_record(&w->pax, key, text.data, text.len);
}

/* '=' would end the key; GNU tar's spelling. */
static void add_xattr(struct writer *w, const struct tree_xattr *x)
{
	cleanup_buf struct buf key = BUF_INIT;

	buf_str(&key, "SCHILY.xattr.");
	for (const char *p = x->name; *p; p++)
		if (*p == '=' || *p == '%')
			buf_printf(&key, "%%%02X", (unsigned)*p);
		else
			buf_char(&key, *p);
	add_record(&w->pax, key.data, x->value, x->len);
}

static void add_xattrs(struct writer *w, const struct tree_entry *e)
{
	for (size_t i = 0; i < e->xattrs_len; i++) {
		const struct tree_xattr *x = &e->xattrs[i];

		if (!strcmp(x->name, "system.posix_acl_access"))
			add_acl(w, "SCHILY.acl.access", x);
		else if (!strcmp(x->name, "system.posix_acl_default"))
			add_acl(w, "SCHILY.acl.default", x);
		else
			add_xattr(w, x);
	}
}

static void add_segment(struct writer *w, uint64_t start, uint64_t size)
{
	if (w->segments_len == w->segments_cap) {
		w->segments_cap = w->segments_cap ? w->segments_cap * 2 : 16;
		w->segments = ib_xrealloc(w->segments, w->segments_cap * sizeof(*w->segments));
	}
	w->segments[w->segments_len++] = (struct segment){ .start = start, .size = size };
}

static int find_segments(struct writer *w, const struct tree_entry *e, int fd)
{
	off_t at = 0;

	w->segments_len = 0;
	if (e->allocated >= e->size) {
		add_segment(w, 0, e->size);
		return 0;
	}
	while (at < (off_t)e->size) {
		off_t data = lseek(fd, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break;
		if (data >= 0)
			at = lseek(fd, data, SEEK_HOLE);
		if (data < 0 || at < 0)
			return ib_fail(w->err, errno, "find the holes of '%s'", e->path);
		add_segment(w, (uint64_t)data, (uint64_t)(at - data));
	}
	add_segment(w, e->size, 0); /* says where the file ends */
	return 0;
}

/* GNU's sparse format 1.0: the map is the first part of the data. Returns the size of both. */
static uint64_t describe_sparse(struct writer *w, const struct tree_entry *e, const char *path)
{
	char size[24];
	uint64_t sum = 0;

	(void)snprintf(size, sizeof(size), "%" PRIu64, e->size);
	add_text(&w->pax, "GNU.sparse.major", "1");
	add_text(&w->pax, "GNU.sparse.minor", "0");
	add_text(&w->pax, "GNU.sparse.name", path);
	add_text(&w->pax, "GNU.sparse.realsize", size);
	buf_reset(&w->map);
	buf_printf(&w->map, "%zu\n", w->segments_len);
	for (size_t i = 0; i < w->segments_len; i++) {
		buf_printf(&w->map, "%" PRIu64 "\n%" PRIu64 "\n", w->segments[i].start,
			   w->segments[i].size);
		sum += w->segments[i].size;
	}
	while (w->map.len % BLOCK)
		buf_char(&w->map, '\0');
	return sum + w->map.len;
}

static int put_segment(struct writer *w, const struct tree_entry *e, int fd, struct segment s)
{
	while (s.size) {
		size_t room = PIECE - w->used, n = s.size < room ? (size_t)s.size : room;
		int r = fs_pread_all(fd, w->piece + w->used, n, (off_t)s.start);

		if (r < 0)
			return ib_fail(w->err, -r, "read '%s'", e->path);
		w->used += n;
		s.start += n;
		s.size -= n;
		r = w->used == PIECE ? flush(w) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_content(struct writer *w, const struct tree_entry *e, int fd)
{
	int r = 0;

	if (e->allocated < e->size)
		r = put(w, w->map.data, w->map.len);
	for (size_t i = 0; r >= 0 && i < w->segments_len; i++)
		r = put_segment(w, e, fd, w->segments[i]);
	return r < 0 ? r : pad(w, BLOCK);
}

static char type_of(const struct tree_entry *e)
{
	switch (e->mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static void describe(struct writer *w, const struct tree_entry *e, struct ustar *h)
{
	const struct tree_entry *first = &w->tree->entries[e->link];

	(void)put_octal(h->mode, sizeof(h->mode), e->mode & 07777);
	put_number(w, h->uid, sizeof(h->uid), e->uid, "uid");
	put_number(w, h->gid, sizeof(h->gid), e->gid, "gid");
	put_owner(w, h->uname, find_owner(&w->users, e->uid), "uname");
	put_owner(w, h->gname, find_owner(&w->groups, e->gid), "gname");
	put_mtime(w, h, e->mtime);
	(void)put_octal(h->major, sizeof(h->major), e->major);
	(void)put_octal(h->minor, sizeof(h->minor), e->minor);
	h->type = type_of(e);
	if (first != e) {
		cleanup_free char *target = ib_xprintf("./%s", first->path);

		h->type = '1';
		put_target(w, h, target);
		return;
	}
	if (S_ISLNK(e->mode))
		put_target(w, h, e->target);
	add_xattrs(w, e);
}

static int write_entry(struct writer *w, const struct tree_entry *e)
{
	bool has_data = S_ISREG(e->mode) && &w->tree->entries[e->link] == e && e->size;
	cleanup_fd int fd = has_data ? tree_open_file(w->tree, e) : -1;
	cleanup_free char *path = ib_xprintf(*e->path ? "./%s" : ".%s", e->path);
	struct ustar h = { .type = 0 };
	uint64_t size = has_data ? e->size : 0;
	int r = 0;

	if (has_data && fd < 0)
		return ib_fail(w->err, -fd, "open '%s'", e->path);
	buf_reset(&w->pax);
	describe(w, e, &h);
	if (has_data)
		r = find_segments(w, e, fd);
	if (r < 0)
		return r;
	if (has_data && e->allocated < e->size) {
		size = describe_sparse(w, e, path);
		(void)put_name(&h, "./GNUSparseFile/entry");
	} else {
		put_path(w, &h, path);
	}
	put_number(w, h.size, sizeof(h.size), size, "size");
	seal(&h);
	r = w->pax.len ? put_pax(w) : 0;
	if (r >= 0)
		r = put(w, &h, sizeof(h));
	return r < 0 || !has_data ? r : put_content(w, e, fd);
}

static int put_end(struct writer *w)
{
	static const char end[2 * BLOCK];
	int r = put(w, end, sizeof(end));

	if (r >= 0)
		r = pad(w, RECORD);
	return r < 0 ? r : flush(w);
}

int archive_write_tar(int fd, struct tree *tree, struct ib_error *err)
{
	cleanup_writer struct writer w = {
		.fd = fd, .tree = tree, .piece = ib_xmalloc(PIECE), .err = err
	};
	int r = read_owners(&w, "etc/passwd", &w.users);

	if (r >= 0)
		r = read_owners(&w, "etc/group", &w.groups);
	for (size_t i = 0; r >= 0 && i < tree->len; i++)
		r = write_entry(&w, &tree->entries[i]);
	return r < 0 ? r : put_end(&w);
}

static int put_file(struct writer *w, const struct archive_member *m, uint64_t size)
{
	const struct tree_entry e = { .path = m->path };
	int r;

	if (m->fd < 0)
		r = put(w, m->data, m->len);
	else
		r = put_segment(w, &e, m->fd, (struct segment){ .start = 0, .size = size });
	return r < 0 ? r : pad(w, BLOCK);
}

static int put_member(struct writer *w, const struct archive_member *m, int64_t mtime)
{
	bool is_dir = m->path[strlen(m->path) - 1] == '/';
	struct ustar h = { .type = is_dir ? '5' : '0' };
	struct stat st = { .st_size = (off_t)m->len };
	int r;

	if (m->fd >= 0 && fstat(m->fd, &st) < 0)
		return ib_fail(w->err, errno, "stat '%s'", m->path);
	buf_reset(&w->pax);
	(void)put_octal(h.mode, sizeof(h.mode), is_dir ? 0755 : 0644);
	(void)put_octal(h.uid, sizeof(h.uid), 0);
	(void)put_octal(h.gid, sizeof(h.gid), 0);
	put_number(w, h.size, sizeof(h.size), (uint64_t)st.st_size, "size");
	put_mtime(w, &h, (struct timespec){ .tv_sec = mtime });
	put_path(w, &h, m->path);
	seal(&h);
	r = w->pax.len ? put_pax(w) : 0;
	if (r >= 0)
		r = put(w, &h, sizeof(h));
	return r < 0 ? r : put_file(w, m, (uint64_t)st.st_size);
}

int archive_write_members(int fd, const struct archive_member *members, size_t n, int64_t mtime,
			  struct ib_error *err)
{
	cleanup_writer struct writer w = { .fd = fd, .piece = ib_xmalloc(PIECE), .err = err };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = put_member(&w, &members[i], mtime);
	return r < 0 ? r : put_end(&w);
}
