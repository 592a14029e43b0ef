/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on LABEL. Keys: OCI image specification 1.1, annotations.md. */
#include "lint/recipe.h"

#include <ctype.h>
#include <string.h>

/* --- 9001 --- */

static bool has_label(const struct ib_ir *ir, const struct ib_stage *stage, const char *key)
{
	for (;;) {
		const struct ib_op_base *base = &stage->ops.items[0].base;

		vec_foreach (const struct ib_op, op, &stage->ops)
			if (op->code == IB_OP_LABEL && strcmp(op->env.key, key) == 0)
				return true;
		if (base->kind != IB_BASE_STAGE)
			return false;
		stage = &ir->stages.items[base->stage];
	}
}

void lint_9001(struct lint *l, const struct lint_recipe *r)
{
	for (size_t i = 0; r->ir && !r->ir->is_fragment && i < r->ir->stages.len; i++) {
		const struct ib_stage *stage = &r->ir->stages.items[i];

		vec_foreach (const char *const, key, &r->config->labels) {
			if (!stage->is_product || has_label(r->ir, stage, *key))
				continue;
			lint_add(l, IB_R_MISSING_LABEL, stage->ops.items[0].base.at,
				 "the image has no label '%s'", *key);
			ib_diag_hint(l->diag, "write LABEL %s=...; %s lists it in required-labels",
				     *key, r->config->file);
		}
	}
}

/* --- the others look at each LABEL --- */

struct label {
	const struct ib_ast_word *word;
	const char *key, *value;
};
typedef void check_label(struct lint *l, const struct label *label);

static void each_label(struct lint *l, const struct lint_recipe *r, check_label *check)
{
	for (const struct ib_ast_instruction *in = recipe_next(r, NULL, "LABEL"); in;
	     in = recipe_next(r, in, "LABEL")) {
		for (const struct ib_ast_word *w = in->words; w; w = w->next) {
			size_t n = w->text ? strcspn(w->text, "=") : 0;

			if (n && w->text[n])
				check(l, &(struct label){ w, arena_strndup(l->arena, w->text, n),
							  w->text + n + 1 });
		}
	}
}

/* The value as it is written, quotes and all. */
static struct ib_span value_at(const struct label *label)
{
	const struct ib_ast_word *w = label->word;
	const char *equals = strchr(w->raw, '=');

	if (!equals || !equals[1])
		return w->at;
	return (struct ib_span){ ib_ast_source(w->at, &w->segments, (size_t)(equals - w->raw) + 1),
				 w->at.end };
}

static void check_empty(struct lint *l, const struct label *label)
{
	if (*label->value || strchr(label->word->raw, '$'))
		return;
	lint_add(l, IB_R_EMPTY_LABEL, label->word->at, "label '%s' is empty", label->key);
	ib_diag_hint(l->diag, "give it a value, or leave it out");
}

void lint_9002(struct lint *l, const struct lint_recipe *r)
{
	each_label(l, r, check_empty);
}

#define OCI "org.opencontainers.image."

static bool is_key_of(const struct label *label, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(label->key, keys[i]) == 0)
			return *label->value != '\0';
	return false;
}

static void check_url(struct lint *l, const struct label *label)
{
	static const char *const keys[] = { OCI "url", OCI "source", OCI "documentation" };

	if (!is_key_of(label, keys, ARRAY_SIZE(keys)) || strstr(label->value, "://"))
		return;
	lint_add(l, IB_R_LABEL_URL, value_at(label), "'%s' is no URL", label->value);
	ib_diag_hint(l->diag, "write it with its scheme: https://...");
}

void lint_9003(struct lint *l, const struct lint_recipe *r)
{
	each_label(l, r, check_url);
}

/* RFC 3339: 0 a digit, T and t, a space likewise; behind it fractions and Z or an offset. */
static bool is_time(const char *s)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t n;

	for (size_t i = 0; form[i]; i++, s++) {
		bool fits = form[i] == '0'   ? isdigit((unsigned char)*s)
			    : form[i] == 'T' ? *s == 'T' || *s == 't'
					     : *s == form[i];

		if (!fits)
			return false;
	}
	if (*s == '.') {
		n = strspn(++s, "0123456789");
		if (n == 0)
			return false;
		s += n;
	}
	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
		return true;
	return (*s == '+' || *s == '-') && strlen(s) == 6 && s[3] == ':' &&
	       strspn(s + 1, "0123456789") == 2 && strspn(s + 4, "0123456789") == 2;
}

