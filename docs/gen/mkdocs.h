/* SPDX-License-Identifier: Apache-2.0 */
/* The tables as mkdocs reads them. It writes to standard output. */
#ifndef IMAGEBUILD_MKDOCS_H
#define IMAGEBUILD_MKDOCS_H

#include "cli/cli.h"
#include "directive.h"

#include <stdio.h>

enum help_kind { HELP_INSTRUCTION, HELP_FLAG, HELP_KEY, HELP_NODE, HELP_FORMAT, HELP_PHASE };

struct help {
	enum help_kind kind;
	const char *row, *name; /* row "": for all rows that have NAME */
	const char *value, *text;
};

struct option {
	const char *name;
	char letter;
	int verbs;
	const char *value, *help;
};
extern const struct option options[];
extern const size_t options_len;

struct format {
	const char *name, *suffix;
	bool is_later;
};
extern const struct format formats[];
extern const size_t formats_len;

struct node {
	const char *name, *keys, *role;
	bool is_later;
};
extern const struct node nodes[];
extern const size_t nodes_len;

/* A message of the compiler or a rule of lint. */
struct rule {
	int id;
	const char *slug;
	enum ib_severity severity;
	int traits; /* LINT_FIX, LINT_OPTIONAL */
};
const struct rule *rules_sorted(size_t *ret_len);
/* Prints "unused-suppression". */
void rule_name(const struct rule *r);
/* "warning, fix"; good until the next call, as is rule_text: what its page says below the heading. */
const char *rule_traits(const struct rule *r);
const char *rule_text(const struct rule *r);
/* Prints TEXT as a table's cell. */
void cell(const char *text);

/* The text of a row; ends the program where there is none. */
const struct help *help_find(enum help_kind kind, const char *row, const char *name);
/* The next of NAMES ("phase@ order#"), without its last character; false at the end. */
bool name_next(const char **names, char *ret_name, size_t size);

void write_reference(void);
void write_rules(void);
/* 0, or 1 for a template that cannot be read. */
int write_man(const char *template);
void write_bash(void);
void write_zsh(void);

#endif
