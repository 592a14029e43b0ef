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
#include <string.h>
#include <sys/stat.h>

static int set_owner(const struct copy *c, int fd, const char *name, struct ib_error *err)
{
	uid_t uid = c->has_owner ? c->uid : 0;
	gid_t gid = c->has_owner ? c->gid : 0;

	if (fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return ib_fail(err, errno, "give '%s' to %u:%u", name, (unsigned)uid,
			       (unsigned)gid);
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

static int copy_file(const struct copy *c, const struct copy_entry *e, const char *path,
		     struct ib_error *err)
{
	cleanup_fd int from = fs_open_beneath(c->context_fd, e->path, O_RDONLY | O_NOFOLLOW);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return ib_fail(err, errno, "open '%s' of the context", e->path);
	if (!S_ISREG(st.st_mode))
		return ib_fail_text(err, EINVAL, "'%s' of the context is no longer a regular file",
				    e->path);
	return copy_put(c, from, path, st.st_mode, &st.st_mtim, err);
}

static int copy_symlink(const struct copy *c, const struct copy_entry *e, const char *path,
			struct ib_error *err)
{
	cleanup_fd int from = fs_open_beneath(c->context_fd, e->path, O_PATH | O_NOFOLLOW);
	const char *base = NULL;
	cleanup_fd int dir_fd = target_parent(c->root_fd, path, &base, err);
	char target[4096];
	ssize_t n;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	n = from < 0 ? -1 : readlinkat(from, "", target, sizeof(target) - 1);
	if (n < 0)
		return ib_fail(err, errno, "read the symlink '%s' of the context", e->path);
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
	cleanup_fd int dir_fd = -1, fd = -1;

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
	return finish(c, fd, e->mode, NULL, err);
}

/* Times of directories, after everything in them is written. */
static int set_dir_time(const struct copy *c, const struct copy_entry *e, const char *path,
			struct ib_error *err)
{
	cleanup_fd int fd = fs_open_in(c->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
	cleanup_fd int from = fs_open_beneath(c->context_fd, e->path, O_PATH | O_NOFOLLOW);
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat st;

	if (fd < 0 || from < 0 || fstat(from, &st) < 0)
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
	cleanup_fd int from = fs_open_beneath(c->context_fd, e->path, O_RDONLY | O_CLOEXEC);
	int r;

	err->at = e->at;
	if (from < 0)
		return ib_fail(err, errno, "open '%s' of the context", e->path);
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
	if (c.entries.len) {
		const char *context = plan_context(job->sr->run->plan, job->step->op);

		context_fd = open(context, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (context_fd < 0)
			return ib_fail(err, errno, "open the context '%s'", context);
	}
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
		return s->code == STEP_copy;
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

int run_copy(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct copy *c = arena_alloc(sr->arena, sizeof(*c));

	(void)err;
	if (s->entries)
		c->entries = *s->entries;
	c->op = &s->op->copy;
	action_call(sr, s, a, copy_fn, c);
	return 0;
}
