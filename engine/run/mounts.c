/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount: what is shown to a step beside the target's own files, and is in no layer: binds of
 * the sandbox, made ready here. A bind of the context is a copy of what COPY would take, so that it
 * shows what the key has; one that may be written to is a copy as well, thrown away afterwards. */
#include "run/copy.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A cache of the step, however often it is mounted. */
struct held {
	struct store_cache cache;
	size_t index; /* of the mount that fills it */
};
struct held_vec VEC(struct held);

struct mounting {
	struct stage_run *sr;
	const struct step *step;
	struct action *action;
	const struct ib_mount *mount;
	size_t index; /* of the mount */
	const char *target;
	const struct held_vec *caches;
};

static uint32_t number_of(const struct ib_mount *m, const char *key, int base, uint32_t otherwise)
{
	const char *value = mount_value(m, key);

	return value ? (uint32_t)strtoul(value, NULL, base) : otherwise;
}

static void add_bind(struct mounting *g, struct sandbox_bind b)
{
	b.target = arena_printf(g->sr->arena, "%s%s", SB_MNT, g->target);
	vec_push(g->sr->arena, &g->action->binds, b);
}

static int draft_new(struct mounting *g, const char **ret_dir, struct ib_error *err)
{
	struct layer_draft draft = { NULL, -1 };
	int r = store_draft_new(g->sr->run->store, &draft, err);

	if (r < 0)
		return r;
	vec_push(g->sr->arena, &g->action->drafts, draft);
	*ret_dir = arena_printf(g->sr->arena, "%s/fs", draft.dir);
	return 0;
}

/* Where source= of another tree is in the supervisor's root: symlinks count as in a chroot. */
static int find_source(struct mounting *g, const char **ret_path, bool *ret_is_file,
		       struct ib_error *err)
{
	const char *source = mount_value(g->mount, "source");
	int root_fd = -1, r = tree_ref_open(g->sr, &g->mount->from, &root_fd, NULL, NULL, err);
	cleanup_fd int fd = -1;
	char link[32], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (r < 0)
		return r;
	fd = fs_open_in(root_fd, source ? source : "/", O_PATH | O_CLOEXEC, 0);
	if (fd < 0)
		return ib_fail(err, errno, "open '%s' of '%s'", source, g->mount->from.name);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return ib_fail(err, errno, "look at '%s' of '%s'", source, g->mount->from.name);
	*ret_path = arena_strndup(g->sr->arena, path, (size_t)n);
	*ret_is_file = !S_ISDIR(st.st_mode);
	return 0;
}

