/* SPDX-License-Identifier: Apache-2.0 */
/* One step that is no hit: its box, its log, its layer or its error. */
#include "run/schedule.h"

#include "support/child.h"

#include <imagebuild/buf.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

void stage_lowers(struct stage_run *sr, struct sandbox_layers *ret_layers)
{
	size_t n = sr->layers.len;
	const char **lowers = arena_alloc(sr->arena, n * sizeof(*lowers));

	for (size_t i = 0; i < n; i++)
		lowers[i] = sr->layers.items[n - 1 - i];
	*ret_layers = (struct sandbox_layers){ .lowers = lowers, .len = n };
}

int stage_read(struct stage_run *sr, const char *name, int (*fn)(void *, struct ib_error *),
	       struct job *job, struct ib_error *err)
{
	struct sandbox_step box = { .name = name,
				    .side = SANDBOX_HOST,
				    .fn = fn,
				    .arg = job,
				    .in_fd = -1,
				    .log_fd = -1,
				    .out_fd = -1 };
	struct sandbox_result result = { 0 };

	stage_lowers(sr, &box.layers);
	return sandbox_run(&box, sr->arena, &result, err);
}

int data_new(struct ib_error *err)
{
	int fd = memfd_create("imagebuild", MFD_CLOEXEC);

	return fd < 0 ? ib_fail(err, errno, "make a memory file") : fd;
}

int data_read(int fd, struct buf *out, struct ib_error *err)
{
	char chunk[16384];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof(chunk), at);

		if (n < 0)
			return ib_fail(err, errno, "read what the step returned");
		if (n == 0)
			return 0;
		buf_add(out, chunk, (size_t)n);
		at += n;
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void emit_step(struct stage_run *sr, const struct step *s, enum ib_event_kind kind,
	       struct ib_event *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	step_kinds[s->code].describe(s, &text);
	e->kind = kind;
	e->step = sr->number;
	e->count = sr->run->count;
	e->at = s->at;
	e->phase = s->phase == IB_PHASE_NONE ? NULL : ib_phases[s->phase].name;
	e->text = text.len ? text.data : step_kinds[s->code].verb;
	ib_emit(sr->run->sink, e);
}

void stage_note(struct stage_run *sr, struct ib_span at, const char *fmt, ...)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct ib_event e = {
		.kind = IB_EVENT_NOTE, .step = sr->number, .count = sr->run->count, .at = at
	};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	e.text = text.data;
	ib_emit(sr->run->sink, &e);
}

static int note_record(struct stage_run *sr, const struct step *s, const struct digest *key,
		       struct ib_error *err)
{
	char hex[DIGEST_HEX];

	digest_hex(key, hex);
	return store_record_put(sr->run->store, "step", &s->input_key, hex, err);
}

void action_call(struct stage_run *sr, const struct step *s, struct action *a,
		 int (*fn)(void *arg, struct ib_error *err), const void *data)
{
	struct job *job = arena_alloc(sr->arena, sizeof(*job));

	*job = (struct job){ .sr = sr, .step = s, .data_fd = a->data_fd, .data = data };
	a->box.fn = fn;
	a->box.arg = job;
	a->box.side = SANDBOX_HOST;
}

void action_bind(struct stage_run *sr, struct action *a, const char *source, const char *target,
		 bool is_file)
{
	vec_push(sr->arena, &a->binds,
		 ((struct sandbox_bind){ .source = source,
					 .target = target,
					 .is_readonly = true,
					 .is_file = is_file }));
}

/* The binds of the step, those that earlier steps left, and the files of HOME that it names. */
static void set_binds(struct stage_run *sr, const struct step *s, struct action *a)
{
	struct home_file_vec files = { 0 };
	struct sandbox_bind *binds;
	size_t len = 0;

	home_files(sr, s, &files);
	binds = arena_alloc(sr->arena,
			    (sr->left.len + a->binds.len + files.len + 1) * sizeof(*binds));
	vec_foreach (struct sandbox_left, l, &sr->left)
		binds[len++] = (struct sandbox_bind){ .source = l->source, .target = l->target };
	for (size_t i = 0; i < a->binds.len; i++)
		binds[len++] = a->binds.items[i];
	vec_foreach (struct home_file, f, &files)
		binds[len++] = (struct sandbox_bind){ .source = f->source,
						      .target = f->target,
						      .is_readonly = true,
						      .is_file = true };
	a->box.binds = binds;
	a->box.binds_len = len;
}

