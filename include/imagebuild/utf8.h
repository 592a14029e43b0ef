/* SPDX-License-Identifier: Apache-2.0 */
/* Well-formed UTF-8 (RFC 3629). */
#ifndef IMAGEBUILD_UTF8_H
#define IMAGEBUILD_UTF8_H

#include <imagebuild/buf.h>

/* Bytes of the well-formed character at S, of which N bytes may be read; 0: there is none. */
size_t utf8_len(const char *s, size_t n);
/* Characters in the N bytes at S; a byte that belongs to none counts as one. */
size_t utf8_count(const char *s, size_t n);
/* Appends the N bytes at S so that a terminal obeys none of them: control characters but the tab become '?', bytes
 * that are not UTF-8 U+FFFD. */
void utf8_visible(struct buf *out, const char *s, size_t n);

#endif
