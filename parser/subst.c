/* SPDX-License-Identifier: Apache-2.0 */
/* ${NAME} and quotes: a written word becomes its text. Recursion is bounded by NESTING_LIMIT,
 * growth by EXPANSION_LIMIT. */
#include "front.h"
#include "parse.h"
#include "pattern.h"

#include <ctype.h>
#include <string.h>

enum mode { PLAIN, PATTERN, BODY }; /* BODY: of a heredoc, where quotes are text */

struct state {
	struct subst *x;
	const char *s;
	size_t n, at;
	struct ib_span span; /* of the whole, and how its bytes map to the source */
	const struct ib_segment_vec *segments;
	enum mode mode;
	int depth;
	int muted; /* in a branch that is not taken: an undefined variable is no error */
	bool is_failed;
};

static void run(struct state *t, struct buf *out, const char *stops, enum mode mode);

static struct ib_span place(const struct state *t, size_t start, size_t end)
{
	uint32_t from = ib_ast_source(t->span, t->segments, start);

	return (struct ib_span){ from, end > start
					       ? ib_ast_source(t->span, t->segments, end - 1) + 1
					       : from };
}

/* The finding is reported, and nothing more of the word is read where there is no sense in it. */
#define fail(t, id, start, end, ...)                                                         \
	do {                                                                                 \
		(t)->is_failed = true;                                                       \
		ib_diag_add((t)->x->r->diag, (id), place((t), (start), (end)), __VA_ARGS__); \
	} while (0)

static void emit(struct buf *out, char c, enum mode mode)
{
	if (mode == PATTERN && (c == '*' || c == '?' || c == '\\'))
		buf_char(out, '\\');
	buf_char(out, c);
}

static size_t name_len(const char *s, size_t n)
{
	size_t len = 0;

	if (n == 0 || (!isalpha((unsigned char)s[0]) && s[0] != '_'))
		return 0;
	while (len < n && (isalnum((unsigned char)s[len]) || s[len] == '_'))
		len++;
	return len;
}

/* Behind the '}' that belongs to the "${" before AT: quotes are skipped as the lexer does. */
static void skip_braces(struct state *t)
{
	int depth = 1;

	while (t->at < t->n && depth > 0) {
		char c = t->s[t->at++];

		if (c == t->x->escape && t->at < t->n)
			t->at++;
		else if (c == '$' && t->at < t->n && t->s[t->at] == '{')
			depth++;
		else if (c == '}')
			depth--;
	}
}

/* Counts N bytes of values that are brought or searched; false past the limit, which ends the word.
 */
static bool charge(struct state *t, size_t n, size_t start)
{
	t->x->grown += n;
	if (t->x->grown <= EXPANSION_LIMIT)
		return true;
	if (t->x->grown - n <= EXPANSION_LIMIT)
		fail(t, IB_D_EXPANSION, start, t->at, "variables bring more than %d MiB of text",
		     EXPANSION_LIMIT >> 20);
	t->is_failed = true;
	t->at = t->n;
	return false;
}

static void append_value(struct state *t, struct buf *out, const char *value, size_t n,
			 size_t start)
{
	if (charge(t, n, start))
		buf_add(out, value, n);
}

static bool is_caller_env(const struct ib_recipe *r, const char *name)
{
	vec_foreach (struct ib_pair, pair, &r->options->env) {
		if (strcmp(pair->key, name) == 0)
			return true;
	}
	return false;
}

static void report_unset(struct state *t, const struct variable *v, size_t start)
{
	fail(t, IB_D_UNDEFINED_VARIABLE, start, t->at,
	     "'%s' has no value: pass --build-arg %s=VALUE, or write ${%s:-DEFAULT}", v->name,
	     v->name, v->name);
	ib_diag_note(t->x->r->diag, v->at, "it is declared here");
}

