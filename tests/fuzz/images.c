/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as image definitions or nodepool's images, and as a command line, which becomes a recipe. */
#include "convert/convert.h"

#include <imagebuild/error.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_arena struct arena *a = arena_new();
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_options options = { .file = "Imagefile" };
	struct ib_sources *sources = ib_sources_new();
	struct convert_job job = { .arena = a,
				   .sources = sources,
				   .diag = ib_diag_new(sources),
				   .options = &options };
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span text;

	if (ib_sources_add(sources, "f.yaml", (const char *)data, n, &text, &err) == 0 &&
	    !convert_check_images(&job, text))
		(void)convert_command_text(&job, arena_strndup(a, (const char *)data, n), NULL,
					   &err);
	ib_diag_render(job.diag, &out, false);
	ib_diag_free(job.diag);
	ib_sources_free(sources);
	return 0;
}
