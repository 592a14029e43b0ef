/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories, relative to descriptors. */
#ifndef IMAGEBUILD_FS_H
#define IMAGEBUILD_FS_H

#include <imagebuild/base.h>
#include <sys/stat.h>

struct ib_error;

/* Reads the whole regular file, at most MAX bytes (-EFBIG); NUL-terminated, freed by the caller. */
int fs_read_at(int dir_fd, const char *path, size_t max, char **ret_text, size_t *ret_len,
	       struct ib_error *err);
/* Writes a new file under a temporary name and renames it; MODE before umask is exact. */
int fs_write_at(int dir_fd, const char *path, const void *data, size_t n, mode_t mode,
		struct ib_error *err);
int fs_write_all(int fd, const void *data, size_t n);	/* 0 or -errno; retries short writes, EINTR */
int fs_pwrite_all(int fd, const void *data, size_t n, off_t at);
int fs_pread_all(int fd, void *data, size_t n, off_t at);	/* -EIO for a short file */
/* mkdir -p; an existing directory is fine. */
int fs_mkdirs_at(int dir_fd, const char *path, mode_t mode, struct ib_error *err);
/* rm -rf of PATH; a missing one is fine. Makes directories without permission bits removable. */
int fs_remove_at(int dir_fd, const char *path, struct ib_error *err);
/* cp -a: modes, times, xattrs, symlinks as symlinks; owners where permitted. Directories merge; an
 * existing file is replaced. */
int fs_copy_at(int from_dir, const char *from, int to_dir, const char *to, struct ib_error *err);
/* What a chown that failed with errno says of PATH: an ordinary user's map may lack the id. */
int fs_fail_owner(struct ib_error *err, const char *path, long long uid, long long gid);
/* Those that the target can hold and that we may set; after the owner. -errno. */
int fs_copy_xattrs(int from_fd, int to_fd);
/* Opens PATH below ROOT_FD as if ROOT_FD were "/": symlinks, also absolute, cannot leave it
 * (openat2 RESOLVE_IN_ROOT). -1 with errno set. */
int fs_open_in(int root_fd, const char *path, int flags, mode_t mode);
/* The same, but a path that would leave ROOT_FD fails with EXDEV (openat2 RESOLVE_BENEATH). */
int fs_open_beneath(int root_fd, const char *path, int flags);
/* Copies N bytes between descriptors at offsets; holes of the source stay holes. */
int fs_copy_sparse(int from_fd, off_t from_at, int to_fd, off_t to_at, uint64_t n, struct ib_error *err);
/* Names of DIR in byte order without . and ..; a NULL-terminated array, one free() for all. */
int fs_list(int dir_fd, const char *path, char ***ret_names, size_t *ret_len, struct ib_error *err);
/* Finds NAME on a PATH string; false if it is not there or not executable. */
bool fs_find_program(const char *name, const char *path, char *ret_path, size_t size);
/* A device node (S_IFCHR, S_IFBLK), or where those are not permitted the file that stands in for one; see
 * support/tree.h. 0 or -errno. */
int fs_make_device(int dir_fd, const char *name, mode_t type, dev_t dev);
/* What a refused change of owner (EINVAL) is about. */
int fs_fail_ids(const char *path, long long uid, long long gid, struct ib_error *err);
/* a/b, without a doubled slash; freed by the caller. */
char *fs_join(const char *a, const char *b);

#endif
