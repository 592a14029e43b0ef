/* SPDX-License-Identifier: Apache-2.0 */
/* What environment.d sets, as far as it can be read without a shell: plain assignments at the top
 * level of a file. What is assigned in any other way (inside if, by a command, from a variable that
 * is not known) is marked and left out of the result, so that nothing is guessed wrong. */
#include "element/private.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <string.h>

struct value {
	const char *text; /* NULL: unset */
	bool is_unknown, is_exported;
};

struct reader {
	struct arena *arena;
	struct intern *names;
	struct map vars;
	struct str_vec order;
	const char *p, *end; /* of the file */
	int depth;           /* of if, case, loops, functions */
	bool is_wild; /* something was sourced or evaluated: what is not assigned later is not known
		       */
	bool is_given_up; /* the rest of the file is not understood */
};

/* A simple command: raw words, quotes included. */
struct command {
	struct str_vec words;
	bool is_conditional; /* joined to another by &&, || or a pipe */
	char end;            /* the character it ended at; 0: the file's end */
};

static struct value *variable(struct reader *r, const char *name, size_t n)
{
	const char *key = intern_bytes(r->names, name, n);
	void **slot = map_put(r->arena, &r->vars, key);

	if (!*slot) {
		struct value *v = arena_alloc(r->arena, sizeof(*v));

		v->is_unknown = r->is_wild;
		*slot = v;
		vec_push(r->arena, &r->order, key);
	}
	return *slot;
}

size_t environ_name_length(const char *s)
{
	size_t n = 0;

	while (s[n] == '_' || isalpha((unsigned char)s[n]) ||
	       (n > 0 && isdigit((unsigned char)s[n])))
		n++;
	return n;
}

/* The end of what is quoted or nested at P ('...', "...", $(...), ${...}, `...`), or NULL where it
 * is open. */
static const char *skip_nested(const char *p, const char *end)
{
	char close[64];
	size_t depth = 0;

	do {
		char top = depth ? close[depth - 1] : '\0';

		if (p >= end || depth == sizeof(close))
			return NULL;
		if (*p == '\\' && top != '\'') {
			p += 2;
			continue;
		}
		if (depth && *p == top)
			depth--;
		else if (top == '\'')
			;
		else if (*p == '\'' && top != '"')
			close[depth++] = '\'';
		else if (*p == '"')
			close[depth++] = '"';
		else if (*p == '`')
			close[depth++] = '`';
		else if (*p == '$' && p + 1 < end && (p[1] == '(' || p[1] == '{'))
			close[depth++] = *++p == '(' ? ')' : '}';
		else if (*p == '(' && top == ')')
			close[depth++] = ')';
		p++;
	} while (depth);
	return p;
}

static bool starts_nested(const char *p, const char *end)
{
	return *p == '\'' || *p == '"' || *p == '`' || *p == '\\' ||
	       (*p == '$' && p + 1 < end && (p[1] == '(' || p[1] == '{'));
}

/* Past blanks, comments and joined lines, up to the next word or operator. */
static void skip_blanks(struct reader *r)
{
	while (r->p < r->end) {
		if (*r->p == '\\' && r->p + 1 < r->end && r->p[1] == '\n')
			r->p += 2;
		else if (*r->p == ' ' || *r->p == '\t')
			r->p++;
		else if (*r->p == '#')
			while (r->p < r->end && *r->p != '\n')
				r->p++;
		else
			return;
	}
}

/* The next word, or NULL at an operator, a newline or the end. */
static const char *next_word(struct reader *r)
{
	const char *start;

	skip_blanks(r);
	start = r->p;
	while (r->p < r->end && !strchr(" \t\n;&|", *r->p)) {
		if (!starts_nested(r->p, r->end)) {
			r->p++;
			continue;
		}
		r->p = skip_nested(r->p, r->end);
		if (!r->p || r->p > r->end) {
			r->p = r->end;
			r->is_given_up = true;
		}
	}
	return r->p == start ? NULL : arena_strndup(r->arena, start, (size_t)(r->p - start));
}

/* Past a here-document's body. */
static void skip_heredoc(struct reader *r, const char *word)
{
	const char *p = r->p;
	size_t n;

	word += strspn(word, "<-'\"");
	n = strcspn(word, "'\"");
	while (p < r->end) {
		const char *line = p, *eol = memchr(p, '\n', (size_t)(r->end - p));

		p = eol ? eol + 1 : r->end;
		while (line < p && *line == '\t')
			line++;
		if ((size_t)(p - line) >= n && memcmp(line, word, n) == 0 &&
		    (line[n] == '\n' || line + n >= r->end))
			break;
	}
	r->p = p;
}

