/* SPDX-License-Identifier: Apache-2.0 */
/* SOURCE_DATE_EPOCH: the caller's, else the time of the recipe's last commit; without either the
 * build takes the date of the distribution's archive (imagefile.md, "The command"). */
#include "plan/private.h"

#include "support/child.h"

#include <string.h>

int64_t plan_epoch(const struct plan *p)
{
	const char *file = p->ir->file, *slash = file ? strrchr(file, '/') : NULL;
	const char *dir = slash ? arena_strndup(p->arena, file, (size_t)(slash - file) + 1) : ".";
	/* A repository's own configuration may name a program to check signatures with. */
	const char *const argv[] = {
		"git",          "-c", "log.showSignature=false", "-C", dir, "log", "-1",
		"--format=%ct", "--", slash ? slash + 1 : file,  NULL
	};
	struct child_spec spec = CHILD_SPEC_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_error err = IB_ERROR_INIT;
	int64_t epoch;
	char *end;

	if (p->options->source_date_epoch >= 0)
		return p->options->source_date_epoch;
	if (!file || strcmp(file, "-") == 0)
		return -1;
	spec.argv = argv;
	/* No git, no repository, or another user's: then the archive's date it is. */
	if (child_run(&spec, &out, &err) < 0 || out.len == 0)
		return -1;
	epoch = strtoll(out.data, &end, 10);
	return end > out.data && *end == '\n' && epoch > 0 ? epoch : -1;
}
