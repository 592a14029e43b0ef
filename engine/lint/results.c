/* SPDX-License-Identifier: Apache-2.0 */
/* From findings to results: levels, suppressions, the baseline; the edits written back. */
#include "lint/private.h"

#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define BASELINE_MAX (64u << 20)

static struct lint_input *input_of(const struct lint *l, const char *file)
{
	return map_get(&l->inputs, intern_str(l->names, file));
}

/* What the configuration says of ROW; IB_NOTE: off. What the compiler calls an error is one. */
static int level_of(const struct lint *l, const struct lint_input *in,
		    const struct ib_diag_row *row)
{
	const int *level;

	if (lint_is_fixed(row))
		return IB_ERROR;
	level = in ? map_get(&in->config->levels, intern_str(l->names, row->slug)) : NULL;
	if (level)
		return *level;
	return lint_is_optional(row) ? IB_NOTE : (int)row->severity;
}

/* The place behind the last byte. */
static void locate_end(const struct lint *l, struct lint_result *r)
{
	const struct ib_span at = r->finding->at;
	struct ib_place place;

	r->end_line = r->line;
	r->end_column = r->column;
	if (at.end > at.start && ib_sources_locate(l->sources, at.end - 1, &place)) {
		r->end_line = place.line;
		r->end_column = place.column + 1;
	}
}

static void add_result(struct lint *l, const struct ib_finding *f)
{
	struct lint_result r = { .finding = f };
	const struct lint_input *in;
	struct ib_place place;
	int level;

	/* what a conversion leaves out is no mistake of its input */
	if (f->row->id == IB_D_LEFT_OUT || f->row->id == IB_D_GUESS)
		return;
	if (f->row->severity == IB_NOTE || !ib_sources_locate(l->sources, f->at.start, &place))
		return;
	in = input_of(l, place.file);
	/* what we do not build yet is no mistake of an element's */
	if (f->row->id == IB_D_NOT_BUILT_YET && in && !in->recipe)
		return;
	level = level_of(l, in, f->row);
	if (level == IB_NOTE || (!in && level < IB_ERROR))
		return;
	r.severity = (enum ib_severity)level;
	r.file = in ? in->name : intern_str(l->names, place.file);
	r.line = place.line;
	r.column = place.column;
	locate_end(l, &r);
	vec_push(l->arena, &l->results, r);
}

static int by_place(const void *x, const void *y)
{
	const struct lint_result *a = x, *b = y;
	uint32_t p = a->finding->at.start, q = b->finding->at.start;

	if (p != q)
		return p < q ? -1 : 1;
	return a->finding->row->id - b->finding->row->id;
}

static void collect(struct lint *l, size_t first)
{
	const struct ib_finding_vec *findings = ib_diag_sorted(l->diag);

	vec_foreach (struct ib_finding *, f, findings)
		if ((*f)->number >= first)
			add_result(l, *f);
	if (l->results.len)
		qsort(l->results.items, l->results.len, sizeof(*l->results.items), by_place);
}

/* The baseline of R's file: the command line's, else the configuration's. */
static const char *baseline_of(const struct lint *l, const struct lint_result *r)
{
	const struct lint_input *in = input_of(l, r->file);
	const char *slash;

	if (l->settings->baseline)
		return l->settings->baseline;
	if (!in || !in->config->baseline)
		return NULL;
	slash = strrchr(in->config->file, '/');
	if (in->config->baseline[0] == '/' || !slash)
		return in->config->baseline;
	return arena_printf(l->arena, "%.*s/%s", (int)(slash - in->config->file), in->config->file,
			    in->config->baseline);
}

/* The fingerprints in PATH, as keys; NULL with ERR set. */
static struct map *read_baseline(struct lint *l, const char *path, struct ib_error *err)
{
	void **slot = map_put(l->arena, &l->baselines, intern_str(l->names, path));
	cleanup_free char *text = NULL;
	struct map *known = *slot;
	size_t n = 0;

	if (known)
		return known;
	if (fs_read_at(AT_FDCWD, path, BASELINE_MAX, &text, &n, err) < 0) {
		err->exit = IB_EXIT_USAGE;
		(void)ib_hint(err, "`imagebuild lint --format baseline=%s` writes one", path);
		return NULL;
	}
	known = arena_alloc(l->arena, sizeof(*known));
	*known = (struct map){ NULL, 0, 0 };
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strcspn(line, " \n") == 32)
			*map_put(l->arena, known, intern_bytes(l->names, line, 32)) = known;
	*slot = known;
	return known;
}

static int hide_known(struct lint *l, struct ib_error *err)
{
	vec_foreach (struct lint_result, r, &l->results) {
		const char *path = r->state == LINT_SHOWN ? baseline_of(l, r) : NULL;
		const struct map *known = path ? read_baseline(l, path, err) : NULL;
		char hex[33];

		if (path && !known)
			return -1;
		if (!known || lint_is_fixed(r->finding->row))
			continue;
		lint_fingerprint(l, r, hex);
		if (map_get(known, intern_str(l->names, hex)))
			r->state = LINT_IN_BASELINE;
	}
	return 0;
}

