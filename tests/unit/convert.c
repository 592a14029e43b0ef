/* SPDX-License-Identifier: Apache-2.0 */
/* Recipe text that conversions write is read back as what it was made of. */
#include "convert/private.h"
#include "test.h"

#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

/* The recipe TEXT, parsed and compiled as a fragment; NULL where that fails. */
struct reading {
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct ib_options options;
	struct ib_recipe *recipe;
};

static const struct ib_op_vec *read_text(struct reading *r, const struct buf *text)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span;

	r->sources = ib_sources_new();
	r->diag = ib_diag_new(r->sources);
	r->options = (struct ib_options){ .file = "text", .context = "." };
	if (ib_sources_add(r->sources, "text", text->data, text->len, &span, &err) < 0)
		return NULL;
	r->recipe = ib_fragment_open(&r->options, NULL, r->sources, r->diag, span, NULL);
	return ib_recipe_compile(r->recipe) < 0 ? NULL : &ib_recipe_ir(r->recipe)->stages.items[0].ops;
}

static void release(struct reading *r)
{
	ib_recipe_free(r->recipe);
	ib_diag_free(r->diag);
	ib_sources_free(r->sources);
}

static void check_word(const char *word, void (*write)(struct buf *out, const char *text), const char *want)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct reading r = { 0 };
	const struct ib_op_vec *ops;

	buf_str(&text, "ARG NAME=value\nLABEL key=");
	write(&text, word);
	buf_char(&text, '\n');
	ops = read_text(&r, &text);
	check(ops && ops->len == 2);
	if (ops && ops->len == 2)
		check_str(ops->items[1].env.value, want);
	release(&r);
}

TEST("a word is read back as it was, whatever is in it")
{
	static const char *const words[] = { "plain", "",	"two words", "it's", "$HOME",	 "a\"b",  "'",
					     "\\",    "a\\",	"{",	     "#x",   "`date`",	 "--flag", "<<EOF",
					     "$x'y",  "\"'\\$", "\303\244",  "a=b",  "~/*.[ch]?", "x;y|z&" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		check_word(words[i], write_word, words[i]);
}

TEST("in an open word variables stay variables")
{
	check_word("${NAME}", write_open_word, "value");
	check_word("a ${NAME}'s \"x\"", write_open_word, "a value's \"x\"");
	check_word("it's", write_open_word, "it's");
	check_word("${NAME:-x y}", write_open_word, "value");
}

static void check_heredoc(const char *body, size_t len, bool is_sayable)
{
	cleanup_buf struct buf text = BUF_INIT, copy = BUF_INIT;
	struct reading r = { 0 };
	const struct ib_op_vec *ops;

	check(write_heredoc(&text, "RUN", body, len, false) == is_sayable);
	check(write_heredoc(&copy, "COPY", body, len, true) == is_sayable);
	check(is_sayable || (!text.len && !copy.len));
	if (!is_sayable)
		return;
	buf_printf(&copy, "%s", text.data);
	copy.data[strcspn(copy.data, "\n")] = '\0';
	check(strstr(copy.data, "<<'EOF") != NULL);
	ops = read_text(&r, &text);
	check(ops && ops->len == 1);
	if (ops && ops->len == 1)
		check_str(ops->items[0].run.text, body);
	release(&r);
}
#define CHECK_HEREDOC(body, is_sayable) check_heredoc((body), sizeof(body) - 1, (is_sayable))

TEST("a heredoc's terminator is no line of it, and its body is read back as it was")
{
	CHECK_HEREDOC("true\n", true);
	CHECK_HEREDOC("#!/bin/bash\ncat <<EOF\n$x \\\nEOF\n", true);
	CHECK_HEREDOC("EOF\nEOF2\nEOF3\n\tEOF4\nEOF5 \n", true);
	CHECK_HEREDOC("EOF", false);
	CHECK_HEREDOC("", false);
	CHECK_HEREDOC("a\0b\n", false);
	CHECK_HEREDOC("a\r\n", false);
	CHECK_HEREDOC("\377\n", false);
}

TEST("a comment is wrapped at 100 columns")
{
	cleanup_buf struct buf text = BUF_INIT;

	write_comment(&text, "one\n\n  two   three\n");
	check_str(text.data, "# one\n#\n# two three\n");
	buf_reset(&text);
	for (int i = 0; i < 40; i++)
		write_comment(&text, "word word word word word word word word word word word word word word word word word "
				     "word word word word word");
	for (const char *p = text.data; *p; p += strcspn(p, "\n") + 1)
		check(strcspn(p, "\n") <= 100 && *p == '#');
}

TEST_MAIN()