static bool next_command(struct reader *r, struct command *ret)
{
	struct command c = { .end = 0 };
	const char *heredoc = NULL;

	for (const char *w; (w = next_word(r));) {
		vec_push(r->arena, &c.words, w);
		if (strncmp(w, "<<", 2) == 0 && w[2] != '<')
			heredoc = w;
	}
	if (r->p < r->end) {
		c.end = *r->p++;
		c.is_conditional = c.end == '|' || c.end == '&';
		while (r->p < r->end && (c.end == '|' || c.end == '&' || c.end == ';') &&
		       strchr("|&;", *r->p))
			r->p++;
	} else if (c.words.len == 0) {
		return false;
	}
	if (heredoc)
		skip_heredoc(r, heredoc);
	*ret = c;
	return true;
}

static bool add_expansion(struct reader *r, const char **p, const char *end, struct buf *out);

/* WORD up to END with quotes removed and variables put in; false where that needs a shell. */
static bool expand(struct reader *r, const char *word, const char *end, struct buf *out)
{
	char quote = '\0';

	for (const char *p = word; p < end;) {
		if (*p == quote || (!quote && (*p == '\'' || *p == '"'))) {
			quote = quote ? '\0' : *p;
			p++;
		} else if (*p == '\\' && quote != '\'' && p[1] == '\n') {
			p += 2;
		} else if (*p == '\\' && quote != '\'') {
			if (quote && !strchr("$`\"\\", p[1]))
				buf_char(out, '\\');
			if (p + 1 >= end)
				return false;
			buf_char(out, p[1]);
			p += 2;
		} else if (*p == '`' && quote != '\'') {
			return false;
		} else if (*p == '$' && quote != '\'') {
			if (!add_expansion(r, &p, end, out))
				return false;
		} else if (!quote && strchr("*?[{(<>~", *p)) {
			return false;
		} else {
			buf_char(out, *p++);
		}
	}
	return true;
}

/* $NAME, ${NAME}, ${NAME:-word}, ${NAME-word} at *P; the word ends at END. */
static bool add_expansion(struct reader *r, const char **p, const char *end, struct buf *out)
{
	bool has_braces = (*p)[1] == '{', is_empty_unset;
	const char *name = *p + 1 + has_braces, *rest, *close;
	size_t n = environ_name_length(name);
	const struct value *v;

	if (n == 0)
		return false;
	rest = name + n;
	close = has_braces ? skip_nested(*p, end) : rest;
	if (!close)
		return false;
	*p = close;
	v = variable(r, name, n);
	if (v->is_unknown)
		return false;
	if (!has_braces || *rest == '}') {
		buf_str(out, v->text ? v->text : "");
		return v->text != NULL; /* under set -u */
	}
	is_empty_unset = *rest == ':';
	rest += is_empty_unset;
	if (*rest != '-')
		return false;
	if (v->text && !(is_empty_unset && !*v->text)) {
		buf_str(out, v->text);
		return true;
	}
	return expand(r, rest + 1, close - 1, out);
}

static void forget(struct reader *r, const char *name, size_t n)
{
	struct value *v = variable(r, name, n);

	v->is_unknown = true;
	v->is_exported = true;
}

static void forget_all(struct reader *r)
{
	r->is_wild = true;
	vec_foreach (const char *, name, &r->order)
		((struct value *)map_get(&r->vars, *name))->is_unknown = true;
}

/* Everything that looks like an assignment in a command that is not plain. */
static void forget_words(struct reader *r, const struct command *c)
{
	bool takes_names = false;

	vec_foreach (const char *, w, &c->words) {
		size_t n = environ_name_length(*w);

		if (strcmp(*w, "read") == 0 || strcmp(*w, "unset") == 0 || strcmp(*w, "for") == 0 ||
		    strcmp(*w, "mapfile") == 0 || strcmp(*w, "readarray") == 0)
			takes_names = true;
		else if (strcmp(*w, "source") == 0 || strcmp(*w, ".") == 0 ||
			 strcmp(*w, "eval") == 0)
			forget_all(r);
		else if (n > 0 &&
			 ((*w)[n] == '=' || (*w)[n] == '[' || strncmp(*w + n, "+=", 2) == 0))
			forget(r, *w, n);
		else if (n > 0 && takes_names && (*w)[n] == '\0')
			forget(r, *w, n);
	}
}

/* What stands behind NAME= in WORD; NULL where that needs a shell. */
static const char *assigned(struct reader *r, const char *word)
{
	cleanup_buf struct buf text = BUF_INIT;
	const char *value = word + environ_name_length(word) + 1;

	if (!expand(r, value, value + strlen(value), &text))
		return NULL;
	return arena_strndup(r->arena, text.data ? text.data : "", text.len);
}

static void assign(struct reader *r, const char *word, const char *value, bool is_exported)
{
	struct value *v = variable(r, word, environ_name_length(word));

	v->text = value;
	v->is_unknown = !value;
	v->is_exported = v->is_exported || is_exported;
}

