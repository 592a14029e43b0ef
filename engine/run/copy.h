/* SPDX-License-Identifier: Apache-2.0 */
/* What COPY and ADD share: a file's way into the target, modes, owners. */
#ifndef IMAGEBUILD_COPY_H
#define IMAGEBUILD_COPY_H

#include "run/stage.h"

#include <imagebuild/intern.h>
#include <imagebuild/map.h>

struct copy {
	const struct ib_op_copy *op;
	struct copy_entry_vec entries;
	int context_fd, root_fd;
	bool is_tree; /* context_fd is the root of another tree: links lead within it, all attributes
			 count but the owner */
	bool has_owner, is_dir; /* is_dir: the destination is a directory */
	uid_t uid;
	gid_t gid;
	struct arena *arena;
	struct intern *names;
	struct map *links; /* of a tree: "device inode" -> path of the first of its hard links */
};

/* Puts ENTRIES of the context below ROOT_FD, owned by root: what a RUN mounts of it. */
int copy_entries(const struct copy_entry_vec *entries, int context_fd, int root_fd,
		 struct ib_error *err);
/* The same for a file, which becomes PATH. */
int copy_file_to(const struct copy_entry *e, int context_fd, int root_fd, const char *path,
		 struct ib_error *err);
/* Inside the step: looks for the owner and at the destination. root_fd is set. */
int copy_start(struct copy *c, struct ib_error *err);
/* The path of a thing called NAME below the destination; freed by the caller. */
char *copy_place(const struct copy *c, const char *name);
/* Writes what FROM holds to PATH of the target, with MODE (--chmod changes it) and a time (NULL:
 * now). */
int copy_put(const struct copy *c, int from, const char *path, mode_t mode,
	     const struct timespec *mtime, struct ib_error *err);
int copy_heredocs(const struct copy *c, struct ib_error *err);
/* Unpacks the archive below the destination. */
int copy_unpack(const struct copy *c, int from, struct ib_error *err);

/* chmod(1)'s TEXT ("0644", "u=rwX,go=rX") applied to OLD; umask does not count. False: not a mode.
 */
bool mode_apply(const char *text, mode_t old, bool is_dir, mode_t *ret_mode);
/* The third field of NAME's line in the text of a passwd or group file. */
bool owner_id(const char *text, const char *name, uint32_t *ret_id);
/* "U:G", names or numbers, by the target's etc/passwd and etc/group. */
int owner_find(int root_fd, const char *text, uid_t *ret_uid, gid_t *ret_gid, struct ib_error *err);

#endif
