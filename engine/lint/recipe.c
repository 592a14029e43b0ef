/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe: compiled, planned where that works, its scripts taken out, judged. */
#include "lint/private.h"

#include "plan/plan.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>

#include <string.h>
#include <sys/stat.h>

#define SCRIPT_MAX (1u << 20) /* of --script */

bool lint_is(const struct ib_ast_instruction *in, const char *keyword)
{
	const char *own = ib_ast_keyword(in);

	return own && !in->is_unknown && strcmp(own, keyword) == 0;
}

/* Notes what is behind *LAST: each of LIST, INCLUDEs opened. They nest at most 64 deep
 * (docs/limits.md). */
static void chain(struct lint *l, struct lint_recipe *r, const struct ib_ast_instruction *list,
		  const struct ib_ast_instruction **last)
{
	for (; list; list = list->next) {
		if (*last)
			*map_put(l->arena, &r->behind, (const char *)*last) =
				(void *)(uintptr_t)list;
		*last = list;
		chain(l, r, list->included, last);
	}
}

const struct ib_ast_instruction *lint_next(const struct lint_recipe *r,
					   const struct ib_ast_instruction *in)
{
	if (!in)
		return r->ast->instructions;
	return r->has_includes ? map_get(&r->behind, (const char *)in) : in->next;
}

static bool any_includes(const struct ib_ast_instruction *in)
{
	while (in && !in->included)
		in = in->next;
	return in != NULL;
}

/* How a RUN's text is run: what SHELL said last. */
static void note_shell(const struct ib_ast_instruction *in, struct lint_script *state)
{
	state->language = in->json.len ? lint_language(in->json.items[0]) : LINT_OTHER;
	state->has_errexit = false;
	for (size_t i = 1; i < in->json.len; i++) {
		const char *word = in->json.items[i];

		if (strcmp(word, "errexit") == 0 ||
		    (word[0] == '-' && word[1] != '-' && strchr(word, 'e')))
			state->has_errexit = true;
	}
}

/* /bin/sh -e runs a RUN, on the host's side bash. */
static void reset_shell(struct lint_script *state)
{
	*state = (struct lint_script){ .language = LINT_SH, .has_errexit = true };
}

static void add_segments(struct lint *l, struct ib_segment_vec *segments, size_t at,
			 struct ib_span source, const struct ib_segment_vec *own)
{
	if (!own->len)
		vec_push(l->arena, segments, ((struct ib_segment){ (uint32_t)at, source }));
	vec_foreach (struct ib_segment, s, own)
		vec_push(l->arena, segments,
			 ((struct ib_segment){ s->at + (uint32_t)at, s->source }));
}

/* The text with the heredocs' bodies and terminators behind it, as the shell gets it. */
static void take_text(struct lint *l, const struct ib_ast_instruction *in, struct lint_script *s)
{
	struct ib_segment_vec *segments = arena_alloc(l->arena, sizeof(*segments));
	cleanup_buf struct buf text = BUF_INIT;

	*segments = (struct ib_segment_vec){ NULL, 0, 0 };
	buf_str(&text, in->text);
	buf_char(&text, '\n');
	add_segments(l, segments, 0, in->text_at, &in->text_segments);
	for (const struct ib_ast_heredoc *h = in->heredocs; h; h = h->next) {
		add_segments(l, segments, text.len, h->body_at, &h->segments);
		buf_add(&text, h->body, h->len);
		buf_printf(&text, "%s\n", h->name);
	}
	s->text = arena_strndup(l->arena, text.data, text.len);
	s->len = text.len;
	s->at = in->text_at;
	s->segments = segments;
}

static bool is_heredoc_alone(const struct ib_ast_instruction *in)
{
	const struct ib_ast_heredoc *h = in->heredocs;

	return h && !h->next && h->at.start == in->text_at.start && h->at.end == in->text_at.end;
}

/* --script=FILE: a file of the context, judged as a file of its own. */
static bool take_file(struct lint *l, const struct lint_recipe *r,
		      const struct ib_ast_instruction *in, struct lint_script *s)
{
	const struct ib_ast_flag *f = ib_ast_flag(in, "script");
	const char *path = f->value ? f->value->text : NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	struct stat st;

	if (!path || !r->ir)
		return false;
	path = arena_printf(l->arena, "%s/%s", r->ir->context, path);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > SCRIPT_MAX ||
	    map_get(&l->inputs, intern_str(l->names, path)) ||
	    ib_sources_read(l->sources, path, &s->at, &ignored) < 0)
		return false;
	s->text = ib_sources_text(l->sources, s->at);
	s->len = s->at.end - s->at.start;
	(void)lint_input(l, path, path, s->at, r->config);
	return true;
}

