/* SPDX-License-Identifier: Apache-2.0 */
/* fmt [FILE]...: recipes in their canonical text, printed, compared or written back. */
#include "cli/cli.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int cmd_fmt(struct cli *cli);

/* Behind symlinks, so that a link stays one. */
static int rewrite(const char *file, const struct buf *text, struct ib_error *err)
{
	cleanup_free char *path = realpath(file, NULL);
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return ib_fail(err, errno, "find '%s'", file);
	return fs_write_at(AT_FDCWD, path, text->data, text->len, st.st_mode & 07777, err);
}

static int settle(const struct cli *cli, const struct job *job, const char *file,
		  const struct buf *text)
{
	struct ib_span span = ib_recipe_span(job->recipe);
	struct ib_error err = IB_ERROR_INIT;
	bool is_same = text->len == span.end - span.start &&
		       memcmp(text->data, ib_sources_text(job->sources, span), text->len) == 0;

	if (cli->is_check && !is_same) {
		(void)puts(file);
		return IB_EXIT_INPUT;
	}
	if (cli->is_write && !is_same && rewrite(file, text, &err) < 0)
		return cli_fail(cli, job->sources, &err);
	if (!cli->is_check && !cli->is_write)
		(void)fwrite(text->data, 1, text->len, stdout);
	return IB_EXIT_OK;
}

static int fmt_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct job job = { 0 };
	int status = job_open(cli, file, &job);

	if (!status && ib_recipe_format(job.recipe, &text) < 0)
		status = job_report(cli, job.diag);
	else if (!status)
		status = settle(cli, &job, file, &text);
	job_release(&job);
	return status;
}

int cmd_fmt(struct cli *cli)
{
	vec_foreach (const char *, word, &cli->words)
		vec_push(cli->arena, &cli->files, *word);
	if (cli->is_check && cli->is_write)
		return cli_usage(NULL, "--check and --write exclude each other");
	vec_foreach (const char *, file, &cli->files) {
		if (cli->is_write && strcmp(*file, "-") == 0)
			return cli_usage("without --write, fmt - prints the text",
					 "standard input cannot be rewritten");
	}
	return cli_each_recipe(cli, fmt_one);
}
