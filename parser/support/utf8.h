/* SPDX-License-Identifier: Apache-2.0 */
/* Private to parser/: well-formed UTF-8 (RFC 3629). */
#ifndef IMAGEBUILD_UTF8_H
#define IMAGEBUILD_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character at S, of which N bytes may be read; 0: there is none. */
size_t utf8_len(const char *s, size_t n);

#endif
