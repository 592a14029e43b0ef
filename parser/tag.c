/* SPDX-License-Identifier: Apache-2.0 */
/* The names of container images: [HOST[:PORT]/]NAME[/NAME...]:TAG, as registries take them. */
#include "front.h"

#include <ctype.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { NAME_MAX_BYTES = 255, TAG_MAX_BYTES = 128 };

/* Between the words of a part: '.', '_', '__' or any number of '-'. */
static size_t separator(const char *s)
{
	size_t dashes = strspn(s, "-");

	if (dashes)
		return dashes;
	return *s == '.' ? 1 : strspn(s, "_") <= 2 ? strspn(s, "_") : 0;
}

/* Whether S[0..N) is words of lower case and digits, and separators between them. */
static bool is_part(const char *s, size_t n)
{
	size_t at = 0;

	for (;;) {
		size_t word = strspn(s + at, LOWER), between;

		at += word;
		if (word == 0 || at >= n)
			return word && at == n;
		between = separator(s + at);
		if (between == 0)
			return false;
		at += between;
	}
}

/* The first part is a host where it has a dot, a port or upper case, or is localhost. */
static bool is_host(const char *s, size_t n)
{
	size_t name = strspn(s, LOWER UPPER ".-");
	size_t port = s[name] == ':' ? strspn(s + name + 1, "0123456789") : 0;
	bool is_marked =
		port || strcspn(s, "." UPPER) < n || (n == 9 && strncmp(s, "localhost", 9) == 0);

	return is_marked && name && isalnum((unsigned char)s[0]) &&
	       isalnum((unsigned char)s[name - 1]) && name + (port ? port + 1 : 0) == n;
}

static const char *name_problem(const char *s, size_t n)
{
	size_t at = 0;

	if (n == 0)
		return "the name is empty";
	if (n > NAME_MAX_BYTES)
		return "the name has more than 255 bytes";
	while (at <= n) {
		size_t part = strcspn(s + at, "/");
		bool is_last = at + part >= n;

		if (is_last)
			part = n - at;
		if (!is_part(s + at, part) && (at > 0 || is_last || !is_host(s, part)))
			return "the name is lower case letters and digits, with . _ __ - between "
			       "them";
		at += part + 1;
	}
	return NULL;
}

const char *tag_problem(const char *text)
{
	const char *slash = strrchr(text, '/');
	const char *colon = strchr(slash ? slash : text, ':');
	size_t n;

	if (!colon)
		return "the tag is missing";
	n = strspn(colon + 1, LOWER UPPER "_.-");
	if (n == 0 || colon[1] == '.' || colon[1] == '-' || colon[1 + n])
		return "the tag is letters, digits and _ . -, and starts with none of . -";
	if (n > TAG_MAX_BYTES)
		return "the tag has more than 128 bytes";
	return name_problem(text, (size_t)(colon - text));
}
