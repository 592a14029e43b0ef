/* SPDX-License-Identifier: Apache-2.0 */
/* dib's block-device YAML as LAYOUT: the tree is block's, the words are written here. What the two
 * take for granted differs, so that defaults of the one stand as words of the other (contract 11.3,
 * 11.4). */
#include "convert/private.h"

#include "block/block.h"

#include <imagebuild/error.h>
#include <imagebuild/recipe.h>

#include <string.h>
#include <sys/stat.h>

#define LABEL_ROOT "cloudimg-rootfs"
#define LABEL_ROOT_XFS "img-rootfs"

struct writer {
	struct convert_job *job;
	struct buf *out;
	int depth;
};

static const char *attr(const struct ib_node *n, const char *key)
{
	vec_foreach (struct ib_pair, p, &n->attrs)
		if (strcmp(p->key, key) == 0)
			return p->value;
	return NULL;
}

/* Whatever is no slot, group or disk is content. */
static bool is_content(const struct ib_node *n)
{
	static const char *const others[] = { "gpt", "mbr",    "none", "partition",
					      "lvm", "volume", "luks" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(n->kind, others[i]) == 0)
			return false;
	return true;
}

static void write_attr(struct writer *w, const char *key, const char *value)
{
	buf_printf(w->out, " %s=", key);
	write_word(w->out, value);
}

static bool is_uuid(const char *s)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	return strlen(s) == strlen(shape) && strspn(s, "0123456789abcdefABCDEF-") == strlen(s) &&
	       s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-';
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 4;
}

static void bad_value(struct writer *w, const struct ib_pair *p, const char *expected)
{
	ib_diag_add(w->job->diag, IB_D_BAD_VALUE, p->at, "%s '%s' is not %s", p->key, p->value,
		    expected);
}

static void check_decimal(struct writer *w, const struct ib_node *n, const struct ib_pair *p)
{
	size_t len = strlen(p->value);

	if (strcmp(n->kind, "volume") == 0 && len > 0 && strchr("KMGT", p->value[len - 1]))
		ib_diag_add(w->job->diag, IB_D_GUESS, p->at,
			    "'%s' is taken as a power of 1000, as dib 3.42 does; 3.13 gives it to "
			    "lvcreate, which "
			    "takes it as a power of 1024",
			    p->value);
}

static void write_size(struct writer *w, const struct ib_node *n, const struct ib_pair *p)
{
	const char *size = layout_size_word(p->value, w->job->arena);

	if (!size) {
		bad_value(w, p, "a size");
		return;
	}
	check_decimal(w, n, p);
	write_attr(w, p->key, size);
}

/* What LAYOUT has by default anyway. */
static bool is_default(const struct ib_node *n, const struct ib_node *parent,
		       const struct ib_pair *p)
{
	if (strcmp(p->key, "fstab") == 0)
		return !attr(n, "mount") && strcmp(n->kind, "swap") != 0;
	return strcmp(p->key, "pv") == 0 && strncmp(p->value, "pv_", 3) == 0 && parent->name &&
	       strcmp(p->value + 3, parent->name) == 0;
}

static void write_pair(struct writer *w, const struct ib_node *n, const struct ib_node *parent,
		       const struct ib_pair *p)
{
	bool is_plain_uuid = strcmp(p->key, "uuid") == 0 && strcmp(n->kind, "vfat") != 0;

	if (is_default(n, parent, p))
		return;
	if (!*p->value || strpbrk(p->value, "\r\n"))
		bad_value(w, p, "one line of text");
	else if (strcmp(p->key, "size") == 0 || strcmp(p->key, "align") == 0 ||
		 strcmp(p->key, "sector-size") == 0)
		write_size(w, n, p);
	else if (is_plain_uuid && !is_uuid(p->value))
		bad_value(w, p, "a UUID");
	else if ((strcmp(p->key, "dump") == 0 || strcmp(p->key, "passno") == 0) &&
		 !is_number(p->value))
		bad_value(w, p, "a number");
	else
		write_attr(w, p->key, p->value);
}

/* dib labels what is called mkfs_root, LAYOUT what is mounted at /. */
static void write_label(struct writer *w, const struct ib_node *n)
{
	const char *mount = attr(n, "mount");
	bool is_named = strcmp(n->name, "mkfs_root") == 0,
	     is_root = mount && strcmp(mount, "/") == 0;

	if (attr(n, "label") || is_named == is_root)
		return;
	if (is_named)
		write_attr(w, "label", strcmp(n->kind, "xfs") == 0 ? LABEL_ROOT_XFS : LABEL_ROOT);
	else
		write_attr(w, "label", n->name);
}

