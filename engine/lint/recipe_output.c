/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on what is written: outputs, and the configuration of container images. */
#include "lint/recipe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_container(const char *format)
{
	return strcmp(format, "docker") == 0 || strcmp(format, "oci") == 0;
}

/* Without a disk. */
static bool is_tree(const char *format)
{
	static const char *const names[] = { "tar", "tgz", "squashfs", "aci" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(format, names[i]) == 0)
			return true;
	return is_container(format);
}

/* --- 1615 --- */

static bool writes_container(const struct ib_stage *stage)
{
	vec_foreach (const struct ib_op, op, &stage->ops)
		if (op->code == IB_OP_OUTPUT)
			vec_foreach (const struct ib_word, w, &op->output.formats)
				if (is_container(w->text))
					return true;
	return false;
}

/* Which stages are products without a container, and are part of no stage that writes one. */
static bool *without_container(struct lint *l, const struct ib_ir *ir)
{
	bool *is_used = arena_alloc(l->arena, ir->stages.len),
	     *ret = arena_alloc(l->arena, ir->stages.len);

	for (uint32_t i = (uint32_t)ir->stages.len; i-- > 0;) {
		const struct ib_stage *stage = &ir->stages.items[i];
		const struct ib_op_base *base = &stage->ops.items[0].base;

		is_used[i] = is_used[i] || writes_container(stage);
		ret[i] = !is_used[i] && (stage->is_product || ret[i]);
		if (base->kind != IB_BASE_STAGE)
			continue;
		is_used[base->stage] = is_used[base->stage] || is_used[i];
		ret[base->stage] = ret[base->stage] || ret[i];
	}
	return ret;
}

void lint_1615(struct lint *l, const struct lint_recipe *r)
{
	bool *is_without;

	if (!r->ir || r->ir->is_fragment)
		return;
	is_without = without_container(l, r->ir);
	for (size_t i = 0; i < r->ir->stages.len; i++) {
		if (!is_without[i])
			continue;
		vec_foreach (const struct ib_op, op, &r->ir->stages.items[i].ops) {
			if (op->code != IB_OP_CONFIG)
				continue;
			lint_add(l, IB_R_CONTAINER_ONLY, op->keyword_at,
				 "%s is for container images, and no OUTPUT here writes one",
				 op->config.keyword);
			ib_diag_hint(l->diag, "write OUTPUT oci or docker; a machine's services "
					      "are enabled by systemctl");
		}
	}
}

/* --- 1617, 1618 --- */

void lint_1617(struct lint *l, const struct lint_recipe *r)
{
	bool has_shell = false;

	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		has_shell = (has_shell || lint_is(in, "SHELL")) && !lint_is(in, "FROM");
		if (has_shell || in->is_json || !(lint_is(in, "CMD") || lint_is(in, "ENTRYPOINT")))
			continue;
		lint_add(l, IB_R_SHELL_FORM, in->text_at,
			 "%s runs in a shell, which does not pass signals on to it",
			 ib_ast_keyword(in));
		ib_diag_hint(l->diag, "write a JSON array: %s [\"PROGRAM\", \"ARGUMENT\"]",
			     ib_ast_keyword(in));
	}
}

void lint_1618(struct lint *l, const struct lint_recipe *r)
{
	static const char *const keywords[] = { "CMD", "ENTRYPOINT", "STOPSIGNAL" };
	const struct ib_ast_instruction *last[ARRAY_SIZE(keywords)] = { NULL };

	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
			if (lint_is(in, "FROM"))
				last[i] = NULL;
			if (!lint_is(in, keywords[i]))
				continue;
			if (last[i]) {
				lint_add(l, IB_R_WITHOUT_EFFECT, last[i]->keyword_at,
					 "this %s has no effect", keywords[i]);
				ib_diag_note(l->diag, in->keyword_at, "this one takes its place");
				ib_diag_hint(l->diag, "leave one of them out");
			}
			last[i] = in;
		}
	}
}

/* --- 8002 --- */

static bool is_on_path(struct lint *l, const char *program)
{
	const char *path = getenv("PATH");

	for (size_t n; path && *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if (n &&
		    access(arena_printf(l->arena, "%.*s/%s", (int)n, path, program), X_OK) == 0)
			return true;
	}
	return false;
}

static bool needs_qemu(const char *format)
{
	static const char *const names[] = {
#define FORMAT(name, suffix)
#define FORMAT_QEMU(name, suffix) #name,
#define FORMAT_LATER FORMAT
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(format, names[i]) == 0)
			return true;
	return false;
}

void lint_8002(struct lint *l, const struct lint_recipe *r)
{
	bool is_there = is_on_path(l, "qemu-img");

	for (const struct ib_ast_instruction *in = is_there ? NULL : recipe_next(r, NULL, "OUTPUT");
	     in; in = recipe_next(r, in, "OUTPUT")) {
		for (const struct ib_ast_word *w = in->words; w; w = w->next) {
			if (!w->text || !needs_qemu(w->text))
				continue;
			lint_add(l, IB_R_OUTPUT_NEEDS_TOOL, w->at,
				 "'%s' is written by qemu-img, which this machine does not have",
				 w->text);
			ib_diag_hint(l->diag, "Debian's package qemu-utils has it");
		}
	}
}

/* --- 8003 --- */

/* Whether the stage has an OUTPUT, and each of them is a tree. */
static bool writes_trees(const struct ib_stage *stage)
{
	bool has_output = false;

	vec_foreach (const struct ib_op, op, &stage->ops) {
		if (op->code != IB_OP_OUTPUT)
			continue;
		has_output = true;
		vec_foreach (const struct ib_word, w, &op->output.formats)
			if (!is_tree(w->text))
				return false;
	}
	return has_output;
}

void lint_8003(struct lint *l, const struct lint_recipe *r)
{
	for (size_t i = 0; r->ir && !r->ir->is_fragment && i < r->ir->stages.len; i++) {
		const struct ib_stage *stage = &r->ir->stages.items[i];

		if (!writes_trees(stage))
			continue;
		vec_foreach (const struct ib_op, op, &stage->ops) {
			if (op->code != IB_OP_LAYOUT)
				continue;
			lint_add(l, IB_R_LAYOUT_UNUSED, op->keyword_at,
				 "no OUTPUT of this stage has a disk");
			ib_diag_hint(l->diag, "leave LAYOUT out, or write OUTPUT raw or qcow2");
		}
	}
}
