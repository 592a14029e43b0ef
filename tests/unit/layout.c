/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "block/graph.h"

#include <imagebuild/error.h>

static struct arena *arena;
static struct ib_sources *sources;
static struct ib_diag *diag;
static const char *image_size; /* DIB_IMAGE_SIZE */

static const char *look_up(const void *context IB_UNUSED, const char *name)
{
	return strcmp(name, "DIB_IMAGE_SIZE") == 0 ? image_size : NULL;
}

static void start(void)
{
	arena_free(arena);
	ib_diag_free(diag);
	ib_sources_free(sources);
	arena = arena_new();
	sources = ib_sources_new();
	diag = ib_diag_new(sources);
}

static struct layout *from_yaml(const char *text, bool has_bootloader)
{
	struct layout_input input = { .arch = "amd64",
				      .lookup = look_up,
				      .has_bootloader = has_bootloader };
	struct ib_error err = IB_ERROR_INIT;

	start();
	if (text)
		check_int(ib_sources_add(sources, "x.yaml", text, strlen(text), &input.yaml, &err),
			  0);
	return layout_new(&input, sources, arena, diag);
}

/* A LAYOUT as the parser hands it over: kind, name or NULL, "key=value key=value". */
static struct ib_node *node(const char *kind, const char *name, const char *attrs,
			    struct ib_node *child)
{
	struct ib_node *n = arena_alloc(arena, sizeof(*n));

	n->kind = kind;
	n->name = name;
	n->children = child;
	for (const char *s = attrs; *s; s += s[strcspn(s, " ")] ? strcspn(s, " ") + 1 : strlen(s)) {
		size_t key = strcspn(s, "="), len = strcspn(s, " ");
		struct ib_pair p = { .key = arena_strndup(arena, s, key),
				     .value = arena_strndup(arena, s + key + 1, len - key - 1) };

		vec_push(arena, &n->attrs, p);
	}
	return n;
}

static struct ib_node *then(struct ib_node *first, struct ib_node *second)
{
	struct ib_node *n = first;

	while (n->next)
		n = n->next;
	n->next = second;
	return first;
}

static struct layout *from_tree(const struct ib_node *root, bool has_bootloader)
{
	struct layout_input input = {
		.root = root, .arch = "amd64", .lookup = look_up, .has_bootloader = has_bootloader
	};

	return layout_new(&input, sources, arena, diag);
}

static const char *said(void)
{
	static struct buf text;

	buf_reset(&text);
	buf_str(&text, "");
	ib_diag_render(diag, &text, false);
	return text.data;
}

static bool says(const char *part)
{
	bool is_there = strstr(said(), part) != NULL;

	if (!is_there)
		printf("# no '%s' in:\n%s", part, said());
	return is_there;
}

static const struct block_node *find(const struct layout *l, const char *name)
{
	vec_foreach (struct block_node *, n, &l->nodes)
		if (strcmp((*n)->name, name) == 0)
			return *n;
	printf("# there is no node '%s'\n", name);
	abort();
}

static uint64_t size_of(const char *text, bool is_dib)
{
	struct block_size size = { 0 };
	const char *why = block_size_parse(text, is_dib, &size);

	return why ? UINT64_MAX : size.is_relative ? size.millionths : size.bytes;
}

TEST("LAYOUT's sizes have exact units, and none that two programs read differently")
{
	check_int(size_of("8MiB", false), 8 << 20);
	check_int(size_of("1.5GiB", false), 3LL << 29);
	check_int(size_of("10GB", false), 10000000000);
	check_int(size_of("4096", false), 4096);
	check_int(size_of("4096B", false), 4096);
	check_int(size_of("70%", false), 700000);
	check_int(size_of("8G", false), -1);
	check_int(size_of("8 MiB", false), -1);
	check_int(size_of("MiB", false), -1);
	check_int(size_of("-1MiB", false), -1);
	check_int(size_of("101%", false), -1);
	check_int(size_of("99999999999TiB", false), -1);
	check_int(size_of("99999999999999999999999999", false), -1);
}

TEST("dib's sizes take 40G as decimal and MiB as one of them")
{
	check_int(size_of("40G", true), 40000000000);
	check_int(size_of("8MiB", true), 8 << 20);
	check_int(size_of("8 MiB", true), 8 << 20);
	check_int(size_of("MiB", true), 1 << 20);
	check_int(size_of("512k", true), -1);
	check_int(size_of("512kB", true), -1);
	check_int(size_of("23%", true), 230000);
}

