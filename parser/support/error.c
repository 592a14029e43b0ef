/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the machine. The text is made in a buffer of its own, since an argument may point into
 * the error itself. */
#include <imagebuild/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void set(struct ib_error *err, int code, const char *text)
{
	err->code = code;
	err->hint[0] = '\0';
	(void)snprintf(err->text, sizeof(err->text), "%s", text);
}

/* Adds ": " and MORE as far as they fit. */
static void append(char *text, size_t size, const char *more)
{
	struct {
		const char *text;
		size_t len;
	} parts[] = { { ": ", 2 }, { more, strlen(more) } };
	size_t n = strlen(text);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t room = size - 1 - n, len = parts[i].len < room ? parts[i].len : room;

		memcpy(text + n, parts[i].text, len);
		n += len;
	}
	text[n] = '\0';
}

int ib_fail(struct ib_error *err, int code, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text, sizeof(text), strerror(code));
	set(err, code, text);
	return -code;
}

int ib_fail_text(struct ib_error *err, int code, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set(err, code, text);
	return -code;
}

int ib_wrap(struct ib_error *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(text, sizeof(text), err->text);
	memcpy(err->text, text, sizeof(text));
	return -err->code;
}

int ib_hint(struct ib_error *err, const char *fmt, ...)
{
	char hint[sizeof(err->hint)];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	memcpy(err->hint, hint, sizeof(hint));
	return -err->code;
}
