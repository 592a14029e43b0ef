/* SPDX-License-Identifier: Apache-2.0 */
/* The store: layers by run key, records by input key, the stat cache. One directory a user:
 *
 *   STORE/version          "1" and the id map it was made under; another one is refused
 *   STORE/lock             flock: shared while used, exclusive to prune
 *   STORE/layers/<hex>/    fs/ (upper of /imagebuild/build: mnt hooks home), out/ (what was written
 * into the caller's directory), meta.json, env (of an environ step); complete or absent
 *   STORE/hooks/<hex>/     merged hooks directories by digest: fs/{mnt,hooks,home}
 *   STORE/records/<hex>    by input key: run key, time, what was decided at build
 *   STORE/files/           stat cache: (device, inode, size, mtime, ctime) -> SHA-256
 *   STORE/mounts/<hex>/    data/, lock: caches of RUN --mount by id
 *   STORE/tmp/<pid>-<n>/   drafts, each with a lock; without a holder it is garbage that the next
 * command removes
 *
 * Layers are in overlayfs's own format under userxattr: whiteouts are character devices 0:0, opaque
 * directories have user.overlay.opaque=y. Content owned by subordinate ids can only be removed
 * inside the user namespace: store_clean, store_prune and drafts run in the supervisor. */
#ifndef IMAGEBUILD_CACHE_H
#define IMAGEBUILD_CACHE_H

#include "support/crypto.h"

#include <imagebuild/arena.h>
#include <sys/stat.h>

struct ib_error;
struct store;

/* Opens or makes the store and takes the shared lock. -EBUSY while it is being pruned, -EPERM for
 * one of another user or id map. */
int ib_cache_open(const char *dir, struct store **ret_store, struct ib_error *err);
void ib_cache_close(struct store *s);
const char *store_path(const struct store *s);
/* Inside the supervisor the store is bound to another path. */
void store_move(struct store *s, const char *path);

/* Removes drafts that nobody holds. Inside the user namespace. */
int store_clean(struct store *s, struct ib_error *err);

/* True and the layer's directory (in A) when the layer of KEY is complete. */
bool store_layer_find(struct store *s, const struct digest *key, struct arena *a,
		      const char **ret_dir);

struct layer_draft {
	char *dir; /* absolute; holds fs/, out/, work/, outwork/ */
	int lock_fd;
};
int store_draft_new(struct store *s, struct layer_draft *ret_draft, struct ib_error *err);
void store_draft_drop(struct store *s, struct layer_draft *draft);
/* Writes META (JSON text) and ENV (may be NULL), removes the work directories, makes it durable
 * (syncfs) and renames it to layers/<key>. The draft is gone. A layer that exists already is kept.
 */
int store_draft_commit(struct store *s, struct layer_draft *draft, const struct digest *key,
		       const char *meta, const char *env, struct ib_error *err);

/* A hooks directory by digest; *ret_is_new says that the caller must fill the draft and commit it.
 */
bool store_hooks_find(struct store *s, const struct digest *key, struct arena *a,
		      const char **ret_dir);
int store_hooks_commit(struct store *s, struct layer_draft *draft, const struct digest *key,
		       struct ib_error *err);

/* Records: small JSON texts by key ("step" records by input key, "output" records by output key).
 */
int store_record_get(struct store *s, const char *kind, const struct digest *key, char **ret_text);
int store_record_put(struct store *s, const char *kind, const struct digest *key, const char *text,
		     struct ib_error *err);

/* SHA-256 of an open regular file through the stat cache: a file changed less than 2 s ago is read
 * (racy timestamps). WRITE stores what was computed. */
int store_file_digest(struct store *s, int fd, bool write, struct digest *ret_digest,
		      struct ib_error *err);

/* Directories that steps share from build to build (RUN --mount=type=cache). */
enum store_sharing { STORE_SHARED, STORE_PRIVATE, STORE_LOCKED }; /* the stronger the later */

struct store_cache {
	const char *id;
	enum store_sharing sharing;
	/* Makes "data" in DIR, for a new cache. */
	int (*fill)(void *context, const char *dir, struct ib_error *err);
	void *context;
	const char *dir; /* set: where "data" is */
};
/* Opens or makes it, and takes its lock: with STORE_LOCKED after every other user has ended, with
 * STORE_PRIVATE another one where it is in use. The descriptor holds the lock. Inside the user
 * namespace. */
int store_cache_open(struct store *s, struct store_cache *c, struct arena *a, struct ib_error *err);

/* Removes everything that no build in the last DAYS days used. Inside the user namespace. */
int ib_cache_prune(struct store *s, int days, uint64_t *ret_bytes, struct ib_error *err);

#endif
