/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of the compiler and the rules of lint: docs/lint/README.md. */
#include "mkdocs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct rule rules[] = {
#define DIAG(id, slug, severity) { id, #slug, severity, 0 },
#include <imagebuild/diags.def>
#undef DIAG
#define RULE(id, slug, severity, traits, summary) { id, #slug, severity, traits },
#include "lint/rules/all.def"
#undef RULE
};

static int by_number(const void *x, const void *y)
{
	const struct rule *a = x, *b = y;

	return a->id - b->id;
}

const struct rule *rules_sorted(size_t *ret_len)
{
	qsort(rules, ARRAY_SIZE(rules), sizeof(*rules), by_number);
	*ret_len = ARRAY_SIZE(rules);
	return rules;
}

void rule_name(const struct rule *r)
{
	for (const char *p = r->slug; *p; p++)
		printf("%c", *p == '_' ? '-' : tolower((unsigned char)*p));
}

const char *rule_traits(const struct rule *r)
{
	static const char *const levels[] = { "note", "style", "info", "warning", "error" };
	static char text[32];

	(void)snprintf(text, sizeof(text), "%s%s%s", levels[r->severity],
		       r->traits & LINT_FIX ? ", fix" : "",
		       r->traits & LINT_OPTIONAL ? ", off" : "");
	return text;
}

const char *rule_text(const struct rule *r)
{
	static char text[1024];
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/IB%d.md", IMAGEBUILD_PAGES, r->id);
	f = fopen(path, "re");
	for (int i = 0; i < 3; i++)
		if (!f || !fgets(text, sizeof(text), f))
			text[0] = '\0';
	if (f)
		(void)fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

void write_rules(void)
{
	size_t n;
	const struct rule *sorted = rules_sorted(&n);

	printf("# Rules\n\n"
	       "Made of the tables and of the pages beside it by docs/gen/mkdocs.c; `UPDATE=1 "
	       "tests/run.sh docs` writes "
	       "it anew.\nWhat lint reads and how a rule is silenced is in [lint.md](../lint.md). "
	       "IB1001 to IB1599 are the "
	       "messages of the\ncompiler. `fix`: `--fix` mends it; `off`: it waits to be turned "
	       "on.\n\n"
	       "| rule | name | level | what it finds |\n|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		printf("| [IB%d](IB%d.md) | ", sorted[i].id, sorted[i].id);
		rule_name(&sorted[i]);
		printf(" | %s | ", rule_traits(&sorted[i]));
		cell(rule_text(&sorted[i]));
		printf(" |\n");
	}
}
