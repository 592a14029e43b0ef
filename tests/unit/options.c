/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line has to say to a recipe: build arguments, targets, the epoch. */
#include "recipetext.h"

static const char recipe[] = "ARG A=1 B\nFROM x AS one\nENV A_IS=${A} B_IS=${B:-none}\nOUTPUT raw\n"
			     "FROM x AS two\nENV AT=${SOURCE_DATE_EPOCH:-unknown}\n";

static const struct {
	const char *key, *value, *a, *b;
} builds[] = {
	{ "A", "2", "2", "none" },
	{ "B", "3", "1", "3" },
	{ "A", "", "", "none" },
};

TEST("a build argument beats the default and sets what has none")
{
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		struct ib_pair arg = { builds[i].key, builds[i].value, { 0, 0 } };
		struct ib_options options = { .build_args = { &arg, 1, 1 },
					      .source_date_epoch = -1 };
		cleanup_compiled struct compiled c = { .fd = -1 };
		const struct ib_op *op;

		compile_with(&c, &options, recipe, sizeof(recipe) - 1);
		op = op_of(&c, IB_OP_ENV, 0);
		check_str(op ? op->env.value : NULL, builds[i].a);
		op = op_of(&c, IB_OP_ENV, 1);
		check_str(op ? op->env.value : NULL, builds[i].b);
	}
}

TEST("a build argument that no ARG takes is an error")
{
	struct ib_pair args[] = { { "RELEASE", "x", { 0, 0 } }, { "A", "x", { 0, 0 } } };
	struct ib_options options = { .build_args = { args, 2, 2 }, .source_date_epoch = -1 };
	cleanup_compiled struct compiled c = { .fd = -1 };
	static const char near[] = "ARG RELAESE=1\nARG A\nFROM x\n";

	compile_with(&c, &options, near, sizeof(near) - 1);
	check_str(c.said.data, "error: --build-arg RELEASE: the recipe has no ARG RELEASE; did you "
			       "mean 'RELAESE'? [IB1206]\n");
}

TEST("an argument that stands behind a FROM that is left out counts as taken")
{
	struct ib_pair args[] = { { "KIND", "a", { 0, 0 } }, { "ONLY_B", "x", { 0, 0 } } };
	struct ib_options options = { .build_args = { args, 2, 2 }, .source_date_epoch = -1 };
	cleanup_compiled struct compiled c = { .fd = -1 };
	static const char text[] =
		"ARG KIND=a\nFROM --when=KIND=a x\nFROM --when=KIND=b x\nARG ONLY_B\n";

	compile_with(&c, &options, text, sizeof(text) - 1);
	check(!c.said.data);
}

TEST("the epoch expands where it is known")
{
	struct ib_options options = { .source_date_epoch = 1700000000 };
	cleanup_compiled struct compiled c = { .fd = -1 }, d = { .fd = -1 };

	compile_with(&c, &options, recipe, sizeof(recipe) - 1);
	check_str(c.ir ? c.ir->stages.items[1].env.items[0].value : NULL, "1700000000");
	compile(&d, recipe);
	check_str(d.ir ? d.ir->stages.items[1].env.items[0].value : NULL, "unknown");
}

TEST("the stages with an OUTPUT are made, or the targets, whose default is qcow2")
{
	const char *two = "TWO", *tow = "tow";
	struct ib_options options = { .targets = { &two, 1, 1 }, .source_date_epoch = -1 };
	cleanup_compiled struct compiled c = { .fd = -1 }, d = { .fd = -1 }, e = { .fd = -1 };
	const struct ib_stage *stage;

	compile(&c, recipe);
	check(c.ir && c.ir->stages.items[0].is_product && !c.ir->stages.items[1].is_product);
	compile_with(&d, &options, recipe, sizeof(recipe) - 1);
	check(d.ir && !d.ir->stages.items[0].is_product && d.ir->stages.items[1].is_product);
	stage = d.ir ? &d.ir->stages.items[1] : NULL;
	check_str(stage ? stage->ops.items[stage->ops.len - 1].output.formats.items[0].text : NULL,
		  "qcow2");
	options.targets.items = &tow;
	compile_with(&e, &options, recipe, sizeof(recipe) - 1);
	check_str(e.said.data,
		  "error: --target: unknown stage 'tow'; did you mean 'two'? [IB1202]\n");
}

TEST_MAIN()
