/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's root: a tmpfs with each entry of the host's / bound read-only, what must be
 * writable private, and /imagebuild. The host's root hangs below HOST while it is composed, then
 * goes. */
#include "sandbox/internal.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HOST "/.host"

/* Scratch space of the private /tmp and /var/tmp; the held lock keeps other builds from clearing
 * it. */
static char private_dir[PATH_MAX];

/* Made anew below, not taken from the host. */
static const char *const own_entries[] = { ".host", "imagebuild", "dev", "proc", "tmp" };

static const struct {
	const char *path;
	mode_t mode;
} own_dirs[] = {
	{ "/imagebuild", 0755 }, { SB_BUILD, 0755 },   { SB_STORE, 0755 }, { SB_CACHE, 0755 },
	{ SB_LIB, 0755 },        { SB_SECRETS, 0700 }, { SB_BIN, 0755 },   { SB_TREE, 0755 },
	{ SB_EMPTY, 0755 },      { "/dev", 0755 },     { "/proc", 0755 },  { "/tmp", 01777 },
};

static const char *const private_dirs[] = { "/tmp", "/var/tmp" };

static bool is_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_entries); i++)
		if (strcmp(name, own_entries[i]) == 0)
			return true;
	return false;
}

static int bind_file(const char *source, const char *target, struct ib_error *err)
{
	int fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0)
		return ib_fail(err, errno, "make %s", target);
	(void)close(fd);
	return mount_bind(source, target, true, err);
}

static int copy_link(const char *source, const char *target, struct ib_error *err)
{
	char to[PATH_MAX];
	ssize_t n = readlink(source, to, sizeof(to) - 1);

	if (n < 0)
		return ib_fail(err, errno, "read link %s", source);
	to[n] = '\0';
	if (symlink(to, target) < 0)
		return ib_fail(err, errno, "make link %s", target);
	return 0;
}

/* One entry of the host's root. One that cannot even be looked at (a dead network mount) is left
 * out. */
static int bind_entry(const char *name, struct ib_error *err)
{
	cleanup_free char *source = fs_join(HOST, name);
	cleanup_free char *target = fs_join("/", name);
	struct stat st;

	if (lstat(source, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode))
		return copy_link(source, target, err);
	if (!S_ISDIR(st.st_mode))
		return bind_file(source, target, err);
	if (mkdir(target, 0755) < 0)
		return ib_fail(err, errno, "make %s", target);
	return mount_bind(source, target, true, err);
}

static int bind_entries(struct ib_error *err)
{
	cleanup_free char **names = NULL;
	size_t len = 0;
	int r = fs_list(AT_FDCWD, HOST, &names, &len, err);

	for (size_t i = 0; r == 0 && i < len; i++)
		if (!is_own(names[i]))
			r = bind_entry(names[i], err);
	return r;
}

/* Makes a tmpfs the root and leaves the host's below HOST. Any directory serves to mount it first.
 */
static int new_root(struct ib_error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return ib_fail(err, errno, "make mounts private");
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return ib_fail(err, errno, "mount tmpfs");
	if (mkdir("/tmp" HOST, 0755) < 0)
		return ib_fail(err, errno, "make /tmp%s", HOST);
	if (syscall(SYS_pivot_root, "/tmp", "/tmp" HOST) < 0)
		return ib_fail(err, errno, "change the root");
	if (chdir("/") < 0)
		return ib_fail(err, errno, "enter the new root");
	return 0;
}

static int make_own_dirs(struct ib_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_dirs); i++)
		if (mkdir(own_dirs[i].path, own_dirs[i].mode) < 0 ||
		    chmod(own_dirs[i].path, own_dirs[i].mode) < 0)
			return ib_fail(err, errno, "make %s", own_dirs[i].path);
	return 0;
}

