/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a stage: per phase the environment, then hooks, the engine's own work, the
 * fragments' and the recipe's lines by number; the recipe's own come after every hook of the same
 * number (imagefile.md, "Phases and order"). */
#include "plan/private.h"

#include "base/base.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* What the engine does in place of a framework element's hook, under that hook's name, which places
 * it. */
static const struct engine_step {
	enum step_code code;
	enum ib_phase phase;
	const char *name;
	enum framework element;
	const char *dir;   /* in hooks/; nothing to do without it. NULL: always */
	const char *again; /* what makes a stage that continues another do it again, as DIR */
} engine_steps[] = {
	{ STEP_pkg_map, IB_PHASE_EXTRA_DATA, "10-create-pkg-map-dir", FRAMEWORK_PKG_MAP, NULL,
	  "pkg-map" },
	{ STEP_svc_map, IB_PHASE_EXTRA_DATA, "10-merge-svc-map-files", FRAMEWORK_SVC_MAP, NULL,
	  "svc-map" },
	{ STEP_manifests, IB_PHASE_EXTRA_DATA, "20-manifest-dir", FRAMEWORK_MANIFESTS, NULL, NULL },
	{ STEP_source_repositories, IB_PHASE_EXTRA_DATA, "98-source-repositories",
	  FRAMEWORK_SOURCE_REPOSITORIES, NULL, "source-repository-" },
	{ STEP_install_types, IB_PHASE_EXTRA_DATA, "99-enable-install-types",
	  FRAMEWORK_INSTALL_TYPES, NULL, "install.d/" },
	{ STEP_package_installs, IB_PHASE_EXTRA_DATA, "99-squash-package-install",
	  FRAMEWORK_PACKAGE_INSTALLS, NULL, "package-installs" },
	{ STEP_install_bin, IB_PHASE_PRE_INSTALL, "01-install-bin", FRAMEWORK_INSTALL_BIN, "bin/",
	  "bin/" },
	{ STEP_init_system, IB_PHASE_PRE_INSTALL, "04-dib-init-system", FRAMEWORK_DIB_INIT_SYSTEM,
	  NULL, NULL },
	{ STEP_install_static, IB_PHASE_INSTALL, "10-install-static-files",
	  FRAMEWORK_INSTALL_STATIC, "static/", "static/" },
	{ STEP_init_scripts, IB_PHASE_INSTALL, "20-install-init-scripts", FRAMEWORK_DIB_INIT_SYSTEM,
	  "init-scripts/", "init-scripts/" },
	{ STEP_manifests, IB_PHASE_CLEANUP, "01-copy-manifests-dir", FRAMEWORK_MANIFESTS, NULL,
	  NULL },
};

/* Where package-installs puts its two transactions of a phase. */
static const struct {
	enum ib_phase phase;
	const char *install, *removal;
} transactions[] = {
	{ IB_PHASE_PRE_INSTALL, "10-package-installs", "99-package-uninstalls" },
	{ IB_PHASE_INSTALL, "01-package-installs", "99-package-uninstalls" },
	{ IB_PHASE_POST_INSTALL, "00-package-installs", "95-package-uninstalls" },
};

struct lowering {
	struct planner *pl;
	struct arena *arena;
	struct plan_stage *stage;
	enum ib_phase phase;
	struct step_vec steps; /* of the phase, in the order of their finding */
};

/* A fragment's step runs where the hook would that it is written out as; --name is that hook's. */
static const char *hook_name(struct lowering *lo, const struct step *s)
{
	const struct ib_op *first = s->element->fragment->stages.items[0].ops.items;
	const char *name = s->op->code == IB_OP_RUN ? s->op->run.name : NULL;

	if (name && hooks_is_name(name))
		return arena_printf(lo->arena, "%02ld-%s", s->number, name);
	return arena_printf(lo->arena, "%02ld-%s-%04zu-%s", s->number, s->element->name,
			    (size_t)(s->op - first) + 1, s->name);
}

