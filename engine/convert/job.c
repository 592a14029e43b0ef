/* SPDX-License-Identifier: Apache-2.0 */
/* What a conversion has made so far: files, and what became of what. */
#include "convert/private.h"

#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 32

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

static int add_tree(struct convert_job *j, const char *path, const char *source, mode_t mode,
		    int depth, struct ib_error *err)
{
	cleanup_free char **names = NULL;
	struct stat st;
	size_t n = 0;
	int r = 0;

	if (!S_ISDIR(mode)) {
		convert_add_copy(j, path, mode, source);
		return 0;
	}
	convert_add_text(j, path, mode, "", 0);
	if (depth > DEPTH_MAX)
		return ib_fail_text(err, ELOOP, "%s: more than %d directories deep", source,
				    DEPTH_MAX);
	r = fs_list(AT_FDCWD, source, &names, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *from = arena_printf(j->arena, "%s/%s", source, names[i]);

		if (lstat(from, &st) < 0)
			return ib_fail(err, errno, "look at %s", from);
		r = add_tree(j, arena_printf(j->arena, "%s/%s", path, names[i]), from, st.st_mode,
			     depth + 1, err);
	}
	return r;
}

int convert_add_tree(struct convert_job *j, const char *path, const char *source, mode_t mode,
		     struct ib_error *err)
{
	return add_tree(j, path, source, mode, 0, err);
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
	struct convert_entry entry = { .source = arena_strdup(j->arena, source) };
	va_list ap;

	va_start(ap, fmt);
	entry.became = arena_vprintf(j->arena, fmt, ap);
	va_end(ap);
	vec_push(j->arena, &j->report, entry);
}
