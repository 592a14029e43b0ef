/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on how a script takes failures: -e, -u, pipefail, statuses that are lost. */
#include "lint/script_rules.h"

#include <string.h>

/* The first command of which the failure would go unseen without -e: another one follows. */
static const struct shell_command *first_unchecked(const struct lint_script *s)
{
	const struct shell_commands *all = script_commands(s);

	for (const struct shell_command *c = all->items; c && c + 1 < all->items + all->len; c++)
		if (c->kind == SHELL_SIMPLE && c->words.len && !script_is_guarded(c) &&
		    !c->place.function && (c->after == SHELL_SEMI || c->after == SHELL_NEWLINE))
			return c;
	return NULL;
}

/* Whether it has options of its own: environment.d is sourced. */
static bool has_options(const struct lint_script *s)
{
	return s->shell && !s->is_environment;
}

static struct ib_span first_line(const struct lint_script *s, const struct shell_command *c)
{
	if (s->shell->shebang.end > 0)
		return lint_script_span(s, 0, s->shell->shebang.end);
	return script_command(s, c);
}

/* Adds the line TEXT below the shebang. */
static void edit_options(struct lint *l, const struct lint_script *s, const char *text)
{
	uint32_t end = s->shell->shebang.end;

	if (end > 0 && end < s->shell->len && !s->segments)
		ib_diag_edit(l->diag, lint_script_span(s, end + 1, end + 1), text);
}

void lint_4001(struct lint *l, const struct lint_script *s)
{
	const struct shell_command *c =
		has_options(s) && !script_has_errexit(s) ? first_unchecked(s) : NULL;

	if (!c)
		return;
	lint_add(l, IB_R_NO_ERREXIT, first_line(s, c),
		 "the script goes on behind a command that fails");
	ib_diag_hint(l->diag, "begin it with 'set -e'");
	edit_options(l, s, "set -e\n");
}

void lint_4002(struct lint *l, const struct lint_script *s)
{
	const struct shell_command *c = NULL;

	if (!has_options(s) || s->run || s->shell->has_nounset || !script_has_errexit(s))
		return;
	vec_foreach (const struct shell_use, use, &s->shell->uses)
		if (!c && !use->has_default && use->command != SHELL_NO_COMMAND &&
		    strspn(use->name, "@*#?$!-0123456789") == 0)
			c = &s->shell->commands.items[use->command];
	if (!c)
		return;
	lint_add(l, IB_R_NO_NOUNSET, first_line(s, c),
		 "a variable that is not set expands to nothing");
	ib_diag_hint(l->diag, "use 'set -u', and ${NAME:-} where it may be unset");
}

/* Whether what C writes into a pipe may be cut short: it is no echo. What a shell gets is
 * CURL_PIPE_SHELL. */
static bool may_fail(const struct lint_script *s, const struct shell_command *c)
{
	const struct shell_command *next = script_piped_to(s, c);
	struct script_call call;

	if (next && script_call(next, &call) && script_runs(&call, "sh bash", NULL))
		return false;
	return !script_call(c, &call) ||
	       !script_runs(&call, "echo printf cat yes true : ls env set", NULL);
}

void lint_4003(struct lint *l, const struct lint_script *s)
{
	if (!has_options(s) || s->shell->has_pipefail || !script_has_errexit(s))
		return;
	script_foreach (c, s) {
		if (c->kind != SHELL_SIMPLE || c->after != SHELL_PIPE || c->place.in_condition ||
		    c->place.in_substitution || !may_fail(s, c))
			continue;
		lint_add(l, IB_R_NO_PIPEFAIL, script_command(s, c),
			 "its failure is lost in the pipe");
		if (s->language == LINT_BASH)
			ib_diag_hint(l->diag, "use 'set -o pipefail'");
		else if (s->run && !s->run->heredocs)
			ib_diag_hint(l->diag, "write SHELL [\"/bin/bash\", \"-eo\", \"pipefail\", "
					      "\"-c\"], or use a file in between");
		else
			ib_diag_hint(l->diag,
				     "use bash and 'set -o pipefail', or a file in between");
		if (!s->run && s->language == LINT_BASH)
			edit_options(l, s, "set -o pipefail\n");
		return;
	}
}

void lint_4004(struct lint *l, const struct lint_script *s)
{
	const char *env = s->shebang ? strstr(s->shebang, "/usr/bin/env ") : NULL;
	uint32_t start, end;

	if (!s->is_hook || !env || s->language == LINT_OTHER)
		return;
	start = (uint32_t)(env - s->shebang);
	end = start + (uint32_t)strlen("/usr/bin/env ");
	if (strncmp(s->shebang + end, s->shell->interpreter, strlen(s->shell->interpreter)) != 0)
		return;
	lint_add(l, IB_R_SHEBANG_ENV_BASH, lint_script_span(s, 0, s->shell->shebang.end),
		 "which %s runs the hook depends on PATH", s->shell->interpreter);
	ib_diag_edit(l->diag, lint_script_span(s, start, end), "/bin/");
}

/* Whether what is substituted in W of command AT can hardly fail, or has its failure looked at
 * inside. */
static bool is_harmless(const struct lint_script *s, uint32_t at, const struct shell_word *w)
{
	static const char harmless[] =
		"echo printf dirname basename pwd uname id date hostname nproc";
	struct script_call call;
	bool is_plain = true;

	for (const struct shell_command *c = &s->shell->commands.items[at + 1],
					*end = s->shell->commands.items + s->shell->commands.len;
	     c < end && c->start < w->end; c++) {
		if (c->place.parent != at || c->start < w->start || c->end > w->end)
			continue;
		if (c->before == SHELL_OR || c->after == SHELL_OR)
			return true;
		is_plain &= script_call(c, &call) && script_runs(&call, harmless, NULL);
	}
	return is_plain;
}

void lint_4005(struct lint *l, const struct lint_script *s)
{
	if (!s->shell || !script_has_errexit(s))
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) ||
		    !script_runs(&call, "export local declare typeset readonly", NULL))
			continue;
		vec_foreach (const struct shell_assign, assign, &c->assigns) {
			uint32_t at = (uint32_t)(c - s->shell->commands.items);

			if (!assign->value.has_substitution || assign->is_array ||
			    is_harmless(s, at, &assign->value))
				continue;
			lint_add(l, IB_R_EXPORT_MASKS_STATUS,
				 lint_script_span(s, assign->start, assign->value.end),
				 "'%s' hides that the command fails", call.program);
			ib_diag_hint(l->diag, "assign first, and '%s %s' in a line of its own",
				     call.program, assign->name);
			break;
		}
	}
}
