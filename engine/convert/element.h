/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `convert element` share: one element on its way to a fragment. Facts:
 * shared/design/element-contract.md, sections 2, 3 and 8. */
#ifndef IMAGEBUILD_CONVERT_ELEMENT_H
#define IMAGEBUILD_CONVERT_ELEMENT_H

#include "convert/private.h"

struct yaml_node;

struct element_conversion {
	struct convert_job *job;
	const char *name; /* of the element */
	const char *dir;  /* absolute, real */
	struct str_vec deps;
	/* The fragment's parts, in this order, each instruction a line of its own or several. */
	struct buf header, names, environment, packages, sources, hooks;
};

/* "NAME/PATH", as reports and results have it. */
const char *element_path(const struct element_conversion *c, const char *path);
/* The text of the element's file PATH, in the source map: -1 with ERR set. */
int element_read(struct element_conversion *c, const char *path, struct ib_span *ret_span, struct ib_error *err);
/* Keeps the file or directory PATH, with what is in it; WHY ("a hook in another language") is a note at AT, or NULL. */
int element_keep(struct element_conversion *c, const char *path, const char *why, struct ib_span at,
		 struct ib_error *err);
/* Whether NAME begins with two digits and '-', an order that a flag can say. */
bool element_has_order(const char *name);

/* Whether NAME comes along wherever the element does: through its element-deps and those of what they name, which lie
 * beside it or on the search path. */
bool element_needs(const struct element_conversion *c, const char *name);

/* Each reads PATH and adds its instructions, or keeps it as a file with a note that says why. 0, or -1 with ERR or the
 * job's diag set. */
int element_packages(struct element_conversion *c, const char *path, struct ib_error *err);
int element_environment(struct element_conversion *c, const char *path, struct ib_error *err);
int element_sources(struct element_conversion *c, const char *path, struct ib_error *err);
/* The first paragraph of a README as the fragment's header; one that says more is kept as well. */
int element_readme(struct element_conversion *c, const char *path, struct ib_error *err);
/* All of the directory of a phase: "install.d". */
int element_phase(struct element_conversion *c, enum ib_phase phase, const char *dir, struct ib_error *err);

#endif
