/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets of elements share: any bytes as the files of the element "e". A byte 0 ends a file. */
#ifndef IMAGEBUILD_FUZZ_PARTS_H
#define IMAGEBUILD_FUZZ_PARTS_H

#include "unit/fixture.h"

static inline void write_parts(const struct fixture *f, const char *const *files, size_t files_len,
			       const char *text, size_t n)
{
	for (size_t i = 0; i < files_len && n > 0; i++) {
		size_t len = strnlen(text, n);

		if (len > 0)
			fixture_write(f, arena_printf(f->arena, "lib/e/%s", files[i]), 0755,
				      arena_strndup(f->arena, text, len));
		text += len < n ? len + 1 : len;
		n -= len < n ? len + 1 : len;
	}
}

#endif
