/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a script: operators, redirections, reserved words, heredocs. Compounds are frames on
 * a stack, not calls, so that one that is never closed costs nothing; only substitutions recurse.
 */
#include "lint/shell_private.h"

#include <string.h>

#define FAILURES_MAX 16

static struct shell_frame *top_frame(struct shell_parser *p)
{
	return p->nframes > p->st.frames ? &p->frames[p->nframes - 1] : NULL;
}

/* Where the commands of FRAME stand. */
static struct shell_place place_in(const struct shell_frame *frame)
{
	struct shell_place place = frame->outside;

	switch (frame->kind) {
	case FRAME_PAREN:
		place.in_subshell = true;
		break;
	case FRAME_WHILE:
		place.in_loop = true;
		place.in_condition = true;
		break;
	case FRAME_IF:
		place.in_condition = true;
		break;
	case FRAME_DO:
		place.in_loop = true;
		place.in_branch = true;
		break;
	case FRAME_THEN:
	case FRAME_PATTERN:
	case FRAME_CASE:
		place.in_branch = true;
		break;
	case FRAME_BRACE:
	case FRAME_FOR:
		break;
	}
	return place;
}

static void set_frame(struct shell_parser *p, enum shell_frame_kind kind)
{
	struct shell_frame *frame = &p->frames[p->nframes - 1];

	frame->kind = kind;
	p->st.place = place_in(frame);
}

static void push_frame(struct shell_parser *p, enum shell_frame_kind kind)
{
	struct shell_frame *frame = &p->frames[p->nframes];

	if (p->nframes + p->depth >= SHELL_NESTING_MAX) {
		p->has_ended = p->s->is_incomplete = true;
		return;
	}
	*frame = (struct shell_frame){ .command = SHELL_NO_COMMAND, .outside = p->st.place };
	p->nframes++;
	set_frame(p, kind);
	if (p->st.function) {
		p->st.place = (struct shell_place){ .function = p->st.function,
						    .parent = p->st.place.parent,
						    .in_subshell = kind == FRAME_PAREN };
		p->st.function = NULL;
	}
	p->st.is_behind_compound = false;
}

static void pop_frame(struct shell_parser *p)
{
	p->st.place = p->frames[--p->nframes].outside;
	p->st.is_behind_compound = true;
	p->st.is_negated = false;
	p->st.before = SHELL_NONE;
}

static void skip_comment(struct shell_parser *p)
{
	const char *newline = memchr(p->text + p->pos, '\n', p->end - p->pos);
	struct shell_span span = { p->pos, newline ? (uint32_t)(newline - p->text) : p->end };

	vec_push(p->arena, &p->s->comments, span);
	p->pos = span.end;
}

void shell_skip_blanks(struct shell_parser *p)
{
	while (p->pos < p->end) {
		char c = p->text[p->pos];

		if (c == ' ' || c == '\t' || c == '\r')
			p->pos++;
		else if (c == '\\' && shell_peek(p, 1) == '\n')
			p->pos += 2;
		else if (c == '#')
			skip_comment(p);
		else
			return;
	}
}

static void open_command(struct shell_parser *p, enum shell_kind kind)
{
	struct shell_command c = { .start = p->pos,
				   .end = p->pos,
				   .kind = kind,
				   .before = p->st.before,
				   .is_negated = p->st.is_negated,
				   .place = p->st.place };

	p->st.command = (uint32_t)p->s->commands.len;
	p->st.is_behind_compound = false;
	vec_push(p->arena, &p->s->commands, c);
}

static struct shell_command *current(struct shell_parser *p)
{
	return &p->s->commands.items[p->st.command];
}

/* Ends the open command, or the compound before, at the operator OP. */
static void end_command(struct shell_parser *p, enum shell_op op)
{
	struct shell_state *st = &p->st;
	bool is_open = st->command != SHELL_NO_COMMAND;

	if (is_open) {
		current(p)->after = op;
		shell_note_command(p, current(p));
		st->command = SHELL_NO_COMMAND;
	}
	st->function = NULL;
	if (!is_open && !st->is_behind_compound && op == SHELL_NEWLINE && st->before >= SHELL_AND)
		return;
	st->before = op;
	st->is_negated = false;
	st->is_behind_compound = false;
}

