/* SPDX-License-Identifier: Apache-2.0 */
/* The tree as a pax tar. */
#include "output/output.h"

#include "support/archive.h"

#include <imagebuild/error.h>

static int tar_write(const struct output_job *job, const struct output_format *f IB_UNUSED, int fd,
		     struct ib_error *err)
{
	int r = archive_write_tar(fd, job->tree, err);

	if (r < 0)
		return ib_wrap(err, "write the tree as tar");
	return 0;
}

const struct output_format output_tar = { .name = "tar", .suffix = "tar", .write = tar_write };
