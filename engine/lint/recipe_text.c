/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on how a recipe is written. What `fmt` would change in one place only has a rule of its
 * own; all else that it would change is one finding (9013). */
#include "lint/recipe.h"

#include <ctype.h>
#include <string.h>

struct line {
	uint32_t start, end; /* without its end */
};

/* The line of FILE at *AT, which moves on. */
static bool next_line(const struct ib_sources *sources, struct ib_span file, uint32_t *at,
		      struct line *ret_line)
{
	const char *text, *end;

	if (*at >= file.end)
		return false;
	text = ib_sources_text(sources, (struct ib_span){ *at, file.end });
	end = memchr(text, '\n', file.end - *at);
	*ret_line = (struct line){ *at, end ? *at + (uint32_t)(end - text) : file.end };
	*at = ret_line->end + (end ? 1 : 0);
	return true;
}

static const char *text_at(const struct lint *l, uint32_t at)
{
	return ib_sources_text(l->sources, (struct ib_span){ at, at });
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The blanks behind the escape that ends LINE. */
static bool trailing_blank(const struct lint *l, char escape, struct line line,
			   struct ib_span *ret_at)
{
	const char *text = text_at(l, line.start);
	uint32_t n = line.end - line.start, end, escapes = 0, first = 0;

	n -= n > 0 && text[n - 1] == '\r';
	for (end = n; end > 0 && is_blank(text[end - 1]);)
		end--;
	while (escapes < end && text[end - 1 - escapes] == escape)
		escapes++;
	while (first < end && is_blank(text[first]))
		first++;
	*ret_at = (struct ib_span){ line.start + end, line.start + n };
	return end < n && escapes % 2 == 1 && text[first] != '#';
}

static void find_trailing_blanks(struct lint *l, const struct lint_recipe *r,
				 struct ib_edit_vec *edits)
{
	for (const struct ib_ast_instruction *in = r->ast->instructions; in; in = in->next) {
		uint32_t at = in->at.start;
		struct line line;

		while (next_line(l->sources, r->text, &at, &line) && line.end < in->at.end) {
			struct ib_edit edit = { .text = "" };

			if (trailing_blank(l, r->ast->escape, line, &edit.at))
				(void)vec_push(l->arena, edits, edit);
		}
	}
}

void lint_1610(struct lint *l, const struct lint_recipe *r)
{
	struct ib_edit_vec edits = { NULL, 0, 0 };

	find_trailing_blanks(l, r, &edits);
	vec_foreach (struct ib_edit, e, &edits) {
		lint_add(l, IB_R_TRAILING_BLANK, e->at,
			 "blanks behind the escape that continues the line");
		ib_diag_hint(l->diag, "a shell, and Docker, would not continue it");
		ib_diag_edit(l->diag, e->at, e->text);
	}
}

/* "# NAME=VALUE": whether it is a directive that counts at the top of a file only. */
static bool read_directive(const char *text, uint32_t n, struct ib_span *ret_name,
			   bool *ret_is_late)
{
	static const char *const names[] = { "imagefile", "escape", "check", "syntax" };
	uint32_t i = 0, name, len;

	while (i < n && is_blank(text[i]))
		i++;
	if (i == n || text[i++] != '#')
		return false;
	while (i < n && is_blank(text[i]))
		i++;
	for (name = i; i < n && isalpha((unsigned char)text[i]);)
		i++;
	len = i - name;
	while (i < n && is_blank(text[i]))
		i++;
	if (i == n || text[i] != '=')
		return false;
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		if (strlen(names[k]) != len || strncmp(names[k], text + name, len) != 0)
			continue;
		*ret_name = (struct ib_span){ name, name + len };
		*ret_is_late = k < 2 || (k == 2 && memmem(text + i, n - i, "error=", 6));
		return true;
	}
	return false;
}

/* Where the directives at the top of the file end. */
static uint32_t directives_end(const struct lint *l, const struct lint_recipe *r)
{
	uint32_t at = r->text.start, end = at;
	struct ib_span name;
	struct line line;
	bool is_late;

	while (next_line(l->sources, r->text, &at, &line)) {
		const char *text = text_at(l, line.start);
		uint32_t n = line.end - line.start;
		uint32_t skip = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

		if (!(line.start == r->text.start && n >= 2 && memcmp(text, "#!", 2) == 0) &&
		    !read_directive(text + skip, n - skip, &name, &is_late))
			break;
		end = at;
	}
	return end;
}

