/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of a Dockerfile: Docker takes one without a value as empty, a recipe does not. */
#include "convert/docker.h"

#include <ctype.h>
#include <string.h>

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The '}' of the "${" that TEXT begins with; 0 where there is none. */
static size_t brace_end(const char *text, size_t len)
{
	size_t depth = 0;

	for (size_t i = 1; i < len; i++) {
		depth += text[i] == '{';
		if (text[i] == '}' && --depth == 0)
			return i;
	}
	return 0;
}

size_t docker_variable(struct arena *a, const char *text, size_t len, const char **ret_name,
		       const char **ret_modifier)
{
	size_t start = 1, n, end;

	if (len < 2 || text[0] != '$')
		return 0;
	start += text[1] == '{';
	for (n = 0; start + n < len && is_name(text[start + n]); n++)
		if (isdigit((unsigned char)text[start]))
			break;
	end = start == 2 ? brace_end(text, len) : start + n;
	if (!n || end < start + n)
		return 0;
	*ret_name = arena_strndup(a, text + start, n);
	*ret_modifier = arena_strndup(a, text + start + n, end - start - n);
	return end + (start == 2);
}

static const struct ib_pair *find(const struct ib_pair_vec *variables, const char *name)
{
	vec_foreach (struct ib_pair, p, variables)
		if (strcmp(p->key, name) == 0)
			return p;
	return NULL;
}

void docker_define(struct docker *d, struct ib_pair_vec *variables, const char *name,
		   const char *value)
{
	struct ib_pair pair = { .key = name, .value = value };

	vec_foreach (struct ib_pair, p, variables)
		if (strcmp(p->key, name) == 0) {
			*p = pair;
			return;
		}
	vec_push(d->j->arena, variables, pair);
}

static bool has_value(const struct docker *d, const char *name)
{
	static const char *const predefined[] = { "ARCH", "TARGETARCH", "SOURCE_DATE_EPOCH" };
	const struct ib_pair *p =
		d->stages.len ? find(&d->stages.items[d->stages.len - 1].variables, name) : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(predefined); i++)
		if (strcmp(predefined[i], name) == 0)
			return true;
	if (!d->stages.len)
		p = find(&d->globals, name);
	return p && p->value;
}

/* What containers have without being told. */
static const char *implied(const char *name)
{
	if (strcmp(name, "PATH") == 0)
		return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	return strcmp(name, "HOME") == 0 ? "/root" : "";
}

static void open_one(struct docker *d, struct ib_span at, const char *name, const char *modifier)
{
	const char *value = implied(name);

	if (has_value(d, name) || strchr("-+?", *modifier ? *modifier : 'x') ||
	    (*modifier == ':' && modifier[1]))
		return;
	if (d->stages.len && find(&d->globals, name)) {
		docker_change(d, at, arena_printf(d->j->arena, "${%s:+}", name));
		ib_diag_add(d->j->diag, IB_D_GUESS, at,
			    "%s is empty, as in Docker, where the stage does not declare it: "
			    "perhaps 'ARG %s' is missing",
			    name, name);
		return;
	}
	docker_change(d, at, arena_printf(d->j->arena, "${%s:-%s}", name, value));
	if (*value)
		ib_diag_add(d->j->diag, IB_D_GUESS, at, "%s is taken to be %s", name, value);
	else
		ib_diag_add(d->j->diag, IB_D_GUESS, at,
			    "%s has no value in this file; as in Docker it is empty, unless the "
			    "base image sets it",
			    name);
}

void docker_open(struct docker *d, struct ib_span at)
{
	const char *text = docker_bytes(d, at), *name, *modifier;
	size_t len = at.end - at.start, n;
	char quote = 0;

	for (size_t i = 0; i < len; i += n) {
		n = 1;
		if (text[i] == d->escape && i + 1 < len)
			n = 2;
		else if (text[i] == '\'' && quote != '"')
			quote = quote ? 0 : '\'';
		else if (text[i] == '"' && quote != '\'')
			quote = quote ? 0 : '"';
		else if (text[i] == '$' && quote != '\'')
			n = docker_variable(d->j->arena, text + i, len - i, &name, &modifier);
		if (n > 1 && text[i] == '$')
			open_one(d,
				 (struct ib_span){ at.start + (uint32_t)i,
						   at.start + (uint32_t)(i + n) },
				 name, modifier);
		n += n == 0;
	}
}

const char *docker_expand(const struct docker *d, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;
	const char *name, *modifier;
	size_t len = strlen(text), n;

	buf_str(&out, "");
	for (size_t i = 0; i < len; i += n) {
		const struct ib_pair *p;

		n = docker_variable(d->j->arena, text + i, len - i, &name, &modifier);
		if (!n) {
			buf_add(&out, text + i, n = 1);
			continue;
		}
		p = find(&d->globals, name);
		if (p && p->value)
			buf_str(&out, p->value);
		else if (strncmp(modifier, ":-", 2) == 0)
			buf_str(&out, modifier + 2);
		else
			return NULL;
	}
	return arena_strndup(d->j->arena, out.data, out.len);
}
