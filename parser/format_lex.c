/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of a parsed file. Words are where the syntax tree says; what is between them (line
 * ends, comments, braces, "--") is read from the text. */
#include "directive.h"
#include "format.h"

#include <string.h>
#include <strings.h>

typedef uint32_t lex_fn(struct format *f, uint32_t pos);

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

uint32_t format_line_end(const struct format *f, uint32_t pos)
{
	const char *end = memchr(f->text + pos, '\n', f->len - pos);

	return end ? (uint32_t)(end - f->text) : f->len;
}

uint32_t format_skip_blanks(const struct format *f, uint32_t pos, uint32_t end)
{
	while (pos < end && is_blank(f->text[pos]))
		pos++;
	return pos;
}

uint32_t format_trim(const struct format *f, uint32_t pos, uint32_t end)
{
	while (end > pos && is_blank(f->text[end - 1]))
		end--;
	return end;
}

static struct token *push(struct format *f, enum token_kind kind, uint32_t start, uint32_t end)
{
	struct token t = { .kind = kind, .start = start, .end = end };

	(void)vec_push(f->arena, &f->tokens, t);
	return &f->tokens.items[f->tokens.len - 1];
}

/* Whether the byte at POS, which no word holds, continues the line. */
static bool is_break(const struct format *f, uint32_t pos)
{
	if (f->text[pos] != f->escape)
		return false;
	for (pos++; pos < f->len && (f->text[pos] == ' ' || f->text[pos] == '\t');)
		pos++;
	if (pos < f->len && f->text[pos] == '\r')
		pos++;
	return pos >= f->len || f->text[pos] == '\n';
}

/* Behind the line break at POS and what vanishes with it: comments and empty lines. */
static uint32_t skip_break(const struct format *f, uint32_t pos)
{
	while (pos < f->len) {
		uint32_t end = format_line_end(f, pos), first;

		pos = end + 1;
		end = pos < f->len ? format_line_end(f, pos) : f->len;
		first = pos < f->len ? format_skip_blanks(f, pos, end) : end;
		if (first < end && f->text[first] != '#')
			return pos;
		pos = end;
	}
	return f->len;
}

static bool ends_mark(const struct format *f, uint32_t pos)
{
	return pos >= f->len || is_blank(f->text[pos]) || f->text[pos] == '\n';
}

/* A brace of a block, or the "--" behind flags, which may cross a continued line. */
static uint32_t lex_mark(struct format *f, uint32_t pos)
{
	uint32_t end = pos;
	enum token_kind kind = T_WORD;

	while (!ends_mark(f, end)) {
		bool crosses = is_break(f, end);
		uint32_t next = crosses ? skip_break(f, end) : end + 1;

		if (crosses && ends_mark(f, next))
			break;
		end = next;
	}
	if (end - pos == 1 && f->text[pos] == '{')
		kind = T_OPEN;
	else if (end - pos == 1 && f->text[pos] == '}')
		kind = T_CLOSE;
	(void)push(f, kind, pos, end);
	return end;
}

/* Behind the closing quote; the string may cross continued lines. */
static uint32_t string_end(const struct format *f, uint32_t pos)
{
	for (pos++; pos < f->len && f->text[pos] != '"';) {
		if (is_break(f, pos))
			pos = skip_break(f, pos);
		else
			pos += f->text[pos] == '\\' ? 2 : 1;
	}
	return pos < f->len ? pos + 1 : f->len;
}

/* [, ], a comma, or a string. */
static uint32_t lex_json(struct format *f, uint32_t pos)
{
	const struct token *last = &f->tokens.items[f->tokens.len - 1];
	bool is_first = last->kind == T_WORD && f->text[last->start] == '[';
	uint32_t end = f->text[pos] == '"' ? string_end(f, pos) : pos + 1;

	push(f, T_WORD, pos, end)->is_glued = is_first || strchr(",]", f->text[pos]);
	return end;
}

/* A line that is empty or a comment; else the position of what it holds. */
static uint32_t lex_line_start(struct format *f, uint32_t pos, bool is_continued)
{
	uint32_t end = format_line_end(f, pos), first = format_skip_blanks(f, pos, end);

	if (first < end && f->text[first] != '#') {
		f->is_line_start = false;
		return first;
	}
	if (first < end)
		(void)push(f, T_COMMENT, first, format_trim(f, first, end));
	else if (!is_continued)
		(void)push(f, T_EMPTY, first, first);
	return end + 1;
}

