/* SPDX-License-Identifier: Apache-2.0 */
/* What each instruction may say: one check_KEYWORD a row of directives.def, behind the checks that
 * the row itself asks for (flags, number of arguments, heredocs). Reads no file. */
#include "front.h"
#include "parse.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct check {
	struct ib_recipe *r;
	struct ib_diag *diag;
	const struct live *live;
	struct where *where; /* one a stage, as of the line */
};

#define DIRECTIVE(keyword, ...) \
	static void check_##keyword(struct check *c, const struct ib_ast_instruction *in);
#include "directives.def"
#undef DIRECTIVE

static void (*const checks[DIRECTIVES])(struct check *, const struct ib_ast_instruction *) = {
#define DIRECTIVE(keyword, ...) check_##keyword,
#include "directives.def"
#undef DIRECTIVE
};

static size_t count_words(const struct ib_ast_instruction *in)
{
	size_t n = 0;

	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		n++;
	for (const struct ib_ast_heredoc *h = in->heredocs;
	     h && in->directive->shape == SHAPE_WORDS; h = h->next)
		n++;
	return n + (in->directive->shape == SHAPE_TEXT && in->text);
}

/* --- flags --- */

/* Docker's flags that have no meaning here. */
static const struct {
	enum directive_id id;
	const char *name, *hint;
} foreign[] = {
	{ D_COPY, "link", "leave it out: every COPY is a layer of its own" },
	{ D_ADD, "link", "leave it out: every ADD is a layer of its own" },
	{ D_COPY, "parents", "name the directories in the destination" },
	{ D_COPY, "exclude", "list the paths in .imageignore" },
	{ D_ADD, "exclude", "list the paths in .imageignore" },
	{ D_ADD, "keep-git-dir", "leave it out, or clone with RUN" },
	{ D_RUN, "security", "leave it out: steps run in a sandbox of their own" },
	{ D_RUN, "device", "leave it out: a build has no devices" },
	{ D_FROM, "build-arg", "set it with ARG NAME=VALUE" },
};

static void report_unknown_flag(struct check *c, const struct ib_ast_instruction *in,
				const struct ib_ast_flag *f)
{
	char buf[64];
	const char *near = directive_suggest_flag(in->directive, f->name, buf, sizeof(buf));

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		if (foreign[i].id != in->directive->id || strcmp(foreign[i].name, f->name) != 0)
			continue;
		ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, f->name_at, "%s has no flag --%s here",
			    in->directive->keyword, f->name);
		ib_diag_hint(c->diag, "%s", foreign[i].hint);
		return;
	}
	ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, f->name_at,
		    near ? "unknown flag '--%s'; did you mean '--%s'?" : "unknown flag '--%s'",
		    f->name, near);
}

static const char *suggest_phase(const char *name)
{
	const char *names[IB_PHASES];

	for (size_t i = 0; i < IB_PHASES; i++)
		names[i] = ib_phases[i].name;
	return ib_suggest(name, names, IB_PHASES);
}

static void check_phase(struct check *c, const struct ib_ast_word *w)
{
	size_t n = strlen(w->text);
	const char *near = suggest_phase(w->text);

	if (ib_phase_find(w->text) != IB_PHASE_NONE)
		return;
	if (n > 2 && strcmp(w->text + n - 2, ".d") == 0)
		near = suggest_phase(arena_strndup(c->r->arena, w->text, n - 2));
	if (near)
		ib_diag_add(c->diag, IB_D_BAD_PHASE, w->at,
			    "unknown phase '%s'; did you mean '%s'?", w->text, near);
	else
		ib_diag_add(
			c->diag, IB_D_BAD_PHASE, w->at,
			"unknown phase '%s'; there are root, extra-data, pre-install, install, "
			"post-install, post-root, block-device, pre-finalise, finalise and cleanup",
			w->text);
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

static void check_flags(struct check *c, const struct ib_ast_instruction *in)
{
	enum { FLAGS_MAX = 256 };
	int count = 0;

	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		int kind = directive_flag(in->directive, f->name);

		if (++count > FLAGS_MAX) {
			ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, f->name_at, "more than %d flags",
				    FLAGS_MAX);
			return;
		}
		if (!kind) {
			report_unknown_flag(c, in, f);
			continue;
		}
		if (kind != FLAG_WORDS && kind != FLAG_COND && flag_find(in, f->name) != f) {
			ib_diag_add(c->diag, IB_D_DUPLICATE_FLAG, f->name_at,
				    "flag --%s is given twice", f->name);
			continue;
		}
		check_flag_value(c, kind, f);
	}
}

