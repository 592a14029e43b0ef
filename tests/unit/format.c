/* SPDX-License-Identifier: Apache-2.0 */
/* Formatting keeps what a recipe means and says: 10 000 recipes made of every instruction and every
 * freedom of the text are formatted, and read again. FORMAT_SEED and FORMAT_COUNT choose others. */
#include "recipetext.h"

enum { COUNT = 10000 };

struct gen {
	struct buf out;
	struct buf comments; /* in order, each with \n */
	uint64_t seed;
	unsigned n_comments, n_names;
	char escape;
	const char *nl;
	bool has_layout;
};

static unsigned pick(struct gen *g, unsigned n)
{
	g->seed = g->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(g->seed >> 33) % n;
}
#define ONE_OF(g, list) ((list)[pick((g), ARRAY_SIZE(list))])

static void comment(struct gen *g)
{
	static const char *const tails[] = { "", " with \"a quote", " {", " and a \\", "  ", "\t" };
	static const char *const heads[] = { "# ", "#", "#  ", "#\t" };
	static const char *const indents[] = { "", "", "  ", "\t", "            " };
	const char *tail = ONE_OF(g, tails), *head = ONE_OF(g, heads);
	size_t n = strlen(tail);

	buf_printf(&g->out, "%s%sc%u%s%s", ONE_OF(g, indents), head, g->n_comments, tail, g->nl);
	while (n > 0 && (tail[n - 1] == ' ' || tail[n - 1] == '\t'))
		n--;
	buf_printf(&g->comments, "%sc%u%.*s\n", head, g->n_comments++, (int)n, tail);
}

static void break_line(struct gen *g)
{
	static const char *const behind[] = { "", "", "", " ", " \t" };

	buf_printf(&g->out, "%c%s%s", g->escape, ONE_OF(g, behind), g->nl);
	while (pick(g, 6) == 0)
		comment(g);
	if (pick(g, 12) == 0)
		buf_printf(&g->out, "  %s", g->nl);
	if (pick(g, 12) == 0)
		buf_printf(&g->out, "%c%s", g->escape, g->nl);
}

/* Blanks between words, perhaps with a continuation. JSON has no \v and \f. */
static void some_blanks(struct gen *g, bool is_json)
{
	static const char *const blanks[] = { " ", " ", " ", "  ", "\t", "     ", " \v", "\f " };
	unsigned n = is_json ? 6 : 8;

	buf_str(&g->out, blanks[pick(g, n)]);
	if (pick(g, 7) == 0) {
		break_line(g);
		buf_str(&g->out, blanks[pick(g, n)]);
	}
}

static void gap(struct gen *g)
{
	some_blanks(g, false);
}

/* ~ in TEXT stands for the escape, % for a number of its own. A word can be broken anywhere. */
static void word(struct gen *g, const char *text)
{
	for (const char *s = text; *s; s++) {
		bool is_escape = *s == '~';

		if (is_escape)
			buf_char(&g->out, g->escape);
		else if (*s == '%')
			buf_printf(&g->out, "%u", g->n_names++);
		else
			buf_char(&g->out, *s);
		if (!is_escape && *s != g->escape && s[1] && s[1 + strspn(s + 1, " ")] != '#' &&
		    pick(g, 60) == 0)
			break_line(g);
	}
}

static void keyword(struct gen *g, const char *name)
{
	static const char *const indents[] = { "", "", "", " ", "\t", "   " };
	bool is_lower = pick(g, 3) == 0;

	buf_str(&g->out, ONE_OF(g, indents));
	for (; *name; name++)
		buf_char(&g->out, is_lower ? (char)(*name | 0x20) : *name);
}

static void end(struct gen *g)
{
	static const char *const tails[] = { "", "", "", " ", "\t ", "\f" };

	buf_printf(&g->out, "%s%s", ONE_OF(g, tails), g->nl);
	while (pick(g, 4) == 0)
		buf_printf(&g->out, "%s%s", pick(g, 3) ? "" : "  ", g->nl);
	while (pick(g, 4) == 0)
		comment(g);
}

