/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `convert element` share: one element on its way to a fragment. Facts:
 * shared/design/element-contract.md, sections 2, 3 and 8. */
#ifndef IMAGEBUILD_CONVERT_ELEMENT_H
#define IMAGEBUILD_CONVERT_ELEMENT_H

#include "convert/private.h"

struct element_conversion {
	struct convert_job *job;
	const char *name; /* of the element */
	const char *dir;  /* absolute, real */
	struct str_vec deps;
	/* The fragment's parts, in this order, each instruction a line of its own or several. */
	struct buf names;
};

/* "NAME/PATH", as reports and results have it. */
const char *element_path(const struct element_conversion *c, const char *path);
/* The text of the element's file PATH, in the source map: -1 with ERR set. */
int element_read(struct element_conversion *c, const char *path, struct ib_span *ret_span, struct ib_error *err);
/* Keeps the file or directory PATH, with what is in it; WHY ("a hook in another language") is a note at AT, or NULL. */
int element_keep(struct element_conversion *c, const char *path, const char *why, struct ib_span at,
		 struct ib_error *err);

#endif
