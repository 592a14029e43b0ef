/* SPDX-License-Identifier: Apache-2.0 */
/* A step from inside: its init prepares the mounts, starts what runs, serves the notifier, reaps,
 * and cleans up. What is done in which order is two tables: enter_init[] for the init,
 * enter_script[] for its child. */
#include "sandbox/internal.h"

#include "support/bpf.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define HOSTNAME "imagebuild"
#define HOOKS_TARGET "/tmp/in_target.d"
#define SHIMS SB_BIN "/fallback"
#define GRACE_MS 1000 /* what a step left running gets to end by itself */

struct mounted {
	char **paths;
	size_t len;
};

struct init {
	const struct sandbox_step *step;
	struct arena *arena;
	int report_fd, output_fd;
	int root_fd; /* "/" as the supervisor sees it */
	int mnt_fd;  /* SB_MNT */
	int signal_fd;
	int pair[2]; /* the script's child end hands over the listener */
	int listener;
	pid_t child;
	int status;
	bool is_done;
	struct ids ids;
	struct made_paths made, made_in_root;
	struct mounted mounted;
	size_t first_bind; /* in mounted: those of step->binds, in their order */
	struct mount_vec before;
	const char *const *envp;
};

void report_send(int fd, enum report_kind kind, const void *data, size_t len)
{
	struct report header = { .kind = kind, .len = (uint32_t)len };
	cleanup_buf struct buf packet = BUF_INIT;

	buf_add(&packet, &header, sizeof(header));
	buf_add(&packet, data, len);
	(void)fs_write_all(fd, packet.data,
			   packet.len); /* the supervisor is gone: so are we, soon */
}

/* ---- the init's stages */

static int enter_private(struct init *in, struct ib_error *err)
{
	(void)in;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return ib_fail(err, errno, "make mounts private");
	return 0;
}

static int enter_hostname(struct init *in, struct ib_error *err)
{
	(void)in;
	return sethostname(HOSTNAME, strlen(HOSTNAME)) < 0 ? ib_fail(err, errno, "set") : 0;
}

static int enter_network(struct init *in, struct ib_error *err)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	cleanup_fd int fd = -1;

	if (!in->step->is_offline)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return ib_fail(err, errno, "raise lo");
	return 0;
}

static int enter_proc(struct init *in, struct ib_error *err)
{
	(void)in;
	return sb_self.has_own_proc ? mount_proc("/proc", err) : 0;
}

static int enter_layers(struct init *in, struct ib_error *err)
{
	int r = overlay_layers(&in->step->layers, SB_BUILD, err);

	if (r < 0)
		return r;
	/* unshare(1) wants the root that it finds to be a mount point. */
	if (in->step->side == SANDBOX_CHROOT && mount(SB_MNT, SB_MNT, NULL, MS_BIND, NULL) < 0)
		return ib_fail(err, errno, "bind %s", SB_MNT);
	in->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	in->mnt_fd = open(SB_MNT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in->root_fd < 0 || in->mnt_fd < 0)
		return ib_fail(err, errno, "open %s", SB_MNT);
	return 0;
}

/* What our user namespace may not take away, no overlay may cover. */
static bool has_mounts_below(struct arena *a, const char *directory)
{
	struct ib_error ignored = IB_ERROR_INIT;
	struct mount_vec mounts = { 0 };
	size_t len = strlen(directory);

	if (mountinfo_read(a, &mounts, &ignored) < 0)
		return false;
	vec_foreach (const struct mount_entry, m, &mounts) {
		if (strncmp(m->target, directory, len) == 0 && m->target[len] == '/')
			return true;
	}
	return false;
}

static int enter_out(struct init *in, struct ib_error *err)
{
	const char *directory = sb_self.directory;
	int r;

	if (in->step->side != SANDBOX_HOST || !directory || strcmp(directory, "/") == 0)
		return 0;
	r = overlay_out(&in->step->layers, directory, err);
	/* Then the directory stays read-only. */
	if (r == -EINVAL && has_mounts_below(in->arena, directory)) {
		*err = (struct ib_error)IB_ERROR_INIT;
		return 0;
	}
	if (r < 0)
		return r;
	/* Ours may still be the directory below. */
	return chdir(directory) < 0 ? ib_fail(err, errno, "enter %s", directory) : 0;
}

