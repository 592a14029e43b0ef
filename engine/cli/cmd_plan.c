/* SPDX-License-Identifier: Apache-2.0 */
/* plan [FILE]...: the steps of a build, for people. */
#include "cli/cli.h"

#include "plan/plan.h"

#include <stdio.h>

int cmd_plan(struct cli *cli);

static int plan_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct job job = { 0 };
	int status = job_plan(cli, file, &job);

	if (!status) {
		ib_plan_print(job.plan, job.store, &out);
		(void)fwrite(out.data, 1, out.len, stdout);
	}
	job_release(&job);
	return status;
}

int cmd_plan(struct cli *cli)
{
	vec_foreach (const char *, word, &cli->words)
		vec_push(cli->arena, &cli->files, *word);
	return cli_each_recipe(cli, plan_one);
}
