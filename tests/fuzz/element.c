/* SPDX-License-Identifier: Apache-2.0 */
/* An element whose files are any bytes: the plan of a recipe that uses it, printed with its keys. A
 * byte 0 ends a file. */
#include "plan/plan.h"
#include "fuzz/parts.h"

#include <imagebuild/recipe.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const files[] = {
	"element-deps",   "element-provides", "package-installs.yaml",     "environment.d/10-e",
	"pkg-map",        "svc-map",          "block-device-default.yaml", "source-repository-e",
	"install.d/50-e", "Imagefile"
};

static void print(struct fixture *f)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_recipe *recipe = NULL;
	struct plan *plan = NULL;

	if (ib_elements_open(&f->options, f->sources, &f->elements, &err) == 0 &&
	    ib_recipe_open(&f->options, NULL, f->sources, f->diag, &recipe, &err) == 0 &&
	    ib_recipe_compile(recipe) == 0 &&
	    ib_plan_new(ib_recipe_ir(recipe), &f->options, f->sources, f->elements, NULL, f->diag,
			&plan, &err) == 0) {
		ib_plan_emit(plan, NULL, false, &f->said);
		ib_plan_emit_keys(plan, &f->said);
		ib_plan_emit_layout(plan, &f->said);
		ib_plan_print(plan, NULL, &f->said);
	}
	ib_plan_free(plan);
	ib_recipe_free(recipe);
	ib_diag_render(f->diag, &f->said, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fixture f;

	fixture_init(&f);
	fixture_os(&f);
	f.options.store = f.options.directory = f.dir;
	f.options.source_date_epoch = 1700000000; /* else git is asked */
	fixture_write(&f, "lib/e/README", 0644, "");
	fixture_write(&f, "Imagefile", 0644,
		      "FROM os\nELEMENT e\nENV A=1\nPACKAGE a\nRUN true\nOUTPUT raw\n");
	write_parts(&f, files, ARRAY_SIZE(files), (const char *)data, n);
	print(&f);
	fixture_release(&f);
	return 0;
}
