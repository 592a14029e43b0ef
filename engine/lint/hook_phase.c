/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks that do in a phase what belongs into another, and what they do to the machine that builds.
 */
#include "lint/private.h"

#include "lint/shell.h"

#include <string.h>

static struct ib_span command_span(const struct lint_script *s, const struct shell_command *c)
{
	return lint_script_span(s, c->start, c->end);
}

/* Whether C works on a directory that it is told, or goes there. */
static bool has_other_root(const struct shell_command *c, size_t program)
{
	for (size_t i = 0; i < c->words.len; i++) {
		const char *text = c->words.items[i].text;

		if (i < program && text && strcmp(text, "chroot") == 0)
			return true;
		/* --root=$X has an expansion, and so no text; its use is enough */
		if (i > program && (!text || strstr(text, "root")))
			return true;
	}
	return false;
}

static void check_host(struct lint *l, const struct lint_script *s, const struct shell_command *c,
		       const char *program, size_t at)
{
	static const char *const managers[] = {
		"apt-get", "apt", "aptitude", "yum", "dnf", "zypper", "emerge", "install-packages"
	};
	static const char *const verbs[] = { "install",      "remove", "update", "upgrade",
					     "dist-upgrade", "purge",  "erase",  "in",
					     "rm",           "up",     "-y" };

	if (!str_among(program, managers, ARRAY_SIZE(managers)) || has_other_root(c, at))
		return;
	for (size_t i = at + 1; i < c->words.len; i++)
		if (c->words.items[i].text &&
		    str_among(c->words.items[i].text, verbs, ARRAY_SIZE(verbs))) {
			lint_add(l, IB_R_WRONG_PHASE, command_span(s, c),
				 "%s.d runs on the machine that builds, so '%s' changes that one, "
				 "not the "
				 "image",
				 ib_phases[s->phase].name, program);
			return;
		}
}

static bool unmounts(const struct lint_script *s)
{
	vec_foreach (struct shell_command, c, &s->shell->commands) {
		size_t at = 0;
		const char *program = shell_program(c, &at);

		if (program && strcmp(program, "umount") == 0)
			return true;
	}
	return false;
}

static void check_chroot(struct lint *l, const struct lint_script *s, const struct shell_command *c,
			 const char *program, size_t at)
{
	static const char *const loaders[] = { "grub-install", "grub2-install", "extlinux" };

	if (strcmp(program, "mount") == 0 && c->words.len > at + 2 && !unmounts(s))
		lint_add(l, IB_R_WRONG_PHASE, command_span(s, c),
			 "what is mounted in %s.d and not unmounted there is gone in the next "
			 "phase, or in "
			 "the image's way",
			 ib_phases[s->phase].name);
	if (s->phase != IB_PHASE_FINALISE && str_among(program, loaders, ARRAY_SIZE(loaders)) &&
	    c->words.len > at + 1)
		lint_add(l, IB_R_WRONG_PHASE, command_span(s, c),
			 "the disk is not there before finalise.d, so '%s' has nothing to write to "
			 "in %s.d",
			 program, ib_phases[s->phase].name);
}

/* WRONG_PHASE */
void lint_3022(struct lint *l, const struct lint_script *s)
{
	if (!s->is_hook || !s->shell)
		return;
	vec_foreach (struct shell_command, c, &s->shell->commands) {
		size_t at = 0;
		const char *program = shell_program(c, &at);

		if (program && s->side == IB_HOST)
			check_host(l, s, c, program, at);
		else if (program)
			check_chroot(l, s, c, program, at);
	}
}