/* "data" in DIR becomes what the mount's source is: a file or a directory. */
static int copy_source(struct mounting *g, const char *dir, bool *ret_is_file, struct ib_error *err)
{
	const struct copy_entry_vec *entries = &g->step->mounted[g->index];
	cleanup_fd int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int to = -1;
	const char *from = NULL;
	int context_fd = -1, r;

	if (dir_fd < 0)
		return ib_fail(err, errno, "open '%s'", dir);
	if (g->mount->from.kind != IB_FROM_CONTEXT) {
		r = find_source(g, &from, ret_is_file, err);
		return r < 0 ? r : fs_copy_at(AT_FDCWD, from, dir_fd, "data", err);
	}
	r = tree_ref_open(g->sr, &g->mount->from, &context_fd, NULL, NULL, err);
	if (r < 0)
		return r;
	*ret_is_file = entries->len == 1 && !*entries->items[0].name;
	if (*ret_is_file)
		return copy_file_to(&entries->items[0], context_fd, dir_fd, "data", err);
	if (mkdirat(dir_fd, "data", 0755) < 0)
		return ib_fail(err, errno, "make a directory for the mount");
	to = openat(dir_fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return to < 0 ? ib_fail(err, errno, "open the mount's directory")
		      : copy_entries(entries, context_fd, to, err);
}

static int mount_copy(struct mounting *g, struct ib_error *err)
{
	struct sandbox_bind b = { .is_readonly = !mount_is(g->mount, "rw") };
	const char *dir = NULL;
	int r = draft_new(g, &dir, err);

	if (r >= 0)
		r = copy_source(g, dir, &b.is_file, err);
	if (r < 0)
		return r;
	b.source = arena_printf(g->sr->arena, "%s/data", dir);
	add_bind(g, b);
	return 0;
}

static int mount_BIND(struct mounting *g, struct ib_error *err)
{
	struct sandbox_bind b = { .is_readonly = true };
	int r;

	if (g->mount->from.kind == IB_FROM_CONTEXT || mount_is(g->mount, "rw"))
		return mount_copy(g, err);
	r = find_source(g, &b.source, &b.is_file, err);
	if (r >= 0)
		add_bind(g, b);
	return r;
}

static int fill_cache(void *context, const char *dir, struct ib_error *err)
{
	struct mounting *g = context;
	const struct ib_mount *m = g->mount;
	cleanup_free char *data = fs_join(dir, "data");
	uint32_t uid = number_of(m, "uid", 10, 0), gid = number_of(m, "gid", 10, 0);
	bool is_file = false;
	int r = mount_takes_tree(m) ? copy_source(g, dir, &is_file, err) : 0;

	if (r < 0)
		return r;
	if (is_file)
		return ib_fail_text(err, ENOTDIR, "a cache begins with a directory, '%s' is a file",
				    mount_value(m, "source"));
	if (!mount_takes_tree(m) && mkdir(data, 0755) < 0)
		return ib_fail(err, errno, "make the cache's directory");
	if (chown(data, uid, gid) < 0)
		return fs_fail_owner(err, g->target, uid, gid);
	return chmod(data, number_of(m, "mode", 8, 0755)) < 0
		       ? ib_fail(err, errno, "set the mode of the cache")
		       : 0;
}

static const char *cache_id(const struct mounting *g)
{
	const char *id = mount_value(g->mount, "id");

	return id ? id : g->target;
}

/* Of a cache that is mounted twice the sharing that waits longest counts. */
static void note_cache(struct mounting *g, struct held_vec *caches)
{
	static const struct {
		const char *name;
		enum store_sharing sharing;
	} sharings[] = { { "shared", STORE_SHARED },
			 { "private", STORE_PRIVATE },
			 { "locked", STORE_LOCKED } };
	const char *how = mount_value(g->mount, "sharing");
	struct held held = { .cache = { .id = cache_id(g), .fill = fill_cache },
			     .index = g->index };
	struct held *same = NULL;

	for (size_t i = 0; how && i < ARRAY_SIZE(sharings); i++)
		if (strcmp(how, sharings[i].name) == 0)
			held.cache.sharing = sharings[i].sharing;
	vec_foreach (struct held, it, caches)
		if (strcmp(it->cache.id, held.cache.id) == 0)
			same = it;
	if (!same)
		vec_push(g->sr->arena, caches, held);
	else if (same->cache.sharing < held.cache.sharing)
		same->cache.sharing = held.cache.sharing;
}

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return strcmp(x->cache.id, y->cache.id);
}

static int mount_CACHE(struct mounting *g, struct ib_error *err)
{
	(void)err;
	vec_foreach (const struct held, held, g->caches)
		if (strcmp(held->cache.id, cache_id(g)) == 0)
			add_bind(g, (struct sandbox_bind){
					    .source = arena_printf(g->sr->arena, "%s/data",
								   held->cache.dir),
					    .is_readonly = mount_is(g->mount, "ro") });
	return 0;
}

static int mount_TMPFS(struct mounting *g, struct ib_error *err)
{
	const char *size = mount_value(g->mount, "size");
	uint64_t bytes = 0;

	(void)err;
	if (size)
		(void)mount_size(size, &bytes);
	add_bind(g, (struct sandbox_bind){ .tmpfs = bytes ? arena_printf(g->sr->arena,
									 "mode=1777,size=%llu",
									 (unsigned long long)bytes)
							  : "mode=1777" });
	return 0;
}

