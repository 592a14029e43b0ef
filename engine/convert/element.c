/* SPDX-License-Identifier: Apache-2.0 */
/* An element directory becomes a fragment: what the language says becomes instructions, all else
 * stays a file beside them, so that both merge into the same hooks. */
#include "convert/element.h"

#include "element/element.h"
#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define WHITE " \t\r\n\v\f"

enum {
	CLOSURE_MAX = 4096, /* names that are looked at */
	FILE_MAX = 1 << 20
};

static const struct ib_span nowhere = { 0, 0 };
static const char *const readmes[] = { "README.rst", "README.md" };

const char *element_path(const struct element_conversion *c, const char *path)
{
	return arena_printf(c->job->arena, "%s/%s", c->name, path);
}

static const char *full_path(const struct element_conversion *c, const char *path)
{
	return arena_printf(c->job->arena, "%s/%s", c->dir, path);
}

int element_read(struct element_conversion *c, const char *path, struct ib_span *ret_span,
		 struct ib_error *err)
{
	int r = ib_sources_read_at(c->job->sources, AT_FDCWD, full_path(c, path),
				   element_path(c, path), ret_span, err);

	if (r < 0)
		err->exit = IB_EXIT_USAGE;
	return r;
}

bool element_has_order(const char *name)
{
	return isdigit((unsigned char)name[0]) && isdigit((unsigned char)name[1]) &&
	       name[2] == '-' && name[3];
}

/* Adds the names in the element-deps of the element NAME to those that are looked at. */
static void add_deps(const struct element_conversion *c, const char *name, struct str_vec *names)
{
	cleanup_free char *beside = ib_xprintf("%s/../%s/element-deps", c->dir, name);
	const struct element *e =
		c->job->elements ? ib_elements_find(c->job->elements, name, NULL) : NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t len = 0;

	if (fs_read_at(AT_FDCWD, beside, FILE_MAX, &text, &len, &ignored) == 0)
		for (char *save = NULL, *p = strtok_r(text, WHITE, &save); p;
		     p = strtok_r(NULL, WHITE, &save))
			vec_push(c->job->arena, names, arena_strdup(c->job->arena, p));
	else if (e)
		vec_foreach (const char *, dep, &e->deps)
			vec_push(c->job->arena, names, *dep);
}

static bool has_before(const struct str_vec *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

bool element_needs(const struct element_conversion *c, const char *name)
{
	struct str_vec names = { NULL, 0, 0 };

	vec_foreach (const char *, dep, &c->deps)
		vec_push(c->job->arena, &names, *dep);
	for (size_t i = 0; i < names.len && i < CLOSURE_MAX; i++) {
		if (strcmp(names.items[i], name) == 0)
			return true;
		if (!has_before(&names, i, names.items[i]))
			add_deps(c, names.items[i], &names);
	}
	return false;
}

int element_keep(struct element_conversion *c, const char *path, const char *why, struct ib_span at,
		 struct ib_error *err)
{
	struct stat st, target;
	bool is_directory;

	if (lstat(full_path(c, path), &st) < 0)
		return ib_fail(err, errno, "look at %s", full_path(c, path));
	is_directory = stat(full_path(c, path), &target) == 0 && S_ISDIR(target.st_mode);
	if (!is_directory && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		convert_became(c->job, element_path(c, path),
			       "left out: neither a file, a directory nor a link");
		return 0;
	}
	if (why)
		ib_diag_add(c->job->diag, IB_D_KEPT_AS_FILE, at, "'%s' stays a file: %s",
			    element_path(c, path), why);
	convert_became(c->job, element_path(c, path), "%s %s", is_directory ? "directory" : "file",
		       element_path(c, path));
	/* a link to a directory is one where an element's first level is merged */
	return convert_add_tree(c->job, element_path(c, path), full_path(c, path),
				is_directory && !strchr(path, '/') ? target.st_mode : st.st_mode,
				err);
}

/* A name that stands in an instruction as it is. */
static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && (!i || !strchr("_.+-", s[i])))
			return false;
	return n > 0;
}

/* "ELEMENT a b", continued where a line would be longer than 100 columns. */
static void write_names(struct buf *out, const char *keyword, const struct str_vec *names)
{
	size_t column = strlen(keyword);

	buf_str(out, keyword);
	vec_foreach (const char *, name, names) {
		if (column + 1 + strlen(*name) > 98) {
			buf_str(out, " \\\n   ");
			column = 3;
		}
		buf_printf(out, " %s", *name);
		column += 1 + strlen(*name);
	}
	buf_char(out, '\n');
}

/* element-deps and element-provides: one name a line. */
static int convert_names(struct element_conversion *c, const char *path, const char *keyword,
			 struct str_vec *names, struct ib_error *err)
{
	struct ib_span span;
	const char *text, *end;
	int r = element_read(c, path, &span, err);

