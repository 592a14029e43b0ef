/* SPDX-License-Identifier: Apache-2.0 */
/* GRUB placed offline: its images come from the tree's own packages, made by the tree's own
 * grub-mkimage. What goes into file systems is a list of files for the tree; only boot.img and
 * core.img are written to sectors here. Facts: shared/design/device-free.md F. */
#include "block/grub.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SECTOR 512
#define CORE_MAX (8u << 20)

/* Offsets in boot.img and in the first sector of core.img: grub-core/boot/i386/pc/{boot,diskboot}.S
 */
#define BOOT_BPB 0x03
#define BOOT_BPB_END 0x5a
#define BOOT_CORE_LBA 0x5c
#define BOOT_DRIVE 0x64
#define BOOT_DRIVE_CHECK 0x66
#define BOOT_TABLE 0x1b8
#define CORE_LIST (SECTOR - 12)
#define CORE_SEGMENT 0x820

static const struct grub_target {
	const char *arch, *bios, *efi, *efi_file;
} targets[] = {
	{ "amd64", "i386-pc", "x86_64-efi", "BOOTX64.EFI" },
	{ "i386", "i386-pc", "i386-efi", "BOOTIA32.EFI" },
	{ "arm64", NULL, "arm64-efi", "BOOTAA64.EFI" },
	{ "armhf", NULL, "arm-efi", "BOOTARM.EFI" },
};

static const struct grub_target *find_target(const struct layout *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (strcmp(targets[i].arch, l->arch) == 0)
			return &targets[i];
	return NULL;
}

static struct block_node *find_slot(const struct layout *l, const char *type)
{
	vec_foreach (struct block_node *, n, &l->nodes)
		if ((*n)->row->role == BLOCK_SLOT && slot_is(*n, type))
			return *n;
	return NULL;
}

static bool is_table(const struct layout *l, const char *name)
{
	return strcmp(l->top->row->name, name) == 0;
}

static bool has_mounted_vfat(const struct block_node *esp)
{
	return esp->children && content_is(esp->children, "vfat") && esp->children->mount;
}

static void report_no_place(const struct layout *l, struct ib_diag *diag)
{
	ib_diag_add(diag, IB_D_BOOT, l->top->source->at,
		    "the image has a boot loader and no place for it");
	if (is_table(l, "none"))
		ib_diag_hint(diag, "use gpt or mbr, or leave out the element bootloader");
	else
		ib_diag_hint(diag,
			     "add a partition of type bios-boot (%s), one of type esp with a vfat "
			     "mounted, or "
			     "say loader=none",
			     l->sector_size == SECTOR ? "1MiB" : "sectors of 512 bytes");
}

int boot_check(struct layout *l, struct ib_diag *diag)
{
	const struct grub_target *t = find_target(l);
	struct block_node *esp = find_slot(l, "esp");

	if (!l->has_bootloader)
		return 0;
	if (!t) {
		ib_diag_add(diag, IB_D_NOT_BUILT_YET, l->top->source->at,
			    "a boot loader for '%s' is not built yet", l->arch);
		return -1;
	}
	l->bios_slot = find_slot(l, "bios-boot");
	/* GRUB reads disks of the BIOS in sectors of 512 bytes only */
	l->boots_bios = t->bios && l->sector_size == SECTOR && (l->bios_slot || is_table(l, "mbr"));
	if (esp && t->efi && !has_mounted_vfat(esp)) {
		ib_diag_add(diag, IB_D_BOOT, esp->source->at,
			    "partition '%s' is an ESP without a mounted vfat", esp->name);
		return -1;
	}
	l->boots_uefi = esp && t->efi;
	l->target = t;
	l->esp = esp ? esp->children : NULL;
	if (l->boots_bios || l->boots_uefi)
		return 0;
	report_no_place(l, diag);
	return -1;
}

static void add_file(struct grub *g, const char *path, const void *data, size_t len)
{
	struct boot_file f = { .path = path, .mode = 0644, .data = data, .len = len };

	vec_push(g->arena, g->files, f);
}

int grub_read(struct grub *g, const char *path, size_t max, const char **ret_data, size_t *ret_len,
	      struct ib_error *err)
{
	cleanup_fd int fd = fs_open_in(g->root_fd, path, O_RDONLY, 0);
	struct stat st;

	if (fd < 0)
		return ib_fail(err, errno, "open %s of the image", path);
	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "stat %s of the image", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return ib_fail_text(err, EINVAL,
				    "%s of the image is not a file of at most %zu bytes", path,
				    max);
	char *data = arena_alloc(g->arena, (size_t)st.st_size + 1);
	int r = fs_pread_all(fd, data, (size_t)st.st_size, 0);

	if (r < 0)
		return ib_fail(err, -r, "read %s of the image", path);
	*ret_data = data;
	*ret_len = (size_t)st.st_size;
	return 0;
}

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

