/* SPDX-License-Identifier: Apache-2.0 */
/* lint [FILE|DIR|-]...: judge recipes, elements and dib's YAML. */
#include "cli/cli.h"

#include "support/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define FIX_ROUNDS 10

int cmd_lint(struct cli *cli);

static int list_rules(struct cli *cli)
{
	struct lint_rule_info_vec rules = { NULL, 0, 0 };

	lint_rules(cli->arena, &rules);
	vec_foreach (struct lint_rule_info, r, &rules)
		printf("IB%d  %-8s%-5s%-28s%s\n", r->row->id, lint_level_name(r->row->severity),
		       r->is_fixable    ? "fix"
		       : r->is_optional ? "off"
					: "",
		       lint_slug(r->row, cli->arena), r->summary ? r->summary : "");
	return IB_EXIT_OK;
}

static int explain(struct cli *cli, const char *name)
{
	const struct ib_diag_row *row = lint_rule_find(name);
	const char *page = row ? lint_page(row, cli->arena) : NULL;
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t n = 0;

	if (!row)
		return cli_usage("`imagebuild lint --list` has the rules", "no rule is named '%s'",
				 name);
	if (!page)
		return cli_usage(NULL, "IB%d has no page here; docs/lint is not installed",
				 row->id);
	if (fs_read_at(AT_FDCWD, page, 1 << 20, &text, &n, &err) < 0)
		return cli_fail(cli, NULL, &err);
	(void)fwrite(text, 1, n, stdout);
	return IB_EXIT_OK;
}

static const struct lint_format *format_find(const char *word, size_t n)
{
	for (size_t i = 0; i < lint_formats_len; i++)
		if (strlen(lint_formats[i].name) == n &&
		    strncmp(lint_formats[i].name, word, n) == 0)
			return &lint_formats[i];
	return NULL;
}

static int check_format(const struct cli *cli, const char *form)
{
	const char *names[16];
	size_t n = strcspn(form, "=");

	if (!format_find(form, n)) {
		cleanup_buf struct buf known = BUF_INIT;

		for (size_t i = 0; i < lint_formats_len; i++)
			names[i] = lint_formats[i].name;
		ib_suggest_text(&known, form, names, lint_formats_len);
		return cli_usage(NULL, "--format: unknown value '%s'%s", form, known.data);
	}
	if (form[n] && !form[n + 1])
		return cli_usage(NULL, "--format=%s: the file's name is empty", form);
	vec_foreach (const char *, other, &cli->lint_formats)
		if (*other != form && strcmp(strchrnul(*other, '='), form + n) == 0)
			return cli_usage("write --format FORM=FILE",
					 "--format %s and %s both go to %s", form, *other,
					 form[n] ? form + n + 1 : "standard output");
	return 0;
}

/* The option's value where it was not given: of the variable NAME, unless that is empty. */
static void from_environment(const char **value, const char *name)
{
	const char *text = getenv(name);

	if (!*value && text && *text)
		*value = text;
}

static bool is_true(const char *name)
{
	const char *text = getenv(name);

	return text && strcmp(text, "true") == 0;
}

/* Without --format: what the environment says, else what the CI system reads, else what people
 * read. */
static void default_formats(struct cli *cli)
{
	const char *words = "tty";

	if (is_true("GITHUB_ACTIONS"))
		words = "github";
	else if (is_true("GITLAB_CI"))
		words = "plain gitlab=gl-code-quality-report.json";
	if (getenv("IMAGEBUILD_LINT_FORMAT") && *getenv("IMAGEBUILD_LINT_FORMAT"))
		words = getenv("IMAGEBUILD_LINT_FORMAT");
	for (size_t n; *(words += strspn(words, " ")); words += n) {
		n = strcspn(words, " ");
		vec_push(cli->arena, &cli->lint_formats, arena_strndup(cli->arena, words, n));
	}
}

