/* SPDX-License-Identifier: Apache-2.0 */
/* plan/: from a recipe to steps; what COPY takes of the context. */
#include "fixture.h"
#include "test.h"

#include "plan/plan.h"

#include <imagebuild/recipe.h>

struct planned {
	struct fixture f;
	struct ib_recipe *recipe;
	struct plan *plan;
};

static void release(struct planned *p)
{
	ib_plan_free(p->plan);
	ib_recipe_free(p->recipe);
	fixture_release(&p->f);
}

#define cleanup_planned __attribute__((cleanup(release)))

static void init(struct planned *p)
{
	memset(p, 0, sizeof(*p));
	fixture_init(&p->f);
	fixture_os(&p->f);
	p->f.options.store = p->f.options.directory = p->f.dir;
}

static bool plan(struct planned *p, const char *text)
{
	struct ib_error err = IB_ERROR_INIT;

	fixture_write(&p->f, "Imagefile", 0644, text);
	if (ib_elements_open(&p->f.options, p->f.sources, &p->f.elements, &err) < 0 ||
	    ib_recipe_open(&p->f.options, NULL, p->f.sources, p->f.diag, &p->recipe, &err) < 0)
		abort();
	if (ib_recipe_compile(p->recipe) < 0)
		return false;
	return ib_plan_new(ib_recipe_ir(p->recipe), &p->f.options, p->f.sources, p->f.elements,
			   NULL, p->f.diag, &p->plan, &err) == 0;
}

/* "phase:name" of each step but the engine's own three, joined with blanks. */
static const char *steps(struct planned *p)
{
	buf_reset(&p->f.said);
	buf_str(&p->f.said, "");
	vec_foreach (struct step, s, &p->plan->stages[0].steps)
		if (s->code != STEP_enter && s->code != STEP_leave && s->code != STEP_clean)
			buf_printf(&p->f.said, "%s%s:%s", p->f.said.len ? " " : "",
				   ib_phases[s->phase].name, s->name);
	return p->f.said.data;
}

static const struct step *find(struct planned *p, enum step_code code)
{
	vec_foreach (struct step, s, &p->plan->stages[0].steps)
		if (s->code == code)
			return s;
	return NULL;
}

/* "path>name" of what the first COPY takes. */
static const char *copied(struct planned *p)
{
	const struct step *s = find(p, STEP_copy);

	buf_reset(&p->f.said);
	buf_str(&p->f.said, "");
	if (s)
		vec_foreach (struct copy_entry, e, s->entries)
			buf_printf(&p->f.said, "%s%s>%s", p->f.said.len ? " " : "", e->path,
				   e->name);
	return p->f.said.data;
}

TEST("the recipe's lines come behind every hook of their number, in the order of the text")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, "lib/os/install.d/90-z", 0755, "#!/bin/sh\n");
	fixture_write(&p.f, "lib/os/install.d/91-a", 0755, "#!/bin/sh\n");
	check(plan(&p, "FROM os\nRUN --name=two b\nRUN --name=one --order=5 a\nRUN --name=three "
		       "c\nOUTPUT tar\n"));
	check_str(steps(&p), "install:environment install:one install:90-z install:two "
			     "install:three install:91-a");
}

TEST("the tree ends before the step that leaves the root")
{
	cleanup_planned struct planned p;
	const struct plan_stage *stage;

	init(&p);
	check(plan(&p, "FROM os\nRUN --phase=finalise x\nOUTPUT tar\n"));
	stage = &p.plan->stages[0];
	check(stage->steps.items[stage->tree_end].code == STEP_leave);
	check(stage->steps.items[stage->tree_end + 1].phase == IB_PHASE_FINALISE);
	check(plan_stage_of(p.plan, &stage->steps.items[0]) == stage);
}

TEST("ENV beats --env, both are sorted")
{
	cleanup_planned struct planned p;
	const struct ib_pair_vec *env;

	init(&p);
	vec_push(p.f.arena, &p.f.options.env, ((struct ib_pair){ .key = "B", .value = "caller" }));
	vec_push(p.f.arena, &p.f.options.env, ((struct ib_pair){ .key = "A", .value = "caller" }));
	check(plan(&p, "FROM os\nENV B=recipe\nOUTPUT tar\n"));
	env = &p.plan->stages[0].env;
	check_int(env->len, 2);
	check_str(env->items[0].key, "A");
	check_str(env->items[1].value, "recipe");
}

