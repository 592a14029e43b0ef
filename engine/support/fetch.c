/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fetch.h"

#include "support/child.h"
#include "support/crypto.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>

#define FULL_REF_MAX 4096
#define HEADS "+refs/heads/*:refs/heads/*"
#define TAGS "+refs/tags/*:refs/tags/*"

/* A thing of the cache: its file or directory, and the lock of it. */
struct entry {
	char *path;
	int lock_fd;
};

static void entry_release(struct entry *e)
{
	free(e->path);
	ib_cleanup_fd(&e->lock_fd);
}
#define cleanup_entry __attribute__((cleanup(entry_release)))

/* "user:password" of URL, N bytes; NULL where there is none. */
static const char *user_info(const char *url, size_t *ret_n)
{
	const char *start = strstr(url, "://"), *at = NULL;

	if (!start)
		return NULL;
	start += 3;
	for (const char *p = start; *p && !strchr("/?#", *p); p++)
		if (*p == '@')
			at = p;
	*ret_n = at ? (size_t)(at - start) : 0;
	return at ? start : NULL;
}

const char *fetch_shown(const char *url, struct arena *a)
{
	size_t n = 0;
	const char *info = user_info(url, &n);

	if (!info)
		return arena_strdup(a, url);
	return arena_printf(a, "%.*s%s", (int)(info - url), url, info + n + 1);
}

/* Takes what URL says of a user out of the error's text, which may quote what a program said. */
static void hide_user(const char *url, struct ib_error *err)
{
	size_t n = 0;
	const char *info = user_info(url, &n);
	cleanup_free char *hidden = info && n ? ib_xprintf("%.*s", (int)n, info) : NULL;
	char *found;

	while (hidden && (found = strstr(err->text, hidden)))
		memmove(found, found + n, strlen(found + n) + 1);
}

bool fetch_is_commit(const char *text)
{
	size_t n = strspn(text, "0123456789abcdef");

	return (n == 40 || n == 64) && !text[n];
}

/* What lies on this machine is looked at each time: it costs nothing. */
static bool is_local(const char *url)
{
	return strncasecmp(url, "file:", 5) == 0 || url[0] == '/' || url[0] == '.';
}

static void note(const struct fetcher *f, const char *url, const char *fmt, const char *rest)
{
	size_t n = 0;
	const char *info = user_info(url, &n);
	cleanup_buf struct buf text = BUF_INIT;

	buf_printf(&text, "%s ", fmt);
	buf_add(&text, url, info ? (size_t)(info - url) : strlen(url));
	if (info)
		buf_str(&text, info + n + 1);
	buf_str(&text, rest);
	if (f->note)
		f->note(f->context, text.data);
}

/* The cache's place for URL, locked until it is released. */
static int entry_open(const struct fetcher *f, const char *kind, const char *url,
		      struct entry *ret_entry, struct ib_error *err)
{
	cleanup_free char *dir = fs_join(f->cache, kind), *lock = NULL;
	struct digest d;
	char hex[DIGEST_HEX];
	int r;

	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return ib_fail_text(err, EINVAL,
					    "an address has a space or a control character in it");
	digest_of(url, strlen(url), &d);
	digest_hex(&d, hex);
	ret_entry->path = fs_join(dir, hex);
	r = fs_mkdirs_at(AT_FDCWD, dir, 0755, err);
	if (r < 0)
		return r;
	lock = ib_xprintf("%s.lock", ret_entry->path);
	ret_entry->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (ret_entry->lock_fd < 0 || flock(ret_entry->lock_fd, LOCK_EX) < 0)
		return ib_fail(err, errno, "lock '%s'", lock);
	return 0;
}

static int fail_offline(const char *url, struct arena *a, struct ib_error *err)
{
	return ib_fail_text(err, ENOENT, "'%s' is not in the cache, and DIB_OFFLINE is set",
			    fetch_shown(url, a));
}

