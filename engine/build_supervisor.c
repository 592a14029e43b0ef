/* SPDX-License-Identifier: Apache-2.0 */
/* The back end's passes over each product, inside the supervisor's namespaces. */
#include "build_internal.h"

#include "block/block.h"
#include "run/run.h"
#include "sandbox/sandbox.h"
#include "support/fs.h"
#include "support/tree.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define TREE_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A disk's bytes: the file of its raw output, or one of ours. */
struct raw {
	int fd;
	bool is_ours;
};

/* One stage on its way: a tree, or a product too. */
struct product {
	struct build *build;
	struct plan_stage *stage;
	uint32_t index; /* of the stage */
	struct run run;
	struct run_tree tree;
	struct layer_draft boot; /* the layer with the boot loader's files */
	struct layer_draft temp; /* a directory for files of tools */
	struct sandbox_layers layers;
	struct disk_job job;
	int root_fd;
	struct raw *raws; /* one a disk */
	uint32_t number;  /* of the next disk or file, for events */
};

static struct target *next_target(struct product *p, size_t *at)
{
	while (*at < p->build->targets.len) {
		struct target *t = &p->build->targets.items[(*at)++];

		if (t->stage == p->index && !t->is_current)
			return t;
	}
	return NULL;
}

static bool needs_disk(struct product *p, size_t disk)
{
	size_t at = 0;

	for (struct target *t = next_target(p, &at); t; t = next_target(p, &at)) {
		if (t->format->needs_disk && t->disk == disk)
			return true;
	}
	return false;
}

static const char *first_name(const struct product *p)
{
	vec_foreach (const struct target, t, &p->build->targets) {
		if (t->stage == p->index)
			return t->name;
	}
	return ib_output_name(p->build->plan->ir, p->stage->ir, NULL, NULL, p->build->arena);
}

/* Steps become the tree that other stages see. */
static int pass_tree(struct product *p, struct ib_error *err)
{
	struct layout *l = p->stage->layout;
	struct buf fstab = BUF_INIT;

	p->run.image_name = first_name(p);
	if (l) {
		layout_fstab(l, &fstab);
		p->run.root_label = layout_root_label(l);
		p->run.root_fstype = layout_root_fstype(l);
		p->run.boot_label = layout_boot_label(l);
		p->run.mount_points = layout_mount_points(l);
		p->run.fstab =
			arena_strndup(p->build->arena, fstab.len ? fstab.data : "", fstab.len);
	}
	buf_release(&fstab);
	return run_tree_make(&p->run, p->stage, &p->tree, err);
}

/* The rest of the steps; then it is known which files are there already. */
static int pass_finish(struct product *p, struct ib_error *err)
{
	int r = run_finish(&p->run, err);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < p->build->targets.len; i++) {
		struct target *t = &p->build->targets.items[i];

		if (t->stage != p->index)
			continue;
		target_check(p->build, t, &p->run.tree_key, p->run.epoch);
		relay_target(p->build, i);
	}
	p->layers = (struct sandbox_layers){ .lowers = p->run.layers, .len = p->run.layers_len };
	return 0;
}

static const char *look_up(const void *context, const char *name)
{
	return run_env(context, name);
}

static int read_back(int fd, struct buf *out, struct ib_error *err)
{
	char chunk[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		buf_add(out, chunk, (size_t)n);
		at += n;
	}
	return n < 0 ? ib_fail(err, errno, "read a program's output") : 0;
}

/* What a program of the tree said, for its error. */
static int run_failed(const char *const *argv, int status, int log_fd, struct ib_error *err)
{
	cleanup_buf struct buf log = BUF_INIT;
	char text[80];

	if (read_back(log_fd, &log, err) < 0)
		return -err->code;
	child_status_text(status, text, sizeof(text));
	return ib_fail_text(err, ECHILD, "%s of the image %s%s%s", argv[0], text,
			    log.len ? "\n" : "", log.len ? log.data : "");
}

