/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts: which language, where their bytes stand, and the rules on them. */
#include "lint/private.h"

#include "lint/shell.h"

#include <string.h>

/* The program of "#!/usr/bin/env bash" or "#!/bin/sh -e": its name without directories. */
static const char *interpreter(const char *line, size_t len, size_t *ret_len)
{
	const char *end = line + len, *word = line + 2, *stop, *base;

	for (;;) {
		while (word < end && (*word == ' ' || *word == '\t'))
			word++;
		for (stop = word; stop < end && *stop != ' ' && *stop != '\t' && *stop != '\r';)
			stop++;
		for (base = stop; base > word && base[-1] != '/';)
			base--;
		*ret_len = (size_t)(stop - base);
		if (*ret_len != 3 || strncmp(base, "env", 3) != 0)
			return base;
		word = stop;
	}
}

static enum lint_language language_of(const char *program, size_t len)
{
	static const struct {
		const char *name;
		enum lint_language language;
	} shells[] = {
		{ "sh", LINT_SH },     { "dash", LINT_SH },  { "ash", LINT_SH },
		{ "bash", LINT_BASH }, { "ksh", LINT_BASH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (strlen(shells[i].name) == len && strncmp(shells[i].name, program, len) == 0)
			return shells[i].language;
	return LINT_OTHER;
}

enum lint_language lint_language(const char *program)
{
	const char *name = ib_base_name(program);

	return language_of(name, strlen(name));
}

struct ib_span lint_script_span(const struct lint_script *s, size_t start, size_t end)
{
	static const struct ib_segment_vec none = { NULL, 0, 0 };
	const struct ib_segment_vec *segments = s->segments ? s->segments : &none;
	uint32_t from = ib_ast_source(s->at, segments, start);

	if (end <= start)
		return (struct ib_span){ from, from };
	return (struct ib_span){ from, ib_ast_source(s->at, segments, end - 1) + 1 };
}

void lint_script(struct lint *l, struct lint_script *s)
{
	if (s->len > 2 && memcmp(s->text, "#!", 2) == 0) {
		size_t n = strcspn(s->text, "\n"), len = 0;
		const char *name;

		s->shebang = arena_strndup(l->arena, s->text, n);
		name = interpreter(s->text, n, &len);
		s->language = language_of(name, len);
	}
	if (s->language != LINT_OTHER)
		s->shell = shell_parse(l->arena, s->text, s->len);
	vec_push(l->arena, &l->scripts, *s);
	for (size_t i = 0; lint_script_rules[i]; i++)
		lint_script_rules[i](l, s);
}
