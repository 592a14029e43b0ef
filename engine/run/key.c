/* SPDX-License-Identifier: Apache-2.0 */
/* Run keys, and what is run again although the store has it. */
#include "run/schedule.h"

#include "support/crypto.h"
#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Part of every run key: raised when layers get another meaning. */
#define RUN_FORMAT "imagebuild run 1"

static bool file_names(const char *path, const char *name)
{
	cleanup_free char *text = NULL;
	struct ib_error err = IB_ERROR_INIT;
	size_t len = 0;

	if (fs_read_at(AT_FDCWD, path, RUN_HOOK_MAX, &text, &len, &err) < 0)
		return true;
	return memmem(text, len, name, strlen(name)) != NULL;
}

/* What hooks call or source: hooks/bin and environment.d. */
static bool helper_names(const struct stage_run *sr, const char *dir, const char *name)
{
	vec_foreach (const struct hook_file, f, &sr->stage->hooks.files)
		if (strncmp(f->path, dir, strlen(dir)) == 0 && S_ISREG(f->mode) &&
		    file_names(f->source, name))
			return true;
	return false;
}

/* Whether the step reads a variable that counts only where it is named. */
bool step_names_variable(const struct stage_run *sr, const struct step *s, const char *name)
{
	if (s->code == STEP_run)
		return !s->op->run.text || strstr(s->op->run.text, name);
	if (s->code == STEP_source || s->code == STEP_source_repositories)
		return strcmp(name, "IMAGE_NAME") == 0; /* the manifest is called by it */
	if (s->code != STEP_hook)
		return s->code == STEP_manifests;
	return !s->hook->source || file_names(s->hook->source, name) ||
	       helper_names(sr, "bin/", name);
}

/* The salt of a step that was forced to run again: its layer has a key of its own since. */
static void add_salt(struct stage_run *sr, const struct step *s, struct hasher *h)
{
	cleanup_free char *text = NULL;

	if (store_record_get(sr->run->store, "salt", &s->input_key, &text) >= 0)
		hasher_add(h, text, strlen(text));
}

static void add_home(struct stage_run *sr, const struct step *s, struct hasher *h)
{
	struct home_file_vec files = { 0 };

	home_files(sr, s, &files);
	vec_foreach (struct home_file, f, &files) {
		hasher_add(h, f->target, strlen(f->target) + 1);
		hasher_add(h, &f->digest, sizeof(f->digest));
	}
}

/* What COPY --from takes lies in a tree that has a key of its own. */
static int add_tree(struct stage_run *sr, const struct step *s, struct hasher *h,
		    struct ib_error *err)
{
	struct digest key;
	int r;

	if (s->code != STEP_copy || s->op->copy.from.kind == IB_FROM_CONTEXT)
		return 0;
	r = tree_ref_open(sr, &s->op->copy.from, NULL, NULL, &key, err);
	if (r >= 0)
		hasher_add(h, &key, sizeof(key));
	return r;
}

int run_key(struct stage_run *sr, const struct step *s, struct digest *ret_key,
	    struct ib_error *err)
{
	struct hasher *h = hasher_new("sha256");
	struct env *e = s->code == STEP_environ ? &sr->base : &sr->env;
	int r = 0;

	hasher_add(h, RUN_FORMAT, sizeof(RUN_FORMAT));
	hasher_add(h, &s->input_key, sizeof(s->input_key));
	hasher_add(h, &sr->parent, sizeof(sr->parent));
	env_hash(sr, s, e, h);
	if (s->code == STEP_leave && sr->run->fstab)
		hasher_add(h, sr->run->fstab, strlen(sr->run->fstab));
	r = add_tree(sr, s, h, err);
	add_home(sr, s, h);
	fetched_hash(sr, h);
	add_salt(sr, s, h);
	if (s->code == STEP_run)
		r = action_mounts_key(sr, s, h, err);
	(void)hasher_end(h, ret_key->bytes);
	hasher_free(h);
	return r;
}

static bool is_named(const struct str_vec *names, const char *name)
{
	for (size_t i = 0; i < names->len; i++) {
		if (name && strcmp(names->items[i], name) == 0)
			return true;
	}
	return false;
}

/* What --refresh=WHAT runs again. */
static bool is_refreshed(const struct str_vec *what, const struct step *s)
{
	if (is_named(what, "all"))
		return true;
	if (is_named(what, "base") && s->phase == IB_PHASE_ROOT)
		return true;
	return is_named(what, "packages") && s->code == STEP_packages;
}

bool step_is_forced(const struct stage_run *sr, const struct step *s)
{
	const struct ib_options *o = sr->run->plan->options;

	if (o->is_uncached || (s->code == STEP_run && s->op->run.is_uncached))
		return true;
	return is_named(&o->no_cache_from, s->name) || is_refreshed(&o->refresh, s);
}

int step_new_salt(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	char salt[64];
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(salt, sizeof(salt), "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
	return store_record_put(sr->run->store, "salt", &s->input_key, salt, err);
}
