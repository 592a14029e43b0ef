/* SPDX-License-Identifier: Apache-2.0 */
/* IR and elements become steps, ordered and with input keys. Pure: reads files, runs and writes nothing. */
#ifndef IMAGEBUILD_PLAN_H
#define IMAGEBUILD_PLAN_H

#include "element/element.h"
#include "support/crypto.h"

#include <imagebuild/options.h>

struct base;
struct layout;
struct plan;
struct step;
struct store;

enum step_code {
#define STEP(name, verb) STEP_##name,
#include "plan/steps.def"
#undef STEP
	STEPS
};

struct step_kind {
	const char *name, *verb;
	/* Adds the canonical serialisation of the step's own inputs (arguments, bytes of files); not its parent's
	 * key. What it adds is what `emit keys` prints: lines "name length:value\n". */
	int (*hash)(const struct step *s, const struct plan *plan, struct buf *out, struct ib_error *err);
	/* One line for people: "RUN apt-get update", "pre-install.d/50-x (element base)". */
	void (*describe)(const struct step *s, struct buf *out);
};
extern const struct step_kind step_kinds[STEPS];

struct step {
	enum step_code code;
	struct ib_span at;		/* recipe text, or the element's file that asked for it */
	enum ib_phase phase;
	long number;			/* sorts within the phase */
	const char *name;		/* the hook's name, RUN's --name or a slug: names the log */
	const struct element *element;	/* whose hook, op or request it is; NULL: the recipe or the engine */
	const struct hook_file *hook;	/* STEP_hook */
	const struct ib_op *op;		/* STEP_run, copy, workdir, packages as own step */
	bool is_removal;		/* STEP_packages: the transaction that removes, at the phase's end */
	bool is_decided_at_build;	/* its run key needs more than its input key */
	const struct package_request_vec *requests; /* STEP_packages: the stage's, or those of op */
	const struct copy_entry_vec *entries; /* STEP_copy: what it takes of the context, as planned */
	const struct copy_entry_vec *mounted; /* STEP_run: the same for each of its mounts */
	const struct base *base;	/* STEP_base: as the context has it */
	struct u32_vec needs;		/* indices of earlier steps of the stage; today the one before it */
	struct digest input_key;
	struct buf key_text;		/* what the key is the SHA-256 of */
};
struct step_vec VEC(struct step);

/* A disk of a stage. */
struct plan_disk {
	struct layout *layout;
	const char *name;		/* of NAME-DISK.EXT; NULL: the only one */
	const struct ib_op *op;		/* its LAYOUT, or NULL */
};
struct plan_disk_vec VEC(struct plan_disk);

struct plan_stage {
	const struct ib_stage *ir;
	const struct plan_stage *parent; /* whose tree it continues, or NULL */
	bool is_product;		/* it is finished and written; else others need its tree alone */
	bool is_sound;			/* planned without errors: others can continue it */
	const struct base *base;	/* what it starts from where that is no element or stage; or NULL */
	struct element_set set;		/* the parent's members first */
	size_t inherited;		/* members that the parent has */
	struct ib_op_vec settings;	/* LABEL, CONFIG and LAYOUT: the parent's without LAYOUT, the fragments', then the
					 * stage's own, which win */
	size_t inherited_settings;	/* how many of them are the parent's */
	struct hooks hooks;		/* of all members */
	struct hooks own_hooks;		/* of those that are not inherited: the stage's hooks layer */
	struct package_request_vec packages;
	struct source_line_vec sources;	/* of source-repository-* files; empty where NO_SOURCE_REPOSITORIES is known */
	struct step_vec steps;
	uint32_t tree_end;		/* steps before it make the tree (to post-root), which is what other
					 * stages see; the rest finish a product */
	struct map guessed;		/* variables known without a shell */
	struct ib_pair_vec env;		/* what hooks get besides the engine's own: --env, ENV, DIB_BLOCK_DEVICE of a LAYOUT */
	struct layout *layout;		/* of the disk with the root; NULL where there is no disk */
	struct plan_disk_vec disks;	/* in the order of the text */
	bool has_bootloader;		/* `bootloader` is in the closure */
	struct digest last_key;		/* the seed of UUIDs */
	struct str_vec hook_lines;	/* of hooks_lines */
	struct digest hooks_all;	/* of hooks/, taken before the keys: the build checks it */
	struct digest hooks_shared;	/* of what every hook can read: hooks/ without the phases' directories */
	struct digest hooks_beside[IB_PHASES]; /* of what lies beside a phase's hooks and is none */
};

