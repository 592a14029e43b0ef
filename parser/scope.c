/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of a stage: which one a name means, and what a RUN and the elements see. */
#include "front.h"

#include <string.h>

struct variable *scope_find(const struct scope *s, const char *name)
{
	struct variable *v = map_get(&s->envs, name);

	return v ? v : map_get(&s->args, name);
}

void scope_set(struct ib_recipe *r, struct scope *s, const struct variable *v)
{
	void **slot = map_put(r->arena, v->is_env ? &s->envs : &s->args, v->name);
	struct variable *copy = arena_alloc(r->arena, sizeof(*copy));

	*copy = *v;
	s->pairs = NULL;
	copy->index = s->all.len;
	if (*slot) { /* the old one may be shared with the scope this one was copied from */
		copy->index = ((struct variable *)*slot)->index;
		s->all.items[copy->index] = copy;
	} else if (s->all.len >= VARIABLE_LIMIT) {
		ib_diag_add(r->diag, IB_D_BAD_NAME, v->at, "a stage holds at most %d variables",
			    VARIABLE_LIMIT);
		return;
	} else {
		(void)vec_push(r->arena, &s->all, copy);
	}
	*slot = copy;
}

void scope_copy(struct ib_recipe *r, const struct scope *from, struct scope *ret_scope)
{
	*ret_scope = (struct scope){ 0 };
	vec_foreach (struct variable *, v, &from->all) {
		(void)vec_push(r->arena, &ret_scope->all, *v);
		*map_put(r->arena, (*v)->is_env ? &ret_scope->envs : &ret_scope->args, (*v)->name) =
			*v;
	}
}

const char *scope_suggest(const struct scope *s, const char *name)
{
	cleanup_free const char **words = ib_xmalloc((s->all.len + 1) * sizeof(*words));
	size_t n = 0;

	vec_foreach (struct variable *, v, &s->all)
		words[n++] = (*v)->name;
	return ib_suggest(name, words, n);
}

static int compare_keys(const void *a, const void *b)
{
	const struct ib_pair *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void collect(struct ib_recipe *r, const struct scope *s, bool with_args,
		    struct ib_pair_vec *ret)
{
	ret->items = arena_alloc(r->arena, s->all.len * sizeof(*ret->items));
	ret->cap = s->all.len;
	vec_foreach (struct variable *, it, &s->all) {
		const struct variable *v = *it;
		struct ib_pair pair = { v->name, v->value, v->at };

		if (!v->value || v->is_predefined ||
		    (!v->is_env && (!with_args || map_get(&s->envs, v->name))))
			continue;
		(void)vec_push(r->arena, ret, pair);
	}
	if (ret->len > 0)
		qsort(ret->items, ret->len, sizeof(*ret->items), compare_keys);
}

const struct ib_pair_vec *scope_pairs(struct ib_recipe *r, struct scope *s)
{
	struct ib_pair_vec *pairs;

	if (s->pairs)
		return s->pairs;
	pairs = arena_alloc(r->arena, sizeof(*pairs));
	collect(r, s, true, pairs);
	s->pairs = pairs;
	return pairs;
}

void scope_env(struct ib_recipe *r, const struct scope *s, struct ib_pair_vec *ret_pairs)
{
	collect(r, s, false, ret_pairs);
}