int lint_finish(struct lint *l, struct ib_error *err)
{
	size_t first;

	lint_shellcheck(l);
	collect(l, 0);
	first = ib_diag_count(l->diag);
	lint_suppress(l);
	collect(l, first);
	lint_number(l);
	return hide_known(l, err);
}

void lint_baseline(const struct lint *l, struct buf *out, bool has_color)
{
	(void)has_color;
	buf_str(out, "# findings that `imagebuild lint --baseline` hides\n");
	vec_foreach (struct lint_result, r, &l->results) {
		char hex[33];

		if (r->state == LINT_SUPPRESSED || lint_is_fixed(r->finding->row))
			continue;
		lint_fingerprint(l, r, hex);
		buf_printf(out, "%s IB%d %s\n", hex, r->finding->row->id, r->file);
	}
}

const char *lint_note(const struct lint *l)
{
	return l->note;
}

int lint_status(const struct lint *l)
{
	vec_foreach (struct lint_result, r, &l->results) {
		const struct lint_input *in = input_of(l, r->file);
		int level = l->settings->fail_level;

		if (level < 0 && in)
			level = in->config->fail_level;
		if (r->state == LINT_SHOWN && (int)r->severity >= (level < 0 ? IB_WARNING : level))
			return IB_EXIT_INPUT;
	}
	return IB_EXIT_OK;
}

/* The edits of one file, in order, those of a finding all or none. */
struct file_edits {
	struct ib_edit_vec edits;
	bool is_made_executable;
	size_t findings;
};

static bool overlaps(const struct ib_edit_vec *done, const struct ib_edit *e)
{
	vec_foreach (struct ib_edit, d, done)
		if (e->at.start < d->at.end && d->at.start < e->at.end)
			return true;
	return false;
}

static bool fits(const struct file_edits *done, const struct ib_finding *f)
{
	vec_foreach (struct ib_edit, e, &f->edits) {
		if (e->text && overlaps(&done->edits, e))
			return false;
		/* two insertions at one place: the second waits for the next run */
		vec_foreach (struct ib_edit, d, &done->edits)
			if (e->text && d->at.start == e->at.start)
				return false;
	}
	return true;
}

static int by_start(const void *x, const void *y)
{
	const struct ib_edit *a = x, *b = y;

	return a->at.start < b->at.start ? -1 : a->at.start > b->at.start;
}

static void gather(struct lint *l, const struct lint_input *in, struct file_edits *ret)
{
	vec_foreach (struct lint_result, r, &l->results) {
		const struct ib_finding *f = r->finding;

		if (r->state != LINT_SHOWN || strcmp(r->file, in->name) != 0 || !f->edits.len ||
		    !fits(ret, f))
			continue;
		ret->findings++;
		vec_foreach (struct ib_edit, e, &f->edits) {
			if (e->text)
				vec_push(l->arena, &ret->edits, *e);
			else
				ret->is_made_executable = true;
		}
	}
	if (ret->edits.len)
		qsort(ret->edits.items, ret->edits.len, sizeof(*ret->edits.items), by_start);
}

static int rewrite(struct lint *l, const struct lint_input *in, const struct file_edits *edits,
		   struct ib_error *err)
{
	cleanup_free char *path = realpath(in->path, NULL);
	cleanup_buf struct buf text = BUF_INIT;
	uint32_t at = in->text.start;
	struct stat st;
	mode_t mode;

	if (!path || stat(path, &st) < 0)
		return ib_fail(err, errno, "find '%s'", in->path);
	mode = st.st_mode & 07777;
	if (edits->is_made_executable)
		mode |= 0111 & ((mode & 0444) >> 2);
	vec_foreach (struct ib_edit, e, &edits->edits) {
		buf_add(&text, ib_sources_text(l->sources, (struct ib_span){ at, e->at.start }),
			e->at.start - at);
		buf_str(&text, e->text);
		at = e->at.end;
	}
	buf_add(&text, ib_sources_text(l->sources, (struct ib_span){ at, in->text.end }),
		in->text.end - at);
	return fs_write_at(AT_FDCWD, path, text.data ? text.data : "", text.len, mode, err);
}

int lint_fix(struct lint *l, size_t *ret_fixed, struct ib_error *err)
{
	*ret_fixed = 0;
	vec_foreach (const char *, name, &l->files) {
		const struct lint_input *in = input_of(l, *name);
		struct file_edits edits = { { NULL, 0, 0 }, false, 0 };

		if (!in->path)
			continue;
		gather(l, in, &edits);
		if (!edits.findings)
			continue;
		if (rewrite(l, in, &edits, err) < 0)
			return -1;
		*ret_fixed += edits.findings;
	}
	return 0;
}
