/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of base by their word, and what a file is that is none of them. */
#include "base/private.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *word;
	int (*look)(struct base *, int, struct arena *, struct ib_diag *, struct ib_error *);
	int (*unpack)(const struct base *, int, int, int, struct ib_error *);
} kinds[] = {
	[BASE_SCRATCH] = { "scratch", NULL, NULL },
	[BASE_TAR] = { "tar", tar_look, tar_unpack },
	[BASE_OCI] = { "oci", oci_look, oci_unpack },
	[BASE_DISK] = { "disk", disk_look, disk_unpack },
};

enum base_kind base_kind_of(enum ib_base_kind kind)
{
	switch (kind) {
	case IB_BASE_TAR:
		return BASE_TAR;
	case IB_BASE_OCI:
		return BASE_OCI;
	case IB_BASE_DISK:
		return BASE_DISK;
	case IB_BASE_ELEMENT:
	case IB_BASE_STAGE:
	case IB_BASE_SCRATCH:
		break;
	}
	return BASE_SCRATCH;
}

const char *base_word(enum base_kind kind)
{
	return kinds[kind].word;
}

void base_parse(struct base *b, const char *name, struct arena *a)
{
	const char *mark = NULL;

	if (b->kind == BASE_OCI)
		mark = strrchr(name, ':');
	if (mark && strchr(mark, '/'))
		mark = NULL;
	if (b->kind == BASE_DISK)
		mark = strrchr(name, '#');
	b->path = mark ? arena_strndup(a, name, (size_t)(mark - name)) : arena_strdup(a, name);
	b->select = mark && mark[1] ? arena_strdup(a, mark + 1) : NULL;
}

int base_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err)
{
	return kinds[b->kind].look ? kinds[b->kind].look(b, fd, a, diag, err) : 0;
}

int base_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err)
{
	return kinds[b->kind].unpack ? kinds[b->kind].unpack(b, fd, dir_fd, tmp_fd, err) : 0;
}

static const struct magic {
	size_t at;
	const char *bytes;
	size_t len;
	const char *what, *word;
} magics[] = {
	{ 0, "QFI\xfb", 4, "a qcow2 image", "disk:" },
	{ 512, "EFI PART", 8, "a disk image with a GPT", "disk:" },
	{ 1080, "\x53\xef", 2, "an ext file system", "disk:" },
	{ 0, "hsqs", 4, "a squashfs", NULL },
	{ 0, "XFSB", 4, "an xfs file system", NULL },
	{ 0, "KDMV", 4, "a vmdk image", NULL },
	{ 0, "conectix", 8, "a vhd image", NULL },
	{ 0, "vhdxfile", 8, "a vhdx image", NULL },
	{ 257, "ustar", 5, "a tar archive", "tar:" },
	{ 0, "\x1f\x8b", 2, "gzip's data", NULL },
	{ 0, "BZh", 3, "bzip2's data", NULL },
	{ 0,
	  "\xfd"
	  "7zXZ",
	  5, "xz's data", NULL },
	{ 0, "\x28\xb5\x2f\xfd", 4, "zstd's data", NULL },
	{ 0, "PK\x03\x04", 4, "a zip archive", NULL },
	{ 0,
	  "\x7f"
	  "ELF",
	  4, "a program", NULL },
	{ 510, "\x55\xaa", 2, "a disk image with an MBR", "disk:" },
};

static const struct magic *find_magic(int fd)
{
	char head[1088] = { 0 };
	ssize_t n = pread(fd, head, sizeof(head), 0);

	for (size_t i = 0; n > 0 && i < ARRAY_SIZE(magics); i++)
		if (memcmp(head + magics[i].at, magics[i].bytes, magics[i].len) == 0)
			return &magics[i];
	return NULL;
}

const char *base_found(int fd)
{
	const struct magic *m = find_magic(fd);

	return m ? m->what : NULL;
}

void base_report_kind(const struct base *b, int fd, const char *expected, const char *otherwise,
		      struct ib_diag *diag)
{
	const struct magic *m = find_magic(fd);
	const char *what = m ? m->what : otherwise;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		what = "a directory";
	else if (st.st_size == 0)
		what = "an empty file";
	ib_diag_add(diag, IB_D_BAD_BASE, b->at, "'%s' is no %s but %s", b->path, expected, what);
	if (m && m->word)
		ib_diag_hint(diag, "write %s%s", m->word, b->path);
}
