/* SPDX-License-Identifier: Apache-2.0 */
/* The merged hooks directory: what every element's first-level directories and files put into
 * hooks/ (contract section 3). Collected and checked here without writing; hooks_write copies. */
#include "element/private.h"

#include "support/crypto.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct merge {
	struct arena *arena;
	struct intern *names;
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct hook_file_vec files;
	struct map index; /* path -> its place in files, plus 1 */
	const struct element *element;
};

/* Mode of what a link leads to: dib-run-parts asks find's -xtype and access(2). */
static mode_t target_mode(const struct hook_file *f)
{
	struct stat st;

	if (!S_ISLNK(f->mode))
		return f->mode;
	return stat(f->source, &st) == 0 ? st.st_mode : 0;
}

static bool is_name(const char *name, const char *more)
{
	for (const char *p = name; *p; p++)
		if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
		      (*p >= 'A' && *p <= 'Z') || strchr(more, *p)))
			return false;
	return *name != '\0';
}

bool hooks_is_name(const char *name)
{
	return is_name(name, "_-");
}

enum ib_phase hooks_phase_of(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash && !strchr(slash + 1, '/')
		       ? ib_phase_of_directory(path, (size_t)(slash - path))
		       : IB_PHASE_NONE;
}

/* The place of PATH in the merge, or NULL. */
static struct hook_file *merged(struct merge *m, const char *path)
{
	uintptr_t at = (uintptr_t)map_get(&m->index, path);

	return at ? &m->files.items[at - 1] : NULL;
}

static void report_duplicate(struct merge *m, const struct hook_file *old, const char *source)
{
	ib_diag_add(m->diag, IB_D_DUPLICATE_HOOK, m->element->at,
		    "elements '%s' and '%s' both have '%s'; only one of them can be in an image",
		    old->element->name, m->element->name, old->path);
	ib_diag_note(m->diag, old->element->at, "'%s' comes from here", old->element->name);
	ib_diag_hint(m->diag, "the files are %s and %s",
		     old->source ? path_shown(old->source) : "ENV and ARG of the fragment",
		     path_shown(source));
}

/* Valid until the next one. */
static struct hook_file *put_file(struct merge *m, const char *path, const char *source,
				  mode_t mode)
{
	struct hook_file f = { .source = source, .element = m->element, .mode = mode };
	struct hook_file *old;

	f.path = intern_str(m->names, path);
	old = merged(m, f.path);
	if (old) {
		*old = f;
		return old;
	}
	vec_push(m->arena, &m->files, f);
	/* The map holds pointers; an index fits one and needs no cell of its own. */
	*map_put(m->arena, &m->index, f.path) = (void *)(uintptr_t)m->files.len; /* NOLINT */
	return &m->files.items[m->files.len - 1];
}

/* Copies SOURCE to hooks/PATH in thought; what lies deeper than one level merges in silence, as cp
 * -a does. */
