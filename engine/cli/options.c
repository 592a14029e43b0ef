/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: the table of options (options.def), and what follows from the caller's
 * environment. */
#include "cli/cli.h"

#include "build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_kind {
	OPT_FLAG,   /* bool */
	OPT_STRING, /* const char * */
	OPT_LIST,   /* struct str_vec: repeatable */
	OPT_COMMAS, /* struct str_vec: repeatable, split at commas */
	OPT_PAIR,   /* struct ib_pair_vec: N=V, repeatable */
	OPT_ENV,    /* the same; a bare N takes the caller's value */
	OPT_SECRET, /* struct ib_secret_vec: repeatable */
	OPT_LATER   /* known, not built yet */
};

struct option_row {
	const char *name;
	char letter;
	enum option_kind kind;
	size_t offset;
	int verbs; /* enum verb_class */
	const char *value, *help;
};

static const struct option_row rows[] = {
#define OPTION(name, letter, kind, member, verbs, value, help) \
	{ name, letter, OPT_##kind, offsetof(struct cli, member), verbs, value, help },
#define OPTION_LATER(name, verbs, value) { name, 0, OPT_LATER, 0, verbs, value, NULL },
#include "cli/options.def"
#undef OPTION
#undef OPTION_LATER
};

static const char *const progress_names[] = { "auto", "tty", "plain", "json" };
static bool takes_value(const struct option_row *row)
{
	return row->kind == OPT_LATER ? row->value != NULL : row->kind != OPT_FLAG;
}

void cli_print_options(const struct command *command)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char left[64];

		if (!(rows[i].verbs & command->options) || rows[i].kind == OPT_LATER)
			continue;
		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", rows[i].letter ? '-' : ' ',
			       rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? ", " : "  ",
			       rows[i].name, rows[i].value ? "=" : "",
			       rows[i].value ? rows[i].value : "");
		printf("  %-26s %s\n", left, rows[i].help);
	}
}

/* The row of that name that VERBS take; where they take none, any. */
static const struct option_row *row_find(const char *name, size_t n, int verbs)
{
	const struct option_row *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == n && memcmp(rows[i].name, name, n) == 0 &&
		    (!found || rows[i].verbs & verbs))
			found = &rows[i];
	return found;
}

static const struct option_row *row_letter(char letter, int verbs)
{
	const struct option_row *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].letter && rows[i].letter == letter && (!found || rows[i].verbs & verbs))
			found = &rows[i];
	return found;
}

static void split_commas(struct arena *a, struct str_vec *list, const char *text)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, ',');
		if (end > text)
			vec_push(a, list, arena_strndup(a, text, (size_t)(end - text)));
	}
}

static int add_pair(struct cli *cli, const struct option_row *row, struct ib_pair_vec *list,
		    const char *text)
{
	const char *equals = strchr(text, '=');
	struct ib_pair pair = { .key = text };

	if (!equals && row->kind == OPT_PAIR)
		return cli_usage(NULL, "--%s=%s: expected NAME=VALUE", row->name, text);
	if (equals) {
		pair.key = arena_strndup(cli->arena, text, (size_t)(equals - text));
		pair.value = equals + 1;
	} else {
		pair.value = getenv(text);
	}
	if (!*pair.key)
		return cli_usage(NULL, "--%s=%s: the name is empty", row->name, text);
	if (!pair.value)
		return cli_usage(NULL, "--env=%s: the variable is not set; write --env=%s=VALUE",
				 text, text);
	vec_push(cli->arena, list, pair);
	return 0;
}

/* What a user of Docker types, and what it is here. */
static int refuse_docker(const struct option_row *row, const char *value)
{
	if (row->letter == 't' && strchr(value, ':'))
		return cli_usage(
			"the image's name is -o NAME, a docker tag is OUTPUT --tag=NAME:TAG",
			"-t %s: -t takes formats (-t qcow2,raw)", value);
	if (row->letter == 'o' && strncmp(value, "type=", 5) == 0)
		return cli_usage("write -o NAME -t FORMAT", "-o %s: -o takes the image's name",
				 value);
	return 0;
}

static int secret_usage(const char *text, const char *why)
{
	return cli_usage("write --secret id=ID,src=FILE or --secret id=ID,env=VARIABLE",
			 "--secret=%s: %s", text, why);
}

