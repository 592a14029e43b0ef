/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text: a table for people, JSON (emit plan), the texts of the keys (emit keys), the
 * disks' layouts. */
#include "plan/private.h"

#include "block/block.h"
#include "cache/cache.h"

#include <imagebuild/jsonout.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Strings of one emission are made in an arena of its own: the plan is immutable. */
struct emission {
	const struct plan *plan;
	const struct plan_stage *stage;
	struct store *store;
	struct arena *arena;
	struct buf *out;
	bool has_states; /* JSON: what is in the store is a matter of the machine */
};

static const char *side_of(enum ib_phase phase)
{
	return ib_phases[phase].side == IB_HOST ? "host" : "chroot";
}

static const char *state_of(const struct emission *em, const struct step *s)
{
	cleanup_free char *text = NULL;

	if (em->store && store_record_get(em->store, "step", &s->input_key, &text) == 0 && text)
		return "cached";
	return s->is_decided_at_build ? "decided at build" : "new";
}

/* "element base", "Imagefile:12", "" */
static const char *place_of(const struct emission *em, const struct element *e, struct ib_span at)
{
	struct ib_place place;

	if (e)
		return arena_printf(em->arena, "element %s", e->name);
	if (at.end && ib_sources_locate(em->plan->sources, at.start, &place)) {
		const char *slash = strrchr(place.file, '/');

		return arena_printf(em->arena, "%s:%u", slash ? slash + 1 : place.file, place.line);
	}
	return "";
}

static const char *origin_of(const struct emission *em, const struct step *s)
{
	return place_of(em, s->element, s->at);
}

static const char *number_of(const struct emission *em, const struct step *s)
{
	if (s->number == LONG_MIN || s->number == LONG_MAX)
		return "";
	return arena_printf(em->arena, "%ld", s->number);
}

/* The packages of a transaction; MAYBE are those that only the build can decide about. */
static void select_names(const struct emission *em, const struct step *s, struct str_vec *ret_names,
			 struct str_vec *ret_maybe)
{
	struct plan_known known = { em->plan, em->stage };
	struct package_request_vec sure = { NULL, 0, 0 }, maybe = { NULL, 0, 0 };
	struct ib_error err = IB_ERROR_INIT;

	vec_foreach (struct package_request, r, s->requests) {
		struct package_request open = *r;

		if (request_is_known(r, &known)) {
			vec_push(em->arena, &sure, *r);
			continue;
		}
		/* What is known of it may rule it out still. */
		open.when = (struct ib_cond_vec){ NULL, 0, 0 };
		open.python_version = NULL;
		vec_push(em->arena, &maybe, open);
	}
	(void)packages_select(&sure, &em->stage->set, s->phase, s->is_removal, plan_known_find,
			      &known, em->arena, ret_names, &err);
	(void)packages_select(&maybe, &em->stage->set, s->phase, s->is_removal, plan_known_find,
			      &known, em->arena, ret_maybe, &err);
}

static void add_names(struct buf *out, const struct str_vec *names)
{
	vec_foreach (const char *, name, names)
		buf_printf(out, " %s", *name);
}

static void describe(const struct emission *em, const struct step *s, struct buf *out)
{
	struct str_vec names = { NULL, 0, 0 }, maybe = { NULL, 0, 0 };

	if (s->code != STEP_packages) {
		step_kinds[s->code].describe(s, out);
		return;
	}
	select_names(em, s, &names, &maybe);
	buf_str(out, s->is_removal ? "remove packages:" : "install packages:");
	if (names.len + maybe.len == 0)
		buf_str(out, " none");
	add_names(out, &names);
	if (maybe.len)
		buf_printf(out, "%s perhaps", names.len ? ";" : "");
	add_names(out, &maybe);
}

/* What a transaction is merged of: the names that one element or line asks for. */
struct merged {
	const char *origin;
	struct str_vec names;
};
struct merged_vec VEC(struct merged);

