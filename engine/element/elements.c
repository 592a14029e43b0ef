/* SPDX-License-Identifier: Apache-2.0 */
/* The search path. Every subdirectory of every directory on it is an element, named by the last
 * component of its real path, and every file NAME.Imagefile; the earlier directory wins (contract
 * section 2). */
#include "element/private.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

static const char *const framework_names[FRAMEWORKS] = {
#define FRAMEWORK(id, name) name,
#include "element/framework.def"
#undef FRAMEWORK
};

/* Where distributions and pip put dib's elements; the first that exists. */
static const char *const dib_libraries[] = {
	"/usr/lib/python3/dist-packages/diskimage_builder/elements",
	"/usr/share/diskimage-builder/elements",
	"/usr/local/lib/python3*/dist-packages/diskimage_builder/elements",
	"/usr/lib/python3*/site-packages/diskimage_builder/elements",
	"/usr/local/share/diskimage-builder/elements",
};

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void str_vec_sort(struct str_vec *v)
{
	size_t n = 0;

	if (v->len)
		qsort(v->items, v->len, sizeof(*v->items), compare_strings);
	for (size_t i = 0; i < v->len; i++)
		if (n == 0 || strcmp(v->items[n - 1], v->items[i]) != 0)
			v->items[n++] = v->items[i];
	v->len = n;
}

static enum framework framework_find(const char *name)
{
	for (int i = 0; i < FRAMEWORKS; i++)
		if (strcmp(framework_names[i], name) == 0)
			return (enum framework)i;
	return FRAMEWORK_NONE;
}

struct known *known_new(struct elements *e, const char *name, const char *dir)
{
	struct known *k = arena_alloc(e->arena, sizeof(*k));

	k->element.name = intern_str(e->names, name);
	k->element.dir = dir ? arena_strdup(e->arena, dir) : NULL;
	k->element.framework = framework_find(name);
	return k;
}

/* Ours places the boot loader without devices, so it is taken whatever comes first
 * (architecture.md, "Order"). */
static bool wins_over(const struct elements *e, const struct known *old, const char *dir)
{
	return strcmp(old->element.name, "bootloader") == 0 && e->own_library &&
	       strncmp(dir, e->own_library, strlen(e->own_library)) == 0;
}

/* PATH is a real path, of a directory or of a fragment's file. */
static void add_element(struct elements *e, const char *path, const char *name, bool is_file)
{
	const struct known *old = map_get(&e->known, name);
	struct known *k;

	if (framework_find(name) != FRAMEWORK_NONE)
		return;
	if (!old)
		vec_push(e->arena, &e->all, name);
	if (old && !wins_over(e, old, path))
		return;
	if (old)
		e->shadowed_bootloader = old->element.dir ? old->element.dir : old->file;
	k = known_new(e, name, is_file ? NULL : path);
	k->file = is_file ? arena_strdup(e->arena, path) : NULL;
	*map_put(e->arena, &e->known, name) = k;
}

/* ENTRY of a directory of the path, whose real path it begins with: a directory, or a file
 * NAME.Imagefile. */
static void add_entry(struct elements *e, const char *entry)
{
	const char *stem, *base, *real = entry;
	char target[PATH_MAX];
	struct stat st;

	if (lstat(entry, &st) < 0)
		return;
	if (S_ISLNK(st.st_mode)) {
		real = realpath(entry, target);
		if (!real || stat(real, &st) < 0)
			return;
	}
	base = strrchr(real, '/') + 1;
	stem = S_ISREG(st.st_mode) ? fragment_stem(e->arena, real) : NULL;
	if (S_ISDIR(st.st_mode))
		add_element(e, real, intern_str(e->names, base), false);
	else if (stem && strncmp(base, stem, strlen(stem)) == 0)
		add_element(e, real, intern_str(e->names, stem), true);
}

