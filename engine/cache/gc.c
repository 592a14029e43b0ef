/* SPDX-License-Identifier: Apache-2.0 */
/* What the store gives back: drafts of builds that died, entries that no build used lately. */
#include "cache/store.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define DAY_SECONDS 86400
#define DEPTH_MAX 2000
#define BLOCK_BYTES 512u

/* True where nobody holds NAME.lock; then we hold it until ret_fd is closed. */
static bool take_lock(const struct store *s, const char *name, int *ret_fd)
{
	cleanup_free char *path = ib_xprintf("tmp/%s.lock", name);
	cleanup_fd int fd = openat(s->fd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	*ret_fd = take_fd(&fd);
	return true;
}

/* The supervisor's own scratch directory holds its lock inside. */
static bool is_in_use(const struct store *s, const char *path)
{
	cleanup_free char *inner = ib_xprintf("%s/lock", path);
	cleanup_fd int fd = openat(s->fd, inner, O_RDWR | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static int clean_draft(const struct store *s, const char *name, struct ib_error *err)
{
	cleanup_free char *path = ib_xprintf("tmp/%s", name);
	cleanup_free char *lock = ib_xprintf("tmp/%s.lock", name);
	cleanup_fd int fd = -1;
	int r;

	if (!take_lock(s, name, &fd))
		return 0;
	r = is_in_use(s, path) ? 0 : fs_remove_at(s->fd, path, err);
	if (r < 0)
		return ib_wrap(err, "remove what an earlier build left");
	(void)unlinkat(s->fd, lock, 0);
	return 0;
}

int store_clean(struct store *s, struct ib_error *err)
{
	char **names = NULL;
	size_t len = 0;
	int r = fs_list(s->fd, "tmp", &names, &len, err);

	for (size_t i = 0; r >= 0 && i < len; i++) {
		char *end = strrchr(names[i], '.');

		if (end && strcmp(end, ".lock") == 0)
			*end = '\0';
		r = clean_draft(s, names[i], err);
	}
	free(names);
	return r;
}

/* Bytes of storage below the open directory; what cannot be read counts as nothing. */
static uint64_t usage(int dir_fd, int depth)
{
	cleanup_dir DIR *dir = depth > 0 ? fdopendir(dir_fd) : NULL;
	uint64_t sum = 0;

	if (!dir) {
		(void)close(dir_fd);
		return 0;
	}
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		struct stat st;
		int fd;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += (uint64_t)st.st_blocks * BLOCK_BYTES;
		if (!S_ISDIR(st.st_mode))
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			sum += usage(fd, depth - 1);
	}
	return sum;
}

static int prune_one(const struct store *s, const char *name, time_t before, uint64_t *bytes,
		     struct ib_error *err)
{
	struct stat st;

	if (fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtime > before)
		return 0;
	*bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
	if (S_ISDIR(st.st_mode)) {
		int fd = openat(s->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0)
			*bytes += usage(fd, DEPTH_MAX);
	}
	return fs_remove_at(s->fd, name, err);
}

static int prune_part(const struct store *s, const char *part, time_t before, uint64_t *bytes,
		      struct ib_error *err)
{
	char **names = NULL;
	size_t len = 0;
	int r = fs_list(s->fd, part, &names, &len, err);

	for (size_t i = 0; r >= 0 && i < len; i++) {
		cleanup_free char *name = ib_xprintf("%s/%s", part, names[i]);

		r = prune_one(s, name, before, bytes, err);
	}
	free(names);
	return r;
}

int ib_cache_prune(struct store *s, int days, uint64_t *ret_bytes, struct ib_error *err)
{
	static const char *const parts[] = { "layers", "hooks", "records", "files", "mounts" };
	time_t before = time(NULL) - (time_t)days * DAY_SECONDS;
	uint64_t bytes = 0;
	int r = 0;

	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return ib_fail_text(err, EBUSY,
				    "the store is used by a build; prune it when that has ended");
	r = store_clean(s, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(parts); i++)
		r = prune_part(s, parts[i], before, &bytes, err);
	(void)flock(s->lock_fd, LOCK_SH);
	if (r < 0)
		return ib_wrap(err, "prune the store");
	*ret_bytes = bytes;
	return 0;
}
