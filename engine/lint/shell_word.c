/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a script: quotes, expansions, substitutions, assignments, arithmetic. Each reader begins
 * at p->pos and leaves it behind what it read; where a quote or bracket is not closed, it fails
 * there and p->pos is at the opening one. */
#include "lint/shell_private.h"

#include <string.h>

#define BRACES_MAX 256

static void read_dollar(struct shell_parser *p, struct shell_quoting q, struct shell_word *w);

bool shell_is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool shell_is_name(char c)
{
	return shell_is_name_start(c) || (c >= '0' && c <= '9');
}

void shell_add_bashism(struct shell_parser *p, uint32_t start, uint32_t end, const char *what)
{
	struct shell_bashism b = { start, end, what };

	vec_push(p->arena, &p->s->bashisms, b);
}

void shell_add_set(struct shell_parser *p, struct shell_span at, const char *name,
		   enum shell_set_how how)
{
	struct shell_set set = { at.start, at.end, name, p->st.command, how };

	vec_push(p->arena, &p->s->sets, set);
}

void shell_fail_at(struct shell_parser *p, uint32_t pos)
{
	p->pos = pos;
	p->has_failed = true;
	p->s->is_incomplete = true;
}

/* Whether there may be one more level; if not, the reading of the text ends. */
static bool enter(struct shell_parser *p)
{
	if (p->nframes + p->depth >= SHELL_NESTING_MAX) {
		p->has_ended = p->s->is_incomplete = true;
		return false;
	}
	p->depth++;
	return true;
}

/* The end of a part that had an end of its own: what failed in it fails no further. */
static void leave_part(struct shell_parser *p, uint32_t end, uint32_t pos)
{
	p->end = end;
	p->pos = pos;
	p->has_failed = false;
}

static void read_single_quotes(struct shell_parser *p)
{
	const char *from = p->text + p->pos + 1;
	const char *close = memchr(from, '\'', p->end - p->pos - 1);

	if (!close) {
		shell_fail_at(p, p->pos);
		return;
	}
	p->pos = (uint32_t)(close - p->text) + 1;
}

static void skip_escaped(struct shell_parser *p)
{
	p->pos = p->pos + 2 <= p->end ? p->pos + 2 : p->end;
}

/* $'..', from its quote on */
static void read_ansi_quotes(struct shell_parser *p)
{
	uint32_t open = p->pos++;

	while (p->pos < p->end && p->text[p->pos] != '\'') {
		if (p->text[p->pos] == '\\')
			skip_escaped(p);
		else
			p->pos++;
	}
	if (p->pos >= p->end)
		shell_fail_at(p, open);
	else
		p->pos++;
}

/* The substitution marks W. */
static void mark_substitution(struct shell_quoting q, struct shell_word *w)
{
	w->text = NULL;
	w->has_substitution = true;
	if (q.is_split && !q.is_quoted)
		w->has_unquoted = true;
}

static void read_backquotes(struct shell_parser *p, struct shell_quoting q, struct shell_word *w)
{
	uint32_t open = p->pos, end = p->end, close = open + 1;

	while (close < end && p->text[close] != '`')
		close += p->text[close] == '\\' ? 2 : 1;
	if (close >= end) {
		shell_fail_at(p, open);
		return;
	}
	mark_substitution(q, w);
	if (!enter(p))
		return;
	p->pos = open + 1;
	p->end = close;
	shell_read_substitution(p, '\0');
	p->depth--;
	leave_part(p, end, close + 1);
}

/* $(..), <(..) or >(..), from the parenthesis on */
static void read_substitution(struct shell_parser *p, struct shell_quoting q, struct shell_word *w)
{
	uint32_t open = p->pos;

	mark_substitution(q, w);
	if (!enter(p))
		return;
	p->pos++;
	shell_read_substitution(p, ')');
	p->depth--;
	if (p->has_failed || p->has_ended)
		return;
	if (shell_peek(p, 0) != ')')
		shell_fail_at(p, open);
	else
		p->pos++;
}

static void read_double_quotes(struct shell_parser *p, struct shell_quoting q, struct shell_word *w)
{
	uint32_t open = p->pos++;

	q.is_quoted = true;
	while (!shell_done(p) && p->text[p->pos] != '"') {
		if (p->text[p->pos] == '\\')
			skip_escaped(p);
		else if (p->text[p->pos] == '$')
			read_dollar(p, q, w);
		else if (p->text[p->pos] == '`')
			read_backquotes(p, q, w);
		else
			p->pos++;
	}
	if (p->has_failed || p->has_ended)
		return;
	if (p->pos >= p->end)
		shell_fail_at(p, open);
	else
		p->pos++;
}

