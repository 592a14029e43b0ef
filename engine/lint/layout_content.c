/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems, LUKS and swap are for, and what reads them when the image boots. */
#include "lint/layout_private.h"

#include <string.h>
#include <strings.h>

/* The file system that is mounted at PATH. */
static const struct lint_node *mounted(const struct lint_node_vec *nodes, const char *path)
{
	vec_foreach (struct lint_node, n, nodes) {
		const char *mount = lint_node_value(n->node, "mount");

		if (mount && strcmp(mount, path) == 0)
			return n;
	}
	return NULL;
}

/* BOOT_ON_LUKS */
void lint_5014(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);
	const struct lint_node *boot = mounted(&nodes, "/boot");

	if (!boot)
		boot = mounted(&nodes, "/");
	if (!boot || !boot->in_luks)
		return;
	lint_add(l, IB_R_BOOT_ON_LUKS, lint_node_span(boot->node, "mount"),
		 "the kernel is on LUKS, where the boot loader of an image cannot read it");
	ib_diag_hint(l->diag, "give /boot a partition of its own, outside of luks");
}

/* Whether a PACKAGE, an ELEMENT or a RUN of the stage of X names WORD. */
static bool names(const struct lint_layout *x, const char *word)
{
	vec_foreach (struct ib_op, op, &x->stage->ops) {
		if (op->code == IB_OP_PACKAGE)
			vec_foreach (struct ib_word, name, &op->package.names)
				if (strcmp(name->text, word) == 0)
					return true;
		if (op->code == IB_OP_ELEMENT && strcmp(op->element.name, word) == 0)
			return true;
		if (op->code == IB_OP_RUN && op->run.text && strstr(op->run.text, word))
			return true;
	}
	return false;
}

/* ROOT_ON_LVM */
void lint_5015(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);
	const struct lint_node *root = mounted(&nodes, "/");

	if (!root || !root->in_lvm || !x->stage || names(x, "lvm2") || names(x, "lvm") ||
	    names(x, "dracut-regenerate"))
		return;
	lint_add(l, IB_R_ROOT_ON_LVM, lint_node_span(root->node, "mount"),
		 "the root is on lvm, and nothing puts lvm into the initial RAM disk");
	ib_diag_hint(l->diag, "add PACKAGE lvm2, or the element dracut-regenerate");
}

/* LUKS_NO_KEY */
void lint_5016(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const char *key = lint_node_value(n->node, "key");

		if (lint_node_is(n->node, "luks") && (!key || !*key))
			lint_add(l, IB_R_LUKS_NO_KEY, lint_node_span(n->node, "key"),
				 "'%s' has no key, so there is nothing that opens it",
				 lint_node_name(n->node));
	}
}

static bool is_file_system(const struct ib_node *n)
{
	static const char *const kinds[] = { "ext2", "ext3",  "ext4",  "vfat",
					     "xfs",  "btrfs", "erofs", "squashfs" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (lint_node_is(n, kinds[i]))
			return true;
	return false;
}

/* NOT_MOUNTED */
void lint_5018(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes)
		if (is_file_system(n->node) && !lint_node_value(n->node, "mount"))
			lint_add(l, IB_R_NOT_MOUNTED, n->node->at,
				 "'%s' is mounted nowhere, so it stays empty and the image does "
				 "not use it",
				 lint_node_name(n->node));
}

/* FSTAB_MISSING */
void lint_5019(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const char *mount = lint_node_value(n->node, "mount");
		const char *fstab = lint_node_value(n->node, "fstab");

		/* the kernel mounts the root by its own parameter */
		if (!mount || strcmp(mount, "/") == 0 || !fstab || strcmp(fstab, "no") != 0)
			continue;
		lint_add(l, IB_R_FSTAB_MISSING, lint_node_span(n->node, "fstab"),
			 "'%s' is filled at the build and not in fstab: the image boots without "
			 "its files",
			 mount);
	}
}

/* FSTAB_PASSNO */
void lint_5020(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const char *mount = lint_node_value(n->node, "mount");
		const char *passno = lint_node_value(n->node, "passno");
		bool is_root = mount && strcmp(mount, "/") == 0;

		if (!mount || !passno || strcmp(passno, "0") == 0)
			continue;
		if (is_root ? strcmp(passno, "1") != 0 : strcmp(passno, "1") == 0)
			lint_add(l, IB_R_FSTAB_PASSNO, lint_node_span(n->node, "passno"),
				 "fsck looks at the root in its first pass and at others in the "
				 "second, not "
				 "at '%s' in pass %s",
				 mount, passno);
	}
}

/* What a type of partition is for: a kind of content, or none. */
static const struct {
	const char *type, *kind;
} purposes[] = {
	{ "esp", "vfat" },  { "swap", "swap" },      { "lvm", "lvm" },
	{ "luks", "luks" }, { "bios-boot", "none" }, { "prep", "none" },
};

/* TYPE_MISMATCH */
void lint_5025(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes) {
		const struct ib_node *content = n->node->children;

		for (size_t i = 0; content && i < ARRAY_SIZE(purposes); i++)
			if (lint_slot_is(l, n->table, n->node, purposes[i].type) &&
			    !lint_node_is(content, purposes[i].kind))
				lint_add(l, IB_R_TYPE_MISMATCH, lint_node_span(n->node, "type"),
					 "partition '%s' is of type %s, but holds %s",
					 lint_node_name(n->node), lint_node_value(n->node, "type"),
					 content->kind);
	}
}

static bool has_option(const char *options, const char *option)
{
	size_t n = strlen(option);

	for (const char *p = options; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, option, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

/* MOUNT_OPTIONS */
void lint_5030(struct lint *l, const struct lint_layout *x)
{
	static const char *const places[] = { "/tmp", "/var/tmp", "/dev/shm" };
	static const char *const wanted[] = { "nodev", "nosuid" };
	struct lint_node_vec nodes = lint_nodes(l, x);

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct lint_node *n = mounted(&nodes, places[i]);
		const char *options = n ? lint_node_value(n->node, "options") : NULL;

		for (size_t k = 0; n && k < ARRAY_SIZE(wanted); k++) {
			if (has_option(options, wanted[k]))
				continue;
			lint_add(l, IB_R_MOUNT_OPTIONS,
				 lint_node_span(n->node, options ? "options" : "mount"),
				 "everybody writes to '%s': mount it with options=nodev,nosuid",
				 places[i]);
			break;
		}
	}
}

/* SWAP_ON_IMAGE */
void lint_5031(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes)
		if (lint_node_is(n->node, "swap"))
			lint_add(l, IB_R_SWAP_ON_IMAGE, n->node->at,
				 "swap makes the image larger by its size, and fits one size of "
				 "machine");
}

/* What checks and opens a content when the image boots, where Debian's base has it not. */
static const struct {
	const char *kind, *package;
} tools[] = {
	{ "xfs", "xfsprogs" },
	{ "btrfs", "btrfs-progs" },
	{ "luks", "cryptsetup" },
};

/* FS_TOOL_MISSING */
void lint_5032(struct lint *l, const struct lint_layout *x)
{
	struct lint_node_vec nodes = lint_nodes(l, x);

	vec_foreach (struct lint_node, n, &nodes)
		for (size_t i = 0; x->stage && i < ARRAY_SIZE(tools); i++) {
			if (!lint_node_is(n->node, tools[i].kind) || names(x, tools[i].package))
				continue;
			lint_add(l, IB_R_FS_TOOL_MISSING, n->node->at,
				 "the image has %s, and nothing installs %s, which it is checked "
				 "and mended "
				 "with",
				 tools[i].kind, tools[i].package);
		}
}
