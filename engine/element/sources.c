/* SPDX-License-Identifier: Apache-2.0 */
/* source-repository-* files and what of the environment changes them (element-contract.md, section
 * 8). */
#include "element/element.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool is_source_file(const struct hook_file *f)
{
	static const char prefix[] = "source-repository-";

	return strncmp(f->path, prefix, sizeof(prefix) - 1) == 0 && !strchr(f->path, '/') &&
	       f->path[strlen(f->path) - 1] != '~';
}

static void add_lines(const struct hook_file *f, const char *text, struct ib_span span,
		      struct arena *a, struct source_line_vec *ret_lines)
{
	for (uint32_t at = span.start; at < span.end;) {
		const char *line = text + (at - span.start);
		const char *end = memchr(line, '\n', span.end - at);
		uint32_t n = end ? (uint32_t)(end - line) : span.end - at;
		uint32_t skip = 0;

		while (skip < n && isspace((unsigned char)line[skip]))
			skip++;
		if (skip < n && line[skip] != '#')
			vec_push(a, ret_lines,
				 ((struct source_line){
					 .text = arena_strndup(a, line + skip, n - skip),
					 .at = { at + skip, at + n },
					 .element = f->element }));
		at += n + 1;
	}
}

int sources_collect(const struct hooks *hooks, struct ib_sources *sources, struct arena *a,
		    struct source_line_vec *ret_lines, struct ib_error *err)
{
	vec_foreach (const struct hook_file, f, &hooks->files) {
		struct ib_span span;
		int r = is_source_file(f) ? element_source(sources, f->source, &span, err) : 1;

		if (r < 0)
			return r;
		if (r == 0)
			add_lines(f, ib_sources_text(sources, span), span, a, ret_lines);
	}
	return 0;
}

static bool is_name_char(char c, bool is_first)
{
	return c == '_' || isalpha((unsigned char)c) || (!is_first && isdigit((unsigned char)c));
}

static size_t name_length(const char *s)
{
	size_t n = 0;

	while (is_name_char(s[n], n == 0))
		n++;
	return n;
}

struct expansion {
	env_lookup *lookup;
	const void *context;
	struct arena *arena;
	struct ib_error *err;
};

static int expand(const struct expansion *x, const char *text, size_t len, struct buf *out);

/* "NAME", "{NAME}", "{NAME:-word}" or "{NAME-word}" behind a '$'; what was read of it. */
static int expand_variable(const struct expansion *x, const char *s, size_t len, struct buf *out)
{
	bool has_brace = *s == '{';
	const char *name = s + has_brace, *rest, *close, *value;
	size_t n = name_length(name);

	rest = name + n;
	close = has_brace && *rest ? memchr(rest, '}', len - (size_t)(rest - s)) : NULL;
	if (n == 0 || (has_brace && !close) ||
	    (has_brace && rest != close && *rest != '-' && strncmp(rest, ":-", 2) != 0))
		return ib_fail_text(x->err, EINVAL,
				    "only $NAME, ${NAME} and ${NAME:-word} are understood here");
	value = x->lookup(x->context, arena_strndup(x->arena, name, n));
	if (value && (*value || !has_brace || *rest != ':'))
		buf_str(out, value);
	else if (has_brace && rest != close) {
		int r = expand(x, rest + (*rest == ':') + 1,
			       (size_t)(close - rest) - (*rest == ':') - 1, out);

		if (r < 0)
			return r;
	} else if (!value) {
		return ib_fail_text(x->err, ENOKEY, "%.*s is not set", (int)n, name);
	}
	return (int)((has_brace ? close + 1 : rest) - s);
}

/* What dib lets a shell make of a line, in so far as lines have need of it. */
static int expand(const struct expansion *x, const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		int r;

		if (strchr("`;|&<>(", text[i]))
			return ib_fail_text(x->err, EINVAL,
					    "'%c' would be run by a shell, and is not here",
					    text[i]);
		if (strchr("\"'", text[i]))
			continue;
		if (text[i] != '$' || i + 1 == len) {
			buf_char(out, text[i]);
			continue;
		}
		r = expand_variable(x, text + i + 1, len - i - 1, out);
		if (r < 0)
			return r;
		i += (size_t)r;
	}
	return 0;
}

