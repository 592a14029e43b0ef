/* SPDX-License-Identifier: Apache-2.0 */
/* The tree is built from libyaml's events. Its marks count characters where our spans count bytes,
 * so each mark is walked to from the one before. */
#include "support/yaml.h"

#include <imagebuild/intern.h>
#include <imagebuild/map.h>

#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 64
#define NODES_MAX 1000000

struct reader {
	struct arena *arena;
	struct intern *names;
	struct ib_span span;
	const char *text;
	struct ib_diag *diag;
	yaml_parser_t parser;
	size_t character, byte; /* the same place in the text, counted both ways */
	size_t nodes;
};

/* The byte offset of a mark. Marks mostly grow; a smaller one starts again from the beginning. */
static uint32_t offset_of(struct reader *r, size_t character)
{
	size_t len = r->span.end - r->span.start;

	if (character < r->character)
		r->character = r->byte = 0;
	while (r->character < character && r->byte < len) {
		r->byte++;
		while (r->byte < len && ((unsigned char)r->text[r->byte] & 0xc0) == 0x80)
			r->byte++;
		r->character++;
	}
	return r->span.start + (uint32_t)r->byte;
}

/* The bytes between two marks, without the blanks that libyaml counts to a block's end. */
static struct ib_span span_of(struct reader *r, const yaml_mark_t *start, const yaml_mark_t *end)
{
	struct ib_span at = { .start = offset_of(r, start->index) };

	at.end = offset_of(r, end->index);
	while (at.end > at.start && strchr(" \t\r\n", r->text[at.end - 1 - r->span.start]))
		at.end--;
	return at;
}

static struct ib_span span_of_event(struct reader *r, const yaml_event_t *e)
{
	return span_of(r, &e->start_mark, &e->end_mark);
}

static void report(struct reader *r, struct ib_span at, const char *text)
{
	if (at.end <= at.start)
		at.end = at.start < r->span.end ? at.start + 1 : at.start;
	ib_diag_add(r->diag, IB_D_BAD_ELEMENT_FILE, at, "%s", text);
}

static void report_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *text = p->problem ? p->problem : "not YAML";
	struct ib_span at = r->span;

	if (p->error == YAML_READER_ERROR) /* counts bytes */
		at.start += (uint32_t)(p->problem_offset < at.end - at.start ? p->problem_offset
									     : at.end - at.start);
	else
		at.start = offset_of(r, p->problem_mark.index);
	at.end = at.start;
	report(r, at, text);
}

static bool next(struct reader *r, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&r->parser, ret_event))
		return true;
	report_parser(r);
	return false;
}

/* What we do not read: an anchor or a tag on any node. */
static bool is_plain_node(struct reader *r, const yaml_event_t *e, const yaml_char_t *anchor,
			  const yaml_char_t *tag)
{
	if (!anchor && !tag)
		return true;
	report(r, span_of_event(r, e),
	       anchor ? "anchors are not read here" : "tags are not read here");
	return false;
}

static bool is_null(const yaml_event_t *e)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp((const char *)e->data.scalar.value, words[i]) == 0)
			return true;
	return false;
}

static bool read_scalar(struct reader *r, const yaml_event_t *e, struct yaml_node *node)
{
	const char *value = (const char *)e->data.scalar.value;

	if (!is_plain_node(r, e, e->data.scalar.anchor, e->data.scalar.tag))
		return false;
	if (memchr(value, '\0', e->data.scalar.length)) {
		report(r, node->at, "a NUL character is not read here");
		return false;
	}
	node->kind = is_null(e) ? YAML_NULL : YAML_SCALAR;
	node->text = arena_strndup(r->arena, value, e->data.scalar.length);
	node->is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return true;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *e, int depth);

static bool read_list(struct reader *r, struct yaml_node *list, int depth)
{
	struct yaml_node **tail = &list->children;

	for (;;) {
		yaml_event_t e;
		bool is_end;

		if (!next(r, &e))
			return false;
		is_end = e.type == YAML_SEQUENCE_END_EVENT;
		if (is_end)
			list->at.end = offset_of(r, e.end_mark.index);
		else
			*tail = read_node(r, &e, depth + 1);
		yaml_event_delete(&e);
		if (is_end)
			return true;
		if (!*tail)
			return false;
		tail = &(*tail)->next;
	}
}

/* Reads the key of a map; the name in ret_key, NULL at the map's end. */
static bool read_key(struct reader *r, struct yaml_node *map, const char **ret_key,
		     struct ib_span *ret_at)
{
	struct yaml_node key = { 0 };
	yaml_event_t e;
	bool ok = true;

	if (!next(r, &e))
		return false;
	*ret_key = NULL;
	*ret_at = key.at = span_of_event(r, &e);
	if (e.type == YAML_MAPPING_END_EVENT) {
		map->at.end = offset_of(r, e.end_mark.index);
	} else if (e.type != YAML_SCALAR_EVENT) {
		report(r, key.at, "expected a word as the key");
		ok = false;
	} else {
		ok = read_scalar(r, &e, &key);
		*ret_key = ok ? intern_str(r->names, key.text) : NULL;
	}
	yaml_event_delete(&e);
	return ok;
}