static void push(struct lowering *lo, struct step s)
{
	s.phase = lo->phase;
	if (s.op && s.element)
		s.name = hook_name(lo, &s);
	vec_push(lo->arena, &lo->steps, s);
}

static void add_hook(struct lowering *lo, const struct hook_file *f)
{
	struct hook_file *hook = arena_alloc(lo->arena, sizeof(*hook));
	const char *slash = strrchr(f->path, '/');

	*hook = *f;
	push(lo, (struct step){ .code = STEP_hook,
				.at = hook->at,
				.name = slash + 1,
				.hook = hook,
				.number = hooks_number(slash + 1),
				.element = hook->element });
}

/* Whether the tree of the stage before has been through the phase. */
static bool is_over(const struct lowering *lo)
{
	return lo->stage->parent && lo->phase <= IB_PHASE_POST_ROOT;
}

static const struct hooks *hooks_of_phase(const struct lowering *lo)
{
	return is_over(lo) ? &lo->stage->own_hooks : &lo->stage->hooks;
}

/* The first member that takes part in the phase. */
static size_t first_member(const struct lowering *lo)
{
	return is_over(lo) ? lo->stage->inherited : 0;
}

static void add_hooks(struct lowering *lo)
{
	struct hook_file_vec files;

	hooks_phase(hooks_of_phase(lo), arena_printf(lo->arena, "%s.d", ib_phases[lo->phase].name),
		    lo->arena, &files);
	vec_foreach (struct hook_file, f, &files)
		add_hook(lo, f);
}

/* The links that install-types will make; one that has a hook's name replaces it. */
static void add_install_types(struct lowering *lo)
{
	struct plan_known known = { lo->pl->plan, lo->stage };
	struct hook_file_vec links;

	if (lo->phase != IB_PHASE_INSTALL || !element_set_find(&lo->stage->set, "install-types"))
		return;
	hooks_install_types(hooks_of_phase(lo), plan_known_find, &known, lo->arena, &links);
	vec_foreach (struct hook_file, link, &links) {
		struct hooks one = { .files = { link, 1, 1 } };
		struct hook_file_vec runs;
		size_t n = 0;

		hooks_phase(&one, "install.d", lo->arena, &runs);
		for (size_t i = 0; i < lo->steps.len; i++)
			if (strcmp(lo->steps.items[i].name, strrchr(link->path, '/') + 1) != 0)
				lo->steps.items[n++] = lo->steps.items[i];
		lo->steps.len = n;
		if (runs.len)
			add_hook(lo, &runs.items[0]);
	}
}

static const struct element *framework_member(const struct plan_stage *stage, enum framework id)
{
	vec_foreach (const struct element *, e, &stage->set.members)
		if ((*e)->framework == id)
			return *e;
	return NULL;
}

static bool has_directory(const struct hooks *hooks, const char *dir)
{
	vec_foreach (struct hook_file, f, &hooks->files)
		if (strncmp(f->path, dir, strlen(dir)) == 0)
			return true;
	return false;
}

/* Whether the stage before has done it, for all there is. */
static bool is_done(const struct lowering *lo, const struct engine_step *row,
		    const struct element *e)
{
	if (!is_over(lo))
		return false;
	for (size_t i = lo->stage->inherited; i < lo->stage->set.members.len; i++)
		if (lo->stage->set.members.items[i] == e)
			return false;
	return !row->again || !has_directory(&lo->stage->own_hooks, row->again);
}

static void add_engine_steps(struct lowering *lo)
{
	for (size_t i = 0; i < ARRAY_SIZE(engine_steps); i++) {
		const struct engine_step *row = &engine_steps[i];
		const struct element *e = framework_member(lo->stage, row->element);

		if (row->phase != lo->phase || !e ||
		    (row->dir && !has_directory(&lo->stage->hooks, row->dir)) ||
		    is_done(lo, row, e))
			continue;
		if (row->code == STEP_source_repositories && !lo->stage->sources.len)
			continue;
		push(lo,
		     (struct step){ .code = row->code,
				    .at = e->at,
				    .name = row->name,
				    .element = e,
				    .is_decided_at_build = row->code == STEP_source_repositories,
				    .number = hooks_number(row->name) });
	}
}

