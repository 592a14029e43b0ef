/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer. Every value begins with begin(), which owes the comma, the line and the key. */
#include <imagebuild/jsonout.h>

#include <imagebuild/utf8.h>

#include <inttypes.h>
#include <string.h>

static void indent(struct jsonout *j)
{
	if (j->is_compact)
		return;
	buf_char(j->out, '\n');
	for (int i = 0; i < j->depth; i++)
		buf_str(j->out, "  ");
}

static void quote(struct buf *out, const char *s, size_t n)
{
	static const char escapes[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	buf_char(out, '"');
	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		unsigned char c = (unsigned char)s[i];
		const char *e =
			c && (c < 0x20 || c == '"' || c == '\\') ? strchr(escapes, c) : NULL;

		len = utf8_len(s + i, n - i);
		if (e)
			buf_printf(out, "\\%c", e[1]);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else if (len)
			buf_add(out, s + i, len);
		else
			buf_str(out, "\xef\xbf\xbd");
	}
	buf_char(out, '"');
}

static void begin(struct jsonout *j, const char *key)
{
	if (j->needs_comma)
		buf_char(j->out, ',');
	if (j->depth)
		indent(j);
	if (key) {
		quote(j->out, key, strlen(key));
		buf_str(j->out, j->is_compact ? ":" : ": ");
	}
	j->needs_comma = j->depth > 0;
}

static void open(struct jsonout *j, const char *key, char c)
{
	begin(j, key);
	buf_char(j->out, c);
	j->depth++;
	j->needs_comma = false;
}

static void end(struct jsonout *j, char c)
{
	j->depth--;
	if (j->needs_comma)
		indent(j);
	buf_char(j->out, c);
	j->needs_comma = j->depth > 0;
	if (j->depth == 0)
		buf_char(j->out, '\n');
}

void json_object(struct jsonout *j, const char *key)
{
	open(j, key, '{');
}

void json_object_end(struct jsonout *j)
{
	end(j, '}');
}

void json_array(struct jsonout *j, const char *key)
{
	open(j, key, '[');
}

void json_array_end(struct jsonout *j)
{
	end(j, ']');
}

void json_bytes(struct jsonout *j, const char *key, const char *value, size_t n)
{
	begin(j, key);
	quote(j->out, value, n);
}

void json_str(struct jsonout *j, const char *key, const char *value)
{
	if (value) {
		json_bytes(j, key, value, strlen(value));
		return;
	}
	begin(j, key);
	buf_str(j->out, "null");
}

void json_u64(struct jsonout *j, const char *key, uint64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%" PRIu64, value);
}

void json_i64(struct jsonout *j, const char *key, int64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%" PRId64, value);
}

void json_bool(struct jsonout *j, const char *key, bool value)
{
	begin(j, key);
	buf_str(j->out, value ? "true" : "false");
}