static const char efi_yaml[] =
	"- local_loop:\n    name: image0\n    size: 4GiB\n"
	"- partitioning:\n    base: image0\n    label: gpt\n    partitions:\n"
	"      - name: ESP\n        type: 'EF00'\n        size: 550MiB\n"
	"        mkfs:\n          type: vfat\n          mount:\n"
	"            mount_point: /boot/efi\n            fstab:\n"
	"              options: defaults\n              fsck-passno: 2\n"
	"      - name: BSP\n        type: 'EF02'\n        size: 8MiB\n"
	"      - name: root\n        type: '8300'\n        size: 100%\n"
	"        mkfs:\n          type: ext4\n          mount:\n            mount_point: /\n"
	"            fstab:\n              fsck-passno: 1\n";

TEST("dib's EFI layout has dib's places, labels and fstab")
{
	struct layout *l = from_yaml(efi_yaml, true);
	cleanup_buf struct buf fstab = BUF_INIT;

	check_str(said(), "");
	if (!l)
		return;
	check_int(find(l, "ESP")->start, 1 << 20);
	check_int(find(l, "BSP")->start, 551 << 20);
	check_int(find(l, "root")->start, 559 << 20);
	/* dib: 4096 MiB, less 2 MiB, less what the others have */
	check_int(find(l, "root")->bytes, (uint64_t)(4096 - 2 - 558) << 20);
	check_str(find(l, "mkfs_ESP")->label, "MKFS_ESP");
	check_str(layout_root_label(l), "cloudimg-rootfs");
	check_str(layout_mount_points(l), "/boot/efi|/");
	check_str(layout_device_kind(l), "efi");
	check(l->boots_bios && l->boots_uefi);
	layout_fstab(l, &fstab);
	check_str(fstab.data, "LABEL=cloudimg-rootfs / ext4 defaults 0 1\n"
			      "LABEL=MKFS_ESP /boot/efi vfat defaults 0 2\n");
}

TEST("the graph form gives the same layout as the tree form")
{
	static const char graph[] =
		"- local_loop: {name: image0, size: 4GiB}\n"
		"- mount: {base: mkfs_root, name: m, mount_point: /}\n"
		"- fstab: {base: m, fsck-passno: 1}\n"
		"- mkfs: {base: root, type: ext4}\n"
		"- mkfs: {base: ESP, type: vfat}\n"
		"- mount: {base: mkfs_ESP, mount_point: /boot/efi}\n"
		"- fstab: {base: mount_mkfs_ESP}\n"
		"- partitioning: {base: image0, label: gpt, partitions: [{name: ESP, type: EF00, "
		"size: 550MiB},\n"
		"    {name: BSP, type: EF02, size: 8MiB}, {name: root, size: 100%}]}\n";
	cleanup_buf struct buf one = BUF_INIT, two = BUF_INIT;
	struct layout *l = from_yaml(efi_yaml, true);

	check(l != NULL);
	if (l)
		layout_emit(l, &one);
	l = from_yaml(graph, true);
	check_str(said(), "");
	if (l)
		layout_emit(l, &two);
	check_str(two.data, one.data);
}

TEST("without any configuration the image is one ext4, or for vm what dib adds")
{
	struct layout *l = from_yaml(NULL, false);
	struct layout_input vm = {
		.arch = "amd64", .lookup = look_up, .has_vm = true, .has_bootloader = true
	};

	check_str(said(), "");
	check(l && !layout_device_kind(l));
	check_str(layout_root_fstype(l), "ext4");
	start();
	l = layout_new(&vm, sources, arena, diag);
	check(l != NULL);
	check_str(layout_device_kind(l), "mbr");
	check(l->boots_bios && find(l, "root")->is_bootable);
	start();
	vm.arch = "arm64";
	l = layout_new(&vm, sources, arena, diag);
	check(l != NULL);
	check_str(layout_device_kind(l), "efi");
	check(l->boots_uefi && !l->boots_bios);
}

TEST("logical partitions lie in an extended one, each a MiB behind its EBR")
{
	struct layout *l = from_yaml(
		"- local_loop: {name: image0, size: 1GiB}\n"
		"- partitioning:\n    base: image0\n    label: mbr\n    partitions:\n"
		"      - {name: root, size: 100MiB, flags: [boot, primary], mkfs: {mount: "
		"{mount_point: /}}}\n"
		"      - {name: a, size: 100MiB}\n      - {name: b, size: 100%}\n",
		true);

	check_str(said(), "");
	if (!l)
		return;
	check_int(find(l, "root")->number, 1);
	check_int(l->extended_number, 2);
	check_int(l->extended_start, 101 << 20);
	check_int(find(l, "a")->start, 102 << 20);
	check_int(find(l, "a")->number, 5);
	check_int(find(l, "b")->start, 203 << 20);
	check_int(find(l, "b")->number, 6);
	/* dib leaves an alignment unit free */
	check_int(find(l, "b")->start + find(l, "b")->bytes, 1023 << 20);
	check_int(l->extended_end, 1024 << 20);
}

