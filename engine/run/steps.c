/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that run a program: hooks, RUN, packages; and WORKDIR. */
#include "run/stage.h"

#include "support/fs.h"

#include <imagebuild/buf.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Where a RUN's text lies while it runs; bound, so that it is in no layer. */
#define SCRIPT_PATH "/tmp/.imagebuild-run"

static const char *const *argv_new(struct arena *a, const char *const *words, size_t n,
				   const char *last)
{
	const char **argv = arena_alloc(a, (n + 2) * sizeof(*argv));

	for (size_t i = 0; i < n; i++)
		argv[i] = words[i];
	argv[n] = last;
	return argv;
}

/* A file without "#!" is run by bash, as bash itself does when exec says ENOEXEC. */
static bool has_shebang(struct stage_run *sr, const struct step *s)
{
	const struct phase_hook *h = phase_find(sr, s->name);
	cleanup_fd int fd = -1;
	char magic[4] = { 0 };

	if (h || !s->hook->source)
		return !h || h->has_shebang;
	fd = open(s->hook->source, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, magic, sizeof(magic)) < 2)
		return false;
	return memcmp(magic, "#!", 2) == 0 || memcmp(magic, "\177ELF", 4) == 0;
}

int run_hook(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	const char *dir = phase_side(s->phase) == IB_HOST ? SB_HOOKS : RUN_IN_TARGET;
	const char *words[2] = { "/bin/bash", NULL };
	size_t n = has_shebang(sr, s) ? 0 : 1;

	(void)err;
	words[n] = arena_printf(sr->arena, "%s/%s", dir, s->hook->path);
	a->box.argv = argv_new(sr->arena, words, n + 1, NULL);
	return 0;
}

/* Writes TEXT to a file of the supervisor and binds it into the chroot. */
static int put_script(struct stage_run *sr, const struct step *s, struct action *a,
		      const char *text, const char **ret_path, struct ib_error *err)
{
	char path[] = "/tmp/imagebuild-run-XXXXXX";
	cleanup_fd int fd = mkostemp(path, O_CLOEXEC);
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "make a file for the script");
	vec_push(sr->arena, &a->files, arena_strdup(sr->arena, path));
	r = fs_write_all(fd, text, strlen(text));
	if (r < 0 || fchmod(fd, 0755) < 0)
		return ib_fail(err, r < 0 ? -r : errno, "write the script");
	if (phase_side(s->phase) == IB_HOST) {
		*ret_path = arena_strdup(sr->arena, path);
		return 0;
	}
	action_bind(sr, a, arena_strdup(sr->arena, path), SB_MNT SCRIPT_PATH, true);
	*ret_path = SCRIPT_PATH;
	return 0;
}

static int run_shell(struct stage_run *sr, const struct step *s, struct action *a, const char *text,
		     struct ib_error *err)
{
	static const char *const standard[] = { "/bin/sh", "-e" };
	const struct str_vec *shell = &s->op->run.shell;
	const char *last = text;
	int r = ib_shell_takes_text(shell) ? 0 : put_script(sr, s, a, text, &last, err);

	if (r < 0)
		return r;
	if (shell->len)
		a->box.argv = argv_new(sr->arena, shell->items, shell->len, last);
	else
		a->box.argv = argv_new(sr->arena, standard, ARRAY_SIZE(standard), last);
	return 0;
}

static int run_script(struct stage_run *sr, const struct step *s, struct action *a,
		      const char *text, struct ib_error *err)
{
	const char *path = NULL;
	int r = put_script(sr, s, a, text, &path, err);

	if (r >= 0)
		a->box.argv = argv_new(sr->arena, &path, 1, NULL);
	return r;
}

/* RUN --script=FILE: a file of the context, run by its interpreter or by the shell. */
static int run_file(struct stage_run *sr, const struct step *s, struct action *a,
		    struct ib_error *err)
{
	cleanup_fd int context_fd =
		open(plan_context(sr->run->plan, s->op), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd =
		context_fd < 0 ? -1 : fs_open_beneath(context_fd, s->op->run.text, O_RDONLY);
	cleanup_buf struct buf text = BUF_INIT;
	const char *kept;
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "open '%s' of the context", s->op->run.text);
	r = data_read(fd, &text, err);
	if (r < 0)
		return r;
	kept = arena_strndup(sr->arena, text.len ? text.data : "", text.len);
	if (strncmp(kept, "#!", 2) == 0)
		return run_script(sr, s, a, kept, err);
	return run_shell(sr, s, a, kept, err);
}

/* Root needs no entry in the target's etc/passwd. */
static bool is_root(const char *user)
{
	return strcmp(user, "root") == 0 || strcmp(user, "0") == 0;
}

