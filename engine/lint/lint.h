/* SPDX-License-Identifier: Apache-2.0 */
/* Lint: recipes, fragments, elements, trees of them, scripts and dib's YAML are read and judged; nothing of them is
 * run. Rules: rules/<subject>.def; catalogue: shared/design/lint-rules.md. */
#ifndef IMAGEBUILD_LINT_H
#define IMAGEBUILD_LINT_H

#include <imagebuild/buf.h>
#include <imagebuild/diag.h>
#include <imagebuild/options.h>

struct ib_error;
struct lint;

/* Traits of the rows of rules/<subject>.def. */
enum { LINT_FIX = 1, LINT_OPTIONAL = 2 };

/* What rules.def says of a rule, and diags.def of what the compiler reports. */
struct lint_rule_info {
	const struct ib_diag_row *row;
	const char *summary;   /* NULL for a row of diags.def */
	bool is_fixable, is_optional; /* optional: off unless the configuration turns it on */
};
struct lint_rule_info_vec VEC(struct lint_rule_info);
/* All rules by number; memory of A. */
void lint_rules(struct arena *a, struct lint_rule_info_vec *ret_rules);
/* "IB2005" or "unused-arg", in any case; NULL where no rule has that name. */
const struct ib_diag_row *lint_rule_find(const char *name);
/* "unused-arg" of UNUSED_ARG. */
const char *lint_slug(const struct ib_diag_row *row, struct arena *a);
/* The path of its page (docs/lint/IB2005.md), or NULL. */
const char *lint_page(const struct ib_diag_row *row, struct arena *a);

/* "error", "warning", "info", "style"; "none" is IB_ERROR + 1, above all; false for another word. */
bool lint_level_find(const char *word, int *ret_level);
const char *lint_level_name(enum ib_severity severity);

struct lint_settings {
	const char *config;	   /* --config; NULL: .imagebuild.yaml, upwards from each input */
	const char *baseline;	   /* --baseline, or NULL */
	const char *stdin_name;	   /* what "-" is called; NULL: "-" */
	const char *shellcheck;	   /* the program; NULL: looked for on PATH; "": not run */
	int fail_level;		   /* --fail-level; -1: the configuration's, else IB_WARNING */
	struct str_vec levels;	   /* --rule=RULE=LEVEL: over the configuration's */
};

/* OPTIONS: element path and library; SETTINGS and OPTIONS are borrowed and outlive it. */
struct lint *lint_new(const struct ib_options *options, const struct lint_settings *settings);
void lint_free(struct lint *l);

/* Reads and judges PATH: a file, a directory, or "-". -1 with ERR: unreadable (IB_EXIT_USAGE). */
int lint_path(struct lint *l, const char *path, struct ib_error *err);

enum lint_state { LINT_SHOWN, LINT_SUPPRESSED, LINT_IN_BASELINE };

struct lint_result {
	const struct ib_finding *finding;
	enum ib_severity severity; /* as the configuration says */
	enum lint_state state;
	const char *reason;	   /* of a suppression, or NULL */
	const char *file;	   /* as given */
	uint32_t line, column, end_line, end_column; /* from 1, in bytes; the end is behind the last one */
	uint32_t equal_before;	   /* results of the same rule in this file before it whose lines are alike */
};
struct lint_result_vec VEC(struct lint_result);

/* Settles levels, suppressions and the baseline, once all paths are read. Rules that are off, notes, and what lies in
 * files that were not given are left out. */
int lint_finish(struct lint *l, struct ib_error *err);
/* What should be known of the run, after lint_finish: that shellcheck is not there; NULL: nothing. */
const char *lint_note(const struct lint *l);
const struct lint_result_vec *lint_results(const struct lint *l);
/* The files that were judged, as given, in order: also those without a finding. */
const struct str_vec *lint_files(const struct lint *l);
const struct ib_diag *lint_diag(const struct lint *l);
/* IB_EXIT_INPUT where a shown finding is at or above the fail level, else IB_EXIT_OK. */
int lint_status(const struct lint *l);
/* Writes the files anew with the edits of shown findings, and says how many it mended; one whose edits overlap others
 * waits for the next time. */
int lint_fix(struct lint *l, size_t *ret_fixed, struct ib_error *err);
/* What is shown, and what a baseline hides, as a baseline file: the format "baseline". */
void lint_baseline(const struct lint *l, struct buf *out, bool has_color);
/* A stable name of a result: of file, rule, the text of its line without blanks, and how many equal ones come before
 * it; hex of the SHA-256's first 16 bytes. Equal when lines move. */
void lint_fingerprint(const struct lint *l, const struct lint_result *r, char ret_hex[33]);

/* format.c: "tty", "plain", "json", "sarif", "github", "gitlab", "checkstyle", "junit", "baseline". */
struct lint_format {
	const char *name, *help;
	void (*write)(const struct lint *l, struct buf *out, bool has_color);
};
extern const struct lint_format lint_formats[];
extern const size_t lint_formats_len;

#endif