static void check_choice(struct check *c, const struct ib_ast_instruction *in, const char *flag,
			 const char *const *words, size_t n, const char *list)
{
	const struct ib_ast_flag *f = flag_find(in, flag);
	const char *text = flag_text(in, flag), *near;

	if (!text || !*text)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], text) == 0)
			return;
	}
	near = ib_suggest(text, words, n);
	if (near)
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at,
			    "--%s: unknown value '%s'; did you mean '%s'?", flag, text, near);
	else
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at,
			    "--%s: unknown value '%s'; expected %s", flag, text, list);
}

static void check_install_type(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const types[] = { "source", "package" };

	check_choice(c, in, "install-type", types, ARRAY_SIZE(types), "source or package");
}

static bool is_owner(const char *s)
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

/* u=rwX,go=rX: clauses of who, operator and permissions. */
static bool is_symbolic_mode(const char *s)
{
	for (;;) {
		s += strspn(s, "ugoa");
		if (!*s || !strchr("+-=", *s))
			return false;
		while (*s && strchr("+-=", *s)) {
			s++;
			s += strspn(s, "rwxXstugo");
		}
		if (!*s)
			return true;
		if (*s++ != ',')
			return false;
	}
}

static void check_ownership(struct check *c, const struct ib_ast_instruction *in)
{
	const char *owner = flag_text(in, "chown"), *mode = flag_text(in, "chmod");
	bool is_octal = mode && strspn(mode, "01234567") == strlen(mode) && strlen(mode) <= 5;

	if (owner && *owner && !is_owner(owner))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "chown")->value->at,
			    "'%s' is not USER or USER:GROUP", owner);
	if (mode && *mode && !is_symbolic_mode(mode) &&
	    (!is_octal || strtol(mode, NULL, 8) > 07777))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "chmod")->value->at,
			    "'%s' is not a mode like 0644 or u=rwX,go=rX", mode);
	if (mode && flag_find(in, "unpack"))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "chmod")->at,
			    "--chmod does not go with --unpack: archives bring their modes");
}

static bool is_target_phase(struct check *c, const struct ib_ast_instruction *in)
{
	if (flag_phase(in, IB_PHASE_INSTALL) != IB_PHASE_ROOT)
		return true;
	ib_diag_add(c->diag, IB_D_BAD_PHASE, flag_find(in, "phase")->value->at,
		    "%s writes into the target, which is not there before phase root is done; the "
		    "first is extra-data",
		    in->directive->keyword);
	return false;
}

/* --- words --- */

static void check_path_word(struct check *c, const struct ib_ast_word *w, const char *path,
			    const char *what)
{
	if (path[0] == '/' || path_leaves(path))
		ib_diag_add(c->diag, IB_D_CONTEXT, w->at, "%s '%s' is outside of the context", what,
			    path);
}

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
	const struct ib_ast_flag *f = flag_find(in, "order");

	if (f && !c->r->is_fragment)
		ib_diag_add(c->diag, IB_D_FRAGMENT, f->at,
			    "--order of %s is for fragments; in a stage the text's order holds",
			    in->directive->keyword);
}

/* --- one function an instruction --- */

static void check_ARG(struct check *c, const struct ib_ast_instruction *in)
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

