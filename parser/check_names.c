/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that name things: variables, stages, elements, packages, labels. */
#include "check.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool check_variable_name(struct check *c, const struct ib_ast_word *w, const char *keyword)
{
	size_t n = strcspn(w->text, "=");

	if (name_is_valid(w->text, n))
		return true;
	ib_diag_add(c->diag, IB_D_BAD_NAME, word_part(w, 0, n),
		    "%s: '%.*s' is not a name; letters, digits and '_', no digit first", keyword,
		    (int)(n > 60 ? 60 : n), w->text);
	return false;
}

static void check_name_words(struct check *c, const struct ib_ast_instruction *in, const char *what,
			     const char *extra)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		const char *s = w->text;

		if (!s)
			continue;
		if (strncmp(s, "--", 2) == 0) {
			ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, w->at,
				    "flags stand directly behind %s", in->directive->keyword);
			continue;
		}
		while (isalnum((unsigned char)*s) ||
		       (*s && (strchr(extra, *s) || (unsigned char)*s >= 0x80)))
			s++;
		if (*s || s == w->text || w->text[0] == '-')
			ib_diag_add(c->diag, IB_D_BAD_NAME, w->at, "'%s' is not the name of %s",
				    w->text, what);
	}
}

static void check_fragment_order(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_flag *f = ib_ast_flag(in, "order");

	if (f && !c->r->is_fragment)
		ib_diag_add(c->diag, IB_D_FRAGMENT, f->at,
			    "--order of %s is for fragments; in a stage the text's order holds",
			    in->directive->keyword);
}

void check_ARG(struct check *c, const struct ib_ast_instruction *in)
{
	check_fragment_order(c, in);
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		static const char *const fixed[] = { "ARCH", "TARGETARCH", "SOURCE_DATE_EPOCH" };
		const char *equals = w->text ? strchr(w->text, '=') : NULL;

		if (!w->text || !check_variable_name(c, w, "ARG") || !equals)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
			size_t n = strlen(fixed[i]);

			if ((size_t)(equals - w->text) == n && strncmp(w->text, fixed[i], n) == 0)
				ib_diag_add(c->diag, IB_D_BAD_NAME, word_part(w, 0, n),
					    "'%s' is predefined and cannot have a default%s",
					    fixed[i], i < 2 ? "; FROM --arch sets it" : "");
		}
	}
}

void check_FROM(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *base = in->words, *as = base ? base->next : NULL;
	const struct ib_ast_flag *arch = ib_ast_flag(in, "arch"),
				 *platform = ib_ast_flag(in, "platform");
	const char *text = flag_text(in, "arch");

	if (as && as->text && (strcasecmp(as->text, "AS") != 0 || !as->next))
		ib_diag_add(c->diag, IB_D_ARITY, as->at,
			    "expected AS and the stage's name behind the base");
	if (text && *text && !arch_find(text))
		arch_unknown(c->diag, arch->value->at, text);
	text = flag_text(in, "platform");
	if (text && *text && !platform_arch(text))
		platform_unknown(c->diag, platform->value->at, text);
	if (arch && platform) {
		ib_diag_add(c->diag, IB_D_DUPLICATE_FLAG, platform->at,
			    "--platform and --arch say the same; keep one");
		ib_diag_note(c->diag, arch->at, "--arch is here");
	}
}

void check_ELEMENT(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_vocab *v = c->r->vocab;

	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		const char *near;

		if (!w->text)
			continue;
		if (strncmp(w->text, "--", 2) == 0) {
			ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, w->at,
				    "flags stand directly behind ELEMENT");
		} else if (strncmp(w->text, "./", 2) == 0 || strncmp(w->text, "../", 3) == 0 ||
			   w->text[0] == '/') {
			check_path_word(c, w, w->text, "element");
		} else if (strchr(w->text, '/')) {
			ib_diag_add(c->diag, IB_D_UNKNOWN_ELEMENT, w->at,
				    "'%s' is not an element's name; a path begins with './'",
				    w->text);
		} else if (v && !c->r->is_fragment && !v->has_element(v->context, w->text)) {
			near = v->suggest_element(v->context, w->text);
			ib_diag_add(c->diag, IB_D_UNKNOWN_ELEMENT, w->at,
				    near ? "unknown element '%s'; did you mean '%s'?"
					 : "unknown element '%s'",
				    w->text, near);
		}
	}
}

