/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb on recipes does: open, compile, plan, and say what is wrong. */
#include "cli/cli.h"

#include "build.h"
#include "cache/cache.h"
#include "element/element.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_usage(const char *hint, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("imagebuild: error: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	if (hint)
		(void)fprintf(stderr, "  = %s\n", hint);
	return IB_EXIT_USAGE;
}

void cli_write(const struct buf *text)
{
	if (text->len)
		(void)fwrite(text->data, 1, text->len, stdout);
}

/* What a failed step printed last, below the error and set off from it. */
static void print_tail(const char *tail)
{
	for (const char *end; *tail; tail = *end ? end + 1 : end) {
		end = strchrnul(tail, '\n');
		(void)fprintf(stderr, "        %.*s\n", (int)(end - tail), tail);
	}
}

int cli_fail(const struct cli *cli, const struct ib_sources *sources, const struct ib_error *err)
{
	const char *notes[] = { err->hint[0] ? err->hint : NULL, NULL };
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_free char *text = ib_xstrdup(err->text);
	int status = err->exit ? err->exit : IB_EXIT_MACHINE;
	char *tail = strchrnul(text, '\n');

	if (*tail)
		*tail++ = '\0';
	if (status > IB_EXIT_SIGNAL)
		(void)fprintf(stderr, "imagebuild: %s\n", text);
	else if (sources && err->at.end) {
		ib_diag_show(sources, err->at, IB_ERROR, text, notes, &out, cli->has_color);
		(void)fwrite(out.data, 1, out.len, stderr);
	} else {
		(void)fprintf(stderr, "imagebuild: error: %s\n", text);
		if (err->hint[0])
			(void)fprintf(stderr, "  = %s\n", err->hint);
	}
	print_tail(tail);
	return status;
}

int job_report(const struct cli *cli, struct ib_diag *diag)
{
	cleanup_buf struct buf out = BUF_INIT;

	if (ib_diag_count(diag) && !(cli->is_quiet && !ib_diag_errors(diag))) {
		ib_diag_render(diag, &out, cli->has_color);
		(void)fwrite(out.data, 1, out.len, stderr);
	}
	return ib_diag_errors(diag) ? IB_EXIT_INPUT : IB_EXIT_OK;
}

static void begin(struct cli *cli, const char *file, struct job *job)
{
	cli->options.file = file;
	job->sources = ib_sources_new();
	job->diag = ib_diag_new(job->sources);
	ib_diag_strict(job->diag, cli->options.is_strict);
}

int job_open(struct cli *cli, const char *file, struct job *job)
{
	struct ib_error err = IB_ERROR_INIT;

	begin(cli, file, job);
	if (ib_recipe_open(&cli->options, NULL, job->sources, job->diag, &job->recipe, &err) < 0)
		return cli_fail(cli, job->sources, &err);
	return 0;
}

/* What a recipe called NAME is compiled with. */
static int open_library(struct cli *cli, const char *name, struct job *job, struct ib_error *err)
{
	int r;

	begin(cli, name, job);
	r = ib_elements_open(&cli->options, job->sources, &job->elements, err);
	if (r == 0)
		job->vocab = ib_elements_vocab(job->elements);
	return r;
}

static int open_recipe(struct cli *cli, const char *file, struct job *job, struct ib_error *err)
{
	int r = open_library(cli, file, job, err);

	return r < 0 ? r
		     : ib_recipe_open(&cli->options, &job->vocab, job->sources, job->diag,
				      &job->recipe, err);
}

static int compile(struct cli *cli, const char *file, struct job *job)
{
	struct ib_error err = IB_ERROR_INIT;

	if (open_recipe(cli, file, job, &err) < 0)
		return cli_fail(cli, job->sources, &err);
	return ib_recipe_compile(job->recipe) < 0 ? IB_EXIT_INPUT : IB_EXIT_OK;
}

int job_compile(struct cli *cli, const char *file, struct job *job)
{
	int status = compile(cli, file, job);
	int reported = job->recipe ? job_report(cli, job->diag) : 0;

	return status ? status : reported;
}

/* One that is missing or being pruned is no fault of a plan. */
static void open_store(const struct cli *cli, struct job *job)
{
	struct ib_error ignored = IB_ERROR_INIT;

	if (access(cli->options.store, F_OK) == 0)
		(void)ib_cache_open(cli->options.store, &job->store, &ignored);
}

static int make_plan(struct cli *cli, struct job *job, struct ib_error *err)
{
	return ib_plan_new(ib_recipe_ir(job->recipe), &cli->options, job->sources, job->elements,
			   job->store, job->diag, &job->plan, err);
}

int job_plan(struct cli *cli, const char *file, struct job *job)
{
	struct ib_error err = IB_ERROR_INIT;
	int status = compile(cli, file, job);
	int r, reported;

	if (status) {
		(void)(job->recipe && job_report(cli, job->diag));
		return status;
	}
	open_store(cli, job);
	r = make_plan(cli, job, &err);
	reported = job_report(cli, job->diag);
	if (r < 0)
		return err.code ? cli_fail(cli, job->sources, &err) : IB_EXIT_INPUT;
	return reported;
}

int job_plan_text(struct cli *cli, const char *name, const char *text, struct job *job)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span at;

	if (open_library(cli, name, job, &err) < 0 ||
	    ib_sources_add(job->sources, name, text, strlen(text), &at, &err) < 0)
		return cli_fail(cli, job->sources, &err);
	job->recipe =
		ib_fragment_open(&cli->options, &job->vocab, job->sources, job->diag, at, NULL);
	if (ib_recipe_compile(job->recipe) < 0)
		return IB_EXIT_INPUT;
	if (make_plan(cli, job, &err) < 0)
		return err.code ? cli_fail(cli, job->sources, &err) : IB_EXIT_INPUT;
	return 0;
}

void job_release(struct job *job)
{
	ib_cache_close(job->store);
	ib_plan_free(job->plan);
	ib_recipe_free(job->recipe);
	ib_elements_free(job->elements);
	ib_diag_free(job->diag);
	ib_sources_free(job->sources);
}

int cli_each_recipe(struct cli *cli, int (*fn)(struct cli *cli, const char *file))
{
	int highest = IB_EXIT_OK;

	if (!cli->files.len)
		vec_push(cli->arena, &cli->files, "Imagefile");
	for (size_t i = 0; i < cli->files.len; i++) {
		int status = fn(cli, cli->files.items[i]);

		if (status > highest)
			highest = status;
		if (status > IB_EXIT_SIGNAL)
			break;
	}
	return highest;
}

int cli_each_word(struct cli *cli, size_t first, int (*fn)(struct cli *cli, const char *file))
{
	for (size_t i = first; i < cli->words.len; i++)
		vec_push(cli->arena, &cli->files, cli->words.items[i]);
	return cli_each_recipe(cli, fn);
}

int cli_choose_json(struct cli *cli, bool *ret_is_json)
{
	static const char *const formats[] = { "table", "json" };
	size_t format = 0;
	int r = cli_choose("format", cli->format_name, formats, ARRAY_SIZE(formats), &format);

	*ret_is_json = format == 1;
	return r;
}
