/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic that the disk's own check does not do: of an ESP, an MBR, a volume group, and of
 * alignment. */
#include "lint/layout_private.h"

#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define ESP_MIN (100 * MIB)
/* FAT32 has at least 65525 clusters (Microsoft's FAT specification, 3.5), of a sector or more. */
#define FAT32_CLUSTERS UINT64_C(65525)
#define FAT32_RESERVED UINT64_C(32) /* sectors in front of the two tables of 4 bytes a cluster */
#define EXTENT_DEFAULT (4 * MIB)    /* of lvm(8) */
#define BLOCK 4096                  /* of disks and file systems */

static uint64_t sector_size(const struct lint_layout *x, const struct ib_node *table)
{
	uint64_t bytes = lint_node_bytes(x, table, "sector-size");

	return bytes ? bytes : 512;
}

/* ESP_TOO_SMALL */
void lint_5012(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		uint64_t bytes = lint_node_bytes(x, n->node, "size"), sector, least;

		if (!bytes || !lint_slot_is(l, n->table, n->node, "esp"))
			continue;
		sector = sector_size(x, n->table);
		least = (FAT32_CLUSTERS + FAT32_RESERVED) * sector + 2 * 4 * (FAT32_CLUSTERS + 2);
		if (bytes < least)
			lint_add(l, IB_R_ESP_TOO_SMALL, lint_node_span(n->node, "size"),
				 "an ESP of %llu MiB cannot be FAT32, which takes %llu MiB with "
				 "sectors of "
				 "%llu bytes; firmware need not read another",
				 (unsigned long long)(bytes / MIB),
				 (unsigned long long)(least / MIB + 1), (unsigned long long)sector);
		else if (bytes < ESP_MIN)
			lint_add(l, IB_R_ESP_TOO_SMALL, lint_node_span(n->node, "size"),
				 "an ESP of %llu MiB leaves little room for a second boot loader "
				 "or a "
				 "firmware update; 100 MiB is usual",
				 (unsigned long long)(bytes / MIB));
	}
}

/* MBR_SECTOR_SIZE */
void lint_5021(struct lint *l, const struct lint_layout *x)
{
	for (const struct ib_node *table = x->root; table; table = table->next)
		if (lint_node_is(table, "mbr") && sector_size(x, table) != 512)
			lint_add(l, IB_R_MBR_SECTOR_SIZE, lint_node_span(table, "sector-size"),
				 "no BIOS boots an MBR of sectors that are not 512 bytes, and dib "
				 "refuses it");
}

/* ALIGNMENT */
void lint_5022(struct lint *l, const struct lint_layout *x)
{
	for (const struct ib_node *table = x->root; table; table = table->next) {
		uint64_t align = lint_node_bytes(x, table, "align");

		if (align && align % BLOCK != 0)
			lint_add(l, IB_R_ALIGNMENT, lint_node_span(table, "align"),
				 "with align=%s partitions begin within the blocks of %d bytes "
				 "that disks "
				 "write; 1MiB is a multiple of all that are in use",
				 lint_node_value(table, "align"), BLOCK);
	}
}

/* The number of "23%VG"; 0 where TEXT has another unit. */
static unsigned long percent_of(const char *text, const char *unit)
{
	char *end = NULL;
	unsigned long n = text ? strtoul(text, &end, 10) : 0;

	return text && *end == '%' && strcmp(end + 1, unit) == 0 ? n : 0;
}

static bool is_thin(const struct ib_node *volume)
{
	const char *type = lint_node_value(volume, "type");

	return type && strcmp(type, "thin") == 0;
}

/* VG_OVERFULL */
void lint_5026(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const struct ib_node *full = NULL;
		unsigned long sum = 0;

		for (const struct ib_node *v = lint_node_is(n->node, "lvm") ? n->node->children
									    : NULL;
		     v; v = v->next) {
			const char *extents = lint_node_value(v, "extents");

			if (is_thin(v))
				continue;
			sum += percent_of(extents, "VG");
			if (full)
				lint_add(l, IB_R_VG_OVERFULL, lint_node_span(v, "extents"),
					 "volume '%s' stands behind '%s', which takes all that is "
					 "left",
					 lint_node_name(v), lint_node_name(full));
			else if (sum > 100)
				lint_add(l, IB_R_VG_OVERFULL, lint_node_span(v, "extents"),
					 "with volume '%s' the volumes take %lu%% of the group",
					 lint_node_name(v), sum);
			if (full || sum > 100)
				break;
			if (sum == 100 || percent_of(extents, "FREE") == 100)
				full = v;
		}
	}
}

/* The bytes that the volumes of GROUP take, whole extents each, and the last that has a size. */
static uint64_t volumes_size(const struct lint_layout *x, const struct ib_node *group,
			     uint64_t extent, const struct ib_node **ret_last)
{
	uint64_t sum = 0;

	for (const struct ib_node *v = group->children; v; v = v->next) {
		uint64_t bytes = is_thin(v) ? 0 : lint_node_bytes(x, v, "size");

		sum += (bytes + extent - 1) / extent * extent;
		if (bytes)
			*ret_last = v;
	}
	return sum;
}

/* Whether another partition joins the group by its name. */
static bool is_joined(const struct lint_node_vec *nodes, const struct ib_node *group)
{
	vec_foreach (struct lint_node, n, nodes)
		if (n->node != group && lint_node_is(n->node, "lvm") && n->node->name &&
		    group->name && strcmp(n->node->name, group->name) == 0)
			return true;
	return false;
}

/* VG_TOO_SMALL */
void lint_5027(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const struct ib_node *last = NULL;
		uint64_t room, extent, sum;

		if (!lint_node_is(n->node, "lvm") || !lint_node_is(n->parent, "partition") ||
		    is_joined(&nodes, n->node))
			continue;
		room = lint_node_bytes(x, n->parent, "size");
		extent = lint_node_bytes(x, n->node, "extent-size");
		extent = extent ? extent : EXTENT_DEFAULT;
		sum = volumes_size(x, n->node, extent, &last);
		/* the first MiB holds the label and the metadata */
		if (!room || !last || room < MIB || sum <= (room - MIB) / extent * extent)
			continue;
		lint_add(l, IB_R_VG_TOO_SMALL, lint_node_span(last, "size"),
			 "the volumes of '%s' take %llu MiB in extents of %llu MiB, but partition "
			 "'%s' has "
			 "%llu MiB for them",
			 lint_node_name(n->node), (unsigned long long)(sum / MIB),
			 (unsigned long long)(extent / MIB), lint_node_name(n->parent),
			 (unsigned long long)((room - MIB) / extent * extent / MIB));
	}
}

/* THIN_POOL_ORDER */
void lint_5028(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const char *pool = lint_node_value(n->node, "pool");
		const struct ib_node *v = n->parent ? n->parent->children : NULL;

		if (!lint_node_is(n->node, "volume") || !is_thin(n->node))
			continue;
		while (pool && v != n->node && strcmp(lint_node_name(v), pool) != 0)
			v = v->next;
		if (!pool)
			lint_add(l, IB_R_THIN_POOL_ORDER, n->node->at,
				 "thin volume '%s' names no pool", lint_node_name(n->node));
		else if (v == n->node)
			lint_add(l, IB_R_THIN_POOL_ORDER, lint_node_span(n->node, "pool"),
				 "no volume '%s' stands in front of thin volume '%s'", pool,
				 lint_node_name(n->node));
	}
}
