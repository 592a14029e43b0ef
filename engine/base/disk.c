/* SPDX-License-Identifier: Apache-2.0 */
/* disk:PATH[#label=X|#uuid=X|#partition=N]: the root file system of a raw or qcow2 image, without a
 * mount. Where nothing is selected: the partition of this architecture's root type, else the ext
 * file system that is labelled root, img-rootfs or cloudimg-rootfs, else the largest one. */
#include "base/private.h"

#include "support/child.h"
#include "support/extread.h"
#include "support/fs.h"
#include "support/ptable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK_MAX ((uint64_t)1 << 44)
#define SUPERBLOCK 1024

/* Discoverable Partitions Specification. */
static const struct {
	const char *arch, *type;
} root_types[] = {
	{ "amd64", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709" },
	{ "arm64", "B921B045-1DF0-41C3-AF44-4C6F280D3FAE" },
	{ "i386", "44479540-F297-41B2-9AF7-D131D5F0458A" },
	{ "armhf", "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3" },
	{ "ppc64el", "C31C45E6-3F39-412E-80FB-4809C4980599" },
	{ "riscv64", "72EC70A6-CF74-40E6-BD49-4BDA08E8F224" },
	{ "s390x", "5EEAD9A9-FE09-4A1E-A1D7-520D00531306" },
};

/* Other things that a partition may hold. */
static const struct {
	unsigned at;
	const char *bytes;
	size_t len;
	const char *name;
} contents[] = {
	{ 0, "XFSB", 4, "xfs" },
	{ 65600, "_BHRfS_M", 8, "btrfs" },
	{ 0, "LUKS\xba\xbe", 6, "LUKS" },
	{ 512, "LABELONE", 8, "LVM" },
	{ 0, "hsqs", 4, "squashfs" },
	{ 1024, "\xe2\xe1\xf5\xe0", 4, "erofs" },
	{ 1024, "\x10\x20\xf5\xf2", 4, "f2fs" },
	{ 82, "FAT32", 5, "vfat" },
	{ 54, "FAT1", 4, "vfat" },
	{ 3, "NTFS", 4, "ntfs" },
	{ 4086, "SWAPSPACE2", 10, "swap" },
	{ 32769, "CD001", 5, "iso9660" },
};

/* A file system that may be the root. */
struct volume {
	uint32_t partition; /* 0: the whole disk */
	uint64_t offset, size;
	const char *type, *part_name, *part_uuid;
	bool is_ext;
	char label[17], uuid[37];
	const char *holds; /* where it is not ext; or NULL */
};
struct volume_vec VEC(struct volume);

static void read_superblock(int fd, struct volume *v)
{
	uint8_t s[256] = { 0 };
	const uint8_t *u = s + 104;

	if (fs_pread_all(fd, s, sizeof(s), (off_t)(v->offset + SUPERBLOCK)) < 0 || s[56] != 0x53 ||
	    s[57] != 0xef)
		return;
	v->is_ext = true;
	memcpy(v->label, s + 120, 16);
	(void)snprintf(v->uuid, sizeof(v->uuid),
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
		       u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		       u[13], u[14], u[15]);
}

static void look_inside(int fd, struct volume *v)
{
	char bytes[16];

	read_superblock(fd, v);
	for (size_t i = 0; !v->is_ext && !v->holds && i < ARRAY_SIZE(contents); i++)
		if (fs_pread_all(fd, bytes, contents[i].len, (off_t)(v->offset + contents[i].at)) ==
			    0 &&
		    memcmp(bytes, contents[i].bytes, contents[i].len) == 0)
			v->holds = contents[i].name;
}

static void find_volumes(int fd, struct arena *a, struct volume_vec *ret)
{
	struct volume whole = { .partition = 0 };
	struct ptable table;
	struct stat st;

	ptable_read(fd, a, &table);
	for (size_t i = 0; i < table.len; i++) {
		const struct ptable_partition *p = &table.partitions[i];
		struct volume v = { .partition = p->number,
				    .offset = p->start * table.sector_size,
				    .size = p->size * table.sector_size,
				    .type = p->type,
				    .part_name = p->name,
				    .part_uuid = p->uuid };

		look_inside(fd, &v);
		vec_push(a, ret, v);
	}
	if (table.len || fstat(fd, &st) < 0)
		return;
	whole.size = (uint64_t)st.st_size;
	look_inside(fd, &whole);
	if (whole.is_ext || whole.holds)
		vec_push(a, ret, whole);
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

static bool is_selected(const struct volume *v, const char *select)
{
	const char *value = strchr(select, '=') + 1;

	if (strncmp(select, "label=", 6) == 0)
		return (v->is_ext && strcmp(v->label, value) == 0) ||
		       (v->part_name && strcmp(v->part_name, value) == 0);
	if (strncmp(select, "uuid=", 5) == 0)
		return (v->is_ext && is_same(v->uuid, value)) || is_same(v->part_uuid, value);
	return v->partition == strtoul(value, NULL, 10);
}

static bool has_root_type(const struct volume *v, const char *arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(root_types); i++)
		if (strcmp(root_types[i].arch, arch) == 0 && is_same(root_types[i].type, v->type))
			return true;
	return false;
}

static bool has_root_label(const struct volume *v)
{
	static const char *const labels[] = { "root", "img-rootfs", "cloudimg-rootfs" };

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (v->is_ext && strcmp(v->label, labels[i]) == 0)
			return true;
	return false;
}

static const struct volume *find_root(const struct base *b, const struct volume_vec *all)
{
	const struct volume *largest = NULL;

	if (b->select) {
		vec_foreach (const struct volume, v, all)
			if (is_selected(v, b->select))
				return v;
		return NULL;
	}
	vec_foreach (const struct volume, v, all)
		if (has_root_type(v, b->arch))
			return v;
	vec_foreach (const struct volume, v, all)
		if (has_root_label(v))
			return v;
	vec_foreach (const struct volume, v, all)
		if (v->is_ext && (!largest || v->size > largest->size))
			largest = v;
	return largest;
}

/* "partition 1 vfat, partition 2 ext 'root'" */
static void list_volumes(const struct volume_vec *all, struct buf *out)
{
	vec_foreach (const struct volume, v, all) {
		buf_str(out, out->len ? ", " : "");
		if (v->partition)
			buf_printf(out, "partition %u ", v->partition);
		if (v->is_ext)
			buf_printf(out, "ext '%s'", v->label);
		else
			buf_str(out, v->holds ? v->holds : "unknown");
	}
}

/* Finds where the root begins; -1 with WHY set. */
static int select_root(const struct base *b, int fd, uint64_t *ret_offset, struct buf *why)
{
	cleanup_arena struct arena *a = arena_new();
	cleanup_buf struct buf have = BUF_INIT;
	struct volume_vec all = { NULL, 0, 0 };
	const struct volume *v;

	find_volumes(fd, a, &all);
	v = find_root(b, &all);
	list_volumes(&all, &have);
	if (!v) {
		buf_printf(why, b->select ? "nothing in it has %s" : "it has no ext file system%s",
			   b->select ? b->select : "");
		buf_printf(why, "; it holds %s", have.len ? have.data : "nothing that is known");
		return -1;
	}
	if (!v->is_ext) {
		buf_printf(why,
			   "the root file system (partition %u) is %s, and only ext2, ext3 "
			   "and ext4 are read",
			   v->partition, v->holds ? v->holds : "unknown");
		return -1;
	}
	*ret_offset = v->offset;
	return 0;
}

static uint64_t be(const uint8_t *p, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | p[i];
	return value;
}

/* 1: a qcow2 image of *RET_SIZE bytes; 0: another file; -1 with WHY set: one that needs other
 * files. */
static int look_qcow2(int fd, uint64_t *ret_size, const char **ret_why)
{
	uint8_t h[104] = { 0 };

	if (pread(fd, h, sizeof(h), 0) < 72 || memcmp(h, "QFI\xfb", 4) != 0)
		return 0;
	*ret_size = be(h + 24, 8);
	if (be(h + 8, 8))
		*ret_why = "it has a backing file; flatten it with 'qemu-img convert'";
	else if (be(h + 4, 4) >= 3 && (be(h + 72, 8) & 4))
		*ret_why = "its data are in another file; flatten it with 'qemu-img convert'";
	else if (be(h + 32, 4))
		*ret_why = "it is encrypted";
	else if (*ret_size > DISK_MAX)
		*ret_why = "it is larger than 16 TiB";
	return *ret_why ? -1 : 1;
}

static int bad(const struct base *b, struct ib_diag *diag, const char *why)
{
	ib_diag_add(diag, IB_D_BAD_BASE, b->at, "'%s': %s", b->path, why);
	return -1;
}

static bool is_select(const char *text)
{
	static const char *const keys[] = { "label=", "uuid=", "partition=" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strncmp(text, keys[i], strlen(keys[i])) == 0)
			return text[strlen(keys[i])] != '\0';
	return false;
}

int disk_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	const char *why = NULL;
	uint64_t size = 0;
	struct stat st;

	(void)a;
	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "look at '%s'", b->path);
	if (!S_ISREG(st.st_mode))
		return bad(b, diag, "it is no disk image but a directory or a device");
	if (b->select && !is_select(b->select))
		return bad(b, diag, "expected label=X, uuid=X or partition=N behind '#'");
	b->needs_qemu = look_qcow2(fd, &size, &why) == 1;
	if (why)
		return bad(b, diag, why);
	/* what is in a qcow2 is seen when it is unpacked */
	if (b->needs_qemu || select_root(b, fd, &size, &text) == 0)
		return 0;
	why = base_found(fd);
	if (why && strncmp(why, "a disk image", 12) != 0)
		return bad(b, diag, arena_printf(a, "it is %s, no raw or qcow2 disk image", why));
	return bad(b, diag, text.data);
}