/* KEY=VALUE, N bytes of the option's TEXT. */
static int add_secret_part(struct cli *cli, struct ib_secret *s, const char *text, const char *part,
			   size_t n)
{
	const char *equals = memchr(part, '=', n);
	const char *value =
		equals ? arena_strndup(cli->arena, equals + 1, n - (size_t)(equals - part) - 1)
		       : "";
	const struct {
		const char *key;
		const char **at;
	} keys[] = { { "id", &s->id },
		     { "src", &s->file },
		     { "source", &s->file },
		     { "env", &s->variable } };

	for (size_t i = 0; *value && i < ARRAY_SIZE(keys); i++) {
		if (strlen(keys[i].key) != (size_t)(equals - part) ||
		    strncmp(part, keys[i].key, (size_t)(equals - part)) != 0)
			continue;
		if (*keys[i].at)
			return secret_usage(text, "a key is given twice");
		*keys[i].at = value;
		return 0;
	}
	return secret_usage(text, *value ? "unknown key" : "a key has no value");
}

static int add_secret(struct cli *cli, struct ib_secret_vec *list, const char *text)
{
	struct ib_secret s = { 0 };
	int r = 0;

	for (const char *part = text, *end; r == 0 && *part; part = *end ? end + 1 : end) {
		end = strchrnul(part, ',');
		r = add_secret_part(cli, &s, text, part, (size_t)(end - part));
	}
	if (r)
		return r;
	if (!s.id)
		return secret_usage(text, "it has no id");
	if (!s.file == !s.variable)
		return secret_usage(text, s.file ? "it has both src and env"
						 : "it has neither src nor env");
	vec_foreach (const struct ib_secret, old, list)
		if (strcmp(old->id, s.id) == 0)
			return secret_usage(text, "the id is given twice");
	vec_push(cli->arena, list, s);
	return 0;
}

static int apply(struct cli *cli, const struct option_row *row, const char *value)
{
	void *at = (char *)cli + row->offset;
	int r = value ? refuse_docker(row, value) : 0;

	if (r)
		return r;
	switch (row->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_STRING:
		*(const char **)at = value;
		return 0;
	case OPT_LIST:
		vec_push(cli->arena, (struct str_vec *)at, value);
		return 0;
	case OPT_COMMAS:
		split_commas(cli->arena, at, value);
		return 0;
	case OPT_PAIR:
	case OPT_ENV:
		return add_pair(cli, row, at, value);
	case OPT_SECRET:
		return add_secret(cli, at, value);
	case OPT_LATER:
		break;
	}
	return cli_usage(NULL, "--%s is not built yet", row->name);
}

static int unknown_option(const char *name, int verbs)
{
	const char *names[ARRAY_SIZE(rows)];
	const char *near;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].verbs & verbs)
			names[len++] = rows[i].name;
	near = ib_suggest(name, names, len);
	if (near)
		return cli_usage(NULL, "unknown option '--%s'; did you mean '--%s'?", name, near);
	return cli_usage("imagebuild --help lists the options", "unknown option '--%s'", name);
}

/* One word of ARGV and perhaps its value; how many words were used, or minus an exit status. */
static int take_option(struct cli *cli, int verbs, int argc, char **argv)
{
	const char *word = argv[0];
	bool is_long = word[1] == '-';
	size_t n = is_long ? strcspn(word + 2, "=") : 1;
	const struct option_row *row = is_long ? row_find(word + 2, n, verbs) : row_letter(word[1], verbs);
	const char *value = NULL;
	int used = 1, r;

	if (!is_long && !row)
		return -cli_usage("imagebuild --help lists the options", "unknown option '%.2s'",
				  word);
	if (!row || !(row->verbs & verbs))
		return -unknown_option(row ? row->name : arena_strndup(cli->arena, word + 2, n),
				       verbs);
	if (is_long && word[2 + n] == '=')
		value = word + 3 + n;
	else if (!is_long && word[2])
		value = word + 2;
	if (!takes_value(row) && value)
		return -cli_usage(NULL, "--%s takes no value", row->name);
	if (takes_value(row) && !value) {
		if (argc < 2)
			return -cli_usage(NULL, "--%s needs a value (%s)", row->name, row->value);
		value = argv[used++];
	}
	if (value && !*value)
		return -cli_usage(NULL, "--%s: the value is empty", row->name);
	r = apply(cli, row, value);
	return r ? -r : used;
}

static int check_formats(const struct cli *cli)
{
	vec_foreach (const char *, f, &cli->options.formats) {
		cleanup_buf struct buf known = BUF_INIT;
		bool found = false;

		for (size_t i = 0; i < IB_FORMATS; i++)
			found = found || strcmp(*f, ib_formats[i]) == 0;
		if (found)
			continue;
		ib_suggest_text(&known, *f, ib_formats, IB_FORMATS);
		return cli_usage(NULL, "unknown format '%s'%s", *f, known.data);
	}
	return 0;
}

