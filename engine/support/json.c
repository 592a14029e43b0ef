/* SPDX-License-Identifier: Apache-2.0 */
/* jansson's values, copied into an arena. jansson has enumerators of our names: they are renamed
 * while its header is read. */
#define JSON_NULL JANSSON_NULL
#define JSON_STRING JANSSON_STRING
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef JSON_NULL
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

#include "support/json.h"

#include <string.h>

static struct json_value *copy(struct arena *a, json_t *from);

static void copy_items(struct arena *a, const json_t *from, struct json_value *to)
{
	struct json_value **tail = &to->children;

	for (size_t i = 0; i < json_array_size(from); i++) {
		*tail = copy(a, json_array_get(from, i));
		tail = &(*tail)->next;
	}
}

static void copy_members(struct arena *a, json_t *from, struct json_value *to)
{
	struct json_value **tail = &to->children;

	for (void *i = json_object_iter(from); i; i = json_object_iter_next(from, i)) {
		*tail = copy(a, json_object_iter_value(i));
		(*tail)->key = arena_strdup(a, json_object_iter_key(i));
		tail = &(*tail)->next;
	}
}

static int64_t whole(double number)
{
	if (number >= -0x1p63 && number < 0x1p63)
		return (int64_t)number;
	return number < 0 ? INT64_MIN : INT64_MAX;
}

/* jansson has bounded the depth (2048). */
static struct json_value *copy(struct arena *a, json_t *from)
{
	struct json_value *to = arena_alloc(a, sizeof(*to));

	switch (json_typeof(from)) {
	case JANSSON_OBJECT:
		to->kind = JSON_OBJECT;
		copy_members(a, from, to);
		break;
	case JANSSON_ARRAY:
		to->kind = JSON_ARRAY;
		copy_items(a, from, to);
		break;
	case JANSSON_STRING:
		to->kind = JSON_STRING;
		to->text = arena_strndup(a, json_string_value(from), json_string_length(from));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		to->kind = JSON_NUMBER;
		to->number = json_is_integer(from) ? json_integer_value(from)
						   : whole(json_real_value(from));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		to->kind = JSON_BOOL;
		to->number = json_is_true(from);
		break;
	case JANSSON_NULL:
		to->kind = JSON_NULL;
		break;
	}
	return to;
}

const struct json_value *json_parse(struct arena *a, const char *text, size_t n, size_t *ret_offset,
				    const char **ret_why)
{
	json_error_t error;
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	const struct json_value *value;

	if (!root) {
		if (ret_offset)
			*ret_offset = error.position > 0 ? (size_t)error.position : 0;
		if (ret_why)
			*ret_why = arena_strdup(a, error.text);
		return NULL;
	}
	value = copy(a, root);
	json_decref(root);
	return value;
}

const struct json_value *json_get(const struct json_value *object, const char *key)
{
	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json_value *v = object->children; v; v = v->next)
		if (strcmp(v->key, key) == 0)
			return v;
	return NULL;
}
