/* SPDX-License-Identifier: Apache-2.0 */
/* Comments that silence rules, in our spelling and in those of BuildKit, hadolint and dib-lint:
 *
 *   # imagebuild ignore=IB6002,no-nounset reason=TEXT      the next instruction, or command of a
 * script # imagebuild ignore-file=IB6002                        the file #
 * check=skip=IB6002;reason=TEXT                        the next instruction; in the first lines the
 * file # hadolint ignore=DL3015,SC2086                        the next instruction # hadolint
 * global ignore=DL3015                        the file # dib-lint: disable=setu the file
 */
#include "lint/private.h"

#include <imagebuild/intern.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A rule that a comment names. */
struct suppression {
	int id;              /* 0: every rule */
	const char *code;    /* "SC2086" of SHELLCHECK, or NULL */
	struct ib_span at;   /* the word */
	struct ib_span line; /* the comment's line with its end, where nothing else is on it and in
				it; else nowhere */
	struct ib_span covers; /* what it is about */
	const char *reason;
	bool is_foreign, is_used;
};
struct suppression_vec VEC(struct suppression);

/* The comments of one file. */
struct file {
	struct lint *l;
	const struct lint_input *in;
	const char *text;
	uint32_t len;
	uint32_t head; /* where the first lines of comments end */
	struct suppression_vec all;
	const struct ib_ast_instruction
		*next; /* of a recipe: the first that may end behind the comment */
};

/* What other linters' names are here; 0: nothing of ours. */
static const struct {
	const char *name;
	int id;
} foreign[] = {
	{ "DL3000", 2016 },
	{ "DL3002", 7030 },
	{ "DL3003", 4011 },
	{ "DL3004", 4012 },
	{ "DL3005", 6008 },
	{ "DL3006", 7001 },
	{ "DL3007", 7002 },
	{ "DL3008", 6005 },
	{ "DL3009", 6003 },
	{ "DL3013", 6006 },
	{ "DL3014", 6001 },
	{ "DL3015", 6002 },
	{ "DL3016", 6006 },
	{ "DL3020", 2015 },
	{ "DL3027", 6004 },
	{ "DL4001", 6011 },
	{ "DL4006", 4003 },
	{ "DL3046", 6012 },
	{ "setu", 4002 },
	{ "sete", 4001 },
	{ "setpipefail", 4003 },
	{ "executable", 1405 },
	{ "sete-u-o-pipefail", 4001 },
	{ "safe_sudo", 4020 },
};

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* The end of the extent of IN: its heredocs and its block are behind it. */
static uint32_t extent_end(const struct ib_ast_instruction *in)
{
	uint32_t end = in->at.end;

	for (const struct ib_ast_heredoc *h = in->heredocs; h; h = h->next)
		if (h->body_at.end > end)
			end = h->body_at.end;
	return end;
}

static uint32_t line_end(const struct file *f, uint32_t pos)
{
	const char *end = memchr(f->text + pos, '\n', f->len - pos);

	return end ? (uint32_t)(end - f->text) : f->len;
}

/* The lines of the first command behind POS: [start, end), continuations with it. */
static struct ib_span next_command(const struct file *f, uint32_t pos)
{
	uint32_t end = pos, start = pos;

	while (pos < f->len) {
		start = pos + (uint32_t)strspn(f->text + pos, " \t\r");
		end = line_end(f, pos);
		pos = end + 1;
		if (start < end && f->text[start] != '#')
			break;
	}
	while (end < f->len && end > start && f->text[end - 1] == '\\')
		end = line_end(f, end + 1);
	return (struct ib_span){ f->in->text.start + start, f->in->text.start + end };
}

/* What a comment on the line [POS, END) is about: the line, where something stands in front of it.
 */
static struct ib_span covered(struct file *f, uint32_t pos, uint32_t hash, uint32_t end)
{
	uint32_t at = f->in->text.start + hash;

	if (strspn(f->text + pos, " \t") < hash - pos)
		return (struct ib_span){ f->in->text.start + pos, f->in->text.start + end };
	while (f->next && extent_end(f->next) <= at)
		f->next = f->next->next;
	if (f->in->recipe && f->next && f->next->at.start > at)
		return (struct ib_span){ f->next->at.start, extent_end(f->next) };
	return next_command(f, end < f->len ? end + 1 : f->len);
}

/* How a comment says it. */
static const struct spelling {
	const char *begin;
	bool is_file, is_foreign;
	const char *separators;
} spellings[] = {
	{ "imagebuild ignore=", false, false, "," },
	{ "imagebuild ignore-file=", true, false, "," },
	{ "check=skip=", false, false, "," },
	{ "hadolint ignore=", false, true, "," },
	{ "hadolint global ignore=", true, true, "," },
	{ "dib-lint: disable=", true, true, ", " },
};

