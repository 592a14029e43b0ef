/* SPDX-License-Identifier: Apache-2.0 */
/* One copy of each name: equal strings have equal pointers, compared with ==. */
#ifndef IMAGEBUILD_INTERN_H
#define IMAGEBUILD_INTERN_H

#include <imagebuild/arena.h>

struct intern;

/* The table and its strings live in A. */
struct intern *intern_new(struct arena *a);
const char *intern_bytes(struct intern *t, const char *s, size_t n);
const char *intern_str(struct intern *t, const char *s);

#endif
