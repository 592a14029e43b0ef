/* SPDX-License-Identifier: Apache-2.0 */
/* source-repository-* files, and what lies in an element that should not. */
#include "lint/element_private.h"

#include <ctype.h>
#include <string.h>

static bool is_source_file(const struct lint_file *f)
{
	return strncmp(f->path, "source-repository-", 18) == 0 && !strchr(f->path, '/') &&
	       f->text.end && f->path[strlen(f->path) - 1] != '~';
}

/* A line of such a file: NAME TYPE DESTINATION LOCATION REF. */
struct source {
	struct lint_line line;
	const char *words[5]; /* NULL where there are fewer */
	struct ib_span at[5];
};

static bool next_source(const struct lint *l, const struct lint_file *f, uint32_t *at,
			struct source *s)
{
	do {
		if (!lint_next_line(l, f->text, at, &s->line))
			return false;
	} while (s->line.text[0] == '#');
	memset(s->words, 0, sizeof(s->words));
	for (size_t i = 0, n = 0; n < ARRAY_SIZE(s->words) && i < s->line.len; n++) {
		size_t start = i;

		while (i < s->line.len && !isspace((unsigned char)s->line.text[i]))
			i++;
		s->words[n] = arena_strndup(l->arena, s->line.text + start, i - start);
		s->at[n] = (struct ib_span){ s->line.at.start + (uint32_t)start,
					     s->line.at.start + (uint32_t)i };
		while (i < s->line.len && isspace((unsigned char)s->line.text[i]))
			i++;
	}
	return true;
}

/* SOURCE_NO_NEWLINE: dib reads by `read`, which fails on such a line. */
void lint_3026(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		const char *text = f->text.end ? ib_sources_text(l->sources, f->text) : NULL;
		size_t n = f->text.end - f->text.start;
		struct lint_line line = { NULL, 0, { 0, 0 }, { 0, 0 } };

		if (!is_source_file(f) || n == 0 || text[n - 1] == '\n')
			continue;
		for (uint32_t at = f->text.start; lint_next_line(l, f->text, &at, &line);)
			;
		if (!line.text || line.whole.end != f->text.end || line.text[0] == '#')
			continue;
		lint_add(l, IB_R_SOURCE_NO_NEWLINE, line.at,
			 "the last line has no newline, so dib does not read it");
		ib_diag_edit(l->diag, (struct ib_span){ f->text.end, f->text.end }, "\n");
	}
}

struct taken {
	const char *dest;
	struct ib_span at;
};
struct taken_vec VEC(struct taken);

/* SOURCE_DEST_CLASH */
void lint_3027(struct lint *l, const struct lint_element *e)
{
	struct taken_vec all = { NULL, 0, 0 };

	vec_foreach (struct lint_file, f, &e->files) {
		struct source s;

		for (uint32_t at = f->text.start;
		     is_source_file(f) && next_source(l, f, &at, &s);) {
			const struct taken *old = NULL;

			if (!s.words[2])
				continue;
			vec_foreach (struct taken, t, &all)
				if (strcmp(t->dest, s.words[2]) == 0)
					old = t;
			vec_push(l->arena, &all, ((struct taken){ s.words[2], s.at[2] }));
			if (!old)
				continue;
			lint_add(l, IB_R_SOURCE_DEST_CLASH, s.at[2],
				 "two sources go to '%s': the second finds the first in its place",
				 s.words[2]);
			ib_diag_note(l->diag, old->at, "the first");
		}
	}
}

/* A commit, or a tag with a number in it, stays what it is; a branch does not. */
static bool is_pinned(const char *ref)
{
	size_t n = strlen(ref);

	if (strchr(ref, '$') || strncmp(ref, "refs/tags/", 10) == 0 ||
	    (n >= 7 && strspn(ref, "0123456789abcdefABCDEF") == n))
		return true;
	ref += *ref == 'v' || *ref == 'V';
	return isdigit((unsigned char)*ref) && strchr(ref, '.');
}

/* SOURCE_UNPINNED */
void lint_7008(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		struct source s;

		for (uint32_t at = f->text.start;
		     is_source_file(f) && next_source(l, f, &at, &s);) {
			const char *ref = s.words[4];

			if (!s.words[3] || strcmp(s.words[1], "git") != 0 ||
			    (ref && is_pinned(ref)))
				continue;
			lint_add(l, IB_R_SOURCE_UNPINNED, s.at[ref ? 4 : 3],
				 ref ? "source '%s' is what '%s' of its repository is on the day "
				       "of the build"
				     : "source '%s' has no ref, so it is what %s of its repository "
				       "is on the "
				       "day of the build",
				 s.words[0], ref ? ref : "master");
			ib_diag_hint(l->diag, "name a commit or a tag");
		}
	}
}

void lint_sources(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		struct source s;

		for (uint32_t at = f->text.start; is_source_file(f) && next_source(l, f, &at, &s);)
			if (s.words[3] && strncmp(s.words[3], "http://", 7) == 0) {
				lint_add(l, IB_R_HTTP_URL, s.at[3],
					 "what comes over http can be changed on its way");
				ib_diag_hint(l->diag, "use https");
			}
	}
}

/* SECRET_IN_ELEMENT: a private key in PEM (RFC 7468) or OpenSSH's armour. */
void lint_7011(struct lint *l, const struct lint_element *e)
{
	vec_foreach (struct lint_file, f, &e->files) {
		struct lint_line line;

		for (uint32_t at = f->text.start;
		     f->text.end && lint_next_line(l, f->text, &at, &line);) {
			if (line.len < 27 || memcmp(line.text, "-----BEGIN ", 11) != 0 ||
			    memcmp(line.text + line.len - 16, "PRIVATE KEY-----", 16) != 0)
				continue;
			lint_add(
				l, IB_R_SECRET_IN_ELEMENT, line.at,
				"'%s' holds a private key, which everybody who has the element has",
				f->path);
		}
	}
}
