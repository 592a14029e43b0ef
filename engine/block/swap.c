/* SPDX-License-Identifier: Apache-2.0 */
/* Swap areas, version 1, with pages of 4096 bytes: include/linux/swap.h, union swap_header. */
#include "block/graph.h"

#include <imagebuild/error.h>

#include <endian.h>
#include <errno.h>
#include <string.h>

#define PAGE_BYTES 4096u
#define PAGES_MIN UINT64_C(10) /* as mkswap */

struct swap_header {
	char boot_bits[1024];
	uint32_t version, last_page, bad_pages;
	uint8_t uuid[16];
	char label[16];
	char rest[PAGE_BYTES - 1024 - 12 - 32 - 10];
	char magic[10];
};
_Static_assert(sizeof(struct swap_header) == PAGE_BYTES, "one page");

static uint8_t hex_digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void uuid_bytes(const char *text, uint8_t ret[16])
{
	for (size_t i = 0; i < 16; i++) {
		text += *text == '-';
		ret[i] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
}

static int swap_place(struct block_node *n, struct layout *l, struct ib_error *err)
{
	int r = content_place(n, l, err);

	if (r < 0)
		return r;
	if (n->bytes < PAGES_MIN * PAGE_BYTES)
		return ib_fail_text(err, EINVAL, "swap area '%s' has less than %u KiB", n->name,
				    (unsigned int)(PAGES_MIN * PAGE_BYTES / 1024));
	return 0;
}

static int swap_write(struct block_node *n, struct layout *l, struct ib_error *err)
{
	struct view_extent extent;
	struct view view = layout_view(l, n, &extent);
	uint64_t pages = n->bytes / PAGE_BYTES;
	struct swap_header h = {
		.version = htole32(1),
		.last_page = htole32((uint32_t)(pages > UINT32_MAX ? UINT32_MAX : pages) - 1),
	};

	uuid_bytes(n->uuid, h.uuid);
	memcpy(h.label, n->label, strnlen(n->label, sizeof(h.label)));
	memcpy(h.magic, "SWAPSPACE2", sizeof(h.magic));
	int r = view_pwrite(&view, &h, sizeof(h), 0);

	if (r < 0)
		return ib_fail(err, -r, "write swap area '%s'", n->name);
	return 0;
}

const struct block_type block_swap = {
	.name = "swap", .parse = content_parse, .place = swap_place, .write = swap_write
};