static void check_FROM(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *base = in->words, *as = base ? base->next : NULL;
	const struct ib_ast_flag *arch = flag_find(in, "arch"),
				 *platform = flag_find(in, "platform");
	const char *text = flag_text(in, "arch"), *near = text ? arch_suggest(text) : NULL;

	if (as && as->text && (strcasecmp(as->text, "AS") != 0 || !as->next))
		ib_diag_add(c->diag, IB_D_ARITY, as->at,
			    "expected AS and the stage's name behind the base");
	if (text && *text && !arch_find(text))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, arch->value->at,
			    near ? "unknown architecture '%s'; did you mean '%s'?"
				 : "unknown architecture '%s'; expected one of Debian's, as amd64 "
				   "or arm64",
			    text, near);
	text = flag_text(in, "platform");
	if (text && *text && !platform_arch(text))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, platform->value->at,
			    "unknown platform '%s'; expected linux/ARCH, as linux/arm64", text);
	if (arch && platform)
		ib_diag_add(c->diag, IB_D_DUPLICATE_FLAG, platform->at,
			    "--platform and --arch say the same; keep one");
}

static void check_ELEMENT(struct check *c, const struct ib_ast_instruction *in)
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

static void check_ENV(struct check *c, const struct ib_ast_instruction *in)
{
	check_fragment_order(c, in);
	check_pairs(c, in, true);
}

static void check_LABEL(struct check *c, const struct ib_ast_instruction *in)
{
	check_pairs(c, in, false);
}

static void check_PACKAGE(struct check *c, const struct ib_ast_instruction *in)
{
	enum ib_phase phase = flag_phase(in, IB_PHASE_INSTALL);
	const char *list = flag_text(in, "arch"), *part;
	size_t n;

	check_name_words(c, in, "a package", "+-._:~=@/*");
	check_install_type(c, in);
	if (phase != IB_PHASE_PRE_INSTALL && phase != IB_PHASE_INSTALL &&
	    phase != IB_PHASE_POST_INSTALL)
		ib_diag_add(c->diag, IB_D_BAD_PHASE, flag_find(in, "phase")->value->at,
			    "packages are installed in pre-install, install or post-install");
	while (list && *list && list_next(&list, &part, &n)) {
		const char *arch =
			arena_strndup(c->r->arena, part + (*part == '!'), n - (*part == '!'));
		const char *near = arch_suggest(arch);

		if (!arch_find(arch))
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "arch")->value->at,
				    near ? "unknown architecture '%s'; did you mean '%s'?"
					 : "unknown architecture '%s'; expected one of Debian's, "
					   "as amd64 or arm64",
				    arch, near);
	}
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

