/* SPDX-License-Identifier: Apache-2.0 */
/* convert KIND WORD...: what dib and Docker read becomes recipes, printed or written below a
 * directory. */
#include "cli/cli.h"

#include "convert/convert.h"
#include "element/element.h"

#include <string.h>

int cmd_convert(struct cli *cli);

/* The words behind the kind. */
static struct str_vec operands(const struct cli *cli)
{
	return (struct str_vec){ cli->words.items + 1, cli->words.len - 1, 0 };
}

static int each(struct cli *cli, struct convert_job *j,
		int (*fn)(struct convert_job *j, const char *path, struct ib_error *err),
		struct ib_error *err)
{
	struct str_vec words = operands(cli);
	int r = 0;

	vec_foreach (const char *, path, &words)
		if (r == 0)
			r = fn(j, *path, err);
	return r;
}

static int run_element(struct cli *cli, struct convert_job *j, struct ib_error *err)
{
	return each(cli, j, convert_element, err);
}

/* One word is a command as a shell reads it, several are its words. */
static int run_command(struct cli *cli, struct convert_job *j, struct ib_error *err)
{
	struct str_vec words = operands(cli);

	if (words.len == 1)
		return convert_command_text(j, words.items[0], &cli->options.env, err);
	return convert_command(j, &words, &cli->options.env, err);
}

static int run_yaml(struct cli *cli, struct convert_job *j, struct ib_error *err)
{
	struct str_vec words = operands(cli);

	return convert_yaml(j, &words, err);
}

static int run_nodepool(struct cli *cli, struct convert_job *j, struct ib_error *err)
{
	return each(cli, j, convert_nodepool, err);
}

static int run_layout(struct cli *cli, struct convert_job *j, struct ib_error *err)
{
	return each(cli, j, convert_layout, err);
}

static int run_dockerfile(struct cli *cli, struct convert_job *j, struct ib_error *err)
{
	return each(cli, j, convert_dockerfile, err);
}

/* The words behind the kind are its input. */
static const struct kind {
	const char *name;
	int (*run)(struct cli *cli, struct convert_job *j, struct ib_error *err);
} kinds[] = {
	{ "element", run_element },   { "command", run_command }, { "yaml", run_yaml },
	{ "nodepool", run_nodepool }, { "layout", run_layout },   { "dockerfile", run_dockerfile },
};

static int run_kind(struct cli *cli, const struct kind *kind, struct convert_job *j)
{
	struct ib_error err = IB_ERROR_INIT;
	int status, r;

	if (ib_elements_open(&cli->options, j->sources, &j->elements, &err) < 0)
		return cli_fail(cli, j->sources, &err);
	j->arch = ib_elements_vocab(j->elements).arch;
	r = kind->run(cli, j, &err);
	status = job_report(cli, j->diag);
	if (r < 0)
		return err.code ? cli_fail(cli, j->sources, &err) : IB_EXIT_INPUT;
	if (!status && cli->is_verified) {
		struct str_vec dirs = operands(cli);

		status = cli_verify_elements(cli, j, &dirs);
	}
	if (!status && (!cli->is_verified || cli->output_dir))
		status = cli_converted(cli, j);
	return status;
}

static const struct kind *kind_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, word) == 0)
			return &kinds[i];
	return NULL;
}

static int choose_kind(const struct cli *cli, const struct kind **ret_kind)
{
	const char *names[ARRAY_SIZE(kinds)], *word = cli->words.len ? cli->words.items[0] : NULL;
	cleanup_buf struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		names[i] = kinds[i].name;
	*ret_kind = word ? kind_find(word) : NULL;
	if (*ret_kind && cli->is_verified && (*ret_kind)->run != run_element)
		return cli_usage(NULL, "--verify compares elements; convert %s has none", word);
	if (*ret_kind && cli->words.len > 1)
		return 0;
	if (*ret_kind)
		return cli_usage(NULL, "convert %s needs what it converts", word);
	ib_suggest_text(&known, word ? word : "", names, ARRAY_SIZE(names));
	return word ? cli_usage(NULL, "unknown kind '%s'%s", word, known.data)
		    : cli_usage(NULL, "convert needs a kind%s", known.data);
}

int cmd_convert(struct cli *cli)
{
	struct convert_job j = { .arena = cli->arena, .options = &cli->options };
	const struct kind *kind;
	int status = choose_kind(cli, &kind);

	if (status)
		return status;
	j.sources = ib_sources_new();
	j.diag = ib_diag_new(j.sources);
	status = run_kind(cli, kind, &j);
	ib_elements_free(j.elements);
	ib_diag_free(j.diag);
	ib_sources_free(j.sources);
	return status;
}