static void push_word(struct shell_parser *p, struct shell_word w)
{
	struct shell_command *c = current(p);

	if (p->has_failed)
		return;
	vec_push(p->arena, &c->words, w);
	c->end = w.end;
}

static void push_assign(struct shell_parser *p, struct shell_assign assign)
{
	struct shell_command *c = current(p);

	if (p->has_failed)
		return;
	vec_push(p->arena, &c->assigns, assign);
	c->end = assign.value.end;
}

/* The next N bytes, an operator or a reserved word, as a word of the open command. */
static void push_token(struct shell_parser *p, uint32_t n)
{
	struct shell_word w = { .start = p->pos,
				.end = p->pos + n,
				.text = arena_strndup(p->arena, p->text + p->pos, n),
				.use = (uint32_t)p->s->uses.len,
				.use_end = (uint32_t)p->s->uses.len };

	push_word(p, w);
	p->pos += n;
}

/* The body of the heredoc PENDING, which begins at POS. */
static void read_heredoc(struct shell_parser *p, struct shell_pending pending)
{
	struct shell_redir *redir =
		&p->s->commands.items[pending.command].redirs.items[pending.redir];
	const char *delimiter = redir->target.text;
	size_t n = delimiter ? strlen(delimiter) : redir->target.end - redir->target.start;
	struct shell_span body = { p->pos, p->end };
	uint32_t next = p->end, outer = p->st.command;

	delimiter = delimiter ? delimiter : p->text + redir->target.start;
	for (uint32_t line = p->pos; line < p->end;) {
		const char *newline = memchr(p->text + line, '\n', p->end - line);
		uint32_t end = newline ? (uint32_t)(newline - p->text) : p->end, at = line;

		while (pending.strips_tabs && at < end && p->text[at] == '\t')
			at++;
		next = newline ? end + 1 : end;
		if (end - at == n && memcmp(p->text + at, delimiter, n) == 0) {
			body.end = line;
			break;
		}
		line = next;
	}
	if (next == body.end)
		p->s->is_incomplete = true;
	redir->body = body;
	if (!redir->target.is_quoted) {
		p->st.command = pending.command;
		shell_read_body(p, body);
		p->st.command = outer;
	}
	p->pos = next;
}

static void read_newline(struct shell_parser *p)
{
	size_t first = p->st.heredocs;

	end_command(p, SHELL_NEWLINE);
	p->pos++;
	for (size_t i = first; i < p->heredocs.len && !p->has_ended; i++)
		read_heredoc(p, p->heredocs.items[i]);
	p->heredocs.len = p->heredocs.len > first ? first : p->heredocs.len;
}

static void skip_newlines(struct shell_parser *p)
{
	shell_skip_blanks(p);
	while (!shell_done(p) && p->text[p->pos] == '\n') {
		read_newline(p);
		shell_skip_blanks(p);
	}
}

/* The offset behind POS of a redirection's operator, -1 if none begins here. */
static int redirection_at(const struct shell_parser *p)
{
	uint32_t n = 0;
	char c;

	if (shell_peek(p, 0) == '&' && shell_peek(p, 1) == '>')
		return 0;
	if (shell_peek(p, 0) == '{' && shell_is_name_start(shell_peek(p, 1))) {
		for (n = 1; shell_is_name(shell_peek(p, n));)
			n++;
		if (shell_peek(p, n++) != '}')
			return -1;
	} else {
		while (shell_peek(p, n) >= '0' && shell_peek(p, n) <= '9')
			n++;
	}
	c = shell_peek(p, n);
	if (c != '<' && c != '>')
		return -1;
	return n == 0 && shell_peek(p, 1) == '(' ? -1 : (int)n;
}