static void check_RUN(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const networks[] = { "none", "default" };
	const char *name = flag_text(in, "name"), *script = flag_text(in, "script");
	enum ib_phase phase = flag_phase(in, IB_PHASE_INSTALL);

	check_install_type(c, in);
	check_choice(c, in, "network", networks, ARRAY_SIZE(networks), "none or default");
	check_host_side(c, in);
	if (name && (strchr(name, '/') || strchr(name, '\n') || strlen(name) > 100))
		ib_diag_add(c->diag, IB_D_BAD_NAME, flag_find(in, "name")->value->at,
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
		check_path_word(c, flag_find(in, "script")->value, script, "script");
	if (flag_find(in, "script") && in->text)
		ib_diag_add(c->diag, IB_D_ARITY, in->text_at,
			    "RUN --script=FILE takes no command beside the file");
	if (in->is_json && !in->is_broken && in->json.len == 0)
		ib_diag_add(c->diag, IB_D_ARITY, in->text_at,
			    "the exec form is empty: the first string is the program");
}

static const struct ib_ast_word *last_word(const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *w = in->words;

	while (w && w->next)
		w = w->next;
	return w;
}

static bool is_url(const char *s)
{
	static const char *const schemes[] = { "http://", "https://", "git://", "ssh://", "git@" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return false;
}

/* The destination: a word, the last one; with several sources a directory. False where it is
 * neither. */
static bool check_dest(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *dest = last_word(in);
	const struct ib_ast_heredoc *h = in->heredocs;
	bool has_glob = false;

	while (h && h->next)
		h = h->next;
	if (!dest || (h && h->at.start > dest->at.start)) {
		if (h)
			ib_diag_add(c->diag, IB_D_HEREDOC_PLACE, h->at,
				    "a heredoc is a source: the destination stands last");
		return false;
	}
	for (const struct ib_ast_word *w = in->words; w != dest; w = w->next)
		has_glob = has_glob || (w->text && !is_url(w->text) && strpbrk(w->text, "*?["));
	if (!dest->text || !*dest->text) {
		if (dest->text)
			ib_diag_add(c->diag, IB_D_BAD_VALUE, dest->at, "the destination is empty");
	} else if ((count_words(in) > 2 || has_glob) && dest->text[strlen(dest->text) - 1] != '/' &&
		   strcmp(dest->text, ".") != 0 && strcmp(dest->text, "..") != 0) {
		ib_diag_add(c->diag, IB_D_BAD_VALUE, dest->at,
			    "several sources go into a directory: write '%s/'", dest->text);
	}
	return true;
}

static void check_from(struct check *c, const struct ib_ast_instruction *in)
{
	const char *from = flag_text(in, "from");
	const struct ib_ast_word *w = from ? flag_find(in, "from")->value : NULL;

	if (!from || !*from)
		return;
	if (strncmp(from, "oci:", 4) == 0 || strncmp(from, "tar:", 4) == 0)
		check_path_word(c, w, from + 4, "--from");
	else
		tree_ref_check(c->r, w->text, w->at, c->live->stage);
	if (in->heredocs)
		ib_diag_add(c->diag, IB_D_HEREDOC_PLACE, in->heredocs->at,
			    "a heredoc cannot stand beside --from");
}

static void check_COPY(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *dest = last_word(in);

	check_ownership(c, in);
	(void)is_target_phase(c, in);
	check_from(c, in);
	if (in->is_broken || !check_dest(c, in))
		return;
	for (const struct ib_ast_word *w = in->words; w != dest; w = w->next) {
		if (!w->text)
			continue;
		if (!*w->text)
			ib_diag_add(c->diag, IB_D_BAD_VALUE, w->at,
				    "the source is empty; '.' is the whole context");
		else if (is_url(w->text))
			ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, w->at,
				    "COPY does not download; write ADD %s", w->text);
		else if (path_leaves(w->text))
			ib_diag_add(c->diag, IB_D_CONTEXT, w->at,
				    "source '%s' is outside of the context", w->text);
	}
}

static bool is_archive(const char *s)
{
	static const char *const ends[] = { ".tar", ".tgz", ".gz",  ".xz",
					    ".bz2", ".zst", ".zip", ".txz" };
	size_t n = strlen(s);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t m = strlen(ends[i]);

		if (n > m && strcmp(s + n - m, ends[i]) == 0)
			return true;
	}
	return false;
}

/* --checksum: of a file sha256:HEX, of a repository the commit or its start. */
static void check_checksum(struct check *c, const struct ib_ast_instruction *in)
{
	const char *sum = flag_text(in, "checksum"), *url = in->words ? in->words->text : NULL;
	bool is_git = url && ib_is_git_url(url);
	bool is_sha256 = sum && strncmp(sum, "sha256:", 7) == 0;
	const char *hex = sum && is_sha256 ? sum + 7 : sum;
	size_t n = sum ? strspn(hex, "0123456789abcdefABCDEF") : 0;

	if (!sum || !*sum)
		return;
	if (is_git ? is_sha256 || hex[n] || n < 7 || n > 64 : !is_sha256 || hex[n] || n != 64)
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "checksum")->value->at,
			    is_git ? "expected a commit: 7 to 64 hexadecimal digits"
				   : "expected sha256: and 64 hexadecimal digits");
	if (!in->is_broken && count_words(in) > 2)
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "checksum")->at,
			    "--checksum is of one URL; write an ADD for each");
}