/* curl's configuration: the address, which may hold a password, is on no command line. */
static int curl_config(const char *url, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	int fd = memfd_create("curl", MFD_CLOEXEC), r;

	buf_str(&text, "url = \"");
	for (const char *p = url; *p; p++)
		buf_printf(&text, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
	buf_str(&text, "\"\n");
	r = fd < 0 ? -errno : fs_pwrite_all(fd, text.data, text.len, 0);
	if (r >= 0)
		return fd;
	ib_cleanup_fd(&fd);
	return ib_fail(err, -r, "write curl's configuration");
}

static int run_curl(const struct fetcher *f, const struct entry *e, const char *url,
		    struct buf *out, struct ib_error *err)
{
	cleanup_free char *part = ib_xprintf("%s.part", e->path);
	cleanup_free char *etag = ib_xprintf("%s.etag", e->path);
	cleanup_free char *etag_part = ib_xprintf("%s.etag.part", e->path);
	const char *argv[] = { "curl",
			       "-q",
			       "--config",
			       "-",
			       "--fail",
			       "--location",
			       "--max-redirs",
			       "20",
			       "--proto",
			       "=http,https,ftp,ftps,file",
			       "--proto-redir",
			       "=http,https",
			       "--silent",
			       "--show-error",
			       "--globoff",
			       "--retry",
			       "3",
			       "--connect-timeout",
			       "30",
			       "--speed-limit",
			       "1",
			       "--speed-time",
			       "60",
			       "--remote-time",
			       "--output",
			       part,
			       "--write-out",
			       "%{http_code}",
			       NULL,
			       NULL,
			       NULL,
			       NULL,
			       NULL };
	size_t n = 0;
	cleanup_fd int config = curl_config(url, err);
	const struct child_spec spec = {
		.argv = argv, .envp = f->envp, .in_fd = config, .out_fd = -1, .err_fd = -1
	};

	if (config < 0)
		return config;
	while (argv[n])
		n++;
	if (strncasecmp(url, "http", 4) == 0) {
		argv[n++] = "--etag-save";
		argv[n++] = etag_part;
		if (access(e->path, F_OK) == 0 && access(etag, F_OK) == 0) {
			argv[n++] = "--etag-compare";
			argv[n] = etag;
		}
	}
	(void)unlink(part);
	(void)unlink(etag_part);
	return child_run(&spec, out, err);
}

/* Gives a file whose time is that of its making, for want of another, the time 0. */
static int settle_time(int fd, time_t start)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 0 } };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_mtim.tv_sec < start || futimens(fd, times) == 0 ? 0 : -errno;
}

/* Puts a download in its place. */
static int adopt(const struct entry *e, time_t start, struct buf *size, struct ib_error *err)
{
	cleanup_free char *part = ib_xprintf("%s.part", e->path);
	cleanup_free char *etag = ib_xprintf("%s.etag", e->path);
	cleanup_free char *etag_part = ib_xprintf("%s.etag.part", e->path);
	/* curl makes no file for an empty answer */
	cleanup_fd int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	struct stat st;
	int r = fd < 0 ? -errno : settle_time(fd, start);

	if (r < 0 || fstat(fd, &st) < 0 || fsync(fd) < 0 || rename(part, e->path) < 0)
		return ib_fail(err, r < 0 ? -r : errno, "keep '%s'", part);
	if (rename(etag_part, etag) < 0 && unlink(etag) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "keep '%s'", etag);
	buf_printf(size, ": %lld bytes", (long long)st.st_size);
	return 0;
}

static int download(const struct fetcher *f, const struct entry *e, const char *url,
		    struct ib_error *err)
{
	cleanup_buf struct buf code = BUF_INIT, size = BUF_INIT;
	time_t start = time(NULL);
	int r;

	note(f, url, "fetching", "");
	r = run_curl(f, e, url, &code, err);
	if (r < 0)
		return r;
	if (code.data && strcmp(code.data, "304") == 0) {
		note(f, url, "unchanged:", "");
		return 0;
	}
	r = adopt(e, start, &size, err);
	if (r >= 0)
		note(f, url, "fetched", size.data);
	return r;
}

int fetch_file(const struct fetcher *f, const char *url, struct arena *a, const char **ret_path,
	       struct ib_error *err)
{
	cleanup_entry struct entry e = { NULL, -1 };
	int r = entry_open(f, "downloads", url, &e, err);

	if (r < 0)
		return r;
	*ret_path = arena_strdup(a, e.path);
	if (!is_local(url)) {
		bool is_there = access(e.path, F_OK) == 0;

		if (is_there && (f->is_offline || !f->is_refreshed))
			return 0;
		if (f->is_offline)
			return fail_offline(url, a, err);
	}
	r = download(f, &e, url, err);
	if (r >= 0)
		return 0;
	r = ib_wrap(err, "download '%s'", fetch_shown(url, a));
	hide_user(url, err);
	return r;
}

