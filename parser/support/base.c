/* SPDX-License-Identifier: Apache-2.0 */
/* The heap functions that cannot fail, and names of files. */
#include <imagebuild/base.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *ib_xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		ib_oom();
	return p;
}

void *ib_xrealloc(void *p, size_t size)
{
	void *q = realloc(p, size ? size : 1);

	if (!q)
		ib_oom();
	return q;
}

char *ib_xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(ib_xmalloc(n), s, n);
}

char *ib_xprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		ib_oom();
	return text;
}

const char *ib_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
