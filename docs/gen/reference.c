/* SPDX-License-Identifier: Apache-2.0 */
/* docs/reference.md. */
#include "mkdocs.h"

#include <string.h>

/* '|' would end it. */
void cell(const char *text)
{
	for (; *text; text++)
		printf(*text == '|' ? "\\|" : "%c", *text);
}

static void flag_row(const char *keyword, const char *name)
{
	const struct help *h = help_find(HELP_FLAG, keyword, name);

	printf("| `--%s%s", name, *h->value ? "=" : "");
	cell(h->value);
	printf("` | ");
	cell(h->text);
	printf(" |\n");
}

static void instruction(const struct directive *d)
{
	const char *flags = d->flags;
	char name[64];

	printf("\n### %s\n\n%s\n", d->keyword, help_find(HELP_INSTRUCTION, d->keyword, "")->text);
	if (*d->takes)
		printf("\nTakes %s.%s%s\n", d->takes,
		       d->traits & TRAIT_PARTS ? " In a fragment only." : "",
		       d->traits & TRAIT_WHOLE ? " Not in a fragment." : "");
	if (!*flags)
		return;
	printf("\n| flag | meaning |\n|---|---|\n");
	while (name_next(&flags, name, sizeof(name)))
		flag_row(d->keyword, name);
}

static void phases(void)
{
	printf("\n## Phases\n\n| phase | side | for |\n|---|---|---|\n");
	for (size_t i = 0; i < IB_PHASES; i++)
		printf("| `%s` | %s | %s |\n", ib_phases[i].name,
		       ib_phases[i].side == IB_HOST ? "host" : "chroot",
		       help_find(HELP_PHASE, ib_phases[i].name, "")->text);
}

static bool has_key(const struct node *n, const char *key)
{
	const char *keys = n->keys;
	char name[64];

	while (name_next(&keys, name, sizeof(name)))
		if (strcmp(name, key) == 0)
			return true;
	return false;
}

/* The kinds for which KEY has the text H. */
static void key_row(const char *key, const struct help *h)
{
	printf("| `%s=", key);
	cell(h->value);
	printf("` | ");
	cell(h->text);
	printf(" |");
	for (size_t i = 0; i < nodes_len; i++)
		if (has_key(&nodes[i], key) && help_find(HELP_KEY, nodes[i].name, key) == h)
			printf(" %s", nodes[i].name);
	printf(" |\n");
}

/* A key of several kinds is one row, with the first of them. */
static bool is_first(size_t node, const char *key, const struct help *h)
{
	for (size_t i = 0; i < node; i++)
		if (has_key(&nodes[i], key) && help_find(HELP_KEY, nodes[i].name, key) == h)
			return false;
	return true;
}

static void layout(void)
{
	char name[64];

	printf("\n## Nodes of LAYOUT\n\n`kind [name] [key=value ...] [{ children }]`\n\n"
	       "| kind | what it is |\n|---|---|\n");
	for (size_t i = 0; i < nodes_len; i++)
		printf("| `%s` | %s%s |\n", nodes[i].name,
		       help_find(HELP_NODE, nodes[i].name, "")->text,
		       nodes[i].is_later ? " (not built yet)" : "");
	printf("\n| key | meaning | of |\n|---|---|---|\n");
	for (size_t i = 0; i < nodes_len; i++) {
		const char *keys = nodes[i].keys;

		while (name_next(&keys, name, sizeof(name))) {
			const struct help *h = help_find(HELP_KEY, nodes[i].name, name);

			if (is_first(i, name, h))
				key_row(name, h);
		}
	}
}

static void outputs(void)
{
	printf("\n## Formats of OUTPUT\n\n| format | file | what it is |\n|---|---|---|\n");
	for (size_t i = 0; i < formats_len; i++)
		printf("| `%s` | `NAME.%s` | %s%s |\n", formats[i].name, formats[i].suffix,
		       help_find(HELP_FORMAT, formats[i].name, "")->text,
		       formats[i].is_later ? " (not built yet)" : "");
}

static void verbs_of(const struct option *o)
{
	bool is_first_verb = true;

	if (o->verbs == V_ALL) {
		printf("all");
		return;
	}
	for (size_t i = 0; i < commands_len; i++)
		if (commands[i].options & o->verbs) {
			printf("%s%s", is_first_verb ? "" : ", ", commands[i].name);
			is_first_verb = false;
		}
}

static void command_line(void)
{
	printf("\n## Verbs\n\n| verb | what it does |\n|---|---|\n");
	for (size_t i = 0; i < commands_len; i++) {
		printf("| `%s ", commands[i].name);
		cell(commands[i].words);
		printf("` | %s |\n", commands[i].help);
	}
	printf("\n## Options\n\n| option | meaning | of |\n|---|---|---|\n");
	for (size_t i = 0; i < options_len; i++) {
		const struct option *o = &options[i];

		printf("| `");
		if (o->letter)
			printf("-%c`, `", o->letter);
		printf("--%s%s", o->name, o->value ? "=" : "");
		cell(o->value ? o->value : "");
		printf("` | %s | ", o->help);
		verbs_of(o);
		printf(" |\n");
	}
}

void write_reference(void)
{
	printf("# Reference\n\n"
	       "Made of the program's tables by docs/gen/mkdocs.c; `UPDATE=1 tests/run.sh docs` "
	       "writes "
	       "it anew. What the words\nmean together is in language.md, layout.md, outputs.md "
	       "and "
	       "building.md.\n\n## Instructions\n");
	for (size_t i = 0; i < DIRECTIVES; i++)
		instruction(&directives[i]);
	phases();
	layout();
	outputs();
	command_line();
}
