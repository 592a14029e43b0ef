/* SPDX-License-Identifier: Apache-2.0 */
/* What the content of a block node is written to: a list of extents of the image file and a transform
 * of the bytes (none yet; AES-XTS with luks). A view of a view's range is again one view, so content in
 * a volume in LUKS on a partition has one path. */
#ifndef IMAGEBUILD_VIEW_H
#define IMAGEBUILD_VIEW_H

#include <imagebuild/base.h>

struct ib_error;

struct view_extent {
	uint64_t at;	 /* byte offset in the view */
	uint64_t offset; /* byte offset in the file */
	uint64_t size;	 /* bytes */
};

struct view {
	int fd;			/* the image file, borrowed */
	const struct view_extent *extents; /* ascending and gapless in `at`; borrowed */
	size_t len;
};

uint64_t view_size(const struct view *v);
/* 0 or -errno; the range must lie inside the view (-ENOSPC where it does not). */
int view_pread(const struct view *v, void *data, size_t n, uint64_t at);
int view_pwrite(const struct view *v, const void *data, size_t n, uint64_t at);
/* Makes the range read as zeros; punches holes where the file can have them. */
int view_zero(const struct view *v, uint64_t at, uint64_t n);
/* Copies the regular file FD from its start through the view; its holes stay unwritten. */
int view_copy_from(const struct view *v, int fd, uint64_t n, struct ib_error *err);

#endif
