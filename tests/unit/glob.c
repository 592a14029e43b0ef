/* SPDX-License-Identifier: Apache-2.0 */
#include "support/glob.h"
#include "plan/private.h"
#include "test.h"

#include <fnmatch.h>
#include <string.h>

static bool matches(const char *pattern, const char *name)
{
	return glob_match(pattern, strlen(pattern), name, strlen(name));
}

TEST("stars, question marks, classes and literals match as Go's filepath.Match has them")
{
	static const struct {
		const char *pattern, *name;
		bool want;
	} rows[] = {
		{ "abc", "abc", true },
		{ "abc", "abd", false },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "*c", "abc", true },
		{ "a*", "a", true },
		{ "a*b", "ab", true },
		{ "a*b", "acbb", true },
		{ "a*b", "acc", false },
		{ "ab[c]", "abc", true },
		{ "ab[b-d]", "abc", true },
		{ "ab[e-g]", "abc", false },
		{ "ab[^c]", "abc", false },
		{ "ab[^e-g]", "abc", true },
		{ "a\\*b", "a*b", true },
		{ "a\\*b", "ab", false },
		{ "a?b",
		  "a\xc3\xa4"
		  "b",
		  true },
		{ "a[^a]b",
		  "a\xc3\xa4"
		  "b",
		  true },
		{ "a??b",
		  "a\xc3\xa4"
		  "b",
		  false },
		{ "[a-\xc3\xb6]*", "\xc3\xa4", true },
		{ "[\\]a]", "]", true },
		{ "[\\-x]", "-", true },
		{ "[x-", "x", false },
		{ "[", "[", false },
		{ "?", "", false },
		{ "", "", true },
		{ "", "a", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (matches(rows[i].pattern, rows[i].name) != rows[i].want)
			check_str(rows[i].pattern, rows[i].name);
}

TEST("without classes it agrees with fnmatch on every short pattern and name")
{
	static const char letters[] = "ab*?";
	char pattern[6], name[6];

	for (unsigned p = 0; p < 4 * 4 * 4 * 4 * 4; p++) {
		for (unsigned i = 0, rest = p; i < 5; i++, rest /= 4)
			pattern[i] = letters[rest % 4];
		pattern[5] = '\0';
		for (unsigned s = 0; s < 32; s++) {
			for (unsigned i = 0; i < 5; i++)
				name[i] = letters[s >> i & 1];
			name[5] = '\0';
			if (matches(pattern, name) != (fnmatch(pattern, name, 0) == 0))
				check_str(pattern, name);
		}
	}
}

TEST("two stars stand for any number of components")
{
	check(glob_match_path("**/b", "b") && glob_match_path("**/b", "x/y/b"));
	check(glob_match_path("a/**/b", "a/b") && glob_match_path("a/**/b", "a/x/y/b"));
	check(glob_match_path("a/**", "a/b/c") && !glob_match_path("a/**", "a"));
	check(glob_match_path("**", "a/b") && !glob_match_path("*", "a/b"));
	check(glob_match_path("**/x/**/y", "a/x/x/b/y") && !glob_match_path("**/x/**/y", "a/y/x"));
}

TEST("many stars take no longer than the pattern times the name")
{
	char pattern[255], path[4000];

	for (size_t i = 0; i + 1 < sizeof(pattern); i++)
		pattern[i] = i % 2 ? '*' : 'a';
	pattern[sizeof(pattern) - 1] = 'b';
	memset(path, 'a', sizeof(path));
	check(!glob_match(pattern, sizeof(pattern), path, 255));
	for (size_t i = 1; i < sizeof(path); i += 2)
		path[i] = '/';
	path[sizeof(path) - 1] = '\0';
	check(!glob_match_path("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b", path));
}

static bool ignored(const char *text, const char *path)
{
	cleanup_arena struct arena *a = arena_new();
	struct str_vec patterns = { 0 };

	ignore_parse(a, text, strlen(text), &patterns);
	return ignore_matches(&patterns, path);
}

TEST("an ignore file has the rules of .dockerignore")
{
	check(ignored("\xef\xbb\xbf*.log\n", "a.log") && !ignored("*.log\n", "d/a.log"));
	check(ignored("# c\n  d/  \r\n", "d/e") && ignored("/d\n", "d") &&
	      ignored("./x/../d\n", "d"));
	check(!ignored(" #d\n", "d") && !ignored("#d\n", "#d"));
	check(!ignored("*\n!a\n", "a") && ignored("!a\n*\n", "a") && ignored("**/a\n", "b/a"));
	check(!ignored("d\n!d/e\n", "d/e") && ignored("d\n!d/e\n", "d/f"));
	check(!ignored("", "a") && !ignored("!\n\n \n../a\n", "a"));
}

TEST_MAIN()