static int enter_user(struct init *in, struct ib_error *err)
{
	int root = in->step->side == SANDBOX_CHROOT ? in->mnt_fd : in->root_fd;

	return ids_find(root, in->step->user, &in->ids, err);
}

/* Notes what is mounted on POINT_FD, to take it away at the end. */
static void note_mounted(struct init *in, int point_fd)
{
	struct mounted *m = &in->mounted;
	char link[32], path[PATH_MAX];
	ssize_t n;

	sb_fd_path(point_fd, link);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	m->paths = ib_xrealloc(m->paths, (m->len + 1) * sizeof(*m->paths));
	m->paths[m->len++] = ib_xstrdup(path);
}

static int root_proc(struct init *in, int point_fd, struct ib_error *err)
{
	char path[32];

	(void)in;
	sb_fd_path(point_fd, path);
	return mount_proc(path, err);
}

static int root_sys(struct init *in, int point_fd, struct ib_error *err)
{
	char path[32];

	(void)in;
	sb_fd_path(point_fd, path);
	return mount_sys(path, err);
}

static int root_dev(struct init *in, int point_fd, struct ib_error *err)
{
	(void)point_fd;
	return mount_dev(in->mnt_fd, "dev", "/dev", err);
}

static const struct {
	const char *path;
	int (*mount)(struct init *in, int point_fd, struct ib_error *err);
} mount_table[] = {
	{ "proc", root_proc },
	{ "sys", root_sys },
	{ "dev", root_dev },
};

static int enter_mounts(struct init *in, struct ib_error *err)
{
	for (size_t i = 0; in->step->has_root_mounts && i < ARRAY_SIZE(mount_table); i++) {
		cleanup_fd int point =
			mountpoint_in(in->mnt_fd, mount_table[i].path, false, &in->made, err);
		int r = point < 0 ? point : mount_table[i].mount(in, point, err);

		if (r < 0)
			return r;
		note_mounted(in, point);
	}
	return 0;
}

/* Where TARGET is: below SB_MNT, in the chroot, or anywhere in the supervisor's root. */
static const char *locate(const struct init *in, const char *target, bool *ret_is_in_mnt)
{
	size_t len = strlen(SB_MNT);

	*ret_is_in_mnt = true;
	if (strncmp(target, SB_MNT "/", len + 1) == 0)
		return target + len;
	*ret_is_in_mnt =
		in->step->side == SANDBOX_CHROOT && strncmp(target, "/imagebuild/", 12) != 0;
	return target;
}

static int mount_tmpfs(int point_fd, const char *options, struct ib_error *err)
{
	char path[32];

	sb_fd_path(point_fd, path);
	return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0
		       ? ib_fail(err, errno, "mount a tmpfs")
		       : 0;
}

static int bind_one(struct init *in, const struct sandbox_bind *b, struct ib_error *err)
{
	bool is_in_mnt = false;
	const char *path = locate(in, b->target, &is_in_mnt);
	cleanup_fd int point = mountpoint_in(is_in_mnt ? in->mnt_fd : in->root_fd, path, b->is_file,
					     is_in_mnt ? &in->made : &in->made_in_root, err);
	int r = point;

	if (r >= 0)
		r = b->tmpfs ? mount_tmpfs(point, b->tmpfs, err)
			     : mount_bind_at(b->source, point, "", b->is_readonly, err);
	if (r < 0)
		return ib_wrap(err, "%s", b->target);
	note_mounted(in, point);
	return 0;
}

static int enter_binds(struct init *in, struct ib_error *err)
{
	int r = 0;

	in->first_bind = in->mounted.len;
	for (size_t i = 0; r == 0 && i < in->step->binds_len; i++)
		r = bind_one(in, &in->step->binds[i], err);
	return r;
}

static int enter_hooks(struct init *in, struct ib_error *err)
{
	const struct sandbox_bind hooks = { .source = SB_HOOKS,
					    .target = SB_MNT HOOKS_TARGET,
					    .is_readonly = true };

	return in->step->has_hooks_mount ? bind_one(in, &hooks, err) : 0;
}