static const struct redirection {
	const char *token;
	enum shell_redir_op op;
	int fd;
	const char *bashism;
} redirections[] = {
	{ "&>>", SHELL_APPEND, -1, "&>>" },    { "&>", SHELL_WRITE, -1, "&>" },
	{ "<<<", SHELL_HERESTRING, 0, "<<<" }, { "<<-", SHELL_HEREDOC, 0, NULL },
	{ "<<", SHELL_HEREDOC, 0, NULL },      { "<&", SHELL_DUP, 0, NULL },
	{ "<>", SHELL_WRITE, 0, NULL },        { "<", SHELL_READ, 0, NULL },
	{ ">>", SHELL_APPEND, 1, NULL },       { ">&", SHELL_DUP, 1, NULL },
	{ ">|", SHELL_WRITE, 1, NULL },        { ">", SHELL_WRITE, 1, NULL },
};

/* The operator at POS, of which the last row is all that it can be where the others do not match.
 */
static const struct redirection *match_redirection(const struct shell_parser *p)
{
	const struct redirection *r = redirections;

	for (; r < redirections + ARRAY_SIZE(redirections) - 1; r++) {
		size_t n = strlen(r->token);

		if (n <= p->end - p->pos && memcmp(p->text + p->pos, r->token, n) == 0)
			break;
	}
	return r;
}

/* The redirection of which the operator is PREFIX bytes behind POS. */
static void read_redirection(struct shell_parser *p, uint32_t prefix)
{
	struct shell_redir redir = { .start = p->pos };
	struct shell_pending pending = { 0 };
	const struct redirection *found;

	if (p->st.command == SHELL_NO_COMMAND)
		open_command(p, p->st.is_behind_compound ? SHELL_GROUP : SHELL_SIMPLE);
	p->pos += prefix;
	found = match_redirection(p);
	redir.op = found->op;
	redir.fd = found->fd;
	if (prefix > 0)
		redir.fd = p->text[redir.start] == '{' ? -1 : p->text[redir.start] - '0';
	if (found->bashism)
		shell_add_bashism(p, p->pos, p->pos + (uint32_t)strlen(found->token),
				  found->bashism);
	p->pos += (uint32_t)strlen(found->token);
	shell_skip_blanks(p);
	redir.target = shell_read_word(p, SHELL_WORD_VALUE);
	if (redir.target.end == redir.target.start)
		p->s->is_incomplete = true;
	if (redir.op == SHELL_DUP && redir.target.text &&
	    !strchr("0123456789-", redir.target.text[0])) {
		redir.op = SHELL_WRITE;
		shell_add_bashism(p, redir.start, redir.target.end, "a file behind >&");
	}
	if (p->has_failed)
		return;
	pending.command = p->st.command;
	pending.redir = (uint32_t)current(p)->redirs.len;
	pending.strips_tabs = strcmp(found->token, "<<-") == 0;
	vec_push(p->arena, &current(p)->redirs, redir);
	current(p)->end = redir.target.end;
	if (redir.op == SHELL_HEREDOC)
		vec_push(p->arena, &p->heredocs, pending);
}

/* The length of what stands at POS up to a blank or an operator. */
static uint32_t token_length(const struct shell_parser *p)
{
	uint32_t n = 0;

	while (p->pos + n < p->end && n < 16 && p->text[p->pos + n] &&
	       !strchr(" \t\r\n;&|<>()", p->text[p->pos + n]))
		n++;
	return n;
}

static bool is_token(const struct shell_parser *p, const char *token)
{
	size_t n = strlen(token);

	return token_length(p) == n && memcmp(p->text + p->pos, token, n) == 0;
}

/* The words up to ';' or the end of the line. */
static void read_for_words(struct shell_parser *p)
{
	for (;;) {
		struct shell_word w;

		shell_skip_blanks(p);
		w = shell_read_word(p, SHELL_WORD_PLAIN);
		if (w.end == w.start)
			return;
		push_word(p, w);
	}
}

