/* SPDX-License-Identifier: Apache-2.0 */
/* SARIF 2.1.0 (OASIS standard, 27 March 2020). Numbers in parentheses are its sections. */
#include "lint/format.h"

#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/jsonout.h>

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#define PAGE_MAX 65536 /* bytes of a rule's page */

struct sarif {
	const struct lint *l;
	struct arena *arena;
	struct jsonout j;
	struct lint_rule_info_vec known;
	struct lint_rule_info_vec used; /* "rules": those that have a result */
};

/* An URI reference (RFC 3986, 4.1) of a path: what is not unreserved is percent-encoded (2.3), also
 * ':', which would end a scheme. An absolute path gets the scheme file. */
static const char *uri(struct sarif *s, const char *path)
{
	cleanup_buf struct buf out = BUF_INIT;

	path = lint_report_path(path);
	if (*path == '/')
		buf_str(&out, "file://");
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("-._~/", *path))
			buf_char(&out, *path);
		else
			buf_printf(&out, "%%%02X", (unsigned char)*path);
	}
	return arena_strndup(s->arena, out.data ? out.data : "", out.len);
}

static void text(struct jsonout *j, const char *key, const char *value)
{
	json_object(j, key);
	json_str(j, "text", value);
	json_object_end(j);
}

static const char *level(enum ib_severity severity)
{
	return severity >= IB_WARNING ? lint_level_name(severity) : "note";
}

/* "UnusedArg" of UNUSED_ARG */
static const char *pascal(struct sarif *s, const char *slug)
{
	char *name = arena_strdup(s->arena, slug), *to = name;

	for (const char *from = slug; *from; from++)
		if (*from != '_')
			*to++ = from == slug || from[-1] == '_'
					? *from
					: (char)tolower((unsigned char)*from);
	*to = '\0';
	return name;
}

/* The index of ROW in "rules" (3.27.6); it gets there when it is first used. */
static size_t rule_index(struct sarif *s, const struct ib_diag_row *row)
{
	size_t i = 0;

	while (i < s->used.len && s->used.items[i].row->id != row->id)
		i++;
	if (i < s->used.len)
		return i;
	vec_foreach (struct lint_rule_info, info, &s->known)
		if (info->row->id == row->id)
			vec_push(s->arena, &s->used, *info);
	return i;
}

/* A rule's page, in the arena; "" where it has none. */
static const char *page_of(struct sarif *s, const struct ib_diag_row *row)
{
	const char *path = lint_page(row, s->arena);
	cleanup_free char *page = NULL;
	struct ib_error err = IB_ERROR_INIT;
	size_t n;

	if (!path || fs_read_at(AT_FDCWD, path, PAGE_MAX, &page, &n, &err) < 0)
		return "";
	return arena_strndup(s->arena, page, n);
}

/* What the page says below its heading, the summary, or the rule's name. */
static const char *description(struct sarif *s, const struct lint_rule_info *rule, const char *page)
{
	const char *below = strstr(page, "\n\n");

	if (below)
		return arena_strndup(s->arena, below + 2, strcspn(below + 2, "\n"));
	return rule->summary ? rule->summary : lint_slug(rule->row, s->arena);
}

/* A reportingDescriptor (3.49). */
static void rule(struct sarif *s, const struct lint_rule_info *info)
{
	const char *page = page_of(s, info->row);
	struct jsonout *j = &s->j;

	json_object(j, NULL);
	json_str(j, "id", arena_printf(s->arena, "IB%d", info->row->id));
	json_str(j, "name", pascal(s, info->row->slug));
	text(j, "shortDescription", info->summary ? info->summary : description(s, info, page));
	text(j, "fullDescription", description(s, info, page));
	if (*page) {
		json_object(j, "help");
		json_str(j, "text", page);
		json_str(j, "markdown", page);
		json_object_end(j);
	}
	json_object(j, "defaultConfiguration");
	json_str(j, "level", level(info->row->severity));
	json_object_end(j);
	json_object_end(j);
}

static void driver(struct sarif *s)
{
	struct jsonout *j = &s->j;

	json_object(j, "tool");
	json_object(j, "driver");
	json_str(j, "name", "imagebuild");
	json_str(j, "fullName", "imagebuild lint " IMAGEBUILD_VERSION);
	json_str(j, "version", IMAGEBUILD_VERSION);
	json_array(j, "rules");
	vec_foreach (struct lint_rule_info, info, &s->used)
		rule(s, info);
	json_array_end(j);
	json_object_end(j);
	json_object_end(j);
}

static void artifact(struct sarif *s, const char *key, const char *file)
{
	json_object(&s->j, key);
	json_str(&s->j, "uri", uri(s, file));
	json_object_end(&s->j);
}

static void region(struct sarif *s, const char *key, const struct lint_region *at)
{
	json_object(&s->j, key);
	json_u64(&s->j, "startLine", at->line);
	json_u64(&s->j, "startColumn", at->column);
	json_u64(&s->j, "endLine", at->end_line);
	json_u64(&s->j, "endColumn", at->end_column);
	json_object_end(&s->j);
}

