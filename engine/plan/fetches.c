/* SPDX-License-Identifier: Apache-2.0 */
/* What a stage fetches: ADD, SOURCE, source-repository files. */
#include "plan/private.h"

#include <errno.h>
#include <string.h>

void plan_add_url(const char *text, struct arena *a, struct add_url *ret_url)
{
	size_t n = strcspn(text, "#");
	const char *hash = text[n] ? text + n + 1 : NULL, *colon, *path = strstr(text, "://");
	const char *start, *end = text + strcspn(text, "?#");

	*ret_url = (struct add_url){ .is_git = ib_is_git_url(text), .url = text, .name = "" };
	if (!ret_url->is_git) {
		path = path ? memchr(path + 3, '/', (size_t)(end - path - 3)) : NULL;
		for (start = end; path && start > path + 1 && start[-1] != '/';)
			start--;
		ret_url->name = path ? arena_strndup(a, start, (size_t)(end - start)) : "";
		return;
	}
	ret_url->url = arena_strndup(a, text, n);
	colon = hash ? strchr(hash, ':') : NULL;
	if (colon && colon[1])
		ret_url->subdir = colon + 1;
	if (hash && *hash && hash != colon)
		ret_url->ref =
			arena_strndup(a, hash, colon ? (size_t)(colon - hash) : strlen(hash));
}

struct source_request plan_source_of(const struct ib_op *op)
{
	const struct ib_op_source *s = &op->source;

	return (struct source_request){ .name = s->name,
					.type = s->type,
					.dest = s->dest,
					.location = s->location,
					.ref = s->ref,
					.at = op->at };
}

static const struct element *source_element(const struct plan_stage *stage)
{
	return element_set_find(&stage->set, "source-repositories");
}

int fetches_plan(struct planner *pl, struct plan_stage *stage)
{
	struct plan_known known = { pl->plan, stage };
	size_t errors = ib_diag_errors(pl->diag);
	int r;

	if (!source_element(stage) || plan_known_find(&known, "NO_SOURCE_REPOSITORIES"))
		return 0;
	r = sources_collect(&stage->own_hooks, pl->plan->sources, pl->plan->arena, &stage->sources,
			    pl->err);
	if (r < 0)
		return r;
	vec_foreach (struct source_line, line, &stage->sources) {
		struct ib_error err = IB_ERROR_INIT;
		struct source_request request;

		r = source_parse(line, plan_known_find, &known, pl->plan->arena, &request, &err);
		if (r >= 0)
			r = source_settle(&request, plan_known_find, &known, pl->plan->arena, &err);
		if (r < 0 && r != -ENOKEY)
			ib_diag_add(pl->diag, IB_D_BAD_VALUE, line->at, "%s", err.text);
	}
	return ib_diag_errors(pl->diag) > errors ? -1 : 0;
}

typedef void need_fn(void *context, const char *tool, const char *why, struct ib_span at);

static void need_source(const struct plan_known *known, struct source_request request,
			need_fn *need, void *context)
{
	struct ib_error err = IB_ERROR_INIT;
	struct arena *a = known->plan->arena;

	if (source_settle(&request, plan_known_find, known, a, &err) <= 0)
		return;
	need(context, strcmp(request.type, "git") == 0 ? "git" : "curl",
	     arena_printf(a, "source '%s' is fetched by it", request.name), request.at);
}

static void need_add(const struct plan *p, const struct ib_op *op, need_fn *need, void *context)
{
	vec_foreach (struct ib_word, word, &op->copy.sources) {
		struct add_url url;

		plan_add_url(word->text, p->arena, &url);
		need(context, url.is_git ? "git" : "curl", "ADD fetches by it", word->at);
	}
}

void fetches_tools(const struct plan *p, const struct plan_stage *stage, need_fn *need,
		   void *context)
{
	struct plan_known known = { p, stage };

	vec_foreach (struct step, s, &stage->steps) {
		if (s->code == STEP_add)
			need_add(p, s->op, need, context);
		else if (s->code == STEP_source)
			need_source(&known, plan_source_of(s->op), need, context);
	}
	vec_foreach (struct source_line, line, &stage->sources) {
		struct ib_error err = IB_ERROR_INIT;
		struct source_request request;

		if (source_parse(line, plan_known_find, &known, p->arena, &request, &err) >= 0)
			need_source(&known, request, need, context);
	}
}
