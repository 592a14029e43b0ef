/* SPDX-License-Identifier: Apache-2.0 */
/* Partition tables through libfdisk on a regular file. libfdisk wants to ask about some things;
 * everything is given here, so that it never does. */
#include "support/ptable.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <libfdisk.h>
#include <stdio.h>
#include <string.h>

#define GPT_ENTRIES 16384u /* bytes */

static void unref_context(struct fdisk_context **c)
{
	if (!*c)
		return;
	(void)fdisk_set_script(*c, NULL); /* it refers back to the context */
	fdisk_unref_context(*c);
}
#define cleanup_context __attribute__((cleanup(unref_context)))

static void unref_partition(struct fdisk_partition **p)
{
	if (*p)
		fdisk_unref_partition(*p);
}
#define cleanup_partition __attribute__((cleanup(unref_partition)))

static void unref_script(struct fdisk_script **s)
{
	if (*s)
		fdisk_unref_script(*s);
}
#define cleanup_script __attribute__((cleanup(unref_script)))

static void unref_type(struct fdisk_parttype **t)
{
	if (*t)
		fdisk_unref_parttype(*t);
}
#define cleanup_type __attribute__((cleanup(unref_type)))

/* libfdisk sends its notes here as well: only those are accepted. */
static int answer(struct fdisk_context *c IB_UNUSED, struct fdisk_ask *ask, void *data IB_UNUSED)
{
	switch (fdisk_ask_get_type(ask)) {
	case FDISK_ASKTYPE_INFO:
	case FDISK_ASKTYPE_WARN:
	case FDISK_ASKTYPE_WARNX:
		return 0;
	default:
		return -EINVAL;
	}
}

static bool is_gpt(const struct ptable *table)
{
	return strcmp(table->label, "gpt") == 0;
}

/* A type that libfdisk has no name for is as good as one that it knows. */
static struct fdisk_parttype *make_type(struct fdisk_context *c, const struct ptable *table,
					const char *type)
{
	struct fdisk_label *label = fdisk_get_label(c, NULL);

	if (!is_gpt(table)) {
		unsigned int code = (unsigned int)strtoul(type, NULL, 16);
		struct fdisk_parttype *known = fdisk_label_get_parttype_from_code(label, code);

		return known ? known : fdisk_new_unknown_parttype(code, NULL);
	}
	struct fdisk_parttype *known = fdisk_label_get_parttype_from_string(label, type);

	return known ? known : fdisk_new_unknown_parttype(0, type);
}

static int describe(struct fdisk_partition *pa, struct fdisk_parttype *type,
		    const struct ptable *table, const struct ptable_partition *p)
{
	int r = fdisk_partition_set_partno(pa, p->number - 1);

	if (r == 0)
		r = fdisk_partition_set_start(pa, p->start);
	if (r == 0)
		r = fdisk_partition_set_size(pa, p->size);
	if (r == 0)
		r = fdisk_partition_size_explicit(pa, 1);
	if (r == 0)
		r = fdisk_partition_set_type(pa, type);
	if (r == 0 && is_gpt(table) && p->name)
		r = fdisk_partition_set_name(pa, p->name);
	if (r == 0 && is_gpt(table))
		r = fdisk_partition_set_uuid(pa, p->uuid);
	return r;
}

static int add_partition(struct fdisk_context *c, const struct ptable *table,
			 const struct ptable_partition *p, struct ib_error *err)
{
	cleanup_type struct fdisk_parttype *type = make_type(c, table, p->type);
	cleanup_partition struct fdisk_partition *pa = fdisk_new_partition();
	size_t number = 0;

	if (!type || !pa)
		ib_oom();
	int r = describe(pa, type, table, p);

	if (r == 0)
		r = fdisk_add_partition(c, pa, &number);
	if (r < 0)
		return ib_fail(err, -r, "add partition %u (sectors %llu + %llu)", p->number,
			       (unsigned long long)p->start, (unsigned long long)p->size);
	if (number != p->number - 1)
		return ib_fail_text(err, EINVAL,
				    "libfdisk made partition %zu where %u was asked for",
				    number + 1, p->number);
	if (is_gpt(table) || !p->is_bootable)
		return 0;
	r = fdisk_toggle_partition_flag(c, number, DOS_FLAG_ACTIVE);
	if (r < 0)
		return ib_fail(err, -r, "mark partition %u as bootable", p->number);
	return 0;
}

/* libfdisk's own choice of the first usable sector is 2048, which leaves a gap that sgdisk remarks
 * on; the standard's is the one behind the entries (UEFI 2.10, 5.3.2). Only a script can say so. */
static int set_first_lba(struct fdisk_context *c, const struct ptable *table)
{
	cleanup_script struct fdisk_script *script = fdisk_new_script(c);
	char first[24];

	if (!script)
		ib_oom();
	(void)snprintf(first, sizeof(first), "%u", 2 + GPT_ENTRIES / table->sector_size);
	int r = fdisk_script_set_header(script, "first-lba", first);

	return r == 0 ? fdisk_set_script(c, script) : r;
}

