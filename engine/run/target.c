/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the target, from a function inside a step. Every path is resolved with the target as
 * root, so that no symlink of the image leads out of it. */
#include "run/stage.h"

#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The first N bytes of S. */
static char *head(const char *s, size_t n)
{
	return ib_xprintf("%.*s", (int)n, s);
}

int target_open(struct ib_error *err)
{
	int fd = open(SB_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? ib_fail(err, errno, "open the target's root") : fd;
}

static int make_component(int root_fd, const char *path, size_t parent_len, size_t len, mode_t mode,
			  struct ib_error *err)
{
	cleanup_free char *parent = head(path, parent_len), *name = NULL;
	cleanup_fd int parent_fd = -1;

	name = head(path + parent_len, len - parent_len);
	parent_fd = fs_open_in(root_fd, *parent ? parent : ".", O_PATH | O_DIRECTORY, 0);
	if (parent_fd < 0)
		return ib_fail(err, errno, "open '%s' in the target", parent);
	if (mkdirat(parent_fd, name + strspn(name, "/"), mode) < 0 && errno != EEXIST)
		return ib_fail(err, errno, "make directory '%s' in the target", path);
	return 0;
}

int target_mkdirs(int root_fd, const char *path, mode_t mode, struct ib_error *err)
{
	size_t done = 0;
	int fd;

	path += strspn(path, "/");
	while (path[done]) {
		size_t start = done, end = done + strspn(path + done, "/");
		cleanup_free char *prefix = NULL;

		end += strcspn(path + end, "/");
		prefix = head(path, end);
		fd = fs_open_in(root_fd, prefix, O_PATH | O_DIRECTORY, 0);
		if (fd < 0 && errno != ENOENT)
			return ib_fail(err, errno, "open '%s' in the target", prefix);
		if (fd < 0) {
			int r = make_component(root_fd, prefix, start, end, mode, err);

			if (r < 0)
				return r;
		} else {
			(void)close(fd);
		}
		done = end + (path[end + strspn(path + end, "/")] ? 0 : strspn(path + end, "/"));
	}
	fd = fs_open_in(root_fd, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? ib_fail(err, errno, "open '%s' in the target", path) : fd;
}

int target_parent(int root_fd, const char *path, const char **ret_base, struct ib_error *err)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = head(path, slash ? (size_t)(slash - path) : 0);
	const char *base = slash ? slash + 1 : path;
	int fd;

	if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return ib_fail_text(err, EINVAL, "'%s' does not name a file", path);
	fd = target_mkdirs(root_fd, dir, 0755, err);
	if (fd >= 0)
		*ret_base = base;
	return fd;
}

int target_write(int root_fd, const char *path, const void *data, size_t n, mode_t mode,
		 struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int dir_fd = target_parent(root_fd, path, &base, err);

	if (dir_fd < 0)
		return dir_fd;
	return fs_write_at(dir_fd, base, data, n, mode, err);
}

struct search {
	const char *const *paths;
	size_t len;
};

static int find_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct search *search = job->data;
	cleanup_fd int root_fd = target_open(err);
	size_t i = 0;

	if (root_fd < 0)
		return root_fd;
	for (; i < search->len; i++) {
		cleanup_fd int fd = fs_open_in(root_fd, search->paths[i], O_PATH, 0);

		if (fd >= 0)
			break;
	}
	return dprintf(job->data_fd, "%zu", i) < 0 ? ib_fail(err, errno, "say what was found") : 0;
}

int target_find(struct stage_run *sr, const char *const *paths, size_t n, struct ib_error *err)
{
	const struct search search = { paths, n };
	cleanup_fd int fd = data_new(err);
	struct job job = { .sr = sr, .data_fd = fd, .data = &search };
	cleanup_buf struct buf out = BUF_INIT;
	int r = fd < 0 ? fd : stage_read(sr, "look at the target", find_fn, &job, err);

	if (r >= 0)
		r = data_read(fd, &out, err);
	return r < 0 ? r : (int)strtol(out.len ? out.data : "0", NULL, 10);
}