/* Of a COPY the strings are words, and the last is a directory. */
static void json(struct gen *g, bool is_copy)
{
	static const char *const strings[] = { "\"a b\"",    "\"/bin/x\"",     "\"#\"",
					       "\"],[ \"",   "\"\\u00e9\\n\"", "\"\"",
					       "\"q\\\"q\"", "\"\\\\\"" };
	unsigned n = 1 + pick(g, 3) + is_copy;

	buf_char(&g->out, '[');
	for (unsigned i = 0; i < n; i++) {
		bool is_last = i + 1 == n;

		if (pick(g, 3) == 0)
			some_blanks(g, true);
		buf_str(&g->out,
			is_copy && is_last ? "\"/dst/\"" : strings[pick(g, is_copy ? 4 : 8)]);
		if (pick(g, 3) == 0)
			some_blanks(g, true);
		if (!is_last)
			buf_char(&g->out, ',');
	}
	buf_char(&g->out, ']');
}

static void text(struct gen *g)
{
	static const char *const parts[] = { "echo",  "'it  is'",  "\"a  # b\"",  "&&",
					     "$HOME", "${NOT:-x}", "[ -f x ]",    "a=b;",
					     "~ x",   "|",         "{ x; }",      "\\\\",
					     "~~",    "a#b",       "$(( 1 + 2 ))" };

	for (unsigned n = 1 + pick(g, 6), i = 0; i < n; i++) {
		if (i > 0)
			gap(g);
		word(g, ONE_OF(g, parts));
	}
}

static void body(struct gen *g, const char *name, bool strips)
{
	static const char *const lines[] = { "",           "  two  blanks  ",
					     "\t\ttabs\t", "# no comment",
					     "RUN x {",    "a ~",
					     "EOF ",       "back\\slash" };

	for (unsigned n = pick(g, 4), i = 0; i < n; i++)
		buf_printf(&g->out, "%s%s", ONE_OF(g, lines), g->nl);
	buf_printf(&g->out, "%s%s%s", strips && pick(g, 2) ? "\t" : "", name, g->nl);
}

/* --- instructions: a keyword, at most one of the flags each, arguments --- */

enum form { WORDS, FROM, COPY, ADD, RUN, TEXT, ARRAY, VOLUME, LAYOUT };

static const struct instruction {
	const char *keyword;
	enum form form;
	const char *flags[8], *args[6]; /* NULL behind the last */
	unsigned most;
	bool is_whole; /* args are all needed, in order */
} instructions[] = {
	{ "ARG",
	  WORDS,
	  { NULL },
	  { "A%=1", "A%='x  y'", "A%=\"q # z\"", "A%", "A%=a~ b" },
	  2,
	  false },
	{ "FROM", FROM, { "--arch=amd64", "--when=X=x" }, { "base" }, 1, false },
	{ "ELEMENT", WORDS, { "--when=X!=y" }, { "vm", "./path", "cloud-init" }, 3, false },
	{ "ENV",
	  WORDS,
	  { NULL },
	  { "E%=1", "E%=\"a $X\"", "E%='{'", "E%=a~ ~ ~'", "E%=\"x\"y'z'" },
	  4,
	  false },
	{ "PACKAGE",
	  WORDS,
	  { "--phase=install", "--remove", "--arch=!arm64,i386", "--order=05", "--build-only" },
	  { "p%", "libx", "a-b", "${X}-y" },
	  4,
	  false },
	{ "RUN",
	  RUN,
	  { "--phase=post-install", "--order=3", "--name=\"a b\"", "--when=V=w", "--network=none",
	    "--no-cache", "--mount=type=cache,target=/c", "--input=/x" },
	  { NULL },
	  0,
	  false },
	{ "COPY",
	  COPY,
	  { "--chown=a:b", "--unpack", "--when=V=w" },
	  { "a", "b/*", "'c d'" },
	  3,
	  false },
	{ "ADD",
	  ADD,
	  { "--checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	    "--chmod=600" },
	  { "https://h.example/a" },
	  1,
	  false },
	{ "LAYOUT", LAYOUT, { NULL }, { NULL }, 0, false },
	{ "INCLUDE", WORDS, { "--when=X=no" }, { "none" }, 1, true },
	{ "SOURCE",
	  WORDS,
	  { "--order=9" },
	  { "s%", "git", "/opt/x", "https://h.example/x.git", "main" },
	  5,
	  true },
	{ "SHELL", ARRAY, { NULL }, { NULL }, 0, false },
	{ "WORKDIR", WORDS, { NULL }, { "/a/b", "'/a b'", "/x$X" }, 1, false },
	{ "USER", WORDS, { NULL }, { "u:g", "u" }, 1, false },
	{ "LABEL", WORDS, { NULL }, { "l%=1", "\"l %\"=\"x  y\"", "k%='z'" }, 3, false },
	{ "CMD", TEXT, { NULL }, { NULL }, 0, false },
	{ "ENTRYPOINT", TEXT, { NULL }, { NULL }, 0, false },
	{ "EXPOSE", WORDS, { NULL }, { "80", "443/tcp" }, 2, false },
	{ "VOLUME", VOLUME, { NULL }, { "/v", "/w" }, 2, false },
	{ "STOPSIGNAL", WORDS, { NULL }, { "SIGTERM", "9" }, 1, false },
};

static void flags(struct gen *g, const struct instruction *in)
{
	bool is_needed =
		in->is_whole && !in->flags[1]; /* INCLUDE's --when keeps it from reading a file */

	for (size_t i = 0; i < ARRAY_SIZE(in->flags) && in->flags[i]; i++) {
		if (!is_needed && pick(g, 3))
			continue;
		gap(g);
		word(g, in->flags[i]);
	}
	if (pick(g, 10) == 0) {
		gap(g);
		buf_str(&g->out, "--");
	}
	gap(g);
}

static void words(struct gen *g, const struct instruction *in)
{
	unsigned all = 0, n;

	while (all < ARRAY_SIZE(in->args) && in->args[all])
		all++;
	n = in->is_whole ? all : 1 + pick(g, in->most);
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			gap(g);
		word(g, in->args[in->is_whole ? i : pick(g, all)]);
	}
}

