/* SPDX-License-Identifier: Apache-2.0 */
/* GRUB's files and sectors from a small tree; grub-mkimage is the test's own function. */
#include "test.h"

#include "block/block.h"
#include "support/fs.h"

#include <imagebuild/error.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define CORE_BYTES 3000

static char dir[] = "/tmp/boot-test-XXXXXX";
static int root = -1;
static struct arena *arena;
static char asked[512]; /* the last grub-mkimage's words */

static void put(const char *path, const char *text, size_t n)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_free char *parent = ib_xstrdup(path);

	*strrchr(parent, '/') = '\0';
	check_int(fs_mkdirs_at(root, parent, 0755, &err), 0);
	check_int(fs_write_at(root, path, text, n, 0644, &err), 0);
}

static void make_tree(void)
{
	char boot[512];

	memset(boot, 0x11, sizeof(boot));
	if (root >= 0)
		return;
	check(mkdtemp(dir) != NULL);
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("usr/bin/grub-mkimage", "", 0);
	put("usr/lib/grub/i386-pc/modinfo.sh", "", 0);
	put("usr/lib/grub/i386-pc/normal.mod", "module", 6);
	put("usr/lib/grub/i386-pc/moddep.lst", "list", 4);
	put("usr/lib/grub/i386-pc/cdboot.img", "x", 1);
	put("usr/lib/grub/i386-pc/boot.img", boot, sizeof(boot));
	put("usr/lib/grub/x86_64-efi/modinfo.sh", "", 0);
	put("boot/vmlinuz-6.1.0-9-amd64", "", 0);
	put("boot/vmlinuz-6.1.0-10-amd64", "", 0);
	put("boot/initrd.img-6.1.0-10-amd64", "", 0);
	put("etc/default/grub", "GRUB_CMDLINE_LINUX=\"quiet\"\n", 27);
}

static int run(void *context IB_UNUSED, const char *const *argv, int in_fd IB_UNUSED,
	       struct buf *out, struct ib_error *err IB_UNUSED)
{
	char core[CORE_BYTES];

	asked[0] = '\0';
	for (; *argv; argv++) {
		(void)strncat(asked, *argv, sizeof(asked) - strlen(asked) - 1);
		(void)strncat(asked, " ", sizeof(asked) - strlen(asked) - 1);
	}
	memset(core, 0x22, sizeof(core));
	buf_add(out, core, sizeof(core));
	return 0;
}

static const char *look_up(const void *context IB_UNUSED, const char *name)
{
	return strcmp(name, "DIB_GRUB_TIMEOUT") == 0 ? "2" : NULL;
}

static struct layout *make_layout(const char *text)
{
	struct layout_input input = { .arch = "amd64", .has_bootloader = true };
	struct ib_error err = IB_ERROR_INIT;
	static struct ib_sources *sources;
	static struct ib_diag *diag;

	make_tree();
	ib_diag_free(diag);
	ib_sources_free(sources);
	arena_free(arena);
	arena = arena_new();
	sources = ib_sources_new();
	diag = ib_diag_new(sources);
	check_int(ib_sources_add(sources, "x.yaml", text, strlen(text), &input.yaml, &err), 0);
	return layout_new(&input, sources, arena, diag);
}

static struct disk_job make_job(void)
{
	return (struct disk_job){
		.root_fd = root, .run_in_tree = run, .lookup = look_up, .temp_dir = "/tmp"
	};
}

