/* SPDX-License-Identifier: Apache-2.0 */
/* child. */
#include "support/child.h"

#include "test.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

static struct ib_error err;

static int run(const char *script, struct buf *out)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct child_spec spec = CHILD_SPEC_INIT;

	spec.argv = argv;
	return child_run(&spec, out, &err);
}

TEST("a program that is not there is ENOENT with its name")
{
	const char *const argv[] = { "no-such-program", "x", NULL };
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child c = { 0 };

	spec.argv = argv;
	check_int(child_start(&spec, &c, &err), -ENOENT);
	check_str(err.text, "run 'no-such-program': No such file or directory");
	check_int(c.pid, 0);
}

TEST("what fails between fork and exec is reported with its stage")
{
	const char *const argv[] = { "/proc/version", NULL };
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child c = { 0 };

	spec.argv = argv;
	check_int(child_start(&spec, &c, &err), -EACCES);
	check_str(err.text, "run '/proc/version': Permission denied");
	spec.cwd = "/nonexistent";
	check_int(child_start(&spec, &c, &err), -ENOENT);
	check_str(err.text, "run '/proc/version': change directory to '/nonexistent': No such file "
			    "or directory");
}

TEST("standard output goes to the caller, the last lines of the rest to the error")
{
	cleanup_buf struct buf out = BUF_INIT;

	check_int(run("echo out; echo not shown >&2", &out), 0);
	check_str(out.data, "out\n");
	check_int(run("echo more; echo bad thing >&2; echo; echo worse >&2; exit 3", &out), -EIO);
	check_str(out.data, "out\nmore\n\n");
	check_str(err.text, "'sh' exited with status 3: bad thing; worse");
	check_int(run("echo said; exit 1", NULL), -EIO);
	check_str(err.text, "'sh' exited with status 1: said");
	check_int(run("kill -9 $$", NULL), -EIO);
	check_str(err.text, "'sh' was killed by signal 9 (Killed)");
}

TEST("much output on both streams does not block")
{
	cleanup_buf struct buf out = BUF_INIT;

	check_int(
		run("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; "
		    "echo 0123456789012345678901234567890123456789 >&2; i=$((i + 1)); done; exit 1",
		    &out),
		-EIO);
	check_int(out.len, 3000 * 41);
	check(strlen(err.text) < 800);
}

TEST("environment, directory and PATH are those of the spec")
{
	const char *const argv[] = { "sh", "-c", "echo $A $B; pwd", NULL };
	const char *const envp[] = { "A=1", "PATH=/usr/bin:/bin", NULL };
	const char *const no_path[] = { "PATH=/nonexistent", NULL };
	struct child_spec spec = CHILD_SPEC_INIT;
	cleanup_buf struct buf out = BUF_INIT;

	spec.argv = argv;
	spec.envp = envp;
	spec.cwd = "/";
	check(setenv("B", "2", 1) == 0);
	check_int(child_run(&spec, &out, &err), 0);
	check_str(out.data, "1\n/\n");
	spec.envp = no_path;
	check_int(child_run(&spec, NULL, &err), -ENOENT);
}

TEST("a child has the three streams and no other descriptor, and default signals")
{
	cleanup_buf struct buf out = BUF_INIT;
	int open_one = open("/dev/null", O_RDONLY); /* without O_CLOEXEC on purpose */
	sigset_t all, old;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	check_int(run("cd /proc/self/fd; for f in *; do [ -e $f ] && echo $f; done; exec "
		      "grep SigBlk ../status", /* in the shell's place: dash blocks signals around
						  vfork */
		      &out),
		  0);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	check(open_one > 2 && close(open_one) == 0);
	check_str(out.data, "0\n1\n2\nSigBlk:\t0000000000000000\n");
}

TEST("a child that is killed is reaped")
{
	const char *const argv[] = { "sleep", "1000", NULL };
	struct child_spec spec = CHILD_SPEC_INIT;
	struct child c = { 0 };
	pid_t pid;

	spec.argv = argv;
	check_int(child_start(&spec, &c, &err), 0);
	pid = c.pid;
	check(pid > 0 && kill(pid, 0) == 0);
	child_kill(&c);
	check_int(c.pid, 0);
	check(kill(pid, 0) < 0 && errno == ESRCH);
}

TEST_MAIN()
