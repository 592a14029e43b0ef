/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a recipe: instructions, flags, words, and the blocks of LAYOUT. It knows no instruction by
 * name: the lexer picks a token by the shape in directives.def. Lists are left-recursive, so that only
 * nesting grows the stack; errors resynchronise at the end of a line, in a block at that of a node. */
%define api.pure full
%define api.prefix {img_yy}
%define api.value.type union
%define api.location.type {struct ib_span}
%define parse.error custom
%param { void *scanner }
%parse-param { struct parse *p }
%locations
%expect 0

%code requires {
#include "parse.h"
}
%code provides {
int img_yylex(union IMG_YYSTYPE *yylval, struct ib_span *yylloc, void *scanner);
}
%code {
#include <stdio.h>
#include <string.h>

#define YYLLOC_DEFAULT(now, rhs, n) \
	((now).start = (n) ? YYRHSLOC(rhs, 1).start : YYRHSLOC(rhs, 0).end, \
	 (now).end = (n) ? YYRHSLOC(rhs, n).end : YYRHSLOC(rhs, 0).end)

static void img_yyerror(const struct ib_span *at, void *scanner, struct parse *p, const char *text);
static void add_words(struct parse *p);
static void open_block(struct parse *p, struct ib_span at);
static void set_end(struct parse *p, struct ib_span at);
static struct nodes append(struct nodes nodes, struct ib_ast_node *node);
static void report_brace(struct parse *p, struct ib_span at, struct ib_ast_node *before,
			 struct ib_ast_node *children);
}

%token END 0 "end of file"
%token NEWLINE "end of line"
%token LBRACE "'{'"
%token RBRACE "'}'"
%token KEYWORD "instruction"
%token TEXT_KEYWORD "instruction with a text"
%token BLOCK_KEYWORD "LAYOUT"
%token UNKNOWN "unknown instruction"
%token TEXT_TOKEN "text"
%token JSON_WORDS "JSON array"
%token HEREDOC "heredoc"
%token <struct ib_ast_flag *> FLAG "flag"
%token <struct ib_ast_word *> WORD "word"

%nterm <struct words> words
%nterm <struct nodes> nodes block
%nterm <struct ib_ast_node *> node

%code requires {
struct words {
	struct ib_ast_word *first, *last;
};
struct nodes {
	struct ib_ast_node *first, *last;
};
}

%%

file: %empty
    | file line
    ;

line: NEWLINE
    | instruction NEWLINE
    | error NEWLINE		{ p->depth = 0; yyerrok; }
    ;

instruction: UNKNOWN		{ p->row = NULL; (void)ast_instruction(p, @1); }
    | head flags arguments
    | text_head flags text
    | block_head flags arguments
    | block_head flags arguments block	{
		p->now->nodes = $4.first;
		p->now->has_block = true;
	}
    ;

head: KEYWORD			{ (void)ast_instruction(p, @1); }
    ;

text_head: TEXT_KEYWORD		{ (void)ast_instruction(p, @1); }
    ;

block_head: BLOCK_KEYWORD	{ (void)ast_instruction(p, @1); }
    ;

flags: %empty
    | flags FLAG		{
		*p->flag_tail = $2;
		p->flag_tail = &$2->next;
		set_end(p, @2);
	}
    ;

arguments: %empty
    | arguments WORD		{
		*p->word_tail = $2;
		p->word_tail = &$2->next;
		set_end(p, @2);
	}
    | arguments HEREDOC		{ set_end(p, @2); }
    | arguments JSON_WORDS	{ add_words(p); set_end(p, @2); }
    ;

text: %empty
    | TEXT_TOKEN		{ set_end(p, @1); }
    ;

block: LBRACE open nodes RBRACE	{ p->depth--; $$ = $3; }
    | LBRACE open nodes node RBRACE	{ p->depth--; $$ = append($3, $4); }
    | LBRACE open nodes error RBRACE	{ p->depth--; $$ = $3; yyerrok; }
    ;

open: %empty			{ open_block(p, @0); }
    ;

nodes: %empty			{ $$ = (struct nodes){ NULL, NULL }; }
    | nodes NEWLINE
    | nodes error NEWLINE	{ $$ = $1; yyerrok; }
    | nodes node NEWLINE	{ $$ = append($1, $2); }
    | nodes node error NEWLINE	{ $$ = append($1, $2); yyerrok; }
    | nodes block NEWLINE	{ $$ = $1; report_brace(p, @2, $1.last, $2.first); }
    ;

node: words			{ $$ = ast_node(p, $1.first, NULL); }
    | words block		{
		$$ = ast_node(p, $1.first, $2.first);
		$$->has_block = true;
	}
    ;

words: WORD			{ $$ = (struct words){ $1, $1 }; }
    | words WORD		{
		$$ = $1;
		$$.last->next = $2;
		$$.last = $2;
	}
    ;

%%

static void set_end(struct parse *p, struct ib_span at)
{
	p->now->at.end = at.end;
}

/* The strings of a JSON array as words: quotes and variables in them mean what they do elsewhere. */
static void add_words(struct parse *p)
{
	vec_foreach (const char *, s, &p->now->json) {
		struct ib_ast_word *w = arena_alloc(p->arena, sizeof(*w));

		w->raw = *s;
		w->at = p->now->text_at;
		*p->word_tail = w;
		p->word_tail = &w->next;
	}
}

static struct nodes append(struct nodes nodes, struct ib_ast_node *node)
{
	if (nodes.last)
		nodes.last->next = node;
	else
		nodes.first = node;
	nodes.last = node;
	return nodes;
}

/* A block on a line of its own: it is taken for the children of the node before it. */
static void report_brace(struct parse *p, struct ib_span at, struct ib_ast_node *before,
			 struct ib_ast_node *children)
{
	at.end = at.start + 1;
	ib_diag_add(p->diag, IB_D_SYNTAX, at, "'{' stands on the line of its node, which a new line ends");
	if (before && !before->has_block) {
		before->has_block = true;
		before->children = children;
	}
}

static void open_block(struct parse *p, struct ib_span at)
{
	if (p->depth++ == 0)
		p->blocks_at = at;
	if (p->depth <= NESTING_LIMIT || p->is_stopped)
		return;
	p->is_stopped = true;
	ib_diag_add(p->diag, IB_D_NESTING, at, "blocks nest more than %d deep", NESTING_LIMIT);
}

static void img_yyerror(const struct ib_span *at, void *scanner, struct parse *p, const char *text)
{
	(void)scanner;
	ib_diag_add(p->diag, IB_D_SYNTAX, *at, "%s", text);
}

static int yyreport_syntax_error(const yypcontext_t *context, void *scanner, struct parse *p)
{
	enum { EXPECTED_MAX = 5 };
	yysymbol_kind_t expected[EXPECTED_MAX];
	int n = yypcontext_expected_tokens(context, expected, EXPECTED_MAX);
	cleanup_buf struct buf text = BUF_INIT;

	(void)scanner;
	if (p->is_stopped)
		return 0;
	buf_printf(&text, "unexpected %s", yysymbol_name(yypcontext_token(context)));
	for (int i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i == 0 ? "; expected " : i + 1 == n ? " or " : ", ",
			   yysymbol_name(expected[i]));
	ib_diag_add(p->diag, IB_D_SYNTAX, *yypcontext_location(context), "%s", text.data);
	return 0;
}
