/* SPDX-License-Identifier: Apache-2.0 */
/* SOURCE and source-repositories: sources into the target, and the lists that say so. */
#include "run/schedule.h"

#include "support/archive.h"
#include "support/child.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sources {
	struct fetched_vec fetched;
	const char *const *envp;
	const char *manifest; /* of the commits, in the target */
};

static int settle(struct stage_run *sr, struct source_request *request,
		  struct source_request_vec *ret_requests, struct ib_error *err)
{
	int r = source_settle(request, env_find, &sr->env, sr->arena, err);

	if (r > 0)
		vec_push(sr->arena, ret_requests, *request);
	else if (r == 0)
		stage_note(sr, request->at,
			   "source '%s' is left alone: its install type is not source",
			   request->name);
	return r;
}

int sources_find(struct stage_run *sr, const struct step *s,
		 struct source_request_vec *ret_requests, struct ib_error *err)
{
	struct source_request request;
	const char *none = env_get(&sr->env, "NO_SOURCE_REPOSITORIES");
	int r = 0;

	err->exit = IB_EXIT_STEP;
	if (s->code == STEP_source) {
		request = plan_source_of(s->op);
		r = settle(sr, &request, ret_requests, err);
	} else if (!none || !*none) {
		for (size_t i = 0; r >= 0 && i < sr->stage->sources.len; i++) {
			r = source_parse(&sr->stage->sources.items[i], env_find, &sr->env,
					 sr->arena, &request, err);
			if (r >= 0)
				r = settle(sr, &request, ret_requests, err);
		}
	}
	if (r < 0)
		return r;
	err->exit = 0;
	err->at = (struct ib_span){ 0, 0 };
	return 0;
}

