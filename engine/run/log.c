/* SPDX-License-Identifier: Apache-2.0 */
/* One log a step, and the last lines of it for the error. */
#include "run/schedule.h"

#include <imagebuild/buf.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 80

/* "07-run-apt-get_update.log": letters, digits and -_. of the name. */
static void log_name(const struct stage_run *sr, const struct step *s, char *ret_name, size_t size)
{
	char name[NAME_MAX_BYTES] = "";
	size_t n = 0;

	for (const char *p = s->name ? s->name : ""; *p && n < sizeof(name) - 1; p++)
		name[n++] = isalnum((unsigned char)*p) || strchr("-_.", *p) ? *p : '_';
	name[n] = '\0';
	(void)snprintf(ret_name, size, "%02u-%s%s%s.log", sr->number, step_kinds[s->code].name,
		       n ? "-" : "", name);
}

int log_open(struct stage_run *sr, const struct step *s, struct step_log *ret_log,
	     struct ib_error *err)
{
	char name[NAME_MAX_BYTES + 64];
	int lines = sr->run->plan->options->tail_lines;

	log_name(sr, s, name, sizeof(name));
	ret_log->fd =
		openat(sr->run->log_dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (ret_log->fd < 0)
		return ib_fail(err, errno, "make the log '%s/%s'", sr->run->log_dir, name);
	ret_log->path = ib_xprintf("%s/%s", sr->run->log_dir, name);
	ret_log->sr = sr;
	ret_log->lines_max = lines > 0 ? lines : 20;
	return 0;
}

void log_release(struct step_log *log)
{
	if (log->fd >= 0)
		(void)close(log->fd);
	free(log->path);
	buf_release(&log->tail);
}

/* Drops lines from the front until what is left fits the error. */
static void trim(struct step_log *log)
{
	size_t lines = 0;
	const char *from = log->tail.data;
	const char *end = log->tail.data + log->tail.len;

	for (const char *p = from; p < end; p++)
		lines += *p == '\n';
	while (from < end && (lines > (size_t)log->lines_max || end - from > LOG_TAIL_BYTES)) {
		const char *next = memchr(from, '\n', (size_t)(end - from));

		from = next ? next + 1 : end;
		lines--;
	}
	log->tail.len = (size_t)(end - from);
	memmove(log->tail.data, from, log->tail.len + 1);
}

void log_line(void *context, const char *line, size_t n)
{
	struct step_log *log = context;
	cleanup_free char *text = NULL;
	struct ib_event e = { .kind = IB_EVENT_OUTPUT,
			      .step = log->sr->number,
			      .count = log->sr->run->count };

	if (n && line[n - 1] == '\n')
		n--;
	text = strndup(line, n);
	if (!text)
		ib_oom();
	e.text = text;
	ib_emit(log->sr->run->sink, &e);
	buf_add(&log->tail, line, n < LOG_TAIL_BYTES ? n : LOG_TAIL_BYTES - 1);
	buf_char(&log->tail, '\n');
	trim(log);
}

void log_tail(const struct step_log *log, struct buf *out)
{
	if (log->tail.len)
		buf_add(out, log->tail.data, log->tail.len - 1);
}
