/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what is made of the program's tables: mkdocs reference|rules|bash|zsh, and mkdocs man TEMPLATE,
 * whose lines
 * "@NAME@" become sections. Fails where a row of a table has no text in parser/help.def, or a text
 * no row. */
#include "mkdocs.h"

#include <stdlib.h>
#include <string.h>

static const struct help helps[] = {
#define INSTRUCTION(keyword, text) { HELP_INSTRUCTION, #keyword, "", "", text },
#define FLAG(keyword, name, value, text) { HELP_FLAG, keyword, name, value, text },
#define KEY(kind, name, value, text) { HELP_KEY, kind, name, value, text },
#define NODE_TEXT(kind, text) { HELP_NODE, kind, "", "", text },
#define FORMAT_TEXT(format, text) { HELP_FORMAT, format, "", "", text },
#define PHASE_TEXT(phase, text) { HELP_PHASE, phase, "", "", text },
#include "help.def"
};
static bool is_used[ARRAY_SIZE(helps)];

const struct command commands[] = {
#define COMMAND(name, options, words, help) { #name, options, words, help, NULL },
#define COMMAND_LATER(name, options, words, help)
#include "cli/commands.def"
};
const size_t commands_len = ARRAY_SIZE(commands);

const struct option options[] = {
#define OPTION(name, letter, kind, member, verbs, value, help) { name, letter, verbs, value, help },
#define OPTION_LATER(name, verbs, value)
#include "cli/options.def"
};
const size_t options_len = ARRAY_SIZE(options);

const struct format formats[] = {
#define FORMAT(name, suffix) { #name, suffix, false },
#define FORMAT_QEMU(name, suffix) { #name, suffix, false },
#define FORMAT_LATER(name, suffix) { #name, suffix, true },
#include <imagebuild/formats.def>
};
const size_t formats_len = ARRAY_SIZE(formats);

const struct node nodes[] = {
#define NODE(name, keys, role) { #name, keys, #role, false },
#define NODE_LATER(name, keys, role) { #name, keys, #role, true },
#include <imagebuild/nodes.def>
};
const size_t nodes_len = ARRAY_SIZE(nodes);

const struct help *help_find(enum help_kind kind, const char *row, const char *name)
{
	const char *const rows[] = { row, "" };

	for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
		for (size_t i = 0; i < ARRAY_SIZE(helps); i++)
			if (helps[i].kind == kind && strcmp(helps[i].row, rows[k]) == 0 &&
			    strcmp(helps[i].name, name) == 0) {
				is_used[i] = true;
				return &helps[i];
			}
	(void)fprintf(stderr, "parser/help.def has no text for %s %s\n", row, name);
	exit(1);
}

bool name_next(const char **names, char *ret_name, size_t size)
{
	size_t n;

	*names += strspn(*names, " ");
	n = strcspn(*names, " ");
	if (n == 0 || n > size)
		return false;
	/* the last character is the kind of value */
	(void)snprintf(ret_name, size, "%.*s", (int)(n - 1), *names);
	*names += n;
	return true;
}

/* Each row has its text; then each text was for a row. */
static void check_all(void)
{
	char name[64];

	for (size_t i = 0; i < DIRECTIVES; i++) {
		const char *flags = directives[i].flags;

		(void)help_find(HELP_INSTRUCTION, directives[i].keyword, "");
		while (name_next(&flags, name, sizeof(name)))
			(void)help_find(HELP_FLAG, directives[i].keyword, name);
	}
	for (size_t i = 0; i < nodes_len; i++) {
		const char *keys = nodes[i].keys;

		(void)help_find(HELP_NODE, nodes[i].name, "");
		while (name_next(&keys, name, sizeof(name)))
			(void)help_find(HELP_KEY, nodes[i].name, name);
	}
	for (size_t i = 0; i < formats_len; i++)
		(void)help_find(HELP_FORMAT, formats[i].name, "");
	for (size_t i = 0; i < IB_PHASES; i++)
		(void)help_find(HELP_PHASE, ib_phases[i].name, "");
	for (size_t i = 0; i < ARRAY_SIZE(helps); i++) {
		if (is_used[i])
			continue;
		(void)fprintf(stderr, "parser/help.def: '%s %s' is a row of no table\n",
			      helps[i].row, helps[i].name);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	check_all();
	if (strcmp(what, "reference") == 0)
		write_reference();
	else if (strcmp(what, "rules") == 0)
		write_rules();
	else if (strcmp(what, "bash") == 0)
		write_bash();
	else if (strcmp(what, "zsh") == 0)
		write_zsh();
	else if (strcmp(what, "man") == 0 && argc == 3)
		return write_man(argv[2]);
	else
		return 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
