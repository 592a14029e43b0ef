/* SPDX-License-Identifier: Apache-2.0 */
/* A word of the language as a word of bash, for environment.d: A='b c'${D-e}. It stands in an
 * assignment, where bash neither splits nor globs. Reads only words that subst.c had no error with,
 * so nesting is bounded and every brace has its end. */
#include "front.h"
#include "parse.h"

#include <ctype.h>
#include <string.h>

struct shell {
	const struct subst *x;
	const struct ib_ast_word *word;
	const char *s;
	size_t at;
	struct buf *out;
	bool is_open; /* a single quote */
};

static void close_quote(struct shell *t)
{
	if (t->is_open)
		buf_char(t->out, '\'');
	t->is_open = false;
}

static void literal(struct shell *t, char c)
{
	if (isalnum((unsigned char)c) || (c && strchr("_./:=+,%@-", c))) {
		close_quote(t);
		buf_char(t->out, c);
	} else if (c == '\'') {
		close_quote(t);
		buf_str(t->out, "\\'");
	} else {
		if (!t->is_open)
			buf_char(t->out, '\'');
		t->is_open = true;
		buf_char(t->out, c);
	}
}

static void literals(struct shell *t, const char *s)
{
	for (; *s; s++)
		literal(t, *s);
	close_quote(t);
}

static void copy(struct shell *t, size_t n)
{
	close_quote(t);
	buf_add(t->out, t->s + t->at, n);
	t->at += n;
}

static void words(struct shell *t, const char *stops, bool is_pattern);

/* Behind the '}' of the "${" at AT. */
static size_t skip_braces(const struct shell *t)
{
	size_t at = t->at;
	int depth = 0;

	while (t->s[at]) {
		char c = t->s[at++];

		if (c == t->x->escape && t->s[at])
			at++;
		else if (c == '{' && t->s[at - 2] == '$')
			depth++;
		else if (c == '}' && --depth == 0)
			break;
	}
	return at;
}

/* The engine's own variables are the same everywhere, and not all of them are in environment.d's
 * environment. */
static void predefined(struct shell *t, size_t end)
{
	struct ib_ast_word part = { .at = t->word->at };
	struct subst x = *t->x;

	part.raw = arena_strndup(x.r->arena, t->s + t->at, end - t->at);
	subst_word(&x, &part);
	literals(t, part.text ? part.text : "");
	t->at = end;
}

/* ${name:-word} and its like; AT is behind the name. */
static void modifier(struct shell *t)
{
	char op = t->s[t->at + (t->s[t->at] == ':')];

	if (strchr("-+?", op)) {
		copy(t, t->s[t->at] == ':' ? 2 : 1);
		words(t, "}", false);
	} else if (op == '/') {
		copy(t, t->s[t->at + 1] == '/' ? 2 : 1);
		words(t, "/}", true);
		if (t->s[t->at] == '/') {
			copy(t, 1);
			words(t, "}", false);
		}
	} else {
		copy(t, t->s[t->at + 1] == op ? 2 : 1);
		words(t, "}", true);
	}
	copy(t, 1);
}

static void dollar(struct shell *t)
{
	bool has_braces = t->s[t->at + 1] == '{';
	const char *name = t->s + t->at + 1 + has_braces;
	size_t n = 0;
	const struct variable *v;

	while (isalnum((unsigned char)name[n]) || name[n] == '_')
		n++;
	if (n == 0) {
		literal(t, '$');
		t->at++;
		return;
	}
	close_quote(t);
	v = scope_find(t->x->scope, intern_bytes(t->x->r->names, name, n));
	if (v && v->is_predefined) {
		predefined(t, has_braces ? skip_braces(t) : t->at + 1 + n);
		return;
	}
	buf_printf(t->out, "${%.*s", (int)n, name);
	t->at += 1 + has_braces + n;
	if (has_braces && t->s[t->at] != '}') {
		modifier(t);
		return;
	}
	/* Its own line may have a higher number. */
	if (v && v->value) {
		buf_char(t->out, '-');
		literals(t, v->value);
	}
	buf_char(t->out, '}');
	t->at += has_braces;
}

static void double_quotes(struct shell *t)
{
	t->at++;
	while (t->s[t->at] && t->s[t->at] != '"') {
		char c = t->s[t->at], next = t->s[t->at + 1];

		if (c == '$') {
			dollar(t);
			continue;
		}
		t->at += c == t->x->escape && next && (strchr("\"$", next) || next == c);
		literal(t, t->s[t->at++]);
	}
	t->at++;
}

static void single_quotes(struct shell *t)
{
	t->at++;
	while (t->s[t->at] && t->s[t->at] != '\'')
		literal(t, t->s[t->at++]);
	t->at++;
}

/* What stands before the first of STOPS (NULL: the end); AT is on it afterwards. */
static void words(struct shell *t, const char *stops, bool is_pattern)
{
	while (t->s[t->at]) {
		char c = t->s[t->at];

		if (stops && strchr(stops, c))
			break;
		if (c == '$') {
			dollar(t);
		} else if (c == '\'') {
			single_quotes(t);
		} else if (c == '"') {
			double_quotes(t);
		} else if (is_pattern && (c == '*' || c == '?')) {
			copy(t, 1);
		} else {
			t->at += c == t->x->escape && t->s[t->at + 1];
			literal(t, t->s[t->at++]);
		}
	}
	close_quote(t);
}

const char *shell_word(const struct subst *x, const struct ib_ast_word *w)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct shell t = { .x = x, .word = w, .s = w->raw, .out = &out };

	words(&t, NULL, false);
	return arena_strndup(x->r->arena, out.data ? out.data : "", out.len);
}
