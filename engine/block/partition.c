/* SPDX-License-Identifier: Apache-2.0 */
/* gpt, mbr, none and partition: what is asked for, where it goes, the table. dib's YAML and LAYOUT
 * differ in what they leave free at the end and in how they round; both give N% of what is left, in
 * text order. */
#include "block/graph.h"

#include "support/ptable.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GPT_ENTRIES 16384 /* bytes, 128 entries; UEFI 2.10, 5.3.1 */
#define MBR_SECTORS_MAX UINT64_C(0xffffffff)

static bool is_gpt(const struct layout *l)
{
	return strcmp(l->top->row->name, "gpt") == 0;
}

static bool is_mbr(const struct layout *l)
{
	return strcmp(l->top->row->name, "mbr") == 0;
}

static void bad_size(const struct block_node *n, const char *key, const char *why,
		     struct ib_diag *diag)
{
	ib_diag_add(diag, IB_D_BAD_SIZE, node_span(n, key), "%s '%s' %s", key, node_value(n, key),
		    why);
}

/* An absolute size or, where the key is not given, OTHERWISE. */
static uint64_t read_absolute(const struct block_node *n, const char *key, bool is_dib,
			      uint64_t otherwise, struct ib_diag *diag)
{
	const char *text = node_value(n, key);
	struct block_size size;

	if (!text)
		return otherwise;
	const char *why = block_size_parse(text, is_dib, &size);

	if (!why && size.is_relative)
		why = "is relative; expected an absolute size";
	if (!why)
		return size.bytes;
	bad_size(n, key, why, diag);
	return otherwise;
}

static void read_sector_size(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	const char *forced = l->is_dib ? layout_var(l, "DIB_BLOCK_SIZE") : NULL;

	l->sector_size = read_absolute(n, "sector-size", l->is_dib, 512, diag);
	if (forced && *forced)
		l->sector_size = strtoul(forced, NULL, 10);
	if (l->sector_size == 512 || l->sector_size == 4096)
		return;
	ib_diag_add(diag, IB_D_BAD_SIZE, node_span(n, "sector-size"),
		    "a sector has 512 or 4096 bytes, not %llu", (unsigned long long)l->sector_size);
	l->sector_size = 512;
}

static void read_align(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	l->align = read_absolute(n, "align", l->is_dib, MIB, diag);
	if (l->align >= l->sector_size && l->align % l->sector_size == 0)
		return;
	bad_size(n, "align", "is not a multiple of the sector size", diag);
	l->align = MIB;
}

static void read_loader(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	const char *loader = node_value(n, "loader");
	static const char *const loaders[] = { "grub", "systemd-boot", "none" };

	if (!loader || strcmp(loader, "grub") == 0)
		return;
	if (strcmp(loader, "none") == 0)
		l->has_bootloader = false;
	else if (strcmp(loader, "systemd-boot") == 0)
		ib_diag_add(diag, IB_D_NOT_BUILT_YET, node_span(n, "loader"),
			    "loader=systemd-boot is not built yet");
	else
		ib_diag_unknown(diag, IB_D_BAD_VALUE, node_span(n, "loader"), loader, loaders,
				ARRAY_SIZE(loaders), "unknown loader '%s'", loader);
}

static int table_parse(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	uint64_t size = read_absolute(n, "size", l->is_dib, 0, diag);

	read_sector_size(n, l, diag);
	read_align(n, l, diag);
	read_loader(n, l, diag);
	l->cmdline = node_value(n, "cmdline");
	l->given_at = node_span(n, "size");
	if (node_attr(n, "size"))
		l->given = (struct block_size){ .bytes = align_down(size, l->sector_size),
						.is_given = true };
	return 0;
}

static void read_type(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	const char *given = node_value(n, "type"), *text = given ? given : "linux";

	if (slot_type_set(n, text, is_gpt(l), l))
		return;
	const char *near = slot_type_suggest(text);

	if (near && strcmp(near, text) != 0)
		ib_diag_add(diag, IB_D_BAD_TYPE, node_span(n, "type"),
			    "unknown partition type '%s'; did you mean '%s'?", text, near);
	else
		ib_diag_add(diag, IB_D_BAD_TYPE, node_span(n, "type"),
			    is_gpt(l) ? "'%s' is no partition type of a GPT; expected a name, a "
					"GUID or sgdisk's code"
				      : "'%s' is no partition type of an MBR; expected a name or a "
					"byte such as 83",
			    text);
	(void)slot_type_set(n, "linux", is_gpt(l), l);
}

static void read_size(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	const char *text = node_value(n, "size");

	n->size_at = node_span(n, "size");
	if (text) {
		const char *why = block_size_parse(text, l->is_dib, &n->size);

		if (!why && !n->size.is_relative && n->size.bytes == 0)
			why = "is nothing";
		if (why)
			bad_size(n, "size", why, diag);
		return;
	}
	if (n->source->next || l->is_dib)
		ib_diag_add(diag, IB_D_BAD_SIZE, n->source->at,
			    "partition '%s' has no size; only the last one may leave it out",
			    n->name);
	n->size =
		(struct block_size){ .millionths = 1000000, .is_given = true, .is_relative = true };
}