static void check_ADD(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *dest = last_word(in);

	check_ownership(c, in);
	(void)is_target_phase(c, in);
	check_checksum(c, in);
	if (in->is_broken || !check_dest(c, in))
		return;
	for (const struct ib_ast_word *w = in->words; w != dest; w = w->next) {
		if (w->text && !is_url(w->text))
			ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, w->at,
				    "'%s' is not a URL: ADD downloads; write COPY %s%s ...",
				    w->text, is_archive(w->text) ? "--unpack " : "", w->text);
		else if (w->text && ib_is_git_url(w->text) && flag_find(in, "chmod"))
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, flag_find(in, "chmod")->at,
				    "--chmod does not go with a repository: its files bring their "
				    "modes");
	}
}

static void check_LAYOUT(struct check *c, const struct ib_ast_instruction *in)
{
	const char *file = flag_text(in, "file");

	if (file && *file)
		check_path_word(c, flag_find(in, "file")->value, file, "file");
	layout_check(c->r, in);
}

static const char *const formats[] = {
#define FORMAT(name, suffix) #name,
#define FORMAT_QEMU(name, suffix) #name,
#define FORMAT_LATER(name, suffix) #name,
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER
};

static void check_format(struct check *c, const struct ib_ast_instruction *in,
			 const struct ib_ast_word *w)
{
	const char *near = ib_suggest(w->text, formats, ARRAY_SIZE(formats));

	for (const struct ib_ast_word *other = in->words; other != w; other = other->next) {
		if (!other->text || strcmp(other->text, w->text) != 0)
			continue;
		ib_diag_add(c->diag, IB_D_DUPLICATE_OUTPUT, w->at, "format '%s' is given twice",
			    w->text);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i], w->text) == 0)
			return;
	}
	if (strncmp(w->text, "--", 2) == 0)
		ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, w->at,
			    "flags stand directly behind OUTPUT");
	else if (near)
		ib_diag_add(c->diag, IB_D_UNKNOWN_FORMAT, w->at,
			    "unknown format '%s'; did you mean '%s'?", w->text, near);
	else
		ib_diag_add(c->diag, IB_D_UNKNOWN_FORMAT, w->at,
			    "unknown format '%s'; there are raw, qcow2, tar, tgz, squashfs, "
			    "docker, oci, vhd, vhdx, vmdk, vdi and aci",
			    w->text);
}

static bool has_word(const struct ib_ast_word *words, const char *text)
{
	for (const struct ib_ast_word *w = words; w; w = w->next)
		if (!w->text || strcmp(w->text, text) == 0)
			return true;
	return false;
}

static bool is_tag_again(const struct ib_ast_instruction *in, const struct ib_ast_flag *f)
{
	for (const struct ib_ast_flag *other = in->flags; other != f; other = other->next)
		if (strcmp(other->name, "tag") == 0 && other->value && other->value->text &&
		    strcmp(other->value->text, f->value->text) == 0)
			return true;
	return false;
}

static void check_tags(struct check *c, const struct ib_ast_instruction *in)
{
	bool is_container = has_word(in->words, "docker") || has_word(in->words, "oci");

	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		const char *problem;

		if (strcmp(f->name, "tag") != 0 || !f->value || !f->value->text)
			continue;
		problem = tag_problem(f->value->text);
		if (problem)
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at,
				    "expected --tag=NAME:TAG, not '%s': %s", f->value->text,
				    problem);
		else if (is_tag_again(in, f))
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at,
				    "tag '%s' is given twice", f->value->text);
		else if (!is_container && in->words)
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->name_at,
				    "--tag is the name of a docker or oci image, and this OUTPUT "
				    "writes neither");
	}
}