/* git with WORDS, a NULL-terminated array; in GIT_DIR where that is not NULL. */
static int git(const struct fetcher *f, const char *git_dir, const char *const *words,
	       struct buf *out, struct ib_error *err)
{
	const char *argv[32] = {
		"git", "-c", "gc.auto=0", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"
	};
	const struct child_spec spec = {
		.argv = argv, .envp = f->envp, .in_fd = -1, .out_fd = -1, .err_fd = -1
	};
	size_t n = 7;

	if (git_dir) {
		argv[n++] = "--git-dir";
		argv[n++] = git_dir;
	}
	while (*words && n < ARRAY_SIZE(argv) - 1)
		argv[n++] = *words++;
	return child_run(&spec, out, err);
}

/* The line of ls-remote's text that is NAME; its commit, or NULL. */
static const char *find_ref(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; line && *line;) {
		const char *end = line + strcspn(line, "\n"),
			   *tab = memchr(line, '\t', (size_t)(end - line));

		if (tab && (size_t)(end - tab - 1) == n && strncmp(tab + 1, name, n) == 0)
			return line;
		line = *end ? end + 1 : end;
	}
	return NULL;
}

/* Looks for REF in what the server has: as it is, as a tag (what an annotated one leads to), as a
 * branch. */
static int pick_ref(const char *text, const char *ref, struct arena *a, struct fetch_ref *ret_ref)
{
	static const char *const forms[][2] = { { "%s^{}", "%s" },
						{ "%s", "%s" },
						{ "refs/tags/%s^{}", "refs/tags/%s" },
						{ "refs/tags/%s", "refs/tags/%s" },
						{ "refs/heads/%s", "refs/heads/%s" },
						{ "refs/%s", "refs/%s" } };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const char *before = forms[i][0], *hole = strstr(before, "%s");
		const char *name =
			arena_printf(a, "%.*s%s%s", (int)(hole - before), before, ref, hole + 2);
		const char *line = find_ref(text, name);
		size_t n = line ? strcspn(line, "\t") : 0;

		if (n == 0 || n >= FETCH_COMMIT)
			continue;
		(void)snprintf(ret_ref->commit, sizeof(ret_ref->commit), "%.*s", (int)n, line);
		n = strlen(name);
		ret_ref->name = n > 3 && strcmp(name + n - 3, "^{}") == 0
					? arena_strndup(a, name, n - 3)
					: name;
		return 0;
	}
	return -ENOENT;
}

static int ask_server(const struct fetcher *f, const char *url, const char *ref, struct arena *a,
		      struct fetch_ref *ret_ref, struct ib_error *err)
{
	const char *const words[] = { "ls-remote", "-q", "--", url, NULL };
	cleanup_buf struct buf text = BUF_INIT;
	bool is_all = ref && strcmp(ref, "*") == 0;
	struct digest d;
	int r = git(f, NULL, words, &text, err);

	if (r < 0) {
		r = ib_wrap(err, "ask '%s' for its branches and tags", fetch_shown(url, a));
		hide_user(url, err);
		return r;
	}
	r = pick_ref(text.len ? text.data : "", ref && !is_all ? ref : "HEAD", a, ret_ref);
	if (r < 0)
		return ib_fail_text(
			err, ENOENT,
			"'%s' has no branch, tag or ref '%s'; a commit is written whole",
			fetch_shown(url, a), ref && !is_all ? ref : "HEAD");
	if (is_all) {
		digest_of(text.data, text.len, &d);
		digest_hex(&d, ret_ref->refs);
	}
	return 0;
}

/* "COMMIT NAME REFS\n" in the cache. */
static bool read_kept(const char *path, struct arena *a, struct fetch_ref *ret_ref)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char *text = NULL;
	char *commit, *name, *refs, *save = NULL;
	size_t n = 0;

	if (fs_read_at(AT_FDCWD, path, FULL_REF_MAX, &text, &n, &err) < 0)
		return false;
	commit = strtok_r(text, " \n", &save);
	name = strtok_r(NULL, " \n", &save);
	refs = strtok_r(NULL, " \n", &save);
	if (!commit || !name || !fetch_is_commit(commit))
		return false;
	(void)snprintf(ret_ref->commit, sizeof(ret_ref->commit), "%s", commit);
	(void)snprintf(ret_ref->refs, sizeof(ret_ref->refs), "%s", refs ? refs : "");
	ret_ref->name = arena_strdup(a, name);
	return true;
}

int fetch_resolve(const struct fetcher *f, const char *url, const char *ref, struct arena *a,
		  struct fetch_ref *ret_ref, struct ib_error *err)
{
	cleanup_entry struct entry e = { NULL, -1 };
	cleanup_free char *kept = NULL, *line = NULL;
	char hex[DIGEST_HEX];
	struct digest d;
	int r;

