/* SPDX-License-Identifier: Apache-2.0 */
/* Linear probing over a power of two of slots, at most three quarters full. Keys are compared as
 * pointers; nothing is ever deleted. */
#include <imagebuild/map.h>

static struct map_entry *find(const struct map *m, const char *key)
{
	uint64_t hash = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15;

	for (size_t i = (hash >> 32) & (m->cap - 1);; i = (i + 1) & (m->cap - 1))
		if (!m->slots[i].key || m->slots[i].key == key)
			return &m->slots[i];
}

static void grow(struct arena *a, struct map *m)
{
	struct map_entry *old = m->slots;
	size_t cap = m->cap;

	m->cap = cap ? cap * 2 : 16;
	m->slots = arena_alloc(a, m->cap * sizeof(*m->slots));
	for (size_t i = 0; i < cap; i++)
		if (old[i].key)
			*find(m, old[i].key) = old[i];
}

void **map_put(struct arena *a, struct map *m, const char *key)
{
	struct map_entry *e;

	if ((m->len + 1) * 4 > m->cap * 3)
		grow(a, m);
	e = find(m, key);
	if (!e->key) {
		e->key = key;
		m->len++;
	}
	return &e->value;
}

void *map_get(const struct map *m, const char *key)
{
	return m->cap ? find(m, key)->value : NULL;
}
