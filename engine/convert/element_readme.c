/* SPDX-License-Identifier: Apache-2.0 */
/* A README's first paragraph, without its title, is what a reader of the fragment wants first. */
#include "convert/element.h"

#include <imagebuild/utf8.h>

#include <ctype.h>
#include <string.h>

enum { HEADER_BYTES = 1000 };

static size_t line_length(const char *line)
{
	return strcspn(line, "\n");
}

static const char *next_line(const char *line)
{
	size_t n = line_length(line);

	return line + n + (line[n] == '\n');
}

static bool is_blank(const char *line)
{
	return line[strspn(line, " \t\r")] == '\n';
}

/* "====": a line of one sign. */
static bool is_rule(const char *line)
{
	size_t n = line_length(line);

	return n > 1 && strchr("=-~#*^", *line) && strspn(line, (char[]){ *line, '\0' }) == n;
}

static const char *skip_blank(const char *text)
{
	while (*text && is_blank(text))
		text = next_line(text);
	return text;
}

/* Behind "Title", "====", with or without a line above, or behind "# Title". */
static const char *skip_title(const char *text)
{
	const char *title = is_rule(text) ? next_line(text) : text;

	if (is_rule(next_line(title)))
		return skip_blank(next_line(next_line(title)));
	return strncmp(text, "# ", 2) == 0 ? skip_blank(next_line(text)) : text;
}

static bool is_utf8(const struct element_conversion *c, struct ib_span span)
{
	const char *text = ib_sources_text(c->job->sources, span);
	size_t n = span.end - span.start;

	for (size_t at = 0, len; at < n; at += len) {
		len = utf8_len(text + at, n - at);
		if (!len || !text[at])
			return false;
	}
	return true;
}

int element_readme(struct element_conversion *c, const char *path, struct ib_error *err)
{
	cleanup_buf struct buf paragraph = BUF_INIT;
	struct ib_span span;
	const char *text;
	int r = element_read(c, path, &span, err);

	if (r < 0)
		return r;
	if (!is_utf8(c, span))
		return element_keep(c, path, NULL, (struct ib_span){ 0, 0 }, err);
	text = skip_title(skip_blank(ib_sources_text(c->job->sources, span)));
	for (; *text && !is_blank(text); text = next_line(text))
		buf_printf(&paragraph, "%s%.*s", paragraph.len ? " " : "", (int)line_length(text),
			   text);
	/* What is no prose, and what the parser could take for its own comment, is no header. */
	if (!paragraph.len || paragraph.len > HEADER_BYTES ||
	    !isalnum((unsigned char)*paragraph.data) || strchr(paragraph.data, '='))
		return element_keep(c, path, NULL, (struct ib_span){ 0, 0 }, err);
	write_comment(&c->header, paragraph.data);
	if (*skip_blank(text))
		return element_keep(c, path, NULL, (struct ib_span){ 0, 0 }, err);
	convert_became(c->job, element_path(c, path), "a comment");
	return 0;
}
