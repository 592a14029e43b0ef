/* SPDX-License-Identifier: Apache-2.0 */
/* graph [FILE]...: a plan as a picture: DOT, or SVG where graphviz is there. */
#include "cli/cli.h"

#include "plan/plan.h"
#include "support/child.h"
#include "support/fs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int cmd_graph(struct cli *cli);

/* Set once a run; cli_each_word passes no argument on. */
static size_t chosen_kind;
static bool is_svg;

static int draw(const struct buf *dot, struct buf *svg, struct ib_error *err)
{
	static const char *const argv[] = { "dot", "-Tsvg", NULL };
	cleanup_fd int fd = memfd_create("dot", MFD_CLOEXEC);
	struct child_spec spec = CHILD_SPEC_INIT;
	char path[4096];
	int r;

	if (!fs_find_program("dot", getenv("PATH"), path, sizeof(path))) {
		err->exit = IB_EXIT_PREFLIGHT;
		(void)ib_fail_text(err, ENOENT, "--format=svg needs 'dot'");
		return ib_hint(err, "install the package graphviz, or use --format=dot");
	}
	if (fd < 0)
		return ib_fail(err, errno, "make a memory file");
	r = fs_write_all(fd, dot->data, dot->len);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ib_fail(err, r < 0 ? -r : errno, "write the graph");
	spec.argv = argv;
	spec.in_fd = fd;
	return child_run(&spec, svg, err);
}

static int graph_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf dot = BUF_INIT, svg = BUF_INIT;
	struct ib_error err = IB_ERROR_INIT;
	struct job job = { 0 };
	int status = job_plan(cli, file, &job);

	if (!status) {
		ib_plan_graph(job.plan, (enum plan_graph)chosen_kind, &dot);
		if (is_svg && draw(&dot, &svg, &err) < 0)
			status = cli_fail(cli, job.sources, &err);
		cli_write(is_svg ? &svg : &dot);
	}
	job_release(&job);
	return status;
}

int cmd_graph(struct cli *cli)
{
	static const char *const kinds[] = { [PLAN_GRAPH_ELEMENTS] = "elements",
					     [PLAN_GRAPH_STAGES] = "stages",
					     [PLAN_GRAPH_STEPS] = "steps" };
	static const char *const formats[] = { "dot", "svg" };
	size_t format = 0;
	int r = cli_choose("kind", cli->kind_name, kinds, ARRAY_SIZE(kinds), &chosen_kind);

	if (!r)
		r = cli_choose("format", cli->format_name, formats, ARRAY_SIZE(formats), &format);
	if (r)
		return r;
	is_svg = format == 1;
	return cli_each_word(cli, 0, graph_one);
}
