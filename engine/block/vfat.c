/* SPDX-License-Identifier: Apache-2.0 */
/* vfat by mkfs.vfat and mtools, in a file of its own that is copied through the view. Both are told
 * every choice that they would take from the file's size, the clock or the locale. */
#include "block/graph.h"

#include "support/child.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where FAT has its serial number, and where FAT32 keeps the copy of its boot sector. */
#define SERIAL_FAT32 0x43
#define SERIAL_FAT16 0x27
#define BACKUP_SECTOR 6

struct fat_geometry {
	unsigned int bits, cluster_sectors;
};

/* A file that a tool can open by its name. */
struct scratch {
	char *path;
	int fd;
};

static void scratch_drop(struct scratch *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->path)
		(void)unlink(s->path);
	free(s->path);
}
#define cleanup_scratch __attribute__((cleanup(scratch_drop)))

static int scratch_open(const struct layout *l, uint64_t size, struct scratch *ret,
			struct ib_error *err)
{
	ret->path = fs_join(l->job->temp_dir, "vfat-XXXXXX");
	ret->fd = mkostemp(ret->path, O_CLOEXEC);
	if (ret->fd < 0) {
		free(take_ptr(ret->path));
		return ib_fail(err, errno, "make a file in %s", l->job->temp_dir);
	}
	if (ftruncate(ret->fd, (off_t)size) < 0)
		return ib_fail(err, errno, "size %s", ret->path);
	return 0;
}

/* Microsoft's table of cluster sizes for FAT32, as mkfs.vfat has it. */
static uint64_t fat32_cluster(uint64_t size)
{
	static const struct {
		uint64_t mib, cluster;
	} steps[] = { { 260, 512 }, { 8192, 4096 }, { 16384, 8192 }, { 32768, 16384 } };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (size <= steps[i].mib * MIB)
			return steps[i].cluster;
	return 32768;
}

/* The widest FAT whose number of clusters is right for its width; with room for the FATs
 * themselves. */
static struct fat_geometry choose_geometry(uint64_t size, uint64_t sector)
{
	uint64_t cluster = fat32_cluster(size) > sector ? fat32_cluster(size) : sector;

	if (size / cluster >= 67000)
		return (struct fat_geometry){ 32, (unsigned int)(cluster / sector) };
	for (cluster = sector; size / cluster > 65000;)
		cluster *= 2;
	if (size / cluster >= 4600)
		return (struct fat_geometry){ 16, (unsigned int)(cluster / sector) };
	for (cluster = sector; size / cluster > 4000;)
		cluster *= 2;
	return (struct fat_geometry){ 12, (unsigned int)(cluster / sector) };
}

static void push_opts(struct arena *a, const char *opts, struct str_vec *argv)
{
	while (opts && *opts) {
		size_t n = strcspn(opts, " ");

		if (n > 0)
			vec_push(a, argv, arena_strndup(a, opts, n));
		opts += n + (opts[n] == ' ');
	}
}

static bool has_option(const char *opts, const char *flag)
{
	return opts && strstr(opts, flag);
}

/* Runs a tool with the clock at EPOCH; an ordinary user's PATH often lacks the directories of mkfs.
 */
static int run_tool(const char *const *argv, int in_fd, int64_t epoch, struct ib_error *err)
{
	const char *caller = getenv("PATH");
	cleanup_free char *path = ib_xprintf(
		"PATH=%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", caller ? caller : "");
	cleanup_free char *time = ib_xprintf("SOURCE_DATE_EPOCH=%" PRId64, epoch);
	const char *const envp[] = { path, time, "TZ=UTC", "LC_ALL=C.UTF-8", "MTOOLSRC=/dev/null",
				     NULL };
	struct child_spec spec = CHILD_SPEC_INIT;

	spec.argv = argv;
	spec.envp = envp;
	spec.in_fd = in_fd;
	return child_run(&spec, NULL, err);
}

static int make(const struct block_node *n, const struct layout *l, const char *path,
		struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct fat_geometry g = choose_geometry(n->bytes, l->sector_size);
	struct str_vec argv = { NULL, 0, 0 };

	vec_push(a, &argv, "mkfs.vfat");
	vec_push(a, &argv, "--invariant");
	vec_push(a, &argv, arena_printf(a, "-S%" PRIu64, l->sector_size));
	vec_push(a, &argv, arena_printf(a, "-h%" PRIu64, n->start / l->sector_size));
	if (!has_option(n->opts, "-F") && !has_option(n->opts, "-s")) {
		vec_push(a, &argv, arena_printf(a, "-F%u", g.bits));
		vec_push(a, &argv, arena_printf(a, "-s%u", g.cluster_sectors));
	}
	push_opts(a, n->opts, &argv);
	if (*n->label) {
		vec_push(a, &argv, "-n");
		vec_push(a, &argv, n->label);
	}
	vec_push(a, &argv, path);
	vec_push(a, &argv, NULL);
	return run_tool(argv.items, -1, l->job->epoch, err);
}

/* --invariant gives every file system one serial number: this one is the node's own. */
static int patch_serial(const struct block_node *n, const struct layout *l, int fd,
			struct ib_error *err)
{
	uint8_t serial[4], boot[512];
	unsigned long value = strtoul(n->uuid, NULL, 16) << 16 | strtoul(n->uuid + 5, NULL, 16);

