/* SPDX-License-Identifier: Apache-2.0 */
/* Whether steps can run here, found out by trying: what a kernel's version or a sysctl promises, a
 * container, a security module or the missing id range takes back. */
#include "sandbox/internal.h"

#include "support/bpf.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define TRIAL "/tmp/imagebuild-trial" /* on a tmpfs of the trial's own */

static int try_ids(int scratch_fd)
{
	(void)scratch_fd;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -errno;
	/* Of a map with the caller's id alone this is not part. */
	if (setresgid((gid_t)-1, 65534, (gid_t)-1) < 0 || setresgid((gid_t)-1, 0, (gid_t)-1) < 0)
		return -errno;
	return 0;
}

static int try_mounts(int scratch_fd)
{
	(void)scratch_fd;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return -errno;
	return 0;
}

static int try_proc(int scratch_fd)
{
	struct ib_error ignored = IB_ERROR_INIT;

	(void)scratch_fd;
	return mkdir(TRIAL, 0755) < 0 ? -errno : mount_proc(TRIAL, &ignored);
}

/* Removes a lower directory and makes it again: a whiteout and an opaque mark, which without
 * userxattr support in the kernel or the upper file system fail with EIO, and only now. */
static int try_overlay(int scratch_fd)
{
	static const char *const dirs[] = { "l", "l/d", "u", "w", "m" };

	if (scratch_fd >= 0 ? fchdir(scratch_fd) < 0 : chdir("/tmp") < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return -errno;
	if (mount("overlay", "m", "overlay", 0,
		  "userxattr,volatile,lowerdir=l,upperdir=u,workdir=w") < 0 ||
	    rmdir("m/d") < 0 || mkdir("m/d", 0755) < 0)
		return -errno;
	return 0;
}

static int try_filter(int scratch_fd)
{
	struct ib_error err = IB_ERROR_INIT;
	int listener = -1, r = bpf_load(true, &listener, &err);

	(void)scratch_fd;
	if (listener >= 0)
		(void)close(listener);
	return r;
}

/* In this order, up to the first that fails. */
static const struct {
	int (*attempt)(int scratch_fd);
	const char *what, *why, *todo;
} trials[] = {
	{ try_ids, "the ids of a user namespace",
	  "steps need root and every id up to 65535 inside it",
	  "give your user a range of 65536 in /etc/subuid and /etc/subgid" },
	{ try_mounts, "mounts in a user namespace", "each step has file systems of its own",
	  "allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a container with "
	  "CAP_SYS_ADMIN" },
	{ try_proc, "/proc of a pid namespace", "programs in a step look at their own processes",
	  "run outside of a container that hides parts of /proc, or unmask it (--security-opt "
	  "systempaths=unconfined)" },
	{ try_overlay, "overlayfs with userxattr", "layers are stacked by it",
	  "put the store (--store) on a local disk, not on an overlay or a network; Linux 5.11 or "
	  "later" },
	{ try_filter, "seccomp filters", "device nodes and sysfs are emulated by one",
	  "allow seccomp(2) with SECCOMP_FILTER_FLAG_NEW_LISTENER" },
};

struct failure {
	uint32_t trial; /* ARRAY_SIZE(trials): none */
	int code;
};

static struct failure run_trials(int scratch_fd)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(trials); i++) {
		int r = trials[i].attempt(scratch_fd);

		if (r < 0)
			return (struct failure){ .trial = i, .code = -r };
	}
	return (struct failure){ .trial = ARRAY_SIZE(trials) };
}

_Noreturn static void trial_child(int go_fd, int result_fd, const char *scratch)
{
	struct failure f;
	int scratch_fd;
	char go;

	if (read(go_fd, &go, 1) != 1)
		_exit(1);
	/* Not the caller's descriptor: that belongs to the caller's mounts, which overlayfs
	 * refuses. */
	scratch_fd = scratch[0] ? open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	f = run_trials(scratch_fd);
	_exit(fs_write_all(result_fd, &f, sizeof(f)) < 0);
}

