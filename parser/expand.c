/* SPDX-License-Identifier: Apache-2.0 */
/* In the order of the text: INCLUDE brings its file's instructions, --when leaves instructions out,
 * words get their text. The result is the flat list of what counts, and what each RUN sees of ENV
 * and ARG. */
#include "front.h"
#include "parse.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

struct walk {
	struct ib_recipe *r;
	struct subst subst;
	struct scope globals;
	uint32_t stage;   /* NO_STAGE before the first FROM */
	bool is_skipping; /* behind a FROM that is left out */
	bool has_stage_limit;
	const char *files[NESTING_LIMIT + 1]; /* that are being read, outermost first */
	int depth;
	unsigned includes;
	size_t pairs;
	bool *used_args;     /* of options->build_args */
	struct str_vec args; /* names of all ARGs */
};

static void walk_list(struct walk *w, const struct ib_ast *ast);

static struct scope *now(struct walk *w)
{
	return w->stage == NO_STAGE ? &w->globals : &w->r->stages.items[w->stage].scope;
}

static void expand_flags(struct walk *w, struct ib_ast_instruction *in)
{
	w->subst.scope = now(w);
	for (struct ib_ast_flag *f = in->flags; f; f = f->next) {
		if (f->value)
			subst_word(&w->subst, f->value);
	}
}

static void expand_words(struct walk *w, struct ib_ast_word *words)
{
	w->subst.scope = now(w);
	for (; words; words = words->next)
		subst_word(&w->subst, words);
}

/* Blocks nest at most NESTING_LIMIT deep, by the grammar. */
static void expand_nodes(struct walk *w, struct ib_ast_node *nodes)
{
	for (; nodes; nodes = nodes->next) {
		expand_words(w, nodes->words);
		expand_nodes(w, nodes->children);
	}
}

/* --when as it is decided here. An error counts as "holds": more of the recipe is checked then. */
static bool cond_holds(struct walk *w, const struct ib_ast_word *word)
{
	struct ib_cond cond;
	const struct variable *v;

	if (!word || !word->text)
		return true;
	if (!cond_parse(w->r, word, &cond))
		return true; /* check reports it */
	v = scope_find(now(w), cond.key);
	if (v && v->is_broken)
		return true;
	if (!v || !v->value) {
		const char *near = v ? NULL : scope_suggest(now(w), cond.key);

		ib_diag_add(
			w->r->diag, IB_D_UNDEFINED_VARIABLE, word_part(word, 0, strlen(cond.key)),
			near ? "undefined variable '%s' in a condition; did you mean '%s'?"
			     : "undefined variable '%s' in a condition; declare it with ARG or ENV",
			cond.key, near);
		return true;
	}
	return (strcmp(v->value, cond.value) == 0) != cond.is_negated;
}

static bool when_holds(struct walk *w, const struct ib_ast_instruction *in)
{
	bool holds = true;

	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		if (strcmp(f->name, "when") == 0)
			holds = cond_holds(w, f->value) && holds;
	}
	return holds;
}

static void set_variable(struct walk *w, const char *name, const char *value, struct ib_span at,
			 bool is_env)
{
	struct variable v = { .name = name, .value = value, .at = at, .is_env = is_env };

	scope_set(w->r, now(w), &v);
}

/* A definition whose value has an error still defines, so that its uses are no errors of their own.
 */
static void set_broken(struct walk *w, const struct ib_ast_word *word, bool is_env)
{
	size_t n = strcspn(word->raw, "=");
	struct variable v = { .at = word->at, .is_env = is_env, .is_broken = true };

	if (!name_is_valid(word->raw, n))
		return;
	v.name = intern_bytes(w->r->names, word->raw, n);
	if (!is_env)
		(void)vec_push(w->r->arena, &w->args, v.name);
	scope_set(w->r, now(w), &v);
}

static const char *build_arg(struct walk *w, const char *name)
{
	const struct ib_pair_vec *args = &w->r->options->build_args;
	const char *value = NULL;

	for (size_t i = 0; i < args->len; i++) {
		if (strcmp(args->items[i].key, name) != 0)
			continue;
		w->used_args[i] = true;
		value = args->items[i].value;
	}
	return value;
}

