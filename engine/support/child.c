/* SPDX-License-Identifier: Apache-2.0 */
/* fork and exec. What fails between them comes back through a pipe that a successful exec closes:
 * the stage's index and errno. */
#include "support/child.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* Bounds of what child_run keeps. */
#define OUTPUT_MAX (64u << 20)
#define TAIL_MAX 700u

extern char **environ;

enum stage { STAGE_PARENT, STAGE_STREAMS, STAGE_CWD, STAGE_EXEC };

static const char *const stage_names[] = {
	[STAGE_PARENT] = "follow the parent's death",
	[STAGE_STREAMS] = "connect the standard streams",
	[STAGE_CWD] = "change directory",
	[STAGE_EXEC] = NULL, /* the program's name alone says it */
};

struct report {
	enum stage stage;
	int code;
};

static const char *path_of(const char *const *envp)
{
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return NULL;
}

/* Puts FD (-1: /dev/null) at number TO. All sources were moved above 2 before. */
static bool place(int fd, int to)
{
	int null = -1;

	if (fd < 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return false;
		if (null == to) /* we began without this stream */
			return fcntl(null, F_SETFD, 0) == 0;
		fd = null;
	}
	if (dup2(fd, to) < 0)
		return false;
	if (null > STDERR_FILENO)
		(void)close(null);
	return true;
}

static bool connect_streams(const struct child_spec *spec)
{
	int fds[] = { spec->in_fd, spec->out_fd, spec->err_fd };

	for (int i = 0; i < 3; i++) {
		if (fds[i] < 0)
			continue;
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (fds[i] < 0)
			return false;
	}
	for (int i = 0; i < 3; i++)
		if (!place(fds[i], i))
			return false;
	return close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0;
}

static void default_signals(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
}

/* The child's side; returns the stage that failed, with errno set. Only async-signal-safe calls. */
static enum stage become(const struct child_spec *spec, const char *program, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return STAGE_PARENT;
	if (!connect_streams(spec))
		return STAGE_STREAMS;
	if (spec->cwd && chdir(spec->cwd) < 0)
		return STAGE_CWD;
	default_signals();
	/* execve takes its arrays without const only for C's sake */
	(void)execve(program, (char *const *)(uintptr_t)spec->argv,
		     spec->envp ? (char *const *)(uintptr_t)spec->envp : environ);
	return STAGE_EXEC;
}

/* Waits for exec's end of the pipe. */
static int read_report(int fd, const struct child_spec *spec, struct ib_error *err)
{
	struct report report;
	ssize_t n;

	do
		n = read(fd, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(report))
		return ib_fail(err, n < 0 ? errno : EIO, "run '%s': read its report",
			       spec->argv[0]);
	if (report.stage == STAGE_EXEC)
		return ib_fail(err, report.code, "run '%s'", spec->argv[0]);
	if (report.stage == STAGE_CWD)
		return ib_fail(err, report.code, "run '%s': change directory to '%s'",
			       spec->argv[0], spec->cwd);
	return ib_fail(err, report.code, "run '%s': %s", spec->argv[0], stage_names[report.stage]);
}

static int find_program(const struct child_spec *spec, char program[PATH_MAX], struct ib_error *err)
{
	const char *const *envp = spec->envp ? spec->envp : (const char *const *)(uintptr_t)environ;

	if (strchr(spec->argv[0], '/')) { /* may be relative to cwd: exec judges it */
		if (snprintf(program, PATH_MAX, "%s", spec->argv[0]) < PATH_MAX)
			return 0;
		return ib_fail(err, ENAMETOOLONG, "run '%s'", spec->argv[0]);
	}
	if (fs_find_program(spec->argv[0], path_of(envp), program, PATH_MAX))
		return 0;
	return ib_fail(err, ENOENT, "run '%s'", spec->argv[0]);
}

int child_start(const struct child_spec *spec, struct child *ret_child, struct ib_error *err)
{
	cleanup_fd int report_in = -1, report_out = -1;
	cleanup_child struct child child = { 0 };
	char program[PATH_MAX];
	int fds[2], r = find_program(spec, program, err);
	pid_t parent = getpid();

	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return ib_fail(err, errno, "run '%s': make a pipe", spec->argv[0]);
	report_in = fds[0];
	report_out = fcntl(fds[1], F_DUPFD_CLOEXEC, 3); /* out of the streams' way */
	(void)close(fds[1]);
	child.pid = fork();
	if (child.pid < 0) {
		child.pid = 0;
		return ib_fail(err, errno, "run '%s': fork", spec->argv[0]);
	}
	if (child.pid == 0) {
		struct report report = { .stage = become(spec, program, parent) };

		report.code = errno;
		(void)!write(report_out, &report, sizeof(report));
		_exit(127);
	}
	(void)close(take_fd(&report_out));
	r = read_report(report_in, spec, err);
	if (r < 0)
		return r;
	*ret_child = child;
	child.pid = 0;
	return 0;
}

