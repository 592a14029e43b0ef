/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal: the running step on one line that shows its last output, finished steps above it. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static struct ui plain; /* renders finished lines; one terminal, one build at a time */
static char running[256];

static int columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

/* Text cut to the screen, controls as blanks, without an end of line. */
static void draw(struct ui *ui, const char *text)
{
	char line[512];
	int width = columns() - 1;
	size_t n = strnlen(text, sizeof(line) - 1);

	if (n > (size_t)width)
		n = (size_t)width;
	for (size_t i = 0; i < n; i++)
		line[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? ' ' : text[i];
	line[n] = '\0';
	(void)fprintf(stderr, "\r\033[K%s", line);
	(void)fflush(stderr);
	ui->has_line = true;
}

static void erase(struct ui *ui)
{
	if (ui->has_line)
		(void)fputs("\r\033[K", stderr);
	ui->has_line = false;
}

static void emit(void *context, const struct ib_event *e)
{
	struct ui *ui = context;
	char line[512];

	if (ui->is_quiet)
		return;
	if (e->kind == IB_EVENT_STARTED) {
		(void)snprintf(running, sizeof(running), "[%2u/%u] %-12s %s", e->step, e->count,
			       e->phase ? e->phase : "", e->text);
		draw(ui, running);
	} else if (e->kind == IB_EVENT_OUTPUT) {
		(void)snprintf(line, sizeof(line), "%s | %s", running, e->text);
		draw(ui, line);
	} else if (e->kind == IB_EVENT_PROGRESS && e->total) {
		(void)snprintf(line, sizeof(line), "%s | %s %llu%%", running, e->text,
			       (unsigned long long)(e->bytes * 100 / e->total));
		draw(ui, line);
	} else {
		erase(ui);
		plain.sink.emit(&plain, e);
	}
}

static void close_tty(struct ui *ui)
{
	erase(ui);
	plain.close(&plain);
}

void ui_tty_init(struct ui *ui)
{
	plain = (struct ui){ .is_quiet = ui->is_quiet };
	ui_plain_init(&plain);
	ui->sink = (struct ib_sink){ .emit = emit, .context = ui };
	ui->close = close_tty;
}