static void merge_entry(struct merge *m, const char *path, const char *source, int depth)
{
	struct stat st;
	cleanup_free char **names = NULL;
	struct ib_error err = IB_ERROR_INIT;
	struct hook_file *old = merged(m, intern_str(m->names, path));
	size_t n = 0;

	if (lstat(source, &st) < 0)
		return;
	if (depth == 1 && old && S_ISREG(target_mode(old))) {
		report_duplicate(m, old, source);
		return;
	}
	(void)put_file(m, path, source, st.st_mode);
	if (!S_ISDIR(st.st_mode) || depth >= ELEMENT_DEPTH_MAX)
		return;
	if (fs_list(AT_FDCWD, source, &names, &n, &err) < 0) {
		ib_diag_add(m->diag, IB_D_BAD_ELEMENT_FILE, m->element->at, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		merge_entry(m, arena_printf(m->arena, "%s/%s", path, names[i]),
			    arena_printf(m->arena, "%s/%s", source, names[i]), depth + 1);
}

/* The entries of a first-level directory, as `ls` lists them: without dotfiles. */
static void merge_directory(struct merge *m, const char *name, const char *source)
{
	cleanup_free char **names = NULL;
	struct ib_error err = IB_ERROR_INIT;
	size_t n = 0;

	if (strcmp(name, "tests") == 0 || strcmp(name, "__pycache__") == 0)
		return;
	if (fs_list(AT_FDCWD, source, &names, &n, &err) < 0) {
		ib_diag_add(m->diag, IB_D_BAD_ELEMENT_FILE, m->element->at, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (names[i][0] != '.')
			merge_entry(m, arena_printf(m->arena, "%s/%s", name, names[i]),
				    arena_printf(m->arena, "%s/%s", source, names[i]), 1);
}

/* What only says what the element is. */
static bool is_recipe_file(const struct merge *m, const char *name)
{
	return m->element->fragment &&
	       (strcmp(name, "Imagefile") == 0 || strcmp(name, "Imagefile.imageignore") == 0 ||
		strcmp(name, ".imageignore") == 0);
}

static void merge_element(struct merge *m)
{
	cleanup_free char **names = NULL;
	struct ib_error err = IB_ERROR_INIT;
	size_t n = 0;

	if (fs_list(AT_FDCWD, m->element->dir, &names, &n, &err) < 0) {
		ib_diag_add(m->diag, IB_D_BAD_ELEMENT_FILE, m->element->at, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *source = arena_printf(m->arena, "%s/%s", m->element->dir, names[i]);
		const char *dot = strrchr(names[i], '.');
		struct stat st;

		if (is_recipe_file(m, names[i]) || stat(source, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			merge_directory(m, names[i], source);
		else if (S_ISREG(st.st_mode) && !(dot && strcmp(dot, ".pyc") == 0) &&
			 lstat(source, &st) == 0)
			(void)put_file(m, names[i], source, st.st_mode);
	}
}

/* One instruction is one `export`, whose words bash expands before it sets any of them. */
static void add_exports(const struct ib_op_vec *ops, int order, struct buf *out)
{
	struct ib_span line = { 0, 0 };

	vec_foreach (struct ib_op, op, ops) {
		const char *equals = op->shell ? strchr(op->shell, '=') : NULL;
		bool is_more = op->at.start == line.start;

		if (!equals || op->order != order)
			continue;
		line = op->at;
		buf_str(out, is_more ? " " : out->len ? "\nexport " : "export ");
		if (op->code == IB_OP_ENV)
			buf_str(out, op->shell);
		else
			buf_printf(out, "%.*s=${%s:-%s}", (int)(equals - op->shell), op->shell,
				   op->env.key, equals + 1);
	}
}

/* PATH with all exports that have OP's number. */
static void put_environment(struct merge *m, const char *path, const struct ib_op *op)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct hook_file *f;

	add_exports(&m->element->fragment->stages.items[0].ops, op->order, &text);
	buf_char(&text, '\n');
	f = put_file(m, path, NULL, S_IFREG | 0644);
	f->text = arena_strdup(m->arena, text.data);
	f->at = op->at;
}

/* ENV and ARG of a fragment: environment.d/NN-NAME-imagefile.bash for each number. */
static void merge_environment(struct merge *m)
{
	const struct ib_op_vec *ops = &m->element->fragment->stages.items[0].ops;
	char name[NAME_MAX + 1];
	size_t n = 0;

	for (const char *p = m->element->name; *p && n < NAME_MAX - 32; p++)
		name[n++] = is_name((char[]){ *p, '\0' }, "_-.") ? *p : '-';
	name[n] = '\0';
	vec_foreach (struct ib_op, op, ops) {
		const char *path = arena_printf(m->arena, "environment.d/%02d-%s-imagefile.bash",
						op->order, name);
		struct hook_file *f = op->shell ? merged(m, intern_str(m->names, path)) : NULL;

		if (f && (f->source || f->element != m->element))
			ib_diag_add(m->diag, IB_D_DUPLICATE_HOOK, op->at,
				    "ENV and ARG of fragment '%s' become '%s', which '%s' has "
				    "already",
				    m->element->name, path, f->element->name);
		if (op->shell && !f)
			put_environment(m, path, op);
	}
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct hook_file *)a)->path, ((const struct hook_file *)b)->path);
}

/* Reads F into the source map and points AT at its first line. */
static void locate(struct merge *m, struct hook_file *f)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span;
	const char *text, *end;

	if (element_source(m->sources, f->source, &span, &err) < 0)
		return;
	text = ib_sources_text(m->sources, span);
	end = memchr(text, '\n', span.end - span.start);
	f->at = span;
	if (end)
		f->at.end = span.start + (uint32_t)(end - text);
}

bool hooks_is_install_type(const char *path)
{
	const char *end = strstr(path, "-install/");

	return strncmp(path, "install.d/", 10) == 0 && end && !strchr(end + 9, '/');
}

void hooks_check(const char *path, const char *shown, const char *element, mode_t mode,
		 bool has_shebang, struct ib_span line, struct ib_diag *diag)
{
	bool is_hook_name = hooks_is_name(ib_base_name(path));

	if (has_shebang && !(mode & 0111) && is_hook_name) {
		ib_diag_add(diag, IB_D_NOT_EXECUTABLE, line,
			    "hook '%s' of element '%s' has a shebang but no execute bit, so it "
			    "does not run",
			    path, element);
		ib_diag_hint(diag, "chmod +x %s", shown);
		ib_diag_edit(diag, line, NULL);
	} else if ((has_shebang || (mode & 0111)) && !is_hook_name) {
		ib_diag_add(diag, IB_D_HOOK_NAME, line,
			    "hook '%s' of element '%s' does not run: a name may hold only letters, "
			    "digits, '_' and '-'",
			    path, element);
	}
}

/* What dib passes over without a word. */
static void check_hook(struct merge *m, struct hook_file *f, bool is_own)
{
	const char *slash = strchr(f->path, '/'), *name = slash ? slash + 1 : "";
	mode_t mode = target_mode(f);
	bool has_shebang;

	if (S_ISREG(mode) && hooks_is_install_type(f->path))
		locate(m, f);
	if (f->text || !slash || strchr(name, '/') || !S_ISREG(mode))
		return;
	if (ib_phase_of_directory(f->path, (size_t)(slash - f->path)) == IB_PHASE_NONE &&
	    strncmp(f->path, "environment.d/", 14) != 0)
		return;
	locate(m, f);
	/* What is inherited has been reported. */
	if (strncmp(f->path, "environment.d/", 14) == 0 || !is_own)
		return;
	has_shebang = f->at.end > f->at.start + 1 &&
		      memcmp(ib_sources_text(m->sources, f->at), "#!", 2) == 0;
	hooks_check(f->path, f->source, f->element->name, mode, has_shebang, f->at, m->diag);
}

static bool is_from(const struct element_set *set, size_t first, const struct element *e)
{
	for (size_t i = first; i < set->members.len; i++)
		if (set->members.items[i] == e)
			return true;
	return false;
}

int hooks_merge(const struct element_set *set, size_t first, struct arena *a,
		struct ib_sources *sources, struct hooks *ret_all, struct hooks *ret_own,
		struct ib_diag *diag)
{
	struct merge m = { .arena = a, .names = intern_new(a), .sources = sources, .diag = diag };
	size_t errors = ib_diag_errors(diag);

	vec_foreach (const struct element *, e, &set->members) {
		m.element = *e;
		if (m.element->dir)
			merge_element(&m);
		if (m.element->fragment)
			merge_environment(&m);
	}
	if (m.files.len)
		qsort(m.files.items, m.files.len, sizeof(*m.files.items), compare_files);
	vec_foreach (struct hook_file, f, &m.files) {
		bool is_own = is_from(set, first, f->element);

		check_hook(&m, f, is_own);
		if (is_own && ret_own)
			vec_push(a, &ret_own->files, *f);
	}
	ret_all->files = m.files;
	return ib_diag_errors(diag) > errors ? -1 : 0;
}

static int write_one(const struct hook_file *f, int dir_fd, struct ib_error *err)
{
	const char *slash = strrchr(f->path, '/');
	int r;

	if (slash) {
		cleanup_free char *parent = ib_xstrdup(f->path);

		parent[slash - f->path] = '\0';
		r = fs_mkdirs_at(dir_fd, parent, 0755, err);
		if (r < 0)
			return r;
	}
	if (f->text)
		return fs_write_at(dir_fd, f->path, f->text, strlen(f->text), f->mode & 07777, err);
	if (!S_ISDIR(f->mode))
		return fs_copy_at(AT_FDCWD, f->source, dir_fd, f->path, err);
	r = fs_mkdirs_at(dir_fd, f->path, 0755, err);
	if (r == 0 && fchmodat(dir_fd, f->path, (f->mode & 07777) | 0700, 0) < 0)
		return ib_fail(err, errno, "set the mode of %s", f->path);
	return r;
}

int hooks_write(const struct hooks *hooks, int dir_fd, struct ib_error *err)
{
	vec_foreach (struct hook_file, f, &hooks->files) {
		int r = write_one(f, dir_fd, err);

		if (r < 0)
			return ib_wrap(err, "hook '%s' of element '%s'", f->path, f->element->name);
	}
	return 0;
}

long hooks_number(const char *name)
{
	char *end;
	long n;

	if (*name != '-' && !(*name >= '0' && *name <= '9'))
		return 0;
	n = strtol(name, &end, 10);
	return end == name ? 0 : n;
}

int hooks_compare(const char *a, const char *b)
{
	long x = hooks_number(a), y = hooks_number(b);

	if (x != y)
		return x < y ? -1 : 1;
	return strcmp(a, b);
}

static int compare_hooks(const void *a, const void *b)
{
	return hooks_compare(ib_base_name(((const struct hook_file *)a)->path),
			     ib_base_name(((const struct hook_file *)b)->path));
}

/* The name of F where it lies directly in DIR, else NULL. */
static const char *name_in(const struct hook_file *f, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(f->path, dir, n) != 0 || f->path[n] != '/' || strchr(f->path + n + 1, '/'))
		return NULL;
	return f->path + n + 1;
}

void hooks_phase(const struct hooks *hooks, const char *dir, struct arena *a,
		 struct hook_file_vec *ret_files)
{
	struct hook_file_vec files = { NULL, 0, 0 };

	vec_foreach (struct hook_file, f, &hooks->files) {
		const char *name = name_in(f, dir);
		mode_t mode = name ? target_mode(f) : 0;

		if (name && S_ISREG(mode) && (mode & 0111) && hooks_is_name(name))
			vec_push(a, &files, *f);
	}
	if (files.len)
		qsort(files.items, files.len, sizeof(*files.items), compare_hooks);
	*ret_files = files;
}

void hooks_environment(const struct hooks *hooks, struct arena *a, struct hook_file_vec *ret_files)
{
	struct hook_file_vec files = { NULL, 0, 0 };

	vec_foreach (struct hook_file, f, &hooks->files) {
		const char *name = name_in(f, "environment.d");

		if (name && S_ISREG(target_mode(f)) && is_name(name, "_-."))
			vec_push(a, &files, *f);
	}
	*ret_files = files;
}

/* The install type of NAME: DIB_INSTALLTYPE_<name>, NULL where it is not set. */
static const char *install_type(const char *name, size_t n, env_lookup *lookup, const void *context,
				struct arena *a)
{
	char *variable = arena_printf(a, "DIB_INSTALLTYPE_%.*s", (int)n, name);

	for (char *p = variable; *p; p++)
		if (*p == '-')
			*p = '_';
	return lookup(context, variable);
}

/* Whether install.d/DIR (n bytes) is P-T-install of a chosen type T. */
static bool is_chosen(const char *dir, size_t n, env_lookup *lookup, const void *context,
		      struct arena *a)
{
	static const char suffix[] = "-install";
	const size_t len = sizeof(suffix) - 1;
	const char *wanted = lookup(context, "DIB_DEFAULT_INSTALLTYPE");

	if (n <= len || memcmp(dir + n - len, suffix, len) != 0)
		return false;
	n -= len;
	wanted = wanted && *wanted ? wanted : "source";
	for (size_t dash = n; dash-- > 0;) {
		const char *set;

		if (dir[dash] != '-')
			continue;
		set = install_type(dir, dash, lookup, context, a);
		if (set)
			return strlen(set) == n - dash - 1 &&
			       memcmp(dir + dash + 1, set, n - dash - 1) == 0;
	}
	return n > strlen(wanted) + 1 && dir[n - strlen(wanted) - 1] == '-' &&
	       memcmp(dir + n - strlen(wanted), wanted, strlen(wanted)) == 0;
}

void hooks_install_types(const struct hooks *hooks, env_lookup *lookup, const void *context,
			 struct arena *a, struct hook_file_vec *ret_links)
{
	struct hook_file_vec links = { NULL, 0, 0 };

	vec_foreach (struct hook_file, f, &hooks->files) {
		const char *dir = f->path + strlen("install.d/"), *slash;
		struct hook_file link = *f;
		bool is_replaced = false;

		if (strncmp(f->path, "install.d/", strlen("install.d/")) != 0)
			continue;
		slash = strchr(dir, '/');
		if (!slash || strchr(slash + 1, '/') || slash[1] == '.' ||
		    !is_chosen(dir, (size_t)(slash - dir), lookup, context, a))
			continue;
		link.path = arena_printf(a, "install.d/%s", slash + 1);
		vec_foreach (struct hook_file, old, &links)
			if (strcmp(old->path, link.path) == 0) {
				*old = link;
				is_replaced = true;
			}
		if (!is_replaced)
			vec_push(a, &links, link);
	}
	*ret_links = links;
}

/* "path mode content\n": the content is a digest, a link's target, or empty for a directory. */
static int file_line(const struct hook_file *f, struct arena *a, const char **ret_line,
		     struct ib_error *err)
{
	char hex[DIGEST_HEX] = "", target[PATH_MAX];
	cleanup_fd int fd = -1;
	struct digest d;
	ssize_t n = 0;
	int r;

	if (f->text) {
		digest_of(f->text, strlen(f->text), &d);
		digest_hex(&d, hex);
	} else if (S_ISREG(f->mode)) {
		fd = open(f->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return ib_fail(err, errno, "open %s", f->source);
		r = digest_of_fd(fd, &d, err);
		if (r < 0)
			return ib_wrap(err, "%s", f->source);
		digest_hex(&d, hex);
	} else if (S_ISLNK(f->mode)) {
		n = readlink(f->source, target, sizeof(target));
		if (n < 0)
			return ib_fail(err, errno, "read the link %s", f->source);
	}
	*ret_line = arena_printf(a, "%zu:%s %o %s%.*s\n", strlen(f->path), f->path,
				 (unsigned int)f->mode, hex, (int)n, target);
	return 0;
}

int hooks_lines(const struct hooks *hooks, struct arena *a, struct str_vec *ret_lines,
		struct ib_error *err)
{
	vec_foreach (struct hook_file, f, &hooks->files) {
		const char *line;
		int r = file_line(f, a, &line, err);

		if (r < 0)
			return r;
		vec_push(a, ret_lines, line);
	}
	return 0;
}

void hooks_digest_lines(const struct hooks *hooks, const struct str_vec *lines,
			bool (*pick)(const struct hook_file *, const void *), const void *arg,
			struct digest *ret_digest)
{
	struct hasher *h = hasher_new("sha256");

	for (size_t i = 0; i < lines->len; i++)
		if (pick(&hooks->files.items[i], arg))
			hasher_add(h, lines->items[i], strlen(lines->items[i]));
	(void)hasher_end(h, ret_digest->bytes);
	hasher_free(h);
}

static bool pick_any(const struct hook_file *f IB_UNUSED, const void *arg IB_UNUSED)
{
	return true;
}

int hooks_digest(const struct hooks *hooks, struct digest *ret_digest, struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct str_vec lines = { NULL, 0, 0 };
	int r = hooks_lines(hooks, a, &lines, err);

	if (r == 0)
		hooks_digest_lines(hooks, &lines, pick_any, NULL, ret_digest);
	return r;
}
