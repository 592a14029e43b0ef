/* SPDX-License-Identifier: Apache-2.0 */
/* The closure of FROM and ELEMENT: what is provided is collected to a fixed point, so that the
 * result depends on neither the order of a set nor luck (contract section 2). */
#include "element/private.h"

#include <imagebuild/error.h>

#include <string.h>

/* Each round settles at least one name, or the names go round in circles. */
#define ROUNDS_MAX 64

/* What brought a name: the recipe's word, or another member's element-deps. */
struct want {
	const char *name;
	struct known *by;       /* NULL: the recipe */
	const struct ib_op *op; /* the recipe's line, also of what was brought by a member */
	int depth;              /* fragments between the recipe and it */
};
struct want_vec VEC(struct want);

struct closure {
	struct elements *e;
	struct arena *arena;
	struct ib_diag *diag;
	const struct element_scope *scope;
	const char *scope_key;
	struct want_vec requested;
	struct map paths;  /* name -> known of a ./PATH, the recipe's and the fragments' */
	bool is_broken;    /* a fragment has errors, which are reported */
	struct map engine; /* names that the engine provides */
	struct map
		inherited; /* name -> element of the stage that is continued, or what provides it */
	struct map provided; /* name -> provider, of the round before */
	/* Of this round: */
	struct want_vec queue;
	struct element_vec members;
	struct map seen;     /* name -> struct want * */
	struct map provides; /* name -> provider */
};

/* Stands for the engine in `provided`. */
static const struct element engine_element = { .name = "LAYOUT", .framework = FRAMEWORK_NONE };

static struct ib_span dep_span(struct closure *c, const struct want *w);

static struct known *lookup(struct closure *c, const char *name)
{
	struct known *k = map_get(&c->paths, name);
	struct known *compiled;
	const struct want *w;

	if (!k)
		k = map_get(&c->e->known, name);
	if (!k)
		return NULL;
	known_read(c->e, k, c->diag);
	if (!k->file)
		return k;
	compiled = map_get(&k->compiled, c->scope_key);
	w = map_get(&c->seen, name);
	if (!compiled)
		compiled = fragment_compile(c->e, k, c->scope,
					    w ? dep_span(c, w) : (struct ib_span){ 0, 0 }, c->diag);
	c->is_broken = c->is_broken || compiled->is_broken;
	return compiled;
}

static const struct element *inherited_find(const struct closure *c, const char *name)
{
	return map_get(&c->inherited, name);
}

static bool is_requested(const struct closure *c, const char *name)
{
	vec_foreach (struct want, w, &c->requested)
		if (w->name == name)
			return true;
	return false;
}

/* The line of DEP in K's element-deps; the recipe's word where there is none. */
static struct ib_span dep_span(struct closure *c, const struct want *w)
{
	struct ib_span span = w->op ? w->op->at : (struct ib_span){ 0, 0 };
	struct ib_error err = IB_ERROR_INIT;
	const char *path, *text, *line;
	size_t len = strlen(w->name);

	if (!w->by)
		return span;
	if (fragment_dep_span(w->by, w->name).end)
		return fragment_dep_span(w->by, w->name);
	if (!w->by->element.dir)
		return span;
	path = arena_printf(c->arena, "%s/element-deps", w->by->element.dir);
	if (element_source(c->e->sources, path, &span, &err) < 0)
		return span;
	text = ib_sources_text(c->e->sources, span);
	line = text;
	for (uint32_t at = span.start; at < span.end; at++, line++) {
		bool starts =
			line == text || line[-1] == '\n' || line[-1] == ' ' || line[-1] == '\t';

		if (starts && span.end - at >= len && memcmp(line, w->name, len) == 0 &&
		    (span.end - at == len || strchr(" \t\r\n", line[len])))
			return (struct ib_span){ at, at + (uint32_t)len };
	}
	return span;
}

/* "vm, needed by base, needed by x" as a note at the recipe's line. */
static void note_chain(struct closure *c, const struct want *w)
{
	struct buf text = BUF_INIT;
	int depth = 0;

	if (!w->by)
		return;
	buf_printf(&text, "'%s' is needed by '%s'", w->name, w->by->element.name);
	w = map_get(&c->seen, w->by->element.name);
	while (w && w->by && depth++ < 64) {
		buf_printf(&text, ", that by '%s'", w->by->element.name);
		w = map_get(&c->seen, w->by->element.name);
	}
	buf_str(&text, ", which the recipe names here");
	ib_diag_note(c->diag, w && w->op ? w->op->at : (struct ib_span){ 0, 0 }, "%s", text.data);
	buf_release(&text);
}

