/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of source-repository files, the overrides, addresses. */
#include "element/element.h"
#include "plan/plan.h"
#include "support/fetch.h"
#include "test.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <string.h>

static const char *lookup(const void *context, const char *name)
{
	const char *const *pairs = context;

	for (; *pairs; pairs += 2)
		if (strcmp(pairs[0], name) == 0)
			return pairs[1];
	return NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

TEST("lines of source-repository files are expanded and split, or refused")
{
	static const char *const env[] = { "A", "a", "E", "", NULL };
	static const struct {
		const char *line;
		int result;
		const char *dest, *location, *ref;
	} rows[] = {
		{ "n git /d l", 0, "/d", "l", NULL },
		{ "n tar  /d\tl  *", 0, "/d", "l", "*" },
		{ "n file /$A/${A} ${X:-w$A} ${E-x}r", 0, "/a/a", "wa", "r" },
		{ "n file /d ${E:-e} \"q\"", 0, "/d", "e", "q" },
		{ "n package", 0, NULL, NULL, NULL },
		{ "n svn /d l", -EINVAL, NULL, NULL, NULL },
		{ "n git d l", -EINVAL, NULL, NULL, NULL },
		{ "n", -EINVAL, NULL, NULL, NULL },
		{ "n git /d l r more", -EINVAL, NULL, NULL, NULL },
		{ "n git /d `id`", -EINVAL, NULL, NULL, NULL },
		{ "n git /d $(id)", -EINVAL, NULL, NULL, NULL },
		{ "n git /d ${A", -EINVAL, NULL, NULL, NULL },
		{ "n git /d ${A##x}", -EINVAL, NULL, NULL, NULL },
		{ "n git /d l;id", -EINVAL, NULL, NULL, NULL },
		{ "n git /d $X", -ENOKEY, NULL, NULL, NULL },
	};
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct source_line line = { .text = rows[i].line };
		struct source_request q = { 0 };
		struct ib_error err = IB_ERROR_INIT;

		check(source_parse(&line, lookup, env, a, &q, &err) == rows[i].result);
		check(same(q.dest, rows[i].dest) && same(q.location, rows[i].location) &&
		      same(q.ref, rows[i].ref));
	}
}

TEST("a source obeys the overrides of its name")
{
	static const struct {
		const char *env[7];
		int result;
		const char *type, *location, *ref;
	} rows[] = {
		{ { NULL }, 1, "git", "https://h/~u/p.git", "master" },
		{ { "DIB_REPOREF_a_b", "r" }, 1, "git", "https://h/~u/p.git", "r" },
		{ { "DIB_REPOREF_a_b", "" }, 1, "git", "https://h/~u/p.git", "master" },
		{ { "DIB_REPOLOCATION_a_b", "l", "DIB_REPOTYPE_a_b", "file" },
		  1,
		  "file",
		  "l",
		  "master" },
		{ { "DIB_GITREPOBASE", "https://m/x" }, 1, "git", "https://m/x/p.git", "master" },
		{ { "DIB_GITREPOBASE", "m", "DIB_REPOLOCATION_a_b", "l" },
		  1,
		  "git",
		  "l",
		  "master" },
		{ { "DIB_INSTALLTYPE_a_b", "package" }, 0, "git", "https://h/~u/p.git", NULL },
		{ { "DIB_DEFAULT_INSTALLTYPE", "package" }, 0, "git", "https://h/~u/p.git", NULL },
		{ { "DIB_DEFAULT_INSTALLTYPE", "package", "DIB_INSTALLTYPE_a_b", "source" },
		  1,
		  "git",
		  "https://h/~u/p.git",
		  "master" },
		{ { "DIB_REPOTYPE_a_b", "package" },
		  -EINVAL,
		  "package",
		  "https://h/~u/p.git",
		  "master" },
		{ { "DIB_REPOTYPE_a_b", "svn" }, -EINVAL, "svn", "https://h/~u/p.git", "master" },
	};
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct source_request q = { "a-b", "git", "/d",    "https://h/~u/p.git",
					    NULL,  NULL,  { 0, 0 } };
		struct ib_error err = IB_ERROR_INIT;

		check(source_settle(&q, lookup, rows[i].env, a, &err) == rows[i].result);
		check(same(q.type, rows[i].type) && same(q.location, rows[i].location) &&
		      same(q.ref, rows[i].ref));
	}
}

TEST("what ADD takes for a repository, and what for a file, with their parts")
{
	static const struct {
		const char *text;
		bool is_git;
		const char *url, *ref, *subdir, *name;
	} rows[] = {
		{ "https://h/a/b.tar?x=/y#z", false, "https://h/a/b.tar?x=/y#z", NULL, NULL,
		  "b.tar" },
		{ "https://h", false, "https://h", NULL, NULL, "" },
		{ "https://h/a/", false, "https://h/a/", NULL, NULL, "" },
		{ "https://h?x/y", false, "https://h?x/y", NULL, NULL, "" },
		{ "https://h/a.git", true, "https://h/a.git", NULL, NULL, "" },
		{ "https://h/a.git#v1", true, "https://h/a.git", "v1", NULL, "" },
		{ "https://h/a.git#:sub/dir", true, "https://h/a.git", NULL, "sub/dir", "" },
		{ "git@h:a#r:s", true, "git@h:a", "r", "s", "" },
		{ "ssh://u@h/a#r:", true, "ssh://u@h/a", "r", NULL, "" },
	};
	cleanup_arena struct arena *a = arena_new();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct add_url u;

		plan_add_url(rows[i].text, a, &u);
		check(u.is_git == rows[i].is_git && same(u.url, rows[i].url) &&
		      same(u.ref, rows[i].ref));
		check(same(u.subdir, rows[i].subdir) && same(u.name, rows[i].name));
	}
}

TEST("addresses are shown without user and password")
{
	cleanup_arena struct arena *a = arena_new();

	check(same(fetch_shown("https://u:p@h/x@y", a), "https://h/x@y"));
	check(same(fetch_shown("https://u:p@q@h/x", a), "https://h/x"));
	check(same(fetch_shown("https://h/x?a@b", a), "https://h/x?a@b"));
	check(same(fetch_shown("git@h:x", a), "git@h:x"));
	check(fetch_is_commit("0123456789abcdef0123456789abcdef01234567"));
	check(!fetch_is_commit("0123456789abcdef0123456789abcdef0123456"));
	check(!fetch_is_commit("v1"));
}

TEST_MAIN()
