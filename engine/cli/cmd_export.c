/* SPDX-License-Identifier: Apache-2.0 */
/* export --dib DIR [FILE]: a recipe as elements, and the script that has dib build with them. */
#include "cli/cli.h"

#include "convert/convert.h"

int cmd_export(struct cli *cli);

static int export_one(struct cli *cli, const char *file)
{
	struct ib_error err = IB_ERROR_INIT;
	struct convert_job j = { .arena = cli->arena, .options = &cli->options };
	struct job job = { 0 };
	int status = job_plan(cli, file, &job), r;

	if (!status) {
		j.sources = job.sources;
		j.elements = job.elements;
		j.diag = ib_diag_new(job.sources);
		r = convert_export(&j, job.plan, &err);
		status = job_report(cli, j.diag);
		if (r < 0 && err.code)
			status = cli_fail(cli, job.sources, &err);
		else if (!status)
			status = cli_converted(cli, &j);
		ib_diag_free(j.diag);
	}
	job_release(&job);
	return status;
}

int cmd_export(struct cli *cli)
{
	if (!cli->output_dir)
		return cli_usage("write imagebuild export --dib DIR [FILE]",
				 "export needs the directory to write");
	if (cli->files.len + cli->words.len > 1)
		return cli_usage(NULL, "export takes one recipe");
	return cli_each_word(cli, 0, export_one);
}
