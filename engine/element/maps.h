/* SPDX-License-Identifier: Apache-2.0 */
/* pkg-map files. Only element/ sees them. */
#ifndef IMAGEBUILD_ELEMENT_MAPS_H
#define IMAGEBUILD_ELEMENT_MAPS_H

#include "element/private.h"

struct json_value;

/* The table of the file PATH (absolute), in A; NULL where there is no such file. */
int pkg_map_read(const char *path, struct arena *a, const struct json_value **ret_table,
		 struct ib_error *err);
/* Maps one name as `pkg-map --missing-ok` does (default, family, distro, release). Appends to
 * ret_names: none for "", several for "a b"; NAME itself where TABLE (may be NULL) has it not. */
void pkg_map_names(const struct json_value *table, const char *name, const char *distro,
		   const char *release, struct arena *a, struct str_vec *ret_names);

#endif
