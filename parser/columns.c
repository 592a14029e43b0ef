/* SPDX-License-Identifier: Apache-2.0 */
/* Columns in a block of LAYOUT. Nodes on lines directly beneath each other are one group:
 *     volume root size=70%  { ext4 label=root mount=/ passno=1 }
 *     volume var  size=100% { xfs  label=var  mount=/var options=noatime }
 * From the left, words stand beneath each other as long as all lines have the same key there; so
 * does the word behind a name, whatever it is. */
#include "format.h"

#include <string.h>

enum { SHIFT_LIMIT = 40 }; /* blanks that a column may bring; a wider one is left alone */

/* A node's line: the tokens [first, end) of placed. */
struct row {
	size_t first, end;
};
struct row_vec VEC(struct row);

static const struct token *cell(const struct format *f, const struct row *row, size_t column)
{
	return row->first + column < row->end ? &f->placed.items[row->first + column] : NULL;
}

/* Bytes of "key=", 0 for a bare word. */
static size_t key_len(const struct format *f, const struct token *t)
{
	const char *equals = memchr(f->text + t->start, '=', t->end - t->start);

	return equals ? (size_t)(equals - (f->text + t->start)) + 1 : 0;
}

static bool is_alike(const struct format *f, const struct token *a, const struct token *b)
{
	size_t n;

	if (!a || !b || a->kind != b->kind || a->kind == T_CLOSE)
		return false;
	n = key_len(f, a);
	return n == key_len(f, b) && memcmp(f->text + a->start, f->text + b->start, n) == 0;
}

static bool column_is_alike(const struct format *f, const struct row_vec *rows, size_t column)
{
	const struct token *first = cell(f, rows->items, column);

	vec_foreach (struct row, row, rows) {
		if (!is_alike(f, first, cell(f, row, column)))
			return false;
	}
	return true;
}

/* Makes the words of COLUMN begin at one place. False where one before them is too wide. */
static bool pad_column(struct format *f, const struct row_vec *rows, size_t column)
{
	uint32_t widest = 0, narrowest = UINT32_MAX;

	vec_foreach (struct row, row, rows) {
		uint32_t width = format_width(f, cell(f, row, column - 1));

		widest = width > widest ? width : widest;
		narrowest = width < narrowest ? width : narrowest;
	}
	if (widest - narrowest > SHIFT_LIMIT)
		return false;
	vec_foreach (struct row, row, rows) {
		if (cell(f, row, column))
			f->placed.items[row->first + column].pad =
				widest - format_width(f, cell(f, row, column - 1));
	}
	return true;
}

static bool is_name(const struct format *f, const struct token *t)
{
	return t && t->kind == T_WORD && key_len(f, t) == 0;
}

static void align(struct format *f, struct row_vec *rows)
{
	bool has_names = false, is_same = rows->len > 1;

	for (size_t column = 1; is_same; column++) {
		is_same = column_is_alike(f, rows, column);
		if (!is_same && !(column == 2 && has_names))
			break;
		if (!pad_column(f, rows, column))
			break;
		has_names = is_name(f, cell(f, rows->items, column));
	}
	rows->len = 0;
}

/* The end of the line that begins at I; false where the node goes on in another line. */
static bool find_end(const struct format *f, size_t i, size_t *ret_end)
{
	const struct token *t = f->placed.items;
	bool is_one_line = true;
	size_t end = i;

	do {
		is_one_line = is_one_line && !format_has_break(f, &t[end]);
		end++;
	} while (end < f->placed.len && (t[end].before == B_BLANK || t[end].before == B_NOTHING));
	*ret_end = end;
	return is_one_line && (end == f->placed.len || t[end].before != B_CONTINUED);
}

void format_columns(struct format *f)
{
	struct row_vec rows = { 0 };
	size_t end;

	for (size_t i = 0; i < f->placed.len; i = end) {
		const struct token *t = &f->placed.items[i];
		bool is_row = find_end(f, i, &end) && t->is_node;
		const struct row *first = rows.len ? &rows.items[0] : NULL;

		if (!is_row || t->has_empty ||
		    (first && f->placed.items[first->first].indent != t->indent))
			align(f, &rows);
		if (is_row)
			(void)vec_push(f->arena, &rows, ((struct row){ i, end }));
	}
	align(f, &rows);
}
