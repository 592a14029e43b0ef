/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's half of a build: what it needs of the machine is opened, the supervisor is started,
 * its events are passed on, its files are given their names. */
#include "build_internal.h"

#include "element/element.h"
#include "sandbox/sandbox.h"
#include "support/child.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define DAY_SECONDS 86400

/* $VARIABLE/imagebuild, else HOME/FALLBACK/imagebuild. */
static const char *xdg(struct arena *a, const char *variable, const char *home,
		       const char *fallback)
{
	const char *dir = getenv(variable);

	if (dir && dir[0] == '/')
		return arena_printf(a, "%s/imagebuild", dir);
	return arena_printf(a, "%s/%s/imagebuild", home, fallback);
}

static const char *find_home(struct arena *a)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home && home[0] == '/')
		return arena_strdup(a, home);
	pw = getpwuid(getuid());
	return arena_strdup(a, pw && pw->pw_dir ? pw->pw_dir : "/");
}

int ib_build_defaults(struct ib_options *options, struct arena *a, struct ib_error *err)
{
	if (!options->home)
		options->home = find_home(a);
	if (!options->store)
		options->store = xdg(a, "XDG_CACHE_HOME", options->home, ".cache");
	if (!options->state_dir)
		options->state_dir = xdg(a, "XDG_STATE_HOME", options->home, ".local/state");
	if (!options->image_cache)
		options->image_cache = arena_printf(a, "%s/.cache/image-create", options->home);
	if (!options->directory) {
		cleanup_free char *cwd = getcwd(NULL, 0);

		if (!cwd) {
			err->exit = IB_EXIT_USAGE;
			return ib_fail(err, errno, "find the working directory");
		}
		options->directory = arena_strdup(a, cwd);
	}
	return 0;
}

/* logs/20261124T191500Z-4711: names sort by time. */
static int open_logs(struct build *b, struct ib_error *err)
{
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];
	int r;

	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	b->log_dir = arena_printf(b->arena, "%s/logs/%s-%d", b->plan->options->state_dir, stamp,
				  (int)getpid());
	r = fs_mkdirs_at(AT_FDCWD, b->log_dir, 0755, err);
	if (r < 0)
		return r;
	/* A step may print what is nobody else's business. */
	if (chmod(b->log_dir, 0700) < 0)
		return ib_fail(err, errno, "close '%s' to other users", b->log_dir);
	b->log_dir_fd = open(b->log_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->log_dir_fd < 0 ? ib_fail(err, errno, "open '%s'", b->log_dir) : 0;
}

static int open_directory(struct build *b, struct ib_error *err)
{
	b->directory_fd = open(b->plan->options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->directory_fd >= 0)
		return 0;
	err->exit = IB_EXIT_USAGE;
	return ib_fail(err, errno, "open the working directory '%s'", b->plan->options->directory);
}

#define SECRET_MAX (1u << 20)

static int read_secret(struct build *b, const struct ib_secret *s, struct ib_error *err)
{
	struct build_secret secret = { .id = s->id };
	const char *value = s->variable ? getenv(s->variable) : NULL;
	int r = 0;

	err->exit = IB_EXIT_USAGE;
	if (s->variable && !value)
		return ib_fail_text(err, ENOENT, "--secret id=%s: the variable '%s' is not set",
				    s->id, s->variable);
	if (value) {
		secret.data = ib_xstrdup(value);
		secret.len = strlen(value);
	} else {
		r = fs_read_at(AT_FDCWD, s->file, SECRET_MAX, &secret.data, &secret.len, err);
		if (r < 0)
			return ib_wrap(err, "--secret id=%s", s->id);
	}
	err->exit = 0;
	vec_push(b->arena, &b->secrets, secret);
	return 0;
}

/* Here, since the supervisor sees no private files of the caller. */
static int read_secrets(struct build *b, struct ib_error *err)
{
	int r = 0;

	vec_foreach (struct ib_secret, s, &b->plan->options->secrets)
		if (r >= 0)
			r = read_secret(b, s, err);
	return r;
}

static void drop_secrets(struct build *b)
{
	vec_foreach (struct build_secret, s, &b->secrets) {
		explicit_bzero(s->data, s->len);
		free(s->data);
	}
}

static int open_all(struct build *b, struct ib_error *err)
{
	const struct rlimit none = { 0, 0 };
	int r;

	/* A core dump would bring secrets to a disk, and a file into the target. */
	(void)setrlimit(RLIMIT_CORE, &none);
	r = read_secrets(b, err);
	if (r >= 0)
		r = targets_collect(b, err);

	if (r >= 0)
		r = open_directory(b, err);
	if (r >= 0)
		r = targets_open(b, err);
	if (r >= 0)
		r = ib_cache_open(b->plan->options->store, &b->store, err);
	return r < 0 ? r : open_logs(b, err);
}

