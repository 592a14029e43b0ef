/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the Damerau-Levenshtein distance (optimal string alignment), without case. */
#include <imagebuild/diag.h>

#include <ctype.h>
#include <string.h>

#define WORD_MAX 64

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Three rows of the matrix suffice: a transposition looks two rows back. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = min3(now[j - 1] + 1, above[j] + 1,
				      above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				now[j] = min3(now[j], twice[j - 2] + 1, now[j]);
		}
	}
	return rows[n % 3][m];
}

const char *ib_suggest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	unsigned limit = (unsigned)(len + 1) / 3;

	if (len > WORD_MAX)
		return NULL;
	if (limit > 4)
		limit = 4;
	for (size_t i = 0; i < n && limit; i++) {
		unsigned d;

		if (strlen(words[i]) > WORD_MAX)
			continue;
		d = distance(word, words[i]);
		if (d > limit)
			continue;
		best = words[i];
		limit = d - 1; /* only a nearer one replaces it; the same word ends the search */
		if (d == 0)
			break;
	}
	return best;
}

void ib_suggest_text(struct buf *out, const char *word, const char *const *words, size_t n)
{
	enum { LISTED = 20 };
	const char *near = ib_suggest(word, words, n);

	if (near)
		buf_printf(out, "; did you mean '%s'?", near);
	for (size_t i = 0; !near && i < n && n <= LISTED; i++)
		buf_printf(out, "%s%s",
			   i == 0      ? "; expected "
			   : i + 1 < n ? ", "
				       : " or ",
			   words[i]);
}