int cli_choose(const char *option, const char *value, const char *const *names, size_t n,
	       size_t *ret_index)
{
	cleanup_buf struct buf known = BUF_INIT;

	for (size_t i = 0; value && i < n; i++) {
		if (strcmp(value, names[i]) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	if (!value)
		return 0;
	ib_suggest_text(&known, value, names, n);
	return cli_usage(NULL, "--%s: unknown value '%s'%s", option, value, known.data);
}

/* "90", "90s", "5m", "1h" in seconds. */
static int parse_duration(const char *option, const char *text, uint64_t *ret_seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 } };
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units) && end != text && !errno && n < 1000000000; i++) {
		if (*end == units[i].unit && (!*end || !end[1])) {
			*ret_seconds = n * units[i].seconds;
			return 0;
		}
	}
	return cli_usage(NULL, "--%s=%s: expected a time like 90s, 5m or 1h", option, text);
}

static int read_epoch(struct cli *cli)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	char *end;

	cli->options.source_date_epoch = -1;
	if (!text || !*text)
		return 0;
	errno = 0;
	cli->options.source_date_epoch = strtoll(text, &end, 10);
	if (errno || *end || cli->options.source_date_epoch < 0)
		return cli_usage(NULL, "SOURCE_DATE_EPOCH=%s: expected seconds since 1970", text);
	return 0;
}

/* ELEMENTS_PATH behind --element-path; the proxy variables before --env. */
static int read_environment(struct cli *cli)
{
	static const char *const proxies[] = { "http_proxy",  "https_proxy", "ftp_proxy",
					       "no_proxy",    "all_proxy",   "HTTP_PROXY",
					       "HTTPS_PROXY", "FTP_PROXY",   "NO_PROXY",
					       "ALL_PROXY" };
	struct ib_pair_vec env = { 0 };
	const char *path = getenv("ELEMENTS_PATH");

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
		struct ib_pair pair = { .key = proxies[i], .value = getenv(proxies[i]) };

		if (pair.value)
			vec_push(cli->arena, &env, pair);
	}
	vec_foreach (struct ib_pair, p, &cli->options.env)
		vec_push(cli->arena, &env, *p);
	cli->options.env = env;
	for (const char *end; path && *path; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, ':');
		if (end == path || (*end && !end[1]))
			return cli_usage("remove the doubled or last ':'",
					 "ELEMENTS_PATH=%s: an entry is empty",
					 getenv("ELEMENTS_PATH"));
		vec_push(cli->arena, &cli->options.element_path,
			 arena_strndup(cli->arena, path, (size_t)(end - path)));
	}
	return read_epoch(cli);
}

static int settle(struct cli *cli)
{
	static const char *const refreshes[] = { "packages", "base", "sources", "all" };
	static const char *const libraries[] = { "own", "dib" };
	const char *overlay = getenv("IMAGEBUILD_OVERLAY");
	struct ib_error err = IB_ERROR_INIT;
	size_t progress = PROGRESS_AUTO, library = 0;
	int r = cli_choose("progress", cli->progress_name, progress_names,
			   ARRAY_SIZE(progress_names), &progress);

	if (!r)
		r = cli_choose("library", cli->library_name, libraries, ARRAY_SIZE(libraries),
			       &library);
	if (!r && cli->step_timeout)
		r = parse_duration("step-timeout", cli->step_timeout, &cli->options.step_timeout);
	vec_foreach (const char *, what, &cli->options.refresh) {
		size_t any;

		r = r ? r : cli_choose("refresh", *what, refreshes, ARRAY_SIZE(refreshes), &any);
	}
	if (!r)
		r = check_formats(cli);
	if (!r)
		r = read_environment(cli);
	if (r)
		return r;
	cli->progress = (enum progress)progress;
	cli->options.is_dib_library = library == 1;
	cli->options.force_old_overlay = overlay && strcmp(overlay, "mount") == 0;
	cli->options.tail_lines = 20;
	cli->has_color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
	if (ib_build_defaults(&cli->options, cli->arena, &err) < 0)
		return cli_fail(cli, NULL, &err);
	return 0;
}

int cli_parse(struct cli *cli, const struct command *command, int argc, char **argv)
{
	int verbs = command->options;

	for (int i = 0; i < argc;) {
		int used = 1;

		if (strcmp(argv[i], "--") == 0) {
			for (i++; i < argc; i++)
				vec_push(cli->arena, &cli->words, argv[i]);
			break;
		}
		if (argv[i][0] == '-' && argv[i][1])
			used = take_option(cli, verbs, argc - i, argv + i);
		else
			vec_push(cli->arena, &cli->words, argv[i]);
		if (used < 0)
			return -used;
		i += used;
	}
	return settle(cli);
}
