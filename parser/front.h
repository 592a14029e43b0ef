/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the front end: one field a pass. A pass reads the fields above its own. */
#ifndef IMAGEBUILD_FRONT_H
#define IMAGEBUILD_FRONT_H

#include "directive.h"

#include <imagebuild/ast.h>
#include <imagebuild/intern.h>
#include <imagebuild/map.h>
#include <imagebuild/recipe.h>

#define NO_STAGE UINT32_MAX

enum {
	STAGE_LIMIT = 1000,         /* a recipe */
	VARIABLE_LIMIT = 4096,      /* a stage */
	INCLUDE_LIMIT = 1000,       /* files in all; NESTING_LIMIT deep */
	EXPANSION_LIMIT = 64 << 20, /* bytes that variables bring or are searched, in all */
	PAIR_LIMIT = 4 << 20        /* variables times RUNs that see a change of one */
};

/* A variable of a scope: is_broken where its value has an error that is already reported. */
struct variable {
	const char *name, *value; /* value NULL: declared, unset */
	struct ib_span at;
	size_t index; /* in its scopes' `all` */
	bool is_env, is_broken, is_predefined;
};
struct variable_vec VEC(struct variable *);

/* ENV beats ARG of the same name; a stage begins with a copy of the globals or of its parent's. */
struct scope {
	struct map args, envs;           /* name -> struct variable */
	struct variable_vec all;         /* in the order of the text */
	const struct ib_pair_vec *pairs; /* what a RUN sees; NULL after a change */
};

/* An instruction that counts: --when holds, INCLUDEs are replaced by what they bring. */
struct live {
	struct ib_ast_instruction *in;
	uint32_t stage;                /* NO_STAGE before the first FROM */
	const struct ib_pair_vec *env; /* of a RUN */
};
struct live_vec VEC(struct live);

struct stage {
	struct ib_ast_instruction *from; /* NULL: a fragment */
	const char *name;                /* lower case, or NULL; */
	struct ib_ast_word *name_word;
	const char *base; /* the expanded word, NULL where that failed */
	struct ib_ast_word *base_word;
	uint32_t parent;    /* FROM STAGE: its index; else NO_STAGE */
	struct scope scope; /* as at the end of the stage */
	/* resolve: */
	enum ib_base_kind kind;
	const char *arch; /* Debian's word, or NULL */
	bool is_product, has_output, is_only;
};
struct stage_vec VEC(struct stage);

struct ib_recipe {
	const struct ib_options *options;
	const struct ib_vocab *vocab;
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct arena *arena;
	struct intern *names;
	struct ib_span text;     /* the recipe's file */
	size_t errors;           /* of DIAG, before this file */
	struct ib_ast ast;       /* parse */
	struct live_vec live;    /* expand, which also sets text of words and heredocs */
	struct stage_vec stages; /* expand; resolve completes them */
	struct map undefined;    /* variables that are reported: one message a name */
	bool is_fragment;
	bool is_incomplete; /* an INCLUDE failed: any variable may be of it */
	const struct ib_pair_vec
		*outer;   /* of a fragment that a stage uses: what its elements see */
	struct ib_ir *ir; /* emit */
};

/* recipe.c */
void pass_parse(struct ib_recipe *r);
/* Parses the text at AT into AST. */
void recipe_parse(struct ib_recipe *r, struct ib_span at, struct ib_ast *ast);
/* expand.c */
void pass_expand(struct ib_recipe *r);
/* resolve.c */
void pass_resolve(struct ib_recipe *r);
/* check.c */
void pass_check(struct ib_recipe *r);
/* emit_ir.c */
void pass_emit(struct ib_recipe *r);

/* ir.c: asserts what the engine relies on. */
void ir_verify(const struct ib_ir *ir);

/* scope.c */
struct variable *scope_find(const struct scope *s, const char *name);
void scope_set(struct ib_recipe *r, struct scope *s, const struct variable *v);
void scope_copy(struct ib_recipe *r, const struct scope *from, struct scope *ret_scope);
const char *scope_suggest(const struct scope *s, const char *name);
/* ENV and ARG, ENV winning, sorted by name; shared until the scope changes. */
const struct ib_pair_vec *scope_pairs(struct ib_recipe *r, struct scope *s);
/* ENV alone, sorted. */
void scope_env(struct ib_recipe *r, const struct scope *s, struct ib_pair_vec *ret_pairs);

