/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/block share: the nodes of a disk and the layout that they make up. */
#ifndef IMAGEBUILD_BLOCK_GRAPH_H
#define IMAGEBUILD_BLOCK_GRAPH_H

#include "block/block.h"

enum block_role { BLOCK_TABLE, BLOCK_SLOT, BLOCK_VOLUME, BLOCK_CONTENT, BLOCK_COVER, BLOCK_GROUP };

/* A row of nodes.def. */
struct block_row {
	const char *name, *keys;
	enum block_role role;
	const struct block_type *type; /* NULL: not built yet */
};

const struct block_row *block_row_find(const char *name);
const char *block_row_suggest(const char *name);

/* A size as it was written. */
struct block_size {
	uint64_t bytes;      /* of an absolute one */
	uint64_t millionths; /* of what is left, of a relative one: 100% is 1 000 000 */
	bool is_given, is_relative;
};

/* Reads TEXT by LAYOUT's rules ("8MiB", "10GB", "4096", "70%") or, with IS_DIB, by dib's
 * (contract 11.5). NULL, or what is wrong with it. */
const char *block_size_parse(const char *text, bool is_dib, struct block_size *ret_size);
/* "550 MiB", "1.5 GiB", "4096 B". */
void block_size_text(uint64_t bytes, struct buf *out);

struct block_node {
	const struct block_row *row;
	const struct ib_node *source;
	const char *name;
	struct block_node *parent, *children, *next;
	/* Slots. */
	struct block_size size;
	struct ib_span size_at;
	const struct slot_type *type; /* partition.c's */
	const char *type_code;        /* GUID, or two hex digits */
	bool is_bootable, is_primary;
	uint32_t number; /* in the table */
	/* Content. */
	const char *label, *uuid, *opts; /* uuid: as given, or derived by layout_place */
	const char *mount, *options;
	unsigned int dump, passno;
	bool has_fstab;
	/* Bytes in the image, after layout_place. */
	uint64_t start, bytes;
};
struct block_node_vec VEC(struct block_node *);

struct layout {
	struct arena *arena;
	const struct ib_sources *sources;
	const struct layout_input *input; /* only during layout_new */
	const char *arch;
	bool is_dib;         /* the configuration is dib's YAML or dib's default */
	bool has_bootloader; /* in the closure, and not refused by loader=none */
	const char *cmdline; /* LAYOUT's, or NULL */
	struct block_node *top;
	struct block_node_vec nodes;  /* all, in text order, parents first */
	struct block_node_vec mounts; /* with a mount point, and swap; in the order of fstab */
	struct block_node_vec all_mounts; /* those of the stage's other disks too */
	struct layout *const *disks; /* of the stage, in the order of the text; NULL: this one alone */
	size_t disks_len;
	bool is_second; /* the root is on another disk */
	struct block_node *root,
		*boot; /* the file systems of / and of /boot (root, where /boot is none) */
	bool boots_bios, boots_uefi;           /* what the boot loader is placed for */
	const struct grub_target *target;      /* boot.c's row of the architecture */
	struct block_node *esp;                /* the vfat of the ESP */
	struct block_node *bios_slot;          /* of core.img; NULL: the gap behind the MBR */
	const char *grub_dir;                  /* "boot/grub", after block_boot_files */
	uint64_t extended_start, extended_end; /* mbr, bytes; 0: no logical partitions */
	uint32_t extended_number;
	uint64_t sector_size, align;
	struct block_size given; /* of the disk, where the configuration says one */
	struct ib_span given_at;
	uint64_t known; /* the disk's size as far as it is known before the build, else 0 */
	uint64_t size;  /* after layout_place */
	/* During layout_place and disk_write. */
	const struct disk_job *job;
	int fd;
};

/* config.c: dib's YAML, or what dib does without any, as LAYOUT's tree. NULL when DIAG has the
 * error. */
const struct ib_node *config_yaml(struct layout *l, struct ib_diag *diag);
const struct ib_node *config_default(struct layout *l, struct ib_diag *diag);

/* graph.c: -1 where ROOT is no table at all; other mistakes are in DIAG. */
int graph_build(struct layout *l, const struct ib_node *root, struct ib_diag *diag);
/* The attribute KEY of N, or NULL. */
const struct ib_pair *node_attr(const struct block_node *n, const char *key);
const char *node_value(const struct block_node *n, const char *key);
bool node_flag(const struct block_node *n, const char *key, bool otherwise);
/* Where a message about N's attribute KEY (else N itself) points. */
struct ib_span node_span(const struct block_node *n, const char *key);

/* What content nodes have in common: label, mount point, fstab. */
int content_parse(struct block_node *n, struct layout *l, struct ib_diag *diag);
int content_place(struct block_node *n, struct layout *l, struct ib_error *err);
bool content_is(const struct block_node *n, const char *kind);

/* slots.c: the types of partitions. */
struct slot_type {
	const char *name, *guid, *code, *mbr; /* code: sgdisk's; mbr: two hex digits, or NULL */
};
/* Finds what TEXT means for the table of N's parent and sets type and type_code; false if it means
 * nothing. */
bool slot_type_set(struct block_node *n, const char *text, bool is_gpt, struct layout *l);
const char *slot_type_suggest(const char *text);
bool slot_is(const struct block_node *n, const char *type);

/* partition.c: places. */
uint64_t partition_first(const struct layout *l);
/* Gives every slot its place on a disk of SIZE bytes; false and the slot that has none where they
 * do not fit. */
bool partition_lay_out(struct layout *l, uint64_t size, struct block_node **ret_bad);
/* What everything but the relative slots takes, table and alignment included. */
uint64_t partition_fixed(const struct layout *l);
/* Why BAD has no place: "esp 550 MiB + root 2 GiB + 2 MiB for the table = 2600 MiB, but the disk
 * has 2 GiB" */
void partition_sum(const struct layout *l, const struct block_node *bad, uint64_t size,
		   struct buf *out);
/* A slot of what is left: the part it gets, in millionths. */
uint64_t partition_share(const struct layout *l, const struct block_node *slot);

/* A variable of the environment, or NULL. */
const char *layout_var(const struct layout *l, const char *name);
const char *job_var(const struct disk_job *job, const char *name);
/* The mount points that other file systems hold below N's, relative to it; NULL-terminated, in A.
 */
const char *const *layout_excluded(const struct layout *l, const struct block_node *n,
				   struct arena *a);
/* Opens what N holds of the tree. */
int layout_open_tree(const struct layout *l, const struct block_node *n, struct tree **ret_tree,
		     struct ib_error *err);
/* A view of the one extent of N. EXTENT is the caller's and outlives it. */
struct view layout_view(const struct layout *l, const struct block_node *n,
			struct view_extent *extent);

/* boot.c: checks at plan time; writes boot.img and core.img outside of file systems. */
int boot_check(struct layout *l, struct ib_diag *diag);
int boot_write(struct layout *l, struct ib_error *err);

/* fstab.c: in the order of fstab. */
void fstab_sort(struct block_node_vec *mounts);

static inline uint64_t align_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) / align * align;
}

static inline uint64_t align_down(uint64_t n, uint64_t align)
{
	return n / align * align;
}

#define MIB (UINT64_C(1) << 20)
#define KIB UINT64_C(1024)

#endif