static void read_for(struct shell_parser *p)
{
	uint32_t open = p->pos, end = 0;
	struct shell_word name;

	open_command(p, SHELL_FOR);
	if (shell_peek(p, 0) == 's')
		shell_add_bashism(p, open, open + 6, "select");
	push_token(p, token_length(p));
	shell_skip_blanks(p);
	if (shell_peek(p, 0) == '(' && shell_peek(p, 1) == '(') {
		shell_add_bashism(p, open, p->pos + 2, "for ((..))");
		end = shell_arithmetic_end(p, p->pos + 2);
		if (!p->has_failed && end > 0) {
			p->pos += 2;
			shell_read_arithmetic(p, end);
		}
	} else {
		name = shell_read_word(p, SHELL_WORD_VALUE);
		push_word(p, name);
		if (name.text)
			shell_add_set(p, (struct shell_span){ name.start, name.end }, name.text,
				      SHELL_SET_LOOP);
		shell_skip_blanks(p);
		while (!shell_done(p) && p->text[p->pos] == '\n') {
			p->pos++;
			shell_skip_blanks(p);
		}
		if (is_token(p, "in")) {
			push_token(p, 2);
			read_for_words(p);
		}
	}
	end_command(p, SHELL_NONE);
	push_frame(p, FRAME_FOR);
}

static void read_case(struct shell_parser *p)
{
	uint32_t open = p->pos, command;

	open_command(p, SHELL_CASE);
	command = p->st.command;
	push_token(p, token_length(p));
	shell_skip_blanks(p);
	push_word(p, shell_read_word(p, SHELL_WORD_VALUE));
	end_command(p, SHELL_NONE);
	skip_newlines(p);
	if (p->has_failed || p->has_ended)
		return;
	if (!is_token(p, "in")) {
		shell_fail_at(p, open);
		return;
	}
	p->pos += 2;
	push_frame(p, FRAME_PATTERN);
	p->frames[p->nframes - 1].command = command;
}

/* The patterns in front of ')', or esac. */
static void read_pattern(struct shell_parser *p)
{
	struct shell_word w;
	uint32_t outer = p->st.command;

	skip_newlines(p);
	if (shell_done(p))
		return;
	if (is_token(p, "esac")) {
		p->pos += 4;
		pop_frame(p);
		return;
	}
	if (shell_peek(p, 0) == '(')
		p->pos++;
	p->st.command = p->frames[p->nframes - 1].command;
	do {
		shell_skip_blanks(p);
		w = shell_read_word(p, SHELL_WORD_VALUE);
		shell_skip_blanks(p);
	} while (w.end > w.start && !shell_done(p) && p->text[p->pos] == '|' && p->pos++);
	p->st.command = outer;
	set_frame(p, FRAME_CASE);
	p->st.before = SHELL_NONE;
	if (!shell_done(p) && w.end > w.start && p->text[p->pos] == ')')
		p->pos++;
	else if (!p->has_failed && !p->has_ended)
		shell_fail_at(p, w.start);
}

/* One word or operator between [[ and ]]. */
static void read_test_part(struct shell_parser *p)
{
	const struct shell_words *words = &current(p)->words;
	const char *last = words->items[words->len - 1].text;
	bool is_regex = last && strcmp(last, "=~") == 0;
	char c = p->text[p->pos];
	struct shell_word w;

	if ((c == '&' || c == '|') && shell_peek(p, 1) == c) {
		push_token(p, 2);
	} else if (c && strchr("<>()", c) && !is_regex) {
		push_token(p, 1);
	} else {
		w = shell_read_word(p, is_regex ? SHELL_WORD_REGEX : SHELL_WORD_VALUE);
		if (w.end == w.start && !p->has_failed)
			shell_fail_at(p, w.start);
		push_word(p, w);
	}
}

static void read_test(struct shell_parser *p)
{
	uint32_t open = p->pos;

	open_command(p, SHELL_TEST);
	shell_add_bashism(p, open, open + 2, "[[ ]]");
	push_token(p, 2);
	while (!shell_done(p)) {
		shell_skip_blanks(p);
		if (shell_done(p))
			break;
		if (is_token(p, "]]")) {
			push_token(p, 2);
			return;
		}
		if (p->text[p->pos] == '\n')
			p->pos++;
		else
			read_test_part(p);
	}
	if (!p->has_failed && !p->has_ended)
		shell_fail_at(p, open);
}

