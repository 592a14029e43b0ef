/* SPDX-License-Identifier: Apache-2.0 */
/* Words and variables: what a Dockerfile user expects of ${...} and quotes, form by form. */
#include "recipetext.h"

/* X is "x", SPACE "a b", EMPTY empty, UNSET declared without value, PATHNAME as below. */
static const char head[] =
	"ARG X=x SPACE=\"a b\" EMPTY= UNSET PATHNAME=/usr/local/lib.so.1 STARS='a*b*c' "
	"UTF=\xc3\xa4\xc3\xb6\nFROM base\n";

static const struct {
	const char *word, *value;
} vectors[] = {
	/* plain */
	{ "hello", "hello" },
	{ "he'll'o", "hello" },
	{ "he'l\"l'o", "hel\"lo" },
	{ "\"he'llo\"", "he'llo" },
	{ "''", "" },
	{ "\"\"", "" },
	{ "a\\ b", "a b" },
	{ "a\\'b", "a'b" },
	{ "a\\\\b", "a\\b" },
	{ "'a\\b'", "a\\b" },
	{ "\"a\\b\"", "a\\b" },
	{ "\"a\\\"b\\$c\\\\d\"", "a\"b$c\\d" },
	{ "=", "=" },
	{ "a=b", "a=b" },
	/* values */
	{ "$X", "x" },
	{ "${X}", "x" },
	{ "${X}y$X", "xyx" },
	{ "$X.y", "x.y" },
	{ "\"$SPACE\"", "a b" },
	{ "$SPACE", "a b" },
	{ "$EMPTY", "" },
	{ "a${EMPTY}b", "ab" },
	{ "\\$X", "$X" },
	{ "\\${X}", "${X}" },
	{ "'$X'", "$X" },
	{ "\"'$X'\"", "'x'" },
	{ "$", "$" },
	{ "a$", "a$" },
	{ "$.", "$." },
	{ "$(X)", "$(X)" },
	/* defaults and alternates */
	{ "${X:-d}", "x" },
	{ "${X-d}", "x" },
	{ "${EMPTY:-d}", "d" },
	{ "${EMPTY-d}", "" },
	{ "${UNSET:-d}", "d" },
	{ "${UNSET-d}", "d" },
	{ "${NOWHERE:-d}", "d" },
	{ "${NOWHERE:-}", "" },
	{ "${X:+a}", "a" },
	{ "${X+a}", "a" },
	{ "${EMPTY:+a}", "" },
	{ "${EMPTY+a}", "a" },
	{ "${UNSET:+a}", "" },
	{ "${UNSET+a}", "" },
	{ "${X:?no}", "x" },
	{ "${EMPTY?no}", "" },
	{ "${NOWHERE:-${X}}", "x" },
	{ "${NOWHERE:-${ALSO:-${X}}}", "x" },
	{ "${NOWHERE:-\"}\"}", "}" },
	{ "${NOWHERE:-\\}}", "}" },
	{ "${NOWHERE:-a b}", "a b" },
	{ "${X:-${NOWHERE}}", "x" },
	{ "\"${NOWHERE:-\"a b\"}\"", "a b" },
	/* prefixes and suffixes */
	{ "${PATHNAME#/}", "usr/local/lib.so.1" },
	{ "${PATHNAME#*/}", "usr/local/lib.so.1" },
	{ "${PATHNAME##*/}", "lib.so.1" },
	{ "${PATHNAME%.*}", "/usr/local/lib.so" },
	{ "${PATHNAME%%.*}", "/usr/local/lib" },
	{ "${PATHNAME%/*}", "/usr/local" },
	{ "${PATHNAME%%/*}", "" },
	{ "${PATHNAME#x}", "/usr/local/lib.so.1" },
	{ "${PATHNAME%x}", "/usr/local/lib.so.1" },
	{ "${PATHNAME#?usr}", "/local/lib.so.1" },
	{ "${PATHNAME#?usr/}", "local/lib.so.1" },
	{ "${PATHNAME##*}", "" },
	{ "${PATHNAME#*}", "/usr/local/lib.so.1" },
	{ "${PATHNAME%%*}", "" },
	{ "${PATHNAME#*l*l}", "/lib.so.1" },
	{ "${PATHNAME##*l*l}", "ib.so.1" },
	{ "${STARS#a\\*}", "b*c" },
	{ "${STARS#\"a*\"}", "b*c" },
	{ "${STARS#'a*b'}", "*c" },
	{ "${STARS%\\*c}", "a*b" },
	{ "${STARS%[*]c}", "a*b*c" },
	{ "${UTF#?}", "\xc3\xb6" },
	{ "${UTF%?}", "\xc3\xa4" },
	{ "${UTF%%??}", "" },
	{ "${X#${X}}", "" },
	{ "${EMPTY#x}", "" },
	/* replacement */
	{ "${PATHNAME/\\//_}", "_usr/local/lib.so.1" },
	{ "${PATHNAME//\\//_}", "_usr_local_lib.so.1" },
	{ "${PATHNAME/l/L}", "/usr/Local/lib.so.1" },
	{ "${PATHNAME//l}", "/usr/oca/ib.so.1" },
	{ "${PATHNAME//l/}", "/usr/oca/ib.so.1" },
	{ "${PATHNAME/l*l/X}", "/usr/Xib.so.1" },
	{ "${PATHNAME//?/x}", "xxxxxxxxxxxxxxxxxxx" },
	{ "${PATHNAME/*/x}", "x" },
	{ "${PATHNAME/z/x}", "/usr/local/lib.so.1" },
	{ "${PATHNAME//z*/x}", "/usr/local/lib.so.1" },
	{ "${STARS//\\*/+}", "a+b+c" },
	{ "${X/x/$SPACE}", "a b" },
	{ "${UTF//?/x}", "xx" },
};

