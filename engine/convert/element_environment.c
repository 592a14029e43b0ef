/* SPDX-License-Identifier: Apache-2.0 */
/* A file of environment.d that is nothing but plain exports becomes ENV and ARG at its number. A
 * value stands in the fragment as it is written: the language reads these quotes and ${NAME:-word}
 * as the shell does. */
#include "convert/element.h"

#include "element/element.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

enum { ORDER_DEFAULT = 10 }; /* docs/language.md */

struct exports {
	struct element_conversion *c;
	struct buf out;
	struct str_vec names; /* set so far */
	int order;
};

static bool is_set(const struct exports *x, const char *name, size_t n)
{
	vec_foreach (const char *, set, &x->names)
		if (strlen(*set) == n && strncmp(*set, name, n) == 0)
			return true;
	return false;
}

/* Bytes of what the shell and the language read alike, at S up to one of STOPS. */
static size_t plain_length(const char *s, const char *more)
{
	size_t n = 0;

	while (s[n] && (isalnum((unsigned char)s[n]) || strchr(more, s[n])))
		n++;
	return n;
}

/* ${NAME:-word} or ${NAME-word}; 0: anything else. A variable without a word may not be set when
 * the fragment is compiled. */
static size_t variable_length(const char *s, const char *word_signs)
{
	size_t n = s[1] == '{' ? environ_name_length(s + 2) : 0;
	const char *p = s + 2 + n;

	if (!n)
		return 0;
	p += *p == ':';
	if (*p++ != '-')
		return 0;
	p += plain_length(p, word_signs);
	return *p == '}' ? (size_t)(p - s) + 1 : 0;
}

#define BARE "_./:@,+=-"
#define QUOTED BARE " #;&|()<>*?[]~!%^"

/* Bytes of "..." at S with the quotes; 0: it holds what the two read differently. */
static size_t double_length(const char *s)
{
	size_t n = 1;

	while (s[n] != '"') {
		size_t len = s[n] == '$' ? variable_length(s + n, QUOTED)
					 : plain_length(s + n, QUOTED "'{}");

		if (s[n] == '\\' && s[n + 1] && strchr("$`\"\\", s[n + 1]))
			len = 2;
		if (!len)
			return 0;
		n += len;
	}
	return n + 1;
}

/* Whether the N bytes at S are one word for both. */
static bool is_value(const char *s, size_t n)
{
	size_t at = 0;

	if (n && *s == '~')
		return false;
	while (at < n) {
		const char *end = s[at] == '\'' ? strchr(s + at + 1, '\'') : NULL;
		size_t len = s[at] == '$'    ? variable_length(s + at, BARE)
			     : s[at] == '"'  ? double_length(s + at)
			     : s[at] == '\'' ? (end ? (size_t)(end - s) + 1 - at : 0)
					     : plain_length(s + at, BARE "%^");

		if (!len)
			return false;
		at += len;
	}
	return at == n;
}

/* Whether VALUE is ${NAME:-word}, in quotes or not; ret_word: the word. */
static bool is_default(const char *name, size_t name_len, const char *value, size_t n,
		       const char **ret_word, size_t *ret_len)
{
	bool is_quoted = n > 1 && value[0] == '"' && value[n - 1] == '"';
	const char *p = value + is_quoted;
	size_t left = n - 2 * (size_t)is_quoted;

	if (left < name_len + 5 || strncmp(p, "${", 2) != 0 ||
	    strncmp(p + 2, name, name_len) != 0 || strncmp(p + 2 + name_len, ":-", 2) != 0)
		return false;
	*ret_word = p + name_len + 4;
	*ret_len = strcspn(*ret_word, "}");
	return *ret_word + *ret_len + 1 == p + left;
}

static bool add_export(struct exports *x, const char *line, size_t n)
{
	size_t name_len = environ_name_length(line), word_len = 0;
	const char *value = line + name_len + 1, *word = NULL;
	struct arena *a = x->c->job->arena;
	bool is_arg;

	while (n > 0 && strchr(" \t", line[n - 1]))
		n--;
	if (!name_len || name_len >= n || line[name_len] != '=' || is_set(x, line, name_len))
		return false;
	n -= name_len + 1;
	is_arg = is_default(line, name_len, value, n, &word, &word_len);
	if (!is_value(arena_strndup(a, value, n), n))
		return false;
	buf_str(&x->out, is_arg ? "ARG " : "ENV ");
	if (x->order != ORDER_DEFAULT)
		buf_printf(&x->out, "--order=%d ", x->order);
	buf_printf(&x->out, "%.*s=", (int)name_len, line);
	if (is_arg && word_len)
		write_word(&x->out, arena_strndup(a, word, word_len));
	else if (!is_arg)
		buf_add(&x->out, value, n);
	buf_char(&x->out, '\n');
	vec_push(a, &x->names, arena_strndup(a, line, name_len));
	return true;
}

static bool add_line(struct exports *x, const char *line, size_t n)
{
	static const char word[] = "export ";
	size_t blank = strspn(line, " \t");

	if (blank >= n)
		return true;
	if (line[blank] == '#') {
		if (line[blank + 1] != '!')
			buf_printf(&x->out, "%.*s\n", (int)(n - blank), line + blank);
		return true;
	}
	if (n <= sizeof(word) || strncmp(line, word, sizeof(word) - 1) != 0)
		return false;
	blank = sizeof(word) - 1 + strspn(line + sizeof(word) - 1, " \t");
	return blank < n && add_export(x, line + blank, n - blank);
}

/* Whether another file has NAME's number: their order would not be known. */
static bool is_alone(const struct element_conversion *c, const char *name)
{
	cleanup_free char *dir = fs_join(c->dir, "environment.d");
	cleanup_free char **names = NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	size_t n = 0, same = 0;

	(void)fs_list(AT_FDCWD, dir, &names, &n, &ignored);
	for (size_t i = 0; i < n; i++)
		same += strncmp(names[i], name, 3) == 0;
	return same == 1;
}

int element_environment(struct element_conversion *c, const char *path, struct ib_error *err)
{
	const char *name = strrchr(path, '/') + 1;
	struct exports x = { .c = c };
	struct ib_span span;
	const char *text, *end;
	int r = element_read(c, path, &span, err);

	if (r < 0)
		return r;
	if (!element_has_order(name) || !is_alone(c, name))
		return element_keep(c, path, "no number of its own places it", span, err);
	x.order = (name[0] - '0') * 10 + name[1] - '0';
	text = ib_sources_text(c->job->sources, span);
	for (const char *last = text + (span.end - span.start); text < last; text = end + 1) {
		uint32_t at = span.end - (uint32_t)(last - text);

		end = memchr(text, '\n', (size_t)(last - text));
		end = end ? end : last;
		if (add_line(&x, text, (size_t)(end - text)))
			continue;
		buf_release(&x.out);
		return element_keep(c, path, "this line is more than a plain export",
				    (struct ib_span){ at, at + (uint32_t)(end - text) }, err);
	}
	convert_became(c->job, element_path(c, path), "%s",
		       x.names.len ? "ENV and ARG" : "nothing: it sets nothing");
	if (x.names.len)
		buf_add(&c->environment, x.out.data, x.out.len);
	buf_release(&x.out);
	return 0;
}
