/* SPDX-License-Identifier: Apache-2.0 */
/* json (docs/schema/lint.schema.json), and GitLab's code quality report. */
#include "lint/format.h"

#include <imagebuild/jsonout.h>

static void region(struct jsonout *j, const struct lint_region *at, const char *file)
{
	json_str(j, "file", file);
	json_u64(j, "line", at->line);
	json_u64(j, "column", at->column);
	json_u64(j, "end_line", at->end_line);
	json_u64(j, "end_column", at->end_column);
}

static void notes(const struct lint *l, const struct ib_finding *f, struct jsonout *j)
{
	json_array(j, "hints");
	vec_foreach (const struct ib_note, hint, &f->hints)
		json_str(j, NULL, hint->text);
	json_array_end(j);
	json_array(j, "notes");
	vec_foreach (const struct ib_note, note, &f->notes) {
		struct lint_region at = lint_region(l, note->at);

		json_object(j, NULL);
		region(j, &at, at.file);
		json_str(j, "message", note->text);
		json_object_end(j);
	}
	json_array_end(j);
}

static void edits(const struct lint *l, const struct ib_finding *f, struct jsonout *j)
{
	json_array(j, "edits");
	vec_foreach (const struct ib_edit, edit, &f->edits) {
		struct lint_region at = lint_region(l, edit->at);

		json_object(j, NULL);
		region(j, &at, at.file);
		json_str(j, "text", edit->text);
		json_object_end(j);
	}
	json_array_end(j);
}

static void finding(const struct lint *l, const struct lint_result *r, struct jsonout *j,
		    struct arena *a)
{
	const struct ib_finding *f = r->finding;
	struct lint_region at = lint_region(l, f->at);
	char hex[33];

	lint_fingerprint(l, r, hex);
	json_object(j, NULL);
	json_str(j, "rule", arena_printf(a, "IB%d", f->row->id));
	json_str(j, "name", lint_slug(f->row, a));
	json_str(j, "severity", lint_level_name(r->severity));
	json_str(j, "message", f->text);
	region(j, &at, r->file);
	json_str(j, "fingerprint", hex);
	notes(l, f, j);
	edits(l, f, j);
	if (r->state != LINT_SHOWN) {
		json_str(j, "by", r->state == LINT_SUPPRESSED ? "comment" : "baseline");
		json_str(j, "reason", r->reason);
	}
	json_object_end(j);
}

static void findings(const struct lint *l, bool is_shown, struct jsonout *j, struct arena *a)
{
	json_array(j, is_shown ? "findings" : "silenced");
	vec_foreach (const struct lint_result, r, lint_results(l))
		if ((r->state == LINT_SHOWN) == is_shown)
			finding(l, r, j, a);
	json_array_end(j);
}

void lint_write_json(const struct lint *l, struct buf *out, bool has_color)
{
	cleanup_arena struct arena *a = arena_new();
	struct jsonout j = JSONOUT_INIT(out);

	(void)has_color;
	json_object(&j, NULL);
	json_u64(&j, "version", 1);
	json_array(&j, "files");
	vec_foreach (const char *, file, lint_files(l))
		json_str(&j, NULL, *file);
	json_array_end(&j);
	findings(l, true, &j, a);
	findings(l, false, &j, a);
	json_object_end(&j);
}

static void gitlab_issue(const struct lint *l, const struct lint_result *r, struct jsonout *j,
			 struct arena *a)
{
	static const char *const severities[] = { [IB_STYLE] = "info",
						  [IB_INFO] = "minor",
						  [IB_WARNING] = "major",
						  [IB_ERROR] = "critical" };
	struct lint_region at = lint_region(l, r->finding->at);
	char hex[33];

	lint_fingerprint(l, r, hex);
	json_object(j, NULL);
	json_str(j, "description", r->finding->text);
	json_str(j, "check_name", arena_printf(a, "IB%d", r->finding->row->id));
	json_str(j, "fingerprint", hex);
	json_str(j, "severity", severities[r->severity]);
	json_object(j, "location");
	json_str(j, "path", lint_report_path(r->file));
	json_object(j, "lines");
	json_u64(j, "begin", at.line);
	json_u64(j, "end", at.end_line);
	json_object_end(j);
	json_object_end(j);
	json_object_end(j);
}

void lint_write_gitlab(const struct lint *l, struct buf *out, bool has_color)
{
	cleanup_arena struct arena *a = arena_new();
	struct jsonout j = JSONOUT_INIT(out);

	(void)has_color;
	json_array(&j, NULL);
	vec_foreach (const struct lint_result, r, lint_results(l))
		if (r->state == LINT_SHOWN)
			gitlab_issue(l, r, &j, a);
	json_array_end(&j);
}
