/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks as files: which run, in which order, and which of two elements has them. */
#include "lint/element_private.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define RESERVED_BELOW 10 /* numbers that dib's documentation leaves to its own elements */
#define RESERVED_ABOVE 90

static bool has_shebang(const struct lint *l, const struct lint_file *f)
{
	return f->text.end > f->text.start + 1 &&
	       strncmp(ib_sources_text(l->sources, f->text), "#!", 2) == 0;
}

/* What dib-run-parts would run: the name of the hook, or NULL. */
static const char *running_hook(const struct lint_file *f)
{
	const char *name = lint_hook_name(f->path);

	if (hooks_phase_of(f->path) == IB_PHASE_NONE || !S_ISREG(f->mode) || !(f->mode & 0111) ||
	    !hooks_is_name(name))
		return NULL;
	return name;
}

/* What hooks/ can have once only: files one level down, but for those of directories that are not
 * merged. */
static bool is_merged_once(const struct lint_file *f)
{
	return S_ISREG(f->mode) && lint_hook_name(f->path) && strncmp(f->path, "tests/", 6) != 0;
}

/* The same file in an element that E brings with it. */
static void check_duplicate(struct lint *l, const struct lint_element *e, const struct lint_file *f,
			    const struct element_vec *others)
{
	vec_foreach (const struct element *, x, others) {
		const char *path =
			(*x)->dir ? arena_printf(l->arena, "%s/%s", (*x)->dir, f->path) : "";
		struct stat st;

		if (!*path || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		ib_diag_add(l->diag, IB_D_DUPLICATE_HOOK, lint_file_span(f),
			    "elements '%s' and '%s' both have '%s'; only one of them can be in an "
			    "image",
			    e->name, (*x)->name, f->path);
		ib_diag_hint(l->diag, "'%s' comes by the dependencies of '%s'", (*x)->name,
			     e->name);
	}
}

/* A script beside F that names it: F is its data, whatever its mode. */
static bool is_data(const struct lint *l, const struct lint_element *e, const struct lint_file *f)
{
	const char *name = strrchr(f->path, '/') + 1;
	size_t n = (size_t)(name - f->path);

	vec_foreach (struct lint_file, other, &e->files)
		if (other != f && other->text.end && strncmp(other->path, f->path, n) == 0 &&
		    strstr(ib_sources_text(l->sources, other->text), name))
			return true;
	return false;
}

static void check_hook(struct lint *l, const struct lint_element *e, const struct lint_file *f)
{
	bool is_hook = hooks_phase_of(f->path) != IB_PHASE_NONE || hooks_is_install_type(f->path);

	if (!is_hook || !S_ISREG(f->mode) || !f->text.end ||
	    (!hooks_is_name(strrchr(f->path, '/') + 1) && is_data(l, e, f)))
		return;
	hooks_check(f->path, f->shown, e->name, f->mode, has_shebang(l, f), lint_first_line(l, f),
		    l->diag);
}

/* The line that names X; the first one where X comes by another. */
static struct ib_span provider_span(const struct lint *l, const struct lint_element *e,
				    const struct element *x)
{
	struct ib_span at = lint_dep_span(l, e, x->name);
	const struct lint_file *f = lint_element_file(e, "element-deps");

	return at.end || !f ? at : lint_first_line(l, f);
}

/* The first name that is in both, or NULL. */
static const char *common_name(const struct str_vec *a, const struct str_vec *b)
{
	vec_foreach (const char *, x, a)
		vec_foreach (const char *, y, b)
			if (strcmp(*x, *y) == 0)
				return *x;
	return NULL;
}

/* What two elements provide, E or those that it brings. */
static void check_provided(struct lint *l, const struct lint_element *e,
			   const struct element_vec *others)
{
	const struct element *self = ib_elements_find(e->elements, e->name, NULL);
	struct element_vec all = { NULL, 0, 0 };

	if (self)
		vec_push(l->arena, &all, self);
	vec_foreach (const struct element *, x, others) {
		vec_foreach (const struct element *, first, &all) {
			const char *name = common_name(&(*first)->provides, &(*x)->provides);

			if (!name)
				continue;
			ib_diag_add(
				l->diag, IB_D_ALREADY_PROVIDED, provider_span(l, e, *x),
				"elements '%s' and '%s' both provide '%s'; only one of them can "
				"be in an image",
				(*first)->name, (*x)->name, name);
		}
		vec_push(l->arena, &all, *x);
	}
}

void lint_hooks(struct lint *l, const struct lint_element *e)
{
	const struct element_vec *others = lint_closure(l, e);

	vec_foreach (struct lint_file, f, &e->files) {
		check_hook(l, e, f);
		if (is_merged_once(f))
			check_duplicate(l, e, f, others);
	}
	check_provided(l, e, others);
	lint_missing_deps(l, e);
}

/* HOOK_NO_SHEBANG */
void lint_3009(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		if (!running_hook(f) || !f->text.end || has_shebang(l, f))
			continue;
		lint_add(
			l, IB_R_HOOK_NO_SHEBANG, lint_file_span(f),
			"hook '%s' has no shebang: it runs only because bash takes it for a script",
			f->path);
		ib_diag_edit(l->diag, (struct ib_span){ f->text.start, f->text.start },
			     "#!/bin/bash\n");
	}
}

