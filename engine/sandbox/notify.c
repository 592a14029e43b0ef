/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to the calls that a user namespace refuses. Each is given by a child of the step's init
 * that takes the caller's place: its mounts, root, directory, umask and file system ids. It can do
 * nothing that the caller could not, so what changes between reading an argument and letting the
 * kernel continue does no harm. */
#include "sandbox/internal.h"

#include "support/bpf.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEV_XATTR "user.imagebuild.dev"
#define CONTINUE 1 /* an answer: let the kernel do it */

static const char *const nodes[] = { SB_NODES };

struct call {
	const struct seccomp_notif *request;
	int listener;
	int mem_fd, root_fd, cwd_fd, mnt_fd;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	uint64_t capabilities;
};

static int open_proc(const struct call *c, const char *name, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/%s", c->request->pid, name);
	return open(path, flags | O_CLOEXEC);
}

/* The pid may be another process's by now: then the answer would act on the wrong one. */
static bool is_alive(const struct call *c)
{
	uint64_t id = c->request->id;

	return ioctl(c->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void read_status(struct call *c)
{
	int fd = open_proc(c, "status", O_RDONLY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		(void)sscanf(line, "Umask: %o", &c->umask);
		(void)sscanf(line, "Uid: %*u %*u %*u %u", &c->uid);
		(void)sscanf(line, "Gid: %*u %*u %*u %u", &c->gid);
		(void)sscanf(line, "CapEff: %lx", &c->capabilities);
	}
	if (f)
		(void)fclose(f);
}

static bool is_same_userns(const struct call *c)
{
	cleanup_fd int fd = open_proc(c, "ns/user", O_RDONLY);
	struct stat theirs, ours;

	return fd >= 0 && fstat(fd, &theirs) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       theirs.st_ino == ours.st_ino;
}

static bool has_capability(const struct call *c, unsigned int capability)
{
	return c->capabilities & (UINT64_C(1) << capability);
}

static int read_string(const struct call *c, uint64_t address, char ret_text[PATH_MAX])
{
	size_t got = 0;

	if (!address)
		return -EFAULT;
	while (got < PATH_MAX) {
		/* Not beyond the page: the next one may not be mapped. */
		size_t chunk = 4096 - (address + got) % 4096;
		ssize_t n = pread(c->mem_fd, ret_text + got,
				  chunk < PATH_MAX - got ? chunk : PATH_MAX - got,
				  (off_t)(address + got));

		if (n <= 0)
			return -EFAULT;
		if (memchr(ret_text + got, '\0', (size_t)n))
			return 0;
		got += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* Takes the caller's place: from here on paths mean what they mean to it. */
static int enter(const struct call *c)
{
	struct stat theirs, ours;

	if (fstat(c->mnt_fd, &theirs) < 0 || stat("/proc/self/ns/mnt", &ours) < 0)
		return -errno;
	if (theirs.st_ino != ours.st_ino && setns(c->mnt_fd, CLONE_NEWNS) < 0)
		return -errno;
	if (fchdir(c->root_fd) < 0 || chroot(".") < 0 || fchdir(c->cwd_fd) < 0)
		return -errno;
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && strcmp(s + len - n, end) == 0;
}

static bool is_dev_or_sys(const char *path)
{
	char real[PATH_MAX];

	return realpath(path, real) && (ends_with(real, "/dev") || ends_with(real, "/sys"));
}

/* A path through the caller's own /proc entry would be ours in our hands. */
static bool is_own_proc(const char *path)
{
	return strstr(path, "/proc/self") || strstr(path, "/proc/thread-self") ||
	       strstr(path, "/dev/fd");
}

static int make_standin(const struct call *c, int dir_fd, const char *path, mode_t mode, dev_t dev)
{
	cleanup_fd int fd = -1;
	char value[32];
	int n = snprintf(value, sizeof(value), "%c %u %u", S_ISCHR(mode) ? 'c' : 'b', major(dev),
			 minor(dev));

	(void)umask(c->umask);
	(void)setfsgid(c->gid);
	(void)setfsuid(c->uid);
	fd = openat(dir_fd, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode & 07777);
	if (fd < 0)
		return -errno;
	(void)setfsuid(0);
	if (fsetxattr(fd, DEV_XATTR, value, (size_t)n, 0) == 0)
		return 0;
	(void)unlinkat(dir_fd, path,
		       0); /* an empty file that nobody can tell from a device is worse */
	return -EPERM;
}

static int answer_mknod(const struct call *c)
{
	const uint64_t *args = (const uint64_t *)c->request->data.args;
	bool is_at = bpf_call(c->request->data.arch, c->request->data.nr) == BPF_MKNODAT;
	const uint64_t *a = args + (is_at ? 1 : 0);
	mode_t mode = (mode_t)a[1];
	dev_t dev = (dev_t)(uint32_t)a[2];
	cleanup_fd int dir_fd = -1;
	char path[PATH_MAX], fd_name[32];
	int r = read_string(c, a[0], path);

	/* The kernel lets everybody make 0:0, which is a whiteout. */
	if (r < 0 || !has_capability(c, CAP_MKNOD) || (S_ISCHR(mode) && dev == 0))
		return r < 0 ? r : CONTINUE;
	if (is_at && (int)args[0] != AT_FDCWD && path[0] != '/') {
		(void)snprintf(fd_name, sizeof(fd_name), "fd/%d", (int)args[0]);
		dir_fd = open_proc(c, fd_name, O_PATH);
		if (dir_fd < 0)
			return -EBADF;
	}
	if (!is_alive(c))
		return -EINTR;
	r = enter(c);
	return r < 0 ? r : make_standin(c, dir_fd >= 0 ? dir_fd : AT_FDCWD, path, mode, dev);
}

static bool is_standin(int fd)
{
	char value[32];

	return fgetxattr(fd, DEV_XATTR, value, sizeof(value)) > 0;
}

static void bind_node(int dir_fd, const char *name, int tree_fd)
{
	cleanup_free char *path = fs_join("dev", name);
	cleanup_fd int point = fs_open_in(dir_fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	cleanup_fd int file = -1;
	struct stat st;

	if (point < 0 || fstat(point, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	file = fs_open_in(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (file >= 0 && is_standin(file))
		(void)move_mount(tree_fd, "", point, "",
				 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* Programs in a chroot expect /dev/null and its like to be devices: bound now, not at mknod(2),
 * since the file is still to get its mode and owner, and a mount point cannot be removed. */
static int answer_chroot(const struct call *c)
{
	int trees[ARRAY_SIZE(nodes)];
	char path[PATH_MAX];
	cleanup_fd int dir_fd = -1;

	if (read_string(c, c->request->data.args[0], path) < 0 ||
	    !has_capability(c, CAP_SYS_ADMIN) || is_own_proc(path))
		return CONTINUE;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		cleanup_free char *node = fs_join("/dev", nodes[i]);

		trees[i] = open_tree(AT_FDCWD, node, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	}
	if (!is_alive(c) || enter(c) < 0)
		return CONTINUE;
	dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; dir_fd >= 0 && i < ARRAY_SIZE(nodes); i++)
		if (trees[i] >= 0)
			bind_node(dir_fd, nodes[i], trees[i]);
	return CONTINUE;
}

struct mount_args {
	char source[PATH_MAX], target[PATH_MAX], type[PATH_MAX];
	unsigned long flags;
};

/* sysfs belongs to a network namespace: one of our own; else what we see of the host's. */
static int mount_sysfs(const struct call *c, const struct mount_args *m, int tree_fd)
{
	int r = enter(c);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) == 0 && mount("sysfs", m->target, "sysfs", m->flags, NULL) == 0)
		return 0;
	r = -errno;
	return move_mount(tree_fd, "", AT_FDCWD, m->target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? r : 0;
}

static int mount_devtmpfs(const struct call *c, const struct mount_args *m, int tree_fd)
{
	int r = enter(c);

	if (r < 0)
		return r;
	return move_mount(tree_fd, "", AT_FDCWD, m->target, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno
											 : 0;
}

static const struct {
	const char *type, *path; /* what of ours shows the same */
	int (*mount)(const struct call *c, const struct mount_args *m, int tree_fd);
} mount_types[] = {
	{ "sysfs", "/sys", mount_sysfs },
	{ "devtmpfs", "/dev", mount_devtmpfs },
};

static int mount_type(const struct call *c, const struct mount_args *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(mount_types); i++) {
		cleanup_fd int tree_fd = -1;

		if (strcmp(m->type, mount_types[i].type) != 0)
			continue;
		tree_fd = open_tree(AT_FDCWD, mount_types[i].path,
				    OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
		return mount_types[i].mount(c, m, tree_fd);
	}
	return CONTINUE;
}

/* In a user namespace a mount with others below it can only be bound with them; and of our /dev,
 * whose nodes are mounts, a plain bind shows empty files. */
static int mount_bound(const struct call *c, const struct mount_args *m)
{
	unsigned long flags = m->flags;
	int r = enter(c);

	if (r < 0)
		return r;
	if (is_dev_or_sys(m->source))
		flags |= MS_REC;
	if (mount(m->source, m->target, NULL, flags, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	return mount(m->source, m->target, NULL, flags | MS_REC, NULL) < 0 ? -errno : 0;
}

static int answer_mount(const struct call *c)
{
	const uint64_t *args = (const uint64_t *)c->request->data.args;
	struct mount_args m = { .flags = (unsigned long)args[3] };

	if (!has_capability(c, CAP_SYS_ADMIN) || m.flags & (MS_REMOUNT | MS_MOVE) ||
	    read_string(c, args[1], m.target) < 0 || is_own_proc(m.target) || !is_alive(c))
		return CONTINUE;
	if (m.flags & MS_BIND) {
		if (m.flags & MS_REC || read_string(c, args[0], m.source) < 0 ||
		    is_own_proc(m.source))
			return CONTINUE;
		return mount_bound(c, &m);
	}
	if (m.flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE) ||
	    read_string(c, args[2], m.type) < 0)
		return CONTINUE;
	return mount_type(c, &m);
}

/* Force means nothing to what we mount and is refused on file systems of the host. What was bound
 * with more below it than was asked for goes with it. */
static int answer_umount(const struct call *c)
{
	int flags = (int)c->request->data.args[1];
	char path[PATH_MAX];
	bool is_ours;

	if (!has_capability(c, CAP_SYS_ADMIN) ||
	    read_string(c, c->request->data.args[0], path) < 0 || is_own_proc(path) ||
	    !is_alive(c) || enter(c) < 0)
		return CONTINUE;
	is_ours = is_dev_or_sys(path);
	if (!(flags & MNT_FORCE) && !is_ours)
		return CONTINUE;
	if (umount2(path, flags & ~MNT_FORCE) == 0)
		return 0;
	if (is_ours && (errno == EBUSY || errno == EINVAL) && umount2(path, MNT_DETACH) == 0)
		return 0;
	return -errno;
}

static int (*const answers[])(const struct call *) = {
	[BPF_MKNOD] = answer_mknod,    [BPF_MKNODAT] = answer_mknod, [BPF_MOUNT] = answer_mount,
	[BPF_UMOUNT2] = answer_umount, [BPF_CHROOT] = answer_chroot,
};

static int answer(struct call *c)
{
	enum bpf_call kind = bpf_call(c->request->data.arch, c->request->data.nr);

	c->mem_fd = open_proc(c, "mem", O_RDONLY);
	c->root_fd = open_proc(c, "root", O_PATH | O_DIRECTORY);
	c->cwd_fd = open_proc(c, "cwd", O_PATH | O_DIRECTORY);
	c->mnt_fd = open_proc(c, "ns/mnt", O_RDONLY);
	read_status(c);
	if (c->mem_fd < 0 || c->root_fd < 0 || c->cwd_fd < 0 || c->mnt_fd < 0 || !is_same_userns(c))
		return CONTINUE;
	return kind == BPF_OTHER ? CONTINUE : answers[kind](c);
}

static void respond(const struct call *c, int r)
{
	/* Larger than today's struct: the kernel copies as much as it knows. */
	union {
		struct seccomp_notif_resp resp;
		char space[256];
	} u = { .space = { 0 } };

	u.resp.id = c->request->id;
	u.resp.error = r < 0 ? r : 0;
	u.resp.flags = r == CONTINUE ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	(void)ioctl(c->listener, SECCOMP_IOCTL_NOTIF_SEND,
		    &u.resp); /* ENOENT: the caller was killed */
}

void notify_serve(int listener)
{
	union {
		struct seccomp_notif request;
		char space[512];
	} u = { .space = { 0 } };
	struct call c = { .request = &u.request, .listener = listener, .umask = 022 };
	pid_t pid;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &u.request) < 0)
		return;
	pid = fork();
	if (pid < 0)
		respond(&c, -ENOMEM);
	if (pid != 0)
		return;
	respond(&c, answer(&c));
	_exit(0);
}