/* usr/lib/grub/<target>'s modules and lists, as grub-install copies them. */
static int copy_modules(struct grub *g, const char *target, struct ib_error *err)
{
	const char *from = arena_printf(g->arena, "usr/lib/grub/%s", target);
	cleanup_fd int dir = fs_open_in(g->root_fd, from, O_RDONLY | O_DIRECTORY, 0);
	cleanup_free char **names = NULL;
	size_t len = 0;

	if (dir < 0)
		return ib_fail(err, errno, "open %s of the image", from);
	int r = fs_list(dir, ".", &names, &len, err);

	for (size_t i = 0; r == 0 && i < len; i++) {
		const char *data = NULL;
		size_t n = 0;

		if (!has_suffix(names[i], ".mod") && !has_suffix(names[i], ".lst"))
			continue;
		r = grub_read(g, arena_printf(g->arena, "%s/%s", from, names[i]), CORE_MAX, &data,
			      &n, err);
		if (r == 0)
			add_file(g, arena_printf(g->arena, "%s/%s/%s", g->dir, target, names[i]),
				 data, n);
	}
	return r;
}

/* "(,gpt3)/boot/grub": that partition of the disk that GRUB itself was read from. */
static const char *find_prefix(const struct grub *g)
{
	const struct layout *l = g->layout;
	const char *below = l->boot == l->root ? g->dir : g->dir + strlen("boot/");

	return arena_printf(g->arena, "(,%s%u)/%s", is_table(l, "gpt") ? "gpt" : "msdos",
			    l->boot->parent->number, below);
}

/* What GRUB needs to find its prefix; everything else it loads from there. */
static int make_core(struct grub *g, const char *target, bool is_bios, const char *path,
		     struct ib_error *err)
{
	const char *const argv[] = { g->mkimage,
				     "-O",
				     target,
				     "-d",
				     arena_printf(g->arena, "/usr/lib/grub/%s", target),
				     "-p",
				     find_prefix(g),
				     "part_gpt",
				     "part_msdos",
				     "ext2",
				     "fat",
				     "normal",
				     "configfile",
				     is_bios ? "biosdisk" : NULL,
				     NULL };
	cleanup_buf struct buf out = BUF_INIT;
	int r = g->job->run_in_tree(g->job->run_context, argv, -1, &out, err);

	if (r < 0)
		return ib_wrap(err, "make GRUB's image for %s", target);
	if (out.len < SECTOR || out.len > CORE_MAX)
		return ib_fail_text(err, EINVAL, "%s made %zu bytes, which is no image for %s",
				    g->mkimage, out.len, target);
	add_file(g, path, memcpy(arena_alloc(g->arena, out.len), out.data, out.len), out.len);
	return 0;
}

static int add_target(struct grub *g, const char *target, bool is_bios, const char *path,
		      struct ib_error *err)
{
	int r = make_core(g, target, is_bios, path, err);

	return r < 0 ? r : copy_modules(g, target, err);
}