TEST("a PACKAGE in front of the first RUN joins the transaction, a later one is a step")
{
	cleanup_planned struct planned p;

	init(&p);
	check(plan(&p, "FROM os\nPACKAGE a\nRUN --name=r x\nPACKAGE b\nOUTPUT tar\n"));
	check_str(steps(&p),
		  "install:environment install:01-package-installs install:r install:package");
}

TEST("a directory stands for what is in it, a file goes by its name below a directory")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, "d/sub/x", 0644, "");
	fixture_write(&p.f, "d/y", 0644, "");
	check(plan(&p, "FROM os\nCOPY d Imagefile /to/\nOUTPUT tar\n"));
	check_str(copied(&p), "d/sub>sub d/sub/x>sub/x d/y>y Imagefile>Imagefile");
}

TEST("one file to a path that is no directory has no name of its own")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, "d/y", 0644, "");
	check(plan(&p, "FROM os\nCOPY d/./../d/y /to/z\nOUTPUT tar\n"));
	check_str(copied(&p), "d/y>");
}

TEST("globs match component by component")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, "a/1.c", 0644, "");
	fixture_write(&p.f, "b/2.c", 0644, "");
	fixture_write(&p.f, "b/3.h", 0644, "");
	check(plan(&p, "FROM os\nCOPY [ab]/*.c /to/\nOUTPUT tar\n"));
	check_str(copied(&p), "a/1.c>1.c b/2.c>2.c");
}

TEST(".imageignore keeps files out, a '!' takes them back, the last match counts")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, ".imageignore", 0644,
		      "# comment\nd/secret\n**/*.log\n!d/keep.log\n/d/deep\n!d/deep/in\n");
	fixture_write(&p.f, "d/secret/key", 0644, "");
	fixture_write(&p.f, "d/x/y.log", 0644, "");
	fixture_write(&p.f, "d/keep.log", 0644, "");
	fixture_write(&p.f, "d/deep/in", 0644, "");
	fixture_write(&p.f, "d/deep/out", 0644, "");
	check(plan(&p, "FROM os\nCOPY d /to/\nOUTPUT tar\n"));
	check_str(copied(&p), "d/deep/in>deep/in d/keep.log>keep.log d/x>x");
}

TEST("Imagefile.imageignore is read in place of .imageignore")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, ".imageignore", 0644, "d/a\n");
	fixture_write(&p.f, "Imagefile.imageignore", 0644, "d/b\n");
	fixture_write(&p.f, "d/a", 0644, "");
	fixture_write(&p.f, "d/b", 0644, "");
	check(plan(&p, "FROM os\nCOPY d /to/\nOUTPUT tar\n"));
	check_str(copied(&p), "d/a>a");
}

TEST("hostile names are taken as they are")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, "d/-rf", 0644, "");
	fixture_write(&p.f, "d/new\nline", 0644, "");
	fixture_write(&p.f, "d/\xff\xfe", 0644, "");
	check(plan(&p, "FROM os\nCOPY d /to/\nOUTPUT tar\n"));
	check_str(copied(&p), "d/-rf>-rf d/new\nline>new\nline d/\xff\xfe>\xff\xfe");
}

TEST("a symbolic link inside a directory is taken as a link, wherever it leads")
{
	cleanup_planned struct planned p;
	const struct step *s;

	init(&p);
	fixture_write(&p.f, "d/x", 0644, "");
	check_int(symlink("/etc/passwd", arena_printf(p.f.arena, "%s/d/out", p.f.dir)), 0);
	check(plan(&p, "FROM os\nCOPY d /to/\nOUTPUT tar\n"));
	check_str(copied(&p), "d/out>out d/x>x");
	s = find(&p, STEP_copy);
	check(s && S_ISLNK(s->entries->items[0].mode));
}

TEST("a source that is a link out of the context, or a fifo, is an error")
{
	cleanup_planned struct planned p;

	init(&p);
	check_int(symlink("/etc/passwd", arena_printf(p.f.arena, "%s/out", p.f.dir)), 0);
	check_int(mkfifo(arena_printf(p.f.arena, "%s/fifo", p.f.dir), 0600), 0);
	check(!plan(&p, "FROM os\nCOPY out /x\nCOPY fifo /x\nOUTPUT tar\n"));
	check(strstr(fixture_said(&p.f),
		     "2:6: error: 'out' leaves the context by a symbolic link"));
	check(strstr(fixture_said(&p.f), "3:6: error: 'fifo' is neither a file nor a directory"));
}

