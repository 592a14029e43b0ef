/* SPDX-License-Identifier: Apache-2.0 */
/* A script of the POSIX shell or bash, read for its commands. Nothing is expanded or run. The
 * grammar is POSIX.1-2017 XCU 2 and, for what bash adds, the reference manual of bash 5.2.
 * Offsets are bytes of the text. */
#ifndef IMAGEBUILD_LINT_SHELL_H
#define IMAGEBUILD_LINT_SHELL_H

#include <imagebuild/vec.h>

/* A longer text is not read; what nests deeper ends the reading (is_incomplete). */
#define SHELL_TEXT_MAX ((size_t)16 << 20)
#define SHELL_NESTING_MAX 64

#define SHELL_NO_COMMAND UINT32_MAX

struct shell_span {
	uint32_t start, end;
};

/* A parameter that is expanded: $X, ${X..}, or a bare name in arithmetic. */
struct shell_use {
	uint32_t start, end;
	const char *name; /* "X", "1", "@", .. */
	uint32_t command; /* the index of the command that expands it; SHELL_NO_COMMAND if none */
	bool is_quoted;   /* in double quotes or in a heredoc */
	bool is_split;    /* the result is split into fields and globbed */
	bool has_default; /* ${X-..} ${X:-..} ${X=..} ${X+..} ${X?..} and with ':' */
	bool has_error;   /* ${X?..}: the script ends where it is unset */
	bool has_alternative; /* ${X+..}: asks whether it is set */
	bool is_arithmetic;   /* a bare name in $((..)) or ((..)) */
};

struct shell_word {
	uint32_t start, end;
	const char *text;      /* without quotes; NULL where something is expanded in it */
	uint32_t use, use_end; /* script->uses within it, those of nested commands too */
	bool is_quoted;        /* some of it */
	bool has_unquoted;     /* an expansion or substitution of which the result is split */
	bool has_substitution; /* $(..), `..`, <(..) */
	bool is_assignment;    /* has the form NAME=.. */
	bool has_glob;         /* an unquoted * ? or [ */
};

struct shell_assign {
	const char *name;
	uint32_t start, name_end; /* of the name */
	struct shell_word value;  /* of an array: the span with its parentheses, text NULL */
	bool is_append, is_array;
};

enum shell_redir_op {
	SHELL_READ,
	SHELL_WRITE,
	SHELL_APPEND,
	SHELL_DUP,
	SHELL_HEREDOC,
	SHELL_HERESTRING
};

struct shell_redir {
	uint32_t start;           /* of the operator, or of the number in front of it */
	enum shell_redir_op op;   /* SHELL_WRITE is also >| &> and <> */
	int fd;                   /* as given (its first digit) or implied; -1 for &> and {name}> */
	struct shell_word target; /* the file, descriptor, delimiter or string */
	struct shell_span body;   /* of a heredoc */
};

/* What stands between two commands. SHELL_NONE: the begin or end of the text or of a compound. */
enum shell_op { SHELL_NONE, SHELL_NEWLINE, SHELL_SEMI, SHELL_AMP, SHELL_AND, SHELL_OR, SHELL_PIPE };

enum shell_kind {
	SHELL_SIMPLE,
	SHELL_TEST,  /* [[ .. ]], each of its words and operators a word */
	SHELL_ARITH, /* ((..)), one word */
	SHELL_FOR,   /* for NAME in WORD.., select; the words of it */
	SHELL_CASE,  /* case WORD */
	SHELL_GROUP  /* redirections behind the end of a compound */
};

struct shell_words VEC(struct shell_word);
struct shell_assigns VEC(struct shell_assign);
struct shell_redirs VEC(struct shell_redir);

/* Where a command stands. */
struct shell_place {
	const char *function; /* the function that it is in, NULL if none */
	bool in_condition;    /* of if, while or until: its failure is looked at */
	bool in_loop;
	bool in_subshell; /* ( .. ) or a substitution */
	bool in_substitution;
	bool in_branch;  /* a part of if, case or a loop: may not be reached */
	uint32_t parent; /* of the substitution: the command it stands in, SHELL_NO_COMMAND if none
			  */
};

struct shell_command {
	uint32_t start, end; /* the first and last of its parts, heredocs without their bodies */
	enum shell_kind kind;
	struct shell_assigns assigns;
	struct shell_words words;
	struct shell_redirs redirs;
	enum shell_op before, after;
	bool is_negated;
	struct shell_place place;
	const char *program; /* what shell_program says */
	size_t program_at;
};

/* How a variable comes to its value. */
enum shell_set_how {
	SHELL_SET_ASSIGN,  /* X=.. */
	SHELL_SET_EXPORT,  /* export, readonly, declare, typeset, local with a value */
	SHELL_SET_DECLARE, /* the same without one */
	SHELL_SET_LOOP,    /* for X */
	SHELL_SET_READ,    /* read, mapfile, getopts, printf -v */
	SHELL_SET_DEFAULT, /* ${X:=..} */
	SHELL_SET_ARITH
};

struct shell_set {
	uint32_t start, end;
	const char *name;
	uint32_t command;
	enum shell_set_how how;
};

/* Something that bash has and POSIX does not. */
struct shell_bashism {
	uint32_t start, end;
	const char *what; /* "[[ ]]", "an array", .. */
};

struct shell_function {
	uint32_t start, end; /* of the name */
	const char *name;
};

struct shell_commands VEC(struct shell_command);
struct shell_uses VEC(struct shell_use);
struct shell_sets VEC(struct shell_set);
struct shell_spans VEC(struct shell_span);
struct shell_bashisms VEC(struct shell_bashism);
struct shell_functions VEC(struct shell_function);

/* All lists are in the order of the text. */
struct shell {
	const char *text; /* borrowed */
	uint32_t len;
	const char
		*interpreter; /* the base name of what "#!" names ("bash" of env bash), or NULL */
	struct shell_span shebang; /* the line; empty if there is none */
	struct shell_commands commands;
	struct shell_uses uses;
	struct shell_sets sets;
	struct shell_spans comments; /* from # to the end of the line; the shebang is none */
	struct shell_bashisms bashisms;
	struct shell_functions functions;
	bool has_errexit, has_nounset, has_pipefail; /* by set at the top level or by the shebang */
	bool has_source;                             /* reads another script: . or source, eval */
	bool is_incomplete;                          /* some of it could not be read */
};

/* Reads the LEN bytes at TEXT, which A must not outlive. Never fails: what makes no sense is
 * skipped up to the next line. Linear in LEN. */
struct shell *shell_parse(struct arena *a, const char *text, size_t len);

/* The base name of the program that C runs, behind env, sudo, exec, command, nohup, time, nice,
 * eatmydata, chroot and their options; *RET_AT is the index of its word. NULL where C has no such
 * word or it is not static. */
const char *shell_program(const struct shell_command *c, size_t *ret_at);

/* Whether C has the word TEXT at or behind index AT. */
bool shell_has_word(const struct shell_command *c, size_t at, const char *text);

/* Whether C has, at or behind index AT, the option LETTER ("-y", or in a cluster "-qy"; '\0' for
 * none) or LONG ("--yes", also with "=.."; NULL for none). Looks no further than "--". */
bool shell_has_option(const struct shell_command *c, size_t at, char letter, const char *long_name);

#endif