/* subst.c */
struct subst {
	struct ib_recipe *r;
	const struct scope *scope;
	char escape;
	size_t grown; /* bytes that variables brought so far */
};
/* Sets w->text, NULL where an error was reported. */
void subst_word(struct subst *x, struct ib_ast_word *w);
void subst_heredoc(struct subst *x, struct ib_ast_heredoc *h);

/* shellword.c: W, expanded already, for bash: what is literal quoted, variables left to it. One
 * that is not set there has the value that it has here. */
const char *shell_word(const struct subst *x, const struct ib_ast_word *w);

/* value.c: what flags and words mean. Those with a DIAG report what is wrong, where it is not NULL.
 */
/* Its expanded value; NULL where there is no flag, no value, or an error was reported. */
const char *flag_text(const struct ib_ast_instruction *in, const char *name);
bool flag_is_on(const struct ib_ast_instruction *in, const char *name);
enum ib_phase flag_phase(const struct ib_ast_instruction *in, enum ib_phase otherwise);
int flag_order(const struct ib_ast_instruction *in, int otherwise);
/* KEY=VALUE or KEY!=VALUE; names interned. */
bool cond_parse(struct ib_recipe *r, const struct ib_ast_word *w, struct ib_cond *ret_cond);
bool name_is_valid(const char *s, size_t n);
/* K=V: false where there is no '='. */
bool pair_parse(struct ib_recipe *r, const struct ib_ast_word *w, struct ib_pair *ret_pair);
/* Debian's word for --arch or --platform, NULL if it is unknown. */
const char *arch_find(const char *arch);
const char *platform_arch(const char *platform);
/* Report a word that those do not know. */
void arch_unknown(struct ib_diag *d, struct ib_span at, const char *arch);
void platform_unknown(struct ib_diag *d, struct ib_span at, const char *platform);
/* Where a path relative to the context leaves it: lexically; symlinks are the planner's. */
bool path_leaves(const char *path);
/* PATH relative to DIR (absolute, or "/"), cleaned; a slash at the end stays. */
const char *path_join(struct ib_recipe *r, const char *dir, const char *path);
uint32_t stage_find(const struct ib_recipe *r, const char *name, uint32_t before);
const char *stage_suggest(const struct ib_recipe *r, const char *name, uint32_t before);
/* What --from=TEXT or from=TEXT means in STAGE; the stage is NO_STAGE where there is none of that
 * name above. */
struct ib_tree_ref tree_ref(const struct ib_recipe *r, const char *text, struct ib_span at,
			    uint32_t stage);
/* Reports a stage that is not there. */
void tree_ref_check(struct ib_recipe *r, const char *text, struct ib_span at, uint32_t stage);
/* The next part of a comma list at *S; false at its end. */
bool list_next(const char **s, const char **ret_part, size_t *ret_len);

/* where.c: WORKDIR, USER and SHELL as of a line. */
struct where {
	const char *workdir;                    /* absolute; NULL: not set */
	const char *user;                       /* NULL: root */
	const char *said_user;                  /* the last USER, also root; or NULL */
	const struct ib_ast_instruction *shell; /* the last SHELL, or NULL */
	struct ib_span workdir_at, user_at;
	bool is_relative; /* the last WORKDIR was written relative */
};
/* What stage I begins with; ALL has one entry a stage, those before I as at their end. */
void where_begin(const struct ib_recipe *r, struct where *all, uint32_t i);
void where_update(struct ib_recipe *r, struct where *w, const struct ib_ast_instruction *in);

/* layout.c */
void layout_check(struct ib_recipe *r, const struct ib_ast_instruction *in);
/* The tree of a checked LAYOUT. */
struct ib_node *layout_node(struct ib_recipe *r, const struct ib_ast_word *words,
			    const struct ib_ast_node *children);

/* tag.c: what is wrong with a --tag=NAME:TAG, or NULL. */
const char *tag_problem(const char *text);

/* mounts.c */
/* STAGE: of the line; stages above it are what from= may name. */
bool mount_parse(struct ib_recipe *r, const struct ib_ast_word *w, uint32_t stage,
		 struct ib_diag *diag, struct ib_mount *ret_mount);

struct ib_span word_part(const struct ib_ast_word *w, size_t start, size_t end);

#endif
