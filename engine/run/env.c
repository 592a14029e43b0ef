/* SPDX-License-Identifier: Apache-2.0 */
/* Environments as arrays of "NAME=value". A hundred entries: a linear search is enough. */
#include "run/stage.h"

#include <imagebuild/buf.h>

#include <string.h>

static size_t find(const struct env *e, const char *name, size_t n)
{
	for (size_t i = 0; i < e->entries.len; i++) {
		if (strncmp(e->entries.items[i], name, n) == 0 && e->entries.items[i][n] == '=')
			return i;
	}
	return e->entries.len;
}

static void put(struct arena *a, struct env *e, const char *entry)
{
	const char *equals = strchr(entry, '=');
	size_t i;

	if (!equals || equals == entry)
		return;
	i = find(e, entry, (size_t)(equals - entry));
	if (i < e->entries.len)
		e->entries.items[i] = entry;
	else
		vec_push(a, &e->entries, entry);
}

void env_set(struct arena *a, struct env *e, const char *name, const char *value)
{
	put(a, e, arena_printf(a, "%s=%s", name, value));
}

const char *env_get(const struct env *e, const char *name)
{
	size_t n = strlen(name);
	size_t i = find(e, name, n);

	return i < e->entries.len ? e->entries.items[i] + n + 1 : NULL;
}

const char *env_find(const void *context, const char *name)
{
	return env_get(context, name);
}

void env_unset(struct env *e, const char *name)
{
	size_t i = find(e, name, strlen(name));

	if (i < e->entries.len)
		e->entries.items[i] = e->entries.items[--e->entries.len];
}

void env_copy(struct arena *a, struct env *to, const struct env *from)
{
	*to = (struct env){ 0 };
	vec_foreach (const char *, entry, &from->entries)
		vec_push(a, &to->entries, *entry);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *env_array(struct arena *a, struct env *e)
{
	if (e->entries.len)
		qsort(e->entries.items, e->entries.len, sizeof(*e->entries.items), compare);
	vec_push(a, &e->entries, NULL);
	e->entries.len--;
	return e->entries.items;
}

void env_format(const struct env *e, struct buf *out)
{
	vec_foreach (const char *, entry, &e->entries) {
		for (const char *p = *entry; *p; p++) {
			if (*p == '\n')
				buf_str(out, "\\n");
			else if (*p == '\\')
				buf_str(out, "\\\\");
			else
				buf_char(out, *p);
		}
		buf_char(out, '\n');
	}
}

/* Takes back what env_format escaped, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			*to++ = (char)(*++s == 'n' ? '\n' : *s);
		else
			*to++ = *s;
	}
	*to = '\0';
}

void env_parse(struct arena *a, const char *text, struct env *ret_env)
{
	struct env e = { 0 };

	while (*text) {
		const char *end = strchrnul(text, '\n');
		char *entry = arena_strndup(a, text, (size_t)(end - text));

		unescape(entry);
		put(a, &e, entry);
		text = *end ? end + 1 : end;
	}
	*ret_env = e;
}

void env_parse_nul(struct arena *a, const char *data, size_t n, struct env *ret_env)
{
	static const char *const shell[] = { "_", "SHLVL", "PWD", "OLDPWD" };
	struct env e = { 0 };

	for (size_t at = 0; at < n;) {
		size_t len = strnlen(data + at, n - at);

		put(a, &e, arena_strndup(a, data + at, len));
		at += len + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shell); i++)
		env_unset(&e, shell[i]);
	*ret_env = e;
}