static void report_late(struct lint *l, struct line line)
{
	struct ib_span name;
	bool is_late;

	if (!read_directive(text_at(l, line.start), line.end - line.start, &name, &is_late) ||
	    !is_late)
		return;
	lint_add(l, IB_R_LATE_DIRECTIVE,
		 ((struct ib_span){ line.start + name.start, line.start + name.end }),
		 "'# %.*s=' is a comment here: it counts in the first lines of a file only",
		 (int)(name.end - name.start), text_at(l, line.start + name.start));
	ib_diag_hint(l->diag, "move it to the top, above all other comments");
}

void lint_1611(struct lint *l, const struct lint_recipe *r)
{
	uint32_t at = directives_end(l, r);
	const struct ib_ast_instruction *in = r->ast->instructions;
	struct line line;

	while (next_line(l->sources, r->text, &at, &line)) {
		if (in && line.end > in->at.start) {
			at = recipe_end(in);
			/* behind the rest of its last line, or a heredoc's terminator */
			(void)next_line(l->sources, r->text, &at, &line);
			in = in->next;
			continue;
		}
		report_late(l, line);
	}
}

static bool has_lower(const char *text, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (islower((unsigned char)text[i]))
			return true;
	return false;
}

static void add_upper(struct lint *l, struct ib_span at, struct ib_edit_vec *edits)
{
	uint32_t n = at.end - at.start;
	const char *text = text_at(l, at.start);
	char *upper;

	if (!has_lower(text, n))
		return;
	upper = arena_strndup(l->arena, text, n);
	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	(void)vec_push(l->arena, edits, ((struct ib_edit){ at, upper }));
}

static void find_keywords(struct lint *l, const struct lint_recipe *r, struct ib_edit_vec *edits)
{
	for (const struct ib_ast_instruction *in = r->ast->instructions; in; in = in->next)
		if (!in->is_unknown)
			add_upper(l, in->keyword_at, edits);
}

static void find_as(struct lint *l, const struct lint_recipe *r, struct ib_edit_vec *edits)
{
	for (const struct ib_ast_instruction *in = r->ast->instructions; in; in = in->next)
		if (lint_is(in, "FROM") && in->words && in->words->next && in->words->next->next)
			add_upper(l, in->words->next->at, edits);
}

void lint_1612(struct lint *l, const struct lint_recipe *r)
{
	struct ib_edit_vec edits = { NULL, 0, 0 };

	find_keywords(l, r, &edits);
	vec_foreach (struct ib_edit, e, &edits) {
		lint_add(l, IB_R_INSTRUCTION_CASING, e->at,
			 "instructions are written in capitals: %s", e->text);
		ib_diag_edit(l->diag, e->at, e->text);
	}
}

void lint_1613(struct lint *l, const struct lint_recipe *r)
{
	struct ib_edit_vec edits = { NULL, 0, 0 };

	find_as(l, r, &edits);
	vec_foreach (struct ib_edit, e, &edits) {
		lint_add(l, IB_R_AS_CASING, e->at, "AS is written in capitals, as FROM is");
		ib_diag_edit(l->diag, e->at, e->text);
	}
}

static void find_returns(struct lint *l, const struct lint_recipe *r, struct ib_edit_vec *edits)
{
	uint32_t at = r->text.start;
	struct line line;

	while (next_line(l->sources, r->text, &at, &line))
		if (line.end > line.start && *text_at(l, line.end - 1) == '\r')
			(void)vec_push(l->arena, edits,
				       ((struct ib_edit){ { line.end - 1, line.end }, "" }));
}

void lint_1614(struct lint *l, const struct lint_recipe *r)
{
	struct ib_edit_vec edits = { NULL, 0, 0 };

	find_returns(l, r, &edits);
	if (edits.len == 0)
		return;
	lint_add(l, IB_R_LINE_ENDS, edits.items[0].at,
		 "lines end in a carriage return (%zu of them): the file was saved for DOS",
		 edits.len);
	vec_foreach (struct ib_edit, e, &edits)
		ib_diag_edit(l->diag, e->at, e->text);
}

/* Lines of what stands in TEXT. */
static unsigned count_lines(const char *text, size_t n)
{
	unsigned lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines + (n > 0 && text[n - 1] != '\n');
}

void lint_1616(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "RUN"); in;
	     in = recipe_next(r, in, "RUN")) {
		struct ib_span at = { in->at.start, recipe_end(in) };
		unsigned lines;

		if (at.end <= at.start)
			continue;
		lines = count_lines(ib_sources_text(l->sources, at), at.end - at.start);
		if (lines <= r->config->run_lines)
			continue;
		lint_add(l, IB_R_INSTRUCTION_TOO_LONG, in->keyword_at,
			 "RUN has %u lines, more than %u", lines, r->config->run_lines);
		ib_diag_hint(l->diag, "put the script into a file and write RUN --script=FILE");
	}
}

/* --- 9013 --- */

static int compare_edits(const void *a, const void *b)
{
	const struct ib_edit *x = a, *y = b;

	return x->at.start < y->at.start ? -1 : x->at.start > y->at.start;
}