static struct merged *merged_find(const struct emission *em, struct merged_vec *v,
				  const char *origin)
{
	vec_foreach (struct merged, m, v)
		if (strcmp(m->origin, origin) == 0)
			return m;
	vec_push(em->arena, v, ((struct merged){ .origin = origin }));
	return &v->items[v->len - 1];
}

static void merge_requests(const struct emission *em, const struct step *s,
			   struct merged_vec *ret_merged)
{
	if (s->code != STEP_packages)
		return;
	vec_foreach (struct package_request, r, s->requests)
		if (request_is_of(r, s->phase, s->is_removal))
			vec_push(em->arena,
				 &merged_find(em, ret_merged, place_of(em, r->element, r->at))
					  ->names,
				 r->name);
}

static void print_merged(const struct emission *em, const struct step *s)
{
	struct merged_vec merged = { NULL, 0, 0 };

	merge_requests(em, s, &merged);
	if (merged.len < 2)
		return;
	vec_foreach (struct merged, m, &merged) {
		buf_printf(em->out, "%-43s%-28s  +", "", m->origin);
		add_names(em->out, &m->names);
		buf_char(em->out, '\n');
	}
}

static void print_step(const struct emission *em, const struct step *s, const char *phase)
{
	cleanup_buf struct buf what = BUF_INIT;

	describe(em, s, &what);
	buf_printf(em->out, "%-12s %3s  %-6s  %-16s  %-28s  %s\n", phase, number_of(em, s),
		   side_of(s->phase), state_of(em, s), origin_of(em, s), what.data);
	print_merged(em, s);
}

static void print_elements(const struct emission *em)
{
	buf_str(em->out, "elements:");
	vec_foreach (const struct element *, e, &em->stage->set.members)
		buf_printf(em->out, " %s", (*e)->name);
	buf_char(em->out, '\n');
}

static const char *shown(const struct ib_pair *pair)
{
	return ib_is_secret_name(pair->key) ? "<set>" : pair->value;
}

static void print_env(const struct emission *em)
{
	vec_foreach (struct ib_pair, pair, &em->stage->env)
		if (!plan_is_proxy_name(pair->key))
			buf_printf(em->out, "  %s=%s\n", pair->key, shown(pair));
}

static const char *title(const char *name)
{
	return name ? name : "(unnamed)";
}

static void print_stage(const struct emission *em, size_t index)
{
	const char *name = em->stage->ir->name, *last = "";
	size_t cached = 0;

	buf_printf(em->out, "%sstage %s: %zu steps for %s%s\n", index ? "\n" : "", title(name),
		   em->stage->steps.len, em->plan->arch,
		   em->stage->is_product ? "" : ", its tree alone");
	if (em->stage->parent)
		buf_printf(em->out, "continues stage %s\n", title(em->stage->parent->ir->name));
	print_elements(em);
	print_env(em);
	buf_printf(em->out, "\n%-12s %3s  %-6s  %-16s  %-28s  %s\n", "PHASE", "NR", "SIDE", "STATE",
		   "ORIGIN", "STEP");
	vec_foreach (struct step, s, &em->stage->steps) {
		const char *phase = ib_phases[s->phase].name;

		print_step(em, s, strcmp(phase, last) == 0 ? "" : phase);
		last = phase;
		cached += strcmp(state_of(em, s), "cached") == 0;
	}
	buf_printf(em->out, "%zu of %zu steps are in the store\n", cached, em->stage->steps.len);
}

void ib_plan_print(const struct plan *p, struct store *store, struct buf *out)
{
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < p->stages_len; i++)
		print_stage(&(struct emission){ p, &p->stages[i], store, a, out, true }, i);
}

static void emit_names(struct jsonout *j, const char *key, const struct str_vec *names)
{
	json_array(j, key);
	vec_foreach (const char *, name, names)
		json_str(j, NULL, *name);
	json_array_end(j);
}

