/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules see. A rule is a row of rules/<subject>.def and a function lint_<NUMBER>, which looks at one subject
 * and reports with lint_add; it keeps nothing and runs nothing. */
#ifndef IMAGEBUILD_LINT_PRIVATE_H
#define IMAGEBUILD_LINT_PRIVATE_H

#include "element/element.h"
#include "lint/lint.h"

#include <imagebuild/ast.h>
#include <imagebuild/map.h>
#include <imagebuild/recipe.h>

struct plan;
struct shell;
struct yaml_node;

/* IB_R_<SLUG>: the rows of rules/<subject>.def. */
enum lint_rule_id {
#define RULE(id, slug, severity, traits, summary) IB_R_##slug = (id),
#include "lint/rules/all.def"
#undef RULE
};

/* What .imagebuild.yaml says under `lint`, for one input. */
struct lint_config {
	const char *file;		/* NULL: none found */
	struct map levels;		/* slug of a row, interned -> int *: a severity, IB_NOTE: off */
	int fail_level;			/* -1: not said */
	bool requires_reason;
	const char *baseline;
	struct str_vec trusted_sources; /* beginnings of URLs; empty: any */
	struct str_vec labels;		/* names that a recipe must have */
	unsigned run_lines;		/* a longer RUN is INSTRUCTION_TOO_LONG */
};

enum lint_language { LINT_SH, LINT_BASH, LINT_OTHER };

/* A script: the body of a RUN, a hook, a file of environment.d. */
struct lint_script {
	const char *text;
	size_t len;
	struct ib_span at;		/* of the text in the source */
	const struct ib_segment_vec *segments; /* of the text where it was continued; or NULL */
	const struct shell *shell;	/* tokenised; NULL for LINT_OTHER */
	enum lint_language language;
	const char *shebang;		/* its first line where that begins with #!, or NULL */
	enum ib_phase phase;		/* IB_PHASE_NONE: none that is known */
	enum ib_side side;
	bool is_hook, is_environment;	/* of an element; sourced by every phase */
	bool has_errexit;		/* run by a shell with -e: RUN's default */
	const char *path;		/* of a hook: below its element; or NULL */
	const struct ib_ast_instruction *run;	/* of a recipe, or NULL */
	const char *base;		/* what the FROM above the RUN names, or NULL */
	const struct lint_recipe *recipe;	/* whose RUN it is, or NULL */
	const struct lint_element *element;	/* whose file it is, or NULL */
};
struct lint_script_vec VEC(struct lint_script);

/* A recipe or a fragment. */
struct lint_recipe {
	struct ib_recipe *recipe;
	const struct ib_ast *ast;
	const struct ib_ir *ir;		/* NULL where it does not compile */
	const struct plan *plan;	/* NULL where it has none: a fragment, a mistake, a missing element */
	struct elements *elements;
	struct ib_span text;		/* its file */
	struct lint_script_vec scripts;
	bool has_includes;
	struct map behind;		/* where it has: an instruction -> the one behind it */
	const struct lint_config *config;
};

/* A file of an element. */
struct lint_file {
	const char *path;		/* below the element: "install.d/50-x" */
	const char *shown;		/* as messages name it */
	mode_t mode;			/* as stat says: of a link's target */
	bool is_link;
	struct ib_span text;		/* {0,0}: not text, too long, or a directory */
};
struct lint_file_vec VEC(struct lint_file);

struct lint_element {
	const char *name, *dir;		/* dir: absolute */
	const char *shown;		/* the directory as given */
	struct lint_file_vec files;	/* all below it, sorted by path; hidden ones and __pycache__ left out */
	struct lint_script_vec scripts; /* hooks, environment.d, bin/ */
	struct elements *elements;	/* of the search path, its tree first */
	const struct lint_config *config;
};

/* A LAYOUT or dib's block-device YAML. */
struct lint_layout {
	const struct ib_node *root;	/* NULL: YAML that does not parse */
	const struct lint_recipe *recipe; /* NULL: a YAML file */
	const struct ib_stage *stage;	/* whose LAYOUT it is, or NULL */
	struct ib_span at;
	const struct lint_config *config;
};

/* A file that was judged. */
struct lint_input {
	const char *name;	  /* as given, or below what was given */
	const char *path;	  /* to open it; NULL: standard input */
	struct ib_span text;
	const struct lint_config *config;
	const struct lint_recipe *recipe;   /* which it is, or NULL */
	const struct lint_script *script;   /* likewise */
};

