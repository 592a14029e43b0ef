/* SPDX-License-Identifier: Apache-2.0 */
/* The disk as it is, holes kept. */
#include "output/output.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <sys/stat.h>

static int raw_write(const struct output_job *job, const struct output_format *f IB_UNUSED, int fd,
		     struct ib_error *err)
{
	struct stat st;

	if (fstat(job->raw_fd, &st) < 0)
		return ib_fail(err, errno, "stat the disk");
	if (ftruncate(fd, st.st_size) < 0)
		return ib_fail(err, errno, "size the disk's copy");
	int r = fs_copy_sparse(job->raw_fd, 0, fd, 0, (uint64_t)st.st_size, err);

	if (r < 0)
		return ib_wrap(err, "copy the disk");
	return 0;
}

const struct output_format output_raw = {
	.name = "raw", .suffix = "raw", .needs_disk = true, .write = raw_write
};
