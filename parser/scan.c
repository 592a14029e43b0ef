/* SPDX-License-Identifier: Apache-2.0 */
/* Logical lines and heredoc bodies. Lines are joined here and not in the lexer because a comment
 * between continued lines vanishes and because a heredoc's terminator is data, which flex cannot
 * match. Nothing is copied but the logical line itself and bodies that lose tabs or carriage
 * returns. */
#include "parse.h"

#include <imagebuild/utf8.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A physical line without its end. */
struct physical {
	const char *text;
	uint32_t len;
	uint32_t at; /* source offset */
};

enum {
	OPEN_HEREDOC_LIMIT = 64, /* each costs a look at the rest of the file */
	EMPTY_LINE_LIMIT = 100   /* warnings of that kind */
};

static struct ib_span span_of(uint32_t at, size_t n)
{
	return (struct ib_span){ at, at + (uint32_t)n };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static uint32_t blanks(const struct physical *p)
{
	uint32_t n = 0;

	while (n < p->len && is_blank(p->text[n]))
		n++;
	return n;
}

static void check_bytes(struct scan *s, const struct physical *p)
{
	const char *nul = s->has_nul ? NULL : memchr(p->text, '\0', p->len);

	if (nul) {
		s->has_nul = true;
		ib_diag_add(s->diag, IB_D_NUL_BYTE, span_of(p->at + (uint32_t)(nul - p->text), 1),
			    "NUL byte: a recipe is text");
	}
	if (p->len > LINE_LIMIT)
		ib_diag_add(s->diag, IB_D_LONG_LINE, span_of(p->at, 1),
			    "line of %u bytes; at most %d are allowed, continue it with '%c'",
			    p->len, LINE_LIMIT, s->escape);
	for (size_t i = 0, n = 0; i < p->len && !s->has_bad_utf8; i += n) {
		n = utf8_len(p->text + i, p->len - i);
		if (n > 0)
			continue;
		s->has_bad_utf8 = true;
		ib_diag_add(s->diag, IB_D_BAD_UTF8, span_of(p->at + (uint32_t)i, 1),
			    "byte 0x%02x is not UTF-8: save the file as UTF-8",
			    (unsigned char)p->text[i]);
	}
}

/* The line at POS, without moving on; in ret_next the position behind it. */
static bool peek_physical(const struct scan *s, uint32_t pos, struct physical *ret_line,
			  uint32_t *ret_next)
{
	const char *end;
	uint32_t n;

	if (pos >= s->len)
		return false;
	end = memchr(s->text + pos, '\n', s->len - pos);
	n = end ? (uint32_t)(end - (s->text + pos)) : s->len - pos;
	*ret_next = pos + n + (end ? 1 : 0);
	if (n > 0 && s->text[pos + n - 1] == '\r')
		n--;
	*ret_line = (struct physical){ s->text + pos, n, s->base + pos };
	return true;
}

static bool next_physical(struct scan *s, struct physical *ret_line)
{
	if (!peek_physical(s, s->pos, ret_line, &s->pos))
		return false;
	check_bytes(s, ret_line);
	return true;
}

static void add_segment(struct scan *s, struct line *l, const char *text, uint32_t n, uint32_t at)
{
	size_t start = l->text.len;
	struct ib_segment seg = { (uint32_t)start, span_of(at, n) };

	if (n == 0 && l->segments.len > 0)
		return;
	(void)vec_push(s->arena, &l->segments, seg);
	buf_add(&l->text, text, n);
	for (char *c = n ? memchr(l->text.data + start, '\0', n) : NULL; c;
	     c = memchr(c, '\0', l->text.len - (size_t)(c - l->text.data)))
		*c = '?'; /* already reported */
}

/* Bytes of P before the escape that continues the line; false where it is not continued. Of several
 * escapes at the end each second one is an escaped one. */
static bool is_continued(const struct scan *s, const struct physical *p, uint32_t *ret_len)
{
	uint32_t end = p->len, n = 0;

	while (end > 0 && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t'))
		end--;
	while (n < end && p->text[end - 1 - n] == s->escape)
		n++;
	if (n % 2 == 0)
		return false;
	*ret_len = end - 1;
	return true;
}

static bool is_comment(const struct physical *p)
{
	uint32_t n = blanks(p);

	return n < p->len && p->text[n] == '#';
}

static void warn_empty(struct scan *s, const struct physical *p)
{
	if (s->empty_lines++ < EMPTY_LINE_LIMIT)
		ib_diag_add(s->diag, IB_D_EMPTY_CONTINUATION, span_of(p->at, p->len),
			    "empty line in a continued instruction");
}

/* Joins what follows a continued line. Comments and empty lines between vanish; of the empty ones
 * the first is reported. */
static void join_rest(struct scan *s, struct line *l)
{
	struct physical p;
	bool is_open = true, has_empty = false;
	uint32_t len = 0;

	while (is_open && next_physical(s, &p)) {
		bool is_empty = blanks(&p) == p.len;

		if (is_empty && !has_empty)
			warn_empty(s, &p);
		has_empty |= is_empty;
		if (is_empty || is_comment(&p))
			continue;
		is_open = is_continued(s, &p, &len);
		if (!is_open)
			len = p.len;
		add_segment(s, l, p.text, len, p.at);
	}
}

/* Adds the text of a comment line, without '#' and one blank, to the block above the next line. */
static void add_comment(struct buf *b, const struct physical *p)
{
	uint32_t n = blanks(p) + 1;

	if (n < p->len && p->text[n] == ' ')
		n++;
	if (b->len > 0)
		buf_char(b, '\n');
	buf_add(b, p->text + n, p->len - n);
}

bool scan_line(struct scan *s, struct line *l)
{
	cleanup_buf struct buf comment = BUF_INIT;
	struct physical p;
	uint32_t skip, len = 0;
	bool is_open;

	buf_reset(&l->text);
	l->segments.len = l->cursor = 0;
	for (;;) {
		if (!next_physical(s, &p))
			return false;
		skip = blanks(&p);
		if (skip == p.len)
			buf_reset(&comment);
		else if (is_comment(&p))
			add_comment(&comment, &p);
		else
			break;
	}
	l->comment = comment.len ? arena_strndup(s->arena, comment.data, comment.len) : NULL;
	is_open = is_continued(s, &p, &len);
	if (!is_open)
		len = p.len;
	if (len < skip)
		skip = len;
	add_segment(s, l, p.text + skip, len - skip, p.at + skip);
	if (is_open)
		join_rest(s, l);
	len = (uint32_t)l->text.len;
	buf_add(&l->text, "\n\0", 3);
	l->text.len = len;
	return true;
}

/* The segment that holds byte OFF; the end of the text belongs to the last one. */
static const struct ib_segment *find_segment(struct line *l, size_t off)
{
	if (l->segments.items[l->cursor].at > off)
		l->cursor = 0;
	while (l->cursor + 1 < l->segments.len && l->segments.items[l->cursor + 1].at <= off)
		l->cursor++;
	return &l->segments.items[l->cursor];
}

struct ib_span line_span(struct line *l, size_t start, size_t end)
{
	const struct ib_segment *first = find_segment(l, start);
	uint32_t from = first->source.start + (uint32_t)(start - first->at);
	const struct ib_segment *last;

	if (end <= start)
		return (struct ib_span){ from, from };
	last = find_segment(l, end - 1);
	return (struct ib_span){ from, last->source.start + (uint32_t)(end - 1 - last->at) + 1 };
}

void line_segments(struct line *l, size_t start, size_t end, struct arena *a,
		   struct ib_segment_vec *ret_segments)
{
	const struct ib_segment *last = &l->segments.items[l->segments.len - 1];

	if (end <= start)
		return;
	for (const struct ib_segment *seg = find_segment(l, start); seg <= last && seg->at < end;
	     seg++) {
		struct ib_segment part = *seg;
		uint32_t skip = seg->at < start ? (uint32_t)start - seg->at : 0;

		part.source.start += skip;
		part.at = seg->at + skip - (uint32_t)start;
		(void)vec_push(a, ret_segments, part);
	}
	if (ret_segments->len == 1)
		ret_segments->len = 0; /* contiguous: the span says it all */
}

static bool is_terminator(const struct ib_ast_heredoc *h, const struct physical *p)
{
	size_t n = strlen(h->name);
	uint32_t skip = 0;

	while (h->strips_tabs && skip < p->len && p->text[skip] == '\t')
		skip++;
	return p->len - skip == n && memcmp(p->text + skip, h->name, n) == 0;
}

/* Where a heredoc without terminator was meant to end: before the next line that starts with an
 * instruction in capitals, so that one mistake does not hide the rest. */
static uint32_t guess_end(const struct scan *s)
{
	struct physical p;
	uint32_t pos = s->pos, next = 0;

	while (peek_physical(s, pos, &p, &next)) {
		size_t n = 0;

		while (n < p.len && p.text[n] >= 'A' && p.text[n] <= 'Z')
			n++;
		if (n > 0 && (n == p.len || is_blank(p.text[n])) && directive_find(p.text, n))
			return pos;
		pos = next;
	}
	return s->len;
}

static bool find_terminator(const struct scan *s, const struct ib_ast_heredoc *h, uint32_t *ret_end)
{
	struct physical p;
	uint32_t pos = s->pos, next = 0;

	while (peek_physical(s, pos, &p, &next)) {
		if (is_terminator(h, &p)) {
			*ret_end = pos;
			return true;
		}
		pos = next;
	}
	return false;
}

/* Collects the lines up to END, with \n line ends and without the tabs of <<-. */
static void read_body(struct scan *s, struct ib_ast_heredoc *h, uint32_t end)
{
	cleanup_buf struct buf body = BUF_INIT;
	struct physical p;

	while (s->pos < end && next_physical(s, &p)) {
		struct ib_segment seg, *last;
		uint32_t skip = 0;

		while (h->strips_tabs && skip < p.len && p.text[skip] == '\t')
			skip++;
		seg = (struct ib_segment){ (uint32_t)body.len,
					   span_of(p.at + skip, p.len - skip + 1) };
		last = h->segments.len ? &h->segments.items[h->segments.len - 1] : NULL;
		if (last && last->source.end == seg.source.start)
			last->source.end = seg.source.end;
		else
			(void)vec_push(s->arena, &h->segments, seg);
		buf_add(&body, p.text + skip, p.len - skip);
		buf_char(&body, '\n');
	}
	for (size_t i = 0; s->has_nul && i < body.len; i++) {
		if (body.data[i] == '\0')
			body.data[i] = '?';
	}
	h->body = arena_strndup(s->arena, body.data ? body.data : "", body.len);
	h->len = body.len;
}

void scan_heredoc(struct scan *s, struct ib_ast_heredoc *h)
{
	uint32_t start = s->pos, end = s->len;
	struct physical p;

	if (!find_terminator(s, h, &end)) {
		ib_diag_add(s->diag, IB_D_OPEN_HEREDOC, h->at,
			    "heredoc without its end: no line is '%s' alone", h->name);
		end = guess_end(s);
		if (++s->open_heredocs >= OPEN_HEREDOC_LIMIT)
			end = s->len;
		read_body(s, h, end);
		h->body_at = (struct ib_span){ s->base + start, s->base + s->pos };
		return;
	}
	read_body(s, h, end);
	h->body_at = (struct ib_span){ s->base + start, s->base + end };
	(void)next_physical(s, &p);
}

/* --- parser directives: "# key=value" lines at the very top --- */

enum parser_key { KEY_IMAGEFILE, KEY_ESCAPE, KEY_CHECK, KEY_SYNTAX, KEYS };
static const char *const key_names[KEYS] = { "imagefile", "escape", "check", "syntax" };

struct parser_directive {
	enum parser_key key;
	struct ib_span key_at, value_at;
	const char *value;
};

static bool read_parser_directive(struct scan *s, const struct physical *p,
				  struct parser_directive *ret)
{
	uint32_t i = blanks(p), key, key_len, end = p->len;

	if (i >= p->len || p->text[i] != '#')
		return false;
	for (i++; i < p->len && is_blank(p->text[i]);)
		i++;
	for (key = i; i < p->len && isalnum((unsigned char)p->text[i]);)
		i++;
	key_len = i - key;
	while (i < p->len && is_blank(p->text[i]))
		i++;
	if (key_len == 0 || i >= p->len || p->text[i] != '=')
		return false;
	for (i++; i < p->len && is_blank(p->text[i]);)
		i++;
	while (end > i && is_blank(p->text[end - 1]))
		end--;
	for (ret->key = 0; ret->key < KEYS; ret->key++) {
		if (strlen(key_names[ret->key]) == key_len &&
		    strncasecmp(key_names[ret->key], p->text + key, key_len) == 0)
			break;
	}
	if (ret->key == KEYS)
		return false;
	ret->key_at = span_of(p->at + key, key_len);
	ret->value_at = span_of(p->at + i, end - i);
	ret->value = arena_strndup(s->arena, p->text + i, end - i);
	return true;
}

/* skip=A,B;error=true */
static void check_check(struct scan *s, const struct parser_directive *d)
{
	const char *p = d->value;

	for (;;) {
		size_t n = strcspn(p, ";");
		bool is_error = strncmp(p, "error=", 6) == 0;

		if (!(strncmp(p, "skip=", 5) == 0 && n > 5) &&
		    !(is_error && ((n == 10 && strncmp(p + 6, "true", 4) == 0) ||
				   (n == 11 && strncmp(p + 6, "false", 5) == 0)))) {
			uint32_t at = d->value_at.start + (uint32_t)(p - d->value);

			ib_diag_add(
				s->diag, IB_D_BAD_DIRECTIVE, span_of(at, n),
				"'%.*s' is not understood; write # check=skip=RULE,RULE;error=true",
				(int)n, p);
		}
		if (p[n] == '\0')
			return;
		p += n + 1;
	}
}

static void apply_directive(struct scan *s, const struct parser_directive *d)
{
	switch (d->key) {
	case KEY_IMAGEFILE:
		if (strcmp(d->value, "1") != 0)
			ib_diag_add(
				s->diag, IB_D_BAD_DIRECTIVE, d->value_at,
				"version '%s' of the language is not known; this program knows 1",
				d->value);
		break;
	case KEY_ESCAPE:
		if (strcmp(d->value, "\\") == 0 || strcmp(d->value, "`") == 0)
			s->escape = d->value[0];
		else
			ib_diag_add(s->diag, IB_D_BAD_DIRECTIVE, d->value_at,
				    "the escape character is '\\' or '`', not '%s'", d->value);
		break;
	case KEY_CHECK:
		s->check = d->value;
		check_check(s, d);
		break;
	case KEY_SYNTAX:
	case KEYS:
		break;
	}
}

void scan_begin(struct scan *s)
{
	struct ib_span seen[KEYS] = { { 0, 0 } };
	struct parser_directive d;
	struct physical p;
	uint32_t next = 0;

	s->escape = '\\';
	if (s->len >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0)
		s->pos = 3;
	if (peek_physical(s, s->pos, &p, &next) && p.len >= 2 && memcmp(p.text, "#!", 2) == 0)
		s->pos = next;
	while (peek_physical(s, s->pos, &p, &next) && read_parser_directive(s, &p, &d)) {
		check_bytes(s, &p);
		s->pos = next;
		if (seen[d.key].start) {
			ib_diag_add(s->diag, IB_D_BAD_DIRECTIVE, d.key_at,
				    "only one '%s' parser directive can be used", key_names[d.key]);
			ib_diag_note(s->diag, seen[d.key], "the first is here");
		} else {
			apply_directive(s, &d);
			seen[d.key] = d.key_at;
		}
	}
}