static void report_undefined(struct state *t, const char *name, const struct variable *v,
			     size_t start)
{
	struct ib_recipe *r = t->x->r;
	const char *near = v ? NULL : scope_suggest(t->x->scope, name);
	void **seen;

	if (t->muted)
		return;
	t->is_failed = true;
	seen = map_put(r->arena, &r->undefined, name);
	if (*seen || (!v && r->is_incomplete))
		return;
	*seen = r;
	if (v && v->is_predefined)
		fail(t, IB_D_UNDEFINED_VARIABLE, start, t->at, "'%s' is not known before the build",
		     name);
	else if (v && r->is_fragment)
		fail(t, IB_D_UNDEFINED_VARIABLE, start, t->at,
		     "'%s' has no value: set it with ENV in the recipe, or write ${%s:-DEFAULT}",
		     name, name);
	else if (v)
		report_unset(t, v, start);
	else if (near)
		fail(t, IB_D_UNDEFINED_VARIABLE, start, t->at,
		     "undefined variable '%s'; did you mean '%s'?", name, near);
	else if (is_caller_env(r, name))
		fail(t, IB_D_UNDEFINED_VARIABLE, start, t->at,
		     "undefined variable '%s': --env is for the elements; declare ARG %s and pass "
		     "--build-arg",
		     name, name);
	else
		fail(t, IB_D_UNDEFINED_VARIABLE, start, t->at,
		     "undefined variable '%s': declare it with ARG or ENV, or write ${%s:-DEFAULT}",
		     name, name);
}

/* The variable's value, NULL where it has none; then it is reported if it must have one. */
static const char *value_of(struct state *t, size_t name_at, size_t len, size_t start, bool must_be)
{
	const char *name = intern_bytes(t->x->r->names, t->s + name_at, len);
	const struct variable *v = scope_find(t->x->scope, name);

	if (v && v->is_broken)
		t->is_failed = true;
	else if (must_be && (!v || !v->value))
		report_undefined(t, name, v, start);
	return v ? v->value : NULL;
}

/* ${name:-word} and its like; AT is behind the operator OP. */
static void alternative(struct state *t, struct buf *out, const char *value, char op, bool is_colon,
			size_t start)
{
	cleanup_buf struct buf word = BUF_INIT;
	bool is_there = value && (!is_colon || *value);
	bool takes_word = is_there == (op == '+');
	size_t word_at = t->at;

	t->muted += !takes_word;
	run(t, &word, "}", PLAIN);
	t->muted -= !takes_word;
	if (op == '?' && takes_word && !t->muted && !t->is_failed)
		fail(t, IB_D_EXPANSION, start, word_at - 1, "%.*s: %s",
		     (int)(word_at - 1 - is_colon - (start + 2)), t->s + start + 2,
		     word.len   ? word.data
		     : is_colon ? "not set, or empty"
				: "not set");
	else if (op != '+' && !takes_word)
		append_value(t, out, value, strlen(value), start);
	else if (takes_word && word.len)
		append_value(t, out, word.data, word.len, start);
}

/* ${name#pattern} and its like; AT is behind the operator OP. */
static void strip(struct state *t, struct buf *out, const char *value, char op, size_t start)
{
	cleanup_buf struct buf pattern = BUF_INIT;
	bool is_longest = t->at < t->n && t->s[t->at] == op;
	size_t n = value ? strlen(value) : 0, cut;

	t->at += is_longest;
	run(t, &pattern, "}", PATTERN);
	if (pattern.len > PATTERN_LIMIT) {
		fail(t, IB_D_EXPANSION, start, t->at, "pattern of more than %d bytes",
		     PATTERN_LIMIT);
		return;
	}
	if (!value || !charge(t, n, start))
		return;
	buf_char(&pattern, '\0');
	cut = op == '#' ? pattern_prefix(pattern.data, value, n, is_longest)
			: pattern_suffix(pattern.data, value, n, is_longest);
	if (cut == SIZE_MAX)
		cut = 0;
	append_value(t, out, op == '#' ? value + cut : value, n - cut, start);
}

