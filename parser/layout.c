/* SPDX-License-Identifier: Apache-2.0 */
/* LAYOUT: nodes and their keys are checked against nodes.def, then become the tree that the block
 * side reads. What values mean together (types, places, sizes) is decided there. */
#include "front.h"
#include "parse.h"

#include <ctype.h>
#include <string.h>

enum role { TABLE, SLOT, VOLUME, CONTENT, COVER, GROUP };

static const struct node_row {
	const char *name, *keys;
	enum role role;
} rows[] = {
#define NODE(name, keys, role) { #name, keys, role },
#define NODE_LATER(name, keys, role) { #name, keys, role },
#include <imagebuild/nodes.def>
#undef NODE
#undef NODE_LATER
};

static const struct node_row *find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

static bool may_hold(const struct node_row *parent, const struct node_row *child)
{
	bool is_content = child->role == CONTENT || child->role == COVER || child->role == GROUP;

	switch (parent->role) {
	case TABLE:
		return strcmp(parent->name, "none") == 0 ? is_content : child->role == SLOT;
	case SLOT:
	case VOLUME:
	case COVER:
		return is_content;
	case GROUP:
		return child->role == VOLUME;
	case CONTENT:
		break;
	}
	return false;
}

static bool holds_one(const struct node_row *row)
{
	return row->role == SLOT || row->role == VOLUME || row->role == COVER ||
	       strcmp(row->name, "none") == 0;
}

/* Reports KIND, WHAT ("node"): under PARENT, anywhere where that is unknown (NULL), or as the
 * LAYOUT itself. */
static void unknown_kind(struct ib_recipe *r, const struct node_row *parent, bool is_layout,
			 const struct ib_ast_word *kind, const char *what)
{
	const char *words[ARRAY_SIZE(rows)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_table = rows[i].role == TABLE;

		if (parent ? may_hold(parent, &rows[i]) : is_table == is_layout)
			words[n++] = rows[i].name;
	}
	ib_diag_unknown(r->diag, IB_D_UNKNOWN_NODE, kind->at, kind->text, words, n,
			"unknown %s '%s'", what, kind->text);
}

/* The kind of value behind key KEY in a row's keys; 0: there is no such key. */
static char key_kind(const struct node_row *row, const char *key, size_t n)
{
	for (const char *p = row->keys; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n + 1 && strncmp(p, key, n) == 0)
			return p[n];
		p += len;
	}
	return 0;
}

static void unknown_key(struct ib_recipe *r, const struct node_row *row, const char *key,
			struct ib_span at)
{
	const char *words[16];
	size_t n = 0;

	for (const char *p = row->keys; *p && n < ARRAY_SIZE(words); p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		words[n++] = arena_strndup(r->arena, p, len - 1);
		p += len;
	}
	ib_diag_unknown(r->diag, IB_D_UNKNOWN_KEY, at, key, words, n, "'%s' has no key '%s'",
			row->name, key);
}

/* 8MiB 1.5GiB 10GB 512KiB 4096B 4096, and with percents 100%. */
static void check_size(struct ib_recipe *r, const char *s, bool has_percent, struct ib_span at)
{
	size_t digits = strspn(s, "0123456789"), n = digits;
	const char *unit;

	if (digits && s[n] == '.' && isdigit((unsigned char)s[n + 1]))
		n += 1 + strspn(s + n + 1, "0123456789");
	unit = s + n;
	if (digits && *unit == '%' && !unit[1] && has_percent) {
		if (strtod(s, NULL) > 100)
			ib_diag_add(r->diag, IB_D_BAD_SIZE, at, "size '%s' is more than 100%%", s);
		return;
	}
	if (digits && digits <= 18 &&
	    ((!*unit && n == digits) || (strcmp(unit, "B") == 0 && n == digits) ||
	     (unit[0] && strchr("KMGTP", unit[0]) &&
	      (!strcmp(unit + 1, "B") || !strcmp(unit + 1, "iB")))))
		return;
	if (digits && unit[0] && strchr("KMGTPkmgtp", unit[0]) &&
	    (!unit[1] || (unit[1] == 'i' && !unit[2]))) {
		char u = (char)toupper((unsigned char)unit[0]);

		ib_diag_add(r->diag, IB_D_BAD_SIZE, at,
			    "size '%s' can be read in two ways: write %.*s%cB (powers of 1000) or "
			    "%.*s%ciB (powers of 1024)",
			    s, (int)n, s, u, (int)n, s, u);
		return;
	}
	ib_diag_add(r->diag, IB_D_BAD_SIZE, at,
		    "'%s' is not a size; expected a number with B, KiB, MiB, GiB, TiB, KB, MB, GB "
		    "or TB%s",
		    s, has_percent ? ", or N%" : "");
}

