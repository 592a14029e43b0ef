/* SPDX-License-Identifier: Apache-2.0 */
/* element-deps and element-provides: what they say, and what there is of it. */
#include "lint/element_private.h"

#include <stdlib.h>
#include <string.h>

/* Elements of dib that are gone from some version on, and what is written in their place. */
static const struct {
	const char *name, *instead;
} retired[] = {
	{ "centos7", "write centos, and DIB_RELEASE for the release" },
	{ "deploy", "ironic-python-agent-builder makes images for deployment" },
	{ "deploy-baremetal", "ironic-python-agent-builder makes images for deployment" },
	{ "deploy-ironic", "ironic-python-agent-builder makes images for deployment" },
	{ "deploy-kexec", "ironic-python-agent-builder makes images for deployment" },
	{ "deploy-targetcli", "ironic-python-agent-builder makes images for deployment" },
	{ "deploy-tgtadm", "ironic-python-agent-builder makes images for deployment" },
	{ "dib-python", "call python3" },
	{ "dib-run-parts", "leave it out: the build has its own" },
	{ "ironic-agent", "write ironic-python-agent-ramdisk, of ironic-python-agent-builder" },
	{ "modprobe-blacklist", "write modprobe, which takes whole files of modprobe.d" },
	{ "partitioning-sfdisk", "write block-device-mbr, or another block-device element" },
	{ "rhel7", "write rhel, and DIB_RELEASE for the release" },
};

/* Those that dib has: where it is not installed, they are not unknown. */
static const char *const dib_elements[] = {
#define ELEMENT(name) name,
#include "lint/dib_elements.def"
#undef ELEMENT
};

static const char *const lists[] = { "element-deps", "element-provides" };

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *retired_instead(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(retired); i++)
		if (strcmp(retired[i].name, name) == 0)
			return retired[i].instead;
	return NULL;
}

/* "a b": each on its own line; "a # why": a. */
static void mend_line(struct lint *l, const struct lint_line *line)
{
	const char *hash = memchr(line->text, '#', line->len);
	struct ib_span from = line->at;

	if (line->text[0] == '#') {
		ib_diag_edit(l->diag, line->whole, "");
		return;
	}
	if (hash) {
		from.start += (uint32_t)(hash - line->text);
		while (strchr(" \t", line->text[from.start - line->at.start - 1]))
			from.start--;
		ib_diag_edit(l->diag, from, "");
		return;
	}
	for (size_t i = 0; i < line->len; i++) {
		size_t n = strspn(line->text + i, " \t");

		if (n == 0)
			continue;
		from.start = line->at.start + (uint32_t)i;
		from.end = from.start + (uint32_t)n;
		ib_diag_edit(l->diag, from, "\n");
		i += n;
	}
}

static bool is_one_name(const struct lint_line *line)
{
	return !memchr(line->text, '#', line->len) && !memchr(line->text, ' ', line->len) &&
	       !memchr(line->text, '\t', line->len);
}

/* DEPS_COMMENT */
void lint_3014(struct lint *l, const struct lint_element *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct lint_file *f = lint_element_file(e, lists[i]);
		struct lint_line line;

		for (uint32_t at = f ? f->text.start : 0;
		     f && lint_next_line(l, f->text, &at, &line);) {
			if (is_one_name(&line))
				continue;
			lint_add(l, IB_R_DEPS_COMMENT, line.at,
				 "'%.*s' is taken for the name of one element: %s has one name a "
				 "line, "
				 "and no comments",
				 (int)line.len, line.text, lists[i]);
			mend_line(l, &line);
		}
	}
}

/* The names of F; false where a line is more than one. */
static bool read_list(const struct lint *l, const struct lint_file *f, struct str_vec *ret_names)
{
	struct lint_line line;

	for (uint32_t at = f->text.start; lint_next_line(l, f->text, &at, &line);) {
		if (!is_one_name(&line))
			return false;
		vec_push(l->arena, ret_names, lint_line_text(l, &line));
	}
	return true;
}

static void mend_order(struct lint *l, const struct lint_file *f, struct str_vec *names)
{
	cleanup_buf struct buf text = BUF_INIT;

	qsort(names->items, names->len, sizeof(*names->items), compare_names);
	for (size_t i = 0; i < names->len; i++)
		if (i == 0 || strcmp(names->items[i - 1], names->items[i]) != 0)
			buf_printf(&text, "%s\n", names->items[i]);
	ib_diag_edit(l->diag, f->text, text.data);
}