/* What --from=oci: or tar: of an instruction names. */
struct plan_import {
	const struct ib_tree_ref *ref;	/* the instruction's own */
	const char *context;		/* what its path is relative to */
	const struct base *base;
};
struct plan_import_vec VEC(struct plan_import);

struct plan {
	struct arena *arena;
	struct plan_import_vec imports;
	struct intern *names;
	const struct ib_ir *ir;		/* borrowed */
	const struct ib_options *options; /* borrowed */
	struct ib_sources *sources;	/* borrowed */
	struct elements *elements;	/* borrowed */
	struct plan_stage *stages;	/* those of ir->stages that a product needs, in its order */
	size_t stages_len;
	int64_t epoch;			/* SOURCE_DATE_EPOCH as derived; -1: the archive's date, known at build */
	const char *arch;
	const char *context;		/* the context directory, absolute; NULL where there is none */
	const char *pkg_map;		/* the recipe's pkg-map file in the context, absolute, or NULL */
	struct store *statcache;	/* borrowed while the plan is made or run, or NULL */
	bool is_running;		/* statcache may be written */
};

/* The stage that STEP belongs to. */
const struct plan_stage *plan_stage_of(const struct plan *p, const struct step *step);
/* The stage of the IR's index I; NULL where no product needs it. */
const struct plan_stage *plan_stage_find(const struct plan *p, uint32_t i);
/* Input key of the step that completes STAGE's tree. */
const struct digest *plan_tree_key(const struct plan_stage *stage);
/* An env_lookup over plan_stage: what is known without a shell. CONTEXT is a struct plan_known. */
struct plan_known {
	const struct plan *plan;
	const struct plan_stage *stage;
};
const char *plan_known_find(const void *context, const char *name);

/* The directory that OP's paths are relative to: the context, or a fragment's own. */
const char *plan_context(const struct plan *p, const struct ib_op *op);

/* A path that a COPY of the context takes, without what .imageignore keeps out. */
struct copy_entry {
	const char *path;		/* below the context, no leading "/": open it with fs_open_beneath */
	const char *name;		/* below the destination: "" for a file that is given the destination's name */
	mode_t mode;			/* as lstat says */
	struct ib_span at;		/* the word that took it */
};
struct copy_entry_vec VEC(struct copy_entry);

/* Expands the sources of COPY: directories before what is in them, byte order. A directory given as a source
 * stands for what is in it, as in a Dockerfile; a file goes into the destination under its own name where the
 * destination ends in '/' or more than one source is given, else it is the destination (name ""; where that is
 * an existing directory of the target the caller puts it into it). Missing sources, globs without a match and
 * paths that leave the context, also by a symlink, are reported (CONTEXT). -1 with DIAG set. */
int plan_copy_expand(const struct plan *p, const struct ib_op *op, struct arena *a, struct copy_entry_vec *ret_entries,
		     struct ib_diag *diag);

/* The same for COPY --from: in the tree below ROOT_FD symbolic links lead within it, and nothing is
 * ignored. What is missing is an error of the step, at its word. */
int plan_copy_expand_tree(const struct ib_op *op, int root_fd, struct arena *a,
			  struct copy_entry_vec *ret_entries, struct ib_error *err);
/* The value of a mount's key, or NULL; whether a switch is on. */
const char *mount_value(const struct ib_mount *m, const char *key);
bool mount_is(const struct ib_mount *m, const char *key);
/* Whether it shows files of the context or of another tree: a bind, or a cache that begins with some. */
bool mount_takes_tree(const struct ib_mount *m);
/* Where it is mounted, absolute in the target; NULL for a secret that is a variable alone. */
const char *mount_target(const struct ib_op_run *run, const struct ib_mount *m, struct arena *a);
/* "64MiB" in bytes; false for what is no size. */
bool mount_size(const char *text, uint64_t *ret_bytes);
/* An --input: absolute, or relative to the caller's directory. */
const char *plan_input(const struct plan *p, const char *path);
/* What a RUN takes of the context: an array with an entry a mount. A bad mount, and a --script that is not there,
 * are reported. -1 with DIAG set. */
