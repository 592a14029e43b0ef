/* SPDX-License-Identifier: Apache-2.0 */
/* outline [FILE]...: what a recipe offers and asks for. */
#include "cli/cli.h"

#include <stdio.h>

int cmd_outline(struct cli *cli);

/* Set once a run; cli_each_word passes no argument on. */
static bool is_json;

static int outline_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct job job = { 0 };
	int status = job_open(cli, file, &job);

	if (!status) {
		int r = ib_recipe_compile(job.recipe);

		status = job_report(cli, job.diag);
		if (r == 0 && is_json)
			ib_recipe_outline_json(job.recipe, &out);
		else if (r == 0)
			ib_recipe_outline(job.recipe, &out);
		cli_write(&out);
	}
	job_release(&job);
	return status;
}

int cmd_outline(struct cli *cli)
{
	int r = cli_choose_json(cli, &is_json);

	return r ? r : cli_each_word(cli, 0, outline_one);
}