static void node_break(struct gen *g, bool is_inline)
{
	if (is_inline) {
		gap(g);
		return;
	}
	end(g);
	buf_str(&g->out, pick(g, 2) ? "  " : "\t");
}

static void content(struct gen *g)
{
	static const char *const nodes[] = { "ext4 mount=/m% label=l%", "swap", "xfs  mount=/m%",
					     "ext2 opts=\"-i  9\"", "luks k% key=secret:x {" };
	const char *node = ONE_OF(g, nodes);
	bool is_inline = pick(g, 2);

	gap(g);
	buf_char(&g->out, '{');
	node_break(g, is_inline);
	word(g, node);
	if (strchr(node, '{')) {
		node_break(g, is_inline);
		buf_str(&g->out, "swap");
		node_break(g, is_inline);
		buf_char(&g->out, '}');
	}
	node_break(g, is_inline);
	buf_char(&g->out, '}');
}

static void layout(struct gen *g)
{
	static const char *const kinds[] = { "gpt", "mbr", "gpt size=20GB", "mbr align=1MiB" };

	word(g, ONE_OF(g, kinds));
	buf_printf(&g->out, "  name=d%u", g->n_names++);
	gap(g);
	buf_char(&g->out, '{');
	node_break(g, false);
	for (unsigned n = 1 + pick(g, 4), i = 0; i < n; i++) {
		static const char *const keys[] = { "size=1GiB", "type=linux", "size=\"4096\"" };

		buf_str(&g->out, "partition");
		gap(g);
		buf_printf(&g->out, "p%u%s", g->n_names++, pick(g, 2) ? "" : "long");
		if (pick(g, 3)) {
			gap(g);
			word(g, ONE_OF(g, keys));
		}
		if (pick(g, 3))
			content(g);
		node_break(g, false);
	}
	buf_char(&g->out, '}');
}

static void run(struct gen *g)
{
	unsigned form = pick(g, 5);

	if (form == 0) {
		json(g, false);
	} else if (form > 2) {
		text(g);
	} else {
		buf_str(&g->out, "cat <<-A  && ");
		if (form == 2)
			break_line(g);
		buf_printf(&g->out, "\tcat << 'B C' >x%s", g->nl);
		body(g, "A", true);
		body(g, "B C", false);
	}
}

static void arguments(struct gen *g, const struct instruction *in)
{
	switch (in->form) {
	case WORDS:
	case ADD:
	case FROM:
		words(g, in);
		if (in->form == FROM && pick(g, 2)) {
			gap(g);
			buf_str(&g->out, pick(g, 2) ? "as" : "AS");
			gap(g);
			word(g, "stage%");
		} else if (in->form == ADD) {
			gap(g);
			buf_str(&g->out, "/dst/");
		}
		break;
	case COPY:
		if (pick(g, 3) == 0) {
			json(g, true);
		} else if (pick(g, 3) == 0) {
			buf_str(&g->out, "<<\"X\"");
			gap(g);
			buf_printf(&g->out, "/file%s", g->nl);
			body(g, "X", false);
		} else {
			words(g, in);
			gap(g);
			buf_str(&g->out, "/dst/");
		}
		break;
	case RUN:
		run(g);
		break;
	case TEXT:
		if (pick(g, 2))
			json(g, false);
		else
			text(g);
		break;
	case ARRAY:
		buf_str(&g->out, "[\"/bin/sh\",");
		some_blanks(g, true);
		buf_str(&g->out, "\"-e\"]");
		break;
	case VOLUME:
		if (pick(g, 2))
			buf_str(&g->out, "[ \"/a\",\"/b\" ]");
		else
			words(g, in);
		break;
	case LAYOUT:
		layout(g);
		break;
	}
}

