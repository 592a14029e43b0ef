/* SPDX-License-Identifier: Apache-2.0 */
/* An element whose files are any bytes becomes a fragment that the front end accepts. A byte 0 ends a file. */
#include "convert/convert.h"
#include "fuzz/parts.h"

#include <imagebuild/recipe.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const files[] = { "element-deps",	    "element-provides",	   "package-installs.yaml",
				     "environment.d/10-e",  "source-repository-e", "install.d/50-e",
				     "package-installs.json", "README.rst" };

static void check_recipe(struct fixture *f, const struct convert_file *file)
{
	const struct ib_pair_vec none = { NULL, 0, 0 };
	struct ib_options options = { .file = file->path, .context = f->dir };
	struct ib_vocab vocab = { .arch = "amd64" };
	struct ib_error err = IB_ERROR_INIT;
	struct ib_recipe *r;
	struct ib_span span;

	if (ib_sources_add(f->sources, file->path, file->data, file->len, &span, &err) < 0)
		abort();
	r = ib_fragment_open(&options, &vocab, f->sources, f->diag, span, &none);
	if (ib_recipe_compile(r) < 0)
		abort();
	ib_recipe_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ib_error err = IB_ERROR_INIT;
	struct fixture f;
	struct convert_job j;

	fixture_init(&f);
	fixture_write(&f, "lib/e/element-provides", 0644, "");
	write_parts(&f, files, ARRAY_SIZE(files), (const char *)data, n);
	j = (struct convert_job){
		.arena = f.arena, .sources = f.sources, .diag = f.diag, .options = &f.options
	};
	if (convert_element(&j, arena_printf(f.arena, "%s/lib/e", f.dir), &err) == 0)
		vec_foreach (struct convert_file, file, &j.files)
			if (file->data && S_ISREG(file->mode))
				check_recipe(&f, file);
	ib_diag_render(f.diag, &f.said, false);
	fixture_release(&f);
	return 0;
}