static void take_script(struct lint *l, struct lint_recipe *r, const struct ib_ast_instruction *in,
			const struct lint_script *state)
{
	const struct ib_ast_flag *phase = ib_ast_flag(in, "phase");
	struct lint_script s = *state;

	s.phase = phase && phase->value && phase->value->text ? ib_phase_find(phase->value->text)
							      : IB_PHASE_INSTALL;
	s.side = s.phase == IB_PHASE_NONE ? IB_CHROOT : ib_phases[s.phase].side;
	s.run = in;
	s.recipe = r;
	if (ib_ast_flag(in, "script")) {
		if (!take_file(l, r, in, &s))
			return;
		s.has_errexit = false;
	} else if (in->is_json || !in->text) {
		return;
	} else if (is_heredoc_alone(in)) {
		s.text = in->heredocs->body;
		s.len = in->heredocs->len;
		s.at = in->heredocs->body_at;
		s.segments = &in->heredocs->segments;
		if (strncmp(s.text, "#!", 2) == 0)
			s.has_errexit = false;
	} else {
		take_text(l, in, &s);
	}
	vec_push(l->arena, &r->scripts, s);
}

static void take_scripts(struct lint *l, struct lint_recipe *r)
{
	const struct ib_ast_instruction *in = NULL;
	struct lint_script state;

	reset_shell(&state);
	while ((in = lint_next(r, in))) {
		if (in->is_broken || in->is_unknown || in->is_left_out)
			continue;
		if (lint_is(in, "FROM")) {
			reset_shell(&state);
			state.base = in->words ? in->words->text : NULL;
		}
		if (lint_is(in, "SHELL"))
			note_shell(in, &state);
		else if (lint_is(in, "RUN"))
			take_script(l, r, in, &state);
	}
}

/* A plan says what elements and layout have; a fragment has none. */
static int make_plan(struct lint *l, struct lint_recipe *r, const struct ib_options *options,
		     struct ib_error *err)
{
	struct plan *plan = NULL;

	if (!r->ir || r->ir->is_fragment)
		return 0;
	if (ib_plan_new(r->ir, options, l->sources, r->elements, NULL, l->diag, &plan, err) < 0 &&
	    err->code)
		return -1;
	r->plan = plan;
	return 0;
}

static void judge_layouts(struct lint *l, const struct lint_recipe *r)
{
	if (!r->ir)
		return;
	vec_foreach (struct ib_stage, stage, &r->ir->stages)
		vec_foreach (struct ib_op, op, &stage->ops) {
			struct lint_layout x = { .root = op->layout.root,
						 .recipe = r,
						 .stage = stage,
						 .at = op->at,
						 .config = r->config };

			for (size_t i = 0;
			     op->code == IB_OP_LAYOUT && x.root && lint_layout_rules[i]; i++)
				lint_layout_rules[i](l, &x);
		}
}

static void judge(struct lint *l, struct lint_recipe *r)
{
	take_scripts(l, r);
	for (size_t i = 0; lint_recipe_rules[i]; i++)
		lint_recipe_rules[i](l, r);
	vec_foreach (struct lint_script, s, &r->scripts)
		lint_script(l, s);
	judge_layouts(l, r);
}

int lint_recipe(struct lint *l, const char *name, const char *path, struct ib_span text,
		struct ib_error *err)
{
	const char *dir = arena_dir_name(l->arena, name);
	struct lint_recipe *r = arena_alloc(l->arena, sizeof(*r));
	struct ib_options *options = arena_alloc(l->arena, sizeof(*options));
	struct ib_vocab *vocab = arena_alloc(l->arena, sizeof(*vocab));

	*r = (struct lint_recipe){ .text = text, .config = lint_config_for(l, name, err) };
	if (!r->config)
		return -1;
	r->elements = lint_library(l, dir, NULL, err);
	if (!r->elements)
		return -1;
	*vocab = ib_elements_vocab(r->elements);
	*options = *l->options;
	options->file = name;
	options->is_unkeyed = true;
	r->recipe = ib_fragment_open(options, vocab, l->sources, l->diag, text, NULL);
	vec_push(l->arena, &l->recipes, r);
	lint_input(l, name, path, text, r->config)->recipe = r;
	(void)ib_recipe_compile(r->recipe);
	r->ast = ib_recipe_ast(r->recipe);
	r->ir = ib_recipe_ir(r->recipe);
	r->has_includes = any_includes(r->ast->instructions);
	if (r->has_includes)
		chain(l, r, r->ast->instructions, &(const struct ib_ast_instruction *){ NULL });
	if (make_plan(l, r, options, err) < 0)
		return -1;
	judge(l, r);
	return 0;
}