static int enter_list(struct init *in, struct ib_error *err)
{
	return mountinfo_read(in->arena, &in->before, err);
}

static int enter_wait(struct init *in, struct ib_error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return ib_fail(err, errno, "block SIGCHLD");
	in->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (in->signal_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, in->pair) < 0)
		return ib_fail(err, errno, "make descriptors");
	return 0;
}

static const struct stage {
	const char *what;
	int (*enter)(struct init *in, struct ib_error *err);
} enter_init[] = {
	{ "private mounts", enter_private },
	{ "host name", enter_hostname },
	{ "network", enter_network },
	{ "proc", enter_proc },
	{ "layers", enter_layers },
	{ "output directory", enter_out },
	{ "user", enter_user },
	{ "mounts", enter_mounts },
	{ "bind", enter_binds },
	{ "hooks", enter_hooks },
	{ "mount list", enter_list },
	{ "waiting", enter_wait },
};

/* ---- the script's stages */

static int script_signals(struct init *in, struct ib_error *err)
{
	sigset_t none;

	(void)in;
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return ib_fail(err, errno, "unblock");
	return setsid() < 0 ? ib_fail(err, errno, "new session") : 0;
}

static int script_stdio(struct init *in, struct ib_error *err)
{
	const struct sandbox_step *step = in->step;
	cleanup_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* Above 2 first, so that none of the three overwrites another's source. */
	int fds[3] = { fcntl(step->in_fd >= 0 ? step->in_fd : null, F_DUPFD_CLOEXEC, 3),
		       fcntl(step->out_fd >= 0 ? step->out_fd : in->output_fd, F_DUPFD_CLOEXEC, 3),
		       fcntl(in->output_fd, F_DUPFD_CLOEXEC, 3) };

	for (int i = 0; i < 3; i++)
		if (fds[i] < 0 || dup2(fds[i], i) < 0)
			return ib_fail(err, errno, "set descriptor %d", i);
	return 0;
}

static int send_listener(int socket_fd, int listener)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	char byte = 'l';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &listener, sizeof(int));
	return sendmsg(socket_fd, &msg, 0) < 0 ? -errno : 0;
}

/* Another listener above us: what shims on PATH and container=lxc can do is done by them. */
static void use_fallback(struct init *in)
{
	struct str_vec env = { 0 };

	for (const char *const *e = in->envp; e && *e; e++) {
		bool is_path = strncmp(*e, "PATH=", 5) == 0 && in->step->side == SANDBOX_HOST;

		vec_push(in->arena, &env,
			 is_path ? arena_printf(in->arena, "PATH=" SHIMS ":%s", *e + 5) : *e);
	}
	vec_push(in->arena, &env, "container=lxc");
	vec_push(in->arena, &env, NULL);
	in->envp = env.items;
}

static int script_filter(struct init *in, struct ib_error *err)
{
	int listener = -1, r = bpf_load(sb_self.has_own_proc, &listener, err);

	if (r < 0)
		return r;
	if (listener < 0) {
		use_fallback(in);
		return 0;
	}
	r = send_listener(in->pair[1], listener);
	(void)close(listener);
	return r < 0 ? ib_fail(err, -r, "hand over the listener") : 0;
}

static int script_root(struct init *in, struct ib_error *err)
{
	if (in->step->side == SANDBOX_HOST)
		return 0;
	if (chdir(SB_MNT) < 0 || chroot(SB_MNT) < 0 || chdir("/") < 0)
		return ib_fail(err, errno, "%s", SB_MNT);
	return 0;
}

static int script_directory(struct init *in, struct ib_error *err)
{
	const char *cwd = in->step->cwd;

	(void)umask(022);
	if (cwd && chdir(cwd) < 0)
		return ib_fail(err, errno, "%s", cwd);
	return 0;
}

static int script_ids(struct init *in, struct ib_error *err)
{
	const struct ids *ids = &in->ids;

	if (setgroups(ids->groups_len, ids->groups) < 0 ||
	    setresgid(ids->gid, ids->gid, ids->gid) < 0 ||
	    setresuid(ids->uid, ids->uid, ids->uid) < 0)
		return ib_fail(err, errno, "%u:%u", ids->uid, ids->gid);
	return 0;
}

