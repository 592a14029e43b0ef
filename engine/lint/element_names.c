/* SPDX-License-Identifier: Apache-2.0 */
/* Names in an element's directory: those that nothing reads because they are spelt wrong, those
 * that are missing, those that another element has too. */
#include "lint/element_private.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* What dib and the elements it comes with read. */
static const char *const file_names[] = {
	"element-deps",
	"element-provides",
	"package-installs.json",
	"package-installs.yaml",
	"pkg-map",
	"svc-map",
	"README.rst",
};

/* Too far from the name for a suggestion. */
static const struct {
	const char *wrong, *right;
} misspelt[] = {
	{ "deps", "element-deps" },
	{ "provides", "element-provides" },
	{ "package-installs", "package-installs.yaml" },
	{ "pkg-map.json", "pkg-map" },
	{ "pkg-map.yaml", "pkg-map" },
	{ "svc-map.yaml", "svc-map" },
};

/* The phases' directories, and others that elements read. */
static const char *const dir_names[] = {
	"root.d",
	"extra-data.d",
	"pre-install.d",
	"install.d",
	"post-install.d",
	"post-root.d",
	"block-device.d",
	"pre-finalise.d",
	"finalise.d",
	"cleanup.d",
	"environment.d",
	/* of the ramdisk elements and dib's own */
	"init.d",
	"udev.d",
	"binary-deps.d",
	"dracut-drivers.d",
	"dracut.conf.d",
	"modprobe.d",
	"ramdisk-install.d",
	"yum.repos.d",
};

static const char *right_dir(const char *name)
{
	size_t n = strlen(name);

	if (n < 3 || strcmp(name + n - 2, ".d") != 0)
		return NULL;
	return ib_suggest(name, dir_names, IB_PHASES + 1);
}

static const char *right_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(misspelt); i++)
		if (strcmp(misspelt[i].wrong, name) == 0)
			return misspelt[i].right;
	return ib_suggest(name, file_names, ARRAY_SIZE(file_names));
}

/* The first text below the directory PATH. */
static struct ib_span inside(const struct lint_element *e, const char *path)
{
	size_t n = strlen(path);

	vec_foreach (struct lint_file, f, &e->files)
		if (strncmp(f->path, path, n) == 0 && f->path[n] == '/' && f->text.end)
			return lint_file_span(f);
	return (struct ib_span){ 0, 0 };
}

/* UNKNOWN_PHASE_DIR */
void lint_3013(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		const char *right;
		struct ib_span at;

		if (!S_ISDIR(f->mode) || strchr(f->path, '/') ||
		    str_among(f->path, dir_names, ARRAY_SIZE(dir_names)))
			continue;
		right = right_dir(f->path);
		at = inside(e, f->path);
		if (right && at.end)
			lint_add(l, IB_R_UNKNOWN_PHASE_DIR, at,
				 "'%s' is no phase, so nothing in it runs; did you mean '%s'?",
				 f->path, right);
	}
}

/* MISNAMED_FILE */
void lint_3036(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		const char *right;

		if (!S_ISREG(f->mode) || strchr(f->path, '/') || !f->text.end ||
		    strncmp(f->path, "README", 6) == 0 ||
		    str_among(f->path, file_names, ARRAY_SIZE(file_names)))
			continue;
		right = right_file(f->path);
		if (right)
			lint_add(l, IB_R_MISNAMED_FILE, lint_file_span(f),
				 "nothing reads '%s'; did you mean '%s'?", f->path, right);
	}
}

/* NO_README */
void lint_3021(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files)
		if (strncasecmp(f->path, "README", 6) == 0 && !strchr(f->path, '/'))
			return;
	lint_add(l, IB_R_NO_README, lint_element_span(e),
		 "element '%s' has no README that says what it is for", e->name);
}

static bool is_same_dir(const struct stat *a, const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && st.st_dev == a->st_dev && st.st_ino == a->st_ino;
}

/* ELEMENT_SHADOWED: two directories of the path that the user gave; libraries may be shadowed. */
void lint_3005(struct lint *l, const struct lint_element *e)
{
	struct stat own;

	if (stat(e->dir, &own) < 0)
		return;
	vec_foreach (const char *, dir, &l->options->element_path) {
		const char *other = arena_printf(l->arena, "%s/%s", *dir, e->name);
		struct stat st;

		if (is_same_dir(&own, other) || stat(other, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		lint_add(l, IB_R_ELEMENT_SHADOWED, lint_element_span(e),
			 "element '%s' is in '%s' too: the order of the path says which of them is "
			 "taken",
			 e->name, *dir);
	}
}

/* What says something of the element itself, and is read in its directory. */
static bool is_own_file(const char *name)
{
	static const char *const names[] = { "host-tools", "__init__.py", "LICENSE", "Imagefile" };

	return str_among(name, file_names, ARRAY_SIZE(file_names)) ||
	       str_among(name, names, ARRAY_SIZE(names)) || strncmp(name, "README", 6) == 0 ||
	       strncmp(name, "block-device-", 13) == 0;
}

/* FILE_CLASH: of first-level files, one is in hooks/, and none says which. */
void lint_3037(struct lint *l, const struct lint_element *e)
{
	const struct element_vec *others = lint_closure(l, e);

	vec_foreach (struct lint_file, f, &e->files) {
		if (!S_ISREG(f->mode) || strchr(f->path, '/') || is_own_file(f->path))
			continue;
		vec_foreach (const struct element *, x, others) {
			struct stat st;

			if (!(*x)->dir ||
			    stat(arena_printf(l->arena, "%s/%s", (*x)->dir, f->path), &st) < 0)
				continue;
			lint_add(l, IB_R_FILE_CLASH, lint_file_span(f),
				 "element '%s' has a file '%s' too: one of them overwrites the "
				 "other in "
				 "hooks/, which one is chance",
				 (*x)->name, f->path);
		}
	}
}
