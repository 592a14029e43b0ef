/* SPDX-License-Identifier: Apache-2.0 */
/* Shell patterns over file names, as COPY and .imageignore have them (Go's path/filepath.Match, and
 * "**" as .dockerignore has it). Time is at most the pattern's length times the name's. */
#ifndef IMAGEBUILD_GLOB_H
#define IMAGEBUILD_GLOB_H

#include <imagebuild/base.h>

/* '*' is any run, '?' a character (UTF-8), [a-z] and [^a-z] one of a class, '\' makes the next
 * literal. A pattern that is none (a class without its end) matches nothing. */
bool glob_match(const char *pattern, size_t n, const char *name, size_t len);
/* The same component by component; "**" is any number of components, one or more at the end. */
bool glob_match_path(const char *pattern, const char *path);
/* Whether there is anything to match by. */
bool glob_is_pattern(const char *text);

#endif