/* Adds LINE to a file of the target. */
static int append(int root_fd, const char *path, const char *line, struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int dir_fd = target_parent(root_fd, path, &base, err);
	cleanup_fd int fd = -1;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	fd = openat(dir_fd, base, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fs_write_all(fd, line, strlen(line));
	return r < 0 ? ib_fail(err, -r, "write '%s'", path) : 0;
}

static int run_git(const struct sources *src, const char *dir, const char *const *words,
		   struct buf *out, struct ib_error *err)
{
	const char *argv[24] = { "git",
				 "-c",
				 "core.logAllRefUpdates=false",
				 "-c",
				 "advice.detachedHead=false",
				 "-c",
				 "init.defaultBranch=master",
				 "-C",
				 dir };
	const struct child_spec spec = {
		.argv = argv, .envp = src->envp, .in_fd = -1, .out_fd = -1, .err_fd = -1
	};
	size_t n = 9;

	while (*words && n < ARRAY_SIZE(argv) - 1)
		argv[n++] = *words++;
	return child_run(&spec, out, err);
}

/* Where DEST of the target is in the step; the directory is made. */
static int real_path(int root_fd, const char *dest, char *ret_path, size_t size,
		     struct ib_error *err)
{
	cleanup_fd int fd = target_mkdirs(root_fd, dest, 0755, err);
	char link[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret_path, size - 1);
	if (n < 0)
		return ib_fail(err, errno, "find '%s' in the target", dest);
	ret_path[n] = '\0';
	return 0;
}

/* A clone has nothing of the time and the machine: no logs, and an index without times. */
static int clone_steps(const struct sources *src, const struct fetched *x, const char *dir,
		       struct ib_error *err)
{
	bool is_all = *x->ref.refs;
	cleanup_free char *branch = ib_xprintf("fetch_%s", x->request.ref);
	cleanup_free char *one = ib_xprintf("+%s:refs/heads/%s", x->ref.commit, branch);
	const char *const steps[][9] = {
		{ "init", "-q", "." },
		{ "remote", "add", "origin", x->shown },
		{ "fetch", "-q", "--update-head-ok", "--no-write-fetch-head", x->path,
		  is_all ? "+refs/heads/*:refs/heads/*" : one,
		  is_all ? "+refs/tags/*:refs/tags/*" : NULL },
		{ "checkout", "-q", "-f", is_all ? "--detach" : branch,
		  is_all ? x->ref.commit : NULL },
		{ "read-tree", "HEAD" },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++)
		r = run_git(src, dir, steps[i], NULL, err);
	return r;
}

/* Two elements may name one source: 1 where its commit is checked out in DIR already. */
static int is_checked_out(const struct sources *src, const struct fetched *x, const char *dir,
			  struct ib_error *err)
{
	static const char *const words[] = { "rev-parse", "HEAD", NULL };
	cleanup_free char *git_dir = fs_join(dir, ".git");
	cleanup_buf struct buf head = BUF_INIT;
	size_t n = strlen(x->ref.commit);
	int r;

	if (access(git_dir, F_OK) < 0)
		return 0;
	r = run_git(src, dir, words, &head, err);
	if (r < 0)
		return r;
	if (head.len == n + 1 && strncmp(head.data, x->ref.commit, n) == 0)
		return 1;
	return ib_fail_text(err, EEXIST, "'%s' has another commit already: %.40s, not %s",
			    x->request.dest, head.len ? head.data : "none", x->ref.commit);
}

static int put_git(const struct sources *src, const struct fetched *x, int root_fd,
		   struct ib_error *err)
{
	const struct source_request *q = &x->request;
	cleanup_free char *line = NULL;
	char dir[PATH_MAX];
	int r = real_path(root_fd, q->dest, dir, sizeof(dir), err);

	if (r >= 0)
		r = is_checked_out(src, x, dir, err);
	if (r != 0)
		return r;
	r = clone_steps(src, x, dir, err);
	if (r < 0)
		return ib_wrap(err, "check out '%s' in '%s'", x->shown, q->dest);
	line = ib_xprintf("%s git %s %s %s\n", q->name, q->dest, x->shown, x->ref.commit);
	return append(root_fd, src->manifest, line, err);
}

static int put_tar(const struct fetched *x, int root_fd, struct ib_error *err)
{
	const struct archive_options options = { .has_owner = true, .below = x->request.ref };
	cleanup_fd int to = target_mkdirs(root_fd, x->request.dest, 0755, err);

	if (to < 0)
		return to;
	if (lseek(x->fd, 0, SEEK_SET) < 0)
		return ib_fail(err, errno, "read '%s'", x->path);
	return archive_extract(x->fd, to, &options, err);
}

static int put_file(const struct fetched *x, int root_fd, struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int dir_fd = target_parent(root_fd, x->request.dest, &base, err);
	cleanup_fd int to = -1;
	struct stat st;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	if (unlinkat(dir_fd, base, 0) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "replace '%s'", x->request.dest);
	to = openat(dir_fd, base, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0 || fchown(to, 0, 0) < 0 || fchmod(to, 0644) < 0 || fstat(x->fd, &st) < 0)
		return ib_fail(err, errno, "make '%s'", x->request.dest);
	r = fs_copy_sparse(x->fd, 0, to, 0, (uint64_t)st.st_size, err);
	if (r >= 0 && ftruncate(to, st.st_size) < 0)
		return ib_fail(err, errno, "set the size of '%s'", x->request.dest);
	return r;
}

static int put(const struct sources *src, const struct fetched *x, int root_fd,
	       struct ib_error *err)
{
	cleanup_free char *line = ib_xprintf("%s\n", x->request.dest);
	int r = x->is_git                             ? put_git(src, x, root_fd, err)
		: strcmp(x->request.type, "tar") == 0 ? put_tar(x, root_fd, err)
						      : put_file(x, root_fd, err);

	return r < 0 ? r : append(root_fd, "etc/dib-source-repositories", line, err);
}

static int sources_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct sources *src = job->data;
	cleanup_fd int root_fd = target_open(err);
	int r = root_fd;

	for (size_t i = 0; r >= 0 && i < src->fetched.len; i++) {
		const struct fetched *x = &src->fetched.items[i];

		r = put(src, x, root_fd, err);
		if (r < 0) {
			err->at = x->at;
			r = ib_wrap(err, "source '%s'", x->request.name);
		}
	}
	return r < 0 ? r : 0;
}

static int run_sources(struct stage_run *sr, const struct step *s, struct action *a,
		       struct ib_error *err)
{
	struct sources *src = arena_alloc(sr->arena, sizeof(*src));
	const char *dir = env_get(&sr->env, "DIB_MANIFEST_IMAGE_DIR"), *slash;
	const char *name = sr->run->image_name;
	int r = fetched_get(sr, s, err);

	if (r < 0)
		return r;
	slash = strrchr(name, '/');
	src->fetched = sr->fetched;
	src->envp = fetched_env(sr);
	src->manifest = arena_printf(sr->arena, "%s/dib-manifest-git-%s",
				     dir ? dir : "/etc/dib-manifests", slash ? slash + 1 : name);
	a->is_nothing = sr->fetched.len == 0;
	action_call(sr, s, a, sources_fn, src);
	return 0;
}

int run_source(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	return run_sources(sr, s, a, err);
}

int run_source_repositories(struct stage_run *sr, const struct step *s, struct action *a,
			    struct ib_error *err)
{
	return run_sources(sr, s, a, err);
}
