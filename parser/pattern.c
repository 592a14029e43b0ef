/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern is segments with a '*' between each two. Placing each segment as early (late) as it can
 * be finds the shortest match, and moving the last one as far as it goes the longest: no
 * backtracking. */
#include "pattern.h"

#include <imagebuild/utf8.h>

#include <string.h>

#define NONE SIZE_MAX

struct segment {
	const char *s, *end; /* of the pattern's text */
};

/* Cuts the segment at P; in ret_next what follows its '*', NULL after the last. */
static struct segment cut(const char *p, const char **ret_next)
{
	struct segment g = { p, p };

	while (*g.end && *g.end != '*')
		g.end += g.end[0] == '\\' && g.end[1] ? 2 : 1;
	*ret_next = *g.end ? g.end + 1 : NULL;
	return g;
}

/* Where G ends when it starts at AT, which is never inside a character. */
static size_t match_at(struct segment g, const char *s, size_t n, size_t at)
{
	if (at < n && ((unsigned char)s[at] & 0xc0) == 0x80)
		return NONE;
	for (const char *p = g.s; p < g.end; p++) {
		size_t len;

		if (at >= n)
			return NONE;
		if (*p == '?') {
			len = utf8_len(s + at, n - at);
			at += len ? len : 1;
			continue;
		}
		if (*p == '\\' && p + 1 < g.end)
			p++;
		if (s[at++] != *p)
			return NONE;
	}
	return at;
}

/* The first (last) place from FROM on where G matches; its end in ret_end. */
static size_t find_first(struct segment g, const char *s, size_t n, size_t from, size_t *ret_end)
{
	for (size_t i = from; i <= n; i++) {
		*ret_end = match_at(g, s, n, i);
		if (*ret_end != NONE)
			return i;
	}
	return NONE;
}

static size_t find_last(struct segment g, const char *s, size_t n, size_t from, size_t *ret_end)
{
	for (size_t i = n + 1; i-- > from;) {
		*ret_end = match_at(g, s, n, i);
		if (*ret_end != NONE)
			return i;
	}
	return NONE;
}

/* As pattern_prefix; ret_is_hopeless: no later start can match either. */
static size_t prefix(const char *pattern, const char *s, size_t n, bool is_longest,
		     bool *ret_is_hopeless)
{
	const char *next;
	struct segment g = cut(pattern, &next);
	size_t at = match_at(g, s, n, 0), end = at;

	*ret_is_hopeless = false;
	while (at != NONE && next) {
		g = cut(next, &next);
		if (!next && is_longest)
			at = find_last(g, s, n, at, &end);
		else
			at = find_first(g, s, n, at, &end);
		*ret_is_hopeless = at == NONE;
		if (at != NONE)
			at = end;
	}
	return at;
}

size_t pattern_prefix(const char *pattern, const char *s, size_t n, bool is_longest)
{
	bool is_hopeless;

	return prefix(pattern, s, n, is_longest, &is_hopeless);
}

/* Where a match of G that ends at END starts, or NONE. Its length in bytes varies with '?' alone,
 * so few starts are looked at. */
static size_t match_back(struct segment g, const char *s, size_t end)
{
	enum { CHARACTER_MAX = 4 };
	size_t least = 0, most = 0;

	for (const char *p = g.s; p < g.end; p++) {
		most += *p == '?' ? CHARACTER_MAX : 1;
		least++;
		if (*p == '\\' && p + 1 < g.end)
			p++;
	}
	for (size_t len = least; len <= most && len <= end; len++) {
		if (match_at(g, s, end, end - len) == end)
			return end - len;
	}
	return NONE;
}

size_t pattern_suffix(const char *pattern, const char *s, size_t n, bool is_longest)
{
	struct segment parts[PATTERN_LIMIT + 1];
	const char *next = pattern;
	size_t count = 0, at, end = 0;

	while (next && count < sizeof(parts) / sizeof(parts[0]))
		parts[count++] = cut(next, &next);
	at = match_back(parts[count - 1], s, n);
	for (size_t i = count - 1; i > 0 && at != NONE; i--) {
		if (i == 1 && is_longest)
			at = find_first(parts[0], s, at, 0, &end);
		else
			at = find_last(parts[i - 1], s, at, 0, &end);
	}
	return at == NONE ? NONE : n - at;
}

void pattern_replace(const char *pattern, const char *s, size_t n, const char *with, bool is_all,
		     struct buf *out)
{
	size_t at = 0;
	bool is_hopeless = *pattern == '\0';

	while (at < n && !is_hopeless) {
		size_t len = prefix(pattern, s + at, n - at, true, &is_hopeless);

		if (len == NONE || len == 0) {
			if (is_hopeless)
				break;
			buf_char(out, s[at++]);
			continue;
		}
		buf_str(out, with);
		at += len;
		if (!is_all)
			break;
	}
	buf_add(out, s + at, n - at);
}
