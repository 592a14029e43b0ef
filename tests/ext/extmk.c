/* SPDX-License-Identifier: Apache-2.0 */
/* A tree to a file system in a file, for the tests:
 *   extmk TYPE FILE EXTENTS DIR [OPTS [TIME]]    EXTENTS: "OFFSET:SIZE,OFFSET:SIZE,..." in bytes
 *   extmk tar FILE - DIR                         a tar instead
 *   extmk unpack FILE - DIR                      FILE into DIR
 *   extmk bytes - - DIR                          what tree_bytes says
 * DIR may be "-": an empty file system. */
#include "support/archive.h"
#include "support/extfs.h"
#include "support/tree.h"
#include "support/view.h"

#include <fcntl.h>
#include <imagebuild/error.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct job {
	const char *type, *file, *extents, *opts;
	int64_t time;
	struct tree *tree;
};

static size_t parse_extents(const char *text, struct view_extent *extents, size_t max)
{
	uint64_t at = 0, offset, size;
	size_t n = 0;
	int used;

	while (n < max && sscanf(text, "%" SCNu64 ":%" SCNu64 "%n", &offset, &size, &used) == 2) {
		extents[n++] = (struct view_extent){ .at = at, .offset = offset, .size = size };
		at += size;
		text += used + (text[used] == ',');
	}
	return n;
}

static int make_fs(const struct job *j, struct ib_error *err)
{
	cleanup_fd int fd = open(j->file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct view_extent extents[16];
	struct view view = { .fd = fd, .extents = extents };
	struct extfs_options options = {
		.type = j->type,
		.label = "nasty",
		.uuid = "3b1c0d4e-5f60-8172-8394-a5b6c7d8e9f0",
		.hash_seed = "f0e1d2c3-b4a5-8697-8879-6a5b4c3d2e1f",
		.time = j->time,
		.opts = j->opts,
		.sector_size = 512,
	};
	uint64_t end = 0;

	if (fd < 0)
		return ib_fail(err, 1, "open %s", j->file);
	view.len = parse_extents(j->extents, extents, ARRAY_SIZE(extents));
	for (size_t i = 0; i < view.len; i++)
		end = extents[i].offset + extents[i].size > end
			      ? extents[i].offset + extents[i].size
			      : end;
	if (lseek(fd, 0, SEEK_END) < (off_t)end && ftruncate(fd, (off_t)end) < 0)
		return ib_fail(err, 1, "truncate");
	return extfs_write(&view, &options, j->tree, err);
}

static int run(const struct job *j, int dir, struct ib_error *err)
{
	if (!strcmp(j->type, "bytes"))
		return printf("%" PRIu64 "\n", tree_bytes(j->tree)) < 0;
	if (!strcmp(j->type, "tar")) {
		cleanup_fd int fd = open(j->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		return archive_write_tar(fd, j->tree, err);
	}
	if (!strcmp(j->type, "unpack")) {
		cleanup_fd int fd = open(j->file, O_RDONLY | O_CLOEXEC);

		return archive_extract(fd, dir, NULL, err);
	}
	return make_fs(j, err);
}

int main(int argc, char **argv)
{
	struct tree_options options = { .clamp = INT64_MAX };
	struct ib_error err = IB_ERROR_INIT;
	cleanup_tree struct tree *tree = NULL;
	cleanup_fd int dir = -1;
	struct job j;
	int r = 0;

	if (argc < 5)
		return 2;
	j = (struct job){ .type = argv[1], .file = argv[2], .extents = argv[3] };
	j.opts = argc > 5 && *argv[5] ? argv[5] : NULL;
	j.time = argc > 6 ? strtoll(argv[6], NULL, 10) : 1700000000;
	if (strcmp(argv[4], "-") != 0) {
		dir = open(argv[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = tree_open(dir, &options, &tree, &err);
	}
	j.tree = tree;
	if (r >= 0)
		r = run(&j, dir, &err);
	if (r < 0)
		(void)fprintf(stderr, "%s%s%s\n", err.text, *err.hint ? "; " : "", err.hint);
	return r < 0;
}
