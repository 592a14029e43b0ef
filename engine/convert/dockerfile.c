/* SPDX-License-Identifier: Apache-2.0 */
/* A Dockerfile becomes a recipe by changes in its text: what both languages share stays. */
#include "convert/docker.h"

#include "support/json.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <string.h>

void docker_change(struct docker *d, struct ib_span at, const char *text)
{
	vec_push(d->j->arena, &d->edits, ((struct docker_edit){ at, text }));
}

void docker_fail(struct docker *d, struct ib_span at, const char *text)
{
	ib_diag_add(d->j->diag, IB_D_BAD_CONVERSION_INPUT, at, "%s", text);
	d->has_failed = true;
}

const struct docker_stage *docker_stage_find(struct docker *d, const char *name)
{
	size_t digits = strspn(name, "0123456789");

	for (size_t i = 0; i + 1 < d->stages.len; i++) {
		struct docker_stage *s = &d->stages.items[i];

		if (s->name && strcasecmp(s->name, name) == 0)
			return s;
	}
	if (!digits || name[digits] || digits > 4 || (size_t)atoi(name) + 1 >= d->stages.len)
		return NULL;
	if (!d->stages.items[atoi(name)].name) {
		struct docker_stage *s = &d->stages.items[atoi(name)];
		struct ib_span end = { s->base_at.end, s->base_at.end };

		s->name = arena_printf(d->j->arena, "stage-%s", name);
		docker_change(d, end, arena_printf(d->j->arena, " AS %s", s->name));
	}
	return &d->stages.items[atoi(name)];
}

static void left_out(struct docker *d, struct ib_span at, const char *what, const char *why)
{
	ib_diag_add(d->j->diag, IB_D_LEFT_OUT, at, "%s is left out: %s", what, why);
}

static struct ib_pair_vec *variables_of(struct docker *d)
{
	return d->stages.len ? &d->stages.items[d->stages.len - 1].variables : &d->globals;
}

/* TEXT without its quotes. */
static char *unquote(struct docker *d, const char *text)
{
	char *out = arena_strdup(d->j->arena, text), *to = out;

	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\'')
			continue;
		if (*p == d->escape && p[1])
			p++;
		*to++ = *p;
	}
	*to = '\0';
	return out;
}

/* What BuildKit sets by itself once it is declared; a build here is for this machine. */
static const struct {
	const char *name, *value;
} platforms[] = {
	{ "TARGETPLATFORM", "linux/${TARGETARCH}" },
	{ "TARGETOS", "linux" },
	{ "TARGETVARIANT", "\"\"" },
	{ "BUILDPLATFORM", "linux/${TARGETARCH}" },
	{ "BUILDOS", "linux" },
	{ "BUILDARCH", "${TARGETARCH}" },
	{ "BUILDVARIANT", "\"\"" },
};

static void declare(struct docker *d, const struct docker_word *w)
{
	struct ib_span end = { w->at.end, w->at.end };
	const struct ib_pair_vec *globals = &d->globals;
	const char *value = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++)
		if (strcmp(w->text, platforms[i].name) == 0) {
			docker_change(d, end, arena_printf(d->j->arena, "=%s", platforms[i].value));
			value = platforms[i].value;
		}
	vec_foreach (struct ib_pair, p, globals)
		if (!value && strcmp(p->key, w->text) == 0)
			value = p->value;
	docker_define(d, variables_of(d), w->text, value);
}

static void convert_arg(struct docker *d, const struct docker_line *l)
{
	docker_open(d, l->args);
	vec_foreach (struct docker_word, w, &l->words) {
		const char *equals = strchr(w->text, '=');

		if (!equals) {
			declare(d, w);
			continue;
		}
		docker_define(d, variables_of(d),
			      arena_strndup(d->j->arena, w->text, (size_t)(equals - w->text)),
			      unquote(d, equals + 1));
	}
}

/* "ENV NAME some words": the value is the rest of the line, its quotes taken away. */
static void mend_old_form(struct docker *d, const struct docker_line *l)
{
	const struct docker_word *words = l->words.items;
	struct ib_span gap = { words[0].at.end, words[1].at.start };
	struct ib_span end = { l->args.end, l->args.end };
	char quote = 0;

	if (l->words.len == 2) {
		docker_change(d, gap, "=");
		return;
	}
	docker_change(d, gap, "=\"");
	for (uint32_t i = gap.end; i < l->args.end; i++) {
		struct ib_span at = { i, i + 1 };
		char c = *docker_bytes(d, at);

		if (c == d->escape)
			i++;
		else if (quote ? c == quote : c == '"' || c == '\'') {
			docker_change(d, at, "");
			quote = quote ? 0 : c;
		} else if (quote == '\'' && (c == '$' || c == '"')) {
			at.end = i;
			docker_change(d, at, "\\");
		}
	}
	docker_change(d, end, "\"");
}

