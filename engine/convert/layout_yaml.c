/* SPDX-License-Identifier: Apache-2.0 */
/* LAYOUT as dib's block-device YAML: file systems stand in their partitions, volumes in the lists
 * of one `lvm` entry and what they hold behind it (contract 11.2 to 11.4). */
#include "convert/private.h"

#include "block/block.h"

#include <ctype.h>
#include <string.h>

struct yaml_writer {
	struct convert_job *job;
	struct buf *out;
	const struct ib_node *disk;
	const char *disk_name;
	bool has_swap;
};

static const struct ib_pair *find_pair(const struct ib_node *n, const char *key)
{
	vec_foreach (struct ib_pair, p, &n->attrs)
		if (strcmp(p->key, key) == 0)
			return p;
	return NULL;
}

static const char *attr(const struct ib_node *n, const char *key)
{
	const struct ib_pair *p = find_pair(n, key);

	return p ? p->value : NULL;
}

static bool is_yes(const struct ib_node *n, const char *key)
{
	const char *value = attr(n, key);

	return value && strcmp(value, "yes") == 0;
}

/* What each kind may say, and dib with it; dib installs no packages for a layout. */
static const struct {
	const char *kind, *keys;
} sayable[] = {
	{ "gpt", " name size align sector-size directory packages " },
	{ "mbr", " name size align sector-size directory packages " },
	{ "none", " name size sector-size directory packages " },
	{ "partition", " name type size boot primary " },
	{ "ext2", " name label uuid opts mount options dump passno fstab " },
	{ "ext3", " name label uuid opts mount options dump passno fstab " },
	{ "ext4", " name label uuid opts mount options dump passno fstab " },
	{ "xfs", " name label uuid opts mount options dump passno fstab " },
	{ "btrfs", " name label opts mount options dump passno fstab " },
	{ "vfat", " name label opts mount options dump passno fstab " },
	{ "swap", " name label uuid opts options fstab " },
	{ "lvm", " name pv pv-options options " },
	{ "volume", " name size extents type pool options " },
};

static const char *sayable_keys(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(sayable); i++)
		if (strcmp(sayable[i].kind, kind) == 0)
			return sayable[i].keys;
	return NULL;
}

static void check_node(struct yaml_writer *w, const struct ib_node *n)
{
	const char *keys = sayable_keys(n->kind);

	if (!keys) {
		ib_diag_add(w->job->diag, IB_D_NOT_SAID, n->at, "dib's YAML cannot say '%s'",
			    n->kind);
		return;
	}
	if (!n->name && (strcmp(n->kind, "lvm") == 0 || strcmp(n->kind, "volume") == 0))
		ib_diag_add(w->job->diag, IB_D_NOT_SAID, n->at, "dib wants a name for the '%s'",
			    n->kind);
	vec_foreach (struct ib_pair, p, &n->attrs) {
		const char *word = arena_printf(w->job->arena, " %s ", p->key);

		if (!strstr(keys, word))
			ib_diag_add(w->job->diag, IB_D_NOT_SAID, p->at,
				    "dib's YAML cannot say '%s' of '%s'", p->key, n->kind);
	}
	for (const struct ib_node *child = n->children; child; child = child->next)
		check_node(w, child);
}

/* Plain where nothing else than a string can be meant by YAML 1.1. */
static bool is_plain(const char *text)
{
	static const char *const words[] = { "y",   "n",    "yes",   "no",  "on",
					     "off", "true", "false", "null" };
	size_t n = strlen(text);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(words[i], text) == 0)
			return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("_./%-", text[i]))
			return false;
	if (isalpha((unsigned char)text[0]) || text[0] == '/')
		return true;
	/* sizes: "8MiB", "70%", but not "0x1B" */
	return n > 1 && isdigit((unsigned char)text[0]) && text[1] != 'x' &&
	       (text[n - 1] == 'B' || text[n - 1] == '%');
}

static void write_scalar(struct yaml_writer *w, const char *text)
{
	if (is_plain(text)) {
		buf_str(w->out, text);
		return;
	}
	buf_char(w->out, '\'');
	for (; *text; text++)
		buf_printf(w->out, *text == '\'' ? "''" : "%c", *text);
	buf_char(w->out, '\'');
}

