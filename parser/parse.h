/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to a syntax tree: scan.c makes logical lines, lexer.l tokens, grammar.y the tree (with
 * the constructors of ast.c). One struct parse a file; an included file has its own. */
#ifndef IMAGEBUILD_PARSE_H
#define IMAGEBUILD_PARSE_H

#include "directive.h"

#include <imagebuild/ast.h>
#include <imagebuild/buf.h>
#include <imagebuild/diag.h>
#include <imagebuild/intern.h>

enum {
	LINE_LIMIT = 65535, /* bytes of a physical line */
	NESTING_LIMIT = 64  /* blocks, includes and ${} */
};

#define OPEN_QUOTE_TEXT \
	"quote without its end; it must end on the line where it begins, or be continued"

/* A logical line: continuations joined, comments between dropped. Text offset -> source offset goes
 * through the segments. */
struct line {
	struct buf text; /* ends in \n and two NULs, as flex wants it; len does not count them */
	struct ib_segment_vec segments;
	size_t cursor;       /* the segment of the last look-up: tokens come in order */
	const char *comment; /* the block directly above, or NULL */
};

struct scan {
	struct arena *arena;
	struct ib_diag *diag;
	const char *text;
	uint32_t base, len,
		pos; /* base: the file's offset in the source map; pos is relative to it */
	char escape;
	const char *check;                   /* of "# check=", or NULL */
	bool has_nul, has_bad_utf8;          /* reported: once a file is enough */
	unsigned open_heredocs, empty_lines; /* reported */
};

struct parse {
	struct scan scan;
	struct arena *arena;
	struct intern *names;
	struct ib_diag *diag;
	struct line line;
	struct ib_ast *ast;

	/* the lexer's */
	const struct directive *row; /* of the current line */
	bool in_line, is_stopped, is_unknown;
	int outer;                        /* start state that a word returns to */
	int nesting;                      /* of quotes and ${} in a word */
	size_t word_at, nest_at, text_at; /* offsets in the line */
	struct ib_ast_heredoc **heredocs,
		*queue; /* of the current instruction; those without a body yet */
	unsigned closing,
		implied; /* closing braces still to be made up; made up, so that one may yet come */
	bool has_brace, has_newline; /* so are these; the brace at brace_at */
	struct ib_span brace_at;

	/* the grammar's */
	int depth;                /* open blocks */
	struct ib_span blocks_at; /* the outermost '{' */
	struct ib_ast_instruction *now, **tail;
	struct ib_ast_word **word_tail;
	struct ib_ast_flag **flag_tail;
};

/* scan.c */
/* Skips a byte-order mark and reads the parser directives. */
void scan_begin(struct scan *s);
/* The next logical line; false at the end of the file. */
bool scan_line(struct scan *s, struct line *l);
/* Reads the body of H, which begins at the current physical line. */
void scan_heredoc(struct scan *s, struct ib_ast_heredoc *h);
/* The source bytes of [start, end) of a logical line. */
struct ib_span line_span(struct line *l, size_t start, size_t end);
/* Copies the segments of [start, end) where there is more than one. */
void line_segments(struct line *l, size_t start, size_t end, struct arena *a,
		   struct ib_segment_vec *ret_segments);

/* lexer.l: parses all of P->scan's text into P->ast. */
void parse_run(struct parse *p);

/* ast.c */
struct ib_ast_instruction *ast_instruction(struct parse *p, struct ib_span keyword_at);
struct ib_ast_word *ast_word(struct parse *p, size_t start, size_t end);
struct ib_ast_flag *ast_flag(struct parse *p, size_t start, size_t end);
struct ib_ast_heredoc *ast_heredoc(struct parse *p, size_t start, size_t end);
void ast_text(struct parse *p, size_t start, size_t end);
struct ib_ast_node *ast_node(struct parse *p, struct ib_ast_word *words,
			     struct ib_ast_node *children);
struct ib_span ast_word_span(const struct ib_ast_word *w, size_t start, size_t end);

/* json.c: parses N bytes as an array of strings. NULL, or what is wrong, with its offset. */
const char *json_strings(const char *s, size_t n, struct arena *a, struct str_vec *ret_strings,
			 size_t *ret_at);

#endif
