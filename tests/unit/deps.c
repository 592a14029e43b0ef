/* SPDX-License-Identifier: Apache-2.0 */
/* elements.c, deps.c: the search path and the closure. */
#include "fixture.h"
#include "test.h"

TEST("the closure has what is requested in text order, then dependencies as they were found")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/b/element-deps", 0644, "d\n  c \n\n");
	fixture_write(&f, "lib/a/README.md", 0644, "");
	fixture_write(&f, "lib/c/README.md", 0644, "");
	fixture_write(&f, "lib/d/element-deps", 0644, "a\ne\n");
	fixture_write(&f, "lib/e/README.md", 0644, "");
	check_int(fixture_resolve(&f, "os b a", NULL), 0);
	check_str(fixture_members(&f), "os b a c d e");
}

TEST("a missing dependency is shown at its line, with the chain that needs it and a suggestion")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/top/element-deps", 0644, "middle\n");
	fixture_write(&f, "lib/middle/element-deps", 0644, "os\nbotom\n");
	fixture_write(&f, "lib/bottom/README.md", 0644, "");
	check_int(fixture_resolve(&f, "os top", NULL), -1);
	check(strstr(fixture_said(&f),
		     "middle/element-deps:2:1: error: element 'middle' needs 'botom'"));
	check(strstr(fixture_said(&f), "did you mean 'bottom'?"));
	check(strstr(fixture_said(&f),
		     "'botom' is needed by 'middle', that by 'top', which the recipe names here"));
}

TEST("an unknown element of the recipe is named, with a suggestion")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	check_int(fixture_resolve(&f, "os oss", NULL), -1);
	check(strstr(fixture_said(&f), "unknown element 'oss'; did you mean 'os'?"));
}

TEST("without an operating system there is an error at FROM")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_write(&f, "lib/a/README.md", 0644, "");
	check_int(fixture_resolve(&f, "a", NULL), -1);
	check(strstr(
		fixture_said(&f),
		"Imagefile:1:1: error: no element of this stage provides an operating system"));
}

TEST("a virtual name resolves wherever its provider stands in the queue")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/needs/element-deps", 0644, "block-device\n");
	fixture_write(&f, "lib/late/element-deps", 0644, "later\n");
	fixture_write(&f, "lib/later/element-deps", 0644, "gives\n");
	fixture_write(&f, "lib/gives/element-provides", 0644, "block-device\n");
	check_int(fixture_resolve(&f, "os needs late", NULL), 0);
	check_str(fixture_members(&f), "os needs late later gives");
}

TEST("an element that another one provides brings neither itself nor its dependencies, and that is "
     "said")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/boot/element-deps", 0644, "tools\n");
	fixture_write(&f, "lib/tools/README.md", 0644, "");
	fixture_write(&f, "lib/vm/element-deps", 0644, "boot\n");
	fixture_write(&f, "lib/zipl/element-provides", 0644, "boot\n");
	check_int(fixture_resolve(&f, "os vm zipl", NULL), 0);
	check_str(fixture_members(&f), "os vm zipl");
	check(strstr(fixture_said(&f),
		     "warning: 'zipl' provides 'boot', so the element of that name is left out, "
		     "and with it 'tools'"));
}

TEST("two providers of a name are an error that names both")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/other/element-provides", 0644, "operating-system\n");
	check_int(fixture_resolve(&f, "os other", NULL), -1);
	check(strstr(fixture_said(&f),
		     "elements 'os' and 'other' both provide 'operating-system'"));
}

TEST("a requested element that another one provides is an error")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/a/README.md", 0644, "");
	fixture_write(&f, "lib/b/element-provides", 0644, "a\n");
	check_int(fixture_resolve(&f, "os a b", NULL), -1);
	check(strstr(fixture_said(&f), "element 'a' is provided by 'b' already"));
}

TEST("a provider that only what it replaces brings in does not settle, and says so")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/a/element-deps", 0644, "x\n");
	fixture_write(&f, "lib/x/element-deps", 0644, "y\n");
	fixture_write(&f, "lib/y/element-provides", 0644, "x\n");
	check_int(fixture_resolve(&f, "os a", NULL), -1);
	check(strstr(fixture_said(&f), "the dependencies do not settle: what provides 'x'"));
}

TEST("what the engine provides needs no element")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/vm/element-deps", 0644, "block-device\n");
	check_int(fixture_resolve(&f, "os vm", "block-device"), 0);
	check_str(fixture_members(&f), "os vm");
}

TEST("framework elements resolve although no library has them, and a library's are not used")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/a/element-deps", 0644, "package-installs\nmanifests\n");
	fixture_write(&f, "lib/package-installs/install.d/01-x", 0755, "#!/bin/sh\n");
	check_int(fixture_resolve(&f, "os a", NULL), 0);
	check_str(fixture_members(&f), "os a manifests package-installs install-bin pkg-map");
	check_int(hooks_merge(&f.set, 0, f.arena, f.sources, &f.hooks, NULL, f.diag), 0);
	vec_foreach (struct hook_file, file, &f.hooks.files)
		check(strcmp(file->path, "install.d/01-x") != 0);
}

TEST("an element is named by its real path, and the earlier directory wins")
{
	cleanup_fixture struct fixture f;
	const struct element *e;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "first/a/element-deps", 0644, "os\n");
	fixture_write(&f, "lib/a/element-deps", 0644, "nothing\n");
	fixture_write(&f, "real/b/README.md", 0644, "");
	check_int(symlink("../real/b", arena_printf(f.arena, "%s/lib/link", f.dir)), 0);
	f.options.element_path.items[0] = arena_printf(f.arena, "%s/first", f.dir);
	vec_push(f.arena, &f.options.element_path, arena_printf(f.arena, "%s/lib", f.dir));
	check_int(fixture_resolve(&f, "os a b", NULL), 0);
	check_str(fixture_members(&f), "os a b");
	e = element_set_find(&f.set, "a");
	check(e && strstr(e->dir, "/first/a"));
}

TEST("a directory of the path that is none is an error of usage")
{
	cleanup_fixture struct fixture f;
	struct ib_error err = IB_ERROR_INIT;

	fixture_init(&f);
	f.options.element_path.items[0] = "";
	check(ib_elements_open(&f.options, f.sources, &f.elements, &err) < 0);
	check_int(err.exit, IB_EXIT_USAGE);
}

TEST_MAIN()
