/* SPDX-License-Identifier: Apache-2.0 */
/* FROM scratch, tar:, oci:, disk: the tree that a stage starts from, unpacked inside its first
 * step. */
#include "run/schedule.h"

#include "base/base.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define RELEASE_MAX (64u << 10)

/* The value of KEY in the text of an os-release file; NULL where it is not set or empty. */
static char *release_value(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (*text) {
		const char *end = strchrnul(text, '\n');

		if (strncmp(text, key, n) == 0 && text[n] == '=') {
			const char *value = text + n + 1;
			size_t len = (size_t)(end - value);

			if (len >= 2 && (*value == '"' || *value == '\'') &&
			    value[len - 1] == *value) {
				value++;
				len -= 2;
			}
			return len ? ib_xprintf("%.*s", (int)len, value) : NULL;
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}

/* "distribution\nrelease\n" of the tree's os-release. */
static void say_release(int root_fd, int out_fd)
{
	static const char *const places[] = { "etc/os-release", "usr/lib/os-release" };
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_free char *name = NULL, *release = NULL;
	struct ib_error err = IB_ERROR_INIT;
	cleanup_fd int fd = -1;
	struct stat st;

	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(places); i++)
		fd = fs_open_in(root_fd, places[i], O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > RELEASE_MAX ||
	    data_read(fd, &text, &err) < 0 || !text.len)
		return;
	name = release_value(text.data, "ID");
	release = release_value(text.data, "VERSION_CODENAME");
	if (!release)
		release = release_value(text.data, "VERSION_ID");
	(void)dprintf(out_fd, "%s\n%s\n", name ? name : "", release ? release : "");
}

struct import {
	const char *context;
	const struct base *base;
	int tmp_fd; /* a directory of the store */
};

static int base_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct import *import = job->data;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int fd = -1;
	int r;

	if (root_fd < 0)
		return root_fd;
	if (import->base->kind == BASE_SCRATCH)
		return 0;
	fd = plan_base_open(import->context, import->base);
	if (fd < 0)
		return ib_fail(err, errno, "open '%s' of the context", import->base->path);
	r = base_unpack(import->base, fd, root_fd, import->tmp_fd, err);
	if (r < 0)
		return ib_wrap(err, "'%s'", import->base->path);
	if (job->data_fd >= 0)
		say_release(root_fd, job->data_fd);
	return 0;
}

