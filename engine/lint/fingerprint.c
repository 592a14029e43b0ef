/* SPDX-License-Identifier: Apache-2.0 */
/* Names of findings that stay when lines move. */
#include "lint/private.h"

#include "support/crypto.h"

#include <ctype.h>
#include <string.h>

/* What a result is but for its place: rule, file and the text of its line without blanks. */
static void describe(const struct lint *l, const struct lint_result *r, struct buf *out)
{
	struct ib_place at;

	buf_printf(out, "%d\n%s\n", r->finding->row->id, r->file);
	if (!ib_sources_locate(l->sources, r->finding->at.start, &at))
		return;
	for (uint32_t i = 0; i < at.text_len; i++)
		if (!isspace((unsigned char)at.text[i]))
			buf_char(out, at.text[i]);
}

void lint_fingerprint(const struct lint *l, const struct lint_result *r, char ret_hex[33])
{
	cleanup_buf struct buf text = BUF_INIT;
	struct digest d;
	char hex[DIGEST_HEX];
	size_t before = 0;

	describe(l, r, &text);
	for (const struct lint_result *o = l->results.items; o < r; o++) {
		cleanup_buf struct buf other = BUF_INIT;

		if (o->finding->row != r->finding->row || strcmp(o->file, r->file) != 0)
			continue;
		describe(l, o, &other);
		before += other.len == text.len && memcmp(other.data, text.data, text.len) == 0;
	}
	buf_printf(&text, "\n%zu", before);
	digest_of(text.data, text.len, &d);
	digest_hex(&d, hex);
	memcpy(ret_hex, hex, 32);
	ret_hex[32] = '\0';
}
