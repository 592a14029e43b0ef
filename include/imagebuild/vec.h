/* SPDX-License-Identifier: Apache-2.0 */
/* Growable arrays in an arena. Declare each type once: struct u32_vec VEC(uint32_t); */
#ifndef IMAGEBUILD_VEC_H
#define IMAGEBUILD_VEC_H

#include <imagebuild/arena.h>

#define VEC(T) \
	{ \
		T *items; \
		size_t len, cap; \
	}

/* Grows ITEMS to hold one more of SIZE bytes; returns the array, which may have moved. */
void *ib_vec_grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size);

/* Appends VALUE; the address of the new element is the expression's value. */
#define vec_push(arena, v, value) \
	(*((v)->items = (v)->len < (v)->cap ? (v)->items \
					    : ib_vec_grow((arena), (v)->items, (v)->len, &(v)->cap, \
							  sizeof(*(v)->items)), \
	   &(v)->items[(v)->len++]) = (value))

/* for (T *it = first; it < end; it++); an empty vector may have no array to add to */
#define vec_foreach(T, it, v) for (T *it = (v)->items; it && it < (v)->items + (v)->len; it++)

struct u32_vec VEC(uint32_t);
struct str_vec VEC(const char *);

/* Whether WORD is one of WORDS (N of them). */
bool str_among(const char *word, const char *const *words, size_t n);
bool str_vec_has(const struct str_vec *v, const char *word);

#endif
