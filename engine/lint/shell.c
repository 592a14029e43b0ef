/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a script: its shebang, what its commands set and switch on, and questions to them.
 */
#include "lint/shell_private.h"

#include <string.h>

/* The options of "-eux" or the name behind "-o". */
static void note_options(struct shell *s, const char *text, const char *next)
{
	for (const char *c = text + 1; *c; c++) {
		s->has_errexit |= *c == 'e' || (*c == 'o' && next && strcmp(next, "errexit") == 0);
		s->has_nounset |= *c == 'u' || (*c == 'o' && next && strcmp(next, "nounset") == 0);
		s->has_pipefail |= *c == 'o' && next && strcmp(next, "pipefail") == 0;
	}
}

static void note_set(struct shell *s, const struct shell_command *c)
{
	const struct shell_place *place = &c->place;

	if (place->function || place->in_subshell || place->in_branch || place->in_condition)
		return;
	for (size_t i = 1; i < c->words.len; i++) {
		const char *text = c->words.items[i].text;

		if (text && text[0] == '-' && strcmp(text, "--") != 0)
			note_options(s, text,
				     i + 1 < c->words.len ? c->words.items[i + 1].text : NULL);
	}
}

/* The length of the name that TEXT begins with. */
static size_t name_length(const char *text)
{
	size_t n = 0;

	if (!shell_is_name_start(text[0]))
		return 0;
	while (shell_is_name(text[n]))
		n++;
	return n;
}

/* The words from FIRST on that are names are set so. */
static void note_names(struct shell_parser *p, const struct shell_command *c, size_t first,
		       enum shell_set_how how)
{
	for (size_t i = first; i < c->words.len; i++) {
		const struct shell_word *w = &c->words.items[i];

		if (w->text && w->text[0] && name_length(w->text) == strlen(w->text))
			shell_add_set(p, (struct shell_span){ w->start, w->end }, w->text, how);
	}
}

void shell_note_command(struct shell_parser *p, const struct shell_command *c)
{
	static const char *const declarations[] = { "export", "local", "declare", "typeset",
						    "readonly" };
	static const char *const readers[] = { "read", "mapfile", "readarray" };
	const char *name = c->kind == SHELL_SIMPLE && c->words.len ? c->words.items[0].text : NULL;

	if (!name)
		return;
	vec_foreach (const struct shell_assign, it, &c->assigns)
		if (it->start > c->words.items[0].start)
			shell_add_set(p, (struct shell_span){ it->start, it->name_end }, it->name,
				      SHELL_SET_EXPORT);
	for (size_t i = 0; i < ARRAY_SIZE(declarations); i++)
		if (strcmp(name, declarations[i]) == 0)
			note_names(p, c, 1, SHELL_SET_DECLARE);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (strcmp(name, readers[i]) == 0)
			note_names(p, c, 1, SHELL_SET_READ);
	if (strcmp(name, "getopts") == 0)
		note_names(p, c, 2, SHELL_SET_READ);
	if (strcmp(name, "printf") == 0 && c->words.len > 2 && c->words.items[1].text &&
	    strcmp(c->words.items[1].text, "-v") == 0)
		note_names(p, c, 2, SHELL_SET_READ);
	if (strcmp(name, "set") == 0)
		note_set(p->s, c);
	p->s->has_source |=
		strcmp(name, ".") == 0 || strcmp(name, "source") == 0 || strcmp(name, "eval") == 0;
}

/* The next blank-separated part of LINE, which is passed; NULL at its end. */
static const char *next_part(struct arena *a, const char **line, const char *end)
{
	const char *start;

	while (*line < end && (**line == ' ' || **line == '\t' || **line == '\r'))
		++*line;
	start = *line;
	while (*line < end && **line != ' ' && **line != '\t' && **line != '\r')
		++*line;
	return *line > start ? arena_strndup(a, start, (size_t)(*line - start)) : NULL;
}

static void read_shebang(struct shell_parser *p)
{
	struct shell *s = p->s;
	const char *newline = memchr(p->text, '\n', p->end),
		   *end = newline ? newline : p->text + p->end;
	const char *line = p->text + 2, *part, *option = NULL;

	if (p->end < 2 || memcmp(p->text, "#!", 2) != 0)
		return;
	s->shebang.end = (uint32_t)(end - p->text);
	p->pos = s->shebang.end;
	part = next_part(p->arena, &line, end);
	if (part && strcmp(ib_base_name(part), "env") == 0)
		while ((part = next_part(p->arena, &line, end)) &&
		       (part[0] == '-' || strchr(part, '=')))
			;
	if (!part)
		return;
	s->interpreter = ib_base_name(part);
	for (part = next_part(p->arena, &line, end); part; part = option) {
		option = next_part(p->arena, &line, end);
		if (part[0] == '-')
			note_options(s, part, option);
	}
}

