/* SPDX-License-Identifier: Apache-2.0 */
/* What a conversion has made so far: files, and what became of what. */
#include "convert/private.h"

#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

void convert_add_text(struct convert_job *j, const char *path, mode_t mode, const char *text,
		      size_t len)
{
	struct convert_file f = { .path = arena_strdup(j->arena, path),
				  .data = arena_strndup(j->arena, text, len),
				  .len = len,
				  .mode = mode };

	vec_push(j->arena, &j->files, f);
}

void convert_add_copy(struct convert_job *j, const char *path, mode_t mode, const char *source)
{
	struct convert_file f = { .path = arena_strdup(j->arena, path),
				  .source = arena_strdup(j->arena, source),
				  .mode = mode };

	vec_push(j->arena, &j->files, f);
}

int convert_add_recipe(struct convert_job *j, const char *path, const struct buf *text)
{
	cleanup_buf struct buf formatted = BUF_INIT;
	struct ib_error err = IB_ERROR_INIT;
	struct ib_recipe *r;
	struct ib_span span;
	int status;

	if (ib_sources_add(j->sources, path, text->data, text->len, &span, &err) < 0) {
		ib_diag_add(j->diag, IB_D_BAD_CONVERSION_INPUT, (struct ib_span){ 0, 0 }, "%s: %s",
			    path, err.text);
		return -1;
	}
	r = ib_fragment_open(j->options, NULL, j->sources, j->diag, span, NULL);
	status = ib_recipe_format(r, &formatted);
	ib_recipe_free(r);
	if (status == 0)
		convert_add_text(j, path, S_IFREG | 0644, formatted.data, formatted.len);
	return status;
}

void convert_became(struct convert_job *j, const char *source, const char *fmt, ...)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct convert_entry entry = { .source = arena_strdup(j->arena, source) };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	entry.became = arena_strdup(j->arena, text.data);
	vec_push(j->arena, &j->report, entry);
}
