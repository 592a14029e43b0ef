/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount=type=...,key=value,...: the keys of each type, as Docker has them. */
#include "front.h"

#include <string.h>

static const struct mount_row {
	const char *name, *keys;
	const char *needs; /* a key that must be there */
} rows[] = {
	[IB_MOUNT_BIND] = { "bind", "target source from rw ro", "target" },
	[IB_MOUNT_CACHE] = { "cache", "id target sharing from source mode uid gid ro", "target" },
	[IB_MOUNT_TMPFS] = { "tmpfs", "target size", "target" },
	[IB_MOUNT_SECRET] = { "secret", "id target env required mode uid gid", "id" },
};

static const struct {
	const char *alias, *key;
} aliases[] = { { "dst", "target" },
		{ "destination", "target" },
		{ "src", "source" },
		{ "readwrite", "rw" },
		{ "readonly", "ro" } };

enum { MOUNT_KEYS = 12 };

static const char *const sharings[] = { "shared", "private", "locked" };
static const char switches[] = " rw ro required ";

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && n > 0 && strncmp(p, word, n) == 0)
			return true;
		p += len;
	}
	return false;
}

/* Splits blank-separated WORDS. */
static size_t split(struct ib_recipe *r, const char *words, const char *ret_words[MOUNT_KEYS])
{
	size_t n = 0;

	for (const char *p = words; *p && n < MOUNT_KEYS; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		ret_words[n++] = arena_strndup(r->arena, p, len);
		p += len;
	}
	return n;
}

static const char *canonical(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (strcmp(aliases[i].alias, key) == 0)
			return aliases[i].key;
	}
	return key;
}

static bool parse_type(struct ib_recipe *r, const struct ib_ast_word *w, struct ib_mount *m)
{
	const char *names[ARRAY_SIZE(rows)], *text = w->text, *part, *type = "bind";
	struct ib_span at = w->at;
	size_t n;

	while (list_next(&text, &part, &n)) {
		if (n < 5 || strncmp(part, "type=", 5) != 0)
			continue;
		type = arena_strndup(r->arena, part + 5, n - 5);
		at = word_part(w, (size_t)(part - w->text) + 5, (size_t)(part - w->text) + n);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		names[i] = rows[i].name;
		if (strcmp(type, rows[i].name) == 0) {
			m->type = (enum ib_mount_type)i;
			return true;
		}
	}
	if (strcmp(type, "ssh") == 0)
		ib_diag_add(r->diag, IB_D_BAD_MOUNT, at,
			    "mounts of type 'ssh' are not supported; use type=secret");
	else
		ib_diag_unknown(r->diag, IB_D_BAD_MOUNT, at, type, names, ARRAY_SIZE(rows),
				"unknown mount type '%s'", type);
	return false;
}

static bool is_sharing(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(sharings); i++)
		if (strcmp(sharings[i], word) == 0)
			return true;
	return false;
}

static void check_value(struct ib_recipe *r, const struct ib_pair *pair)
{
	bool is_switch = has_word(switches, pair->key);

	if (!*pair->value)
		ib_diag_add(r->diag, IB_D_BAD_MOUNT, pair->at, "'%s' has no value", pair->key);
	else if (is_switch && strcmp(pair->value, "true") != 0 && strcmp(pair->value, "false") != 0)
		ib_diag_add(r->diag, IB_D_BAD_MOUNT, pair->at, "'%s' is true or false", pair->key);
	else if (strcmp(pair->key, "sharing") == 0 && !is_sharing(pair->value))
		ib_diag_unknown(r->diag, IB_D_BAD_MOUNT, pair->at, pair->value, sharings,
				ARRAY_SIZE(sharings), "unknown sharing '%s'", pair->value);
	else if ((strcmp(pair->key, "uid") == 0 || strcmp(pair->key, "gid") == 0) &&
		 strspn(pair->value, "0123456789") != strlen(pair->value))
		ib_diag_add(r->diag, IB_D_BAD_MOUNT, pair->at, "'%s' is a number", pair->key);
	else if (strcmp(pair->key, "mode") == 0 &&
		 strspn(pair->value, "01234567") != strlen(pair->value))
		ib_diag_add(r->diag, IB_D_BAD_MOUNT, pair->at, "'mode' is an octal number");
}

static const struct ib_pair *find_key(const struct ib_mount *m, const char *key)
{
	vec_foreach (struct ib_pair, pair, &m->keys) {
		if (strcmp(pair->key, key) == 0)
			return pair;
	}
	return NULL;
}

static void add_key(struct ib_recipe *r, const char *part, size_t n, struct ib_span at,
		    struct ib_mount *m, bool reports)
{
	const char *equals = memchr(part, '=', n);
	size_t len = equals ? (size_t)(equals - part) : n;
	const char *key = canonical(intern_bytes(r->names, part, len)), *keys[MOUNT_KEYS];
	const struct ib_pair *first = find_key(m, key);
	struct ib_pair pair = { key, equals ? arena_strndup(r->arena, equals + 1, n - len - 1) : "",
				at };

	if (strcmp(key, "type") == 0)
		return;
	if (!equals && has_word(switches, key))
		pair.value = "true";
	if (reports && !has_word(rows[m->type].keys, key)) {
		ib_diag_unknown(r->diag, IB_D_BAD_MOUNT, at, key, keys,
				split(r, rows[m->type].keys, keys),
				"unexpected key '%s' for mount type '%s'", key, rows[m->type].name);
	} else if (reports && first) {
		ib_diag_add(r->diag, IB_D_BAD_MOUNT, at, "key '%s' is given twice", key);
		ib_diag_note(r->diag, first->at, "the first is here");
	} else if (reports) {
		check_value(r, &pair);
	}
	(void)vec_push(r->arena, &m->keys, pair);
}

static void find_from(struct ib_recipe *r, uint32_t stage, struct ib_mount *m, bool reports)
{
	vec_foreach (struct ib_pair, pair, &m->keys) {
		if (strcmp(pair->key, "from") != 0)
			continue;
		m->from = tree_ref(r, pair->value, pair->at, stage);
		if (reports && *pair->value)
			tree_ref_check(r, pair->value, pair->at, stage);
	}
}

bool mount_parse(struct ib_recipe *r, const struct ib_ast_word *w, uint32_t stage,
		 struct ib_diag *diag, struct ib_mount *ret_mount)
{
	const char *text = w->text, *part;
	size_t n;

	*ret_mount = (struct ib_mount){ .at = w->at };
	if (!parse_type(r, w, ret_mount))
		return false;
	while (list_next(&text, &part, &n)) {
		size_t at = (size_t)(part - w->text);

		add_key(r, part, n, word_part(w, at, at + n), ret_mount, diag != NULL);
	}
	find_from(r, stage, ret_mount, diag != NULL);
	if (diag && !find_key(ret_mount, rows[ret_mount->type].needs))
		ib_diag_add(diag, IB_D_BAD_MOUNT, w->at, "a mount of type '%s' needs '%s='",
			    rows[ret_mount->type].name, rows[ret_mount->type].needs);
	return true;
}
