/* SPDX-License-Identifier: Apache-2.0 */
/* logs [STEP]: the logs of the last build; with a number, that step's text. */
#include "cli/cli.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int cmd_logs(struct cli *cli);

/* The newest directory below logs/, NULL if there is none. */
static char *newest(const char *logs)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char **names = NULL;
	struct timespec best = { 0, 0 };
	char *found = NULL;
	size_t n = 0;

	if (fs_list(AT_FDCWD, logs, &names, &n, &err) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		char *path = fs_join(logs, names[i]);
		struct stat st;

		if (stat(path, &st) < 0 || st.st_mtim.tv_sec < best.tv_sec ||
		    (st.st_mtim.tv_sec == best.tv_sec && st.st_mtim.tv_nsec < best.tv_nsec)) {
			free(path);
			continue;
		}
		best = st.st_mtim;
		free(found);
		found = path;
	}
	return found;
}

static int print_log(const struct cli *cli, const char *path)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t n;

	if (fs_read_at(AT_FDCWD, path, SIZE_MAX / 2, &text, &n, &err) < 0)
		return cli_fail(cli, NULL, &err);
	(void)fwrite(text, 1, n, stdout);
	return IB_EXIT_OK;
}

int cmd_logs(struct cli *cli)
{
	cleanup_free char *logs = fs_join(cli->options.state_dir, "logs");
	cleanup_free char *dir = newest(logs);
	const char *step = cli->words.len ? cli->words.items[0] : NULL;
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char **names = NULL;
	size_t n = 0;

	if (step && (!*step || step[strspn(step, "0123456789")]))
		return cli_usage("imagebuild logs lists them",
				 "logs takes the number of a step, not '%s'", step);
	if (!dir)
		return cli_usage(NULL, "no build has left a log in '%s'", logs);
	if (fs_list(AT_FDCWD, dir, &names, &n, &err) < 0)
		return cli_fail(cli, NULL, &err);
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *path = fs_join(dir, names[i]);

		if (!step)
			(void)puts(path);
		else if (strtoul(names[i], NULL, 10) == strtoul(step, NULL, 10))
			return print_log(cli, path);
	}
	return step ? cli_usage(NULL, "step %s of the last build ran no log", step) : IB_EXIT_OK;
}
