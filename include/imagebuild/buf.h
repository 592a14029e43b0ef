/* SPDX-License-Identifier: Apache-2.0 */
/* A growable run of bytes on the heap, always with a NUL behind it once something was added. */
#ifndef IMAGEBUILD_BUF_H
#define IMAGEBUILD_BUF_H

#include <imagebuild/base.h>
#include <stdarg.h>

struct buf {
	char *data;
	size_t len, cap;
};

#define BUF_INIT { NULL, 0, 0 }

void buf_release(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) IB_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) IB_PRINTF(2, 0);
/* Forgets the contents, keeps the memory. */
void buf_reset(struct buf *b);
/* The NUL-terminated contents, to be freed by the caller; the buffer is empty again. */
char *buf_take(struct buf *b);

#define cleanup_buf __attribute__((cleanup(buf_release)))

#endif