/* block_run_fn: a program of the tree, in the tree's chroot, without leaving anything in it. */
static int run_in_tree(void *context, const char *const *argv, int in_fd, struct buf *out,
		       struct ib_error *err)
{
	static const char *const envp[] = { "PATH=" TREE_PATH, "HOME=/root", "LC_ALL=C", NULL };
	struct product *p = context;
	cleanup_fd int out_fd = memfd_create("out", MFD_CLOEXEC),
		       log_fd = memfd_create("log", MFD_CLOEXEC);
	struct sandbox_result result = { 0 };
	struct sandbox_step step = { .name = argv[0],
				     .layers = p->layers,
				     .side = SANDBOX_CHROOT,
				     .argv = argv,
				     .envp = envp,
				     .in_fd = in_fd,
				     .log_fd = log_fd,
				     .out_fd = out_fd,
				     .has_root_mounts = true,
				     .is_offline = true };
	int r;

	if (out_fd < 0 || log_fd < 0)
		return ib_fail(err, errno, "make a memory file");
	r = sandbox_run(&step, p->build->arena, &result, err);
	if (r < 0)
		return ib_wrap(err, "run %s of the image", argv[0]);
	if (result.status != 0)
		return run_failed(argv, result.status, log_fd, err);
	return read_back(out_fd, out, err);
}

static void fill_job(struct product *p)
{
	struct run *run = &p->run;
	int64_t epoch = run->epoch;

	/* Without an archive there is no date that two builds share: the time of this one, then. */
	if (epoch < 0)
		epoch = (int64_t)time(NULL);
	p->job = (struct disk_job){
		.root_fd = p->root_fd,
		.seed = p->stage->last_key,
		.epoch = epoch,
		.image_size = run_env(run, "DIB_IMAGE_SIZE"),
		.extra_size = run_env(run, "DIB_IMAGE_EXTRA_SIZE"),
		.journal_size = run_env(run, "DIB_JOURNAL_SIZE"),
		.mkfs_options = run_env(run, "MKFS_OPTS"),
		.max_resize = run_env(run, "MAX_ONLINE_RESIZE"),
		.temp_dir = p->temp.dir,
		.run_in_tree = run_in_tree,
		.run_context = p,
		.lookup = look_up,
		.lookup_context = run,
		.sink = p->build->sink,
	};
}

static int open_tree(struct product *p, struct ib_error *err)
{
	int fd = -1, r = sandbox_open_tree(&p->layers, &fd, NULL, err);

	if (r < 0)
		return ib_wrap(err, "open the finished tree");
	if (p->root_fd >= 0)
		(void)close(p->root_fd);
	p->root_fd = p->job.root_fd = fd;
	return 0;
}

static int set_time(int dir_fd, const char *name, int64_t epoch, struct ib_error *err)
{
	struct timespec times[2] = { { .tv_sec = epoch }, { .tv_sec = epoch } };

	return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0
		       ? ib_fail(err, errno, "date '%s'", name)
		       : 0;
}

struct boot_work {
	const struct boot_file_vec *files;
	int64_t epoch;
};

static int write_boot_file(int root_fd, const struct boot_file *f, int64_t epoch,
			   struct ib_error *err)
{
	const char *slash = strrchr(f->path, '/');
	cleanup_free char *dir = ib_xstrdup(f->path);
	cleanup_fd int dir_fd = -1;
	int r;

	if (S_ISDIR(f->mode))
		return fs_mkdirs_at(root_fd, f->path, 0755, err);
	dir[slash ? slash - f->path : 0] = '\0';
	r = *dir ? fs_mkdirs_at(root_fd, dir, 0755, err) : 0;
	if (r < 0)
		return r;
	dir_fd = fs_open_in(root_fd, *dir ? dir : ".", O_RDONLY | O_DIRECTORY, 0);
	if (dir_fd < 0)
		return ib_fail(err, errno, "open '%s' of the tree", dir);
	r = fs_write_at(dir_fd, slash ? slash + 1 : f->path, f->data, f->len, f->mode, err);
	return r < 0 ? r : set_time(dir_fd, slash ? slash + 1 : f->path, epoch, err);
}