static void check_OUTPUT(struct check *c, const struct ib_ast_instruction *in)
{
	const char *list = flag_text(in, "checksum"), *name = flag_text(in, "name"), *part;
	const struct ib_ast_flag *options = flag_find(in, "options");
	size_t n;
	int count = 0;

	while (list && *list && list_next(&list, &part, &n)) {
		if ((n != 3 || strncmp(part, "md5", 3) != 0) &&
		    (n != 6 || strncmp(part, "sha256", 6) != 0))
			ib_diag_add(
				c->diag, IB_D_FLAG_VALUE, flag_find(in, "checksum")->value->at,
				"unknown checksum '%.*s'; expected md5, sha256 or both: md5,sha256",
				(int)n, part);
	}
	if (name && *name && (name[strlen(name) - 1] == '/' || strchr(name, '\n')))
		ib_diag_add(c->diag, IB_D_BAD_NAME, flag_find(in, "name")->value->at,
			    "'%s' is not the name of a file", name);
	list = flag_text(in, "options");
	while (list && *list && list_next(&list, &part, &n)) {
		if (!memchr(part, '=', n) || *part == '=')
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, options->value->at,
				    "expected --options=KEY=VALUE,...");
	}
	check_tags(c, in);
	for (const struct ib_ast_word *w = in->words; w && count < 64; w = w->next, count++) {
		if (w->text)
			check_format(c, in, w);
	}
}

static void check_INCLUDE(struct check *c, const struct ib_ast_instruction *in)
{
	if (in->words && in->words->text && !*in->words->text)
		ib_diag_add(c->diag, IB_D_INCLUDE, in->words->at, "the path is empty");
}

static void check_PROVIDES(struct check *c, const struct ib_ast_instruction *in)
{
	check_name_words(c, in, "an element", "-._+");
}

static void check_SOURCE(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const types[] = { "git", "tar", "file", "package" };
	const struct ib_ast_word *type = in->words ? in->words->next : NULL;
	const struct ib_ast_word *dest = type ? type->next : NULL;
	const char *near;

	if (dest && dest->text && dest->text[0] != '/')
		ib_diag_add(c->diag, IB_D_BAD_VALUE, dest->at,
			    "the destination '%s' is not absolute; write '/%s'", dest->text,
			    dest->text);
	if (!type || !type->text)
		return;
	near = ib_suggest(type->text, types, ARRAY_SIZE(types));
	if (near && strcmp(near, type->text) == 0)
		return;
	ib_diag_add(c->diag, IB_D_BAD_VALUE, type->at,
		    near ? "unknown source type '%s'; did you mean '%s'?"
			 : "unknown source type '%s'; expected git, tar, file or package",
		    type->text, near);
}

static void check_SHELL(struct check *c, const struct ib_ast_instruction *in)
{
	if (in->text && !in->is_json)
		ib_diag_add(c->diag, IB_D_NOT_JSON, in->text_at, "SHELL takes %s",
			    in->directive->takes);
	else if (in->is_json && !in->is_broken && in->json.len == 0)
		ib_diag_add(c->diag, IB_D_ARITY, in->text_at, "SHELL takes at least the program");
}

static void check_WORKDIR(struct check *c, const struct ib_ast_instruction *in)
{
	const char *text = in->words ? in->words->text : NULL;

	if (text && !*text)
		ib_diag_add(c->diag, IB_D_BAD_VALUE, in->words->at, "the path is empty");
	else if (text && text[0] == '~')
		ib_diag_add(c->diag, IB_D_BAD_VALUE, in->words->at,
			    "'~' is not expanded; write the path, as /root");
}

static void check_USER(struct check *c, const struct ib_ast_instruction *in)
{
	const char *text = in->words ? in->words->text : NULL;

	if (text && !is_owner(text))
		ib_diag_add(c->diag, IB_D_BAD_NAME, in->words->at, "'%s' is not USER or USER:GROUP",
			    text);
}

static void check_CMD(struct check *c, const struct ib_ast_instruction *in)
{
	(void)c;
	(void)in;
}

static void check_ENTRYPOINT(struct check *c, const struct ib_ast_instruction *in)
{
	(void)c;
	(void)in;
}

/* A number to 65535; ret_end behind it. -1 where there is none. */
static long port_number(const char *s, const char **ret_end)
{
	size_t n = strspn(s, "0123456789");
	long port = n && n <= 5 ? strtol(s, NULL, 10) : -1;

	*ret_end = s + n;
	return port > 65535 ? -1 : port;
}