/* One step of what has quotes and expansions in it. */
static void read_piece(struct shell_parser *p, struct shell_quoting q, struct shell_word *w)
{
	switch (p->text[p->pos]) {
	case '\\':
		skip_escaped(p);
		break;
	case '\'':
		read_single_quotes(p);
		break;
	case '"':
		read_double_quotes(p, q, w);
		break;
	case '$':
		read_dollar(p, q, w);
		break;
	case '`':
		read_backquotes(p, q, w);
		break;
	default:
		p->pos++;
	}
}

/* Up to CLOSE, which may stand in quotes; OPEN is where it fails. Within double quotes a single
 * one is a plain character unless HAS_QUOTES. */
static void read_up_to(struct shell_parser *p, char close, uint32_t open, bool has_quotes,
		       struct shell_quoting q, struct shell_word *w)
{
	while (!shell_done(p) && p->text[p->pos] != close) {
		if (p->text[p->pos] == '\'' && q.is_quoted && !has_quotes)
			p->pos++;
		else
			read_piece(p, q, w);
	}
	if (p->has_failed || p->has_ended)
		return;
	if (p->pos >= p->end)
		shell_fail_at(p, open);
	else
		p->pos++;
}

/* Adds the use of the parameter named by [START, END); it begins at AT. */
static struct shell_use *add_use(struct shell_parser *p, uint32_t at, uint32_t start, uint32_t end,
				 struct shell_quoting q)
{
	struct shell_use use = { .start = at,
				 .end = end,
				 .name = arena_strndup(p->arena, p->text + start, end - start),
				 .command = p->st.command,
				 .is_quoted = q.is_quoted,
				 .is_split = q.is_split && !q.is_quoted };

	vec_push(p->arena, &p->s->uses, use);
	return &p->s->uses.items[p->s->uses.len - 1];
}

/* The end of the parameter's name at POS: a name, digits (one if not IN_BRACES) or one special. */
static uint32_t parameter_end(const struct shell_parser *p, uint32_t pos, bool in_braces)
{
	uint32_t end = pos;

	if (end >= p->end)
		return end;
	if (shell_is_name_start(p->text[end])) {
		while (end < p->end && shell_is_name(p->text[end]))
			end++;
		return end;
	}
	while (end < p->end && p->text[end] >= '0' && p->text[end] <= '9') {
		end++;
		if (!in_braces)
			return end;
	}
	if (end == pos && p->text[end] && strchr("@*#?-$!", p->text[end]))
		end++;
	return end;
}

/* What the operator at POS makes of USE; passes it. */
static char read_operator(struct shell_parser *p, struct shell_use *use)
{
	uint32_t colon = shell_peek(p, 0) == ':';
	char op = shell_peek(p, colon);
	struct shell_span at = { p->pos, p->pos + 1 };

	if (op && strchr("-=+?", op)) {
		use->has_default = true;
		use->has_alternative = op == '+';
		use->has_error = op == '?';
		if (op == '=')
			shell_add_set(p, (struct shell_span){ use->start, use->end }, use->name,
				      SHELL_SET_DEFAULT);
		p->pos += colon + 1;
		return op;
	}
	if (colon)
		shell_add_bashism(p, at.start, at.end, "${name:offset}");
	else if (op == '/')
		shell_add_bashism(p, at.start, at.end, "${name/pattern/string}");
	else if (op == '^' || op == ',')
		shell_add_bashism(p, at.start, at.end, "a change of case in ${}");
	else if (op == '@')
		shell_add_bashism(p, at.start, at.end, "${name@operator}");
	return colon ? ':' : op;
}

