/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets of bases share: any bytes as the file of one, looked at and unpacked into a
 * directory that is removed. A marker beside the directory must stay alone there: nothing leaves
 * it. */
#ifndef IMAGEBUILD_FUZZ_UNPACK_H
#define IMAGEBUILD_FUZZ_UNPACK_H

#include "base/base.h"
#include "support/fs.h"

#include <imagebuild/diag.h>
#include <imagebuild/error.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The directory holds "in" and "tmp" and nothing else. */
static inline void check_alone(int room_fd)
{
	struct ib_error err = IB_ERROR_INIT;
	char **names = NULL;
	size_t n = 0;

	if (fs_list(room_fd, ".", &names, &n, &err) < 0 || n != 2)
		abort();
	free(names);
}

static inline void unpack_bytes(struct base *b, const uint8_t *data, size_t n)
{
	char room[] = "/dev/shm/imagebuild-fuzz-XXXXXX";
	cleanup_fd int fd = memfd_create("base", MFD_CLOEXEC), room_fd = -1, in_fd = -1,
		       tmp_fd = -1;
	cleanup_arena struct arena *a = arena_new();
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_error err = IB_ERROR_INIT;

	if (!mkdtemp(room) || (room_fd = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    mkdirat(room_fd, "in", 0755) < 0 || mkdirat(room_fd, "tmp", 0700) < 0 ||
	    fs_write_all(fd, data, n) < 0)
		abort();
	in_fd = openat(room_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tmp_fd = openat(room_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->arch = "amd64";
	if (base_look(b, fd, a, diag, &err) == 0)
		(void)base_unpack(b, fd, in_fd, tmp_fd, &err);
	check_alone(room_fd);
	if (fs_remove_at(AT_FDCWD, room, &err) < 0)
		abort();
	ib_diag_free(diag);
	ib_sources_free(sources);
}

#endif
