/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as .imageignore, the first line as the path that is asked for. */
#include "plan/private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_arena struct arena *a = arena_new();
	const uint8_t *end = memchr(data, '\n', n);
	size_t len = end ? (size_t)(end - data) : 0;
	const char *path = arena_strndup(a, (const char *)data, len);
	struct str_vec patterns = { 0 };

	ignore_parse(a, (const char *)data + len, n - len, &patterns);
	(void)ignore_matches(&patterns, path);
	return 0;
}
