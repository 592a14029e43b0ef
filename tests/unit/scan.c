/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, continuations, comments, heredocs and their places. */
#include "recipetext.h"

#include <time.h>

static const char *run_text(struct compiled *c, const char *text)
{
	const struct ib_op *op;

	compile(c, text);
	op = op_of(c, IB_OP_RUN, 0);
	return op ? op->run.text : NULL;
}

static const struct {
	const char *recipe, *text;
} lines[] = {
	{ "RUN a b", "a b\n" },
	{ "  run\ta b  ", "a b\n" },
	{ "RUN a \\\nb", "a b\n" },
	{ "RUN a\\\nb", "ab\n" },
	{ "RUN a \\ \t\nb", "a b\n" },
	{ "RUN a \\\r\nb\r\n", "a b\n" },
	{ "RUN a \\\\\nRUN b", "a \\\\\n" },
	{ "RUN a \\\\\\\nb", "a \\\\b\n" },
	{ "RUN \\\na", "a\n" },
	{ "\\\nRUN a", "a\n" },
	{ "RUN a \\\n# no\n  # no\nb", "a b\n" },
	{ "RUN a \\\n# no \\\nb", "a b\n" },
	{ "RUN a \\\n\nb", "a b\n" },
	{ "RUN a # not a comment", "a # not a comment\n" },
	{ "RUN a \\\n  b # x", "a   b # x\n" },
	{ "RUN a \\", "a\n" },
	{ "RUN a \\\n", "a\n" },
	{ "RUN a\\", "a\n" },
	{ "RUN <<EOF\na\nEOF", "a\n" },
	{ "RUN <<EOF\na\nEOF\nRUN b", "a\n" },
	{ "RUN <<EOF\n# a\n\n a \\\nEOF\n", "# a\n\n a \\\n" },
	{ "RUN <<EOF\r\na\r\nEOF\r\n", "a\n" },
	{ "RUN << EOF\na\nEOF\n", "a\n" },
	{ "RUN <<'E F'\na\nE F\n", "a\n" },
	{ "RUN <<\"EOF\"\n$x\nEOF\n", "$x\n" },
	{ "RUN <<E'O'F\n$x\nEOF\n", "$x\n" },
	{ "RUN <<-EOF\n\t\ta\n\tb\n c\n\t\tEOF\n", "a\nb\n c\n" },
	{ "RUN <<EOF\n\tEOF\nEOF \nEOF\n", "\tEOF\nEOF \n" },
	{ "RUN <<EOF\nEOF\n", "" },
	{ "RUN <<EOF \\\n  cat\na\nEOF\n", "<<EOF   cat\na\nEOF\n" },
	{ "RUN a 3<<A <<-B\n1\nA\n\t2\n\tB\n", "a 3<<A <<-B\n1\nA\n2\nB\n" },
	{ "RUN cat <<EOF; b\n1\nEOF\n", "cat <<EOF; b\n1\nEOF\n" },
	{ "RUN a <<<b", "a <<<b\n" },
	{ "RUN a \"<<b\" '<<b' x<<b \\<<b", "a \"<<b\" '<<b' x<<b \\<<b\n" },
	{ "RUN echo $((1<<2)) \\\n<<E\nx\nE\n", "echo $((1<<2)) <<E\nx\nE\n" },
};

TEST("lines are joined and heredocs read as a Dockerfile user expects")
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		cleanup_compiled struct compiled c = { .fd = -1 };
		cleanup_free char *recipe = ib_xprintf("FROM base\n%s", lines[i].recipe);
		const char *text = run_text(&c, recipe);

		if (!text || strcmp(text, lines[i].text) != 0)
			test_fail(__FILE__, __LINE__, "%s\nis '%s', not '%s'", lines[i].recipe,
				  text ? text : "nothing", lines[i].text);
	}
}

