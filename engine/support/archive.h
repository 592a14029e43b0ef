/* SPDX-License-Identifier: Apache-2.0 */
/* tar, written from a tree and read into a directory; the one user of libarchive. */
#ifndef IMAGEBUILD_ARCHIVE_H
#define IMAGEBUILD_ARCHIVE_H

#include <imagebuild/base.h>

struct ib_error;
struct tree; /* support/tree.h */

/* Writes TREE as a pax tar to FD: names as "./etc/passwd" in byte order, owners by number and name of
 * the tree's own passwd and group, xattrs, ACLs, capabilities, hard links, holes, device nodes. */
int archive_write_tar(int fd, struct tree *tree, struct ib_error *err);
/* Unpacks an archive (any compression libarchive knows) below DIR_FD. A member that would leave it,
 * also by a link, is an error. For COPY --unpack. */
int archive_unpack(int fd, int dir_fd, struct ib_error *err);

#endif
