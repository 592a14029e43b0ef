/* SPDX-License-Identifier: Apache-2.0 */
/* RUN: its flags, and apt-get's part of it where that is all that it does. */
#include "convert/docker.h"

#include <ctype.h>
#include <string.h>

static bool begins(const char *text, const char *head)
{
	return strncmp(text, head, strlen(head)) == 0;
}

static void drop(struct docker *d, const struct docker_word *w, const char *why)
{
	docker_change(d, w->at, "");
	if (why)
		ib_diag_add(d->j->diag, IB_D_LEFT_OUT, w->at, "%s is left out: %s", w->text, why);
}

/* "type=bind,from=build,target=/x" */
static void convert_mount(struct docker *d, const struct docker_word *w)
{
	const char *value = w->text + strlen("--mount=");

	for (const char *p = value; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");
		uint32_t at = w->at.start + (uint32_t)(p - w->text);

		if (n == 8 && begins(p, "type=ssh")) {
			drop(d, w, "agents are not passed on; take a secret with the key");
			return;
		}
		if (n > 5 && begins(p, "from="))
			docker_source(d, arena_strndup(d->j->arena, p + 5, n - 5),
				      (struct ib_span){ at + 5, at + (uint32_t)n });
		p += n;
	}
}

static void convert_flags(struct docker *d, const struct docker_line *l)
{
	for (size_t i = 0; i < l->flags_len; i++) {
		const struct docker_word *w = &l->words.items[i];

		if (begins(w->text, "--mount="))
			convert_mount(d, w);
		else if (strcmp(w->text, "--network=default") == 0 ||
			 strcmp(w->text, "--security=sandbox") == 0)
			drop(d, w, NULL);
		else if (begins(w->text, "--network=host"))
			drop(d, w, "a step has the network, but not the host's name space");
		else if (begins(w->text, "--security=") || begins(w->text, "--device="))
			drop(d, w, "a step has no more rights than the others");
	}
}

/* A RUN that is nothing but apt-get: the packages that it installs. */
struct apt {
	struct docker *d;
	struct str_vec packages;
	bool no_recommends, ends_at_errors;
};

static bool is_package(const char *word)
{
	size_t n = strlen(word);

	if (!isalnum((unsigned char)word[0]) || word[n - 1] == '-')
		return false;
	return word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789.+-")] == '\0';
}

static bool is_option(struct apt *apt, const char *word)
{
	static const char *const known[] = { "-y",  "-q",   "-qq",   "-yq",     "-yqq",
					     "-qy", "-qqy", "--yes", "--quiet", "--assume-yes" };

	if (strcmp(word, "--no-install-recommends") == 0)
		return apt->no_recommends = true;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(word, known[i]) == 0)
			return true;
	return false;
}

/* apt-get [OPTION..] install|update|clean [OPTION|PACKAGE..] */
static bool read_apt(struct apt *apt, const struct str_vec *words)
{
	const char *verb = NULL;

	for (size_t i = 1; i < words->len; i++) {
		const char *word = words->items[i];

		if (word[0] == '-' && is_option(apt, word))
			continue;
		if (!verb)
			verb = word;
		else if (strcmp(verb, "install") == 0 && is_package(word))
			vec_push(apt->d->j->arena, &apt->packages, word);
		else
			return false;
	}
	return verb && (strcmp(verb, "install") == 0 || strcmp(verb, "update") == 0 ||
			strcmp(verb, "clean") == 0);
}

/* One command; true where it is part of installing. */
static bool read_command(struct apt *apt, struct str_vec words)
{
	const char *first = words.len ? words.items[0] : "";

	if (strcmp(first, "set") == 0 && words.len == 2 && words.items[1][0] == '-' &&
	    !words.items[1][1 + strspn(words.items[1] + 1, "eux")]) {
		apt->ends_at_errors |= strchr(words.items[1], 'e') != NULL;
		return true;
	}
	if (words.len > 1 && strcmp(first, "export") == 0)
		return words.len == 2 &&
		       strcmp(words.items[1], "DEBIAN_FRONTEND=noninteractive") == 0;
	if (strcmp(first, "DEBIAN_FRONTEND=noninteractive") == 0) {
		words.items++;
		words.len--;
		first = words.len ? words.items[0] : "";
	}
	if (strcmp(first, "apt-get") == 0 || strcmp(first, "apt") == 0)
		return read_apt(apt, &words);
	return strcmp(first, "rm") == 0 && words.len == 3 && strcmp(words.items[1], "-rf") == 0 &&
	       (strcmp(words.items[2], "/var/lib/apt/lists/*") == 0 ||
		strcmp(words.items[2], "/var/lib/apt/lists") == 0);
}

