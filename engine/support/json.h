/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON where YAML's tree will not do (records of the store); the one user of jansson. */
#ifndef IMAGEBUILD_JSON_H
#define IMAGEBUILD_JSON_H

#include <imagebuild/vec.h>

/* A parsed value: object members and array items are lists. */
enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_kind kind;
	const char *key;	/* in an object */
	const char *text;	/* STRING */
	int64_t number;		/* NUMBER (a fraction is cut off, bounds kept), BOOL */
	struct json_value *children, *next;
};

/* NULL when the text is not JSON; ret_offset (may be NULL) says at which byte. */
const struct json_value *json_parse(struct arena *a, const char *text, size_t n, size_t *ret_offset,
				    const char **ret_why);
const struct json_value *json_get(const struct json_value *object, const char *key);

#endif
