/* SPDX-License-Identifier: Apache-2.0 */
/* tar, written from a tree and read into a directory; the one user of libarchive. */
#ifndef IMAGEBUILD_ARCHIVE_H
#define IMAGEBUILD_ARCHIVE_H

#include "support/crypto.h"

#include <imagebuild/base.h>
#include <sys/types.h>

struct ib_error;
struct tree; /* support/tree.h */

/* Writes TREE as a pax tar to FD: names as "./etc/passwd" in byte order, owners by number and name
 * of the tree's own passwd and group, xattrs, ACLs, capabilities, hard links, holes, device nodes.
 */
int archive_write_tar(int fd, struct tree *tree, struct ib_error *err);

/* A file of a small archive; a path that ends in '/' is a directory. */
struct archive_member {
	const char *path;
	const void *data;
	size_t len;
	int fd; /* in place of data the whole of this file; -1: data */
};

/* Writes MEMBERS in their order as a tar: owner 0:0, modes 0644 and 0755, all of one time. */
int archive_write_members(int fd, const struct archive_member *members, size_t n, int64_t mtime,
			  struct ib_error *err);

/* Compresses the whole of FROM_FD to TO_FD. Equal bytes become equal bytes. */
int archive_gzip(int from_fd, int to_fd, struct ib_error *err);

/* What differs from "as the archive says". */
struct archive_options {
	bool has_owner; /* all that is made belongs to uid:gid */
	uid_t uid;
	gid_t gid;
	/* Patterns of path components ("*", "name-*"): only what lies below what they match, with
	 * its path from there. NULL or ".": everything. */
	const char *below;
	/* The directory is the root of a system: links, also absolute ones, are followed as in a
	 * chroot, and whatever stands in the way of a member is replaced. */
	bool is_root;
	/* A layer over what is there (OCI image layer, "Whiteouts"): ".wh.NAME" removes NAME,
	 * ".wh..wh..opq" all that its directory holds. FD is read twice. */
	bool has_whiteouts;
};

/* Unpacks an archive (tar, cpio, zip; any compression libarchive knows) below DIR_FD. A member that
 * would leave it, also by a link, is an error; what is there is replaced, but not a directory by a
 * file. OPTIONS may be NULL. */
int archive_extract(int fd, int dir_fd, const struct archive_options *options,
		    struct ib_error *err);
/* Writes the data of the member PATH to TO_FD, from its start; links within the archive are followed. -ENOENT
 * where there is none, -EFBIG past MAX bytes. FD is read from its start. */
int archive_member(int fd, const char *path, int to_fd, uint64_t max, struct ib_error *err);
/* The SHA-256 of what FD holds without its compression. */
int archive_digest_plain(int fd, struct digest *ret_digest, struct ib_error *err);
/* Whether FD, from where it stands, is an archive that archive_extract reads: its first member. */
int archive_check(int fd, struct ib_error *err);

#endif
