/* SPDX-License-Identifier: Apache-2.0 */
/* Only the last star is ever gone back to: what stood before an earlier one has matched as early as
 * it can, and a later match of it would leave less for the rest. */
#include "support/glob.h"

#include <string.h>

bool glob_is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/* The bytes of the character at S. */
static size_t character(const char *s, size_t len)
{
	size_t n = 1;

	while (n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return ((unsigned char)s[0] & 0xc0) == 0xc0 ? n : 1;
}

static int compare(const char *a, size_t n, const char *b, size_t len)
{
	int r = memcmp(a, b, n < len ? n : len);

	return r ? r : (int)n - (int)len;
}

/* One character of a class at P, a '\' before it dropped; 0 where the pattern ends. */
static size_t class_member(const char *p, size_t n, const char **ret_start)
{
	size_t skip = n > 1 && *p == '\\';

	if (n == 0)
		return 0;
	*ret_start = p + skip;
	return skip + character(p + skip, n - skip);
}

/* The class behind '[' at P: its bytes with ']', 0 where it has no end; whether the character C of
 * LEN bytes is in it. */
static size_t match_class(const char *p, size_t n, const char *c, size_t len, bool *ret_match)
{
	bool is_negated = n > 0 && *p == '^', found = false;
	size_t at = is_negated;

	for (bool is_first = true; at < n && (p[at] != ']' || is_first); is_first = false) {
		const char *low = NULL, *high = NULL;
		size_t used = class_member(p + at, n - at, &low),
		       low_len = used - (size_t)(low - (p + at)), high_len = low_len;

		at += used;
		high = low;
		if (at + 1 < n && p[at] == '-' && p[at + 1] != ']') {
			used = class_member(p + at + 1, n - at - 1, &high);
			high_len = used - (size_t)(high - (p + at + 1));
			at += used + 1;
		}
		found = found || (compare(low, low_len, c, len) <= 0 &&
				  compare(c, len, high, high_len) <= 0);
	}
	*ret_match = found != is_negated;
	return at < n ? at + 1 : 0;
}

/* One element of the pattern that is no star against the character at NAME: its bytes, 0 where it
 * does not match. */
static size_t match_element(const char *p, size_t n, const char *name, size_t len)
{
	bool is_match = false;
	size_t used;

	if (*p == '?')
		return 1;
	if (*p == '[') {
		used = match_class(p + 1, n - 1, name, len, &is_match);
		return used && is_match ? used + 1 : 0;
	}
	used = *p == '\\' && n > 1;
	n = character(p + used, n - used);
	return n == len && memcmp(p + used, name, len) == 0 ? used + n : 0;
}

bool glob_match(const char *pattern, size_t n, const char *name, size_t len)
{
	size_t p = 0, s = 0, star = SIZE_MAX, back = 0;

	while (s < len) {
		size_t c = character(name + s, len - s), used;

		if (p < n && pattern[p] == '*') {
			star = p++;
			back = s;
			continue;
		}
		used = p < n ? match_element(pattern + p, n - p, name + s, c) : 0;
		if (used) {
			p += used;
			s += c;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			back += character(name + back, len - back);
			s = back;
		} else {
			return false;
		}
	}
	while (p < n && pattern[p] == '*')
		p++;
	return p == n;
}

static bool is_any_depth(const char *pattern, size_t n)
{
	return n == 2 && memcmp(pattern, "**", 2) == 0;
}

static const char *behind(const char *path, size_t n)
{
	return path + n + (path[n] == '/');
}

bool glob_match_path(const char *pattern, const char *path)
{
	const char *star = NULL, *back = NULL;

	while (*path) {
		size_t n = strcspn(pattern, "/"), len = strcspn(path, "/");

		if (is_any_depth(pattern, n)) {
			if (!pattern[n])
				return true;
			star = pattern = behind(pattern, n);
			back = path;
		} else if (*pattern && glob_match(pattern, n, path, len)) {
			pattern = behind(pattern, n);
			path = behind(path, len);
		} else if (star) {
			pattern = star;
			back = path = behind(back, strcspn(back, "/"));
		} else {
			return false;
		}
	}
	return !*pattern;
}