static void instruction(struct gen *g, const struct instruction *in)
{
	keyword(g, in->keyword);
	flags(g, in);
	arguments(g, in);
	end(g);
}

static void recipe(struct gen *g)
{
	static const char *const endings[] = { "OUTPUT  --name=\"x\" raw	qcow2",
					       "OUTPUT raw \\", "output tar" };
	bool is_fragment = pick(g, 8) == 0;

	g->escape = pick(g, 5) ? '\\' : '`';
	g->nl = pick(g, 6) ? "\n" : "\r\n";
	if (pick(g, 10) == 0)
		buf_str(&g->out, "\xef\xbb\xbf");
	if (g->escape == '`' || pick(g, 4) == 0)
		buf_printf(&g->out, "#  escape = %c%s", g->escape, g->nl);
	end(g);
	if (is_fragment) {
		buf_printf(&g->out, "provides a  b%s", g->nl);
	} else {
		buf_printf(&g->out, "ARG X=x%s", g->nl);
		instruction(g, &instructions[1]);
	}
	if (is_fragment)
		buf_printf(&g->out, "ARG X=x%s", g->nl);
	for (unsigned n = 1 + pick(g, 8), i = 0; i < n; i++) {
		const struct instruction *in = &instructions[pick(g, ARRAY_SIZE(instructions))];

		if (!is_fragment || (in->form != FROM && in->form != LAYOUT))
			instruction(g, in);
	}
	if (!is_fragment)
		buf_str(&g->out, g->escape == '\\' ? ONE_OF(g, endings) : "OUTPUT raw `");
	else if (pick(g, 2))
		comment(g);
}

/* --- what must hold --- */

/* Lines that are comments, also between continued lines; not those of heredocs. */
static void find_comments(const char *text, struct buf *out)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		const char *hash = text + strspn(text, " \t");

		end = strchrnul(text, '\n');
		if (*hash == '#' && strncmp(hash, "# no comment", 12) != 0 &&
		    strncmp(hash + 1 + strspn(hash + 1, " "), "escape", 6) != 0)
			buf_printf(out, "%.*s\n", (int)(end - hash), hash);
	}
}

/* "at": "...", "text-at": ..., and the name of the file. */
static bool is_place(const char *line)
{
	const char *key = line + strspn(line, " "),
		   *quote = *key == '"' ? strchr(key + 1, '"') : NULL;

	if (!quote || quote[1] != ':')
		return false;
	return strncmp(key, "\"file\"", 6) == 0 || strncmp(key, "\"context\"", 9) == 0 ||
	       strncmp(key, "\"stem\"", 6) == 0 || strncmp(key, "\"at\"", 4) == 0 ||
	       strncmp(quote - 3, "-at", 3) == 0;
}

static void dump_ir(const char *text, size_t n, struct buf *out)
{
	cleanup_compiled struct compiled c = { .fd = -1 };
	cleanup_buf struct buf ir = BUF_INIT;

	compile_bytes(&c, text, n);
	if (!c.ir) {
		test_fail(__FILE__, __LINE__, "not compiled:\n%s", c.said.data);
		return;
	}
	ib_ir_dump(c.ir, c.sources, &ir);
	for (const char *line = ir.data, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (!is_place(line))
			buf_printf(out, "%.*s\n", (int)(end - line), line);
	}
}

static void format(const char *text, size_t n, struct buf *out)
{
	struct compiled c;

	open_text(&c, text, n);
	if (ib_recipe_format(c.recipe, out) < 0) {
		ib_diag_render(c.diag, &c.said, false);
		test_fail(__FILE__, __LINE__, "not formatted:\n%s", c.said.data);
	}
	compiled_free(&c);
}

