/* SPDX-License-Identifier: Apache-2.0 */
/* qemu-img convert from the disk to the unnamed file: both are handed over as its standard input
 * and output and opened again through /proc. */
#include "output/qemu.h"

#include "support/child.h"

#include <imagebuild/buf.h>
#include <imagebuild/error.h>

#include <errno.h>
#include <string.h>

/* "k=v,k2=v2"; a comma in a value is written twice. */
static void join_options(const struct ib_pair_vec *options, struct buf *out)
{
	vec_foreach (const struct ib_pair, o, options) {
		if (out->len > 0)
			buf_char(out, ',');
		buf_printf(out, "%s=", o->key);
		for (const char *c = o->value; *c; c++) {
			if (*c == ',')
				buf_char(out, ',');
			buf_char(out, *c);
		}
	}
}

int qemu_write(const struct output_job *job, const struct output_format *f, int fd,
	       struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	cleanup_buf struct buf options = BUF_INIT;
	struct str_vec argv = { NULL, 0, 0 };
	struct child_spec spec = CHILD_SPEC_INIT;
	bool is_compressed = strcmp(f->name, "qcow2") == 0 && !job->is_uncompressed;

	vec_push(a, &argv, "qemu-img");
	vec_push(a, &argv, "convert");
	vec_push(a, &argv, "-q");
	if (is_compressed)
		vec_push(a, &argv, "-c");
	vec_push(a, &argv, "-f");
	vec_push(a, &argv, "raw");
	vec_push(a, &argv, "-O");
	vec_push(a, &argv, f->name);
	if (job->op)
		join_options(&job->op->options, &options);
	if (options.len > 0) {
		vec_push(a, &argv, "-o");
		vec_push(a, &argv, options.data);
	}
	vec_push(a, &argv, "/proc/self/fd/0");
	vec_push(a, &argv, "/proc/self/fd/1");
	vec_push(a, &argv, NULL);
	spec.argv = argv.items;
	spec.in_fd = job->raw_fd;
	spec.out_fd = fd;
	int r = child_run(&spec, NULL, err);

	if (r < 0)
		return ib_wrap(err, "convert the disk to %s", f->name);
	return 0;
}
