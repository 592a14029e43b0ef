/* SPDX-License-Identifier: Apache-2.0 */
/* Completions for bash and zsh: verbs, the options of each, words and values that are a choice. */
#include "mkdocs.h"

#include <string.h>

/* "a|b [FILE]..." and "[a|b]" offer a and b; a value that is no choice nothing. Returns whether it
 * did. */
static bool choices(const char *value)
{
	size_t start = strspn(value, "["),
	       n = strspn(value + start, "abcdefghijklmnopqrstuvwxyz|-");

	if (!memchr(value + start, '|', n) || !strchr(" ]", value[start + n]))
		return false;
	for (size_t i = 0; i < n; i++)
		printf("%c", value[start + i] == '|' ? ' ' : value[start + i]);
	return true;
}

static void format_names(void)
{
	for (size_t i = 0; i < formats_len; i++)
		if (!formats[i].is_later)
			printf("%s ", formats[i].name);
}

static void bash_value(const struct option *o)
{
	if (!o->value)
		return;
	printf("\t--%s", o->name);
	if (o->letter)
		printf(" | -%c", o->letter);
	printf(")\n\t\tmapfile -t COMPREPLY < <(compgen ");
	if (strcmp(o->value, "FILE") == 0) {
		printf("-f");
	} else if (strcmp(o->value, "DIR") == 0) {
		printf("-d");
	} else {
		printf("-W '");
		if (strncmp(o->value, "FORMAT", 6) == 0)
			format_names();
		else
			(void)choices(o->value);
		printf("'");
	}
	printf(" -- \"$cur\")\n\t\treturn\n\t\t;;\n");
}

static void bash_options(const struct command *c)
{
	printf("\t%s)\n\t\toptions='", c->name);
	for (size_t i = 0; i < options_len; i++)
		if (options[i].verbs & c->options)
			printf("--%s%s ", options[i].name, options[i].value ? "=" : "");
	printf("'\n\t\twords='");
	(void)choices(c->words);
	printf("'\n\t\t;;\n");
}

static void verb_names(const char *between)
{
	for (size_t i = 0; i < commands_len; i++)
		printf("%s%s", i ? between : "", commands[i].name);
}

void write_bash(void)
{
	printf("# completion of imagebuild for bash; made of the program's tables\n"
	       "_imagebuild() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	       "\tlocal verb=build option options words extra\n"
	       "\tif [[ $COMP_CWORD -gt 1 ]]; then\n\t\tcase ${COMP_WORDS[1]} in\n\t\t");
	verb_names(" | ");
	printf(") verb=${COMP_WORDS[1]} ;;\n\t\tesac\n"
	       "\t\tif [[ $cur == = ]]; then\n\t\t\toption=$prev cur=\n"
	       "\t\telif [[ $prev == = ]]; then\n\t\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
	       "\t\telse\n\t\t\toption=$prev\n\t\tfi\n\telse\n\t\textra='");
	verb_names(" ");
	printf("'\n\tfi\n\tcase $option in\n");
	for (size_t i = 0; i < options_len; i++)
		bash_value(&options[i]);
	printf("\tesac\n\tcase $verb in\n");
	for (size_t i = 0; i < commands_len; i++)
		bash_options(&commands[i]);
	printf("\tesac\n"
	       "\tif [[ $cur == -* ]]; then\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	       "\t\t[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null\n"
	       "\t\treturn\n\tfi\n"
	       "\t[[ $COMP_CWORD -eq 2 && ${COMP_WORDS[1]} == \"$verb\" ]] || words=\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$extra $words\" -- \"$cur\"; compgen "
	       "-f -- "
	       "\"$cur\")\n"
	       "}\ncomplete -F _imagebuild imagebuild\n");
}

/* Of a quoted _arguments specification. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else if (strchr("[]:\\", *text))
			printf("\\%c", *text);
		else
			printf("%c", *text);
	}
}

/* What completes VALUE. */
static void zsh_action(const char *value)
{
	if (strcmp(value, "FILE") == 0) {
		printf("_files");
	} else if (strcmp(value, "DIR") == 0) {
		printf("_files -/");
	} else if (strncmp(value, "FORMAT", 6) == 0) {
		printf("(");
		format_names();
		printf(")");
	} else if (strchr(value, '|')) {
		printf("(");
		(void)choices(value);
		printf(")");
	}
}

static void zsh_option(const struct option *o)
{
	printf("\t\t\t'*--%s%s[", o->name, o->value ? "=" : "");
	zsh_text(o->help);
	printf("]");
	if (o->value) {
		printf(":");
		zsh_text(o->value);
		printf(":");
		zsh_action(o->value);
	}
	printf("' \\\n");
}

static void zsh_verb(const struct command *c)
{
	printf("\t%s)\n\t\t_arguments \\\n", c->name);
	for (size_t i = 0; i < options_len; i++)
		if (options[i].verbs & c->options)
			zsh_option(&options[i]);
	if (strchr(c->words, '|')) {
		printf("\t\t\t'1:");
		zsh_text(c->words);
		printf(":(");
		(void)choices(c->words);
		printf(")' \\\n");
	}
	printf("\t\t\t'*:file:_files'\n\t\t;;\n");
}

void write_zsh(void)
{
	printf("#compdef imagebuild\n# made of the program's tables\n_imagebuild() {\n"
	       "\tlocal verb=build\n\tlocal -a verbs\n\tverbs=(\n");
	for (size_t i = 0; i < commands_len; i++) {
		printf("\t\t'%s:", commands[i].name);
		zsh_text(commands[i].help);
		printf("'\n");
	}
	printf("\t)\n\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
	       "\t\t_describe verb verbs\n\t\t_files\n\t\treturn\n\tfi\n"
	       "\tcase $words[2] in\n\t");
	verb_names(" | ");
	printf(")\n\t\tverb=$words[2]\n\t\tshift words\n\t\t(( CURRENT-- ))\n\t\t;;\n\tesac\n"
	       "\tcase $verb in\n");
	for (size_t i = 0; i < commands_len; i++)
		zsh_verb(&commands[i]);
	printf("\tesac\n}\n_imagebuild \"$@\"\n");
}
