/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the verb and runs it. No verb means build. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define COMMAND(name, options, words, help) int cmd_##name(struct cli *cli);
#define COMMAND_LATER(name, options, words, help)
#include "cli/commands.def"
#undef COMMAND
#undef COMMAND_LATER

const struct command commands[] = {
#define COMMAND(name, options, words, help) { #name, options, words, help, cmd_##name },
#define COMMAND_LATER(name, options, words, help) { #name, options, words, help, NULL },
#include "cli/commands.def"
#undef COMMAND
#undef COMMAND_LATER
};
const size_t commands_len = ARRAY_SIZE(commands);

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < commands_len; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* A first word that looks like a misspelt verb; directories and paths are contexts. */
static const char *command_near(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];

	if (strchr(word, '/') || strchr(word, '.') || access(word, F_OK) == 0)
		return NULL;
	for (size_t i = 0; i < commands_len; i++)
		names[i] = commands[i].name;
	return ib_suggest(word, names, commands_len);
}

static int print_help(const struct command *command)
{
	printf("usage: imagebuild [VERB] [OPTION]... [-f FILE]... [CONTEXT | FILE...]\n\nverbs:\n");
	for (size_t i = 0; i < commands_len; i++)
		printf("  %-9s %s%s\n", commands[i].name, commands[i].help,
		       commands[i].run ? "" : " (not built yet)");
	printf("\noptions of %s:\n", command->name);
	cli_print_options(command);
	return IB_EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;
	int skip = command ? 2 : 1;
	int r;

	if (!command && argc > 1 && argv[1][0] != '-') {
		const char *near = command_near(argv[1]);

		if (near)
			return cli_usage(NULL, "unknown verb '%s'; did you mean '%s'?", argv[1],
					 near);
	}
	if (!command)
		command = command_find("build");
	r = cli_parse(cli, command, argc - skip, argv + skip);
	if (r)
		return r;
	if (cli->wants_version)
		return puts("imagebuild " IMAGEBUILD_VERSION) < 0 ? IB_EXIT_MACHINE : IB_EXIT_OK;
	if (cli->wants_help)
		return print_help(command);
	if (!command->run)
		return cli_usage(NULL, "'%s' is not built yet", command->name);
	return command->run(cli);
}

int main(int argc, char **argv)
{
	struct cli cli = { .arena = arena_new() };
	int status;

	(void)signal(SIGPIPE, SIG_IGN);
	status = run(&cli, argc, argv);
	arena_free(cli.arena);
	if (fflush(stdout) != 0 && status == IB_EXIT_OK)
		status = IB_EXIT_MACHINE;
	return status;
}
