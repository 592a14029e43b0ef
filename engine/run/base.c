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

/* What the function in the step gets from outside it. */
struct import {
	int tmp_fd; /* a directory of the store */
};

static int base_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct step *s = job->step;
	cleanup_fd int root_fd = target_open(err);
	const struct import *import = job->data;
	cleanup_fd int fd = -1;
	int r;

	if (root_fd < 0)
		return root_fd;
	if (s->base->kind == BASE_SCRATCH)
		return 0;
	fd = plan_base_open(plan_context(job->sr->run->plan, s->op), s->base);
	if (fd < 0)
		return ib_fail(err, errno, "open '%s' of the context", s->base->path);
	r = base_unpack(s->base, fd, root_fd, import->tmp_fd, err);
	if (r < 0)
		return ib_wrap(err, "'%s'", s->base->path);
	say_release(root_fd, job->data_fd);
	return 0;
}

int run_base(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct import *import = arena_alloc(sr->arena, sizeof(*import));
	struct layer_draft draft = { NULL, -1 };
	int r;

	a->data_fd = data_new(err);
	if (a->data_fd < 0)
		return a->data_fd;
	r = store_draft_new(sr->run->store, &draft, err);
	if (r < 0)
		return r;
	vec_push(sr->arena, &a->drafts, draft);
	import->tmp_fd = open(draft.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (import->tmp_fd < 0)
		return ib_fail(err, errno, "open the directory for temporary files");
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
