/* SPDX-License-Identifier: Apache-2.0 */
/* The passes that make a plan: elements, hooks, variables, packages, disk, steps, keys. */
#include "plan/private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const struct {
	const char *machine, *arch;
} arches[] = {
	{ "x86_64", "amd64" }, { "aarch64", "arm64" },   { "i686", "i386" },
	{ "i586", "i386" },    { "armv7l", "armhf" },    { "armv8l", "armhf" },
	{ "armv6l", "armel" }, { "ppc64le", "ppc64el" }, { "mips64", "mips64el" },
};

static const char *host_arch(struct arena *a)
{
	struct utsname u;

	if (uname(&u) < 0)
		return "amd64";
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (strcmp(arches[i].machine, u.machine) == 0)
			return arches[i].arch;
	return arena_strdup(a, u.machine);
}

const char *pairs_find(const struct ib_pair_vec *pairs, const char *key)
{
	const char *found = NULL;

	vec_foreach (struct ib_pair, pair, pairs)
		if (strcmp(pair->key, key) == 0)
			found = pair->value;
	return found;
}

const char *plan_known_find(const void *context, const char *name)
{
	const struct plan_known *known = context;

	return map_get(&known->stage->guessed, intern_str(known->plan->names, name));
}

bool plan_is_proxy_name(const char *variable)
{
	size_t n = strlen(variable);

	return n > 6 && strcasecmp(variable + n - 6, "_proxy") == 0;
}

const struct plan_stage *plan_stage_find(const struct plan *p, uint32_t i)
{
	for (size_t k = 0; k < p->stages_len; k++)
		if (p->stages[k].ir == &p->ir->stages.items[i])
			return &p->stages[k];
	return NULL;
}

const struct digest *plan_tree_key(const struct plan_stage *stage)
{
	/* A stage that adds nothing is the one before it. */
	while (stage->tree_end == 0 && stage->parent)
		stage = stage->parent;
	assert(stage->tree_end > 0);
	return &stage->steps.items[stage->tree_end - 1].input_key;
}

const struct plan_stage *plan_stage_of(const struct plan *p, const struct step *step)
{
	for (size_t i = 0; i < p->stages_len; i++) {
		const struct step_vec *steps = &p->stages[i].steps;

		if (steps->len && step >= steps->items && step < steps->items + steps->len)
			return &p->stages[i];
	}
	return NULL;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct ib_pair *)a)->key, ((const struct ib_pair *)b)->key);
}

static void set_pair(struct arena *a, struct ib_pair_vec *pairs, struct ib_pair pair)
{
	vec_foreach (struct ib_pair, old, pairs)
		if (strcmp(old->key, pair.key) == 0) {
			*old = pair;
			return;
		}
	vec_push(a, pairs, pair);
}

/* --env, then ENV, which wins; sorted. */
static void merge_env(struct plan *p, struct plan_stage *stage)
{
	vec_foreach (struct ib_pair, pair, &p->options->env)
		set_pair(p->arena, &stage->env, *pair);
	vec_foreach (struct ib_pair, pair, &stage->ir->env)
		set_pair(p->arena, &stage->env, *pair);
	if (stage->env.len)
		qsort(stage->env.items, stage->env.len, sizeof(*stage->env.items), compare_pairs);
}

static bool provides_device(const struct element *e)
{
	vec_foreach (const char *, name, &e->provides)
		if (strcmp(*name, "block-device") == 0)
			return true;
	return false;
}