static const char *find_env(const char *const *envp, const char *name)
{
	size_t len = strlen(name);

	for (; envp && *envp; envp++)
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
			return *envp + len + 1;
	return NULL;
}

/* The kernel runs no file without "#!", but every shell does; bash is what dib runs hooks with. */
static void exec_shell(struct init *in, const char *file)
{
	struct str_vec argv = { 0 };

	vec_push(in->arena, &argv, "/bin/bash");
	vec_push(in->arena, &argv, file);
	for (const char *const *a = in->step->argv + 1; *a; a++)
		vec_push(in->arena, &argv, *a);
	vec_push(in->arena, &argv, NULL);
	(void)execve("/bin/bash", (char *const *)(uintptr_t)argv.items,
		     (char *const *)(uintptr_t)in->envp);
}

/* Host hooks find dib's standard output, here the log, as descriptor 3. */
static int script_log(struct init *in, struct ib_error *err)
{
	int report = in->report_fd == 3 ? fcntl(3, F_DUPFD_CLOEXEC, 4) : in->report_fd;
	int output = fcntl(in->output_fd, F_DUPFD_CLOEXEC, 4);

	if (report < 0 || output < 0 || dup2(output, 3) < 0)
		return ib_fail(err, errno, "set descriptor 3");
	in->report_fd = report;
	return 0;
}

static int script_exec(struct init *in, struct ib_error *err)
{
	const char *file = in->step->argv[0], *path = find_env(in->envp, "PATH");
	char found[PATH_MAX];

	if (!strchr(file, '/')) {
		if (!fs_find_program(
			    file,
			    path ? path
				 : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			    found, sizeof(found)))
			return ib_fail(err, ENOENT, "%s", file);
		file = found;
	}
	/* Only now: what is open serves the stages above, and closes when the script takes over. */
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		for (int fd = 3; fd < 1024; fd++)
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (in->step->side == SANDBOX_HOST && script_log(in, err) < 0)
		return -err->code;
	(void)execve(file, (char *const *)(uintptr_t)in->step->argv,
		     (char *const *)(uintptr_t)in->envp);
	if (errno == ENOEXEC)
		exec_shell(in, file);
	return ib_fail(err, errno, "%s", file);
}

static const struct stage enter_script[] = {
	{ "session", script_signals },
	{ "standard files", script_stdio },
	{ "filter", script_filter },
	{ "chroot", script_root },
	{ "working directory", script_directory },
	{ "ids", script_ids },
	{ "run", script_exec },
};

static int enter_stages(struct init *in, const struct stage *stages, size_t len,
			struct ib_error *err)
{
	for (size_t i = 0; i < len; i++)
		if (stages[i].enter(in, err) < 0)
			return ib_wrap(err, "%s", stages[i].what);
	return 0;
}

_Noreturn static void script_run(struct init *in)
{
	struct ib_error err = IB_ERROR_INIT;
	int r;

	if (in->step->fn) {
		r = script_signals(in, &err);
		if (r == 0)
			r = in->step->fn(in->step->arg, &err);
		if (r < 0 && err.code == 0)
			(void)ib_fail(&err, -r, "run");
	} else {
		r = enter_stages(in, enter_script, ARRAY_SIZE(enter_script), &err);
	}
	if (r < 0)
		report_send(in->report_fd, REPORT_ERROR, &err, sizeof(err));
	_exit(r < 0 ? 127 : 0);
}

/* ---- pid 1 */

static int receive_listener(int socket_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int listener = -1;

	if (recvmsg(socket_fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -1;
	if (CMSG_FIRSTHDR(&msg) && CMSG_FIRSTHDR(&msg)->cmsg_type == SCM_RIGHTS)
		memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return listener;
}

/* Reaps everything that ended; true while there are children. */
static bool reap(struct init *in)
{
	struct signalfd_siginfo info;
	int status = 0;
	pid_t pid;

	while (read(in->signal_fd, &info, sizeof(info)) > 0)
		continue;
	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0)
			return pid == 0;
		if (pid == in->child) {
			in->status = status;
			in->is_done = true;
		}
	}
}

