/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the sandbox share. Below "supervisor" and "step" see sandbox.h. */
#ifndef IMAGEBUILD_SANDBOX_INTERNAL_H
#define IMAGEBUILD_SANDBOX_INTERNAL_H

#include "sandbox/sandbox.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <sys/types.h>

/* Makes two layers of an overlay that has too few. */
#define SB_EMPTY "/imagebuild/empty"
/* Device nodes that every Linux program may expect; bound, since mknod(2) needs real root. */
#define SB_NODES "null", "zero", "full", "random", "urandom", "tty"

/* The supervisor about itself; set by sandbox_start in the child. */
struct sb_self {
	const char *directory; /* the caller's, NULL: nothing to overlay */
	bool force_old_overlay;
	bool has_own_proc; /* /proc shows our pid namespace, so the notifier can be served */
};
extern struct sb_self sb_self;

/* ---- userns.c */

struct idmap {
	uid_t uid;
	gid_t gid;
	unsigned long sub_uid, sub_gid;
	bool is_by_hand; /* root without CAP_SYS_ADMIN: the caller's own ids, written by ourselves
			  */
};

/* Real root, or root in a namespace made for us: what we need is permitted without a user
 * namespace. */
bool idmap_is_needed(void);
int idmap_find(struct idmap *ret_map, struct ib_error *err);
int idmap_write(const struct idmap *map, pid_t pid, struct ib_error *err);
/* fork() into new namespaces; the child is 0. */
pid_t sb_clone(unsigned long flags);
/* Explains why clone(2) with CLONE_NEWUSER failed. */
int sb_clone_fail(int code, struct ib_error *err);

/* ---- mounts.c */

/* SOURCE with all that is mounted below it, on TARGET below POINT_FD, or with "" on POINT_FD
 * itself. */
int mount_bind_at(const char *source, int point_fd, const char *target, bool is_readonly,
		  struct ib_error *err);
int mount_bind(const char *source, const char *target, bool is_readonly, struct ib_error *err);
int mount_proc(const char *target, struct ib_error *err);
int mount_sys(const char *target, struct ib_error *err);
/* A minimal /dev on PATH below ROOT_FD; the nodes are bound from NODE_DIR. */
int mount_dev(int root_fd, const char *path, const char *node_dir, struct ib_error *err);
/* Binds those of NAMES that NODE_DIR has on new files of DEV_FD. */
int mount_nodes(int dev_fd, const char *node_dir, const char *const *names, size_t len, struct ib_error *err);
/* Runs FN in a child with its own network namespace but our mounts: sysfs belongs to a network
 * namespace, and the host's is not ours to mount. 0 or -errno. */
int sb_in_own_net(int (*fn)(void *), void *arg);
void sb_fd_path(int fd, char ret_path[32]); /* /proc/self/fd/N */

/* Mount points that were made for the occasion, removed in reverse. */
struct made_paths {
	char **paths; /* relative to the root */
	size_t len;
};
/* Opens PATH below ROOT_FD to mount on it, making it where it is missing. -errno. */
int mountpoint_in(int root_fd, const char *path, bool is_file, struct made_paths *made,
		  struct ib_error *err);
void made_paths_remove(struct made_paths *made, int root_fd);

/* ---- overlay.c */

struct overlay {
	const int *lower_fds; /* O_PATH, newest first */
	size_t lowers_len;
	int upper_fd, work_fd; /* -1: read-only */
	bool force_old;
};
int overlay_mount(const struct overlay *o, const char *target, struct ib_error *err);
/* fs/ of LAYERS on TARGET. */
int overlay_layers(const struct sandbox_layers *layers, const char *target, struct ib_error *err);
/* out/ of LAYERS over DIRECTORY itself. */
int overlay_out(const struct sandbox_layers *layers, const char *directory, struct ib_error *err);

/* ---- root.c */

int root_compose(const struct sandbox_setup *setup, struct ib_error *err);
/* Removes what the private /tmp holds. */
void root_remove_private(void);

/* ---- ids.c */

struct ids {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t groups_len;
	char home[256];
};
/* "U[:G]", names or numbers, in the passwd and group files below ROOT_FD; NULL: 0:0. */
int ids_find(int root_fd, const char *user, struct ids *ret_ids, struct ib_error *err);

/* ---- mountinfo.c */

struct mount_entry {
	uint64_t id, parent;
	const char *device; /* "8:1" */
	const char *root;   /* of the mount within its file system */
	const char *target;
	const char *type;
};
struct mount_vec VEC(struct mount_entry);
int mountinfo_read(struct arena *a, struct mount_vec *ret_mounts, struct ib_error *err);
struct mount_diff {
	struct sandbox_left_vec left;
	bool has_other_mounts;
};
/* What AFTER has below SB_MNT or SB_HOME that BEFORE has not. */
struct mount_diff mountinfo_diff(struct arena *a, const struct mount_vec *before,
				 const struct mount_vec *after);
/* Whether what BEFORE has on TARGET is unmounted in AFTER. */
bool mountinfo_is_gone(const struct mount_vec *before, const struct mount_vec *after,
		       const char *target);

/* ---- notify.c */

/* Answers one request of LISTENER, in a child of its own. */
void notify_serve(int listener);

/* ---- init.c */

/* Pid 1 of a step; sends its report to REPORT_FD, never returns. */
_Noreturn void init_run(const struct sandbox_step *step, int report_fd, int output_fd);

enum report_kind { REPORT_ERROR, REPORT_STATUS, REPORT_LEFT, REPORT_GONE, REPORT_OTHER };

/* Ahead of each packet on a report pipe. */
struct report {
	enum report_kind kind;
	uint32_t len;
};
void report_send(int fd, enum report_kind kind, const void *data, size_t len);

#endif
