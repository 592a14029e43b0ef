/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages: a template's lines "@NAME@" are replaced by what the tables have. man(7). */
#include "mkdocs.h"

#include <string.h>

/* `word` in bold; what roff would take for its own escaped. */
static void roff(const char *text)
{
	bool is_bold = false;

	for (; *text; text++) {
		if (*text == '`') {
			is_bold = !is_bold;
			printf("%s", is_bold ? "\\fB" : "\\fR");
		} else if (*text == '-') {
			printf("\\-");
		} else if (*text == '\\') {
			printf("\\e");
		} else {
			printf("%c", *text);
		}
	}
}

static void line(const char *text)
{
	/* a request begins with one of these */
	if (*text == '.' || *text == '\'')
		printf("\\&");
	roff(text);
	printf("\n");
}

static void tag(const char *prefix, const char *name, const char *value)
{
	printf(".TP\n\\fB");
	roff(prefix);
	roff(name);
	if (value && *value) {
		printf("\\fR%s\\fI", *prefix || strchr(name, '=') ? "=" : " ");
		roff(value);
	}
	printf("\\fR\n");
}

static void man_verbs(void)
{
	for (size_t i = 0; i < commands_len; i++) {
		tag("", commands[i].name, commands[i].words);
		line(commands[i].help);
	}
}

static void man_options(void)
{
	for (size_t i = 0; i < options_len; i++) {
		char prefix[8] = "--";

		if (options[i].letter)
			(void)snprintf(prefix, sizeof(prefix), "-%c, --", options[i].letter);
		tag(prefix, options[i].name, options[i].value);
		line(options[i].help);
	}
}

static void man_instructions(void)
{
	for (size_t i = 0; i < DIRECTIVES; i++) {
		const struct directive *d = &directives[i];
		const char *flags = d->flags;
		char name[64];

		printf(".SS %s\n", d->keyword);
		line(help_find(HELP_INSTRUCTION, d->keyword, "")->text);
		while (name_next(&flags, name, sizeof(name))) {
			const struct help *h = help_find(HELP_FLAG, d->keyword, name);

			tag("--", name, h->value);
			line(h->text);
		}
	}
}

static void man_nodes(void)
{
	for (size_t i = 0; i < nodes_len; i++) {
		const char *keys = nodes[i].keys;
		char name[64];

		printf(".SS %s\n", nodes[i].name);
		line(help_find(HELP_NODE, nodes[i].name, "")->text);
		printf(".br\nKeys:");
		while (name_next(&keys, name, sizeof(name))) {
			printf(" \\fB");
			roff(name);
			printf("\\fR");
		}
		printf("\n");
	}
}

static void man_formats(void)
{
	for (size_t i = 0; i < formats_len; i++) {
		tag("", formats[i].name, NULL);
		line(help_find(HELP_FORMAT, formats[i].name, "")->text);
	}
}

static void man_phases(void)
{
	for (size_t i = 0; i < IB_PHASES; i++) {
		tag("", ib_phases[i].name, NULL);
		line(help_find(HELP_PHASE, ib_phases[i].name, "")->text);
	}
}

static void man_rules(void)
{
	size_t n;
	const struct rule *rules = rules_sorted(&n);

	for (size_t i = 0; i < n; i++) {
		printf(".TP\n\\fBIB%d\\fR ", rules[i].id);
		rule_name(&rules[i]);
		printf(" (%s)\n", rule_traits(&rules[i]));
		line(rule_text(&rules[i]));
	}
}

int write_man(const char *template)
{
	static const struct {
		const char *line;
		void (*write)(void);
	} sections[] = { { "@VERBS@\n", man_verbs },   { "@OPTIONS@\n", man_options },
			 { "@NODES@\n", man_nodes },   { "@INSTRUCTIONS@\n", man_instructions },
			 { "@PHASES@\n", man_phases }, { "@FORMATS@\n", man_formats },
			 { "@RULES@\n", man_rules } };
	FILE *f = fopen(template, "re");
	char text[4096];

	if (!f) {
		perror(template);
		return 1;
	}
	while (fgets(text, sizeof(text), f)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(sections) && strcmp(text, sections[i].line) != 0)
			i++;
		if (i < ARRAY_SIZE(sections))
			sections[i].write();
		else
			printf("%s", text);
	}
	return fclose(f) == 0 && fflush(stdout) == 0 ? 0 : 1;
}
