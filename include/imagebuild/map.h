/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing from an interned pointer to a pointer. In an arena; zero-initialise it. */
#ifndef IMAGEBUILD_MAP_H
#define IMAGEBUILD_MAP_H

#include <imagebuild/arena.h>

struct map_entry {
	const char *key;
	void *value;
};

struct map {
	struct map_entry *slots;
	size_t len, cap;
};

/* The slot of KEY, made with a NULL value where there was none. Valid until the next map_put. */
void **map_put(struct arena *a, struct map *m, const char *key);
/* The value of KEY, NULL if it has none. */
void *map_get(const struct map *m, const char *key);

#endif
