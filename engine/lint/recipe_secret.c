/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on secrets that stand in a recipe: by a variable's name (7009), by the look of the value
 * (7010). */
#include "lint/recipe.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- 7010 --- */

/* How a kind of key looks: PREFIX and at least LEAST characters of its alphabet. */
struct pattern {
	const char *prefix, *what;
	size_t least;
};
static const struct pattern patterns[] = {
	{ "AKIA", "an access key of AWS", 16 },     { "ASIA", "an access key of AWS", 16 },
	{ "ghp_", "a token of GitHub", 36 },        { "gho_", "a token of GitHub", 36 },
	{ "ghs_", "a token of GitHub", 36 },        { "ghr_", "a token of GitHub", 36 },
	{ "github_pat_", "a token of GitHub", 40 }, { "glpat-", "a token of GitLab", 20 },
	{ "xoxb-", "a token of Slack", 20 },        { "xoxp-", "a token of Slack", 20 },
	{ "sk_live_", "a key of Stripe", 20 },      { "AIza", "a key of Google", 35 },
	{ "npm_", "a token of npm", 36 },           { "pypi-AgEI", "a token of PyPI", 40 },
};

static bool is_key_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_private_key(const char *text, size_t n, size_t *ret_len)
{
	static const char begin[] = "-----BEGIN ", end[] = "PRIVATE KEY-----";
	const char *line_end = memchr(text, '\n', n), *at;
	size_t line = line_end ? (size_t)(line_end - text) : n;

	if (n < sizeof(begin) - 1 || memcmp(text, begin, sizeof(begin) - 1) != 0)
		return false;
	at = memmem(text, line, end, sizeof(end) - 1);
	if (!at)
		return false;
	*ret_len = (size_t)(at - text) + sizeof(end) - 1;
	return true;
}

/* Whether a secret begins at TEXT, and how long it is. */
static const char *secret_at(const char *text, size_t n, size_t *ret_len)
{
	if (is_private_key(text, n, ret_len))
		return "a private key";
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		size_t m = strlen(patterns[i].prefix), len = m;

		if (n < m || memcmp(text, patterns[i].prefix, m) != 0)
			continue;
		while (len < n && is_key_char(text[len]))
			len++;
		if (len - m < patterns[i].least)
			continue;
		*ret_len = len;
		return patterns[i].what;
	}
	return NULL;
}

/* USER:PASSWORD@ behind "://" at TEXT, where the password is written out. */
static bool has_password(const char *text, size_t n, size_t *ret_len)
{
	size_t colon = 0, i = 0;

	while (i < n &&
	       (isalnum((unsigned char)text[i]) || (text[i] && strchr("-._~%!*+,;=:", text[i])))) {
		if (text[i] == ':' && !colon)
			colon = i;
		i++;
	}
	*ret_len = i;
	return i < n && text[i] == '@' && colon > 0 && i > colon + 1;
}

static void report(struct lint *l, uint32_t at, size_t n, const char *what)
{
	lint_add(l, IB_R_SECRET_LITERAL, ((struct ib_span){ at, at + (uint32_t)n }), "this is %s",
		 what);
	ib_diag_hint(l->diag, "make it invalid, since others may have read it; a RUN gets one by "
			      "--mount=type=secret");
}

static void scan(struct lint *l, struct ib_span at)
{
	const char *text = ib_sources_text(l->sources, at);
	size_t n = at.end - at.start;

	for (size_t i = 0; i < n; i++) {
		bool is_start = i == 0 || !is_key_char(text[i - 1]);
		const char *what = NULL;
		size_t len = 0;

		if (is_start && strchr("Aaghxsnp-", text[i]))
			what = secret_at(text + i, n - i, &len);
		if (!what && text[i] == ':' && n - i > 3 && text[i + 1] == '/' &&
		    text[i + 2] == '/') {
			i += 3;
			what = has_password(text + i, n - i, &len) ? "a password in a URL" : NULL;
			len = what ? len : 0;
		}
		if (!what)
			continue;
		report(l, at.start + (uint32_t)i, len, what);
		i += len;
	}
}

void lint_7010(struct lint *l, const struct lint_recipe *r)
{
	if (r->text.end > r->text.start)
		scan(l, r->text);
}

/* --- 7009 --- */

/* Whether the last word of a variable's name says that the value is secret. */
static bool is_secret_variable(const char *name, size_t n)
{
	static const char *const words[] = { "PASSWORD",   "PASSWD",     "PASSPHRASE", "SECRET",
					     "TOKEN",      "APIKEY",     "PWORD",      "APITOKEN",
					     "CREDENTIAL", "CREDENTIALS" };
	static const char *const keys[] = { "API_KEY",    "ACCESS_KEY",     "PRIVATE_KEY",
					    "SECRET_KEY", "ENCRYPTION_KEY", "SIGNING_KEY",
					    "AUTH_KEY",   "LICENSE_KEY" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t m = strlen(keys[i]);

		if (n >= m && strncasecmp(name + n - m, keys[i], m) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t m = strlen(words[i]);

		if (n >= m && strncasecmp(name + n - m, words[i], m) == 0 &&
		    (n == m || name[n - m - 1] == '_'))
			return true;
	}
	return false;
}

/* What is no secret though the name says so: a path, a switch, a number, what a variable gives. */
static bool is_harmless(const char *raw, const char *value)
{
	static const char *const words[] = {
		"yes", "no", "true", "false", "none", "prompt", "null"
	};
	size_t len;

	if (!*value || *value == '/' || strspn(value, "0123456789") == strlen(value) ||
	    strchr(raw, '$') || secret_at(value, strlen(value), &len))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

void lint_7009(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, NULL); in;
	     in = recipe_next(r, in, NULL)) {
		if (!lint_is(in, "ENV") && !lint_is(in, "ARG"))
			continue;
		for (const struct ib_ast_word *w = in->words; w; w = w->next) {
			size_t n = w->text ? strcspn(w->text, "=") : 0;

			if (!n || !w->text[n] || !is_secret_variable(w->text, n) ||
			    is_harmless(w->raw, w->text + n + 1))
				continue;
			lint_add(l, IB_R_SECRET_IN_VARIABLE, word_bytes(w, 0, n),
				 "the value of '%.*s' stands in the recipe", (int)n, w->text);
			ib_diag_hint(l->diag, "give it when building: --build-arg, or RUN "
					      "--mount=type=secret,id=...");
		}
	}
}
