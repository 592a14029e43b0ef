/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks directory: the bottom layer, and the hooks that hooks make. */
#include "run/schedule.h"

#include "support/crypto.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* False for a hook of the plan that another hook has removed. */
bool hook_is_there(struct stage_run *sr, const struct step *s)
{
	const char *base;

	if (s->code != STEP_hook || !sr->has_listing || s->phase != sr->phase)
		return true;
	base = strrchr(s->hook->path, '/');
	if (phase_find(sr, base ? base + 1 : s->hook->path))
		return true;
	stage_note(sr, s->at, "'%s' is gone from the hooks since they were planned", s->hook->path);
	return false;
}

/* A step for a hook that the plan did not know. */
static void add_extra(struct stage_run *sr, const struct phase_hook *h)
{
	struct hook_file *file = arena_alloc(sr->arena, sizeof(*file));
	struct step s = { .code = STEP_hook,
			  .phase = sr->phase,
			  .number = hooks_number(h->name),
			  .name = h->name,
			  .hook = file };
	struct hasher *hasher = hasher_new("sha256");

	file->path = arena_printf(sr->arena, "%s.d/%s", ib_phases[sr->phase].name, h->name);
	file->mode = S_IFREG | 0755;
	hasher_add(hasher, "extra hook", 10);
	hasher_add(hasher, file->path, strlen(file->path));
	hasher_add(hasher, &h->digest, sizeof(h->digest));
	(void)hasher_end(hasher, s.input_key.bytes);
	hasher_free(hasher);
	vec_push(sr->arena, &sr->extra, s);
}

static int compare_extra(const void *a, const void *b)
{
	const struct step *x = a, *y = b;

	return hooks_compare(x->name, y->name);
}

bool extra_is_before(const struct step *extra, const struct step *s)
{
	if (extra->number != s->number)
		return extra->number < s->number;
	/* The recipe's own steps come after every hook of the same number. */
	return (s->op && !s->element) || !s->name || hooks_compare(extra->name, s->name) < 0;
}

/* Hooks that hooks have made: those of the directory that are no step of the plan. */
void hooks_find_extra(struct stage_run *sr)
{
	const struct step_vec *steps = &sr->stage->steps;

	sr->extra = (struct step_vec){ 0 };
	sr->extra_done = 0;
	vec_foreach (const struct phase_hook, h, &sr->found) {
		bool known = false;

		for (size_t i = 0; i < steps->len && !known; i++) {
			const struct step *s = &steps->items[i];
			const char *base =
				s->code == STEP_hook ? strrchr(s->hook->path, '/') : NULL;

			known = base && s->phase == sr->phase && strcmp(base + 1, h->name) == 0;
		}
		/* What the stage before made for its own phases has run there. */
		if (!known && (!sr->inherited || has_written_hooks(sr, sr->phase, h->name)))
			add_extra(sr, h);
	}
	if (sr->extra.len)
		qsort(sr->extra.items, sr->extra.len, sizeof(*sr->extra.items), compare_extra);
	vec_foreach (const struct step, s, &sr->extra)
		stage_note(sr, s->at, "a hook made '%s.d/%s'; it runs too",
			   ib_phases[s->phase].name, s->name);
}

/* What the elements put into hooks/; in the bottom layer the directories of the workspace. */
static int fill_hooks(struct stage_run *sr, const char *dir, struct ib_error *err)
{
	static const char *const parts[] = { "hooks", "mnt", "home", "image" };
	size_t n = sr->inherited ? 1 : ARRAY_SIZE(parts);
	cleanup_free char *fs = fs_join(dir, "fs");
	cleanup_fd int fs_fd = open(fs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int hooks_fd = -1;

	if (fs_fd < 0)
		return ib_fail(err, errno, "open '%s'", fs);
	for (size_t i = 0; i < n; i++) {
		if (mkdirat(fs_fd, parts[i], 0755) < 0)
			return ib_fail(err, errno, "make '%s/%s'", fs, parts[i]);
	}
	hooks_fd = openat(fs_fd, "hooks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hooks_fd < 0)
		return ib_fail(err, errno, "open '%s/hooks'", fs);
	return hooks_write(&sr->stage->own_hooks, hooks_fd, err);
}

/* The keys of the plan are of the files as they were: a layer of others would be a wrong hit later.
 */
static int check_hooks(struct stage_run *sr, struct ib_error *err)
{
	int r = hooks_digest(&sr->stage->hooks, &sr->hooks_digest, err);

	if (r < 0 || memcmp(&sr->hooks_digest, &sr->stage->hooks_all, sizeof(struct digest)) == 0)
		return r;
	err->exit = IB_EXIT_STEP;
	(void)ib_fail_text(err, ESTALE, "a file of an element changed since the plan was made");
	return ib_hint(err, "run it again when nothing writes there");
}

/* The layer of a stage that continues another holds what is new in it. */
static int layer_key(const struct stage_run *sr, struct digest *ret_key, struct ib_error *err)
{
	struct digest own;
	int r = hooks_digest(&sr->stage->own_hooks, &own, err);

	*ret_key = own;
	if (r >= 0 && sr->inherited) {
		struct hasher *h = hasher_new("sha256");

		hasher_add(h, "more hooks", 10);
		hasher_add(h, &own, sizeof(own));
		(void)hasher_end(h, ret_key->bytes);
		hasher_free(h);
	}
	return r;
}

static int make_layer(struct stage_run *sr, const struct digest *key, struct ib_error *err)
{
	struct layer_draft draft = { NULL, -1 };
	struct store *store = sr->run->store;
	int r = store_draft_new(store, &draft, err);

	if (r >= 0)
		r = fill_hooks(sr, draft.dir, err);
	if (r >= 0)
		r = check_hooks(sr, err);
	if (r >= 0)
		r = store_hooks_commit(store, &draft, key, err);
	store_draft_drop(store, &draft);
	return r;
}

int hooks_open(struct stage_run *sr, struct ib_error *err)
{
	struct store *store = sr->run->store;
	struct digest key;
	const char *dir;
	int r = check_hooks(sr, err);

	if (r < 0 || (sr->inherited && !sr->stage->own_hooks.files.len))
		return r;
	r = layer_key(sr, &key, err);
	if (r >= 0 && !store_hooks_find(store, &key, sr->arena, &dir))
		r = make_layer(sr, &key, err);
	if (r < 0 || !store_hooks_find(store, &key, sr->arena, &dir))
		return r < 0 ? r : ib_fail_text(err, EIO, "the hooks are not in the store");
	vec_push(sr->arena, &sr->layers, dir);
	return 0;
}
