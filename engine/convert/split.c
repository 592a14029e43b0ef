/* SPDX-License-Identifier: Apache-2.0 */
/* A command as words: quotes and backslashes as the POSIX shell has them (POSIX.1-2017 XCU 2.2). */
#include "convert/private.h"

#include <imagebuild/error.h>

#include <string.h>

struct splitter {
	struct convert_job *j;
	const char *text;
	size_t len, pos;
	uint32_t base;    /* where TEXT begins in the sources */
	bool is_verbatim; /* its bytes stand there; else a place is all of it */
	struct ib_span at;
};

static struct ib_span span_of(const struct splitter *s, size_t start, size_t end)
{
	if (!s->is_verbatim)
		return s->at;
	return (struct ib_span){ s->base + (uint32_t)start, s->base + (uint32_t)end };
}

static int refuse(struct splitter *s, size_t at, const char *why)
{
	ib_diag_add(s->j->diag, IB_D_BAD_CONVERSION_INPUT, span_of(s, at, at + 1), "%s", why);
	ib_diag_hint(s->j->diag, "give the command as the shell would run it, all filled in");
	return -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Blanks, and backslashes that continue a line. */
static void skip_blanks(struct splitter *s)
{
	for (;;) {
		if (s->pos < s->len && is_blank(s->text[s->pos]))
			s->pos++;
		else if (s->pos + 1 < s->len && s->text[s->pos] == '\\' &&
			 s->text[s->pos + 1] == '\n')
			s->pos += 2;
		else
			return;
	}
}

static int take_quoted(struct splitter *s, struct buf *word)
{
	size_t open = s->pos;
	char quote = s->text[s->pos++];

	for (; s->pos < s->len && s->text[s->pos] != quote; s->pos++) {
		char c = s->text[s->pos];

		if (quote == '"' && (c == '$' || c == '`'))
			return refuse(s, s->pos, "the shell would expand this");
		if (quote == '"' && c == '\\' && s->pos + 1 < s->len &&
		    strchr("\"\\$`\n", s->text[s->pos + 1])) {
			c = s->text[++s->pos];
			if (c == '\n')
				continue;
		}
		buf_char(word, c);
	}
	if (s->pos == s->len)
		return refuse(s, open, "quote without its end");
	s->pos++;
	return 0;
}

static int take_word(struct splitter *s, struct ib_word_vec *ret_words)
{
	cleanup_buf struct buf word = BUF_INIT;
	size_t start = s->pos;

	buf_str(&word, "");
	while (s->pos < s->len && !is_blank(s->text[s->pos])) {
		char c = s->text[s->pos];

		if (c == '\'' || c == '"') {
			if (take_quoted(s, &word) < 0)
				return -1;
			continue;
		}
		if (strchr("$`*?[", c) || (c == '~' && s->pos == start))
			return refuse(s, s->pos, "the shell would expand this");
		if (strchr(";|&<>()#", c) && (c != '#' || s->pos == start))
			return refuse(s, s->pos, "expected one command and its words");
		if (c == '\\' && s->pos + 1 < s->len)
			c = s->text[++s->pos];
		s->pos++;
		if (c != '\n')
			buf_char(&word, c);
	}
	vec_push(
		s->j->arena, ret_words,
		((struct ib_word){ arena_strndup(s->j->arena, word.data ? word.data : "", word.len),
				   span_of(s, start, s->pos) }));
	return 0;
}

int command_split(struct convert_job *j, const char *text, struct ib_span at,
		  struct ib_word_vec *ret_words)
{
	struct splitter s = {
		.j = j, .text = text, .len = strlen(text), .base = at.start, .at = at
	};

	s.is_verbatim = at.end - at.start == s.len;
	for (skip_blanks(&s); s.pos < s.len; skip_blanks(&s))
		if (take_word(&s, ret_words) < 0)
			return -1;
	return 0;
}

/* The words of an argument vector as one text, so that each has a place. */
static int place_words(struct convert_job *j, const struct str_vec *words,
		       struct ib_word_vec *ret_words, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct ib_span at;

	buf_str(&text, "");
	vec_foreach (const char *, w, words) {
		buf_str(&text, w > words->items ? " " : "");
		buf_str(&text, *w);
	}
	if (ib_sources_add(j->sources, "command", text.data, text.len, &at, err) < 0)
		return -1;
	for (size_t i = 0, pos = 0; i < words->len; i++) {
		size_t n = strlen(words->items[i]);
		struct ib_word word = { words->items[i],
					{ at.start + (uint32_t)pos,
					  at.start + (uint32_t)(pos + n) } };

		vec_push(j->arena, ret_words, word);
		pos += n + 1;
	}
	return 0;
}

static int convert_words(struct convert_job *j, const struct ib_word_vec *words,
			 const struct ib_pair_vec *env)
{
	struct image i;

	if (command_read(j, words, env, &i) < 0)
		return -1;
	if (convert_image(j, &i, "Imagefile") < 0)
		return -1;
	convert_became(j, "command", "Imagefile");
	return 0;
}

int convert_command(struct convert_job *j, const struct str_vec *words,
		    const struct ib_pair_vec *env, struct ib_error *err)
{
	struct ib_word_vec placed = { NULL, 0, 0 };

	if (place_words(j, words, &placed, err) < 0)
		return -1;
	return convert_words(j, &placed, env);
}

int convert_command_text(struct convert_job *j, const char *text, const struct ib_pair_vec *env,
			 struct ib_error *err)
{
	struct ib_word_vec words = { NULL, 0, 0 };
	struct ib_span at;

	if (ib_sources_add(j->sources, "command", text, strlen(text), &at, err) < 0)
		return -1;
	if (command_split(j, text, at, &words) < 0)
		return -1;
	return convert_words(j, &words, env);
}
