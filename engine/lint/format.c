/* SPDX-License-Identifier: Apache-2.0 */
/* How results are printed. */
#include "lint/private.h"

static void write_tty(const struct lint *l, struct buf *out, bool has_color)
{
	vec_foreach (struct lint_result, r, &l->results)
		if (r->state == LINT_SHOWN)
			ib_diag_render_one(l->diag, r->finding, r->severity, out, has_color);
}

static void write_plain(const struct lint *l, struct buf *out, bool has_color)
{
	(void)has_color;
	vec_foreach (struct lint_result, r, &l->results)
		if (r->state == LINT_SHOWN)
			buf_printf(out, "%s:%u:%u: %s: %s [IB%d]\n", r->file, r->line, r->column,
				   lint_level_name(r->severity), r->finding->text,
				   r->finding->row->id);
}

const struct lint_format lint_formats[] = {
	{ "tty", "the source line and a caret", write_tty },
	{ "plain", "a line a finding", write_plain },
	{ "baseline", "for --baseline", lint_baseline },
};
const size_t lint_formats_len = ARRAY_SIZE(lint_formats);
