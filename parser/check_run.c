/* SPDX-License-Identifier: Apache-2.0 */
/* RUN, and what holds for the RUNs below: SHELL, WORKDIR and USER. */
#include "check.h"

#include <string.h>

bool is_owner(const char *s)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$";
	size_t n = strspn(s, chars), m;

	if (n == 0)
		return false;
	if (!s[n])
		return true;
	m = strspn(s + n + 1, chars);
	return s[n] == ':' && m > 0 && !s[n + 1 + m];
}

static void check_host_side(struct check *c, const struct ib_ast_instruction *in)
{
	enum ib_phase phase = flag_phase(in, IB_PHASE_INSTALL);
	const struct where *w = c->live->stage == NO_STAGE ? NULL : &c->where[c->live->stage];

	if (!w || ib_phases[phase].side != IB_HOST)
		return;
	if (w->user) {
		ib_diag_add(c->diag, IB_D_HOST_SIDE, in->keyword_at,
			    "phase %s runs on the host, where USER %s cannot hold; write USER root "
			    "before it",
			    ib_phases[phase].name, w->user);
		ib_diag_note(c->diag, w->user_at, "USER is set here");
	}
	if (w->workdir && w->is_relative) {
		ib_diag_add(c->diag, IB_D_HOST_SIDE, in->keyword_at,
			    "phase %s runs on the host, where a relative WORKDIR cannot hold",
			    ib_phases[phase].name);
		ib_diag_note(c->diag, w->workdir_at, "WORKDIR is set here");
	}
}

void check_RUN(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const networks[] = { "none", "default" };
	const char *name = flag_text(in, "name"), *script = flag_text(in, "script");
	enum ib_phase phase = flag_phase(in, IB_PHASE_INSTALL);

	check_install_type(c, in);
	check_choice(c, in, "network", networks, ARRAY_SIZE(networks));
	check_host_side(c, in);
	if (name && (strchr(name, '/') || strchr(name, '\n') || strlen(name) > 100))
		ib_diag_add(c->diag, IB_D_BAD_NAME, ib_ast_flag(in, "name")->value->at,
			    "a step's name has no '/' and at most 100 bytes");
	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		struct ib_mount mount;

		if (strcmp(f->name, "mount") == 0 && f->value && f->value->text && *f->value->text)
			(void)mount_parse(c->r, f->value, c->live->stage, c->diag, &mount);
		if (strcmp(f->name, "mount") == 0 && ib_phases[phase].side == IB_HOST)
			ib_diag_add(c->diag, IB_D_HOST_SIDE, f->name_at,
				    "phase %s runs on the host, where nothing is mounted for a RUN",
				    ib_phases[phase].name);
	}
	if (script && *script)
		check_path_word(c, ib_ast_flag(in, "script")->value, script, "script");
	if (ib_ast_flag(in, "script") && in->text)
		ib_diag_add(c->diag, IB_D_ARITY, in->text_at,
			    "RUN --script=FILE takes no command beside the file");
	if (in->is_json && !in->is_broken && in->json.len == 0)
		ib_diag_add(c->diag, IB_D_ARITY, in->text_at,
			    "the exec form is empty: the first string is the program");
}

void check_SHELL(struct check *c, const struct ib_ast_instruction *in)
{
	if (in->text && !in->is_json)
		ib_diag_add(c->diag, IB_D_NOT_JSON, in->text_at, "SHELL takes %s",
			    in->directive->takes);
	else if (in->is_json && !in->is_broken && in->json.len == 0)
		ib_diag_add(c->diag, IB_D_ARITY, in->text_at, "SHELL takes at least the program");
}

void check_WORKDIR(struct check *c, const struct ib_ast_instruction *in)
{
	const char *text = in->words ? in->words->text : NULL;

	if (text && !*text)
		ib_diag_add(c->diag, IB_D_BAD_VALUE, in->words->at, "the path is empty");
	else if (text && text[0] == '~')
		ib_diag_add(c->diag, IB_D_BAD_VALUE, in->words->at,
			    "'~' is not expanded; write the path, as /root");
}

void check_USER(struct check *c, const struct ib_ast_instruction *in)
{
	const char *text = in->words ? in->words->text : NULL;

	if (text && !is_owner(text))
		ib_diag_add(c->diag, IB_D_BAD_NAME, in->words->at, "'%s' is not USER or USER:GROUP",
			    text);
}
