/* SPDX-License-Identifier: Apache-2.0 */
/* A source-repository-* file as SOURCE lines, where source-repositories would fetch it and a shell
 * would change nothing in it. */
#include "convert/element.h"

#include <imagebuild/error.h>

#include <string.h>

/* NAME TYPE DEST LOCATION [REF] in words that a shell leaves as they are. */
static bool add_line(struct buf *out, const char *line, size_t n)
{
	size_t words = 0;

	buf_str(out, "SOURCE --order=98"); /* the number of source-repositories */
	for (size_t at = 0, len; at < n; at += len) {
		at += strspn(line + at, " \t");
		len = strcspn(line + at, " \t\r\n");
		if (at >= n)
			break;
		for (size_t i = 0; i < len; i++)
			if (strchr("$\\'\"`*?[]{}~<>|&;()!#", line[at + i]))
				return false;
		buf_printf(out, " %.*s", (int)len, line + at);
		words++;
	}
	buf_char(out, '\n');
	return words == 4 || words == 5;
}

int element_sources(struct element_conversion *c, const char *path, struct ib_error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_span span;
	const char *text, *end;
	int r = element_read(c, path, &span, err);

	if (r < 0)
		return r;
	if (!element_needs(c, "source-repositories"))
		return element_keep(c, path,
				    "nothing that the element needs brings source-repositories",
				    span, err);
	text = ib_sources_text(c->job->sources, span);
	for (const char *last = text + (span.end - span.start); text < last; text = end + 1) {
		uint32_t at = span.end - (uint32_t)(last - text);
		size_t blank = strspn(text, " \t");

		end = memchr(text, '\n', (size_t)(last - text));
		end = end ? end : last;
		if (text + blank >= end)
			continue;
		if (text[blank] == '#')
			buf_printf(&out, "%.*s\n", (int)(end - text - (long)blank), text + blank);
		else if (!add_line(&out, text, (size_t)(end - text)))
			return element_keep(
				c, path, "a shell reads this line otherwise than SOURCE would",
				(struct ib_span){ at, at + (uint32_t)(end - text) }, err);
	}
	convert_became(c->job, element_path(c, path), "%s",
		       out.len ? "SOURCE" : "nothing: it is empty");
	buf_add(&c->sources, out.data, out.len);
	return 0;
}
