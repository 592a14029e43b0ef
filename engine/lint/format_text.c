/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of lines: tty, plain, and the workflow commands of GitHub Actions. */
#include "lint/format.h"

#include <imagebuild/utf8.h>

#include <string.h>

void lint_write_tty(const struct lint *l, struct buf *out, bool has_color)
{
	vec_foreach (const struct lint_result, r, lint_results(l))
		if (r->state == LINT_SHOWN)
			ib_diag_render_one(lint_diag(l), r->finding, r->severity, out, has_color);
}

static void visible(struct buf *out, const char *text)
{
	utf8_visible(out, text, strlen(text));
}

void lint_write_plain(const struct lint *l, struct buf *out, bool has_color)
{
	(void)has_color;
	vec_foreach (const struct lint_result, r, lint_results(l)) {
		if (r->state != LINT_SHOWN)
			continue;
		visible(out, r->file);
		buf_printf(out, ":%u:%u: %s: ", r->line, r->column, lint_level_name(r->severity));
		visible(out, r->finding->text);
		buf_printf(out, " [IB%d]\n", r->finding->row->id);
	}
}

/* The data of a command, or (IS_PROPERTY) a value in front of it: what would end it as %XX. */
static void command_text(struct buf *out, const char *text, bool is_property)
{
	const char *special = is_property ? "%\r\n:," : "%\r\n";

	for (size_t n; *text; text += n) {
		n = strcspn(text, special);
		utf8_visible(out, text, n);
		if (text[n])
			buf_printf(out, "%%%02X", (unsigned char)text[n++]);
	}
}

/* Annotations have columns only where they begin and end on one line. */
static void github_place(const struct lint *l, const struct lint_result *r, struct buf *out)
{
	struct lint_region at = lint_region(l, r->finding->at);

	buf_str(out, "file=");
	command_text(out, lint_report_path(r->file), true);
	buf_printf(out, ",line=%u,endLine=%u", at.line, at.end_line);
	if (at.line == at.end_line)
		buf_printf(out, ",col=%u,endColumn=%u", at.column, at.end_column);
}

/* ::error file=Imagefile,line=3,endLine=3,col=1,endColumn=5,title=IB2005 unused-arg::text */
void lint_write_github(const struct lint *l, struct buf *out, bool has_color)
{
	static const char *const commands[] = { [IB_STYLE] = "notice",
						[IB_INFO] = "notice",
						[IB_WARNING] = "warning",
						[IB_ERROR] = "error" };
	cleanup_arena struct arena *a = arena_new();

	(void)has_color;
	vec_foreach (const struct lint_result, r, lint_results(l)) {
		if (r->state != LINT_SHOWN)
			continue;
		buf_printf(out, "::%s ", commands[r->severity]);
		github_place(l, r, out);
		buf_printf(out, ",title=IB%d %s::", r->finding->row->id,
			   lint_slug(r->finding->row, a));
		command_text(out, r->finding->text, false);
		vec_foreach (const struct ib_note, hint, &r->finding->hints) {
			buf_str(out, "%0A");
			command_text(out, hint->text, false);
		}
		buf_char(out, '\n');
	}
}
