/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the nodes of the syntax tree from places in the current logical line, and prints the tree.
 */
#include "parse.h"

#include <imagebuild/recipe.h>

#include <string.h>

struct ib_ast_instruction *ast_instruction(struct parse *p, struct ib_span keyword_at)
{
	struct ib_ast_instruction *in = arena_alloc(p->arena, sizeof(*in));

	in->directive = p->row;
	in->is_unknown = p->is_unknown;
	in->keyword_at = in->at = keyword_at;
	in->comment = p->line.comment;
	*p->tail = in;
	p->tail = &in->next;
	p->now = in;
	p->word_tail = &in->words;
	p->flag_tail = &in->flags;
	p->heredocs = &in->heredocs;
	return in;
}

struct ib_ast_word *ast_word(struct parse *p, size_t start, size_t end)
{
	struct ib_ast_word *w = arena_alloc(p->arena, sizeof(*w));

	w->raw = arena_strndup(p->arena, p->line.text.data + start, end - start);
	w->at = line_span(&p->line, start, end);
	line_segments(&p->line, start, end, p->arena, &w->segments);
	return w;
}

/* --name or --name=value */
struct ib_ast_flag *ast_flag(struct parse *p, size_t start, size_t end)
{
	struct ib_ast_flag *f = arena_alloc(p->arena, sizeof(*f));
	const char *text = p->line.text.data + start;
	const char *equals = memchr(text, '=', end - start);
	size_t name_end = equals ? start + (size_t)(equals - text) : end;

	f->name = intern_bytes(p->names, text + 2, name_end - start - 2);
	f->at = line_span(&p->line, start, end);
	f->name_at = line_span(&p->line, start, name_end);
	if (equals)
		f->value = ast_word(p, name_end + 1, end);
	return f;
}

/* The terminator: quotes and escapes removed; quoting any part of it turns expansion off. */
static const char *terminator(struct parse *p, const char *s, const char *end, bool *ret_is_quoted)
{
	cleanup_buf struct buf name = BUF_INIT;
	char quote = '\0';

	for (; s < end; s++) {
		if (*s == quote) {
			quote = '\0';
		} else if (!quote && (*s == '\'' || *s == '"')) {
			quote = *s;
			*ret_is_quoted = true;
		} else {
			if (*s == p->scan.escape && quote != '\'' && s + 1 < end)
				s++;
			buf_char(&name, *s);
		}
	}
	return intern_bytes(p->names, name.data ? name.data : "", name.len);
}

/* [digits]<<[-][blanks]WORD */
struct ib_ast_heredoc *ast_heredoc(struct parse *p, size_t start, size_t end)
{
	struct ib_ast_heredoc *h = arena_alloc(p->arena, sizeof(*h));
	const char *s = p->line.text.data + start, *stop = p->line.text.data + end;

	s += strspn(s, "0123456789") + 2;
	if (*s == '-') {
		h->strips_tabs = true;
		s++;
	}
	s += strspn(s, " \t\v\f\r");
	h->name = terminator(p, s, stop, &h->is_quoted);
	h->at = line_span(&p->line, start, end);
	h->body = "";
	return h;
}

/* A text that is a JSON array of strings is the exec form; "[ " and "[[" begin a test of the shell.
 * Anything else behind '[' is a mistake: there is no silent fallback. */
static void read_exec_form(struct parse *p, size_t start, size_t end)
{
	struct ib_ast_instruction *in = p->now;
	const char *text = in->text;
	size_t at = 0;
	const char *wrong = json_strings(text, end - start, p->arena, &in->json, &at);

	in->is_json = !wrong;
	if (!wrong || in->is_unknown || strchr(" \t[", text[1]) || (p->row->traits & TRAIT_REFUSED))
		return;
	in->is_json = true; /* so that nothing else is said about it */
	in->is_broken = true;
	ib_diag_add(p->diag, IB_D_NOT_JSON,
		    line_span(&p->line, start + at, start + at + (start + at < end)),
		    "not a JSON array of strings: %s", wrong);
	ib_diag_hint(
		p->diag,
		"the exec form is [\"prog\", \"arg\"]; the shell's test is '[ ... ]' with a blank");
}

void ast_text(struct parse *p, size_t start, size_t end)
{
	struct ib_ast_instruction *in = p->now;

	in->text = arena_strndup(p->arena, p->line.text.data + start, end - start);
	in->text_at = line_span(&p->line, start, end);
	line_segments(&p->line, start, end, p->arena, &in->text_segments);
	if (in->text[0] == '[' && in->text[1] && (p->row->traits & TRAIT_JSON))
		read_exec_form(p, start, end);
}

struct ib_ast_node *ast_node(struct parse *p, struct ib_ast_word *words,
			     struct ib_ast_node *children)
{
	struct ib_ast_node *n = arena_alloc(p->arena, sizeof(*n));
	const struct ib_ast_word *last = words;

	while (last->next)
		last = last->next;
	n->words = words;
	n->children = children;
	n->at = (struct ib_span){ words->at.start, last->at.end };
	return n;
}