static bool has_four_at_most(const struct layout *l)
{
	size_t count = 0;

	for (const struct ib_node *s = l->top->source->children; s; s = s->next)
		count++;
	return count <= 4;
}

static void read_flags(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	n->is_bootable = node_flag(n, "boot", false);
	if (is_mbr(l)) {
		/* dib makes what is not `primary` logical; LAYOUT only what does not fit the four
		 * entries */
		n->is_primary = node_flag(n, "primary", !l->is_dib && has_four_at_most(l));
		return;
	}
	if (node_flag(n, "primary", false))
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "primary"),
			    "a GPT has no primary partitions; leave 'primary' out");
}

/* Primary ones come first: entries 1 to 4, one of them the extended partition where there are
 * logical ones. */
static void read_number(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	uint32_t primaries = 0, logicals = 0;

	for (struct block_node *s = l->top->children; s && s != n; s = s->next)
		*(s->is_primary ? &primaries : &logicals) += 1;
	if (is_gpt(l)) {
		n->number = primaries + logicals + 1;
		if (n->number > 128)
			ib_diag_add(diag, IB_D_OVERFULL, n->source->at, "a GPT has 128 entries");
		return;
	}
	if (n->is_primary && logicals > 0)
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "primary"),
			    "primary partition '%s' stands behind a logical one; primary ones come "
			    "first",
			    n->name);
	if (n->is_primary ? primaries >= 4 : primaries >= 4 && logicals == 0)
		ib_diag_add(
			diag, IB_D_OVERFULL, n->source->at,
			"an MBR has four entries; logical partitions take one of them together");
	if (!n->is_primary)
		l->extended_number = primaries + 1;
	n->number = n->is_primary ? primaries + 1 : 5 + logicals;
}

static int partition_parse(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	read_type(n, l, diag);
	read_size(n, l, diag);
	read_flags(n, l, diag);
	read_number(n, l, diag);
	n->uuid = node_value(n, "uuid");
	n->label = node_value(n, "label");
	return 0;
}

/* Where the first slot may begin. */
uint64_t partition_first(const struct layout *l)
{
	if (is_gpt(l))
		return align_up(2 * l->sector_size + GPT_ENTRIES, l->align);
	return is_mbr(l) ? align_up(l->sector_size, l->align) : 0;
}

/* Where the last slot must have ended. dib leaves a MiB (gpt) or an alignment unit (mbr) free. */
static uint64_t find_end(const struct layout *l, uint64_t size)
{
	uint64_t behind = 0;

	if (is_gpt(l))
		behind = l->is_dib ? MIB : l->sector_size + GPT_ENTRIES;
	else if (is_mbr(l) && l->is_dib)
		behind = l->align;
	if (size < behind)
		return 0;
	return l->is_dib ? size - behind : align_down(size - behind, l->align);
}

static uint64_t part_of(uint64_t left, uint64_t millionths)
{
	return left / 1000000 * millionths + left % 1000000 * millionths / 1000000;
}

static uint64_t round_size(const struct layout *l, uint64_t bytes, bool is_relative)
{
	if (l->is_dib)
		return align_down(bytes, is_gpt(l) ? MIB : l->sector_size);
	return is_relative ? align_down(bytes, l->align) : align_up(bytes, l->sector_size);
}

/* What a slot of absolute size takes of the disk, up to where the next one may start. */
static uint64_t take(const struct layout *l, const struct block_node *s)
{
	uint64_t bytes = s->size.is_relative ? 0 : round_size(l, s->size.bytes, false);
	uint64_t ebr = is_mbr(l) && !s->is_primary ? l->align : 0;

	return align_up(bytes, l->align) + ebr;
}

uint64_t partition_fixed(const struct layout *l)
{
	uint64_t total = partition_first(l);

	for (const struct block_node *s = l->top->children; s && s->row->role == BLOCK_SLOT;
	     s = s->next)
		total += take(l, s);
	uint64_t end = find_end(l, total + 2 * l->align + MIB);

	return total + (total + 2 * l->align + MIB - end);
}

uint64_t partition_share(const struct layout *l, const struct block_node *slot)
{
	uint64_t left = 1000000, share = 0;

	for (const struct block_node *s = l->top->children; s; s = s->next) {
		if (!s->size.is_relative)
			continue;
		share = left / 1000 * s->size.millionths / 1000;
		left -= share;
		if (s == slot)
			return share;
	}
	return left;
}

static bool is_beyond_mbr(const struct layout *l, const struct block_node *s)
{
	return is_mbr(l) && (s->start + s->bytes) / l->sector_size > MBR_SECTORS_MAX;
}

static bool fits(const struct layout *l, const struct block_node *s, uint64_t end)
{
	if (s->bytes == 0 || s->start > end || s->bytes > end - s->start)
		return false;
	return !is_beyond_mbr(l, s);
}

