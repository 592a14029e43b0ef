/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on variables, stages and paths. */
#include "lint/recipe.h"

#include <imagebuild/intern.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- 2004 --- */

static const struct ib_ast_word *setter_before(const struct ib_ast_instruction *in,
					       const struct ib_ast_word *word, const char *name,
					       size_t n)
{
	for (const struct ib_ast_word *w = in->words; w != word; w = w->next)
		if (strncmp(w->raw, name, n) == 0 && w->raw[n] == '=')
			return w;
	return NULL;
}

static void check_references(struct lint *l, const struct lint_recipe *r,
			     const struct ib_ast_instruction *in, const struct ib_ast_word *word)
{
	size_t at = strcspn(word->raw, "="), own = at;
	struct reference ref;

	while (reference_next(word->raw, r->ast->escape, &at, &ref)) {
		const char *name = word->raw + ref.start;
		size_t n = ref.end - ref.start;
		const struct ib_ast_word *set = setter_before(in, word, name, n);

		if (!set || (n == own && strncmp(word->raw, name, n) == 0))
			continue;
		lint_add(l, IB_R_OLD_VALUE,
			 ((struct ib_span){ ib_ast_source(word->at, &word->segments, ref.start),
					    ib_ast_source(word->at, &word->segments, ref.end - 1) +
						    1 }),
			 "'%.*s' has its old value here, not the one of this %s", (int)n, name,
			 ib_ast_keyword(in));
		ib_diag_note(l->diag, set->at, "the new value is set here");
		ib_diag_hint(l->diag, "write an %s of its own for what uses it",
			     ib_ast_keyword(in));
	}
}

void lint_2004(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		if (!in->words || !in->words->next || (!lint_is(in, "ENV") && !lint_is(in, "ARG")))
			continue;
		for (const struct ib_ast_word *w = in->words->next; w; w = w->next)
			check_references(l, r, in, w);
	}
}

/* --- 2005 --- */

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Puts all that could be a variable's name into NAMES. */
static void add_names(struct lint *l, const char *text, size_t n, struct map *names)
{
	for (size_t i = 0; i < n;) {
		size_t start = i;

		while (i < n && is_name(text[i]))
			i++;
		if (i > start && !isdigit((unsigned char)text[start]))
			*map_put(l->arena, names, intern_bytes(l->names, text + start, i - start)) =
				names;
		i += i == start;
	}
}

/* All words of the recipe but the names that ARG declares. */
static void collect_names(struct lint *l, const struct lint_recipe *r, struct map *names)
{
	for (const struct ib_ast_instruction *in = lint_next(r, NULL); in; in = lint_next(r, in)) {
		struct ib_span at = { in->keyword_at.end, recipe_end(in) };

		for (const struct ib_ast_word *w = lint_is(in, "ARG") ? in->words : NULL; w;
		     w = w->next) {
			const char *value = strchr(w->raw, '=');

			if (value)
				add_names(l, value, strlen(value), names);
		}
		if (!lint_is(in, "ARG") && at.end > at.start)
			add_names(l, ib_sources_text(l->sources, at), at.end - at.start, names);
	}
	vec_foreach (const struct lint_script, s, &r->scripts)
		if (s->run && ib_ast_flag(s->run, "script"))
			add_names(l, s->text, s->len, names);
}

/* What programs know by themselves: they read it without being told. */
static bool is_for_programs(const char *name)
{
	static const char *const begins[] = { "LC_",    "PIP_",   "PYTHON", "GO",    "NPM_",
					      "CARGO_", "RUST",   "GIT_",   "APT_",  "DEBIAN_",
					      "DEB",    "MAKE",   "CMAKE_", "JAVA_", "NODE_",
					      "GEM_",   "BUNDLE_" };
	static const char *const names[] = { "LANG",       "LANGUAGE",    "TZ",
					     "PATH",       "HOME",        "TERM",
					     "CFLAGS",     "CXXFLAGS",    "CPPFLAGS",
					     "LDFLAGS",    "CC",          "CXX",
					     "http_proxy", "https_proxy", "ftp_proxy",
					     "no_proxy",   "all_proxy",   "SOURCE_DATE_EPOCH",
					     "ARCH",       "TARGETARCH" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Whether a program that lies in the tree is run, which may read any variable. */
static bool runs_unknown(const struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "RUN"); in;
	     in = recipe_next(r, in, "RUN")) {
		struct ib_span at = { in->at.start, recipe_end(in) };

		if (at.end > at.start &&
		    memmem(ib_sources_text(l->sources, at), at.end - at.start, "./", 2))
			return true;
	}
	return false;
}

