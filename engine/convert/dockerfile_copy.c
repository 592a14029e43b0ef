/* SPDX-License-Identifier: Apache-2.0 */
/* COPY and ADD: Docker's ADD unpacks local archives and downloads; here COPY and ADD share that. */
#include "convert/docker.h"

#include <string.h>

enum source { PLAIN, ARCHIVE, REMOTE };

static bool begins(const char *text, const char *head)
{
	return strncmp(text, head, strlen(head)) == 0;
}

static bool ends(const char *text, const char *tail)
{
	size_t n = strlen(text), m = strlen(tail);

	return n >= m && strcmp(text + n - m, tail) == 0;
}

static enum source source_of(const char *word)
{
	static const char *const remote[] = { "http://", "https://", "git@", "git://", "ssh://" };
	static const char *const archives[] = { ".tar",  ".tar.gz", ".tgz", ".tar.bz2",
						".tbz2", ".tar.xz", ".txz", ".tar.zst" };

	word += *word == '"' || *word == '\'';
	for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
		if (begins(word, remote[i]))
			return REMOTE;
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++)
		if (ends(word, archives[i]))
			return ARCHIVE;
	return PLAIN;
}

void docker_source(struct docker *d, const char *name, struct ib_span at)
{
	const struct docker_stage *s = docker_stage_find(d, name);

	if (!s)
		docker_change(d, at, docker_image(d, name, at));
	else if (strcmp(s->name, name) != 0)
		docker_change(d, at, s->name);
}

/* Flags that recipes do not have; those that say no do nothing. */
static const struct {
	const char *name, *why;
} dropped[] = {
	{ "--link", "the store keeps what each step makes" },
	{ "--parents", "write a COPY for each directory" },
	{ "--exclude", "name what is left out in .imageignore" },
	{ "--keep-git-dir", "ADD takes the files alone; SOURCE keeps .git" },
};

static void convert_flag(struct docker *d, const struct docker_word *w)
{
	size_t n = strcspn(w->text, "=");

	if (begins(w->text, "--from=")) {
		docker_source(d, w->text + n + 1,
			      (struct ib_span){ w->at.start + (uint32_t)n + 1, w->at.end });
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		if (strlen(dropped[i].name) != n || !begins(w->text, dropped[i].name))
			continue;
		docker_change(d, w->at, "");
		if (!ends(w->text, "=false"))
			ib_diag_add(d->j->diag, IB_D_LEFT_OUT, w->at, "%s is left out: %s",
				    dropped[i].name, dropped[i].why);
	}
}

/* ADD's kinds of sources, as bits; a heredoc is plain. */
static unsigned kinds_of(const struct docker_line *l, bool is_unpacked, bool is_packed)
{
	unsigned kinds = 0;

	for (size_t i = l->flags_len; i + 1 < l->words.len; i++) {
		enum source s = source_of(l->words.items[i].text);

		if (s == ARCHIVE && is_packed)
			s = PLAIN;
		else if (s == PLAIN && is_unpacked)
			s = ARCHIVE;
		kinds |= 1u << s;
	}
	return kinds;
}

/* One line of ADD for each kind of its sources. */
static void write_kind(const struct docker_line *l, enum source kind, bool is_packed,
		       struct buf *out)
{
	buf_str(out, out->len ? "\n" : "");
	buf_str(out, kind == REMOTE ? "ADD" : "COPY");
	buf_str(out, kind == ARCHIVE ? " --unpack" : "");
	for (size_t i = 0; i < l->words.len; i++) {
		const char *text = l->words.items[i].text;
		bool is_source = i >= l->flags_len && i + 1 < l->words.len;
		enum source s = source_of(text);

		s = s == ARCHIVE && is_packed ? PLAIN : s;
		if (is_source ? s == kind
			      : i >= l->flags_len || begins(text, "--chown=") ||
					begins(text, "--chmod=") ||
					(kind == REMOTE && begins(text, "--checksum=")))
			buf_printf(out, " %s", text);
	}
}

static void convert_add(struct docker *d, const struct docker_line *l)
{
	bool is_unpacked = false, is_packed = false;
	cleanup_buf struct buf out = BUF_INIT;
	const char *line = "COPY";
	unsigned kinds;

	for (size_t i = 0; i < l->flags_len; i++) {
		is_unpacked |= strcmp(l->words.items[i].text, "--unpack") == 0 ||
			       strcmp(l->words.items[i].text, "--unpack=true") == 0;
		is_packed |= strcmp(l->words.items[i].text, "--unpack=false") == 0;
	}
	kinds = kinds_of(l, is_unpacked, is_packed);
	if (kinds == 1u << REMOTE)
		return;
	if (kinds == 1u << PLAIN || kinds == 1u << ARCHIVE) {
		if (kinds == 1u << ARCHIVE && !is_unpacked)
			line = "COPY --unpack";
		docker_change(d, l->at, line);
		return;
	}
	for (int kind = PLAIN; kind <= REMOTE; kind++)
		if (kinds & 1u << kind)
			write_kind(l, (enum source)kind, is_packed, &out);
	docker_change(d, (struct ib_span){ l->at.start, l->args.end },
		      arena_strdup(d->j->arena, out.data));
}

/* Docker looks into an archive, not at its name. */
static void note_doubt(struct docker *d, const struct docker_line *l)
{
	for (size_t i = l->flags_len; i + 1 < l->words.len; i++) {
		const struct docker_word *w = &l->words.items[i];

		if (source_of(w->text) == PLAIN && strpbrk(w->text, "*?[$") &&
		    !begins(w->text, "<<") && w->text[0] != '[')
			ib_diag_add(d->j->diag, IB_D_GUESS, w->at,
				    "'%s' is copied; ADD unpacks archives, for which it is "
				    "COPY --unpack",
				    w->text);
	}
}

void docker_copy(struct docker *d, const struct docker_line *l)
{
	if (l->words.len < l->flags_len + 2 && l->text[0] != '[') {
		docker_fail(d, l->at, "expected sources and a destination");
		return;
	}
	for (size_t i = 0; i < l->flags_len; i++)
		convert_flag(d, &l->words.items[i]);
	if (l->keyword[0] == 'A') {
		convert_add(d, l);
		note_doubt(d, l);
	}
	docker_open(d, l->args);
	vec_foreach (struct docker_heredoc, h, &l->heredocs)
		if (!h->is_quoted)
			docker_open(d, h->body);
}
