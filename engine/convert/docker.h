/* SPDX-License-Identifier: Apache-2.0 */
/* A Dockerfile as lines, and the changes that make it a recipe: what no change touches stays as it is written, so
 * comments, blank lines and continuations survive. Facts: shared/design/dockerfile-habits.md. */
#ifndef IMAGEBUILD_CONVERT_DOCKER_H
#define IMAGEBUILD_CONVERT_DOCKER_H

#include "convert/private.h"

/* A word of an instruction, quotes kept: TEXT is what is written but for continuations. */
struct docker_word {
	const char *text;
	struct ib_span at;
};
struct docker_word_vec VEC(struct docker_word);

struct docker_heredoc {
	struct ib_span at; /* the word; the body without the line that ends it */
	struct ib_span body;
	bool is_quoted;
};
struct docker_heredoc_vec VEC(struct docker_heredoc);

struct docker_line {
	const char *keyword; /* in capitals */
	struct ib_span at;   /* the keyword */
	struct ib_span args; /* behind it, to the end of the continued line */
	struct ib_span all;  /* with the heredocs' bodies */
	const char *text;    /* ARGS joined: continuations and the comments between them are gone */
	struct docker_word_vec words; /* of TEXT; the first FLAGS_LEN are flags */
	size_t flags_len;
	struct docker_heredoc_vec heredocs;
};
struct docker_line_vec VEC(struct docker_line);

struct docker_edit {
	struct ib_span at;
	const char *text; /* in its place */
};
struct docker_edit_vec VEC(struct docker_edit);

/* What a stage starts from. */
enum docker_base { DOCKER_ELEMENT, DOCKER_IMAGE, DOCKER_SCRATCH };

struct docker_stage {
	const char *name; /* NULL: it has none so far */
	struct ib_span base_at;
	enum docker_base base;
	struct ib_pair_vec variables; /* with a value here; ARG's default or NULL */
};
struct docker_stage_vec VEC(struct docker_stage);

struct docker {
	struct convert_job *j;
	struct ib_span file;
	const char *text; /* of FILE */
	char escape;
	bool has_failed;
	struct docker_line_vec lines;
	struct docker_edit_vec edits;
	struct docker_stage_vec stages;
	struct ib_pair_vec globals; /* ARG before the first FROM */
	bool is_loose_said; /* the note on `sh -e` */
};

/* dockerfile_read.c: fills LINES, and EDITS with what becomes of the parser directives. -1 with DIAG set. */
int docker_read(struct docker *d);
/* The bytes of AT. */
const char *docker_bytes(const struct docker *d, struct ib_span at);

/* dockerfile.c */
void docker_change(struct docker *d, struct ib_span at, const char *text);
/* An error: what Docker takes and a recipe cannot be made of. */
void docker_fail(struct docker *d, struct ib_span at, const char *text);
/* Whether TEXT, of L, is a JSON array of strings or begins with no '['; an error otherwise. */
bool docker_check_json(struct docker *d, const struct docker_line *l, const char *text);
/* The stage of that name or number before the current one, or NULL. It has a name then. */
const struct docker_stage *docker_stage_find(struct docker *d, const char *name);

/* dockerfile_variables.c */
/* The variable that the LEN bytes at TEXT begin with, "$X" or "${X..}": its length, 0 for none; *RET_NAME its name and
 * *RET_MODIFIER what stands behind the name in braces ("" without). */
size_t docker_variable(struct arena *a, const char *text, size_t len, const char **ret_name,
		       const char **ret_modifier);
/* Changes the variables in AT that have no value in the current stage, which Docker takes as empty. */
void docker_open(struct docker *d, struct ib_span at);
/* TEXT with the values of the ARGs before the first FROM; NULL where one has none. */
const char *docker_expand(const struct docker *d, const char *text);
void docker_define(struct docker *d, struct ib_pair_vec *variables, const char *name, const char *value);

/* dockerfile_copy.c: COPY and ADD. */
void docker_copy(struct docker *d, const struct docker_line *l);
/* Changes NAME, standing at AT, to a stage or to an image that files are taken from. */
void docker_source(struct docker *d, const char *name, struct ib_span at);

/* dockerfile_from.c */
void docker_from(struct docker *d, const struct docker_line *l);
/* What names IMAGE in a recipe ("oci:python:3.11"), with a note at AT that says how to get it. */
const char *docker_image(struct docker *d, const char *image, struct ib_span at);

/* dockerfile_run.c */
void docker_run(struct docker *d, const struct docker_line *l);

#endif