	for (size_t i = 0; i < 4; i++)
		serial[i] = (uint8_t)(value >> (8 * i));
	int r = fs_pread_all(fd, boot, sizeof(boot), 0);

	if (r < 0)
		return ib_fail(err, -r, "read a boot sector");
	bool is_fat32 = memcmp(boot + 0x52, "FAT32", 5) == 0;
	off_t backup = BACKUP_SECTOR * (off_t)l->sector_size;

	r = fs_pwrite_all(fd, serial, 4, is_fat32 ? SERIAL_FAT32 : SERIAL_FAT16);
	if (r == 0 && is_fat32)
		r = fs_pwrite_all(fd, serial, 4, backup + SERIAL_FAT32);
	if (r < 0)
		return ib_fail(err, -r, "write a serial number");
	return 0;
}

/* What FAT cannot name or hold is an error here, not a changed name there. */
static int check_entry(const struct tree *t, uint32_t i, struct ib_error *err)
{
	const struct tree_entry *e = &t->entries[i];

	if (!S_ISREG(e->mode) && !S_ISDIR(e->mode))
		return ib_fail_text(err, EINVAL,
				    "vfat holds files and directories only, '%s' is neither",
				    e->path);
	if (e->size > UINT32_MAX)
		return ib_fail_text(err, EFBIG, "vfat holds files below 4 GiB, '%s' has more",
				    e->path);
	for (const char *c = e->name; *c; c++)
		if (strchr("\\:*?\"<>|", *c) || (unsigned char)*c < 32)
			return ib_fail_text(err, EINVAL, "vfat cannot hold the name '%s'", e->path);
	for (uint32_t k = e->parent + 1; k < i; k++)
		if (t->entries[k].parent == e->parent &&
		    strcasecmp(t->entries[k].name, e->name) == 0)
			return ib_fail_text(err, EEXIST, "vfat cannot tell '%s' from '%s'", e->path,
					    t->entries[k].path);
	return 0;
}

/* mtools writes the clock's time, which is SOURCE_DATE_EPOCH: the entry's own. */
static int copy_entry(struct tree *t, const struct tree_entry *e, const char *image,
		      struct ib_error *err)
{
	cleanup_free char *target = ib_xprintf("::/%s", e->path);
	const char *const mkdir_argv[] = { "mmd", "-i", image, target, NULL };
	const char *const copy_argv[] = { "mcopy", "-i", image, "-", target, NULL };
	bool is_file = S_ISREG(e->mode);
	cleanup_fd int fd = is_file ? tree_open_file(t, e) : -1;

	if (is_file && fd < 0)
		return ib_fail(err, -fd, "open %s", e->path);
	int r = run_tool(is_file ? copy_argv : mkdir_argv, fd, e->mtime.tv_sec, err);

	if (r < 0)
		return ib_wrap(err, "copy '%s'", e->path);
	return 0;
}

static int fill(struct tree *t, const char *image, struct ib_error *err)
{
	for (uint32_t i = 1; i < t->len; i++) {
		int r = check_entry(t, i, err);

		if (r == 0)
			r = copy_entry(t, &t->entries[i], image, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int vfat_parse(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	size_t digits = 0;

	(void)content_parse(n, l, diag);
	if (!n->uuid)
		return 0;
	for (const char *c = n->uuid; *c; c++) {
		if (isxdigit((unsigned char)*c))
			digits++;
		else if (*c != '-' || digits != 4)
			digits = 99;
	}
	if (digits != 8)
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "uuid"),
			    "'%s' is not a serial number of vfat; expected eight hex digits such "
			    "as 12AB-34CD",
			    n->uuid);
	return 0;
}

/* What blkid prints of it: "E3AA-D1CA". */
static int vfat_place(struct block_node *n, struct layout *l, struct ib_error *err)
{
	char digits[9] = "";
	size_t count = 0;
	int r = content_place(n, l, err);

	for (const char *c = n->uuid; r == 0 && *c && count < 8; c++)
		if (*c != '-')
			digits[count++] = (char)toupper((unsigned char)*c);
	if (r == 0)
		n->uuid = arena_printf(l->arena, "%.4s-%s", digits, digits + 4);
	return r;
}

static int vfat_write(struct block_node *n, struct layout *l, struct ib_error *err)
{
	cleanup_scratch struct scratch image = { NULL, -1 };
	cleanup_tree struct tree *tree = NULL;
	struct view_extent extent;
	struct view view = layout_view(l, n, &extent);
	int r = scratch_open(l, n->bytes, &image, err);

	if (r == 0)
		r = make(n, l, image.path, err);
	if (r == 0)
		r = patch_serial(n, l, image.fd, err);
	if (r == 0 && n->mount)
		r = layout_open_tree(l, n, &tree, err);
	if (r == 0 && tree)
		r = fill(tree, image.path, err);
	if (r == 0)
		r = view_copy_from(&view, image.fd, n->bytes, err);
	if (r < 0)
		return ib_wrap(err, "fill file system '%s'", n->name);
	return 0;
}

const struct block_type block_vfat = {
	.name = "vfat", .parse = vfat_parse, .place = vfat_place, .write = vfat_write
};
