/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on what commands do in a build: that wait for an answer, need an init, leave something
 * running. */
#include "lint/script_rules.h"

#include <imagebuild/intern.h>

#include <string.h>

void lint_4006(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || call.at != 0 || !script_runs(&call, "which", NULL) ||
		    c->words.len != 2 || call.sub_at != 1)
			continue;
		lint_add(l, IB_R_WHICH, script_word(s, &c->words.items[0]),
			 "'which' is a package of its own and not in every image");
		ib_diag_hint(l->diag, "use 'command -v'");
		ib_diag_edit(l->diag, script_word(s, &c->words.items[0]), "command -v");
	}
}

void lint_4011(struct lint *l, const struct lint_script *s)
{
	const struct shell_commands *all = script_commands(s);
	const struct shell_command *c = all->items;

	if (!s->run || s->run->heredocs || all->len < 2 || c->kind != SHELL_SIMPLE ||
	    c->words.len != 2 || (c->after != SHELL_AND && c->after != SHELL_SEMI) ||
	    c->place.in_subshell)
		return;
	if (!c->words.items[0].text || strcmp(c->words.items[0].text, "cd") != 0 ||
	    !c->words.items[1].text || c->words.items[1].text[0] != '/' || !script_is_in_chroot(s))
		return;
	lint_add(l, IB_R_CD_INSTEAD_OF_WORKDIR, script_command(s, c),
		 "'cd' in front of the commands of a RUN");
	ib_diag_hint(l->diag, "write WORKDIR %s above it", c->words.items[1].text);
}

void lint_4012(struct lint *l, const struct lint_script *s)
{
	if (!script_is_in_chroot(s))
		return;
	script_foreach (c, s) {
		const struct shell_word *w = c->words.items;

		if (c->kind != SHELL_SIMPLE || c->words.len < 2 || !w->text ||
		    strcmp(w->text, "sudo") != 0)
			continue;
		if (w[1].text && w[1].text[0] == '-' && !script_among(w[1].text, "-E -H -n"))
			continue;
		lint_add(l, IB_R_SUDO_IN_CHROOT, script_word(s, w),
			 "steps in the image run as root already");
		if (w[1].text && w[1].text[0] != '-' && !w[1].is_assignment)
			ib_diag_edit(l->diag, lint_script_span(s, w->start, w[1].start), "");
	}
}

/* Package managers that ask unless told not to. */
static const struct asker {
	const char *names, *subs;
	char letter;
	const char *option, *others, *edit;
	bool is_behind_program; /* the option stands in front of the subcommand */
} askers[] = {
	{ "dnf yum microdnf tdnf",
	  "install remove erase update upgrade distro-sync autoremove groupinstall group downgrade "
	  "reinstall",
	  'y', "--assumeyes", "-q --assumeno --downloadonly", " -y", false },
	{ "zypper", "install in remove rm update up dup dist-upgrade patch", 'n',
	  "--non-interactive", "-y --no-confirm --dry-run", " --non-interactive", true },
	{ "pacman", NULL, '\0', "--noconfirm", "-Q -Qi -T -V", " --noconfirm", true },
};

static void check_asker(struct lint *l, const struct lint_script *s, const struct script_call *call,
			const struct asker *a)
{
	const struct shell_command *c = call->command;
	const struct shell_word *behind =
		&c->words.items[a->is_behind_program ? call->at : call->sub_at];

	if (shell_has_option(c, call->at + 1, a->letter, a->option) || c->before == SHELL_PIPE ||
	    script_has_dynamic(call))
		return;
	for (size_t i = call->at + 1; i < c->words.len; i++)
		if (!c->words.items[i].text ? c->words.items[i].has_unquoted && i < call->sub_at
					    : script_among(c->words.items[i].text, a->others))
			return;
	lint_add(l, IB_R_INTERACTIVE_COMMAND, script_call_span(s, call),
		 "'%s' asks before it does so, and no one answers", call->program);
	ib_diag_hint(l->diag, "add%s", a->edit);
	ib_diag_edit(l->diag, script_behind(s, behind), a->edit);
}

