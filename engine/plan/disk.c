/* SPDX-License-Identifier: Apache-2.0 */
/* Where a stage's disk comes from: LAYOUT, DIB_BLOCK_DEVICE_CONFIG, the elements' YAML, dib's
 * automatic choice for `vm`, one ext4 over the whole image (imagefile.md, "Stages"). */
#include "plan/private.h"

#include "block/block.h"
#include "output/output.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

const struct ib_op *layout_op(const struct ib_op_vec *ops)
{
	vec_foreach (struct ib_op, op, ops)
		if (op->code == IB_OP_LAYOUT)
			return op;
	return NULL;
}

static bool format_needs_disk(const char *name)
{
	const struct output_format *f = output_find(name);

	return f && f->needs_disk;
}

bool stage_needs_disk(const struct plan *p, const struct ib_stage *stage)
{
	bool has_output = false;

	vec_foreach (const char *, format, &p->options->formats)
		if (format_needs_disk(*format))
			return true;
	if (p->options->formats.len)
		return false;
	vec_foreach (struct ib_op, op, &stage->ops) {
		if (op->code != IB_OP_OUTPUT)
			continue;
		has_output = true;
		vec_foreach (struct ib_word, format, &op->output.formats)
			if (format_needs_disk(format->text))
				return true;
	}
	/* Without an OUTPUT a product is a qcow2. */
	return !has_output;
}

/* The op of STAGE that names `vm`; NULL where there is none. */
static const struct ib_op *vm_op(const struct ib_stage *stage)
{
	vec_foreach (struct ib_op, op, &stage->ops) {
		bool is_base = op->code == IB_OP_BASE && op->base.kind == IB_BASE_ELEMENT;

		if ((is_base && strcmp(op->base.name, "vm") == 0) ||
		    (op->code == IB_OP_ELEMENT && strcmp(op->element.name, "vm") == 0))
			return op;
	}
	return NULL;
}

const struct ib_op *disk_automatic(struct planner *pl, const struct ib_stage *stage)
{
	const struct ib_op *vm = vm_op(stage);
	struct ib_op *op;

	if (!vm || layout_op(&stage->ops))
		return NULL;
	op = arena_alloc(pl->plan->arena, sizeof(*op));
	*op = (struct ib_op){
		.code = IB_OP_ELEMENT, .at = vm->at, .phase = IB_PHASE_NONE, .order = -1
	};
	op->element.name =
		strcmp(pl->plan->arch, "arm64") == 0 ? "block-device-efi" : "block-device-mbr";
	return op;
}