/* Waits for one event: a death, the listener's arrival, or a call to answer. */
static void wait_event(struct init *in, int timeout_ms)
{
	struct pollfd fds[] = { { .fd = in->signal_fd, .events = POLLIN },
				{ .fd = in->pair[0], .events = POLLIN },
				{ .fd = in->listener, .events = POLLIN } };

	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) <= 0)
		return;
	if (fds[1].revents) {
		in->listener = receive_listener(in->pair[0]);
		(void)close(in->pair[0]);
		in->pair[0] = -1;
	}
	if (fds[2].revents & POLLIN)
		notify_serve(in->listener);
	if (fds[2].revents & POLLHUP) {
		(void)close(in->listener); /* nobody is left under the filter */
		in->listener = -1;
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Ends what the script left running, so that nothing changes the layer any more. */
static void end_others(struct init *in)
{
	int64_t until = now_ms() + GRACE_MS;

	if (!reap(in))
		return;
	(void)kill(-1, SIGTERM);
	(void)kill(-1, SIGCONT);
	while (reap(in) && now_ms() < until)
		wait_event(in, 20);
	(void)kill(-1, SIGKILL);
	while (reap(in))
		wait_event(in, 20);
}

static void report_left(struct init *in)
{
	struct mount_vec after = { 0 };
	struct ib_error ignored = IB_ERROR_INIT;
	struct mount_diff diff;

	if (mountinfo_read(in->arena, &after, &ignored) < 0)
		return;
	diff = mountinfo_diff(in->arena, &in->before, &after);
	vec_foreach (struct sandbox_left, l, &diff.left) {
		const char *pair = arena_printf(in->arena, "%s%c%s", l->source, '\0', l->target);

		report_send(in->report_fd, REPORT_LEFT, pair,
			    strlen(l->source) + strlen(l->target) + 2);
	}
	if (diff.has_other_mounts)
		report_send(in->report_fd, REPORT_OTHER, "", 0);
	for (size_t i = 0; i < in->step->binds_len; i++)
		if (mountinfo_is_gone(&in->before, &after, in->mounted.paths[in->first_bind + i]))
			report_send(in->report_fd, REPORT_GONE, in->step->binds[i].target,
				    strlen(in->step->binds[i].target) + 1);
}

static void clean_up(struct init *in)
{
	while (in->mounted.len)
		(void)umount2(in->mounted.paths[--in->mounted.len], MNT_DETACH | UMOUNT_NOFOLLOW);
	made_paths_remove(&in->made, in->mnt_fd);
	made_paths_remove(&in->made_in_root, in->root_fd);
}

static void run_child(struct init *in)
{
	struct ib_error err = IB_ERROR_INIT;

	in->child = fork();
	if (in->child == 0)
		script_run(in);
	if (in->child < 0) {
		(void)ib_fail(&err, errno, "fork");
		report_send(in->report_fd, REPORT_ERROR, &err, sizeof(err));
		return;
	}
	(void)close(in->output_fd);
	(void)close(in->pair[1]);
	for (; !in->is_done; (void)reap(in))
		wait_event(in, -1);
	end_others(in);
	report_left(in);
}

void init_run(const struct sandbox_step *step, int report_fd, int output_fd)
{
	struct init in = { .step = step,
			   .arena = arena_new(),
			   .report_fd = report_fd,
			   .output_fd = output_fd,
			   .root_fd = -1,
			   .mnt_fd = -1,
			   .signal_fd = -1,
			   .pair = { -1, -1 },
			   .listener = -1,
			   .envp = step->envp };
	struct ib_error err = IB_ERROR_INIT;
	int r = enter_stages(&in, enter_init, ARRAY_SIZE(enter_init), &err);

	if (r < 0)
		report_send(report_fd, REPORT_ERROR, &err, sizeof(err));
	else
		run_child(&in);
	clean_up(&in);
	if (r == 0)
		report_send(report_fd, REPORT_STATUS, &in.status, sizeof(in.status));
	_exit(0);
}