/* read from the terminal: neither redirected, nor in a pipe or a loop that is */
static bool reads_terminal(const struct shell_command *c)
{
	if (c->before == SHELL_PIPE || c->place.in_loop || c->place.function ||
	    shell_has_option(c, 1, 't', NULL) || shell_has_option(c, 1, 'u', NULL))
		return false;
	vec_foreach (const struct shell_redir, r, &c->redirs)
		if (r->op == SHELL_READ || r->op == SHELL_HEREDOC || r->op == SHELL_HERESTRING ||
		    r->op == SHELL_DUP)
			return false;
	return !c->place.in_subshell;
}

void lint_4013(struct lint *l, const struct lint_script *s)
{
	static const char editors[] =
		"vi vim nvim nano emacs top htop mysql_secure_installation visudo vipw crontab-e";

	if (!script_is_step(s))
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(askers); i++)
			if (script_runs(&call, askers[i].names, askers[i].subs))
				check_asker(l, s, &call, &askers[i]);
		if ((script_among(call.program, editors) && c->before != SHELL_PIPE &&
		     !shell_has_option(c, 1, 'b', NULL) && !shell_has_option(c, 1, 'c', NULL) &&
		     !shell_has_option(c, 1, 'e', "--batch")) ||
		    (strcmp(call.program, "read") == 0 && reads_terminal(c)))
			lint_add(l, IB_R_INTERACTIVE_COMMAND,
				 script_word(s, &c->words.items[call.at]),
				 "'%s' waits for someone at the terminal", call.program);
	}
}

void lint_4014(struct lint *l, const struct lint_script *s)
{
	static const char verbs[] = "start restart reload try-restart reload-or-restart stop "
				    "isolate daemon-reload condrestart";

	if (!script_is_in_chroot(s))
		return;
	script_foreach (c, s) {
		struct script_call call;
		const char *action;

		if (!script_call(c, &call) || c->after == SHELL_OR || c->place.in_condition)
			continue;
		action = call.sub_at + 1 < c->words.len ? c->words.items[call.sub_at + 1].text
							: NULL;
		if (!(script_runs(&call, "systemctl initctl", verbs) &&
		      !shell_has_option(c, 1, '\0', "--root") &&
		      !shell_has_option(c, 1, '\0', "--user")) &&
		    !(script_runs(&call, "service invoke-rc.d", NULL) && action &&
		      script_among(action, verbs)) &&
		    !(script_runs(&call, "systemctl", "enable") &&
		      shell_has_option(c, 1, '\0', "--now")))
			continue;
		lint_add(l, IB_R_SYSTEMCTL_START_IN_CHROOT, script_call_span(s, &call),
			 "no init runs while an image is built");
		ib_diag_hint(l->diag, "'systemctl enable' makes it start at boot");
	}
}

/* What is read as one value wherever it stands. */
static bool is_number(const struct shell_use *use)
{
	return script_among(use->name, "# ? $ ! -") ||
	       script_among(use->name, "UID EUID PPID RANDOM SECONDS LINENO");
}

void lint_4016(struct lint *l, const struct lint_script *s)
{
	if (!s->shell)
		return;
	vec_foreach (const struct shell_use, use, &s->shell->uses) {
		const struct shell_command *c;

		if (!use->is_split || is_number(use) || use->command == SHELL_NO_COMMAND ||
		    s->text[use->start + 1] == '#')
			continue;
		c = &s->shell->commands.items[use->command];
		if (c->kind != SHELL_SIMPLE ||
		    (c->words.len && use->start == c->words.items[0].start))
			continue;
		lint_add(l, IB_R_UNQUOTED_EXPANSION, lint_script_span(s, use->start, use->end),
			 "a value with blanks or '*' becomes several words");
	}
}

void lint_4017(struct lint *l, const struct lint_script *s)
{
	if (script_has_errexit(s) || s->is_environment)
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || !script_runs(&call, "cd pushd", NULL) ||
		    script_is_guarded(c) || c->after == SHELL_NONE || call.sub_at != call.at + 1)
			continue;
		lint_add(l, IB_R_CD_NO_EXIT, script_command(s, c),
			 "where this fails, what follows runs in another directory");
		ib_diag_hint(l->diag, "use 'cd .. || exit', or 'set -e'");
	}
}

/* Whether NAME surely has a value: of dib's contract, or by the script, which sets SETS. */
static bool has_value(struct lint *l, const struct map *sets, const char *name)
{
	static const char contract[] = "TMP_MOUNT_PATH TARGET_ROOT TMP_HOOKS_PATH TMP_BUILD_DIR "
				       "TMP_IMAGE_DIR DIB_IMAGE_CACHE "
				       "_LIB HOME PWD TMPDIR DIB_LOCKFILES";

	return script_among(name, contract) || map_get(sets, intern_str(l->names, name));
}

