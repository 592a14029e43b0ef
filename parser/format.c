/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical text of a recipe (docs/language.md, "Formatting"). Each token of format_lex.c gets
 * what stands before it: nothing, a blank, a new line, a continued line. What changes the meaning
 * is copied byte by byte: words, the text of RUN, the bodies of heredocs. */
#include "format.h"
#include "front.h"
#include "parse.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum { INDENT = 4, WIDTH = 100 };

/* Where the next token goes. */
struct place {
	struct ib_diag *diag;
	int depth, inline_depth; /* blocks; those on one line */
	uint32_t column;
	enum { CONTINUES_NOT, CONTINUES, CONTINUES_BEHIND_COMMENT } continues;
	bool is_line_start, has_empty, is_block_start;
};

bool format_has_break(const struct format *f, const struct token *t)
{
	return !t->literal && memchr(f->text + t->start, '\n', t->end - t->start);
}

uint32_t format_width(const struct format *f, const struct token *t)
{
	uint32_t width = 0;

	for (uint32_t i = t->start; i < t->end; i++)
		width += (f->text[i] & 0xc0) != 0x80;
	return width;
}

/* Whether words follow the break at I: one at the end of the file, or before a '}' that gets a line
 * of its own, is dropped. */
static bool break_counts(const struct format *f, size_t i)
{
	enum token_kind kind;

	do {
		kind = f->tokens.items[++i].kind;
	} while (kind == T_COMMENT || kind == T_EMPTY || kind == T_BREAK);
	return kind == T_WORD || kind == T_TEXT || kind == T_OPEN;
}

/* Whether the block that opens at token I was written on one line and fits one. */
static bool is_inline_block(const struct format *f, size_t i, uint32_t column)
{
	int depth = 0;

	for (; column <= WIDTH; i++) {
		const struct token *t = &f->tokens.items[i];

		if (t->kind > T_CLOSE || format_has_break(f, t))
			return false;
		depth += t->kind == T_OPEN ? 1 : t->kind == T_CLOSE ? -1 : 0;
		if (depth == 0)
			return true;
		column += format_width(f, t + 1) + 1;
	}
	return false;
}

/* "#! ..." and "# key=value": without the empty line above them they would be parser directives. */
static bool is_like_directive(const struct format *f, const struct token *t)
{
	uint32_t pos = format_skip_blanks(f, t->start + 1, t->end);

	if (pos < t->end && f->text[pos] == '!')
		return true;
	while (pos < t->end && isalnum((unsigned char)f->text[pos]))
		pos++;
	pos = format_skip_blanks(f, pos, t->end);
	return pos < t->end && f->text[pos] == '=';
}

static bool keeps_empty(const struct format *f, const struct place *p, const struct token *t)
{
	if (!p->has_empty || p->is_block_start || t->kind == T_CLOSE || t->kind == T_BODY)
		return false;
	return f->placed.len > 0 || (t->kind == T_COMMENT && is_like_directive(f, t));
}

static void begin_line(struct format *f, struct place *p, struct token *t)
{
	bool is_continued = p->continues != CONTINUES_NOT;

	t->before = p->continues == CONTINUES ? B_CONTINUED : B_LINE;
	t->indent = t->kind == T_BODY ? 0 : p->depth + is_continued;
	t->has_empty = !is_continued && keeps_empty(f, p, t);
	p->has_empty = p->is_block_start = false;
	p->column = (uint32_t)t->indent * INDENT;
}

static void place_close(struct format *f, struct place *p, struct token *t)
{
	if (p->inline_depth > 0) {
		p->inline_depth--;
		t->before = B_BLANK;
		p->column += 2;
		return;
	}
	assert(p->depth > 0);
	p->depth--;
	p->continues = CONTINUES_NOT;
	begin_line(f, p, t);
	p->is_line_start = false;
}

static void place_comment(struct format *f, struct place *p, struct token *t)
{
	begin_line(f, p, t);
	if (p->continues == CONTINUES)
		p->continues = CONTINUES_BEHIND_COMMENT;
}

/* What begins a line is read anew: a node behind '{' must not become a comment or an instruction.
 */