/* A location (3.28); MESSAGE may be NULL. */
static void location(struct sarif *s, struct ib_span at, const char *file, const char *message)
{
	struct lint_region where = lint_region(s->l, at);

	json_object(&s->j, NULL);
	json_object(&s->j, "physicalLocation");
	artifact(s, "artifactLocation", file ? file : where.file);
	region(s, "region", &where);
	json_object_end(&s->j);
	if (message)
		text(&s->j, "message", message);
	json_object_end(&s->j);
}

static void locations(struct sarif *s, const struct lint_result *r)
{
	json_array(&s->j, "locations");
	location(s, r->finding->at, r->file, NULL);
	json_array_end(&s->j);
	if (!r->finding->notes.len)
		return;
	json_array(&s->j, "relatedLocations");
	vec_foreach (const struct ib_note, note, &r->finding->notes)
		location(s, note->at, NULL, note->text);
	json_array_end(&s->j);
}

/* (3.35): why a result is not shown. The property is there for all results or for none (3.27.23).
 */
static void suppressions(struct sarif *s, const struct lint_result *r)
{
	bool is_comment = r->state == LINT_SUPPRESSED;

	json_array(&s->j, "suppressions");
	if (r->state != LINT_SHOWN) {
		json_object(&s->j, NULL);
		json_str(&s->j, "kind", is_comment ? "inSource" : "external");
		if (r->reason || !is_comment)
			json_str(&s->j, "justification", r->reason ? r->reason : "in the baseline");
		json_object_end(&s->j);
	}
	json_array_end(&s->j);
}

/* The edits of one file from E on, as an artifactChange (3.56); returns the first one of another
 * file. */
static const struct ib_edit *change(struct sarif *s, const struct ib_edit *e,
				    const struct ib_edit *end)
{
	struct lint_region at = lint_region(s->l, e->at);
	const char *file = at.file;

	json_object(&s->j, NULL);
	artifact(s, "artifactLocation", file);
	json_array(&s->j, "replacements");
	for (; e < end; e++) {
		at = lint_region(s->l, e->at);
		if (strcmp(at.file, file) != 0)
			break;
		json_object(&s->j, NULL);
		region(s, "deletedRegion", &at);
		text(&s->j, "insertedContent", e->text);
		json_object_end(&s->j);
	}
	json_array_end(&s->j);
	json_object_end(&s->j);
	return e;
}

/* (3.55). One that sets execute bits cannot be said. */
static void fixes(struct sarif *s, const struct ib_finding *f)
{
	const struct ib_edit *end = f->edits.items + f->edits.len;

	vec_foreach (const struct ib_edit, e, &f->edits)
		if (!e->text)
			return;
	if (!f->edits.len)
		return;
	json_array(&s->j, "fixes");
	json_object(&s->j, NULL);
	text(&s->j, "description", f->hints.len ? f->hints.items[0].text : "what --fix writes");
	json_array(&s->j, "artifactChanges");
	for (const struct ib_edit *e = f->edits.items; e < end;)
		e = change(s, e, end);
	json_array_end(&s->j);
	json_object_end(&s->j);
	json_array_end(&s->j);
}

static void message(struct sarif *s, const struct ib_finding *f)
{
	cleanup_buf struct buf out = BUF_INIT;

	buf_str(&out, f->text);
	vec_foreach (const struct ib_note, hint, &f->hints)
		buf_printf(&out, "\n%s", hint->text);
	text(&s->j, "message", out.data);
}

static void result(struct sarif *s, const struct lint_result *r)
{
	const struct ib_finding *f = r->finding;
	struct jsonout *j = &s->j;
	char hex[33];

	lint_fingerprint(s->l, r, hex);
	json_object(j, NULL);
	json_str(j, "ruleId", arena_printf(s->arena, "IB%d", f->row->id));
	json_u64(j, "ruleIndex", rule_index(s, f->row));
	json_str(j, "level", level(r->severity));
	message(s, f);
	locations(s, r);
	json_object(j, "partialFingerprints");
	json_str(j, "imagebuildFinding/v1", hex);
	json_object_end(j);
	suppressions(s, r);
	fixes(s, f);
	json_object_end(j);
}

static void run(struct sarif *s)
{
	struct jsonout *j = &s->j;

	json_object(j, NULL);
	json_str(j, "columnKind", "unicodeCodePoints");
	json_array(j, "artifacts");
	vec_foreach (const char *, file, lint_files(s->l)) {
		json_object(j, NULL);
		artifact(s, "location", *file);
		json_object_end(j);
	}
	json_array_end(j);
	json_array(j, "results");
	vec_foreach (const struct lint_result, r, lint_results(s->l))
		result(s, r);
	json_array_end(j);
	driver(s);
	json_object_end(j);
}

void lint_write_sarif(const struct lint *l, struct buf *out, bool has_color)
{
	struct sarif s = { .l = l, .arena = arena_new(), .j = JSONOUT_INIT(out) };

	(void)has_color;
	lint_rules(s.arena, &s.known);
	json_object(&s.j, NULL);
	json_str(&s.j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_str(&s.j, "version", "2.1.0");
	json_array(&s.j, "runs");
	run(&s);
	json_array_end(&s.j);
	json_object_end(&s.j);
	arena_free(s.arena);
}