/* The operand W of rm -r: what of it is emptied leaves a path at the root. */
static bool is_root_when_empty(struct lint *l, const struct lint_script *s, const struct map *sets,
			       const struct shell_word *w)
{
	const struct shell_use *use = s->shell->uses.items + w->use;
	uint32_t start = w->start, end;

	if (w->text)
		return strcmp(w->text, "/") == 0 || (strcmp(w->text, "/*") == 0 && w->has_glob);
	if (w->use == w->use_end || w->has_substitution)
		return false;
	start += s->text[start] == '"';
	start += s->text[start] == '/';
	if (use->start != start || use->has_default || s->shell->has_nounset ||
	    s->shell->has_source || has_value(l, sets, use->name))
		return false;
	end = use->end + (s->text[use->end] == '"');
	return end < w->end && s->text[end] == '/';
}

void lint_4018(struct lint *l, const struct lint_script *s)
{
	struct map sets = { NULL, 0, 0 };

	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || strcmp(call.program, "rm") != 0 ||
		    c->place.function ||
		    (!shell_has_option(c, call.at + 1, 'r', "--recursive") &&
		     !shell_has_option(c, call.at + 1, 'R', NULL)))
			continue;
		if (sets.len == 0)
			script_add_sets(l, &sets, s->shell);
		for (size_t i = call.at + 1; i < c->words.len; i++) {
			const struct shell_word *w = &c->words.items[i];

			if (!is_root_when_empty(l, s, &sets, w))
				continue;
			lint_add(l, IB_R_RM_RF_VAR, script_word(s, w),
				 w->text ? "all of the tree is removed"
					 : "where the variable is empty, this removes from the "
					   "root");
			if (!w->text)
				ib_diag_hint(l->diag, "write ${%s:?}",
					     s->shell->uses.items[w->use].name);
		}
	}
}

/* A directory of the system that builds. */
static bool is_host_path(const char *path)
{
	static const char roots[] = "bin boot etc home lib lib64 opt root sbin srv usr var";
	char name[8] = "";
	size_t n = path[0] == '/' ? strcspn(path + 1, "/") : 0;

	if (n == 0 || n >= sizeof(name) || strncmp(path, "/var/tmp", 8) == 0)
		return false;
	memcpy(name, path + 1, n);
	return script_among(name, roots);
}

static void check_host_word(struct lint *l, const struct lint_script *s, const struct shell_word *w)
{
	if (!w->text || !is_host_path(w->text))
		return;
	lint_add(l, IB_R_HOST_PATH_WRITE, script_word(s, w),
		 "'%s' is changed on the machine that builds", w->text);
	ib_diag_hint(l->diag, "the image's tree is at $TMP_MOUNT_PATH");
}

void lint_4020(struct lint *l, const struct lint_script *s)
{
	if (!s->is_hook || s->phase == IB_PHASE_NONE || s->side != IB_HOST)
		return;
	script_foreach (c, s) {
		struct script_call call;

		vec_foreach (const struct shell_redir, r, &c->redirs)
			if (r->op == SHELL_WRITE || r->op == SHELL_APPEND)
				check_host_word(l, s, &r->target);
		if (!script_call(c, &call) || call.sub_at >= c->words.len ||
		    shell_has_word(c, 0, "chroot"))
			continue;
		if (script_runs(&call, "cp mv install ln rsync", NULL))
			check_host_word(l, s, &c->words.items[c->words.len - 1]);
		if (script_runs(&call, "tee mkdir rm touch", NULL))
			for (size_t i = call.sub_at; i < c->words.len; i++)
				check_host_word(l, s, &c->words.items[i]);
	}
}

void lint_4021(struct lint *l, const struct lint_script *s)
{
	if (!script_is_step(s))
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (script_call(c, &call) &&
		    script_runs(&call, "wait kill pkill killall trap", NULL))
			return;
	}
	script_foreach (c, s) {
		if (c->after != SHELL_AMP || c->kind != SHELL_SIMPLE)
			continue;
		lint_add(l, IB_R_BACKGROUND_PROCESS, script_command(s, c),
			 "it is left running when the step ends");
		ib_diag_hint(l->diag, "'wait' for it, or 'kill' it");
	}
}
