/* SPDX-License-Identifier: Apache-2.0 */
/* What hooks wrote into the caller's directory: the out/ of all layers, merged, newest first, so
 * that what a later step removed again does not appear. Files of the caller that a step removed
 * stay. */
#include "run/run.h"

#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>
#include <imagebuild/map.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEPTH_MAX 200

struct publish {
	struct run *run;
	struct intern *names;
	struct map settled; /* paths that a newer layer decided */
	int dir_fd;
};

static void settle(struct publish *p, const char *path)
{
	*map_put(p->run->arena, &p->settled, intern_str(p->names, path)) = p;
}

static bool is_settled(struct publish *p, const char *path)
{
	return map_get(&p->settled, intern_str(p->names, path)) != NULL;
}

static bool is_same(const struct stat *a, int dir_fd, const char *path)
{
	struct stat b;

	return fstatat(dir_fd, path, &b, AT_SYMLINK_NOFOLLOW) == 0 && a->st_mode == b.st_mode &&
	       a->st_size == b.st_size && a->st_mtim.tv_sec == b.st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

static int publish_dir(struct publish *p, int fd, const char *path, int depth,
		       struct ib_error *err);

static int publish_one(struct publish *p, int fd, const char *name, const char *path, int depth,
		       struct ib_error *err)
{
	cleanup_fd int sub_fd = -1;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ib_fail(err, errno, "stat '%s'", path);
	if (is_settled(p, path))
		return 0;
	if (!S_ISDIR(st.st_mode)) {
		settle(p, path);
		/* A character device 0:0 is overlayfs's mark of a removed file. */
		if (S_ISCHR(st.st_mode) || is_same(&st, p->dir_fd, path))
			return 0;
		return fs_copy_at(fd, name, p->dir_fd, path, err);
	}
	sub_fd = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub_fd < 0)
		return ib_fail(err, errno, "open '%s'", path);
	if (mkdirat(p->dir_fd, path, st.st_mode & 07777) < 0 && errno != EEXIST)
		return ib_fail(err, errno, "make directory '%s'", path);
	return publish_dir(p, sub_fd, path, depth - 1, err);
}

static int publish_dir(struct publish *p, int fd, const char *path, int depth, struct ib_error *err)
{
	char **names = NULL, mark = 0;
	size_t n = 0;
	int r;

	if (depth == 0)
		return ib_fail_text(err, ELOOP, "'%s': directories are nested too deep", path);
	r = fs_list(fd, ".", &names, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		cleanup_free char *sub = *path ? fs_join(path, names[i]) : ib_xstrdup(names[i]);

		r = publish_one(p, fd, names[i], sub, depth, err);
	}
	free(names);
	if (r >= 0 && *path && fgetxattr(fd, "user.overlay.opaque", &mark, 1) == 1 && mark == 'y')
		settle(p, path);
	return r;
}

int run_publish(struct run *run, int dir_fd, struct ib_error *err)
{
	struct publish p = { .run = run, .names = intern_new(run->arena), .dir_fd = dir_fd };

	for (size_t i = 0; i < run->layers_len; i++) {
		cleanup_free char *out = fs_join(run->layers[i], "out");
		cleanup_fd int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int r;

		if (fd < 0)
			continue;
		r = publish_dir(&p, fd, "", DEPTH_MAX, err);
		if (r < 0)
			return ib_wrap(err, "write what the hooks left into the working directory");
	}
	return 0;
}
