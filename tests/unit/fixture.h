/* SPDX-License-Identifier: Apache-2.0 */
/* Elements in a temporary directory, and a stage that names some of them. */
#ifndef IMAGEBUILD_FIXTURE_H
#define IMAGEBUILD_FIXTURE_H

#include "element/element.h"

#include <imagebuild/error.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct fixture {
	char dir[64];
	struct arena *arena;
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct ib_options options;
	struct elements *elements;
	struct ib_stage stage;
	struct element_set set;
	struct hooks hooks;
	struct buf said;
};

/* Writes DIR/PATH; directories on the way are made. */
static inline void fixture_write(const struct fixture *f, const char *path, mode_t mode,
				 const char *text)
{
	char *full = arena_printf(f->arena, "%s/%s", f->dir, path);

	for (char *p = full + strlen(f->dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		(void)mkdir(full, 0755);
	}
	{
		cleanup_fd int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
		    fchmod(fd, mode) < 0)
			abort();
	}
}

/* The program's own elements are hidden: only what the test writes below lib/ counts. */
static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->dir, "/tmp/imagebuild-unit-XXXXXX");
	if (!mkdtemp(f->dir))
		abort();
	f->arena = arena_new();
	f->sources = ib_sources_new();
	f->diag = ib_diag_new(f->sources);
	(void)mkdir(arena_printf(f->arena, "%s/lib", f->dir), 0755);
	(void)setenv("IMAGEBUILD_DATA_DIR", f->dir, 1);
	f->options.file = arena_printf(f->arena, "%s/Imagefile", f->dir);
	f->options.source_date_epoch = -1;
	vec_push(f->arena, &f->options.element_path, arena_printf(f->arena, "%s/lib", f->dir));
}

static inline int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fixture_release(struct fixture *f)
{
	ib_elements_free(f->elements);
	ib_diag_free(f->diag);
	ib_sources_free(f->sources);
	buf_release(&f->said);
	(void)nftw(f->dir, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(f->arena);
}

/* "os", from "lib/os/element-provides" "operating-system". */
static inline void fixture_os(struct fixture *f)
{
	fixture_write(f, "lib/os/element-provides", 0644, "operating-system\n");
}

/* FROM the first of WORDS (separated by blanks), ELEMENT the others; resolves them. */
static inline int fixture_resolve(struct fixture *f, const char *words, const char *provided)
{
	struct ib_error err = IB_ERROR_INIT;
	struct element_request request = { .stage = &f->stage,
					   .scope = { &f->stage.env, "amd64" } };
	char *text = arena_strdup(f->arena, words), *word;
	struct ib_span span;

	if (!f->elements && ib_elements_open(&f->options, f->sources, &f->elements, &err) < 0)
		abort();
	if (ib_sources_add(f->sources, "Imagefile", words, strlen(words), &span, &err) < 0)
		abort();
	f->stage = (struct ib_stage){ .at = span };
	while ((word = strsep(&text, " "))) {
		struct ib_op op = { .code = f->stage.ops.len ? IB_OP_ELEMENT : IB_OP_BASE,
				    .at = span,
				    .phase = IB_PHASE_NONE };

		if (op.code == IB_OP_BASE)
			op.base = (struct ib_op_base){ .kind = IB_BASE_ELEMENT, .name = word };
		else
			op.element.name = word;
		vec_push(f->arena, &f->stage.ops, op);
	}
	if (provided)
		vec_push(f->arena, &request.provided, provided);
	f->set = (struct element_set){ .members = { NULL, 0, 0 } };
	return elements_resolve(f->elements, &request, f->arena, &f->set, f->diag);
}

/* The members' names, joined with blanks. */
static inline const char *fixture_members(struct fixture *f)
{
	buf_reset(&f->said);
	vec_foreach (const struct element *, e, &f->set.members)
		buf_printf(&f->said, "%s%s", f->said.len ? " " : "", (*e)->name);
	return f->said.data ? f->said.data : "";
}

/* Everything that was found wrong. */
static inline const char *fixture_said(struct fixture *f)
{
	buf_reset(&f->said);
	buf_str(&f->said, "");
	ib_diag_render(f->diag, &f->said, false);
	return f->said.data ? f->said.data : "";
}

#define cleanup_fixture __attribute__((cleanup(fixture_release)))

#endif
