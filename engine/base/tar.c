/* SPDX-License-Identifier: Apache-2.0 */
/* tar:PATH: one archive that holds a root, with any compression that libarchive knows. */
#include "base/private.h"

#include "support/archive.h"

#include <errno.h>
#include <unistd.h>

int tar_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err)
{
	struct ib_error why = IB_ERROR_INIT;
	int r;

	(void)a;
	r = archive_check(fd, &why);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return ib_fail(err, errno, "read '%s'", b->path);
	if (r < 0)
		base_report_kind(b, fd, "tar archive", "something else", diag);
	return r < 0 ? -1 : 0;
}

int tar_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err)
{
	const struct archive_options options = { .is_root = true };

	(void)b;
	(void)tmp_fd;
	return archive_extract(fd, dir_fd, &options, err);
}
