/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a line on standard output, for programs. */
#include "cli/cli.h"

#include <imagebuild/jsonout.h>

#include <stdio.h>

static const char *const kinds[] = {
	[IB_EVENT_PLAN] = "plan",         [IB_EVENT_STARTED] = "started",
	[IB_EVENT_CACHED] = "cached",     [IB_EVENT_OUTPUT] = "output",
	[IB_EVENT_FINISHED] = "finished", [IB_EVENT_FAILED] = "failed",
	[IB_EVENT_PROGRESS] = "progress", [IB_EVENT_NOTE] = "note",
	[IB_EVENT_WROTE] = "wrote",
};

static void emit(void *context, const struct ib_event *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct jsonout j = { .out = &out, .is_compact = true };

	(void)context;
	json_object(&j, NULL);
	json_str(&j, "event", kinds[e->kind]);
	json_u64(&j, "step", e->step);
	json_u64(&j, "count", e->count);
	json_str(&j, "phase", e->phase);
	json_str(&j, "text", e->text);
	json_str(&j, "log", e->log);
	json_u64(&j, "nanoseconds", e->nanoseconds);
	json_u64(&j, "bytes", e->bytes);
	json_u64(&j, "total", e->total);
	json_i64(&j, "status", e->status);
	json_object_end(&j);
	(void)printf("%s\n", out.data);
	(void)fflush(stdout);
}

static void close_json(struct ui *ui)
{
	(void)ui;
}

void ui_json_init(struct ui *ui)
{
	ui->sink = (struct ib_sink){ .emit = emit, .context = ui };
	ui->close = close_json;
}
