/* SPDX-License-Identifier: Apache-2.0 */
/* A run of lint: what each path is, told by its content. */
#include "lint/private.h"

#include "convert/convert.h"
#include "lint/format.h"
#include "plan/plan.h"
#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DEPTH_MAX 32        /* of directories below one that is given */
#define FINDINGS_MAX 100000 /* of a severity */

struct lint *lint_new(const struct ib_options *options, const struct lint_settings *settings)
{
	struct arena *a = arena_new();
	struct lint *l = arena_alloc(a, sizeof(*l));

	*l = (struct lint){ .arena = a,
			    .names = intern_new(a),
			    .options = options,
			    .settings = settings,
			    .sources = ib_sources_new() };
	l->diag = ib_diag_new(l->sources);
	ib_diag_limit(l->diag, FINDINGS_MAX);
	return l;
}

void lint_free(struct lint *l)
{
	if (!l)
		return;
	vec_foreach (struct lint_recipe *, r, &l->recipes) {
		ib_plan_free(
			(struct plan *)(uintptr_t)(*r)->plan); /* NOLINT: owned, shown as const */
		ib_recipe_free((*r)->recipe);
	}
	for (size_t i = 0; i < l->libraries.cap; i++)
		ib_elements_free(l->libraries.slots[i].value);
	ib_diag_free(l->diag);
	ib_sources_free(l->sources);
	arena_free(l->arena);
}

struct lint_input *lint_input(struct lint *l, const char *name, const char *path,
			      struct ib_span text, const struct lint_config *config)
{
	void **slot = map_put(l->arena, &l->inputs, intern_str(l->names, name));
	struct lint_input *in = *slot;

	if (in)
		return in;
	in = arena_alloc(l->arena, sizeof(*in));
	*in = (struct lint_input){ .name = arena_strdup(l->arena, name),
				   .path = path ? arena_strdup(l->arena, path) : NULL,
				   .text = text,
				   .config = config };
	*slot = in;
	vec_push(l->arena, &l->files, in->name);
	return in;
}

struct elements *lint_library(struct lint *l, const char *dir, const char *tree,
			      struct ib_error *err)
{
	struct ib_options *options = arena_alloc(l->arena, sizeof(*options));
	void **slot = map_put(
		l->arena, &l->libraries,
		intern_str(l->names, arena_printf(l->arena, "%s\n%s", dir, tree ? tree : "")));
	struct elements *e = *slot;

	if (e)
		return e;
	*options = *l->options;
	options->file = arena_printf(l->arena, "%s/Imagefile", dir);
	options->element_path = (struct str_vec){ NULL, 0, 0 };
	if (tree)
		vec_push(l->arena, &options->element_path, tree);
	vec_foreach (const char *, more, &l->options->element_path)
		vec_push(l->arena, &options->element_path, *more);
	if (ib_elements_open(options, l->sources, &e, err) < 0)
		return NULL;
	*slot = e;
	return e;
}

/* Imagefile, Imagefile.X, X.Imagefile */
static bool is_recipe_name(const char *name)
{
	size_t n = strlen(name);

	if (strncmp(name, "Imagefile", 9) == 0)
		return !name[9] || (name[9] == '.' && strcmp(name + 9, ".imageignore") != 0);
	return n > 10 && strcmp(name + n - 10, ".Imagefile") == 0;
}

static int walk(struct lint *l, const char *dir, const char *tree, int depth, struct ib_error *err);

static int walk_entry(struct lint *l, const char *dir, const char *name, int depth,
		      struct ib_error *err)
{
	const char *path = strcmp(dir, ".") == 0 ? arena_strdup(l->arena, name)
						 : arena_printf(l->arena, "%s/%s", dir, name);
	struct stat st;

