/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as a graph in DOT (graphviz.org/doc/info/lang.html). An arrow leads from what needs to
 * what is needed. */
#include "plan/private.h"

#include <string.h>

struct graph {
	const struct plan *plan;
	struct arena *arena;
	struct buf *out;
};

/* A quoted string: '"' and '\' mean something in it; \n is a new line of a label. */
static void add_quoted(const struct graph *g, const char *text)
{
	buf_char(g->out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || *text == '\n')
			buf_char(g->out, '\\');
		buf_char(g->out, *text == '\n' ? 'n' : *text);
	}
	buf_char(g->out, '"');
}

/* A node of stage I: the same element in two stages is two nodes. */
static void add_id(const struct graph *g, size_t i, const char *name)
{
	add_quoted(g, arena_printf(g->arena, "%zu %s", i, name));
}

static void add_node(const struct graph *g, size_t i, const char *name, const char *label,
		     const char *more)
{
	buf_str(g->out, "        ");
	add_id(g, i, name);
	buf_str(g->out, " [label=");
	add_quoted(g, label);
	buf_printf(g->out, "%s];\n", more);
}

static void add_edge(const struct graph *g, size_t from_i, const char *from, size_t to_i,
		     const char *to, const char *label)
{
	buf_str(g->out, "    ");
	add_id(g, from_i, from);
	buf_str(g->out, " -> ");
	add_id(g, to_i, to);
	if (label) {
		buf_str(g->out, " [style=dashed, label=");
		add_quoted(g, label);
		buf_char(g->out, ']');
	}
	buf_str(g->out, ";\n");
}

static const char *stage_name(const struct graph *g, size_t i)
{
	const char *name = g->plan->ir->stages.items[i].name;

	return name ? name : arena_printf(g->arena, "stage %zu", i + 1);
}

static void begin_cluster(const struct graph *g, const char *id, const char *label)
{
	buf_printf(g->out, "    subgraph \"cluster_%s\" {\n        label=", id);
	add_quoted(g, label);
	buf_str(g->out, ";\n");
}

static void end_cluster(const struct graph *g)
{
	buf_str(g->out, "    }\n");
}

/* The member that DEP stands for: of that name, or providing it; NULL: the engine. */
static const struct element *provider(const struct plan_stage *stage, const char *dep)
{
	const struct element *found = element_set_find(&stage->set, dep);

	vec_foreach (const struct element *, e, &stage->set.members)
		vec_foreach (const char *, name, &(*e)->provides)
			if (!found && strcmp(*name, dep) == 0)
				found = *e;
	return found;
}

static void draw_elements(const struct graph *g, size_t i)
{
	const struct plan_stage *stage = &g->plan->stages[i];

	begin_cluster(g, arena_printf(g->arena, "%zu", i), stage_name(g, i));
	vec_foreach (const struct element *, e, &stage->set.members)
		add_node(g, i, (*e)->name, (*e)->name, (*e)->is_requested ? ", style=bold" : "");
	end_cluster(g);
	vec_foreach (const struct element *, e, &stage->set.members) {
		vec_foreach (const char *, dep, &(*e)->deps) {
			const struct element *to = provider(stage, *dep);

			if (to && to != *e)
				add_edge(g, i, (*e)->name, i, to->name,
					 strcmp(to->name, *dep) == 0 ? NULL : *dep);
		}
	}
}

static const char *base_text(const struct graph *g, const struct ib_op_base *base)
{
	static const char *const kinds[] = {
		[IB_BASE_ELEMENT] = "", [IB_BASE_STAGE] = "",   [IB_BASE_SCRATCH] = "",
		[IB_BASE_TAR] = "tar:", [IB_BASE_OCI] = "oci:", [IB_BASE_DISK] = "disk:",
	};

	return arena_printf(g->arena, "%s%s", kinds[base->kind],
			    base->kind == IB_BASE_SCRATCH ? "scratch" : base->name);
}

static void add_outputs(const struct ib_stage *stage, struct buf *label)
{
	vec_foreach (struct ib_op, op, &stage->ops)
		if (op->code == IB_OP_OUTPUT && stage->is_product)
			vec_foreach (struct ib_word, format, &op->output.formats)
				buf_printf(label, "\n%s", format->text);
}

/* FROM a stage is a plain arrow; files taken from one are dashed, with the instruction. */
static void draw_reads(const struct graph *g, size_t i, const struct ib_op *op)
{
	if (op->code == IB_OP_COPY && op->copy.from.kind == IB_FROM_STAGE)
		add_edge(g, i, "", op->copy.from.stage, "", "COPY");
	if (op->code == IB_OP_RUN)
		vec_foreach (struct ib_mount, m, &op->run.mounts)
			if (m->from.kind == IB_FROM_STAGE)
				add_edge(g, i, "", m->from.stage, "", "RUN --mount");
}

static void draw_stage(const struct graph *g, size_t i)
{
	const struct ib_stage *stage = &g->plan->ir->stages.items[i];
	const struct ib_op_base *base = &stage->ops.items[0].base;
	cleanup_buf struct buf label = BUF_INIT;

	buf_str(&label, stage_name(g, i));
	add_outputs(stage, &label);
	add_node(g, i, "", label.data,
		 stage->is_product ? ", shape=box, style=bold" : ", shape=box");
	if (base->kind == IB_BASE_STAGE) {
		add_edge(g, i, "", base->stage, "", NULL);
	} else {
		add_node(g, i, "base", base_text(g, base), "");
		add_edge(g, i, "", i, "base", NULL);
	}
	vec_foreach (struct ib_op, op, &stage->ops)
		draw_reads(g, i, op);
}

static const char *step_id(const struct graph *g, size_t k)
{
	return arena_printf(g->arena, "%zu", k);
}

static void draw_steps(const struct graph *g, size_t i)
{
	const struct step_vec *steps = &g->plan->stages[i].steps;
	const char *phase = NULL;

	for (size_t k = 0; k < steps->len; k++) {
		const struct step *s = &steps->items[k];
		const char *now = ib_phases[s->phase].name;
		cleanup_buf struct buf label = BUF_INIT;

		if (!phase || strcmp(phase, now) != 0) {
			if (phase)
				end_cluster(g);
			begin_cluster(g, arena_printf(g->arena, "%zu %s", i, now),
				      arena_printf(g->arena, "%s: %s", stage_name(g, i), now));
			phase = now;
		}
		step_kinds[s->code].describe(s, &label);
		add_node(g, i, step_id(g, k), label.len ? label.data : step_kinds[s->code].verb,
			 ", shape=box");
	}
	if (phase)
		end_cluster(g);
	for (size_t k = 0; k < steps->len; k++)
		vec_foreach (uint32_t, need, &steps->items[k].needs)
			add_edge(g, i, step_id(g, k), i, step_id(g, *need), NULL);
}

void ib_plan_graph(const struct plan *p, enum plan_graph kind, struct buf *out)
{
	static void (*const draw[])(const struct graph *, size_t) = {
		[PLAN_GRAPH_ELEMENTS] = draw_elements,
		[PLAN_GRAPH_STAGES] = draw_stage,
		[PLAN_GRAPH_STEPS] = draw_steps,
	};
	cleanup_arena struct arena *a = arena_new();
	struct graph g = { p, a, out };
	size_t n = kind == PLAN_GRAPH_STAGES ? p->ir->stages.len : p->stages_len;

	buf_str(out, "digraph imagebuild {\n    rankdir=LR;\n");
	for (size_t i = 0; i < n; i++)
		draw[kind](&g, i);
	buf_str(out, "}\n");
}
