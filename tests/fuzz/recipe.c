/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a recipe: compiled, and the findings rendered. */
#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The same text as a stage's element. */
static void compile_fragment(const struct ib_options *options, struct ib_sources *sources,
			     struct ib_diag *diag, struct buf *out)
{
	struct ib_pair pairs[] = { { .key = "A", .value = "b c" }, { .key = "B", .value = "" } };
	struct ib_pair_vec env = { pairs, 2, 2 };
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span text;
	struct ib_recipe *r;

	if (ib_sources_read(sources, options->file, &text, &err) < 0)
		return;
	r = ib_fragment_open(options, NULL, sources, diag, text, &env);
	if (ib_recipe_compile(r) == 0)
		ib_ir_dump(ib_recipe_ir(r), sources, out);
	ib_recipe_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_fd int fd = memfd_create("recipe", MFD_CLOEXEC);
	cleanup_free char *path = ib_xprintf("/proc/self/fd/%d", fd);
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_options options = { .file = path, .directory = "/" };
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_error err = IB_ERROR_INIT;
	struct ib_recipe *r = NULL;

	if (write(fd, data, n) == (ssize_t)n &&
	    ib_recipe_open(&options, NULL, sources, diag, &r, &err) == 0 &&
	    ib_recipe_compile(r) == 0)
		ib_ir_dump(ib_recipe_ir(r), sources, &out);
	compile_fragment(&options, sources, diag, &out);
	ib_diag_render(diag, &out, false);
	ib_recipe_free(r);
	ib_diag_free(diag);
	ib_sources_free(sources);
	return 0;
}
