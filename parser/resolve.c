/* SPDX-License-Identifier: Apache-2.0 */
/* Stages: their names, what they start from, which of them are made. */
#include "front.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool has_element(const struct ib_recipe *r, const char *name)
{
	return !r->vocab || r->vocab->has_element(r->vocab->context, name);
}

static const char *suggest_element(const struct ib_recipe *r, const char *name)
{
	return r->vocab ? r->vocab->suggest_element(r->vocab->context, name) : NULL;
}

static bool stage_name_is_valid(const char *s)
{
	if (!isalpha((unsigned char)*s))
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	}
	return true;
}

static void check_name(struct ib_recipe *r, uint32_t i)
{
	const struct stage *s = &r->stages.items[i];
	uint32_t other;

	if (!s->name)
		return;
	if (!stage_name_is_valid(s->name)) {
		ib_diag_add(r->diag, IB_D_BAD_NAME, s->name_word->at,
			    "stage name '%s': a letter, then letters, digits, '-', '_' and '.'",
			    s->name);
	} else if (strcmp(s->name, "scratch") == 0 || strcmp(s->name, "context") == 0) {
		ib_diag_add(r->diag, IB_D_BAD_NAME, s->name_word->at, "stage name '%s' is reserved",
			    s->name);
	} else if ((other = stage_find(r, s->name, i)) != NO_STAGE) {
		ib_diag_add(r->diag, IB_D_DUPLICATE_STAGE, s->name_word->at,
			    "stage '%s' is already defined", s->name);
		ib_diag_note(r->diag, r->stages.items[other].name_word->at, "here");
	}
}

/* name:tag, registry/name and name@digest are Docker's; what they mean here needs other words. */
static void report_image(struct ib_recipe *r, const struct stage *s)
{
	const char *base = s->base, *colon = strrchr(base, ':'), *slash = strrchr(base, '/');
	size_t n = strcspn(base, ":@");

	ib_diag_add(r->diag, IB_D_UNKNOWN_BASE, s->base_word->at,
		    "'%s' is not an element: images are not pulled", base);
	if (!slash && colon && n == 6 && strncmp(base, "debian", 6) == 0)
		ib_diag_hint(r->diag,
			     "write FROM debian-minimal and ENV DIB_RELEASE=%s, or FROM oci:PATH "
			     "for an image on disk",
			     strcmp(colon + 1, "latest") == 0 ? "bookworm" : colon + 1);
	else if (slash && (base[0] == '.' || base[0] == '/'))
		ib_diag_hint(r->diag, "an element by path is added with ELEMENT %s", base);
	else
		ib_diag_hint(r->diag, "name an element, as in FROM debian-minimal, or write FROM "
				      "oci:PATH for an image on disk");
}

static void report_unknown(struct ib_recipe *r, uint32_t i)
{
	const struct stage *s = &r->stages.items[i];
	const char *element = suggest_element(r, s->base), *stage = stage_suggest(r, s->base, i);

	for (uint32_t k = i; k < r->stages.len; k++) {
		const struct stage *later = &r->stages.items[k];

		if (!later->name || strcasecmp(later->name, s->base) != 0)
			continue;
		ib_diag_add(r->diag, IB_D_UNKNOWN_STAGE, s->base_word->at,
			    "stage '%s' is not defined above this line; a stage continues an "
			    "earlier one",
			    s->base);
		ib_diag_note(r->diag, later->name_word->at, "it is defined here");
		return;
	}
	if (stage || element)
		ib_diag_add(r->diag, IB_D_UNKNOWN_ELEMENT, s->base_word->at,
			    "unknown element or stage '%s'; did you mean '%s'?", s->base,
			    stage ? stage : element);
	else
		ib_diag_add(r->diag, IB_D_UNKNOWN_ELEMENT, s->base_word->at,
			    "unknown element or stage '%s'", s->base);
}

static const struct {
	const char *prefix;
	enum ib_base_kind kind;
} prefixes[] = { { "tar:", IB_BASE_TAR }, { "oci:", IB_BASE_OCI }, { "disk:", IB_BASE_DISK } };

