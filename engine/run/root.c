/* SPDX-License-Identifier: Apache-2.0 */
/* What dib does to the tree between phases: the target is entered after root.d, left after
 * post-root.d and cleaned at the end (element-contract.md, sections 1, 4.4, 4.5, 4.6). All in C,
 * inside a step. */
#include "run/schedule.h"

#include "support/crypto.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#define RESOLV "etc/resolv.conf"
#define ORIG "etc/resolv.conf.ORIG"
#define RESOLV_MAX (1u << 20)
#define RELEASE_MAX (64u << 20)
#define DEPTH_MAX 200

static const char install_type[] =
	"export DIB_DEFAULT_INSTALLTYPE=${DIB_DEFAULT_INSTALLTYPE:-source}\n";
static const char no_resolv[] = "nameserver 8.8.8.8\n";

/* The host's resolv.conf, or dib's replacement for one. Freed by the caller. */
static void host_resolv(char **ret_text, size_t *ret_len)
{
	struct ib_error err = IB_ERROR_INIT;

	if (fs_read_at(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, ret_text, ret_len, &err) >= 0)
		return;
	*ret_text = ib_xstrdup(no_resolv);
	*ret_len = strlen(no_resolv);
}

static void resolv_digest(struct digest *ret_digest)
{
	cleanup_free char *text = NULL;
	size_t len;

	host_resolv(&text, &len);
	digest_of(text, len, ret_digest);
}

/* etc/ of the target itself: a symlink there would lead the next lines elsewhere. */
static int write_resolv(int root_fd, struct ib_error *err)
{
	cleanup_free char *text = NULL;
	size_t len;

	host_resolv(&text, &len);
	return target_write(root_fd, RESOLV, text, len, 0777, err);
}

static int swap_resolv(int root_fd, struct ib_error *err)
{
	const char *base = NULL;
	cleanup_fd int etc_fd = target_parent(root_fd, RESOLV, &base, err);

	if (etc_fd < 0)
		return etc_fd;
	if (renameat(etc_fd, "resolv.conf", etc_fd, "resolv.conf.ORIG") < 0 && errno != ENOENT)
		return ib_fail(err, errno, "keep the target's resolv.conf");
	return write_resolv(root_fd, err);
}

/* "Date: Sat, 10 Feb 2024 11:07:25 UTC" of a Release file, -1 where it has none. */
static int64_t release_date(const char *text)
{
	const char *line = strncmp(text, "Date: ", 6) == 0 ? text : strstr(text, "\nDate: ");
	struct tm tm = { 0 };

	if (!line)
		return -1;
	line += *line == '\n' ? 7 : 6;
	return strptime(line, "%a, %d %b %Y %H:%M:%S", &tm) ? (int64_t)timegm(&tm) : -1;
}

