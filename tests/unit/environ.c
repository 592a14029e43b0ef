/* SPDX-License-Identifier: Apache-2.0 */
/* environ.c: variables that are known without a shell. */
#include "fixture.h"
#include "test.h"

/* The value of NAME after TEXT as the one file of environment.d, under ENV "E=env"; NULL where it
 * is not known. */
static const char *guess(struct fixture *f, const char *text, const char *name)
{
	struct ib_pair_vec env = { NULL, 0, 0 };
	struct intern *names;
	struct map vars;

	fixture_init(f);
	names = intern_new(f->arena);
	fixture_os(f);
	fixture_write(f, "lib/os/environment.d/10-x", 0644, text);
	if (fixture_resolve(f, "os", NULL) < 0 ||
	    hooks_merge(&f->set, 0, f->arena, f->sources, &f->hooks, NULL, f->diag) < 0)
		abort();
	vec_push(f->arena, &env, ((struct ib_pair){ .key = "E", .value = "env" }));
	environ_guess(&f->hooks, &env, names, f->arena, &vars);
	return map_get(&vars, intern_str(names, name));
}

static const struct {
	const char *text, *value; /* of X */
} cases[] = {
	{ "export X=v\n", "v" },
	{ "export X=v", "v" },
	{ "export X='a b'\"c\"d\n", "a bcd" },
	{ "X=1; export X\n", "1" },
	{ "X=1\n", NULL }, /* not exported */
	{ "export X=${X:-d}\n", "d" },
	{ "export X=${E:-d}\n", "env" },
	{ "export X=\"${E}-$E\"\n", "env-env" },
	{ "export X=${NO:-${E}}\n", "env" },
	{ "export X=$NO\n", NULL },
	{ "export X=$(date)\n", NULL },
	{ "export X=`date`\n", NULL },
	{ "export X=${E%v}\n", NULL },
	{ "export X=1\nexport X=$(date)\n", NULL },
	{ "export X=$(date)\nexport X=1\n", "1" },
	{ "# export X=2\nexport X=1 # comment\n", "1" },
	{ "if [ -n \"$E\" ]; then export X=1; fi\n", NULL },
	{ "export X=1\nif true; then\n X=2\nfi\n", NULL },
	{ "if true; then\n Y=2\nfi\nexport X=1\n", "1" },
	{ "[ -z \"$X\" ] && export X=1\n", NULL },
	{ "true || export X=1\n", NULL },
	{ "export X=1\nread X\n", NULL },
	{ "export X=1\n. /etc/os-release\n", NULL },
	{ ". /etc/os-release\nexport X=1\n", "1" },
	{ "f() {\n export X=1\n}\nexport Y=2\n", NULL },
	{ "export X=1\nf() {\n export Y=1\n}\n", "1" },
	{ "export X=a\\\nb\n", "ab" },
	{ "cat <<EOF\nexport X=1\nEOF\nexport Y=1\n", NULL },
	{ "export X=1\ncat <<EOF\nX=2\nEOF\n", "1" },
	{ "export X+=1\n", NULL },
	{ "export X=\"open\n", NULL },
	{ "case $E in\n  e*) export X=1 ;;\nesac\n", NULL },
	{ "export X=*.c\n", NULL },
	{ "export X=\n", "" },
	{ "export X=$E/y\n", "env/y" },
};

TEST("only plain assignments count, and what anything else assigns is not known")
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_fixture struct fixture f;
		const char *got = guess(&f, cases[i].text, "X");

		if (!got ? cases[i].value != NULL
			 : !cases[i].value || strcmp(got, cases[i].value) != 0)
			test_fail(__FILE__, __LINE__, "X is %s, not %s, after\n%s",
				  got ? got : "unknown",
				  cases[i].value ? cases[i].value : "unknown", cases[i].text);
	}
}

TEST("what ENV sets stays known where environment.d leaves it alone")
{
	cleanup_fixture struct fixture f;

	check_str(guess(&f, "export Y=1\n", "E"), "env");
}

TEST_MAIN()
