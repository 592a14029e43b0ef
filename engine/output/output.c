/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats, and files that have no name until they are whole. */
#include "output/output.h"

#include "output/qemu.h"
#include "support/crypto.h"
#include "support/fs.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT(name, suffix) extern const struct output_format output_##name;
#define FORMAT_QEMU(name, suffix)
#define FORMAT_LATER(name, suffix)
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER

#define FORMAT(name, suffix)
#define FORMAT_QEMU(id, ext)                              \
	static const struct output_format output_##id = { \
		.name = #id,                              \
		.suffix = ext,                            \
		.needs_disk = true,                       \
		.write = qemu_write,                      \
		.tool = "qemu-img",                       \
		.package = "qemu-utils",                  \
	};
#define FORMAT_LATER(id, ext)                                            \
	static const struct output_format output_##id = { .name = #id,   \
							  .suffix = ext, \
							  .is_later = true };
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER

static const struct output_format *const formats[] = {
#define FORMAT(name, suffix) &output_##name,
#define FORMAT_QEMU FORMAT
#define FORMAT_LATER FORMAT
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER
};

const struct output_format *output_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

/* A name that no other process has: its pid, and a descriptor within it. Not made of NAME, which
 * may be as long as a name can be. */
static char *hidden_name(int fd)
{
	return ib_xprintf(".imagebuild.%ld-%d", (long)getpid(), fd);
}

/* File systems without O_TMPFILE: a hidden file, that output_drop removes. */
static int open_hidden(struct output_file *f)
{
	f->hidden = hidden_name(f->dir_fd);
	f->fd = openat(f->dir_fd, f->hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return f->fd < 0 ? -errno : 0;
}

static int open_unnamed(struct output_file *f)
{
	f->fd = openat(f->dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
	if (f->fd >= 0)
		return 0;
	return errno == EOPNOTSUPP || errno == EISDIR ? open_hidden(f) : -errno;
}

static int split_path(const char *path, struct output_file *f, struct ib_error *err)
{
	cleanup_free char *dir = ib_xstrdup(path);
	char *slash = strrchr(dir, '/');
	const char *name = slash ? slash + 1 : dir;

	if (!*name)
		return ib_fail_text(err, EINVAL, "'%s' names no file", path);
	f->name = ib_xstrdup(name);
	if (slash)
		*(slash == dir ? slash + 1 : slash) = '\0';
	f->dir_fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir_fd < 0)
		return ib_fail(err, errno, "open the directory of '%s'", path);
	return 0;
}

/* What would refuse the rename, after all the work. */
static int check_place(const struct output_file *f, const char *path, struct ib_error *err)
{
	struct stat st;

	if (fstatat(f->dir_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : ib_fail(err, errno, "look at '%s'", path);
	if (S_ISDIR(st.st_mode))
		return ib_fail_text(err, EISDIR, "'%s' is a directory; an image cannot replace it",
				    path);
	return 0;
}

int output_open(const char *path, struct output_file *ret_file, struct ib_error *err)
{
	struct output_file f = { .fd = -1, .dir_fd = -1 };
	int r = split_path(path, &f, err);

	if (r == 0)
		r = check_place(&f, path, err);
	if (r == 0) {
		r = open_unnamed(&f);
		if (r < 0)
			(void)ib_fail(err, -r, "make '%s'", path);
	}
	if (r < 0) {
		output_drop(&f);
		return r;
	}
	*ret_file = f;
	return 0;
}

void output_drop(struct output_file *f)
{
	if (f->hidden && f->dir_fd >= 0)
		(void)unlinkat(f->dir_fd, f->hidden, 0);
	if (f->fd >= 0)
		(void)close(f->fd);
	if (f->dir_fd >= 0)
		(void)close(f->dir_fd);
	free(f->hidden);
	free(f->name);
	*f = (struct output_file){ .fd = -1, .dir_fd = -1 };
}

/* Gives the unnamed file a hidden name: only rename replaces an existing file. */
static int link_hidden(struct output_file *f)
{
	char self[64];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	f->hidden = hidden_name(f->fd);
	if (linkat(AT_FDCWD, self, f->dir_fd, f->hidden, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	free(take_ptr(f->hidden));
	return -errno;
}

struct checksum {
	const char *algorithm; /* also the suffix */
	struct hasher *hasher;
};

static int add_content(int fd, struct checksum *sums, size_t len, struct ib_error *err)
{
	size_t size = 1 << 20;
	cleanup_free char *data = ib_xmalloc(size);
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, data, size, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ib_fail(err, errno, "read what was written");
		if (n == 0)
			return 0;
		for (size_t i = 0; i < len; i++)
			hasher_add(sums[i].hasher, data, (size_t)n);
		at += n;
	}
}

/* "<hex>  <path>\n", as md5sum and sha256sum print it. */
static int write_checksum(const struct output_file *f, const char *path, struct checksum *sum,
			  struct ib_error *err)
{
	uint8_t bytes[32];
	size_t n = hasher_end(sum->hasher, bytes);
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_free char *name = ib_xprintf("%s.%s", f->name, sum->algorithm);

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%02x", bytes[i]);
	buf_printf(&text, "  %s\n", path);
	return fs_write_at(f->dir_fd, name, text.data, text.len, 0644, err);
}

static int add_checksums(const struct output_file *f, struct checksum *sums, size_t len,
			 struct ib_error *err)
{
	for (size_t i = 0; i < len; i++) {
		sums[i].hasher = hasher_new(sums[i].algorithm);
		if (!sums[i].hasher)
			return ib_fail_text(err, ENOTSUP, "this libcrypto has no %s",
					    sums[i].algorithm);
	}
	return len ? add_content(f->fd, sums, len, err) : 0;
}

/* The short part: everything is on storage and summed. */
static int give_names(struct output_file *f, const char *path, struct checksum *sums, size_t len,
		      struct ib_error *err)
{
	int r = f->hidden ? 0 : link_hidden(f);

	if (r < 0)
		return ib_fail(err, -r, "give '%s' its name", path);
	for (size_t i = 0; r == 0 && i < len; i++)
		r = write_checksum(f, path, &sums[i], err);
	if (r < 0)
		return r;
	if (renameat(f->dir_fd, f->hidden, f->dir_fd, f->name) < 0)
		return ib_fail(err, errno, "give '%s' its name", path);
	free(take_ptr(f->hidden));
	return 0;
}

/* An interrupt waits, so that it leaves neither a hidden name nor a sum of another image. */
static int give_names_undisturbed(struct output_file *f, const char *path, struct checksum *sums,
				  size_t len, struct ib_error *err)
{
	sigset_t mask, old;
	int r;

	(void)sigfillset(&mask);
	(void)sigprocmask(SIG_BLOCK, &mask, &old);
	r = give_names(f, path, sums, len, err);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

int output_publish(struct output_file *f, const char *path, bool has_md5, bool has_sha256,
		   struct ib_error *err)
{
	struct checksum sums[2];
	size_t len = 0;
	int r;

	if (has_md5)
		sums[len++] = (struct checksum){ .algorithm = "md5" };
	if (has_sha256)
		sums[len++] = (struct checksum){ .algorithm = "sha256" };
	if (fsync(f->fd) < 0)
		return ib_fail(err, errno, "write '%s' to storage", path);
	r = add_checksums(f, sums, len, err);
	if (r == 0)
		r = give_names_undisturbed(f, path, sums, len, err);
	for (size_t i = 0; i < len; i++)
		hasher_free(sums[i].hasher);
	return r;
}
