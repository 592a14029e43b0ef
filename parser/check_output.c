/* SPDX-License-Identifier: Apache-2.0 */
/* What is written: LAYOUT, OUTPUT, and the configuration of docker and oci images. */
#include "check.h"

#include <ctype.h>
#include <string.h>

void check_LAYOUT(struct check *c, const struct ib_ast_instruction *in)
{
	const char *file = flag_text(in, "file");

	if (file && *file)
		check_path_word(c, ib_ast_flag(in, "file")->value, file, "file");
	layout_check(c->r, in);
}

static void check_format(struct check *c, const struct ib_ast_instruction *in,
			 const struct ib_ast_word *w)
{
	for (const struct ib_ast_word *other = in->words; other != w; other = other->next) {
		if (!other->text || strcmp(other->text, w->text) != 0)
			continue;
		ib_diag_add(c->diag, IB_D_DUPLICATE_OUTPUT, w->at, "format '%s' is given twice",
			    w->text);
		ib_diag_note(c->diag, other->at, "the first is here");
		return;
	}
	for (size_t i = 0; i < IB_FORMATS; i++) {
		if (strcmp(ib_formats[i], w->text) == 0)
			return;
	}
	if (strncmp(w->text, "--", 2) == 0)
		ib_diag_add(c->diag, IB_D_UNKNOWN_FLAG, w->at,
			    "flags stand directly behind OUTPUT");
	else
		ib_diag_unknown(c->diag, IB_D_UNKNOWN_FORMAT, w->at, w->text, ib_formats,
				IB_FORMATS, "unknown format '%s'", w->text);
}

static bool has_word(const struct ib_ast_word *words, const char *text)
{
	for (const struct ib_ast_word *w = words; w; w = w->next)
		if (!w->text || strcmp(w->text, text) == 0)
			return true;
	return false;
}

/* The flag before F with the same tag. */
static const struct ib_ast_flag *first_tag(const struct ib_ast_instruction *in,
					   const struct ib_ast_flag *f)
{
	for (const struct ib_ast_flag *other = in->flags; other != f; other = other->next)
		if (strcmp(other->name, "tag") == 0 && other->value && other->value->text &&
		    strcmp(other->value->text, f->value->text) == 0)
			return other;
	return NULL;
}

static void check_tags(struct check *c, const struct ib_ast_instruction *in)
{
	bool is_container = has_word(in->words, "docker") || has_word(in->words, "oci");

	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		const struct ib_ast_flag *first;
		const char *problem;

		if (strcmp(f->name, "tag") != 0 || !f->value || !f->value->text)
			continue;
		problem = tag_problem(f->value->text);
		if (problem) {
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at,
				    "expected --tag=NAME:TAG, not '%s': %s", f->value->text,
				    problem);
		} else if ((first = first_tag(in, f))) {
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->value->at,
				    "tag '%s' is given twice", f->value->text);
			ib_diag_note(c->diag, first->value->at, "the first is here");
		} else if (!is_container && in->words) {
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, f->name_at,
				    "--tag is the name of a docker or oci image, and this OUTPUT "
				    "writes neither");
		}
	}
}

void check_OUTPUT(struct check *c, const struct ib_ast_instruction *in)
{
	static const char *const checksums[] = { "md5", "sha256" };
	const char *list = flag_text(in, "checksum"), *name = flag_text(in, "name"), *part;
	const struct ib_ast_flag *options = ib_ast_flag(in, "options");
	size_t n;
	int count = 0;

	while (list && *list && list_next(&list, &part, &n)) {
		const char *word = arena_strndup(c->r->arena, part, n);

		if (strcmp(word, checksums[0]) != 0 && strcmp(word, checksums[1]) != 0)
			ib_diag_unknown(c->diag, IB_D_FLAG_VALUE,
					ib_ast_flag(in, "checksum")->value->at, word, checksums,
					ARRAY_SIZE(checksums), "unknown checksum '%s'", word);
	}
	if (name && *name && (name[strlen(name) - 1] == '/' || strchr(name, '\n')))
		ib_diag_add(c->diag, IB_D_BAD_NAME, ib_ast_flag(in, "name")->value->at,
			    "'%s' is not the name of a file", name);
	list = flag_text(in, "options");
	while (list && *list && list_next(&list, &part, &n)) {
		if (!memchr(part, '=', n) || *part == '=')
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, options->value->at,
				    "expected --options=KEY=VALUE,...");
	}
	check_tags(c, in);
	for (const struct ib_ast_word *w = in->words; w && count < 64; w = w->next, count++) {
		if (w->text)
			check_format(c, in, w);
	}
}

void check_CMD(struct check *c, const struct ib_ast_instruction *in)
{
	(void)c;
	(void)in;
}

void check_ENTRYPOINT(struct check *c, const struct ib_ast_instruction *in)
{
	(void)c;
	(void)in;
}

/* A number to 65535; ret_end behind it. -1 where there is none. */
static long port_number(const char *s, const char **ret_end)
{
	size_t n = strspn(s, "0123456789");
	long port = n && n <= 5 ? strtol(s, NULL, 10) : -1;

	*ret_end = s + n;
	return port > 65535 ? -1 : port;
}

/* 80, 80/udp, 8000-8080/tcp */
static bool is_port(const char *s)
{
	long first = port_number(s, &s), last = *s == '-' ? port_number(s + 1, &s) : first;

	return first >= 0 && last >= first &&
	       (!*s || strcmp(s, "/tcp") == 0 || strcmp(s, "/udp") == 0 || strcmp(s, "/sctp") == 0);
}

void check_EXPOSE(struct check *c, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		if (w->text && !is_port(w->text))
			ib_diag_add(c->diag, IB_D_BAD_VALUE, w->at,
				    "'%s' is not PORT or PORT/PROTOCOL, as 80, 53/udp or "
				    "8000-8010",
				    w->text);
}

void check_VOLUME(struct check *c, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		if (w->text && w->text[0] != '/')
			ib_diag_add(c->diag, IB_D_BAD_VALUE, w->at,
				    "a volume is an absolute path, not '%s'", w->text);
	}
}

void check_STOPSIGNAL(struct check *c, const struct ib_ast_instruction *in)
{
	const char *s = in->words ? in->words->text : NULL;

	if (s && strncmp(s, "SIG", 3) != 0 && (!*s || strspn(s, "0123456789") != strlen(s)))
		ib_diag_add(c->diag, IB_D_BAD_VALUE, in->words->at,
			    "'%s' is not a signal, as SIGTERM or 15", s);
}