int run_run(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	const struct ib_op_run *run = &s->op->run;
	bool is_host = phase_side(s->phase) == IB_HOST;
	int r;

	if (!is_host)
		base_apply_config(sr, a);
	vec_foreach (const struct ib_pair, p, &run->env)
		env_set(sr->arena, &a->env, p->key, p->value);
	if (is_host || run->workdir)
		a->box.cwd = is_host ? plan_context(sr->run->plan, s->op) : run->workdir;
	if (!is_host && run->user)
		a->box.user = is_root(run->user) ? NULL : run->user;
	a->box.is_offline = run->is_offline;
	r = action_mounts(sr, s, a, err);
	if (r < 0)
		return r;
	switch (run->form) {
	case IB_RUN_EXEC:
		a->box.argv = argv_new(sr->arena, run->argv.items, run->argv.len, NULL);
		return 0;
	case IB_RUN_SHELL:
		return run_shell(sr, s, a, run->text, err);
	case IB_RUN_SCRIPT:
		return run_script(sr, s, a, run->text, err);
	case IB_RUN_FILE:
		return run_file(sr, s, a, err);
	}
	return ib_fail_text(err, EINVAL, "unknown form of RUN");
}

static int workdir_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int fd = -1;

	if (root_fd < 0)
		return root_fd;
	fd = target_mkdirs(root_fd, job->step->op->workdir.text, 0755, err);
	return fd < 0 ? fd : 0;
}

int run_workdir(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	(void)err;
	action_call(sr, s, a, workdir_fn, NULL);
	return 0;
}

static bool has_install_packages(const struct stage_run *sr)
{
	vec_foreach (const struct hook_file, f, &sr->stage->hooks.files) {
		if (strcmp(f->path, "bin/install-packages") == 0)
			return true;
	}
	return false;
}

/* An image has no lists of apt's; the shell only puts their update in front. */
#define APT_WORDS \
	"-y", "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Options::=--force-confdef"

/* What the target's own programs take, where no element brings install-packages. */
static const char *const manager_paths[] = { "usr/bin/apt-get", "usr/bin/dnf", "usr/bin/microdnf",
					     "usr/bin/yum",     "sbin/apk",    "usr/sbin/apk" };
static const struct {
	const char *install[12], *removal[8];
} managers[] = {
	{ { "/bin/sh", "-ec", "apt-get update && exec apt-get \"$@\"", "apt-get", APT_WORDS,
	    "install" },
	  { "apt-get", APT_WORDS, "remove" } },
	{ { "dnf", "-y", "install" }, { "dnf", "-y", "remove" } },
	{ { "microdnf", "-y", "install" }, { "microdnf", "-y", "remove" } },
	{ { "yum", "-y", "install" }, { "yum", "-y", "remove" } },
	{ { "apk", "add", "--update-cache" }, { "apk", "del" } },
	{ { "apk", "add", "--update-cache" }, { "apk", "del" } },
};
static_assert(ARRAY_SIZE(managers) == ARRAY_SIZE(manager_paths), "a row each");

static int find_manager(struct stage_run *sr, struct action *a, bool is_removal,
			struct str_vec *words, struct ib_error *err)
{
	int i = target_find(sr, manager_paths, ARRAY_SIZE(manager_paths), err);
	const char *const *w;

	if (i < 0)
		return i;
	if (i >= (int)ARRAY_SIZE(managers))
		return ib_fail_text(err, ENOENT,
				    "the target has none of apt-get, dnf, microdnf, yum and apk");
	for (w = is_removal ? managers[i].removal : managers[i].install; *w; w++)
		vec_push(sr->arena, words, *w);
	env_set(sr->arena, &a->env, "DEBIAN_FRONTEND", "noninteractive");
	return 0;
}

static int packages_argv(struct stage_run *sr, struct action *a, const struct str_vec *names,
			 bool is_removal, struct ib_error *err)
{
	struct str_vec words = { 0 };
	int r = 0;

	if (!has_install_packages(sr)) {
		r = find_manager(sr, a, is_removal, &words, err);
	} else {
		vec_push(sr->arena, &words, "install-packages");
		if (is_removal)
			vec_push(sr->arena, &words, "-e");
	}
	vec_foreach (const char *, name, names)
		vec_push(sr->arena, &words, *name);
	if (r >= 0)
		a->box.argv = argv_new(sr->arena, words.items, words.len, NULL);
	return r;
}

int run_packages(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct str_vec names = { 0 };
	int r = packages_select(s->requests, &sr->stage->set, s->phase, s->is_removal, env_find,
				&sr->env, sr->arena, &names, err);

	if (r < 0)
		return r;
	a->is_nothing = names.len == 0;
	return a->is_nothing ? 0 : packages_argv(sr, a, &names, s->is_removal, err);
}
