/* SPDX-License-Identifier: Apache-2.0 */
/* pkg-map by path, for the recipe's own file. Only element/ sees it. */
#ifndef IMAGEBUILD_ELEMENT_MAPS_H
#define IMAGEBUILD_ELEMENT_MAPS_H

#include "element/private.h"

/* As pkg_map_lookup; PATH is absolute and may not exist. */
int pkg_map_file_lookup(const char *path, const char *name, const char *distro, const char *release,
			struct arena *a, struct str_vec *ret_names, struct ib_error *err);

#endif
