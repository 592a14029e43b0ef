/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of element/ share and nobody else sees. */
#ifndef IMAGEBUILD_ELEMENT_PRIVATE_H
#define IMAGEBUILD_ELEMENT_PRIVATE_H

#include "element/element.h"

#include <imagebuild/intern.h>
#include <imagebuild/recipe.h>

/* Bounds of what an element's files may hold. */
#define ELEMENT_FILE_MAX (1u << 20)
#define ELEMENT_DEPTH_MAX 32
#define ELEMENTS_MAX 1000     /* of a stage */
#define FRAGMENT_OPS_MAX 9999 /* the names of its steps have four digits */
#define FRAGMENTS_MAX 64      /* that need each other in a row */

struct elements {
	struct arena *arena;
	struct intern *names;
	struct ib_sources *sources;       /* borrowed */
	const struct ib_options *options; /* borrowed */
	const char *context;              /* directory that ./PATH is relative to */
	const char *own_library;          /* NULL where ours is not installed */
	struct str_vec dirs;
	struct map known; /* name -> struct known * */
	struct map paths; /* real path of a ./PATH -> struct known * */
	struct {
		struct ib_recipe **items;
		size_t len, cap;
	} recipes;          /* of fragments */
	struct str_vec all; /* names, sorted once all directories are listed */
	const char *path;
	const char *shadowed_bootloader;
};

struct known;
struct known_vec VEC(struct known *);

/* An element of the path; its files are read on first use. */
struct known {
	struct element element;
	bool is_read;
	const char *file;        /* of a fragment: its Imagefile, a real path; else NULL */
	struct ib_span text;     /* of FILE, once it is read */
	struct map compiled;     /* what a scope holds -> struct known *, the fragment in it */
	struct known_vec locals; /* of a compiled one: what its ELEMENT ./PATH name */
	bool is_broken;          /* its errors are reported */
};

/* The element in DIR (a real path), known by no name of the path. */
struct known *known_new(struct elements *e, const char *name, const char *dir);
/* fragment.c: the name of the fragment in FILE, by its spelling; NULL where that is none. */
const char *fragment_stem(struct arena *a, const char *file);
/* What the text of a fragment can depend on, interned. */
const char *scope_key(struct elements *e, const struct element_scope *scope);
/* K, compiled for SCOPE where it is a fragment. BY is what asked for it. */
struct known *fragment_compile(struct elements *e, struct known *k,
			       const struct element_scope *scope, struct ib_span by,
			       struct ib_diag *diag);
/* The line of fragment K that names the element NAME; nowhere where it has none. */
struct ib_span fragment_dep_span(const struct known *k, const char *name);
/* The element or fragment at PATH below the directory ROOT; NULL where it was reported. */
struct known *path_find(struct elements *e, const char *root, const char *path, struct ib_span at,
			struct ib_diag *diag);
/* Reads its files; what cannot be read goes to DIAG, which may be NULL. */
void known_read(struct elements *e, struct known *k, struct ib_diag *diag);

/* The whole text of DIR/NAME, or NULL where there is no such file; ERR is set where it cannot be
 * read. */
char *element_file(const char *dir, const char *name, size_t *ret_len, struct ib_error *err);
/* PATH as people see it: relative where it lies below the working directory. */
const char *path_shown(const char *path);
/* Sorts by bytes and drops duplicates. */
void str_vec_sort(struct str_vec *v);

#endif