/* A file of the step's own on the supervisor's tmpfs. */
static int write_secret(struct mounting *g, const struct run_secret *secret, struct ib_error *err)
{
	const struct ib_mount *m = g->mount;
	const char *path = arena_printf(g->sr->arena, "%s/%zu", SB_SECRETS, g->index);
	uint32_t uid = number_of(m, "uid", 10, 0), gid = number_of(m, "gid", 10, 0);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "make a file for the secret '%s'", secret->id);
	vec_push(g->sr->arena, &g->action->files, path);
	r = fs_write_all(fd, secret->data, secret->len);
	if (r < 0)
		return ib_fail(err, -r, "write the secret '%s'", secret->id);
	if (fchown(fd, uid, gid) < 0)
		return fs_fail_owner(err, g->target, uid, gid);
	if (fchmod(fd, number_of(m, "mode", 8, 0400)) < 0)
		return ib_fail(err, errno, "set the mode of the secret '%s'", secret->id);
	add_bind(g, (struct sandbox_bind){ .source = path, .is_readonly = true, .is_file = true });
	return 0;
}

static int mount_SECRET(struct mounting *g, struct ib_error *err)
{
	const char *id = mount_value(g->mount, "id"), *variable = mount_value(g->mount, "env");

	vec_foreach (struct run_secret, secret, &g->sr->run->secrets) {
		if (strcmp(secret->id, id) != 0)
			continue;
		if (variable)
			env_set(g->sr->arena, &g->action->env, variable, secret->data);
		return g->target ? write_secret(g, secret, err) : 0;
	}
	/* one that must be there was asked for before the first step */
	return 0;
}

static struct mounting mounting_of(struct stage_run *sr, const struct step *s, struct action *a,
				   size_t i)
{
	const struct ib_mount *m = &s->op->run.mounts.items[i];

	return (struct mounting){ .sr = sr,
				  .step = s,
				  .action = a,
				  .mount = m,
				  .index = i,
				  .target = mount_target(&s->op->run, m, sr->arena) };
}

static int fail_mount(const struct mounting *g, struct ib_error *err)
{
	err->at = g->mount->at;
	return ib_wrap(err, "prepare the mount");
}

/* Every cache once, in the order of their names: no two steps wait for each other. */
static int open_caches(struct stage_run *sr, const struct step *s, struct action *a,
		       struct held_vec *ret_caches, struct ib_error *err)
{
	for (size_t i = 0; i < s->op->run.mounts.len; i++) {
		struct mounting g = mounting_of(sr, s, a, i);

		if (g.mount->type == IB_MOUNT_CACHE)
			note_cache(&g, ret_caches);
	}
	if (ret_caches->len)
		qsort(ret_caches->items, ret_caches->len, sizeof(*ret_caches->items), compare_held);
	vec_foreach (struct held, held, ret_caches) {
		struct mounting g = mounting_of(sr, s, a, held->index);
		int fd;

		held->cache.context = &g;
		fd = store_cache_open(sr->run->store, &held->cache, sr->arena, err);
		if (fd < 0)
			return fail_mount(&g, err);
		vec_push(sr->arena, &a->locks, fd);
	}
	return 0;
}

int action_mounts(struct stage_run *sr, const struct step *s, struct action *a,
		  struct ib_error *err)
{
	static int (*const table[])(struct mounting *, struct ib_error *) = {
		[IB_MOUNT_BIND] = mount_BIND,
		[IB_MOUNT_CACHE] = mount_CACHE,
		[IB_MOUNT_TMPFS] = mount_TMPFS,
		[IB_MOUNT_SECRET] = mount_SECRET,
	};
	struct held_vec caches = { NULL, 0, 0 };
	int r = open_caches(sr, s, a, &caches, err);

	for (size_t i = 0; r >= 0 && i < s->op->run.mounts.len; i++) {
		struct mounting g = mounting_of(sr, s, a, i);

		g.caches = &caches;
		if (table[g.mount->type](&g, err) < 0)
			r = fail_mount(&g, err);
	}
	return r < 0 ? r : 0;
}

int action_mounts_key(struct stage_run *sr, const struct step *s, struct hasher *h,
		      struct ib_error *err)
{
	vec_foreach (const struct ib_mount, m, &s->op->run.mounts) {
		struct digest key;
		int r;

		if (!mount_takes_tree(m) || m->from.kind == IB_FROM_CONTEXT)
			continue;
		r = tree_ref_open(sr, &m->from, NULL, NULL, &key, err);
		if (r < 0)
			return r;
		hasher_add(h, &key, sizeof(key));
	}
	return 0;
}
