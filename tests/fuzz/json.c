/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON; the offset of an error lies inside the text. */
#include "support/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_arena struct arena *a = arena_new();
	const char *why = NULL;
	size_t at = 0;

	if (!json_parse(a, (const char *)data, n, &at, &why) && (at > n || !why))
		abort();
	return 0;
}
