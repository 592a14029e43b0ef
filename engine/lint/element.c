/* SPDX-License-Identifier: Apache-2.0 */
/* An element directory: its files are read, its scripts taken out, judged. */
#include "lint/element_private.h"

#include "block/block.h"
#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>

#include <fcntl.h>
#include <string.h>

#define FILE_MAX (1u << 20) /* a larger one is data */
#define FILES_MAX 20000     /* of an element */
#define DEPTH_MAX 32

/* Whether a name in a directory says that it is an element. */
static bool is_mark(const char *name)
{
	static const char *const names[] = {
		"element-deps",          "element-provides", "package-installs.yaml",
		"package-installs.json", "pkg-map",          "svc-map",
		"environment.d",
	};

	return str_among(name, names, ARRAY_SIZE(names)) ||
	       ib_phase_of_directory(name, strlen(name)) != IB_PHASE_NONE ||
	       strncmp(name, "source-repository-", 18) == 0 ||
	       strncmp(name, "block-device-", 13) == 0;
}

bool lint_is_element(const char *dir)
{
	cleanup_free char **names = NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	size_t n = 0;

	if (fs_list(AT_FDCWD, dir, &names, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *path = fs_join(dir, names[i]);
		size_t len = strlen(names[i]);
		struct stat st;

		/* block-device-mbr is an element of a tree, block-device-default.yaml a file of one
		 */
		if (is_mark(names[i]) && stat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode) == (len > 2 && strcmp(names[i] + len - 2, ".d") == 0))
			return true;
	}
	return false;
}

/* The text of PATH, or {0,0}: what has a NUL is data. */
static struct ib_span read_text(struct lint *l, const char *path, const char *shown)
{
	cleanup_free char *text = NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	struct ib_span at = { 0, 0 };
	size_t n = 0;

	if (fs_read_at(AT_FDCWD, path, FILE_MAX, &text, &n, &ignored) == 0 &&
	    !memchr(text, '\0', n))
		(void)ib_sources_add(l->sources, shown, text, n, &at, &ignored);
	return at;
}

static void read_directory(struct lint *l, struct lint_element *e, const char *below, int depth);

static void read_entry(struct lint *l, struct lint_element *e, const char *path, int depth)
{
	const char *shown = arena_printf(l->arena, "%s/%s", e->shown, path);
	struct lint_file f = { .path = path, .shown = shown };
	struct stat st;

	if (e->files.len >= FILES_MAX || lstat(shown, &st) < 0)
		return;
	f.is_link = S_ISLNK(st.st_mode);
	if (f.is_link && stat(shown, &st) < 0)
		return;
	f.mode = st.st_mode;
	if (S_ISREG(f.mode) && !f.is_link && st.st_size <= FILE_MAX) {
		f.text = read_text(l, shown, shown);
		if (f.text.end)
			(void)lint_input(l, shown, shown, f.text, e->config);
	}
	vec_push(l->arena, &e->files, f);
	if (S_ISDIR(f.mode) && !f.is_link && depth < DEPTH_MAX)
		read_directory(l, e, path, depth + 1);
}

