/* SPDX-License-Identifier: Apache-2.0 */
/* HOME of host hooks is empty but for a read-only view of the caller's files that the hook names
 * below ~, $HOME or ${HOME}: their content is part of the run key. A variable in the last component
 * stands for anything; what may be a private key is not shown. */
#include "run/schedule.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 64

/* The bytes of TEXT behind a spelling of HOME and its slash, or NULL. */
static const char *behind_home(const char *text)
{
	static const char *const spellings[] = { "~/", "$HOME/", "${HOME}/" };

	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		if (strncmp(text, spellings[i], strlen(spellings[i])) == 0)
			return text + strlen(spellings[i]);
	}
	return NULL;
}

/* Appends one component or slash of a path as the hook writes it; how many bytes it took, 0 at the
 * path's end. */
static size_t take_piece(const char *text, struct buf *pattern)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@%-/";
	size_t n = strspn(text, plain);

	if (n) {
		buf_add(pattern, text, n);
		return n;
	}
	if (text[0] != '$' && text[0] != '{')
		return 0;
	buf_char(pattern, '*');
	if (text[0] == '{' || text[1] == '{')
		return strcspn(text, "}\n") + (text[strcspn(text, "}\n")] == '}');
	return 1 +
	       strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* A glob below the caller's home, or an empty buffer for what is no pattern of files. */
static void take_pattern(const char *text, struct buf *ret_pattern)
{
	const char *star;
	size_t n;

	buf_reset(ret_pattern);
	while ((n = take_piece(text, ret_pattern)) > 0)
		text += n;
	star = ret_pattern->len ? strchr(ret_pattern->data, '*') : NULL;
	if (ret_pattern->len && (strstr(ret_pattern->data, "..") || (star && strchr(star, '/'))))
		buf_reset(ret_pattern);
}

/* PEM and OpenSSH say so in their first line (RFC 7468, section 2). */
static bool may_be_private_key(int fd)
{
	char head[128];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	return n > 0 && memmem(head, (size_t)n, "PRIVATE KEY", 11) != NULL;
}

static void add_file(struct stage_run *sr, const char *path, struct home_file_vec *files)
{
	const char *home = sr->run->plan->options->home;
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct ib_error ignored = IB_ERROR_INIT;
	struct home_file file = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || may_be_private_key(fd))
		return;
	vec_foreach (struct home_file, f, files) {
		if (strcmp(f->source, path) == 0)
			return;
	}
	if (store_file_digest(sr->run->store, fd, true, &file.digest, &ignored) < 0 ||
	    files->len >= FILES_MAX)
		return;
	file.source = arena_strdup(sr->arena, path);
	file.target = arena_printf(sr->arena, SB_HOME "%s", path + strlen(home));
	vec_push(sr->arena, files, file);
}

static void add_matches(struct stage_run *sr, const char *pattern, struct home_file_vec *files)
{
	cleanup_free char *path = fs_join(sr->run->plan->options->home, pattern);
	glob_t found;

	if (glob(path, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			add_file(sr, found.gl_pathv[i], files);
		globfree(&found);
	}
}

void home_files(struct stage_run *sr, const struct step *s, struct home_file_vec *ret_files)
{
	cleanup_buf struct buf pattern = BUF_INIT;
	struct ib_error ignored = IB_ERROR_INIT;
	cleanup_free char *text = NULL;
	size_t len = 0;

	ret_files->len = 0;
	if (s->code != STEP_hook || phase_side(s->phase) != IB_HOST || !s->hook->source ||
	    !sr->run->plan->options->home)
		return;
	/* A hook that cannot be read fails when it runs. */
	if (fs_read_at(AT_FDCWD, s->hook->source, RUN_HOOK_MAX, &text, &len, &ignored) < 0)
		return;
	for (const char *p = text; *p; p++) {
		const char *path = behind_home(p);

		if (!path)
			continue;
		take_pattern(path, &pattern);
		if (pattern.len)
			add_matches(sr, pattern.data, ret_files);
	}
}
