/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for logs and CI; also what the tty sink shares with it.
 *
 *   [ 3/12] install      RUN apt-get update
 *   [ 3/12] install      RUN apt-get update  4.1s
 */
#include "cli/cli.h"

#include <stdio.h>

void ui_duration(uint64_t nanoseconds, char *ret_text, size_t size)
{
	uint64_t tenths = (nanoseconds + 50000000) / 100000000;

	if (tenths < 600)
		(void)snprintf(ret_text, size, "%u.%us", (unsigned)(tenths / 10),
			       (unsigned)(tenths % 10));
	else
		(void)snprintf(ret_text, size, "%um%02us", (unsigned)(tenths / 600),
			       (unsigned)(tenths / 10 % 60));
}

static void print_step(const struct ib_event *e, const char *end)
{
	(void)fprintf(stderr, "[%2u/%u] %-12s %s%s\n", e->step, e->count, e->phase ? e->phase : "",
		      e->text, end);
}

static void emit(void *context, const struct ib_event *e)
{
	struct ui *ui = context;
	char took[32], end[64];

	if (ui->is_quiet)
		return;
	ui_duration(e->nanoseconds, took, sizeof(took));
	switch (e->kind) {
	case IB_EVENT_STARTED:
		print_step(e, "");
		break;
	case IB_EVENT_CACHED:
		ui->cached++;
		print_step(e, "  cached");
		break;
	case IB_EVENT_FINISHED:
		ui->ran += e->phase && *e->phase; /* writing the disk is no step */
		(void)snprintf(end, sizeof(end), "  %s", took);
		print_step(e, end);
		break;
	case IB_EVENT_FAILED:
		(void)snprintf(end, sizeof(end), "  failed after %s", took);
		print_step(e, end);
		break;
	case IB_EVENT_NOTE:
		(void)fprintf(stderr, "note: %s\n", e->text);
		break;
	case IB_EVENT_WROTE:
		(void)fprintf(stderr, "wrote %s (%llu bytes)\n", e->text,
			      (unsigned long long)e->bytes);
		break;
	case IB_EVENT_PLAN:
	case IB_EVENT_OUTPUT:
	case IB_EVENT_PROGRESS:
		break;
	}
}

static void close_plain(struct ui *ui)
{
	if (!ui->is_quiet)
		(void)fprintf(stderr, "%u steps run, %u cached\n", ui->ran, ui->cached);
}

void ui_plain_init(struct ui *ui)
{
	ui->sink = (struct ib_sink){ .emit = emit, .context = ui };
	ui->close = close_plain;
}