/* dib's defaults that are not LAYOUT's. */
static void write_defaults(struct writer *w, const struct ib_node *n, const struct ib_node *parent)
{
	const char *mount = attr(n, "mount"), *fstab = attr(n, "fstab");

	if (strcmp(n->kind, "partition") == 0 && strcmp(parent->kind, "mbr") == 0 &&
	    !attr(n, "primary"))
		buf_str(w->out, " primary=no");
	if (!is_content(n))
		return;
	write_label(w, n);
	if (mount && strcmp(mount, "/") == 0 && !fstab && !attr(n, "passno"))
		buf_str(w->out, " passno=2");
}

/* "mkfs_root" in "root" goes without saying. */
static bool is_derived(const struct ib_node *n, const struct ib_node *parent)
{
	return is_content(n) && parent->name && strncmp(n->name, "mkfs_", 5) == 0 &&
	       strcmp(n->name + 5, parent->name) == 0;
}

static void write_name(struct writer *w, const struct ib_node *n, const struct ib_node *parent)
{
	if (parent && is_derived(n, parent))
		return;
	if (!*n->name || strpbrk(n->name, "\r\n"))
		ib_diag_add(w->job->diag, IB_D_BAD_NAME, n->name_at, "a name is one line of text");
	buf_str(w->out, strchr(n->name, '=') ? " name=" : " ");
	write_word(w->out, n->name);
}

/* Depth: a disk, a partition, a group, a volume, its file system. */
static void write_node(struct writer *w, const struct ib_node *n, const struct ib_node *parent)
{
	buf_printf(w->out, "%*s%s", w->depth * 4, "", n->kind);
	write_name(w, n, parent);
	vec_foreach (struct ib_pair, p, &n->attrs)
		write_pair(w, n, parent, p);
	if (parent)
		write_defaults(w, n, parent);
	buf_str(w->out, n->children ? " {\n" : "\n");
	w->depth++;
	for (const struct ib_node *child = n->children; child; child = child->next)
		write_node(w, child, n);
	w->depth--;
	if (n->children)
		buf_printf(w->out, "%*s}\n", w->depth * 4, "");
}

static void write_disk(struct writer *w, const struct ib_node *disk)
{
	if (!disk->children)
		ib_diag_add(w->job->diag, IB_D_NOT_SAID, disk->at,
			    "a LAYOUT cannot be empty, and nothing stands on '%s'", disk->name);
	buf_str(w->out, "LAYOUT ");
	write_node(w, disk, NULL);
}

/* Asked for FS_TYPE alone, where the root's file system has no type. */
static const char *note_lookup(const void *context, const char *name)
{
	bool *has_guessed = (bool *)(uintptr_t)context;

	*has_guessed = *has_guessed || strcmp(name, "FS_TYPE") == 0;
	return NULL;
}

int convert_layout_text(struct convert_job *j, struct ib_span span, struct buf *out)
{
	static const char guess[] = "The root's file system is ext4: the file says no type, and "
				    "dib takes FS_TYPE, or ext4.";
	struct writer w = { .job = j, .out = out };
	size_t errors = ib_diag_errors(j->diag);
	bool has_guessed = false;
	const struct layout_input input = { .yaml = span,
					    .lookup = note_lookup,
					    .lookup_context = &has_guessed };
	const struct ib_node *disk = layout_config(&input, j->sources, j->arena, j->diag);

	if (ib_diag_errors(j->diag) > errors)
		return -1;
	if (has_guessed) {
		ib_diag_add(j->diag, IB_D_GUESS, span,
			    "the root's file system has no type; ext4 is taken");
		write_comment(out, guess);
	}
	for (; disk; disk = disk->next)
		write_disk(&w, disk);
	return ib_diag_errors(j->diag) == errors ? 0 : -1;
}

/* "dir/disk.yaml" -> "disk", "-" -> "disk" */
static const char *stem_of(const char *file, struct arena *a)
{
	const char *base = ib_base_name(file);
	const char *dot = strrchr(base, '.');

	if (strcmp(base, "-") == 0)
		return "disk";
	return dot && dot > base ? arena_strndup(a, base, (size_t)(dot - base)) : base;
}

/* The first line that says something begins with an item of a list, or a document. */
static bool is_yaml(const struct ib_sources *sources, struct ib_span span)
{
	const char *text = ib_sources_text(sources, span), *end = text + (span.end - span.start);

	while (text < end && strchr("# \t\r\n", *text)) {
		if (*text == '#')
			while (text < end && *text != '\n')
				text++;
		else
			text++;
	}
	return text < end && strchr("-[{%", *text);
}

