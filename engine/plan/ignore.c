/* SPDX-License-Identifier: Apache-2.0 */
/* .imageignore: which paths of the context nothing takes. The rules are those of .dockerignore: a
 * pattern a line, '!' takes back, the last that matches counts. */
#include "plan/private.h"

#include "support/glob.h"

#include <limits.h>
#include <string.h>

/* Whether PATTERN matches PATH or a directory above it. */
static bool matches_ignore(const char *pattern, const char *path)
{
	char prefix[PATH_MAX];

	for (const char *p = path;; p++) {
		size_t n = (size_t)(p - path);

		if ((*p == '/' || *p == '\0') && n < sizeof(prefix)) {
			memcpy(prefix, path, n);
			prefix[n] = '\0';
			if (glob_match_path(pattern, prefix))
				return true;
		}
		if (*p == '\0')
			return false;
	}
}

bool ignore_matches(const struct str_vec *patterns, const char *path)
{
	bool ignored = false;

	vec_foreach (const char *, pattern, patterns) {
		bool takes_back = **pattern == '!';

		if (ignored == takes_back && matches_ignore(*pattern + takes_back, path))
			ignored = !takes_back;
	}
	return ignored;
}

const char *path_clean(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t len = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && memcmp(path, "..", 2) == 0) {
			if (len == 0)
				return NULL;
			while (len > 0 && out[len - 1] != '/')
				len--;
			len -= len > 0;
		} else if (n > 0 && !(n == 1 && *path == '.')) {
			if (len > 0)
				out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	out[len] = '\0';
	return len > 0 ? out : ".";
}

static void add_pattern(struct arena *a, const char *line, size_t n, struct str_vec *patterns)
{
	bool takes_back;
	const char *pattern;

	while (n > 0 && strchr(" \t\r", line[n - 1]))
		n--;
	if (n > 0 && *line == '#')
		return;
	while (n > 0 && strchr(" \t", *line)) {
		line++;
		n--;
	}
	takes_back = n > 0 && *line == '!';
	pattern = path_clean(a, arena_strndup(a, line + takes_back, n - takes_back));
	if (n > takes_back && pattern)
		vec_push(a, patterns, takes_back ? arena_printf(a, "!%s", pattern) : pattern);
}

void ignore_parse(struct arena *a, const char *text, size_t n, struct str_vec *ret_patterns)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t at = n >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;

	while (at < n && text[at]) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - (text + at)) : strnlen(text + at, n - at);

		add_pattern(a, text + at, len, ret_patterns);
		at += len + 1;
	}
}
