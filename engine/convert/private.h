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
/* SOURCE, which is taken for what MODE says; of a directory all that is in it, links as links. */
int convert_add_tree(struct convert_job *j, const char *path, const char *source, mode_t mode, struct ib_error *err);
/* The same for a recipe, which is formatted. -1 with DIAG set: it does not parse (a bug of the conversion). */
int convert_add_recipe(struct convert_job *j, const char *path, const struct buf *text);
/* Adds a line to the report. */
void convert_became(struct convert_job *j, const char *source, const char *fmt, ...) IB_PRINTF(3, 4);

/* What one call of disk-image-create makes: of a command line, of an image definition, of nodepool. */
struct image {
	const char *name;	     /* -o; NULL: image */
	const char *arch;	     /* -a, or NULL */
	struct str_vec elements;     /* in order, without `base` */
	struct str_vec types;	     /* -t */
	struct str_vec packages;     /* -p */
	struct ib_pair_vec env;	     /* what elements read; later ones win */
	const char *checksum;	     /* "1", "md5", "sha256", "md5,sha256"; or NULL */
	const char *qemu_options;    /* K=V,..; or NULL */
	const char *tag;	     /* --docker-target, or NULL */
	const char *ramdisk_element; /* of ramdisk-image-create; NULL: it is none */
	bool is_uncompressed, skips_base;
	const char *comment; /* above the recipe, or NULL */
	struct ib_span at;   /* where it is defined */
};
struct image_vec VEC(struct image);

/* image.c: adds the recipe of I as the file PATH. */
int convert_image(struct convert_job *j, const struct image *i, const char *path);
/* Sets NAME, the later value wins. */
void image_set(struct convert_job *j, struct image *i, const char *name, const char *value, struct ib_span at);
/* split.c: the words of TEXT as a shell reads them; AT is its place, where its bytes stand. What a shell would expand or
 * run is an error. */
int command_split(struct convert_job *j, const char *text, struct ib_span at, struct ib_word_vec *ret_words);
/* command.c: reads the words of a command line, which are WORDS->items[..].at in the sources. */
int command_read(struct convert_job *j, const struct ib_word_vec *words, const struct ib_pair_vec *env,
		 struct image *ret_image);

/* layout.c */
/* dib's block-device YAML at SPAN as a LAYOUT instruction (with `\n` at its end). -1 with J->diag set. */
int convert_layout_text(struct convert_job *j, struct ib_span span, struct buf *out);
/* The tree of a LAYOUT as dib's YAML; what that cannot say is an error at its node. */
int convert_layout_yaml(struct convert_job *j, const struct ib_node *root, struct buf *out);

#endif