static int yaml_to_recipe(struct convert_job *j, const char *file, struct ib_span text)
{
	const char *path = arena_printf(j->arena, "%s.Imagefile", stem_of(file, j->arena));
	cleanup_buf struct buf out = BUF_INIT;

	buf_str(&out, "# imagefile=1\n");
	if (convert_layout_text(j, text, &out) < 0)
		return -1;
	convert_became(j, file, "LAYOUT");
	return convert_add_recipe(j, path, &out);
}

/* dib must find what is written to be a graph: names, for one, are unique in the file, not in each
 * LAYOUT. */
static int add_yaml(struct convert_job *j, const char *path, const struct buf *out,
		    struct ib_span layout, struct ib_error *err)
{
	size_t errors = ib_diag_errors(j->diag), first = ib_diag_count(j->diag);
	struct layout_input input = { .root = NULL };
	struct ib_span text;
	int r = ib_sources_add(j->sources, path, out->data, out->len, &text, err);

	if (r < 0)
		return r;
	input.yaml = text;
	(void)layout_config(&input, j->sources, j->arena, j->diag);
	ib_diag_note_from(j->diag, first, layout, "the YAML is of the LAYOUTs from here on");
	convert_add_text(j, path, S_IFREG | 0644, out->data, out->len);
	return ib_diag_errors(j->diag) == errors ? 0 : -1;
}

/* The LAYOUTs of one stage are one file. */
static int stage_to_yaml(struct convert_job *j, const struct ib_stage *stage, const char *file,
			 const char *path, struct ib_error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct ib_span first = { 0, 0 };
	int r = 0;

	vec_foreach (struct ib_op, op, &stage->ops) {
		if (op->code != IB_OP_LAYOUT)
			continue;
		first = first.end ? first : op->at;
		if (op->layout.root && convert_layout_yaml(j, op->layout.root, &out) < 0)
			r = -1;
		if (!op->layout.root)
			convert_became(j, file, "LAYOUT --file=%s is dib's YAML already",
				       op->layout.file.text);
	}
	if (r < 0 || out.len == 0)
		return r;
	convert_became(j, file, "%s", path);
	return add_yaml(j, path, &out, first, err);
}

static bool any_element(void *context IB_UNUSED, const char *name IB_UNUSED)
{
	return true;
}

static const char *no_element(void *context IB_UNUSED, const char *name IB_UNUSED)
{
	return NULL;
}

static int stages_to_yaml(struct convert_job *j, const struct ib_ir *ir, const char *file,
			  struct ib_error *err)
{
	const char *stem = stem_of(file, j->arena);
	size_t files = j->files.len, entries = j->report.len;

	for (size_t i = 0; i < ir->stages.len; i++) {
		const struct ib_stage *stage = &ir->stages.items[i];
		const char *name = stage->name ? stage->name : arena_printf(j->arena, "%zu", i + 1);
		const char *path = ir->stages.len == 1
					   ? arena_printf(j->arena, "%s.yaml", stem)
					   : arena_printf(j->arena, "%s-%s.yaml", stem, name);
		int r = stage_to_yaml(j, stage, file, path, err);

		if (r < 0)
			return r;
	}
	if (j->files.len > files || j->report.len > entries)
		return 0;
	ib_diag_add(j->diag, IB_D_BAD_CONVERSION_INPUT, ir->stages.items[0].at,
		    "no LAYOUT stands in it; expected a recipe with one, or dib's YAML");
	return -1;
}

static int recipe_to_yaml(struct convert_job *j, const char *file, struct ib_span text,
			  struct ib_error *err)
{
	struct ib_vocab vocab = { .has_element = any_element,
				  .suggest_element = no_element,
				  .arch = j->arch };
	struct ib_options options = *j->options;
	struct ib_recipe *recipe;
	int r;

	options.file = file;
	recipe = ib_fragment_open(&options, &vocab, j->sources, j->diag, text, NULL);
	r = ib_recipe_compile(recipe);
	if (r == 0)
		r = stages_to_yaml(j, ib_recipe_ir(recipe), file, err);
	ib_recipe_free(recipe);
	return r;
}

int convert_layout(struct convert_job *j, const char *file, struct ib_error *err)
{
	struct ib_span text;
	int r = ib_sources_read(j->sources, file, &text, err);

	if (r < 0) {
		err->exit = IB_EXIT_USAGE;
		return r;
	}
	return is_yaml(j->sources, text) ? yaml_to_recipe(j, file, text)
					 : recipe_to_yaml(j, file, text, err);
}