static int by_set(const void *a, const void *b)
{
	uint32_t x = ((const struct shell_set *)a)->start, y = ((const struct shell_set *)b)->start;

	return (x > y) - (x < y);
}

static int by_bashism(const void *a, const void *b)
{
	uint32_t x = ((const struct shell_bashism *)a)->start,
		 y = ((const struct shell_bashism *)b)->start;

	return (x > y) - (x < y);
}

void shell_sort_lists(struct shell *s)
{
	if (s->sets.len)
		qsort(s->sets.items, s->sets.len, sizeof(*s->sets.items), by_set);
	if (s->bashisms.len)
		qsort(s->bashisms.items, s->bashisms.len, sizeof(*s->bashisms.items), by_bashism);
}

/* Programs that run another: their options that take a word, and the operands in front of it. */
static const struct wrapper {
	const char *name, *with_value;
	unsigned operands;
} wrappers[] = {
	{ "env", "uCS", 0 },  { "sudo", "ugphCDRT", 0 }, { "exec", "a", 0 },
	{ "command", "", 0 }, { "nohup", "", 0 },        { "time", "fo", 0 },
	{ "nice", "n", 0 },   { "ionice", "cnp", 0 },    { "eatmydata", "", 0 },
	{ "chroot", "", 1 },  { "timeout", "ks", 1 },    { "builtin", "", 0 },
};

static const struct wrapper *find_wrapper(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++)
		if (strcmp(name, wrappers[i].name) == 0)
			return &wrappers[i];
	return NULL;
}

/* The index behind the options and operands of the wrapper W, which is at AT; 0 if it runs nothing.
 */
static size_t behind_wrapper(const struct shell_command *c, size_t at, const struct wrapper *w)
{
	unsigned operands = w->operands;

	for (at++; at < c->words.len; at++) {
		const char *text = c->words.items[at].text;

		if (text && text[0] == '-' && text[1]) {
			size_t n = strlen(text);

			if (strcmp(w->name, "command") == 0 && (text[1] == 'v' || text[1] == 'V'))
				return 0;
			if (text[1] != '-' && n == 2 && strchr(w->with_value, text[1]))
				at++;
		} else if (c->words.items[at].is_assignment) {
			continue;
		} else if (operands > 0) {
			operands--;
		} else {
			return at;
		}
	}
	return 0;
}

static const char *find_program(const struct shell_command *c, size_t *ret_at)
{
	size_t at = 0;

	if (c->kind != SHELL_SIMPLE || c->words.len == 0)
		return NULL;
	for (;;) {
		const char *text = c->words.items[at].text;
		const struct wrapper *w;
		size_t next;

		if (!text)
			return NULL;
		w = find_wrapper(ib_base_name(text));
		next = w ? behind_wrapper(c, at, w) : 0;
		if (next == 0) {
			*ret_at = at;
			return ib_base_name(text);
		}
		at = next;
	}
}

static void find_programs(struct shell *s)
{
	vec_foreach (struct shell_command, c, &s->commands)
		c->program = find_program(c, &c->program_at);
}

struct shell *shell_parse(struct arena *a, const char *text, size_t len)
{
	struct shell *s = arena_alloc(a, sizeof(*s));
	struct shell_parser p = { .arena = a, .s = s, .text = text, .end = (uint32_t)len };

	s->text = text;
	if (len > SHELL_TEXT_MAX) {
		s->is_incomplete = true;
		return s;
	}
	s->len = (uint32_t)len;
	p.st.command = p.st.place.parent = SHELL_NO_COMMAND;
	read_shebang(&p);
	shell_read_text(&p);
	shell_sort_lists(s);
	find_programs(s);
	return s;
}

const char *shell_program(const struct shell_command *c, size_t *ret_at)
{
	if (c->program)
		*ret_at = c->program_at;
	return c->program;
}

bool shell_has_word(const struct shell_command *c, size_t at, const char *text)
{
	for (; at < c->words.len; at++)
		if (c->words.items[at].text && strcmp(c->words.items[at].text, text) == 0)
			return true;
	return false;
}

bool shell_has_option(const struct shell_command *c, size_t at, char letter, const char *long_name)
{
	size_t n = long_name ? strlen(long_name) : 0;

	for (; at < c->words.len; at++) {
		const char *text = c->words.items[at].text;

		if (!text || text[0] != '-')
			continue;
		if (strcmp(text, "--") == 0)
			return false;
		if (text[1] != '-' && letter && strchr(text + 1, letter))
			return true;
		if (n && strncmp(text, long_name, n) == 0 && (!text[n] || text[n] == '='))
			return true;
	}
	return false;
}