static void check_recipe(struct gen *g)
{
	cleanup_buf struct buf once = BUF_INIT, twice = BUF_INIT, comments = BUF_INIT;
	cleanup_buf struct buf before = BUF_INIT, after = BUF_INIT;

	format(g->out.data, g->out.len, &once);
	format(once.data ? once.data : "", once.len, &twice);
	check_str(twice.data, once.data);
	find_comments(once.data ? once.data : "", &comments);
	check_str(comments.data ? comments.data : "", g->comments.data ? g->comments.data : "");
	dump_ir(g->out.data, g->out.len, &before);
	dump_ir(once.data ? once.data : "", once.len, &after);
	check_str(after.data, before.data);
}

static uint64_t number(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

TEST("formatting is idempotent, keeps comments and the IR, on 10 000 recipes")
{
	uint64_t seed = number("FORMAT_SEED", 1), count = number("FORMAT_COUNT", COUNT);

	for (uint64_t i = seed; i < seed + count && !test_failed; i++) {
		struct gen g = { .seed = i * 0x9e3779b97f4a7c15u };

		recipe(&g);
		check_recipe(&g);
		if (test_failed)
			test_fail(__FILE__, __LINE__,
				  "FORMAT_SEED=%llu FORMAT_COUNT=1, the recipe:\n%s",
				  (unsigned long long)i, g.out.data);
		buf_release(&g.out);
		buf_release(&g.comments);
	}
}

TEST("a line that would grow past its bound is an error, and a wide word brings no blanks")
{
	cleanup_buf struct buf text = BUF_INIT, out = BUF_INIT;
	struct compiled c;

	buf_printf(&text, "FROM a\nPACKAGE a \\\n%065533d\n", 0);
	open_text(&c, text.data, text.len);
	check(ib_recipe_format(c.recipe, &out) < 0);
	compiled_free(&c);
	buf_reset(&text);
	buf_reset(&out);
	buf_printf(&text,
		   "FROM a\nLAYOUT gpt {\n    partition a%0100d size=1MiB\n    partition b "
		   "size=1MiB\n}\n",
		   0);
	format(text.data, text.len, &out);
	check_str(out.data, text.data);
}

/* Each is its own canonical text or would mean something else without care. */
static const struct {
	const char *text, *formatted;
} odd[] = {
	{ "\n\n# escape=`\nFROM a\n", "\n# escape=`\nFROM a\n" },
	{ "\n#!x\n# escape=`\nFROM a\n", "\n#!x\n# escape=`\nFROM a\n" },
	{ "\n\n# a comment\nFROM a\n", "# a comment\nFROM a\n" },
	{ "FROM a\nRUN x \\\v\nRUN y\n", "FROM a\nRUN x \\\f\nRUN y\n" },
	{ "FROM a\nRUN x \\ \\\n", "FROM a\nRUN x \\\f\n" },
	{ "FROM a\nENV A=x\\\r\r\n", "FROM a\nENV A=x\\\r\r\n" },
	{ "FROM a\nRUN <<E\nx\r\r\ny\r\nE\r\n", "FROM a\nRUN <<E\nx\r\r\ny\nE\n" },
	{ "FROM a\nPACKAGE a \\\n# end\n", "FROM a\nPACKAGE a\n# end\n" },
	{ "FROM a\nCOPY <<\f E  /x\nE\n", "FROM a\nCOPY <<\f E /x\nE\n" },
	{ "FROM a\nENV A=x\\  \\\n", "FROM a\nENV A=x\\ \f\n" },
	{ "FROM a\nRUN -\\\n- --x\n", "FROM a\nRUN -\\\n- --x\n" },
	{ "FROM a\nRUN --\\\n  --x\n", "FROM a\nRUN -- \\\n    --x\n" },
	{ "FROM a\nLAYOUT gpt {\npartition a\n}\\", "FROM a\nLAYOUT gpt {\n    partition a\n}\n" },
	{ "\\\n# escape=`\nFROM a\n", "\n# escape=`\nFROM a\n" },
	{ "fr\\\nom a\n", "fr\\\nom a\n" },
	{ "FROM a\nRUN <<\"\"\nx\n\n", "FROM a\nRUN <<\"\"\nx\n\n" },
};

TEST("odd ends of lines keep their meaning")
{
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct gen g = { .escape = '\\' };
		cleanup_buf struct buf out = BUF_INIT;

		format(odd[i].text, strlen(odd[i].text), &out);
		check_str(out.data, odd[i].formatted);
		buf_str(&g.out, odd[i].text);
		find_comments(odd[i].text, &g.comments);
		check_recipe(&g);
		buf_release(&g.out);
		buf_release(&g.comments);
	}
}

TEST_MAIN()