/* DEPS_UNSORTED */
void lint_3015(struct lint *l, const struct lint_element *e)
{
	const struct lint_file *f = lint_element_file(e, "element-deps");
	struct str_vec names = { NULL, 0, 0 };

	if (!f || !read_list(l, f, &names))
		return;
	for (size_t i = 1; i < names.len; i++) {
		const char *before = names.items[i - 1], *name = names.items[i];

		if (strcmp(before, name) < 0)
			continue;
		lint_add(l, IB_R_DEPS_UNSORTED, lint_dep_span(l, e, name),
			 "'%s' stands behind '%s'%s", name, before,
			 strcmp(before, name) == 0 ? ", the same name" : "");
		mend_order(l, f, &names);
		return;
	}
}

/* A way from FROM back to NAME, "a, b"; NULL where there is none. */
static const char *way_back(struct lint *l, const struct lint_element *e, const char *from)
{
	struct str_vec queue = { NULL, 0, 0 }, ways = { NULL, 0, 0 };

	vec_push(l->arena, &queue, from);
	vec_push(l->arena, &ways, from);
	for (size_t i = 0; i < queue.len; i++) {
		const struct element *x = ib_elements_find(e->elements, queue.items[i], NULL);
		const char *way = ways.items[i];
		bool is_known = false;

		for (size_t k = 0; x && k < x->deps.len; k++, is_known = false) {
			if (strcmp(x->deps.items[k], e->name) == 0)
				return way;
			vec_foreach (const char *, old, &queue)
				is_known = is_known || strcmp(*old, x->deps.items[k]) == 0;
			if (is_known)
				continue;
			vec_push(l->arena, &queue, x->deps.items[k]);
			vec_push(l->arena, &ways,
				 arena_printf(l->arena, "%s, %s", way, x->deps.items[k]));
		}
	}
	return NULL;
}

/* DEPS_CYCLE */
void lint_3016(struct lint *l, const struct lint_element *e)
{
	const struct element *self = ib_elements_find(e->elements, e->name, NULL);

	for (size_t i = 0; self && i < self->deps.len; i++) {
		const char *way = way_back(l, e, self->deps.items[i]);

		/* once a cycle: where the first of its names is */
		if (!way || strcmp(self->deps.items[i], e->name) < 0)
			continue;
		lint_add(l, IB_R_DEPS_CYCLE, lint_dep_span(l, e, self->deps.items[i]),
			 "'%s' needs %s, which needs '%s' again", e->name, way, e->name);
	}
}

/* DEPRECATED_ELEMENT: it is there as yet. */
void lint_3017(struct lint *l, const struct lint_element *e)
{
	const struct element *self = ib_elements_find(e->elements, e->name, NULL);

	for (size_t i = 0; self && i < self->deps.len; i++) {
		const char *name = self->deps.items[i], *instead = retired_instead(name);

		if (!instead || !ib_elements_find(e->elements, name, NULL))
			continue;
		lint_add(l, IB_R_DEPRECATED_ELEMENT, lint_dep_span(l, e, name),
			 "element '%s' is deprecated, and gone from a later diskimage-builder",
			 name);
		ib_diag_hint(l->diag, "%s", instead);
	}
}

/* REMOVED_ELEMENT */
void lint_3018(struct lint *l, const struct lint_element *e)
{
	const struct element *self = ib_elements_find(e->elements, e->name, NULL);

	for (size_t i = 0; self && i < self->deps.len; i++) {
		const char *name = self->deps.items[i], *instead = retired_instead(name);

		if (!instead || ib_elements_find(e->elements, name, NULL) || lint_provider(e, name))
			continue;
		lint_add(l, IB_R_REMOVED_ELEMENT, lint_dep_span(l, e, name),
			 "element '%s' was removed from diskimage-builder", name);
		ib_diag_hint(l->diag, "%s", instead);
	}
}

static bool is_dibs(const char *name)
{
	return bsearch(&name, dib_elements, ARRAY_SIZE(dib_elements), sizeof(*dib_elements),
		       compare_names) != NULL;
}

void lint_missing_deps(struct lint *l, const struct lint_element *e)
{
	const struct lint_file *f = lint_element_file(e, "element-deps");
	struct lint_line line;

	for (uint32_t at = f ? f->text.start : 0; f && lint_next_line(l, f->text, &at, &line);) {
		const char *name = lint_line_text(l, &line);

		if (is_one_name(&line) && !ib_elements_find(e->elements, name, NULL) &&
		    !retired_instead(name) && !is_dibs(name) && !lint_provider(e, name))
			ib_elements_missing(e->elements, e->name, name, line.at, l->diag);
	}
}
