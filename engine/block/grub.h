/* SPDX-License-Identifier: Apache-2.0 */
/* GRUB's files for the tree: what boot.c and grubcfg.c share. */
#ifndef IMAGEBUILD_BLOCK_GRUB_H
#define IMAGEBUILD_BLOCK_GRUB_H

#include "block/graph.h"

struct grub {
	struct layout *layout;
	const struct disk_job *job;
	struct arena *arena;
	int root_fd;
	const char *mkimage; /* "/usr/bin/grub-mkimage" */
	const char *dir;     /* "boot/grub" */
	struct boot_file_vec *files;
};

/* Reads a file of the tree, symlinks kept inside of it; the text is in the arena with a NUL behind
 * it. */
int grub_read(struct grub *g, const char *path, size_t max, const char **ret_data, size_t *ret_len,
	      struct ib_error *err);
/* Adds grub.cfg: one entry for each kernel in /boot, the newest first. */
int grub_config(struct grub *g, struct ib_error *err);

#endif
