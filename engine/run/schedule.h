/* SPDX-License-Identifier: Apache-2.0 */
/* The loop's own parts: keys, one step's execution, logs, what a layer says of itself. */
#ifndef IMAGEBUILD_SCHEDULE_H
#define IMAGEBUILD_SCHEDULE_H

#include "run/stage.h"

/* key.c */
/* home.c: the caller's files that a host hook names. */
struct home_file {
	const char *source, *target; /* absolute; TARGET below SB_HOME */
	struct digest digest;
};
struct home_file_vec VEC(struct home_file);
void home_files(struct stage_run *sr, const struct step *s, struct home_file_vec *ret_files);

bool step_names_variable(const struct stage_run *sr, const struct step *s, const char *name);
int run_key(struct stage_run *sr, const struct step *s, struct digest *ret_key, struct ib_error *err);
bool step_is_forced(const struct stage_run *sr, const struct step *s);
/* Gives the step another key from now on, also in later builds. */
int step_new_salt(struct stage_run *sr, const struct step *s, struct ib_error *err);

/* execute.c */
int step_execute(struct stage_run *sr, const struct step *s, const struct digest *key,
		 struct ib_error *err);
void emit_step(struct stage_run *sr, const struct step *s, enum ib_event_kind kind,
	       struct ib_event *e);
void stage_note(struct stage_run *sr, struct ib_span at, const char *fmt, ...) IB_PRINTF(3, 4);

/* schedule.c: whether a step wrote to NAME ("": any) in the directory of PHASE. */
bool has_written_hooks(const struct stage_run *sr, enum ib_phase phase, const char *name);
/* A layer, new or found, becomes part of the stage. */
int take_layer(struct stage_run *sr, const struct step *s, const struct digest *key,
	       const char *dir, struct ib_error *err);

/* hooks.c */
int hooks_open(struct stage_run *sr, struct ib_error *err);
/* False for a hook of the plan that another hook has removed; says so. */
bool hook_is_there(struct stage_run *sr, const struct step *s);
/* Hooks of the phase that are no step of the plan, to sr->extra. */
void hooks_find_extra(struct stage_run *sr);
bool extra_is_before(const struct step *extra, const struct step *s);

/* copy.c: whether S, a step with an op, takes files of the context or the host; S with its key and entries as the context is now; whether that is still so. */
bool step_takes_files(const struct step *s);
int copy_refresh(struct stage_run *sr, const struct step *s, const struct step **ret_step,
		 struct ib_error *err);
int copy_verify(struct stage_run *sr, const struct step *s, struct ib_error *err);

/* base.c: the same for a base. */
int base_refresh(struct stage_run *sr, const struct step *s, const struct step **ret_step,
		 struct ib_error *err);
int base_verify(struct stage_run *sr, const struct step *s, struct ib_error *err);

/* fetched.c: finds what S takes from elsewhere and what its key is to have of it. Nothing is
 * fetched where the key is known without. */
int fetched_find(struct stage_run *sr, const struct step *s, struct ib_error *err);
void fetched_hash(const struct stage_run *sr, struct hasher *h);
/* Fetches what is not in the cache yet, checks checksums. */
int fetched_get(struct stage_run *sr, const struct step *s, struct ib_error *err);
/* The environment of curl and git. */
const char *const *fetched_env(struct stage_run *sr);
/* sources.c: the settled requests of the step that are to be fetched. */
int sources_find(struct stage_run *sr, const struct step *s,
		 struct source_request_vec *ret_requests, struct ib_error *err);

/* meta.c: meta.json of a layer. */
struct layer_meta {
	struct sandbox_left_vec left;
	struct str_vec gone; /* targets of earlier mounts that it took away */
	bool is_empty;       /* fs/ and out/ hold nothing */
	bool has_epoch, has_resolv;
	int64_t epoch;                /* the archive's date, of `enter` */
	struct digest resolv;         /* of the resolv.conf that `enter` wrote */
	const char *env;              /* environ steps */
	const char *distro, *release; /* base: of the tree's os-release, or NULL */
};
bool meta_is_empty(const char *draft);
void meta_write(const struct step *s, const struct layer_meta *meta, struct buf *out);
int meta_read(struct stage_run *sr, const char *dir, struct layer_meta *ret_meta,
	      struct ib_error *err);
/* base.c, root.c: what the functions of `base` and `enter` handed back. */
int base_take(struct stage_run *sr, int fd, struct layer_meta *meta, struct ib_error *err);
int enter_take(int fd, struct layer_meta *meta, struct ib_error *err);

/* log.c */
#define LOG_TAIL_BYTES 1400

struct step_log {
	int fd;
	char *path; /* for people */
	struct stage_run *sr;
	struct buf tail; /* the last lines */
	int lines_max;
	uint64_t start; /* of the step, nanoseconds */
};
#define LOG_INIT         \
	{                \
		.fd = -1 \
	}
int log_open(struct stage_run *sr, const struct step *s, struct step_log *ret_log,
	     struct ib_error *err);
void log_release(struct step_log *log);
/* sandbox_step.on_line */
void log_line(void *context, const char *line, size_t n);
/* The last lines, without the last newline. */
void log_tail(const struct step_log *log, struct buf *out);

#define cleanup_log __attribute__((cleanup(log_release)))

#endif
