/* SPDX-License-Identifier: Apache-2.0 */
/* Disks without builds, for the tests:
 *   mkdisk CONFIG.yaml                what `emit layout` prints of it
 *   mkdisk CONFIG.yaml TREE DISK      writes DISK from TREE, and fstab, mount points and boot files
 * to TREE
 * "-" is dib's default configuration. With LOADER=1 in the environment there is a boot loader;
 * grub-mkimage runs in TREE by chroot, which needs root. ARCH and DIB_* are taken from the
 * environment. */
#include "block/block.h"
#include "support/child.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const char *lookup_environment(const void *context IB_UNUSED, const char *name)
{
	return getenv(name);
}

static void print_event(void *context IB_UNUSED, const struct ib_event *e)
{
	fprintf(stderr, "note: %s\n", e->text);
}

static int run_chroot(void *context, const char *const *argv, int in_fd, struct buf *out,
		      struct ib_error *err)
{
	const char *full[40] = { "chroot", context };
	struct child_spec spec = CHILD_SPEC_INIT;
	cleanup_fd int out_fd = memfd_create("out", MFD_CLOEXEC);
	char data[4096];
	ssize_t n;

	for (size_t i = 0; argv[i] && i + 3 < ARRAY_SIZE(full); i++)
		full[i + 2] = argv[i];
	spec.argv = full;
	spec.in_fd = in_fd;
	spec.out_fd = out_fd;
	int r = child_run(&spec, NULL, err);

	for (off_t at = 0; r == 0 && (n = pread(out_fd, data, sizeof(data), at)) > 0; at += n)
		buf_add(out, data, (size_t)n);
	return r;
}

static int write_boot_files(int root, const struct boot_file_vec *files, int64_t epoch,
			    struct ib_error *err)
{
	vec_foreach (struct boot_file, f, files) {
		const struct timespec times[2] = { { .tv_sec = epoch }, { .tv_sec = epoch } };
		cleanup_free char *parent = ib_xstrdup(f->path);
		char *slash = strrchr(parent, '/');
		int r = 0;

		if (slash)
			*slash = '\0';
		if (S_ISDIR(f->mode))
			r = fs_mkdirs_at(root, f->path, 0755, err);
		else if (slash)
			r = fs_mkdirs_at(root, parent, 0755, err);
		if (r == 0 && !S_ISDIR(f->mode))
			r = fs_write_at(root, f->path, f->data, f->len, f->mode, err);
		if (r < 0)
			return r;
		(void)utimensat(root, f->path, times, AT_SYMLINK_NOFOLLOW);
		for (; slash; slash = strrchr(parent, '/')) {
			(void)utimensat(root, parent, times, AT_SYMLINK_NOFOLLOW);
			*slash = '\0';
		}
	}
	return 0;
}

static int fail(const struct ib_error *err)
{
	fprintf(stderr, "mkdisk: %s%s%s\n", err->text, err->hint[0] ? "; " : "", err->hint);
	return 1;
}

static struct layout *read_layout(const char *path, struct ib_sources *sources, struct arena *a)
{
	struct ib_error err = IB_ERROR_INIT;
	struct layout_input input = { .arch = getenv("ARCH") ? getenv("ARCH") : "amd64",
				      .lookup = lookup_environment,
				      .has_bootloader = getenv("LOADER") };
	struct ib_diag *diag = ib_diag_new(sources);
	cleanup_buf struct buf text = BUF_INIT;

	if (strcmp(path, "-") != 0 && ib_sources_read(sources, path, &input.yaml, &err) < 0) {
		ib_diag_free(diag);
		(void)fail(&err);
		return NULL;
	}
	struct layout *l = layout_new(&input, sources, a, diag);

	ib_diag_render(diag, &text, false);
	if (text.len > 0)
		fputs(text.data, stderr);
	ib_diag_free(diag);
	return l;
}

static int make_disk(struct layout *l, char *tree, const char *disk)
{
	struct ib_error err = IB_ERROR_INIT;
	const struct ib_sink sink = { .emit = print_event };
	struct boot_file_vec files = { NULL, 0, 0 };
	cleanup_fd int root = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = open(disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct disk_job job = {
		.root_fd = root,
		.epoch = 1700000000,
		.image_size = getenv("DIB_IMAGE_SIZE"),
		.extra_size = getenv("DIB_IMAGE_EXTRA_SIZE"),
		.journal_size = getenv("DIB_JOURNAL_SIZE"),
		.temp_dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
		.run_in_tree = run_chroot,
		.run_context = tree,
		.lookup = lookup_environment,
		.sink = &sink,
	};

	digest_of("mkdisk", 6, &job.seed);
	if (root < 0 || fd < 0)
		return 1;
	cleanup_buf struct buf fstab = BUF_INIT;

	layout_fstab(l, &fstab);
	if (fs_write_at(root, "etc/fstab", fstab.data ? fstab.data : "", fstab.len, 0644, &err) <
		    0 ||
	    block_boot_files(l, &job, &files, &err) < 0 ||
	    write_boot_files(root, &files, job.epoch, &err) < 0 ||
	    layout_place(l, &job, &err) < 0 || disk_write(l, &job, fd, &err) < 0)
		return fail(&err);
	return 0;
}

static int print_layout(const struct layout *l)
{
	cleanup_buf struct buf text = BUF_INIT;

	layout_emit(l, &text);
	puts(text.data);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 4) {
		fputs("usage: mkdisk CONFIG.yaml [TREE DISK]\n", stderr);
		return 2;
	}
	struct ib_sources *sources = ib_sources_new();
	cleanup_arena struct arena *a = arena_new();
	struct layout *l = read_layout(argv[1], sources, a);
	int r = 1;

	if (l)
		r = argc == 4 ? make_disk(l, argv[2], argv[3]) : print_layout(l);
	ib_sources_free(sources);
	return r;
}