/* 80, 80/udp, 8000-8080/tcp */
static bool is_port(const char *s)
{
	long first = port_number(s, &s), last = *s == '-' ? port_number(s + 1, &s) : first;

	return first >= 0 && last >= first &&
	       (!*s || strcmp(s, "/tcp") == 0 || strcmp(s, "/udp") == 0 || strcmp(s, "/sctp") == 0);
}

static void check_EXPOSE(struct check *c, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		if (w->text && !is_port(w->text))
			ib_diag_add(c->diag, IB_D_BAD_VALUE, w->at,
				    "'%s' is not PORT or PORT/PROTOCOL, as 80, 53/udp or "
				    "8000-8010",
				    w->text);
}

static void check_VOLUME(struct check *c, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		if (w->text && w->text[0] != '/')
			ib_diag_add(c->diag, IB_D_BAD_VALUE, w->at,
				    "a volume is an absolute path, not '%s'", w->text);
	}
}

static void check_STOPSIGNAL(struct check *c, const struct ib_ast_instruction *in)
{
	const char *s = in->words ? in->words->text : NULL;

	if (s && strncmp(s, "SIG", 3) != 0 && (!*s || strspn(s, "0123456789") != strlen(s)))
		ib_diag_add(c->diag, IB_D_BAD_VALUE, in->words->at,
			    "'%s' is not a signal, as SIGTERM or 15", s);
}

static void check_ONBUILD(struct check *c, const struct ib_ast_instruction *in)
{
	ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, in->keyword_at,
		    "ONBUILD is not part of the language");
	ib_diag_hint(
		c->diag,
		"put the instructions into a fragment and add it with ELEMENT ./PATH or INCLUDE");
}

static void check_MAINTAINER(struct check *c, const struct ib_ast_instruction *in)
{
	ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, in->keyword_at,
		    "MAINTAINER is not part of the language");
	ib_diag_hint(c->diag, "write LABEL org.opencontainers.image.authors=\"%s\"",
		     in->text ? in->text : "NAME");
}

static void check_HEALTHCHECK(struct check *c, const struct ib_ast_instruction *in)
{
	ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, in->keyword_at,
		    "HEALTHCHECK is not part of the language");
	ib_diag_hint(c->diag, "a disk image has an init system: COPY a systemd unit or timer that "
			      "checks the service");
}

static bool arity_is_right(struct check *c, const struct ib_ast_instruction *in)
{
	size_t n = count_words(in);

	if (in->is_broken || in->directive->shape == SHAPE_BLOCK)
		return true;
	if (n >= in->directive->fewest && n <= in->directive->most)
		return true;
	if (in->directive->id == D_RUN && flag_find(in, "script"))
		return true;
	ib_diag_add(c->diag, IB_D_ARITY, n ? in->at : in->keyword_at, "%s takes %s",
		    in->directive->keyword, in->directive->takes);
	return false;
}

static void check_instruction(struct check *c, const struct ib_ast_instruction *in)
{
	check_flags(c, in);
	if (in->heredocs && !(in->directive->traits & TRAIT_HEREDOC)) {
		ib_diag_add(c->diag, IB_D_HEREDOC_PLACE, in->heredocs->at,
			    "%s takes no heredoc; RUN, COPY and ADD do", in->directive->keyword);
		return;
	}
	if (arity_is_right(c, in))
		checks[in->directive->id](c, in);
}

void pass_check(struct ib_recipe *r)
{
	struct check c = { .r = r, .diag = r->diag };
	uint32_t begun = 0; /* stages whose WHERE is set up */

	c.where = arena_alloc(r->arena, (r->stages.len + 1) * sizeof(*c.where));
	vec_foreach (struct live, live, &r->live) {
		if (ib_diag_errors(r->diag) > IB_DIAG_MAX)
			return;
		for (; live->stage != NO_STAGE && begun <= live->stage; begun++)
			where_begin(r, c.where, begun);
		c.live = live;
		if (live->stage != NO_STAGE)
			where_update(r, &c.where[live->stage], live->in);
		if (!live->in->is_unknown)
			check_instruction(&c, live->in);
	}
}
