/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and places of an element's files, and what it depends on: for the rules. */
#include "lint/element_private.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

bool lint_next_line(const struct lint *l, struct ib_span file, uint32_t *at,
		    struct lint_line *ret_line)
{
	const char *text = ib_sources_text(l->sources, file);

	while (*at < file.end) {
		const char *line = text + (*at - file.start);
		const char *newline = memchr(line, '\n', file.end - *at);
		uint32_t n = newline ? (uint32_t)(newline - line) : file.end - *at;
		uint32_t start = *at, first = 0;

		*at += n + (newline != NULL);
		while (first < n && is_blank(line[first]))
			first++;
		if (first == n)
			continue;
		while (is_blank(line[n - 1]))
			n--;
		*ret_line = (struct lint_line){ .text = line + first,
						.len = n - first,
						.at = { start + first, start + n },
						.whole = { start, *at } };
		return true;
	}
	return false;
}

const char *lint_line_text(const struct lint *l, const struct lint_line *line)
{
	return arena_strndup(l->arena, line->text, line->len);
}

struct ib_span lint_first_line(const struct lint *l, const struct lint_file *f)
{
	const char *text = ib_sources_text(l->sources, f->text);
	const char *end = memchr(text, '\n', f->text.end - f->text.start);
	struct ib_span at = f->text;

	if (end)
		at.end = at.start + (uint32_t)(end - text);
	return at;
}

struct ib_span lint_dep_span(const struct lint *l, const struct lint_element *e, const char *name)
{
	const struct lint_file *f = lint_element_file(e, "element-deps");
	struct lint_line line;

	for (uint32_t at = f ? f->text.start : 0; f && lint_next_line(l, f->text, &at, &line);)
		if (line.len == strlen(name) && memcmp(line.text, name, line.len) == 0)
			return line.at;
	return (struct ib_span){ 0, 0 };
}

struct ib_span lint_element_span(const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files)
		if (f->text.end)
			return lint_file_span(f);
	return (struct ib_span){ 0, 0 };
}

const char *lint_hook_name(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash && !strchr(slash + 1, '/') ? slash + 1 : NULL;
}

const struct element *lint_provider(const struct lint_element *e, const char *name)
{
	vec_foreach (const char *, other, ib_elements_names(e->elements)) {
		const struct element *x = ib_elements_find(e->elements, *other, NULL);

		if (str_vec_has(&x->provides, name))
			return x;
	}
	return NULL;
}

static bool is_in(const struct element_vec *v, const char *name)
{
	vec_foreach (const struct element *, x, v)
		if (strcmp((*x)->name, name) == 0)
			return true;
	return false;
}

static bool is_provided(const struct element_vec *v, const char *name)
{
	vec_foreach (const struct element *, x, v)
		vec_foreach (const char *, provided, &(*x)->provides)
			if (strcmp(*provided, name) == 0 && strcmp((*x)->name, name) != 0)
				return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct element *const *)a)->name,
		      (*(const struct element *const *)b)->name);
}

const struct element_vec *lint_closure(struct lint *l, const struct lint_element *e)
{
	const struct element *self = ib_elements_find(e->elements, e->name, NULL);
	struct element_vec all = { NULL, 0, 0 };
	struct element_vec *kept = arena_alloc(l->arena, sizeof(*kept));

	for (size_t i = 0; self; self = i < all.len ? all.items[i++] : NULL)
		vec_foreach (const char *, dep, &self->deps) {
			const struct element *x = ib_elements_find(e->elements, *dep, NULL);

			if (x && strcmp(x->name, e->name) != 0 && !is_in(&all, x->name))
				vec_push(l->arena, &all, x);
		}
	vec_foreach (const struct element *, x, &all)
		if (!is_provided(&all, (*x)->name))
			vec_push(l->arena, kept, *x);
	if (kept->len)
		qsort(kept->items, kept->len, sizeof(*kept->items), by_name);
	return kept;
}

bool lint_brings(struct lint *l, const struct lint_element *e, const char *name)
{
	return is_in(lint_closure(l, e), name);
}