static void release_build(struct build *b)
{
	targets_drop(b);
	drop_secrets(b);
	ib_cache_close(b->store);
	if (b->log_dir_fd >= 0)
		(void)close(b->log_dir_fd);
	if (b->directory_fd >= 0)
		(void)close(b->directory_fd);
	arena_free(b->arena);
}

#define cleanup_build __attribute__((cleanup(release_build)))

static int fill_setup(const struct ib_options *options, struct arena *a,
		      struct sandbox_setup *ret_setup, struct ib_error *err)
{
	struct sandbox_setup setup = { .store = options->store,
				       .image_cache = options->image_cache,
				       .lib_dir = ib_data_find(a, "lib"),
				       .bin_dir = ib_data_find(a, "bin"),
				       .directory = options->directory,
				       .force_old_overlay = options->force_old_overlay };

	if (!setup.lib_dir || !setup.bin_dir)
		return ib_fail_text(err, ENOENT, "the program's own files (%s) are not installed",
				    setup.lib_dir ? "bin" : "lib");
	*ret_setup = setup;
	return 0;
}

static void add_input_dirs(const struct plan *p, struct arena *a, struct str_vec *dirs)
{
	for (size_t i = 0; i < p->stages_len; i++)
		vec_foreach (struct step, s, &p->stages[i].steps)
			if (s->code == STEP_run)
				vec_foreach (struct ib_word, input, &s->op->run.inputs)
					vec_push(a, dirs,
						 arena_strdup(a, plan_input(p, input->text)));
}

/* Directories that steps read although the sandbox hides where they may lie. */
static const char *const *visible_dirs(const struct plan *p, struct arena *a)
{
	struct str_vec dirs = { 0 };

	if (p->context)
		vec_push(a, &dirs, p->context);
	add_input_dirs(p, a, &dirs);
	for (size_t i = 0; i < p->stages_len; i++) {
		vec_foreach (const struct element *, e, &p->stages[i].set.members) {
			if ((*e)->dir)
				vec_push(a, &dirs, (*e)->dir);
			else if ((*e)->fragment)
				vec_push(a, &dirs, (*e)->fragment->context);
		}
	}
	vec_push(a, &dirs, NULL);
	return dirs.items;
}

static volatile sig_atomic_t caught;

static void catch_signal(int n)
{
	caught = n;
}

/* SIGINT and SIGTERM end a build; their earlier handlers come back. */
struct signals {
	struct sigaction old_int, old_term;
	sigset_t old_mask;
};

static void signals_take(struct signals *s)
{
	struct sigaction sa = { .sa_handler = catch_signal };

	caught = 0;
	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGINT, &sa, &s->old_int);
	(void)sigaction(SIGTERM, &sa, &s->old_term);
	(void)sigprocmask(SIG_SETMASK, NULL, &s->old_mask);
}

/* Held back but while we wait, so that none is lost between the check and the wait. */
static void signals_block(void)
{
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
}

static void signals_restore(struct signals *s)
{
	(void)sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	(void)sigaction(SIGINT, &s->old_int, NULL);
	(void)sigaction(SIGTERM, &s->old_term, NULL);
}

#define cleanup_signals __attribute__((cleanup(signals_restore)))

static int interrupted(struct ib_error *err)
{
	err->exit = IB_EXIT_SIGNAL + caught;
	return ib_fail_text(err, EINTR, "interrupted by signal %d", (int)caught);
}

/* Passes on what the supervisor says until it has ended. */
static int follow(struct relay *relay, int fd, struct child *child, const sigset_t *mask,
		  struct ib_error *err)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int status = 0, r = 1;
	char text[80];

	while (r > 0) {
		int n = ppoll(&poll_fd, 1, NULL, mask);

		if (caught)
			return interrupted(err);
		if (n < 0 && errno != EINTR)
			return ib_fail(err, errno, "wait for the supervisor");
		if (n > 0)
			r = relay_read(relay, fd, err);
	}
	if (r < 0)
		return r;
	r = child_wait(child, &status, err);
	if (r < 0 || (status == 0 && !relay->has_error))
		return r;
	if (relay->has_error)
		return -relay->err->code;
	child_status_text(status, text, sizeof(text));
	return ib_fail_text(err, ECHILD, "the supervisor %s", text);
}

/* Runs FN in a supervisor and follows it to its end; whatever happens it is gone afterwards. */
static int with_supervisor(struct build *b, const struct sandbox_setup *setup, int (*fn)(void *),
			   struct relay *relay, struct ib_error *err)
{
	cleanup_signals struct signals signals;
	cleanup_child struct child child = { 0 };
	cleanup_fd int read_fd = -1;
	int fds[2], r;

