/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that steps share from build to build: RUN --mount=type=cache. mounts/<digest of the
 * id>[-N] holds data/ and lock; it appears by rename, filled. */
#include "cache/store.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRIVATE_MAX 256 /* builds that have a private cache of one id at the same time */

static int make(struct store *s, const char *name, const struct store_cache *c,
		struct ib_error *err)
{
	struct layer_draft draft = { NULL, -1 };
	cleanup_free char *from = NULL, *lock = NULL, *to = fs_join(s->path, name);
	int r = store_draft_new(s, &draft, err);

	if (r < 0)
		return r;
	from = fs_join(draft.dir, "fs");
	lock = fs_join(from, "lock");
	r = c->fill(c->context, from, err);
	if (r >= 0) {
		cleanup_fd int fd = open(lock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		/* Another build may have been faster: then its directory is the one. */
		if (fd < 0 || (rename(from, to) < 0 && errno != EEXIST && errno != ENOTEMPTY))
			r = ib_fail(err, errno, "make the cache '%s'", c->id);
	}
	store_draft_drop(s, &draft);
	return r;
}

static int open_lock(struct store *s, const char *name)
{
	cleanup_free char *path = ib_xprintf("%s/lock", name);

	return openat(s->fd, path, O_RDWR | O_CLOEXEC);
}

/* A locked descriptor; -EWOULDBLOCK where a private one is in use. */
static int take(struct store *s, const char *name, const struct store_cache *c,
		struct ib_error *err)
{
	static const int how[] = { [STORE_SHARED] = LOCK_SH,
				   [STORE_LOCKED] = LOCK_EX,
				   [STORE_PRIVATE] = LOCK_EX | LOCK_NB };
	cleanup_fd int fd = open_lock(s, name);
	int r;

	if (fd < 0 && errno == ENOENT) {
		r = make(s, name, c, err);
		if (r < 0)
			return r;
		fd = open_lock(s, name);
	}
	if (fd < 0)
		return ib_fail(err, errno, "open the cache '%s'", c->id);
	do {
		r = flock(fd, how[c->sharing]);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EWOULDBLOCK ? -EWOULDBLOCK
					    : ib_fail(err, errno, "lock the cache '%s'", c->id);
	store_touch(s, name);
	return take_fd(&fd);
}

int store_cache_open(struct store *s, struct store_cache *c, struct arena *a, struct ib_error *err)
{
	struct digest key;
	char first[STORE_NAME];

	digest_of(c->id, strlen(c->id), &key);
	store_name("mounts", &key, first);
	for (int i = 0; i < PRIVATE_MAX; i++) {
		const char *name = i ? arena_printf(a, "%s-%d", first, i) : first;
		int fd = take(s, name, c, err);

		if (fd == -EWOULDBLOCK)
			continue;
		c->dir = arena_printf(a, "%s/%s", s->path, name);
		return fd;
	}
	return ib_fail_text(err, EBUSY, "%d builds use a private cache '%s'", PRIVATE_MAX, c->id);
}
