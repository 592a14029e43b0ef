/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for what is compiled: zeroed, 64 KiB blocks, freed all at once. Never returns NULL. */
#ifndef IMAGEBUILD_ARENA_H
#define IMAGEBUILD_ARENA_H

#include <imagebuild/base.h>
#include <stdarg.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is allowed */
/* SIZE bytes of zeros, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of the N bytes at S with a NUL behind them. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) IB_PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) IB_PRINTF(2, 0);
/* PATH up to its last slash, without it: "." where there is none, "/" where that is the first byte. */
const char *arena_dir_name(struct arena *a, const char *path);

static inline void ib_cleanup_arena(struct arena **a)
{
	arena_free(*a);
}
#define cleanup_arena __attribute__((cleanup(ib_cleanup_arena)))

#endif