static bool is_there(const struct grub *g, const char *path)
{
	int fd = fs_open_in(g->root_fd, path, O_PATH, 0);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

static bool has_target(const struct grub *g, const char *target)
{
	return is_there(g, arena_printf(g->arena, "usr/lib/grub/%s/modinfo.sh", target));
}

static void note(const struct grub *g, const char *text)
{
	if (g->job->sink)
		ib_emit(g->job->sink, &(struct ib_event){ .kind = IB_EVENT_NOTE, .text = text });
}

/* A layout for BIOS and UEFI is fine with one of them, and says so. */
static int find_targets(struct grub *g, struct ib_error *err)
{
	struct layout *l = g->layout;
	const struct grub_target *t = l->target;
	bool has_bios = t->bios && has_target(g, t->bios), has_efi = has_target(g, t->efi);

	if (l->boots_bios && !has_bios && l->boots_uefi && has_efi) {
		note(g, "the image has no GRUB for BIOS (grub-pc-bin): it boots under UEFI only");
		l->boots_bios = false;
	}
	if (l->boots_uefi && !has_efi && l->boots_bios && has_bios) {
		note(g, "the image has no GRUB for UEFI (grub-efi-<arch>-bin): it boots under BIOS "
			"only");
		l->boots_uefi = false;
	}
	if ((!l->boots_bios || has_bios) && (!l->boots_uefi || has_efi))
		return 0;
	(void)ib_fail_text(err, ENOENT, "the image has no usr/lib/grub/%s",
			   l->boots_bios ? t->bios : t->efi);
	return ib_hint(err,
		       "let the bootloader element install GRUB, or say loader=none in the LAYOUT");
}

static int find_mkimage(struct grub *g, struct ib_error *err)
{
	static const struct {
		const char *program, *dir;
	} names[] = { { "usr/bin/grub-mkimage", "boot/grub" },
		      { "usr/bin/grub2-mkimage", "boot/grub2" },
		      { "usr/sbin/grub2-mkimage", "boot/grub2" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!is_there(g, names[i].program))
			continue;
		g->mkimage = arena_printf(g->arena, "/%s", names[i].program);
		g->dir = names[i].dir;
		return 0;
	}
	return ib_fail_text(err, ENOENT, "the image has no grub-mkimage");
}

static int add_grub(struct grub *g, struct ib_error *err)
{
	struct layout *l = g->layout;
	const struct grub_target *t = l->target;
	int r = find_targets(g, err);

	if (r == 0)
		r = find_mkimage(g, err);
	if (r == 0 && l->boots_bios)
		r = add_target(g, t->bios, true,
			       arena_printf(g->arena, "%s/%s/core.img", g->dir, t->bios), err);
	if (r == 0 && l->boots_uefi)
		r = add_target(
			g, t->efi, false,
			arena_printf(g->arena, "%s/EFI/BOOT/%s", l->esp->mount + 1, t->efi_file),
			err);
	if (r == 0)
		r = grub_config(g, err);
	if (r < 0)
		return ib_wrap(err, "boot loader");
	l->grub_dir = g->dir;
	return 0;
}

int block_boot_files(struct layout *l, const struct disk_job *job, struct boot_file_vec *ret_files,
		     struct ib_error *err)
{
	struct boot_file_vec files = { NULL, 0, 0 };
	struct grub g = {
		.layout = l, .job = job, .arena = l->arena, .root_fd = job->root_fd, .files = &files
	};

	vec_foreach (struct block_node *, n, &l->mounts) {
		if (!(*n)->mount || strcmp((*n)->mount, "/") == 0)
			continue;
		struct boot_file dir = { .path = (*n)->mount + 1, .mode = S_IFDIR | 0755 };

		vec_push(l->arena, &files, dir);
	}
	if (l->boots_bios || l->boots_uefi) {
		int r = add_grub(&g, err);

		if (r < 0)
			return r;
	}
	*ret_files = files;
	return 0;
}

static void put_le16(uint8_t *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}

static void put_le64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

/* boot.img around the table and the BPB that are there already. */
static int write_boot_sector(const struct layout *l, const char *boot, uint64_t core_lba,
			     struct ib_error *err)
{
	uint8_t sector[SECTOR], made[SECTOR];
	int r = fs_pread_all(l->fd, sector, SECTOR, 0);

	if (r < 0)
		return ib_fail(err, -r, "read the first sector");
	memcpy(made, boot, SECTOR);
	memcpy(made + BOOT_BPB, sector + BOOT_BPB, BOOT_BPB_END - BOOT_BPB);
	memcpy(made + BOOT_TABLE, sector + BOOT_TABLE, SECTOR - BOOT_TABLE);
	put_le64(made + BOOT_CORE_LBA, core_lba);
	made[BOOT_DRIVE] = 0xff;                  /* the drive that the BIOS names */
	memset(made + BOOT_DRIVE_CHECK, 0x90, 2); /* no jump around its check */
	r = fs_pwrite_all(l->fd, made, SECTOR, 0);
	if (r < 0)
		return ib_fail(err, -r, "write the first sector");
	return 0;
}

/* The first sector of core.img says where the others are. */
static int write_core(const struct layout *l, const char *core, size_t len, uint64_t lba,
		      struct ib_error *err)
{
	size_t sectors = (len + SECTOR - 1) / SECTOR;
	cleanup_free uint8_t *data = ib_xmalloc(sectors * SECTOR);

	memset(data, 0, sectors * SECTOR);
	memcpy(data, core, len);
	put_le64(data + CORE_LIST, lba + 1);
	put_le16(data + CORE_LIST + 8, (uint16_t)(sectors - 1));
	put_le16(data + CORE_LIST + 10, CORE_SEGMENT);
	int r = fs_pwrite_all(l->fd, data, sectors * SECTOR, (off_t)(lba * SECTOR));

	if (r < 0)
		return ib_fail(err, -r, "write core.img");
	return 0;
}

static int place_core(const struct layout *l, const char *boot, const char *core, size_t len,
		      struct ib_error *err)
{
	uint64_t at = l->bios_slot ? l->bios_slot->start : SECTOR;
	uint64_t room = l->bios_slot ? l->bios_slot->bytes : partition_first(l) - SECTOR;

	if (len > room)
		return ib_fail_text(err, ENOSPC,
				    "GRUB's core.img has %zu bytes, its place has %llu", len,
				    (unsigned long long)room);
	int r = write_core(l, core, len, at / SECTOR, err);

	return r < 0 ? r : write_boot_sector(l, boot, at / SECTOR, err);
}

int boot_write(struct layout *l, struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct grub g = { .layout = l, .job = l->job, .arena = a, .root_fd = l->job->root_fd };
	const char *boot = NULL, *core = NULL, *target = l->boots_bios ? l->target->bios : NULL;
	size_t boot_len = 0, core_len = 0;

	if (!target || !l->grub_dir)
		return 0;
	int r = grub_read(&g, arena_printf(a, "usr/lib/grub/%s/boot.img", target), SECTOR, &boot,
			  &boot_len, err);

	if (r == 0)
		r = grub_read(&g, arena_printf(a, "%s/%s/core.img", l->grub_dir, target), CORE_MAX,
			      &core, &core_len, err);
	if (r == 0 && (boot_len != SECTOR || core_len < SECTOR))
		r = ib_fail_text(err, EINVAL, "boot.img or core.img of the image is too short");
	if (r == 0)
		r = place_core(l, boot, core, core_len, err);
	if (r < 0)
		return ib_wrap(err, "boot loader");
	return 0;
}
