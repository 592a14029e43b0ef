/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on what is fetched and copied. */
#include "lint/recipe.h"

#include <ctype.h>
#include <string.h>

static bool is_http(const char *s)
{
	return begins_with(s, "http://") || begins_with(s, "https://");
}

/* --- base images --- */

static void check_tag(struct lint *l, const struct ib_ast_word *w, const char *text, size_t at)
{
	const char *oci = text ? strstr(text, "oci:") : NULL,
		   *colon = oci ? strrchr(oci + 4, ':') : NULL;

	if (!colon || strcmp(colon, ":latest") != 0 || !word_is_plain(w))
		return;
	lint_add(l, IB_R_LATEST_TAG,
		 word_bytes(w, at + (size_t)(colon - text) + 1, at + strlen(text)),
		 "'latest' does not say which image this is built on");
	ib_diag_hint(l->diag,
		     "name the version's tag; leave the tag out where the file holds one image");
}

void lint_7002(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		const struct ib_ast_flag *from =
			lint_is(in, "COPY") ? ib_ast_flag(in, "from") : NULL;

		if (lint_is(in, "FROM") && in->words && in->words->text &&
		    strncmp(in->words->text, "oci:", 4) == 0)
			check_tag(l, in->words, in->words->text, 0);
		if (from && from->value && from->value->text &&
		    strncmp(from->value->text, "oci:", 4) == 0)
			check_tag(l, from->value, from->value->text, 0);
	}
}

/* --- ADD and SOURCE --- */

/* What an ADD or a SOURCE fetches. */
struct fetch {
	const struct ib_ast_instruction *in;
	const struct ib_ast_word *url;
	const struct ib_ast_word *ref; /* SOURCE: or NULL */
	bool is_git, has_checksum;
};
typedef void visit_fetch(struct lint *l, const struct lint_recipe *r, const struct fetch *f);

static void visit_source(struct lint *l, const struct lint_recipe *r,
			 const struct ib_ast_instruction *in, visit_fetch *visit)
{
	const struct ib_ast_word *words[5] = { NULL };
	size_t n = 0;
	struct fetch f;

	for (const struct ib_ast_word *w = in->words; w && n < ARRAY_SIZE(words); w = w->next)
		words[n++] = w;
	if (n < 4 || !words[1]->text || !words[3]->text)
		return;
	f = (struct fetch){ .in = in,
			    .url = words[3],
			    .ref = words[4],
			    .is_git = strcmp(words[1]->text, "git") == 0 };
	visit(l, r, &f);
}

static void each_fetch(struct lint *l, const struct lint_recipe *r, visit_fetch *visit)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		const struct ib_ast_word *last =
			lint_is(in, "ADD") && !in->is_json ? word_last(in) : NULL;

		if (lint_is(in, "SOURCE"))
			visit_source(l, r, in, visit);
		for (const struct ib_ast_word *w = last ? in->words : NULL; w != last;
		     w = w->next) {
			struct fetch f = { .in = in,
					   .url = w,
					   .has_checksum = ib_ast_flag(in, "checksum") };

			if (!w->text)
				continue;
			f.is_git = ib_is_git_url(w->text);
			visit(l, r, &f);
		}
	}
}

static void check_trusted(struct lint *l, const struct lint_recipe *r, const struct fetch *f)
{
	vec_foreach (const char *const, source, &r->config->trusted_sources)
		if (strncmp(f->url->text, *source, strlen(*source)) == 0)
			return;
	if (!is_http(f->url->text) && !ib_is_git_url(f->url->text))
		return;
	lint_add(l, IB_R_UNTRUSTED_SOURCE, f->url->at, "'%s' is none of the trusted sources",
		 f->url->text);
	ib_diag_hint(l->diag, "%s lists them in trusted-sources", r->config->file);
}

void lint_7003(struct lint *l, const struct lint_recipe *r)
{
	if (r->config->trusted_sources.len)
		each_fetch(l, r, check_trusted);
}

static void check_checksum(struct lint *l, const struct lint_recipe *r, const struct fetch *f)
{
	(void)r;
	if (f->has_checksum || f->is_git || !lint_is(f->in, "ADD") ||
	    !begins_with(f->url->text, "https://"))
		return;
	lint_add(l, IB_R_ADD_NO_CHECKSUM, f->url->at, "whatever the server sends is taken");
	ib_diag_hint(l->diag, "write ADD --checksum=sha256:HEX; sha256sum prints HEX");
}

void lint_7022(struct lint *l, const struct lint_recipe *r)
{
	each_fetch(l, r, check_checksum);
}

static void check_scheme(struct lint *l, const struct lint_recipe *r, const struct fetch *f)
{
	bool is_plain = begins_with(f->url->text, "http://") || begins_with(f->url->text, "git://");
	size_t n = is_plain ? strcspn(f->url->text, ":") + 3 : 0;

	(void)r;
	if (!is_plain || f->has_checksum)
		return;
	lint_add(l, IB_R_UNPROVEN_SOURCE, word_bytes(f->url, 0, n),
		 "nothing says that the bytes come from that server");
	ib_diag_hint(l->diag, lint_is(f->in, "ADD") && !f->is_git
				      ? "write https://, and --checksum=sha256:HEX"
				      : "write https://");
}

