/* SPDX-License-Identifier: Apache-2.0 */
/* The store: complete things appear by rename(2), drafts hold a lock. */
#include "cache/store.h"

#include "support/fs.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_MAX 4096
#define RECORD_MAX (16u << 20)

void store_name(const char *kind, const struct digest *key, char ret_name[STORE_NAME])
{
	char hex[DIGEST_HEX];

	digest_hex(key, hex);
	(void)snprintf(ret_name, STORE_NAME, "%s/%s", kind, hex);
}

void store_touch(const struct store *s, const char *name)
{
	(void)utimensat(s->fd, name, NULL, 0); /* only prune would notice */
}

/* Appends the line of FILE (/etc/subuid) that is about the user: "name:100000:65536". */
static void add_range(const char *file, const char *user, uid_t uid, struct buf *out)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	struct ib_error err = IB_ERROR_INIT;
	char number[16], *save = NULL;

	(void)snprintf(number, sizeof(number), "%u", (unsigned)uid);
	if (fs_read_at(AT_FDCWD, file, 1u << 20, &text, &len, &err) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		if ((user && strcmp(line, user) == 0) || strcmp(line, number) == 0)
			buf_printf(out, "%s %s\n", file, colon + 1);
	}
}

/* Layers hold ids as the user's map writes them: under another map they would be others' files. */
static void version_text(struct buf *out)
{
	uid_t uid = geteuid();
	struct passwd *pw = getpwuid(uid);

	buf_printf(out, "1\nuid %u\n", (unsigned)uid);
	if (uid == 0)
		return;
	add_range("/etc/subuid", pw ? pw->pw_name : NULL, uid, out);
	add_range("/etc/subgid", pw ? pw->pw_name : NULL, uid, out);
}

static int check_version(const struct store *s, struct ib_error *err)
{
	cleanup_buf struct buf want = BUF_INIT;
	cleanup_free char *have = NULL;
	size_t len = 0;
	int r;

	version_text(&want);
	r = fs_read_at(s->fd, "version", VERSION_MAX, &have, &len, err);
	if (r == -ENOENT)
		return fs_write_at(s->fd, "version", want.data, want.len, 0644, err);
	if (r < 0)
		return r;
	if (len == want.len && memcmp(have, want.data, len) == 0)
		return 0;
	(void)ib_fail_text(err, EPERM,
			   "the store '%s' was made by another user or under other subordinate ids",
			   s->path);
	return ib_hint(err,
		       "use another one with XDG_CACHE_HOME, or remove it as the user who made it");
}

