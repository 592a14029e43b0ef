/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of element/ share and nobody else sees. */
#ifndef IMAGEBUILD_ELEMENT_PRIVATE_H
#define IMAGEBUILD_ELEMENT_PRIVATE_H

#include "element/element.h"

#include <imagebuild/intern.h>

/* Bounds of what an element's files may hold. */
#define ELEMENT_FILE_MAX (1u << 20)
#define ELEMENT_DEPTH_MAX 32

struct elements {
	struct arena *arena;
	struct intern *names;
	struct ib_sources *sources; /* borrowed */
	const char *context;        /* directory that ./PATH is relative to */
	const char *own_library;    /* NULL where ours is not installed */
	struct str_vec dirs;
	struct map known;   /* name -> struct known * */
	struct str_vec all; /* names, sorted once all directories are listed */
	const char *path;
	const char *shadowed_bootloader;
};

/* An element of the path; its files are read on first use. */
struct known {
	struct element element;
	bool is_read;
};

/* The element in DIR (a real path), known by no name of the path. */
struct known *known_new(struct elements *e, const char *name, const char *dir);
/* Reads its files; what cannot be read goes to DIAG, which may be NULL. */
void known_read(struct elements *e, struct known *k, struct ib_diag *diag);

/* The whole text of DIR/NAME, or NULL where there is no such file; ERR is set where it cannot be
 * read. */
char *element_file(const char *dir, const char *name, size_t *ret_len, struct ib_error *err);
/* Sorts by bytes and drops duplicates. */
void str_vec_sort(struct str_vec *v);
bool str_vec_has(const struct str_vec *v, const char *s);

#endif
