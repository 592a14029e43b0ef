/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces, mounts and the seccomp notifier: the machine as steps see it. Facts and reasons:
 * docs/rootless.md (from shared/design/rootless-engine.md).
 *
 *   caller ── fork ──> supervisor: pid 1 of user (ordinary user), mount and pid namespaces; the composed root below
 *                        └─ a step: own mount, pid, ipc and uts namespaces; init reaps; the script is its child
 *
 * The composed root of the supervisor is a tmpfs with each entry of the host's / bound recursively and read-only,
 * a private writable overlay on /tmp and /var/tmp, and /imagebuild with the constant paths below. */
#ifndef IMAGEBUILD_SANDBOX_H
#define IMAGEBUILD_SANDBOX_H

#include "support/child.h"

#include <imagebuild/arena.h>
#include <imagebuild/vec.h>

struct ib_error;

/* Constant paths inside; the same in every build. */
#define SB_BUILD "/imagebuild/build"	/* TMP_BUILD_DIR: overlay of the layers' fs/ */
#define SB_MNT SB_BUILD "/mnt"		/* TMP_MOUNT_PATH, TARGET_ROOT */
#define SB_HOOKS SB_BUILD "/hooks"	/* TMP_HOOKS_PATH */
#define SB_HOME SB_BUILD "/home"	/* HOME of host hooks */
#define SB_STORE "/imagebuild/store"	/* the store, read-write */
#define SB_CACHE "/imagebuild/cache"	/* DIB_IMAGE_CACHE, read-write, the caller's */
#define SB_LIB "/imagebuild/lib"	/* _LIB: our shell library */
#define SB_BIN "/imagebuild/bin"	/* first on PATH of host hooks: sudo and other shims */
#define SB_SECRETS "/imagebuild/secrets" /* a tmpfs for what no disk may see */
#define SB_TREE "/imagebuild/tree"	/* merged read-only trees for output */

struct sandbox_setup {
	const char *store;	/* bound to SB_STORE */
	const char *image_cache; /* bound to SB_CACHE; made if it is missing */
	const char *lib_dir;	/* bound read-only to SB_LIB */
	const char *bin_dir;	/* bound read-only to SB_BIN */
	const char *directory;	/* the caller's working directory, where out/ overlays go; also kept visible */
	const char *const *visible; /* NULL-terminated: other directories that must be reachable although /tmp or the
				       like is private (context, element paths, store); bound read-only at their own paths */
	bool force_old_overlay;	/* stack layers by mount(2) */
};

/* Forks the supervisor, maps its ids (newuidmap, newgidmap with the whole range of /etc/subuid and /etc/subgid;
 * nothing as root with CAP_SYS_ADMIN), composes its root and runs FN(ARG) there as pid 1. It dies with the caller. Its exit status is FN's return value. Open
 * descriptors are inherited. A failure before FN is ERR. */
int sandbox_start(const struct sandbox_setup *setup, int (*fn)(void *), void *arg, struct child *ret_child,
		  struct ib_error *err);

struct sandbox_bind {
	const char *source, *target; /* absolute, as seen in the supervisor's root; target below SB_MNT or the chroot's "/" */
	bool is_readonly, is_file;
	const char *tmpfs;	/* options of a new tmpfs that is mounted instead of SOURCE */
};

enum sandbox_side { SANDBOX_HOST, SANDBOX_CHROOT };

struct sandbox_layers {
	const char *const *lowers; /* newest first: directories that hold fs/ and may hold out/; at least one */
	size_t len;
	const char *draft;	   /* directory with fs/ out/ work/ outwork/ (store_draft_new); NULL: read-only */
};

struct sandbox_step {
	const char *name;	/* for messages */
	struct sandbox_layers layers;
	enum sandbox_side side;
	/* What runs: argv with envp, or a function in the step's namespaces with the root as the supervisor sees it
	 * (never chrooted; layers mounted at SB_BUILD). fn returns 0 or -errno with its error in err. */
	const char *const *argv, *const *envp;
	int (*fn)(void *arg, struct ib_error *err);
	void *arg;
	const char *cwd;	/* NULL: / in the chroot, the caller's directory on the host side */
	const char *user;	/* "U[:G]" looked up in the root it runs in; NULL: 0:0, no supplementary groups but 0 */
	int in_fd, log_fd;	/* -1: /dev/null; log gets standard output and error */
	int out_fd;		/* >= 0: standard output goes here instead of the log */
	const struct sandbox_bind *binds;
	size_t binds_len;
	bool is_offline;	/* own network namespace with lo up */
	bool has_root_mounts;	/* proc, dev, devpts, sys mounted below SB_MNT (after root.d until dib's unmount points) */
	bool has_hooks_mount;	/* SB_HOOKS read-only on /tmp/in_target.d of the target; made and removed around the step */
	uint64_t timeout;	/* seconds, 0: none */
	/* Each line of output, as it comes; may be NULL. */
	void (*on_line)(void *context, const char *line, size_t n);
	void *on_line_context;
};

/* A bind mount that a step left below SB_MNT, to be made again in the steps that follow. */
struct sandbox_left {
	const char *source, *target;
};
struct sandbox_left_vec VEC(struct sandbox_left);

struct sandbox_result {
	int status;		/* wait status of what ran */
	struct sandbox_left_vec left; /* in the arena given; only binds */
	struct str_vec gone;	/* in the arena given; targets of the step's binds that it unmounted */
	bool has_other_mounts;	/* it left a mount that is no bind: the interval is one unit */
	bool timed_out;
};

/* Runs one step. ERR is for what kept it from running (stage and reason: "chroot: Permission denied"); a step
 * that ran and failed is 0 with its status. */
int sandbox_run(const struct sandbox_step *step, struct arena *a, struct sandbox_result *ret_result,
		struct ib_error *err);

/* Mounts the merged layers read-only at SB_TREE/<n> in the supervisor and opens their fs/mnt as it is in the
 * image (no overlay marks, right ids). The descriptor keeps it until the supervisor ends. ret_root, where it is not
 * NULL, is its path in the supervisor's root; freed by the caller. */
int sandbox_open_tree(const struct sandbox_layers *layers, int *ret_root_fd, char **ret_root, struct ib_error *err);

/* What this machine lacks for the sandbox: calls ADD for each (what, why, package or NULL, todo or NULL); what it
 * gets lives as long as the call. Tries for real, in a child: user namespace with the whole map, proc, notifier,
 * overlay with opaque directory and whiteout on the file system of STORE (which need not exist; may be NULL). 0 when
 * nothing is missing. */
int sandbox_preflight(const char *store,
		      void (*add)(void *context, const char *what, const char *why, const char *package,
				  const char *todo),
		      void *context);

#endif
