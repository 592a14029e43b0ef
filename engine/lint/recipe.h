/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules on recipes share. */
#ifndef IMAGEBUILD_LINT_RECIPE_H
#define IMAGEBUILD_LINT_RECIPE_H

#include "lint/private.h"

/* The instruction KEYWORD (NULL: any) behind IN that counts: known, sound and not left out by
 * --when. The first one for IN NULL. */
const struct ib_ast_instruction *
recipe_next(const struct lint_recipe *r, const struct ib_ast_instruction *in, const char *keyword);
/* Where IN's text ends, heredocs and nodes with it. */
uint32_t recipe_end(const struct ib_ast_instruction *in);

/* The last word, or NULL. */
const struct ib_ast_word *word_last(const struct ib_ast_instruction *in);
/* Whether its text is what was written, so that a part of it has a place. */
bool word_is_plain(const struct ib_ast_word *w);
/* Bytes [START, END) of W as written; all of W where it is not plain. */
struct ib_span word_bytes(const struct ib_ast_word *w, size_t start, size_t end);
/* The text of a flag's value; NULL: no flag, no value, or one with an error. */
const char *flag_value(const struct ib_ast_instruction *in, const char *name);
/* Whether S begins, ends with PART, whatever the case. */
bool begins_with(const char *s, const char *part);
bool ends_with(const char *s, const char *part);

struct reference {
	size_t start, end; /* of the name, in the raw word */
};
/* The next $NAME or ${NAME of RAW, from *AT on, which moves behind it; ESCAPE as of the file. */
bool reference_next(const char *raw, char escape, size_t *at, struct reference *ret_reference);

#endif