static void convert_pairs(struct docker *d, const struct docker_line *l)
{
	bool is_env = l->keyword[0] == 'E';

	if (l->words.len < 2 && (!l->words.len || !strchr(l->words.items[0].text, '='))) {
		docker_fail(d, l->at, "expected NAME=VALUE");
		return;
	}
	docker_open(d, l->args);
	if (!strchr(l->words.items[0].text, '=')) {
		mend_old_form(d, l);
		if (is_env)
			docker_define(d, variables_of(d), l->words.items[0].text, "");
		return;
	}
	vec_foreach (struct docker_word, w, &l->words) {
		const char *equals = strchr(w->text, '=');

		if (!equals)
			docker_fail(d, w->at, "expected NAME=VALUE");
		else if (is_env)
			docker_define(
				d, variables_of(d),
				arena_strndup(d->j->arena, w->text, (size_t)(equals - w->text)),
				"");
	}
}

static void convert_maintainer(struct docker *d, const struct docker_line *l)
{
	cleanup_buf struct buf out = BUF_INIT;

	buf_str(&out, "LABEL ");
	write_word(&out, arena_printf(d->j->arena, "maintainer=%s", unquote(d, l->text)));
	docker_change(d, l->all, arena_strdup(d->j->arena, out.data));
}

/* What a recipe has no word for stands in it as a comment. */
static void convert_refused(struct docker *d, const struct docker_line *l)
{
	cleanup_buf struct buf out = BUF_INIT;
	bool is_health = l->keyword[0] == 'H';

	left_out(d, l->at, l->keyword,
		 is_health ? "an image that is built says nothing of its health"
			   : "it is for images that are built from this one");
	write_comment(&out, arena_printf(d->j->arena, "Left out: %s %s", l->keyword, l->text));
	docker_change(d, l->all, arena_strndup(d->j->arena, out.data, out.len - 1));
}

/* The exec form; Docker takes what is none as text for a shell, in silence. */
bool docker_check_json(struct docker *d, const struct docker_line *l, const char *text)
{
	const struct json_value *v;
	bool is_array;

	if (text[0] != '[')
		return true;
	v = json_parse(d->j->arena, text, strlen(text), NULL, NULL);
	is_array = v && v->kind == JSON_ARRAY;
	for (const struct json_value *c = is_array ? v->children : NULL; c; c = c->next)
		is_array = is_array && c->kind == JSON_STRING;
	if (is_array || (l->keyword[0] == 'R' && (text[1] == '[' || text[1] == ' ')))
		return true;
	docker_fail(d, l->args, "this is no JSON array of strings");
	ib_diag_hint(d->j->diag, "Docker takes it as text for a shell; write [\"program\", "
				 "\"word\"], or no brackets");
	return false;
}

static void convert_text(struct docker *d, const struct docker_line *l)
{
	(void)docker_check_json(d, l, l->text);
}

static void convert_words(struct docker *d, const struct docker_line *l)
{
	if (docker_check_json(d, l, l->text))
		docker_open(d, l->args);
}

/* Protocols in small letters. */
static void convert_expose(struct docker *d, const struct docker_line *l)
{
	docker_open(d, l->args);
	vec_foreach (struct docker_word, w, &l->words) {
		const char *slash = strchr(w->text, '/');
		char *small;

		if (!slash || strchr(w->text, '$'))
			continue;
		small = arena_strdup(d->j->arena, w->text);
		for (char *p = small + (slash - w->text); *p; p++)
			*p = (char)tolower((unsigned char)*p);
		if (strcmp(small, w->text) != 0)
			docker_change(d, w->at, small);
	}
}