/* Adds the elements of PATH, a directory. */
static int add_library(struct elements *e, const char *path, struct ib_error *err)
{
	char real[PATH_MAX];
	cleanup_free char **names = NULL;
	size_t n = 0;
	int r;

	if (!realpath(path, real)) {
		r = errno;
		err->exit = IB_EXIT_USAGE;
		return ib_fail(err, r, "element directory '%s'", path);
	}
	r = fs_list(AT_FDCWD, real, &names, &n, err);
	if (r < 0) {
		err->exit = IB_EXIT_USAGE;
		return ib_wrap(err, "element directory '%s'", path);
	}
	vec_push(e->arena, &e->dirs, arena_strdup(e->arena, real));
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *entry = fs_join(real, names[i]);

		add_entry(e, entry);
	}
	return 0;
}

/* Framework elements lie in our own directory, or nowhere. */
static void add_framework(struct elements *e)
{
	const char *root = ib_data_find(e->arena, "framework");

	for (size_t i = 0; i < FRAMEWORKS; i++) {
		const char *dir =
			root ? arena_printf(e->arena, "%s/%s", root, framework_names[i]) : NULL;
		struct stat st;
		struct known *k;

		if (dir && (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)))
			dir = NULL;
		k = known_new(e, framework_names[i], dir);
		*map_put(e->arena, &e->known, k->element.name) = k;
		vec_push(e->arena, &e->all, k->element.name);
	}
}

static const char *find_dib_library(struct arena *a)
{
	const char *found = NULL;

	for (size_t i = 0; !found && i < ARRAY_SIZE(dib_libraries); i++) {
		glob_t g;

		if (glob(dib_libraries[i], GLOB_ONLYDIR, NULL, &g) == 0 && g.gl_pathc > 0)
			found = arena_strdup(a, g.gl_pathv[0]);
		globfree(&g);
	}
	return found;
}

static const char *directory_of(struct arena *a, const char *file)
{
	return file ? arena_dir_name(a, file) : ".";
}

static void join_path(struct elements *e)
{
	struct buf path = BUF_INIT;

	vec_foreach (const char *, dir, &e->dirs)
		buf_printf(&path, "%s%s", path.len ? ":" : "", *dir);
	e->path = path.len ? arena_strdup(e->arena, path.data) : "";
	buf_release(&path);
}

static void find_own_library(struct elements *e)
{
	const char *found = ib_data_find(e->arena, "elements");
	char real[PATH_MAX];

	if (found && realpath(found, real))
		e->own_library = arena_printf(e->arena, "%s/", real);
}