static bool is_uuid(const char *s)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i = 0;

	for (; shape[i]; i++) {
		if (shape[i] == '-' ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return s[i] == '\0';
}

static void check_value(struct ib_recipe *r, char kind, const char *value, struct ib_span at)
{
	if (!*value) {
		ib_diag_add(r->diag, IB_D_BAD_VALUE, at, "expected a value behind '='");
		return;
	}
	switch (kind) {
	case '%':
	case '#':
		check_size(r, value, kind == '%', at);
		break;
	case '?':
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			ib_diag_add(r->diag, IB_D_BAD_VALUE, at, "expected yes or no, not '%s'",
				    value);
		break;
	case '!':
		if (strspn(value, "0123456789") != strlen(value) || strlen(value) > 9)
			ib_diag_add(r->diag, IB_D_BAD_VALUE, at, "expected a number, not '%s'",
				    value);
		break;
	case '@':
		if (!is_uuid(value))
			ib_diag_add(r->diag, IB_D_BAD_VALUE, at,
				    "'%s' is not a UUID like 01234567-89ab-cdef-0123-456789abcdef",
				    value);
		break;
	default:
		break;
	}
}

/* An attribute word before W with the same key, or NULL. */
static const struct ib_ast_word *find_repeated(const struct ib_ast_word *first,
					       const struct ib_ast_word *w, size_t n)
{
	for (; first != w; first = first->next) {
		if (first->text && strncmp(first->text, w->text, n) == 0 && first->text[n] == '=')
			return first;
	}
	return NULL;
}

static void check_key(struct ib_recipe *r, const struct node_row *row,
		      const struct ib_ast_word *first, const struct ib_ast_word *w)
{
	size_t n = strcspn(w->text, "=");
	const char *key = arena_strndup(r->arena, w->text, n);
	const struct ib_ast_word *other = find_repeated(first, w, n);
	char kind = key_kind(row, key, n);

	if (!kind) {
		unknown_key(r, row, key, word_part(w, 0, n));
	} else if (other) {
		ib_diag_add(r->diag, IB_D_DUPLICATE_KEY, word_part(w, 0, n),
			    "key '%s' is given twice", key);
		ib_diag_note(r->diag, word_part(other, 0, n), "the first is here");
	} else {
		check_value(r, kind, w->text + n + 1, word_part(w, n + 1, strlen(w->text)));
	}
}

/* The second word is the name where it has no '='; all others are key=value. */
static void check_words(struct ib_recipe *r, const struct node_row *row,
			const struct ib_ast_word *words)
{
	enum { KEYS_MAX = 64 };
	const struct ib_ast_word *name = words->next;
	int count = 0;

	if (!name || !name->text || strchr(name->text, '='))
		name = NULL;
	for (const struct ib_ast_word *w = words->next; w && count < KEYS_MAX;
	     w = w->next, count++) {
		if (!w->text || w == name)
			continue;
		if (!strchr(w->text, '=')) {
			ib_diag_add(r->diag, IB_D_SYNTAX, w->at, "expected key=value, not '%s'",
				    w->text);
			if (strcmp(w->text, "{") == 0 ||
			    w->text[strlen(w->text) - 1 + (w->text[0] == 0)] == '{')
				ib_diag_hint(r->diag, "'{' and '}' are words of their own, with "
						      "blanks around them");
		} else if (name && strncmp(w->text, "name=", 5) == 0) {
			ib_diag_add(r->diag, IB_D_DUPLICATE_KEY, w->at,
				    "the name is already given: '%s'", name->text);
			ib_diag_note(r->diag, name->at, "the first is here");
		} else {
			check_key(r, row, words->next, w);
		}
	}
	if (count == KEYS_MAX)
		ib_diag_add(r->diag, IB_D_SYNTAX, words->at, "a node has more than %d words",
			    KEYS_MAX);
}

static void report_place(struct ib_recipe *r, const struct node_row *parent,
			 const struct node_row *row, struct ib_span at)
{
	static const char *const holds[] = {
		[TABLE] = "partitions", [SLOT] = "one content node",  [VOLUME] = "one content node",
		[CONTENT] = "nothing",  [COVER] = "one content node", [GROUP] = "volumes"
	};
	const char *what =
		strcmp(parent->name, "none") == 0 ? "one content node" : holds[parent->role];

	ib_diag_add(r->diag, IB_D_NODE_CHILDREN, at, "'%s' cannot stand in '%s', which holds %s",
		    row->name, parent->name, what);
}

static void check_children(struct ib_recipe *r, const struct node_row *parent,
			   const struct ib_ast_node *nodes)
{
	bool has_child = false;

	for (const struct ib_ast_node *n = nodes; n; n = n->next) {
		const char *kind = n->words->text;
		const struct node_row *row = kind ? find_row(kind) : NULL;

		if (!kind)
			continue;
		if (!row)
			unknown_kind(r, parent, false, n->words, "node");
		if (!row)
			continue;
		if (parent && !may_hold(parent, row))
			report_place(r, parent, row, n->words->at);
		else if (parent && has_child && holds_one(parent))
			ib_diag_add(r->diag, IB_D_NODE_CHILDREN, n->words->at,
				    "'%s' holds one node only", parent->name);
		has_child = true;
		check_words(r, row, n->words);
		check_children(r, row, n->children);
	}
}

void layout_check(struct ib_recipe *r, const struct ib_ast_instruction *in)
{
	const struct ib_ast_flag *file = ib_ast_flag(in, "file");
	const struct ib_ast_word *kind = in->words;
	const struct node_row *row;

	if (file) {
		if (kind || in->has_block)
			ib_diag_add(r->diag, IB_D_LAYOUT_FILE, in->at,
				    "LAYOUT --file takes no nodes of its own");
		return;
	}
	if (!kind) {
		ib_diag_add(r->diag, IB_D_ARITY, in->keyword_at, "LAYOUT takes %s",
			    in->directive->takes);
		return;
	}
	if (!in->has_block)
		ib_diag_add(
			r->diag, IB_D_ARITY, in->at,
			"LAYOUT without a block: write LAYOUT %s { ... }, with '{' on this line",
			kind->text ? kind->text : "gpt");
	if (!kind->text)
		return;
	row = find_row(kind->text);
	if (!row || row->role != TABLE) {
		unknown_kind(r, NULL, true, kind, "layout");
		row = NULL;
	}
	if (row)
		check_words(r, row, kind);
	if (row && in->has_block && !in->nodes)
		ib_diag_add(r->diag, IB_D_NODE_CHILDREN, kind->at, "the layout is empty");
	check_children(r, row, in->nodes);
}

static void add_attr(struct ib_recipe *r, struct ib_node *node, const struct ib_ast_word *w)
{
	struct ib_pair pair;

	if (!pair_parse(r, w, &pair)) {
		node->name = w->text;
		node->name_at = w->at;
		return;
	}
	if (strcmp(pair.key, "name") == 0) {
		node->name = pair.value;
		node->name_at = w->at;
	}
	(void)vec_push(r->arena, &node->attrs, pair);
}

struct ib_node *layout_node(struct ib_recipe *r, const struct ib_ast_word *words,
			    const struct ib_ast_node *children)
{
	struct ib_node *node = arena_alloc(r->arena, sizeof(*node)), **tail = &node->children;

	node->kind = intern_str(r->names, words->text);
	node->at = words->at;
	for (const struct ib_ast_word *w = words->next; w; w = w->next)
		add_attr(r, node, w);
	for (; children; children = children->next) {
		*tail = layout_node(r, children->words, children->children);
		tail = &(*tail)->next;
	}
	return node;
}