struct pipes {
	int go[2], result[2];
};

static void close_pipes(struct pipes *p)
{
	int *fds[] = { &p->go[0], &p->go[1], &p->result[0], &p->result[1] };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
}

/* Starts the throw-away child; ERR is what kept even that from working. */
static int try_all(const char *scratch, struct failure *ret_failure, struct ib_error *err)
{
	__attribute__((cleanup(close_pipes))) struct pipes p = { { -1, -1 }, { -1, -1 } };
	bool has_userns = idmap_is_needed();
	cleanup_child struct child child = { 0 };
	struct idmap map = { 0 };
	int r = has_userns ? idmap_find(&map, err) : 0;

	if (r < 0)
		return r;
	if (pipe2(p.go, O_CLOEXEC) < 0 || pipe2(p.result, O_CLOEXEC) < 0)
		return ib_fail(err, errno, "make a pipe");
	child.pid = sb_clone(CLONE_NEWNS | CLONE_NEWPID | (has_userns ? CLONE_NEWUSER : 0));
	if (child.pid < 0) {
		child.pid = 0;
		return has_userns ? sb_clone_fail(errno, err)
				  : ib_fail(err, errno, "make namespaces");
	}
	if (child.pid == 0) {
		(void)close(p.go[1]);
		trial_child(p.go[0], p.result[1], scratch);
	}
	r = has_userns ? idmap_write(&map, child.pid, err) : 0;
	if (r < 0)
		return r;
	(void)close(p.result[1]);
	p.result[1] = -1;
	if (write(p.go[1], "g", 1) != 1 ||
	    read(p.result[0], ret_failure, sizeof(*ret_failure)) != sizeof(*ret_failure))
		return ib_fail_text(err, EIO, "the trial of the sandbox died");
	return 0;
}

/* A directory of the trial's own on the file system where the store is or will be; "" where none
 * can be made: then the trial makes do with a tmpfs. */
static void make_scratch(const char *store, char ret_path[PATH_MAX])
{
	cleanup_free char *dir = ib_xstrdup(store ? store : "");
	struct stat st;

	ret_path[0] = '\0';
	while (dir[0] && stat(dir, &st) < 0 && strrchr(dir, '/'))
		*strrchr(dir, '/') = '\0';
	if (!dir[0] || snprintf(ret_path, PATH_MAX, "%s/.trial-XXXXXX", dir) >= PATH_MAX ||
	    !mkdtemp(ret_path))
		ret_path[0] = '\0';
}

int sandbox_preflight(const char *store,
		      void (*add)(void *context, const char *what, const char *why,
				  const char *package, const char *todo),
		      void *context)
{
	struct failure f = { .trial = ARRAY_SIZE(trials) };
	struct ib_error err = IB_ERROR_INIT;
	struct ib_error ignored = IB_ERROR_INIT;
	char program[PATH_MAX], scratch[PATH_MAX];
	int r;
	const char *path = getenv("PATH");

	if (idmap_is_needed() && geteuid() != 0 &&
	    (!fs_find_program("newuidmap", path, program, sizeof(program)) ||
	     !fs_find_program("newgidmap", path, program, sizeof(program)))) {
		add(context, "newuidmap and newgidmap",
		    "they map the ids that an ordinary user may use", "uidmap", NULL);
		return -ENOENT;
	}
	make_scratch(store, scratch);
	r = try_all(scratch, &f, &err);
	if (scratch[0])
		(void)fs_remove_at(AT_FDCWD, scratch, &ignored);
	if (r < 0) {
		add(context, "a user namespace", err.text, NULL, err.hint[0] ? err.hint : NULL);
		return -err.code;
	}
	if (f.trial < ARRAY_SIZE(trials)) {
		cleanup_free char *why =
			ib_xprintf("%s (%s)", trials[f.trial].why, strerror(f.code));

		add(context, trials[f.trial].what, why, NULL, trials[f.trial].todo);
		return -f.code;
	}
	return 0;
}