bool partition_lay_out(struct layout *l, uint64_t size, struct block_node **ret_bad)
{
	uint64_t next = partition_first(l), end = find_end(l, size);

	l->extended_start = 0;
	for (struct block_node *s = l->top->children; s; s = s->next) {
		if (is_mbr(l) && !s->is_primary) {
			if (l->extended_start == 0)
				l->extended_start = next;
			next = align_up(next + l->sector_size, l->align); /* behind its EBR */
		}
		uint64_t left = end > next ? end - next : 0;

		s->start = next;
		s->bytes = round_size(
			l, s->size.is_relative ? part_of(left, s->size.millionths) : s->size.bytes,
			s->size.is_relative);
		if (!fits(l, s, end)) {
			*ret_bad = s;
			return false;
		}
		next = align_up(s->start + s->bytes, l->align);
	}
	l->extended_end = l->is_dib ? align_down(size, l->sector_size) : end;
	return true;
}

void partition_sum(const struct layout *l, const struct block_node *bad, uint64_t size,
		   struct buf *out)
{
	uint64_t total = partition_fixed(l), table = total;

	if (is_beyond_mbr(l, bad)) {
		buf_str(out, "it ends behind the last sector that an MBR can name; use gpt");
		return;
	}
	for (const struct block_node *s = l->top->children; s; s = s->next) {
		buf_printf(out, "%s ", s->name);
		if (s->size.is_relative)
			buf_printf(out, "%g%% of the rest", (double)s->size.millionths / 10000);
		else
			block_size_text(take(l, s), out);
		buf_str(out, " + ");
		table -= take(l, s);
	}
	block_size_text(table, out);
	buf_str(out, " for the table = ");
	block_size_text(total, out);
	buf_str(out, ", but the disk has ");
	block_size_text(size, out);
}

static int none_place(struct block_node *n, struct layout *l, struct ib_error *err IB_UNUSED)
{
	n->start = 0;
	n->bytes = l->size;
	return 0;
}

static int table_place(struct block_node *n, struct layout *l, struct ib_error *err)
{
	struct block_node *bad = NULL;
	char uuid[37];

	n->bytes = l->size;
	uuid_from(&l->job->seed, n->name, uuid);
	n->uuid = arena_strdup(l->arena, uuid);
	if (partition_lay_out(l, l->size, &bad))
		return 0;
	cleanup_buf struct buf sum = BUF_INIT;

	partition_sum(l, bad, l->size, &sum);
	(void)ib_fail_text(err, ENOSPC, "partition '%s' does not fit: %s", bad->name, sum.data);
	err->exit = IB_EXIT_INPUT;
	err->at = bad->size_at;
	return ib_hint(err, "give the disk a larger size, or the partition a smaller one");
}

static int partition_place(struct block_node *n, struct layout *l, struct ib_error *err IB_UNUSED)
{
	char uuid[37];

	if (n->uuid || !is_gpt(l))
		return 0;
	uuid_from(&l->job->seed, n->name, uuid);
	n->uuid = arena_strdup(l->arena, uuid);
	return 0;
}

static struct ptable_partition describe(const struct layout *l, const struct block_node *s)
{
	return (struct ptable_partition){
		.start = s->start / l->sector_size,
		.size = s->bytes / l->sector_size,
		.type = s->type_code,
		.name = s->label ? s->label : s->name,
		.uuid = s->uuid,
		.number = s->number,
		.is_bootable = s->is_bootable,
	};
}

static int table_write(struct block_node *n, struct layout *l, struct ib_error *err)
{
	struct {
		struct ptable_partition *items;
		size_t len, cap;
	} parts = { NULL, 0, 0 };
	struct ptable_partition extended = { .type = "0f", .number = l->extended_number };
	bool has_extended = false;

	for (struct block_node *s = n->children; s; s = s->next) {
		if (is_mbr(l) && !s->is_primary && !has_extended) {
			extended.start = l->extended_start / l->sector_size;
			extended.size = (l->extended_end - l->extended_start) / l->sector_size;
			vec_push(l->arena, &parts, extended);
			has_extended = true;
		}
		vec_push(l->arena, &parts, describe(l, s));
	}
	struct ptable table = {
		.label = n->row->name,
		/* an MBR's id is the first half of what a GPT would have */
		.id = is_gpt(l) ? n->uuid : arena_printf(l->arena, "0x%.8s", n->uuid),
		.sector_size = (uint32_t)l->sector_size,
		.partitions = parts.items,
		.len = parts.len,
	};

	return ptable_write(l->fd, &table, err);
}

const struct block_type block_gpt = {
	.name = "gpt", .parse = table_parse, .place = table_place, .write = table_write
};
const struct block_type block_mbr = {
	.name = "mbr", .parse = table_parse, .place = table_place, .write = table_write
};
const struct block_type block_none = { .name = "none", .parse = table_parse, .place = none_place };
const struct block_type block_partition = { .name = "partition",
					    .parse = partition_parse,
					    .place = partition_place };