static int add_all(struct elements *e, const struct ib_options *options, struct ib_error *err)
{
	const char *beside =
		arena_printf(e->arena, "%s/elements", directory_of(e->arena, options->file));
	const char *own = e->own_library, *dib = find_dib_library(e->arena);
	const char *libraries[] = { beside, options->is_dib_library ? dib : own,
				    options->is_dib_library ? own : dib };
	struct stat st;
	int r;

	vec_foreach (const char *, dir, &options->element_path) {
		r = add_library(e, *dir, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++) {
		if (!libraries[i] || stat(libraries[i], &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		r = add_library(e, libraries[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

int ib_elements_open(const struct ib_options *options, struct ib_sources *sources,
		     struct elements **ret_elements, struct ib_error *err)
{
	struct arena *a = arena_new();
	struct elements *e = arena_alloc(a, sizeof(*e));
	int r;

	e->arena = a;
	e->names = intern_new(a);
	e->sources = sources;
	e->options = options;
	e->context = options->context ? options->context : directory_of(a, options->file);
	find_own_library(e);
	add_framework(e);
	r = add_all(e, options, err);
	if (r < 0) {
		arena_free(a);
		return r;
	}
	str_vec_sort(&e->all);
	join_path(e);
	*ret_elements = e;
	return 0;
}

void ib_elements_free(struct elements *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->recipes.len; i++)
		ib_recipe_free(e->recipes.items[i]);
	arena_free(e->arena);
}

const char *path_shown(const char *path)
{
	char cwd[PATH_MAX];
	size_t n = getcwd(cwd, sizeof(cwd)) ? strlen(cwd) : 0;
	bool is_below = n > 1 && strncmp(path, cwd, n) == 0 && path[n] == '/';

	return is_below ? path + n + 1 : path;
}

int element_source(struct ib_sources *sources, const char *path, struct ib_span *ret_span,
		   struct ib_error *err)
{
	return ib_sources_read_at(sources, AT_FDCWD, path, path_shown(path), ret_span, err);
}

char *element_file(const char *dir, const char *name, size_t *ret_len, struct ib_error *err)
{
	cleanup_free char *path = fs_join(dir, name);
	char *text = NULL;
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL;
	if (fs_read_at(AT_FDCWD, path, ELEMENT_FILE_MAX, &text, ret_len, err) < 0)
		return NULL;
	return text;
}

/* One name a line, stripped, blank lines dropped; there are no comments. */
static void read_names(struct elements *e, const char *dir, const char *file,
		       struct str_vec *ret_names, struct ib_diag *diag)
{
	struct ib_error err = IB_ERROR_INIT;
	size_t len = 0;
	cleanup_free char *text = element_file(dir, file, &len, &err);
	char *rest = text;

	if (err.code && diag)
		ib_diag_add(diag, IB_D_BAD_ELEMENT_FILE, (struct ib_span){ 0, 0 }, "%s", err.text);
	while (rest) {
		const char *line = strsep(&rest, "\n");
		size_t n;

		line += strspn(line, " \t\r\v\f");
		n = strlen(line);
		while (n > 0 && strchr(" \t\r\v\f", line[n - 1]))
			n--;
		if (n > 0)
			vec_push(e->arena, ret_names, intern_bytes(e->names, line, n));
	}
	str_vec_sort(ret_names);
}

void known_read(struct elements *e, struct known *k, struct ib_diag *diag)
{
	char file[PATH_MAX];
	const char *path;

	if (k->is_read)
		return;
	k->is_read = true;
	if (!k->element.dir)
		return;
	read_names(e, k->element.dir, "element-deps", &k->element.deps, diag);
	read_names(e, k->element.dir, "element-provides", &k->element.provides, diag);
	read_names(e, k->element.dir, "host-tools", &k->element.host_tools, diag);
	path = arena_printf(e->arena, "%s/Imagefile", k->element.dir);
	if (access(path, F_OK) == 0 && realpath(path, file)) /* realpath asks about each parent */
		k->file = arena_strdup(e->arena, file);
}

const struct element *ib_elements_find(struct elements *e, const char *name, struct ib_diag *diag)
{
	struct known *k = map_get(&e->known, intern_str(e->names, name));

	if (!k)
		return NULL;
	known_read(e, k, diag);
	return &k->element;
}

const char *ib_elements_suggest(struct elements *e, const char *name)
{
	return ib_suggest(name, e->all.items, e->all.len);
}

const struct str_vec *ib_elements_names(const struct elements *e)
{
	return &e->all;
}

const char *ib_elements_path(const struct elements *e)
{
	return e->path;
}

const char *elements_shadowed_bootloader(const struct elements *e)
{
	return e->shadowed_bootloader;
}

static bool has_element(void *context, const char *name)
{
	return ib_elements_find(context, name, NULL) != NULL;
}

static const char *suggest_element(void *context, const char *name)
{
	return ib_elements_suggest(context, name);
}

/* The machine's name in Debian's words. */
static const char *machine_arch(void)
{
	static const struct {
		const char *machine, *arch;
	} names[] = { { "x86_64", "amd64" },   { "aarch64", "arm64" },   { "i686", "i386" },
		      { "armv7l", "armhf" },   { "ppc64le", "ppc64el" }, { "s390x", "s390x" },
		      { "riscv64", "riscv64" } };
	struct utsname u;

	if (uname(&u) < 0)
		return "amd64";
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(u.machine, names[i].machine) == 0)
			return names[i].arch;
	}
	return "amd64";
}

struct ib_vocab ib_elements_vocab(struct elements *e)
{
	return (struct ib_vocab){ .context = e,
				  .has_element = has_element,
				  .suggest_element = suggest_element,
				  .arch = machine_arch() };
}
