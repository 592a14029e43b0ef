/* SPDX-License-Identifier: Apache-2.0 */
/* YAML 1.1 and JSON documents as one tree with spans; the one user of libyaml. Scalars stay text
 * (dib reads `8E00` as a string); anchors, tags and a second document are refused with their place.
 * Depth <= 64, nodes <= 1 000 000. */
#ifndef IMAGEBUILD_YAML_H
#define IMAGEBUILD_YAML_H

#include <imagebuild/diag.h>
#include <imagebuild/vec.h>

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	struct ib_span at;
	const char *text;		/* SCALAR */
	bool is_plain;			/* SCALAR: unquoted */
	const char *key;		/* in a map */
	struct ib_span key_at;
	struct yaml_node *children, *next; /* LIST items, MAP values, in order */
};

/* Parses the text of SPAN. NULL when DIAG (id BAD_ELEMENT_FILE) has the error; an empty document is
 * a NULL node of kind YAML_NULL. */
const struct yaml_node *yaml_parse(struct arena *a, const struct ib_sources *sources, struct ib_span span,
				   struct ib_diag *diag);
/* The value of KEY in a MAP, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