/* Empty lines in continued instructions: the compiler reports them. */
static void find_empty_lines(struct lint *l, const struct lint_recipe *r, struct ib_edit_vec *edits)
{
	for (const struct ib_ast_instruction *in = r->ast->instructions; in; in = in->next) {
		uint32_t at = in->at.start;
		struct line line;

		while (next_line(l->sources, r->text, &at, &line) && line.end < in->at.end)
			if (strspn(text_at(l, line.start), " \t\r") >= line.end - line.start)
				(void)vec_push(l->arena, edits,
					       ((struct ib_edit){ { line.start, at }, "" }));
	}
}

/* What is said by others than 9013, in order. */
static void find_others(struct lint *l, const struct lint_recipe *r, struct ib_edit_vec *edits)
{
	find_trailing_blanks(l, r, edits);
	find_keywords(l, r, edits);
	find_as(l, r, edits);
	find_empty_lines(l, r, edits);
	find_returns(l, r, edits);
	if (edits->len)
		qsort(edits->items, edits->len, sizeof(*edits->items), compare_edits);
}

/* The file as it is once they are mended. */
static void mend_others(const struct lint *l, const struct lint_recipe *r,
			const struct ib_edit_vec *edits, struct buf *out)
{
	uint32_t at = r->text.start;

	vec_foreach (const struct ib_edit, e, edits) {
		if (e->at.start < at)
			continue;
		buf_add(out, text_at(l, at), e->at.start - at);
		buf_str(out, e->text);
		at = e->at.end;
	}
	buf_add(out, text_at(l, at), r->text.end - at);
}

/* Where byte OFF of the mended text stands in the source: OFF begins a line. */
static uint32_t source_of(const struct lint_recipe *r, const struct ib_edit_vec *edits, size_t off)
{
	uint32_t at = r->text.start;

	vec_foreach (const struct ib_edit, e, edits) {
		size_t before = e->at.start - at;

		if (e->at.start < at)
			continue;
		if (off < before)
			break;
		off -= before;
		at = e->at.end;
		if (off < strlen(e->text))
			return e->at.start;
		off -= strlen(e->text);
	}
	return at + (uint32_t)off;
}

/* Bytes of the lines that both texts begin with. */
static size_t common_head(const struct buf *a, const struct buf *b)
{
	size_t head = 0;

	for (size_t i = 0; i < a->len && i < b->len && a->data[i] == b->data[i]; i++)
		if (a->data[i] == '\n')
			head = i + 1;
	return head;
}

/* Bytes of the lines that both end with, behind the first HEAD bytes. */
static size_t common_tail(const struct buf *a, const struct buf *b, size_t head)
{
	size_t tail = 0;

	for (size_t i = 0; head + i < a->len && head + i < b->len; i++) {
		if (i > 0 && a->data[a->len - i - 1] == '\n' && b->data[b->len - i - 1] == '\n')
			tail = i;
		if (a->data[a->len - i - 1] != b->data[b->len - i - 1])
			break;
	}
	return tail;
}

static bool format(struct lint *l, const struct lint_recipe *r, struct buf *out)
{
	struct ib_diag *diag = ib_diag_new(l->sources);
	struct ib_recipe *again =
		ib_fragment_open(l->options, NULL, l->sources, diag, r->text, NULL);
	bool is_sound = ib_recipe_format(again, out) == 0;

	ib_recipe_free(again);
	ib_diag_free(diag);
	return is_sound;
}

void lint_9013(struct lint *l, const struct lint_recipe *r)
{
	cleanup_buf struct buf now = BUF_INIT, wanted = BUF_INIT;
	struct ib_edit_vec others = { NULL, 0, 0 };
	struct ib_span hunk;
	struct line line;
	size_t head, tail;
	uint32_t at;

	if (!format(l, r, &wanted) || !wanted.data)
		return;
	find_others(l, r, &others);
	mend_others(l, r, &others, &now);
	if (now.len == wanted.len && memcmp(now.data, wanted.data, now.len) == 0)
		return;
	head = common_head(&now, &wanted);
	tail = common_tail(&now, &wanted, head);
	hunk = (struct ib_span){ source_of(r, &others, head),
				 source_of(r, &others, now.len - tail) };
	at = hunk.start < r->text.end ? hunk.start : r->text.end - 1;
	if (!next_line(l->sources, r->text, &at, &line))
		return;
	lint_add(l, IB_R_FORMATTING, ((struct ib_span){ line.start, line.end }),
		 "formatting differs from `imagebuild fmt`, here first");
	ib_diag_edit(l->diag, hunk,
		     arena_strndup(l->arena, wanted.data + head, wanted.len - tail - head));
}
