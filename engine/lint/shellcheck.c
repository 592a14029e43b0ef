/* SPDX-License-Identifier: Apache-2.0 */
/* shellcheck's findings at their places in recipes and hooks. The scripts are files of a temporary
 * directory, named by number; one process a language and batch reads them (shellcheck(1):
 * --format=json1 counts a tab as one column). */
#include "lint/private.h"
#include "lint/shell.h"
#include "support/child.h"
#include "support/fs.h"
#include "support/json.h"

#include <imagebuild/error.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define BATCH 400
#define OUTPUT_MAX (64u << 20)
#define SECONDS "120"

/* Left out: variables and files that come from outside (1090, 1091, 2034, 2154), what is mostly meant so (2015, 2016), what
 * an own rule says (2086: 4016; 2115: 4018; 2148; 2155: 4005; 2164: 4017; 2230: 4006; 3xxx: 4015). */
/* clang-format off */
#define EXCLUDED \
	"--exclude=SC1090,SC1091,SC2015,SC2016,SC2034,SC2086,SC2115,SC2148,SC2154,SC2155,SC2164,SC2230," \
	"SC3001,SC3003,SC3005,SC3006,SC3007,SC3008,SC3009,SC3010,SC3011,SC3014,SC3015,SC3016,SC3017,SC3020,SC3021," \
	"SC3024,SC3025,SC3028,SC3030,SC3037,SC3040,SC3043,SC3044,SC3045,SC3046,SC3051,SC3052,SC3053,SC3054,SC3055," \
	"SC3056,SC3057,SC3059,SC3060"
/* clang-format on */

/* One rule; a finding has the severity that shellcheck gives it, but what is no mistake of grammar
 * is no error. */
static const struct {
	const char *level;
	struct ib_diag_row row;
} levels[] = {
	{ "style", { 4019, "SHELLCHECK", IB_STYLE } },
	{ "info", { 4019, "SHELLCHECK", IB_INFO } },
	{ "warning", { 4019, "SHELLCHECK", IB_WARNING } },
	{ "error", { 4019, "SHELLCHECK", IB_ERROR } },
};

#define IS_GRAMMAR(code) ((code) >= 1000 && (code) < 2000)

static const struct ib_diag_row *row_of(const char *level, int64_t code)
{
	size_t n = IS_GRAMMAR(code) ? ARRAY_SIZE(levels) : ARRAY_SIZE(levels) - 1;

	for (size_t i = 0; i < n; i++)
		if (strcmp(level, levels[i].level) == 0)
			return &levels[i].row;
	return &levels[n - 1].row;
}

/* The offset of LINE and COLUMN, both from 1, the column in characters; the end of the line or text
 * where that is less. */
static size_t offset_of(const struct lint_script *s, int64_t line, int64_t column)
{
	const char *at = s->text, *end = s->text + s->len;

	while (--line > 0 && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	while (at < end && *at != '\n' && column-- > 1)
		do
			at++;
		while (at < end && ((unsigned char)*at & 0xc0) == 0x80);
	return (size_t)(at - s->text);
}

static int64_t number(const struct json_value *object, const char *key)
{
	const struct json_value *v = json_get(object, key);

	return v && v->kind == JSON_NUMBER ? v->number : 0;
}

static const char *string(const struct json_value *object, const char *key)
{
	const struct json_value *v = json_get(object, key);

	return v && v->kind == JSON_STRING ? v->text : NULL;
}

/* The text as our messages are: no capital, unless the word is all capitals, and no full stop. */
static const char *message(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);
	size_t n = strlen(copy);

	if (copy[0] >= 'A' && copy[0] <= 'Z' && copy[1] >= 'a' && copy[1] <= 'z')
		copy[0] = (char)(copy[0] - 'A' + 'a');
	if (n && copy[n - 1] == '.')
		copy[n - 1] = '\0';
	return copy;
}

static void add_comment(struct lint *l, const struct json_value *comment)
{
	const char *file = string(comment, "file"), *text = string(comment, "message"),
		   *level = string(comment, "level");
	int64_t code = number(comment, "code");
	size_t index = file ? strtoul(file, NULL, 10) : SIZE_MAX, start, end;
	const struct lint_script *s;

	if (!text || !level || index >= l->scripts.len)
		return;
	s = &l->scripts.items[index];
	/* it reads less of bash than bash: arrays behind eval */
	if (IS_GRAMMAR(code) && s->shell && !s->shell->is_incomplete &&
	    (strcmp(level, "error") == 0 || code == 1098))
		return;
	start = offset_of(s, number(comment, "line"), number(comment, "column"));
	end = offset_of(s, number(comment, "endLine"), number(comment, "endColumn"));
	if (end <= start)
		end = start < s->len ? start + 1 : start;
	ib_diag_add_row(l->diag, row_of(level, code), lint_script_span(s, start, end), "SC%lld: %s",
			(long long)code, message(l->arena, text));
}

