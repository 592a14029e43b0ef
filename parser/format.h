/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting: a recipe as a list of tokens that are places in its text. format_lex.c makes the
 * list, format.c says where each token stands and prints it, columns.c aligns the nodes of LAYOUT.
 */
#ifndef IMAGEBUILD_FORMAT_H
#define IMAGEBUILD_FORMAT_H

#include <imagebuild/ast.h>
#include <imagebuild/buf.h>

enum token_kind {
	T_KEYWORD,
	T_WORD, /* and flags, "--", the parts of a JSON array */
	T_TEXT, /* of RUN and its like */
	T_OPEN, /* { and } of a block */
	T_CLOSE,
	T_BODY,    /* of a heredoc, with its terminator */
	T_COMMENT, /* from '#' to its last byte that is no blank */
	T_EMPTY,   /* an empty line */
	T_BREAK,   /* the escape that continues a line */
	T_END      /* of a logical line */
};

/* What stands before a token. */
enum before { B_NOTHING, B_BLANK, B_LINE, B_CONTINUED };

struct token {
	enum token_kind kind;
	uint32_t start, end; /* offsets in the file */
	const char *literal; /* printed in place of the text: a keyword in capitals */
	enum before before;
	int indent;     /* steps, where it begins a line */
	uint32_t pad;   /* more blanks before it */
	bool has_empty; /* an empty line stands before it */
	bool is_glued;  /* no blank before it: in JSON */
	bool is_node;   /* the first word of a line in a block */
};
struct token_vec VEC(struct token);

struct format {
	struct arena *arena;
	const char *text; /* the file */
	uint32_t base, len, pos;
	char escape;
	bool is_line_start; /* pos is */
	struct token_vec tokens, placed;
};

/* Fills f->tokens: every byte of the file that is no blank and no line end is in one of them. */
void format_lex(struct format *f, const struct ib_ast *ast);
/* Sets the pads of f->placed. */
void format_columns(struct format *f);

/* Offset of the end of the line that POS is in. */
uint32_t format_line_end(const struct format *f, uint32_t pos);
/* The first byte of [pos, end) that is no blank, else END; behind the last such byte, else POS. */
uint32_t format_skip_blanks(const struct format *f, uint32_t pos, uint32_t end);
uint32_t format_trim(const struct format *f, uint32_t pos, uint32_t end);
/* Columns of a token on one line. */
uint32_t format_width(const struct format *f, const struct token *t);
bool format_has_break(const struct format *f, const struct token *t);

#endif