static void init_action(struct stage_run *sr, const struct step *s, struct action *a)
{
	enum ib_side side = phase_side(s->phase);

	*a = (struct action){ .data_fd = -1, .store = sr->run->store };
	a->box = (struct sandbox_step){
		.name = s->name ? s->name : step_kinds[s->code].name,
		.side = side == IB_HOST ? SANDBOX_HOST : SANDBOX_CHROOT,
		.in_fd = -1,
		.log_fd = -1,
		.out_fd = -1,
		.has_root_mounts = s->phase != IB_PHASE_ROOT && s->phase != IB_PHASE_BLOCK_DEVICE,
		.has_hooks_mount = side == IB_CHROOT,
		.timeout = sr->run->plan->options->step_timeout,
	};
	env_copy(sr->arena, &a->env, &sr->env);
}

static void release_action(struct action *a)
{
	if (a->data_fd >= 0)
		(void)close(a->data_fd);
	vec_foreach (const char *, file, &a->files)
		(void)unlink(*file);
	vec_foreach (struct layer_draft, draft, &a->drafts)
		store_draft_drop(a->store, draft);
	vec_foreach (int, fd, &a->locks)
		(void)close(*fd);
}

#define cleanup_action __attribute__((cleanup(release_action)))

static int prepare(struct stage_run *sr, const struct step *s, struct action *a,
		   struct ib_error *err)
{
	static step_fn *const table[STEPS] = {
#define STEP(name, verb) [STEP_##name] = run_##name,
#include "plan/steps.def"
#undef STEP
	};

	return table[s->code](sr, s, a, err);
}

/* What dib's own shells export on the way to a hook. The directory is a matter of place: no key has
 * it. */
static void set_shell_variables(struct stage_run *sr, struct action *a)
{
	const char *cwd = a->box.cwd;

	if (!cwd)
		cwd = a->box.side == SANDBOX_HOST ? sr->run->plan->options->directory : "/";
	if (cwd)
		env_set(sr->arena, &a->env, "PWD", cwd);
	env_set(sr->arena, &a->env, "SHLVL", "2");
}

/* Runs what PREPARE described, over the layers, in DRAFT, into the log. */
static int run_box(struct stage_run *sr, const struct step *s, struct action *a,
		   struct layer_draft *draft, struct step_log *log,
		   struct sandbox_result *ret_result, struct ib_error *err)
{
	stage_lowers(sr, &a->box.layers);
	a->box.layers.draft = draft->dir;
	set_binds(sr, s, a);
	if (!a->box.fn) {
		set_shell_variables(sr, a);
		a->box.envp = env_array(sr->arena, &a->env);
	} else {
		a->box.has_root_mounts = a->box.has_hooks_mount = false;
	}
	a->box.log_fd = log->fd;
	a->box.on_line = log_line;
	a->box.on_line_context = log;
	return sandbox_run(&a->box, sr->arena, ret_result, err);
}

/* The error of a step: where it stands, what it said last, where the rest is. */
static int fail_step(struct stage_run *sr, const struct step *s, const struct action *a,
		     const struct step_log *log, const struct sandbox_result *result, int failed,
		     struct ib_error *err)
{
	cleanup_buf struct buf what = BUF_INIT, tail = BUF_INIT;
	struct ib_event e = { .status = result->status,
			      .log = log->path,
			      .nanoseconds = now_ns() - log->start };
	char status[80];

