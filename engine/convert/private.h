/* SPDX-License-Identifier: Apache-2.0 */
/* What the conversions share: recipe text, and the list of what becomes of what. */
#ifndef IMAGEBUILD_CONVERT_PRIVATE_H
#define IMAGEBUILD_CONVERT_PRIVATE_H

#include "convert/convert.h"

#include <imagebuild/buf.h>

/* write.c */
/* Appends TEXT as a word of an instruction: bare, in single or in double quotes, whichever is plain; nothing in it is
 * expanded. */
void write_word(struct buf *out, const char *text);
/* The same for TEXT in which ${NAME} stays a variable. */
void write_open_word(struct buf *out, const char *text);
/* Appends "HEAD <<EOF\nBODY\nEOF\n": BODY as it is, under a terminator that no line of it equals. QUOTED: of COPY and
 * ADD, whose body is else expanded. A BODY that no heredoc can say (NUL, no newline at its end): false, nothing
 * appended. */
bool write_heredoc(struct buf *out, const char *head, const char *body, size_t len, bool is_quoted);
/* Appends "# TEXT" lines, wrapped at 100 columns. */
void write_comment(struct buf *out, const char *text);

/* job.c */
/* Adds a file of the result; TEXT and PATH are copied. */
void convert_add_text(struct convert_job *j, const char *path, mode_t mode, const char *text, size_t len);
void convert_add_copy(struct convert_job *j, const char *path, mode_t mode, const char *source);
/* The same for a recipe, which is formatted. -1 with DIAG set: it does not parse (a bug of the conversion). */
int convert_add_recipe(struct convert_job *j, const char *path, const struct buf *text);
/* Adds a line to the report. */
void convert_became(struct convert_job *j, const char *source, const char *fmt, ...) IB_PRINTF(3, 4);

/* layout.c */
/* dib's block-device YAML at SPAN as a LAYOUT instruction (with `\n` at its end). -1 with J->diag set. */
int convert_layout_text(struct convert_job *j, struct ib_span span, struct buf *out);
/* The tree of a LAYOUT as dib's YAML; what that cannot say is an error at its node. */
int convert_layout_yaml(struct convert_job *j, const struct ib_node *root, struct buf *out);

#endif
