/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of run/ share: a stage on its way, the environment, what a step hands to the
 * sandbox. */
#ifndef IMAGEBUILD_STAGE_H
#define IMAGEBUILD_STAGE_H

#include "run/run.h"
#include "sandbox/sandbox.h"
#include "support/fetch.h"

#include <imagebuild/error.h>

/* Directories of the bottom layer beside SB_MNT, SB_HOOKS and SB_HOME. */
#define RUN_IMAGE_DIR SB_BUILD "/image"         /* TMP_IMAGE_DIR */
#define RUN_IN_TARGET "/tmp/in_target.d"        /* SB_HOOKS as the chroot sees it */
#define RUN_LOCKS SB_CACHE "/.imagebuild-locks" /* DIB_LOCKFILES */
#define RUN_HOOK_MAX (16u << 20)                /* bytes of a hook that are looked at */
#define RUN_TARGET_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* An environment: "NAME=value", no name twice. Strings and array live in an arena. */
struct env {
	struct str_vec entries;
};

void env_set(struct arena *a, struct env *e, const char *name, const char *value);
const char *env_get(const struct env *e, const char *name);
void env_unset(struct env *e, const char *name);
void env_copy(struct arena *a, struct env *to, const struct env *from);
/* Sorted by bytes, with a NULL behind it. */
const char *const *env_array(struct arena *a, struct env *e);
/* One entry a line; '\\' and newline in it as "\\\\" and "\\n". */
void env_format(const struct env *e, struct buf *out);
void env_parse(struct arena *a, const char *text, struct env *ret_env);
/* The same from `env -0`; the shell's own variables (_, SHLVL, PWD, OLDPWD) are left out. */
void env_parse_nul(struct arena *a, const char *data, size_t n, struct env *ret_env);
/* env_lookup over a struct env. */
const char *env_find(const void *context, const char *name);

/* A hook as the phase's directory has it when the phase starts. */
struct phase_hook {
	const char *name;
	struct digest digest; /* of its bytes */
	bool has_shebang; /* "#!" or ELF: executed directly; else by bash, as dib's own bash would
			   */
};
struct phase_hook_vec VEC(struct phase_hook);

/* A directory that paths of ops are relative to: the recipe's context, or a fragment's own. */
struct context {
	const char *path;
	int fd;
};
struct context_vec VEC(struct context);

/* A file or commit from elsewhere, as far as the step's key needs it. */
struct fetched {
	struct ib_span at;
	const char *url, *shown; /* shown: without a password */
	bool is_git, is_unpacked;
	const char *path;              /* in the cache; NULL: not fetched yet */
	int fd;                        /* of a file: what DIGEST is of, whatever PATH becomes */
	struct digest digest;          /* of a file */
	struct fetch_ref ref;          /* of a repository */
	const char *name, *subdir;     /* ADD */
	struct source_request request; /* SOURCE */
};
struct fetched_vec VEC(struct fetched);

/* A tree of --from=oci: or tar:. */
struct run_import {
	const struct ib_tree_ref *ref;
	struct run_tree *tree;
};
struct run_import_vec VEC(struct run_import);

struct stage_run {
	struct run *run;
	const struct plan_stage *stage;
	struct arena *arena;
	struct str_vec layers; /* oldest first: of the stage it continues, its hooks, its steps */
	size_t inherited;      /* layers of the stage it continues */
	size_t first_made;     /* the first that a step of this stage made */
	size_t steps_done;
	struct digest hooks_digest;
	struct digest parent; /* run key of the last step that is in the chain */
	enum ib_phase phase;
	struct env base, env;         /* of the phase: before and after environment.d */
	struct sandbox_left_vec left; /* bind mounts to be made again */
	struct phase_hook_vec found;  /* what the phase's directory holds */
	struct step_vec extra;        /* hooks that the plan did not know, in order */
	size_t extra_done;
	bool has_listing;     /* found is set */
	int64_t epoch;        /* SOURCE_DATE_EPOCH, -1 while unknown */
	struct digest resolv; /* of the resolv.conf that `enter` wrote */
	bool has_resolv, is_refreshed;
	const char *distro, *release; /* of the base's os-release, or NULL */
	const struct base *from;      /* what it starts from, as it was when its step began; NULL: there is none */
	uint32_t number; /* of the step, for events and logs */
	struct run_import_vec imports; /* that are known */
	struct context_vec contexts; /* that are open */
	struct fetched_vec fetched;  /* what the step at hand takes from elsewhere */
};

struct sandbox_bind_vec VEC(struct sandbox_bind);
struct layer_draft_vec VEC(struct layer_draft);
struct fd_vec VEC(int);