static const struct instruction {
	const char *name;
	void (*convert)(struct docker *d, const struct docker_line *l);
	bool is_early; /* also before the first FROM */
} instructions[] = {
	{ "FROM", docker_from, true },          { "ARG", convert_arg, true },
	{ "RUN", docker_run, false },           { "COPY", docker_copy, false },
	{ "ADD", docker_copy, false },          { "ENV", convert_pairs, false },
	{ "LABEL", convert_pairs, false },      { "WORKDIR", convert_words, false },
	{ "USER", convert_words, false },       { "VOLUME", convert_words, false },
	{ "STOPSIGNAL", convert_words, false }, { "EXPOSE", convert_expose, false },
	{ "SHELL", convert_text, false },       { "CMD", convert_text, false },
	{ "ENTRYPOINT", convert_text, false },  { "MAINTAINER", convert_maintainer, false },
	{ "ONBUILD", convert_refused, false },  { "HEALTHCHECK", convert_refused, false },
};

static void convert_line(struct docker *d, const struct docker_line *l)
{
	const char *names[ARRAY_SIZE(instructions)];

	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		names[i] = instructions[i].name;
		if (strcmp(instructions[i].name, l->keyword) != 0)
			continue;
		if (!l->words.len)
			docker_fail(d, l->at, "expected words behind it");
		else if (!d->stages.len && !instructions[i].is_early)
			docker_fail(d, l->at, "expected FROM first");
		else
			instructions[i].convert(d, l);
		return;
	}
	ib_diag_unknown(d->j->diag, IB_D_BAD_CONVERSION_INPUT, l->at, l->keyword, names,
			ARRAY_SIZE(names), "unknown instruction '%s'", l->keyword);
	d->has_failed = true;
}

/* By place; what begins a line of its own comes behind what ends the one before, then what was
 * changed first. */
static int compare(const void *a, const void *b)
{
	const struct docker_edit *x = *(const struct docker_edit *const *)a;
	const struct docker_edit *y = *(const struct docker_edit *const *)b;

	if (x->at.start != y->at.start)
		return x->at.start < y->at.start ? -1 : 1;
	if ((x->text[0] == '\n') != (y->text[0] == '\n'))
		return x->text[0] == '\n' ? 1 : -1;
	return x < y ? -1 : x > y;
}

static void write_changed(const struct docker *d, struct buf *out)
{
	const struct docker_edit **sorted =
		arena_alloc(d->j->arena, (d->edits.len + 1) * sizeof(const struct docker_edit *));
	uint32_t pos = d->file.start;

	for (size_t i = 0; i < d->edits.len; i++)
		sorted[i] = &d->edits.items[i];
	qsort(sorted, d->edits.len, sizeof(*sorted), compare);
	for (size_t i = 0; i < d->edits.len; i++) {
		const struct docker_edit *e = sorted[i];

		if (e->at.start < pos)
			continue;
		buf_add(out, docker_bytes(d, (struct ib_span){ pos, pos }), e->at.start - pos);
		buf_str(out, e->text);
		pos = e->at.end;
	}
	buf_add(out, docker_bytes(d, (struct ib_span){ pos, pos }), d->file.end - pos);
}

/* "Dockerfile.web" and "web.Dockerfile" become web.Imagefile. */
static const char *recipe_name(struct arena *a, const char *file)
{
	static const char word[] = "Dockerfile";
	const char *name = ib_base_name(file);
	size_t n = strlen(name), m = strlen(word);

	if (n > m + 1 && strncmp(name, word, m) == 0 && name[m] == '.')
		return arena_printf(a, "%s.Imagefile", name + m + 1);
	if (n > m + 1 && strcmp(name + n - m, word) == 0 && name[n - m - 1] == '.')
		return arena_printf(a, "%.*sImagefile", (int)(n - m), name);
	return "Imagefile";
}

int convert_dockerfile(struct convert_job *j, const char *file, struct ib_error *err)
{
	struct docker d = { .j = j, .escape = '\\' };
	cleanup_buf struct buf out = BUF_INIT;
	const char *path = recipe_name(j->arena, file);

	if (ib_sources_read(j->sources, file, &d.file, err) < 0) {
		err->exit = IB_EXIT_USAGE;
		return -1;
	}
	d.text = ib_sources_text(j->sources, d.file);
	if (docker_read(&d) < 0)
		return -1;
	vec_foreach (struct docker_line, l, &d.lines)
		convert_line(&d, l);
	if (!d.stages.len && !d.has_failed)
		docker_fail(&d, d.file, "the file has no FROM");
	if (d.has_failed)
		return -1;
	buf_str(&out, d.escape == '\\' ? "# imagefile=1\n\n" : "# imagefile=1\n");
	write_changed(&d, &out);
	buf_str(&out, "\n\nOUTPUT docker\n");
	if (convert_add_recipe(j, path, &out) < 0)
		return -1;
	convert_became(j, file, "%s", path);
	return 0;
}
