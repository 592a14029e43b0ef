/* SPDX-License-Identifier: Apache-2.0 */
/* COPY: files of the context and heredocs into the target, inside the step, with the target as
 * root. */
#include "run/copy.h"

#include "run/schedule.h"

#include "support/archive.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int set_owner(const struct copy *c, int fd, const char *name, struct ib_error *err)
{
	uid_t uid = c->has_owner ? c->uid : 0;
	gid_t gid = c->has_owner ? c->gid : 0;

	if (fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return fs_fail_owner(err, *name ? name : c->op->dest.text, uid, gid);
	return 0;
}

static int mode_of(const struct copy *c, mode_t old, bool is_dir, mode_t *ret_mode,
		   struct ib_error *err)
{
	mode_t mode = old & 07777;

	if (c->op->chmod && !mode_apply(c->op->chmod, old, is_dir, &mode))
		return ib_fail_text(err, EINVAL, "--chmod=%s is neither octal nor symbolic",
				    c->op->chmod);
	*ret_mode = mode;
	return 0;
}

char *copy_place(const struct copy *c, const char *name)
{
	const char *dest = c->op->dest.text;

	return *name ? fs_join(dest, name) : ib_xstrdup(dest);
}

/* What stands in the way of a file: anything but a directory is replaced. */
static int clear(int dir_fd, const char *base, const char *path, struct ib_error *err)
{
	if (unlinkat(dir_fd, base, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR)
		return ib_fail_text(err, EISDIR,
				    "'%s' is a directory of the target; a file cannot replace it",
				    path);
	return ib_fail(err, errno, "replace '%s'", path);
}

/* A new empty file at PATH of the target; the descriptor. */
static int create(const struct copy *c, const char *path, struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int dir_fd = target_parent(c->root_fd, path, &base, err);
	int fd, r;

	if (dir_fd < 0)
		return dir_fd;
	r = clear(dir_fd, base, path, err);
	if (r < 0)
		return r;
	fd = openat(dir_fd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? ib_fail(err, errno, "make '%s' in the target", path) : fd;
}

static int finish(const struct copy *c, int fd, mode_t old, const struct timespec *mtime,
		  struct ib_error *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
	mode_t mode = 0;
	int r = mode_of(c, old, S_ISDIR(old), &mode, err);

	if (r >= 0)
		r = set_owner(c, fd, "", err);
	if (r < 0)
		return r;
	if (mtime)
		times[1] = *mtime;
	if (fchmod(fd, mode) < 0 || futimens(fd, times) < 0)
		return ib_fail(err, errno, "set mode and times");
	return 0;
}

int copy_put(const struct copy *c, int from, const char *path, mode_t mode,
	     const struct timespec *mtime, struct ib_error *err)
{
	cleanup_fd int to = create(c, path, err);
	struct stat st;
	int r;

	if (to < 0)
		return to;
	if (fstat(from, &st) < 0)
		return ib_fail(err, errno, "look at what '%s' is made of", path);
	r = fs_copy_sparse(from, 0, to, 0, (uint64_t)st.st_size, err);
	if (r >= 0 && ftruncate(to, st.st_size) < 0)
		return ib_fail(err, errno, "set the size of '%s'", path);
	return r < 0 ? r : finish(c, to, mode, mtime, err);
}

/* A source's descriptor; one that is named by a symbolic link is what that leads to. */
static int open_source(const struct copy *c, const struct copy_entry *e, int flags,
		       struct ib_error *err)
{
	int fd = c->is_tree ? fs_open_in(c->context_fd, e->path, flags | O_CLOEXEC, 0)
			    : fs_open_beneath(c->context_fd, e->path, flags | O_CLOEXEC);

	return fd < 0 ? ib_fail(err, errno, "open '%s' of what is copied", e->path) : fd;
}

static int put_xattrs(const struct copy *c, int from, const char *path, struct ib_error *err)
{
	cleanup_fd int to =
		c->is_tree ? fs_open_in(c->root_fd, path, O_RDONLY | O_NOFOLLOW, 0) : -1;
	int r;

	if (!c->is_tree)
		return 0;
	r = to < 0 ? -errno : fs_copy_xattrs(from, to);
	return r < 0 ? ib_fail(err, -r, "set the attributes of '%s'", path) : 0;
}

/* Where a file of a tree that is linked more than once was put the first time; NULL: nowhere yet.
 */
static const char *first_link(const struct copy *c, const struct stat *st, const char *path)
{
	char key[64];
	void **slot;

	if (!c->is_tree || st->st_nlink < 2)
		return NULL;
	(void)snprintf(key, sizeof(key), "%llx %llx", (unsigned long long)st->st_dev,
		       (unsigned long long)st->st_ino);
	slot = map_put(c->arena, c->links, intern_str(c->names, key));
	if (*slot)
		return *slot;
	*slot = arena_strdup(c->arena, path);
	return NULL;
}

static int copy_link(const struct copy *c, const char *first, const char *path,
		     struct ib_error *err)
{
	const char *base = NULL, *from = NULL;
	cleanup_fd int dir_fd = target_parent(c->root_fd, path, &base, err);
	cleanup_fd int from_fd = dir_fd < 0 ? -1 : target_parent(c->root_fd, first, &from, err);
	int r;

	if (from_fd < 0)
		return -err->code;
	r = clear(dir_fd, base, path, err);
	if (r < 0)
		return r;
	return linkat(from_fd, from, dir_fd, base, 0) < 0 ? ib_fail(err, errno, "link '%s'", path)
							  : 0;
}

static int copy_file(const struct copy *c, const struct copy_entry *e, const char *path,
		     struct ib_error *err)
{
	cleanup_fd int from = open_source(c, e, O_RDONLY | O_NONBLOCK, err);
	const char *first;
	struct stat st;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return ib_fail_text(err, EINVAL, "'%s' is no longer a regular file", e->path);
	first = first_link(c, &st, path);
	if (first)
		return copy_link(c, first, path, err);
	r = copy_put(c, from, path, st.st_mode, &st.st_mtim, err);
	return r < 0 ? r : put_xattrs(c, from, path, err);
}

static int copy_fifo(const struct copy *c, const struct copy_entry *e, const char *path,
		     struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int dir_fd = target_parent(c->root_fd, path, &base, err);
	mode_t mode = 0;
	int r = dir_fd < 0 ? dir_fd : clear(dir_fd, base, path, err);

	if (r >= 0)
		r = mode_of(c, e->mode, false, &mode, err);
	if (r < 0)
		return r;
	if (mkfifoat(dir_fd, base, 0600) < 0)
		return ib_fail(err, errno, "make the pipe '%s'", path);
	r = set_owner(c, dir_fd, base, err);
	if (r >= 0 && fchmodat(dir_fd, base, mode, 0) < 0)
		return ib_fail(err, errno, "set the mode of '%s'", path);
	return r;
}

static int copy_symlink(const struct copy *c, const struct copy_entry *e, const char *path,
			struct ib_error *err)
{
	cleanup_fd int from = open_source(c, e, O_PATH | O_NOFOLLOW, err);
	const char *base = NULL;
	cleanup_fd int dir_fd = from < 0 ? from : target_parent(c->root_fd, path, &base, err);
	char target[4096];
	ssize_t n;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	n = readlinkat(from, "", target, sizeof(target) - 1);
	if (n < 0)
		return ib_fail(err, errno, "read the symlink '%s'", e->path);
	target[n] = '\0';
	r = clear(dir_fd, base, path, err);
	if (r < 0)
		return r;
	if (symlinkat(target, dir_fd, base) < 0)
		return ib_fail(err, errno, "make the symlink '%s'", path);
	return set_owner(c, dir_fd, base, err);
}

/* A directory that is there keeps its mode and owner; a new one has the source's. */
static int copy_dir(const struct copy *c, const struct copy_entry *e, const char *path,
		    struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int there = fs_open_in(c->root_fd, path, O_PATH | O_DIRECTORY, 0);
	cleanup_fd int dir_fd = -1, fd = -1, from = -1;
	int r;

	if (there >= 0)
		return 0;
	dir_fd = target_parent(c->root_fd, path, &base, err);
	if (dir_fd < 0)
		return dir_fd;
	if (mkdirat(dir_fd, base, 0700) < 0)
		return ib_fail(err, errno, "make directory '%s' in the target", path);
	fd = openat(dir_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open '%s' in the target", path);
	from = open_source(c, e, O_RDONLY | O_DIRECTORY, err);
	r = from < 0 ? from : finish(c, fd, e->mode, NULL, err);
	return r < 0 ? r : put_xattrs(c, from, path, err);
}

/* Times of directories, after everything in them is written. */
static int set_dir_time(const struct copy *c, const struct copy_entry *e, const char *path,
			struct ib_error *err)
{
	cleanup_fd int fd = fs_open_in(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
	cleanup_fd int from = open_source(c, e, O_PATH | O_NOFOLLOW, err);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (from < 0)
		return from;
	if (fd < 0 || fstat(from, &st) < 0)
		return ib_fail(err, errno, "open '%s'", path);
	times[1] = st.st_mtim;
	if (futimens(fd, times) < 0)
		return ib_fail(err, errno, "set the times of '%s'", path);
	return 0;
}

int copy_unpack(const struct copy *c, int from, struct ib_error *err)
{
	const struct archive_options options = { .has_owner = c->has_owner,
						 .uid = c->uid,
						 .gid = c->gid };
	cleanup_fd int to = target_mkdirs(c->root_fd, c->op->dest.text, 0755, err);

	return to < 0 ? to : archive_extract(from, to, &options, err);
}

static int unpack_entry(const struct copy *c, const struct copy_entry *e, struct ib_error *err)
{
	cleanup_fd int from = open_source(c, e, O_RDONLY, err);
	int r;

	err->at = e->at;
	if (from < 0)
		return from;
	r = copy_unpack(c, from, err);
	return r < 0 ? ib_wrap(err, "'%s'", e->path) : 0;
}

static int copy_entry(const struct copy *c, const struct copy_entry *e, struct ib_error *err)
{
	const char *slash = strrchr(e->path, '/');
	bool is_whole = *e->name || !c->is_dir || S_ISDIR(e->mode);
	const char *name = is_whole ? e->name : slash ? slash + 1 : e->path;
	cleanup_free char *path = copy_place(c, name);
	int r;

	err->at = e->at;
	if (c->op->is_unpacked && !S_ISDIR(e->mode))
		r = unpack_entry(c, e, err);
	else if (S_ISDIR(e->mode))
		r = copy_dir(c, e, path, err);
	else if (S_ISLNK(e->mode))
		r = copy_symlink(c, e, path, err);
	else if (S_ISREG(e->mode))
		r = copy_file(c, e, path, err);
	else if (S_ISFIFO(e->mode))
		r = copy_fifo(c, e, path, err);
	else
		r = ib_fail_text(err, EINVAL, "'%s' is not a file, a directory or a symlink",
				 e->path);
	return r < 0 ? r : 0;
}

static int copy_heredoc(const struct copy *c, const struct ib_heredoc *doc, struct ib_error *err)
{
	cleanup_free char *path = copy_place(c, c->is_dir ? doc->name : "");
	cleanup_fd int fd = create(c, path, err);
	int r;

	err->at = doc->at;
	if (fd < 0)
		return fd;
	r = fs_write_all(fd, doc->body, doc->len);
	if (r < 0)
		return ib_fail(err, -r, "write '%s'", path);
	return finish(c, fd, S_IFREG | 0644, NULL, err);
}

int copy_heredocs(const struct copy *c, struct ib_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < c->op->heredocs.len; i++)
		r = copy_heredoc(c, &c->op->heredocs.items[i], err);
	if (r >= 0)
		err->at = (struct ib_span){ 0, 0 };
	return r;
}

/* The destination is a directory where it says so, where it is one, and where more than one thing
 * goes there. */
static void look_at_dest(struct copy *c)
{
	const char *dest = c->op->dest.text;
	size_t n = strlen(dest);
	cleanup_fd int fd = fs_open_in(c->root_fd, dest, O_PATH | O_DIRECTORY, 0);

	c->is_dir = fd >= 0 || (n && dest[n - 1] == '/') ||
		    c->op->heredocs.len + c->op->sources.len > 1;
}

int copy_start(struct copy *c, struct ib_error *err)
{
	int r = c->op->chown ? owner_find(c->root_fd, c->op->chown, &c->uid, &c->gid, err) : 0;

	if (r < 0)
		return r;
	c->has_owner = c->op->chown != NULL;
	look_at_dest(c);
	return 0;
}

static int copy_all(const struct copy *c, struct ib_error *err)
{
	int r = 0;

	vec_foreach (const struct copy_entry, e, &c->entries) {
		r = copy_entry(c, e, err);
		if (r < 0)
			return r;
	}
	r = copy_heredocs(c, err);
	if (r < 0)
		return r;
	for (size_t i = c->entries.len; i > 0; i--) {
		const struct copy_entry *e = &c->entries.items[i - 1];
		cleanup_free char *path = copy_place(c, e->name);

		r = S_ISDIR(e->mode) && *e->name ? set_dir_time(c, e, path, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	struct copy c = *(const struct copy *)job->data;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int context_fd = -1;
	int r = root_fd;

	if (r < 0)
		return r;
	c.root_fd = root_fd;
	if (c.entries.len && !c.is_tree) {
		const char *context = plan_context(job->sr->run->plan, job->step->op);

		context_fd = open(context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (context_fd < 0)
			return ib_fail(err, errno, "open the context '%s'", context);
	}
	if (!c.is_tree)
		c.context_fd = context_fd;
	r = copy_start(&c, err);
	if (r >= 0)
		r = copy_all(&c, err);
	if (r >= 0)
		err->at = (struct ib_span){ 0, 0 };
	return r;
}

/* What S takes of the context now. */
static int expand(struct stage_run *sr, const struct step *s, struct step *fresh,
		  struct ib_diag *diag)
{
	const struct plan *p = sr->run->plan;
	struct copy_entry_vec *entries = arena_alloc(sr->arena, sizeof(*entries));
	int r;

	*fresh = *s;
	if (s->code == STEP_run) {
		r = plan_run_expand(p, s->op, sr->arena, &entries, diag);
		fresh->mounted = entries;
	} else {
		r = plan_copy_expand(p, s->op, sr->arena, entries, diag);
		fresh->entries = entries;
	}
	return r;
}

bool step_takes_files(const struct step *s)
{
	const struct ib_op_run *run = &s->op->run;

	if (s->code != STEP_run)
		return s->code == STEP_copy && s->op->copy.from.kind == IB_FROM_CONTEXT;
	vec_foreach (const struct ib_mount, m, &run->mounts)
		if (mount_takes_tree(m) && m->from.kind == IB_FROM_CONTEXT)
			return true;
	return run->form == IB_RUN_FILE || run->inputs.len > 0;
}

/* The context may have changed since the plan: the key is of what is there now. */
int copy_refresh(struct stage_run *sr, const struct step *s, const struct step **ret_step,
		 struct ib_error *err)
{
	const struct plan *p = sr->run->plan;
	struct step *fresh = arena_alloc(sr->arena, sizeof(*fresh));
	struct ib_diag *diag = ib_diag_new(p->sources);
	cleanup_buf struct buf text = BUF_INIT;
	int r = expand(sr, s, fresh, diag);

	if (r < 0)
		ib_diag_render(diag, &text, false);
	ib_diag_free(diag);
	err->exit = IB_EXIT_STEP;
	err->at = s->at;
	if (r < 0)
		return ib_fail_text(err, EINVAL,
				    "the context has changed since the plan was made\n%s",
				    text.len ? text.data : "");
	r = plan_key_again(p, sr->stage, fresh, &fresh->input_key, err);
	if (r < 0)
		return ib_wrap(err, "read the context");
	err->exit = 0;
	err->at = (struct ib_span){ 0, 0 };
	*ret_step = fresh;
	return 0;
}

int copy_verify(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	const struct step *now = s;
	int r = copy_refresh(sr, s, &now, err);

	if (r < 0 || memcmp(&now->input_key, &s->input_key, sizeof(now->input_key)) == 0)
		return r;
	err->exit = IB_EXIT_STEP;
	err->at = s->at;
	return ib_fail_text(err, ESTALE, "the context changed while it was copied; run it again");
}

int copy_file_to(const struct copy_entry *e, int context_fd, int root_fd, const char *path,
		 struct ib_error *err)
{
	static const struct ib_op_copy into = { .dest = { .text = "/" } };
	struct copy c = { .op = &into, .context_fd = context_fd, .root_fd = root_fd };

	return copy_file(&c, e, path, err);
}

int copy_entries(const struct copy_entry_vec *entries, int context_fd, int root_fd,
		 struct ib_error *err)
{
	static const struct ib_op_copy into = { .dest = { .text = "/" } };
	struct copy c = { .op = &into,
			  .entries = *entries,
			  .context_fd = context_fd,
			  .root_fd = root_fd,
			  .is_dir = true };

	return copy_all(&c, err);
}

/* What COPY --from takes is looked for when it runs: its key is of the whole tree. */
static int open_tree(struct stage_run *sr, const struct step *s, struct copy *c,
		     struct ib_error *err)
{
	int r = tree_ref_open(sr, &s->op->copy.from, &c->context_fd, NULL, NULL, err);

	if (r < 0)
		return r;
	c->arena = sr->arena;
	c->names = intern_new(sr->arena);
	c->links = arena_alloc(sr->arena, sizeof(*c->links));
	return plan_copy_expand_tree(s->op, c->context_fd, sr->arena, &c->entries, err);
}

int run_copy(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct copy *c = arena_alloc(sr->arena, sizeof(*c));

	*c = (struct copy){ .op = &s->op->copy,
			    .context_fd = -1,
			    .is_tree = s->op->copy.from.kind != IB_FROM_CONTEXT };
	if (c->is_tree && open_tree(sr, s, c, err) < 0)
		return -err->code;
	if (!c->is_tree && s->entries)
		c->entries = *s->entries;
	action_call(sr, s, a, copy_fn, c);
	return 0;
}
