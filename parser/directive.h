/* SPDX-License-Identifier: Apache-2.0 */
/* The table of instructions (directives.def) and look-ups in it. */
#ifndef IMAGEBUILD_DIRECTIVE_H
#define IMAGEBUILD_DIRECTIVE_H

#include <imagebuild/arena.h>

#include <imagebuild/base.h>

enum shape { SHAPE_WORDS, SHAPE_TEXT, SHAPE_BLOCK };

enum directive_id {
#define DIRECTIVE(keyword, ...) D_##keyword,
#include "directives.def"
#undef DIRECTIVE
	DIRECTIVES
};

enum trait {
	TRAIT_HEREDOC = 1,
	TRAIT_JSON = 2,
	TRAIT_EARLY = 4,
	TRAIT_PARTS = 8,
	TRAIT_WHOLE = 16,
	TRAIT_STEP = 32,
	TRAIT_REFUSED = 64
};

enum flag_kind {
	FLAG_WORD = '=',
	FLAG_PHASE = '@',
	FLAG_ORDER = '#',
	FLAG_SWITCH = '?',
	FLAG_COND = '&',
	FLAG_WORDS = '+'
};

struct directive {
	enum directive_id id;
	const char *keyword;
	enum shape shape;
	unsigned fewest, most; /* arguments */
	unsigned traits;
	const char *flags, *takes;
};
extern const struct directive directives[DIRECTIVES];

/* The row of the N bytes at NAME, in any case; NULL if there is none. */
const struct directive *directive_find(const char *name, size_t n);
/* The nearest row, or NULL. */
const struct directive *directive_suggest(const char *name, size_t n);
/* The kind of a flag of D; 0 if D has none of that name. */
int directive_flag(const struct directive *d, const char *name);
/* The flags of D, as "--phase", in FLAGS (DIRECTIVE_FLAGS of them at most); how many. */
enum { DIRECTIVE_FLAGS = 16 };
size_t directive_flags(const struct directive *d, struct arena *a, const char **ret_flags);

#endif
