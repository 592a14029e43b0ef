/* SPDX-License-Identifier: Apache-2.0 */
/* Reads requests, one a line of element names, and prints for each the sorted members of its
 * closure, or "fail" and the first line of what was said. */
#include "element/element.h"

#include <imagebuild/error.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_members(const void *a, const void *b)
{
	const struct element *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* FROM the first of WORDS, ELEMENT the others. */
static void fill_stage(struct ib_stage *stage, char *words, struct ib_span at, struct arena *a)
{
	char *word;

	*stage = (struct ib_stage){ .at = at };
	while ((word = strsep(&words, " "))) {
		struct ib_op op = { .code = IB_OP_ELEMENT, .at = at, .phase = IB_PHASE_NONE };

		op.element.name = word;
		if (stage->ops.len == 0) {
			op.code = IB_OP_BASE;
			op.base = (struct ib_op_base){ .kind = IB_BASE_ELEMENT, .name = word };
		}
		vec_push(a, &stage->ops, op);
	}
}

static void print_members(struct element_set *set)
{
	qsort(set->members.items, set->members.len, sizeof(*set->members.items), compare_members);
	fputs("ok", stdout);
	vec_foreach (const struct element *, member, &set->members)
		printf(" %s", (*member)->name);
	putchar('\n');
}

static void print_error(struct ib_diag *diag)
{
	cleanup_buf struct buf said = BUF_INIT;
	const char *error;

	ib_diag_render(diag, &said, false);
	error = strstr(said.data, "error: ");
	printf("fail %.*s\n", (int)strcspn(error, "\n"), error);
}

static void resolve(struct elements *e, char *words, struct ib_sources *sources)
{
	struct ib_stage stage;
	struct element_request request = { .stage = &stage, .scope = { &stage.env, "amd64" } };
	struct element_set set = { .members = { NULL, 0, 0 } };
	struct ib_error err = IB_ERROR_INIT;
	struct arena *a = arena_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_span at;

	if (ib_sources_add(sources, "request", words, strlen(words), &at, &err) < 0)
		abort();
	fill_stage(&stage, words, at, a);
	if (elements_resolve(e, &request, a, &set, diag) == 0)
		print_members(&set);
	else
		print_error(diag);
	ib_diag_free(diag);
	arena_free(a);
}

/* The libraries, in their order, are the arguments. */
int main(int argc, char **argv)
{
	struct ib_options options = { .file = "Imagefile", .source_date_epoch = -1 };
	struct ib_sources *sources = ib_sources_new();
	struct ib_error err = IB_ERROR_INIT;
	struct elements *e;
	struct arena *a = arena_new();
	char line[4096];

	for (int i = 1; i < argc; i++)
		vec_push(a, &options.element_path, argv[i]);
	if (ib_elements_open(&options, sources, &e, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		resolve(e, line, sources);
	}
	ib_elements_free(e);
	arena_free(a);
	ib_sources_free(sources);
	return 0;
}
