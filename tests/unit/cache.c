/* SPDX-License-Identifier: Apache-2.0 */
/* The store: layers, drafts, records, the stat cache. */
#include "test.h"

#include "cache/cache.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static struct ib_error err;

struct room {
	char dir[64];
	struct store *store;
	struct arena *arena;
};

static void open_room(struct room *r)
{
	(void)snprintf(r->dir, sizeof(r->dir), "unit-cache-XXXXXX");
	check(mkdtemp(r->dir) != NULL);
	check_int(ib_cache_open(r->dir, &r->store, &err), 0);
	r->arena = arena_new();
}

static void close_room(struct room *r)
{
	ib_cache_close(r->store);
	arena_free(r->arena);
	check_int(fs_remove_at(AT_FDCWD, r->dir, &err), 0);
}

static size_t count(const struct room *r, const char *part)
{
	cleanup_free char *path = fs_join(r->dir, part);
	char **names = NULL;
	size_t n = 0;

	check_int(fs_list(AT_FDCWD, path, &names, &n, &err), 0);
	free(names);
	return n;
}

static struct digest key_of(const char *text)
{
	struct digest d;

	digest_of(text, strlen(text), &d);
	return d;
}

TEST("a draft becomes a layer by its commit and not before")
{
	struct room r;
	struct layer_draft draft;
	struct digest key = key_of("a");
	const char *dir = NULL;
	cleanup_free char *work = NULL;

	open_room(&r);
	check_int(store_draft_new(r.store, &draft, &err), 0);
	check(!store_layer_find(r.store, &key, r.arena, &dir));
	check_int(store_draft_commit(r.store, &draft, &key, "{}", "A=b\n", &err), 0);
	check(draft.dir == NULL);
	check(store_layer_find(r.store, &key, r.arena, &dir));
	work = fs_join(dir, "work");
	check(access(work, F_OK) < 0);
	check_int(count(&r, "tmp"), 0);
	close_room(&r);
}

TEST("a second layer of a key leaves the first one as it is")
{
	struct room r;
	struct layer_draft draft;
	struct digest key = key_of("a");
	const char *dir = NULL;
	cleanup_free char *text = NULL;
	size_t n;

	open_room(&r);
	check_int(store_draft_new(r.store, &draft, &err), 0);
	check_int(store_draft_commit(r.store, &draft, &key, "{}", NULL, &err), 0);
	check_int(store_draft_new(r.store, &draft, &err), 0);
	check_int(store_draft_commit(r.store, &draft, &key, "[]", NULL, &err), 0);
	check(store_layer_find(r.store, &key, r.arena, &dir));
	dir = arena_printf(r.arena, "%s/meta.json", dir);
	check_int(fs_read_at(AT_FDCWD, dir, 100, &text, &n, &err), 0);
	check_str(text, "{}");
	check_int(count(&r, "tmp"), 0);
	close_room(&r);
}

TEST("a draft that is held survives a cleaning, one without a holder does not")
{
	struct room r;
	struct layer_draft held;
	cleanup_free char *left = NULL;

	open_room(&r);
	check_int(store_draft_new(r.store, &held, &err), 0);
	left = ib_xprintf("%s/tmp/1-dead", r.dir);
	check_int(mkdir(left, 0755), 0);
	check_int(store_clean(r.store, &err), 0);
	check(access(left, F_OK) < 0);
	check_int(access(held.dir, F_OK), 0);
	store_draft_drop(r.store, &held);
	check_int(count(&r, "tmp"), 0);
	close_room(&r);
}

TEST("a store of another user is refused with what to do")
{
	struct room r;
	struct store *other = NULL;
	cleanup_free char *version = NULL;

	open_room(&r);
	version = fs_join(r.dir, "version");
	check_int(fs_write_at(AT_FDCWD, version, "1\nuid 77777\n", 12, 0644, &err), 0);
	check_int(ib_cache_open(r.dir, &other, &err), -EPERM);
	check(err.hint[0] != '\0');
	close_room(&r);
}

TEST("a record is what was put last")
{
	struct room r;
	struct digest key = key_of("a"), missing = key_of("b");
	cleanup_free char *text = NULL, *none = NULL;

	open_room(&r);
	check_int(store_record_put(r.store, "step", &key, "one", &err), 0);
	check_int(store_record_put(r.store, "step", &key, "two", &err), 0);
	check_int(store_record_get(r.store, "step", &key, &text), 0);
	check_str(text, "two");
	check_int(store_record_get(r.store, "step", &missing, &none), -ENOENT);
	check_int(store_record_get(r.store, "output", &key, &none), -ENOENT);
	close_room(&r);
}

/* Writes FILE with a time long ago, so that its digest may be remembered once its ctime is old,
 * too. */
static int put_old(const char *path, const char *text)
{
	struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	check_int(fs_write_at(AT_FDCWD, path, text, strlen(text), 0644, &err), 0);
	check_int(utimensat(AT_FDCWD, path, times, 0), 0);
	return open(path, O_RDONLY | O_CLOEXEC);
}

TEST("a file that changed a moment ago is read each time, an old one once")
{
	struct room r;
	struct digest digest, want = key_of("one");
	cleanup_free char *path = NULL;
	cleanup_fd int fd = -1;

	open_room(&r);
	path = fs_join(r.dir, "x");
	fd = put_old(path, "one");
	check_int(store_file_digest(r.store, fd, true, &digest, &err), 0);
	check(digest_equal(&digest, &want));
	check_int(count(&r, "files"), 0);
	(void)nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
	check_int(store_file_digest(r.store, fd, false, &digest, &err), 0);
	check_int(count(&r, "files"), 0);
	check_int(store_file_digest(r.store, fd, true, &digest, &err), 0);
	check_int(count(&r, "files"), 1);
	check_int(store_file_digest(r.store, fd, true, &digest, &err), 0);
	check(digest_equal(&digest, &want));
	close_room(&r);
}

TEST("pruning takes what is older and says how much")
{
	struct room r;
	struct layer_draft draft;
	struct digest old = key_of("old"), new = key_of("new");
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	const char *dir = NULL;
	uint64_t bytes = 0;

	open_room(&r);
	check_int(store_draft_new(r.store, &draft, &err), 0);
	check_int(store_draft_commit(r.store, &draft, &old, "{}", NULL, &err), 0);
	check(store_layer_find(r.store, &old, r.arena, &dir));
	check_int(utimensat(AT_FDCWD, dir, times, 0), 0);
	check_int(store_draft_new(r.store, &draft, &err), 0);
	check_int(store_draft_commit(r.store, &draft, &new, "{}", NULL, &err), 0);
	check_int(ib_cache_prune(r.store, 7, &bytes, &err), 0);
	check(bytes > 0);
	check(!store_layer_find(r.store, &old, r.arena, &dir));
	check(store_layer_find(r.store, &new, r.arena, &dir));
	close_room(&r);
}

TEST("a store in use is not pruned")
{
	struct room r;
	struct store *other = NULL;
	uint64_t bytes = 0;

	open_room(&r);
	check_int(ib_cache_open(r.dir, &other, &err), 0);
	check_int(ib_cache_prune(r.store, 0, &bytes, &err), -EBUSY);
	ib_cache_close(other);
	check_int(ib_cache_prune(r.store, 0, &bytes, &err), 0);
	close_room(&r);
}

TEST_MAIN()
