/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of files by what stat says: a file that did not change is not read again. One small file
 * for an inode: "<size> <mtime> <ctime> <hex>\n". */
#include "cache/store.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A write within the clock's grain after the digest was taken leaves the same times. */
#define RACY_SECONDS 2

#define LINE_MAX_BYTES 256

static void entry_name(const struct stat *st, char *ret_name, size_t size)
{
	(void)snprintf(ret_name, size, "files/%llx-%llx", (unsigned long long)st->st_dev,
		       (unsigned long long)st->st_ino);
}

static void fingerprint(const struct stat *st, char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "%lld %lld.%09ld %lld.%09ld ", (long long)st->st_size,
		       (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		       (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static bool is_racy(const struct stat *st)
{
	struct timespec now;
	time_t last =
		st->st_mtim.tv_sec > st->st_ctim.tv_sec ? st->st_mtim.tv_sec : st->st_ctim.tv_sec;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return last > now.tv_sec - RACY_SECONDS;
}

static bool look_up(struct store *s, const char *name, const char *print, struct digest *ret_digest)
{
	cleanup_free char *text = NULL;
	struct ib_error err = IB_ERROR_INIT;
	size_t len, n = strlen(print);

	if (fs_read_at(s->fd, name, LINE_MAX_BYTES, &text, &len, &err) < 0)
		return false;
	if (len != n + DIGEST_HEX || memcmp(text, print, n) != 0 || text[len - 1] != '\n')
		return false;
	text[len - 1] = '\0';
	return digest_from_hex(text + n, ret_digest);
}

static int remember(struct store *s, const char *name, const char *print, const struct digest *d,
		    struct ib_error *err)
{
	char hex[DIGEST_HEX], line[LINE_MAX_BYTES];
	int n;

	digest_hex(d, hex);
	n = snprintf(line, sizeof(line), "%s%s\n", print, hex);
	return fs_write_at(s->fd, name, line, (size_t)n, 0644, err);
}

int store_file_digest(struct store *s, int fd, bool write, struct digest *ret_digest,
		      struct ib_error *err)
{
	char name[64], print[128];
	struct stat st;
	bool racy;
	int r;

	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "stat a file");
	racy = is_racy(&st);
	entry_name(&st, name, sizeof(name));
	fingerprint(&st, print, sizeof(print));
	if (!racy && look_up(s, name, print, ret_digest))
		return 0;
	r = digest_of_fd(fd, ret_digest, err);
	if (r < 0 || racy || !write)
		return r;
	return remember(s, name, print, ret_digest, err);
}