/* An unnamed raw file with what the qcow2 image holds. */
static int convert(int fd, uint64_t size, int tmp_fd, struct ib_error *err)
{
	static const char *const argv[] = {
		"qemu-img", "convert", "-n",  "--target-is-zero", "-f",
		"qcow2",    "-O",      "raw", "/proc/self/fd/0",  "/proc/self/fd/1",
		NULL
	};
	cleanup_fd int raw_fd = openat(tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct child_spec spec = CHILD_SPEC_INIT;
	int r;

	if (raw_fd < 0 || ftruncate(raw_fd, (off_t)size) < 0)
		return ib_fail(err, errno, "make a file for the raw image");
	spec.argv = argv;
	spec.in_fd = fd;
	spec.out_fd = raw_fd;
	r = child_run(&spec, NULL, err);
	return r < 0 ? r : take_fd(&raw_fd);
}

int disk_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err)
{
	cleanup_buf struct buf why = BUF_INIT;
	cleanup_fd int raw_fd = -1;
	uint64_t size = 0, offset = 0;
	const char *bad_header = NULL;
	int r = look_qcow2(fd, &size, &bad_header);

	if (r < 0)
		return ib_fail_text(err, EINVAL, "%s", bad_header);
	if (r > 0) {
		raw_fd = convert(fd, size, tmp_fd, err);
		if (raw_fd < 0)
			return ib_wrap(err, "convert it");
	}
	if (select_root(b, r > 0 ? raw_fd : fd, &offset, &why) < 0)
		return ib_fail_text(err, EINVAL, "%s", why.data);
	return extread_unpack(r > 0 ? raw_fd : fd, offset, dir_fd, err);
}
