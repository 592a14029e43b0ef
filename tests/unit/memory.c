/* SPDX-License-Identifier: Apache-2.0 */
/* arena, vec, intern, map, buf. */
#include "test.h"

#include <imagebuild/buf.h>
#include <imagebuild/intern.h>
#include <imagebuild/map.h>
#include <imagebuild/vec.h>

TEST("arena memory is zeroed and aligned, whatever its size")
{
	cleanup_arena struct arena *a = arena_new();

	for (size_t size = 1; size < 300000; size = size * 3 + 1) {
		char *p = arena_alloc(a, size);

		check((uintptr_t)p % _Alignof(max_align_t) == 0);
		for (size_t i = 0; i < size; i++)
			if (p[i])
				test_fail(__FILE__, __LINE__, "byte %zu of %zu", i, size);
		memset(p, 0xff, size);
	}
}

TEST("arena strings are copies with a NUL behind them")
{
	cleanup_arena struct arena *a = arena_new();

	check_str(arena_strndup(a, "abcdef", 3), "abc");
	check_str(arena_strdup(a, ""), "");
	check_str(arena_printf(a, "%d-%s", 7, "x"), "7-x");
}

TEST("a vector keeps what was pushed, in order")
{
	cleanup_arena struct arena *a = arena_new();
	struct u32_vec v = { 0 };
	uint32_t n = 0;

	for (uint32_t i = 0; i < 100000; i++)
		vec_push(a, &v, i * 3);
	check_int(v.len, 100000);
	vec_foreach (uint32_t, p, &v)
		check_int(*p, 3 * n++);
}

TEST("equal names are one pointer, different names are two")
{
	cleanup_arena struct arena *a = arena_new();
	struct intern *t = intern_new(a);
	const char *first = intern_str(t, "name-7");
	char name[32];

	for (int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "name-%d", i);
		check_str(intern_str(t, name), name);
	}
	check(intern_str(t, "name-7") == first);
	check(intern_bytes(t, "name-77", 6) == first);
	check(intern_str(t, "name-8") != first);
}

TEST("a map finds what was put and nothing else")
{
	cleanup_arena struct arena *a = arena_new();
	struct intern *t = intern_new(a);
	struct map m = { 0 };
	char name[32];

	check(map_get(&m, "nothing") == NULL);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "k%d", i);
		*map_put(a, &m, intern_str(t, name)) = &m.slots;
	}
	check_int(m.len, 1000);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "k%d", i);
		check((map_get(&m, intern_str(t, name)) != NULL) == (i < 1000));
	}
	*map_put(a, &m, intern_str(t, "k5")) = NULL;
	check_int(m.len, 1000);
}

TEST("a buffer grows, is reset and is taken")
{
	cleanup_buf struct buf b = BUF_INIT;
	cleanup_free char *empty = buf_take(&b);
	cleanup_free char *text = NULL;

	check_str(empty, "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	check_int(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	buf_reset(&b);
	buf_add(&b, "a\0b", 3);
	buf_char(&b, 'c');
	buf_str(&b, "d");
	check_int(b.len, 5);
	text = buf_take(&b);
	check(memcmp(text, "a\0bcd", 6) == 0);
	check(b.data == NULL && b.len == 0);
}

TEST_MAIN()