static void report_unknown(struct file *f, struct ib_span at, const char *name)
{
	struct lint_rule_info_vec rules = { NULL, 0, 0 };
	struct str_vec slugs = { NULL, 0, 0 };
	const char *near;

	lint_rules(f->l->arena, &rules);
	vec_foreach (struct lint_rule_info, r, &rules)
		vec_push(f->l->arena, &slugs, lint_slug(r->row, f->l->arena));
	near = ib_suggest(name, slugs.items, slugs.len);
	if (near)
		lint_add(f->l, IB_R_UNKNOWN_SUPPRESSION, at,
			 "no rule is named '%s'; did you mean '%s'?", name, near);
	else
		lint_add(f->l, IB_R_UNKNOWN_SUPPRESSION, at, "no rule is named '%s'", name);
	ib_diag_hint(f->l->diag, "`imagebuild lint --list` has the rules");
}

/* One name of the list [start, end) of a comment. */
static void add_name(struct file *f, const struct suppression *like, uint32_t start, uint32_t end,
		     bool is_foreign)
{
	struct suppression s = *like;
	const char *name = arena_strndup(f->l->arena, f->text + start, end - start);
	const struct ib_diag_row *row = lint_rule_find(name);

	s.at = (struct ib_span){ f->in->text.start + start, f->in->text.start + end };
	s.is_foreign = is_foreign;
	if (strncmp(name, "SC", 2) == 0 && isdigit((unsigned char)name[2]))
		s.code = name;
	else if (row)
		s.id = row->id;
	else if (!is_foreign && strcmp(name, "all") != 0) {
		report_unknown(f, s.at, name);
		return;
	} else if (is_foreign) {
		size_t i = 0;

		while (i < ARRAY_SIZE(foreign) && strcmp(foreign[i].name, name) != 0)
			i++;
		if (i == ARRAY_SIZE(foreign))
			return;
		s.id = foreign[i].id;
	}
	vec_push(f->l->arena, &f->all, s);
}

/* The text behind "reason=" in [pos, end), or NULL. */
static const char *find_reason(const struct file *f, uint32_t pos, uint32_t end)
{
	const char *text = arena_strndup(f->l->arena, f->text + pos, end - pos);
	const char *reason = strstr(text, "reason=");

	return reason && reason[7] ? reason + 7 : NULL;
}

/* The list of names that begins at POS, of a comment that begins at HASH of the line [LINE, END).
 */
static void read_names(struct file *f, const struct spelling *how, uint32_t pos, uint32_t line,
		       uint32_t hash, uint32_t end)
{
	bool is_file = how->is_file || (hash < f->head && !how->is_foreign);
	struct suppression like = { .reason = find_reason(f, pos, end) };
	size_t first = f->all.len;

	like.covers = is_file ? f->in->text : covered(f, line, hash, end);
	while (pos < end && is_word_char(f->text[pos])) {
		uint32_t stop = pos;

		while (stop < end && is_word_char(f->text[stop]))
			stop++;
		add_name(f, &like, pos, stop, how->is_foreign);
		for (pos = stop; pos < end && strchr(how->separators, f->text[pos]);)
			pos++;
	}
	if (f->all.len == first + 1 && strspn(f->text + line, " \t") == hash - line)
		f->all.items[first].line =
			(struct ib_span){ f->in->text.start + line,
					  f->in->text.start + (end < f->len ? end + 1 : end) };
	if (f->in->config->requires_reason && !how->is_foreign && !like.reason &&
	    f->all.len > first)
		lint_add(f->l, IB_R_NO_REASON, f->all.items[first].at,
			 "a rule is silenced without a reason; append reason=TEXT");
}

static void read_line(struct file *f, uint32_t pos, uint32_t end)
{
	for (const char *p = f->text + pos; (p = memchr(p, '#', (size_t)(f->text + end - p)));
	     p++) {
		uint32_t hash = (uint32_t)(p - f->text), word = hash + 1;

		if (hash > pos && f->text[hash - 1] != ' ' && f->text[hash - 1] != '\t')
			continue;
		word += (uint32_t)strspn(f->text + word, " \t");
		for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
			size_t n = strlen(spellings[i].begin);

			if (end - word > n && strncmp(f->text + word, spellings[i].begin, n) == 0)
				read_names(f, &spellings[i], word + (uint32_t)n, pos, hash, end);
		}
	}
}

/* The comments that the file begins with, up to the first line that is none. */
static uint32_t find_head(const struct file *f)
{
	uint32_t pos = 0;

	while (pos < f->len && f->text[pos] == '#')
		pos = line_end(f, pos) + 1;
	return pos < f->len ? pos : f->len;
}

