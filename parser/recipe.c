/* SPDX-License-Identifier: Apache-2.0 */
/* The front end: its passes in order, and the verbs of recipe.h. */
#include "front.h"
#include "parse.h"

#include <imagebuild/error.h>

/* Passes up to check run on what parsed, errors or not; emit needs none. */
static const struct pass {
	const char *name;
	void (*run)(struct ib_recipe *r);
	bool needs_success;
} passes[] = {
	{ "parse", pass_parse, false },     /* emit ast */
	{ "expand", pass_expand, false },   /* INCLUDE, --when and ${VAR}, in text order */
	{ "resolve", pass_resolve, false }, /* stages, names, products */
	{ "check", pass_check, false },     /* the meaning of each instruction */
	{ "ir", pass_emit, true },          /* emit ir */
};

void recipe_parse(struct ib_recipe *r, struct ib_span at, struct ib_ast *ast)
{
	struct parse p = {
		.scan = { .arena = r->arena,
			  .diag = r->diag,
			  .text = ib_sources_text(r->sources, at),
			  .base = at.start,
			  .len = at.end - at.start },
		.arena = r->arena,
		.names = r->names,
		.diag = r->diag,
		.ast = ast,
	};

	parse_run(&p);
}

/* What a stage uses as an element makes no image of its own. */
static bool is_refused(struct ib_recipe *r)
{
	for (const struct ib_ast_instruction *in = r->ast.instructions; r->outer && in;
	     in = in->next) {
		if (!in->directive || in->directive->id != D_FROM)
			continue;
		ib_diag_add(r->diag, IB_D_FRAGMENT, in->keyword_at,
			    "FROM makes this file a recipe of its own, which cannot be an element");
		ib_diag_hint(r->diag, "a fragment, an element in one file, has no FROM");
		return true;
	}
	return false;
}

void pass_parse(struct ib_recipe *r)
{
	recipe_parse(r, r->text, &r->ast);
	if (!r->ast.instructions && ib_diag_errors(r->diag) == r->errors)
		ib_diag_add(r->diag, IB_D_NO_INSTRUCTION,
			    (struct ib_span){ r->text.start, r->text.start },
			    "the file has no instructions");
}

static struct ib_recipe *recipe_new(const struct ib_options *options, const struct ib_vocab *vocab,
				    struct ib_sources *sources, struct ib_diag *diag,
				    struct ib_span text)
{
	struct arena *arena = arena_new();
	struct ib_recipe *r = arena_alloc(arena, sizeof(*r));

	*r = (struct ib_recipe){ .options = options,
				 .vocab = vocab,
				 .sources = sources,
				 .diag = diag,
				 .arena = arena,
				 .names = intern_new(arena),
				 .text = text,
				 .errors = ib_diag_errors(diag) };
	r->ast.escape = '\\';
	return r;
}

struct ib_recipe *ib_fragment_open(const struct ib_options *options, const struct ib_vocab *vocab,
				   struct ib_sources *sources, struct ib_diag *diag,
				   struct ib_span text, const struct ib_pair_vec *env)
{
	struct ib_recipe *r = recipe_new(options, vocab, sources, diag, text);

	r->outer = env;
	return r;
}

int ib_recipe_open(const struct ib_options *options, const struct ib_vocab *vocab,
		   struct ib_sources *sources, struct ib_diag *diag, struct ib_recipe **ret_recipe,
		   struct ib_error *err)
{
	struct ib_span text;
	int status = ib_sources_read(sources, options->file, &text, err);

	if (status < 0) {
		err->exit = IB_EXIT_USAGE;
		return status;
	}
	*ret_recipe = recipe_new(options, vocab, sources, diag, text);
	return 0;
}

void ib_recipe_free(struct ib_recipe *r)
{
	if (r)
		arena_free(r->arena);
}

int ib_recipe_compile(struct ib_recipe *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		if (passes[i].needs_success && ib_diag_errors(r->diag) > r->errors)
			break;
		passes[i].run(r);
		if (is_refused(r))
			break;
	}
	return ib_diag_errors(r->diag) > r->errors ? -1 : 0;
}

const struct ib_sources *ib_recipe_sources(const struct ib_recipe *r)
{
	return r->sources;
}

struct ib_span ib_recipe_span(const struct ib_recipe *r)
{
	return r->text;
}

const struct ib_ast *ib_recipe_ast(const struct ib_recipe *r)
{
	return &r->ast;
}

const struct ib_ir *ib_recipe_ir(const struct ib_recipe *r)
{
	return r->ir;
}