int plan_run_expand(const struct plan *p, const struct ib_op *op, struct arena *a,
		    struct copy_entry_vec **ret_mounted, struct ib_diag *diag);
/* Finds what NAME ("base/base.h") is in the directory CONTEXT and looks at it; AS has kind and place. -1 with
 * DIAG set, or the machine's error. */
int plan_base_find(const struct plan *p, const char *context, const struct base *as, const char *name,
		   struct arena *a, const struct base **ret_base, struct ib_diag *diag, struct ib_error *err);
/* The same for a FROM. */
int plan_base_of(const struct plan *p, const struct ib_op *op, struct arena *a, const struct base **ret_base,
		 struct ib_diag *diag, struct ib_error *err);
/* The base that STAGE, or the stage that it continues, starts from; NULL: an element. */
const struct base *plan_base_below(const struct plan_stage *stage);
/* The import of REF; NULL: it names none. */
const struct plan_import *plan_import_find(const struct plan *p, const struct ib_tree_ref *ref);
/* A key of what B is, as it is now. */
int plan_base_key(const struct plan *p, const char *context, const struct base *b, struct digest *ret_key,
		  struct ib_error *err);
/* Opens it; -1 with errno set. */
int plan_base_open(const char *context, const struct base *b);

/* The input key of S, a step of STAGE or a copy of one with other entries, as its files are now. */
int plan_key_again(const struct plan *p, const struct plan_stage *stage, const struct step *s,
		   struct digest *ret_key, struct ib_error *err);

/* A source of ADD: a file, or a repository "URL[#REF[:DIRECTORY]]". */
struct add_url {
	bool is_git;
	const char *url, *ref, *subdir;	/* git: NULL where not given */
	const char *name;		/* of a file: the last component of the URL's path; may be "" */
};
void plan_add_url(const char *text, struct arena *a, struct add_url *ret_url);
/* The request of a SOURCE op, not yet settled. */
struct source_request plan_source_of(const struct ib_op *op);

/* What the plan needs of the machine and is not there. */
struct missing {
	const char *what;		/* "mmdebstrap" */
	const char *why;		/* "element debian-minimal names it in host-tools" */
	const char *package;		/* Debian's package that has it, or NULL */
	const char *todo;		/* what to do where no package helps, or NULL */
	struct ib_span at;
};
struct missing_vec VEC(struct missing);

/* The passes elements, lower, order, key, layout_check. User mistakes go to DIAG (-1), the machine's to ERR.
 * IR, OPTIONS, SOURCES and ELEMENTS outlive the plan. STATCACHE (may be NULL) is read only. */
int ib_plan_new(const struct ib_ir *ir, const struct ib_options *options, struct ib_sources *sources,
		struct elements *elements, struct store *statcache, struct ib_diag *diag,
		struct plan **ret_plan, struct ib_error *err);
void ib_plan_free(struct plan *p);

/* Everything the plan needs (tools, id ranges, kernel features, disk space, --input files), checked in
 * one go; what is missing is listed. 0, or -1 where the list is not empty. */
int ib_plan_preflight(const struct plan *p, struct missing_vec *ret_missing);

/* `plan` for people: a table of phase, number, side, step, origin, state of its key. STORE may be NULL. */
void ib_plan_print(const struct plan *p, struct store *store, struct buf *out);
/* `graph`: DOT. Stages need the IR alone. */
enum plan_graph { PLAN_GRAPH_ELEMENTS, PLAN_GRAPH_STAGES, PLAN_GRAPH_STEPS };
void ib_plan_graph(const struct plan *p, enum plan_graph kind, struct buf *out);
/* emit plan, emit keys, emit layout. HAS_STATES: with what STORE (may be NULL) has of each step. */
void ib_plan_emit(const struct plan *p, struct store *store, bool has_states, struct buf *out);
void ib_plan_emit_keys(const struct plan *p, struct buf *out);
void ib_plan_emit_layout(const struct plan *p, struct buf *out);

#endif
