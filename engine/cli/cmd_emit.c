/* SPDX-License-Identifier: Apache-2.0 */
/* emit STAGE [FILE]...: one text a stage of the compiler. */
#include "cli/cli.h"

#include "convert/convert.h"
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

int cmd_emit(struct cli *cli);

static void emit_ast(const struct job *job, struct buf *out)
{
	ib_recipe_dump_ast(job->recipe, out);
}

static void emit_ir(const struct job *job, struct buf *out)
{
	ib_ir_dump(ib_recipe_ir(job->recipe), job->sources, out);
}

static void emit_plan(const struct job *job, struct buf *out)
{
	ib_plan_emit(job->plan, NULL, false, out);
}

static void emit_keys(const struct job *job, struct buf *out)
{
	ib_plan_emit_keys(job->plan, out);
}

static void emit_layout(const struct job *job, struct buf *out)
{
	ib_plan_emit_layout(job->plan, out);
}

static void emit_facts(const struct job *job, struct buf *out)
{
	convert_facts(job->plan, out);
}

static const struct emit_stage {
	const char *name;
	int (*prepare)(struct cli *cli, const char *file, struct job *job);
	void (*emit)(const struct job *job, struct buf *out);
} emit_stages[] = {
	{ "ast", job_compile, emit_ast },    { "ir", job_compile, emit_ir },
	{ "plan", job_plan, emit_plan },     { "keys", job_plan, emit_keys },
	{ "layout", job_plan, emit_layout }, { "facts", job_plan, emit_facts },
};

/* Set once a run; cli_each_word passes no argument on. */
static const struct emit_stage *chosen;

static int emit_one(struct cli *cli, const char *file)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct job job = { 0 };
	int status = chosen->prepare(cli, file, &job);

	if (!status || (chosen->emit == emit_ast && job.recipe))
		chosen->emit(&job, &out);
	cli_write(&out);
	job_release(&job);
	return status;
}

int cmd_emit(struct cli *cli)
{
	const char *names[ARRAY_SIZE(emit_stages)];
	cleanup_buf struct buf known = BUF_INIT;
	const char *word = cli->words.len ? cli->words.items[0] : NULL;

	for (size_t i = 0; i < ARRAY_SIZE(emit_stages); i++) {
		names[i] = emit_stages[i].name;
		if (word && strcmp(word, names[i]) == 0)
			chosen = &emit_stages[i];
	}
	if (!word)
		return cli_usage("stages: ast, ir, plan, keys, layout, facts",
				 "emit needs a stage");
	if (!chosen) {
		ib_suggest_text(&known, word, names, ARRAY_SIZE(names));
		return cli_usage(NULL, "unknown stage '%s'%s", word, known.data);
	}
	return cli_each_word(cli, 1, emit_one);
}
