/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a build makes: their names, whether they are there already, how they get there. */
#include "build_internal.h"

#include "block/block.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_FORMAT "imagebuild output 1"

static const struct ib_op *next_output(const struct ib_stage *stage, size_t *at)
{
	while (*at < stage->ops.len) {
		const struct ib_op *op = &stage->ops.items[(*at)++];

		if (op->code == IB_OP_OUTPUT)
			return op;
	}
	return NULL;
}

static size_t products(const struct plan *p)
{
	size_t n = 0;

	for (uint32_t i = 0; i < p->stages_len; i++)
		n += p->stages[i].is_product;
	return n;
}

/* "-o image.qcow2" with one format means image, as in dib. */
static const char *strip_suffix(struct build *b, const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	if (n > m + 1 && name[n - m - 1] == '.' && strcmp(name + n - m, suffix) == 0)
		return arena_strndup(b->arena, name, n - m - 1);
	return name;
}

static int add_file(struct build *b, struct target t, struct ib_error *err)
{
	const char *suffix = t.format->suffix;

	t.path = t.stem[0] == '/' ? arena_printf(b->arena, "%s.%s", t.stem, suffix)
				  : arena_printf(b->arena, "%s/%s.%s", b->plan->options->directory,
						 t.stem, suffix);
	for (size_t i = 0; i < b->targets.len; i++) {
		if (strcmp(b->targets.items[i].path, t.path) != 0)
			continue;
		err->exit = IB_EXIT_INPUT;
		(void)ib_fail_text(err, EEXIST, "two outputs would be written to '%s'", t.path);
		return ib_hint(err, "give each OUTPUT a --name of its own");
	}
	t.has_before = stat(t.path, &t.before) == 0;
	vec_push(b->arena, &b->targets, t);
	return 0;
}

/* T's file, or one for each of several disks: NAME-DISK.EXT. */
static int add_files(struct build *b, const struct target *t, struct ib_error *err)
{
	const struct plan_disk_vec *disks = &b->plan->stages[t->stage].disks;
	size_t n = t->format->needs_disk && disks->len ? disks->len : 1;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const char *disk = disks->len ? disks->items[i].name : NULL;
		struct target file = *t;

		file.disk = (uint32_t)i;
		file.stem = disk && t->format->needs_disk
				    ? arena_printf(b->arena, "%s-%s", t->name, disk)
				    : t->name;
		r = add_file(b, file, err);
	}
	return r;
}

static int add_target(struct build *b, uint32_t stage, const struct ib_op_output *op,
		      const char *format_name, bool is_only, struct ib_error *err)
{
	const struct output_format *f = output_find(format_name);
	struct target t = { .stage = stage, .op = op, .format = f, .file = { -1, -1, NULL, NULL } };

	if (!f || f->is_later) {
		err->exit = f ? IB_EXIT_INPUT : IB_EXIT_USAGE;
		return ib_fail_text(err, EINVAL,
				    f ? "format '%s' is not built yet" : "unknown format '%s'",
				    format_name);
	}
	t.name = ib_output_name(b->plan->ir, b->plan->stages[stage].ir, op,
				b->plan->options->output_name, b->arena);
	if (t.name[strlen(t.name) - 1] == '/') {
		err->exit = IB_EXIT_USAGE;
		(void)ib_fail_text(err, EINVAL, "the image's name '%s' ends in '/'", t.name);
		return ib_hint(err, "write the name behind it, as in %simage", t.name);
	}
	if (is_only)
		t.name = strip_suffix(b, t.name, f->suffix);
	return add_files(b, &t, err);
}

/* -t replaces the formats of the first OUTPUT and keeps its flags. */
static int add_chosen(struct build *b, uint32_t stage, const struct ib_op_output *op,
		      struct ib_error *err)
{
	const struct str_vec *formats = &b->plan->options->formats;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < formats->len; i++)
		r = add_target(b, stage, op, formats->items[i], formats->len == 1, err);
	return r;
}

static int add_stage(struct build *b, uint32_t stage, struct ib_error *err)
{
	const struct ib_stage *ir = b->plan->stages[stage].ir;
	size_t at = 0;
	const struct ib_op *op = next_output(ir, &at);
	int r = 0;

	if (b->plan->options->formats.len)
		return add_chosen(b, stage, op ? &op->output : NULL, err);
	if (!op)
		return add_target(b, stage, NULL, "qcow2", true, err);
	for (; op && r >= 0; op = next_output(ir, &at)) {
		size_t n = op->output.formats.len;

		for (size_t i = 0; r >= 0 && i < n; i++) {
			r = add_target(b, stage, &op->output, op->output.formats.items[i].text,
				       n == 1, err);
			if (r < 0)
				err->at = op->output.formats.items[i].at;
		}
	}
	return r;
}

