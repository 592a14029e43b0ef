/* SPDX-License-Identifier: Apache-2.0 */
/* The formats in XML: checkstyle's report (checkstyle-report-1.0.0) and JUnit's, as Ant's task
 * first wrote it and Jenkins and GitLab read it. */
#include "lint/format.h"

#include <imagebuild/utf8.h>

#include <string.h>

/* Whether XML 1.0 has the character of LEN bytes at C, which is UTF-8: no C0 but blanks, no U+FFFE
 * and U+FFFF. */
static bool is_xml(const char *c, size_t len)
{
	if (len == 1)
		return (unsigned char)*c >= 0x20 || strchr("\t\n\r", *c);
	return len != 3 || (memcmp(c, "\xef\xbf\xbe", 3) != 0 && memcmp(c, "\xef\xbf\xbf", 3) != 0);
}

/* Appends N bytes at S of text or of an attribute's value: markup and blanks that XML would change
 * as references, characters that XML cannot hold as U+FFFD. XML 1.0, 2.2 and 3.3.3. */
static void xml(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = utf8_len(s + i, n - i);
		if (!len || !s[i] || !is_xml(s + i, len))
			buf_str(out, "\xef\xbf\xbd");
		else if (strchr("&<>\"'\t\n\r\x7f", s[i]))
			buf_printf(out, "&#%d;", s[i]);
		else
			buf_add(out, s + i, len);
	}
}

static void attribute(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s=\"", name);
	xml(out, value, strlen(value));
	buf_char(out, '"');
}

/* The finding's text and what to do, on a line each. */
static void message(struct buf *out, const struct ib_finding *f)
{
	xml(out, f->text, strlen(f->text));
	vec_foreach (const struct ib_note, hint, &f->hints) {
		buf_str(out, "&#10;");
		xml(out, hint->text, strlen(hint->text));
	}
}

static void checkstyle_error(const struct lint *l, const struct lint_result *r, struct buf *out)
{
	struct lint_region at = lint_region(l, r->finding->at);
	enum ib_severity severity = r->severity == IB_STYLE ? IB_INFO : r->severity;

	buf_printf(out, "    <error line=\"%u\" column=\"%u\" severity=\"%s\" message=\"", at.line,
		   at.column, lint_level_name(severity));
	message(out, r->finding);
	buf_printf(out, "\" source=\"imagebuild.IB%d\"/>\n", r->finding->row->id);
}

static void checkstyle_file(const struct lint *l, const struct lint_file_results *f,
			    struct buf *out)
{
	buf_str(out, "  <file");
	attribute(out, "name", lint_report_path(f->file));
	buf_str(out, ">\n");
	vec_foreach (const struct lint_result *, r, &f->results)
		if ((*r)->state == LINT_SHOWN)
			checkstyle_error(l, *r, out);
	buf_str(out, "  </file>\n");
}

static void each_file(const struct lint *l, struct buf *out,
		      void (*write)(const struct lint *, const struct lint_file_results *,
				    struct buf *))
{
	cleanup_arena struct arena *a = arena_new();
	struct lint_file_results_vec files = { 0 };

	lint_by_file(l, a, &files);
	vec_foreach (struct lint_file_results, f, &files)
		write(l, f, out);
}

void lint_write_checkstyle(const struct lint *l, struct buf *out, bool has_color)
{
	(void)has_color;
	buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">\n");
	each_file(l, out, checkstyle_file);
	buf_str(out, "</checkstyle>\n");
}

/* A silenced finding is a test that was skipped. */
static void junit_case(const struct lint *l, const struct lint_result *r, struct buf *out)
{
	struct lint_region at = lint_region(l, r->finding->at);
	const struct ib_diag_row *row = r->finding->row;
	bool is_shown = r->state == LINT_SHOWN;

	buf_printf(out, "    <testcase name=\"IB%d at %u:%u\"", row->id, at.line, at.column);
	attribute(out, "classname", lint_report_path(r->file));
	if (is_shown)
		buf_printf(out, ">\n      <failure type=\"%s\" message=\"",
			   lint_level_name(r->severity));
	else
		buf_str(out, ">\n      <skipped message=\"");
	message(out, r->finding);
	buf_str(out, is_shown ? "\">" : "\"/>\n");
	if (is_shown) {
		xml(out, r->file, strlen(r->file));
		buf_printf(out, ":%u:%u</failure>\n", at.line, at.column);
	}
	buf_str(out, "    </testcase>\n");
}

/* A file without a finding is a test that passed. */
static void junit_suite(const struct lint *l, const struct lint_file_results *f, struct buf *out)
{
	size_t n = f->results.len, shown = 0;

	vec_foreach (const struct lint_result *, r, &f->results)
		shown += (*r)->state == LINT_SHOWN;
	buf_str(out, "  <testsuite");
	attribute(out, "name", lint_report_path(f->file));
	buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n",
		   n ? n : 1, shown, n - shown);
	if (!n) {
		buf_str(out, "    <testcase name=\"lint\"");
		attribute(out, "classname", lint_report_path(f->file));
		buf_str(out, "/>\n");
	}
	vec_foreach (const struct lint_result *, r, &f->results)
		junit_case(l, *r, out);
	buf_str(out, "  </testsuite>\n");
}

void lint_write_junit(const struct lint *l, struct buf *out, bool has_color)
{
	(void)has_color;
	buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<testsuites name=\"imagebuild lint\">\n");
	each_file(l, out, junit_suite);
	buf_str(out, "</testsuites>\n");
}
