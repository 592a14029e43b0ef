/* SPDX-License-Identifier: Apache-2.0 */
/* Fragments: an element that is written in one file. The front end compiles it once for each set of
 * variables that a stage's elements see; its ELEMENT is element-deps, PROVIDES element-provides. */
#include "element/private.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

const char *fragment_stem(struct arena *a, const char *file)
{
	static const char word[] = "Imagefile";
	const char *name = ib_base_name(file);
	size_t n = strlen(name), m = sizeof(word) - 1;

	if (n > m + 1 && name[n - m - 1] == '.' && strcmp(name + n - m, word) == 0)
		return arena_strndup(a, name, n - m - 1);
	return strncmp(name, word, m) == 0 && name[m] == '.' && name[m + 1] ? name + m + 1 : NULL;
}

/* "LENGTH:KEY=VALUE\n" of each variable. */
const char *scope_key(struct elements *e, const struct element_scope *scope)
{
	cleanup_buf struct buf text = BUF_INIT;

	buf_printf(&text, "%s\n", scope->arch);
	vec_foreach (struct ib_pair, pair, scope->env)
		buf_printf(&text, "%zu:%s=%s\n", strlen(pair->value), pair->key, pair->value);
	return intern_bytes(e->names, text.data, text.len);
}

static const struct ib_options *own_options(struct elements *e, const struct known *k,
					    const char *file)
{
	struct ib_options *o = arena_alloc(e->arena, sizeof(*o));

	*o = *e->options;
	o->file = file;
	o->context = k->element.dir ? k->element.dir : arena_dir_name(e->arena, k->file);
	o->build_args = (struct ib_pair_vec){ NULL, 0, 0 };
	o->targets = (struct str_vec){ NULL, 0, 0 };
	return o;
}

/* Once a fragment, so that an error in it has one place however many stages use it. */
static int read_text(struct elements *e, struct known *k, struct ib_span by, struct ib_diag *diag)
{
	struct ib_error err = IB_ERROR_INIT;

	if (k->text.start || element_source(e->sources, k->file, &k->text, &err) == 0)
		return 0;
	ib_diag_add(diag, IB_D_BAD_ELEMENT_FILE, by, "%s", err.text);
	return -1;
}

static const struct ib_ir *compile(struct elements *e, const struct known *k,
				   const struct element_scope *scope, struct ib_diag *diag)
{
	struct ib_vocab *vocab = arena_alloc(e->arena, sizeof(*vocab));
	struct ib_place place = { .file = k->file };
	struct ib_recipe *r;

	/* What it names is looked for with the rest of the stage: it may be what another provides.
	 */
	vocab->arch = scope->arch;
	(void)ib_sources_locate(e->sources, k->text.start, &place);
	r = ib_fragment_open(own_options(e, k, place.file), vocab, e->sources, diag, k->text,
			     scope->env);
	vec_push(e->arena, &e->recipes, r);
	return ib_recipe_compile(r) < 0 ? NULL : ib_recipe_ir(r);
}

static void copy_names(struct arena *a, const struct str_vec *from, struct str_vec *to)
{
	*to = (struct str_vec){ NULL, 0, 0 };
	vec_foreach (const char *, name, from)
		vec_push(a, to, *name);
}

static void add_local(struct elements *e, struct known *c, const struct ib_op *op,
		      struct ib_diag *diag)
{
	struct known *local =
		path_find(e, c->element.fragment->context, op->element.name, op->at, diag);

	if (!local) {
		c->is_broken = true;
		return;
	}
	vec_push(e->arena, &c->locals, local);
	vec_push(e->arena, &c->element.deps, local->element.name);
}

/* What the ops add to the names that files beside the Imagefile have. */
static void add_names(struct elements *e, struct known *c, struct ib_diag *diag)
{
	struct element *element = &c->element;

	vec_foreach (struct ib_op, op, &element->fragment->stages.items[0].ops) {
		if (op->code == IB_OP_ELEMENT && op->element.is_path)
			add_local(e, c, op, diag);
		else if (op->code == IB_OP_ELEMENT)
			vec_push(e->arena, &element->deps, intern_str(e->names, op->element.name));
		else if (op->code == IB_OP_PROVIDES)
			vec_push(e->arena, &element->provides,
				 intern_str(e->names, op->provides.text));
		else if (op->code == IB_OP_LAYOUT)
			vec_push(e->arena, &element->provides,
				 intern_str(e->names, "block-device"));
	}
	str_vec_sort(&element->deps);
	str_vec_sort(&element->provides);
}

static bool is_too_long(const struct known *c, struct ib_diag *diag)
{
	const struct ib_op_vec *ops = &c->element.fragment->stages.items[0].ops;

	if (ops->len <= FRAGMENT_OPS_MAX)
		return false;
	ib_diag_add(diag, IB_D_NESTING, ops->items[FRAGMENT_OPS_MAX].at,
		    "a fragment holds at most %d instructions and names", FRAGMENT_OPS_MAX);
	return true;
}

struct known *fragment_compile(struct elements *e, struct known *k,
			       const struct element_scope *scope, struct ib_span by,
			       struct ib_diag *diag)
{
	const char *key = k->file ? scope_key(e, scope) : NULL;
	struct known *c = key ? map_get(&k->compiled, key) : k;
	size_t findings = ib_diag_count(diag);