	*ret_ref = (struct fetch_ref){ .name = NULL };
	if (ref && fetch_is_commit(ref)) {
		(void)snprintf(ret_ref->commit, sizeof(ret_ref->commit), "%s", ref);
		return 0;
	}
	r = entry_open(f, "git", url, &e, err);
	if (r < 0)
		return r;
	digest_of(ref ? ref : "", ref ? strlen(ref) : 0, &d);
	digest_hex(&d, hex);
	kept = ib_xprintf("%s.ref-%.16s", e.path, hex);
	if (!is_local(url)) {
		if ((f->is_offline || !f->is_refreshed) && read_kept(kept, a, ret_ref))
			return 0;
		if (f->is_offline)
			return fail_offline(url, a, err);
	}
	r = ask_server(f, url, ref, a, ret_ref, err);
	if (r < 0)
		return r;
	line = ib_xprintf("%s %s %s\n", ret_ref->commit, ret_ref->name, ret_ref->refs);
	return fs_write_at(AT_FDCWD, kept, line, strlen(line), 0644, err);
}

static bool has_commit(const struct fetcher *f, const char *dir, const char *commit)
{
	cleanup_free char *object = ib_xprintf("%s^{commit}", commit);
	const char *const words[] = { "cat-file", "-e", object, NULL };
	struct ib_error err = IB_ERROR_INIT;

	return git(f, dir, words, NULL, &err) >= 0;
}

/* A new bare repository. Its attributes win over a tree's: archives of it hold every file, as it
 * is. */
static int make_repository(const struct fetcher *f, const char *dir, struct ib_error *err)
{
	static const char attributes[] = "* -export-ignore -export-subst\n";
	const char *const words[] = { "init", "-q", "--bare", dir, NULL };
	cleanup_free char *info = fs_join(dir, "info"), *file = fs_join(info, "attributes");
	int r = fs_remove_at(AT_FDCWD, dir, err);

	if (r >= 0)
		r = git(f, NULL, words, NULL, err);
	if (r >= 0)
		r = fs_mkdirs_at(AT_FDCWD, info, 0755, err);
	return r < 0 ? r : fs_write_at(AT_FDCWD, file, attributes, strlen(attributes), 0644, err);
}

/* All branches and tags, then what is neither: another ref, a commit that none of them leads to. */
static int fetch_into(const struct fetcher *f, const char *dir, const char *url,
		      const struct fetch_ref *ref, struct ib_error *err)
{
	cleanup_free char *other = ref->name ? ib_xprintf("+%s:%s", ref->name, ref->name) : NULL;
	const char *const all[] = { "fetch", "-q", "--", url, HEADS, TAGS, NULL };
	const char *const one[] = { "fetch", "-q", "--", url, other ? other : ref->commit, NULL };
	int r = git(f, dir, all, NULL, err);

	if (r >= 0 && !has_commit(f, dir, ref->commit))
		r = git(f, dir, one, NULL, err);
	if (r >= 0 && !has_commit(f, dir, ref->commit))
		return ib_fail_text(err, ENOENT, "commit %s is not there (any more)", ref->commit);
	return r;
}

int fetch_git(const struct fetcher *f, const char *url, const struct fetch_ref *ref,
	      struct arena *a, const char **ret_path, struct ib_error *err)
{
	cleanup_entry struct entry e = { NULL, -1 };
	cleanup_free char *part = NULL;
	int r = entry_open(f, "git", url, &e, err);
	bool is_new;

	if (r < 0)
		return r;
	*ret_path = arena_strdup(a, e.path);
	is_new = access(e.path, F_OK) < 0;
	if (!is_new && has_commit(f, e.path, ref->commit) && !*ref->refs)
		return 0;
	if (f->is_offline && !is_local(url))
		return *ref->refs && !is_new ? 0 : fail_offline(url, a, err);
	note(f, url, "fetching", "");
	part = is_new ? ib_xprintf("%s.part", e.path) : ib_xstrdup(e.path);
	r = is_new ? make_repository(f, part, err) : 0;
	if (r >= 0)
		r = fetch_into(f, part, url, ref, err);
	if (r >= 0 && is_new && rename(part, e.path) < 0)
		r = ib_fail(err, errno, "keep '%s'", part);
	if (r >= 0)
		return 0;
	r = ib_wrap(err, "fetch '%s'", fetch_shown(url, a));
	hide_user(url, err);
	return r;
}
