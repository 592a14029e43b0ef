/* SPDX-License-Identifier: Apache-2.0 */
/* The source map: all texts laid end to end in one 32-bit offset space, so that a span is eight
 * bytes and names its file. Shared by recipe, elements and diagnostics. */
#ifndef IMAGEBUILD_SOURCE_H
#define IMAGEBUILD_SOURCE_H

#include <imagebuild/base.h>

struct ib_sources;
struct ib_error;

/* Bounds of one text, of their sum, and of INCLUDE nesting (docs/language.md, "Limits"). */
#define IB_SOURCE_MAX (16u << 20)
#define IB_SOURCES_MAX 0x7fffffffu

struct ib_place {
	const char *file;      /* as given by the user */
	uint32_t line, column; /* from 1; columns count bytes */
	const char *text;      /* the line, without its end; not NUL-terminated */
	uint32_t text_len;
	uint32_t line_start; /* offset of the line's first byte in the offset space */
};

struct ib_sources *ib_sources_new(void);
void ib_sources_free(struct ib_sources *s);

/* Adds a text under NAME (copied); the span covers all of it. -E2BIG past the bounds. */
int ib_sources_add(struct ib_sources *s, const char *name, const char *text, size_t n,
		   struct ib_span *ret_span, struct ib_error *err);
/* Reads the regular file PATH ("-": standard input) and adds it. -E2BIG, -EISDIR, or open's. */
int ib_sources_read(struct ib_sources *s, const char *path, struct ib_span *ret_span,
		    struct ib_error *err);
/* The same, opened relative to DIR_FD; NAME is what diagnostics print. */
int ib_sources_read_at(struct ib_sources *s, int dir_fd, const char *path, const char *name,
		       struct ib_span *ret_span, struct ib_error *err);

/* Records that the text at TEXT was asked for by ASKED, as an INCLUDE; diagnostics say so. */
void ib_sources_included(struct ib_sources *s, struct ib_span text, struct ib_span asked);
/* The span that asked for the text of OFFSET; nowhere where none did. */
struct ib_span ib_sources_includer(const struct ib_sources *s, uint32_t offset);

/* The bytes of a span; borrowed, NUL-terminated only at the end of its file. */
const char *ib_sources_text(const struct ib_sources *s, struct ib_span span);
/* File, line and column of an offset. False for "nowhere". */
bool ib_sources_locate(const struct ib_sources *s, uint32_t offset, struct ib_place *ret_place);

#endif
