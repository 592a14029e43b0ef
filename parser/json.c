/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON array of strings, for the exec form: the one piece of JSON that the language has (RFC
 * 8259; blanks are those of the language). */
#include "parse.h"

#include <string.h>

struct reader {
	const char *s;
	size_t n, at;
};

static int peek(const struct reader *r)
{
	return r->at < r->n ? (unsigned char)r->s[r->at] : -1;
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->n && strchr(" \t\v\f\r\n", r->s[r->at]) && r->s[r->at])
		r->at++;
}

static int hex4(struct reader *r, unsigned *ret_code)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		int c = peek(r);
		const char *d = c > 0 ? strchr(digits, c) : NULL;

		if (!d)
			return -1;
		code = code * 16 + (unsigned)(d - digits) % 16;
		r->at++;
	}
	*ret_code = code;
	return 0;
}

static void add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

static const char *read_unicode(struct reader *r, struct buf *b)
{
	unsigned c = 0, low = 0;

	if (hex4(r, &c) < 0)
		return "expected four hexadecimal digits behind \\u";
	if (c >= 0xd800 && c < 0xdc00) {
		if (r->at + 2 > r->n || strncmp(r->s + r->at, "\\u", 2) != 0)
			return "half of a surrogate pair";
		r->at += 2;
		if (hex4(r, &low) < 0 || low < 0xdc00 || low > 0xdfff)
			return "half of a surrogate pair";
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c >= 0xdc00 && c < 0xe000) {
		return "half of a surrogate pair";
	}
	if (c == 0)
		return "a string of the exec form cannot hold NUL";
	add_utf8(b, c);
	return NULL;
}

static const char *read_escape(struct reader *r, struct buf *b)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = peek(r);
	const char *p = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u') {
		r->at++;
		return read_unicode(r, b);
	}
	if (!p)
		return "unknown escape in a JSON string";
	r->at++;
	buf_char(b, to[p - from]);
	return NULL;
}

static const char *read_string(struct reader *r, struct buf *b)
{
	const char *wrong;

	r->at++; /* the quote */
	for (;;) {
		int c = peek(r);

		if (c < 0)
			return "a JSON string has no end";
		if (c < 0x20)
			return "a control character in a JSON string must be escaped";
		r->at++;
		if (c == '"')
			return NULL;
		if (c != '\\') {
			buf_char(b, (char)c);
			continue;
		}
		wrong = read_escape(r, b);
		if (wrong)
			return wrong;
	}
}

static const char *read_array(struct reader *r, struct arena *a, struct str_vec *ret)
{
	cleanup_buf struct buf b = BUF_INIT;
	const char *wrong;

	r->at++; /* the bracket */
	skip_blanks(r);
	if (peek(r) == ']') {
		r->at++;
		return NULL;
	}
	for (;;) {
		skip_blanks(r);
		if (peek(r) == '\'')
			return "JSON strings have double quotes";
		if (peek(r) != '"')
			return "expected a string in double quotes";
		buf_reset(&b);
		wrong = read_string(r, &b);
		if (wrong)
			return wrong;
		(void)vec_push(a, ret, arena_strndup(a, b.data ? b.data : "", b.len));
		skip_blanks(r);
		if (peek(r) == ']')
			break;
		if (peek(r) != ',')
			return "expected ',' or ']'";
		r->at++;
	}
	r->at++;
	return NULL;
}

const char *json_strings(const char *s, size_t n, struct arena *a, struct str_vec *ret_strings,
			 size_t *ret_at)
{
	struct reader r = { s, n, 0 };
	struct str_vec strings = { NULL, 0, 0 };
	const char *wrong = "expected '['";

	skip_blanks(&r);
	if (peek(&r) == '[')
		wrong = read_array(&r, a, &strings);
	skip_blanks(&r);
	if (!wrong && r.at < n)
		wrong = "text behind the JSON array";
	*ret_at = r.at;
	if (!wrong)
		*ret_strings = strings;
	return wrong;
}
