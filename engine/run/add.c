/* SPDX-License-Identifier: Apache-2.0 */
/* ADD: what was fetched, into the target. */
#include "run/copy.h"

#include "run/schedule.h"

#include "support/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct add {
	struct copy copy;
	struct fetched_vec fetched;
	const char *const *envp; /* of git */
};

/* The files of a commit, or of one of its directories, as a tar in a memory file. */
static int archive_of(const struct add *add, const struct fetched *x, struct ib_error *err)
{
	cleanup_free char *tree = ib_xprintf("%s%s%s", x->ref.commit, x->subdir ? ":" : "",
					     x->subdir ? x->subdir + strspn(x->subdir, "/") : "");
	const char *const argv[] = { "git",     "--git-dir",    x->path, "-c", "tar.umask=0022",
				     "archive", "--format=tar", tree,    NULL };
	struct child_spec spec = { .argv = argv, .envp = add->envp, .in_fd = -1, .err_fd = -1 };
	int fd = memfd_create("archive", MFD_CLOEXEC), r;

	if (fd < 0)
		return ib_fail(err, errno, "make a memory file");
	spec.out_fd = fd;
	r = child_run(&spec, NULL, err);
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = ib_fail(err, errno, "read what git wrote");
	if (r >= 0)
		return fd;
	ib_cleanup_fd(&fd);
	return ib_wrap(err, "read commit %s%s%s", x->ref.commit, x->subdir ? ":" : "",
		       x->subdir ? x->subdir : "");
}

static int add_repository(const struct add *add, const struct fetched *x, struct ib_error *err)
{
	struct copy c = add->copy;
	cleanup_fd int fd = archive_of(add, x, err);

	c.has_owner = true; /* root's, without --chown */
	return fd < 0 ? fd : copy_unpack(&c, fd, err);
}

static int add_file(const struct add *add, const struct fetched *x, struct ib_error *err)
{
	const struct copy *c = &add->copy;
	cleanup_free char *path = NULL;
	struct stat st;

	if (lseek(x->fd, 0, SEEK_SET) < 0 || fstat(x->fd, &st) < 0)
		return ib_fail(err, errno, "read '%s'", x->path);
	if (c->op->is_unpacked)
		return copy_unpack(c, x->fd, err);
	if (c->is_dir && !*x->name)
		return ib_fail_text(err, EINVAL,
				    "'%s' names no file; write the destination with the "
				    "name that it is to have",
				    x->shown);
	path = copy_place(c, c->is_dir ? x->name : "");
	/* The time of what has a checksum is in no key. */
	return copy_put(c, x->fd, path, S_IFREG | 0600,
			c->op->checksum || st.st_mtim.tv_sec <= 0 ? NULL : &st.st_mtim, err);
}

static int add_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	struct add add = *(const struct add *)job->data;
	cleanup_fd int root_fd = target_open(err);
	int r = root_fd;

	if (r < 0)
		return r;
	add.copy.root_fd = root_fd;
	r = copy_start(&add.copy, err);
	for (size_t i = 0; r >= 0 && i < add.fetched.len; i++) {
		const struct fetched *x = &add.fetched.items[i];

		r = x->is_git ? add_repository(&add, x, err) : add_file(&add, x, err);
		if (r < 0 && !err->at.end)
			err->at = x->at;
		if (r < 0 && x->is_git)
			r = ib_wrap(err, "'%s'", x->shown);
	}
	return r < 0 ? r : copy_heredocs(&add.copy, err);
}

int run_add(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct add *add = arena_alloc(sr->arena, sizeof(*add));
	int r = fetched_get(sr, s, err);

	if (r < 0)
		return r;
	add->copy.op = &s->op->copy;
	add->fetched = sr->fetched;
	add->envp = fetched_env(sr);
	action_call(sr, s, a, add_fn, add);
	return 0;
}