static void name_function(struct shell_parser *p, struct shell_word w)
{
	struct shell_function f = { w.start, w.end, w.text };

	vec_push(p->arena, &p->s->functions, f);
	p->st.function = w.text;
	p->st.before = SHELL_NONE;
}

static void read_function(struct shell_parser *p)
{
	struct shell_word w;

	shell_add_bashism(p, p->pos, p->pos + 8, "function");
	p->pos += 8;
	shell_skip_blanks(p);
	w = shell_read_word(p, SHELL_WORD_VALUE);
	if (!w.text || w.end == w.start) {
		p->s->is_incomplete = true;
		return;
	}
	shell_skip_blanks(p);
	if (shell_peek(p, 0) == '(' && shell_peek(p, 1) == ')')
		p->pos += 2;
	skip_newlines(p);
	name_function(p, w);
}

static void read_not(struct shell_parser *p)
{
	p->st.is_negated = !p->st.is_negated;
	p->pos++;
}

static void read_time(struct shell_parser *p)
{
	p->pos += token_length(p);
}

static void open_brace(struct shell_parser *p)
{
	p->pos++;
	push_frame(p, FRAME_BRACE);
}

static void open_if(struct shell_parser *p)
{
	p->pos += 2;
	push_frame(p, FRAME_IF);
}

static void open_while(struct shell_parser *p)
{
	p->pos += 5;
	push_frame(p, FRAME_WHILE);
}

static const struct {
	const char *word;
	void (*read)(struct shell_parser *p);
} openers[] = {
	{ "!", read_not },       { "{", open_brace },           { "if", open_if },
	{ "while", open_while }, { "for", read_for },           { "until", open_while },
	{ "[[", read_test },     { "function", read_function }, { "case", read_case },
	{ "select", read_for },  { "time", read_time },
};

#define BIT(kind) (1U << (kind))
#define POP (-1)

/* Words that go on with or end a compound: the frames they may stand in, and what follows. */
static const struct {
	const char *word;
	unsigned in;
	int next;
} closers[] = {
	{ "then", BIT(FRAME_IF), FRAME_THEN },
	{ "elif", BIT(FRAME_THEN), FRAME_IF },
	{ "else", BIT(FRAME_THEN), FRAME_THEN },
	{ "fi", BIT(FRAME_THEN) | BIT(FRAME_IF), POP },
	{ "do", BIT(FRAME_WHILE) | BIT(FRAME_FOR), FRAME_DO },
	{ "done", BIT(FRAME_DO), POP },
	{ "esac", BIT(FRAME_CASE), POP },
	{ "}", BIT(FRAME_BRACE), POP },
};

static void close_compound(struct shell_parser *p, unsigned in, int next)
{
	const struct shell_frame *frame = top_frame(p);

	if (!frame || !(BIT(frame->kind) & in)) {
		p->s->is_incomplete = true;
		return;
	}
	if (next == POP) {
		pop_frame(p);
		return;
	}
	p->st.before = SHELL_NONE;
	p->st.is_behind_compound = false;
	set_frame(p, (enum shell_frame_kind)next);
	if (next == FRAME_IF)
		p->st.place.in_branch = true;
}