/* ${name/pattern/text}; AT is behind the first '/'. */
static void replace(struct state *t, struct buf *out, const char *value, size_t start)
{
	cleanup_buf struct buf pattern = BUF_INIT, with = BUF_INIT, result = BUF_INIT;
	bool is_all = t->at < t->n && t->s[t->at] == '/';

	t->at += is_all;
	run(t, &pattern, "/}", PATTERN);
	if (t->at < t->n && t->s[t->at] == '/') {
		t->at++;
		run(t, &with, "}", PLAIN);
	}
	if (pattern.len > PATTERN_LIMIT ||
	    (value && with.len && strlen(value) > EXPANSION_LIMIT / with.len)) {
		fail(t, IB_D_EXPANSION, start, t->at, "pattern or replacement is too long");
		return;
	}
	if (!value || !charge(t, strlen(value), start))
		return;
	buf_char(&pattern, '\0');
	buf_char(&with, '\0');
	pattern_replace(pattern.data, value, strlen(value), with.data, is_all, &result);
	append_value(t, out, result.data ? result.data : "", result.len, start);
}

/* AT is behind the name. */
static void modify(struct state *t, struct buf *out, size_t name_at, size_t len, size_t start)
{
	bool is_colon = t->s[t->at] == ':';
	size_t op_at = t->at + is_colon;
	char op = op_at < t->n ? t->s[op_at] : (char)0;

	if (op && strchr("-+?", op)) {
		t->at = op_at + 1;
		alternative(t, out, value_of(t, name_at, len, start, false), op, is_colon, start);
	} else if (!is_colon && op && strchr("#%/", op)) {
		t->at = op_at + 1;
		if (op == '/')
			replace(t, out, value_of(t, name_at, len, start, true), start);
		else
			strip(t, out, value_of(t, name_at, len, start, true), op, start);
	} else {
		size_t end = op_at < t->n && op != '}' ? op_at + 1 : op_at;

		fail(t, IB_D_EXPANSION, t->at, end,
		     "unsupported modifier '%.*s' in a substitution; there are :- - :+ + :? ? # ## "
		     "%% %%%% / //",
		     (int)(end - t->at), t->s + t->at);
		skip_braces(t);
		return;
	}
	if (t->at < t->n)
		t->at++;
	else if (!t->is_failed)
		fail(t, IB_D_EXPANSION, start, start + 2, "missing '}'");
}

/* AT is on the '{' of "${". */
static void braces(struct state *t, struct buf *out, size_t start)
{
	size_t name_at = ++t->at;
	size_t len = name_len(t->s + name_at, t->n - name_at);
	const char *value;

	t->at += len;
	if (len == 0) {
		skip_braces(t);
		fail(t, IB_D_EXPANSION, start, t->at,
		     "bad substitution; expected a variable's name behind '${'");
		return;
	}
	if (t->at >= t->n || strchr("\"' \t", t->s[t->at])) {
		fail(t, IB_D_EXPANSION, start, start + 2, "missing '}'");
		return;
	}
	if (t->s[t->at] == '}') {
		t->at++;
		value = value_of(t, name_at, len, start, true);
		if (value)
			append_value(t, out, value, strlen(value), start);
		return;
	}
	if (++t->depth > NESTING_LIMIT) {
		fail(t, IB_D_NESTING, start, start + 2, "substitutions nest more than %d deep",
		     NESTING_LIMIT);
		t->at = t->n;
	} else {
		modify(t, out, name_at, len, start);
	}
	t->depth--;
}

/* AT is on the '$'. */
static void dollar(struct state *t, struct buf *out, enum mode mode)
{
	size_t start = t->at++;
	char c = t->at < t->n ? t->s[t->at] : (char)0;
	size_t len = name_len(t->s + t->at, t->n - t->at);
	const char *value;

	if (c == '{') {
		braces(t, out, start);
	} else if (len > 0) {
		t->at += len;
		value = value_of(t, start + 1, len, start, true);
		if (value)
			append_value(t, out, value, strlen(value), start);
	} else if (c && strchr("0123456789@*#?!-$", c)) {
		t->at++;
		fail(t, IB_D_EXPANSION, start, t->at, "'$%c' means nothing in a recipe", c);
		ib_diag_hint(t->x->r->diag,
			     t->mode == BODY
				     ? "write %c$%c for the text itself, or quote the heredoc's "
				       "name: <<\"EOF\""
				     : "write %c$%c for the text itself, or use 'single quotes'",
			     t->x->escape, c);
	} else {
		emit(out, '$', mode);
	}
}