int targets_collect(struct build *b, struct ib_error *err)
{
	if (b->plan->options->output_name && products(b->plan) > 1) {
		err->exit = IB_EXIT_USAGE;
		return ib_fail_text(err, EINVAL, "-o names one image, but the recipe makes %zu",
				    products(b->plan));
	}
	for (uint32_t i = 0; i < b->plan->stages_len; i++) {
		int r = b->plan->stages[i].is_product ? add_stage(b, i, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int ib_build_outputs(struct plan *plan, struct arena *a, struct str_vec *ret_paths,
		     struct ib_error *err)
{
	struct build b = { .plan = plan, .arena = a };
	int r = targets_collect(&b, err);

	if (r < 0)
		return r;
	vec_foreach (struct target, t, &b.targets)
		vec_push(a, ret_paths, t->path);
	return 0;
}

int targets_open(struct build *b, struct ib_error *err)
{
	vec_foreach (struct target, t, &b->targets) {
		int r = output_open(t->path, &t->file, err);

		if (r < 0) {
			err->exit = IB_EXIT_USAGE;
			return r;
		}
		t->is_open = true;
	}
	return 0;
}

void targets_drop(struct build *b)
{
	vec_foreach (struct target, t, &b->targets) {
		if (t->is_open)
			output_drop(&t->file);
		t->is_open = false;
	}
}

static void fingerprint(const struct stat *st, const char *path, struct buf *out)
{
	buf_printf(out, "%llx %llx %lld %lld.%09ld %lld.%09ld %s\n", (unsigned long long)st->st_dev,
		   (unsigned long long)st->st_ino, (long long)st->st_size,
		   (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		   (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, path);
}

static void add_text(struct hasher *h, const char *s)
{
	hasher_add(h, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void add_config(struct hasher *h, const struct build *b, const struct target *t)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct image_config config;

	target_config(b, t, &config);
	image_config_json(&config, 0, "", &text);
	add_text(h, text.data);
}

static void target_key(const struct build *b, struct target *t, const struct digest *tree_key,
		       int64_t epoch)
{
	const struct plan_stage *stage = &b->plan->stages[t->stage];
	cleanup_buf struct buf layout = BUF_INIT;
	struct hasher *h = hasher_new("sha256");

	vec_foreach (const struct plan_disk, disk, &stage->disks)
		layout_emit(disk->layout, &layout);
	hasher_add(h, OUTPUT_FORMAT, sizeof(OUTPUT_FORMAT));
	hasher_add(h, tree_key, sizeof(*tree_key));
	hasher_add(h, &stage->last_key, sizeof(stage->last_key));
	hasher_add(h, &epoch, sizeof(epoch));
	add_text(h, layout.data);
	add_text(h, t->format->name);
	add_text(h, t->path);
	for (size_t i = 0; t->op && i < t->op->options.len; i++) {
		add_text(h, t->op->options.items[i].key);
		add_text(h, t->op->options.items[i].value);
	}
	for (size_t i = 0; t->op && i < t->op->tags.len; i++)
		add_text(h, t->op->tags.items[i]);
	if (t->format->has_config)
		add_config(h, b, t);
	add_text(h, t->op && t->op->is_uncompressed ? "uncompressed" : NULL);
	(void)hasher_end(h, t->key.bytes);
	hasher_free(h);
}

static bool has_sum(const struct target *t, bool is_wanted, const char *suffix)
{
	cleanup_free char *path = ib_xprintf("%s.%s", t->path, suffix);

	return !is_wanted || access(path, F_OK) == 0;
}

void target_check(struct build *b, struct target *t, const struct digest *tree_key, int64_t epoch)
{
	cleanup_free char *have = NULL;
	cleanup_buf struct buf want = BUF_INIT;

	target_key(b, t, tree_key, epoch);
	t->is_current = false;
	if (!t->has_before || store_record_get(b->store, "output", &t->key, &have) < 0)
		return;
	fingerprint(&t->before, t->path, &want);
	t->is_current = strcmp(have, want.data) == 0 &&
			has_sum(t, t->op && t->op->has_md5, "md5") &&
			has_sum(t, t->op && t->op->has_sha256, "sha256");
}

static int publish(struct build *b, struct target *t, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct ib_event e = { .kind = IB_EVENT_WROTE, .text = t->path };
	/* As it was given: the checksums of two directories are the same. */
	cleanup_free char *given = ib_xprintf("%s.%s", t->stem, t->format->suffix);
	struct stat st;
	int r = output_publish(&t->file, given, t->op && t->op->has_md5, t->op && t->op->has_sha256,
			       err);

	if (r < 0)
		return r;
	if (stat(t->path, &st) < 0)
		return ib_fail(err, errno, "stat '%s'", t->path);
	fingerprint(&st, t->path, &text);
	r = store_record_put(b->store, "output", &t->key, text.data, err);
	if (r < 0)
		return r;
	e.bytes = (uint64_t)st.st_size;
	ib_emit(b->sink, &e);
	return 0;
}

int targets_publish(struct build *b, struct ib_error *err)
{
	vec_foreach (struct target, t, &b->targets) {
		struct ib_event e = { .kind = IB_EVENT_NOTE };
		cleanup_free char *text = NULL;
		int r;

		if (t->is_current) {
			text = ib_xprintf("'%s' is up to date", t->path);
			e.text = text;
			ib_emit(b->sink, &e);
			continue;
		}
		r = publish(b, t, err);
		if (r < 0)
			return ib_wrap(err, "write '%s'", t->path);
	}
	return 0;
}