static void define_arg(struct walk *w, const struct ib_ast_word *word)
{
	size_t n = word->text ? strcspn(word->text, "=") : 0;
	const struct variable *old;
	const char *name, *given;

	if (!word->text)
		set_broken(w, word, false);
	if (!word->text || !name_is_valid(word->text, n))
		return;
	name = intern_bytes(w->r->names, word->text, n);
	(void)vec_push(w->r->arena, &w->args, name);
	old = w->r->is_fragment ? scope_find(now(w), name) : map_get(&now(w)->args, name);
	given = build_arg(w, name);
	if (old && old->is_predefined)
		return; /* check reports it where it has a value */
	if (w->r->is_fragment && old && old->value && *old->value)
		return; /* export NAME=${NAME:-VALUE} */
	if (given)
		set_variable(w, name, given, word->at, false);
	else if (word->text[n] == '=')
		set_variable(w, name, word->text + n + 1, word->at, old && old->is_env);
	else if (!old)
		set_variable(w, name, NULL, word->at, false);
}

static void define_env(struct walk *w, const struct ib_ast_word *word)
{
	struct ib_pair pair;

	if (!word->text)
		set_broken(w, word, true);
	else if (pair_parse(w->r, word, &pair) && name_is_valid(pair.key, strlen(pair.key)))
		set_variable(w, pair.key, pair.value, pair.at, true);
}

/* One instruction sees the variables as they were before it. */
static void define(struct walk *w, const struct ib_ast_instruction *in)
{
	for (struct ib_ast_word *word = in->words; word && w->r->is_fragment; word = word->next)
		word->shell = word->text ? shell_word(&w->subst, word) : NULL;
	for (const struct ib_ast_word *word = in->words; word; word = word->next) {
		if (in->directive->id == D_ARG)
			define_arg(w, word);
		else
			define_env(w, word);
	}
}

static struct live *add_live(struct walk *w, struct ib_ast_instruction *in)
{
	struct live live = { .in = in, .stage = w->stage };

	(void)vec_push(w->r->arena, &w->r->live, live);
	return &w->r->live.items[w->r->live.len - 1];
}

static void snapshot(struct walk *w, struct live *live)
{
	struct scope *s = now(w);
	bool is_new = !s->pairs;

	if (w->pairs > PAIR_LIMIT)
		return;
	live->env = scope_pairs(w->r, s);
	w->pairs += is_new ? live->env->len : 0;
	if (w->pairs > PAIR_LIMIT)
		ib_diag_add(w->r->diag, IB_D_BAD_VALUE, live->in->keyword_at,
			    "too many RUNs with too many variables: the limit is %d in all",
			    PAIR_LIMIT);
}

static void predefine(struct walk *w, struct scope *s, const char *name, const char *value)
{
	struct variable v = { .name = intern_str(w->r->names, name),
			      .value = value,
			      .is_predefined = true };

	scope_set(w->r, s, &v);
}

static void set_arch(struct walk *w, struct scope *s, const char *arch)
{
	predefine(w, s, "ARCH", arch);
	predefine(w, s, "TARGETARCH", arch);
}

/* BASE AS NAME: the name in lower case, as Docker has it. */
static void read_stage_words(struct walk *w, struct stage *stage)
{
	struct ib_ast_word *base = stage->from->words, *as = base ? base->next : NULL;
	char *name;

	stage->base_word = base;
	stage->base = base ? base->text : NULL;
	if (!as || !as->text || strcasecmp(as->text, "AS") != 0 || !as->next)
		return;
	stage->name_word = as->next;
	if (!as->next->text)
		return;
	name = arena_strdup(w->r->arena, as->next->text);
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	stage->name = intern_str(w->r->names, name);
}

static const char *stage_arch(const struct ib_ast_instruction *from)
{
	const char *arch = flag_text(from, "arch"), *platform = flag_text(from, "platform");

	if (arch)
		return arch_find(arch);
	return platform ? platform_arch(platform) : NULL;
}

