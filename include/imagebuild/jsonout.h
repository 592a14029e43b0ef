/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON text: two blanks an indent level, keys in the order given, bytes that are not
 * UTF-8 as U+FFFD. Equal calls give equal bytes. */
#ifndef IMAGEBUILD_JSONOUT_H
#define IMAGEBUILD_JSONOUT_H

#include <imagebuild/buf.h>

struct jsonout {
	struct buf *out;
	int depth;
	bool needs_comma, is_compact; /* compact: one line, for event streams */
};

#define JSONOUT_INIT(buffer) { .out = (buffer) }

/* KEY is NULL inside an array and at the top. */
void json_object(struct jsonout *j, const char *key);
void json_object_end(struct jsonout *j);
void json_array(struct jsonout *j, const char *key);
void json_array_end(struct jsonout *j);
void json_str(struct jsonout *j, const char *key, const char *value); /* NULL prints null */
void json_bytes(struct jsonout *j, const char *key, const char *value, size_t n);
void json_u64(struct jsonout *j, const char *key, uint64_t value);
void json_i64(struct jsonout *j, const char *key, int64_t value);
void json_bool(struct jsonout *j, const char *key, bool value);

#endif