/* A reserved word at POS; false if there is none. */
static bool read_reserved(struct shell_parser *p)
{
	uint32_t n = token_length(p);

	for (size_t i = 0; i < ARRAY_SIZE(openers); i++) {
		if (is_token(p, openers[i].word)) {
			openers[i].read(p);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(closers); i++) {
		if (is_token(p, closers[i].word)) {
			p->pos += n;
			close_compound(p, closers[i].in, closers[i].next);
			return true;
		}
	}
	return false;
}

static bool is_declaration(const struct shell_command *c)
{
	static const char *const names[] = { "export", "local", "declare", "typeset", "readonly" };
	const char *text = c->words.len ? c->words.items[0].text : NULL;

	for (size_t i = 0; text && i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			return true;
	return false;
}

/* NAME=.. behind export, or an array behind eval: a word, with its value not split. */
static void read_declared(struct shell_parser *p, uint32_t value)
{
	struct shell_word w = { .start = p->pos, .use = (uint32_t)p->s->uses.len };
	struct shell_assign assign = shell_read_assign(p, value);

	w.end = assign.value.end;
	w.use_end = (uint32_t)p->s->uses.len;
	w.is_quoted = assign.value.is_quoted;
	w.is_assignment = true;
	w.has_substitution = assign.value.has_substitution;
	if (assign.value.text)
		w.text = arena_printf(p->arena, "%.*s%s", (int)(value - w.start), p->text + w.start,
				      assign.value.text);
	push_word(p, w);
	push_assign(p, assign);
}

/* A word or an assignment of the open command, or of one that begins with it. */
static void read_part(struct shell_parser *p)
{
	uint32_t value = shell_assignment_value(p), start = p->pos;
	struct shell_assign assign;

	if (p->st.is_behind_compound)
		p->s->is_incomplete = true;
	if (p->st.command == SHELL_NO_COMMAND)
		open_command(p, SHELL_SIMPLE);
	if (value > 0 && current(p)->words.len == 0) {
		assign = shell_read_assign(p, value);
		push_assign(p, assign);
		shell_add_set(p, (struct shell_span){ assign.start, assign.name_end }, assign.name,
			      SHELL_SET_ASSIGN);
	} else if (value > 0 &&
		   (is_declaration(current(p)) || (value < p->end && p->text[value] == '('))) {
		read_declared(p, value);
	} else {
		struct shell_word w = shell_read_word(p, SHELL_WORD_PLAIN);

		w.is_assignment = value > 0;
		push_word(p, w);
	}
	if (p->pos == start && !p->has_failed)
		shell_fail_at(p, start);
}

/* NAME ( ): the open command becomes a function's name. */
static bool read_function_name(struct shell_parser *p)
{
	struct shell_command *c = current(p);
	uint32_t at = p->pos + 1;

	while (at < p->end && (p->text[at] == ' ' || p->text[at] == '\t'))
		at++;
	if (c->kind != SHELL_SIMPLE || c->words.len != 1 || c->assigns.len || c->redirs.len ||
	    !c->words.items[0].text || c->words.items[0].is_quoted || at >= p->end ||
	    p->text[at] != ')')
		return false;
	p->pos = at + 1;
	p->s->commands.len--;
	p->st.command = SHELL_NO_COMMAND;
	name_function(p, c->words.items[0]);
	return true;
}

static void open_paren(struct shell_parser *p)
{
	uint32_t open = p->pos, end = 0;

	if (p->st.command != SHELL_NO_COMMAND) {
		if (read_function_name(p)) {
			const char *name = p->st.function;

			skip_newlines(p);
			p->st.function = name;
		} else {
			shell_fail_at(p, open);
		}
		return;
	}
	if (shell_peek(p, 1) == '(')
		end = shell_arithmetic_end(p, open + 2);
	if (p->has_failed)
		return;
	if (end == 0) {
		p->pos++;
		push_frame(p, FRAME_PAREN);
		return;
	}
	open_command(p, SHELL_ARITH);
	shell_add_bashism(p, open, open + 2, "((..))");
	p->pos += 2;
	shell_read_arithmetic(p, end);
	push_word(p, (struct shell_word){ .start = open, .end = p->pos });
}

/* ;; ;& ;;& or ; */
static void read_semicolon(struct shell_parser *p)
{
	const struct shell_frame *frame = top_frame(p);
	uint32_t n = shell_peek(p, 1) == ';' ? 2 : 1;

	n += shell_peek(p, n) == '&';
	end_command(p, SHELL_SEMI);
	if (n > 1 && p->text[p->pos + n - 1] == '&')
		shell_add_bashism(p, p->pos, p->pos + n, ";&");
	p->pos += n;
	if (n > 1 && frame && frame->kind == FRAME_CASE)
		set_frame(p, FRAME_PATTERN);
	else if (n > 1)
		p->s->is_incomplete = true;
}

static void read_operator(struct shell_parser *p)
{
	char c = p->text[p->pos];
	bool is_double = shell_peek(p, 1) == c;

	if (c == '|' && shell_peek(p, 1) == '&')
		shell_add_bashism(p, p->pos, p->pos + 2, "|&");
	end_command(p, c == '|' ? (is_double ? SHELL_OR : SHELL_PIPE)
				: (is_double ? SHELL_AND : SHELL_AMP));
	p->pos += is_double || (c == '|' && shell_peek(p, 1) == '&') ? 2 : 1;
}

/* A ')'; false where it ends the substitution. */
static bool close_paren(struct shell_parser *p)
{
	const struct shell_frame *frame = top_frame(p);

	end_command(p, SHELL_NONE);
	if (!frame && p->st.close == ')')
		return false;
	p->pos++;
	if (frame && frame->kind == FRAME_PAREN)
		pop_frame(p);
	else
		p->s->is_incomplete = true;
	return true;
}

/* What stands at POS in a list of commands; false where the list ends. */
static bool read_step(struct shell_parser *p)
{
	char c = p->text[p->pos];
	int redirection = redirection_at(p);

	if (redirection >= 0)
		read_redirection(p, (uint32_t)redirection);
	else if (c == '\n')
		read_newline(p);
	else if (c == ';')
		read_semicolon(p);
	else if (c == '&' || c == '|')
		read_operator(p);
	else if (c == '(')
		open_paren(p);
	else if (c == ')')
		return close_paren(p);
	else if (p->st.command != SHELL_NO_COMMAND || !read_reserved(p))
		read_part(p);
	return true;
}

#define DROP_LAST(list, claim)                                      \
	while ((list)->len && (list)->items[(list)->len - 1].claim) \
	(list)->len--

/* Forgets what reaches behind POS, where the reading goes on. */
static void drop_behind(struct shell *s, uint32_t pos)
{
	shell_sort_lists(s);
	DROP_LAST(&s->commands, start >= pos);
	DROP_LAST(&s->uses, start >= pos);
	DROP_LAST(&s->sets, start >= pos);
	DROP_LAST(&s->comments, start >= pos);
	DROP_LAST(&s->bashisms, start >= pos);
	DROP_LAST(&s->functions, start >= pos);
	vec_foreach (struct shell_command, c, &s->commands) {
		DROP_LAST(&c->assigns, value.end > pos);
		DROP_LAST(&c->words, end > pos);
		DROP_LAST(&c->redirs, target.end > pos);
		c->end = c->end > pos ? pos : c->end;
	}
}

/* Skips the line of the failure; false where there were too many. */
static bool recover(struct shell_parser *p)
{
	const char *newline = memchr(p->text + p->pos, '\n', p->end - p->pos);

	p->heredocs.len = 0;
	p->st.function = NULL;
	p->has_failed = false;
	p->pos = newline ? (uint32_t)(newline - p->text) : p->end;
	drop_behind(p->s, p->pos);
	return ++p->failures <= FAILURES_MAX;
}

static void read_list(struct shell_parser *p)
{
	for (;;) {
		const struct shell_frame *frame = top_frame(p);

		shell_skip_blanks(p);
		if (shell_done(p))
			break;
		if (frame && frame->kind == FRAME_PATTERN)
			read_pattern(p);
		else if (!read_step(p))
			return;
	}
	if (p->st.command != SHELL_NO_COMMAND)
		end_command(p, SHELL_NONE);
}

void shell_read_substitution(struct shell_parser *p, char close)
{
	struct shell_state outer = p->st;

	p->st = (struct shell_state){ .place = outer.place,
				      .command = SHELL_NO_COMMAND,
				      .frames = p->nframes,
				      .heredocs = p->heredocs.len,
				      .close = close };
	p->st.place.parent = outer.command;
	p->st.place.in_condition = false;
	p->st.place.in_subshell = true;
	p->st.place.in_substitution = true;
	read_list(p);
	p->nframes = p->st.frames;
	p->st = outer;
}

void shell_read_text(struct shell_parser *p)
{
	do {
		read_list(p);
	} while (p->has_failed && !p->has_ended && recover(p));
	if (p->nframes > 0)
		p->s->is_incomplete = true;
}