static void resolve_base(struct ib_recipe *r, uint32_t i)
{
	struct stage *s = &r->stages.items[i];

	if (!s->base)
		return;
	s->kind = IB_BASE_ELEMENT;
	if (s->parent != NO_STAGE) {
		s->kind = IB_BASE_STAGE;
		return;
	}
	if (strcmp(s->base, "scratch") == 0) {
		s->kind = IB_BASE_SCRATCH;
		return;
	}
	for (size_t k = 0; k < ARRAY_SIZE(prefixes); k++) {
		size_t n = strlen(prefixes[k].prefix);

		if (strncmp(s->base, prefixes[k].prefix, n) != 0)
			continue;
		s->kind = prefixes[k].kind;
		if (s->base[n] == '\0' || s->base[n] == '/' || path_leaves(s->base + n))
			ib_diag_add(r->diag, IB_D_CONTEXT, s->base_word->at,
				    "'%s': expected a path inside the context behind '%s'", s->base,
				    prefixes[k].prefix);
		return;
	}
	if (strpbrk(s->base, ":/@"))
		report_image(r, s);
	else if (!has_element(r, s->base))
		report_unknown(r, i);
}

/* Where an instruction may stand: TRAIT_EARLY, TRAIT_WHOLE, TRAIT_PARTS. One finding for all that
 * stand before the first FROM. */
static void check_places(struct ib_recipe *r)
{
	bool is_early_reported = false, is_whole_reported = false;

	vec_foreach (struct live, live, &r->live) {
		const struct ib_ast_instruction *in = live->in;
		unsigned traits = in->directive->traits;

		if (in->is_unknown)
			continue;
		if (live->stage == NO_STAGE && !(traits & TRAIT_EARLY)) {
			if (!is_early_reported)
				ib_diag_add(
					r->diag, IB_D_NO_FROM, in->keyword_at,
					"%s stands before the first FROM; only ARG and INCLUDE may",
					in->directive->keyword);
			is_early_reported = true;
		} else if (r->is_fragment && (traits & TRAIT_WHOLE)) {
			if (!is_whole_reported)
				ib_diag_add(r->diag, IB_D_FRAGMENT, in->keyword_at,
					    "%s in a file without FROM: that is a fragment, which "
					    "makes no "
					    "image",
					    in->directive->keyword);
			is_whole_reported = true;
		} else if (!r->is_fragment && (traits & TRAIT_PARTS)) {
			ib_diag_add(r->diag, IB_D_FRAGMENT, in->keyword_at,
				    "%s belongs into a fragment, a file without FROM",
				    in->directive->keyword);
		}
	}
}

/* A stage with an OUTPUT is a product; where there is none, the last one is. --target names others.
 */
static void mark_products(struct ib_recipe *r)
{
	const struct str_vec *targets = &r->options->targets;
	bool has_output = false;
	size_t products = 0;

	vec_foreach (struct live, live, &r->live) {
		if (live->in->directive->id != D_OUTPUT || live->stage == NO_STAGE)
			continue;
		r->stages.items[live->stage].has_output = true;
		has_output = true;
	}
	if (!has_output)
		r->stages.items[r->stages.len - 1].is_product = true;
	vec_foreach (struct stage, s, &r->stages) {
		s->is_product = s->is_product || s->has_output;
		products += s->is_product;
	}
	vec_foreach (struct stage, s, &r->stages) {
		s->is_only = s->is_product && products == 1;
		s->is_product = s->is_product && targets->len == 0;
	}
	vec_foreach (const char *, name, targets) {
		uint32_t i = stage_find(r, *name, (uint32_t)r->stages.len);
		const char *near = stage_suggest(r, *name, (uint32_t)r->stages.len);

		if (i != NO_STAGE)
			r->stages.items[i].is_product = true;
		else
			ib_diag_add(r->diag, IB_D_UNKNOWN_STAGE, (struct ib_span){ 0, 0 },
				    near ? "--target: unknown stage '%s'; did you mean '%s'?"
					 : "--target: unknown stage '%s'",
				    *name, near);
	}
}

void pass_resolve(struct ib_recipe *r)
{
	check_places(r);
	if (r->is_fragment)
		return;
	for (uint32_t i = 0; i < r->stages.len; i++) {
		check_name(r, i);
		resolve_base(r, i);
	}
	if (r->stages.len > 0)
		mark_products(r);
	else if (ib_diag_errors(r->diag) == 0)
		ib_diag_add(r->diag, IB_D_NO_FROM, (struct ib_span){ r->text.start, r->text.start },
			    "no stage is left: --when leaves every FROM out");
}