	emit_step(sr, s, IB_EVENT_FAILED, &e);
	step_kinds[s->code].describe(s, &what);
	if (failed == -ENOENT && a->box.side == SANDBOX_CHROOT && a->box.argv) {
		(void)ib_fail_text(err, ENOENT, "%s: the target has no '%s'", what.data,
				   a->box.argv[0]);
		(void)ib_hint(err, "put one there first, or write RUN as an array of a program "
				   "that is there");
	} else if (failed < 0) {
		(void)ib_wrap(err, "%s", what.data);
	} else if (result->timed_out) {
		(void)ib_fail_text(err, ETIMEDOUT, "%s ran longer than %llu s", what.data,
				   (unsigned long long)sr->run->plan->options->step_timeout);
	} else {
		child_status_text(result->status, status, sizeof(status));
		log_tail(log, &tail);
		(void)ib_fail_text(err, ECHILD, "%s %s%s%s", what.data, status,
				   tail.len ? "\n" : "", tail.len ? tail.data : "");
	}
	if (!err->exit)
		err->exit = IB_EXIT_STEP;
	if (!err->at.end)
		err->at = s->at;
	if (err->hint[0])
		return -err->code;
	return ib_hint(err, "phase %s.d, step %u; log: %s", ib_phases[s->phase].name, sr->number,
		       log->path);
}

/* What steps hand back beside their layer. */
static int collect_meta(struct stage_run *sr, const struct step *s, const struct action *a,
			struct layer_meta *meta, struct ib_error *err)
{
	if (s->code == STEP_environ)
		return envd_take(sr, a->data_fd, err);
	if (s->code == STEP_base)
		return base_take(sr, a->data_fd, meta, err);
	return s->code == STEP_enter ? enter_take(a->data_fd, meta, err) : 0;
}

static int commit(struct stage_run *sr, const struct step *s, struct layer_draft *draft,
		  const struct digest *key, const struct layer_meta *meta, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT, env = BUF_INIT;
	int r;

	meta_write(s, meta, &text);
	if (s->code == STEP_environ)
		env_format(&sr->env, &env);
	r = store_draft_commit(sr->run->store, draft, key, text.data,
			       s->code == STEP_environ ? (env.data ? env.data : "") : NULL, err);
	return r < 0 ? r : note_record(sr, s, key, err);
}

/* Runs the step and keeps its layer. */
static int run_step(struct stage_run *sr, const struct step *s, const struct digest *key,
		    struct layer_draft *draft, struct step_log *log, struct ib_error *err)
{
	cleanup_action struct action a;
	struct sandbox_result result = { 0 };
	struct layer_meta meta;
	int r;

	init_action(sr, s, &a);
	r = prepare(sr, s, &a, err);
	if (r >= 0 && !a.is_nothing)
		r = run_box(sr, s, &a, draft, log, &result, err);
	if (r < 0 || result.status != 0 || result.timed_out)
		return fail_step(sr, s, &a, log, &result, r, err);
	if (result.has_other_mounts)
		stage_note(sr, s->at,
			   "it left a mount that is not a bind mount; later steps do not see it");
	meta = (struct layer_meta){ .left = result.left,
				    .gone = result.gone,
				    .is_empty = meta_is_empty(draft->dir) };
	if (s->code == STEP_base)
		r = base_verify(sr, s, err);
	else
		r = s->op && step_takes_files(s) ? copy_verify(sr, s, err) : 0;
	if (r >= 0)
		r = collect_meta(sr, s, &a, &meta, err);
	if (r < 0)
		return r;
	return commit(sr, s, draft, key, &meta, err);
}

int step_execute(struct stage_run *sr, const struct step *s, const struct digest *key,
		 struct ib_error *err)
{
	cleanup_log struct step_log log = LOG_INIT;
	struct layer_draft draft = { NULL, -1 };
	struct ib_event e = { 0 };
	const char *dir;
	int r = root_refresh(sr, err);

	if (r >= 0)
		r = log_open(sr, s, &log, err);
	if (r < 0)
		return r;
	e.log = log.path;
	log.start = now_ns();
	emit_step(sr, s, IB_EVENT_STARTED, &e);
	r = store_draft_new(sr->run->store, &draft, err);
	if (r >= 0)
		r = run_step(sr, s, key, &draft, &log, err);
	store_draft_drop(sr->run->store, &draft);
	if (r < 0)
		return r;
	if (!store_layer_find(sr->run->store, key, sr->arena, &dir))
		return ib_fail_text(err, EIO, "the layer of '%s' is not in the store", log.path);
	r = take_layer(sr, s, key, dir, err);
	if (r < 0)
		return r;
	sr->run->steps_run++;
	e = (struct ib_event){ .log = log.path, .nanoseconds = now_ns() - log.start };
	emit_step(sr, s, IB_EVENT_FINISHED, &e);
	return 0;
}