static void check_time(struct lint *l, const struct label *label)
{
	static const char *const keys[] = { OCI "created" };

	if (!is_key_of(label, keys, ARRAY_SIZE(keys)) || is_time(label->value))
		return;
	lint_add(l, IB_R_LABEL_TIME, value_at(label), "'%s' is no time of RFC 3339", label->value);
	ib_diag_hint(l->diag, "write it as 2026-01-31T12:00:00Z");
}

void lint_9004(struct lint *l, const struct lint_recipe *r)
{
	each_label(l, r, check_time);
}

/* Words of letters, digits, '.', '-' and '+', joined by AND, OR and WITH, perhaps in parentheses
 * (SPDX 2.3, annex D). */
static bool is_license(const char *s)
{
	bool wants_word = true;
	int depth = 0;

	for (;;) {
		size_t n;

		s += strspn(s, " ");
		if (!*s)
			return !wants_word && depth == 0;
		if (*s == '(' || *s == ')') {
			if ((*s == '(') != wants_word)
				return false;
			depth += *s++ == '(' ? 1 : -1;
			if (depth < 0)
				return false;
			continue;
		}
		n = strcspn(s, " ()");
		if (wants_word == ((n == 3 && strncmp(s, "AND", n) == 0) ||
				   (n == 2 && strncmp(s, "OR", n) == 0) ||
				   (n == 4 && strncmp(s, "WITH", n) == 0)))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!isalnum((unsigned char)s[i]) && !strchr(".-+:", s[i]))
				return false;
		wants_word = !wants_word;
		s += n;
	}
}

static void check_license(struct lint *l, const struct label *label)
{
	static const char *const keys[] = { OCI "licenses" };

	if (!is_key_of(label, keys, ARRAY_SIZE(keys)) || is_license(label->value))
		return;
	lint_add(l, IB_R_LABEL_LICENSE, value_at(label), "'%s' is no SPDX expression",
		 label->value);
	ib_diag_hint(l->diag, "write it as Apache-2.0, or \"MIT OR GPL-2.0-only\"");
}

void lint_9005(struct lint *l, const struct lint_recipe *r)
{
	each_label(l, r, check_license);
}

static void check_digest(struct lint *l, const struct label *label)
{
	static const char *const keys[] = { OCI "base.digest" };
	const char *hex = label->value + 7;

	if (!is_key_of(label, keys, ARRAY_SIZE(keys)) ||
	    (strncmp(label->value, "sha256:", 7) == 0 && strlen(hex) == 64 &&
	     strspn(hex, "0123456789abcdef") == 64))
		return;
	lint_add(l, IB_R_LABEL_DIGEST, value_at(label), "'%s' is no digest", label->value);
	ib_diag_hint(l->diag, "write it as sha256: and 64 hexadecimal digits");
}

void lint_9006(struct lint *l, const struct lint_recipe *r)
{
	each_label(l, r, check_digest);
}

static void check_key(struct lint *l, const struct label *label)
{
	static const char *const reserved[] = { "com.docker.", "io.docker.", "org.dockerproject." };
	struct ib_span at = word_bytes(label->word, 0, strlen(label->key));

	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (strncmp(label->key, reserved[i], strlen(reserved[i])) != 0)
			continue;
		lint_add(l, IB_R_LABEL_KEY, at, "keys that begin with '%s' are Docker's own",
			 reserved[i]);
		ib_diag_hint(l->diag,
			     "begin it with a domain of yours, written backwards: org.example.");
		return;
	}
	if (islower((unsigned char)label->key[0]) &&
	    strspn(label->key, "abcdefghijklmnopqrstuvwxyz0123456789.-_/") == strlen(label->key))
		return;
	lint_add(l, IB_R_LABEL_KEY, at,
		 "'%s' is an unusual key: small letters, digits, '.', '-', '_' and '/', a letter "
		 "first",
		 label->key);
}

void lint_9010(struct lint *l, const struct lint_recipe *r)
{
	each_label(l, r, check_key);
}