static void emit_merged(const struct emission *em, struct jsonout *j, const struct step *s)
{
	struct merged_vec merged = { NULL, 0, 0 };

	merge_requests(em, s, &merged);
	json_array(j, "merges");
	vec_foreach (struct merged, m, &merged) {
		json_object(j, NULL);
		json_str(j, "origin", m->origin);
		emit_names(j, "packages", &m->names);
		json_object_end(j);
	}
	json_array_end(j);
}

static void emit_step(const struct emission *em, struct jsonout *j, const struct step *s)
{
	cleanup_buf struct buf what = BUF_INIT;
	struct str_vec names = { NULL, 0, 0 }, maybe = { NULL, 0, 0 };

	step_kinds[s->code].describe(s, &what);
	json_object(j, NULL);
	json_str(j, "step", step_kinds[s->code].name);
	json_str(j, "phase", ib_phases[s->phase].name);
	if (s->number != LONG_MIN && s->number != LONG_MAX)
		json_i64(j, "number", s->number);
	json_str(j, "side", side_of(s->phase));
	json_str(j, "name", s->name);
	json_str(j, "does", what.data);
	json_str(j, "origin", origin_of(em, s));
	if (s->code == STEP_packages) {
		select_names(em, s, &names, &maybe);
		emit_names(j, "packages", &names);
		if (maybe.len)
			emit_names(j, "perhaps", &maybe);
		emit_merged(em, j, s);
	}
	if (em->has_states)
		json_str(j, "state", state_of(em, s));
	if (s->is_decided_at_build)
		json_bool(j, "decided_at_build", true);
	json_object_end(j);
}

static void emit_env(struct jsonout *j, const struct ib_pair_vec *env)
{
	json_object(j, "environment");
	vec_foreach (struct ib_pair, pair, env)
		if (!plan_is_proxy_name(pair->key))
			json_str(j, pair->key, shown(pair));
	json_object_end(j);
}

static void emit_stage(const struct emission *em, struct jsonout *j)
{
	struct str_vec names = { NULL, 0, 0 };

	json_object(j, NULL);
	json_str(j, "stage", em->stage->ir->name);
	if (em->stage->parent)
		json_str(j, "continues", em->stage->parent->ir->name);
	if (!em->stage->is_product)
		json_bool(j, "tree_only", true);
	vec_foreach (const struct element *, e, &em->stage->set.members)
		vec_push(em->arena, &names, (*e)->name);
	emit_names(j, "elements", &names);
	emit_env(j, &em->stage->env);
	json_bool(j, "disk", em->stage->layout != NULL);
	json_bool(j, "bootloader", em->stage->has_bootloader);
	json_u64(j, "tree_end", em->stage->tree_end);
	json_array(j, "steps");
	vec_foreach (struct step, s, &em->stage->steps)
		emit_step(em, j, s);
	json_array_end(j);
	json_object_end(j);
}

void ib_plan_emit(const struct plan *p, struct store *store, bool has_states, struct buf *out)
{
	struct jsonout j = JSONOUT_INIT(out);
	cleanup_arena struct arena *a = arena_new();

	json_object(&j, NULL);
	json_u64(&j, "version", 1);
	json_str(&j, "arch", p->arch);
	json_array(&j, "stages");
	for (size_t i = 0; i < p->stages_len; i++)
		emit_stage(&(struct emission){ p, &p->stages[i], store, a, out, has_states }, &j);
	json_array_end(&j);
	json_object_end(&j);
	buf_char(out, '\n');
}

void ib_plan_emit_keys(const struct plan *p, struct buf *out)
{
	char hex[DIGEST_HEX];

	for (size_t i = 0; i < p->stages_len; i++)
		vec_foreach (struct step, s, &p->stages[i].steps) {
			digest_hex(&s->input_key, hex);
			buf_printf(out, "%s %s %s\n", hex, step_kinds[s->code].name, s->name);
			buf_add(out, s->key_text.data, s->key_text.len);
			buf_char(out, '\n');
		}
}

void ib_plan_emit_layout(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->stages_len; i++)
		vec_foreach (struct plan_disk, disk, &p->stages[i].disks)
			layout_emit(disk->layout, out);
}