static void write_key(struct yaml_writer *w, int indent, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(w->out, "%*s%s: ", indent, "", key);
	write_scalar(w, value);
	buf_char(w->out, '\n');
}

static void write_attr(struct yaml_writer *w, int indent, const char *key, const struct ib_node *n,
		       const char *from)
{
	write_key(w, indent, key, attr(n, from));
}

/* "A B" as [A, B]. */
static void write_list(struct yaml_writer *w, int indent, const char *key, const char *words)
{
	char *rest = words ? arena_strdup(w->job->arena, words) : NULL, *word;
	const char *separator = "";

	if (!words)
		return;
	buf_printf(w->out, "%*s%s: [", indent, "", key);
	while ((word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		buf_str(w->out, separator);
		write_scalar(w, word);
		separator = ", ";
	}
	buf_str(w->out, "]\n");
}

static void write_number(struct yaml_writer *w, int indent, const char *key, const char *value)
{
	if (value)
		buf_printf(w->out, "%*s%s: %s\n", indent, "", key, value);
}

static bool has_fstab(const struct ib_node *n)
{
	const char *fstab = attr(n, "fstab");

	return !fstab || strcmp(fstab, "no") != 0;
}

static bool is_root(const struct ib_node *n)
{
	const char *mount = attr(n, "mount");

	return mount && strcmp(mount, "/") == 0;
}

static void write_fstab(struct yaml_writer *w, int indent, const struct ib_node *n)
{
	const char *passno = attr(n, "passno"), *options = attr(n, "options");
	bool is_swap = strcmp(n->kind, "swap") == 0;

	if (!has_fstab(n))
		return;
	if (!passno && (is_swap || is_root(n)))
		passno = is_swap ? "0" : "1";
	buf_printf(w->out, "%*sfstab:\n", indent, "");
	/* dib wants a key at least */
	write_key(w, indent + 2, "options", options ? options : is_swap ? "sw" : "defaults");
	write_number(w, indent + 2, "dump-freq", attr(n, "dump"));
	write_number(w, indent + 2, "fsck-passno", passno);
}

static void write_mount(struct yaml_writer *w, int indent, const struct ib_node *n)
{
	bool is_swap = strcmp(n->kind, "swap") == 0;

	if (is_swap ? !has_fstab(n) : !attr(n, "mount"))
		return;
	if (is_swap && w->has_swap)
		ib_diag_add(w->job->diag, IB_D_NOT_SAID, n->at,
			    "dib has one swap area in fstab: each takes the mount point 'none'; "
			    "say fstab=no");
	w->has_swap = w->has_swap || is_swap;
	buf_printf(w->out, "%*smount:\n", indent, "");
	write_key(w, indent + 2, "mount_point", is_swap ? "none" : attr(n, "mount"));
	write_fstab(w, indent + 2, n);
}

/* What stands in BASE. dib labels what is called mkfs_root, LAYOUT what is mounted at /. */
static void write_content(struct yaml_writer *w, int indent, const struct ib_node *n,
			  const char *base)
{
	const char *derived = arena_printf(w->job->arena, "mkfs_%s", base),
		   *label = attr(n, "label");
	const char *name = n->name ? n->name : derived;
	bool is_named = strcmp(name, "mkfs_root") == 0;

	if (!label && is_named && !is_root(n))
		label = name;
	if (!label && !is_named && is_root(n))
		label = strcmp(n->kind, "xfs") == 0 ? "img-rootfs" : "cloudimg-rootfs";
	write_key(w, indent, "name", strcmp(name, derived) == 0 ? NULL : name);
	write_key(w, indent, "type", n->kind);
	write_key(w, indent, "label", label);
	write_attr(w, indent, "uuid", n, "uuid");
	write_attr(w, indent, "opts", n, "opts");
	write_mount(w, indent, n);
}

static void write_top_content(struct yaml_writer *w, const struct ib_node *n, const char *base)
{
	buf_str(w->out, "- mkfs:\n");
	write_key(w, 4, "base", base);
	write_content(w, 4, n, base);
}

static bool is_group(const struct ib_node *n)
{
	return n && strcmp(n->kind, "lvm") == 0;
}

/* A partition without a name is called by its place. */
static const char *slot_name(struct yaml_writer *w, const struct ib_node *slot)
{
	size_t count = 1;

	if (slot->name)
		return slot->name;
	for (const struct ib_node *s = w->disk->children; s != slot; s = s->next)
		count++;
	return arena_printf(w->job->arena, "partition%zu", count);
}

static void write_type(struct yaml_writer *w, const struct ib_node *slot)
{
	const struct ib_pair *type = find_pair(slot, "type");
	bool is_gpt = strcmp(w->disk->kind, "gpt") == 0;
	const char *code;

	if (!type)
		return;
	code = layout_type_code(type->value, is_gpt, w->job->arch, w->job->arena);
	if (code)
		buf_printf(w->out, "        type: '%s'\n", code);
	else
		ib_diag_add(w->job->diag, IB_D_NOT_SAID, type->at,
			    "dib's YAML has no word for the type '%s' of %s", type->value,
			    is_gpt ? "a GPT" : "an MBR");
}

/* LAYOUT makes four at most primary, dib only what says so. */
static bool is_primary(struct yaml_writer *w, const struct ib_node *slot)
{
	size_t count = 0;

	for (const struct ib_node *s = w->disk->children; s; s = s->next)
		count++;
	if (strcmp(w->disk->kind, "mbr") != 0)
		return false;
	return attr(slot, "primary") ? is_yes(slot, "primary") : count <= 4;
}

static void write_slot(struct yaml_writer *w, const struct ib_node *slot)
{
	bool has_boot = is_yes(slot, "boot"), has_primary = is_primary(w, slot);
	const char *size = attr(slot, "size");

	buf_str(w->out, "      - name: ");
	write_scalar(w, slot_name(w, slot));
	buf_char(w->out, '\n');
	write_type(w, slot);
	if (has_boot || has_primary)
		buf_printf(w->out, "        flags: [%s%s%s]\n", has_boot ? "boot" : "",
			   has_boot && has_primary ? ", " : "", has_primary ? "primary" : "");
	write_key(w, 8, "size", size ? size : "100%");
	if (!slot->children || is_group(slot->children))
		return;
	buf_str(w->out, "        mkfs:\n");
	write_content(w, 10, slot->children, slot_name(w, slot));
}

static void write_table(struct yaml_writer *w)
{
	buf_str(w->out, "- partitioning:\n");
	write_key(w, 4, "base", w->disk_name);
	write_key(w, 4, "label", w->disk->kind);
	write_attr(w, 4, "align", w->disk, "align");
	buf_str(w->out, "    partitions:\n");
	for (const struct ib_node *s = w->disk->children; s; s = s->next)
		write_slot(w, s);
}

/* Calls FN for each group of the disk with the name of what it lies in. */
static void each_group(struct yaml_writer *w,
		       void (*fn)(struct yaml_writer *, const struct ib_node *, const char *))
{
	if (is_group(w->disk->children))
		fn(w, w->disk->children, w->disk_name);
	for (const struct ib_node *s = w->disk->children; s; s = s->next)
		if (is_group(s->children))
			fn(w, s->children, slot_name(w, s));
}

static const char *physical_name(struct yaml_writer *w, const struct ib_node *group,
				 const char *base)
{
	const char *name = attr(group, "pv");

	return name ? name : arena_printf(w->job->arena, "pv_%s", base);
}

static void write_physical(struct yaml_writer *w, const struct ib_node *group, const char *base)
{
	const struct ib_pair *pv = find_pair(group, "pv");

	if (pv && strpbrk(pv->value, " /"))
		ib_diag_add(w->job->diag, IB_D_NOT_SAID, pv->at,
			    "dib has one physical volume in a partition, without a path");
	buf_str(w->out, "      - name: ");
	write_scalar(w, physical_name(w, group, base));
	buf_char(w->out, '\n');
	write_key(w, 8, "base", base);
	write_list(w, 8, "options", attr(group, "pv-options"));
}

/* SLOT holds a physical volume of the group NAME. */
static bool is_of_group(const struct ib_node *slot, const char *name)
{
	return is_group(slot->children) && strcmp(slot->children->name, name) == 0;
}

static bool is_first(struct yaml_writer *w, const struct ib_node *group)
{
	for (const struct ib_node *s = w->disk->children; s; s = s->next)
		if (is_of_group(s, group->name))
			return s->children == group;
	return true;
}

static void write_group(struct yaml_writer *w, const struct ib_node *group, const char *base)
{
	const char *separator = "";

	if (!is_first(w, group))
		return;
	buf_str(w->out, "      - name: ");
	write_scalar(w, group->name);
	buf_str(w->out, "\n        base: [");
	if (is_group(w->disk->children))
		write_scalar(w, physical_name(w, group, base));
	for (const struct ib_node *s = w->disk->children; s; s = s->next) {
		if (!is_of_group(s, group->name))
			continue;
		buf_str(w->out, separator);
		write_scalar(w, physical_name(w, s->children, slot_name(w, s)));
		separator = ", ";
	}
	buf_str(w->out, "]\n");
	write_list(w, 8, "options", attr(group, "options"));
}

static void write_volumes(struct yaml_writer *w, const struct ib_node *group,
			  const char *base IB_UNUSED)
{
	for (const struct ib_node *v = group->children; v; v = v->next) {
		const char *size = attr(v, "size");
		bool is_relative = size && strchr(size, '%');

		buf_str(w->out, "      - name: ");
		write_scalar(w, v->name);
		buf_char(w->out, '\n');
		write_key(w, 8, "base", group->name);
		if (size && !is_relative)
			write_key(w, 8, "size", size);
		else
			write_key(w, 8, "extents",
				  size                 ? arena_printf(w->job->arena, "%sFREE", size)
				  : attr(v, "extents") ? attr(v, "extents")
						       : "100%FREE");
		write_attr(w, 8, "type", v, "type");
		write_attr(w, 8, "thin-pool", v, "pool");
		write_list(w, 8, "options", attr(v, "options"));
	}
}

static void write_volume_contents(struct yaml_writer *w, const struct ib_node *group,
				  const char *base IB_UNUSED)
{
	for (const struct ib_node *v = group->children; v; v = v->next) {
		if (is_group(v->children))
			ib_diag_add(w->job->diag, IB_D_NOT_SAID, v->children->at,
				    "dib has no group in a volume");
		else if (v->children)
			write_top_content(w, v->children, v->name);
	}
}

static bool has_groups(const struct ib_node *disk)
{
	for (const struct ib_node *s = disk->children; s; s = s->next)
		if (is_group(s) || is_group(s->children))
			return true;
	return false;
}

static void write_groups(struct yaml_writer *w)
{
	buf_str(w->out, "- lvm:\n");
	write_key(w, 4, "name", arena_printf(w->job->arena, "lvm_%s", w->disk_name));
	buf_str(w->out, "    pvs:\n");
	each_group(w, write_physical);
	buf_str(w->out, "    vgs:\n");
	each_group(w, write_group);
	buf_str(w->out, "    lvs:\n");
	each_group(w, write_volumes);
	each_group(w, write_volume_contents);
}

int convert_layout_yaml(struct convert_job *j, const struct ib_node *root, struct buf *out)
{
	struct yaml_writer w = {
		.job = j, .out = out, .disk = root, .disk_name = root->name ? root->name : "image0"
	};
	size_t errors = ib_diag_errors(j->diag);

	check_node(&w, root);
	if (ib_diag_errors(j->diag) > errors)
		return -1;
	buf_str(out, "- local_loop:\n");
	write_key(&w, 4, "name", w.disk_name);
	write_attr(&w, 4, "size", root, "size");
	write_attr(&w, 4, "directory", root, "directory");
	write_attr(&w, 4, "block_size", root, "sector-size");
	if (strcmp(root->kind, "none") != 0)
		write_table(&w);
	else if (root->children && !is_group(root->children))
		write_top_content(&w, root->children, w.disk_name);
	if (has_groups(root))
		write_groups(&w);
	return ib_diag_errors(j->diag) == errors ? 0 : -1;
}
