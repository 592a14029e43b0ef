/* SPDX-License-Identifier: Apache-2.0 */
/* Names of results that stay when lines move: what a result is about is its file, its rule and the
 * text of its line; equal ones are counted. */
#include "lint/private.h"

#include "lint/format.h"
#include "support/crypto.h"

#include <imagebuild/intern.h>

#include <string.h>

#define LINE_READ 4096 /* bytes of a longer line: many findings in one stay cheap */

/* "Imagefile\n2005\nARGx=1" */
static void identity(const struct lint *l, const struct lint_result *r, struct buf *out)
{
	struct ib_place at;

	buf_printf(out, "%s\n%d\n", lint_report_path(r->file), r->finding->row->id);
	if (!ib_sources_locate(l->sources, r->finding->at.start, &at))
		return;
	for (uint32_t i = 0; i < at.text_len && i < LINE_READ; i++)
		if (at.text[i] != ' ' && at.text[i] != '\t')
			buf_char(out, at.text[i]);
}

void lint_number(struct lint *l)
{
	cleanup_buf struct buf key = BUF_INIT;
	struct map counts = { 0 };

	vec_foreach (struct lint_result, r, &l->results) {
		uint32_t *count;
		void **slot;

		buf_reset(&key);
		identity(l, r, &key);
		slot = map_put(l->arena, &counts, intern_bytes(l->names, key.data, key.len));
		if (!*slot)
			*slot = arena_alloc(l->arena, sizeof(*count));
		count = *slot;
		r->equal_before = (*count)++;
	}
}

void lint_fingerprint(const struct lint *l, const struct lint_result *r, char ret_hex[33])
{
	cleanup_buf struct buf text = BUF_INIT;
	char hex[DIGEST_HEX];
	struct digest d;

	identity(l, r, &text);
	buf_printf(&text, "\n%u", r->equal_before);
	digest_of(text.data, text.len, &d);
	digest_hex(&d, hex);
	memcpy(ret_hex, hex, 32);
	ret_hex[32] = '\0';
}
