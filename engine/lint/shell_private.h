/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the shell reader: words (shell_word.c), commands (shell_parse.c). */
#ifndef IMAGEBUILD_LINT_SHELL_PRIVATE_H
#define IMAGEBUILD_LINT_SHELL_PRIVATE_H

#include "lint/shell.h"

enum shell_frame_kind {
	FRAME_BRACE,
	FRAME_PAREN,
	FRAME_IF, /* the condition */
	FRAME_THEN,
	FRAME_WHILE, /* the condition */
	FRAME_FOR,   /* "do" is awaited */
	FRAME_DO,
	FRAME_PATTERN,
	FRAME_CASE /* the commands behind a pattern */
};

struct shell_frame {
	enum shell_frame_kind kind;
	uint32_t command;           /* of a case */
	struct shell_place outside; /* where the compound stands */
};

struct shell_pending {
	uint32_t command, redir;
	bool strips_tabs;
};
struct shell_pendings VEC(struct shell_pending);

/* What a substitution has of its own. */
struct shell_state {
	struct shell_place place;
	uint32_t command; /* the open one, or SHELL_NO_COMMAND */
	enum shell_op before;
	bool is_negated, is_behind_compound;
	const char *function;    /* named, its body not yet begun */
	size_t frames, heredocs; /* those below belong to what is outside */
	char close;              /* ')', or '\0': at the end */
};

struct shell_parser {
	struct arena *arena;
	struct shell *s;
	const char *text;
	uint32_t pos, end; /* END is less than the text's within a heredoc or backquotes */
	struct shell_frame frames[SHELL_NESTING_MAX];
	size_t nframes, depth;
	struct shell_pendings heredocs; /* announced, their bodies not yet reached */
	unsigned failures;
	struct shell_state st;
	bool has_failed, has_ended; /* up to the next line; up to the end of the text */
};

/* How an expansion's result is used. */
struct shell_quoting {
	bool is_quoted, is_split;
};

static inline char shell_peek(const struct shell_parser *p, uint32_t ahead)
{
	return p->pos + ahead < p->end ? p->text[p->pos + ahead] : '\0';
}
static inline bool shell_done(const struct shell_parser *p)
{
	return p->has_failed || p->has_ended || p->pos >= p->end;
}
/* What stands at POS makes no sense: the reading goes on behind its line. */
void shell_fail_at(struct shell_parser *p, uint32_t pos);
bool shell_is_name_start(char c);
bool shell_is_name(char c);
/* Past blanks and continued lines. */
void shell_skip_blanks(struct shell_parser *p);
void shell_add_bashism(struct shell_parser *p, uint32_t start, uint32_t end, const char *what);
void shell_add_set(struct shell_parser *p, struct shell_span at, const char *name,
		   enum shell_set_how how);

enum shell_word_kind {
	SHELL_WORD_PLAIN,
	SHELL_WORD_VALUE, /* not split: of an assignment, a redirection, case, [[ ]] */
	SHELL_WORD_REGEX  /* behind =~: parentheses and | are part of it */
};
/* Reads a word at POS; an empty one (end == start) where there is none. */
struct shell_word shell_read_word(struct shell_parser *p, enum shell_word_kind kind);
/* The offset of the value of an assignment at POS (NAME=, NAME+=, NAME[..]=), 0 if it is none. */
uint32_t shell_assignment_value(const struct shell_parser *p);
/* Reads the assignment at POS, of which the value begins at VALUE. */
struct shell_assign shell_read_assign(struct shell_parser *p, uint32_t value);
/* The offset of the two parentheses that end the arithmetic which begins at FROM; 0: it is not
 * arithmetic. Fails where the text ends first. */
uint32_t shell_arithmetic_end(struct shell_parser *p, uint32_t from);
/* Reads arithmetic up to END. */
void shell_read_arithmetic(struct shell_parser *p, uint32_t end);
/* Reads the expansions of an unquoted heredoc. */
void shell_read_body(struct shell_parser *p, struct shell_span body);
/* Reads the commands of a substitution, up to CLOSE: ')', or '\0' for the end. */
void shell_read_substitution(struct shell_parser *p, char close);
/* Sets and bashisms in the order of the text. */
void shell_sort_lists(struct shell *s);
/* Reads the whole text. */
void shell_read_text(struct shell_parser *p);
/* Notes what the finished command C sets, switches on or reads (shell.c). */
void shell_note_command(struct shell_parser *p, const struct shell_command *c);

#endif