/* What a step asks of the sandbox. run_NAME fills it in. */
struct action {
	struct sandbox_step box;
	bool is_nothing; /* there is nothing to do: an empty layer */
	int data_fd;     /* >= 0: a memfd that fn or standard output fills for us */
	struct env env;  /* what argv gets */
	struct sandbox_bind_vec binds;
	struct store *store;	       /* of drafts */
	struct str_vec files;	       /* to be removed after the step */
	struct layer_draft_vec drafts; /* to be dropped after it */
	struct fd_vec locks;	       /* to be let go of after it */
};

/* The argument of functions that run inside the step. */
struct job {
	struct stage_run *sr;
	const struct step *step;
	int data_fd;
	const void *data; /* the step's own */
};

typedef int step_fn(struct stage_run *sr, const struct step *s, struct action *a,
		    struct ib_error *err);
#define STEP(name, verb) step_fn run_##name;
#include "plan/steps.def"
#undef STEP

/* Lets FN run in the step, with JOB as its argument. */
void action_call(struct stage_run *sr, const struct step *s, struct action *a,
		 int (*fn)(void *arg, struct ib_error *err), const void *data);
void action_bind(struct stage_run *sr, struct action *a, const char *source, const char *target,
		 bool is_file);
/* mounts.c: makes a RUN's mounts ready; adds the keys of the trees that they show to a hasher. */
int action_mounts(struct stage_run *sr, const struct step *s, struct action *a,
		  struct ib_error *err);
int action_mounts_key(struct stage_run *sr, const struct step *s, struct hasher *h,
		      struct ib_error *err);

/* base.c: variables, directory and user of the image that FROM names, for a RUN in the target. */
void base_apply_config(struct stage_run *sr, struct action *a);

/* base.c: the tree that REF, oci: or tar:, names: its key, and unless that is enough its layers. */
int import_open(struct stage_run *sr, const struct ib_tree_ref *ref, bool is_key_enough,
		struct run_tree **ret_tree, struct ib_error *err);

/* phase.c: the environment before environment.d. */
void phase_env(struct stage_run *sr, enum ib_phase phase, struct env *ret_env);
enum ib_side phase_side(enum ib_phase phase);
/* Adds what of E is keyed for S, in order, to a hasher. */
void env_hash(struct stage_run *sr, const struct step *s, struct env *e, struct hasher *h);

/* envd.c: lists the phase's directory as the layers have it. */
int phase_list(struct stage_run *sr, struct ib_error *err);
/* Reads the output of an environ step into sr->env. */
int envd_take(struct stage_run *sr, int fd, struct ib_error *err);
/* The hook of NAME in what phase_list found, or NULL. */
const struct phase_hook *phase_find(const struct stage_run *sr, const char *name);

/* root.c: a layer with this network's resolv.conf where an older build made the target's. */
int root_refresh(struct stage_run *sr, struct ib_error *err);
/* The Date of the newest Release file below apt's lists, -1 where there is none. */
int64_t root_archive_date(int root_fd);

/* Layers, newest first, for the sandbox. */
void stage_lowers(struct stage_run *sr, struct sandbox_layers *ret_layers);
/* Runs FN(JOB) over the layers without changing them. */
int stage_read(struct stage_run *sr, const char *name, int (*fn)(void *, struct ib_error *),
	       struct job *job, struct ib_error *err);
/* trees.c: the tree that REF names: its root's descriptor (borrowed), where it is in the
 * supervisor's root, and a key of its content (all zero for the context, whose files are keyed one
 * by one). Each of the ret_ may be NULL. */
int tree_ref_open(struct stage_run *sr, const struct ib_tree_ref *ref, int *ret_fd,
		  const char **ret_path, struct digest *ret_key, struct ib_error *err);
/* A memfd for what comes back from the step; its bytes, then. */
int data_new(struct ib_error *err);
int data_read(int fd, struct buf *out, struct ib_error *err);

/* target.c: the number of the first of PATHS that the target, as the layers have it, has; N: none. */
int target_find(struct stage_run *sr, const char *const *paths, size_t n, struct ib_error *err);
/* target.c: files of the target, from a function inside the step. The root is SB_MNT. */
int target_open(struct ib_error *err);
/* mkdir -p within the root; symlinks count as in a chroot. Returns the open directory or -errno. */
int target_mkdirs(int root_fd, const char *path, mode_t mode, struct ib_error *err);
/* Splits PATH and opens its directory as target_mkdirs does; the last component in ret_base. */
int target_parent(int root_fd, const char *path, const char **ret_base, struct ib_error *err);
int target_write(int root_fd, const char *path, const void *data, size_t n, mode_t mode,
		 struct ib_error *err);

#endif