static int settle(struct cli *cli)
{
	int level = -1, r = 0;

	from_environment(&cli->fail_level, "IMAGEBUILD_LINT_FAIL_LEVEL");
	from_environment(&cli->lint.config, "IMAGEBUILD_LINT_CONFIG");
	from_environment(&cli->lint.baseline, "IMAGEBUILD_LINT_BASELINE");
	if (cli->fail_level && !lint_level_find(cli->fail_level, &level))
		return cli_usage(NULL,
				 "--fail-level=%s: expected error, warning, info, style or none",
				 cli->fail_level);
	cli->lint.fail_level = level;
	if (cli->is_without_shellcheck)
		cli->lint.shellcheck = "";
	vec_foreach (const char *, f, &cli->files)
		if (cli->is_fix && strcmp(*f, "-") == 0)
			return cli_usage(NULL, "--fix cannot write standard input anew");
	if (!cli->lint_formats.len)
		default_formats(cli);
	vec_foreach (const char *, f, &cli->lint_formats)
		r = r ? r : check_format(cli, *f);
	return r;
}

/* Each format to its file, or to standard output. */
static int print(struct cli *cli, const struct lint *l)
{
	bool has_color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	struct ib_error err = IB_ERROR_INIT;

	vec_foreach (const char *, f, &cli->lint_formats) {
		size_t n = strcspn(*f, "=");
		cleanup_buf struct buf out = BUF_INIT;
		const char *file = (*f)[n] ? *f + n + 1 : NULL;
		const struct lint_format *format = format_find(*f, n);

		if (format)
			format->write(l, &out, !file && has_color);
		if (!file)
			cli_write(&out);
		else if (fs_write_at(AT_FDCWD, file, out.data ? out.data : "", out.len, 0644,
				     &err) < 0)
			return cli_fail(cli, NULL, &err);
	}
	return IB_EXIT_OK;
}

static int judge(struct cli *cli, struct lint *l)
{
	struct ib_error err = IB_ERROR_INIT;
	int highest = IB_EXIT_OK;

	vec_foreach (const char *, path, &cli->files) {
		int status = lint_path(l, *path, &err) < 0 ? cli_fail(cli, NULL, &err) : IB_EXIT_OK;

		if (status > highest)
			highest = status;
	}
	if (lint_finish(l, &err) < 0)
		return cli_fail(cli, NULL, &err);
	return highest;
}

static int fix_once(struct cli *cli, size_t *ret_fixed)
{
	struct ib_error err = IB_ERROR_INIT;
	struct lint *l = lint_new(&cli->options, &cli->lint);
	int status = judge(cli, l);

	*ret_fixed = 0;
	if (!status && lint_fix(l, ret_fixed, &err) < 0)
		status = cli_fail(cli, NULL, &err);
	lint_free(l);
	return status;
}

/* Mends until nothing is left to mend, for edits that overlap wait for the next round, and says how
 * much. What is left is judged anew. */
static int fix(struct cli *cli)
{
	size_t all = 0, fixed = 1;
	int status = IB_EXIT_OK;

	for (int i = 0; i < FIX_ROUNDS && !status && fixed; i++) {
		status = fix_once(cli, &fixed);
		all += fixed;
	}
	if (!status && all && !cli->is_quiet)
		(void)fprintf(stderr, "imagebuild: mended %zu finding%s\n", all,
			      all == 1 ? "" : "s");
	return status;
}

int cmd_lint(struct cli *cli)
{
	struct lint *l;
	int status;

	if (cli->is_list)
		return list_rules(cli);
	if (cli->explained)
		return explain(cli, cli->explained);
	vec_foreach (const char *, word, &cli->words)
		vec_push(cli->arena, &cli->files, *word);
	if (!cli->files.len)
		vec_push(cli->arena, &cli->files, "Imagefile");
	status = settle(cli);
	if (!status && cli->is_fix)
		status = fix(cli);
	if (status)
		return status;
	l = lint_new(&cli->options, &cli->lint);
	status = judge(cli, l);
	if (status == IB_EXIT_OK) {
		if (lint_note(l) && !cli->is_quiet)
			(void)fprintf(stderr, "imagebuild: %s\n", lint_note(l));
		status = print(cli, l);
		if (status == IB_EXIT_OK)
			status = lint_status(l);
	}
	lint_free(l);
	return status;
}
