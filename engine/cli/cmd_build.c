/* SPDX-License-Identifier: Apache-2.0 */
/* build [-f FILE]... [CONTEXT]: plan, preflight, run. */
#include "cli/cli.h"

#include "build.h"
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int cmd_build(struct cli *cli);

/* What a place in the recipe asks for is shown there. */
static void print_missing(const struct cli *cli, const struct job *job, const struct missing *m)
{
	const char *notes[] = { m->todo, NULL };
	cleanup_free char *text = ib_xprintf("%s: %s", m->what, m->why);
	cleanup_buf struct buf out = BUF_INIT;

	if (m->at.end)
		ib_diag_show(job->sources, m->at, IB_ERROR, text, notes, &out, cli->has_color);
	else
		buf_printf(&out, "  %s\n", text);
	if (!m->at.end && m->todo)
		buf_printf(&out, "      %s\n", m->todo);
	(void)fwrite(out.data, 1, out.len, stderr);
}

static int preflight(struct cli *cli, const struct job *job)
{
	struct missing_vec missing = { 0 };
	const char *separator = "\n  = install: apt-get install";

	if (ib_plan_preflight(job->plan, &missing) == 0)
		return IB_EXIT_OK;
	(void)fprintf(stderr, "imagebuild: error: %s: %zu thing%s missing that the build needs\n",
		      cli->options.file, missing.len, missing.len == 1 ? " is" : "s are");
	vec_foreach (struct missing, m, &missing)
		print_missing(cli, job, m);
	vec_foreach (struct missing, m, &missing) {
		if (!m->package)
			continue;
		(void)fprintf(stderr, "%s %s", separator, m->package);
		separator = "";
	}
	(void)fputs(*separator ? "" : "\n", stderr);
	return IB_EXIT_PREFLIGHT;
}

/* Two recipes of one command would write the same file, the second over the first. */
static int check_outputs(struct cli *cli, const struct job *job)
{
	struct ib_error err = IB_ERROR_INIT;
	struct str_vec paths = { 0 };

	if (ib_build_outputs(job->plan, cli->arena, &paths, &err) < 0)
		return cli_fail(cli, job->sources, &err);
	vec_foreach (const char *, path, &paths) {
		vec_foreach (const char *, other, &cli->outputs)
			if (strcmp(*path, *other) == 0)
				return cli_usage("build one at a time with -o, or give each OUTPUT "
						 "a --name of its own",
						 "%s: an earlier recipe of this command makes '%s'",
						 cli->options.file, *path);
	}
	vec_foreach (const char *, path, &paths)
		vec_push(cli->arena, &cli->outputs, *path);
	return IB_EXIT_OK;
}

static int run_plan(struct cli *cli, const struct job *job)
{
	static void (*const init[])(struct ui *) = { [PROGRESS_TTY] = ui_tty_init,
						     [PROGRESS_PLAIN] = ui_plain_init,
						     [PROGRESS_JSON] = ui_json_init };
	enum progress progress = cli->progress;
	struct ib_error err = IB_ERROR_INIT;
	struct ui ui = { .is_quiet = cli->is_quiet };
	int r;

	if (progress == PROGRESS_AUTO)
		progress = isatty(STDERR_FILENO) ? PROGRESS_TTY : PROGRESS_PLAIN;
	init[progress](&ui);
	r = ib_build_run(job->plan, &ui.sink, &err);
	ui.close(&ui);
	return r < 0 ? cli_fail(cli, job->sources, &err) : IB_EXIT_OK;
}

static int build_one(struct cli *cli, const char *file)
{
	struct job job = { 0 };
	int status = job_plan(cli, file, &job);

	if (!status)
		status = check_outputs(cli, &job);
	if (!status && cli->options.is_dry_run) {
		cleanup_buf struct buf out = BUF_INIT;

		ib_plan_print(job.plan, job.store, &out);
		cli_write(&out);
	}
	if (!status)
		status = preflight(cli, &job);
	if (!status && !cli->options.is_dry_run)
		status = run_plan(cli, &job);
	job_release(&job);
	return status;
}

int cmd_build(struct cli *cli)
{
	struct stat st;

	if (cli->words.len > 1)
		return cli_usage("recipes are given by -f", "build takes one context, not %zu",
				 cli->words.len);
	if (cli->words.len) {
		cli->options.context = cli->words.items[0];
		if (stat(cli->options.context, &st) < 0)
			return cli_usage(NULL, "context '%s': there is no such directory",
					 cli->options.context);
		if (!S_ISDIR(st.st_mode))
			return cli_usage("a recipe is given by -f",
					 "'%s' is a file; did you mean -f %s?",
					 cli->options.context, cli->options.context);
		if (!cli->files.len)
			vec_push(cli->arena, &cli->files,
				 arena_printf(cli->arena, "%s/Imagefile", cli->options.context));
	}
	return cli_each_recipe(cli, build_one);
}