static void report_unused(struct lint *l, const struct ib_ast_word *w, struct map *names)
{
	size_t n = strcspn(w->raw, "=");
	const char *name = intern_bytes(l->names, w->raw, n);

	if (n == 0 || isdigit((unsigned char)*name) || strspn(name, NAME_CHARS) != n ||
	    map_get(names, name) || is_for_programs(name))
		return;
	*map_put(l->arena, names, name) = names;
	lint_add(l, IB_R_UNUSED_ARG, word_bytes(w, 0, n), "nothing uses the parameter '%s'", name);
	if (strncmp(name, "DIB_", 4) == 0)
		ib_diag_hint(l->diag, "elements see ENV, not ARG: write ENV %s", w->raw);
	else
		ib_diag_hint(l->diag, "use it as ${%s}, or leave it out", name);
}

void lint_2005(struct lint *l, const struct lint_recipe *r)
{
	const struct ib_ast_instruction *in = recipe_next(r, NULL, "ARG");
	struct map names = { NULL, 0, 0 };

	if (!in || !recipe_next(r, NULL, "FROM") || runs_unknown(l, r))
		return;
	collect_names(l, r, &names);
	for (; in; in = recipe_next(r, in, "ARG"))
		for (const struct ib_ast_word *w = in->words; w && in->at.start < r->text.end;
		     w = w->next)
			if (in->at.start >= r->text.start)
				report_unused(l, w, &names);
}

/* --- stages --- */

static const struct ib_ast_word *stage_word(const struct ib_ast_instruction *from)
{
	const struct ib_ast_word *as = from->words ? from->words->next : NULL;

	return as && as->next && as->next->text ? as->next : NULL;
}

void lint_2008(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "FROM"); in;
	     in = recipe_next(r, in, "FROM")) {
		const struct ib_ast_word *name = stage_word(in);
		char *lower;

		if (!name || !word_is_plain(name))
			continue;
		lower = arena_strdup(l->arena, name->text);
		for (char *c = lower; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (strcmp(lower, name->text) == 0)
			continue;
		lint_add(l, IB_R_STAGE_CASING, name->at,
			 "stage '%s' is called '%s' wherever it is used", name->text, lower);
		ib_diag_edit(l->diag, name->at, lower);
	}
}

static void mark_tree(const struct ib_tree_ref *ref, uint32_t below, bool *needed)
{
	if (ref->kind == IB_FROM_STAGE && ref->stage < below)
		needed[ref->stage] = true;
}

/* Marks what stage I needs: stages above it. */
static void mark(const struct ib_ir *ir, uint32_t i, bool *needed)
{
	vec_foreach (const struct ib_op, op, &ir->stages.items[i].ops) {
		if (op->code == IB_OP_BASE && op->base.kind == IB_BASE_STAGE && op->base.stage < i)
			needed[op->base.stage] = true;
		else if (op->code == IB_OP_COPY)
			mark_tree(&op->copy.from, i, needed);
		else if (op->code == IB_OP_RUN)
			vec_foreach (const struct ib_mount, m, &op->run.mounts)
				mark_tree(&m->from, i, needed);
	}
}

void lint_2011(struct lint *l, const struct lint_recipe *r)
{
	bool *needed;

	if (!r->ir || r->ir->is_fragment)
		return;
	needed = arena_alloc(l->arena, r->ir->stages.len);
	for (uint32_t i = (uint32_t)r->ir->stages.len; i-- > 0;) {
		const struct ib_stage *stage = &r->ir->stages.items[i];

		needed[i] = needed[i] || stage->is_product;
		if (needed[i]) {
			mark(r->ir, i, needed);
			continue;
		}
		lint_add(l, IB_R_UNREACHABLE_STAGE, stage->ops.items[0].keyword_at,
			 stage->name ? "no output needs the stage '%s'"
				     : "no output needs this stage",
			 stage->name);
		ib_diag_hint(l->diag,
			     "it is made with --target alone; give it an OUTPUT, or leave it out");
	}
}

void lint_2012(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "FROM"); in;
	     in = recipe_next(r, in, "FROM")) {
		const struct ib_ast_flag *f = ib_ast_flag(in, "platform");

		if (!f || !f->value || strncmp(f->value->raw, "linux/", 6) != 0 ||
		    strchr(f->value->raw, '$'))
			continue;
		lint_add(l, IB_R_PLATFORM_CONST, f->value->at, "the recipe builds for '%s' alone",
			 f->value->raw);
		ib_diag_hint(l->diag, "leave --platform out: the image is for the machine's "
				      "architecture; or take it from an ARG");
	}
}

