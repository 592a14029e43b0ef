/* SPDX-License-Identifier: Apache-2.0 */
/* cache [path|prune]: where the store is; remove what no recent build used. */
#include "cli/cli.h"

#include "build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_cache(struct cli *cli);

static int prune(const struct cli *cli)
{
	struct ib_error err = IB_ERROR_INIT;
	uint64_t bytes = 0;
	char *end = NULL;
	long days = cli->days ? strtol(cli->days, &end, 10) : 30;

	if (end && (*end || end == cli->days || days < 0 || days > 100000))
		return cli_usage(NULL, "--days=%s: expected a number of days", cli->days);
	if (ib_build_prune(&cli->options, (int)days, &bytes, &err) < 0)
		return cli_fail(cli, NULL, &err);
	if (!cli->is_quiet)
		printf("removed %llu MiB\n", (unsigned long long)(bytes >> 20));
	return IB_EXIT_OK;
}

int cmd_cache(struct cli *cli)
{
	static const char *const words[] = { "path", "prune" };
	cleanup_buf struct buf known = BUF_INIT;
	const char *word = cli->words.len ? cli->words.items[0] : "path";

	if (strcmp(word, "prune") == 0)
		return prune(cli);
	if (strcmp(word, "path") != 0) {
		ib_suggest_text(&known, word, words, ARRAY_SIZE(words));
		return cli_usage(NULL, "cache: unknown word '%s'%s", word, known.data);
	}
	return puts(cli->options.store) < 0 ? IB_EXIT_MACHINE : IB_EXIT_OK;
}