/* A key that is given twice keeps its place and takes the later value, as in Python's yaml. */
static void add_value(struct reader *r, struct map *seen, struct yaml_node *value,
		      struct yaml_node ***tail)
{
	void **slot = map_put(r->arena, seen, value->key);
	struct yaml_node *first = *slot;

	if (first) {
		value->next = first->next;
		if (*tail == &first->next)
			*tail = &first->next;
		*first = *value;
		return;
	}
	*slot = value;
	**tail = value;
	*tail = &value->next;
}

static bool read_map(struct reader *r, struct yaml_node *map, int depth)
{
	struct yaml_node **tail = &map->children;
	struct map seen = { 0 };

	for (;;) {
		struct yaml_node *value;
		struct ib_span key_at;
		const char *key;
		yaml_event_t e;

		if (!read_key(r, map, &key, &key_at))
			return false;
		if (!key)
			return true;
		if (!next(r, &e))
			return false;
		value = read_node(r, &e, depth + 1);
		yaml_event_delete(&e);
		if (!value)
			return false;
		value->key = key;
		value->key_at = key_at;
		add_value(r, &seen, value, &tail);
	}
}

static bool is_bounded(struct reader *r, struct ib_span at, int depth)
{
	if (depth > DEPTH_MAX)
		report(r, at, "nested more than 64 deep");
	else if (++r->nodes > NODES_MAX)
		report(r, at, "more than a million values");
	else
		return true;
	return false;
}

/* The node that E begins; NULL after a report. */
static struct yaml_node *read_node(struct reader *r, const yaml_event_t *e, int depth)
{
	struct yaml_node *node = arena_alloc(r->arena, sizeof(*node));
	bool ok = false;

	node->at = span_of_event(r, e);
	if (!is_bounded(r, node->at, depth))
		return NULL;
	if (e->type == YAML_SCALAR_EVENT)
		return read_scalar(r, e, node) ? node : NULL;
	if (e->type == YAML_SEQUENCE_START_EVENT) {
		node->kind = YAML_LIST;
		ok = is_plain_node(r, e, e->data.sequence_start.anchor,
				   e->data.sequence_start.tag) &&
		     read_list(r, node, depth);
	} else if (e->type == YAML_MAPPING_START_EVENT) {
		node->kind = YAML_MAP;
		ok = is_plain_node(r, e, e->data.mapping_start.anchor, e->data.mapping_start.tag) &&
		     read_map(r, node, depth);
	} else {
		report(r, node->at, "aliases are not read here");
	}
	while (ok && node->at.end > node->at.start &&
	       strchr(" \t\r\n", r->text[node->at.end - 1 - r->span.start]))
		node->at.end--;
	return ok ? node : NULL;
}

/* Reads events up to the one that must come next. */
static bool expect(struct reader *r, yaml_event_type_t type, yaml_event_t *ret_event)
{
	if (!next(r, ret_event))
		return false;
	if (ret_event->type == type)
		return true;
	report(r, span_of_event(r, ret_event), "a second document is not read here");
	yaml_event_delete(ret_event);
	return false;
}

static bool skip(struct reader *r, yaml_event_type_t type)
{
	yaml_event_t e;

	if (!expect(r, type, &e))
		return false;
	yaml_event_delete(&e);
	return true;
}

static struct yaml_node *read_document(struct reader *r)
{
	struct yaml_node *root;
	yaml_event_t e;

	if (!skip(r, YAML_STREAM_START_EVENT) || !next(r, &e))
		return NULL;
	if (e.type == YAML_STREAM_END_EVENT) {
		yaml_event_delete(&e);
		root = arena_alloc(r->arena, sizeof(*root));
		root->at = r->span;
		return root;
	}
	yaml_event_delete(&e);
	if (!next(r, &e))
		return NULL;
	root = read_node(r, &e, 1);
	yaml_event_delete(&e);
	if (!root || !skip(r, YAML_DOCUMENT_END_EVENT) || !skip(r, YAML_STREAM_END_EVENT))
		return NULL;
	return root;
}

const struct yaml_node *yaml_parse(struct arena *a, const struct ib_sources *sources,
				   struct ib_span span, struct ib_diag *diag)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct reader r = { .arena = a, .names = intern_new(a), .diag = diag };
	const struct yaml_node *root;

	if (!yaml_parser_initialize(&r.parser))
		ib_oom();
	/* libyaml would take a byte-order mark for the first column of the first line */
	if (span.end - span.start >= 3 && memcmp(ib_sources_text(sources, span), mark, 3) == 0)
		span.start += 3;
	r.span = span;
	r.text = ib_sources_text(sources, span);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text,
				     span.end - span.start);
	root = read_document(&r);
	yaml_parser_delete(&r.parser);
	return root;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *n = map->children; n; n = n->next)
		if (strcmp(n->key, key) == 0)
			return n;
	return NULL;
}
