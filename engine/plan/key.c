/* SPDX-License-Identifier: Apache-2.0 */
/* Input keys: SHA-256 of a text that names everything a step's result depends on before it runs,
 * one "name length:value" a line. The text is what `emit keys` prints, so that two of them can be
 * compared. */
#include "plan/private.h"

#include <string.h>
#include <sys/stat.h>

/* Changes whenever steps do something else for the same inputs. */
#define KEY_VERSION "1"

/* Not a secret: it keeps values out of sight, and the keys of two machines equal. */
static const char hmac_key[] = "imagebuild key text";

void key_add(struct buf *out, const char *name, const char *value, size_t n)
{
	buf_printf(out, "%s %zu:", name, n);
	buf_add(out, value, n);
	buf_char(out, '\n');
}

void key_text(struct buf *out, const char *name, const char *value)
{
	key_add(out, name, value, strlen(value));
}

void key_digest(struct buf *out, const char *name, const struct digest *d)
{
	char hex[DIGEST_HEX];

	digest_hex(d, hex);
	key_text(out, name, hex);
}

void key_variable(struct buf *out, const char *name, const char *value)
{
	struct digest d;

	key_text(out, "variable", name);
	if (!ib_is_secret_name(name)) {
		key_text(out, "value", value ? value : "");
		return;
	}
	digest_hmac(hmac_key, sizeof(hmac_key) - 1, value ? value : "", value ? strlen(value) : 0,
		    &d);
	key_digest(out, "secret", &d);
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The phase whose directory F lies in, or IB_PHASE_NONE. */
static enum ib_phase phase_of(const struct hook_file *f)
{
	size_t n = strcspn(f->path, "/");

	return f->path[n] ? ib_phase_of_directory(f->path, n) : IB_PHASE_NONE;
}

/* What the steps that read them have in their own keys, and what no script reads. */
static bool is_own_business(const struct hook_file *f)
{
	static const char *const names[] = { "README",     "element-deps", "element-provides",
					     "pkg-map",    "svc-map",      "package-installs",
					     "host-tools", "block-device-" };

	if (starts(f->path, "environment.d/"))
		return true;
	for (size_t i = 0; !strchr(f->path, '/') && i < ARRAY_SIZE(names); i++)
		if (starts(f->path, names[i]))
			return true;
	return false;
}

static bool pick_shared(const struct hook_file *f, const void *arg)
{
	(void)arg;
	return phase_of(f) == IB_PHASE_NONE && !is_own_business(f);
}

static bool pick_beside(const struct hook_file *f, const void *arg)
{
	const enum ib_phase *phase = arg;
	const char *name = strchr(f->path, '/');

	if (!name || phase_of(f) != *phase || starts(name, "/package-installs-"))
		return false;
	return strchr(name + 1, '/') || !S_ISREG(f->mode) || !(f->mode & 0111);
}

static bool pick_any(const struct hook_file *f, const void *arg)
{
	(void)f;
	(void)arg;
	return true;
}

static int key_hooks(struct planner *pl, struct plan_stage *stage)
{
	int r = hooks_lines(&stage->hooks, pl->plan->arena, &stage->hook_lines, pl->err);

	if (r < 0)
		return r;
	hooks_digest_lines(&stage->hooks, &stage->hook_lines, pick_any, NULL, &stage->hooks_all);
	hooks_digest_lines(&stage->hooks, &stage->hook_lines, pick_shared, NULL,
			   &stage->hooks_shared);
	for (int i = 0; i < IB_PHASES; i++) {
		enum ib_phase phase = (enum ib_phase)i;

		hooks_digest_lines(&stage->hooks, &stage->hook_lines, pick_beside, &phase,
				   &stage->hooks_beside[i]);
	}
	return 0;
}

static int add_step(const struct plan *p, const struct plan_stage *stage, const struct step *s,
		    struct buf *out, struct ib_error *err)
{
	const struct step_kind *kind = &step_kinds[s->code];

	key_text(out, "imagebuild", KEY_VERSION);
	key_text(out, "step", kind->name);
	key_text(out, "phase", ib_phases[s->phase].name);
	if (s->needs.len == 0 && stage->parent)
		key_digest(out, "after", plan_tree_key(stage->parent));
	vec_foreach (uint32_t, need, &s->needs)
		key_digest(out, "after", &stage->steps.items[*need].input_key);
	return kind->hash(s, p, out, err);
}

static int key_step(struct planner *pl, struct plan_stage *stage, struct step *s)
{
	int r = add_step(pl->plan, stage, s, &s->key_text, pl->err);

	if (r < 0) {
		pl->err->at = pl->err->at.end ? pl->err->at : s->at;
		return ib_wrap(pl->err, "key of step '%s'", s->name);
	}
	digest_of(s->key_text.data, s->key_text.len, &s->input_key);
	return 0;
}

int plan_key_again(const struct plan *p, const struct plan_stage *stage, const struct step *s,
		   struct digest *ret_key, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	int r = add_step(p, stage, s, &text, err);

	if (r == 0)
		digest_of(text.data, text.len, ret_key);
	return r;
}

int key_stage(struct planner *pl, struct plan_stage *stage)
{
	int r = key_hooks(pl, stage);

	vec_foreach (struct step, s, &stage->steps) {
		if (r == 0)
			r = key_step(pl, stage, s);
		if (r == 0)
			stage->last_key = s->input_key;
	}
	return r;
}