static void begin_stage(struct walk *w, struct ib_ast_instruction *from)
{
	struct ib_recipe *r = w->r;
	struct stage stage = { .from = from, .parent = NO_STAGE };
	const struct stage *parent = NULL;

	if (r->stages.len >= STAGE_LIMIT) {
		if (!w->has_stage_limit)
			ib_diag_add(r->diag, IB_D_NESTING, from->keyword_at, "more than %d stages",
				    STAGE_LIMIT);
		w->has_stage_limit = w->is_skipping = true;
		return;
	}
	read_stage_words(w, &stage);
	if (stage.base)
		stage.parent = stage_find(r, stage.base, (uint32_t)r->stages.len);
	if (stage.parent != NO_STAGE)
		parent = &r->stages.items[stage.parent];
	stage.arch = stage_arch(from);
	if (!stage.arch && parent)
		stage.arch = parent->arch;
	scope_copy(r, parent ? &parent->scope : &w->globals, &stage.scope);
	if (stage.arch)
		set_arch(w, &stage.scope, stage.arch);
	w->stage = (uint32_t)r->stages.len;
	(void)vec_push(r->arena, &r->stages, stage);
	(void)add_live(w, from);
}

static void expand_from(struct walk *w, struct ib_ast_instruction *in)
{
	if (w->depth > 0) {
		ib_diag_add(w->r->diag, IB_D_INCLUDE, in->keyword_at,
			    "an included file cannot hold FROM; make it a file of its own, or an "
			    "element");
		return;
	}
	w->stage = NO_STAGE;
	expand_flags(w, in);
	expand_words(w, in->words);
	w->is_skipping = !when_holds(w, in);
	in->is_left_out = w->is_skipping;
	if (!w->is_skipping)
		begin_stage(w, in);
}

static const char *include_path(struct walk *w, const char *path)
{
	const char *file = w->files[w->depth], *slash = strrchr(file, '/');

	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (path[0] == '/' || !slash)
		return path;
	return arena_printf(w->r->arena, "%.*s/%s", (int)(slash - file), file, path);
}

static bool include_is_allowed(struct walk *w, const struct ib_ast_word *word, const char *path)
{
	for (int i = 0; i <= w->depth; i++) {
		if (strcmp(w->files[i], path) != 0)
			continue;
		ib_diag_add(w->r->diag, IB_D_INCLUDE, word->at, "'%s' includes itself", path);
		return false;
	}
	if (w->depth >= NESTING_LIMIT) {
		ib_diag_add(w->r->diag, IB_D_INCLUDE, word->at, "includes nest more than %d deep",
			    NESTING_LIMIT);
		return false;
	}
	if (++w->includes <= INCLUDE_LIMIT)
		return true;
	if (w->includes == INCLUDE_LIMIT + 1)
		ib_diag_add(w->r->diag, IB_D_INCLUDE, word->at, "more than %d files are included",
			    INCLUDE_LIMIT);
	return false;
}

static void include(struct walk *w, struct ib_ast_instruction *in)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_ast_word *word = in->words;
	char escape = w->subst.escape;
	struct ib_ast *ast;
	struct ib_span text;
	const char *path;
	int status;

	if (!word || !word->text || !*word->text)
		return;
	path = include_path(w, word->text);
	if (!include_is_allowed(w, word, path))
		return;
	status = ib_sources_read(w->r->sources, path, &text, &err);
	if (status < 0) {
		w->r->is_incomplete = true;
		ib_diag_add(w->r->diag, status == -E2BIG ? IB_D_FILE_SIZE : IB_D_INCLUDE, word->at,
			    "%s", err.text);
		return;
	}
	ib_sources_included(w->r->sources, text, word->at);
	ast = arena_alloc(w->r->arena, sizeof(*ast));
	recipe_parse(w->r, text, ast);
	in->included = ast->instructions;
	w->files[++w->depth] = path;
	walk_list(w, ast);
	w->depth--;
	w->subst.escape = escape;
}

