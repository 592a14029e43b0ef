/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a script; all offsets lie inside the text, and each list is in its order. */
#include "lint/shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* [START, END) lies in the text and does not begin in front of *LAST, which it becomes. */
static void place(uint32_t start, uint32_t end, uint32_t n, uint32_t *last)
{
	if (start > end || end > n || start < *last)
		abort();
	*last = start;
}

static void check_word(const struct shell *s, const struct shell_word *w)
{
	uint32_t none = 0;

	place(w->start, w->end, s->len, &none);
	if (w->use > w->use_end || w->use_end > s->uses.len)
		abort();
}

static void check_command(const struct shell *s, const struct shell_command *c)
{
	uint32_t word = c->start, assign = c->start, redir = c->start;

	vec_foreach (const struct shell_word, w, &c->words) {
		check_word(s, w);
		place(w->start, w->end, c->end, &word);
	}
	vec_foreach (const struct shell_assign, it, &c->assigns) {
		check_word(s, &it->value);
		place(it->start, it->name_end, c->end, &assign);
	}
	vec_foreach (const struct shell_redir, it, &c->redirs) {
		uint32_t body = 0;

		check_word(s, &it->target);
		place(it->start, it->target.end, c->end, &redir);
		place(it->body.start, it->body.end, s->len, &body);
	}
	if (c->place.parent != SHELL_NO_COMMAND && c->place.parent >= s->commands.len)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	cleanup_arena struct arena *a = arena_new();
	const struct shell *s = shell_parse(a, (const char *)data, n);
	uint32_t last[6] = { 0 };

	vec_foreach (const struct shell_command, c, &s->commands) {
		place(c->start, c->end, s->len, &last[0]);
		check_command(s, c);
	}
	vec_foreach (const struct shell_use, it, &s->uses)
		place(it->start, it->end, s->len, &last[1]);
	vec_foreach (const struct shell_set, it, &s->sets)
		place(it->start, it->end, s->len, &last[2]);
	vec_foreach (const struct shell_span, it, &s->comments)
		place(it->start, it->end, s->len, &last[3]);
	vec_foreach (const struct shell_bashism, it, &s->bashisms)
		place(it->start, it->end, s->len, &last[4]);
	vec_foreach (const struct shell_function, it, &s->functions)
		place(it->start, it->end, s->len, &last[5]);
	return 0;
}