uint32_t ib_ast_source(struct ib_span at, const struct ib_segment_vec *segments, size_t off)
{
	size_t low = 0, high = segments->len;
	uint32_t pos = at.start + (uint32_t)off;

	if (high == 0)
		return pos < at.end ? pos : at.end;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (segments->items[mid].at <= off)
			low = mid;
		else
			high = mid;
	}
	return segments->items[low].source.start + (uint32_t)(off - segments->items[low].at);
}

const char *ib_ast_keyword(const struct ib_ast_instruction *in)
{
	return in->directive ? in->directive->keyword : NULL;
}

struct ib_ast_flag *ib_ast_flag(const struct ib_ast_instruction *in, const char *name)
{
	struct ib_ast_flag *f = in->flags;

	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

struct ib_span ast_word_span(const struct ib_ast_word *w, size_t start, size_t end)
{
	uint32_t from = ib_ast_source(w->at, &w->segments, start);

	if (end <= start)
		return (struct ib_span){ from, from };
	return (struct ib_span){ from, ib_ast_source(w->at, &w->segments, end - 1) + 1 };
}

/* --- dump: one line a thing, "LINE:COLUMN what text" --- */

struct dump {
	const struct ib_sources *sources;
	struct buf *out;
};

static void dump_head(const struct dump *d, int depth, struct ib_span at, const char *what)
{
	struct ib_place place = { 0 };

	(void)ib_sources_locate(d->sources, at.start, &place);
	buf_printf(d->out, "%*s%u:%u %s", depth * 2, "", place.line, place.column, what);
}

/* The text in double quotes with \n, \" and \\ escaped. */
static void dump_text(const struct dump *d, const char *text)
{
	buf_str(d->out, " \"");
	for (; *text; text++) {
		if (*text == '\n')
			buf_str(d->out, "\\n");
		else if (*text == '"' || *text == '\\')
			buf_printf(d->out, "\\%c", *text);
		else
			buf_char(d->out, *text);
	}
	buf_char(d->out, '"');
}

static void dump_words(const struct dump *d, int depth, const struct ib_ast_word *words)
{
	for (const struct ib_ast_word *w = words; w; w = w->next) {
		dump_head(d, depth, w->at, "word");
		dump_text(d, w->raw);
		buf_char(d->out, '\n');
	}
}

/* Blocks nest at most NESTING_LIMIT deep, by the grammar. */
static void dump_nodes(const struct dump *d, int depth, const struct ib_ast_node *nodes)
{
	for (const struct ib_ast_node *n = nodes; n; n = n->next) {
		dump_head(d, depth, n->at, "node\n");
		dump_words(d, depth + 1, n->words);
		if (n->has_block) {
			buf_printf(d->out, "%*sblock\n", depth * 2 + 2, "");
			dump_nodes(d, depth + 2, n->children);
		}
	}
}

static void dump_flags(const struct dump *d, const struct ib_ast_flag *flags)
{
	for (const struct ib_ast_flag *f = flags; f; f = f->next) {
		dump_head(d, 1, f->at, "flag ");
		buf_str(d->out, f->name);
		if (f->value)
			dump_text(d, f->value->raw);
		buf_char(d->out, '\n');
	}
}

static void dump_heredocs(const struct dump *d, const struct ib_ast_heredoc *heredocs)
{
	for (const struct ib_ast_heredoc *h = heredocs; h; h = h->next) {
		dump_head(d, 1, h->at, "heredoc");
		buf_str(d->out, h->is_quoted ? " quoted" : "");
		buf_str(d->out, h->strips_tabs ? " stripped" : "");
		dump_text(d, h->name);
		dump_text(d, h->body);
		buf_char(d->out, '\n');
	}
}

static void dump_instruction(const struct dump *d, const struct ib_ast_instruction *in)
{
	dump_head(d, 0, in->keyword_at, in->directive ? in->directive->keyword : "unknown");
	if (in->comment)
		dump_text(d, in->comment);
	buf_char(d->out, '\n');
	dump_flags(d, in->flags);
	if (in->is_json) {
		dump_head(d, 1, in->text_at, "json");
		vec_foreach (const char *, s, &in->json)
			dump_text(d, *s);
		buf_char(d->out, '\n');
	} else if (in->text) {
		dump_head(d, 1, in->text_at, "text");
		dump_text(d, in->text);
		buf_char(d->out, '\n');
	}
	dump_words(d, 1, in->words);
	dump_heredocs(d, in->heredocs);
	if (in->has_block) {
		buf_str(d->out, "  block\n");
		dump_nodes(d, 2, in->nodes);
	}
}

void ib_recipe_dump_ast(const struct ib_recipe *r, struct buf *out)
{
	const struct ib_ast *ast = ib_recipe_ast(r);
	const struct dump d = { ib_recipe_sources(r), out };

	if (ast->check)
		buf_printf(out, "check %s\n", ast->check);
	if (ast->escape != '\\')
		buf_printf(out, "escape %c\n", ast->escape);
	for (const struct ib_ast_instruction *in = ast->instructions; in; in = in->next)
		dump_instruction(&d, in);
}
