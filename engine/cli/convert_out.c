/* SPDX-License-Identifier: Apache-2.0 */
/* What convert and export made: printed, or written below a directory, all of it or nothing. */
#include "cli/cli.h"

#include "convert/convert.h"
#include "support/fs.h"
#include "support/undo.h"

#include <imagebuild/jsonout.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static int write_file(int dir_fd, const struct convert_file *f, struct ib_error *err)
{
	const char *slash = strrchr(f->path, '/');

	if (S_ISDIR(f->mode))
		return fs_mkdirs_at(dir_fd, f->path, f->mode & 07777, err);
	if (slash) {
		cleanup_free char *parent = strndup(f->path, (size_t)(slash - f->path));

		if (fs_mkdirs_at(dir_fd, parent, 0755, err) < 0)
			return -err->code;
	}
	if (f->source)
		return fs_copy_at(AT_FDCWD, f->source, dir_fd, f->path, err);
	if (S_ISLNK(f->mode))
		return symlinkat(f->data, dir_fd, f->path) < 0
			       ? ib_fail(err, errno, "make the link '%s'", f->path)
			       : 0;
	return fs_write_at(dir_fd, f->path, f->data, f->len, f->mode & 07777, err);
}

/* Whether one of the files is there already. */
static int check_free(int dir_fd, const struct convert_job *j, const char *dir,
		      struct ib_error *err)
{
	struct stat st;

	vec_foreach (struct convert_file, f, &j->files) {
		if (fstatat(dir_fd, f->path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (S_ISDIR(f->mode) && S_ISDIR(st.st_mode)))
			continue;
		(void)ib_fail_text(err, EEXIST, "'%s/%s' is there already", dir, f->path);
		err->exit = IB_EXIT_USAGE;
		return ib_hint(err, "nothing was written; --force overwrites it");
	}
	return 0;
}

/* First in a directory of their own, so that what cannot be written leaves nothing. */
static int write_all(const char *dir, const struct convert_job *j, struct ib_error *err)
{
	cleanup_free char *temp = fs_join(dir, ".imagebuild-convert-XXXXXX");
	cleanup_undo struct undo undo = UNDO_INIT;
	cleanup_fd int fd = -1;
	struct stat st;

	if (stat(dir, &st) < 0 || !mkdtemp(temp))
		return ib_fail(err, errno, "make a directory in '%s'", dir);
	undo_push_tree(&undo, temp);
	fd = open(temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* the copy of a directory gives its mode to the one that is there */
	if (fd < 0 || fchmod(fd, st.st_mode & 07777) < 0)
		return ib_fail(err, errno, "open '%s'", temp);
	vec_foreach (struct convert_file, f, &j->files)
		if (write_file(fd, f, err) < 0)
			return ib_wrap(err, "write '%s/%s'", dir, f->path);
	return fs_copy_at(AT_FDCWD, temp, AT_FDCWD, dir, err);
}

static int open_directory(const char *dir, bool is_forced, const struct convert_job *j,
			  struct ib_error *err)
{
	cleanup_fd int fd = -1;

	if (fs_mkdirs_at(AT_FDCWD, dir, 0755, err) < 0)
		return -err->code;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open '%s'", dir);
	return is_forced ? 0 : check_free(fd, j, dir, err);
}

/* Signals wait for the few milliseconds that the writing takes. */
int cli_write_below(const char *dir, bool is_forced, const struct convert_job *j,
		    struct ib_error *err)
{
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	r = open_directory(dir, is_forced, j, err);
	if (r == 0)
		r = write_all(dir, j, err);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static void print_report(const struct convert_job *j)
{
	vec_foreach (struct convert_entry, e, &j->report)
		(void)fprintf(stderr, "%s: %s\n", e->source, e->became);
}

static void print_report_json(const struct convert_job *j)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct jsonout out = JSONOUT_INIT(&text);

	json_array(&out, NULL);
	vec_foreach (struct convert_entry, e, &j->report) {
		json_object(&out, NULL);
		json_str(&out, "source", e->source);
		json_str(&out, "became", e->became);
		json_object_end(&out);
	}
	json_array_end(&out);
	(void)fprintf(stderr, "%s\n", text.data);
}

int cli_converted(struct cli *cli, const struct convert_job *j)
{
	const struct convert_file *only = j->files.len == 1 ? j->files.items : NULL;
	struct ib_error err = IB_ERROR_INIT;
	bool is_json = false;
	int status = cli_choose_json(cli, &is_json);

	if (status)
		return status;
	if (cli->output_dir && cli_write_below(cli->output_dir, cli->is_forced, j, &err) < 0)
		return cli_fail(cli, NULL, &err);
	if (!cli->output_dir && (!only || !only->data || !S_ISREG(only->mode)))
		return cli_usage("give the directory for them: -o DIR", "the result is %zu files",
				 j->files.len);
	if (!cli->output_dir)
		(void)fwrite(only->data, 1, only->len, stdout);
	if (!cli->is_quiet)
		(is_json ? print_report_json : print_report)(j);
	return IB_EXIT_OK;
}
