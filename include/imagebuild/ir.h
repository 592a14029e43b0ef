/* SPDX-License-Identifier: Apache-2.0 */
/* The intermediate representation: what a recipe means, checked and expanded. Stages are arrays of
 * ops in the order of the text; references are indices; names are interned. Printed as JSON by
 * `imagebuild emit ir` (docs/ir.md). */
#ifndef IMAGEBUILD_IR_H
#define IMAGEBUILD_IR_H

#include <imagebuild/vec.h>

#define IB_IR_VERSION 1

enum ib_side { IB_HOST, IB_CHROOT };

enum ib_phase {
	IB_PHASE_NONE = -1,
#define PHASE(id, name, side) IB_PHASE_##id,
#include <imagebuild/phases.def>
#undef PHASE
	IB_PHASES
};

struct ib_phase_info {
	const char *name; /* "pre-install"; the hooks' directory is name + ".d" */
	enum ib_side side;
};
extern const struct ib_phase_info ib_phases[IB_PHASES];
/* IB_PHASE_NONE for an unknown name. */
enum ib_phase ib_phase_find(const char *name);
/* The phase whose hooks' directory is called by the N bytes at NAME ("install.d"). */
enum ib_phase ib_phase_of_directory(const char *name, size_t n);

enum ib_format {
#define FORMAT(name, suffix) IB_FORMAT_##name,
#define FORMAT_QEMU FORMAT
#define FORMAT_LATER FORMAT
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER
	IB_FORMATS
};
/* What OUTPUT and -t may say. */
extern const char *const ib_formats[IB_FORMATS];

enum ib_opcode {
#define OP(id, name, phase, effects) IB_OP_##id,
#include <imagebuild/ir_ops.def>
#undef OP
	IB_OPS
};

enum ib_effect { IB_EFFECT_PURE, IB_EFFECT_NET, IB_EFFECT_HOST, IB_EFFECT_NOCACHE };

struct ib_op_info {
	const char *name;
	enum ib_phase phase; /* default; IB_PHASE_NONE for ops that are no step */
	enum ib_effect effect;
};
extern const struct ib_op_info ib_ops[IB_OPS];

struct ib_pair {
	const char *key, *value;
	struct ib_span at;
};
struct ib_pair_vec VEC(struct ib_pair);

/* Whether a variable's name says that its value is a secret (PASSWORD, TOKEN, KEY ... in it, in any case): it
 * prints as <set> everywhere. */
bool ib_is_secret_name(const char *variable);

/* Whether ADD takes TEXT for a git repository: git@, git:, ssh:, or a path that ends in ".git". */
bool ib_is_git_url(const char *text);

struct ib_word {
	const char *text;
	struct ib_span at;
};
struct ib_word_vec VEC(struct ib_word);

/* --when on a step: over the variables of its phase's environment, decided when it runs. */
struct ib_cond {
	const char *key, *value;
	bool is_negated;
	struct ib_span at;
};
struct ib_cond_vec VEC(struct ib_cond);

struct ib_ir;

/* A node of a layout: from LAYOUT or from dib's YAML, the same tree. Attribute values are the words
 * as written (sizes unparsed: block/ reads them and points at their spans). */
struct ib_node {
	const char *kind;	    /* a row of nodes.def: "gpt", "partition", "ext4" */
	const char *name;	    /* the word behind the kind, else name=, else NULL */
	struct ib_span at, name_at; /* the kind's word; the name's */
	struct ib_pair_vec attrs;   /* keys without '=' */
	struct ib_node *children, *next; /* in the order of the text */
};

enum ib_base_kind { IB_BASE_ELEMENT, IB_BASE_STAGE, IB_BASE_SCRATCH, IB_BASE_TAR, IB_BASE_OCI, IB_BASE_DISK };

struct ib_op_base {
	enum ib_base_kind kind;
	const char *name;	/* element's name; path for tar, oci, disk */
	uint32_t stage;		/* for IB_BASE_STAGE */
	const char *arch;	/* --arch in Debian's words ("amd64"), NULL if not given */
	struct ib_span at;	/* the word that says what it is */
};

struct ib_op_element {
	const char *name; /* or a path that starts with ./ */
	bool is_path;
};

enum ib_run_form {
	IB_RUN_SHELL,  /* text for `shell` */
	IB_RUN_EXEC,   /* argv as it is */
	IB_RUN_SCRIPT, /* text that starts with #!: run as a file */
	IB_RUN_FILE    /* --script=FILE of the context */
};

/* A tree that COPY --from and RUN --mount from= read. */
enum ib_from { IB_FROM_CONTEXT, IB_FROM_STAGE, IB_FROM_OCI, IB_FROM_TAR };

struct ib_tree_ref {
	enum ib_from kind;
	const char *name; /* of the stage; path in the context for oci (with :TAG) and tar; for the context
			     itself a fragment's directory, NULL: the recipe's */
	uint32_t stage;	  /* IB_FROM_STAGE: its index */
	struct ib_span at;
};

enum ib_mount_type { IB_MOUNT_BIND, IB_MOUNT_CACHE, IB_MOUNT_TMPFS, IB_MOUNT_SECRET };
/* "bind", "cache" and so on, as the recipe writes them. */
extern const char *const ib_mount_types[];

struct ib_mount {
	enum ib_mount_type type;
	struct ib_pair_vec keys; /* checked, in the order of the text */
	struct ib_tree_ref from; /* from=; the context where it is not given */
	struct ib_span at;
};
struct ib_mount_vec VEC(struct ib_mount);

