/* SPDX-License-Identifier: Apache-2.0 */
/* packages.c, maps.c: package-installs, pkg-map, svc-map. */
#include "fixture.h"
#include "test.h"

static const char *const default_env[] = { "ARCH",   "amd64",       "DISTRO_NAME",
					   "debian", "DIB_RELEASE", "bookworm",
					   "ON",     "yes",         NULL };

static const char *lookup(const void *context, const char *name)
{
	for (const char *const *p = context; *p; p += 2)
		if (strcmp(*p, name) == 0)
			return p[1];
	return NULL;
}

/* The packages of PHASE, joined with blanks; "error: ..." where they cannot be chosen. */
static const char *selected_with(struct fixture *f, enum ib_phase phase, bool is_removal,
				 const char *const *env)
{
	struct package_request_vec requests = { NULL, 0, 0 };
	struct str_vec names = { NULL, 0, 0 };
	struct ib_error err = IB_ERROR_INIT;

	if (fixture_resolve(f, "os a b", NULL) < 0 ||
	    packages_collect(&f->set, 0, &f->stage, NULL, f->arena, f->sources, &requests,
			     f->diag) < 0)
		return fixture_said(f);
	if (packages_select(&requests, &f->set, phase, is_removal, lookup, env, f->arena, &names,
			    &err) < 0)
		return arena_printf(f->arena, "error: %s", err.text);
	buf_reset(&f->said);
	buf_str(&f->said, "");
	vec_foreach (const char *, name, &names)
		buf_printf(&f->said, "%s%s", f->said.len ? " " : "", *name);
	return f->said.data ? f->said.data : "";
}

static const char *selected(struct fixture *f, enum ib_phase phase, bool is_removal)
{
	return selected_with(f, phase, is_removal, default_env);
}

static void init(struct fixture *f, const char *yaml)
{
	fixture_init(f);
	fixture_os(f);
	fixture_write(f, "lib/a/element-deps", 0644, "package-installs\n");
	fixture_write(f, "lib/a/package-installs.yaml", 0644, yaml);
	fixture_write(f, "lib/b/README.md", 0644, "");
}

TEST("a package without keys is installed in install.d")
{
	cleanup_fixture struct fixture f;

	init(&f, "vim:\nless: {}\n");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "less vim");
	check_str(selected(&f, IB_PHASE_INSTALL, true), "");
	check_str(selected(&f, IB_PHASE_PRE_INSTALL, false), "");
}

TEST("phase, uninstall and build-only choose the transaction")
{
	cleanup_fixture struct fixture f;

	init(&f, "p: {phase: pre-install.d}\nq: {uninstall: true}\ngcc: {build-only: true, phase: "
		 "install.d}\n"
		 "keep: {uninstall: false}\n");
	check_str(selected(&f, IB_PHASE_PRE_INSTALL, false), "p");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "gcc keep");
	check_str(selected(&f, IB_PHASE_INSTALL, true), "gcc q");
}

TEST("a plain install beats the removal of the same package by another element")
{
	cleanup_fixture struct fixture f;

	init(&f, "gcc: {build-only: true}\n");
	fixture_write(&f, "lib/b/package-installs.json", 0644, "{\"gcc\": null}");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "gcc");
	check_str(selected(&f, IB_PHASE_INSTALL, true), "");
}

TEST("an install that is filtered out does not keep a package")
{
	cleanup_fixture struct fixture f;

	init(&f, "gcc: {build-only: true}\n");
	fixture_write(&f, "lib/b/package-installs.json", 0644, "{\"gcc\": {\"arch\": \"arm64\"}}");
	check_str(selected(&f, IB_PHASE_INSTALL, true), "gcc");
}

TEST("arch and not-arch are lists, blanks and all")
{
	cleanup_fixture struct fixture f;

	init(&f, "a: {arch: 'arm64, amd64'}\nb: {arch: arm64}\nc: {not-arch: 'arm64, amd64'}\nd: "
		 "{not-arch: arm64}\n");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "a d");
}

TEST("both arch and not-arch is an error at the package's name")
{
	cleanup_fixture struct fixture f;

	init(&f, "x: {}\na: {arch: amd64, not-arch: arm64}\n");
	check(strstr(selected(&f, IB_PHASE_INSTALL, false),
		     "package-installs.yaml:2:1: error: package-installs of "
		     "element 'a': 'a' has both arch and not-arch"));
}

TEST("when takes = and !=, one or a list of which all must hold")
{
	cleanup_fixture struct fixture f;

	init(&f, "a: {when: ON = yes}\nb: {when: ON != yes}\nc:\n  when:\n    - ON=yes\n    - ARCH "
		 "!= arm64\n"
		 "d: {when: [ON = yes, ARCH = arm64]}\n");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "a c");
}

