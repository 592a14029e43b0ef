/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and what they share. */
#include "lint/format.h"

#include <imagebuild/map.h>
#include <imagebuild/utf8.h>

#include <string.h>

const struct lint_format lint_formats[] = {
	{ "tty", "for people: the source line and a caret", lint_write_tty },
	{ "plain", "file:line:column: severity: text [rule]", lint_write_plain },
	{ "json", "docs/schema/lint.schema.json", lint_write_json },
	{ "sarif", "SARIF 2.1.0", lint_write_sarif },
	{ "github", "workflow commands of GitHub Actions", lint_write_github },
	{ "gitlab", "GitLab's code quality report", lint_write_gitlab },
	{ "checkstyle", "checkstyle's XML", lint_write_checkstyle },
	{ "junit", "JUnit's XML: a test case a finding", lint_write_junit },
	{ "baseline", "for --baseline", lint_baseline },
};
const size_t lint_formats_len = ARRAY_SIZE(lint_formats);

#define LONG_LINE 65535 /* bytes; no recipe has a longer one */

/* The column in characters; of a longer line in bytes, so that many findings in one stay cheap. */
static uint32_t characters(const struct ib_place *p)
{
	uint32_t bytes = p->column - 1;

	if (bytes > p->text_len)
		bytes = p->text_len;
	if (bytes > LONG_LINE)
		return bytes + 1;
	return (uint32_t)utf8_count(p->text, bytes) + 1;
}

struct lint_region lint_region(const struct lint *l, struct ib_span at)
{
	const struct ib_sources *sources = ib_diag_sources(lint_diag(l));
	struct lint_region r = { "", 1, 1, 1, 1 };
	struct ib_place start, end;

	if (!ib_sources_locate(sources, at.start, &start))
		return r;
	if (at.end < at.start || !ib_sources_locate(sources, at.end, &end))
		end = start;
	r.file = start.file;
	r.line = start.line;
	r.column = characters(&start);
	r.end_line = end.line;
	r.end_column = characters(&end);
	return r;
}

void lint_by_file(const struct lint *l, struct arena *a, struct lint_file_results_vec *ret_files)
{
	struct map index = { 0 }; /* name -> its place in ret_files, from 1 */

	vec_foreach (const char *, file, lint_files(l)) {
		vec_push(a, ret_files, ((struct lint_file_results){ .file = *file }));
		*map_put(a, &index, *file) = (void *)(uintptr_t)ret_files->len; /* NOLINT */
	}
	vec_foreach (struct lint_result, r, lint_results(l)) {
		void **slot = map_put(a, &index, r->file);

		if (!*slot) {
			vec_push(a, ret_files, ((struct lint_file_results){ .file = r->file }));
			*slot = (void *)(uintptr_t)ret_files->len; /* NOLINT */
		}
		vec_push(a, &ret_files->items[(uintptr_t)*slot - 1].results, r);
	}
}

const char *lint_report_path(const char *path)
{
	while (strncmp(path, "./", 2) == 0)
		for (path += 2; *path == '/';)
			path++;
	return path;
}