/* The text of dib's YAML in the context (LAYOUT --file). */
static int read_context_file(struct planner *pl, const struct ib_op *op, struct ib_span *ret_span)
{
	const struct ib_word *file = &op->layout.file;
	const char *context = plan_context(pl->plan, op);
	cleanup_fd int dir = open(context ? context : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int fd = dir < 0 ? -1 : fs_open_beneath(dir, file->text, O_RDONLY | O_CLOEXEC);
	struct ib_error err = IB_ERROR_INIT;
	char path[64];

	if (fd < 0) {
		ib_diag_add(pl->diag, errno == EXDEV ? IB_D_CONTEXT : IB_D_LAYOUT_FILE, file->at,
			    errno == EXDEV ? "'%s' leaves the context"
					   : "cannot open '%s' in the context: %s",
			    file->text, strerror(errno));
		return -1;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ib_sources_read_at(pl->plan->sources, AT_FDCWD, path, file->text, ret_span, &err) == 0)
		return 0;
	ib_diag_add(pl->diag, IB_D_LAYOUT_FILE, file->at, "%s", err.text);
	return -1;
}

/* DIB_BLOCK_DEVICE_CONFIG: file://PATH, or the YAML itself. */
static int read_variable(struct planner *pl, const char *value, struct ib_span *ret_span)
{
	static const char scheme[] = "file://";
	struct ib_error err = IB_ERROR_INIT;
	int r;

	if (strncmp(value, scheme, sizeof(scheme) - 1) == 0)
		r = ib_sources_read(pl->plan->sources, value + sizeof(scheme) - 1, ret_span, &err);
	else
		r = ib_sources_add(pl->plan->sources, "DIB_BLOCK_DEVICE_CONFIG", value,
				   strlen(value), ret_span, &err);
	if (r == 0)
		return 0;
	ib_diag_add(pl->diag, IB_D_LAYOUT_FILE, ((struct ib_span){ 0, 0 }),
		    "DIB_BLOCK_DEVICE_CONFIG: %s", err.text);
	return -1;
}

/* block-device-ARCH.yaml before block-device-default.yaml, of the first element that has one. */
static int read_elements(struct planner *pl, const struct plan_stage *stage,
			 struct ib_span *ret_span)
{
	struct plan *p = pl->plan;
	const char *files[] = { arena_printf(p->arena, "block-device-%s.yaml", p->arch),
				"block-device-default.yaml" };

	vec_foreach (const struct element *, e, &stage->set.members)
		for (size_t i = 0; (*e)->dir && i < ARRAY_SIZE(files); i++) {
			const char *path = arena_printf(p->arena, "%s/%s", (*e)->dir, files[i]);
			struct ib_error err = IB_ERROR_INIT;

			if (access(path, F_OK) < 0)
				continue;
			if (element_source(p->sources, path, ret_span, &err) == 0)
				return 0;
			ib_diag_add(pl->diag, IB_D_LAYOUT_FILE, (*e)->at, "%s", err.text);
			return -1;
		}
	return 0;
}

static const char *known_variable(const void *context, const char *name)
{
	return plan_known_find(context, name);
}

static int find_config(struct planner *pl, const struct plan_stage *stage, const struct ib_op *op,
		       struct layout_input *input)
{
	struct plan_known known = { pl->plan, stage };
	const char *config = plan_known_find(&known, "DIB_BLOCK_DEVICE_CONFIG");

	if (config && !*config)
		config = NULL;
	if (op && config) {
		ib_diag_add(pl->diag, IB_D_LAYOUT_CONFLICT, op->at,
			    "both this LAYOUT and DIB_BLOCK_DEVICE_CONFIG describe the disk; leave "
			    "one out");
		return -1;
	}
	if (op && op->layout.root) {
		input->root = op->layout.root;
		return 0;
	}
	if (op)
		return read_context_file(pl, op, &input->yaml);
	if (config)
		return read_variable(pl, config, &input->yaml);
	return read_elements(pl, stage, &input->yaml);
}

/* What the target needs to check and grow its file systems. */
static const struct {
	const char *kind, *package;
	bool is_for_check; /* of no other use than the check at boot that fstab asks for */
} packages[] = {
	{ "ext2", "e2fsprogs", false },
	{ "ext3", "e2fsprogs", false },
	{ "ext4", "e2fsprogs", false },
	{ "vfat", "dosfstools", true },
};

/* Without passno= it is 2, 1 for the root. */
static bool is_checked_at_boot(const struct ib_node *node)
{
	const char *passno = pairs_find(&node->attrs, "passno");
	const char *fstab = pairs_find(&node->attrs, "fstab");

	return pairs_find(&node->attrs, "mount") && !(passno && strcmp(passno, "0") == 0) &&
	       !(fstab && strcmp(fstab, "no") == 0);
}

static void add_packages(struct plan *p, struct plan_stage *stage, const struct ib_node *node,
			 struct ib_span at)
{
	for (; node; node = node->next) {
		for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
			if (strcmp(packages[i].kind, node->kind) == 0 &&
			    (!packages[i].is_for_check || is_checked_at_boot(node)))
				vec_push(p->arena, &stage->packages,
					 ((struct package_request){ .name = packages[i].package,
								    .at = at,
								    .phase = IB_PHASE_INSTALL }));
		add_packages(p, stage, node->children, at); /* nesting is bounded by the parser */
	}
}

static void set_device_kind(struct plan *p, struct plan_stage *stage, const char *kind)
{
	size_t at = 0;

	if (!kind || pairs_find(&stage->env, "DIB_BLOCK_DEVICE"))
		return;
	vec_push(p->arena, &stage->env,
		 ((struct ib_pair){ .key = "DIB_BLOCK_DEVICE", .value = kind }));
	/* Keep it sorted. */
	while (at + 1 < stage->env.len && strcmp(stage->env.items[at].key, "DIB_BLOCK_DEVICE") < 0)
		at++;
	for (size_t i = stage->env.len - 1; i > at; i--) {
		struct ib_pair swap = stage->env.items[i];

		stage->env.items[i] = stage->env.items[i - 1];
		stage->env.items[i - 1] = swap;
	}
}

static bool is_file_name(const char *name)
{
	return *name && *name != '.' && *name != '-' &&
	       name[strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz_.-")] == '\0';
}

/* The name of one of several disks. NULL where it was reported. */
static const char *disk_name(struct planner *pl, const struct plan_stage *stage,
			     const struct ib_op *op)
{
	const struct ib_node *root = op->layout.root;
	const char *name = root ? root->name : NULL;

	if (!name) {
		ib_diag_add(pl->diag, IB_D_DISK_NAME, op->keyword_at.end ? op->keyword_at : op->at,
			    "a stage with several disks has a name= for each, and this has none");
		ib_diag_hint(pl->diag, root ? "write name=data, for files called IMAGE-data.EXT"
					    : "--file describes the one disk of a stage");
	} else if (!is_file_name(name)) {
		ib_diag_add(pl->diag, IB_D_DISK_NAME, root->name_at,
			    "disk name '%s': letters, digits, '_', '-' and '.'", name);
		return NULL;
	}
	vec_foreach (struct plan_disk, other, &stage->disks) {
		if (!name || !other->name || strcmp(other->name, name) != 0)
			continue;
		ib_diag_add(pl->diag, IB_D_DISK_NAME, root->name_at,
			    "two disks of the stage are called '%s'", name);
		ib_diag_note(pl->diag, other->op->layout.root->name_at, "the other is here");
		return NULL;
	}
	return name;
}

/* What the target needs for what is on the disk. */
static void add_packages_of(struct plan *p, struct plan_stage *stage, const struct ib_op *op)
{
	const struct ib_node *root = op ? op->layout.root : NULL;
	const char *choice = root ? pairs_find(&root->attrs, "packages") : NULL;

	if (root && !(choice && strcmp(choice, "no") == 0))
		add_packages(p, stage, root, op->at);
}

static int add_disk(struct planner *pl, struct plan_stage *stage, const struct ib_op *op,
		    bool is_one_of_many)
{
	struct plan *p = pl->plan;
	struct plan_known *known = arena_alloc(p->arena, sizeof(*known));
	struct layout_input input = { .arch = p->arch,
				      .has_bootloader = stage->has_bootloader,
				      .has_vm = element_set_find(&stage->set, "vm") != NULL,
				      .is_one_of_many = is_one_of_many,
				      .lookup = known_variable,
				      .lookup_context = known };
	struct plan_disk disk = { .op = op };

	*known = (struct plan_known){ p, stage };
	if (is_one_of_many)
		disk.name = disk_name(pl, stage, op);
	if ((is_one_of_many && !disk.name) || find_config(pl, stage, op, &input) < 0)
		return -1;
	disk.layout = layout_new(&input, p->sources, p->arena, pl->diag);
	if (!disk.layout)
		return -1;
	vec_push(p->arena, &stage->disks, disk);
	return 0;
}

static int join_disks(struct planner *pl, struct plan_stage *stage)
{
	size_t n = stage->disks.len;
	struct layout **layouts = arena_alloc(pl->plan->arena, n * sizeof(*layouts));
	int root;

	for (size_t i = 0; i < n; i++)
		layouts[i] = stage->disks.items[i].layout;
	root = n > 1 ? layout_join(layouts, n, pl->diag) : 0;
	if (root < 0)
		return -1;
	stage->layout = layouts[root];
	return 0;
}

int disk_plan(struct planner *pl, struct plan_stage *stage)
{
	struct plan *p = pl->plan;
	const struct ib_op *op = layout_op(&stage->settings);
	size_t n = 0;
	int r = 0;

	vec_foreach (struct ib_op, it, &stage->settings)
		n += it->code == IB_OP_LAYOUT;
	if (!(stage->is_product && stage_needs_disk(p, stage->ir)) && !op)
		return 0;
	if (!op)
		r = add_disk(pl, stage, NULL, false);
	vec_foreach (struct ib_op, it, &stage->settings)
		if (it->code == IB_OP_LAYOUT)
			r |= add_disk(pl, stage, it, n > 1);
	if (r < 0 || join_disks(pl, stage) < 0)
		return -1;
	if (op)
		set_device_kind(p, stage, layout_device_kind(stage->layout));
	vec_foreach (struct plan_disk, disk, &stage->disks)
		add_packages_of(p, stage, disk->op);
	return 0;
}
