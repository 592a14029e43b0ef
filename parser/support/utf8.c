/* SPDX-License-Identifier: Apache-2.0 */
/* One table row a range of lead bytes: RFC 3629, section 4, "UTF8-octets". */
#include <imagebuild/utf8.h>

static const struct {
	unsigned char first, last; /* of the lead byte */
	unsigned char low, high;   /* bounds of the second byte; all others are 80..bf */
	size_t len;
} rows[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool has_tail(const unsigned char *u, size_t len)
{
	for (size_t i = 2; i < len; i++)
		if (u[i] < 0x80 || u[i] > 0xbf)
			return false;
	return true;
}

size_t utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (u[0] < rows[i].first || u[0] > rows[i].last)
			continue;
		if (n < rows[i].len || u[1] < rows[i].low || u[1] > rows[i].high)
			return 0;
		return has_tail(u, rows[i].len) ? rows[i].len : 0;
	}
	return 0;
}

size_t utf8_count(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0, len; i < n; i += len ? len : 1, count++)
		len = utf8_len(s + i, n - i);
	return count;
}

/* C0 but the tab, DEL, and C1 (U+0080 to U+009F). */
static bool is_control(const unsigned char *c, size_t len)
{
	return len == 2 ? c[0] == 0xc2 && c[1] < 0xa0 : (*c < 0x20 && *c != '\t') || *c == 0x7f;
}

void utf8_visible(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = utf8_len(s + i, n - i);
		if (!len)
			buf_str(out, "\xef\xbf\xbd");
		else if (is_control((const unsigned char *)s + i, len))
			buf_char(out, '?');
		else
			buf_add(out, s + i, len);
	}
}
