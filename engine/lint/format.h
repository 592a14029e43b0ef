/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats share. All columns are in characters (Unicode code points), but those of tty and
 * plain, which are the compiler's: bytes. */
#ifndef IMAGEBUILD_LINT_FORMAT_H
#define IMAGEBUILD_LINT_FORMAT_H

#include "lint/lint.h"

struct lint_region {
	const char *file; /* the source's name */
	uint32_t line, column, end_line,
		end_column; /* from 1; the end is behind the last character */
};

/* Where AT is; the first character of an unnamed file for nowhere. */
struct lint_region lint_region(const struct lint *l, struct ib_span at);
/* A file that was judged, or has a finding, and its results. */
struct lint_file_results {
	const char *file;
	struct {
		const struct lint_result **items;
		size_t len, cap;
	} results;
};
struct lint_file_results_vec VEC(struct lint_file_results);
void lint_by_file(const struct lint *l, struct arena *a, struct lint_file_results_vec *ret_files);
/* PATH without "./" in front: as CI systems name the files of a repository. */
const char *lint_report_path(const char *path);
void lint_write_tty(const struct lint *l, struct buf *out, bool has_color);
void lint_write_plain(const struct lint *l, struct buf *out, bool has_color);
void lint_write_github(const struct lint *l, struct buf *out, bool has_color);
void lint_write_json(const struct lint *l, struct buf *out, bool has_color);
void lint_write_gitlab(const struct lint *l, struct buf *out, bool has_color);
void lint_write_sarif(const struct lint *l, struct buf *out, bool has_color);
void lint_write_checkstyle(const struct lint *l, struct buf *out, bool has_color);
void lint_write_junit(const struct lint *l, struct buf *out, bool has_color);

#endif
