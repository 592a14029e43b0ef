/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over a stage's steps. A step's run key follows from its input key, the run key before it
 * and the environment it sees; where the store has that layer the step is a hit, else it runs in a
 * draft. */
#include "run/schedule.h"

#include "support/crypto.h"

#include <imagebuild/buf.h>
#include <imagebuild/intern.h>
#include <imagebuild/map.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void drop_left(struct stage_run *sr, const char *target)
{
	size_t kept = 0;

	for (size_t i = 0; i < sr->left.len; i++) {
		if (strcmp(sr->left.items[i].target, target) != 0)
			sr->left.items[kept++] = sr->left.items[i];
	}
	sr->left.len = kept;
}

/* Takes a layer, new or found: its place in the stack, its mounts, what it says of the phase. */
int take_layer(struct stage_run *sr, const struct step *s, const struct digest *key,
	       const char *dir, struct ib_error *err)
{
	struct layer_meta meta = { 0 };
	int r = meta_read(sr, dir, &meta, err);

	if (r < 0)
		return ib_wrap(err, "read the layer of '%s'",
			       s->name ? s->name : step_kinds[s->code].name);
	if (!meta.is_empty)
		vec_push(sr->arena, &sr->layers, dir);
	if (!meta.is_empty || s->code != STEP_environ)
		sr->parent = *key;
	vec_foreach (const char *, target, &meta.gone)
		drop_left(sr, *target);
	vec_foreach (struct sandbox_left, l, &meta.left)
		vec_push(sr->arena, &sr->left, *l);
	if (s->code == STEP_leave)
		sr->left.len = 0;
	if (meta.has_epoch && sr->epoch < 0)
		sr->epoch = meta.epoch;
	if (meta.has_resolv) {
		sr->resolv = meta.resolv;
		sr->has_resolv = true;
	}
	if (s->code == STEP_clean)
		sr->has_resolv = false;
	if (meta.distro)
		sr->distro = meta.distro;
	if (meta.release)
		sr->release = meta.release;
	if (s->code == STEP_environ)
		env_parse(sr->arena, meta.env ? meta.env : "", &sr->env);
	return 0;
}

static int reuse(struct stage_run *sr, const struct step *s, const struct digest *key,
		 const char *dir, struct ib_error *err)
{
	struct ib_event e = { 0 };
	int r = take_layer(sr, s, key, dir, err);

	if (r < 0)
		return r;
	emit_step(sr, s, IB_EVENT_CACHED, &e);
	return 0;
}

/* --when of a step: 1 all hold, 0 not. An unset variable is an error, as in dib. */
static int conditions_hold(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	if (!s->op)
		return 1;
	if (s->code == STEP_run && s->op->run.install_type) {
		const char *type = env_get(&sr->env, "DIB_DEFAULT_INSTALLTYPE");

		if (strcmp(type ? type : "source", s->op->run.install_type) != 0) {
			stage_note(sr, s->at, "left out: DIB_DEFAULT_INSTALLTYPE is '%s'",
				   type ? type : "source");
			return 0;
		}
	}
	vec_foreach (const struct ib_cond, c, &s->op->when) {
		const char *value = env_get(&sr->env, c->key);

		if (!value) {
			err->at = c->at;
			err->exit = IB_EXIT_STEP;
			return ib_fail_text(err, EINVAL,
					    "--when names '%s', which is not set in phase %s.d",
					    c->key, ib_phases[s->phase].name);
		}
		if ((strcmp(value, c->value) == 0) != c->is_negated)
			continue;
		stage_note(sr, s->at, "left out: %s is '%s'", c->key, value);
		return 0;
	}
	return 1;
}

