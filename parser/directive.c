/* SPDX-License-Identifier: Apache-2.0 */
/* The table of instructions, and what to suggest for a word that is not in it. */
#include "directive.h"

#include <imagebuild/diag.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MANY UINT32_MAX
#define HEREDOC TRAIT_HEREDOC
#define JSON TRAIT_JSON
#define EARLY TRAIT_EARLY
#define PARTS TRAIT_PARTS
#define WHOLE TRAIT_WHOLE
#define STEP TRAIT_STEP
#define REFUSED TRAIT_REFUSED

const struct directive directives[DIRECTIVES] = {
#define DIRECTIVE(keyword, shape, fewest, most, traits, flags, takes) \
	{ D_##keyword, #keyword, SHAPE_##shape, (fewest), (most), (traits), (flags), (takes) },
#include "directives.def"
#undef DIRECTIVE
};

enum { NAME_MAX_LEN = 40 };

const struct directive *directive_find(const char *name, size_t n)
{
	for (size_t i = 0; i < DIRECTIVES; i++) {
		const char *k = directives[i].keyword;

		if (strlen(k) == n && strncasecmp(k, name, n) == 0)
			return &directives[i];
	}
	return NULL;
}

const struct directive *directive_suggest(const char *name, size_t n)
{
	const char *words[DIRECTIVES];
	char upper[NAME_MAX_LEN];
	const char *best;

	if (n >= sizeof(upper))
		return NULL;
	for (size_t i = 0; i < n; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	upper[n] = '\0';
	for (size_t i = 0; i < DIRECTIVES; i++)
		words[i] = directives[i].keyword;
	best = ib_suggest(upper, words, DIRECTIVES);
	return best ? directive_find(best, strlen(best)) : NULL;
}

int directive_flag(const struct directive *d, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = d->flags; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n + 1 && strncmp(p, name, n) == 0)
			return (unsigned char)p[n];
		p += len;
	}
	return 0;
}

size_t directive_flags(const struct directive *d, struct arena *a, const char **ret_flags)
{
	size_t count = 0;

	for (const char *p = d->flags; *p && count < DIRECTIVE_FLAGS; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		ret_flags[count++] = arena_printf(a, "--%.*s", (int)len - 1, p);
		p += len;
	}
	return count;
}