int child_wait(struct child *c, int *ret_status, struct ib_error *err)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(c->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	c->pid = 0;
	if (pid < 0)
		return ib_fail(err, errno, "wait for a child");
	*ret_status = status;
	return 0;
}

void child_kill(struct child *c)
{
	if (c->pid <= 0)
		return;
	(void)kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

void child_status_text(int status, char *ret_text, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(ret_text, size, "was killed by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	else
		(void)snprintf(ret_text, size, "exited with status %d", WEXITSTATUS(status));
}

/* What child_run reads: standard output for the caller, the rest for the error's text. */
struct capture {
	int out_fd, err_fd; /* -1: at its end, or not ours */
	struct buf *out;    /* NULL: out goes to the tail */
	struct buf tail;
};

/* Reads once; closes FD at its end. */
static int drain(int *fd, struct buf *to, bool is_tail)
{
	char chunk[8192];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0) {
		(void)close(take_fd(fd));
		return 0;
	}
	if (!is_tail && to->len + (size_t)n > OUTPUT_MAX)
		return -EFBIG;
	buf_add(to, chunk, (size_t)n);
	if (is_tail && to->len > 4 * TAIL_MAX) {
		memmove(to->data, to->data + to->len - TAIL_MAX, TAIL_MAX + 1);
		to->len = TAIL_MAX;
	}
	return 0;
}

static int capture_all(struct capture *c)
{
	while (c->out_fd >= 0 || c->err_fd >= 0) {
		struct pollfd p[] = { { c->out_fd, POLLIN, 0 }, { c->err_fd, POLLIN, 0 } };
		int r = 0;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			r = drain(&c->out_fd, c->out ? c->out : &c->tail, !c->out);
		if (r == 0 && p[1].revents)
			r = drain(&c->err_fd, &c->tail, true);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Fails with the last lines, joined by "; ". */
static int fail_status(const char *name, int status, struct buf *tail, struct ib_error *err)
{
	cleanup_buf struct buf lines = BUF_INIT;
	char text[80];
	size_t skip = tail->len > TAIL_MAX ? tail->len - TAIL_MAX : 0;

	for (char *line = tail->data ? tail->data + skip : NULL, *end; line && *line; line = end) {
		end = line + strcspn(line, "\r\n");
		if (end != line)
			buf_printf(&lines, "%s%.*s", lines.len ? "; " : "", (int)(end - line),
				   line);
		end += strspn(end, "\r\n");
	}
	child_status_text(status, text, sizeof(text));
	return ib_fail_text(err, EIO, "'%s' %s%s%s", name, text, lines.len ? ": " : "",
			    lines.len ? lines.data : "");
}

/* Starts SPEC with pipes where its output is ours to read. */
static int start_captured(const struct child_spec *spec, struct capture *c, struct child *ret_child,
			  struct ib_error *err)
{
	cleanup_fd int out = -1, errors = -1;
	struct child_spec piped = *spec;
	int fds[2];

	if (c->out || spec->out_fd < 0) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return ib_fail(err, errno, "run '%s': make a pipe", spec->argv[0]);
		c->out_fd = fds[0];
		piped.out_fd = out = fds[1];
	}
	if (spec->err_fd < 0) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return ib_fail(err, errno, "run '%s': make a pipe", spec->argv[0]);
		c->err_fd = fds[0];
		piped.err_fd = errors = fds[1];
	}
	return child_start(&piped, ret_child, err);
}

static int run_captured(const struct child_spec *spec, struct capture *c, struct ib_error *err)
{
	cleanup_child struct child child = { 0 };
	int status, r = start_captured(spec, c, &child, err);

	if (r < 0)
		return r;
	r = capture_all(c);
	if (r < 0)
		return ib_fail(err, -r, "read the output of '%s'", spec->argv[0]);
	r = child_wait(&child, &status, err);
	if (r < 0)
		return r;
	return status ? fail_status(spec->argv[0], status, &c->tail, err) : 0;
}

int child_run(const struct child_spec *spec, struct buf *out, struct ib_error *err)
{
	struct capture c = { .out_fd = -1, .err_fd = -1, .out = out, .tail = BUF_INIT };
	int r = run_captured(spec, &c, err);

	ib_cleanup_fd(&c.out_fd);
	ib_cleanup_fd(&c.err_fd);
	buf_release(&c.tail);
	return r;
}
