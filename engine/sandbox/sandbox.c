/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: started, made root of its own namespaces, and never outliving the caller. */
#include "sandbox/internal.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct sb_self sb_self;

/* What the caller decides before it forks. */
struct start {
	struct sandbox_setup setup; /* every path without symlinks */
	struct arena *arena;
	bool has_userns;
	struct idmap map;
	int go[2]; /* caller -> supervisor: "ids are mapped"; open as long as the caller waits */
	int report[2]; /* supervisor -> caller: struct ib_error, code 0 for "ready" */
	int (*fn)(void *);
	void *arg;
};

static int real_path(struct arena *a, const char **path, struct ib_error *err)
{
	char real[PATH_MAX];

	if (!*path)
		return 0;
	if (!realpath(*path, real))
		return ib_fail(err, errno, "find %s", *path);
	*path = arena_strdup(a, real);
	return 0;
}

static int real_paths(struct start *s, struct ib_error *err)
{
	struct sandbox_setup *setup = &s->setup;
	const char **paths[] = { &setup->store, &setup->image_cache, &setup->lib_dir,
				 &setup->bin_dir, &setup->directory };
	struct str_vec visible = { 0 };
	int r = setup->image_cache ? fs_mkdirs_at(AT_FDCWD, setup->image_cache, 0755, err) : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(paths); i++)
		r = real_path(s->arena, paths[i], err);
	for (size_t i = 0; r == 0 && setup->visible && setup->visible[i]; i++) {
		const char *path = setup->visible[i];

		r = real_path(s->arena, &path, err);
		vec_push(s->arena, &visible, path);
	}
	vec_push(s->arena, &visible, NULL);
	setup->visible = visible.items;
	return r;
}

/* Root of the namespace, whatever we were; then bound to the caller's life. The order matters: a
 * change of ids clears the death signal, and a caller that died before prctl() is seen on its pipe.
 */
static int become_root(const struct start *s, struct ib_error *err)
{
	struct pollfd caller = { .fd = s->go[0] };

	if (s->has_userns &&
	    (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || setgroups(0, NULL) < 0))
		return ib_fail(err, errno, "become root of the user namespace");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return ib_fail(err, errno, "set the death signal");
	if (poll(&caller, 1, 0) < 0 || caller.revents & (POLLHUP | POLLERR))
		_exit(1); /* nobody is left to tell */
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL); /* some cannot be set: those are at their default */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int supervisor_prepare(const struct start *s, struct ib_error *err)
{
	int r = become_root(s, err);

	if (r < 0)
		return r;
	reset_signals();
	(void)umask(022);
	sb_self.directory = s->setup.directory;
	sb_self.force_old_overlay = s->setup.force_old_overlay;
	r = root_compose(&s->setup, err);
	if (r < 0)
		return ib_wrap(err, "compose the sandbox's root");
	/* A directory that is gone from our view (a network mount) is no reason to stop. */
	if (s->setup.directory && chdir(s->setup.directory) < 0)
		return ib_fail(err, errno, "enter %s", s->setup.directory);
	return 0;
}

_Noreturn static void supervisor_run(struct start *s)
{
	struct ib_error err = IB_ERROR_INIT;
	char go;
	int r;

	(void)close(s->go[1]);
	(void)close(s->report[0]);
	if (read(s->go[0], &go, 1) != 1)
		_exit(1);
	r = supervisor_prepare(s, &err);
	(void)fs_write_all(s->report[1], &err, sizeof(err));
	(void)close(s->report[1]);
	(void)close(s->go[0]);
	if (r < 0)
		_exit(1);
	r = s->fn(s->arg);
	root_remove_private();
	_exit(r);
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			(void)close(pair[i]);
}

/* Waits until the supervisor is ready or says why not. */
static int wait_ready(struct start *s, pid_t pid, struct ib_error *err)
{
	struct ib_error theirs = IB_ERROR_INIT;
	int r = s->has_userns ? idmap_write(&s->map, pid, err) : 0;

	if (r < 0)
		return r;
	if (write(s->go[1], "g", 1) != 1)
		return ib_fail(err, errno, "start the supervisor");
	for (size_t got = 0; got < sizeof(theirs);) {
		ssize_t n = read(s->report[0], (char *)&theirs + got, sizeof(theirs) - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ib_fail_text(err, EIO, "the supervisor died while it started");
		got += (size_t)n;
	}
	if (theirs.code == 0)
		return 0;
	*err = theirs;
	return -theirs.code;
}

static int start_supervisor(struct start *s, struct child *ret_child, struct ib_error *err)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | (s->has_userns ? CLONE_NEWUSER : 0);
	struct child child = { .pid = sb_clone(flags) };
	int r;

	if (child.pid < 0)
		return s->has_userns ? sb_clone_fail(errno, err)
				     : ib_fail(err, errno, "make namespaces");
	if (child.pid == 0)
		supervisor_run(s);
	(void)close(s->go[0]);
	(void)close(s->report[1]);
	s->go[0] = s->report[1] = -1;
	r = wait_ready(s, child.pid, err);
	if (r < 0)
		child_kill(&child);
	else
		*ret_child = child;
	return r;
}

int sandbox_start(const struct sandbox_setup *setup, int (*fn)(void *), void *arg,
		  struct child *ret_child, struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct start s = { .setup = *setup,
			   .arena = a,
			   .has_userns = idmap_is_needed(),
			   .go = { -1, -1 },
			   .report = { -1, -1 },
			   .fn = fn,
			   .arg = arg };
	int r = real_paths(&s, err);

	if (r == 0 && s.has_userns)
		r = idmap_find(&s.map, err);
	if (r < 0)
		return r;
	if (pipe2(s.go, O_CLOEXEC) < 0 || pipe2(s.report, O_CLOEXEC) < 0)
		r = ib_fail(err, errno, "make a pipe");
	else
		r = start_supervisor(&s, ret_child, err);
	close_pair(s.go);
	close_pair(s.report);
	return r;
}

int sandbox_open_tree(const struct sandbox_layers *layers, int *ret_root_fd, char **ret_root,
		      struct ib_error *err)
{
	static unsigned int count;
	const struct sandbox_layers lowers = { .lowers = layers->lowers, .len = layers->len };
	cleanup_free char *path = ib_xprintf(SB_TREE "/%u", count++);
	cleanup_free char *root = fs_join(path, "mnt");
	int r, fd;

	if (mkdir(path, 0755) < 0)
		return ib_fail(err, errno, "make %s", path);
	r = overlay_layers(&lowers, path, err);
	if (r < 0)
		return r;
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open the merged tree");
	*ret_root_fd = fd;
	if (ret_root) {
		*ret_root = root;
		root = NULL;
	}
	return 0;
}
