/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of run/ that need no sandbox: environments, modes and owners of COPY. */
#include "test.h"

#include "run/copy.h"
#include "run/stage.h"

TEST("an environment survives being written and read, newlines and backslashes too")
{
	cleanup_arena struct arena *a = arena_new();
	cleanup_buf struct buf out = BUF_INIT;
	struct env e = { 0 }, back;

	env_set(a, &e, "A", "one\ntwo\\n");
	env_set(a, &e, "B", "");
	env_set(a, &e, "BASH_FUNC_f%%", "() {  echo x=y\n}");
	env_set(a, &e, "B", "set twice");
	env_format(&e, &out);
	env_parse(a, out.data, &back);
	check_int(back.entries.len, 3);
	check_str(env_get(&back, "A"), "one\ntwo\\n");
	check_str(env_get(&back, "B"), "set twice");
	check_str(env_get(&back, "BASH_FUNC_f%%"), "() {  echo x=y\n}");
	check(env_get(&back, "C") == NULL);
}

TEST("the shell's own variables are no part of an environment that bash printed")
{
	cleanup_arena struct arena *a = arena_new();
	static const char text[] = "_=/usr/bin/env\0X=1\0SHLVL=2\0PWD=/\0Y=2";
	struct env e;

	env_parse_nul(a, text, sizeof(text), &e);
	check_int(e.entries.len, 2);
	check_str(env_get(&e, "X"), "1");
	check_str(env_get(&e, "Y"), "2");
}

static mode_t mode(const char *text, mode_t old, bool is_dir)
{
	mode_t m = 0;

	return mode_apply(text, old, is_dir, &m) ? m : 077777;
}

TEST("--chmod takes octal and symbolic modes")
{
	check_int(mode("0644", 0777, false), 0644);
	check_int(mode("4755", 0644, false), 04755);
	check_int(mode("u=rwX,go=rX", 0644, false), 0644);
	check_int(mode("u=rwX,go=rX", 0744, false), 0755);
	check_int(mode("u=rwX,go=rX", 0600, true), 0755);
	check_int(mode("a+x", 0644, false), 0755);
	check_int(mode("+x", 0640, false), 0751);
	check_int(mode("go-rwx", 0777, false), 0700);
	check_int(mode("u+s", 0755, false), 04755);
	check_int(mode("g+s,o-x", 0755, false), 02754);
	check_int(mode("+t", 0777, true), 01777);
	check_int(mode("u=rw+x", 0, false), 0700);
}

TEST("what is no mode is refused")
{
	check_int(mode("", 0644, false), 077777);
	check_int(mode("0999", 0644, false), 077777);
	check_int(mode("77777", 0644, false), 077777);
	check_int(mode("u", 0644, false), 077777);
	check_int(mode("u=q", 0644, false), 077777);
	check_int(mode("u=r,", 0644, false), 077777);
	check_int(mode("rwx", 0644, false), 077777);
}

TEST("names of passwd and group are found whole, with the id of their own line")
{
	static const char passwd[] =
		"root:x:0:0:root:/root:/bin/bash\nwww:x:7:8::/:\nwww-data:x:33:34::/:\n";
	uint32_t id = 9;

	check(owner_id(passwd, "www-data", &id));
	check_int(id, 33);
	check(owner_id(passwd, "www", &id));
	check_int(id, 7);
	check(!owner_id(passwd, "ww", &id));
	check(!owner_id("broken\nroot:x", "root", &id));
	check(!owner_id("root:x:99999999999:0", "root", &id));
	check(!owner_id("", "root", &id));
}

TEST_MAIN()
