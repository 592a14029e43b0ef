/* SPDX-License-Identifier: Apache-2.0 */
/* yaml, json. */
#include "support/json.h"
#include "support/yaml.h"

#include "test.h"

#include <imagebuild/error.h>

/* One YAML text and what came of it. */
struct yaml {
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct arena *arena;
	struct ib_span span;
	const struct yaml_node *root;
	struct buf out;
};

static void yaml_end(struct yaml *y)
{
	buf_release(&y->out);
	arena_free(y->arena);
	ib_diag_free(y->diag);
	ib_sources_free(y->sources);
}

static struct yaml yaml_begin_n(const char *text, size_t n)
{
	struct yaml y = { .sources = ib_sources_new(), .arena = arena_new() };
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span before;

	check_int(ib_sources_add(y.sources, "before", "x", 1, &before, &err), 0);
	check_int(ib_sources_add(y.sources, "f.yaml", text, n, &y.span, &err), 0);
	y.diag = ib_diag_new(y.sources);
	y.root = yaml_parse(y.arena, y.sources, y.span, y.diag);
	ib_diag_render(y.diag, &y.out, false);
	return y;
}

static struct yaml yaml_begin(const char *text)
{
	return yaml_begin_n(text, strlen(text));
}

static void check_at(const struct yaml *y, struct ib_span at, const char *want)
{
	const char *text = ib_sources_text(y->sources, at);

	if (at.end - at.start != strlen(want) || memcmp(text, want, strlen(want)) != 0)
		test_fail(__FILE__, __LINE__, "the span is '%.*s', not '%s'",
			  (int)(at.end - at.start), text, want);
}

static void check_error(const char *text, const char *want)
{
	struct yaml y = yaml_begin(text);

	check(y.root == NULL);
	check_int(ib_diag_errors(y.diag), 1);
	if (!y.out.data || !strstr(y.out.data, want))
		test_fail(__FILE__, __LINE__, "'%s' is not in\n%s", want,
			  y.out.data ? y.out.data : "(nothing)");
	yaml_end(&y);
}

TEST("a YAML tree has kinds, order and spans, also behind UTF-8")
{
	struct yaml y = yaml_begin("\303\251t\303\251: [\"\342\202\254\", 8E00]\n"
				   "b:\n"
				   "  - x: 1\n"
				   "    y:\n"
				   "  - 'q'\n"
				   "\n"
				   "last: \303\274ber\n");
	const struct yaml_node *n = yaml_get(y.root, "\303\251t\303\251");

	check(n && n->kind == YAML_LIST);
	check_at(&y, n->key_at, "\303\251t\303\251");
	check_at(&y, n->at, "[\"\342\202\254\", 8E00]");
	check_str(n->children->text, "\342\202\254");
	check(!n->children->is_plain);
	check_at(&y, n->children->at, "\"\342\202\254\"");
	check_str(n->children->next->text, "8E00");
	check(n->children->next->is_plain && !n->children->next->next);
	check_at(&y, n->children->next->at, "8E00");
	n = yaml_get(y.root, "b");
	check(n && n->kind == YAML_LIST && n->children->kind == YAML_MAP);
	check_at(&y, yaml_get(n->children, "x")->at, "1");
	check_int(yaml_get(n->children, "y")->kind, YAML_NULL);
	check_at(&y, n->children->at, "x: 1\n    y:");
	check_at(&y, n->at, "- x: 1\n    y:\n  - 'q'");
	check_at(&y, yaml_get(y.root, "last")->at, "\303\274ber");
	check_at(&y, yaml_get(y.root, "last")->key_at, "last");
	check(yaml_get(y.root, "none") == NULL && yaml_get(n, "x") == NULL);
	check_int(ib_diag_count(y.diag), 0);
	yaml_end(&y);
}

TEST("a byte-order mark and CRLF do not shift spans")
{
	struct yaml y = yaml_begin("\357\273\277a: 1\r\nb: two\r\n");

	check_at(&y, yaml_get(y.root, "a")->at, "1");
	check_at(&y, yaml_get(y.root, "b")->at, "two");
	yaml_end(&y);
}