static const struct boot_file *find(const struct boot_file_vec *files, const char *path)
{
	vec_foreach (struct boot_file, f, files)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

static const char bios_yaml[] =
	"- local_loop: {name: image0, size: 64MiB}\n"
	"- partitioning: {base: image0, label: gpt, partitions: [\n"
	"    {name: BSP, type: EF02, size: 1MiB},\n"
	"    {name: root, size: 100%, mkfs: {type: ext2, mount: {mount_point: /}}}]}\n";

TEST("a BIOS layout gets the core image, the modules and a grub.cfg with the newest kernel first")
{
	struct layout *l = make_layout(bios_yaml);
	struct boot_file_vec files = { NULL, 0, 0 };
	struct disk_job job = make_job();
	struct ib_error err = IB_ERROR_INIT;

	check(l != NULL);
	check_int(block_boot_files(l, &job, &files, &err), 0);
	check_str(err.text, "");
	check_str(asked,
		  "/usr/bin/grub-mkimage -O i386-pc -d /usr/lib/grub/i386-pc -p (,gpt2)/boot/grub "
		  "part_gpt part_msdos ext2 fat normal configfile biosdisk ");
	check(find(&files, "boot/grub/i386-pc/normal.mod") != NULL);
	check(find(&files, "boot/grub/i386-pc/moddep.lst") != NULL);
	check(find(&files, "boot/grub/i386-pc/cdboot.img") == NULL);
	const struct boot_file *core = find(&files, "boot/grub/i386-pc/core.img");
	const struct boot_file *config = find(&files, "boot/grub/grub.cfg");

	check(core && core->len == CORE_BYTES);
	check(config != NULL);
	if (config)
		check_str(config->data,
			  "# Written by imagebuild. GRUB's root is the partition that holds this "
			  "file.\n"
			  "set default=0\n"
			  "set timeout=2\n"
			  "serial --speed=115200 --unit=0 --word=8 --parity=no --stop=1\n"
			  "terminal_input serial console\n"
			  "terminal_output serial console\n"
			  "menuentry 'Linux 6.1.0-10-amd64' {\n"
			  "\tlinux /boot/vmlinuz-6.1.0-10-amd64 root=LABEL=cloudimg-rootfs ro "
			  "quiet console=tty0 "
			  "console=ttyS0,115200 no_timer_check nofb nomodeset gfxpayload=text\n"
			  "\tinitrd /boot/initrd.img-6.1.0-10-amd64\n"
			  "}\n"
			  "menuentry 'Linux 6.1.0-9-amd64' {\n"
			  "\tlinux /boot/vmlinuz-6.1.0-9-amd64 root=LABEL=cloudimg-rootfs ro quiet "
			  "console=tty0 "
			  "console=ttyS0,115200 no_timer_check nofb nomodeset gfxpayload=text\n"
			  "}\n");
}

TEST("boot.img and core.img name each other's sectors, and the partition table stays")
{
	struct layout *l = make_layout(bios_yaml);
	struct boot_file_vec files = { NULL, 0, 0 };
	struct disk_job job = make_job();
	struct ib_error err = IB_ERROR_INIT;
	cleanup_fd int fd = memfd_create("disk", MFD_CLOEXEC);
	uint8_t sector[512];
	uint64_t lba;
	uint16_t word;

	check(l && block_boot_files(l, &job, &files, &err) == 0);
	vec_foreach (struct boot_file, f, &files)
		put(f->path, f->data, f->len);
	check_int(layout_place(l, &job, &err), 0);
	check_int(disk_write(l, &job, fd, &err), 0);
	check_str(err.text, "");
	check_int(fs_pread_all(fd, sector, 512, 0), 0);
	check_int(sector[0], 0x11);
	check_int(sector[0x10], 0); /* the BPB's place */
	memcpy(&lba, sector + 0x5c, 8);
	check_int(le64toh(lba), 2048);
	check_int(sector[0x64], 0xff);
	check(memcmp(sector + 0x66, "\x90\x90\x11", 3) == 0);
	check_int(sector[446 + 4], 0xee);
	check(memcmp(sector + 510, "\x55\xaa", 2) == 0);
	check_int(fs_pread_all(fd, sector, 512, 1 << 20), 0);
	check_int(sector[0], 0x22);
	memcpy(&lba, sector + 500, 8);
	check_int(le64toh(lba), 2049);
	memcpy(&word, sector + 508, 2);
	check_int(le16toh(word), CORE_BYTES / 512);
	memcpy(&word, sector + 510, 2);
	check_int(le16toh(word), 0x820);
}

TEST("a separate /boot holds the prefix, and grub.cfg's paths begin there")
{
	struct layout *l = make_layout(
		"- local_loop: {name: image0, size: 64MiB}\n"
		"- partitioning: {base: image0, label: mbr, partitions: [\n"
		"    {name: boot, size: 10MiB, flags: [primary], mkfs: {type: ext2, mount: "
		"{mount_point: /boot}}},\n"
		"    {name: root, size: 100%, flags: [primary], mkfs: {mount: {mount_point: "
		"/}}}]}\n");
	struct boot_file_vec files = { NULL, 0, 0 };
	struct disk_job job = make_job();
	struct ib_error err = IB_ERROR_INIT;

	check(l && block_boot_files(l, &job, &files, &err) == 0);
	check(strstr(asked, "-p (,msdos1)/grub ") != NULL);
	const struct boot_file *config = find(&files, "boot/grub/grub.cfg");

	check(config && strstr(config->data, "\tlinux /vmlinuz-6.1.0-10-amd64 ") != NULL);
	check(find(&files, "boot") && S_ISDIR(find(&files, "boot")->mode));
}

TEST("UEFI gets the removable path on the ESP, wherever that is mounted")
{
	struct layout *l = make_layout(
		"- local_loop: {name: image0, size: 128MiB}\n"
		"- partitioning: {base: image0, label: gpt, partitions: [\n"
		"    {name: esp, type: EF00, size: 40MiB, mkfs: {type: vfat, mount: {mount_point: "
		"/efi}}},\n"
		"    {name: root, size: 100%, mkfs: {type: ext4, mount: {mount_point: /}}}]}\n");
	struct boot_file_vec files = { NULL, 0, 0 };
	struct disk_job job = make_job();
	struct ib_error err = IB_ERROR_INIT;

	check(l && block_boot_files(l, &job, &files, &err) == 0);
	check(find(&files, "efi/EFI/BOOT/BOOTX64.EFI") != NULL);
	check(find(&files, "boot/grub/i386-pc/core.img") == NULL);
	check(strstr(asked, "-O x86_64-efi ") && !strstr(asked, "biosdisk"));
}

TEST("a tree without GRUB or without a kernel is an error that says what to do")
{
	struct layout *l = make_layout(bios_yaml);
	struct boot_file_vec files = { NULL, 0, 0 };
	struct disk_job job = make_job();
	struct ib_error err = IB_ERROR_INIT;

	check(l != NULL);
	check_int(unlinkat(root, "usr/lib/grub/i386-pc/modinfo.sh", 0), 0);
	check_int(block_boot_files(l, &job, &files, &err), -ENOENT);
	check_str(err.text, "boot loader: the image has no usr/lib/grub/i386-pc");
	check(err.hint[0] != '\0');
	put("usr/lib/grub/i386-pc/modinfo.sh", "", 0);
	check_int(unlinkat(root, "boot/vmlinuz-6.1.0-9-amd64", 0), 0);
	check_int(unlinkat(root, "boot/vmlinuz-6.1.0-10-amd64", 0), 0);
	check_int(block_boot_files(l, &job, &files, &err), -ENOENT);
	check_str(err.text, "boot loader: the image has no kernel (boot/vmlinuz-*)");
}

int main(void)
{
	struct ib_error err = IB_ERROR_INIT;
	int failed = test_main();

	arena_free(arena);
	return fs_remove_at(AT_FDCWD, dir, &err) < 0 || failed;
}