bool request_is_known(const struct package_request *r, const struct plan_known *known)
{
	if (r->pkg_map &&
	    (!plan_known_find(known, "DISTRO_NAME") || !plan_known_find(known, "DIB_RELEASE")))
		return false;
	if (r->python_version && !plan_known_find(known, "DIB_PYTHON_VERSION"))
		return false;
	vec_foreach (struct ib_cond, cond, &r->when)
		if (!plan_known_find(known, cond->key))
			return false;
	return true;
}

bool request_is_of(const struct package_request *r, enum ib_phase phase, bool is_removal)
{
	return r->phase == phase &&
	       (is_removal ? r->is_removal || r->is_build_only : !r->is_removal);
}

static bool has_request(const struct package_request_vec *requests, enum ib_phase phase,
			bool is_removal)
{
	vec_foreach (struct package_request, r, requests)
		if (request_is_of(r, phase, is_removal))
			return true;
	return false;
}

static struct step packages_step(struct lowering *lo, const char *name, bool is_removal,
				 const struct package_request_vec *requests)
{
	struct plan_known known = { lo->pl->plan, lo->stage };
	struct step s = { .code = STEP_packages,
			  .name = name,
			  .number = hooks_number(name),
			  .is_removal = is_removal,
			  .requests = requests };

	vec_foreach (struct package_request, r, requests) {
		/* A plain install decides about removals as well. */
		if (r->phase == lo->phase && !request_is_known(r, &known))
			s.is_decided_at_build = true;
		if (s.at.end == 0 && request_is_of(r, lo->phase, is_removal))
			s.at = r->at;
	}
	return s;
}

static void add_transactions(struct lowering *lo)
{
	for (size_t i = 0; i < ARRAY_SIZE(transactions); i++) {
		if (transactions[i].phase != lo->phase)
			continue;
		if (has_request(&lo->stage->packages, lo->phase, false))
			push(lo, packages_step(lo, transactions[i].install, false,
					       &lo->stage->packages));
		if (has_request(&lo->stage->packages, lo->phase, true))
			push(lo, packages_step(lo, transactions[i].removal, true,
					       &lo->stage->packages));
	}
}