static int bind_setup(const struct sandbox_setup *setup, struct ib_error *err)
{
	const struct {
		const char *source, *target;
		bool is_readonly;
	} binds[] = { { setup->store, SB_STORE, false },
		      { setup->image_cache, SB_CACHE, false },
		      { setup->lib_dir, SB_LIB, true },
		      { setup->bin_dir, SB_BIN, true } };

	for (size_t i = 0; i < ARRAY_SIZE(binds); i++) {
		cleanup_free char *source = NULL;
		int r;

		if (!binds[i].source)
			continue;
		source = ib_xprintf(HOST "%s", binds[i].source);
		r = mount_bind(source, binds[i].target, binds[i].is_readonly, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int own_proc(struct ib_error *err)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0) {
		sb_self.has_own_proc = true;
		return 0;
	}
	sb_self.has_own_proc = false; /* a container that masks parts of its /proc */
	return mount_bind(HOST "/proc", "/proc", false, err);
}

/* Holds private_dir.lock; -EAGAIN where a cleaner took it between open and flock. */
static int lock_private(struct ib_error *err)
{
	cleanup_free char *lock = ib_xprintf("%s.lock", private_dir);
	cleanup_fd int fd = open(lock, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	struct stat here, there;

	if (fd < 0)
		return ib_fail(err, errno, "make %s", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &here) < 0 || stat(lock, &there) < 0 ||
	    here.st_ino != there.st_ino)
		return -EAGAIN;
	(void)take_fd(&fd); /* held until the supervisor is gone */
	return 0;
}

/* A draft of the store, as store_draft_new makes them, so that the store's cleaning sees whose it
 * is. */
static int make_private_dir(struct ib_error *err)
{
	uint64_t n = 0;
	int r = fs_mkdirs_at(AT_FDCWD, SB_STORE "/tmp", 0755, err);

	if (r < 0)
		return r;
	do {
		if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
			return ib_fail(err, errno, "name a directory");
		(void)snprintf(private_dir, sizeof(private_dir), SB_STORE "/tmp/sandbox-%016llx",
			       (unsigned long long)n);
		r = lock_private(err);
	} while (r == -EAGAIN);
	if (r == 0 && mkdir(private_dir, 0755) < 0)
		r = ib_fail(err, errno, "make %s", private_dir);
	return r;
}

static int make_under_private(const char *name, const char *sub, mode_t mode)
{
	cleanup_free char *path = ib_xprintf("%s/%s-%s", private_dir, name, sub);

	if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
		return -errno;
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Overlays are refused over a directory that holds a mount which our user namespace may not take
 * away (-EINVAL), and over some file systems: then PATH starts empty, on the store's disk or as the
 * last resort in memory. */
static int stack_private(struct overlay *o, const char *path, struct ib_error *err)
{
	struct ib_error ignored = IB_ERROR_INIT;

	if (overlay_mount(o, path, &ignored) == 0)
		return 0;
	o->lowers_len = 0;
	if (overlay_mount(o, path, &ignored) == 0)
		return 0;
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
		return ib_fail(err, errno, "mount tmpfs on %s", path);
	return 0;
}

/* The host's PATH with our own writes over it. */
static int mount_private(const char *path, struct ib_error *err)
{
	cleanup_free char *host = ib_xprintf(HOST "%s", path);
	const char *name = strcmp(path, "/tmp") == 0 ? "tmp" : "var-tmp";
	cleanup_fd int lower = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_fd int upper = -1, work = -1;
	struct overlay o = { .lower_fds = &lower,
			     .lowers_len = 1,
			     .force_old = sb_self.force_old_overlay };

	if (lower < 0)
		return 0; /* missing, or a link to the other one */
	upper = make_under_private(name, "fs", 01777);
	work = make_under_private(name, "work", 0755);
	if (upper < 0 || work < 0)
		return ib_fail(err, errno, "make %s/%s-fs", private_dir, name);
	o.upper_fd = upper;
	o.work_fd = work;
	return stack_private(&o, path, err);
}

static bool is_private(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(private_dirs); i++) {
		size_t len = strlen(private_dirs[i]);

		if (strncmp(path, private_dirs[i], len) == 0 && path[len] == '/')
			return true;
	}
	return false;
}

/* A directory (or file) of the host's /tmp that is part of the build. All else of the host is
 * visible anyway. */
static int keep_visible(const char *path, struct ib_error *err)
{
	cleanup_free char *source = ib_xprintf(HOST "%s", path);
	cleanup_free char *parent = ib_xstrdup(path);
	struct stat st;
	int r;

	if (!is_private(path) || stat(source, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		r = fs_mkdirs_at(AT_FDCWD, path, 0755, err);
		return r < 0 ? r : mount_bind(source, path, true, err);
	}
	*strrchr(parent, '/') = '\0';
	r = fs_mkdirs_at(AT_FDCWD, parent, 0755, err);
	return r < 0 ? r : bind_file(source, path, err);
}

static int keep_all_visible(const struct sandbox_setup *setup, struct ib_error *err)
{
	int r = setup->directory ? keep_visible(setup->directory, err) : 0;

	for (size_t i = 0; r == 0 && setup->visible && setup->visible[i]; i++)
		r = keep_visible(setup->visible[i], err);
	return r;
}

/* A write into the root itself fails as on the host, but trees are mounted at SB_TREE later. */
static int close_root(struct ib_error *err)
{
	if (umount2(HOST, MNT_DETACH) < 0 || rmdir(HOST) < 0)
		return ib_fail(err, errno, "let go of the host's root");
	if (mount("tmpfs", SB_TREE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return ib_fail(err, errno, "mount tmpfs on %s", SB_TREE);
	if (mount("tmpfs", SB_SECRETS, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") < 0)
		return ib_fail(err, errno, "mount tmpfs on %s", SB_SECRETS);
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) <
	    0)
		return ib_fail(err, errno, "make the root read-only");
	return 0;
}

static int compose_dev(struct ib_error *err)
{
	/* For qemu and fuse. Not in a target's /dev: systemd-tmpfiles fails to give kvm to its
	 * group. */
	static const char *const host_nodes[] = { "kvm", "fuse", "vhost-vsock" };
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int dev = -1;
	int r = root < 0 ? ib_fail(err, errno, "open /") : mount_dev(root, "dev", HOST "/dev", err);

	if (r < 0)
		return r;
	dev = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dev < 0)
		return ib_fail(err, errno, "open /dev");
	return mount_nodes(dev, HOST "/dev", host_nodes, ARRAY_SIZE(host_nodes), err);
}

int root_compose(const struct sandbox_setup *setup, struct ib_error *err)
{
	int r = new_root(err);

	if (r == 0)
		r = make_own_dirs(err);
	if (r == 0)
		r = bind_entries(err);
	if (r == 0)
		r = own_proc(err);
	if (r == 0)
		r = compose_dev(err);
	if (r == 0)
		r = bind_setup(setup, err);
	if (r == 0)
		r = make_private_dir(err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(private_dirs); i++)
		r = mount_private(private_dirs[i], err);
	if (r == 0)
		r = keep_all_visible(setup, err);
	return r < 0 ? r : close_root(err);
}

void root_remove_private(void)
{
	cleanup_free char *lock = ib_xprintf("%s.lock", private_dir);
	struct ib_error ignored = IB_ERROR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(private_dirs); i++)
		(void)umount2(private_dirs[i], MNT_DETACH);
	(void)fs_remove_at(AT_FDCWD, private_dir, &ignored); /* the next build tries again */
	(void)unlink(lock);
}
