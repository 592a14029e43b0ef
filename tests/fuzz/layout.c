/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as dib's block device configuration: laid out, and printed where it is one. */
#include "block/block.h"

#include <imagebuild/error.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_arena struct arena *a = arena_new();
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_error err = IB_ERROR_INIT;
	struct layout_input input = { .arch = "amd64", .has_bootloader = true };

	if (ib_sources_add(sources, "f.yaml", (const char *)data, n, &input.yaml, &err) == 0) {
		struct layout *l = layout_new(&input, sources, a, diag);

		if (l)
			layout_emit(l, &out);
	}
	ib_diag_render(diag, &out, false);
	ib_diag_free(diag);
	ib_sources_free(sources);
	return 0;
}
