/* SPDX-License-Identifier: Apache-2.0 */
/* plan [FILE]...: the steps of a build, for people or as JSON. */
#include "cli/cli.h"

#include "plan/plan.h"

#include <stdio.h>

int cmd_plan(struct cli *cli);

/* Set once a run; cli_each_word passes no argument on. */
static bool is_json;

static int plan_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct job job = { 0 };
	int status = job_plan(cli, file, &job);

	if (!status) {
		if (is_json)
			ib_plan_emit(job.plan, job.store, true, &out);
		else
			ib_plan_print(job.plan, job.store, &out);
		cli_write(&out);
	}
	job_release(&job);
	return status;
}

int cmd_plan(struct cli *cli)
{
	int r = cli_choose_json(cli, &is_json);

	return r ? r : cli_each_word(cli, 0, plan_one);
}
