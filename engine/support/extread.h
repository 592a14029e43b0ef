/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an ext2, ext3 or ext4 file system without mounting it. */
#ifndef IMAGEBUILD_EXTREAD_H
#define IMAGEBUILD_EXTREAD_H

#include <imagebuild/base.h>

struct ib_error;

/* Writes all that the file system at byte OFFSET of FD holds below DIR_FD: owners, modes, times, xattrs, ACLs,
 * hard links, holes; device nodes, where they cannot be made, as stand-ins (support/tree.h). One whose journal is
 * not empty, or which says that it is damaged, is an error. */
int extread_unpack(int fd, uint64_t offset, int dir_fd, struct ib_error *err);

#endif