TEST("N% is of what is left, in text order")
{
	start();
	struct ib_node *parts = then(
		node("partition", "a", "size=100MiB", NULL),
		then(node("partition", "b", "size=70%", NULL),
		     node("partition", "root", "size=100%", node("ext4", NULL, "mount=/", NULL))));
	struct layout *l = from_tree(node("gpt", NULL, "size=1102MiB loader=none", parts), true);

	check_str(said(), "");
	if (!l)
		return;
	check_int(find(l, "a")->bytes, 100 << 20);
	check_int(find(l, "b")->bytes, 700 << 20);
	check_int(find(l, "root")->bytes, 300 << 20);
	check_int(find(l, "root")->start, 801 << 20);
	check_str(find(l, "mkfs_root")->label, "cloudimg-rootfs");
	check_int(find(l, "mkfs_root")->passno, 1);
}

/* 600 MiB and 1 GiB. */
static struct ib_node *two_parts(void)
{
	start();
	return then(node("partition", "a", "size=600MiB", NULL),
		    node("partition", "root", "size=1GiB", node("ext4", NULL, "mount=/", NULL)));
}

TEST("an overfull layout is an error with its arithmetic, before anything runs")
{
	struct ib_node *parts = two_parts();

	check(!from_tree(node("gpt", NULL, "size=1GiB", parts), false));
	check(says("partition 'root' does not fit: a 600 MiB + root 1024 MiB + 2 MiB for the "
		   "table = 1626 MiB, but the disk has 1024 MiB"));
	image_size = "1";
	parts = two_parts();
	check(!from_tree(node("gpt", NULL, "", parts), false));
	check(says("the disk's size is DIB_IMAGE_SIZE"));
	image_size = "1.6";
	parts = two_parts();
	check(from_tree(node("gpt", NULL, "", parts), false) != NULL);
	image_size = NULL;
}

TEST("a layout begins with a table, and holds what it may hold")
{
	start();
	check(!from_tree(node("partition", NULL, "", node("ext4", NULL, "mount=/", NULL)), false));
	check(says("a layout is gpt, mbr or none, not 'partition'"));
	start();
	check(!from_tree(node("gpt", NULL, "", node("ext4", NULL, "mount=/", NULL)), false));
	check(says("'ext4' cannot stand in 'gpt'"));
	start();
	check(!from_tree(
		node("none", NULL, "",
		     then(node("ext4", NULL, "mount=/", NULL), node("swap", NULL, "", NULL))),
		false));
	check(says("'none' holds one node"));
	start();
	check(!from_tree(node("gpt", NULL, "sise=1GiB", node("xfs", NULL, "", NULL)), false));
	check(says("'gpt' has no key 'sise'; did you mean 'size'?"));
	check(says("'xfs' is not built yet"));
}

TEST("an MBR does not reach past 2 TiB")
{
	start();
	struct ib_node *parts =
		node("partition", "root", "size=3TiB", node("ext4", NULL, "mount=/", NULL));

	check(!from_tree(node("mbr", NULL, "", parts), false));
	check(says("partition 'root' does not fit: it ends behind the last sector that an MBR can "
		   "name"));
}

TEST("two labels, two mount points, long labels and a missing root are errors, all in one run")
{
	start();
	struct ib_node *parts =
		then(node("partition", "a", "size=10MiB",
			  node("ext4", NULL, "label=data mount=/srv", NULL)),
		     then(node("partition", "b", "size=10MiB",
			       node("ext4", NULL, "label=data mount=/srv", NULL)),
			  node("partition", "c", "size=10MiB",
			       node("vfat", NULL, "label=much-too-long mount=/a/../b", NULL))));
	struct layout *l = from_tree(node("gpt", NULL, "", parts), false);

	check(!l);
	check(says("'/srv' is mounted twice"));
	check(says("label 'MUCH-TOO-LONG' has 13 bytes; vfat holds 11"));
	check(says("mount point '/a/../b' is not an absolute path"));
	start();
	parts = then(node("partition", "a", "size=10MiB",
			  node("ext4", NULL, "label=data mount=/srv", NULL)),
		     node("partition", "b", "size=10MiB", node("ext4", NULL, "label=data", NULL)));
	check(!from_tree(node("gpt", NULL, "", parts), false));
	check(says("two file systems have the label 'data'"));
	check(says("no file system is mounted at /"));
}

