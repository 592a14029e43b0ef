/* SPDX-License-Identifier: Apache-2.0 */
/* gzip of a file through libarchive's filter, which pads nothing and is told to leave out the time.
 */
#include "support/archive.h"

#include "support/fs.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1u << 18)

struct packer {
	struct archive *archive;
	struct archive_entry *entry;
	struct ib_error *err;
};

static void packer_release(struct packer *p)
{
	if (p->entry)
		archive_entry_free(p->entry);
	if (p->archive)
		(void)archive_write_free(p->archive);
}
#define cleanup_packer __attribute__((cleanup(packer_release)))

/* Every call but the writes of data; their result is a count. */
static int check(struct packer *p, la_ssize_t result)
{
	const char *text = archive_error_string(p->archive);
	int code = archive_errno(p->archive);

	if (result >= ARCHIVE_OK)
		return 0;
	return ib_fail_text(p->err, code > 0 ? code : EIO, "compress: %s",
			    text ? text : "libarchive failed");
}

static int open_packer(struct packer *p, int to_fd)
{
	int r;

	p->archive = archive_write_new();
	p->entry = archive_entry_new();
	if (!p->archive || !p->entry)
		ib_oom();
	archive_entry_set_pathname(p->entry, "data");
	archive_entry_set_filetype(p->entry, AE_IFREG);
	r = check(p, archive_write_add_filter_gzip(p->archive));
	if (r >= 0)
		r = check(p, archive_write_set_format_raw(p->archive));
	if (r >= 0)
		r = check(p, archive_write_set_options(p->archive, "gzip:!timestamp"));
	if (r >= 0)
		r = check(p, archive_write_set_bytes_in_last_block(p->archive, 1));
	if (r >= 0)
		r = check(p, archive_write_open_fd(p->archive, to_fd));
	return r < 0 ? r : check(p, archive_write_header(p->archive, p->entry));
}

static int pack(struct packer *p, int from_fd)
{
	cleanup_free char *piece = ib_xmalloc(PIECE);

	for (off_t at = 0;;) {
		ssize_t n = pread(from_fd, piece, PIECE, at);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? ib_fail(p->err, errno, "read what to compress") : 0;
		r = check(p, archive_write_data(p->archive, piece, (size_t)n));
		if (r < 0)
			return r;
		at += n;
	}
}

int archive_gzip(int from_fd, int to_fd, struct ib_error *err)
{
	cleanup_packer struct packer p = { .err = err };
	int r = open_packer(&p, to_fd);

	if (r >= 0)
		r = pack(&p, from_fd);
	return r < 0 ? r : check(&p, archive_write_close(p.archive));
}