static const struct {
	const char *recipe, *said;
} mistakes[] = {
	{ "", ":1:1: error: the file has no instructions" },
	{ "# only\n\n", "the file has no instructions" },
	{ "FROM base\nRUN a\\\nb ${X} \\\n", NULL },
	{ "FROM base\nENV A=\\\n${X}", ":3:1: error: undefined variable 'X'" },
	{ "FROM base\nENV A=a\\\n# c\nb${X}", ":4:2: error: undefined variable 'X'" },
	{ "FROM base\nCOPY <<-E /x\n\ta\n\t\tb${X}\n\tE\n", ":4:4: error: undefined variable 'X'" },
	{ "FROM base\nCOPY <<E /x\r\na\r\nb${X}\r\nE\r\n", ":4:2: error: undefined variable 'X'" },
	{ "FROM base\nRUN <<E\nx\n", ":2:5: error: heredoc without its end: no line is 'E' alone" },
	{ "FROM base\nRUN [ -f x ]\nRUN [[ x ]]\nRUN [\"a\"]\n", NULL },
	{ "FROM base\nRUN [x]\n", ":2:6: error: not a JSON array of strings" },
	{ "FROM base\nRUN [\"a\", 'b']\n",
	  ":2:11: error: not a JSON array of strings: JSON strings have double" },
	{ "FROM base\nRUN [\"\\ud800\"]\n", "half of a surrogate pair" },
	{ "FROM base\nRUN [\"\\u0000\"]\n", "cannot hold NUL" },
	{ "FROM base\nRUN [\"\\x\"]\n", "unknown escape" },
	{ "\xef\xbb\xbf"
	  "FROM base\nRUN x\n",
	  NULL },
	{ "FROM base\nRUN \xff\n", ":2:5: error: byte 0xff is not UTF-8" },
	{ "FROM base\nRUN \xc0\xaf\n", ":2:5: error: byte 0xc0 is not UTF-8" },
	{ "FROM base\nRUN \xed\xa0\x80\n", ":2:5: error: byte 0xed is not UTF-8" },
	{ "#!/usr/bin/env imagebuild\n# escape=`\nFROM base\nENV A=`\n${X}\n",
	  ":5:1: error: undefined" },
	{ "# a comment\n# escape=`\nFROM base\nENV A=\\\n${X}\n", ":5:1: error: undefined" },
};

TEST("what is wrong with a line is said at its place")
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		cleanup_compiled struct compiled c = { .fd = -1 };
		const char *said;

		compile(&c, mistakes[i].recipe);
		said = c.said.data ? c.said.data : "";
		if (mistakes[i].said
			    ? !strstr(said, mistakes[i].said) || ib_diag_errors(c.diag) != 1
			    : *said)
			test_fail(__FILE__, __LINE__, "%s\nsays\n%s\nnot '%s'", mistakes[i].recipe,
				  said, mistakes[i].said ? mistakes[i].said : "nothing");
	}
}

TEST("a NUL byte is an error, also in a heredoc")
{
	static const char text[] = "FROM base\nRUN a\0b\nRUN <<E\nx\0\nE\n";
	cleanup_compiled struct compiled c = { .fd = -1 };

	compile_bytes(&c, text, sizeof(text) - 1);
	check(c.said.data && strstr(c.said.data, ":2:6: error: NUL byte"));
	check_int(ib_diag_errors(c.diag), 1);
}

TEST("a line of 65535 bytes is read, a longer one is an error")
{
	cleanup_free char *word = ib_xmalloc(65536 + 1);
	cleanup_free char *fits = NULL, *over = NULL;
	cleanup_compiled struct compiled c = { .fd = -1 }, d = { .fd = -1 };

	memset(word, 'x', 65536);
	word[65535 - 4] = '\0';
	fits = ib_xprintf("FROM base\nRUN %s\n", word);
	over = ib_xprintf("FROM base\nRUN x%s\n", word);
	compile(&c, fits);
	check_int(ib_diag_count(c.diag), 0);
	compile(&d, over);
	check(d.said.data && strstr(d.said.data, ":2:1: error: line of 65536 bytes"));
}