TEST("unknown nodes, keys, types and flags in dib's YAML are located and corrected")
{
	check(!from_yaml("- local_lop:\n    name: image0\n", false));
	check(says("x.yaml:1:3: error: unknown node 'local_lop'; did you mean 'local_loop'?"));
	check(!from_yaml("- local_loop:\n    name: image0\n    sise: 1GiB\n", false));
	check(says("x.yaml:3:5: warning: 'local_loop' has no key 'sise', which is left out"));
	check(!from_yaml("- local_loop: {name: image0}\n- mkfs: {base: imag0, type: ext4}\n",
			 false));
	check(says("'mkfs_imag0' stands on 'imag0', which is no node"));
	check(!from_yaml(
		"- local_loop: {name: image0}\n- partitioning: {base: image0, label: gpt, "
		"partitions: "
		"[{name: root, size: 100%, type: EF0, flags: [bot], mkfs: {type: ext5}}]}\n",
		false));
	check(says("unknown flag 'bot'"));
	check(!from_yaml("- local_loop: {name: image0}\n- partitioning: {base: image0, label: gpt, "
			 "partitions: "
			 "[{name: root, size: 100%, type: linx, mkfs: {type: ext4, mount: "
			 "{mount_point: /}}}]}\n",
			 false));
	check(says("unknown partition type 'linx'; did you mean 'linux'?"));
	check(!from_yaml("- local_loop: {name: image0}\n- lvm: {name: l, base: [x]}\n", false));
	check(says("'lvm' needs a list 'pvs'"));
	check(!from_yaml("hello\n", false));
	check(says("is a list of nodes"));
}

TEST("a boot loader without a place is an error; one that is refused is none")
{
	start();
	struct ib_node *parts = node("partition", "root", "", node("ext4", NULL, "mount=/", NULL));

	check(!from_tree(node("gpt", NULL, "", parts), true));
	check(says("no place for it"));
	start();
	parts = node("partition", "root", "", node("ext4", NULL, "mount=/", NULL));
	check(from_tree(node("gpt", NULL, "loader=none", parts), true) != NULL);
	check_str(said(), "");
}

TEST("types are named by name, by code, by GUID and by byte")
{
	static const struct {
		const char *table, *type, *want;
	} cases[] = {
		{ "gpt", "esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" },
		{ "gpt", "ef02", "21686148-6449-6E6F-744E-656564454649" },
		{ "gpt", "0x4100", "9E1A2D38-C612-4316-AA26-8B49521E5A8B" },
		{ "gpt", "root", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709" },
		{ "gpt", "12345678-1234-1234-1234-123456789abc",
		  "12345678-1234-1234-1234-123456789abc" },
		{ "mbr", "0x41", "41" },
		{ "mbr", "82", "82" },
		{ "mbr", "8E00", "8e" },
		{ "mbr", "b7", "b7" },
		{ "mbr", "bios-boot", NULL },
		{ "gpt", "zz", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		struct ib_node *a = node("partition", "a", "size=1MiB", NULL);
		struct ib_pair p = { .key = "type", .value = cases[i].type };

		vec_push(arena, &a->attrs, p);
		struct layout *l =
			from_tree(node(cases[i].table, NULL, "",
				       then(a, node("partition", "root", "",
						    node("ext4", NULL, "mount=/", NULL)))),
				  false);

		check_int(l != NULL, cases[i].want != NULL);
		if (l)
			check_str(find(l, "a")->type_code, cases[i].want);
	}
}

TEST("a file system leaves out what the others hold")
{
	start();
	struct ib_node *parts = then(
		node("partition", "boot", "size=10MiB", node("ext2", NULL, "mount=/boot", NULL)),
		then(node("partition", "esp", "size=10MiB type=esp",
			  node("vfat", NULL, "mount=/boot/efi", NULL)),
		     node("partition", "root", "", node("ext4", NULL, "mount=/", NULL))));
	struct layout *l = from_tree(node("gpt", NULL, "", parts), true);

	check_str(said(), "");
	if (!l)
		return;
	const char *const *root = layout_excluded(l, find(l, "mkfs_root"), arena);
	const char *const *boot = layout_excluded(l, find(l, "mkfs_boot"), arena);

	check_str(root[0], "boot");
	check_str(root[1], "boot/efi");
	check(!root[2]);
	check_str(boot[0], "efi");
	check(!boot[1]);
	check_str(layout_boot_label(l), "mkfs_boot");
}

int main(void)
{
	int failed = test_main();

	arena_free(arena);
	ib_diag_free(diag);
	ib_sources_free(sources);
	return failed;
}
