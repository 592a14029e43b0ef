/* SPDX-License-Identifier: Apache-2.0 */
/* The program: command line, verbs, rendering. The only part that prints. */
#ifndef IMAGEBUILD_CLI_H
#define IMAGEBUILD_CLI_H

#include <imagebuild/diag.h>
#include <imagebuild/error.h>
#include <imagebuild/event.h>
#include <imagebuild/options.h>
#include <imagebuild/recipe.h>

#include "lint/lint.h"

struct convert_job;
struct elements;
struct plan;
struct store;

enum progress { PROGRESS_AUTO, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON };

/* One call of the program: its verb and what the words said. */
struct cli {
	struct arena *arena;
	struct ib_options options; /* file is set anew for each of FILES */
	struct str_vec files;      /* -f, and words of verbs that take recipes */
	struct str_vec words;      /* what is no option */
	struct str_vec outputs;    /* paths that the recipes before this one make */
	const char *progress_name, *library_name, *step_timeout, *days;
	const char *format_name, *kind_name;
	struct lint_settings lint;
	struct str_vec lint_formats; /* F or F=FILE */
	const char *fail_level, *explained;
	bool is_fix, is_list, is_without_shellcheck;
	const char *output_dir; /* of convert and export */
	bool is_forced, is_verified;
	enum progress progress;
	bool is_check, is_write;
	bool is_quiet, wants_help, wants_version, has_color;
};

/* Which options a verb takes. */
enum verb_class {
	V_BUILD = 1,
	V_RECIPE = 2, /* compiles a recipe */
	V_CACHE = 4,
	V_LOGS = 8,
	V_FORMAT = 16, /* prints in several forms */
	V_GRAPH = 32,
	V_FMT = 64,
	V_LINT = 128,
	V_CONVERT = 256,
	V_EXPORT = 512,
	V_ALL = 1023
};

struct command {
	const char *name;
	int options; /* enum verb_class */
	const char *words, *help;
	int (*run)(struct cli *cli); /* an exit status; NULL: not built yet */
};
extern const struct command commands[];
extern const size_t commands_len;

/* Reads ARGV behind the verb. 0, or IB_EXIT_USAGE after saying what is wrong. */
int cli_parse(struct cli *cli, const struct command *command, int argc, char **argv);
/* The option table, for --help. */
void cli_print_options(const struct command *command);
/* The index of VALUE in the N NAMES of --OPTION, 0 for NULL; a usage error otherwise. */
int cli_choose(const char *option, const char *value, const char *const *names, size_t n,
	       size_t *ret_index);

/* A recipe as far as it came. Zero-initialise; recipe_release takes all of it back. */
struct job {
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct elements *elements;
	struct ib_vocab vocab;
	struct ib_recipe *recipe;
	struct plan *plan;
	struct store *store; /* where there is one: the stat cache, and what is a hit; a plan makes
				none */
};

/* Opens FILE, without elements: none is unknown then. An exit status. */
int job_open(struct cli *cli, const char *file, struct job *job);
/* Prints the findings so far; IB_EXIT_INPUT if one is an error. */
int job_report(const struct cli *cli, struct ib_diag *diag);
/* Opens and compiles FILE; prints what is wrong. An exit status. */
int job_compile(struct cli *cli, const char *file, struct job *job);
/* The same and its plan. */
int job_plan(struct cli *cli, const char *file, struct job *job);
/* The same for the recipe TEXT, which is called NAME; what is wrong stays in job->diag. */
int job_plan_text(struct cli *cli, const char *name, const char *text, struct job *job);
void job_release(struct job *job);
/* Calls FN for each recipe of the command line; the highest exit status. */
int cli_each_recipe(struct cli *cli, int (*fn)(struct cli *cli, const char *file));
/* The same, for verbs whose words from FIRST on are recipes, too. */
int cli_each_word(struct cli *cli, size_t first, int (*fn)(struct cli *cli, const char *file));
/* --format=table|json; a usage error otherwise. */
int cli_choose_json(struct cli *cli, bool *ret_is_json);

/* Prints or writes what a conversion made, and its report. An exit status. */
int cli_converted(struct cli *cli, const struct convert_job *j);
/* Writes the files below DIR, all or nothing. */
int cli_write_below(const char *dir, bool is_forced, const struct convert_job *j,
		    struct ib_error *err);
/* convert --verify: J's fragments make what the elements in the directories DIRS, or in directories
 * of those, make. An exit status. */
int cli_verify_elements(struct cli *cli, const struct convert_job *j, const struct str_vec *dirs);

/* Writes TEXT to standard output. */
void cli_write(const struct buf *text);
/* Prints a machine error, at its place where it has one; returns its exit status. */
int cli_fail(const struct cli *cli, const struct ib_sources *sources, const struct ib_error *err);
/* "imagebuild: error: TEXT", a hint beneath if not NULL. Returns IB_EXIT_USAGE. */
int cli_usage(const char *hint, const char *fmt, ...) IB_PRINTF(2, 3);

struct ui {
	struct ib_sink sink;
	void (*close)(struct ui *ui);
	bool is_quiet;
	bool has_line; /* tty: a line that will be overwritten is on the screen */
	uint32_t ran, cached;
};
void ui_tty_init(struct ui *ui);
void ui_plain_init(struct ui *ui);
void ui_json_init(struct ui *ui);
/* "4.1s", "2m03s" */
void ui_duration(uint64_t nanoseconds, char *ret_text, size_t size);

#endif