/* A LAYOUT and an element that is a layout exclude each other. */
static int check_layout_conflict(struct planner *pl, const struct plan_stage *stage)
{
	const struct ib_op *layout = layout_op(&stage->ir->ops), *other;
	int r = 0;

	/* The disk of the stage before is not this one's. */
	for (size_t i = stage->inherited; layout && i < stage->set.members.len; i++) {
		const struct element *e = stage->set.members.items[i];

		if (!provides_device(e))
			continue;
		ib_diag_add(pl->diag, IB_D_LAYOUT_CONFLICT, layout->at,
			    "both this LAYOUT and the element '%s' describe the disk; "
			    "leave one of them out",
			    e->name);
		other = e->fragment ? layout_op(&e->fragment->stages.items[0].ops) : NULL;
		ib_diag_note(pl->diag, e->at, "'%s' comes from here", e->name);
		if (other)
			ib_diag_note(pl->diag, other->at, "its LAYOUT is here");
		r = -1;
	}
	return r;
}

static bool is_setting(const struct ib_op *op)
{
	return op->code == IB_OP_LABEL || op->code == IB_OP_CONFIG || op->code == IB_OP_LAYOUT;
}

static void add_settings(struct plan *p, struct plan_stage *stage, const struct ib_op_vec *ops)
{
	vec_foreach (struct ib_op, op, ops)
		if (is_setting(op))
			vec_push(p->arena, &stage->settings, *op);
}

static void inherit_settings(struct plan *p, struct plan_stage *stage)
{
	vec_foreach (struct ib_op, op, &stage->parent->settings)
		if (op->code != IB_OP_LAYOUT)
			vec_push(p->arena, &stage->settings, *op);
	stage->inherited_settings = stage->settings.len;
}

static void take_fragments(struct planner *pl, struct plan_stage *stage)
{
	if (stage->parent)
		inherit_settings(pl->plan, stage);
	for (size_t i = stage->inherited; i < stage->set.members.len; i++) {
		const struct ib_ir *fragment = stage->set.members.items[i]->fragment;

		if (!fragment)
			continue;
		unbuilt_check_ops(pl, &fragment->stages.items[0].ops);
		add_settings(pl->plan, stage, &fragment->stages.items[0].ops);
	}
	add_settings(pl->plan, stage, &stage->ir->ops);
}

static int resolve_stage(struct planner *pl, struct plan_stage *stage)
{
	struct plan *p = pl->plan;
	struct element_request request = { .stage = stage->ir,
					   .inherited = stage->parent ? &stage->parent->set : NULL,
					   .scope = { &stage->env, p->arch },
					   .automatic = disk_automatic(pl, stage->ir) };

	if (layout_op(&stage->ir->ops))
		vec_push(p->arena, &request.provided, "block-device");
	if (plan_base_below(stage))
		vec_push(p->arena, &request.provided, "operating-system");
	if (elements_resolve(p->elements, &request, p->arena, &stage->set, pl->diag) < 0)
		return -1;
	stage->inherited = stage->parent ? stage->parent->set.members.len : 0;
	take_fragments(pl, stage);
	stage->has_bootloader = element_set_find(&stage->set, "bootloader") != NULL;
	if (stage->has_bootloader && elements_shadowed_bootloader(p->elements))
		ib_diag_add(pl->diag, IB_D_NOTE, element_set_find(&stage->set, "bootloader")->at,
			    "'bootloader' is imagebuild's own, not the one of %s: the boot loader "
			    "is placed "
			    "without devices",
			    elements_shadowed_bootloader(p->elements));
	return plan_base_check(pl, stage) < 0 ? -1 : check_layout_conflict(pl, stage);
}

/* What the engine itself adds to the environment and is known before the build. */
static void guess(struct plan *p, struct plan_stage *stage)
{
	struct ib_pair_vec env = { NULL, 0, 0 };

	vec_push(p->arena, &env, ((struct ib_pair){ .key = "ARCH", .value = p->arch }));
	vec_foreach (struct ib_pair, pair, &stage->env)
		set_pair(p->arena, &env, *pair);
	environ_guess(&stage->hooks, &env, p->names, p->arena, &stage->guessed);
}

static int find_base(struct planner *pl, struct plan_stage *stage)
{
	const struct ib_op *op = &stage->ir->ops.items[0];

	if (op->base.kind == IB_BASE_ELEMENT || op->base.kind == IB_BASE_STAGE)
		return 0;
	return plan_base_of(pl->plan, op, pl->plan->arena, &stage->base, pl->diag, pl->err);
}