struct ib_op_run {
	enum ib_run_form form;
	const char *text;	  /* SHELL: a body that ends with \n; SCRIPT: the file; FILE: the path */
	struct ib_span text_at;	  /* of the body, so that a line number inside it can be pointed at */
	struct str_vec argv;	  /* EXEC */
	struct str_vec shell;	  /* SHELL: as of this line */
	const char *name;	  /* --name, or NULL */
	struct ib_pair_vec env;	  /* ENV and ARG as of this line, ENV winning; sorted by key */
	const char *workdir;	  /* absolute, as of this line; NULL: / (host side: the context) */
	const char *user;	  /* "U" or "U:G"; NULL: not said, which is root, or who an image of oci: names */
	struct ib_mount_vec mounts;
	struct ib_word_vec inputs; /* --input */
	const char *install_type;  /* "source", "package" or NULL */
	bool is_offline, is_uncached; /* --network=none, --no-cache */
};

struct ib_heredoc {
	const char *name; /* the file it becomes where the destination is a directory */
	const char *body;
	size_t len;
	struct ib_span at;
};
struct ib_heredoc_vec VEC(struct ib_heredoc);

struct ib_op_copy {		/* COPY and ADD */
	struct ib_tree_ref from;
	struct ib_word_vec sources; /* globs not expanded; for ADD: URLs */
	struct ib_heredoc_vec heredocs;
	struct ib_word dest;	/* absolute, or relative to the WORKDIR already joined */
	const char *chown;	/* "U:G" as written, or NULL */
	const char *chmod;	/* octal or symbolic, or NULL */
	const char *checksum;	/* ADD: hex of SHA-256, of a git URL the commit or its start, or NULL */
	bool is_unpacked;
};

struct ib_op_package {
	struct ib_word_vec names;
	bool is_removal, is_build_only;
	bool is_step;		  /* stands after the first RUN, COPY or ADD of its phase: own step at 90 */
	const char *install_type; /* or NULL */
	struct str_vec arches;	  /* empty: all */
	bool arches_negated;
};

struct ib_op_source {
	const char *name, *type, *dest, *location, *ref; /* ref may be NULL */
};

struct ib_op_layout {
	struct ib_node *root;	/* NULL for --file */
	struct ib_word file;	/* dib's YAML, or text NULL */
};

struct ib_op_output {
	struct ib_word_vec formats; /* rows of formats.def */
	const char *name;	    /* --name, or NULL */
	bool has_md5, has_sha256;
	bool is_uncompressed;	    /* --compress=no */
	struct ib_pair_vec options; /* --options=K=V, for qemu-img -o */
	struct str_vec tags;
};

struct ib_op_config {		/* CMD ENTRYPOINT EXPOSE VOLUME STOPSIGNAL, for docker and oci */
	const char *keyword;
	struct str_vec words;
	struct str_vec shell; /* CMD, ENTRYPOINT that are no array: what runs words[0], as of this line */
	bool is_exec;
};

struct ib_op {
	enum ib_opcode code;
	struct ib_span at;	/* the instruction's text without its heredoc bodies */
	struct ib_span keyword_at;
	enum ib_phase phase;	/* of a step; else IB_PHASE_NONE */
	int order;		/* 0-99; 90 where not given (ENV, ARG of a fragment: 10); -1: no step */
	const char *shell;	/* ENV, ARG of a fragment: "NAME=value" as bash reads it, its variables left to it */
	const struct ib_ir *fragment; /* where a stage has it from; paths are below its context. NULL: the recipe */
	struct ib_cond_vec when;
	union {
		struct ib_op_base base;
		struct ib_op_element element;
		struct ib_pair env;   /* also LABEL; ARG: value NULL where it has no default */
		struct ib_op_run run;
		struct ib_op_copy copy;	/* also ADD */
		struct ib_op_package package;
		struct ib_op_source source;
		struct ib_word workdir; /* absolute */
		struct ib_op_layout layout;
		struct ib_op_output output;
		struct ib_op_config config;
		struct ib_word provides;
		struct ib_word later;	/* a flag or form that is checked but not built yet: its text */
	};
};
struct ib_op_vec VEC(struct ib_op);

struct ib_stage {
	const char *name;	/* NULL if unnamed */
	struct ib_span at;	/* its FROM */
	struct ib_op_vec ops;	/* the first is BASE */
	struct ib_pair_vec env;	/* ENV: the last values, sorted by key; what elements see */
	const char *user, *workdir; /* the last USER as written and the last WORKDIR, also of the stage it continues; or NULL */
	bool is_product;
	bool is_only;		/* the one product of the recipe, whatever --target says: named by the stem */
};
struct ib_stage_vec VEC(struct ib_stage);

struct ib_ir {
	const char *file;	/* the recipe as given, "-" for standard input */
	const char *context;	/* directory, as given or derived */
	const char *stem;	/* X of X.Imagefile; NULL where there is none */
	struct ib_stage_vec stages;
	bool is_fragment;	/* no FROM: stages has one, without a BASE */
};

/* Whether a shell ends in a flag with a c in it: it takes the text itself, else a file with the text. */
bool ib_shell_takes_text(const struct str_vec *shell);

/* The name of what OP writes, without suffix: -o (GIVEN, may be NULL), else --name=, else the recipe's
 * stem (or "image"), with the stage's name where there are several products. */
const char *ib_output_name(const struct ib_ir *ir, const struct ib_stage *stage, const struct ib_op_output *op,
			   const char *given, struct arena *a);

#endif
