/* SPDX-License-Identifier: Apache-2.0 */
/* The front end: from a recipe's text to IR. Reads recipe files and nothing else. */
#ifndef IMAGEBUILD_RECIPE_H
#define IMAGEBUILD_RECIPE_H

#include <imagebuild/buf.h>
#include <imagebuild/diag.h>
#include <imagebuild/ir.h>
#include <imagebuild/options.h>

struct ib_error;
struct ib_recipe;
struct ib_ast;

/* What check asks of the engine's side, so that unknown elements are reported with the rest. */
struct ib_vocab {
	void *context;
	bool (*has_element)(void *context, const char *name);
	/* The nearest known name, or NULL; borrowed. */
	const char *(*suggest_element)(void *context, const char *name);
	/* The machine's architecture in Debian's words, for ARCH and TARGETARCH. */
	const char *arch;
};

/* Reads OPTIONS->file. Fails only for a file that cannot be read (IB_EXIT_USAGE); what is wrong in
 * it goes to DIAG. OPTIONS, VOCAB, SOURCES and DIAG are borrowed and outlive the recipe. VOCAB may
 * be NULL: then no element is unknown. */
int ib_recipe_open(const struct ib_options *options, const struct ib_vocab *vocab,
		   struct ib_sources *sources, struct ib_diag *diag, struct ib_recipe **ret_recipe,
		   struct ib_error *err);
/* The fragment TEXT, which SOURCES has already, as an element of a stage: ENV is what the stage's
 * elements see and what its own ARG yields to. OPTIONS are its own, with its file and its
 * directory. */
struct ib_recipe *ib_fragment_open(const struct ib_options *options, const struct ib_vocab *vocab,
				   struct ib_sources *sources, struct ib_diag *diag,
				   struct ib_span text, const struct ib_pair_vec *env);
void ib_recipe_free(struct ib_recipe *r); /* AST and IR go with it; NULL is allowed */

/* Runs the passes parse, expand, resolve and check, errors or not; ir where there were none.
 * 0, or -1 when they found an error. */
int ib_recipe_compile(struct ib_recipe *r);

/* In place of compile: appends the recipe in its canonical text (docs/language.md, "Formatting"). Only
 * parses: INCLUDEs are not followed. 0, or -1 when there is an error. */
int ib_recipe_format(struct ib_recipe *r, struct buf *out);

const struct ib_sources *ib_recipe_sources(const struct ib_recipe *r);
struct ib_span ib_recipe_span(const struct ib_recipe *r); /* the text of its file */
const struct ib_ast *ib_recipe_ast(const struct ib_recipe *r);
const struct ib_ir *ib_recipe_ir(const struct ib_recipe *r); /* NULL before compile succeeded */

/* What a compiled recipe offers and asks for, for people and as JSON (docs/schema/outline.schema.json). */
void ib_recipe_outline(struct ib_recipe *r, struct buf *out);
void ib_recipe_outline_json(struct ib_recipe *r, struct buf *out);

/* emit ast: the tree as it was parsed; emit ir: JSON. */
void ib_recipe_dump_ast(const struct ib_recipe *r, struct buf *out);
void ib_ir_dump(const struct ib_ir *ir, const struct ib_sources *sources, struct buf *out);

#endif
