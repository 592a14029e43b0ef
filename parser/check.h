/* SPDX-License-Identifier: Apache-2.0 */
/* Pass check, inside: one check_KEYWORD a row of directives.def, and what several of them use. */
#ifndef IMAGEBUILD_CHECK_H
#define IMAGEBUILD_CHECK_H

#include "front.h"

struct check {
	struct ib_recipe *r;
	struct ib_diag *diag;
	const struct live *live;
	struct where *where; /* one a stage, as of the line */
};

#define DIRECTIVE(keyword, ...) \
	void check_##keyword(struct check *c, const struct ib_ast_instruction *in);
#include "directives.def"
#undef DIRECTIVE

/* check.c */
/* Arguments; a heredoc of COPY is one. */
size_t count_words(const struct ib_ast_instruction *in);
/* PATH, of W, stays in the context. */
void check_path_word(struct check *c, const struct ib_ast_word *w, const char *path,
		     const char *what);

/* check_flags.c */
void check_flags(struct check *c, const struct ib_ast_instruction *in);
/* FLAG's value is one of the N WORDS; LIST names them in a message. */
void check_choice(struct check *c, const struct ib_ast_instruction *in, const char *flag,
		  const char *const *words, size_t n);
void check_install_type(struct check *c, const struct ib_ast_instruction *in);

/* check_run.c: USER or USER:GROUP. */
bool is_owner(const char *s);

/* check_foreign.c: what to do instead of a flag of Docker's, or NULL. */
const char *foreign_flag(const struct directive *d, const char *name);

#endif
