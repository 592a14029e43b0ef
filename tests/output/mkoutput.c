/* SPDX-License-Identifier: Apache-2.0 */
/* mkoutput FORMAT SOURCE FILE [md5] [sha256] [compress=no] [K=V]...: one output without a build.
 * SOURCE is a disk or, for formats that take the tree, a directory. With "die" it kills itself
 * before FILE gets its name. */
#include "output/output.h"

#include <imagebuild/error.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct request {
	struct ib_op_output op;
	bool dies;
};

static void read_word(struct arena *a, const char *word, struct request *r)
{
	const char *equals = strchr(word, '=');

	if (strcmp(word, "md5") == 0)
		r->op.has_md5 = true;
	else if (strcmp(word, "sha256") == 0)
		r->op.has_sha256 = true;
	else if (strcmp(word, "die") == 0)
		r->dies = true;
	else if (strcmp(word, "compress=no") == 0)
		r->op.is_uncompressed = true;
	else if (equals)
		vec_push(a, &r->op.options,
			 ((struct ib_pair){ .key = arena_strndup(a, word, (size_t)(equals - word)),
					    .value = equals + 1 }));
}

static int write_it(const struct output_format *f, const char *source, const char *path,
		    const struct request *r, struct ib_error *err)
{
	cleanup_tree struct tree *tree = NULL;
	cleanup_fd int from = open(source, O_RDONLY | O_CLOEXEC);
	struct tree_options options = { .clamp = INT64_MAX };
	struct image_config config = { .arch = "arm64" };
	struct output_job job = { .raw_fd = from,
				  .op = &r->op,
				  .name = path,
				  .config = &config,
				  .temp_dir = "/tmp",
				  .is_uncompressed = r->op.is_uncompressed };
	struct output_file file = { .fd = -1, .dir_fd = -1 };
	int n = f->needs_disk ? 0 : tree_open(from, &options, &tree, err);

	job.tree = tree;
	if (n == 0)
		n = output_open(path, &file, err);
	if (n == 0)
		n = f->write(&job, f, file.fd, err);
	if (r->dies && n == 0)
		(void)raise(SIGKILL);
	if (n == 0)
		n = output_publish(&file, path, r->op.has_md5, r->op.has_sha256, err);
	output_drop(&file);
	return n;
}

int main(int argc, char **argv)
{
	cleanup_arena struct arena *a = arena_new();
	struct ib_error err = IB_ERROR_INIT;
	const struct output_format *f = argc > 3 ? output_find(argv[1]) : NULL;
	struct request r = { .dies = false };

	if (!f || f->is_later) {
		fputs("usage: mkoutput FORMAT SOURCE FILE [WORD]...\n", stderr);
		return 2;
	}
	for (int i = 4; i < argc; i++)
		read_word(a, argv[i], &r);
	if (write_it(f, argv[2], argv[3], &r, &err) == 0)
		return 0;
	fprintf(stderr, "mkoutput: %s\n", err.text);
	return 1;
}