/* Commands joined by && (or ; behind set -e); anything else of the shell is not apt-get's alone. */
static bool read_commands(struct apt *apt, const struct docker_line *l)
{
	struct str_vec words = { NULL, 0, 0 };
	bool is_semi;

	for (size_t i = l->flags_len; i < l->words.len; i++) {
		const char *w = l->words.items[i].text;
		size_t n = strlen(w);

		if (w[strspn(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				"_-+./=*&;")])
			return false;
		is_semi = n > 0 && w[n - 1] == ';';
		if (!is_semi && strcmp(w, "&&") != 0) {
			if (strpbrk(w, "&;"))
				return false;
			vec_push(apt->d->j->arena, &words, w);
			continue;
		}
		if (is_semi && n > 1)
			vec_push(apt->d->j->arena, &words,
				 arena_strndup(apt->d->j->arena, w, n - 1));
		if (!read_command(apt, words) || (is_semi && !apt->ends_at_errors))
			return false;
		words = (struct str_vec){ NULL, 0, 0 };
	}
	return (!words.len || read_command(apt, words)) && apt->packages.len;
}

/* The comments between the lines of L. */
static void write_comments(struct docker *d, const struct docker_line *l, struct buf *out)
{
	const char *text = docker_bytes(d, l->args), *end = text + (l->args.end - l->args.start);

	while ((text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		text++;
		while (text < end && isblank((unsigned char)*text))
			text++;
		if (text < end && *text == '#')
			buf_printf(out, "%.*s\n", (int)strcspn(text, "\r\n"), text);
	}
}

static bool convert_packages(struct docker *d, const struct docker_line *l)
{
	const struct docker_stage *s = &d->stages.items[d->stages.len - 1];
	struct apt apt = { .d = d };
	cleanup_buf struct buf out = BUF_INIT;
	size_t column;

	if (l->flags_len || s->base == DOCKER_SCRATCH || !read_commands(&apt, l))
		return false;
	/* elements switch recommended packages off; with an image PACKAGE is a plain apt-get
	 * install */
	if (s->base == DOCKER_IMAGE && apt.no_recommends)
		return false;
	if (s->base == DOCKER_ELEMENT && !apt.no_recommends)
		ib_diag_add(d->j->diag, IB_D_GUESS, l->at,
			    "packages that are only recommended are not installed, as the "
			    "element has it");
	write_comments(d, l, &out);
	buf_str(&out, "PACKAGE");
	column = strlen("PACKAGE");
	vec_foreach (const char *, p, &apt.packages) {
		if (column + strlen(*p) > 96) {
			buf_str(&out, " \\\n   ");
			column = 3;
		}
		buf_printf(&out, " %s", *p);
		column += 1 + strlen(*p);
	}
	docker_change(d, l->all, arena_strdup(d->j->arena, out.data));
	return true;
}

/* Docker's shell goes on behind a command that fails; a recipe's is `sh -e`. */
static void note_errors(struct docker *d, const struct docker_line *l)
{
	if (d->is_loose_said || !(l->heredocs.len || strstr(l->text, "; ")) ||
	    strstr(l->text, "set -e"))
		return;
	d->is_loose_said = true;
	ib_diag_add(d->j->diag, IB_D_GUESS, l->at,
		    "a command that fails ends the step here, also in front of ';' and in "
		    "heredocs");
	ib_diag_hint(d->j->diag, "SHELL [\"/bin/sh\", \"-c\"] is Docker's");
}

void docker_run(struct docker *d, const struct docker_line *l)
{
	const struct docker_word *first =
		l->words.len > l->flags_len ? &l->words.items[l->flags_len] : NULL;

	if (!first) {
		docker_fail(d, l->at, "expected a command");
		return;
	}
	if (!docker_check_json(d, l,
			       strchr(l->text, '[') && first->text[0] == '[' ? strchr(l->text, '[')
									     : ""))
		return;
	convert_flags(d, l);
	if (!convert_packages(d, l))
		note_errors(d, l);
}