TEST("blocks nest to a limit, and the rest of the file is still read")
{
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_compiled struct compiled c = { .fd = -1 };

	buf_str(&text, "FROM base\nLAYOUT gpt {\n");
	for (int i = 0; i < 1000; i++)
		buf_str(&text, "partition {\n");
	compile(&c, text.data);
	check(c.said.data && strstr(c.said.data, "blocks nest more than 64 deep"));
}

TEST("a line number in a RUN's text can be pointed at in the recipe")
{
	cleanup_compiled struct compiled c = { .fd = -1 };
	struct ib_place place = { 0 };
	const struct ib_op *op;

	compile(&c, "FROM base\nRUN --name=x \\\n  <<EOF\nfirst\nsecond\nEOF\nRUN a <<B\nc\nB\n");
	op = op_of(&c, IB_OP_RUN, 0);
	check(op && ib_sources_locate(c.sources, op->run.text_at.start, &place));
	check_int(place.line, 4);
	op = op_of(&c, IB_OP_RUN, 1);
	check(op && ib_sources_locate(c.sources, op->run.text_at.start, &place));
	check_int(place.line, 7);
	check_int(place.column, 5);
}

TEST("comments directly above belong to the instruction, others do not")
{
	cleanup_compiled struct compiled c = { .fd = -1 };
	cleanup_buf struct buf out = BUF_INIT;

	compile(&c, "# far\n\n# one\n#  two\nARG A=1\n# x\n\nFROM base\n");
	ib_recipe_dump_ast(c.recipe, &out);
	check_str(out.data,
		  "5:1 ARG \"one\\n two\"\n  5:5 word \"A=1\"\n8:1 FROM\n  8:6 word \"base\"\n");
}

/* --- time --- */

static const struct {
	const char *head, *repeated, *tail;
} shapes[] = {
	{ "FROM base\n", "RUN echo hello world\n", "" },
	{ "FROM base\n", "ENV A=${B:-c}\nRUN <<-EOF\n\tx\n\tEOF\n", "" },
	{ "FROM base\nRUN a", "\\\n# c\n b", "\n" },
	{ "FROM base\nRUN <<EOF\n", "\tline\n", "EOF\n" },
	{ "FROM base\nRUN <<-EOF\n", "\tline\n", "EOF\n" },
	{ "FROM base\n", "RUN <<OPEN\n", "" },
	{ "FROM base\n", "FOOBAR x\n", "" },
	{ "FROM base\nRUN ", "\\\"", "\n" },
	{ "FROM base\nRUN ", "11<< ", "\n" },
	{ "FROM base\nCOPY ", "[a] ", "/x/\n" },
	{ "FROM base\nENV A=", "\"${A", "\n" },
	{ "FROM base\nENV A=", "${A:-", "\n" },
	{ "FROM base\nLAYOUT gpt {\n", "partition a size=1MiB { ext4 }\n", "}\n" },
	{ "FROM base\nLAYOUT gpt {\n", "partition a\n{\n", "" },
	{ "FROM base AS a\n", "FROM a AS b\n", "" },
	{ "FROM base\nOUTPUT ", "raw ", "\n" },
	{ "FROM base\n", "RUN a\\\n\nb\n", "" },
	{ "FROM base\n", "\xff\n", "" },
};

static double seconds(size_t shape, size_t size)
{
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_compiled struct compiled c = { .fd = -1 };
	struct timespec from, to;

	buf_str(&text, shapes[shape].head);
	while (text.len < size)
		buf_str(&text, shapes[shape].repeated);
	buf_str(&text, shapes[shape].tail);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	compile_bytes(&c, text.data, text.len);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

TEST("ten times the text takes about ten times the time")
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		double small = seconds(i, 100u << 10), large = seconds(i, 1u << 20);

		/* quadratic would be a factor of 100; half a second is for what is too short to
		 * measure */
		if (large > 30 * small + 0.5)
			test_fail(__FILE__, __LINE__, "'%s': %.2f s and %.2f s", shapes[i].repeated,
				  small, large);
	}
}

TEST_MAIN()
