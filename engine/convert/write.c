/* SPDX-License-Identifier: Apache-2.0 */
/* Recipe text: words, heredocs and comments that the front end reads as what they were made of. */
#include "convert/private.h"

#include <imagebuild/utf8.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	COLUMNS = 100,      /* of a comment */
	LINE_BYTES = 65535, /* docs/language.md, "Limits" */
};

static bool is_plain(const char *text)
{
	if (!*text || strncmp(text, "--", 2) == 0)
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_./:=@%+,^~-", *p) &&
		    (unsigned char)*p < 0x80)
			return false;
	return true;
}

static void write_double(struct buf *out, const char *text, const char *escaped)
{
	buf_char(out, '"');
	for (const char *p = text; *p; p++) {
		if (strchr(escaped, *p))
			buf_char(out, '\\');
		buf_char(out, *p);
	}
	buf_char(out, '"');
}

void write_word(struct buf *out, const char *text)
{
	if (is_plain(text))
		buf_str(out, text);
	else if (!strchr(text, '\''))
		buf_printf(out, "'%s'", text);
	else
		write_double(out, text, "\"\\$`");
}

/* Whether TEXT is a plain word but for ${NAME}. */
static bool is_open_plain(const char *text)
{
	cleanup_buf struct buf rest = BUF_INIT;

	for (const char *p = text; *p; p++) {
		const char *end = strncmp(p, "${", 2) == 0 ? strchr(p, '}') : NULL;

		if (end)
			p = end;
		buf_char(&rest, end ? 'x' : *p);
	}
	return rest.len && is_plain(rest.data);
}

void write_open_word(struct buf *out, const char *text)
{
	if (is_open_plain(text))
		buf_str(out, text);
	else if (!strchr(text, '$'))
		write_word(out, text);
	else
		write_double(out, text, "\"\\`");
}

/* Whether each line comes out of a heredoc as it is: the scanner drops carriage returns before a
 * line's end. */
static bool is_body(const char *body, size_t len)
{
	size_t line = 0;

	if (!len || body[len - 1] != '\n' || memchr(body, '\0', len) ||
	    memmem(body, len, "\r\n", 2))
		return false;
	for (size_t i = 0, n = 0; i < len; i += n) {
		n = utf8_len(body + i, len - i);
		line = body[i] == '\n' ? 0 : line + n;
		if (n == 0 || line > LINE_BYTES)
			return false;
	}
	return true;
}

static bool has_line(const char *body, size_t len, const char *line)
{
	size_t n = strlen(line);
	const char *end = body + len;

	for (const char *p = body; p < end; p += strcspn(p, "\n") + 1)
		if ((size_t)(end - p) > n && memcmp(p, line, n) == 0 && p[n] == '\n')
			return true;
	return false;
}

bool write_heredoc(struct buf *out, const char *head, const char *body, size_t len, bool is_quoted)
{
	char name[32] = "EOF";

	if (!is_body(body, len))
		return false;
	for (unsigned i = 2; has_line(body, len, name); i++)
		(void)snprintf(name, sizeof(name), "EOF%u", i);
	buf_printf(out, is_quoted ? "%s <<'%s'\n" : "%s <<%s\n", head, name);
	buf_add(out, body, len);
	buf_printf(out, "%s\n", name);
	return true;
}

/* A line of TEXT, broken at blanks; a longer word stands alone. */
static void write_comment_line(struct buf *out, const char *text, size_t n)
{
	size_t column = 1;

	buf_char(out, '#');
	for (size_t at = 0, len; at < n; at += len) {
		at += strspn(text + at, " \t\r");
		len = at < n ? strcspn(text + at, " \t\r\n") : 0;
		if (!len)
			break;
		if (column > 1 && column + 1 + utf8_count(text + at, len) > COLUMNS) {
			buf_str(out, "\n#");
			column = 1;
		}
		buf_char(out, ' ');
		buf_add(out, text + at, len);
		column += 1 + utf8_count(text + at, len);
	}
	buf_char(out, '\n');
}

void write_comment(struct buf *out, const char *text)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		write_comment_line(out, text, (size_t)(end - text));
	}
}
