/* SPDX-License-Identifier: Apache-2.0 */
/* source, diag, suggest, error, jsonout, utf8. */
#include "test.h"

#include <imagebuild/diag.h>
#include <imagebuild/error.h>
#include <imagebuild/jsonout.h>
#include <imagebuild/utf8.h>

#include <errno.h>

static struct ib_span add(struct ib_sources *s, const char *name, const char *text)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span = { 0, 0 };

	check_int(ib_sources_add(s, name, text, strlen(text), &span, &err), 0);
	return span;
}

static struct ib_span part(struct ib_span text, uint32_t start, uint32_t end)
{
	return (struct ib_span){ text.start + start, text.start + end };
}

TEST("an offset names its file, line and column, also at the end of a file")
{
	struct ib_sources *s = ib_sources_new();
	struct ib_span a = add(s, "a", "one\r\ntwo\n"), b = add(s, "b", ""), c = add(s, "c", "x");
	struct ib_place p;

	check(!ib_sources_locate(s, 0, &p));
	check(ib_sources_locate(s, a.start + 7, &p));
	check_str(p.file, "a");
	check_int(p.line, 2);
	check_int(p.column, 3);
	check_int(p.text_len, 3);
	check(ib_sources_locate(s, a.start, &p) && p.text_len == 3);
	check(ib_sources_locate(s, a.end, &p) && p.line == 3 && p.column == 1 && p.text_len == 0);
	check(ib_sources_locate(s, b.start, &p) && strcmp(p.file, "b") == 0);
	check(ib_sources_locate(s, c.end, &p) && strcmp(p.file, "c") == 0 && p.column == 2);
	check(!ib_sources_locate(s, c.end + 1, &p));
	check(strncmp(ib_sources_text(s, part(a, 5, 8)), "two", 3) == 0);
	ib_sources_free(s);
}

TEST("a source that is too large, a directory or not there is refused")
{
	struct ib_sources *s = ib_sources_new();
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span;
	cleanup_free char *big = calloc(1, IB_SOURCE_MAX + 2);

	check_int(ib_sources_add(s, "big", big, IB_SOURCE_MAX + 1, &span, &err), -E2BIG);
	check_str(err.text, "'big' is larger than 16 MiB");
	check_int(ib_sources_read(s, "/", &span, &err), -EISDIR);
	check_int(ib_sources_read(s, "/nonexistent/x", &span, &err), -ENOENT);
	check_str(err.text, "open '/nonexistent/x': No such file or directory");
	check_int(ib_sources_read(s, "/dev/null", &span, &err), -EINVAL);
	ib_sources_free(s);
}

TEST("findings are sorted, said once, and drawn with carets, hints and notes")
{
	struct ib_sources *s = ib_sources_new();
	struct ib_span t = add(s, "Imagefile", "FROM x\n\tFORM \303\251y z\nRUN \033 a\\\n b\n");
	struct ib_diag *d = ib_diag_new(s);
	cleanup_buf struct buf out = BUF_INIT;

	ib_diag_add(d, IB_D_ARITY, part(t, 19, 28), "too %s", "many");
	ib_diag_add(d, IB_D_UNKNOWN_INSTRUCTION, part(t, 13, 16), "unknown word");
	ib_diag_hint(d, "write %s", "FROM");
	ib_diag_note(d, part(t, 0, 4), "as here");
	ib_diag_add(d, IB_D_UNKNOWN_INSTRUCTION, part(t, 13, 16), "unknown word");
	ib_diag_hint(d, "not shown");
	ib_diag_add(d, IB_D_EMPTY_CONTINUATION, (struct ib_span){ 0, 0 }, "somewhere");
	check_int(ib_diag_errors(d), 2);
	check_int(ib_diag_count(d), 3);
	ib_diag_render(d, &out, false);
	check_str(out.data, "warning: somewhere [IB1016]\n"
			    "Imagefile:2:7: error: unknown word [IB1001]\n"
			    "    2 | \tFORM \303\251y z\n"
			    "      | \t     ^~\n"
			    "      = write FROM\n"
			    "Imagefile:1:1: note: as here\n"
			    "    1 | FROM x\n"
			    "      | ^~~~\n"
			    "Imagefile:3:1: error: too many [IB1018]\n"
			    "    3 | RUN ? a\\\n"
			    "      | ^~~~~~~~\n");
	ib_diag_strict(d, true);
	check_int(ib_diag_errors(d), 3);
	ib_diag_free(d);
	ib_sources_free(s);
}

