/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of the context, or of another tree, a COPY takes: globs, .imageignore, and nothing
 * that leaves the context. */
#include "plan/private.h"

#include "support/fs.h"
#include "support/glob.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 128
#define IGNORE_FILE_MAX (1u << 20)

struct expansion {
	const struct plan *plan;
	struct arena *arena;
	struct ib_diag *diag;
	const struct ib_op *op;
	struct ib_error
		*err;   /* of another tree: what is wrong is known at build alone; else NULL */
	int context_fd; /* or the root of that tree */
	struct str_vec ignore;
	struct copy_entry_vec entries;
	const struct ib_word *word; /* the source that is being expanded */
	struct str_vec matches;     /* its paths below the context */
};

const char *context_find(struct planner *pl)
{
	char real[PATH_MAX];
	const char *dir = pl->plan->ir->context;

	return dir && realpath(dir, real) ? arena_strdup(pl->plan->arena, real) : NULL;
}

const char *plan_context(const struct plan *p, const struct ib_op *op)
{
	return op->fragment ? op->fragment->context : p->context;
}

/* RECIPE.imageignore beside the recipe, else .imageignore of the context. */
static void read_ignore(struct expansion *x)
{
	const struct ib_ir *ir = x->op->fragment ? x->op->fragment : x->plan->ir;
	const char *own = arena_printf(x->arena, "%s.imageignore", ir->file);
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t len = 0;

	if (fs_read_at(AT_FDCWD, own, IGNORE_FILE_MAX, &text, &len, &err) < 0 &&
	    fs_read_at(x->context_fd, ".imageignore", IGNORE_FILE_MAX, &text, &len, &err) < 0)
		return;
	ignore_parse(x->arena, text, len, &x->ignore);
}

/* What is wrong with the word: WHAT, of the context, AFTER. Of another tree the first finding
 * counts. */
static void complain(struct expansion *x, const char *what, const char *after)
{
	const struct ib_tree_ref *from = &x->op->copy.from;

	if (!x->err) {
		ib_diag_add(x->diag, IB_D_CONTEXT, x->word->at, "'%s' %s the context%s",
			    x->word->text, what, after);
		if (x->op->fragment)
			ib_diag_hint(x->diag,
				     "paths of a fragment are relative to its own directory");
	} else if (!x->err->code) {
		x->err->at = x->word->at;
		x->err->exit = IB_EXIT_STEP;
		(void)ib_fail_text(x->err, ENOENT, "'%s' %s %s'%s'%s", x->word->text, what,
				   from->kind == IB_FROM_STAGE ? "stage " : "", from->name, after);
	}
}

/* In another tree a symbolic link leads where it would in the image. */
static int open_source(const struct expansion *x, const char *path, int flags)
{
	return x->err ? fs_open_in(x->context_fd, path, flags | O_CLOEXEC, 0)
		      : fs_open_beneath(x->context_fd, path, flags | O_CLOEXEC);
}

static bool is_copied(const struct expansion *x, mode_t mode)
{
	return S_ISREG(mode) || S_ISLNK(mode) || (x->err && S_ISFIFO(mode));
}

static void add_entry(struct expansion *x, const char *path, const char *name, mode_t mode)
{
	vec_push(x->arena, &x->entries,
		 ((struct copy_entry){
			 .path = path, .name = name, .mode = mode, .at = x->word->at }));
}

/* What is in the directory PATH, below the destination's directory NAME. */
static void add_directory(struct expansion *x, const char *path, const char *name, int depth)
{
	cleanup_free char **names = NULL;
	cleanup_fd int fd = open_source(x, path, O_RDONLY | O_DIRECTORY);
	struct ib_error err = IB_ERROR_INIT;
	size_t n = 0;

	if (fd < 0 || depth > DEPTH_MAX || fs_list(fd, ".", &names, &n, &err) < 0) {
		complain(x, depth > DEPTH_MAX ? "is nested too deeply in" : "cannot be read in",
			 "");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *sub = strcmp(path, ".") == 0
					  ? arena_strdup(x->arena, names[i])
					  : arena_printf(x->arena, "%s/%s", path, names[i]);
		const char *to = *name ? arena_printf(x->arena, "%s/%s", name, names[i])
				       : arena_strdup(x->arena, names[i]);
		bool ignored = ignore_matches(&x->ignore, sub);
		struct stat st;

		if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			complain(x, "changed while it was read in", "");
		else if (S_ISDIR(st.st_mode)) {
			/* An ignored directory may hold what a later '!' takes back. */
			if (!ignored)
				add_entry(x, sub, to, st.st_mode);
			if (!ignored || x->ignore.len > 1)
				add_directory(x, sub, to, depth + 1);
		} else if (!ignored && is_copied(x, st.st_mode))
			add_entry(x, sub, to, st.st_mode);
		else if (!ignored && !x->err)
			ib_diag_add(x->diag, IB_D_CONTEXT, x->word->at,
				    "'%s' is neither a file, a directory nor a symbolic link", sub);
	}
}

