/* SPDX-License-Identifier: Apache-2.0 */
/* Flags: the names are the row's, the values what their kind takes. */
#include "check.h"
#include "parse.h"

#include <string.h>

static void report_unknown_flag(struct check *c, const struct ib_ast_instruction *in,
				const struct ib_ast_flag *f)
{
	const char *flags[DIRECTIVE_FLAGS];
	const char *hint = foreign_flag(in->directive, f->name);

	if (hint) {
		ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, f->name_at, "%s has no flag --%s here",
			    in->directive->keyword, f->name);
		ib_diag_hint(c->diag, "%s", hint);
		return;
	}
	ib_diag_unknown(c->diag, IB_D_UNKNOWN_FLAG, f->name_at,
			arena_printf(c->r->arena, "--%s", f->name), flags,
			directive_flags(in->directive, c->r->arena, flags), "unknown flag '--%s'",
			f->name);
}

static void check_phase(struct check *c, const struct ib_ast_word *w)
{
	const char *names[IB_PHASES], *name = w->text;
	size_t n = strlen(name);

	if (ib_phase_find(name) != IB_PHASE_NONE)
		return;
	for (size_t i = 0; i < IB_PHASES; i++)
		names[i] = ib_phases[i].name;
	if (n > 2 && strcmp(name + n - 2, ".d") == 0)
		name = arena_strndup(c->r->arena, name, n - 2);
	ib_diag_unknown(c->diag, IB_D_BAD_PHASE, w->at, name, names, IB_PHASES,
			"unknown phase '%s'", w->text);
}

static void check_switch(struct check *c, const struct ib_ast_flag *f)
{
	static const char *const values[] = { "yes", "no", "true", "false" };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (strcmp(f->value->text, values[i]) == 0)
			return;
	}
	ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at, "--%s is yes or no, not '%s'", f->name,
		    f->value->text);
}

static void check_flag_value(struct check *c, int kind, const struct ib_ast_flag *f)
{
	const struct ib_ast_word *w = f->value;
	struct ib_cond cond;

	if (!w && kind == FLAG_SWITCH)
		return;
	if (w && !w->text)
		return;
	if (!w || !*w->text) {
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->at, "--%s needs a value: --%s=%s", f->name,
			    f->name, kind == FLAG_SWITCH ? "yes" : "VALUE");
		return;
	}
	if (kind == FLAG_SWITCH)
		check_switch(c, f);
	else if (kind == FLAG_PHASE)
		check_phase(c, w);
	else if (kind == FLAG_ORDER &&
		 (strspn(w->text, "0123456789") != strlen(w->text) || strlen(w->text) > 2))
		ib_diag_add(c->diag, IB_D_BAD_ORDER, w->at,
			    "an order is a number from 0 to 99, not '%s'", w->text);
	else if (kind == FLAG_COND && !cond_parse(c->r, w, &cond))
		ib_diag_add(
			c->diag, IB_D_BAD_CONDITION, w->at,
			"'%s' is not a condition; write --when=NAME=VALUE or --when=NAME!=VALUE",
			w->text);
}

void check_flags(struct check *c, const struct ib_ast_instruction *in)
{
	enum { COUNT_MAX = 256 };
	int count = 0;

	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		int kind = directive_flag(in->directive, f->name);

		if (++count > COUNT_MAX) {
			ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, f->name_at, "more than %d flags",
				    COUNT_MAX);
			return;
		}
		if (!kind) {
			report_unknown_flag(c, in, f);
			continue;
		}
		if (kind != FLAG_WORDS && kind != FLAG_COND && ib_ast_flag(in, f->name) != f) {
			ib_diag_add(c->diag, IB_D_DUPLICATE_FLAG, f->name_at,
				    "flag --%s is given twice", f->name);
			ib_diag_note(c->diag, ib_ast_flag(in, f->name)->name_at,
				     "the first is here");
			continue;
		}
		check_flag_value(c, kind, f);
	}
}

void check_choice(struct check *c, const struct ib_ast_instruction *in, const char *flag,
		  const char *const *words, size_t n)
{
	const struct ib_ast_flag *f = ib_ast_flag(in, flag);
	const char *text = flag_text(in, flag);

	if (!text || !*text)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], text) == 0)
			return;
	}
	ib_diag_unknown(c->diag, IB_D_FLAG_VALUE, f->value->at, text, words, n,
			"--%s: unknown value '%s'", flag, text);
}

void check_install_type(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const types[] = { "source", "package" };

	check_choice(c, in, "install-type", types, ARRAY_SIZE(types));
}
