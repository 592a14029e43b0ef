/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts that steps and the composed root are made of. What a user namespace refuses has a
 * second way here: sysfs through a network namespace of our own, device nodes by binding, locked
 * submounts by MS_REC. */
#include "sandbox/internal.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static const char *const nodes[] = { SB_NODES };

void sb_fd_path(int fd, char ret_path[32])
{
	(void)snprintf(ret_path, 32, "/proc/self/fd/%d", fd);
}

/* Flags that a remount must repeat, since in a user namespace they are locked. */
static unsigned long kept_flags(const char *path)
{
	static const struct {
		unsigned long st, ms;
	} flags[] = { { ST_NOSUID, MS_NOSUID },         { ST_NODEV, MS_NODEV },
		      { ST_NOEXEC, MS_NOEXEC },         { ST_NOATIME, MS_NOATIME },
		      { ST_NODIRATIME, MS_NODIRATIME }, { ST_RELATIME, MS_RELATIME } };
	struct statvfs st;
	unsigned long kept = 0;

	if (statvfs(path, &st) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		kept |= st.f_flag & flags[i].st ? flags[i].ms : 0;
	return kept;
}

/* For kernels without mount_setattr(2): each mount at or below TARGET by itself. */
static int remount_each_readonly(const char *target, struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct mount_vec mounts = { 0 };
	size_t len = strlen(target);
	int r = mountinfo_read(a, &mounts, err);

	if (r < 0)
		return r;
	vec_foreach (struct mount_entry, m, &mounts) {
		if (strncmp(m->target, target, len) != 0 ||
		    (m->target[len] && m->target[len] != '/'))
			continue;
		if (mount(NULL, m->target, NULL,
			  MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(m->target), NULL) < 0 &&
		    strcmp(m->target, target) == 0)
			return ib_fail(err, errno, "make %s read-only", target);
	}
	return 0;
}

/* TREE_FD: a mount made by open_tree(2). -ENOSYS where only remount_each_readonly() is left. */
static int make_readonly(int tree_fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return mount_setattr(tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0
		       ? -errno
		       : 0;
}

static int remount_readonly(int tree_fd, struct ib_error *err)
{
	char link[32], target[PATH_MAX];
	ssize_t n;

	sb_fd_path(tree_fd, link);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return ib_fail(err, errno, "read link %s", link);
	target[n] = '\0';
	return remount_each_readonly(target, err);
}

int mount_bind_at(const char *source, int point_fd, const char *target, bool is_readonly,
		  struct ib_error *err)
{
	cleanup_fd int tree_fd =
		open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | (*target ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
	int r;

	if (tree_fd < 0)
		return ib_fail(err, errno, "bind %s", source);
	r = is_readonly ? make_readonly(tree_fd) : 0;
	if (r < 0 && r != -ENOSYS)
		return ib_fail(err, -r, "make %s read-only", source);
	if (move_mount(tree_fd, "", point_fd, target, flags) < 0)
		return ib_fail(err, errno, "bind %s on %s", source,
			       *target ? target : "its mount point");
	return r == -ENOSYS ? remount_readonly(tree_fd, err) : 0;
}

int mount_bind(const char *source, const char *target, bool is_readonly, struct ib_error *err)
{
	return mount_bind_at(source, AT_FDCWD, target, is_readonly, err);
}

int sb_in_own_net(int (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0)
			_exit(errno);
		_exit(-fn(arg) & 0xff);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int try_sysfs(void *target)
{
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return mount("sysfs", target, "sysfs", flags, NULL) < 0 ? -errno : 0;
}

int mount_sys(const char *target, struct ib_error *err)
{
	char copy[PATH_MAX];

	(void)snprintf(copy, sizeof(copy), "%s", target);
	if (sb_in_own_net(try_sysfs, copy) == 0)
		return 0;
	/* A container that masks parts of /sys lets us see no other than its own. */
	return mount_bind("/sys", target, true, err);
}

int mount_proc(const char *target, struct ib_error *err)
{
	if (mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		return 0;
	if (errno != EPERM)
		return ib_fail(err, errno, "mount proc on %s", target);
	return mount_bind("/proc", target, false, err);
}

static int bind_node(int dev_fd, const char *node_dir, const char *name, struct ib_error *err)
{
	cleanup_free char *source = fs_join(node_dir, name);
	cleanup_fd int fd = openat(dev_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0666);

	if (fd < 0)
		return ib_fail(err, errno, "make /dev/%s", name);
	return mount_bind_at(source, fd, "", false, err);
}

static bool is_device(const char *dir, const char *name)
{
	cleanup_free char *path = fs_join(dir, name);
	struct stat st;

	return stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

int mount_nodes(int dev_fd, const char *node_dir, const char *const *names, size_t len,
		struct ib_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < len; i++)
		r = is_device(node_dir, names[i]) ? bind_node(dev_fd, node_dir, names[i], err) : 0;
	return r;
}

static int mount_in_dev(int dev_fd, const char *name, const char *type, const char *options,
			struct ib_error *err)
{
	cleanup_fd int fd = -1;
	char target[32];

	if (mkdirat(dev_fd, name, 0755) < 0)
		return ib_fail(err, errno, "make /dev/%s", name);
	fd = openat(dev_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open /dev/%s", name);
	sb_fd_path(fd, target);
	if (mount(type, target, type, MS_NOSUID | MS_NOEXEC, options) < 0)
		return ib_fail(err, errno, "mount %s on /dev/%s", type, name);
	return 0;
}

static int fill_dev(int dev_fd, const char *node_dir, struct ib_error *err)
{
	static const char *const links[][2] = { { "ptmx", "pts/ptmx" },
						{ "fd", "/proc/self/fd" },
						{ "stdin", "/proc/self/fd/0" },
						{ "stdout", "/proc/self/fd/1" },
						{ "stderr", "/proc/self/fd/2" } };
	int r = mount_nodes(dev_fd, node_dir, nodes, ARRAY_SIZE(nodes), err);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i][1], dev_fd, links[i][0]) < 0)
			r = ib_fail(err, errno, "make /dev/%s", links[i][0]);
	if (r == 0)
		r = mount_in_dev(dev_fd, "pts", "devpts", "newinstance,gid=5,mode=620,ptmxmode=666",
				 err);
	return r < 0 ? r : mount_in_dev(dev_fd, "shm", "tmpfs", "mode=1777", err);
}

int mount_dev(int root_fd, const char *path, const char *node_dir, struct ib_error *err)
{
	cleanup_fd int point_fd = fs_open_in(root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	cleanup_fd int dev_fd = -1;
	char target[32];

	if (point_fd < 0)
		return ib_fail(err, errno, "open %s", path);
	sb_fd_path(point_fd, target);
	if (mount("tmpfs", target, "tmpfs", MS_NOSUID, "mode=755") < 0)
		return ib_fail(err, errno, "mount tmpfs on %s", path);
	dev_fd = fs_open_in(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dev_fd < 0)
		return ib_fail(err, errno, "open %s", path);
	return fill_dev(dev_fd, node_dir, err);
}

static int open_point(int root_fd, const char *path)
{
	return fs_open_in(root_fd, path, O_PATH | O_CLOEXEC, 0);
}

static void made_paths_add(struct made_paths *made, const char *path)
{
	made->paths = ib_xrealloc(made->paths, (made->len + 1) * sizeof(*made->paths));
	made->paths[made->len++] = ib_xstrdup(path);
}

/* The parent of PATH (relative, without a trailing slash) as a descriptor, and its last component.
 */
static int open_parent(int root_fd, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *parent = slash ? strndup(path, (size_t)(slash - path)) : ib_xstrdup(".");

	*ret_name = slash ? slash + 1 : path;
	return fs_open_in(root_fd, parent ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* Does CHANGE to NAME in PARENT_FD, whose times stay where they can: a mount point comes and goes,
 * and no image shows that it was there. */
static int change_parent(int parent_fd, const char *name, int (*change)(int, const char *))
{
	struct timespec times[2];
	struct stat st;
	char path[32];
	int r;

	if (parent_fd < 0 || fstat(parent_fd, &st) < 0)
		return -errno;
	r = change(parent_fd, name);
	if (r < 0)
		return r;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	sb_fd_path(parent_fd, path); /* an O_PATH descriptor takes no times itself */
	(void)utimensat(AT_FDCWD, path, times, 0);
	return 0;
}

static int make_dir(int parent_fd, const char *name)
{
	return mkdirat(parent_fd, name, 0755) < 0 ? -errno : 0;
}

static int make_file(int parent_fd, const char *name)
{
	cleanup_fd int fd = openat(parent_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : 0;
}

static int make_point(int root_fd, const char *path, bool is_file)
{
	const char *name = NULL;
	cleanup_fd int parent = open_parent(root_fd, path, &name);

	return change_parent(parent, name, is_file ? make_file : make_dir);
}

int mountpoint_in(int root_fd, const char *path, bool is_file, struct made_paths *made,
		  struct ib_error *err)
{
	cleanup_free char *copy = ib_xstrdup(path + strspn(path, "/"));
	size_t len = strlen(copy);
	int fd = open_point(root_fd, path);

	if (fd >= 0)
		return fd;
	while (len && copy[len - 1] == '/')
		copy[--len] = '\0';
	for (size_t i = 1; i <= len; i++) {
		int r;

		if (copy[i] != '/' && copy[i] != '\0')
			continue;
		copy[i] = '\0';
		r = make_point(root_fd, copy, is_file && i == len);
		if (r == 0)
			made_paths_add(made, copy);
		else if (r != -EEXIST)
			return ib_fail(err, -r, "make mount point /%s", copy);
		copy[i] = i == len ? '\0' : '/';
	}
	fd = open_point(root_fd, path);
	return fd < 0 ? ib_fail(err, errno, "open mount point %s", path) : fd;
}

/* Not empty means that the step put something beside it: then it stays. */
static int remove_point(int parent_fd, const char *name)
{
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0)
		return 0;
	return errno == ENOTDIR && unlinkat(parent_fd, name, 0) == 0 ? 0 : -errno;
}

void made_paths_remove(struct made_paths *made, int root_fd)
{
	while (made->len) {
		char *path = made->paths[--made->len];
		const char *name = NULL;
		cleanup_fd int parent = open_parent(root_fd, path, &name);

		(void)change_parent(parent, name, remove_point);
		free(path);
	}
	free(made->paths);
	made->paths = NULL;
}
