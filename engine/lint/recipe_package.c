/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on packages. */
#include "lint/recipe.h"

#include "plan/plan.h"

#include <imagebuild/intern.h>

#include <ctype.h>
#include <string.h>

#define IS_ONE_OF(word, words) str_among((word), (words), ARRAY_SIZE(words))

/* --- 6010 --- */

static bool is_build_package(const char *name)
{
	static const char *const names[] = { "build-essential", "gcc",       "g++",
					     "clang",           "make",      "cmake",
					     "ninja-build",     "autoconf",  "automake",
					     "libtool",         "pkg-config" };

	return IS_ONE_OF(name, names) || ends_with(name, "-dev") || ends_with(name, "-devel");
}

static bool is_word_in(const char *word, const char *text, size_t n)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = memmem(at, n - (size_t)(at - text), word, len));
	     at += len) {
		char before = at > text ? at[-1] : ' ',
		     behind = at + len < text + n ? at[len] : ' ';

		if (!isalnum((unsigned char)before) && !strchr("_-.", before) &&
		    !isalnum((unsigned char)behind) && !strchr("_-.", behind))
			return true;
	}
	return false;
}

/* Whether RUN builds something from source. */
static bool builds(const struct lint *l, const struct ib_ast_instruction *run)
{
	static const char *const tools[] = { "make",      "cmake", "gcc",   "cc",    "g++",
					     "configure", "pip",   "pip3",  "gem",   "npm",
					     "go",        "cargo", "ninja", "meson", "setup.py" };
	struct ib_span at = { run->at.start, recipe_end(run) };

	for (size_t i = 0; i < ARRAY_SIZE(tools) && at.end > at.start; i++)
		if (is_word_in(tools[i], ib_sources_text(l->sources, at), at.end - at.start))
			return true;
	return false;
}

static void report_left_in(struct lint *l, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		if (!w->text || !is_build_package(w->text))
			continue;
		lint_add(l, IB_R_BUILD_PACKAGE_LEFT, w->at,
			 "'%s' is for building, and stays in the image", w->text);
		ib_diag_hint(l->diag,
			     "write PACKAGE --build-only: it is removed when the stage is done");
	}
}

static bool is_plain_install(const struct ib_ast_instruction *in)
{
	return lint_is(in, "PACKAGE") && !ib_ast_flag(in, "remove") &&
	       !ib_ast_flag(in, "build-only");
}

/* A stage of the text, up to its end: its packages, where one of its RUNs builds. */
static const struct ib_ast_instruction *check_stage(struct lint *l, const struct lint_recipe *r,
						    const struct ib_ast_instruction *first)
{
	const struct ib_ast_instruction *in = recipe_next(r, first, NULL), *end;
	bool has_build = false;

	for (end = in; end && !lint_is(end, "FROM"); end = recipe_next(r, end, NULL))
		has_build = has_build || (lint_is(end, "RUN") && builds(l, end));
	for (; has_build && in != end; in = recipe_next(r, in, NULL))
		if (is_plain_install(in))
			report_left_in(l, in);
	return end;
}

/* The FROM of a stage that is written, or continued by one that is. */
static bool is_kept(const struct lint_recipe *r, const struct ib_ast_instruction *from)
{
	const struct ib_stage_vec *stages = &r->ir->stages;

	for (uint32_t i = (uint32_t)stages->len; i-- > 0;) {
		uint32_t k = i;

		while (stages->items[i].is_product &&
		       stages->items[k].ops.items[0].base.kind == IB_BASE_STAGE &&
		       stages->items[k].at.start != from->at.start)
			k = stages->items[k].ops.items[0].base.stage;
		if (stages->items[i].is_product && stages->items[k].at.start == from->at.start)
			return true;
	}
	return false;
}

void lint_6010(struct lint *l, const struct lint_recipe *r)
{
	const struct ib_ast_instruction *from =
		r->ir && !r->ir->is_fragment ? recipe_next(r, NULL, "FROM") : NULL;

	while (from) {
		if (is_kept(r, from))
			from = check_stage(l, r, from);
		else
			from = recipe_next(r, from, "FROM");
	}
}

/* --- 6013 --- */

