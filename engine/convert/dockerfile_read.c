/* SPDX-License-Identifier: Apache-2.0 */
/* Splits a Dockerfile into instructions and their words, as Docker does. */
#include "convert/docker.h"

#include <imagebuild/utf8.h>

#include <ctype.h>
#include <string.h>

struct reader {
	struct docker *d;
	uint32_t pos, len; /* in the file */
	/* the arguments of the current instruction, joined, and where each byte stands */
	struct buf text;
	struct buf places; /* uint32_t each */
	bool is_directive; /* "# key=value" may still be a parser directive */
};

const char *docker_bytes(const struct docker *d, struct ib_span at)
{
	return d->text + (at.start - d->file.start);
}

static struct ib_span span(const struct reader *r, uint32_t start, uint32_t end)
{
	return (struct ib_span){ r->d->file.start + start, r->d->file.start + end };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The end of the line at POS, without its newline. */
static uint32_t line_end(const struct reader *r, uint32_t pos)
{
	const char *end = memchr(r->d->text + pos, '\n', r->len - pos);

	return end ? (uint32_t)(end - r->d->text) : r->len;
}

static uint32_t skip_blanks(const struct reader *r, uint32_t pos, uint32_t end)
{
	while (pos < end && is_blank(r->d->text[pos]))
		pos++;
	return pos;
}

static uint32_t trim(const struct reader *r, uint32_t start, uint32_t end)
{
	while (end > start && is_blank(r->d->text[end - 1]))
		end--;
	return end;
}

static int check_bytes(const struct reader *r)
{
	for (uint32_t i = 0, n; i < r->len; i += n) {
		n = (uint32_t)utf8_len(r->d->text + i, r->len - i);
		if (n && r->d->text[i])
			continue;
		docker_fail(r->d, span(r, i, i + 1), "expected UTF-8 text without NUL");
		return -1;
	}
	return 0;
}

/* "# syntax=", "# escape=", "# check=" in the first lines. */
static void read_directive(struct reader *r, uint32_t start, uint32_t end)
{
	const char *text = r->d->text;
	uint32_t key = skip_blanks(r, start + 1, end), key_end = key, value;
	size_t n;

	while (key_end < end && isalnum((unsigned char)text[key_end]))
		key_end++;
	value = skip_blanks(r, key_end, end);
	n = key_end - key;
	r->is_directive = value < end && text[value] == '=' &&
			  ((n == 6 && (strncasecmp(text + key, "syntax", n) == 0 ||
				       strncasecmp(text + key, "escape", n) == 0)) ||
			   (n == 5 && strncasecmp(text + key, "check", n) == 0));
	if (!r->is_directive)
		return;
	value = skip_blanks(r, value + 1, end);
	if (tolower((unsigned char)text[key]) == 'e') {
		if (value < end && (text[value] == '`' || text[value] == '\\'))
			r->d->escape = text[value];
		return;
	}
	if (n == 5)
		ib_diag_add(r->d->j->diag, IB_D_LEFT_OUT, span(r, start, end),
			    "the checks are BuildKit's; imagebuild's rules have other names");
	docker_change(r->d, span(r, start, end < r->len ? end + 1 : end), "");
}

/* Whether [START, END) ends in the escape; two of them are none. RET_END: before it. */
static bool is_continued(const struct reader *r, uint32_t start, uint32_t end, uint32_t *ret_end)
{
	const char *text = r->d->text;

	if (end == start || text[end - 1] != r->d->escape ||
	    (end - 1 > start && text[end - 2] == r->d->escape))
		return false;
	*ret_end = end - 1;
	return true;
}

static void add_piece(struct reader *r, uint32_t start, uint32_t end)
{
	buf_add(&r->text, r->d->text + start, end - start);
	for (uint32_t i = start; i < end; i++)
		buf_add(&r->places, &i, sizeof(i));
}

/* Joins the physical lines from POS on; the end of the last one. */
static uint32_t read_args(struct reader *r, uint32_t pos, bool *ret_is_open)
{
	uint32_t end, last = pos, stop;
	bool is_first = true;

	buf_reset(&r->text);
	buf_reset(&r->places);
	buf_str(&r->text, "");
	for (*ret_is_open = true; *ret_is_open && pos <= r->len; pos = end + 1) {
		uint32_t begin = skip_blanks(r, pos, end = line_end(r, pos));

		stop = trim(r, begin, end);
		if (!is_first && (begin >= stop || r->d->text[begin] == '#')) {
			if (end >= r->len)
				break;
			continue;
		}
		*ret_is_open = is_continued(r, pos, stop, &stop);
		add_piece(r, is_first ? begin : pos, stop > begin ? stop : begin);
		last = *ret_is_open ? stop : (stop > begin ? stop : begin);
		r->pos = end < r->len ? end + 1 : end;
		is_first = false;
	}
	return last;
}

/* Where the word at I of the joined text ends: blanks within quotes are its own. */
static size_t word_end(const struct reader *r, size_t i)
{
	const char *t = r->text.data;

	for (char quote = 0; i < r->text.len; i++) {
		if (t[i] == r->d->escape && quote != '\'' && i + 1 < r->text.len)
			i++;
		else if (quote ? t[i] == quote : t[i] == '"' || t[i] == '\'')
			quote = quote ? 0 : t[i];
		else if (!quote && is_blank(t[i]))
			break;
	}
	return i;
}

static void split_words(struct reader *r, struct docker_line *l)
{
	struct arena *a = r->d->j->arena;
	const uint32_t *places = (const uint32_t *)(const void *)r->places.data;
	bool in_flags = true;

	for (size_t i = 0, end; i < r->text.len; i = end) {
		end = i + 1;
		if (is_blank(r->text.data[i]))
			continue;
		end = word_end(r, i);
		in_flags = in_flags && strncmp(r->text.data + i, "--", 2) == 0 && end > i + 2;
		l->flags_len += in_flags;
		vec_push(a, &l->words,
			 ((struct docker_word){ arena_strndup(a, r->text.data + i, end - i),
						span(r, places[i], places[end - 1] + 1) }));
	}
}

/* "<<EOF", "3<<-'EOF'": the name without quotes; NULL for another word. */
static const char *heredoc_name(struct docker *d, const char *word, bool *ret_is_dash,
				bool *ret_is_quoted)
{
	cleanup_buf struct buf name = BUF_INIT;

	word += strspn(word, "0123456789");
	if (strncmp(word, "<<", 2) != 0)
		return NULL;
	word += 2;
	*ret_is_dash = *word == '-';
	word += *word == '-';
	if (!*word || strchr(word, '<'))
		return NULL;
	*ret_is_quoted = strpbrk(word, "'\"") != NULL;
	for (; *word; word++)
		if (*word != '\'' && *word != '"')
			buf_char(&name, *word);
	return name.len ? arena_strdup(d->j->arena, name.data) : NULL;
}

static void read_heredoc(struct reader *r, struct docker_line *l, const struct docker_word *w,
			 const char *name, bool is_dash, bool is_quoted)
{
	uint32_t start = r->pos, end, begin;
	size_t n = strlen(name);

	for (; r->pos < r->len; r->pos = end < r->len ? end + 1 : end) {
		begin = r->pos;
		end = line_end(r, begin);
		while (is_dash && begin < end && r->d->text[begin] == '\t')
			begin++;
		if (end - begin - (end > begin && r->d->text[end - 1] == '\r') != n ||
		    memcmp(r->d->text + begin, name, n) != 0)
			continue;
		vec_push(r->d->j->arena, &l->heredocs,
			 ((struct docker_heredoc){ w->at, span(r, start, r->pos), is_quoted }));
		l->all.end = r->d->file.start + end;
		r->pos = end < r->len ? end + 1 : end;
		return;
	}
	docker_fail(r->d, w->at, "heredoc without the line that ends it");
}

static void read_heredocs(struct reader *r, struct docker_line *l)
{
	static const char *const takers[] = { "RUN", "COPY", "ADD" };
	bool is_dash, is_quoted, can = false;

	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		can = can || strcmp(l->keyword, takers[i]) == 0;
	if (!can || l->text[0] == '[')
		return;
	vec_foreach (struct docker_word, w, &l->words) {
		const char *name = heredoc_name(r->d, w->text, &is_dash, &is_quoted);

		if (name)
			read_heredoc(r, l, w, name, is_dash, is_quoted);
	}
}

static void read_instruction(struct reader *r, uint32_t start, uint32_t end)
{
	struct arena *a = r->d->j->arena;
	struct docker_line l = { .keyword = NULL };
	uint32_t key_end = start, args_end;
	bool is_open;
	char *keyword;

	while (key_end < end && !is_blank(r->d->text[key_end]) &&
	       (r->d->text[key_end] != r->d->escape || key_end == start))
		key_end++;
	keyword = arena_strndup(a, r->d->text + start, key_end - start);
	for (char *p = keyword; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	l.keyword = keyword;
	l.at = span(r, start, key_end);
	args_end = read_args(r, key_end, &is_open);
	l.args = span(r, key_end, args_end);
	/* the escape in the last line continues nothing */
	if (is_open)
		docker_change(r->d, span(r, args_end, r->len), "\n");
	l.all = (struct ib_span){ l.at.start, l.args.end };
	l.text = arena_strndup(a, r->text.data, r->text.len);
	split_words(r, &l);
	read_heredocs(r, &l);
	vec_push(a, &r->d->lines, l);
}

int docker_read(struct docker *d)
{
	struct reader r = { .d = d,
			    .len = d->file.end - d->file.start,
			    .text = BUF_INIT,
			    .places = BUF_INIT,
			    .is_directive = true };

	if (check_bytes(&r) < 0)
		return -1;
	if (r.len >= 3 && memcmp(d->text, "\xef\xbb\xbf", 3) == 0) {
		docker_change(d, span(&r, 0, 3), "");
		r.pos = 3;
	}
	while (r.pos < r.len) {
		uint32_t end = line_end(&r, r.pos), begin = skip_blanks(&r, r.pos, end);

		if (begin < end && d->text[begin] != '#') {
			r.is_directive = false;
			read_instruction(&r, begin, end);
			continue;
		}
		if (begin == end)
			r.is_directive = false;
		if (r.is_directive)
			read_directive(&r, begin, trim(&r, begin, end));
		r.pos = end < r.len ? end + 1 : end;
	}
	buf_release(&r.text);
	buf_release(&r.places);
	return d->has_failed ? -1 : 0;
}
