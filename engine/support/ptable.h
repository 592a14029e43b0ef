/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables on a regular file; the one user of libfdisk. */
#ifndef IMAGEBUILD_PTABLE_H
#define IMAGEBUILD_PTABLE_H

#include <imagebuild/arena.h>

struct ib_error;

struct ptable_partition {
	uint64_t start, size;	/* sectors */
	const char *type;	/* GUID for gpt; two hex digits for mbr */
	const char *name, *uuid; /* gpt only; name may be NULL */
	uint32_t number;	/* from 1; mbr: 5 and up are logical, the extended one is given too */
	bool is_bootable;
};

struct ptable {
	const char *label;	/* "gpt" or "mbr" */
	const char *id;		/* disk GUID, or 0x%08x */
	uint32_t sector_size;
	const struct ptable_partition *partitions;
	size_t len;
};

/* Writes the table to the regular file FD, which has its final size. Everything is as given: equal
 * arguments write equal bytes. UEFI 2.10, 5.3 (GPT); MBR as of util-linux. */
int ptable_write(int fd, const struct ptable *table, struct ib_error *err);

/* Reads FD's table, of whatever sector size: without its id; extended partitions are left out. label is NULL
 * where there is none. */
void ptable_read(int fd, struct arena *a, struct ptable *ret_table);

#endif
