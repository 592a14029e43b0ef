/* SPDX-License-Identifier: Apache-2.0 */
/* hooks.c: the merged hooks directory. */
#include "fixture.h"
#include "test.h"

#include "support/crypto.h"

static bool merge(struct fixture *f, const char *words)
{
	if (fixture_resolve(f, words, NULL) < 0)
		abort();
	return hooks_merge(&f->set, 0, f->arena, f->sources, &f->hooks, NULL, f->diag) == 0;
}

static const char *phase_names(struct fixture *f, const char *dir)
{
	struct hook_file_vec files;

	hooks_phase(&f->hooks, dir, f->arena, &files);
	buf_reset(&f->said);
	vec_foreach (struct hook_file, file, &files)
		buf_printf(&f->said, "%s%s", f->said.len ? " " : "", strrchr(file->path, '/') + 1);
	return f->said.data ? f->said.data : "";
}

static bool has_file(const struct fixture *f, const char *path)
{
	vec_foreach (struct hook_file, file, &f->hooks.files)
		if (strcmp(file->path, path) == 0)
			return true;
	return false;
}

TEST("hooks run in the order of sort -n, as dib-run-parts lists them")
{
	static const char *const names[] = { "99-z", "abc",  "010-c", "1a",  "-5-neg", "_x",
					     "1-a",  "50-x", "01b",   "9-a", "1_b",    "10-b" };
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fixture_write(&f, arena_printf(f.arena, "lib/os/install.d/%s", names[i]), 0755,
			      "#!/bin/sh\n");
	check(merge(&f, "os"));
	check_str(phase_names(&f, "install.d"),
		  "-5-neg _x abc 01b 1-a 1_b 1a 9-a 010-c 10-b 50-x 99-z");
}

TEST("a hook that two elements have is an error that names both")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/a/bin/install-packages", 0755, "#!/bin/sh\n");
	fixture_write(&f, "lib/b/bin/install-packages", 0755, "#!/bin/sh\n");
	check(!merge(&f, "os a b"));
	check(strstr(fixture_said(&f), "elements 'a' and 'b' both have 'bin/install-packages'"));
}

TEST("files below a sub-directory and at the first level merge in silence, the later element's "
     "wins")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/a/static/etc/x", 0644, "a");
	fixture_write(&f, "lib/b/static/etc/x", 0644, "b");
	fixture_write(&f, "lib/a/README.md", 0644, "a");
	fixture_write(&f, "lib/b/README.md", 0644, "b");
	check(merge(&f, "os a b"));
	vec_foreach (struct hook_file, file, &f.hooks.files)
		if (strcmp(file->path, "static/etc/x") == 0 || strcmp(file->path, "README.md") == 0)
			check_str(file->element->name, "b");
	check(has_file(&f, "static/etc"));
}

TEST("tests, __pycache__, dotfiles and .pyc files stay out")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/os/tests/x", 0755, "");
	fixture_write(&f, "lib/os/__pycache__/x", 0755, "");
	fixture_write(&f, "lib/os/install.d/.hidden", 0755, "");
	fixture_write(&f, "lib/os/x.pyc", 0644, "");
	fixture_write(&f, "lib/os/.dot", 0644, "");
	check(merge(&f, "os"));
	check(!has_file(&f, "tests/x") && !has_file(&f, "__pycache__/x"));
	check(!has_file(&f, "install.d/.hidden") && !has_file(&f, "x.pyc"));
	check(has_file(&f, ".dot"));
}

TEST("a shebang without an execute bit and a dot in the name are located warnings")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/os/install.d/10-off", 0644, "#!/bin/bash\necho\n");
	fixture_write(&f, "lib/os/install.d/20-x.sh", 0755, "#!/bin/bash\n");
	fixture_write(&f, "lib/os/install.d/data.conf", 0644, "x=1\n");
	fixture_write(&f, "lib/os/bin/tool.sh", 0755, "#!/bin/bash\n");
	check(merge(&f, "os"));
	check_str(phase_names(&f, "install.d"), "");
	check(strstr(fixture_said(&f),
		     "install.d/10-off:1:1: warning: hook 'install.d/10-off' of element 'os' has a "
		     "shebang but no execute bit"));
	check(strstr(fixture_said(&f), "install.d/20-x.sh:1:1: warning: hook 'install.d/20-x.sh'"));
	check_int(ib_diag_count(f.diag), 2);
}

