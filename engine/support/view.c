/* SPDX-License-Identifier: Apache-2.0 */
/* Views over extents of the image file: each access is cut into the pieces that lie in one extent.
 */
#include "support/view.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What of [at, at + n) lies in one extent: where that is in the file, and how long. */
struct piece {
	off_t offset;
	size_t len;
};

uint64_t view_size(const struct view *v)
{
	if (v->len == 0)
		return 0;
	return v->extents[v->len - 1].at + v->extents[v->len - 1].size;
}

static bool is_inside(const struct view *v, uint64_t at, uint64_t n)
{
	uint64_t size = view_size(v);

	return at <= size && n <= size - at;
}

/* The caller has checked that AT is inside. */
static struct piece find_piece(const struct view *v, uint64_t at, uint64_t n)
{
	size_t low = 0, high = v->len;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (v->extents[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	const struct view_extent *e = &v->extents[low];
	uint64_t skip = at - e->at, rest = e->size - skip;

	assert(skip < e->size);
	return (struct piece){ .offset = (off_t)(e->offset + skip), .len = n < rest ? n : rest };
}

int view_pread(const struct view *v, void *data, size_t n, uint64_t at)
{
	char *to = data;

	if (!is_inside(v, at, n))
		return -ENOSPC;
	while (n > 0) {
		struct piece p = find_piece(v, at, n);
		int r = fs_pread_all(v->fd, to, p.len, p.offset);

		if (r < 0)
			return r;
		to += p.len;
		at += p.len;
		n -= p.len;
	}
	return 0;
}

int view_pwrite(const struct view *v, const void *data, size_t n, uint64_t at)
{
	const char *from = data;

	if (!is_inside(v, at, n))
		return -ENOSPC;
	while (n > 0) {
		struct piece p = find_piece(v, at, n);
		int r = fs_pwrite_all(v->fd, from, p.len, p.offset);

		if (r < 0)
			return r;
		from += p.len;
		at += p.len;
		n -= p.len;
	}
	return 0;
}

/* For file systems without holes. */
static int write_zeros(int fd, off_t at, size_t n)
{
	static const char zeros[64 << 10];

	while (n > 0) {
		size_t chunk = n < sizeof(zeros) ? n : sizeof(zeros);
		int r = fs_pwrite_all(fd, zeros, chunk, at);

		if (r < 0)
			return r;
		at += (off_t)chunk;
		n -= chunk;
	}
	return 0;
}

static int zero_piece(int fd, const struct piece *p)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, p->offset, (off_t)p->len) ==
	    0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	return write_zeros(fd, p->offset, p->len);
}

int view_zero(const struct view *v, uint64_t at, uint64_t n)
{
	if (!is_inside(v, at, n))
		return -ENOSPC;
	while (n > 0) {
		struct piece p = find_piece(v, at, n);
		int r = zero_piece(v->fd, &p);

		if (r < 0)
			return r;
		at += p.len;
		n -= p.len;
	}
	return 0;
}

static int copy_range(const struct view *v, int fd, uint64_t at, uint64_t end, struct ib_error *err)
{
	size_t size = 1 << 20;
	cleanup_free char *data = ib_xmalloc(size);

	while (at < end) {
		size_t n = end - at < size ? end - at : size;
		int r = fs_pread_all(fd, data, n, (off_t)at);

		if (r < 0)
			return ib_fail(err, -r, "read the content of a file system");
		r = view_pwrite(v, data, n, at);
		if (r < 0)
			return ib_fail(err, -r, "write a file system to the disk");
		at += n;
	}
	return 0;
}

int view_copy_from(const struct view *v, int fd, uint64_t n, struct ib_error *err)
{
	uint64_t at = 0;

	while (at < n) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return 0; /* only a hole is left */
		if (data < 0)
			return ib_fail(err, errno, "look for data");
		off_t hole = lseek(fd, data, SEEK_HOLE);

		if (hole < 0)
			return ib_fail(err, errno, "look for a hole");
		if ((uint64_t)data >= n)
			return 0;
		uint64_t end = (uint64_t)hole < n ? (uint64_t)hole : n;
		int r = copy_range(v, fd, (uint64_t)data, end, err);

		if (r < 0)
			return r;
		at = end;
	}
	return 0;
}