static void double_quotes(struct state *t, struct buf *out, enum mode mode)
{
	size_t start = t->at++;

	while (t->at < t->n && t->s[t->at] != '"') {
		char c = t->s[t->at];

		if (c == '$') {
			dollar(t, out, mode);
			continue;
		}
		if (c == t->x->escape && t->at + 1 < t->n &&
		    (strchr("\"$", t->s[t->at + 1]) || t->s[t->at + 1] == c))
			t->at++;
		emit(out, t->s[t->at], mode);
		t->at++;
	}
	if (t->at >= t->n && !t->is_failed)
		fail(t, IB_D_OPEN_QUOTE, start, start + 1, OPEN_QUOTE_TEXT);
	t->at++;
}

static void single_quotes(struct state *t, struct buf *out, enum mode mode)
{
	size_t start = t->at++;

	while (t->at < t->n && t->s[t->at] != '\'')
		emit(out, t->s[t->at++], mode);
	if (t->at >= t->n && !t->is_failed)
		fail(t, IB_D_OPEN_QUOTE, start, start + 1, OPEN_QUOTE_TEXT);
	t->at++;
}

/* An escape takes the meaning from the next character; in a heredoc only from '$' and itself. */
static void escaped(struct state *t, struct buf *out, enum mode mode)
{
	char next = t->at + 1 < t->n ? t->s[t->at + 1] : (char)0;

	if (t->mode == BODY && t->depth == 0 && next != '$' && next != t->x->escape)
		next = '\0';
	t->at += next ? 1 : 0;
	emit(out, t->s[t->at], mode);
	t->at++;
}

/* Appends what stands before the first of STOPS (NULL: the end); AT is on it afterwards. */
static void run(struct state *t, struct buf *out, const char *stops, enum mode mode)
{
	while (t->at < t->n) {
		char c = t->s[t->at];

		if (stops && c && strchr(stops, c))
			return;
		if (c == '$')
			dollar(t, out, mode);
		else if (c == t->x->escape)
			escaped(t, out, mode);
		else if (c == '\'' && mode != BODY)
			single_quotes(t, out, mode);
		else if (c == '"' && mode != BODY)
			double_quotes(t, out, mode);
		else {
			if (mode == PATTERN && (c == '\\'))
				buf_char(out, '\\');
			buf_char(out, c);
			t->at++;
		}
	}
	if (t->at > t->n)
		t->at = t->n;
}

void subst_word(struct subst *x, struct ib_ast_word *w)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct state t = {
		.x = x, .s = w->raw, .n = strlen(w->raw), .span = w->at, .segments = &w->segments
	};

	/* past the limit nothing is expanded any more: that is reported */
	w->text = NULL;
	if (x->grown > EXPANSION_LIMIT && strchr(w->raw, '$'))
		return;
	run(&t, &out, NULL, PLAIN);
	w->text =
		t.is_failed ? NULL : arena_strndup(x->r->arena, out.data ? out.data : "", out.len);
}

void subst_heredoc(struct subst *x, struct ib_ast_heredoc *h)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct state t = { .x = x,
			   .s = h->body,
			   .n = h->len,
			   .span = h->body_at,
			   .segments = &h->segments,
			   .mode = BODY };

	h->text = h->body;
	h->text_len = h->len;
	if (h->is_quoted || (!memchr(h->body, '$', h->len) && !memchr(h->body, x->escape, h->len)))
		return;
	run(&t, &out, NULL, BODY);
	h->text =
		t.is_failed ? NULL : arena_strndup(x->r->arena, out.data ? out.data : "", out.len);
	h->text_len = out.len;
}