static bool is_type(const char *word)
{
	static const char *const types[] = { "git", "tar", "file", "package" };

	for (size_t i = 0; word && i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], word) == 0)
			return true;
	return false;
}

int source_parse(const struct source_line *line, env_lookup *lookup, const void *context,
		 struct arena *a, struct source_request *ret_request, struct ib_error *err)
{
	const struct expansion x = { lookup, context, a, err };
	cleanup_buf struct buf text = BUF_INIT;
	const char *words[6] = { NULL };
	char *save = NULL, *word;
	size_t n = 0;
	int r = expand(&x, line->text, strlen(line->text), &text);

	err->at = r < 0 ? line->at : err->at;
	if (r < 0)
		return r;
	word = text.data ? strtok_r(text.data, " \t\r", &save) : NULL;
	for (; word && n < ARRAY_SIZE(words); word = strtok_r(NULL, " \t\r", &save))
		words[n++] = arena_strdup(a, word);
	if (n < 2 || n > 5 || !is_type(words[1]) || (words[2] && words[2][0] != '/')) {
		err->at = line->at;
		return ib_fail_text(
			err, EINVAL,
			"a source is 'NAME git|tar|file|package /DESTINATION LOCATION [REF]'");
	}
	*ret_request = (struct source_request){ .name = words[0],
						.type = words[1],
						.dest = words[2],
						.location = words[3],
						.ref = words[4],
						.element = line->element,
						.at = line->at };
	return 0;
}

/* PREFIX and NAME with '_' for what no variable has; its value, NULL for an empty one too. */
static const char * override(const char *prefix, const char *name, env_lookup *lookup,
			     const void *context, struct arena *a)
{
	char *variable = arena_printf(a, "%s%s", prefix, name);
	const char *value;

	for (char *p = variable + strlen(prefix); *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	value = lookup(context, variable);
	return value && *value ? value : NULL;
}

/* DIB_GITREPOBASE in place of "scheme://host/" and "~user". */
static const char *rebase(const char *location, const char *base, struct arena *a)
{
	const char *path = strstr(location, "://");

	path = path ? strchr(path + 3, '/') : NULL;
	if (!path)
		return location;
	path++;
	if (*path == '~' && path[1] != '/')
		path += strcspn(path, "/");
	return arena_printf(a, "%s%s", base, path);
}

/* Whether the settled request can be fetched. */
static int check_request(const struct source_request *r, struct ib_error *err)
{
	if (!is_type(r->type))
		return ib_fail_text(err, EINVAL,
				    "source '%s' has the type '%s'; it must be git, tar or file",
				    r->name, r->type);
	if (strcmp(r->type, "package") == 0)
		return ib_fail_text(
			err, EINVAL,
			"source '%s' is of type package, which has nothing to fetch: its install "
			"type must be package",
			r->name);
	if (!r->dest || !r->location)
		return ib_fail_text(err, EINVAL,
				    "source '%s' of type %s needs a destination and a location",
				    r->name, r->type);
	return 1;
}

int source_settle(struct source_request *r, env_lookup *lookup, const void *context,
		  struct arena *a, struct ib_error *err)
{
	const char *install = override("DIB_INSTALLTYPE_", r->name, lookup, context, a);
	const char *type = override("DIB_REPOTYPE_", r->name, lookup, context, a);
	const char *location = override("DIB_REPOLOCATION_", r->name, lookup, context, a);
	const char *ref = override("DIB_REPOREF_", r->name, lookup, context, a);
	const char *base = override("DIB_GITREPOBASE", "", lookup, context, a);
	int result;

	if (!install)
		install = override("DIB_DEFAULT_INSTALLTYPE", "", lookup, context, a);
	if (install && strcmp(install, "source") != 0)
		return 0;
	if (!r->ref) /* by the type that is written, as in dib */
		r->ref = strcmp(r->type, "git") == 0   ? "master"
			 : strcmp(r->type, "tar") == 0 ? "*"
						       : NULL;
	r->type = type ? type : r->type;
	r->ref = ref ? ref : r->ref;
	if (location)
		r->location = location;
	else if (base && r->location && strcmp(r->type, "git") == 0)
		r->location = rebase(r->location, base, a);
	if (!r->ref && strcmp(r->type, "git") == 0)
		r->ref = "master";
	result = check_request(r, err);
	err->at = result < 0 ? r->at : err->at;
	return result;
}
