/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes that parse, formatted: what was read stays the same but for its places, and formatting
 * again changes nothing. */
#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The tree without places, and without the comments above instructions, which lose blanks. */
static void add_tree(const struct buf *dump, struct buf *out)
{
	for (const char *line = dump->data, *end; line && *line; line = *end ? end + 1 : end) {
		const char *what = line + strspn(line, " "), *stop;

		end = strchrnul(line, '\n');
		stop = *line == ' ' ? end : memmem(line, (size_t)(end - line), " \"", 2);
		what += strspn(what, "0123456789:");
		buf_add(out, what, (size_t)((stop ? stop : end) - what));
		buf_char(out, '\n');
	}
}

static bool format(const void *data, size_t n, struct buf *ret_text, struct buf *ret_tree)
{
	cleanup_fd int fd = memfd_create("recipe", MFD_CLOEXEC);
	cleanup_free char *path = ib_xprintf("/proc/self/fd/%d", fd);
	cleanup_buf struct buf dump = BUF_INIT;
	struct ib_options options = { .file = path, .directory = "/" };
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct ib_error err = IB_ERROR_INIT;
	struct ib_recipe *r = NULL;
	bool is_done = write(fd, data, n) == (ssize_t)n &&
		       ib_recipe_open(&options, NULL, sources, diag, &r, &err) == 0 &&
		       ib_recipe_format(r, ret_text) == 0;

	if (is_done)
		ib_recipe_dump_ast(r, &dump);
	add_tree(&dump, ret_tree);
	ib_recipe_free(r);
	ib_diag_free(diag);
	ib_sources_free(sources);
	return is_done;
}

static void expect_same(const struct buf *once, const struct buf *twice, const char *what)
{
	if (once->len == twice->len && strncasecmp(once->data, twice->data, once->len) == 0)
		return;
	(void)fprintf(stderr, "%s changed from\n%s\nto\n%s\n", what, once->data, twice->data);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_buf struct buf once = BUF_INIT, twice = BUF_INIT, before = BUF_INIT,
			       after = BUF_INIT;

	if (!format(data, n, &once, &before))
		return 0;
	if (!format(once.data, once.len, &twice, &after)) {
		(void)fprintf(stderr, "does not parse:\n%s\n", once.data);
		abort();
	}
	expect_same(&once, &twice, "the text");
	expect_same(&before, &after, "the tree");
	return 0;
}
