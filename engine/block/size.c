/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as they are written: LAYOUT's ("8MiB", "10GB", "70%") and dib's, where "40G" is decimal. */
#include "block/graph.h"

#include <ctype.h>
#include <string.h>

static const struct unit {
	const char *name;
	uint64_t bytes;
	bool is_dib_only; /* LAYOUT refuses it: dib takes it as decimal, lvcreate as binary */
} units[] = {
	{ "", 1, false },
	{ "B", 1, false },
	{ "KiB", UINT64_C(1) << 10, false },
	{ "MiB", UINT64_C(1) << 20, false },
	{ "GiB", UINT64_C(1) << 30, false },
	{ "TiB", UINT64_C(1) << 40, false },
	{ "KB", UINT64_C(1000), false },
	{ "MB", UINT64_C(1000000), false },
	{ "GB", UINT64_C(1000000000), false },
	{ "TB", UINT64_C(1000000000000), false },
	{ "K", UINT64_C(1000), true },
	{ "M", UINT64_C(1000000), true },
	{ "G", UINT64_C(1000000000), true },
	{ "T", UINT64_C(1000000000000), true },
};

#define SIZE_LIMIT (UINT64_C(1) << 56) /* 128 of them do not overflow */
#define FRACTION UINT64_C(1000000)     /* six digits behind the point count */

struct number {
	uint64_t whole, fraction; /* fraction in millionths */
	const char *end;
};

/* "1.5": whole 1, fraction 500000. False where it is not a number or out of range. */
static bool read_number(const char *s, struct number *ret)
{
	struct number n = { .whole = 0 };
	uint64_t scale = FRACTION;

	for (; isdigit((unsigned char)*s); s++) {
		n.whole = n.whole * 10 + (uint64_t)(*s - '0');
		if (n.whole > SIZE_LIMIT)
			return false;
	}
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++) {
			scale /= 10;
			n.fraction += scale * (uint64_t)(*s - '0');
		}
	}
	n.end = s;
	*ret = n;
	return true;
}

static const struct unit *find_unit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static const char *absolute(const struct number *n, const struct unit *u,
			    struct block_size *ret_size)
{
	if (n->whole > SIZE_LIMIT / u->bytes)
		return "is too large";
	*ret_size = (struct block_size){
		.bytes = n->whole * u->bytes + n->fraction * u->bytes / FRACTION,
		.is_given = true,
	};
	return NULL;
}

static const char *relative(const struct number *n, bool is_dib, struct block_size *ret_size)
{
	uint64_t millionths = n->whole * 10000 + n->fraction / 100;

	if (n->whole > 100 || millionths > 1000000)
		return "is more than 100%";
	if (millionths == 0 && !is_dib)
		return "is nothing";
	*ret_size = (struct block_size){ .millionths = millionths,
					 .is_given = true,
					 .is_relative = true };
	return NULL;
}

const char *block_size_parse(const char *text, bool is_dib, struct block_size *ret_size)
{
	struct number n;

	if (!read_number(text, &n))
		return "is too large";
	if (n.end == text && !is_dib)
		return "is not a size; expected a number with a unit, such as 8MiB, 1.5GiB or 10GB";
	if (n.end == text)
		n.whole = 1; /* dib reads "MiB" as one of them */
	if (strcmp(n.end, "%") == 0)
		return relative(&n, is_dib, ret_size);
	if (is_dib && *n.end == ' ')
		n.end++;
	const struct unit *u = find_unit(n.end);

	if (!u)
		return "has an unknown unit; expected B, KiB, MiB, GiB, TiB, KB, MB, GB, TB or %";
	if (u->is_dib_only && !is_dib)
		return "could be decimal or binary; write it with B (powers of 1000) or iB (powers "
		       "of 1024)";
	return absolute(&n, u, ret_size);
}

uint64_t layout_size_bytes(const char *text, bool is_dib)
{
	struct block_size size = { .bytes = 0 };

	if (block_size_parse(text, is_dib, &size) || size.is_relative)
		return 0;
	return size.bytes;
}

const char *layout_size_word(const char *text, struct arena *a)
{
	size_t digits = strspn(text, "0123456789.");
	const char *unit = text + digits + (text[digits] == ' ');
	const struct unit *u = find_unit(unit);
	struct block_size size;

	if (block_size_parse(text, true, &size))
		return NULL;
	return arena_printf(a, "%s%.*s%s%s",
			    digits == 0    ? "1"
			    : *text == '.' ? "0"
					   : "",
			    (int)digits, text, unit, u && u->is_dib_only ? "B" : "");
}

void block_size_text(uint64_t bytes, struct buf *out)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB" };
	size_t i = 0;
	uint64_t unit = 1;

	while (i + 1 < ARRAY_SIZE(names) && bytes >= unit * 1024 && bytes % (unit * 1024) == 0) {
		unit *= 1024;
		i++;
	}
	/* 2098 MiB reads better than 2.05 GiB, and adds up */
	if (i == 3 && bytes / unit < 10) {
		unit /= 1024;
		i--;
	}
	buf_printf(out, "%llu %s", (unsigned long long)(bytes / unit), names[i]);
}