static void check_node(const struct format *f, const struct place *p, struct token *t)
{
	const char *word = f->text + t->start;
	const struct directive *row = directive_find(word, t->end - t->start);
	struct ib_span at = { f->base + t->start, f->base + t->end };

	t->is_node = p->depth > 0;
	if (!t->is_node)
		return;
	if (*word == '#')
		ib_diag_add(p->diag, IB_D_SYNTAX, at,
			    "'#' begins a comment only at the start of a line; put it on a line of "
			    "its own");
	else if (row && strncmp(row->keyword, word, t->end - t->start) == 0)
		ib_diag_add(p->diag, IB_D_SYNTAX, at,
			    "instruction '%s' inside a block; '}' expected", row->keyword);
}

/* Of a word that crosses lines, which stand as they are. */
static uint32_t last_line_width(const struct format *f, const struct token *t)
{
	const char *line = memrchr(f->text + t->start, '\n', t->end - t->start);
	struct token rest = { .start = (uint32_t)(line + 1 - f->text), .end = t->end };

	return format_width(f, &rest);
}

static void place_word(struct format *f, struct place *p, struct token *t)
{
	if (p->is_line_start || p->continues != CONTINUES_NOT) {
		if (p->is_line_start && t->kind == T_WORD)
			check_node(f, p, t);
		begin_line(f, p, t);
		p->continues = CONTINUES_NOT;
	} else {
		t->before = t->is_glued ? B_NOTHING : B_BLANK;
		p->column += !t->is_glued;
	}
	p->is_line_start = false;
	if (format_has_break(f, t))
		p->column = last_line_width(f, t);
	else
		p->column += format_width(f, t);
}

static void open_block(const struct format *f, struct place *p, size_t i)
{
	if (p->inline_depth > 0 || is_inline_block(f, i, p->column)) {
		p->inline_depth++;
		return;
	}
	p->depth++;
	p->is_line_start = p->is_block_start = true;
}

static void place(struct format *f, struct place *p, size_t i)
{
	struct token t = f->tokens.items[i];

	switch (t.kind) {
	case T_EMPTY:
		p->has_empty = true;
		return;
	case T_END:
		p->is_line_start = true;
		p->continues = CONTINUES_NOT;
		return;
	case T_BREAK:
		p->has_empty |= p->is_line_start; /* a line that has nothing else */
		if (p->is_line_start || p->continues != CONTINUES_NOT)
			return;
		if (break_counts(f, i))
			p->continues = CONTINUES;
		else
			p->is_line_start = true;
		return;
	case T_COMMENT:
		place_comment(f, p, &t);
		break;
	case T_BODY:
		begin_line(f, p, &t);
		break;
	case T_CLOSE:
		place_close(f, p, &t);
		break;
	case T_KEYWORD:
		p->is_line_start = true;
		place_word(f, p, &t);
		break;
	case T_OPEN:
	case T_WORD:
	case T_TEXT:
		place_word(f, p, &t);
		break;
	}
	(void)vec_push(f->arena, &f->placed, t);
	if (t.kind == T_OPEN)
		open_block(f, p, i);
}

/* --- printing --- */

/* Ends the line so that the parser reads what is in it: an escape at its end would continue it, and
 * of carriage returns one belongs to the line's end. */
static void end_line(const struct format *f, const struct token *last, struct buf *out)
{
	size_t end = out->len, n = 0;

	if (!last || last->kind == T_BODY)
		return;
	while (end > 0 && (out->data[end - 1] == ' ' || out->data[end - 1] == '\t'))
		end--;
	while (last->kind != T_COMMENT && n < end && out->data[end - 1 - n] == f->escape)
		n++;
	if (n % 2)
		buf_char(out, '\f');
	if (out->data[out->len - 1] == '\r')
		buf_char(out, '\r');
	buf_char(out, '\n');
}

static void print_blanks(uint32_t n, struct buf *out)
{
	while (n-- > 0)
		buf_char(out, ' ');
}

/* A line inside a word or text that goes on: a comment gets its indent, empty ones go, others stay.
 */
static void print_part(const struct format *f, const struct token *t, uint32_t pos, uint32_t end,
		       struct buf *out)
{
	uint32_t first = format_skip_blanks(f, pos, end);