/* From f->pos to TO; what is no blank, line end or comment is LEX's. */
static void lex_range(struct format *f, uint32_t to, lex_fn *lex)
{
	uint32_t pos = f->pos;
	bool is_continued = false;

	while (pos < to) {
		if (f->is_line_start) {
			pos = lex_line_start(f, pos, is_continued);
		} else if (is_blank(f->text[pos])) {
			pos++;
		} else if (f->text[pos] == '\n' || is_break(f, pos)) {
			is_continued = f->text[pos] != '\n';
			(void)push(f, is_continued ? T_BREAK : T_END, pos, pos);
			f->is_line_start = true;
			pos = format_line_end(f, pos) + 1;
		} else {
			pos = lex(f, pos);
		}
	}
	f->pos = pos < f->len ? pos : f->len;
}

static struct token *lex_span(struct format *f, enum token_kind kind, struct ib_span at)
{
	uint32_t start = at.start - f->base, end = at.end - f->base;

	lex_range(f, start, lex_mark);
	f->pos = end;
	f->is_line_start = false;
	return push(f, kind, start, end);
}

/* A word that is printed as LITERAL, unless it crosses lines. */
static void lex_literal(struct format *f, enum token_kind kind, struct ib_span at,
			const char *literal)
{
	struct token *t = lex_span(f, kind, at);

	if (t->end - t->start == strlen(literal))
		t->literal = literal;
}

static void lex_array(struct format *f, struct ib_span at)
{
	lex_range(f, at.start - f->base, lex_mark);
	lex_range(f, at.end - f->base, lex_json);
}

/* Words and heredocs, in the order of the text. */
static void lex_arguments(struct format *f, const struct ib_ast_instruction *in)
{
	const struct ib_ast_heredoc *h = in->heredocs;
	bool is_from = in->directive->id == D_FROM;

	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		for (; h && h->at.start < w->at.start; h = h->next)
			(void)lex_span(f, T_WORD, h->at);
		if (is_from && w != in->words && w->next && strcasecmp(w->raw, "as") == 0)
			lex_literal(f, T_WORD, w->at, "AS");
		else
			(void)lex_span(f, T_WORD, w->at);
	}
	for (; h; h = h->next)
		(void)lex_span(f, T_WORD, h->at);
}

/* Blocks nest at most NESTING_LIMIT deep, by the grammar. */
static void lex_nodes(struct format *f, const struct ib_ast_node *nodes)
{
	for (; nodes; nodes = nodes->next) {
		for (const struct ib_ast_word *w = nodes->words; w; w = w->next)
			(void)lex_span(f, T_WORD, w->at);
		lex_nodes(f, nodes->children);
	}
}

static void lex_bodies(struct format *f, const struct ib_ast_heredoc *h)
{
	for (; h; h = h->next) {
		uint32_t start = h->body_at.start - f->base, end = h->body_at.end - f->base;

		lex_range(f, start, lex_mark);
		end = format_line_end(f, end);
		(void)push(f, T_BODY, start, end);
		f->pos = end < f->len ? end + 1 : end;
		f->is_line_start = true;
	}
}

static void lex_instruction(struct format *f, const struct ib_ast_instruction *in)
{
	lex_literal(f, T_KEYWORD, in->keyword_at, in->directive->keyword);
	for (const struct ib_ast_flag *flag = in->flags; flag; flag = flag->next)
		(void)lex_span(f, T_WORD, flag->at);
	if (in->is_json)
		lex_array(f, in->text_at);
	else if (in->text)
		(void)lex_span(f, T_TEXT, in->text_at);
	else if (in->directive->shape != SHAPE_TEXT)
		lex_arguments(f, in);
	lex_nodes(f, in->nodes);
	lex_bodies(f, in->heredocs);
}

void format_lex(struct format *f, const struct ib_ast *ast)
{
	f->is_line_start = true;
	if (f->len >= 3 && memcmp(f->text, "\xef\xbb\xbf", 3) == 0)
		f->pos = 3;
	for (const struct ib_ast_instruction *in = ast->instructions; in; in = in->next)
		lex_instruction(f, in);
	lex_range(f, f->len, lex_mark);
	(void)push(f, T_END, f->len, f->len);
}