static void expand_instruction(struct walk *w, struct ib_ast_instruction *in)
{
	enum directive_id id = in->directive->id;
	struct live *live;

	expand_flags(w, in);
	if ((id == D_INCLUDE || id == D_ELEMENT) && !when_holds(w, in)) {
		in->is_left_out = true;
		return;
	}
	expand_words(w, in->words);
	for (struct ib_ast_heredoc *h = in->heredocs; h && in->directive->shape == SHAPE_WORDS;
	     h = h->next)
		subst_heredoc(&w->subst, h);
	expand_nodes(w, in->nodes);
	live = add_live(w, in);
	if (id == D_ARG || id == D_ENV)
		define(w, in);
	else if (id == D_RUN && !w->r->is_fragment)
		snapshot(w, live); /* a fragment's has them from environment.d */
	else if (id == D_INCLUDE && !in->is_unknown)
		include(w, in);
}

/* Behind a FROM that is left out. Its ARGs still make a --build-arg no mistake. */
static void leave_out(struct walk *w, struct ib_ast_instruction *in)
{
	in->is_left_out = true;
	for (struct ib_ast_word *word = in->words; word && in->directive->id == D_ARG;
	     word = word->next) {
		const char *name = intern_bytes(w->r->names, word->raw, strcspn(word->raw, "="));

		(void)vec_push(w->r->arena, &w->args, name);
		(void)build_arg(w, name);
	}
}

static void walk_list(struct walk *w, const struct ib_ast *ast)
{
	w->subst.escape = ast->escape;
	for (struct ib_ast_instruction *in = ast->instructions; in; in = in->next) {
		if (ib_diag_errors(w->r->diag) > IB_DIAG_MAX)
			return;
		if (!in->directive || in->directive->traits & TRAIT_REFUSED) {
			if (in->directive && !w->is_skipping)
				(void)add_live(w, in);
		} else if (in->directive->id == D_FROM) {
			expand_from(w, in);
		} else if (w->is_skipping) {
			leave_out(w, in);
		} else {
			expand_instruction(w, in);
		}
	}
}

static bool has_from(const struct ib_ast *ast)
{
	for (const struct ib_ast_instruction *in = ast->instructions; in; in = in->next) {
		if (in->directive && in->directive->id == D_FROM)
			return true;
	}
	return false;
}

static void report_unused_args(struct walk *w)
{
	const struct ib_pair_vec *args = &w->r->options->build_args;

	for (size_t i = 0; i < args->len; i++) {
		const char *name = args->items[i].key;
		const char *near = ib_suggest(name, w->args.items, w->args.len);

		if (w->used_args[i])
			continue;
		ib_diag_add(w->r->diag, IB_D_UNUSED_ARG, (struct ib_span){ 0, 0 },
			    near ? "--build-arg %s: the recipe has no ARG %s; did you mean '%s'?"
				 : "--build-arg %s: the recipe has no ARG %s",
			    name, name, near);
	}
}

void pass_expand(struct ib_recipe *r)
{
	struct walk *w = arena_alloc(r->arena, sizeof(*w));
	int64_t epoch = r->options->source_date_epoch;

	w->r = r;
	w->subst.r = r;
	w->stage = NO_STAGE;
	w->files[0] = r->options->file;
	w->used_args = arena_alloc(r->arena, r->options->build_args.len + 1);
	if (r->vocab && r->vocab->arch)
		set_arch(w, &w->globals, r->vocab->arch);
	predefine(w, &w->globals, "SOURCE_DATE_EPOCH",
		  epoch < 0 ? NULL : arena_printf(r->arena, "%lld", (long long)epoch));
	r->is_fragment = !has_from(&r->ast);
	if (r->is_fragment) {
		struct stage stage = { .parent = NO_STAGE };

		scope_copy(r, &w->globals, &stage.scope);
		(void)vec_push(r->arena, &r->stages, stage);
		w->stage = 0;
	}
	for (size_t i = 0; r->outer && i < r->outer->len; i++)
		set_variable(w, intern_str(r->names, r->outer->items[i].key),
			     r->outer->items[i].value, r->outer->items[i].at, true);
	walk_list(w, &r->ast);
	report_unused_args(w);
}
