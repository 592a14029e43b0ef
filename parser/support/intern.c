/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, at most three quarters full. */
#include <imagebuild/intern.h>

#include <string.h>

struct name {
	const char *text;
	size_t len;
	uint64_t hash;
};

struct intern {
	struct arena *arena;
	struct name *slots;
	size_t len, cap; /* cap is a power of two */
};

static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
	return h;
}

struct intern *intern_new(struct arena *a)
{
	struct intern *t = arena_alloc(a, sizeof(*t));

	t->arena = a;
	t->cap = 256;
	t->slots = arena_alloc(a, t->cap * sizeof(*t->slots));
	return t;
}

static struct name *find(const struct intern *t, const char *s, size_t n, uint64_t hash)
{
	for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
		struct name *e = &t->slots[i];

		if (!e->text)
			return e;
		if (e->hash == hash && e->len == n && memcmp(e->text, s, n) == 0)
			return e;
	}
}

static void grow(struct intern *t)
{
	struct name *old = t->slots;
	size_t cap = t->cap;

	t->cap *= 2;
	t->slots = arena_alloc(t->arena, t->cap * sizeof(*t->slots));
	for (size_t i = 0; i < cap; i++)
		if (old[i].text)
			*find(t, old[i].text, old[i].len, old[i].hash) = old[i];
}

const char *intern_bytes(struct intern *t, const char *s, size_t n)
{
	uint64_t hash = hash_of(s, n);
	struct name *e;

	if ((t->len + 1) * 4 > t->cap * 3)
		grow(t);
	e = find(t, s, n, hash);
	if (!e->text) {
		*e = (struct name){ arena_strndup(t->arena, s, n), n, hash };
		t->len++;
	}
	return e->text;
}

const char *intern_str(struct intern *t, const char *s)
{
	return intern_bytes(t, s, strlen(s));
}