TEST("a variable that is not set is an error")
{
	cleanup_fixture struct fixture f;

	init(&f, "a: {when: NO_SUCH = yes}\n");
	check_str(selected(&f, IB_PHASE_INSTALL, false),
		  "error: 'when' asks for NO_SUCH, which is not set");
}

TEST("alternatives are a list of maps")
{
	cleanup_fixture struct fixture f;

	init(&f, "a:\n  - arch: arm64\n    phase: pre-install.d\n  - arch: amd64\n    phase: "
		 "post-install.d\n");
	check_str(selected(&f, IB_PHASE_PRE_INSTALL, false), "");
	check_str(selected(&f, IB_PHASE_POST_INSTALL, false), "a");
}

TEST("installtype and dib_python_version ask the environment")
{
	static const char *const package[] = {
		"ARCH", "amd64", "DIB_INSTALLTYPE_a", "package", "DIB_PYTHON_VERSION", "3", NULL
	};
	cleanup_fixture struct fixture f;

	init(&f, "a: {installtype: source}\nb: {installtype: package}\nc: {dib_python_version: 2}\n"
		 "d: {dib_python_version: 3}\n");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "a");
	check_str(selected_with(&f, IB_PHASE_INSTALL, false, package), "b d");
}

TEST("the names of a package-installs-ELEMENT file are installed, those behind '-' also removed")
{
	cleanup_fixture struct fixture f;

	init(&f, "");
	fixture_write(&f, "lib/a/install.d/package-installs-a", 0644,
		      "# comment\nvim # why\n-gcc\n\n");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "gcc vim");
	check_str(selected(&f, IB_PHASE_INSTALL, true), "gcc");
}

TEST("without the element package-installs its files are not read")
{
	cleanup_fixture struct fixture f;

	init(&f, "vim:\n");
	fixture_write(&f, "lib/a/element-deps", 0644, "");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "");
}

TEST("the most particular section of pkg-map wins; a value may be several names, or none")
{
	static const char *const fedora[] = { "ARCH",        "amd64", "DISTRO_NAME", "fedora",
					      "DIB_RELEASE", "38",    NULL };
	cleanup_fixture struct fixture f;

	init(&f, "a:\nb:\nc:\nd:\ne:\n");
	fixture_write(&f, "lib/a/pkg-map", 0644,
		      "{\"release\": {\"debian\": {\"bookworm\": {\"a\": \"ra\"}}}, \"distro\": "
		      "{\"debian\": {\"a\": \"da\", "
		      "\"b\": \"db\"}}, \"family\": {\"debian\": {\"b\": \"fb\", \"c\": \"fc1 "
		      "fc2\"}, \"redhat\": {\"c\": \"rc\"}}, "
		      "\"default\": {\"a\": \"xa\", \"b\": \"xb\", \"c\": \"xc\", \"d\": \"\"}}");
	check_str(selected(&f, IB_PHASE_INSTALL, false), "db e fc1 fc2 ra");
	check_str(selected_with(&f, IB_PHASE_INSTALL, false, fedora), "e rc xa xb");
}

TEST("a pkg-map that is no JSON is an error with its path")
{
	cleanup_fixture struct fixture f;

	init(&f, "a:\n");
	fixture_write(&f, "lib/a/pkg-map", 0644, "{oops");
	check(strstr(selected(&f, IB_PHASE_INSTALL, false), "a/pkg-map is not JSON"));
}

TEST("svc-map settles by distribution, family, default; two elements cannot map one service")
{
	cleanup_fixture struct fixture f;
	struct ib_pair_vec pairs = { NULL, 0, 0 };
	struct ib_error err = IB_ERROR_INIT;

	init(&f, "");
	fixture_write(&f, "lib/a/svc-map", 0644,
		      "web: {rocky: httpd, default: apache2}\nssh: {redhat: sshd, default: ssh}\n");
	check_int(fixture_resolve(&f, "os a b", NULL), 0);
	check_int(svc_map_merge(&f.set, "rocky", f.arena, &pairs, &err), 0);
	check_int(pairs.len, 2);
	check_str(pairs.items[0].key, "ssh");
	check_str(pairs.items[0].value, "sshd");
	check_str(pairs.items[1].value, "httpd");
	fixture_write(&f, "lib/b/svc-map", 0644, "web: {default: nginx}\n");
	check(svc_map_merge(&f.set, "debian", f.arena, &pairs, &err) < 0);
	check(strstr(err.text, "elements 'a' and 'b' both map the service 'web'"));
}

TEST_MAIN()
