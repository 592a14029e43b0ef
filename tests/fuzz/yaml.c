/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as YAML: read, and the findings rendered. */
#include "support/yaml.h"

#include <imagebuild/error.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_arena struct arena *a = arena_new();
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span;

	if (ib_sources_add(sources, "f.yaml", (const char *)data, n, &span, &err) == 0)
		(void)yaml_parse(a, sources, span, diag);
	ib_diag_render(diag, &out, true);
	ib_diag_free(diag);
	ib_sources_free(sources);
	return 0;
}