/* HOOK_NO_NUMBER */
void lint_3010(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		const char *name = running_hook(f);

		if (name && !isdigit((unsigned char)*name))
			lint_add(l, IB_R_HOOK_NO_NUMBER, lint_file_span(f),
				 "hook '%s' has no number, so it counts as 0 and runs before those "
				 "of "
				 "all elements that have one",
				 f->path);
	}
}

/* HOOK_NUMBER_COLLISION: files are sorted by path, so equal numbers of a phase follow each other.
 */
void lint_3011(struct lint *l, const struct lint_element *e)
{
	const struct lint_file *before = NULL;

	vec_foreach (struct lint_file, f, &e->files) {
		const char *name = running_hook(f);

		if (!name || !isdigit((unsigned char)*name))
			continue;
		if (before && hooks_phase_of(before->path) == hooks_phase_of(f->path) &&
		    hooks_number(lint_hook_name(before->path)) == hooks_number(name)) {
			lint_add(
				l, IB_R_HOOK_NUMBER_COLLISION, lint_file_span(f),
				"hooks '%s' and '%s' have the same number: the rest of their names "
				"says which runs first",
				lint_hook_name(before->path), name);
			ib_diag_note(l->diag, lint_file_span(before), "the other one");
		}
		before = f;
	}
}

/* HOOK_RESERVED_NUMBER */
void lint_3012(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		const char *name = running_hook(f);
		long number = name && isdigit((unsigned char)*name) ? hooks_number(name) : 50;

		if (number < RESERVED_BELOW || number > RESERVED_ABOVE)
			lint_add(l, IB_R_HOOK_RESERVED_NUMBER, lint_file_span(f),
				 "hook '%s': numbers below %d and above %d are for what all others "
				 "come "
				 "after or before",
				 f->path, RESERVED_BELOW, RESERVED_ABOVE);
	}
}

/* ENV_FILE_EXECUTABLE */
void lint_3024(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files)
		if (strncmp(f->path, "environment.d/", 14) == 0 && S_ISREG(f->mode) &&
		    (f->mode & 0111))
			lint_add(l, IB_R_ENV_FILE_EXECUTABLE, lint_file_span(f),
				 "'%s' has the execute bit, but is only ever sourced", f->path);
}

/* ENV_FILE_NAME */
void lint_3039(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		const char *name = lint_hook_name(f->path), *p = name;

		if (strncmp(f->path, "environment.d/", 14) != 0 || !S_ISREG(f->mode))
			continue;
		while (isalnum((unsigned char)*p) || (*p && strchr("_.-", *p)))
			p++;
		if (*p)
			lint_add(l, IB_R_ENV_FILE_NAME, lint_file_span(f),
				 "'%s' is not sourced: a name may hold only letters, digits, '_', "
				 "'-' "
				 "and '.'",
				 f->path);
	}
}