/* root.d fills an empty tree; one that continues another is full. */
static int check_continued(struct planner *pl, const struct plan_stage *stage)
{
	struct hook_file_vec hooks;
	size_t errors = ib_diag_errors(pl->diag);

	if (!stage->parent)
		return 0;
	hooks_phase(&stage->own_hooks, "root.d", pl->plan->arena, &hooks);
	vec_foreach (struct hook_file, f, &hooks) {
		ib_diag_add(
			pl->diag, IB_D_CONTINUED, f->element->at,
			"element '%s' has the hook '%s', but this stage continues another, whose "
			"root is made",
			f->element->name, f->path);
		ib_diag_note(pl->diag, stage->ir->at, "the stage is continued here");
	}
	vec_foreach (struct ib_op, op, &stage->ir->ops)
		if (op->phase == IB_PHASE_ROOT)
			ib_diag_add(pl->diag, IB_D_CONTINUED, op->at,
				    "--phase=root in a stage that continues another, whose root is "
				    "made");
	return ib_diag_errors(pl->diag) > errors ? -1 : 0;
}

static int plan_stage(struct planner *pl, struct plan_stage *stage)
{
	struct plan *p = pl->plan;

	merge_env(p, stage);
	if (find_base(pl, stage) < 0)
		return -1;
	if (resolve_stage(pl, stage) < 0 ||
	    hooks_merge(&stage->set, stage->inherited, p->arena, p->sources, &stage->hooks,
			&stage->own_hooks, pl->diag) < 0 ||
	    check_continued(pl, stage) < 0)
		return -1;
	guess(p, stage);
	if (packages_collect(&stage->set, stage->inherited, stage->ir, p->pkg_map, p->arena,
			     p->sources, &stage->packages, pl->diag) < 0 ||
	    disk_plan(pl, stage) < 0)
		return -1;
	/* Again: the layout says what DIB_BLOCK_DEVICE is. */
	guess(p, stage);
	unbuilt_check_hooks(pl, stage);
	if (fetches_plan(pl, stage) < 0)
		return -1;
	if (lower_stage(pl, stage) < 0)
		return -1;
	/* a plan with errors has no use for keys, and an earlier stage may have none */
	if (p->options->is_unkeyed || ib_diag_errors(pl->diag) > pl->errors)
		return 0;
	return key_stage(pl, stage);
}

static bool is_target(const struct plan *p, const struct ib_stage *stage)
{
	if (p->options->targets.len == 0)
		return stage->is_product;
	vec_foreach (const char *, name, &p->options->targets)
		if (stage->name && strcmp(*name, stage->name) == 0)
			return true;
	return false;
}

static void check_targets(struct planner *pl)
{
	vec_foreach (const char *, name, &pl->plan->options->targets) {
		bool is_known = false;

		vec_foreach (struct ib_stage, stage, &pl->plan->ir->stages)
			is_known = is_known || (stage->name && strcmp(stage->name, *name) == 0);
		if (!is_known)
			ib_diag_add(pl->diag, IB_D_UNKNOWN_STAGE, ((struct ib_span){ 0, 0 }),
				    "--target names '%s', which is no stage of the recipe", *name);
	}
}

static void need_tree(bool *needed, const struct ib_tree_ref *ref)
{
	if (ref->kind == IB_FROM_STAGE)
		needed[ref->stage] = true;
}

static void need_trees_of(const struct ib_op *op, bool *needed)
{
	if (op->code == IB_OP_BASE && op->base.kind == IB_BASE_STAGE)
		needed[op->base.stage] = true;
	if (op->code == IB_OP_COPY)
		need_tree(needed, &op->copy.from);
	if (op->code == IB_OP_RUN)
		vec_foreach (struct ib_mount, m, &op->run.mounts)
			need_tree(needed, &m->from);
}

