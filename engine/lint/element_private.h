/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules on elements share. */
#ifndef IMAGEBUILD_LINT_ELEMENT_PRIVATE_H
#define IMAGEBUILD_LINT_ELEMENT_PRIVATE_H

#include "lint/private.h"

/* A line that holds something. */
struct lint_line {
	const char *text; /* without the blanks around it; not NUL-terminated */
	size_t len;
	struct ib_span at;    /* of TEXT */
	struct ib_span whole; /* with its newline */
};

/* The next line of FILE that is not blank, from *AT (first: FILE.start) on; false behind the last.
 */
bool lint_next_line(const struct lint *l, struct ib_span file, uint32_t *at,
		    struct lint_line *ret_line);
/* A copy of a line's text. */
const char *lint_line_text(const struct lint *l, const struct lint_line *line);
/* The first line of F without its newline. */
struct ib_span lint_first_line(const struct lint *l, const struct lint_file *f);
/* The line of element-deps that says NAME, else nowhere. */
struct ib_span lint_dep_span(const struct lint *l, const struct lint_element *e, const char *name);
/* Where what is about all of E points: its first file that is text. */
struct ib_span lint_element_span(const struct lint_element *e);
/* What is behind the first slash of a path with one slash ("50-x" of "install.d/50-x"), else NULL.
 */
const char *lint_hook_name(const char *path);

/* The elements that E brings with it, without E: its dependencies and theirs, but for those that
 * another of them provides. In the order of their names. */
const struct element_vec *lint_closure(struct lint *l, const struct lint_element *e);
/* Whether NAME is one of them. */
bool lint_brings(struct lint *l, const struct lint_element *e, const char *name);
/* The element of the search path that provides NAME, or NULL. */
const struct element *lint_provider(const struct lint_element *e, const char *name);

/* What the compiler reports of elements, with its rows. Of hooks (IB1404, IB1405, IB1406) and
 * dependencies (IB1402); of package-installs (IB1407). */
void lint_hooks(struct lint *l, const struct lint_element *e);
void lint_missing_deps(struct lint *l, const struct lint_element *e);
void lint_packages(struct lint *l, const struct lint_element *e);
/* What a rule on scripts finds in source-repository files, too: HTTP_URL. */
void lint_sources(struct lint *l, const struct lint_element *e);

#endif
