/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the steps of a stage, in the supervisor: environment of a phase, layers, logs, hits and
 * misses. */
#ifndef IMAGEBUILD_RUN_H
#define IMAGEBUILD_RUN_H

#include "cache/cache.h"
#include "plan/plan.h"

#include <imagebuild/event.h>

/* A tree that steps read or that a stage continues: another stage's as it stood after post-root, or
 * an imported archive's. */
struct run_tree {
	const char *const *layers; /* newest first */
	size_t layers_len;
	struct digest key; /* run key of the step that made the last of them */
	int64_t epoch;
	struct digest resolv; /* of the resolv.conf that the build put into it */
	bool has_resolv, is_refreshed;
	const char *distro, *release; /* of the os-release of an imported root, or NULL */
	const char
		*root; /* where its root is mounted read-only, once run_tree_open has; else NULL */
	int root_fd;
};

/* --secret, read by the caller; never written to a disk. */
struct run_secret {
	const char *id, *data; /* data: NUL-terminated */
	size_t len;
};
struct run_secret_vec VEC(struct run_secret);
struct stage_run;

struct run {
	const struct plan *plan;
	struct run_secret_vec secrets;
	struct run_tree *const *trees; /* by index of the IR's stages: those made so far; or NULL */
	struct store *store;
	const struct ib_sink *sink;
	struct arena *arena;
	const char *log_dir; /* <state>/logs/<build id>, for people */
	int log_dir_fd; /* the same, opened by the caller: it is read-only in the supervisor's root
			 */
	const char *image_name; /* IMAGE_NAME */
	/* What hooks are told of the disk (block.h, layout_*); NULL where the stage has none. */
	const char *root_label, *root_fstype, *boot_label, *mount_points;
	const char *fstab;          /* what `leave` writes to etc/fstab, or NULL */
	uint32_t first_step, count; /* numbering over all stages, for events */
	int64_t epoch;
	struct stage_run *at; /* between run_tree_make and run_finish */
	/* After either: */
	const char *const *layers; /* newest first, hooks layer last */
	size_t layers_len;
	struct digest tree_key; /* run key of the last step */
	const struct map *env;  /* environment of the last phase: interned name -> value */
	uint32_t steps_run;     /* that were no hit */
	struct layer_draft
		refresh; /* a layer that is no part of the store: this network's resolv.conf */
};

#define RUN_INIT                                          \
	{                                                 \
		.log_dir_fd = -1, .refresh = { NULL, -1 } \
	}

/* Runs or finds the steps of STAGE that make its tree, in order, on the tree that it continues.
 * What ret_tree says then lasts until run_release. A failing step: ERR with exit IB_EXIT_STEP, the
 * step's place in err->at, the tail of its output in err->text, its log in err->hint. */
int run_tree_make(struct run *run, const struct plan_stage *stage, struct run_tree *ret_tree,
		  struct ib_error *err);
/* The same for the steps that finish it. */
int run_finish(struct run *run, struct ib_error *err);
/* Mounts and opens T, once; it stays so until the supervisor ends. */
int run_tree_open(struct run_tree *t, struct arena *a, struct ib_error *err);
/* Copies what the layers' out/ directories hold into the caller's directory, newest winning. DIR_FD
 * is it. */
int run_publish(struct run *run, int dir_fd, struct ib_error *err);
/* Drops what was made for this build alone. The layers are not needed any more. */
void run_release(struct run *run);
/* A variable of the last phase's environment. */
const char *run_env(const struct run *run, const char *name);

#endif