	signals_take(&signals);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return ib_fail(err, errno, "make a pipe");
	read_fd = fds[0];
	b->pipe_fd = fds[1];
	r = sandbox_start(setup, fn, b, &child, err);
	(void)close(fds[1]);
	if (r < 0)
		return r;
	signals_block();
	return follow(relay, read_fd, &child, &signals.old_mask, err);
}

static void tell_plan(struct build *b)
{
	struct ib_event e = { .kind = IB_EVENT_PLAN };

	for (uint32_t i = 0; i < b->plan->stages_len; i++) {
		b->count += (uint32_t)b->plan->stages[i].steps.len;
		b->count +=
			b->plan->stages[i].is_product ? (uint32_t)b->plan->stages[i].disks.len : 0;
	}
	b->count += (uint32_t)b->targets.len;
	e.count = b->count;
	ib_emit(b->sink, &e);
}

static int clean_fn(void *arg)
{
	struct build *b = arg;
	struct ib_error err = IB_ERROR_INIT;

	store_move(b->store, SB_STORE);
	return store_clean(b->store, &err) < 0;
}

/* A supervisor that was killed leaves its drafts, which only another one may remove. What fails
 * here is left for the next command. */
static void clean_after(struct build *b, const struct sandbox_setup *setup)
{
	cleanup_child struct child child = { 0 };
	struct ib_error err = IB_ERROR_INIT;
	int status;

	if (sandbox_start(setup, clean_fn, b, &child, &err) >= 0)
		(void)child_wait(&child, &status, &err);
}

int ib_build_run(struct plan *plan, const struct ib_sink *sink, struct ib_error *err)
{
	cleanup_build struct build b = { .plan = plan,
					 .sink = sink,
					 .arena = arena_new(),
					 .log_dir_fd = -1,
					 .directory_fd = -1,
					 .pipe_fd = -1 };
	struct sandbox_setup setup = { 0 };
	struct relay relay = { .build = &b, .err = err };
	int r = open_all(&b, err);

	if (r >= 0)
		r = fill_setup(plan->options, b.arena, &setup, err);
	if (r < 0)
		return r;
	setup.visible = visible_dirs(plan, b.arena);
	tell_plan(&b);
	r = with_supervisor(&b, &setup, supervise, &relay, err);
	buf_release(&relay.pending);
	if (r == -EINTR || r == -ECHILD)
		clean_after(&b, &setup);
	return r < 0 ? r : targets_publish(&b, err);
}

struct prune {
	struct build build;
	int days;
};

static int prune_fn(void *arg)
{
	struct prune *p = arg;
	struct ib_error err = IB_ERROR_INIT;
	uint64_t bytes = 0;
	int r;

	store_move(p->build.store, SB_STORE);
	r = ib_cache_prune(p->build.store, p->days, &bytes, &err);
	if (r < 0)
		relay_error(&p->build, &err);
	else
		relay_bytes(&p->build, bytes);
	return r < 0 ? 1 : 0;
}

static int prune_logs(const struct ib_options *options, int days, struct ib_error *err)
{
	cleanup_free char *path = ib_xprintf("%s/logs", options->state_dir);
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	time_t before = time(NULL) - (time_t)days * DAY_SECONDS;
	cleanup_free char **names = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : ib_fail(err, errno, "open '%s'", path);
	r = fs_list(fd, ".", &names, &len, err);
	for (size_t i = 0; r >= 0 && i < len; i++) {
		struct stat st;

		if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime <= before)
			r = fs_remove_at(fd, names[i], err);
	}
	return r < 0 ? ib_wrap(err, "prune the logs") : 0;
}

int ib_build_prune(const struct ib_options *options, int days, uint64_t *ret_bytes,
		   struct ib_error *err)
{
	struct prune p = { .build = { .log_dir_fd = -1, .directory_fd = -1, .pipe_fd = -1 },
			   .days = days };
	struct sandbox_setup setup = { 0 };
	struct relay relay = { .build = &p.build, .err = err };
	int r;

	p.build.arena = arena_new();
	r = fill_setup(options, p.build.arena, &setup, err);
	if (r >= 0)
		r = ib_cache_open(options->store, &p.build.store, err);
	if (r >= 0)
		r = with_supervisor(&p.build, &setup, prune_fn, &relay, err);
	buf_release(&relay.pending);
	release_build(&p.build);
	if (r < 0)
		return r;
	*ret_bytes = relay.bytes;
	return prune_logs(options, days, err);
}
