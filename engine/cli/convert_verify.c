/* SPDX-License-Identifier: Apache-2.0 */
/* convert --verify: the facts of a plan with the original element against those of one with its
 * fragment. */
#include "cli/cli.h"

#include "convert/convert.h"
#include "plan/plan.h"
#include "support/fs.h"
#include "support/undo.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* What an element is planned in, with as little else as there can be: the first that works. Without
 * a disk where it has none that can be made. */
static const char *const frames[] = {
	"FROM scratch\nENV DISTRO_NAME=debian DIB_RELEASE=bookworm DIB_INIT_SYSTEM=systemd\n"
	"ELEMENT %s\n",
	"FROM %s\n",
	"FROM scratch\nENV DISTRO_NAME=debian DIB_RELEASE=bookworm DIB_INIT_SYSTEM=systemd\n"
	"ELEMENT %s\nOUTPUT tar\n",
	"FROM %s\nOUTPUT tar\n",
};

/* The facts of NAME in a frame, or what is wrong with it. */
static int try_frame(struct cli *cli, const char *frame, const char *name, struct buf *ret)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct job job = { 0 };
	const char *percent = strchr(frame, '%');
	int status;

	buf_printf(&text, "%.*s%s%s", (int)(percent - frame), frame, name, percent + 2);
	status = job_plan_text(cli, "Imagefile", text.data, &job);
	if (!status)
		convert_facts(job.plan, ret);
	else if (job.diag)
		ib_diag_render(job.diag, ret, false);
	job_release(&job);
	return status;
}

/* Looks for NAME in the directory FIRST before all others. */
static int plan_facts(struct cli *cli, const char *first, const char *name, struct buf *ret)
{
	struct str_vec path = cli->options.element_path;
	int status = IB_EXIT_INPUT;

	cli->options.element_path = (struct str_vec){ NULL, 0, 0 };
	vec_push(cli->arena, &cli->options.element_path, first);
	vec_foreach (const char *, dir, &path)
		vec_push(cli->arena, &cli->options.element_path, *dir);
	for (size_t i = 0; status == IB_EXIT_INPUT && i < ARRAY_SIZE(frames); i++) {
		buf_reset(ret);
		status = try_frame(cli, frames[i], name, ret);
	}
	cli->options.element_path = path;
	return status;
}

/* The first line of a message, without its place. */
static const char *message(struct cli *cli, const struct buf *text)
{
	const char *start = text->data ? strstr(text->data, "error: ") : NULL;

	return start ? arena_strndup(cli->arena, start, strcspn(start, "\n")) : "";
}

static int compare(struct cli *cli, const char *original, const char *converted, const char *name)
{
	cleanup_buf struct buf a = BUF_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	cleanup_buf struct buf difference = BUF_INIT;
	int status = plan_facts(cli, original, name, &a);
	int other = plan_facts(cli, converted, name, &b);

	if (status != other || (status && strcmp(message(cli, &a), message(cli, &b)) != 0)) {
		(void)fprintf(stderr, "%s differs: the %s cannot be planned\n%s", name,
			      status ? "original" : "result", status ? a.data : b.data);
		return IB_EXIT_DIFFERS;
	}
	if (status) {
		(void)fprintf(stderr, "%s: neither can be planned: %s\n", name, message(cli, &a));
		return IB_EXIT_OK;
	}
	if (convert_compare(&a, &b, &difference))
		return IB_EXIT_OK;
	(void)fprintf(stderr, "%s differs: - the original, + the result\n", name);
	(void)fwrite(difference.data, 1, difference.len, stderr);
	return IB_EXIT_DIFFERS;
}

/* The directory that holds the original of NAME. */
static const char *parent_of(struct cli *cli, const struct str_vec *dirs, const char *name)
{
	vec_foreach (const char *, dir, dirs) {
		cleanup_free char *real = realpath(*dir, NULL);
		cleanup_free char *below = fs_join(*dir, name);
		char *slash = real ? strrchr(real, '/') : NULL;

		if (slash && strcmp(slash + 1, name) == 0) {
			*slash = '\0';
			return arena_strdup(cli->arena, real);
		}
		if (real && access(below, F_OK) == 0)
			return arena_strdup(cli->arena, real);
	}
	return ".";
}

static bool is_interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		sigismember(&pending, SIGHUP));
}

/* NAME of "NAME/Imagefile", or NULL. */
static const char *fragment_name(struct cli *cli, const struct convert_file *f)
{
	const char *slash = strchr(f->path, '/');

	if (!slash || strcmp(slash + 1, "Imagefile") != 0)
		return NULL;
	return arena_strndup(cli->arena, f->path, (size_t)(slash - f->path));
}

static int verify_below(struct cli *cli, const struct convert_job *j, const struct str_vec *dirs,
			const char *temp)
{
	int highest = IB_EXIT_OK, status = 0;
	size_t same = 0, all = 0;
	struct ib_error err = IB_ERROR_INIT;

	if (cli_write_below(temp, false, j, &err) < 0)
		return cli_fail(cli, NULL, &err);
	vec_foreach (struct convert_file, f, &j->files) {
		const char *name = fragment_name(cli, f);

		if (!name || is_interrupted())
			continue;
		status = compare(cli, parent_of(cli, dirs, name), temp, name);
		all++;
		same += status == IB_EXIT_OK;
		highest = status > highest ? status : highest;
	}
	if (!cli->is_quiet)
		(void)fprintf(stderr,
			      "%zu of %zu elements are the same in hooks, environment, packages, "
			      "sources, files beside hooks and layout\n",
			      same, all);
	return highest;
}

/* Signals wait until the temporary directory is gone. */
int cli_verify_elements(struct cli *cli, const struct convert_job *j, const struct str_vec *dirs)
{
	const char *tmp = getenv("TMPDIR");
	cleanup_free char *temp = fs_join(tmp && *tmp ? tmp : "/tmp", "imagebuild-verify-XXXXXX");
	cleanup_undo struct undo undo = UNDO_INIT;
	struct ib_error err = IB_ERROR_INIT;
	sigset_t all, old;
	int status;

	cli->options.is_unkeyed = true; /* facts have no keys in them */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	if (!mkdtemp(temp)) {
		(void)ib_fail(&err, errno, "make a temporary directory");
		status = cli_fail(cli, NULL, &err);
	} else {
		undo_push_tree(&undo, temp);
		status = verify_below(cli, j, dirs, temp);
		undo_unwind(&undo);
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}