TEST("with --strict the same are errors")
{
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	ib_diag_strict(f.diag, true);
	fixture_os(&f);
	fixture_write(&f, "lib/os/install.d/20-x.sh", 0755, "#!/bin/bash\n");
	check(!merge(&f, "os"));
}

TEST("environment.d is in byte order, with dots, without regard to the execute bit")
{
	cleanup_fixture struct fixture f;
	struct hook_file_vec files;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/os/environment.d/9-b.bash", 0644, "");
	fixture_write(&f, "lib/os/environment.d/10-a", 0755, "");
	fixture_write(&f, "lib/os/environment.d/no~", 0755, "");
	check(merge(&f, "os"));
	hooks_environment(&f.hooks, f.arena, &files);
	check_int(files.len, 2);
	check_str(files.items[0].path, "environment.d/10-a");
	check_str(files.items[1].path, "environment.d/9-b.bash");
}

static const char *types(const void *context, const char *name)
{
	const char *const *pairs = context;

	for (; *pairs; pairs += 2)
		if (strcmp(*pairs, name) == 0)
			return pairs[1];
	return NULL;
}

static const char *linked(struct fixture *f, const char *const *environment)
{
	struct hook_file_vec links;

	hooks_install_types(&f->hooks, types, environment, f->arena, &links);
	buf_reset(&f->said);
	vec_foreach (struct hook_file, link, &links) {
		check(link->at.end > 0);
		buf_printf(&f->said, "%s%s", f->said.len ? " " : "", link->path);
	}
	return f->said.data ? f->said.data : "";
}

TEST("install-types links the chosen directory, the default one where none is chosen")
{
	static const char *const none[] = { NULL };
	static const char *const package[] = { "DIB_INSTALLTYPE_my_app", "package", NULL };
	static const char *const all[] = { "DIB_DEFAULT_INSTALLTYPE", "package", NULL };
	static const char *const other[] = { "DIB_INSTALLTYPE_my_app", "other", NULL };
	cleanup_fixture struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/os/install.d/my-app-source-install/50-src", 0755, "#!/bin/sh\n");
	fixture_write(&f, "lib/os/install.d/my-app-package-install/50-pkg", 0755, "#!/bin/sh\n");
	check(merge(&f, "os"));
	check_str(linked(&f, none), "install.d/50-src");
	check_str(linked(&f, package), "install.d/50-pkg");
	check_str(linked(&f, all), "install.d/50-pkg");
	check_str(linked(&f, other), "");
}

TEST("the digest follows content and mode, and not the directory")
{
	struct digest d[4];
	struct ib_error err = IB_ERROR_INIT;

	for (int i = 0; i < 4; i++) {
		cleanup_fixture struct fixture f;

		fixture_init(&f);
		fixture_os(&f);
		fixture_write(&f, "lib/os/install.d/10-a", i == 2 ? 0700 : 0755,
			      i == 3 ? "#!/bin/sh\n:\n" : "#!/bin/sh\n");
		check(merge(&f, "os"));
		check_int(hooks_digest(&f.hooks, &d[i], &err), 0);
	}
	check(digest_equal(&d[0], &d[1]));
	check(!digest_equal(&d[0], &d[2]));
	check(!digest_equal(&d[0], &d[3]));
}

TEST("what is written below a directory is what was merged, links as links")
{
	cleanup_fixture struct fixture f;
	struct ib_error err = IB_ERROR_INIT;
	char target[32] = "";
	struct stat st;
	int fd;

	fixture_init(&f);
	fixture_os(&f);
	fixture_write(&f, "lib/os/static/etc/deep/x", 0640, "x");
	fixture_write(&f, "lib/os/install.d/10-a", 0755, "#!/bin/sh\n");
	check_int(symlink("10-a", arena_printf(f.arena, "%s/lib/os/install.d/20-b", f.dir)), 0);
	check(merge(&f, "os"));
	check_str(phase_names(&f, "install.d"), "10-a 20-b");
	check_int(mkdir(arena_printf(f.arena, "%s/out", f.dir), 0755), 0);
	fd = open(arena_printf(f.arena, "%s/out", f.dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_int(hooks_write(&f.hooks, fd, &err), 0);
	check_int(fstatat(fd, "static/etc/deep/x", &st, 0), 0);
	check_int(st.st_mode & 0777, 0640);
	check_int(readlinkat(fd, "install.d/20-b", target, sizeof(target) - 1), 4);
	check_str(target, "10-a");
	(void)close(fd);
}

TEST_MAIN()