static int write_boot_files(void *arg, struct ib_error *err)
{
	const struct boot_work *work = arg;
	cleanup_fd int root_fd = open(SB_MNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return ib_fail(err, errno, "open the tree");
	vec_foreach (const struct boot_file, f, work->files) {
		int r = write_boot_file(root_fd, f, work->epoch, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* One last layer with what the boot loader needs in the tree. */
static int add_boot_layer(struct product *p, const struct boot_file_vec *files,
			  struct ib_error *err)
{
	struct boot_work work = { .files = files, .epoch = p->job.epoch };
	struct sandbox_step step = { .name = "boot loader",
				     .layers = p->layers,
				     .side = SANDBOX_HOST,
				     .fn = write_boot_files,
				     .arg = &work,
				     .in_fd = -1,
				     .log_fd = -1,
				     .out_fd = -1 };
	struct sandbox_result result = { 0 };
	const char **lowers = arena_alloc(p->build->arena, (p->layers.len + 1) * sizeof(*lowers));
	int r = store_draft_new(p->build->store, &p->boot, err);

	if (r < 0)
		return r;
	step.layers.draft = p->boot.dir;
	r = sandbox_run(&step, p->build->arena, &result, err);
	if (r < 0)
		return r;
	lowers[0] = p->boot.dir;
	memcpy(lowers + 1, p->layers.lowers, p->layers.len * sizeof(*lowers));
	p->layers.lowers = lowers;
	p->layers.len++;
	return open_tree(p, err);
}

static int pass_boot(struct product *p, struct ib_error *err)
{
	struct boot_file_vec files = { 0 };
	int r = store_draft_new(p->build->store, &p->temp, err);

	if (r >= 0)
		r = open_tree(p, err);
	if (r < 0)
		return r;
	fill_job(p);
	vec_foreach (struct plan_disk, disk, &p->stage->disks) {
		struct boot_file_vec some = { 0 };

		r = block_boot_files(disk->layout, &p->job, &some, err);
		if (r < 0)
			return ib_wrap(err, "prepare the boot loader");
		vec_foreach (struct boot_file, f, &some)
			vec_push(p->build->arena, &files, *f);
	}
	return files.len ? add_boot_layer(p, &files, err) : 0;
}

/* A raw output is written in place; without one the disk is a file without a name in the store. */
static int open_raw(struct product *p, size_t disk, struct ib_error *err)
{
	struct raw *raw = &p->raws[disk];
	size_t at = 0;

	for (struct target *t = next_target(p, &at); t; t = next_target(p, &at)) {
		if (strcmp(t->format->name, "raw") == 0 && t->disk == disk) {
			raw->fd = t->file.fd;
			return 0;
		}
	}
	raw->fd = open(p->temp.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	raw->is_ours = raw->fd >= 0;
	return raw->fd < 0 ? ib_fail(err, errno, "make a file for the disk") : 0;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void tell(struct product *p, enum ib_event_kind kind, const char *text, uint64_t start)
{
	struct ib_event e = {
		.kind = kind, .step = p->number, .count = p->build->count, .text = text
	};

	if (start)
		e.nanoseconds = now_ns() - start;
	ib_emit(p->build->sink, &e);
}

/* Two disks may have nodes of one name. */
static void set_seed(const struct plan_disk *disk, struct disk_job *job)
{
	struct hasher *h;

	if (!disk->name)
		return;
	h = hasher_new("sha256");
	hasher_add(h, &job->seed, sizeof(job->seed));
	hasher_add(h, disk->name, strlen(disk->name));
	(void)hasher_end(h, job->seed.bytes);
	hasher_free(h);
}

static int write_disk(struct product *p, size_t i, struct ib_error *err)
{
	const struct plan_disk *disk = &p->stage->disks.items[i];
	cleanup_free char *text = ib_xprintf("write the disk%s%s", disk->name ? " " : "",
					     disk->name ? disk->name : "");
	struct disk_job job = p->job;
	uint64_t start = now_ns();
	int r;

	set_seed(disk, &job);
	tell(p, IB_EVENT_STARTED, text, 0);
	r = layout_place(disk->layout, &job, err);
	if (r >= 0)
		r = open_raw(p, i, err);
	if (r >= 0)
		r = disk_write(disk->layout, &job, p->raws[i].fd, err);
	tell(p, r < 0 ? IB_EVENT_FAILED : IB_EVENT_FINISHED, text, start);
	return r < 0 ? ib_wrap(err, "%s", text) : 0;
}

static int pass_disk(struct product *p, struct ib_error *err)
{
	size_t n = p->stage->disks.len;
	int r = 0;

	p->raws = arena_alloc(p->build->arena, (n + 1) * sizeof(*p->raws));
	for (size_t i = 0; i < n; i++)
		p->raws[i].fd = -1;
	if (n == 0 && needs_disk(p, 0))
		return ib_fail_text(err, EINVAL, "the stage has no disk layout");
	for (size_t i = 0; r >= 0 && i < n; i++) {
		p->number++;
		r = needs_disk(p, i) ? write_disk(p, i, err) : 0;
	}
	return r;
}

static int write_target(struct product *p, struct target *t, struct ib_error *err)
{
	cleanup_tree struct tree *tree = NULL;
	struct tree_options options = { .clamp = p->job.epoch };
	struct image_config config;
	int raw_fd = t->format->needs_disk ? p->raws[t->disk].fd : -1;
	struct output_job job = { .raw_fd = raw_fd,
				  .op = t->op,
				  .name = t->name,
				  .epoch = p->job.epoch,
				  .temp_dir = p->temp.dir,
				  .is_uncompressed = t->op && t->op->is_uncompressed,
				  .sink = p->build->sink };
	int r = 0;

	if (t->format->needs_disk && raw_fd == t->file.fd)
		return 0;
	if (!t->format->needs_disk)
		r = tree_open(p->root_fd, &options, &tree, err);
	if (r < 0)
		return r;
	job.tree = tree;
	target_config(p->build, t, &config);
	job.config = &config;
	return t->format->write(&job, t->format, t->file.fd, err);
}

static int pass_output(struct product *p, struct ib_error *err)
{
	size_t at = 0;

	for (struct target *t = next_target(p, &at); t; t = next_target(p, &at)) {
		cleanup_free char *text = ib_xprintf("write %s.%s", t->stem, t->format->suffix);
		uint64_t start = now_ns();
		int r;

		p->number++;
		tell(p, IB_EVENT_STARTED, text, 0);
		r = write_target(p, t, err);
		tell(p, r < 0 ? IB_EVENT_FAILED : IB_EVENT_FINISHED, text, start);
		if (r < 0)
			return ib_wrap(err, "%s", text);
	}
	return 0;
}

static int pass_publish(struct product *p, struct ib_error *err)
{
	return run_publish(&p->run, p->build->directory_fd, err);
}

/* The passes over a product, in order. Each reads what those above it made. */
static const struct {
	const char *name;
	int (*run)(struct product *p, struct ib_error *err);
	enum { EACH, PRODUCT, FILES } when; /* FILES: not where every file is up to date */
} passes[] = {
	{ "tree", pass_tree, EACH },        /* steps -> layers, as other stages see them */
	{ "finish", pass_finish, PRODUCT }, /* the rest -> tree key, environment */
	{ "boot", pass_boot, FILES },       /* boot loader's files -> one more layer */
	{ "disk", pass_disk, FILES },       /* layout_place, then the bytes of the disk */
	{ "output", pass_output, FILES },   /* files, unnamed until the caller publishes them */
	{ "publish", pass_publish, EACH },  /* what hooks wrote into the caller's directory */
};

/* What only its own passes used; its tree stays. */
static void release_files(struct product *p)
{
	if (p->root_fd >= 0)
		(void)close(p->root_fd);
	for (size_t i = 0; p->raws && i < p->stage->disks.len; i++)
		if (p->raws[i].is_ours)
			(void)close(p->raws[i].fd);
	store_draft_drop(p->build->store, &p->temp);
	store_draft_drop(p->build->store, &p->boot);
}

static void init_product(struct product *p, struct build *b, uint32_t stage,
			 struct run_tree *const *trees)
{
	*p = (struct product){ .build = b,
			       .stage = &b->plan->stages[stage],
			       .index = stage,
			       .run = RUN_INIT,
			       .boot = { NULL, -1 },
			       .temp = { NULL, -1 },
			       .root_fd = -1 };
	p->run.plan = b->plan;
	p->run.trees = trees;
	p->run.store = b->store;
	p->run.sink = b->sink;
	p->run.arena = b->arena;
	p->run.log_dir = b->log_dir;
	p->run.log_dir_fd = b->log_dir_fd;
	p->run.count = b->count;
	p->run.epoch = b->plan->epoch;
	vec_foreach (struct build_secret, s, &b->secrets)
		vec_push(b->arena, &p->run.secrets,
			 ((struct run_secret){ .id = s->id, .data = s->data, .len = s->len }));
}

static int run_passes(struct product *p, struct ib_error *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(passes); i++) {
		size_t at = 0;

		if ((passes[i].when != EACH && !p->stage->is_product) ||
		    (passes[i].when == FILES && !next_target(p, &at)))
			continue;
		r = passes[i].run(p, err);
	}
	release_files(p);
	return r;
}

static uint32_t count_steps(const struct plan *p)
{
	uint32_t n = 0;

	for (size_t i = 0; i < p->stages_len; i++)
		n += (uint32_t)p->stages[i].steps.len;
	return n;
}

/* Disk and files of a stage, as the events count them. */
static uint32_t count_files(const struct build *b, uint32_t stage)
{
	const struct plan_stage *s = &b->plan->stages[stage];
	uint32_t n = s->is_product ? (uint32_t)s->disks.len : 0;

	vec_foreach (const struct target, t, &b->targets)
		n += t->stage == stage;
	return n;
}

/* In the order of the text: what a stage needs stands before it. */
static int run_stages(struct build *b, struct product *products, struct run_tree **trees,
		      struct ib_error *err)
{
	uint32_t first = 0, number = count_steps(b->plan);
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < b->plan->stages_len; i++) {
		struct product *p = &products[i];

		p->run.first_step = first;
		p->number = number;
		trees[p->stage->ir - b->plan->ir->stages.items] = &p->tree;
		r = run_passes(p, err);
		first += (uint32_t)p->stage->steps.len;
		number += count_files(b, i);
	}
	return r;
}

static int run_products(struct build *b, struct ib_error *err)
{
	size_t n = b->plan->stages_len;
	struct product *products = arena_alloc(b->arena, n * sizeof(*products));
	struct run_tree **trees = arena_alloc(b->arena, b->plan->ir->stages.len * sizeof(*trees));
	int r;

	for (uint32_t i = 0; i < n; i++)
		init_product(&products[i], b, i, trees);
	r = run_stages(b, products, trees, err);
	for (size_t i = 0; i < n; i++)
		run_release(&products[i].run);
	return r;
}

static int prepare(struct build *b, struct ib_error *err)
{
	(void)umask(022);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	store_move(b->store, SB_STORE);
	if (mkdir(SB_CACHE "/.imagebuild-locks", 0755) < 0 && errno != EEXIST)
		return ib_fail(err, errno, "make the directory of locks");
	return store_clean(b->store, err);
}

int supervise(void *arg)
{
	struct build *b = arg;
	struct ib_sink sink = relay_sink(b);
	struct ib_error err = IB_ERROR_INIT;
	int r;

	b->sink = &sink;
	b->plan->statcache = b->store;
	b->plan->is_running = true;
	r = prepare(b, &err);
	if (r >= 0)
		r = run_products(b, &err);
	if (r < 0)
		relay_error(b, &err);
	return r < 0 ? 1 : 0;
}