struct lint {
	struct arena *arena;
	struct intern *names;
	const struct ib_options *options;
	const struct lint_settings *settings;
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct str_vec files;		/* names of inputs, in order */
	struct map inputs;		/* name -> struct lint_input * */
	struct map libraries;		/* directory -> struct elements * */
	struct map baselines;		/* file -> struct map *, its fingerprints */
	struct map configs;		/* file, "" for none -> struct lint_config * */
	struct {
		struct lint_recipe **items;
		size_t len, cap;
	} recipes;			/* to be freed */
	struct lint_script_vec scripts; /* all, for shellcheck */
	const void *known_of;		/* the recipe or element that KNOWN is of */
	struct map known;		/* names that it sets for its scripts -> themselves */
	const struct lint_recipe *removed_of; /* the recipe that REMOVED is of */
	unsigned removed;		/* package managers' caches that its scripts remove or that were reported, a bit each */
	bool has_shellcheck;		/* it was run */
	const char *note;		/* what should be known of the run, or NULL */
	struct lint_result_vec results;
};

/* The row of a rule. */
const struct ib_diag_row *lint_row(enum lint_rule_id id);

/* Reports; then ib_diag_note, _hint and _edit on l->diag. Text as for ib_diag_add. */
#define lint_add(l, id, at, ...) ib_diag_add_row((l)->diag, lint_row(id), (at), __VA_ARGS__)

/* Bytes [start, end) of a script's text in the source: exact also where lines were continued. */
struct ib_span lint_script_span(const struct lint_script *s, size_t start, size_t end);
/* The file PATH of an element, or NULL; its bytes (NUL-terminated copy in l->arena), or NULL. */
const struct lint_file *lint_element_file(const struct lint_element *e, const char *path);
const char *lint_file_text(const struct lint *l, const struct lint_file *f);
/* The first byte of a file: where what is about all of it points. */
struct ib_span lint_file_span(const struct lint_file *f);
/* The instruction behind IN in the order of the text, INCLUDEs opened; the first one for IN NULL. */
const struct ib_ast_instruction *lint_next(const struct lint_recipe *r, const struct ib_ast_instruction *in);
bool lint_is(const struct ib_ast_instruction *in, const char *keyword);

/* The rules, by subject. */
#define RULE(id, slug, severity, traits, summary) void lint_##id(struct lint *l, const struct lint_recipe *r);
#include "lint/rules/recipe.def"
#undef RULE
#define RULE(id, slug, severity, traits, summary) void lint_##id(struct lint *l, const struct lint_script *s);
#include "lint/rules/script.def"
#undef RULE
#define RULE(id, slug, severity, traits, summary) void lint_##id(struct lint *l, const struct lint_element *e);
#include "lint/rules/element.def"
#undef RULE
#define RULE(id, slug, severity, traits, summary) void lint_##id(struct lint *l, const struct lint_layout *x);
#include "lint/rules/layout.def"
#undef RULE

/* rules.c: the functions of each subject, NULL behind the last. */
extern void (*const lint_recipe_rules[])(struct lint *, const struct lint_recipe *);
extern void (*const lint_script_rules[])(struct lint *, const struct lint_script *);
extern void (*const lint_element_rules[])(struct lint *, const struct lint_element *);
extern void (*const lint_layout_rules[])(struct lint *, const struct lint_layout *);
bool lint_is_optional(const struct ib_diag_row *row);
/* What the compiler calls an error: no configuration and no comment changes that. */
bool lint_is_fixed(const struct ib_diag_row *row);

/* lint.c: a file that is judged, under NAME; it may be known already. */
struct lint_input *lint_input(struct lint *l, const char *name, const char *path, struct ib_span text,
			      const struct lint_config *config);
/* The elements that are seen from DIR: TREE (a directory of elements, or NULL) first. NULL with ERR set. */
struct elements *lint_library(struct lint *l, const char *dir, const char *tree, struct ib_error *err);
/* script.c: tokenises S, keeps it, and runs the rules. */
void lint_script(struct lint *l, struct lint_script *s);
/* The language of what PROGRAM ("/bin/sh") runs. */
enum lint_language lint_language(const char *program);
/* A file, whatever it is; SHOWN: its name. A file that is known already is not judged twice. */
int lint_file(struct lint *l, const char *path, const char *shown, struct ib_error *err);
/* recipe.c, element.c: judge one. PATH: as in struct lint_input. */
int lint_recipe(struct lint *l, const char *name, const char *path, struct ib_span text, struct ib_error *err);
int lint_element(struct lint *l, const char *dir, const char *tree, struct ib_error *err);
void lint_layout_yaml(struct lint *l, struct ib_span text, const struct lint_config *config);
/* Whether the directory DIR is an element. */
bool lint_is_element(const char *dir);

/* config.c: the configuration for the file or directory PATH; cached. */
const struct lint_config *lint_config_for(struct lint *l, const char *path, struct ib_error *err);

/* fingerprint.c: counts equal_before of all results. */
void lint_number(struct lint *l);

/* shellcheck.c: its findings on all scripts, once all inputs are read. */
void lint_shellcheck(struct lint *l);

/* suppress.c: marks what comments silence; reports those that are wrong or silence nothing. */
void lint_suppress(struct lint *l);

#endif
