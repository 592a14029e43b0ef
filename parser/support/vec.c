/* SPDX-License-Identifier: Apache-2.0 */
/* The growth of vectors: doubled, copied; the old array stays in the arena. */
#include <imagebuild/vec.h>

#include <string.h>

void *ib_vec_grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size)
{
	size_t n = *cap ? *cap * 2 : 8;
	void *grown;

	if (n > SIZE_MAX / 2 / size)
		ib_oom();
	grown = arena_alloc(a, n * size);
	if (len)
		memcpy(grown, items, len * size);
	*cap = n;
	return grown;
}

bool str_among(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

bool str_vec_has(const struct str_vec *v, const char *word)
{
	return str_among(word, v->items, v->len);
}
