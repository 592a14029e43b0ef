/* SPDX-License-Identifier: Apache-2.0 */
/* What all content nodes share: label, UUID, mount point, fstab's columns. dib's rules
 * (contract 11.3, 11.4). */
#include "block/graph.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *kind;
	size_t max;
} label_limits[] = {
	{ "ext2", 16 }, { "ext3", 16 }, { "ext4", 16 },
	{ "vfat", 11 }, { "swap", 16 }, { "xfs", 12 },
};

bool content_is(const struct block_node *n, const char *kind)
{
	return strcmp(n->row->name, kind) == 0;
}

/* dib gives its defaults to the node of one name; a LAYOUT has its root where it says mount=/. */
static bool is_root(const struct block_node *n, const struct layout *l)
{
	if (l->is_dib)
		return strcmp(n->name, "mkfs_root") == 0;
	return n->mount && strcmp(n->mount, "/") == 0;
}

static const char *default_label(const struct block_node *n, const struct layout *l)
{
	const char *given = layout_var(l, "ROOT_LABEL");

	if (!is_root(n, l))
		return n->name;
	if (given && *given)
		return given;
	return content_is(n, "xfs") ? "img-rootfs" : "cloudimg-rootfs";
}

static const char *upper_case(const char *s, struct arena *a)
{
	char *copy = arena_strdup(a, s);

	for (char *c = copy; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return copy;
}

/* mkfs.vfat's own rule, and what fstab's LABEL= would need escaped. */
static const char *bad_label_char(const struct block_node *n)
{
	const char *forbidden = content_is(n, "vfat") ? "*?.,;:/\\|+=<>[]\" \t\n" : " \t\n";

	for (const char *c = n->label; *c; c++)
		if (strchr(forbidden, *c) || (unsigned char)*c < 32)
			return c;
	return NULL;
}

static void check_label(struct block_node *n, struct ib_diag *diag)
{
	size_t max = SIZE_MAX;
	const char *bad = bad_label_char(n);

	for (size_t i = 0; i < ARRAY_SIZE(label_limits); i++)
		if (content_is(n, label_limits[i].kind))
			max = label_limits[i].max;
	if (bad)
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "label"),
			    "label '%s' has a character that %s or "
			    "fstab cannot hold",
			    n->label, n->row->name);
	if (strlen(n->label) <= max)
		return;
	ib_diag_add(diag, IB_D_LABEL_LENGTH, node_span(n, "label"),
		    "label '%s' has %zu bytes; %s holds %zu", n->label, strlen(n->label),
		    n->row->name, max);
	if (!node_attr(n, "label"))
		ib_diag_hint(diag, "it is the node's name; give label=");
}

static void read_label(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	n->label = node_value(n, "label");
	if (!n->label)
		n->label = default_label(n, l);
	if (content_is(n, "vfat"))
		n->label = upper_case(n->label, l->arena);
	check_label(n, diag);
}

/* "a/../b", "//" and a slash at the end would make two names for one place. */
static bool is_clean_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *s = path; *s; s += strcspn(s + 1, "/") + 1) {
		size_t n = strcspn(s + 1, "/");

		if (path[1] == '\0')
			return true;
		if (n == 0 || (n <= 2 && strspn(s + 1, ".") >= n))
			return false;
	}
	return strpbrk(path, " \t\n") == NULL;
}

static void read_mount(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	n->mount = node_value(n, "mount");
	if (content_is(n, "swap")) {
		n->mount = NULL;
		return;
	}
	if (n->mount && !is_clean_path(n->mount)) {
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "mount"),
			    "mount point '%s' is not an absolute path without blanks, '.', '..' or "
			    "a slash at its end",
			    n->mount);
		n->mount = NULL;
	}
	for (size_t i = 0; n->mount && i < l->mounts.len; i++) {
		struct block_node *other = l->mounts.items[i];

		if (!other->mount || strcmp(other->mount, n->mount) != 0)
			continue;
		ib_diag_add(diag, IB_D_DUPLICATE_MOUNT, node_span(n, "mount"),
			    "'%s' is mounted twice", n->mount);
		ib_diag_note(diag, node_span(other, "mount"), "the first is here");
	}
}

static unsigned int read_number(const struct block_node *n, const char *key, unsigned int otherwise,
				struct ib_diag *diag)
{
	const char *text = node_value(n, key);

	if (!text)
		return otherwise;
	if (*text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 4)
		return (unsigned int)strtoul(text, NULL, 10);
	ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, key), "%s '%s' is not a number", key, text);
	return otherwise;
}

static void read_fstab(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	bool is_swap = content_is(n, "swap");
	unsigned int passno = !l->is_dib && n->mount && strcmp(n->mount, "/") == 0 ? 1 : 2;

	n->has_fstab = node_flag(n, "fstab", true) && (n->mount || is_swap);
	n->options = node_value(n, "options");
	if (!n->options)
		n->options = is_swap ? "sw" : "defaults";
	if (strpbrk(n->options, " \t\n"))
		ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "options"),
			    "mount options hold no blanks");
	n->dump = is_swap ? 0 : read_number(n, "dump", 0, diag);
	n->passno = is_swap ? 0 : read_number(n, "passno", passno, diag);
}

static void check_uuid(const struct block_node *n, struct ib_diag *diag)
{
	if (!n->uuid)
		return;
	for (size_t i = 0; i < 37; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (i == 36 && n->uuid[i] == '\0')
			return;
		if (i == 36 || (is_dash ? n->uuid[i] != '-' : !isxdigit((unsigned char)n->uuid[i])))
			break;
	}
	ib_diag_add(diag, IB_D_BAD_VALUE, node_span(n, "uuid"), "'%s' is not a UUID", n->uuid);
}

int content_parse(struct block_node *n, struct layout *l, struct ib_diag *diag)
{
	n->opts = node_value(n, "opts");
	n->uuid = node_value(n, "uuid");
	if (!content_is(n, "vfat"))
		check_uuid(n, diag);
	read_mount(n, l, diag);
	read_label(n, l, diag);
	read_fstab(n, l, diag);
	if (n->mount || n->has_fstab)
		vec_push(l->arena, &l->mounts, n);
	return 0;
}

int content_place(struct block_node *n, struct layout *l, struct ib_error *err IB_UNUSED)
{
	char uuid[37];

	n->start = n->parent->start;
	n->bytes = n->parent->bytes;
	if (n->uuid)
		return 0;
	uuid_from(&l->job->seed, n->name, uuid);
	n->uuid = arena_strdup(l->arena, uuid);
	return 0;
}
