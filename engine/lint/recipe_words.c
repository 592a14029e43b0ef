/* SPDX-License-Identifier: Apache-2.0 */
#include "lint/recipe.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const struct ib_ast_instruction *
recipe_next(const struct lint_recipe *r, const struct ib_ast_instruction *in, const char *keyword)
{
	while ((in = lint_next(r, in))) {
		if (in->is_unknown || in->is_broken || in->is_left_out || !in->directive)
			continue;
		if (!keyword || lint_is(in, keyword))
			return in;
	}
	return NULL;
}

/* Blocks nest at most 64 deep (docs/limits.md). */
static uint32_t nodes_end(const struct ib_ast_node *n)
{
	uint32_t end = 0, inner;

	for (; n; n = n->next) {
		inner = nodes_end(n->children);
		end = inner > n->at.end ? inner : n->at.end;
	}
	return end;
}

uint32_t recipe_end(const struct ib_ast_instruction *in)
{
	uint32_t end = nodes_end(in->nodes);

	if (in->at.end > end)
		end = in->at.end;

	for (const struct ib_ast_heredoc *h = in->heredocs; h; h = h->next)
		if (h->body_at.end > end)
			end = h->body_at.end;
	return end;
}

const struct ib_ast_word *word_last(const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *w = in->words;

	while (w && w->next)
		w = w->next;
	return w;
}

bool word_is_plain(const struct ib_ast_word *w)
{
	return w->text && strcmp(w->text, w->raw) == 0 && w->at.end - w->at.start >= strlen(w->raw);
}

struct ib_span word_bytes(const struct ib_ast_word *w, size_t start, size_t end)
{
	if (!word_is_plain(w) || end <= start)
		return w->at;
	return (struct ib_span){ ib_ast_source(w->at, &w->segments, start),
				 ib_ast_source(w->at, &w->segments, end - 1) + 1 };
}

const char *flag_value(const struct ib_ast_instruction *in, const char *name)
{
	const struct ib_ast_flag *f = ib_ast_flag(in, name);

	return f && f->value ? f->value->text : NULL;
}

bool begins_with(const char *s, const char *part)
{
	return strncasecmp(s, part, strlen(part)) == 0;
}

bool ends_with(const char *s, const char *part)
{
	size_t n = strlen(s), m = strlen(part);

	return n >= m && strcasecmp(s + n - m, part) == 0;
}

bool reference_next(const char *raw, char escape, size_t *at, struct reference *ret_reference)
{
	bool is_literal = false;

	for (size_t i = *at; raw[i]; i++) {
		size_t start = i + 1 + (raw[i] == '$' && raw[i + 1] == '{');
		size_t end = start;

		if (raw[i] == '\'')
			is_literal = !is_literal;
		if (is_literal)
			continue;
		if (raw[i] == escape && raw[i + 1]) {
			i++;
			continue;
		}
		while (raw[i] == '$' && (isalnum((unsigned char)raw[end]) || raw[end] == '_'))
			end++;
		if (end == start)
			continue;
		*ret_reference = (struct reference){ start, end };
		*at = end;
		return true;
	}
	return false;
}