static int open_lock(struct store *s, struct ib_error *err)
{
	s->lock_fd = openat(s->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->lock_fd < 0)
		return ib_fail(err, errno, "open the lock of the store '%s'", s->path);
	if (flock(s->lock_fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return ib_fail(err, errno, "lock the store '%s'", s->path);
	return ib_fail_text(err, EBUSY, "the store '%s' is being pruned; try again", s->path);
}

static int open_parts(struct store *s, struct ib_error *err)
{
	static const char *const parts[] = { "layers", "hooks", "records", "files", "mounts", "tmp" };
	int r;

	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0)
		return ib_fail(err, errno, "open the store '%s'", s->path);
	r = open_lock(s, err);
	if (r < 0)
		return r;
	r = check_version(s, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (mkdirat(s->fd, parts[i], 0755) < 0 && errno != EEXIST)
			return ib_fail(err, errno, "make '%s' in the store '%s'", parts[i],
				       s->path);
	}
	return 0;
}

/* Nobody else may look in: layers hold what a recipe made secret, and set-id files that belong to
 * the user here. */
static int make_store(const char *dir, struct ib_error *err)
{
	const char *slash = strrchr(dir, '/');
	cleanup_free char *parent = slash ? strndup(dir, (size_t)(slash - dir)) : NULL;
	int r = parent ? fs_mkdirs_at(AT_FDCWD, parent, 0755, err) : 0;

	if (r < 0)
		return r;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return ib_fail(err, errno, "make the store '%s'", dir);
	return 0;
}

int ib_cache_open(const char *dir, struct store **ret_store, struct ib_error *err)
{
	struct store *s = ib_xmalloc(sizeof(*s));
	int r;

	*s = (struct store){ .path = ib_xstrdup(dir), .fd = -1, .lock_fd = -1 };
	r = make_store(dir, err);
	if (r >= 0)
		r = open_parts(s, err);
	if (r < 0) {
		ib_cache_close(s);
		return r;
	}
	*ret_store = s;
	return 0;
}

void ib_cache_close(struct store *s)
{
	if (!s)
		return;
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->path);
	free(s);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

void store_move(struct store *s, const char *path)
{
	free(s->path);
	s->path = ib_xstrdup(path);
}

static bool find(struct store *s, const char *kind, const struct digest *key, struct arena *a,
		 const char **ret_dir)
{
	char name[STORE_NAME];

	store_name(kind, key, name);
	if (faccessat(s->fd, name, F_OK, 0) < 0)
		return false;
	store_touch(s, name);
	*ret_dir = arena_printf(a, "%s/%s", s->path, name);
	return true;
}

bool store_layer_find(struct store *s, const struct digest *key, struct arena *a,
		      const char **ret_dir)
{
	return find(s, "layers", key, a, ret_dir);
}

bool store_hooks_find(struct store *s, const struct digest *key, struct arena *a,
		      const char **ret_dir)
{
	return find(s, "hooks", key, a, ret_dir);
}

/* The lock file NAME.lock, locked and still the one of that name: a cleaner may have taken it
 * between open and flock. -EAGAIN then. */
static int lock_draft(const struct store *s, const char *name, int *ret_fd, struct ib_error *err)
{
	cleanup_free char *path = ib_xprintf("tmp/%s.lock", name);
	cleanup_fd int fd = openat(s->fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat here, there;

	if (fd < 0)
		return errno == EEXIST ? -EAGAIN
				       : ib_fail(err, errno, "make '%s' in the store", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &here) < 0 ||
	    fstatat(s->fd, path, &there, 0) < 0 || here.st_ino != there.st_ino)
		return -EAGAIN;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int make_parts(const struct store *s, const char *name, struct ib_error *err)
{
	static const char *const parts[] = { "", "/fs", "/out", "/work", "/outwork" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		cleanup_free char *path = ib_xprintf("tmp/%s%s", name, parts[i]);

		if (mkdirat(s->fd, path, 0755) < 0)
			return ib_fail(err, errno, "make '%s' in the store", path);
	}
	return 0;
}

int store_draft_new(struct store *s, struct layer_draft *ret_draft, struct ib_error *err)
{
	struct layer_draft draft = { NULL, -1 };
	char name[64];
	uint64_t n;
	int r;

	do {
		if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
			return ib_fail(err, errno, "name a draft");
		(void)snprintf(name, sizeof(name), "%d-%016llx", (int)getpid(),
			       (unsigned long long)n);
		r = lock_draft(s, name, &draft.lock_fd, err);
	} while (r == -EAGAIN);
	if (r < 0)
		return r;
	draft.dir = ib_xprintf("%s/tmp/%s", s->path, name);
	r = make_parts(s, name, err);
	if (r < 0) {
		store_draft_drop(s, &draft);
		return r;
	}
	*ret_draft = draft;
	return 0;
}

static const char *draft_name(const struct layer_draft *draft)
{
	return strrchr(draft->dir, '/') + 1;
}

/* Removes the lock last: without it the directory would be anybody's garbage. */
static void forget(struct store *s, struct layer_draft *draft)
{
	cleanup_free char *lock = ib_xprintf("tmp/%s.lock", draft_name(draft));

	(void)unlinkat(s->fd, lock, 0);
	(void)close(draft->lock_fd);
	free(draft->dir);
	*draft = (struct layer_draft){ NULL, -1 };
}

void store_draft_drop(struct store *s, struct layer_draft *draft)
{
	cleanup_free char *path = NULL;
	struct ib_error err = IB_ERROR_INIT;

	if (!draft->dir)
		return;
	path = ib_xprintf("tmp/%s", draft_name(draft));
	(void)fs_remove_at(s->fd, path, &err); /* what stays is garbage for store_clean */
	forget(s, draft);
}

static int remove_work(struct store *s, const char *path, struct ib_error *err)
{
	static const char *const parts[] = { "work", "outwork" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		cleanup_free char *part = ib_xprintf("%s/%s", path, parts[i]);
		int r = fs_remove_at(s->fd, part, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* The rename makes it visible, so all it holds must be on the disk before. */
static int commit(struct store *s, struct layer_draft *draft, const char *kind,
		  const struct digest *key, struct ib_error *err)
{
	cleanup_free char *path = ib_xprintf("tmp/%s", draft_name(draft));
	char name[STORE_NAME];
	int r = remove_work(s, path, err);

	if (r < 0)
		return r;
	if (syncfs(s->fd) < 0)
		return ib_fail(err, errno, "write the store '%s' to its disk", s->path);
	store_name(kind, key, name);
	if (renameat(s->fd, path, s->fd, name) == 0) {
		forget(s, draft);
		return 0;
	}
	if (errno != EEXIST && errno != ENOTEMPTY)
		return ib_fail(err, errno, "put '%s' into the store", name);
	store_draft_drop(s, draft);
	return 0;
}

static int write_part(struct store *s, struct layer_draft *draft, const char *part,
		      const char *text, struct ib_error *err)
{
	cleanup_free char *path = ib_xprintf("tmp/%s/%s", draft_name(draft), part);

	return fs_write_at(s->fd, path, text, strlen(text), 0644, err);
}

int store_draft_commit(struct store *s, struct layer_draft *draft, const struct digest *key,
		       const char *meta, const char *env, struct ib_error *err)
{
	int r = write_part(s, draft, "meta.json", meta, err);

	if (r >= 0 && env)
		r = write_part(s, draft, "env", env, err);
	if (r < 0)
		return ib_wrap(err, "finish a layer");
	return commit(s, draft, "layers", key, err);
}

int store_hooks_commit(struct store *s, struct layer_draft *draft, const struct digest *key,
		       struct ib_error *err)
{
	return commit(s, draft, "hooks", key, err);
}

static void record_name(const char *kind, const struct digest *key, char *ret_name, size_t size)
{
	char hex[DIGEST_HEX];

	digest_hex(key, hex);
	(void)snprintf(ret_name, size, "records/%s-%s", kind, hex);
}

int store_record_get(struct store *s, const char *kind, const struct digest *key, char **ret_text)
{
	char name[STORE_NAME + 32];
	struct ib_error err = IB_ERROR_INIT;
	size_t len;

	record_name(kind, key, name, sizeof(name));
	return fs_read_at(s->fd, name, RECORD_MAX, ret_text, &len, &err);
}

int store_record_put(struct store *s, const char *kind, const struct digest *key, const char *text,
		     struct ib_error *err)
{
	char name[STORE_NAME + 32];

	record_name(kind, key, name, sizeof(name));
	return fs_write_at(s->fd, name, text, strlen(text), 0644, err);
}