static void check_pairs(struct check *c, const struct ib_ast_instruction *in, bool are_variables)
{
	const struct ib_ast_word *first = in->words, *last = first;
	const char *keyword = in->directive->keyword;

	while (last && last->next)
		last = last->next;
	if (first && first->text && !strchr(first->text, '=') && first->next && first->next->text &&
	    !strchr(first->next->text, '=')) {
		ib_diag_add(c->diag, IB_D_WRITE_INSTEAD,
			    (struct ib_span){ first->at.start, last->at.end },
			    "%s needs '=': write %s %s=%s%s%s", keyword, keyword, first->text,
			    first->next->next ? "\"" : "", first->next->text,
			    first->next->next ? " ...\"" : "");
		return;
	}
	for (const struct ib_ast_word *w = first; w; w = w->next) {
		if (!w->text)
			continue;
		if (!strchr(w->text, '='))
			ib_diag_add(c->diag, IB_D_SYNTAX, w->at, "expected %s, not '%s'",
				    are_variables ? "NAME=VALUE" : "KEY=VALUE", w->text);
		else if (are_variables)
			(void)check_variable_name(c, w, keyword);
		else if (w->text[0] == '=')
			ib_diag_add(c->diag, IB_D_BAD_NAME, w->at, "%s: the key is empty", keyword);
	}
}

void check_ENV(struct check *c, const struct ib_ast_instruction *in)
{
	check_fragment_order(c, in);
	check_pairs(c, in, true);
}

void check_LABEL(struct check *c, const struct ib_ast_instruction *in)
{
	check_pairs(c, in, false);
}

void check_PACKAGE(struct check *c, const struct ib_ast_instruction *in)
{
	enum ib_phase phase = flag_phase(in, IB_PHASE_INSTALL);
	const char *list = flag_text(in, "arch"), *part;
	size_t n;

	check_name_words(c, in, "a package", "+-._:~=@/*");
	check_install_type(c, in);
	if (phase != IB_PHASE_PRE_INSTALL && phase != IB_PHASE_INSTALL &&
	    phase != IB_PHASE_POST_INSTALL)
		ib_diag_add(c->diag, IB_D_BAD_PHASE, ib_ast_flag(in, "phase")->value->at,
			    "packages are installed in pre-install, install or post-install");
	while (list && *list && list_next(&list, &part, &n)) {
		const char *arch =
			arena_strndup(c->r->arena, part + (*part == '!'), n - (*part == '!'));

		if (!arch_find(arch))
			arch_unknown(c->diag, ib_ast_flag(in, "arch")->value->at, arch);
	}
}

void check_INCLUDE(struct check *c, const struct ib_ast_instruction *in)
{
	if (in->words && in->words->text && !*in->words->text)
		ib_diag_add(c->diag, IB_D_INCLUDE, in->words->at, "the path is empty");
}

void check_PROVIDES(struct check *c, const struct ib_ast_instruction *in)
{
	check_name_words(c, in, "an element", "-._+");
}

void check_SOURCE(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const types[] = { "git", "tar", "file", "package" };
	const struct ib_ast_word *type = in->words ? in->words->next : NULL;
	const struct ib_ast_word *dest = type ? type->next : NULL;

	if (dest && dest->text && dest->text[0] != '/')
		ib_diag_add(c->diag, IB_D_BAD_VALUE, dest->at,
			    "the destination '%s' is not absolute; write '/%s'", dest->text,
			    dest->text);
	if (!type || !type->text)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i], type->text) == 0)
			return;
	ib_diag_unknown(c->diag, IB_D_BAD_VALUE, type->at, type->text, types, ARRAY_SIZE(types),
			"unknown source type '%s'", type->text);
}