/* ${..} from the dollar on */
static void read_parameter(struct shell_parser *p, struct shell_quoting q, struct shell_word *w)
{
	uint32_t open = p->pos, name = open + 2, index;
	char op;

	if (!enter(p))
		return;
	p->pos = name;
	if ((shell_peek(p, 0) == '#' || shell_peek(p, 0) == '!') &&
	    (shell_is_name(shell_peek(p, 1)) ||
	     (shell_peek(p, 1) && strchr("@*", shell_peek(p, 1))))) {
		if (shell_peek(p, 0) == '!')
			shell_add_bashism(p, open, open + 3, "${!name}");
		name++;
	}
	p->pos = parameter_end(p, name, true);
	index = (uint32_t)p->s->uses.len;
	if (p->pos > name)
		add_use(p, open, name, p->pos, q);
	if (p->pos > name && shell_peek(p, 0) == '[') {
		shell_add_bashism(p, p->pos, p->pos + 1, "an array");
		p->pos++;
		read_up_to(p, ']', open, false, (struct shell_quoting){ true, false }, w);
	}
	if (!shell_done(p) && p->pos > name) {
		op = read_operator(p, &p->s->uses.items[index]);
		read_up_to(p, '}', open, op == '#' || op == '%' || op == '/', q, w);
	} else if (!shell_done(p)) {
		read_up_to(p, '}', open, false, q, w);
	} else if (!p->has_failed) {
		shell_fail_at(p, open);
	}
	p->depth--;
	if (index < p->s->uses.len && p->s->uses.items[index].start == open && !p->has_failed)
		p->s->uses.items[index].end = p->pos;
}

static void read_dollar(struct shell_parser *p, struct shell_quoting q, struct shell_word *w)
{
	uint32_t open = p->pos, end;
	char next = shell_peek(p, 1);

	if (next == '(' && shell_peek(p, 2) == '(' &&
	    (end = shell_arithmetic_end(p, open + 3)) > 0) {
		w->text = NULL;
		w->has_unquoted |= q.is_split && !q.is_quoted;
		p->pos = open + 3;
		shell_read_arithmetic(p, end);
		return;
	}
	if (p->has_failed)
		return;
	if (next == '(') {
		p->pos++;
		read_substitution(p, q, w);
		return;
	}
	if (!q.is_quoted && (next == '\'' || next == '"')) {
		shell_add_bashism(p, open, open + 2, next == '"' ? "$\"..\"" : "$'..'");
		p->pos++;
		if (next == '\'')
			read_ansi_quotes(p);
		else
			read_double_quotes(p, q, w);
		return;
	}
	end = next == '{' ? open + 2 : parameter_end(p, open + 1, false);
	if (end == open + 1) {
		p->pos++;
		return;
	}
	w->text = NULL;
	w->has_unquoted |= q.is_split && !q.is_quoted;
	if (next == '{') {
		read_parameter(p, q, w);
		return;
	}
	add_use(p, open, open + 1, end, q);
	p->pos = end;
}

uint32_t shell_arithmetic_end(struct shell_parser *p, uint32_t from)
{
	uint32_t open = p->pos, at = from;

	for (unsigned depth = 0; at < p->end; at++) {
		char c = p->text[at];

		if (c == '\\')
			at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth-- == 0)
			return at + 1 < p->end && p->text[at + 1] == ')' ? at : 0;
	}
	shell_fail_at(p, open);
	return 0;
}

