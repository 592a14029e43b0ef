/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes from argv arrays. No shell. */
#ifndef IMAGEBUILD_CHILD_H
#define IMAGEBUILD_CHILD_H

#include <imagebuild/buf.h>
#include <sys/types.h>

struct ib_error;

struct child {
	pid_t pid; /* 0: none */
};

struct child_spec {
	const char *const *argv;	/* NULL-terminated; argv[0] is looked up on the PATH of envp */
	const char *const *envp;	/* NULL: the caller's */
	const char *cwd;		/* NULL: as it is */
	int in_fd, out_fd, err_fd;	/* -1: /dev/null; all others are closed */
};

#define CHILD_SPEC_INIT { .in_fd = -1, .out_fd = -1, .err_fd = -1 }

int child_start(const struct child_spec *spec, struct child *ret_child, struct ib_error *err);
/* Waits; the wait status in ret_status. */
int child_wait(struct child *c, int *ret_status, struct ib_error *err);
/* Starts, waits, and fails with the last lines of what it printed where its status is not 0. Output
 * (standard output alone) is appended to OUT where that is not NULL. */
int child_run(const struct child_spec *spec, struct buf *out, struct ib_error *err);
/* Kills (SIGKILL) and reaps what still runs. */
void child_kill(struct child *c);
/* "exited with status 3", "was killed by signal 9 (Killed)" */
void child_status_text(int status, char *ret_text, size_t size);

#define cleanup_child __attribute__((cleanup(child_kill)))

#endif