static int do_step(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	struct digest key;
	const char *dir;
	int r = conditions_hold(sr, s, err);

	if (r <= 0 || !hook_is_there(sr, s))
		return r < 0 ? r : 0;
	if (s->code == STEP_base)
		r = base_refresh(sr, s, &s, err);
	else if (s->op && step_takes_files(s))
		r = copy_refresh(sr, s, &s, err);
	if (r >= 0)
		r = fetched_find(sr, s, err);
	if (r < 0)
		return r;
	if (step_is_forced(sr, s)) {
		r = step_new_salt(sr, s, err);
		if (r < 0)
			return r;
	}
	r = run_key(sr, s, &key, err);
	if (r < 0)
		return r;
	if (store_layer_find(sr->run->store, &key, sr->arena, &dir))
		return reuse(sr, s, &key, dir, err);
	return step_execute(sr, s, &key, err);
}

static int run_extra(struct stage_run *sr, const struct step *before, struct ib_error *err)
{
	for (; sr->extra_done < sr->extra.len; sr->extra_done++) {
		const struct step *s = &sr->extra.items[sr->extra_done];
		int r;

		if (before && !extra_is_before(s, before))
			return 0;
		r = do_step(sr, s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_phase(struct stage_run *sr, enum ib_phase phase, struct ib_error *err)
{
	int r = sr->phase == IB_PHASE_NONE ? 0 : run_extra(sr, NULL, err);

	if (r < 0)
		return r;
	sr->phase = phase;
	sr->has_listing = false;
	sr->found.len = sr->extra.len = 0;
	phase_env(sr, phase, &sr->base);
	env_copy(sr->arena, &sr->env, &sr->base);
	return 0;
}

static bool has_environ(const struct stage_run *sr, enum ib_phase phase)
{
	vec_foreach (const struct step, s, &sr->stage->steps)
		if (s->code == STEP_environ && s->phase == phase)
			return true;
	return false;
}

/* Whether a step wrote into the phase's directory, or to NAME in it. Those of the stage that is
 * continued count where its tree has not been through the phase. */
bool has_written_hooks(const struct stage_run *sr, enum ib_phase phase, const char *name)
{
	size_t first = phase <= IB_PHASE_POST_ROOT || !sr->inherited ? sr->first_made : 1;

	for (size_t i = first; i < sr->layers.len; i++) {
		cleanup_free char *path = ib_xprintf("%s/fs/hooks/%s.d/%s", sr->layers.items[i],
						     ib_phases[phase].name, name);
		struct stat st;

		if (lstat(path, &st) == 0)
			return true;
	}
	return false;
}

/* A phase without hooks in the plan, for which a hook has made some. */
static int run_made_phase(struct stage_run *sr, enum ib_phase phase, struct ib_error *err)
{
	struct step *s = arena_alloc(sr->arena, sizeof(*s));
	struct buf text = BUF_INIT;
	int r = start_phase(sr, phase, err);

	*s = (struct step){ .code = STEP_environ, .phase = phase, .name = "environment" };
	buf_printf(&text, "environment of %s", ib_phases[phase].name);
	buf_add(&text, &sr->hooks_digest, sizeof(sr->hooks_digest));
	digest_of(text.data, text.len, &s->input_key);
	buf_release(&text);
	if (r >= 0)
		r = do_step(sr, s, err);
	if (r >= 0)
		r = phase_list(sr, err);
	if (r < 0)
		return r;
	hooks_find_extra(sr);
	return run_extra(sr, NULL, err);
}

/* Goes on to PHASE, through those before it that the plan has nothing for. */
static int go_to_phase(struct stage_run *sr, enum ib_phase phase, struct ib_error *err)
{
	for (int i = (int)sr->phase + 1; sr->phase != IB_PHASE_NONE && i <= (int)phase; i++) {
		enum ib_phase next = (enum ib_phase)i;
		int r;

		if (has_environ(sr, next) || !has_written_hooks(sr, next, ""))
			continue;
		r = run_made_phase(sr, next, err);
		if (r < 0)
			return r;
	}
	return sr->phase == phase ? 0 : start_phase(sr, phase, err);
}

static int run_one(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	int r = s->phase == sr->phase ? 0 : go_to_phase(sr, s->phase, err);

	sr->number = sr->run->first_step + (uint32_t)sr->steps_done + 1;
	if (r >= 0 && s->code != STEP_environ)
		r = run_extra(sr, s, err);
	if (r >= 0)
		r = do_step(sr, s, err);
	if (r >= 0 && s->code == STEP_environ && s->phase != IB_PHASE_ROOT) {
		r = phase_list(sr, err);
		if (r >= 0)
			hooks_find_extra(sr);
	}
	return r;
}

/* The steps before END, in the phases to LAST. */
static int run_steps(struct stage_run *sr, size_t end, enum ib_phase last, struct ib_error *err)
{
	int r = 0;

	for (; r >= 0 && sr->steps_done < end; sr->steps_done++)
		r = run_one(sr, &sr->stage->steps.items[sr->steps_done], err);
	if (r >= 0 && sr->phase < last)
		r = go_to_phase(sr, last, err);
	return r < 0 ? r : run_extra(sr, NULL, err);
}

static void hand_back(struct stage_run *sr)
{
	struct run *run = sr->run;
	struct map *env = arena_alloc(run->arena, sizeof(*env));
	struct sandbox_layers layers;

	vec_foreach (const char *, entry, &sr->env.entries) {
		const char *equals = strchr(*entry, '=');
		const char *name =
			intern_bytes(run->plan->names, *entry, (size_t)(equals - *entry));

		*map_put(run->arena, env, name) = arena_strdup(run->arena, equals + 1);
	}
	stage_lowers(sr, &layers);
	run->layers = layers.lowers;
	run->layers_len = layers.len;
	run->tree_key = sr->parent;
	run->env = env;
	run->epoch = sr->epoch;
}

static void continue_tree(struct stage_run *sr, const struct run_tree *base)
{
	for (size_t i = base->layers_len; i > 0; i--)
		vec_push(sr->arena, &sr->layers, base->layers[i - 1]);
	sr->inherited = sr->layers.len;
	sr->parent = base->key;
	if (sr->epoch < 0)
		sr->epoch = base->epoch;
	sr->resolv = base->resolv;
	sr->has_resolv = base->has_resolv;
	sr->is_refreshed = base->is_refreshed;
	sr->distro = base->distro;
	sr->release = base->release;
}

static int begin(struct stage_run *sr, struct ib_error *err)
{
	const struct run *run = sr->run;
	const struct plan_stage *parent = sr->stage->parent;
	int r;

	if (parent)
		continue_tree(sr, run->trees[parent->ir - run->plan->ir->stages.items]);
	r = hooks_open(sr, err);
	sr->first_made = sr->layers.len;
	return r < 0 ? ib_wrap(err, "make the hooks directory") : 0;
}

int run_tree_make(struct run *run, const struct plan_stage *stage, struct run_tree *ret_tree,
		  struct ib_error *err)
{
	struct stage_run *sr = arena_alloc(run->arena, sizeof(*sr));
	int r;

	*sr = (struct stage_run){ .run = run,
				  .stage = stage,
				  .arena = run->arena,
				  .phase = IB_PHASE_NONE,
				  .epoch = run->epoch };
	r = begin(sr, err);
	if (r >= 0)
		r = run_steps(sr, stage->tree_end, IB_PHASE_POST_ROOT, err);
	if (r < 0)
		return r;
	run->at = sr;
	hand_back(sr);
	*ret_tree = (struct run_tree){ .layers = run->layers,
				       .layers_len = run->layers_len,
				       .key = sr->parent,
				       .epoch = sr->epoch,
				       .resolv = sr->resolv,
				       .has_resolv = sr->has_resolv,
				       .is_refreshed = sr->is_refreshed,
				       .distro = sr->distro,
				       .release = sr->release,
				       .root_fd = -1 };
	return 0;
}

int run_finish(struct run *run, struct ib_error *err)
{
	struct stage_run *sr = run->at;
	int r = run_steps(sr, sr->stage->steps.len, IB_PHASE_NONE, err);

	if (r >= 0)
		hand_back(sr);
	return r;
}

const char *run_env(const struct run *run, const char *name)
{
	return run->env ? map_get(run->env, intern_str(run->plan->names, name)) : NULL;
}

void run_release(struct run *run)
{
	store_draft_drop(run->store, &run->refresh);
}
