/* SPDX-License-Identifier: Apache-2.0 */
/* environment.d, which every phase sources under `set -eu -o pipefail` and with xtrace, and
 * variables that no phase has. */
#include "lint/private.h"

#include "lint/shell.h"

#include <string.h>

static const char *word(const struct shell_command *c, size_t i)
{
	return i < c->words.len ? c->words.items[i].text : NULL;
}

static bool is_command(const struct shell_command *c, const char *name)
{
	return word(c, 0) && strcmp(word(c, 0), name) == 0;
}

/* `set +x` hides what others should not see, and is no harm. */
static bool ends_trace(const struct shell_command *c)
{
	return strcmp(word(c, 1), "+x") == 0 ||
	       (strcmp(word(c, 1), "+o") == 0 && word(c, 2) && strcmp(word(c, 2), "xtrace") == 0);
}

/* ENV_FILE_SETS_OPTIONS */
void lint_3025(struct lint *l, const struct lint_script *s)
{
	if (!s->is_environment || !s->shell)
		return;
	vec_foreach (struct shell_command, c, &s->shell->commands) {
		const char *option = word(c, 1);
		bool is_set = is_command(c, "set") && option &&
			      (*option == '-' || *option == '+') && option[1] && option[1] != '-' &&
			      !ends_trace(c);

		if (c->place.in_subshell || (!is_set && !is_command(c, "shopt")))
			continue;
		lint_add(l, IB_R_ENV_FILE_SETS_OPTIONS, lint_script_span(s, c->start, c->end),
			 "'%s' changes the options of the shell that sources this file, and so "
			 "what the "
			 "files behind it do",
			 word(c, 0));
	}
}

/* ENV_FILE_MAY_FAIL: the file's status is that of its last command, and 1 ends the phase. */
void lint_3031(struct lint *l, const struct lint_script *s)
{
	const struct shell_command *last = NULL;

	if (!s->is_environment || !s->shell)
		return;
	vec_foreach (struct shell_command, c, &s->shell->commands)
		if (!c->place.in_subshell && !c->place.function)
			last = c;
	if (!last || last->before != SHELL_AND || last->after == SHELL_OR ||
	    last->place.in_condition || last->place.in_branch)
		return;
	lint_add(l, IB_R_ENV_FILE_MAY_FAIL, lint_script_span(s, last->start, last->end),
		 "where what stands before '&&' is false, so is the file's last command, and every "
		 "phase "
		 "fails");
	ib_diag_hint(l->diag, "write if ...; then ...; fi");
}

/* Whether the end of a name says that its value is a secret: PASSWORD, X_API_KEY, but not APT_KEYS.
 */
static bool is_secret(const char *name)
{
	static const char *const ends[] = { "PASSWORD",    "PASSWD",       "PASSPHRASE",
					    "SECRET",      "TOKEN",        "CREDENTIALS",
					    "_API_KEY",    "_ACCESS_KEY",  "_PRIVATE_KEY",
					    "_SECRET_KEY", "_SIGNING_KEY", "_AUTH_KEY" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && strcasecmp(name + len - n, ends[i]) == 0)
			return true;
	}
	return false;
}

/* SECRET_IN_LOG */
void lint_7012(struct lint *l, const struct lint_script *s)
{
	if (!s->is_environment || !s->shell)
		return;
	vec_foreach (struct shell_set, v, &s->shell->sets) {
		if (v->how == SHELL_SET_DECLARE || !is_secret(v->name))
			continue;
		lint_add(l, IB_R_SECRET_IN_LOG, lint_script_span(s, v->start, v->end),
			 "every phase sources this file with xtrace, so the value of %s is printed "
			 "in dib's log",
			 v->name);
		ib_diag_hint(l->diag,
			     "leave it to the user's environment, and read it where it is needed");
	}
}

/* Variables that scripts still ask for, and that dib no longer exports, or never has. */
static const struct {
	const char *name, *why;
} dead[] = {
	{ "DIB_IMAGE_ROOT_FS_UUID", "the file system is made after the hooks that could see it" },
	{ "IMAGE_BLOCK_DEVICE_WITHOUT_PART", "IMAGE_BLOCK_DEVICES has the devices by name" },
	{ "INSTALL_PACKAGES", "an array is not exported" },
	{ "IMAGE_TYPES", "an array is not exported; IMAGE_TYPE is always qcow2" },
	{ "MKFS_OPTS", "it is not exported" },
	{ "QEMU_IMG_OPTIONS", "it is not exported" },
	{ "LOOPDEV", "IMAGE_BLOCK_DEVICE has the device" },
};

static bool is_set_by(const struct shell *sh, const char *name)
{
	vec_foreach (struct shell_set, v, &sh->sets)
		if (strcmp(v->name, name) == 0)
			return true;
	return false;
}

/* DEAD_VARIABLE */
void lint_3030(struct lint *l, const struct lint_script *s)
{
	if (!s->shell || (!s->is_hook && !s->is_environment))
		return;
	vec_foreach (struct shell_use, u, &s->shell->uses)
		for (size_t i = 0; i < ARRAY_SIZE(dead); i++) {
			if (strcmp(dead[i].name, u->name) != 0 || is_set_by(s->shell, u->name))
				continue;
			lint_add(l, IB_R_DEAD_VARIABLE, lint_script_span(s, u->start, u->end),
				 "no phase has the variable %s", u->name);
			ib_diag_hint(l->diag, "%s", dead[i].why);
		}
}