	if (c)
		return c;
	c = arena_alloc(e->arena, sizeof(*c));
	*c = *k;
	*map_put(e->arena, &k->compiled, key) = c;
	copy_names(e->arena, &k->element.deps, &c->element.deps);
	copy_names(e->arena, &k->element.provides, &c->element.provides);
	if (read_text(e, k, by, diag) == 0) {
		c->element.fragment = compile(e, k, scope, diag);
		if (by.end)
			ib_diag_note_from(diag, findings, by, "'%s' is used here", k->element.name);
	}
	c->is_broken = !c->element.fragment || is_too_long(c, diag);
	if (c->element.fragment)
		add_names(e, c, diag);
	return c;
}

struct ib_span fragment_dep_span(const struct known *k, const char *name)
{
	const struct ib_ir *ir = k->element.fragment;
	size_t local = 0;

	for (size_t i = 0; ir && i < ir->stages.items[0].ops.len; i++) {
		const struct ib_op *op = &ir->stages.items[0].ops.items[i];
		const char *found = op->element.name;

		if (op->code != IB_OP_ELEMENT)
			continue;
		if (op->element.is_path)
			found = k->locals.items[local++]->element.name;
		if (strcmp(found, name) == 0)
			return op->at;
	}
	return (struct ib_span){ 0, 0 };
}

/* A tree of elements may hold one that is called as such a file. */
static bool is_of_type(int dir_fd, const char *name, mode_t type)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) == 0 && (st.st_mode & S_IFMT) == type;
}

bool element_is_directory(const char *dir)
{
	static const char *const files[] = {
		"Imagefile",  "element-deps", "element-provides",      "host-tools",
		"pkg-map",    "svc-map",      "package-installs.yaml", "package-installs.json",
		"README.rst", "README.md",
	};
	static const char *const directories[] = { "environment.d", "bin", "static",
						   "init-scripts" };
	cleanup_fd int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (is_of_type(fd, files[i], S_IFREG))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (is_of_type(fd, directories[i], S_IFDIR))
			return true;
	for (int i = 0; i < IB_PHASES; i++) {
		cleanup_free char *name = ib_xprintf("%s.d", ib_phases[i].name);

		if (is_of_type(fd, name, S_IFDIR))
			return true;
	}
	return false;
}

static struct known *new_directory(struct elements *e, const char *path, const char *real,
				   struct ib_span at, struct ib_diag *diag)
{
	if (element_is_directory(real))
		return known_new(e, strrchr(real, '/') + 1, real);
	ib_diag_add(diag, IB_D_ELEMENT_PATH, at,
		    "'%s' is not an element: it has no hooks (install.d and the like), no "
		    "element-deps and no Imagefile",
		    path);
	return NULL;
}

static struct known *new_file(struct elements *e, const char *path, const char *real,
			      struct ib_span at, struct ib_diag *diag)
{
	const char *stem = fragment_stem(e->arena, real), *dir = arena_dir_name(e->arena, real);
	struct known *k;

	if (strcmp(strrchr(real, '/'), "/Imagefile") == 0 && dir[1])
		return known_new(e, strrchr(dir, '/') + 1, dir);
	if (!stem) {
		ib_diag_add(diag, IB_D_ELEMENT_PATH, at,
			    "'%s' is not an element: a fragment's file is called NAME.Imagefile, "
			    "Imagefile.NAME or NAME/Imagefile",
			    path);
		return NULL;
	}
	k = known_new(e, stem, NULL);
	k->file = arena_strdup(e->arena, real);
	return k;
}

static bool is_below(const char *root, const char *real)
{
	size_t n = strlen(root);

	return strncmp(real, root, n) == 0 && (n <= 1 || real[n] == '/' || !real[n]);
}

/* A fragment's own file may be a link as well. */
static bool leaves(const struct known *k, const char *root)
{
	cleanup_free char *path = fs_join(k->element.dir ? k->element.dir : root, "Imagefile");
	char real[PATH_MAX];

	return k->element.dir && realpath(path, real) && !is_below(root, real);
}

struct known *path_find(struct elements *e, const char *root, const char *path, struct ib_span at,
			struct ib_diag *diag)
{
	const char *full = arena_printf(e->arena, "%s/%s", root, path);
	char real[PATH_MAX], top[PATH_MAX];
	struct known *k = NULL;
	struct stat st;
	void **slot;

	if (!realpath(full, real) || !realpath(root, top) || stat(real, &st) < 0) {
		ib_diag_add(diag, IB_D_ELEMENT_PATH, at,
			    errno == ENOENT ? "'%s' is not in the context '%s'"
					    : "cannot open '%s' in '%s'",
			    path, root);
		return NULL;
	}
	if (!is_below(top, real)) {
		ib_diag_add(diag, IB_D_CONTEXT, at, "'%s' leaves the context '%s'", path, root);
		return NULL;
	}
	slot = map_put(e->arena, &e->paths, intern_str(e->names, real));
	if (*slot)
		return *slot;
	if (S_ISDIR(st.st_mode))
		k = new_directory(e, path, real, at, diag);
	else if (S_ISREG(st.st_mode))
		k = new_file(e, path, real, at, diag);
	else
		ib_diag_add(diag, IB_D_ELEMENT_PATH, at, "'%s' is neither a directory nor a file",
			    path);
	if (k && leaves(k, top)) {
		ib_diag_add(diag, IB_D_CONTEXT, at, "the Imagefile of '%s' leaves the context '%s'",
			    path, root);
		return NULL;
	}
	*slot = k;
	return k;
}
