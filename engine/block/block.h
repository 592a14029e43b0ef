/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: configuration -> graph -> places -> bytes. Everything is computed before the first byte is
 * written; content goes through views. Facts: shared/design/device-free.md, element-contract.md 10
 * and 11. */
#ifndef IMAGEBUILD_BLOCK_H
#define IMAGEBUILD_BLOCK_H

#include "support/crypto.h"
#include "support/tree.h"
#include "support/view.h"

#include <imagebuild/diag.h>
#include <imagebuild/event.h>
#include <imagebuild/ir.h>

struct ib_error;
struct layout;
struct block_node;

/* A variable's value, or NULL if it is unset (the same type as element.h's, which block does not
 * see). */
typedef const char *block_lookup(const void *context, const char *name);

/* A kind of node: one file and one row of nodes.def. NULL members: nothing to do. */
struct block_type {
	const char *name;
	/* Reads the attributes it knows; unknown and bad ones were reported already against the
	 * row. */
	int (*parse)(struct block_node *n, struct layout *l, struct ib_diag *diag);
	/* Size, offset, UUID of the node and its children; pure. */
	int (*place)(struct block_node *n, struct layout *l, struct ib_error *err);
	int (*write)(struct block_node *n, struct layout *l, struct ib_error *err);
};

/* Where the configuration of a stage's disk comes from; see layout_new. */
struct layout_input {
	const struct ib_node *root; /* LAYOUT's tree, or NULL */
	struct ib_span
		yaml; /* dib's YAML (source text) when root is NULL; {0,0}: one ext4 over all */
	const char *arch;
	bool has_bootloader, has_vm;
	bool is_one_of_many;  /* the root and the boot loader may be on another disk: layout_join */
	block_lookup *lookup; /* variables of the environment known so far; see below */
	const void *lookup_context;
};

/* Parses and checks all that is fixed: kinds, keys, labels, mount points, fixed sizes against a
 * fixed image size (with the arithmetic), the root. Mistakes go to DIAG; NULL then. */
struct layout *layout_new(const struct layout_input *input, const struct ib_sources *sources,
			  struct arena *a, struct ib_diag *diag);
/* The tree that layout_new would read: of YAML what a LAYOUT would say, a tree for each disk, chained;
 * sizes and types are as dib writes them. In A; NULL with DIAG set. */
const struct ib_node *layout_config(const struct layout_input *input,
				    const struct ib_sources *sources, struct arena *a,
				    struct ib_diag *diag);
/* The disks of one stage, in the order of the text: one root, one fstab, no mount point or label twice;
 * the boot loader goes onto the disk of /boot, else of /. -1 with DIAG set; else the disk of the root. */
int layout_join(struct layout *const *disks, size_t len, struct ib_diag *diag);
/* The bytes of an absolute size by LAYOUT's rules or, with IS_DIB, by dib's; 0: it is none. */
uint64_t layout_size_bytes(const char *text, bool is_dib);
/* dib's size ("40G", "8 MiB", "70%") as LAYOUT writes it; NULL: it is none. */
const char *layout_size_word(const char *text, struct arena *a);
/* A partition's type as dib's YAML has it: sgdisk's code or a GUID, for an MBR two hex digits. ARCH
 * is what `root` means; NULL: TEXT is no type of such a table. */
const char *layout_type_code(const char *text, bool is_gpt, const char *arch, struct arena *a);
/* emit layout: one JSON text; "size": null with a bound where it is known only after the run. */
void layout_emit(const struct layout *l, struct buf *out);

/* What hooks are told (getval): all known before the build. */
const char *layout_root_label(const struct layout *l);
const char *layout_root_fstype(const struct layout *l);
const char *layout_boot_label(const struct layout *l);
const char *layout_mount_points(const struct layout *l); /* joined with '|', configuration order */
const char *
layout_device_kind(const struct layout *l); /* DIB_BLOCK_DEVICE: "efi", "gpt", "mbr" or NULL */
/* The fstab that dib would write (section 11.6). */
void layout_fstab(const struct layout *l, struct buf *out);
/* Host programs that it needs: calls ADD(name, package, why). */
void layout_tools(const struct layout *l,
		  void (*add)(void *context, const char *tool, const char *package,
			      const char *why),
		  void *context);

/* Runs a program of the tree in its own chroot; standard output to OUT. In_fd may be a regular
 * file. */
typedef int block_run_fn(void *context, const char *const *argv, int in_fd, struct buf *out,
			 struct ib_error *err);

struct disk_job {
	int root_fd;            /* the finished tree, fstab included */
	struct digest seed;     /* of UUIDs */
	int64_t epoch;          /* clamp of mtimes and time of everything made */
	const char *image_size; /* DIB_IMAGE_SIZE (GiB), DIB_IMAGE_EXTRA_SIZE (MiB),
				   DIB_JOURNAL_SIZE, --mkfs-options and */
	const char *extra_size; /* --max-online-resize as in section 10; NULL: unset */
	const char *journal_size, *mkfs_options, *max_resize;
	const char *temp_dir; /* for files of tools that need one */
	block_run_fn *run_in_tree;
	void *run_context;
	block_lookup *lookup; /* DIB_BOOTLOADER_* and relatives */
	const void *lookup_context;
	const struct ib_sink *sink;
};

/* A file that the disk needs in the tree: grub.cfg, GRUB's modules and images, the EFI binary,
 * mount points. */
struct boot_file {
	const char *path; /* relative to the root: "boot/grub/grub.cfg" */
	mode_t mode; /* permission bits, and S_IFDIR for a directory that must be there (an existing
			one stays as it is); missing parents are 0755, all is owned by 0:0 */
	const void *data;
	size_t len;
};
struct boot_file_vec VEC(struct boot_file);

/* What must be written to the tree, in one last layer, before JOB->root_fd is opened anew for
 * layout_place and disk_write. Data lives as long as L. Only the sectors outside of file systems
 * are left to disk_write. Comes before layout_place. */
int block_boot_files(struct layout *l, const struct disk_job *job, struct boot_file_vec *ret_files,
		     struct ib_error *err);

/* Settles what depends on the tree. Pure but for reading it. */
int layout_place(struct layout *l, const struct disk_job *job, struct ib_error *err);
uint64_t layout_size(const struct layout *l); /* bytes, after layout_place */
/* Writes table, file systems, boot loader to FD, an empty regular file. After layout_place. */
int disk_write(struct layout *l, const struct disk_job *job, int fd, struct ib_error *err);

#endif