/* A bare name in arithmetic: read, and set where an assignment follows. */
static void read_arithmetic_name(struct shell_parser *p)
{
	uint32_t start = p->pos, end = parameter_end(p, start, true);
	struct shell_use *use =
		add_use(p, start, start, end, (struct shell_quoting){ true, false });
	const char *ops[] = { "++", "--", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=" };
	char next;

	use->is_arithmetic = true;
	p->pos = end;
	shell_skip_blanks(p);
	next = shell_peek(p, 0);
	if (next == '=' && shell_peek(p, 1) != '=')
		shell_add_set(p, (struct shell_span){ start, end }, use->name, SHELL_SET_ARITH);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (next == ops[i][0] && shell_peek(p, 1) == ops[i][1])
			shell_add_set(p, (struct shell_span){ start, end }, use->name,
				      SHELL_SET_ARITH);
}

void shell_read_arithmetic(struct shell_parser *p, uint32_t end)
{
	struct shell_word ignored = { 0 };
	uint32_t outer = p->end;

	p->end = end;
	if (!enter(p))
		return;
	while (!shell_done(p)) {
		char c = p->text[p->pos];

		if (shell_is_name_start(c))
			read_arithmetic_name(p);
		else if (c >= '0' && c <= '9')
			while (p->pos < end &&
			       (shell_is_name(p->text[p->pos]) || p->text[p->pos] == '#'))
				p->pos++;
		else
			read_piece(p, (struct shell_quoting){ true, false }, &ignored);
	}
	p->depth--;
	leave_part(p, outer, end + 2);
}

void shell_read_body(struct shell_parser *p, struct shell_span body)
{
	struct shell_word ignored = { 0 };
	struct shell_quoting q = { true, false };
	uint32_t end = p->end;

	p->pos = body.start;
	p->end = body.end;
	while (!shell_done(p)) {
		char c = p->text[p->pos];

		if (c == '\\')
			skip_escaped(p);
		else if (c == '$')
			read_dollar(p, q, &ignored);
		else if (c == '`')
			read_backquotes(p, q, &ignored);
		else
			p->pos++;
	}
	leave_part(p, end, body.end);
}

/* Notes {a,b} and {1..9} at POS. */
static void note_braces(struct shell_parser *p)
{
	uint32_t at = p->pos + 1;
	bool has_list = false;

	for (; at < p->end && at - p->pos < BRACES_MAX && !strchr("} \t\n;&|<>()\"'", p->text[at]);
	     at++)
		has_list |= p->text[at] == ',' || (p->text[at] == '.' && p->text[at - 1] == '.');
	if (has_list && at < p->end && p->text[at] == '}')
		shell_add_bashism(p, p->pos, at + 1, "brace expansion");
}

/* The value of the backslash sequence of $'..' at *S, which it passes. */
static char ansi_escape(const char **s, const char *end)
{
	static const char letters[] = "abefnrtv", values[] = "\a\b\033\f\n\r\t\v";
	const char *letter;
	unsigned value = 0;

	if (**s == 'x') {
		char digits[3] = { 0 };

		for (size_t i = 0;
		     i < 2 && *s + 1 < end && strchr("0123456789abcdefABCDEF", (*s)[1]); i++)
			digits[i] = *++*s;
		++*s;
		return (char)strtoul(digits, NULL, 16);
	}
	if (**s >= '0' && **s <= '7') {
		for (size_t i = 0; i < 3 && *s < end && **s >= '0' && **s <= '7'; i++)
			value = value * 8 + (unsigned)(*(*s)++ - '0');
		return (char)value;
	}
	letter = **s ? strchr(letters, **s) : NULL;
	++*s;
	return letter ? values[letter - letters] : (*s)[-1];
}

/* The quoted run at *S up to QUOTE, appended at OUT; returns the end of what is written. */
static char *decode_quoted(const char **s, const char *end, char quote, bool is_ansi, char *out)
{
	const char *from = *s;

	while (from < end && *from != quote) {
		char c = *from++;

		if (c != '\\' || from >= end || (quote == '\'' && !is_ansi))
			*out++ = c;
		else if (is_ansi)
			*out++ = ansi_escape(&from, end);
		else if (*from == '\n')
			from++;
		else if (strchr("$`\"\\", *from))
			*out++ = *from++;
		else
			*out++ = c;
	}
	*s = from < end ? from + 1 : end;
	return out;
}

/* The text of the static word [START, END) without its quotes. */
static const char *decode(struct shell_parser *p, uint32_t start, uint32_t end)
{
	char *text = arena_alloc(p->arena, (size_t)(end - start) + 1), *out = text;
	const char *s = p->text + start, *stop = p->text + end;

	while (s < stop) {
		char c = *s++;

		if (c == '\'' || c == '"') {
			out = decode_quoted(&s, stop, c, false, out);
		} else if (c == '$' && s < stop && (*s == '\'' || *s == '"')) {
			c = *s++;
			out = decode_quoted(&s, stop, c, c == '\'', out);
		} else if (c == '\\' && s < stop) {
			if (*s != '\n')
				*out++ = *s;
			s++;
		} else {
			*out++ = c;
		}
	}
	return text;
}

/* Whether the character at POS ends a word of KIND; GROUPS are the open parentheses of a regex. */
static bool ends_word(const struct shell_parser *p, enum shell_word_kind kind, unsigned groups)
{
	char c = p->text[p->pos];

	if (c == ' ' || c == '\t' || c == '\n')
		return groups == 0 || c == '\n';
	if (kind == SHELL_WORD_REGEX)
		return false;
	if (c == '<' || c == '>')
		return shell_peek(p, 1) != '(';
	return c && strchr(";&|()", c);
}

struct shell_word shell_read_word(struct shell_parser *p, enum shell_word_kind kind)
{
	struct shell_word w = { .start = p->pos, .use = (uint32_t)p->s->uses.len, .text = "" };
	struct shell_quoting q = { false, kind == SHELL_WORD_PLAIN };
	unsigned groups = 0;
	bool is_behind_glob = false;

	while (!shell_done(p)) {
		char c = p->text[p->pos];
		bool is_glob = c && strchr("?*[", c);

		if (c == '(' && is_behind_glob && kind != SHELL_WORD_REGEX) {
			shell_add_bashism(p, p->pos - 1, p->pos + 1, "an extended pattern");
			read_up_to(p, ')', p->pos++, true, q, &w);
			continue;
		}
		if (ends_word(p, kind, groups))
			break;
		if (kind == SHELL_WORD_REGEX && (c == '(' || c == ')'))
			groups = c == '(' ? groups + 1 : groups - (groups > 0);
		w.has_glob |= is_glob;
		w.is_quoted |= c == '\'' || c == '"' || (c == '\\' && shell_peek(p, 1) != '\n');
		if (c == '{')
			note_braces(p);
		is_behind_glob = c && strchr("?*+@!", c);
		if (c == '<' || c == '>') {
			shell_add_bashism(p, p->pos, p->pos + 2, "process substitution");
			p->pos++;
			read_substitution(p, q, &w);
		} else {
			read_piece(p, q, &w);
		}
	}
	w.end = p->pos > w.start ? p->pos : w.start;
	w.use_end = (uint32_t)p->s->uses.len;
	if (w.end - w.start == 1 && p->text[w.start] == '[')
		w.has_glob = false;
	if (w.text)
		w.text = p->has_failed ? NULL : decode(p, w.start, w.end);
	return w;
}

uint32_t shell_assignment_value(const struct shell_parser *p)
{
	uint32_t at = p->pos;

	if (at >= p->end || !shell_is_name_start(p->text[at]))
		return 0;
	while (at < p->end && shell_is_name(p->text[at]))
		at++;
	if (at < p->end && p->text[at] == '[') {
		uint32_t limit = p->end - at > BRACES_MAX ? at + BRACES_MAX : p->end;

		while (at < limit && p->text[at] != ']' && p->text[at] != '\n')
			at++;
		if (at >= limit || p->text[at++] != ']')
			return 0;
	}
	if (at + 1 < p->end && p->text[at] == '+' && p->text[at + 1] == '=')
		return at + 2;
	return at < p->end && p->text[at] == '=' ? at + 1 : 0;
}

/* NAME=( WORD.. ) from the parenthesis on */
static struct shell_word read_array(struct shell_parser *p)
{
	struct shell_word w = { .start = p->pos, .use = (uint32_t)p->s->uses.len, .end = p->pos };
	uint32_t open = p->pos++;

	shell_add_bashism(p, open, open + 1, "an array");
	if (!enter(p))
		return w;
	while (!shell_done(p) && p->text[p->pos] != ')') {
		uint32_t before = p->pos;

		shell_skip_blanks(p);
		if (!shell_done(p) && p->text[p->pos] == '\n')
			p->pos++;
		else if (!shell_done(p) && p->text[p->pos] != ')' &&
			 shell_read_word(p, SHELL_WORD_PLAIN).end == before && p->pos == before)
			shell_fail_at(p, open);
	}
	p->depth--;
	if (!p->has_failed && !p->has_ended && p->pos >= p->end)
		shell_fail_at(p, open);
	else if (!p->has_failed && !p->has_ended)
		p->pos++;
	w.end = p->pos > w.start ? p->pos : w.start;
	w.use_end = (uint32_t)p->s->uses.len;
	return w;
}

struct shell_assign shell_read_assign(struct shell_parser *p, uint32_t value)
{
	uint32_t start = p->pos, end = parameter_end(p, start, true);
	struct shell_assign assign = { .name = arena_strndup(p->arena, p->text + start,
							     end - start),
				       .start = start,
				       .name_end = end,
				       .is_append = p->text[value - 2] == '+' };

	if (p->text[end] == '[') {
		struct shell_word ignored = { 0 };

		shell_add_bashism(p, end, end + 1, "an array");
		p->pos = end + 1;
		read_up_to(p, ']', start, true, (struct shell_quoting){ true, false }, &ignored);
		if (p->has_failed || p->has_ended || p->pos > value)
			p->pos = value > p->pos ? value : p->pos;
		else
			p->pos = value;
	} else {
		p->pos = value;
	}
	if (assign.is_append)
		shell_add_bashism(p, value - 2, value, "+=");
	assign.is_array = !shell_done(p) && p->text[p->pos] == '(';
	assign.value = assign.is_array ? read_array(p) : shell_read_word(p, SHELL_WORD_VALUE);
	return assign;
}
