/* SPDX-License-Identifier: Apache-2.0 */
/* Layers stacked by overlayfs. "userxattr" always: without it a mount in a user namespace succeeds
 * and fails later with EIO; and so root's layers have the same format. "volatile": a layer is made
 * durable once, by the store. */
#include "sandbox/internal.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define LOWERS_MAX 500 /* of the kernel */

/* FSCONFIG_CMD_CREATE says EINVAL; the reason is a line "e overlay: ..." to be read from the
 * descriptor. */
static int fail_context(int fs_fd, int code, struct ib_error *err)
{
	char log[512];
	ssize_t n = read(fs_fd, log, sizeof(log) - 1);

	if (n <= 2)
		return ib_fail(err, code, "mount overlay");
	log[n] = '\0';
	log[strcspn(log, "\n")] = '\0';
	return ib_fail(err, code, "mount overlay: %s", log + 2);
}

static int set_layers(int fs_fd, const struct overlay *o)
{
	for (size_t i = 0; i < o->lowers_len; i++)
		if (fsconfig(fs_fd, FSCONFIG_SET_FD, "lowerdir+", NULL, o->lower_fds[i]) < 0)
			return -errno;
	if (o->upper_fd < 0)
		return 0;
	if (fsconfig(fs_fd, FSCONFIG_SET_FD, "upperdir", NULL, o->upper_fd) < 0 ||
	    fsconfig(fs_fd, FSCONFIG_SET_FD, "workdir", NULL, o->work_fd) < 0 ||
	    fsconfig(fs_fd, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -errno;
	return 0;
}

/* -ENOSYS where this kernel is too old for descriptors as layers. */
static int mount_new(const struct overlay *o, const char *target, struct ib_error *err)
{
	cleanup_fd int fs_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	cleanup_fd int mount_fd = -1;

	if (fs_fd < 0)
		return ib_fail(err, errno == EPERM ? EPERM : ENOSYS, "open an overlay context");
	if (fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    set_layers(fs_fd, o) < 0)
		return ib_fail(err, ENOSYS, "set overlay layers");
	(void)fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "overlay", 0);
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_context(fs_fd, errno, err);
	mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	if (mount_fd < 0)
		return fail_context(fs_fd, errno, err);
	if (move_mount(mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return ib_fail(err, errno, "mount overlay on %s", target);
	return 0;
}

/* mount(2) takes one page of options: from within /proc/self/fd a layer's name is its descriptor's
 * number. */
static int mount_old(const struct overlay *o, const char *target, struct ib_error *err)
{
	cleanup_fd int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_buf struct buf options = BUF_INIT;
	int code = 0;

	buf_str(&options, "userxattr,lowerdir=");
	for (size_t i = 0; i < o->lowers_len; i++)
		buf_printf(&options, "%s%d", i ? ":" : "", o->lower_fds[i]);
	if (o->upper_fd >= 0)
		buf_printf(&options, ",upperdir=%d,workdir=%d,volatile", o->upper_fd, o->work_fd);
	if (chdir("/proc/self/fd") < 0)
		return ib_fail(err, errno, "enter /proc/self/fd");
	if (mount("overlay", target, "overlay", 0, options.data) < 0)
		code = errno;
	if (cwd >= 0 && fchdir(cwd) < 0)
		return ib_fail(err, errno, "go back from /proc/self/fd");
	return code ? ib_fail(err, code, "mount overlay on %s", target) : 0;
}

static int mount_any(const struct overlay *o, const char *target, struct ib_error *err)
{
	if (!o->force_old) {
		int r = mount_new(o, target, err);

		if (r != -ENOSYS)
			return r;
	}
	return mount_old(o, target, err);
}

/* The caller's directory may hold the store, as $HOME does, and overlayfs refuses an upper
 * directory below a lower one (ELOOP). Seen through an overlay of its own the directory is another
 * file system. */
static int mount_wrapped(const struct overlay *o, const char *target, struct ib_error *err)
{
	struct overlay wrap = { .upper_fd = -1, .work_fd = -1, .force_old = o->force_old };
	cleanup_free int *lowers = ib_xmalloc(o->lowers_len * sizeof(*lowers));
	cleanup_fd int empty = open(SB_EMPTY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int wrapped = -1;
	struct overlay outer = *o;
	int pair[2], r;

	memcpy(lowers, o->lower_fds, o->lowers_len * sizeof(*lowers));
	pair[0] = lowers[o->lowers_len - 1];
	pair[1] = empty;
	wrap.lower_fds = pair;
	wrap.lowers_len = 2;
	r = mount_any(&wrap, target, err);
	if (r < 0)
		return r;
	wrapped = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (wrapped < 0)
		return ib_fail(err, errno, "open %s", target);
	lowers[o->lowers_len - 1] = wrapped;
	outer.lower_fds = lowers;
	return mount_any(&outer, target, err);
}

/* In a container the store is easily on the container's own overlay. */
static int explain(const struct overlay *o, int r, struct ib_error *err)
{
	struct statfs fs;

	if (r == -EINVAL && o->upper_fd >= 0 && fstatfs(o->upper_fd, &fs) == 0 &&
	    fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return ib_hint(err, "the store is on an overlay, which cannot hold layers: move it "
				    "to a volume (--store)");
	return r;
}

int overlay_mount(const struct overlay *o, const char *target, struct ib_error *err)
{
	size_t least = o->upper_fd >= 0 ? 1 : 2;
	cleanup_free int *lowers = ib_xmalloc((o->lowers_len + 2) * sizeof(*lowers));
	cleanup_fd int empty = open(SB_EMPTY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct overlay padded = *o;
	int r;

	if (o->lowers_len > LOWERS_MAX)
		return ib_fail_text(err, E2BIG, "%zu layers are too many: the limit is %d",
				    o->lowers_len, LOWERS_MAX);
	memcpy(lowers, o->lower_fds, o->lowers_len * sizeof(*lowers));
	while (padded.lowers_len < least && empty >= 0) {
		/* The same directory twice is refused, so only one can be added. */
		lowers[padded.lowers_len++] = empty;
		if (padded.lowers_len < least)
			return ib_fail_text(err, EINVAL, "an overlay needs a layer");
	}
	padded.lower_fds = lowers;
	r = mount_any(&padded, target, err);
	if (r != -ELOOP)
		return explain(&padded, r, err);
	/* What the kernel marked as in use before it refused, it would refuse for that mark now. */
	r = padded.work_fd >= 0 ? fs_remove_at(padded.work_fd, "work", err) : 0;
	return r < 0 ? r : mount_wrapped(&padded, target, err);
}

struct fds {
	int *items;
	size_t len;
};

static void fds_close(struct fds *fds)
{
	for (size_t i = 0; i < fds->len; i++)
		(void)close(fds->items[i]);
	free(fds->items);
}

static int open_sub(const char *dir, const char *sub)
{
	cleanup_free char *path = fs_join(dir, sub);

	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* SUB of every layer, newest first; one without it is left out where it is optional. */
static int open_lowers(const struct sandbox_layers *layers, const char *sub, bool is_optional,
		       struct fds *fds, struct ib_error *err)
{
	fds->items = ib_xmalloc((layers->len + 1) * sizeof(*fds->items));
	for (size_t i = 0; i < layers->len; i++) {
		int fd = open_sub(layers->lowers[i], sub);

		if (fd < 0 && !(errno == ENOENT && is_optional))
			return ib_fail(err, errno, "open layer %s/%s", layers->lowers[i], sub);
		if (fd >= 0)
			fds->items[fds->len++] = fd;
	}
	return 0;
}

static int mount_over(const struct sandbox_layers *layers, const struct fds *lowers,
		      const char *upper, const char *work, const char *target, struct ib_error *err)
{
	cleanup_fd int upper_fd = layers->draft ? open_sub(layers->draft, upper) : -1;
	cleanup_fd int work_fd = layers->draft ? open_sub(layers->draft, work) : -1;
	const struct overlay o = { .lower_fds = lowers->items,
				   .lowers_len = lowers->len,
				   .upper_fd = upper_fd,
				   .work_fd = work_fd,
				   .force_old = sb_self.force_old_overlay };

	if (layers->draft && (upper_fd < 0 || work_fd < 0))
		return ib_fail(err, errno, "open draft %s", layers->draft);
	return overlay_mount(&o, target, err);
}

int overlay_layers(const struct sandbox_layers *layers, const char *target, struct ib_error *err)
{
	__attribute__((cleanup(fds_close))) struct fds lowers = { 0 };
	int r = open_lowers(layers, "fs", false, &lowers, err);

	return r < 0 ? r : mount_over(layers, &lowers, "fs", "work", target, err);
}

int overlay_out(const struct sandbox_layers *layers, const char *directory, struct ib_error *err)
{
	__attribute__((cleanup(fds_close))) struct fds lowers = { 0 };
	int r = open_lowers(layers, "out", true, &lowers, err);
	int own;

	if (r < 0)
		return r;
	own = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return ib_fail(err, errno, "open %s", directory);
	lowers.items[lowers.len++] = own;
	return mount_over(layers, &lowers, "out", "outwork", directory, err);
}