	if (name[0] == '.' || lstat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? walk(l, path, dir, depth + 1, err) : 0;
	return S_ISREG(st.st_mode) && is_recipe_name(name) ? lint_file(l, path, path, err) : 0;
}

/* DIR is an element, or what lies in it is looked at. TREE is the directory that holds it. */
static int walk(struct lint *l, const char *dir, const char *tree, int depth, struct ib_error *err)
{
	cleanup_free char **names = NULL;
	size_t n = 0;
	int r;

	if (lint_is_element(dir))
		return lint_element(l, dir, tree, err);
	r = fs_list(AT_FDCWD, dir, &names, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = walk_entry(l, dir, names[i], depth, err);
	return r;
}

static bool is_yaml_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

/* The first line that is neither empty nor a comment begins a list, a map or a document. */
static bool looks_like_yaml(const char *text)
{
	size_t word;

	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		text += strspn(text, " \t\r");
		if (text >= end || *text == '#')
			continue;
		word = strspn(text,
			      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
		return strncmp(text, "- ", 2) == 0 || strncmp(text, "---", 3) == 0 ||
		       (word > 0 && text[word] == ':' && strchr(" \n\r", text[word + 1]));
	}
	return false;
}

static void judge_script(struct lint *l, struct ib_span at, struct lint_input *in)
{
	struct lint_script *s = arena_alloc(l->arena, sizeof(*s));

	*s = (struct lint_script){ .text = ib_sources_text(l->sources, at),
				   .len = at.end - at.start,
				   .at = at,
				   .phase = IB_PHASE_NONE,
				   .side = IB_CHROOT };
	in->script = s;
	lint_script(l, s);
}

/* The text of PATH under its name. */
static int read_input(struct lint *l, const char *path, const char *shown, struct ib_span *ret_at,
		      struct ib_error *err)
{
	struct ib_span read;
	int r = ib_sources_read(l->sources, path, ret_at, err);

	if (r == 0 && strcmp(path, shown) != 0) {
		read = *ret_at;
		r = ib_sources_add(l->sources, shown, ib_sources_text(l->sources, read),
				   read.end - read.start, ret_at, err);
	}
	if (r < 0)
		err->exit = IB_EXIT_USAGE;
	return r;
}

/* Image definitions and nodepool's images: what a conversion of them would say is wrong. */
static bool judge_images(struct lint *l, struct ib_span at)
{
	struct convert_job j = {
		.arena = l->arena, .sources = l->sources, .diag = l->diag, .options = l->options
	};

	return convert_check_images(&j, at);
}

int lint_file(struct lint *l, const char *path, const char *shown, struct ib_error *err)
{
	const char *name = ib_base_name(shown);
	const char *opened = strcmp(path, "-") == 0 ? NULL : path;
	const struct lint_config *config = lint_config_for(l, shown, err);
	const char *text;
	struct ib_span at;

	if (map_get(&l->inputs, intern_str(l->names, shown)))
		return 0;
	if (!config || read_input(l, path, shown, &at, err) < 0)
		return -1;
	text = ib_sources_text(l->sources, at);
	if (!is_recipe_name(name) && strncmp(text, "#!", 2) == 0) {
		judge_script(l, at, lint_input(l, shown, opened, at, config));
		return 0;
	}
	if (!is_recipe_name(name) && (is_yaml_name(name) || looks_like_yaml(text))) {
		(void)lint_input(l, shown, opened, at, config);
		if (!judge_images(l, at))
			lint_layout_yaml(l, at, config);
		return 0;
	}
	return lint_recipe(l, shown, opened, at, err);
}

int lint_path(struct lint *l, const char *path, struct ib_error *err)
{
	size_t n;
	struct stat st;

	path = lint_report_path(path);
	for (n = strlen(path); n > 1 && path[n - 1] == '/';)
		n--;
	path = n ? arena_strndup(l->arena, path, n) : ".";
	if (strcmp(path, "-") == 0)
		return lint_file(l, path, l->settings->stdin_name ? l->settings->stdin_name : path,
				 err);
	if (stat(path, &st) < 0) {
		(void)ib_fail(err, errno, "read '%s'", path);
		err->exit = IB_EXIT_USAGE;
		return -1;
	}
	return S_ISDIR(st.st_mode) ? walk(l, path, NULL, 0, err) : lint_file(l, path, path, err);
}

const struct lint_result_vec *lint_results(const struct lint *l)
{
	return &l->results;
}

const struct str_vec *lint_files(const struct lint *l)
{
	return &l->files;
}

const struct ib_diag *lint_diag(const struct lint *l)
{
	return l->diag;
}