static void read_file(struct file *f)
{
	/* most files have none */
	if (!memmem(f->text, f->len, "ignore", 6) && !memmem(f->text, f->len, "check=skip=", 11) &&
	    !memmem(f->text, f->len, "dib-lint:", 9))
		return;
	f->head = find_head(f);
	for (uint32_t pos = 0; pos < f->len;) {
		uint32_t end = line_end(f, pos);

		read_line(f, pos, end > pos && f->text[end - 1] == '\r' ? end - 1 : end);
		pos = end + 1;
	}
}

/* What silences a rule where the sweep over a file has come to; what is around another ends behind
 * it. */
struct cover {
	struct suppression *inner, *widest;
};

static void enter(const struct file *f, struct map *covers, struct suppression *s)
{
	const char *key = s->code ? s->code : arena_printf(f->l->arena, "%d", s->id);
	void **slot = map_put(f->l->arena, covers, intern_str(f->l->names, key));
	struct cover *c;

	if (!*slot)
		*slot = arena_alloc(f->l->arena, sizeof(*c));
	c = *slot;
	c->inner = s;
	if (!c->widest || s->covers.end >= c->widest->covers.end)
		c->widest = s;
}

/* KEY: a number, 0 for every rule, or a code of shellcheck. */
static bool silence(const struct file *f, const struct map *covers, const char *key,
		    struct lint_result *r)
{
	const struct cover *c = map_get(covers, intern_str(f->l->names, key));
	uint32_t at = r->finding->at.start;
	struct suppression *s;

	if (!c)
		return false;
	s = c->inner->covers.end >= at ? c->inner : c->widest;
	if (s->covers.end < at)
		return false;
	r->state = LINT_SUPPRESSED;
	r->reason = s->reason;
	s->is_used = true;
	return true;
}

static void judge(const struct file *f, const struct map *covers, struct lint_result *r)
{
	const char *text = r->finding->text;
	char id[16], code[16];

	(void)snprintf(id, sizeof(id), "%d", r->finding->row->id);
	(void)snprintf(code, sizeof(code), "%.*s",
		       strncmp(text, "SC", 2) == 0 ? (int)strcspn(text, ": ") : 0, text);
	if (!lint_is_fixed(r->finding->row) && !silence(f, covers, id, r) &&
	    !silence(f, covers, "0", r))
		(void)silence(f, covers, code, r);
}

static int by_cover(const void *x, const void *y)
{
	const struct suppression *a = x, *b = y;

	if (a->covers.start != b->covers.start)
		return a->covers.start < b->covers.start ? -1 : 1;
	return a->at.start < b->at.start ? -1 : 1;
}

/* The first result that is not in front of AT. */
static size_t first_result(const struct lint *l, uint32_t at)
{
	size_t low = 0, high = l->results.len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->results.items[mid].finding->at.start < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* One sweep over results and suppressions, both by place. */
static void apply(struct lint *l, struct file *f)
{
	struct map covers = { NULL, 0, 0 };
	size_t next = 0;

	qsort(f->all.items, f->all.len, sizeof(*f->all.items), by_cover);
	for (size_t i = first_result(l, f->in->text.start); i < l->results.len; i++) {
		struct lint_result *r = &l->results.items[i];
		uint32_t at = r->finding->at.start;

		if (at > f->in->text.end)
			break;
		for (; next < f->all.len && f->all.items[next].covers.start <= at; next++)
			enter(f, &covers, &f->all.items[next]);
		judge(f, &covers, r);
	}
}

/* The word with the comma that goes with it. */
static struct ib_span with_comma(const struct file *f, struct ib_span at)
{
	if (at.end < f->in->text.end && f->text[at.end - f->in->text.start] == ',')
		at.end++;
	else if (f->text[at.start - f->in->text.start - 1] == ',')
		at.start--;
	return at;
}

static void report_unused(struct lint *l, const struct file *f)
{
	vec_foreach (struct suppression, s, &f->all) {
		struct ib_span word = with_comma(f, s->at);

		if (s->is_used || s->is_foreign || (s->code && !f->l->has_shellcheck))
			continue;
		lint_add(l, IB_R_UNUSED_SUPPRESSION, s->at, "nothing here breaks that rule");
		if (s->line.end)
			ib_diag_edit(l->diag, s->line, "");
		else if (word.end - word.start > s->at.end - s->at.start)
			ib_diag_edit(l->diag, word, "");
	}
}

void lint_suppress(struct lint *l)
{
	vec_foreach (const char *, name, &l->files) {
		const struct lint_input *in = map_get(&l->inputs, intern_str(l->names, *name));
		struct file f = { .l = l,
				  .in = in,
				  .text = ib_sources_text(l->sources, in->text),
				  .len = in->text.end - in->text.start,
				  .next = in->recipe ? in->recipe->ast->instructions : NULL };

		read_file(&f);
		if (!f.all.len)
			continue;
		apply(l, &f);
		report_unused(l, &f);
	}
}
