/* SPDX-License-Identifier: Apache-2.0 */
/* A file tree as it goes into an image: read once, in byte order, every attribute known before the
 * first byte is written. Shared by ext, vfat, tar and the size computation. */
#ifndef IMAGEBUILD_TREE_H
#define IMAGEBUILD_TREE_H

#include <imagebuild/arena.h>
#include <sys/stat.h>
#include <time.h>

struct ib_error;

struct tree_xattr {
	const char *name; /* full, "security.capability"; ACLs as system.posix_acl_access|_default */
	const void *value;
	size_t len;
};

struct tree_entry {
	const char *path;	/* relative to the root, any bytes, "" for the root itself */
	const char *name;	/* last component, "" for the root */
	uint32_t parent;	/* index; 0 for the root */
	uint32_t link;		/* index of the first entry of the same inode; its own index otherwise */
	uint32_t links;		/* names of this inode inside the tree (1 for directories) */
	mode_t mode;		/* type and permission bits; a stand-in for a device node has the node's type */
	uid_t uid;
	gid_t gid;
	uint32_t major, minor;	/* of device nodes */
	uint64_t size;		/* of regular files, bytes */
	uint64_t allocated;	/* bytes of storage where that is less than size: there are holes */
	struct timespec mtime;	/* clamped */
	const char *target;	/* of symlinks */
	const struct tree_xattr *xattrs; /* sorted by name */
	size_t xattrs_len;
};

struct tree {
	struct arena *arena;
	int root_fd;		  /* owned */
	struct tree_entry *entries; /* parents before children, siblings in byte order; [0] is the root */
	size_t len;
};

struct tree_options {
	const char *sub;		/* the directory below root_fd that is the root; NULL or "" for itself */
	const char *const *excluded;	/* NULL-terminated paths relative to it ("boot/efi") that another file
					   system holds: the directory stays, empty; may be NULL */
	int64_t clamp;			/* later mtimes become this many seconds; INT64_MAX: none */
};

/* Reads the tree below ROOT_FD (borrowed). A stand-in (regular file with xattr user.imagebuild.dev
 * "c MAJ MIN" or "b MAJ MIN") becomes a device node and loses that xattr; every other xattr of a name
 * user.imagebuild.* is dropped too. Sockets are left out. Bounds: 16 million entries, depth 2000. */
int tree_open(int root_fd, const struct tree_options *options, struct tree **ret_tree, struct ib_error *err);
void tree_free(struct tree *t);
/* Opens the content of a regular file for reading. -errno. */
int tree_open_file(const struct tree *t, const struct tree_entry *e);
/* The sum that replaces du: each inode once, bytes rounded up to 4 KiB, directories and long symlinks
 * 4 KiB. The same for the same tree on every host file system. */
uint64_t tree_bytes(const struct tree *t);

static inline void ib_cleanup_tree(struct tree **t)
{
	tree_free(*t);
}
#define cleanup_tree __attribute__((cleanup(ib_cleanup_tree)))

#endif
