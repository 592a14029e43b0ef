/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the files of OUTPUT: from the raw disk or from the tree, unnamed until whole. */
#ifndef IMAGEBUILD_OUTPUT_H
#define IMAGEBUILD_OUTPUT_H

#include "support/image_config.h"
#include "support/tree.h"

#include <imagebuild/event.h>
#include <imagebuild/ir.h>

struct ib_error;
struct buf;

/* DIFF_ID: of the one layer, "sha256:HEX". */
void image_config_json(const struct image_config *c, int64_t epoch, const char *diff_id,
		       struct buf *out);

struct output_job {
	int raw_fd; /* the finished disk; -1 where the format takes the tree */
	struct tree
		*tree; /* the whole tree, nothing excluded; NULL where the format takes the disk */
	const struct ib_op_output *op; /* options, tags */
	bool is_uncompressed;
	const char *name; /* the image's, may be a path */
	int64_t epoch;    /* the time of what is written; later ones are clamped to it */
	const struct image_config *config; /* for formats that have one */
	const char *temp_dir;
	const struct ib_sink *sink;
};

struct output_format {
	const char *name, *suffix;
	bool needs_disk; /* else it needs the tree */
	bool has_config; /* it tells runtimes how to run the tree */
	bool is_later;   /* not built yet */
	/* Writes the whole file to FD, an empty unnamed regular file. */
	int (*write)(const struct output_job *job, const struct output_format *f, int fd,
		     struct ib_error *err);
	const char *tool, *package; /* host program and its Debian package, or NULL */
};

/* The row of formats.def, or NULL. */
const struct output_format *output_find(const char *name);

/* A named file to be: made in the caller's directory as an unnamed file (O_TMPFILE; a hidden name
 * that dies with the process where the file system cannot), linked and renamed when whole. Called
 * in the caller's process, not in the supervisor. */
struct output_file {
	int fd;
	int dir_fd;
	char *name;   /* within dir_fd */
	char *hidden; /* NULL with O_TMPFILE */
};

int output_open(const char *path, struct output_file *ret_file, struct ib_error *err);
/* fsync, linkat, rename over an existing one; with the checksum files F.md5, F.sha256 ("<hex>
 * <path>\n"). */
int output_publish(struct output_file *f, const char *path, bool has_md5, bool has_sha256,
		   struct ib_error *err);
void output_drop(struct output_file *f); /* whatever its state; leaves nothing behind */

#endif
