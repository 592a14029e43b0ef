/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the back end's pass table share. */
#ifndef IMAGEBUILD_BUILD_INTERNAL_H
#define IMAGEBUILD_BUILD_INTERNAL_H

#include "build.h"
#include "cache/cache.h"
#include "output/output.h"
#include "plan/plan.h"
#include "support/crypto.h"

#include <imagebuild/error.h>
#include <imagebuild/vec.h>
#include <sys/stat.h>

/* One output file of the build. */
struct target {
	uint32_t stage; /* index of the plan's stage */
	const struct ib_op_output *op;
	const struct output_format *format;
	const char *name; /* the image's name, as IMAGE_NAME has it */
	const char *stem; /* the file's, without suffix: NAME, or NAME-DISK of one of several disks */
	uint32_t disk;    /* index of the stage's disk; 0 where the format is of no disk */
	const char *path; /* absolute */
	struct output_file file;
	bool is_open;
	struct stat before; /* of what stands at path when the build starts */
	bool has_before;
	struct digest key; /* what it is made of; set by the supervisor */
	bool is_current;   /* path holds it already */
};
struct target_vec VEC(struct target);

/* A secret's bytes, of the caller's file or variable. */
struct build_secret {
	const char *id;
	char *data;
	size_t len;
};
struct build_secret_vec VEC(struct build_secret);

struct build {
	struct plan *plan;
	struct build_secret_vec secrets;
	const struct ib_sink *sink; /* the caller's; in the supervisor the pipe's */
	struct arena *arena;
	struct store *store;
	struct target_vec targets;
	const char *log_dir;
	int log_dir_fd;
	int directory_fd; /* the caller's directory, writable */
	int pipe_fd;      /* supervisor's end */
	uint32_t count;   /* steps that run, then disks and files of products */
};

/* build_output.c: which files, and whether they are there. */
int targets_collect(struct build *b, struct ib_error *err);
int targets_open(struct build *b, struct ib_error *err);
void targets_drop(struct build *b);
/* In the supervisor: the target's key, and whether its file is what the store's record says. */
void target_check(struct build *b, struct target *t, const struct digest *tree_key, int64_t epoch);
/* In the caller, after the supervisor's success. */
int targets_publish(struct build *b, struct ib_error *err);
/* build_config.c: what docker and oci say about T's image. */
void target_config(const struct build *b, const struct target *t, struct image_config *ret_config);

/* build_relay.c: what the supervisor tells the caller. */
struct ib_sink relay_sink(struct build *b);
void relay_error(struct build *b, const struct ib_error *err);
void relay_target(struct build *b, uint32_t index);
void relay_bytes(struct build *b, uint64_t bytes);
struct relay {
	struct build *build;
	struct ib_error *err;
	bool has_error;
	uint64_t bytes;
	struct buf pending;
};
/* Takes what the pipe has now; 0 at its end. */
int relay_read(struct relay *r, int fd, struct ib_error *err);

/* build_supervisor.c: runs in the supervisor with struct build as its argument. */
int supervise(void *arg);

#endif