static void read_directory(struct lint *l, struct lint_element *e, const char *below, int depth)
{
	cleanup_free char **names = NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	const char *dir = *below ? arena_printf(l->arena, "%s/%s", e->shown, below) : e->shown;
	size_t n = 0;

	if (fs_list(AT_FDCWD, dir, &names, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (names[i][0] != '.' && strcmp(names[i], "__pycache__") != 0)
			read_entry(l, e,
				   *below ? arena_printf(l->arena, "%s/%s", below, names[i])
					  : arena_strdup(l->arena, names[i]),
				   depth);
}

const struct lint_file *lint_element_file(const struct lint_element *e, const char *path)
{
	vec_foreach (struct lint_file, f, &e->files)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

const char *lint_file_text(const struct lint *l, const struct lint_file *f)
{
	if (!f->text.end)
		return NULL;
	return arena_strndup(l->arena, ib_sources_text(l->sources, f->text),
			     f->text.end - f->text.start);
}

struct ib_span lint_file_span(const struct lint_file *f)
{
	uint32_t end = f->text.end > f->text.start ? f->text.start + 1 : f->text.start;

	return (struct ib_span){ f->text.start, end };
}

/* What bash runs or sources, and what names its interpreter. */
static void take_script(struct lint *l, struct lint_element *e, const struct lint_file *f)
{
	struct lint_script s = { .at = f->text,
				 .language = LINT_BASH,
				 .phase = hooks_phase_of(f->path),
				 .side = IB_CHROOT,
				 .path = f->path,
				 .element = e };
	bool has_shebang;

	if (!f->text.end || !strchr(f->path, '/'))
		return;
	s.text = ib_sources_text(l->sources, f->text);
	s.len = f->text.end - f->text.start;
	has_shebang = strncmp(s.text, "#!", 2) == 0;
	s.is_environment = strncmp(f->path, "environment.d/", 14) == 0;
	s.is_hook = s.phase != IB_PHASE_NONE;
	if (s.is_hook)
		s.side = ib_phases[s.phase].side;
	if (has_shebang || s.is_environment || (s.is_hook && (f->mode & 0111)))
		vec_push(l->arena, &e->scripts, s);
}

/* A block-device-*.yaml of the element. */
static void judge_layouts(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		size_t n = strlen(f->path);

		if (f->text.end && strncmp(f->path, "block-device-", 13) == 0 && n > 5 &&
		    strcmp(f->path + n - 5, ".yaml") == 0)
			lint_layout_yaml(l, f->text, e->config);
	}
}

/* A fragment with data beside it. */
static int judge_fragment(struct lint *l, const struct lint_element *e, struct ib_error *err)
{
	const char *path = arena_printf(l->arena, "%s/Imagefile", e->shown);

	return access(path, F_OK) == 0 ? lint_file(l, path, path, err) : 0;
}

int lint_element(struct lint *l, const char *dir, const char *tree, struct ib_error *err)
{
	struct lint_element *e = arena_alloc(l->arena, sizeof(*e));
	cleanup_free char *real = realpath(dir, NULL);
	const char *slash = real ? strrchr(real, '/') : NULL;
	int r;

	*e = (struct lint_element){ .shown = arena_strdup(l->arena, dir),
				    .dir = arena_strdup(l->arena, real ? real : dir),
				    .config = lint_config_for(l, dir, err) };
	e->name = arena_strdup(l->arena, slash ? slash + 1 : dir);
	if (!e->config)
		return -1;
	if (!tree)
		tree = arena_printf(l->arena, "%s/..", e->dir);
	e->elements = lint_library(l, tree, tree, err);
	if (!e->elements)
		return -1;
	r = judge_fragment(l, e, err);
	read_directory(l, e, "", 0);
	vec_foreach (struct lint_file, f, &e->files)
		if (S_ISREG(f->mode))
			take_script(l, e, f);
	lint_hooks(l, e);
	lint_packages(l, e);
	lint_sources(l, e);
	for (size_t i = 0; lint_element_rules[i]; i++)
		lint_element_rules[i](l, e);
	vec_foreach (struct lint_script, s, &e->scripts)
		lint_script(l, s);
	judge_layouts(l, e);
	return r;
}

/* A file that parses as no layout is said to be so by what reads it. */
void lint_layout_yaml(struct lint *l, struct ib_span text, const struct lint_config *config)
{
	struct layout_input input = { .yaml = text };
	struct lint_layout x = { .at = text, .config = config };

	(void)layout_new(&input, l->sources, l->arena, l->diag);
	x.root = layout_config(&input, l->sources, l->arena, l->diag);
	for (size_t i = 0; x.root && lint_layout_rules[i]; i++)
		lint_layout_rules[i](l, &x);
}