/* NAME=value ..., export NAME[=value] ...; false for anything else. */
static bool is_plain(const struct command *c)
{
	size_t first = strcmp(c->words.items[0], "export") == 0;

	for (size_t i = first; i < c->words.len; i++) {
		const char *w = c->words.items[i];
		size_t n = environ_name_length(w);

		if (n == 0 || !(w[n] == '=' || (w[n] == '\0' && first)))
			return false;
	}
	return c->words.len > first;
}

static void run_plain(struct reader *r, const struct command *c)
{
	bool is_export = strcmp(c->words.items[0], "export") == 0;
	struct str_vec values = { NULL, 0, 0 };

	/* A builtin's words are all expanded before it sets the first. */
	for (size_t i = 0; is_export && i < c->words.len; i++) {
		const char *w = c->words.items[i];

		vec_push(r->arena, &values,
			 w[environ_name_length(w)] == '=' ? assigned(r, w) : NULL);
	}
	for (size_t i = is_export; i < c->words.len; i++) {
		const char *w = c->words.items[i];
		size_t n = environ_name_length(w);

		if (w[n] == '=')
			assign(r, w, is_export ? values.items[i] : assigned(r, w), is_export);
		else
			variable(r, w, n)->is_exported = true;
	}
}

static int depth_change(const char *word)
{
	static const struct {
		const char *word;
		int change;
	} keywords[] = {
		{ "if", 1 },     { "case", 1 }, { "for", 1 }, { "while", 1 }, { "until", 1 },
		{ "select", 1 }, { "{", 1 },    { "(", 1 },   { "fi", -1 },   { "esac", -1 },
		{ "done", -1 },  { "}", -1 },   { ")", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (strcmp(keywords[i].word, word) == 0)
			return keywords[i].change;
	return 0;
}

/* Keywords stand where a command may start; only the first words of a command are looked at. */
static int command_depth(const struct command *c)
{
	int change = 0;

	vec_foreach (const char *, w, &c->words) {
		size_t n = strlen(*w);

		change += depth_change(*w);
		if (n > 2 && strcmp(*w + n - 2, "()") == 0)
			continue; /* name() { */
		if (strcmp(*w, "then") != 0 && strcmp(*w, "else") != 0 && strcmp(*w, "do") != 0 &&
		    strcmp(*w, "function") != 0 && strcmp(*w, "if") != 0 && depth_change(*w) == 0)
			break;
	}
	return change;
}

static void read_text(struct reader *r, const char *text, size_t n)
{
	struct command c;
	bool was_conditional = false;

	r->p = text;
	r->end = text + n;
	r->depth = 0;
	r->is_given_up = false;
	while (next_command(r, &c)) {
		bool is_conditional = c.is_conditional || was_conditional;
		int change;

		was_conditional = c.is_conditional;
		if (c.words.len == 0)
			continue;
		change = command_depth(&c);
		if (r->depth == 0 && change == 0 && !is_conditional && !r->is_given_up &&
		    is_plain(&c))
			run_plain(r, &c);
		else
			forget_words(r, &c);
		r->depth = r->depth + change > 0 ? r->depth + change : 0;
	}
	/* An open quote hides what follows it. */
	if (r->is_given_up)
		forget_all(r);
}

static char *file_text(struct arena *a, const struct hook_file *f, size_t *ret_len)
{
	struct ib_error err = IB_ERROR_INIT;
	const char *slash;

	if (f->text) {
		*ret_len = strlen(f->text);
		return ib_xstrdup(f->text);
	}
	slash = strrchr(f->source, '/');
	return element_file(arena_strndup(a, f->source, (size_t)(slash - f->source)), slash + 1,
			    ret_len, &err);
}

void environ_guess(const struct hooks *hooks, const struct ib_pair_vec *env, struct intern *names,
		   struct arena *a, struct map *ret_vars)
{
	struct reader r = { .arena = a, .names = names };
	struct hook_file_vec files;
	struct map known = { .slots = NULL };

	vec_foreach (struct ib_pair, pair, env) {
		struct value *v = variable(&r, pair->key, strlen(pair->key));

		*v = (struct value){ .text = pair->value, .is_exported = true };
	}
	hooks_environment(hooks, a, &files);
	vec_foreach (struct hook_file, f, &files) {
		size_t n = 0;
		cleanup_free char *text = file_text(a, f, &n);

		if (text)
			read_text(&r, text, n);
		else
			forget_all(&r);
	}
	vec_foreach (const char *, name, &r.order) {
		struct value *v = map_get(&r.vars, *name);

		if (v->is_exported && !v->is_unknown && v->text)
			*map_put(a, &known, *name) = arena_strdup(a, v->text);
	}
	*ret_vars = known;
}
