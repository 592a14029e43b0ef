/* SPDX-License-Identifier: Apache-2.0 */
/* What each instruction may say, in the order of the text: the checks that its row of
 * directives.def asks for (flags, number of arguments, heredocs), then check_KEYWORD of that row.
 * Reads no file. */
#include "check.h"

static void (*const checks[DIRECTIVES])(struct check *, const struct ib_ast_instruction *) = {
#define DIRECTIVE(keyword, ...) check_##keyword,
#include "directives.def"
#undef DIRECTIVE
};

size_t count_words(const struct ib_ast_instruction *in)
{
	size_t n = 0;

	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		n++;
	for (const struct ib_ast_heredoc *h = in->heredocs;
	     h && in->directive->shape == SHAPE_WORDS; h = h->next)
		n++;
	return n + (in->directive->shape == SHAPE_TEXT && in->text);
}

void check_path_word(struct check *c, const struct ib_ast_word *w, const char *path,
		     const char *what)
{
	if (path[0] == '/' || path_leaves(path))
		ib_diag_add(c->diag, IB_D_CONTEXT, w->at, "%s '%s' is outside of the context", what,
			    path);
}

static bool arity_is_right(struct check *c, const struct ib_ast_instruction *in)
{
	size_t n = count_words(in);

	if (in->is_broken || in->directive->shape == SHAPE_BLOCK)
		return true;
	if (n >= in->directive->fewest && n <= in->directive->most)
		return true;
	if (in->directive->id == D_RUN && ib_ast_flag(in, "script"))
		return true;
	ib_diag_add(c->diag, IB_D_ARITY, n ? in->at : in->keyword_at, "%s takes %s",
		    in->directive->keyword, in->directive->takes);
	return false;
}

static void check_instruction(struct check *c, const struct ib_ast_instruction *in)
{
	check_flags(c, in);
	if (in->heredocs && !(in->directive->traits & TRAIT_HEREDOC)) {
		ib_diag_add(c->diag, IB_D_HEREDOC_PLACE, in->heredocs->at,
			    "%s takes no heredoc; RUN, COPY and ADD do", in->directive->keyword);
		return;
	}
	if (arity_is_right(c, in))
		checks[in->directive->id](c, in);
}

void pass_check(struct ib_recipe *r)
{
	struct check c = { .r = r, .diag = r->diag };
	uint32_t begun = 0; /* stages whose WHERE is set up */

	c.where = arena_alloc(r->arena, (r->stages.len + 1) * sizeof(*c.where));
	vec_foreach (struct live, live, &r->live) {
		if (ib_diag_errors(r->diag) > IB_DIAG_MAX)
			return;
		for (; live->stage != NO_STAGE && begun <= live->stage; begun++)
			where_begin(r, c.where, begun);
		c.live = live;
		if (live->stage != NO_STAGE)
			where_update(r, &c.where[live->stage], live->in);
		if (!live->in->is_unknown)
			check_instruction(&c, live->in);
	}
}
