/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules on scripts share. */
#ifndef IMAGEBUILD_LINT_SCRIPT_RULES_H
#define IMAGEBUILD_LINT_SCRIPT_RULES_H

#include "lint/private.h"
#include "lint/shell.h"

/* The commands of S; none of a script in another language. */
const struct shell_commands *script_commands(const struct lint_script *s);
#define script_foreach(c, s) vec_foreach (const struct shell_command, c, script_commands(s))

/* A command that runs a program: "sudo apt-get -q install x" runs apt-get with install. */
struct script_call {
	const struct shell_command *command;
	const char *program; /* its base name */
	size_t at;           /* the index of its word */
	const char *sub; /* the first word behind it that is no option; "" if none or not static */
	size_t sub_at;   /* its index; the number of words if there is none */
};
/* False where C runs no program with a static name. */
bool script_call(const struct shell_command *c, struct script_call *ret_call);
/* Whether the program is one of NAMES ("apt-get apt"), the word behind it one of SUBS (NULL: any).
 */
bool script_runs(const struct script_call *call, const char *names, const char *subs);
/* Whether WORD is among LIST, separated by blanks. */
bool script_among(const char *word, const char *list);
/* Whether a word behind the program is not static, so that it may be any option. */
bool script_has_dynamic(const struct script_call *call);

struct ib_span script_word(const struct lint_script *s, const struct shell_word *w);
struct ib_span script_command(const struct lint_script *s, const struct shell_command *c);
/* The program and the word behind it, as far as they stand together. */
struct ib_span script_call_span(const struct lint_script *s, const struct script_call *call);
/* An empty span behind W, for an edit. */
struct ib_span script_behind(const struct lint_script *s, const struct shell_word *w);

/* Adds the names that SHELL sets to NAMES, interned in l->names, each with itself as its value. */
void script_add_sets(struct lint *l, struct map *names, const struct shell *shell);

/* Whether a failure ends the script; whether it runs in the tree of the image. */
bool script_has_errexit(const struct lint_script *s);
bool script_is_in_chroot(const struct lint_script *s);
/* Whether it is run to build: a RUN or a hook, not a program or an environment file of an element.
 */
bool script_is_step(const struct lint_script *s);
/* Whether C's failure is looked at where it stands. */
bool script_is_guarded(const struct shell_command *c);
/* The next pipe partner behind C (C | next), or NULL. */
const struct shell_command *script_piped_to(const struct lint_script *s,
					    const struct shell_command *c);

/* The first place of NEEDLE in the bytes [FROM, END) of the script; END if there is none. */
uint32_t script_find(const struct lint_script *s, uint32_t from, uint32_t end, const char *needle);
/* The texts that C takes: its words and its heredocs, one a call; *AT begins with 0. False behind
 * the last one. */
bool script_next_text(const struct shell_command *c, size_t *at, struct shell_span *ret_text);
/* The package manager of the base that a RUN stands behind: "apt-get", "dnf", ..; NULL where it is
 * not known. */
const char *script_manager(const struct lint_script *s);

#endif