TEST("an error of the machine is drawn as a finding is")
{
	struct ib_sources *s = ib_sources_new();
	struct ib_span t = add(s, "Imagefile", "RUN false");
	const char *const notes[] = { "phase install.d, step 7", NULL };
	cleanup_buf struct buf out = BUF_INIT;

	ib_diag_show(s, t, IB_ERROR, "RUN exited with status 1", notes, &out, false);
	check_str(out.data, "Imagefile:1:1: error: RUN exited with status 1\n"
			    "    1 | RUN false\n"
			    "      | ^~~~~~~~~\n"
			    "      = phase install.d, step 7\n");
	buf_reset(&out);
	ib_diag_show(s, t, IB_ERROR, "x", NULL, &out, true);
	check(strstr(out.data, "\033[1;31merror: \033[0mx\n") != NULL);
	ib_sources_free(s);
}

TEST("a suggestion is near enough and the nearest")
{
	static const char *const words[] = { "FROM", "ELEMENT", "ENV", "RUN", "ENTRYPOINT" };

	check_str(ib_suggest("FORM", words, ARRAY_SIZE(words)), "FROM");
	check_str(ib_suggest("from", words, ARRAY_SIZE(words)), "FROM");
	check_str(ib_suggest("ELEMNT", words, ARRAY_SIZE(words)), "ELEMENT");
	check_str(ib_suggest("ENTRYPIONT", words, ARRAY_SIZE(words)), "ENTRYPOINT");
	check_str(ib_suggest("RUM", words, ARRAY_SIZE(words)), "RUN");
	check_str(ib_suggest("X", words, ARRAY_SIZE(words)), NULL);
	check_str(ib_suggest("COPY", words, ARRAY_SIZE(words)), NULL);
	check_str(ib_suggest("", words, ARRAY_SIZE(words)), NULL);
}

TEST("an error is made, wrapped and hinted, and never overflows")
{
	struct ib_error err = IB_ERROR_INIT;

	check_int(ib_fail(&err, ENOSPC, "write %s", "superblock"), -ENOSPC);
	check_int(ib_wrap(&err, "lay out %s", "root"), -ENOSPC);
	check_int(ib_hint(&err, "make room"), -ENOSPC);
	check_str(err.text, "lay out root: write superblock: No space left on device");
	check_str(err.hint, "make room");
	check_int(ib_fail_text(&err, EINVAL, "again: %s", err.text), -EINVAL);
	check_str(err.text, "again: lay out root: write superblock: No space left on device");
	check_str(err.hint, "");
	for (int i = 0; i < 500; i++)
		(void)ib_wrap(&err, "deeper %d", i);
	check_int(strlen(err.text), sizeof(err.text) - 1);
}

TEST("JSON is written with its escapes, indents and empty lists")
{
	cleanup_buf struct buf out = BUF_INIT;
	struct jsonout j = JSONOUT_INIT(&out);

	json_object(&j, NULL);
	json_str(&j, "a", "q\"\\\n\001\303\251\377");
	json_array(&j, "b");
	json_u64(&j, NULL, UINT64_MAX);
	json_i64(&j, NULL, INT64_MIN);
	json_array_end(&j);
	json_array(&j, "c");
	json_array_end(&j);
	json_str(&j, "d", NULL);
	json_bool(&j, "e", true);
	json_object_end(&j);
	check_str(out.data, "{\n"
			    "  \"a\": \"q\\\"\\\\\\n\\u0001\303\251\357\277\275\",\n"
			    "  \"b\": [\n"
			    "    18446744073709551615,\n"
			    "    -9223372036854775808\n"
			    "  ],\n"
			    "  \"c\": [],\n"
			    "  \"d\": null,\n"
			    "  \"e\": true\n"
			    "}\n");
	buf_reset(&out);
	j.is_compact = true;
	json_object(&j, NULL);
	json_bytes(&j, "a", "x\0y", 3);
	json_bool(&j, "b", false);
	json_object_end(&j);
	check_str(out.data, "{\"a\":\"x\\u0000y\",\"b\":false}\n");
}

TEST("what a terminal would obey is shown as something else")
{
	static const char hostile[] = "a\tb\033[2J\177\302\233c\303\251\377\r\n";
	cleanup_buf struct buf out = BUF_INIT;

	utf8_visible(&out, hostile, sizeof(hostile));
	check_str(out.data, "a\tb?[2J??c\303\251\357\277\275???");
	check_int(utf8_count(hostile, sizeof(hostile) - 1), 14);
	check_int(utf8_count("\303\251\377\303", 4), 3);
	check_int(utf8_count("", 0), 0);
}

TEST_MAIN()
