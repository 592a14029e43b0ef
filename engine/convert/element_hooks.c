/* SPDX-License-Identifier: Apache-2.0 */
/* The short hooks of a phase as RUN lines of the same number, name and bytes; what asks where it
 * lies, and what no heredoc can say, stays in its directory. */
#include "convert/element.h"

#include "support/fs.h"

#include <imagebuild/error.h>
#include <imagebuild/ir.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	HOOK_LINES = 60, /* a longer one reads better as a file */
	ORDER_DEFAULT = 90
};

static bool is_shell(const char *line, size_t n)
{
	static const char *const shells[] = { "#!/bin/bash", "#!/bin/sh", "#!/usr/bin/bash",
					      "#!/usr/bin/env bash", "#!/usr/bin/env sh" };

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		size_t len = strlen(shells[i]);

		if (n >= len && memcmp(line, shells[i], len) == 0 && (n == len || line[len] == ' '))
			return true;
	}
	return false;
}

static size_t count_lines(const char *text, size_t n)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	return lines;
}

/* What a hook in the host's phases can ask of its caller, beside where it lies. */
static bool has_any(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* Why the hook is no RUN, or NULL. */
static const char *refusal(const char *text, size_t n, const char *name, enum ib_phase phase)
{
	static const char *const places[] = { "$0", "${0", "BASH_SOURCE", "in_target.d" };
	static const char *const callers[] = { "HOME", "~/", "PWD", "pwd" };

	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") !=
	    strlen(name))
		return "a hook of that name does not run";
	if (!element_has_order(name))
		return "its name does not begin with two digits and '-'";
	if (!is_shell(text, strcspn(text, "\n")))
		return "it is no script of the shell";
	if (count_lines(text, n) >= HOOK_LINES)
		return "it is long";
	if (has_any(text, places, ARRAY_SIZE(places)))
		return "it asks where it lies";
	if (ib_phases[phase].side == IB_HOST && has_any(text, callers, ARRAY_SIZE(callers)))
		return "it asks for the caller's directories";
	return NULL;
}

/* Whether a link in a directory of a phase leads to a hook called NAME. */
static bool is_linked(const struct element_conversion *c, const char *name)
{
	for (int i = 0; i < IB_PHASES; i++) {
		cleanup_free char *dir = ib_xprintf("%s/%s.d", c->dir, ib_phases[i].name);
		cleanup_free char **names = NULL;
		struct ib_error ignored = IB_ERROR_INIT;
		size_t n = 0;

		if (access(dir, F_OK) < 0 || fs_list(AT_FDCWD, dir, &names, &n, &ignored) < 0)
			continue;
		for (size_t k = 0; k < n; k++) {
			cleanup_free char *link = fs_join(dir, names[k]);
			char target[PATH_MAX];
			ssize_t len = readlink(link, target, sizeof(target) - 1);

			if (len <= 0)
				continue;
			target[len] = '\0';
			if (strcmp(ib_base_name(target), name) == 0)
				return true;
		}
	}
	return false;
}

static const char *run_head(struct element_conversion *c, const char *name, enum ib_phase phase)
{
	int order = (name[0] - '0') * 10 + name[1] - '0';
	cleanup_buf struct buf head = BUF_INIT;

	buf_str(&head, "RUN");
	if (phase != IB_PHASE_INSTALL)
		buf_printf(&head, " --phase=%s", ib_phases[phase].name);
	if (order != ORDER_DEFAULT)
		buf_printf(&head, " --order=%d", order);
	buf_printf(&head, " --name=%s", name + 3);
	return arena_strdup(c->job->arena, head.data);
}

static int convert_hook(struct element_conversion *c, const char *path, enum ib_phase phase,
			struct ib_error *err)
{
	const char *name = strrchr(path, '/') + 1, *text, *why;
	cleanup_buf struct buf run = BUF_INIT;
	struct ib_span span;
	int r = element_read(c, path, &span, err);

	if (r < 0)
		return r;
	text = ib_sources_text(c->job->sources, span);
	why = is_linked(c, name) ? "a link leads to it"
				 : refusal(text, span.end - span.start, name, phase);
	if (!why &&
	    !write_heredoc(&run, run_head(c, name, phase), text, span.end - span.start, false))
		why = "no heredoc can hold its bytes";
	if (why)
		return element_keep(c, path, why, (struct ib_span){ span.start, span.start }, err);
	if (c->hooks.len)
		buf_char(&c->hooks, '\n');
	buf_add(&c->hooks, run.data, run.len);
	convert_became(c->job, element_path(c, path), "RUN");
	return 0;
}

/* By leading number, then bytes: two digits sort as bytes do. */
int element_phase(struct element_conversion *c, enum ib_phase phase, const char *dir,
		  struct ib_error *err)
{
	cleanup_free char *full = fs_join(c->dir, dir);
	cleanup_free char **names = NULL;
	size_t n = 0;
	int r = fs_list(AT_FDCWD, full, &names, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *path = arena_printf(c->job->arena, "%s/%s", dir, names[i]);
		cleanup_free char *file = fs_join(c->dir, path);
		struct stat st;

		if (lstat(file, &st) < 0)
			return ib_fail(err, errno, "look at %s", file);
		if (S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0755 && names[i][0] != '.')
			r = convert_hook(c, path, phase, err);
		else
			r = element_keep(c, path, NULL, (struct ib_span){ 0, 0 }, err);
	}
	return r;
}