/* --- WORKDIR --- */

/* A stage as far as it is read. */
struct stage {
	const char *name; /* or NULL */
	bool has_workdir;
};
struct stage_vec VEC(struct stage);

static void begin_stage(struct lint *l, const struct ib_ast_instruction *from,
			struct stage_vec *stages)
{
	const struct ib_ast_word *name = stage_word(from);
	struct stage now = { .name = name ? name->text : NULL };

	for (size_t i = stages->len; i-- > 0 && from->words && from->words->text;) {
		const struct stage *s = &stages->items[i];

		if (!s->name || strcasecmp(s->name, from->words->text) != 0)
			continue;
		now.has_workdir = s->has_workdir;
		break;
	}
	(void)vec_push(l->arena, stages, now);
}

/* The path as the engine takes it: relative to "/". */
static void suggest_absolute(struct lint *l, const struct ib_ast_word *w)
{
	const char *path = w->text;

	while (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))
		path += path[1] ? 2 : 1;
	path = arena_printf(l->arena, "/%s", path);
	ib_diag_hint(l->diag, "write %s", path);
	if (word_is_plain(w) && !strpbrk(w->raw, "$\"'\\`"))
		ib_diag_edit(l->diag, w->at, path);
}

static bool is_relative(const struct ib_ast_word *w)
{
	return w && w->text && *w->text && *w->text != '/' && *w->text != '~';
}

typedef void visit_place(struct lint *l, const struct ib_ast_instruction *in,
			 const struct stage *now);

static void each_place(struct lint *l, const struct lint_recipe *r, visit_place *visit)
{
	struct stage_vec stages = { NULL, 0, 0 };

	(void)vec_push(l->arena, &stages, ((struct stage){ NULL, false }));
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		if (lint_is(in, "FROM"))
			begin_stage(l, in, &stages);
		visit(l, in, &stages.items[stages.len - 1]);
		if (lint_is(in, "WORKDIR"))
			stages.items[stages.len - 1].has_workdir = true;
	}
}

static void visit_workdir(struct lint *l, const struct ib_ast_instruction *in,
			  const struct stage *now)
{
	if (now->has_workdir || !lint_is(in, "WORKDIR") || !is_relative(in->words))
		return;
	lint_add(l, IB_R_RELATIVE_WORKDIR, in->words->at,
		 "the first WORKDIR of a stage is relative: '%s'", in->words->text);
	suggest_absolute(l, in->words);
}

void lint_2016(struct lint *l, const struct lint_recipe *r)
{
	each_place(l, r, visit_workdir);
}

static void visit_copy(struct lint *l, const struct ib_ast_instruction *in, const struct stage *now)
{
	const struct ib_ast_word *dest = word_last(in);

	if (now->has_workdir || in->is_json || !(lint_is(in, "COPY") || lint_is(in, "ADD")) ||
	    !is_relative(dest))
		return;
	lint_add(l, IB_R_RELATIVE_DESTINATION, dest->at,
		 "'%s' is relative, and no WORKDIR says to what", dest->text);
	suggest_absolute(l, dest);
}

void lint_2017(struct lint *l, const struct lint_recipe *r)
{
	each_place(l, r, visit_copy);
}

/* --- 2018 --- */

static bool has_component(const char *path, const char *wanted)
{
	size_t m = strlen(wanted);

	for (;;) {
		size_t n = strcspn(path, ":");

		if (n == m && strncmp(path, wanted, n) == 0)
			return true;
		if (!path[n])
			return false;
		path += n + 1;
	}
}

void lint_2018(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "ENV"); in;
	     in = recipe_next(r, in, "ENV")) {
		for (const struct ib_ast_word *w = in->words; w; w = w->next) {
			if (!w->text || strncmp(w->text, "PATH=", 5) != 0 ||
			    has_component(w->text + 5, "/usr/bin") ||
			    has_component(w->text + 5, "/bin"))
				continue;
			lint_add(l, IB_R_PATH_REPLACED, w->at,
				 "PATH has neither /usr/bin nor /bin: no command will be found");
			ib_diag_hint(l->diag,
				     "write the usual directories behind it: "
				     "%s:/usr/sbin:/usr/bin:/sbin:/bin",
				     w->text);
		}
	}
}