TEST("every form of a substitution has its POSIX meaning")
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		cleanup_buf struct buf text = BUF_INIT;
		cleanup_compiled struct compiled c = { .fd = -1 };
		const struct ib_op *op;

		buf_printf(&text, "%sENV V=%s\n", head, vectors[i].word);
		compile(&c, text.data);
		op = op_of(&c, IB_OP_ENV, 0);
		if (!op || strcmp(op->env.value, vectors[i].value) != 0)
			test_fail(__FILE__, __LINE__, "%s is '%s', not '%s'", vectors[i].word,
				  op ? op->env.value : "nothing", vectors[i].value);
	}
}

static const struct {
	const char *word, *said;
} mistakes[] = {
	{ "$NOWHERE", ":3:7: error: undefined variable 'NOWHERE'" },
	{ "a${NOWHERE}", ":3:8: error: undefined variable 'NOWHERE'" },
	{ "${PATHNAM}", "did you mean 'PATHNAME'?" },
	{ "$UNSET", "'UNSET' has no value: pass --build-arg UNSET=VALUE" },
	{ "${UNSET#x}", "'UNSET' has no value" },
	{ "$1", "'$1' means nothing" },
	{ "$0", "'$0' means nothing" },
	{ "$@", "'$@' means nothing" },
	{ "$$", "'$$' means nothing" },
	{ "\"x$*\"", ":3:9: error: '$*' means nothing" },
	{ "${X:=d}", "unsupported modifier ':='" },
	{ "${X=d}", "unsupported modifier '='" },
	{ "${X:#d}", "unsupported modifier ':#'" },
	{ "${X:YY}", "unsupported modifier ':Y'" },
	{ "${X^}", "unsupported modifier '^'" },
	{ "${X:}", "unsupported modifier ':'" },
	{ "${}", "bad substitution" },
	{ "${:x}", "bad substitution" },
	{ "${{X}", "bad substitution" },
	{ "${1}", "bad substitution" },
	{ "${X", "missing '}'" },
	{ "${X:-y", "missing '}'" },
	{ "${X#y", "missing '}'" },
	{ "${X/y/z", "missing '}'" },
	{ "\"${X\"", "missing '}'" },
	{ "${EMPTY:?say so}", "error: EMPTY: say so" },
	{ "${UNSET?}", "error: UNSET: not set" },
	{ "${NOWHERE:?$X}", "error: NOWHERE: x" },
	{ "${NOWHERE:-$1}", "'$1' means nothing" },
	{ "${X:-$1}", "'$1' means nothing" },
	{ "\"open", "quote without its end" },
	{ "'open", "quote without its end" },
};

TEST("every wrong substitution is an error at its place")
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		cleanup_buf struct buf text = BUF_INIT;
		cleanup_compiled struct compiled c = { .fd = -1 };

		buf_printf(&text, "%sENV V=%s\n", head, mistakes[i].word);
		compile(&c, text.data);
		if (!c.said.data || !strstr(c.said.data, mistakes[i].said))
			test_fail(__FILE__, __LINE__, "%s: no '%s' in:\n%s", mistakes[i].word,
				  mistakes[i].said, c.said.data ? c.said.data : "(nothing)");
		if (ib_diag_errors(c.diag) != 1)
			test_fail(__FILE__, __LINE__, "%s: %zu errors:\n%s", mistakes[i].word,
				  ib_diag_errors(c.diag), c.said.data ? c.said.data : "");
	}
}

TEST("an instruction sees the variables as they were before it")
{
	cleanup_compiled struct compiled c = { .fd = -1 };
	const struct ib_op *op;

	compile(&c, "FROM base\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n");
	op = op_of(&c, IB_OP_ENV, 2);
	check_str(op ? op->env.value : NULL, "hello");
	op = op_of(&c, IB_OP_ENV, 3);
	check_str(op ? op->env.value : NULL, "bye");
}

TEST("ENV beats ARG of the same name, wherever it stands")
{
	cleanup_compiled struct compiled c = { .fd = -1 };
	const struct ib_op *op;

	compile(&c, "ARG A=global\nFROM base\nENV A=env\nARG A=later\nENV B=$A\nRUN x\n");
	op = op_of(&c, IB_OP_ENV, 1);
	check_str(op ? op->env.value : NULL, "env");
	op = op_of(&c, IB_OP_RUN, 0);
	check_str(op ? op->run.env.items[0].value : NULL, "env");
}

TEST("variables that bring too much text are an error, not the end of memory")
{
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_compiled struct compiled c = { .fd = -1 };

	buf_str(&text, "FROM base\nENV A0=0123456789abcdef\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&text, "ENV A%d=$A%d$A%d\n", i, i - 1, i - 1);
	compile(&c, text.data);
	check(c.said.data && strstr(c.said.data, "variables bring more than 64 MiB of text"));
	check_int(ib_diag_errors(c.diag), 1);
}

TEST("substitutions nest to a limit")
{
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_compiled struct compiled c = { .fd = -1 };

	buf_str(&text, "FROM base\nENV A=");
	for (int i = 0; i < 100000; i++)
		buf_str(&text, "${A:-");
	compile(&c, text.data);
	check(c.said.data && strstr(c.said.data, "substitutions nest more than 64 deep"));
}

TEST_MAIN()