/* False: it printed something else. */
static bool read_output(struct lint *l, int dir)
{
	struct ib_error ignored = IB_ERROR_INIT;
	const struct json_value *root, *comments;
	cleanup_free char *text = NULL;
	size_t n = 0;

	if (fs_read_at(dir, "out", OUTPUT_MAX, &text, &n, &ignored) < 0)
		return false;
	root = json_parse(l->arena, text, n, NULL, NULL);
	comments = root && root->kind == JSON_OBJECT ? json_get(root, "comments") : NULL;
	if (!comments || comments->kind != JSON_ARRAY)
		return false;
	for (const struct json_value *c = comments->children; c; c = c->next)
		if (c->kind == JSON_OBJECT)
			add_comment(l, c);
	return true;
}

/* Runs ARGV in DIR; its status is 1 where it finds something. */
static bool run(struct lint *l, const char *path, int dir, const char *const *argv)
{
	cleanup_fd int out = openat(dir, "out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct child_spec spec = CHILD_SPEC_INIT;
	cleanup_child struct child child = { 0 };
	struct ib_error ignored = IB_ERROR_INIT;
	int status = 0;

	spec.argv = argv;
	spec.cwd = path;
	spec.out_fd = out;
	return out >= 0 && child_start(&spec, &child, &ignored) == 0 &&
	       child_wait(&child, &status, &ignored) == 0 && WIFEXITED(status) &&
	       WEXITSTATUS(status) <= 1 && read_output(l, dir);
}

/* The scripts of LANGUAGE from *AT on, at most BATCH; false if one could not be judged. */
static bool run_batch(struct lint *l, const char *path, int dir, const char *program,
		      enum lint_language language, size_t *at)
{
	const char *argv[BATCH + 16] = { "timeout",        "-k",    "5", SECONDS, program, "--norc",
					 "--format=json1", EXCLUDED };
	struct ib_error ignored = IB_ERROR_INIT;
	size_t n = 8, first;

	argv[n++] = language == LINT_SH ? "--shell=sh" : "--shell=bash";
	first = n;
	for (; *at < l->scripts.len && n < first + BATCH; ++*at) {
		const struct lint_script *s = &l->scripts.items[*at];
		const char *name = arena_printf(l->arena, "%zu", *at);

		if (s->language != language)
			continue;
		if (fs_write_at(dir, name, s->text, s->len, 0600, &ignored) < 0)
			return false;
		argv[n++] = name;
	}
	argv[n] = NULL;
	return n == first || run(l, path, dir, argv);
}

static void run_all(struct lint *l, const char *program)
{
	const char *tmp = getenv("TMPDIR");
	struct ib_error ignored = IB_ERROR_INIT;
	bool is_done = false;
	char path[PATH_MAX];
	cleanup_fd int dir = -1;

	if (snprintf(path, sizeof(path), "%s/imagebuild-lint-XXXXXX", tmp && *tmp ? tmp : "/tmp") <
		    PATH_MAX &&
	    mkdtemp(path)) {
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		is_done = dir >= 0;
		for (int language = LINT_SH; is_done && language <= LINT_BASH; language++)
			for (size_t at = 0; is_done && at < l->scripts.len;)
				is_done = run_batch(l, path, dir, program,
						    (enum lint_language)language, &at);
		(void)fs_remove_at(AT_FDCWD, path, &ignored);
	}
	if (!is_done)
		l->note = "shellcheck failed: scripts are judged by imagebuild's own rules alone";
}

void lint_shellcheck(struct lint *l)
{
	const char *program = l->settings->shellcheck;
	char path[PATH_MAX];
	bool has_script = false;

	vec_foreach (const struct lint_script, s, &l->scripts)
		has_script |= s->language != LINT_OTHER;
	if (!has_script || (program && !*program))
		return;
	if (!program && fs_find_program("shellcheck", getenv("PATH"), path, sizeof(path)))
		program = path;
	if (!program) {
		l->note = "shellcheck is not installed: scripts are judged by imagebuild's own "
			  "rules alone";
		return;
	}
	l->has_shellcheck = true;
	run_all(l, program);
}