int64_t root_archive_date(int root_fd)
{
	cleanup_fd int dir_fd = fs_open_in(root_fd, "var/lib/apt/lists", O_RDONLY | O_DIRECTORY, 0);
	struct ib_error err = IB_ERROR_INIT;
	char **names = NULL;
	size_t n = 0, len;
	int64_t latest = -1;

	if (dir_fd < 0 || fs_list(dir_fd, ".", &names, &n, &err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *end = strrchr(names[i], '_');
		cleanup_free char *text = NULL;
		int64_t date;

		if (!end || (strcmp(end, "_InRelease") != 0 && strcmp(end, "_Release") != 0) ||
		    fs_read_at(dir_fd, names[i], RELEASE_MAX, &text, &len, &err) < 0)
			continue;
		date = release_date(text);
		latest = date > latest ? date : latest;
	}
	free(names);
	return latest;
}

static int enter_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int env_fd = -1;
	struct digest digest;
	char hex[DIGEST_HEX], **names = NULL;
	size_t n = 0;
	int r = root_fd < 0 ? root_fd : fs_list(root_fd, ".", &names, &n, err);

	free(names);
	if (r < 0)
		return r;
	if (n == 0 && !job->sr->stage->base)
		return ib_fail_text(err, ENOENT,
				    "the target is empty after root.d: no element filled it");
	r = swap_resolv(root_fd, err);
	if (r < 0)
		return r;
	if (mkdir(SB_HOOKS "/environment.d", 0755) < 0 && errno != EEXIST)
		return ib_fail(err, errno, "make environment.d");
	env_fd = open(SB_HOOKS "/environment.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (env_fd < 0)
		return ib_fail(err, errno, "open environment.d");
	r = fs_write_at(env_fd, "11-dib-install-type.bash", install_type, strlen(install_type),
			0644, err);
	if (r < 0)
		return r;
	resolv_digest(&digest);
	digest_hex(&digest, hex);
	(void)dprintf(job->data_fd, "%s %lld\n", hex, (long long)root_archive_date(root_fd));
	return 0;
}

int run_enter(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	a->data_fd = data_new(err);
	if (a->data_fd < 0)
		return a->data_fd;
	action_call(sr, s, a, enter_fn, NULL);
	return 0;
}

int enter_take(int fd, struct layer_meta *meta, struct ib_error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	int r = data_read(fd, &out, err);

	if (r < 0)
		return r;
	if (out.len < DIGEST_HEX)
		return ib_fail_text(err, EIO, "the step returned nothing");
	out.data[DIGEST_HEX - 1] = '\0';
	meta->has_resolv = digest_from_hex(out.data, &meta->resolv);
	meta->epoch = strtoll(out.data + DIGEST_HEX, NULL, 10);
	meta->has_epoch = meta->epoch >= 0;
	return 0;
}

/* Replaces the resolv.conf of `enter` where the target still has it as it was. */
static int refresh_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int fd = -1;
	struct digest digest;
	struct stat st;
	int r;

	if (root_fd < 0)
		return root_fd;
	if (fstatat(root_fd, RESOLV, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = fs_open_in(root_fd, RESOLV, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return 0;
	r = digest_of_fd(fd, &digest, err);
	if (r < 0 || !digest_equal(&digest, &job->sr->resolv))
		return r;
	return write_resolv(root_fd, err);
}

int root_refresh(struct stage_run *sr, struct ib_error *err)
{
	struct store *store = sr->run->store;
	struct sandbox_step box = { .name = "refresh resolv.conf",
				    .side = SANDBOX_HOST,
				    .fn = refresh_fn,
				    .in_fd = -1,
				    .log_fd = -1,
				    .out_fd = -1 };
	struct sandbox_result result = { 0 };
	struct job job = { .sr = sr };
	struct digest now;
	int r;

	if (!sr->has_resolv || sr->is_refreshed)
		return 0;
	sr->is_refreshed = true;
	resolv_digest(&now);
	if (digest_equal(&now, &sr->resolv) || sr->run->refresh.dir)
		return 0;
	r = store_draft_new(store, &sr->run->refresh, err);
	if (r < 0)
		return r;
	stage_lowers(sr, &box.layers);
	box.layers.draft = sr->run->refresh.dir;
	box.arg = &job;
	r = sandbox_run(&box, sr->arena, &result, err);
	if (r < 0)
		return ib_wrap(err, "refresh the target's resolv.conf");
	vec_push(sr->arena, &sr->layers, sr->run->refresh.dir);
	return 0;
}

static int leave_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const char *fstab = job->sr->run->fstab;
	cleanup_fd int root_fd = target_open(err);

	if (root_fd < 0)
		return root_fd;
	if (unlinkat(root_fd, "lost+found", AT_REMOVEDIR) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "remove lost+found");
	return fstab ? target_write(root_fd, "etc/fstab", fstab, strlen(fstab), 0644, err) : 0;
}

int run_leave(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	(void)err;
	action_call(sr, s, a, leave_fn, NULL);
	/* dib's unmount point: from here on nothing hides what lies below the mounts. */
	sr->left.len = 0;
	return 0;
}

static bool is_immutable(int dir_fd, const char *name)
{
	cleanup_fd int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int flags = 0;

	return fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
}

/* A symlink or an immutable file was put there on purpose; else the one before the build comes
 * back. */
static int restore_resolv(int root_fd, struct ib_error *err)
{
	cleanup_fd int etc_fd = fs_open_in(root_fd, "etc", O_RDONLY | O_DIRECTORY, 0);
	struct stat st;
	bool is_kept;

	if (etc_fd < 0)
		return errno == ENOENT ? 0 : ib_fail(err, errno, "open etc");
	is_kept = (fstatat(etc_fd, "resolv.conf", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		   S_ISLNK(st.st_mode)) ||
		  is_immutable(etc_fd, "resolv.conf");
	if (is_kept) {
		if (unlinkat(etc_fd, "resolv.conf.ORIG", 0) < 0 && errno != ENOENT)
			return ib_fail(err, errno, "remove '%s'", ORIG);
		return 0;
	}
	if (unlinkat(etc_fd, "resolv.conf", 0) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "remove '%s'", RESOLV);
	if (renameat(etc_fd, "resolv.conf.ORIG", etc_fd, "resolv.conf") < 0 && errno != ENOENT)
		return ib_fail(err, errno, "restore '%s'", RESOLV);
	return 0;
}

/* Calls FN for every entry below PATH of the target, directories after what is in them. */
static int walk(int at, const char *path, int depth,
		int (*fn)(int, const char *, const struct stat *, struct ib_error *),
		struct ib_error *err)
{
	cleanup_fd int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char **names = NULL;
	size_t n = 0;
	int r;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : ib_fail(err, errno, "open '%s'", path);
	if (depth == 0)
		return ib_fail_text(err, ELOOP, "'%s': directories are nested too deep", path);
	r = fs_list(fd, ".", &names, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct stat st;

		if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			r = walk(fd, names[i], depth - 1, fn, err);
		if (r >= 0)
			r = fn(fd, names[i], &st, err);
	}
	free(names);
	return r;
}

static int truncate_log(int dir_fd, const char *name, const struct stat *st, struct ib_error *err)
{
	cleanup_fd int fd = -1;

	if (!S_ISREG(st->st_mode) || st->st_size == 0)
		return 0;
	fd = openat(dir_fd, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? ib_fail(err, errno, "empty the log '%s'", name) : 0;
}

static int remove_log(int dir_fd, const char *name, const struct stat *st, struct ib_error *err)
{
	size_t n = strlen(name);

	if (S_ISDIR(st->st_mode) || n < 4 || strcmp(name + n - 4, ".log") != 0)
		return 0;
	return unlinkat(dir_fd, name, 0) < 0 ? ib_fail(err, errno, "remove '%s'", name) : 0;
}

static int empty_tmp(int root_fd, struct ib_error *err)
{
	cleanup_fd int fd = openat(root_fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char **names = NULL;
	size_t n = 0;
	int r;

	if (fd < 0)
		return 0;
	r = fs_list(fd, ".", &names, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = fs_remove_at(fd, names[i], err);
	free(names);
	return r;
}

static int clean_fn(void *arg, struct ib_error *err)
{
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int var_fd = -1;
	int r = root_fd;

	(void)arg;
	if (r >= 0)
		r = restore_resolv(root_fd, err);
	if (r >= 0)
		r = empty_tmp(root_fd, err);
	if (r < 0)
		return r;
	var_fd = openat(root_fd, "var", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = var_fd < 0 ? 0 : walk(var_fd, "log", DEPTH_MAX, truncate_log, err);
	if (r >= 0)
		r = walk(root_fd, "root", DEPTH_MAX, remove_log, err);
	return r;
}

int run_clean(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	(void)err;
	action_call(sr, s, a, clean_fn, NULL);
	return 0;
}