static bool names_kernel(const char *name)
{
	static const char *const begins[] = { "linux-image", "linux-generic",     "linux-virtual",
					      "linux-lts",   "linux-virt",        "linux-kvm",
					      "kernel",      "raspberrypi-kernel" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static bool op_brings_kernel(const struct ib_op *op)
{
	if (op->code == IB_OP_RUN)
		return !op->run.text || op->run.form == IB_RUN_FILE ||
		       strstr(op->run.text, "linux") || strstr(op->run.text, "kernel") ||
		       strstr(op->run.text, "vmlinu");
	if (op->code == IB_OP_PACKAGE)
		vec_foreach (const struct ib_word, w, &op->package.names)
			if (names_kernel(w->text))
				return true;
	return (op->code == IB_OP_COPY || op->code == IB_OP_ADD) &&
	       (begins_with(op->copy.dest.text, "/boot") || strcmp(op->copy.dest.text, "/") == 0);
}

static bool brings_kernel(const struct plan_stage *stage)
{
	for (const struct plan_stage *s = stage; s; s = s->parent) {
		vec_foreach (const struct package_request, q, &s->packages)
			if (names_kernel(q->name))
				return true;
		vec_foreach (const struct ib_op, op, &s->ir->ops)
			if (op_brings_kernel(op))
				return true;
	}
	return false;
}

void lint_6013(struct lint *l, const struct lint_recipe *r)
{
	for (size_t i = 0; r->plan && i < r->plan->stages_len; i++) {
		const struct plan_stage *stage = &r->plan->stages[i], *root = stage;
		const struct ib_op_base *base;

		while (root->parent)
			root = root->parent;
		base = &root->ir->ops.items[0].base;
		if (!stage->is_product || !stage->is_sound || !stage->layout ||
		    !stage->has_bootloader || base->kind != IB_BASE_OCI || brings_kernel(stage))
			continue;
		lint_add(l, IB_R_KERNEL_MISSING, base->at,
			 "a container image has no kernel, and nothing here installs one: the disk "
			 "will not start");
		ib_diag_hint(l->diag,
			     "add the distribution's kernel, as in PACKAGE linux-image-amd64");
	}
}

/* --- 6014 --- */

void lint_6014(struct lint *l, const struct lint_recipe *r)
{
	const struct ib_ast_word *other = NULL;

	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		if (lint_is(in, "FROM"))
			other = NULL;
		for (const struct ib_ast_word *w = lint_is(in, "ELEMENT") ? in->words : NULL; w;
		     w = w->next) {
			if (!w->text || (strcmp(w->text, "cloud-init") != 0 &&
					 strcmp(w->text, "simple-init") != 0))
				continue;
			if (!other || strcmp(other->text, w->text) == 0) {
				other = w;
				continue;
			}
			lint_add(l, IB_R_TWO_INITS, w->at,
				 "'%s' and '%s' both set up the machine at its first boot", w->text,
				 other->text);
			ib_diag_note(l->diag, other->at, "the other is here");
			ib_diag_hint(l->diag, "keep one of them");
		}
	}
}

/* --- 6015, 6016 --- */

static bool is_plain_package(const struct ib_ast_instruction *in)
{
	static const char *const flags[] = { "remove", "build-only",   "when",
					     "arch",   "install-type", "order" };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (ib_ast_flag(in, flags[i]))
			return false;
	return lint_is(in, "PACKAGE");
}

void lint_6015(struct lint *l, const struct lint_recipe *r)
{
	struct map seen = { NULL, 0, 0 };
	unsigned stage = 0;

	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		const char *phase = flag_value(in, "phase");

		stage += lint_is(in, "FROM");
		for (const struct ib_ast_word *w = is_plain_package(in) ? in->words : NULL; w;
		     w = w->next) {
			const char *key = w->text ? arena_printf(l->arena, "%u %s %s", stage,
								 phase ? phase : "install", w->text)
						  : NULL;
			void **slot =
				key ? map_put(l->arena, &seen, intern_str(l->names, key)) : NULL;

			if (slot && *slot) {
				lint_add(l, IB_R_PACKAGE_TWICE, w->at,
					 "package '%s' is named twice", w->text);
				ib_diag_note(l->diag, ((const struct ib_ast_word *)*slot)->at,
					     "the first is here");
			} else if (slot) {
				*slot = (void *)(uintptr_t)w;
			}
		}
	}
}

void lint_6016(struct lint *l, const struct lint_recipe *r)
{
	static const char *const verbs[] = { "install", "update", "upgrade", "remove", "add" };

	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "PACKAGE"); in;
	     in = recipe_next(r, in, "PACKAGE")) {
		const struct ib_ast_word *w = in->words;

		if (!w || !w->text || !IS_ONE_OF(w->text, verbs))
			continue;
		lint_add(l, IB_R_VERB_AS_PACKAGE, w->at, "'%s' is taken for the name of a package",
			 w->text);
		ib_diag_hint(l->diag, strcmp(w->text, "remove") == 0
					      ? "write PACKAGE --remove NAME..."
					      : "write PACKAGE NAME...; lists are fetched anyway");
		if (w->next && (strcmp(w->text, "install") == 0 || strcmp(w->text, "add") == 0))
			ib_diag_edit(l->diag, ((struct ib_span){ w->at.start, w->next->at.start }),
				     "");
	}
}