void lint_7023(struct lint *l, const struct lint_recipe *r)
{
	each_fetch(l, r, check_scheme);
}

static bool is_moving(const char *ref)
{
	static const char *const names[] = { "*",     "HEAD",    "main",  "master",
					     "trunk", "develop", "devel", "latest" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(ref, names[i]) == 0)
			return true;
	return strncmp(ref, "refs/heads/", 11) == 0;
}

/* URL#REF[:DIRECTORY] of ADD. */
static void check_added_ref(struct lint *l, const struct fetch *f)
{
	const char *hash = strchr(f->url->text, '#');
	size_t n = hash ? strcspn(hash + 1, ":") : 0,
	       at = hash ? (size_t)(hash - f->url->text) + 1 : 0;

	if (f->has_checksum || (n && !is_moving(arena_strndup(l->arena, hash + 1, n))))
		return;
	lint_add(l, IB_R_BRANCH_MOVES, n ? word_bytes(f->url, at, at + n) : f->url->at,
		 n ? "the branch '%.*s' moves" : "the default branch moves", (int)n, hash + 1);
	ib_diag_hint(l->diag, "name a commit or a tag: URL#v1.0, or write --checksum=COMMIT");
}

static void check_pinned(struct lint *l, const struct lint_recipe *r, const struct fetch *f)
{
	(void)r;
	if (!f->is_git)
		return;
	if (lint_is(f->in, "ADD")) {
		check_added_ref(l, f);
		return;
	}
	if (f->ref && (!f->ref->text || !is_moving(f->ref->text)))
		return;
	lint_add(l, IB_R_BRANCH_MOVES, f->ref ? f->ref->at : f->url->at,
		 f->ref ? "the branch '%s' moves"
			: "without a REF the branch 'master' is taken, and it moves",
		 f->ref ? f->ref->text : NULL);
	ib_diag_hint(l->diag, "name a commit or a tag behind the location");
}

void lint_7024(struct lint *l, const struct lint_recipe *r)
{
	each_fetch(l, r, check_pinned);
}

/* --- 7025 --- */

static bool is_secret_file(const char *name)
{
	static const char *const names[] = {
		"id_rsa", "id_dsa",  "id_ecdsa", "id_ed25519",       ".env",      ".netrc",
		".npmrc", ".pypirc", ".pgpass",  ".git-credentials", ".htpasswd", ".aws",
		".ssh",   ".gnupg",  ".kube",    ".vault-token"
	};
	static const char *const ends[] = {
		".pem", ".key", ".p12", ".pfx", ".kdbx", ".jks", ".ppk"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(name, ends[i]) && strlen(name) > strlen(ends[i]))
			return true;
	return false;
}

/* Certificates and keys of archives are public. */
static bool is_public(const char *name, const char *dest)
{
	static const char *const marks[] = { "cert", "chain", "ca.pem", "ca-",     "-ca",
					     "_ca",  "root",  "pub",    "archive", "repo" };
	static const char *const places[] = { "/etc/apt", "keyrings", "certs", "certificates",
					      "rpm-gpg",  "anchors",  "trust" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strcasestr(name, marks[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strstr(dest, places[i]))
			return true;
	return false;
}

static void check_copied(struct lint *l, const struct ib_ast_word *w, const char *dest)
{
	char *path = arena_strdup(l->arena, w->text);
	size_t n = strlen(path);
	const char *name;

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (!is_secret_file(name) ||
	    (name[0] != '.' && strncmp(name, "id_", 3) != 0 && is_public(name, dest)))
		return;
	lint_add(l, IB_R_SECRET_COPIED, w->at,
		 "'%s' looks like a secret, and is copied into the image", w->text);
	ib_diag_hint(l->diag,
		     "a command that needs it can have it by RUN --mount=type=secret,id=...");
}

void lint_7025(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "COPY"); in;
	     in = recipe_next(r, in, "COPY")) {
		const struct ib_ast_word *last = word_last(in);

		for (const struct ib_ast_word *w =
			     ib_ast_flag(in, "from") || in->is_json ? last : in->words;
		     w != last; w = w->next)
			if (w->text && last->text)
				check_copied(l, w, last->text);
	}
}

/* --- 7021 --- */

void lint_7021(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		const char *mode =
			lint_is(in, "COPY") || lint_is(in, "ADD") ? flag_value(in, "chmod") : NULL;
		size_t n = mode ? strlen(mode) : 0;
		bool is_sticky = n == 4 && strchr("1357", mode[0]);

		if (n < 3 || strspn(mode, "01234567") != n || !strchr("2367", mode[n - 1]) ||
		    is_sticky)
			continue;
		lint_add(l, IB_R_WORLD_WRITABLE_COPY, ib_ast_flag(in, "chmod")->value->at,
			 "mode %s lets every user change the files", mode);
		ib_diag_hint(l->diag,
			     "write --chmod=0755 or 0644, and --chown=USER for who may write");
	}
}