	if (pos != t->start && first == end)
		return;
	if (pos != t->start && f->text[first] == '#') {
		print_blanks((uint32_t)(t->indent + 1) * INDENT, out);
		buf_add(out, f->text + first, format_trim(f, first, end) - first);
	} else {
		end = format_trim(f, pos, end);
		if (end - pos == 1 && pos != t->start)
			return; /* the escape alone */
		buf_add(out, f->text + pos, end - pos);
	}
	buf_char(out, '\n');
}

static void print_text(const struct format *f, const struct token *t, struct buf *out)
{
	uint32_t pos = t->start;

	if (t->literal) {
		buf_str(out, t->literal);
		return;
	}
	for (uint32_t end; (end = format_line_end(f, pos)) < t->end; pos = end + 1)
		print_part(f, t, pos, end, out);
	buf_add(out, f->text + pos, t->end - pos);
}

/* Line by line: line ends become \n, and a carriage return before that of a line's end stays. */
static void print_body(const struct format *f, const struct token *t, struct buf *out)
{
	uint32_t end;

	for (uint32_t pos = t->start; pos <= t->end; pos = end + 1) {
		uint32_t n;

		end = format_line_end(f, pos);
		n = end - pos;
		if (n > 0 && f->text[end - 1] == '\r' && !(n > 1 && f->text[end - 2] == '\r'))
			n--;
		buf_add(out, f->text + pos, n);
		buf_char(out, '\n');
	}
}

static void print_token(const struct format *f, const struct token *t, const struct token *last,
			struct buf *out)
{
	if (t->before == B_CONTINUED)
		buf_printf(out, " %c\n", f->escape);
	else if (t->before == B_LINE)
		end_line(f, last, out);
	if (t->has_empty)
		buf_char(out, '\n');
	if (t->before == B_CONTINUED || t->before == B_LINE)
		print_blanks((uint32_t)t->indent * INDENT, out);
	else
		print_blanks(t->pad + (t->before == B_BLANK), out);
	if (t->kind == T_BODY)
		print_body(f, t, out);
	else
		print_text(f, t, out);
}

/* The indent can take a line, and a file, over its bound. */
static void check_bounds(const struct format *f, struct ib_diag *diag, const struct buf *out)
{
	struct ib_span at = { f->base, f->base + 1 };
	const char *line = out->data, *end = out->data + out->len;

	if (out->len > IB_SOURCE_MAX)
		ib_diag_add(diag, IB_D_FILE_SIZE, at,
			    "formatted, the file would be larger than %u bytes", IB_SOURCE_MAX);
	for (const char *next; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (next - line <= LINE_LIMIT)
			continue;
		ib_diag_add(diag, IB_D_LONG_LINE, at,
			    "formatted, a line would be longer than %d bytes", LINE_LIMIT);
		return;
	}
}

/* A LAYOUT's block that begins on a line of its own parses; what is wrong with it is said
 * elsewhere. */
static void check_instructions(const struct ib_recipe *r)
{
	for (const struct ib_ast_instruction *in = r->ast.instructions; in; in = in->next) {
		if (in->is_unknown && ib_diag_errors(r->diag) == 0)
			ib_diag_add(r->diag, IB_D_SYNTAX, in->keyword_at,
				    "'{' stands on the line of its LAYOUT, which a new line ends");
	}
}

int ib_recipe_format(struct ib_recipe *r, struct buf *out)
{
	struct format f = { .arena = r->arena,
			    .text = ib_sources_text(r->sources, r->text),
			    .base = r->text.start,
			    .len = r->text.end - r->text.start };
	struct place p = { .diag = r->diag, .is_line_start = true };
	const struct token *last = NULL;

	pass_parse(r);
	check_instructions(r);
	if (ib_diag_errors(r->diag) > 0)
		return -1;
	f.escape = r->ast.escape;
	format_lex(&f, &r->ast);
	for (size_t i = 0; i < f.tokens.len; i++)
		place(&f, &p, i);
	format_columns(&f);
	vec_foreach (struct token, t, &f.placed) {
		if (out->len > IB_SOURCE_MAX)
			break;
		print_token(&f, t, last, out);
		last = t;
	}
	end_line(&f, last, out);
	check_bounds(&f, r->diag, out);
	return ib_diag_errors(r->diag) > 0 ? -1 : 0;
}
