/* SPDX-License-Identifier: Apache-2.0 */
/* plan [FILE]...: the steps of a build, for people. */
#include "cli/cli.h"

#include "cache/cache.h"
#include "plan/plan.h"

#include <stdio.h>

int cmd_plan(struct cli *cli);

static int plan_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_error err = IB_ERROR_INIT;
	struct store *store = NULL;
	struct job job = { 0 };
	int status = job_plan(cli, file, &job);

	if (!status) {
		/* Without a store every step reads "new"; a plan makes none. */
		if (access(cli->options.store, F_OK) == 0)
			(void)ib_cache_open(cli->options.store, &store, &err);
		ib_plan_print(job.plan, store, &out);
		(void)fwrite(out.data, 1, out.len, stdout);
		ib_cache_close(store);
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