static int open_table(struct fdisk_context *c, int fd, const struct ptable *table,
		      struct ib_error *err)
{
	int r = fdisk_set_ask(c, answer, NULL);

	if (r == 0)
		r = fdisk_save_user_sector_size(c, table->sector_size, table->sector_size);
	if (r == 0)
		r = fdisk_assign_device_by_fd(c, fd, "the disk", 0);
	if (r == 0 && is_gpt(table))
		r = set_first_lba(c, table);
	if (r == 0)
		r = fdisk_create_disklabel(c, is_gpt(table) ? "gpt" : "dos");
	if (r == 0)
		r = fdisk_set_disklabel_id_from_string(c, table->id);
	if (r < 0)
		return ib_fail(err, -r, "make a partition table (%s, %s)", table->label, table->id);
	return 0;
}

int ptable_write(int fd, const struct ptable *table, struct ib_error *err)
{
	cleanup_context struct fdisk_context *c = fdisk_new_context();

	if (!c)
		ib_oom();
	int r = open_table(c, fd, table, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < table->len; i++) {
		r = add_partition(c, table, &table->partitions[i], err);
		if (r < 0)
			return r;
	}
	r = fdisk_write_disklabel(c);
	if (r < 0)
		return ib_fail(err, -r, "write the partition table");
	return 0;
}

static const char *type_text(struct fdisk_partition *pa, bool is_gpt, struct arena *a)
{
	struct fdisk_parttype *type = fdisk_partition_get_type(pa);
	const char *text = type ? fdisk_parttype_get_string(type) : NULL;

	if (!is_gpt)
		return arena_printf(a, "%02x", type ? fdisk_parttype_get_code(type) : 0);
	return text ? arena_strdup(a, text) : "";
}

static size_t read_partitions(struct fdisk_table *table, bool is_gpt, struct arena *a,
			      struct ptable_partition *ret)
{
	struct fdisk_iter *it = fdisk_new_iter(FDISK_ITER_FORWARD);
	struct fdisk_partition *pa = NULL;
	size_t n = 0;

	while (it && fdisk_table_next_partition(table, it, &pa) == 0) {
		const char *name = fdisk_partition_get_name(pa);
		const char *uuid = fdisk_partition_get_uuid(pa);

		if (fdisk_partition_is_container(pa) || !fdisk_partition_has_start(pa) ||
		    !fdisk_partition_has_size(pa) || !fdisk_partition_has_partno(pa))
			continue;
		ret[n++] = (struct ptable_partition){
			.start = fdisk_partition_get_start(pa),
			.size = fdisk_partition_get_size(pa),
			.type = type_text(pa, is_gpt, a),
			.name = name ? arena_strdup(a, name) : NULL,
			.uuid = uuid ? arena_strdup(a, uuid) : NULL,
			.number = (uint32_t)fdisk_partition_get_partno(pa) + 1,
			.is_bootable = fdisk_partition_is_bootable(pa) == 1,
		};
	}
	fdisk_free_iter(it);
	return n;
}

/* False where there is no table for this sector size. */
static bool read_table(int fd, unsigned int sector_size, struct arena *a, struct ptable *ret)
{
	cleanup_context struct fdisk_context *c = fdisk_new_context();
	struct fdisk_table *table = NULL;
	struct ptable_partition *partitions;
	bool is_gpt;

	if (!c)
		ib_oom();
	if (fdisk_set_ask(c, answer, NULL) < 0 ||
	    fdisk_save_user_sector_size(c, sector_size, sector_size) < 0 ||
	    fdisk_assign_device_by_fd(c, fd, "the disk", 1) < 0)
		return false;
	is_gpt = fdisk_is_label(c, GPT);
	if ((!is_gpt && !fdisk_is_label(c, DOS)) || fdisk_get_partitions(c, &table) < 0)
		return false;
	partitions = arena_alloc(a, (fdisk_table_get_nents(table) + 1) * sizeof(*partitions));
	*ret = (struct ptable){ .label = is_gpt ? "gpt" : "mbr",
				.sector_size = sector_size,
				.partitions = partitions };
	ret->len = read_partitions(table, is_gpt, a, partitions);
	fdisk_unref_table(table);
	return true;
}

void ptable_read(int fd, struct arena *a, struct ptable *ret_table)
{
	struct ptable big = { .label = NULL }, table = { .label = NULL };
	bool has_small = read_table(fd, 512, a, &table);

	/* a GPT of large sectors has a protective MBR at the same place */
	if ((!has_small || strcmp(table.label, "mbr") == 0) && read_table(fd, 4096, a, &big) &&
	    strcmp(big.label, "gpt") == 0)
		table = big;
	*ret_table = table;
}