	if (r < 0)
		return r;
	text = ib_sources_text(c->job->sources, span);
	for (const char *last = text + (span.end - span.start); text < last; text = end + 1) {
		size_t n;

		end = memchr(text, '\n', (size_t)(last - text));
		end = end ? end : last;
		text += strspn(text, " \t\r\v\f");
		for (n = text < end ? (size_t)(end - text) : 0;
		     n > 0 && strchr(" \t\r\v\f", text[n - 1]);)
			n--;
		if (n > 0 && !is_name(text, n)) {
			names->len = 0;
			return element_keep(c, path, "a name in it is no plain word", span, err);
		}
		if (n > 0)
			vec_push(c->job->arena, names, arena_strndup(c->job->arena, text, n));
	}
	if (names->len)
		write_names(&c->names, keyword, names);
	convert_became(c->job, element_path(c, path), "%s",
		       names->len ? keyword : "nothing: it is empty");
	return 0;
}

static int convert_deps(struct element_conversion *c, const char *path, struct ib_error *err)
{
	return convert_names(c, path, "ELEMENT", &c->deps, err);
}

static int convert_provides(struct element_conversion *c, const char *path, struct ib_error *err)
{
	struct str_vec names = { NULL, 0, 0 };

	return convert_names(c, path, "PROVIDES", &names, err);
}

/* What becomes instructions, in the order of the text. element-deps first: others ask for it. */
static const struct part {
	const char *name;
	int (*convert)(struct element_conversion *c, const char *path, struct ib_error *err);
} parts[] = {
	{ "element-deps", convert_deps },
	{ "element-provides", convert_provides },
	{ "package-installs.json", element_packages },
	{ "package-installs.yaml", element_packages },
};

static const struct part *part_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	return NULL;
}

static bool is_readable_file(const struct element_conversion *c, const char *path)
{
	struct stat st;

	return lstat(full_path(c, path), &st) == 0 && S_ISREG(st.st_mode);
}

static int convert_parts(struct element_conversion *c, struct ib_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(parts); i++)
		if (is_readable_file(c, parts[i].name))
			r = parts[i].convert(c, parts[i].name, err);
	return r;
}

static bool is_compiled(const char *name)
{
	const char *dot = strrchr(name, '.');

	return strcmp(name, "__pycache__") == 0 || (dot && strcmp(dot, ".pyc") == 0);
}

static int convert_environment(struct element_conversion *c, const char *dir, struct ib_error *err)
{
	cleanup_free char **names = NULL;
	size_t n = 0;
	int r = fs_list(AT_FDCWD, full_path(c, dir), &names, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *path = arena_printf(c->job->arena, "%s/%s", dir, names[i]);

		r = is_readable_file(c, path) ? element_environment(c, path, err)
					      : element_keep(c, path, NULL, nowhere, err);
	}
	return r;
}

static bool is_readme(const char *name)
{
	return strcmp(name, readmes[0]) == 0 || strcmp(name, readmes[1]) == 0;
}

static int convert_entry(struct element_conversion *c, const char *name, struct ib_error *err)
{
	struct stat st;
	bool is_directory = lstat(full_path(c, name), &st) == 0 && S_ISDIR(st.st_mode);

	if ((part_find(name) || is_readme(name)) && is_readable_file(c, name))
		return 0;
	if (is_compiled(name)) {
		convert_became(c->job, element_path(c, name), "left out: compiled Python");
		return 0;
	}
	if (is_directory && strcmp(name, "environment.d") == 0)
		return convert_environment(c, name, err);
	if (strncmp(name, "source-repository-", 18) == 0 && is_readable_file(c, name))
		return element_sources(c, name, err);
	return element_keep(c, name, NULL, nowhere, err);
}

/* Phases in their order, so that the text has it. */
static int convert_phases(struct element_conversion *c, struct ib_error *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < IB_PHASES; i++) {
		const char *dir = arena_printf(c->job->arena, "%s.d", ib_phases[i].name);
		struct stat st;

		if (stat(full_path(c, dir), &st) == 0 && S_ISDIR(st.st_mode))
			r = element_phase(c, (enum ib_phase)i, dir, err);
	}
	return r;
}

static int convert_entries(struct element_conversion *c, struct ib_error *err)
{
	cleanup_free char **names = NULL;
	size_t n = 0;
	int r = fs_list(AT_FDCWD, c->dir, &names, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (ib_phase_of_directory(names[i], strlen(names[i])) == IB_PHASE_NONE)
			r = convert_entry(c, names[i], err);
	return r == 0 ? convert_phases(c, err) : r;
}

/* Last: a header needs instructions below it. */
static int convert_readmes(struct element_conversion *c, struct ib_error *err)
{
	bool is_fragment = c->names.len || c->environment.len || c->packages.len ||
			   c->sources.len || c->hooks.len;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(readmes); i++) {
		if (!is_readable_file(c, readmes[i]))
			continue;
		r = is_fragment && !c->header.len ? element_readme(c, readmes[i], err)
						  : element_keep(c, readmes[i], NULL, nowhere, err);
	}
	return r;
}

