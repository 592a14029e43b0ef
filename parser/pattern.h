/* SPDX-License-Identifier: Apache-2.0 */
/* Shell patterns for ${name#p} and its relatives: '*', '?' (one character) and '\' before a
 * literal. No
 * [...], as in a Dockerfile. */
#ifndef IMAGEBUILD_PATTERN_H
#define IMAGEBUILD_PATTERN_H

#include <imagebuild/buf.h>

enum {
	PATTERN_LIMIT = 1024
}; /* bytes: a search takes that times the length of the value at most */

/* Length of the shortest or longest prefix (suffix) of the N bytes at S that PATTERN matches;
 * SIZE_MAX where there is none. */
size_t pattern_prefix(const char *pattern, const char *s, size_t n, bool is_longest);
size_t pattern_suffix(const char *pattern, const char *s, size_t n, bool is_longest);
/* Appends S with the first match, or all, replaced. */
void pattern_replace(const char *pattern, const char *s, size_t n, const char *with, bool is_all,
		     struct buf *out);

#endif
