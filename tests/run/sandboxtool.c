/* SPDX-License-Identifier: Apache-2.0 */
/* One step in the sandbox, for tests/run/sandbox.sh: layers are STORE/layers/NAME, what the step
 * printed goes to standard output, and then "status N", "left SOURCE TARGET", "gone TARGET",
 * "other" lines to standard error. */
#include "sandbox/sandbox.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct tool {
	struct sandbox_setup setup;
	struct sandbox_step step;
	const char *draft;
	bool is_tree, is_function;
	struct arena *arena;
	struct str_vec lowers, visible;
	struct VEC(struct sandbox_bind) binds;
	const char *const *argv;
};

static int make_draft(struct tool *t, struct ib_error *err)
{
	static const char *const subs[] = { "fs",     "out",      "work",   "outwork",
					    "fs/mnt", "fs/hooks", "fs/home" };

	if (!t->draft)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(subs); i++) {
		cleanup_free char *path = ib_xprintf(SB_STORE "/layers/%s/%s", t->draft, subs[i]);
		bool is_base = t->step.layers.len == 0 || i < 4;
		int r = is_base ? fs_mkdirs_at(AT_FDCWD, path, 0755, err) : 0;

		if (r < 0)
			return r;
	}
	t->step.layers.draft = arena_printf(t->arena, SB_STORE "/layers/%s", t->draft);
	return 0;
}

static int show_tree(struct tool *t, struct ib_error *err)
{
	int fd = -1, r = sandbox_open_tree(&t->step.layers, &fd, NULL, err);
	cleanup_free char *dir = ib_xprintf("/proc/self/fd/%d", fd);

	if (r < 0)
		return r;
	if (fchdir(fd) < 0 || fcntl(fd, F_SETFD, 0) < 0)
		return ib_fail(err, errno, "enter %s", dir);
	(void)execvp(t->argv[0], (char *const *)(uintptr_t)t->argv);
	return ib_fail(err, errno, "run %s", t->argv[0]);
}

/* A function as a step: makes the file that ARG, a string, names. */
static int make_file(void *arg, struct ib_error *err)
{
	cleanup_fd int fd = open(arg, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 ? ib_fail(err, errno, "make %s", (const char *)arg) : 0;
}

static void show(const struct sandbox_result *result)
{
	vec_foreach (struct sandbox_left, l, &result->left) {
		(void)fprintf(stderr, "left %s %s\n", l->source, l->target);
	}
	vec_foreach (const char *, g, &result->gone) {
		(void)fprintf(stderr, "gone %s\n", *g);
	}
	if (result->has_other_mounts)
		(void)fprintf(stderr, "other\n");
	if (result->timed_out)
		(void)fprintf(stderr, "timed out\n");
	if (WIFSIGNALED(result->status))
		(void)fprintf(stderr, "signal %d\n", WTERMSIG(result->status));
	else
		(void)fprintf(stderr, "status %d\n", WEXITSTATUS(result->status));
}

static int supervise(void *arg)
{
	struct tool *t = arg;
	struct ib_error err = IB_ERROR_INIT;
	struct sandbox_result result = { 0 };
	int r;

	t->step.layers.lowers = t->lowers.items;
	t->step.layers.len = t->lowers.len;
	if (t->is_function)
		t->step.fn = make_file;
	t->step.arg = arena_strdup(t->arena, t->argv[0]);
	t->step.argv = t->argv;
	t->step.binds = t->binds.items;
	t->step.binds_len = t->binds.len;
	r = make_draft(t, &err);
	if (r == 0)
		r = t->is_tree ? show_tree(t, &err)
			       : sandbox_run(&t->step, t->arena, &result, &err);
	if (r == 0)
		show(&result);
	else
		(void)fprintf(stderr, "error %s (%s)\n", err.text, err.hint);
	return r == 0 && result.status == 0 ? 0 : 1;
}

static void add_bind(struct tool *t, const char *text)
{
	char *copy = arena_strdup(t->arena, text), *save = NULL;
	struct sandbox_bind b = { .source = strtok_r(copy, "=", &save),
				  .target = strtok_r(NULL, "=", &save) };

	for (const char *word = strtok_r(NULL, "=", &save); word;
	     word = strtok_r(NULL, "=", &save)) {
		b.is_readonly |= strcmp(word, "ro") == 0;
		b.is_file |= strcmp(word, "file") == 0;
	}
	vec_push(t->arena, &t->binds, b);
}

/* Options that take no value. */
static bool set_flag(struct tool *t, int option)
{
	switch (option) {
	case 'c':
		t->step.side = SANDBOX_CHROOT;
		return true;
	case 'm':
		t->step.has_root_mounts = true;
		return true;
	case 'k':
		t->step.has_hooks_mount = true;
		return true;
	case 'n':
		t->step.is_offline = true;
		return true;
	case 'o':
		t->setup.force_old_overlay = true;
		return true;
	case 'F':
		t->is_function = true;
		return true;
	case 'T':
		t->is_tree = true;
		return true;
	default:
		return false;
	}
}

static bool set_option(struct tool *t, int option, const char *value)
{
	switch (option) {
	case 'S':
		t->setup.store = value;
		return true;
	case 'd':
		t->setup.directory = value;
		return true;
	case 'v':
		vec_push(t->arena, &t->visible, value);
		return true;
	case 'D':
		t->draft = value;
		return true;
	case 'l':
		vec_push(t->arena, &t->lowers,
			 arena_printf(t->arena, SB_STORE "/layers/%s", value));
		return true;
	case 'b':
		add_bind(t, value);
		return true;
	case 'u':
		t->step.user = value;
		return true;
	case 'w':
		t->step.cwd = value;
		return true;
	case 't':
		t->step.timeout = strtoull(value, NULL, 10);
		return true;
	case 'B':
		t->setup.bin_dir = value;
		return true;
	default:
		return set_flag(t, option);
	}
}

static void say_missing(void *context, const char *what, const char *why, const char *package,
			const char *todo)
{
	(void)context;
	(void)fprintf(stderr, "# missing: %s: %s (%s) %s\n", what, why, package ? package : "",
		      todo ? todo : "");
}

static const char *const environment[] = {
	"PATH=/imagebuild/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "LC_ALL=C", "TARGET_ROOT=" SB_MNT, NULL
};

int main(int argc, char **argv)
{
	cleanup_arena struct arena *arena = arena_new();
	struct tool t = { .arena = arena,
			  .step = { .name = "test",
				    .in_fd = -1,
				    .log_fd = 1,
				    .out_fd = -1,
				    .envp = environment } };
	cleanup_child struct child child = { 0 };
	struct ib_error err = IB_ERROR_INIT;
	int option, status = 0;

	while ((option = getopt(argc, argv, "+S:d:v:D:l:b:u:w:t:B:cmknoFTP")) != -1)
		if (option == 'P')
			return sandbox_preflight(t.setup.store, say_missing, NULL) < 0;
		else if (!set_option(&t, option, optarg))
			return 2;
	vec_push(t.arena, &t.visible, NULL);
	t.setup.visible = t.visible.items;
	t.argv = (const char *const *)argv + optind;
	if (sandbox_start(&t.setup, supervise, &t, &child, &err) < 0) {
		(void)fprintf(stderr, "error %s (%s)\n", err.text, err.hint);
		return 1;
	}
	if (child_wait(&child, &status, &err) < 0)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