/* Directories come before what is in them also where only a part of one is taken. */
static void add_source(struct expansion *x, const char *path, bool into_directory)
{
	const char *slash = strrchr(path, '/');
	cleanup_fd int fd = open_source(x, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		complain(x, errno == EXDEV ? "leaves" : "is not in",
			 errno == EXDEV ? " by a symbolic link" : "");
		return;
	}
	if (S_ISDIR(st.st_mode))
		add_directory(x, path, "", 0);
	else if (!is_copied(x, st.st_mode))
		complain(x, "is neither a file nor a directory of", "");
	else if (ignore_matches(&x->ignore, path))
		complain(x, "is kept out of", " by .imageignore");
	else
		add_entry(x, path, into_directory ? (slash ? slash + 1 : path) : "", st.st_mode);
}

/* Collects what PATTERN matches below DIR; REST is the pattern's part that is left. */
static void glob_below(struct expansion *x, const char *dir, const char *rest, int depth)
{
	size_t n = strcspn(rest, "/"), len = 0;
	cleanup_free char **names = NULL;
	cleanup_fd int fd = open_source(x, dir, O_RDONLY | O_DIRECTORY);
	struct ib_error err = IB_ERROR_INIT;

	if (fd < 0 || depth > DEPTH_MAX || fs_list(fd, ".", &names, &len, &err) < 0)
		return;
	for (size_t i = 0; i < len; i++) {
		const char *path = strcmp(dir, ".") == 0
					   ? arena_strdup(x->arena, names[i])
					   : arena_printf(x->arena, "%s/%s", dir, names[i]);

		if (!glob_match(rest, n, names[i], strlen(names[i])))
			continue;
		if (rest[n] == '/')
			glob_below(x, path, rest + n + 1, depth + 1);
		else if (!ignore_matches(&x->ignore, path))
			vec_push(x->arena, &x->matches, path);
	}
}

static void find_matches(struct expansion *x)
{
	const char *path = path_clean(x->arena, x->word->text);

	x->matches.len = 0;
	if (!path) {
		complain(x, "leaves", "");
		return;
	}
	if (!glob_is_pattern(path)) {
		vec_push(x->arena, &x->matches, path);
		return;
	}
	glob_below(x, ".", path, 0);
	if (x->matches.len == 0)
		complain(x, "matches nothing in", "");
}

static void expand(struct expansion *x, struct copy_entry_vec *ret_entries)
{
	const struct ib_op_copy *copy = &x->op->copy;
	size_t len = strlen(copy->dest.text);
	bool into_directory = copy->sources.len + copy->heredocs.len > 1 ||
			      (len > 0 && copy->dest.text[len - 1] == '/');

	vec_foreach (struct ib_word, word, &copy->sources) {
		x->word = word;
		find_matches(x);
		for (size_t i = 0; i < x->matches.len; i++)
			add_source(x, x->matches.items[i], into_directory || x->matches.len > 1);
	}
	*ret_entries = x->entries;
}

int plan_copy_expand(const struct plan *p, const struct ib_op *op, struct arena *a,
		     struct copy_entry_vec *ret_entries, struct ib_diag *diag)
{
	const char *dir = plan_context(p, op);
	cleanup_fd int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct expansion x = { .plan = p, .arena = a, .diag = diag, .op = op, .context_fd = fd };
	size_t errors = ib_diag_errors(diag);

	if (op->copy.sources.len == 0) {
		*ret_entries = x.entries;
		return 0;
	}
	if (fd < 0) {
		ib_diag_add(diag, IB_D_CONTEXT, op->copy.sources.items[0].at,
			    "the context '%s' is not a directory that can be read",
			    dir              ? dir
			    : p->ir->context ? p->ir->context
					     : ".");
		return -1;
	}
	read_ignore(&x);
	expand(&x, ret_entries);
	return ib_diag_errors(diag) > errors ? -1 : 0;
}

int plan_copy_expand_tree(const struct ib_op *op, int root_fd, struct arena *a,
			  struct copy_entry_vec *ret_entries, struct ib_error *err)
{
	struct expansion x = { .arena = a, .op = op, .err = err, .context_fd = root_fd };

	expand(&x, ret_entries);
	return err->code ? -err->code : 0;
}
