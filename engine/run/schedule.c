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

/* Whether a step wrote into the phase's directory; the elements' own layer is the bottom. */
static bool has_written_hooks(const struct stage_run *sr, enum ib_phase phase)
{
	for (size_t i = 1; i < sr->layers.len; i++) {
		cleanup_free char *path =
			ib_xprintf("%s/fs/hooks/%s.d", sr->layers.items[i], ib_phases[phase].name);

		if (access(path, F_OK) == 0)
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

		if (has_environ(sr, next) || !has_written_hooks(sr, next))
			continue;
		r = run_made_phase(sr, next, err);
		if (r < 0)
			return r;
	}
	return sr->phase == phase ? 0 : start_phase(sr, phase, err);
}

static int run_steps(struct stage_run *sr, struct ib_error *err)
{
	const struct step_vec *steps = &sr->stage->steps;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < steps->len; i++) {
		const struct step *s = &steps->items[i];

		if (s->phase != sr->phase)
			r = go_to_phase(sr, s->phase, err);
		sr->number = sr->run->first_step + (uint32_t)i + 1;
		if (r >= 0 && s->code != STEP_environ)
			r = run_extra(sr, s, err);
		if (r >= 0)
			r = do_step(sr, s, err);
		if (r >= 0 && s->code == STEP_environ && s->phase != IB_PHASE_ROOT) {
			r = phase_list(sr, err);
			if (r >= 0)
				hooks_find_extra(sr);
		}
	}
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

int run_stage(struct run *run, const struct plan_stage *stage, struct ib_error *err)
{
	struct stage_run sr = { .run = run,
				.stage = stage,
				.arena = run->arena,
				.phase = IB_PHASE_NONE,
				.epoch = run->epoch };
	int r;

	if (!stage->steps.len)
		return ib_fail_text(err, EINVAL, "the stage has no steps");
	r = hooks_open(&sr, err);
	if (r < 0)
		return ib_wrap(err, "make the hooks directory");
	r = run_steps(&sr, err);
	if (r < 0)
		return r;
	hand_back(&sr);
	return 0;
}

const char *run_env(const struct run *run, const char *name)
{
	return run->env ? map_get(run->env, intern_str(run->plan->names, name)) : NULL;
}

void run_release(struct run *run)
{
	store_draft_drop(run->store, &run->refresh);
}