static void report_bound(struct closure *c, const struct want *w)
{
	c->is_broken = true;
	if (w->depth > FRAGMENTS_MAX)
		ib_diag_add(c->diag, IB_D_NESTING, dep_span(c, w),
			    "fragments need each other more than %d deep", FRAGMENTS_MAX);
	else
		ib_diag_add(c->diag, IB_D_NESTING, w->op->at, "more than %d elements in a stage",
			    ELEMENTS_MAX);
}

static void push_want(struct closure *c, const char *name, struct known *by, const struct ib_op *op)
{
	const struct want *parent = by ? map_get(&c->seen, by->element.name) : NULL;
	struct want *w;

	if (map_get(&c->seen, name))
		return;
	w = arena_alloc(c->arena, sizeof(*w));
	*w = (struct want){ .name = name, .by = by, .op = op };
	w->depth = parent ? parent->depth + (by->file != NULL) : 0;
	if (w->depth > FRAGMENTS_MAX || c->queue.len == ELEMENTS_MAX) {
		report_bound(c, w);
		return;
	}
	*map_put(c->arena, &c->seen, name) = w;
	vec_push(c->arena, &c->queue, *w);
}

static void add_provides(struct closure *c, struct known *k)
{
	vec_foreach (const char *, name, &k->element.provides) {
		void **slot = map_put(c->arena, &c->provides, *name);

		if (!*slot)
			*slot = k;
	}
}

static void report_same_name(struct closure *c, const struct known *k, const struct known *other,
			     struct ib_span at)
{
	c->is_broken = true;
	ib_diag_add(c->diag, IB_D_ELEMENT_PATH, at, "two elements of one stage are called '%s'",
		    k->element.name);
	ib_diag_hint(c->diag, "they are %s and %s",
		     path_shown(other->element.dir ? other->element.dir : other->file),
		     path_shown(k->element.dir ? k->element.dir : k->file));
}

/* What an ELEMENT ./PATH names stands before what the search path has under the name. */
static void add_path(struct closure *c, struct known *k, struct ib_span at)
{
	void **slot = map_put(c->arena, &c->paths, k->element.name);

	if (*slot && *slot != k)
		report_same_name(c, k, *slot, at);
	*slot = k;
}

/* One walk, breadth first, under what the round before found to be provided. */
static void walk(struct closure *c)
{
	c->queue.len = c->members.len = 0;
	c->seen = c->provides = (struct map){ .slots = NULL };
	vec_foreach (struct want, w, &c->requested)
		push_want(c, w->name, NULL, w->op);
	for (size_t i = 0; i < c->queue.len; i++) {
		struct want w = c->queue.items[i];
		struct known *k;

		if (!is_requested(c, w.name) &&
		    (map_get(&c->provided, w.name) || map_get(&c->engine, w.name) ||
		     inherited_find(c, w.name)))
			continue;
		k = lookup(c, w.name);
		if (!k)
			continue;
		vec_push(c->arena, &c->members, &k->element);
		add_provides(c, k);
		vec_foreach (struct known *, local, &k->locals)
			add_path(c, *local, fragment_dep_span(k, (*local)->element.name));
		vec_foreach (const char *, dep, &k->element.deps)
			push_want(c, *dep, k, w.op);
	}
}

static bool same_names(const struct map *a, const struct map *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->cap; i++)
		if (a->slots[i].key && !map_get(b, a->slots[i].key))
			return false;
	return true;
}

/* The first name, in byte order, that is in A and not in B; BEST is one found before. */
static const char *only_in(const struct map *a, const struct map *b, const char *best)
{
	for (size_t i = 0; i < a->cap; i++) {
		const char *key = a->slots[i].key;

		if (key && !map_get(b, key) && (!best || strcmp(key, best) < 0))
			best = key;
	}
	return best;
}

/* A name whose provider is there only because of the element that the name drops. */
static void report_unsettled(struct closure *c)
{
	const char *first = only_in(&c->provided, &c->provides, NULL);

	first = only_in(&c->provides, &c->provided, first);
	ib_diag_add(c->diag, IB_D_ALREADY_PROVIDED, c->requested.items[0].op->at,
		    "the dependencies do not settle: what provides '%s' is needed only by the "
		    "element '%s'",
		    first, first);
	ib_diag_hint(c->diag, "name the element that provides '%s' in an ELEMENT line", first);
}

static int settle(struct closure *c)
{
	size_t rounds = c->e->all.len + 2;

	for (size_t i = 0;; i++) {
		size_t paths = c->paths.len;

		walk(c);
		if (c->is_broken)
			return -1;
		if (same_names(&c->provides, &c->provided) && c->paths.len == paths)
			return 0;
		if (i == rounds || i == ROUNDS_MAX)
			break;
		c->provided = c->provides;
	}
	report_unsettled(c);
	return -1;
}