/* Products, and what they need: a stage needs earlier ones only. */
static bool *needed_stages(const struct plan *p)
{
	const struct ib_stage_vec *stages = &p->ir->stages;
	bool *needed = arena_alloc(p->arena, (stages->len + 1) * sizeof(*needed));

	for (size_t i = 0; i < stages->len; i++)
		needed[i] = is_target(p, &stages->items[i]);
	for (size_t i = stages->len; i > 0; i--) {
		if (needed[i - 1])
			vec_foreach (struct ib_op, op, &stages->items[i - 1].ops)
				need_trees_of(op, needed);
	}
	return needed;
}

/* False where what it continues has errors: there is nothing to look at. */
static bool find_parent(const struct plan *p, struct plan_stage *stage)
{
	const struct ib_op *base = stage->ir->ops.items;

	if (stage->ir->ops.len == 0 || base->code != IB_OP_BASE)
		return false;
	if (base->base.kind != IB_BASE_STAGE)
		return true;
	stage->parent = plan_stage_find(p, base->base.stage);
	return stage->parent && stage->parent->is_sound;
}

static int plan_stages(struct planner *pl)
{
	struct plan *p = pl->plan;
	bool *needed = needed_stages(p);
	struct plan_stage stage, *planned;
	int failed = 0;

	p->stages = arena_alloc(p->arena, sizeof(*p->stages) * (p->ir->stages.len + 1));
	vec_foreach (struct ib_stage, ir, &p->ir->stages) {
		size_t errors = ib_diag_errors(pl->diag);

		if (!needed[ir - p->ir->stages.items])
			continue;
		unbuilt_check(pl, ir);
		stage = (struct plan_stage){ .ir = ir, .is_product = is_target(p, ir) };
		if (!find_parent(p, &stage))
			continue;
		planned = &p->stages[p->stages_len++];
		*planned = stage;
		planned->is_sound =
			plan_stage(pl, planned) == 0 && ib_diag_errors(pl->diag) == errors;
		failed |= !planned->is_sound;
	}
	return failed || ib_diag_errors(pl->diag) > pl->errors ? -1 : 0;
}

int ib_plan_new(const struct ib_ir *ir, const struct ib_options *options,
		struct ib_sources *sources, struct elements *elements, struct store *statcache,
		struct ib_diag *diag, struct plan **ret_plan, struct ib_error *err)
{
	struct arena *a = arena_new();
	struct plan *p = arena_alloc(a, sizeof(*p));
	struct planner pl = { .plan = p, .diag = diag, .errors = ib_diag_errors(diag), .err = err };
	int r;

	*p = (struct plan){ .arena = a,
			    .names = intern_new(a),
			    .ir = ir,
			    .options = options,
			    .sources = sources,
			    .elements = elements,
			    .statcache = statcache,
			    .arch = host_arch(a) };
	p->epoch = options->is_unkeyed ? -1 : plan_epoch(p);
	p->context = context_find(&pl);
	if (p->context) {
		const char *map = arena_printf(a, "%s/pkg-map", p->context);

		p->pkg_map = access(map, F_OK) == 0 ? map : NULL;
	}
	if (ir->is_fragment && ir->stages.len)
		ib_diag_add(diag, IB_D_FRAGMENT,
			    ir->stages.items[0].ops.len ? ir->stages.items[0].ops.items[0].at
							: ir->stages.items[0].at,
			    "the recipe has no FROM: it is a fragment, for other recipes to use as "
			    "an element");
	check_targets(&pl);
	r = ir->is_fragment ? -1 : plan_stages(&pl);
	p->statcache = NULL;
	if (r < 0) {
		ib_plan_free(p);
		return err->code ? -err->code : -1;
	}
	*ret_plan = p;
	return 0;
}

void ib_plan_free(struct plan *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->stages_len; i++)
		vec_foreach (struct step, s, &p->stages[i].steps)
			buf_release(&s->key_text);
	arena_free(p->arena);
}
