/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the JSON of an image: up to a NUL what lists it, behind it the configuration. What
 * is wrong is reported. */
#include "base/base.h"
#include "support/fs.h"

#include <fcntl.h>
#include <imagebuild/diag.h>
#include <imagebuild/error.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(int dir_fd, const char *list, const uint8_t *data, size_t n)
{
	const uint8_t *end = memchr(data, '\0', n);
	size_t first = end ? (size_t)(end - data) : n;
	struct ib_error err = IB_ERROR_INIT;
	cleanup_arena struct arena *a = arena_new();
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	struct base b = { .kind = BASE_OCI, .arch = "amd64", .at = { 0, 0 } };

	base_parse(&b, "image", a);
	if (fs_write_at(dir_fd, list, data, first, 0644, &err) < 0 ||
	    fs_write_at(dir_fd, "config", data + first, n - first, 0644, &err) < 0)
		abort();
	if (base_look(&b, dir_fd, a, diag, &err) < 0 && !err.code && ib_diag_errors(diag) == 0)
		abort();
	ib_diag_free(diag);
	ib_sources_free(sources);
	(void)unlinkat(dir_fd, list, 0);
	(void)unlinkat(dir_fd, "config", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char path[] = "/tmp/imagebuild-fuzz-XXXXXX";
	cleanup_fd int dir_fd = -1;

	if (!mkdtemp(path))
		abort();
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	look(dir_fd, "index.json", data, n);
	look(dir_fd, "manifest.json", data, n);
	(void)rmdir(path);
	return 0;
}