/* A directory for files of one step. */
static int tmp_new(struct store *store, struct layer_draft *ret_draft, struct ib_error *err)
{
	int fd, r = store_draft_new(store, ret_draft, err);

	if (r < 0)
		return r;
	fd = open(ret_draft->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? ib_fail(err, errno, "open the directory for temporary files") : fd;
}

int run_base(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct import *import = arena_alloc(sr->arena, sizeof(*import));
	struct layer_draft draft = { NULL, -1 };

	a->data_fd = data_new(err);
	if (a->data_fd < 0)
		return a->data_fd;
	*import = (struct import){ .context = plan_context(sr->run->plan, s->op), .base = s->base };
	import->tmp_fd = tmp_new(sr->run->store, &draft, err);
	vec_push(sr->arena, &a->drafts, draft);
	if (import->tmp_fd < 0)
		return import->tmp_fd;
	vec_push(sr->arena, &a->locks, import->tmp_fd);
	action_call(sr, s, a, base_fn, import);
	return 0;
}

int base_take(struct stage_run *sr, int fd, struct layer_meta *meta, struct ib_error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	const char *first, *second;
	int r = data_read(fd, &out, err);

	if (r < 0 || !out.len)
		return r;
	first = strchr(out.data, '\n');
	second = first ? strchr(first + 1, '\n') : NULL;
	if (!second)
		return ib_fail_text(err, EIO, "the step returned half of an answer");
	meta->distro = arena_strndup(sr->arena, out.data, (size_t)(first - out.data));
	meta->release = arena_strndup(sr->arena, first + 1, (size_t)(second - first - 1));
	return 0;
}

/* The file may have changed since the plan: looked at and keyed as it is now. */
int base_refresh(struct stage_run *sr, const struct step *s, const struct step **ret_step,
		 struct ib_error *err)
{
	const struct plan *p = sr->run->plan;
	struct step *fresh = arena_alloc(sr->arena, sizeof(*fresh));
	struct ib_diag *diag = ib_diag_new(p->sources);
	cleanup_buf struct buf text = BUF_INIT;
	int r;

	*fresh = *s;
	r = plan_base_of(p, s->op, sr->arena, &fresh->base, diag, err);
	if (r < 0 && ib_diag_errors(diag))
		ib_diag_render(diag, &text, false);
	ib_diag_free(diag);
	if (text.len)
		r = ib_fail_text(err, ESTALE, "the base has changed since the plan was made\n%s",
				 text.data);
	if (r >= 0)
		r = plan_key_again(p, sr->stage, fresh, &fresh->input_key, err);
	if (r < 0) {
		err->exit = IB_EXIT_STEP;
		err->at = s->at;
		return r;
	}
	sr->from = fresh->base;
	*ret_step = fresh;
	return 0;
}

/* Finds what REF names as it is now. */
static int look_again(struct stage_run *sr, const struct plan_import *planned,
		      struct import *ret_import, struct digest *ret_key, struct ib_error *err)
{
	const struct plan *p = sr->run->plan;
	struct ib_diag *diag = ib_diag_new(p->sources);
	cleanup_buf struct buf text = BUF_INIT;
	int r = plan_base_find(p, planned->context, planned->base, planned->ref->name, sr->arena,
			       &ret_import->base, diag, err);

	ret_import->context = planned->context;
	if (r < 0 && ib_diag_errors(diag))
		ib_diag_render(diag, &text, false);
	ib_diag_free(diag);
	if (text.len)
		r = ib_fail_text(err, ESTALE, "'%s' has changed since the plan was made\n%s",
				 planned->ref->name, text.data);
	return r < 0 ? r : plan_base_key(p, planned->context, ret_import->base, ret_key, err);
}

/* Unpacks over the bottom layer alone, whose target is empty, and keeps the layer under KEY. */
static int make_tree(struct stage_run *sr, const struct plan_import *planned,
		     const struct import *import, const struct digest *key, const char *bottom,
		     struct ib_error *err)
{
	struct layer_draft draft = { NULL, -1 };
	struct sandbox_step box = { .name = "import",
				    .side = SANDBOX_HOST,
				    .fn = base_fn,
				    .in_fd = -1,
				    .log_fd = -1,
				    .out_fd = -1 };
	struct job job = { .sr = sr, .data_fd = -1, .data = import };
	struct sandbox_result result = { 0 };
	struct import again;
	struct digest now;
	int r = store_draft_new(sr->run->store, &draft, err);

	if (r >= 0) {
		box.layers = (struct sandbox_layers){ .lowers = &bottom, .len = 1 };
		box.layers.draft = draft.dir;
		box.arg = &job;
		r = sandbox_run(&box, sr->arena, &result, err);
	}
	if (r >= 0)
		r = look_again(sr, planned, &again, &now, err);
	if (r >= 0 && !digest_equal(&now, key))
		r = ib_fail_text(err, ESTALE, "'%s' changed while it was unpacked; run it again",
				 planned->ref->name);
	if (r >= 0)
		r = store_draft_commit(sr->run->store, &draft, key, "{\"step\": \"import\"}\n",
				       NULL, err);
	store_draft_drop(sr->run->store, &draft);
	return r;
}

static int find_tree(struct stage_run *sr, const struct plan_import *planned, struct import *import,
		     struct run_tree *t, struct ib_error *err)
{
	const char **layers = arena_alloc(sr->arena, 2 * sizeof(*layers));
	struct layer_draft tmp = { NULL, -1 };
	int r = 0;

	layers[1] = sr->layers.items[0];
	if (!store_layer_find(sr->run->store, &t->key, sr->arena, &layers[0])) {
		import->tmp_fd = tmp_new(sr->run->store, &tmp, err);
		r = import->tmp_fd < 0 ? import->tmp_fd
				       : make_tree(sr, planned, import, &t->key, layers[1], err);
		if (import->tmp_fd >= 0)
			(void)close(import->tmp_fd);
		store_draft_drop(sr->run->store, &tmp);
	}
	if (r >= 0 && !store_layer_find(sr->run->store, &t->key, sr->arena, &layers[0]))
		r = ib_fail_text(err, EIO, "the layer of '%s' is not in the store",
				 planned->ref->name);
	t->layers = layers;
	t->layers_len = 2;
	return r;
}

int import_open(struct stage_run *sr, const struct ib_tree_ref *ref, bool is_key_enough,
		struct run_tree **ret_tree, struct ib_error *err)
{
	const struct plan_import *planned = plan_import_find(sr->run->plan, ref);
	struct run_tree *t = NULL;
	struct import import;
	int r;

	if (!planned)
		return ib_fail_text(err, ENOENT, "the tree of '%s' was not made", ref->name);
	vec_foreach (struct run_import, it, &sr->imports)
		if (it->ref == ref)
			t = it->tree;
	if (!t) {
		t = arena_alloc(sr->arena, sizeof(*t));
		*t = (struct run_tree){ .root_fd = -1 };
		vec_push(sr->arena, &sr->imports, ((struct run_import){ ref, t }));
	}
	*ret_tree = t;
	if (t->layers_len)
		return 0;
	r = look_again(sr, planned, &import, &t->key, err);
	return r < 0 || is_key_enough ? r : find_tree(sr, planned, &import, t, err);
}

/* As Docker has it: an image's variables are those of every RUN, and what the recipe says wins. */
void base_apply_config(struct stage_run *sr, struct action *a)
{
	const struct base *b = sr->from ? sr->from : plan_base_below(sr->stage);
	const struct image_config *c = b ? b->config : NULL;

	if (!c)
		return;
	vec_foreach (const struct ib_pair, p, &c->env)
		env_set(sr->arena, &a->env, p->key, p->value);
	a->box.cwd = c->workdir;
	a->box.user = c->user;
}

int base_verify(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	const struct step *now = s;
	int r = base_refresh(sr, s, &now, err);

	if (r < 0 || digest_equal(&now->input_key, &s->input_key))
		return r;
	err->exit = IB_EXIT_STEP;
	err->at = s->at;
	return ib_fail_text(err, ESTALE, "'%s' changed while it was unpacked; run it again",
			    s->base->path);
}