static void write_fragment(const struct element_conversion *c, struct buf *out)
{
	const struct buf *sections[] = { &c->header,   &c->names,   &c->environment,
					 &c->packages, &c->sources, &c->hooks };

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (out->len && sections[i]->len)
			buf_char(out, '\n');
		if (sections[i]->len)
			buf_add(out, sections[i]->data, sections[i]->len);
	}
}

/* What the compiler refuses in the fragment TEXT, or NULL: dib passes over much that the language
 * checks. */
static const char *find_refusal(const struct element_conversion *c, const struct buf *text)
{
	const struct ib_pair_vec none = { NULL, 0, 0 };
	const struct ib_vocab vocab = { .arch = "amd64" };
	struct ib_options options = *c->job->options;
	struct ib_error err = IB_ERROR_INIT;
	const char *why = NULL;
	struct ib_diag *diag;
	struct ib_recipe *r;
	struct ib_span span;

	options.file = element_path(c, "Imagefile");
	options.context = c->dir;
	if (ib_sources_add(c->job->sources, options.file, text->data, text->len, &span, &err) < 0)
		return arena_strdup(c->job->arena, err.text);
	diag = ib_diag_new(c->job->sources);
	r = ib_fragment_open(&options, &vocab, c->job->sources, diag, span, &none);
	(void)ib_recipe_compile(r);
	vec_foreach (struct ib_finding *, f, ib_diag_sorted(diag))
		if (!why && (*f)->row->severity == IB_ERROR)
			why = arena_strdup(c->job->arena, (*f)->text);
	ib_recipe_free(r);
	ib_diag_free(diag);
	return why;
}

static int keep_all(struct element_conversion *c, const char *why, struct ib_error *err)
{
	cleanup_free char **names = NULL;
	size_t n = 0;
	int r = fs_list(AT_FDCWD, c->dir, &names, &n, err);

	ib_diag_add(c->job->diag, IB_D_KEPT_AS_FILE, nowhere,
		    "the element '%s' stays as it is: in a fragment, %s", c->name, why);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = element_keep(c, names[i], NULL, nowhere, err);
	return r;
}

static int convert_contents(struct element_conversion *c, struct ib_error *err)
{
	size_t files = c->job->files.len, entries = c->job->report.len;
	cleanup_buf struct buf text = BUF_INIT;
	const char *why;
	int r = convert_parts(c, err);

	if (r == 0)
		r = convert_entries(c, err);
	if (r == 0)
		r = convert_readmes(c, err);
	if (r < 0)
		return r;
	write_fragment(c, &text);
	why = text.len ? find_refusal(c, &text) : NULL;
	if (!why && text.len)
		return convert_add_recipe(c->job, element_path(c, "Imagefile"), &text);
	if (!why)
		return 0;
	c->job->files.len = files;
	c->job->report.len = entries;
	return keep_all(c, why, err);
}

static int convert_one(struct convert_job *j, const char *dir, struct ib_error *err)
{
	struct element_conversion c = { .job = j, .name = strrchr(dir, '/') + 1, .dir = dir };
	size_t files = j->files.len;
	int r;

	if (access(full_path(&c, "Imagefile"), F_OK) == 0) {
		ib_diag_add(j->diag, IB_D_BAD_CONVERSION_INPUT, nowhere,
			    "'%s' is a fragment already", dir);
		return -1;
	}
	r = convert_contents(&c, err);
	if (r == 0 && j->files.len == files)
		convert_add_text(j, c.name, S_IFDIR | 0755, "", 0);
	buf_release(&c.header);
	buf_release(&c.names);
	buf_release(&c.environment);
	buf_release(&c.packages);
	buf_release(&c.sources);
	buf_release(&c.hooks);
	return r;
}

/* The directories of ROOT, as dib reads a directory of ELEMENTS_PATH: each is an element. */
static int convert_tree(struct convert_job *j, const char *root, struct ib_error *err)
{
	cleanup_free char **names = NULL;
	size_t n = 0, found = 0;
	int r = fs_list(AT_FDCWD, root, &names, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *path = arena_printf(j->arena, "%s/%s", root, names[i]);
		char real[PATH_MAX];
		struct stat st;

		if (is_compiled(names[i]) || !realpath(path, real) || stat(real, &st) < 0 ||
		    !S_ISDIR(st.st_mode)) {
			convert_became(j, names[i], "left out: no element");
			continue;
		}
		found += element_is_directory(real);
		r = convert_one(j, arena_strdup(j->arena, real), err);
	}
	if (r == 0 && !found) {
		ib_diag_add(j->diag, IB_D_BAD_CONVERSION_INPUT, nowhere,
			    "'%s' is no element and holds none: no hooks (install.d and the like), "
			    "no element-deps",
			    root);
		return -1;
	}
	return r;
}

int convert_element(struct convert_job *j, const char *dir, struct ib_error *err)
{
	char real[PATH_MAX];
	int code;

	if (!realpath(dir, real)) {
		code = errno;
		err->exit = IB_EXIT_USAGE;
		return ib_fail(err, code, "open '%s'", dir);
	}
	if (real[1] && element_is_directory(real))
		return convert_one(j, arena_strdup(j->arena, real), err);
	return convert_tree(j, real, err);
}