void ib_elements_missing(struct elements *e, const char *by, const char *name, struct ib_span at,
			 struct ib_diag *diag)
{
	const char *near = ib_elements_suggest(e, name);

	ib_diag_add(
		diag, IB_D_MISSING_DEPENDENCY, at,
		"element '%s' needs '%s', which is no element and which none here provides%s%s%s",
		by, name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void report_missing(struct closure *c, const struct want *w)
{
	const char *near = ib_elements_suggest(c->e, w->name);

	if (!w->by) {
		ib_diag_add(c->diag, IB_D_UNKNOWN_ELEMENT, w->op->at, "unknown element '%s'%s%s%s",
			    w->name, near ? "; did you mean '" : "", near ? near : "",
			    near ? "'?" : "");
		ib_diag_hint(c->diag, "elements are looked for in %s", c->e->path);
		return;
	}
	ib_elements_missing(c->e, w->by->element.name, w->name, dep_span(c, w), c->diag);
	note_chain(c, w);
	if (strcmp(w->name, "block-device") == 0)
		ib_diag_hint(c->diag,
			     "write a LAYOUT, or add block-device-gpt, -mbr or -efi to ELEMENT");
	else
		ib_diag_hint(c->diag, "elements are looked for in %s", c->e->path);
}

static void check_missing(struct closure *c)
{
	vec_foreach (struct want, w, &c->queue) {
		bool is_provided = map_get(&c->provides, w->name) || map_get(&c->engine, w->name) ||
				   inherited_find(c, w->name);

		if (!lookup(c, w->name) && (!is_provided || is_requested(c, w->name)))
			report_missing(c, w);
	}
}

static struct ib_span member_span(struct closure *c, const struct element *member)
{
	const struct want *w = map_get(&c->seen, member->name);

	return w && w->op ? w->op->at : member->at;
}

/* Who provides NAME, of this stage or of the one it continues; NULL: nobody. */
static const struct element *provider(struct closure *c, const char *name)
{
	const struct known *own = map_get(&c->provides, name);
	const struct element *other = inherited_find(c, name);

	return other || !own ? other : &own->element;
}

/* Two members that provide one name, and a requested element that another one provides. */
static void check_conflicts(struct closure *c)
{
	vec_foreach (const struct element *, member, &c->members)
		vec_foreach (const char *, name, &(*member)->provides) {
			const struct element *first = provider(c, *name);

			if (first == *member)
				continue;
			ib_diag_add(c->diag, IB_D_ALREADY_PROVIDED, member_span(c, *member),
				    "elements '%s' and '%s' both provide '%s'; only one of them "
				    "can be in an image",
				    first->name, (*member)->name, *name);
			ib_diag_note(c->diag, member_span(c, first), "'%s' comes from here",
				     first->name);
		}
	vec_foreach (struct want, w, &c->requested) {
		const struct element *by = provider(c, w->name);

		if (!by || by->name == w->name)
			continue;
		ib_diag_add(c->diag, IB_D_ALREADY_PROVIDED, w->op->at,
			    "element '%s' is provided by '%s' already; leave one of them out",
			    w->name, by->name);
		ib_diag_note(c->diag, member_span(c, by), "'%s' comes from here", by->name);
	}
}

/* dib keeps the dependencies of such an element where its set happened to be in that order. */
static void warn_dropped(struct closure *c)
{
	vec_foreach (struct want, w, &c->queue) {
		const struct known *by = map_get(&c->provides, w->name);
		struct known *k = by ? lookup(c, w->name) : NULL;

		if (!k || is_requested(c, w->name))
			continue;
		vec_foreach (const char *, dep, &k->element.deps) {
			if (map_get(&c->seen, *dep))
				continue;
			ib_diag_add(
				c->diag, IB_D_DROPPED_DEPENDENCY, dep_span(c, w),
				"'%s' provides '%s', so the element of that name is left out, and "
				"with it '%s'",
				by->element.name, w->name, *dep);
			break;
		}
	}
}

static void check_operating_system(struct closure *c, const struct ib_stage *stage)
{
	const char *name = intern_str(c->e->names, "operating-system");

	if (provider(c, name) || map_get(&c->engine, name))
		return;
	ib_diag_add(c->diag, IB_D_NO_OPERATING_SYSTEM, stage->at,
		    "no element of this stage provides an operating system");
	ib_diag_hint(c->diag, "start FROM one that does, such as debian-minimal");
}

/* What OP, a FROM or ELEMENT, names by a path; NULL where it names nothing so. */
static struct known *path_of_op(struct elements *e, const struct ib_op *op, struct ib_diag *diag)
{
	if (op->code != IB_OP_ELEMENT || !op->element.is_path)
		return NULL;
	return path_find(e, e->context, op->element.name, op->at, diag);
}

static const char *name_of_op(struct elements *e, const struct ib_op *op)
{
	if (op->code == IB_OP_BASE && op->base.kind == IB_BASE_ELEMENT)
		return intern_str(e->names, op->base.name);
	if (op->code == IB_OP_ELEMENT && !op->element.is_path)
		return intern_str(e->names, op->element.name);
	return NULL;
}

static bool is_same(const struct known *k, const struct element *e)
{
	const char *dir = k->element.dir ? k->element.dir : k->file;

	return dir && (e->dir || e->fragment) &&
	       strcmp(dir, e->dir ? e->dir : e->fragment->file) == 0;
}

static void add_requested(struct closure *c, const struct ib_op *op)
{
	struct known *k = path_of_op(c->e, op, c->diag);
	const char *name = k ? k->element.name : name_of_op(c->e, op);
	const struct element *there = name ? inherited_find(c, name) : NULL;

	/* What the stage before has is not done again. */
	if (there && there->name == name && (!k || is_same(k, there)))
		return;
	if (k)
		add_path(c, k, op->at);
	if (name && !is_requested(c, name))
		vec_push(c->arena, &c->requested, ((struct want){ .name = name, .op = op }));
}

static int resolve(struct closure *c, const struct element_request *request)
{
	const char *device = intern_str(c->e->names, "block-device");

	if (settle(c) < 0)
		return -1;
	if (!request->automatic || provider(c, device) || map_get(&c->engine, device))
		return 0;
	ib_diag_add(c->diag, IB_D_NOTE, request->automatic->at,
		    "'vm' without a LAYOUT or block-device element: '%s' is added, as dib does",
		    request->automatic->element.name);
	add_requested(c, request->automatic);
	return settle(c);
}

/* Members are the stage's own: where each comes from differs from stage to stage. */
static void fill_set(struct closure *c, const struct element_set *inherited,
		     struct element_set *set)
{
	if (inherited)
		vec_foreach (const struct element *, member, &inherited->members)
			vec_push(c->arena, &set->members, *member);
	set->provided = c->provides;
	for (size_t i = 0; i < c->engine.cap; i++)
		if (c->engine.slots[i].key)
			*map_put(c->arena, &set->provided, c->engine.slots[i].key) =
				c->engine.slots[i].value;
	vec_foreach (const struct element *, member, &c->members) {
		struct element *own = arena_alloc(c->arena, sizeof(*own));

		*own = **member;
		own->at = member_span(c, *member);
		own->is_requested = is_requested(c, own->name);
		vec_push(c->arena, &set->members, own);
	}
}

const struct element *element_set_find(const struct element_set *set, const char *name)
{
	vec_foreach (const struct element *, member, &set->members)
		if (strcmp((*member)->name, name) == 0)
			return *member;
	return NULL;
}

static void take_inherited(struct closure *c, const struct element_set *set)
{
	union {
		const struct element *in;
		void *out;
	} member;

	for (size_t i = 0; set && i < set->members.len; i++) {
		member.in = set->members.items[i];
		*map_put(c->arena, &c->inherited, member.in->name) = member.out;
		vec_foreach (const char *, name, &member.in->provides)
			*map_put(c->arena, &c->inherited, *name) = member.out;
	}
}

int elements_resolve(struct elements *e, const struct element_request *request, struct arena *a,
		     struct element_set *ret_set, struct ib_diag *diag)
{
	struct closure c = { .e = e, .arena = a, .diag = diag, .scope = &request->scope };
	struct element_set set = { .members = { NULL, 0, 0 } };
	size_t errors = ib_diag_errors(diag);
	union {
		const struct element *in;
		void *out;
	} engine = { .in = &engine_element };

	vec_foreach (const char *, name, &request->provided)
		*map_put(a, &c.engine, intern_str(e->names, *name)) = engine.out;
	c.scope_key = scope_key(e, c.scope);
	take_inherited(&c, request->inherited);
	vec_foreach (struct ib_op, op, &request->stage->ops)
		add_requested(&c, op);
	if ((c.requested.len || request->automatic) && resolve(&c, request) < 0)
		return -1;
	if (c.requested.len == 0 && !request->inherited)
		return ib_diag_errors(diag) > errors ? -1 : 0;
	check_missing(&c);
	check_conflicts(&c);
	check_operating_system(&c, request->stage);
	if (c.is_broken || ib_diag_errors(diag) > errors)
		return -1;
	warn_dropped(&c);
	fill_set(&c, request->inherited, &set);
	*ret_set = set;
	return 0;
}