TEST("JSON is read as YAML, with tabs between its words")
{
	struct yaml y =
		yaml_begin("{\n\t\"a\": [1, true, null, \"\\u00e9\\n\"],\n\t\"b\": {}\n}\n");
	const struct yaml_node *a = yaml_get(y.root, "a");

	check(a && a->kind == YAML_LIST);
	check_str(a->children->next->text, "true");
	check_int(a->children->next->next->kind, YAML_NULL);
	check_str(a->children->next->next->next->text, "\303\251\n");
	check_int(yaml_get(y.root, "b")->kind, YAML_MAP);
	yaml_end(&y);
}

TEST("an empty document is null, a later equal key wins")
{
	struct yaml y = yaml_begin("# nothing\n");

	check(y.root && y.root->kind == YAML_NULL);
	yaml_end(&y);
	y = yaml_begin("a: 1\nb: 2\na: 3\nc: 4\n");
	check_str(y.root->children->text, "3");
	check_str(y.root->children->next->text, "2");
	check_str(y.root->children->next->next->text, "4");
	check(y.root->children->next->next->next == NULL);
	yaml_end(&y);
	y = yaml_begin("a: 1\na: 2\nb: 3\n");
	check_str(yaml_get(y.root, "a")->text, "2");
	check_str(yaml_get(y.root, "b")->text, "3");
	yaml_end(&y);
}

TEST("what is not read is an error at its place")
{
	check_error("a: &x 1\n", "f.yaml:1:4: error: anchors are not read here [IB1407]\n");
	check_error("a: 1\nb: *x\n", "f.yaml:2:4: error: aliases are not read here");
	check_error("a: !!str 1\n", "f.yaml:1:4: error: tags are not read here");
	check_error("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document is not read here");
	check_error("\303\251: 1\n? [a]\n: 2\n", "f.yaml:2:3: error: expected a word as the key");
	check_error("a: \"x\\0y\"\n", "f.yaml:1:4: error: a NUL character is not read here");
	check_error("\303\251: [1,\nb: 2\n", "error: ");
	check_error("a: \001\n", "f.yaml:1:4: error: control characters are not allowed");
	check_error("a: \377\n", "f.yaml:1:4: error: invalid leading UTF-8 octet");
}

TEST("depth is bounded at 64")
{
	char text[200];
	struct yaml y;

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	y = yaml_begin_n(text, 128);
	check(y.root != NULL);
	yaml_end(&y);
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	text[130] = '\0';
	check_error(text, "f.yaml:1:65: error: nested more than 64 deep");
}

static const struct json_value *json(struct arena *a, const char *text, size_t *offset,
				     const char **why)
{
	return json_parse(a, text, strlen(text), offset, why);
}

TEST("a JSON tree has kinds, order and values")
{
	cleanup_arena struct arena *a = arena_new();
	const struct json_value *v =
		json(a, "{\"z\": [1, -2, true, false, null, 1.5], \"a\": \"\\u00e9\", \"o\": {}}",
		     NULL, NULL);
	const struct json_value *z = json_get(v, "z");

	check(v && v->kind == JSON_OBJECT && v->children == z);
	check(z->kind == JSON_ARRAY && z->children->number == 1 && z->children->next->number == -2);
	check(z->children->next->next->kind == JSON_BOOL && z->children->next->next->number == 1);
	check(z->children->next->next->next->number == 0);
	check_int(z->children->next->next->next->next->kind, JSON_NULL);
	check_str(json_get(v, "a")->text, "\303\251");
	check_int(json_get(v, "o")->kind, JSON_OBJECT);
	check(json_get(v, "none") == NULL && json_get(z, "a") == NULL);
	check_str(json(a, "\"x\"", NULL, NULL)->text, "x");
}

TEST("what is not JSON is refused at its byte")
{
	cleanup_arena struct arena *a = arena_new();
	const char *why = NULL;
	size_t at = 99;
	char deep[5000];

	check(json(a, "{\"\303\251\": x}", &at, &why) == NULL);
	check_int(at, 8);
	check(why && strstr(why, "invalid token"));
	check(json(a, "", &at, &why) == NULL);
	check_int(at, 0);
	check(json(a, "{\"a\": 1, \"a\": 2}", &at, &why) == NULL);
	check(json(a, "[1] 2", &at, &why) == NULL);
	check(json(a, "\"\\u0000\"", &at, &why) == NULL);
	memset(deep, '[', sizeof(deep));
	check(json_parse(a, deep, sizeof(deep), &at, &why) == NULL);
	check_int(at, 2049);
}

TEST_MAIN()