/* "apt-get update && x" as "apt-get-update-x": names the log. */
static const char *slug(struct arena *a, const char *text, const char *otherwise)
{
	char out[32];
	size_t n = 0;

	for (; text && *text && n < 24; text++) {
		if (isalnum((unsigned char)*text))
			out[n++] = (char)tolower((unsigned char)*text);
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	return n ? arena_strndup(a, out, n) : otherwise;
}

static const char *run_name(struct arena *a, const struct ib_op_run *run)
{
	const char *text = run->text;

	if (run->name)
		return slug(a, run->name, "run");
	if (run->form == IB_RUN_EXEC)
		text = run->argv.len ? run->argv.items[0] : NULL;
	/* The interpreter's line says less than what follows it. */
	if (run->form == IB_RUN_SCRIPT && text && strchr(text, '\n'))
		text = strchr(text, '\n') + 1;
	return slug(a, text, "run");
}

static void add_copy(struct lowering *lo, struct step s)
{
	struct copy_entry_vec *entries = arena_alloc(lo->arena, sizeof(*entries));

	s.name = slug(lo->arena, s.op->copy.dest.text, "copy");
	if (s.op->copy.from.kind == IB_FROM_CONTEXT &&
	    plan_copy_expand(lo->pl->plan, s.op, lo->arena, entries, lo->pl->diag) < 0)
		return;
	if (plan_import_add(lo->pl, s.op, &s.op->copy.from) < 0)
		return;
	s.entries = entries;
	push(lo, s);
}

static void add_run(struct lowering *lo, struct step s)
{
	struct copy_entry_vec *mounted = NULL;

	s.name = run_name(lo->arena, &s.op->run);
	s.is_decided_at_build = s.is_decided_at_build || s.op->run.install_type;
	if (plan_run_expand(lo->pl->plan, s.op, lo->arena, &mounted, lo->pl->diag) < 0)
		return;
	vec_foreach (const struct ib_mount, m, &s.op->run.mounts)
		if (mount_takes_tree(m) && plan_import_add(lo->pl, s.op, &m->from) < 0)
			return;
	s.mounted = mounted;
	push(lo, s);
}

static void add_packages_op(struct lowering *lo, const struct ib_op *op,
			    const struct element *element)
{
	struct package_request_vec *requests = arena_alloc(lo->arena, sizeof(*requests));
	struct step s;

	packages_of_op(op, element, lo->pl->plan->pkg_map, lo->arena, requests);
	s = packages_step(lo, "package", op->package.is_removal, requests);
	s.at = op->at;
	s.op = op;
	s.element = element;
	s.number = op->order;
	push(lo, s);
	if (!op->package.is_build_only)
		return;
	/* taken away where the phase's own removals are */
	for (size_t i = 0; i < ARRAY_SIZE(transactions); i++)
		if (transactions[i].phase == lo->phase)
			s.number = hooks_number(transactions[i].removal);
	s.is_removal = true;
	push(lo, s);
}

/* The ops of the recipe (ELEMENT NULL) or of a fragment that are steps of the phase. */
static void add_ops(struct lowering *lo, const struct ib_op_vec *ops, const struct element *element)
{
	vec_foreach (struct ib_op, op, ops) {
		struct step s = { .at = op->at,
				  .op = op,
				  .element = element,
				  .number = op->order,
				  .is_decided_at_build = op->when.len > 0 };

		if (op->phase != lo->phase)
			continue;
		if (op->code == IB_OP_RUN) {
			s.code = STEP_run;
			add_run(lo, s);
		} else if (op->code == IB_OP_COPY) {
			s.code = STEP_copy;
			add_copy(lo, s);
		} else if (op->code == IB_OP_ADD) {
			s.code = STEP_add;
			s.name = slug(lo->arena, op->copy.dest.text, "add");
			s.is_decided_at_build = op->when.len > 0 || !op->copy.checksum;
			push(lo, s);
		} else if (op->code == IB_OP_SOURCE) {
			s.code = STEP_source;
			s.name = slug(lo->arena, op->source.name, "source");
			s.is_decided_at_build = true;
			push(lo, s);
		} else if (op->code == IB_OP_WORKDIR) {
			s.code = STEP_workdir;
			s.name = slug(lo->arena, op->workdir.text, "workdir");
			/* It makes the directory for the lines behind it, wherever in the phase
			 * they stand. */
			s.number = op->order < 0 ? 90 : op->order;
			push(lo, s);
		} else if (op->code == IB_OP_PACKAGE && op->package.is_step) {
			add_packages_op(lo, op, element);
		}
	}
}

static bool is_of_recipe(const struct step *s)
{
	return s->op && !s->element;
}

static int compare_steps(const struct step *a, const struct step *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (is_of_recipe(a) != is_of_recipe(b))
		return is_of_recipe(a) ? 1 : -1;
	return is_of_recipe(a) ? 0 : strcmp(a->name, b->name);
}

/* The recipe's lines of one number stay in the order of the text: the places of the steps decide.
 */
static int compare_places(const void *a, const void *b)
{
	const struct step *const *x = a, *const *y = b;
	int order = compare_steps(*x, *y);

	return order ? order : (*x > *y) - (*x < *y);
}

static void sort_steps(struct lowering *lo)
{
	const struct step **places = arena_alloc(lo->arena, (lo->steps.len + 1) * sizeof(*places));
	struct step_vec sorted = { NULL, 0, 0 };

	for (size_t i = 0; i < lo->steps.len; i++)
		places[i] = &lo->steps.items[i];
	qsort(places, lo->steps.len, sizeof(*places), compare_places);
	for (size_t i = 0; i < lo->steps.len; i++)
		vec_push(lo->arena, &sorted, *places[i]);
	lo->steps = sorted;
}

/* Of a fragment's RUN with a --name. */
static bool is_named(const struct step *s)
{
	return s->element && s->code == STEP_run && s->op->run.name &&
	       hooks_is_name(s->op->run.name);
}

/* A named RUN stands for a hook: two of one name are refused as two hooks are. The steps are
 * sorted. */
static void check_names(struct lowering *lo)
{
	for (size_t i = 1; i < lo->steps.len; i++) {
		const struct step *a = &lo->steps.items[i - 1], *b = &lo->steps.items[i];

		if (!a->element || !b->element || !(is_named(a) || is_named(b)) ||
		    strcmp(a->name, b->name) != 0)
			continue;
		ib_diag_add(lo->pl->diag, IB_D_DUPLICATE_HOOK, b->at,
			    "elements '%s' and '%s' both have the hook '%s' of %s; only one of "
			    "them can be "
			    "in an image",
			    a->element->name, b->element->name, b->name, ib_phases[lo->phase].name);
		ib_diag_note(lo->pl->diag, a->at, "'%s' has it here", a->element->name);
	}
}

static void append(struct lowering *lo, struct step s)
{
	struct step_vec *steps = &lo->stage->steps;

	s.phase = lo->phase;
	if (steps->len)
		vec_push(lo->arena, &s.needs, (uint32_t)(steps->len - 1));
	vec_push(lo->arena, steps, s);
}

/* Before any hook of root.d. */
static void add_base(struct lowering *lo)
{
	push(lo, (struct step){ .code = STEP_base,
				.at = lo->stage->base->at,
				.name = "from",
				.op = &lo->stage->ir->ops.items[0],
				.base = lo->stage->base,
				.number = LONG_MIN });
}

/* What a stage says about finishing is done where its tree ends, in those that continue it. */
static void add_recipe(struct lowering *lo, const struct plan_stage *stage)
{
	if (stage->parent && lo->phase > IB_PHASE_POST_ROOT)
		add_recipe(lo, stage->parent);
	add_ops(lo, &stage->ir->ops, NULL);
}

static void lower_phase(struct lowering *lo)
{
	lo->steps = (struct step_vec){ NULL, 0, 0 };
	if (lo->phase == IB_PHASE_ROOT && lo->stage->base)
		add_base(lo);
	add_hooks(lo);
	add_install_types(lo);
	add_engine_steps(lo);
	add_transactions(lo);
	for (size_t i = first_member(lo); i < lo->stage->set.members.len; i++) {
		const struct element *e = lo->stage->set.members.items[i];

		if (e->fragment)
			add_ops(lo, &e->fragment->stages.items[0].ops, e);
	}
	add_recipe(lo, lo->stage);
	sort_steps(lo);
	check_names(lo);
	if (lo->steps.len)
		append(lo, (struct step){ .code = STEP_environ,
					  .name = "environment",
					  .number = LONG_MIN });
	vec_foreach (struct step, s, &lo->steps)
		append(lo, *s);
}

int lower_stage(struct planner *pl, struct plan_stage *stage)
{
	struct lowering lo = { .pl = pl, .arena = pl->plan->arena, .stage = stage };
	size_t errors = ib_diag_errors(pl->diag);

	for (int phase = 0; phase < IB_PHASES; phase++) {
		lo.phase = (enum ib_phase)phase;
		lower_phase(&lo);
		if (phase == IB_PHASE_ROOT && !stage->parent)
			append(&lo, (struct step){ .code = STEP_enter,
						   .name = "enter",
						   .number = LONG_MAX });
		if (phase != IB_PHASE_POST_ROOT)
			continue;
		/* The disk, and so fstab, is each stage's own. */
		stage->tree_end = (uint32_t)stage->steps.len;
		if (!stage->is_product)
			return ib_diag_errors(pl->diag) > errors ? -1 : 0;
		append(&lo,
		       (struct step){ .code = STEP_leave, .name = "leave", .number = LONG_MAX });
	}
	append(&lo, (struct step){ .code = STEP_clean, .name = "clean", .number = LONG_MAX });
	return ib_diag_errors(pl->diag) > errors ? -1 : 0;
}
