/* SPDX-License-Identifier: Apache-2.0 */
/* A step from outside: the supervisor starts its init, copies its output to the log, and reads its
 * report. */
#include "sandbox/internal.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define LINE_MAX_BYTES (64 * 1024) /* a longer line is handed on in pieces */

struct watch {
	const struct sandbox_step *step;
	int report_fd, output_fd; /* -1: at its end */
	struct buf report;
	struct buf line;
	int64_t deadline; /* ms, 0: none */
	bool timed_out;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void hand_on_line(struct watch *w)
{
	w->step->on_line(w->step->on_line_context, w->line.data, w->line.len);
	buf_reset(&w->line);
}

static void split_lines(struct watch *w, const char *data, size_t n)
{
	while (n) {
		const char *end = memchr(data, '\n', n);
		size_t len = end ? (size_t)(end - data) : n;

		buf_add(&w->line, data, len);
		if (end || w->line.len >= LINE_MAX_BYTES)
			hand_on_line(w);
		len += end ? 1 : 0;
		data += len;
		n -= len;
	}
}

/* False at the end of the stream. */
static bool read_some(int fd, struct buf *ret_data)
{
	char data[16384];
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	buf_add(ret_data, data, (size_t)n);
	return true;
}

static void read_output(struct watch *w)
{
	cleanup_buf struct buf data = BUF_INIT;

	if (!read_some(w->output_fd, &data)) {
		if (w->line.len && w->step->on_line)
			hand_on_line(w);
		w->output_fd = -1;
		return;
	}
	if (w->step->log_fd >= 0 && data.len)
		(void)fs_write_all(w->step->log_fd, data.data,
				   data.len); /* a full disk fails the step by itself */
	if (w->step->on_line)
		split_lines(w, data.data, data.len);
}

/* Until both streams have ended, which is when everything in the step's pid namespace is gone. */
static void watch_step(struct watch *w, pid_t pid)
{
	while (w->report_fd >= 0 || w->output_fd >= 0) {
		struct pollfd fds[] = { { .fd = w->report_fd, .events = POLLIN },
					{ .fd = w->output_fd, .events = POLLIN } };
		int64_t left = w->deadline ? w->deadline - now_ms() : -1;

		if (w->deadline && left <= 0) {
			(void)kill(pid, SIGKILL); /* pid 1: the rest follows */
			w->timed_out = true;
			w->deadline = 0;
			continue;
		}
		if (poll(fds, ARRAY_SIZE(fds), left > 60000 ? 60000 : (int)left) <= 0)
			continue;
		if (fds[0].revents && !read_some(w->report_fd, &w->report))
			w->report_fd = -1;
		if (fds[1].revents)
			read_output(w);
	}
}

struct parsed {
	struct sandbox_result result;
	bool has_status, has_error;
};

static void parse_packet(const struct report *head, const char *data, struct arena *a,
			 struct parsed *p, struct ib_error *err)
{
	const char *copy = arena_strndup(a, data, head->len);
	struct sandbox_left left;

	switch (head->kind) {
	case REPORT_ERROR:
		memcpy(err, data, sizeof(*err));
		p->has_error = true;
		break;
	case REPORT_STATUS:
		memcpy(&p->result.status, data, sizeof(p->result.status));
		p->has_status = true;
		break;
	case REPORT_LEFT:
		left = (struct sandbox_left){ .source = copy, .target = copy + strlen(copy) + 1 };
		vec_push(a, &p->result.left, left);
		break;
	case REPORT_GONE:
		vec_push(a, &p->result.gone, copy);
		break;
	case REPORT_OTHER:
		p->result.has_other_mounts = true;
		break;
	}
}

static void parse_report(const struct buf *report, struct arena *a, struct parsed *p,
			 struct ib_error *err)
{
	for (size_t at = 0; at + sizeof(struct report) <= report->len;) {
		struct report head;

		memcpy(&head, report->data + at, sizeof(head));
		at += sizeof(head);
		if (head.len > report->len - at)
			return; /* the init was killed while it wrote */
		parse_packet(&head, report->data + at, a, p, err);
		at += head.len;
	}
}

static int wait_pid(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static int conclude(const struct watch *w, int init_status, struct arena *a,
		    struct sandbox_result *ret_result, struct ib_error *err)
{
	struct ib_error theirs = IB_ERROR_INIT;
	struct parsed p = { .result = { .timed_out = w->timed_out } };
	char text[128];

	parse_report(&w->report, a, &p, &theirs);
	if (p.has_error) {
		*err = theirs;
		return -err->code;
	}
	if (!p.has_status && !w->timed_out) {
		child_status_text(init_status, text, sizeof(text));
		return ib_fail_text(err, EIO, "the sandbox of '%s' %s", w->step->name, text);
	}
	if (!p.has_status)
		p.result.status = init_status;
	*ret_result = p.result;
	return 0;
}

static unsigned long step_flags(const struct sandbox_step *step)
{
	return CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
	       (step->is_offline ? CLONE_NEWNET : 0);
}

int sandbox_run(const struct sandbox_step *step, struct arena *a, struct sandbox_result *ret_result,
		struct ib_error *err)
{
	struct watch w = { .step = step,
			   .deadline =
				   step->timeout ? now_ms() + (int64_t)step->timeout * 1000 : 0 };
	int report[2], output[2], r;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return ib_fail(err, errno, "make a pipe");
	if (pipe2(output, O_CLOEXEC) < 0) {
		(void)close(report[0]);
		(void)close(report[1]);
		return ib_fail(err, errno, "make a pipe");
	}
	pid = sb_clone(step_flags(step));
	if (pid == 0)
		init_run(step, report[1], output[1]);
	r = pid < 0 ? ib_fail(err, errno, "make namespaces") : 0;
	(void)close(report[1]);
	(void)close(output[1]);
	if (r == 0) {
		w.report_fd = report[0];
		w.output_fd = output[0];
		watch_step(&w, pid);
		r = conclude(&w, wait_pid(pid), a, ret_result, err);
	}
	(void)close(report[0]);
	(void)close(output[0]);
	buf_release(&w.report);
	buf_release(&w.line);
	return r;
}
