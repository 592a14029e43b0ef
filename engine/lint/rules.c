/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rules: names, pages, and the functions of each subject. */
#include "lint/private.h"

#include <ctype.h>
#include <string.h>

struct rule {
	struct ib_diag_row row;
	int traits;
	const char *summary;
};

static const struct rule rules[] = {
#define RULE(id, slug, severity, traits, summary) { { id, #slug, severity }, traits, summary },
#include "lint/rules/all.def"
#undef RULE
};

#define RULE(id, slug, severity, traits, summary) lint_##id,
void (*const lint_recipe_rules[])(struct lint *, const struct lint_recipe *) = {
#include "lint/rules/recipe.def"
	NULL
};
void (*const lint_script_rules[])(struct lint *, const struct lint_script *) = {
#include "lint/rules/script.def"
	NULL
};
void (*const lint_element_rules[])(struct lint *, const struct lint_element *) = {
#include "lint/rules/element.def"
	NULL
};
void (*const lint_layout_rules[])(struct lint *, const struct lint_layout *) = {
#include "lint/rules/layout.def"
	NULL
};
#undef RULE

const struct ib_diag_row *lint_row(enum lint_rule_id id)
{
	size_t i = 0;

	while (rules[i].row.id != (int)id)
		i++;
	return &rules[i].row;
}

static int by_number(const void *x, const void *y)
{
	const struct lint_rule_info *a = x, *b = y;

	return a->row->id - b->row->id;
}

void lint_rules(struct arena *a, struct lint_rule_info_vec *ret_rules)
{
	for (size_t i = 0; i < ib_diag_rows_len; i++)
		vec_push(a, ret_rules, ((struct lint_rule_info){ .row = &ib_diag_rows[i] }));
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		vec_push(a, ret_rules,
			 ((struct lint_rule_info){
				 .row = &rules[i].row,
				 .summary = rules[i].summary,
				 .is_fixable = rules[i].traits & LINT_FIX,
				 .is_optional = rules[i].traits & LINT_OPTIONAL,
			 }));
	qsort(ret_rules->items, ret_rules->len, sizeof(*ret_rules->items), by_number);
}

bool lint_is_optional(const struct ib_diag_row *row)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (&rules[i].row == row)
			return rules[i].traits & LINT_OPTIONAL;
	return false;
}

bool lint_is_fixed(const struct ib_diag_row *row)
{
	return row->severity == IB_ERROR && row->id < rules[0].row.id;
}

/* Whether NAME is IB and the row's number, or its slug, in any case. */
static bool is_named(const struct ib_diag_row *row, const char *name)
{
	const char *slug = row->slug;
	char *end;

	if ((name[0] == 'I' || name[0] == 'i') && (name[1] == 'B' || name[1] == 'b') &&
	    isdigit((unsigned char)name[2]))
		return strtol(name + 2, &end, 10) == row->id && !*end;
	for (; *slug && *name; slug++, name++)
		if (toupper((unsigned char)*name) != *slug && !(*slug == '_' && *name == '-'))
			return false;
	return !*slug && !*name;
}

const struct ib_diag_row *lint_rule_find(const char *name)
{
	for (size_t i = 0; i < ib_diag_rows_len; i++)
		if (is_named(&ib_diag_rows[i], name))
			return &ib_diag_rows[i];
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (is_named(&rules[i].row, name))
			return &rules[i].row;
	return NULL;
}

const char *lint_slug(const struct ib_diag_row *row, struct arena *a)
{
	char *slug = arena_strdup(a, row->slug);

	for (char *p = slug; *p; p++)
		*p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
	return slug;
}

const char *lint_page(const struct ib_diag_row *row, struct arena *a)
{
	const char *dir = ib_data_find(a, "lint");
	const char *page = dir ? arena_printf(a, "%s/IB%d.md", dir, row->id) : NULL;

	return page && access(page, R_OK) == 0 ? page : NULL;
}

static const char *const levels[] = {
	[IB_NOTE] = "note",       [IB_STYLE] = "style", [IB_INFO] = "info",
	[IB_WARNING] = "warning", [IB_ERROR] = "error", [IB_ERROR + 1] = "none",
};

bool lint_level_find(const char *word, int *ret_level)
{
	for (int i = IB_STYLE; i <= IB_ERROR + 1; i++)
		if (strcmp(word, levels[i]) == 0) {
			*ret_level = i;
			return true;
		}
	return false;
}

const char *lint_level_name(enum ib_severity severity)
{
	return levels[severity];
}
