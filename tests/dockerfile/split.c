/* SPDX-License-Identifier: Apache-2.0 */
/* split FILE...: how the front end splits each file: a line of JSON with its instructions, their
 * lines, flags, words or text, heredocs, and the first error. For compare.js. */
#include "directive.h"

#include <imagebuild/ast.h>
#include <imagebuild/error.h>
#include <imagebuild/jsonout.h>
#include <imagebuild/recipe.h>

#include <stdio.h>
#include <string.h>

static uint32_t line_of(const struct ib_sources *s, uint32_t offset)
{
	struct ib_place p;

	return ib_sources_locate(s, offset, &p) ? p.line : 0;
}

static void flags(struct jsonout *j, const struct ib_ast_instruction *in)
{
	json_array(j, "flags");
	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		json_array(j, NULL);
		json_str(j, NULL, f->name);
		json_str(j, NULL, f->value ? f->value->raw : NULL);
		json_array_end(j);
	}
	json_array_end(j);
}

static void arguments(struct jsonout *j, const struct ib_ast_instruction *in)
{
	if (in->is_json) {
		json_array(j, "json");
		vec_foreach (const char *, s, &in->json)
			json_str(j, NULL, *s);
		json_array_end(j);
	} else if (in->text) {
		json_str(j, "text", in->text);
	} else {
		json_array(j, "words");
		for (const struct ib_ast_word *w = in->words; w; w = w->next)
			json_str(j, NULL, w->raw);
		json_array_end(j);
	}
}

/* Returns the last line. */
static uint32_t heredocs(struct jsonout *j, const struct ib_sources *s,
			 const struct ib_ast_instruction *in)
{
	uint32_t last = line_of(s, in->at.end - (in->at.end > in->at.start));

	json_array(j, "heredocs");
	for (const struct ib_ast_heredoc *h = in->heredocs; h; h = h->next) {
		json_array(j, NULL);
		json_str(j, NULL, h->name);
		json_bytes(j, NULL, h->body, h->len);
		json_array_end(j);
		/* the terminator stands on the line behind the body */
		last = line_of(s, h->body_at.end);
	}
	json_array_end(j);
	return last;
}

static void instruction(struct jsonout *j, const struct ib_sources *s,
			const struct ib_ast_instruction *in)
{
	uint32_t last;

	json_object(j, NULL);
	json_str(j, "keyword", in->directive ? in->directive->keyword : "?");
	json_u64(j, "first", line_of(s, in->keyword_at.start));
	flags(j, in);
	arguments(j, in);
	last = heredocs(j, s, in);
	json_u64(j, "last", last);
	json_object_end(j);
}

static int split(const char *path)
{
	struct ib_options options = { .file = path };
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_recipe *r = NULL;
	struct ib_error err = IB_ERROR_INIT;
	struct buf out = BUF_INIT;
	struct jsonout j = { .out = &out, .is_compact = true };

	if (ib_recipe_open(&options, NULL, sources, diag, &r, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	(void)ib_recipe_compile(r);
	json_object(&j, NULL);
	json_str(&j, "file", path);
	json_array(&j, "instructions");
	for (const struct ib_ast_instruction *in = ib_recipe_ast(r)->instructions; in;
	     in = in->next)
		instruction(&j, sources, in);
	json_array_end(&j);
	json_object_end(&j);
	puts(out.data);
	buf_release(&out);
	ib_recipe_free(r);
	ib_diag_free(diag);
	ib_sources_free(sources);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++)
		status |= split(argv[i]);
	return status;
}