TEST("an element of the context is taken by ./PATH, and may not lie outside of it")
{
	cleanup_planned struct planned p;

	init(&p);
	fixture_write(&p.f, "own/install.d/10-own", 0755, "#!/bin/sh\n");
	check_int(symlink("/usr", arena_printf(p.f.arena, "%s/away", p.f.dir)), 0);
	check(plan(&p, "FROM os\nELEMENT ./own\nOUTPUT tar\n"));
	check_str(steps(&p), "install:environment install:10-own");
	{
		cleanup_planned struct planned q;

		init(&q);
		check_int(symlink("/usr", arena_printf(q.f.arena, "%s/away", q.f.dir)), 0);
		check(!plan(&q, "FROM os\nELEMENT ./away\nELEMENT ./none\nOUTPUT tar\n"));
		check(strstr(fixture_said(&q.f), "leaves the context"));
		check(strstr(fixture_said(&q.f), "is not in the context"));
	}
}

TEST("LAYOUT's file systems bring their tools, unless packages=no")
{
	static const char recipe[] =
		"FROM os\nLAYOUT gpt %s{\n partition root size=100%% { ext4 mount=/ }\n}\n";
	static const char *const options[] = { "", "packages=no " };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		cleanup_planned struct planned p;
		cleanup_free char *text = ib_xprintf(recipe, options[i]);

		init(&p);
		check(plan(&p, text));
		check(p.plan->stages[0].layout != NULL);
		check_int(p.plan->stages[0].packages.len, i == 0);
		check(i || strcmp(p.plan->stages[0].packages.items[0].name, "e2fsprogs") == 0);
	}
}

TEST("what a recipe cannot have is missing in preflight's one list, with its package and why")
{
	cleanup_planned struct planned p;
	struct missing_vec missing = { NULL, 0, 0 };
	const struct missing *found = NULL;

	init(&p);
	fixture_write(&p.f, "lib/os/host-tools", 0644, "no-such-tool\nsh\n");
	check(plan(&p, "FROM os\nRUN --phase=cleanup --input=/no/such/input x\n"
		       "RUN --mount=type=secret,id=one --mount=type=secret,id=two,required=false x\n"
		       "OUTPUT tar\n"));
	check(ib_plan_preflight(p.plan, &missing) < 0);
	vec_foreach (struct missing, m, &missing) {
		check(strcmp(m->what, "sh") != 0);
		if (strcmp(m->what, "no-such-tool") == 0)
			found = m;
	}
	check(found && strcmp(found->why, "element 'os' names it in host-tools") == 0 &&
	      found->at.end > 0);
	check_str(missing.items[missing.len - 1].what, "/no/such/input");
	check(missing.items[missing.len - 1].at.end > 0);
	check_str(missing.items[missing.len - 2].what, "the secret 'one'");
	check_str(missing.items[missing.len - 2].todo, "give it with --secret id=one,src=FILE");
}

TEST("proxies of the caller are in no text, and what is given for SOURCE_DATE_EPOCH is taken")
{
	cleanup_planned struct planned p;

	init(&p);
	p.f.options.source_date_epoch = 1234567890;
	vec_push(p.f.arena, &p.f.options.env,
		 ((struct ib_pair){ .key = "HTTPS_PROXY", .value = "http://u:p@h" }));
	check(plan(&p, "FROM os\nOUTPUT tar\n"));
	check_int(p.plan->epoch, 1234567890);
	buf_reset(&p.f.said);
	ib_plan_print(p.plan, NULL, &p.f.said);
	ib_plan_emit(p.plan, NULL, false, &p.f.said);
	ib_plan_emit_keys(p.plan, &p.f.said);
	check(p.f.said.len > 0 && !strstr(p.f.said.data, "u:p@h"));
}

TEST("names of variables that may hold a secret are known")
{
	check(ib_is_secret_name("DIB_DEV_USER_PASSWORD") && ib_is_secret_name("api_token"));
	check(ib_is_secret_name("MY_KEY") && !ib_is_secret_name("DIB_RELEASE"));
}

TEST_MAIN()
