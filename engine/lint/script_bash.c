/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on the language itself: what /bin/sh need not have, what is not the same twice. */
#include "lint/script_rules.h"

#include <string.h>

/* Commands that bash has and POSIX does not; local is in every shell of a distribution. */
static const struct {
	const char *name;
	const char *option; /* only with it: the first word behind the name; NULL: any */
} bash_commands[] = {
	{ "source", NULL },    { "declare", NULL }, { "typeset", NULL }, { "let", NULL },
	{ "pushd", NULL },     { "popd", NULL },    { "shopt", NULL },   { "mapfile", NULL },
	{ "readarray", NULL }, { "echo", "-e" },    { "read", "-a" },    { "printf", "-v" },
	{ "read", "-p" },      { "compgen", NULL },
};

struct reported {
	const char *what[32];
	size_t len;
};

/* One finding a kind. */
static void report(struct lint *l, const struct lint_script *s, struct reported *seen,
		   struct ib_span at, const char *what)
{
	for (size_t i = 0; i < seen->len; i++)
		if (strcmp(seen->what[i], what) == 0)
			return;
	if (seen->len == ARRAY_SIZE(seen->what))
		return;
	seen->what[seen->len++] = what;
	lint_add(l, IB_R_BASHISM_IN_SH, at, "%s: bash has it, /bin/sh need not", what);
	if (s->run && !s->run->heredocs)
		ib_diag_hint(l->diag, "write SHELL [\"/bin/bash\", \"-e\", \"-c\"] above it");
	else
		ib_diag_hint(l->diag, "begin the script with #!/bin/bash");
}

static void check_bash_command(struct lint *l, const struct lint_script *s,
			       const struct shell_command *c, struct reported *seen)
{
	const char *name = c->kind == SHELL_SIMPLE && c->words.len ? c->words.items[0].text : NULL;
	const char *first = c->words.len > 1 ? c->words.items[1].text : NULL;

	if (!name)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bash_commands); i++) {
		const char *option = bash_commands[i].option;

		if (strcmp(name, bash_commands[i].name) == 0 &&
		    (!option || (first && strcmp(first, option) == 0)))
			report(l, s, seen, script_word(s, &c->words.items[0]),
			       option ? arena_printf(l->arena, "%s %s", name, option) : name);
	}
	if (strcmp(name, "[") == 0 || strcmp(name, "test") == 0)
		for (size_t i = 2; i < c->words.len; i++)
			if (c->words.items[i].text && strcmp(c->words.items[i].text, "==") == 0 &&
			    !c->words.items[i].is_quoted)
				report(l, s, seen, script_word(s, &c->words.items[i]), "== in [ ]");
	if (strcmp(name, "set") == 0 && shell_has_word(c, 1, "pipefail"))
		report(l, s, seen, script_command(s, c), "set -o pipefail");
}

void lint_4015(struct lint *l, const struct lint_script *s)
{
	static const char variables[] = "RANDOM BASH_SOURCE BASH_VERSION FUNCNAME PIPESTATUS "
					"SECONDS EUID UID HOSTNAME OSTYPE";
	struct reported seen = { 0 };
	const char *manager = script_manager(s);

	/* /bin/sh is bash where these are */
	if (s->language != LINT_SH || !s->shell || !script_is_step(s) ||
	    (manager && script_among(manager, "dnf zypper pacman")))
		return;
	vec_foreach (const struct shell_bashism, b, &s->shell->bashisms)
		report(l, s, &seen, lint_script_span(s, b->start, b->end), b->what);
	script_foreach (c, s)
		check_bash_command(l, s, c, &seen);
	vec_foreach (const struct shell_use, use, &s->shell->uses) {
		bool is_set = use->has_default || !script_among(use->name, variables);

		for (size_t i = 0; !is_set && i < s->shell->sets.len; i++)
			is_set = strcmp(s->shell->sets.items[i].name, use->name) == 0;
		if (!is_set)
			report(l, s, &seen, lint_script_span(s, use->start, use->end),
			       arena_printf(l->arena, "$%s", use->name));
	}
}

/* date without a time of its own, and without SOURCE_DATE_EPOCH */
static bool is_now(const struct script_call *call)
{
	const struct shell_command *c = call->command;

	return strcmp(call->program, "date") == 0 &&
	       !shell_has_option(c, call->at + 1, 'd', "--date") &&
	       !shell_has_option(c, call->at + 1, 'r', "--reference") &&
	       !shell_has_option(c, call->at + 1, 's', "--set");
}

void lint_8006(struct lint *l, const struct lint_script *s)
{
	if (!s->shell || !script_is_in_chroot(s) ||
	    script_find(s, 0, (uint32_t)s->len, "SOURCE_DATE_EPOCH") < s->len)
		return;
	script_foreach (c, s) {
		struct script_call call;
		bool has_output =
			c->place.in_substitution || c->redirs.len || c->after == SHELL_PIPE;

		if (!script_call(c, &call) || !has_output ||
		    (!is_now(&call) && !script_runs(&call, "uuidgen", NULL)))
			continue;
		lint_add(l, IB_R_NOT_REPRODUCIBLE, script_call_span(s, &call),
			 "'%s' gives something else in each build", call.program);
		if (is_now(&call))
			ib_diag_hint(l->diag,
				     "date -d \"@$SOURCE_DATE_EPOCH\" is the time of the recipe");
	}
	vec_foreach (const struct shell_use, use, &s->shell->uses)
		if (strcmp(use->name, "RANDOM") == 0 && !use->has_default)
			lint_add(l, IB_R_NOT_REPRODUCIBLE,
				 lint_script_span(s, use->start, use->end),
				 "$RANDOM gives something else in each build");
}
