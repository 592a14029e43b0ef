/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax tree of a recipe: what was written, with spans. Lists, in the order of the text; all in
 * one arena. For parser, lint and convert. */
#ifndef IMAGEBUILD_AST_H
#define IMAGEBUILD_AST_H

#include <imagebuild/ir.h>

struct directive; /* a row of parser/directives.def */

/* A run of source bytes that a word's bytes came from: a word that crosses a continuation, a dropped
 * comment or a <<- body has several. */
struct ib_segment {
	uint32_t at;		/* offset in the word's raw text */
	struct ib_span source;
};
struct ib_segment_vec VEC(struct ib_segment);

struct ib_ast_word {
	const char *raw;	/* as written, quotes and ${} included, continuations removed */
	const char *text;	/* after expansion; NULL before, and where that failed */
	struct ib_span at;
	const char *shell;	/* of a fragment's ENV and ARG: the same for bash */
	struct ib_segment_vec segments;
	struct ib_ast_word *next;
};

struct ib_ast_flag {
	const char *name;	/* without the dashes */
	struct ib_ast_word *value; /* NULL: bare */
	struct ib_span at, name_at;
	struct ib_ast_flag *next;
};

struct ib_ast_heredoc {
	const char *name;	/* the terminator */
	const char *body;	/* tabs stripped for <<- */
	size_t len;
	const char *text;	/* after expansion; NULL where that failed */
	size_t text_len;
	struct ib_span at, body_at;
	struct ib_segment_vec segments;
	bool is_quoted, strips_tabs;
	struct ib_ast_heredoc *next;
};

/* A line of a LAYOUT block: kind, name and key=value as words. */
struct ib_ast_node {
	struct ib_ast_word *words;
	struct ib_ast_node *children, *next;
	struct ib_span at;
	bool has_block;
};

struct ib_ast_instruction {
	const struct directive *directive; /* what it is, or where is_unknown is taken for; may be NULL */
	bool is_unknown;		/* already reported: only its stage or variables count */
	bool is_left_out;		/* by --when; set by expand */
	struct ib_span at, keyword_at;
	struct ib_ast_flag *flags;
	struct ib_ast_word *words;	/* arguments, for shapes that have words */
	const char *text;		/* the raw argument text, for RUN and its like */
	struct ib_span text_at;
	struct ib_segment_vec text_segments;
	struct str_vec json;		/* the exec form */
	bool is_json;
	bool is_broken;			/* what stands for the arguments is already reported */
	struct ib_ast_heredoc *heredocs;
	struct ib_ast_node *nodes;	/* LAYOUT's block */
	bool has_block;
	const char *comment;		/* the comment block directly above, or NULL */
	struct ib_ast_instruction *included; /* INCLUDE: what it brought */
	struct ib_ast_instruction *next;
};

struct ib_ast {
	struct ib_ast_instruction *instructions;
	char escape;			/* '\\' or '`' */
	const char *check;		/* # check=..., or NULL */
};

/* "RUN"; of an unknown instruction what it is taken for, NULL where that is nothing. */
const char *ib_ast_keyword(const struct ib_ast_instruction *in);
/* The first flag NAME ("phase"), or NULL. */
struct ib_ast_flag *ib_ast_flag(const struct ib_ast_instruction *in, const char *name);
/* Where byte OFF of a raw word, a text or a heredoc's body stands in the source; AT, SEGMENTS: its own. */
uint32_t ib_ast_source(struct ib_span at, const struct ib_segment_vec *segments, size_t off);

#endif
