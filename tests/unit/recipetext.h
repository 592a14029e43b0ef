/* SPDX-License-Identifier: Apache-2.0 */
/* A text compiled as a recipe, for the tests of the front end. */
#ifndef IMAGEBUILD_RECIPETEXT_H
#define IMAGEBUILD_RECIPETEXT_H

#include "test.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <sys/mman.h>

struct compiled {
	struct ib_options options;
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct ib_recipe *recipe;
	struct buf said;        /* what is wrong, rendered */
	const struct ib_ir *ir; /* NULL where something is wrong */
	char path[40];
	int fd;
};

static void compiled_free(struct compiled *c)
{
	ib_recipe_free(c->recipe);
	ib_diag_free(c->diag);
	ib_sources_free(c->sources);
	buf_release(&c->said);
	(void)close(c->fd);
}
#define cleanup_compiled __attribute__((cleanup(compiled_free)))

static inline bool open_with(struct compiled *c, const struct ib_options *options, const char *text,
			     size_t n)
{
	struct ib_error err = IB_ERROR_INIT;

	*c = (struct compiled){ .fd = memfd_create("recipe", MFD_CLOEXEC) };
	(void)snprintf(c->path, sizeof(c->path), "/proc/self/fd/%d", c->fd);
	check(write(c->fd, text, n) == (ssize_t)n);
	c->options = options ? *options : (struct ib_options){ .source_date_epoch = -1 };
	c->options.file = c->path;
	c->sources = ib_sources_new();
	c->diag = ib_diag_new(c->sources);
	if (ib_recipe_open(&c->options, NULL, c->sources, c->diag, &c->recipe, &err) < 0) {
		test_fail(__FILE__, __LINE__, "%s", err.text);
		return false;
	}
	return true;
}

static inline void open_text(struct compiled *c, const char *text, size_t n)
{
	(void)open_with(c, NULL, text, n);
}

/* OPTIONS may be NULL; its file is the text's. */
static inline void compile_with(struct compiled *c, const struct ib_options *options,
				const char *text, size_t n)
{
	if (!open_with(c, options, text, n))
		return;
	(void)ib_recipe_compile(c->recipe);
	c->ir = ib_recipe_ir(c->recipe);
	ib_diag_render(c->diag, &c->said, false);
}

static inline void compile_bytes(struct compiled *c, const char *text, size_t n)
{
	compile_with(c, NULL, text, n);
}

static inline void compile(struct compiled *c, const char *text)
{
	compile_with(c, NULL, text, strlen(text));
}

/* The N-th op of CODE of the first stage; NULL where there is none. */
static inline const struct ib_op *op_of(const struct compiled *c, enum ib_opcode code, size_t n)
{
	if (!c->ir) {
		test_fail(__FILE__, __LINE__, "not compiled:\n%s", c->said.data);
		return NULL;
	}
	vec_foreach (struct ib_op, op, &c->ir->stages.items[0].ops) {
		if (op->code == code && n-- == 0)
			return op;
	}
	return NULL;
}

#endif
