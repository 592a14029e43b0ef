/* SPDX-License-Identifier: Apache-2.0 */
/* What the language has and this version does not build yet: an error at its own place, so that
 * nothing is passed over in silence. Building a thing removes its line here. */
#include "plan/private.h"

#include "output/output.h"

#include <fcntl.h>
#include <string.h>

static void unbuilt(struct planner *pl, struct ib_span at, const char *what)
{
	ib_diag_add(pl->diag, IB_D_NOT_BUILT_YET, at, "%s is not built yet", what);
}

static void check_base(struct planner *pl, const struct ib_op *op)
{
	if (op->base.arch && strcmp(op->base.arch, pl->plan->arch) != 0)
		unbuilt(pl, op->at, "an image for another architecture than this machine's");
}

static void check_format(struct planner *pl, const char *name, struct ib_span at)
{
	const struct output_format *f = output_find(name);

	if (f && f->is_later)
		ib_diag_add(pl->diag, IB_D_NOT_BUILT_YET, at, "output format '%s' is not built yet",
			    name);
}

static void check_output(struct planner *pl, const struct ib_op *op)
{
	vec_foreach (struct ib_word, format, &op->output.formats)
		if (pl->plan->options->formats.len == 0)
			check_format(pl, format->text, format->at);
}

static void check_op(struct planner *pl, const struct ib_op *op)
{
	switch (op->code) {
	case IB_OP_BASE:
		check_base(pl, op);
		break;
	case IB_OP_OUTPUT:
		check_output(pl, op);
		break;
	case IB_OP_LATER:
		ib_diag_add(pl->diag, IB_D_NOT_BUILT_YET, op->later.at.end ? op->later.at : op->at,
			    "%s is not built yet", op->later.text);
		break;
	case IB_OP_RUN:
	case IB_OP_COPY:
	case IB_OP_ADD:
	case IB_OP_SOURCE:
	case IB_OP_ELEMENT:
	case IB_OP_ENV:
	case IB_OP_ARG:
	case IB_OP_PACKAGE:
	case IB_OP_WORKDIR:
	case IB_OP_LAYOUT:
	case IB_OP_LABEL:
	case IB_OP_CONFIG:
	case IB_OP_PROVIDES:
	case IB_OPS:
		break;
	}
}

void unbuilt_check_ops(struct planner *pl, const struct ib_op_vec *ops)
{
	vec_foreach (struct ib_op, op, ops)
		check_op(pl, op);
}

void unbuilt_check(struct planner *pl, const struct ib_stage *stage)
{
	unbuilt_check_ops(pl, &stage->ops);
	vec_foreach (const char *, format, &pl->plan->options->formats)
		check_format(pl, *format, stage->at);
}

static bool names_device(const struct hook_file *f)
{
	static const char name[] = "IMAGE_BLOCK_DEVICE";
	cleanup_fd int fd = open(f->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char text[65536];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	return n > 0 && memmem(text, (size_t)n, name, sizeof(name) - 1);
}

/* Disks are written without devices, so a hook that wants one cannot do its work. Our bootloader
 * element is the engine's other half and never asks. */
void unbuilt_check_hooks(struct planner *pl, const struct plan_stage *stage)
{
	for (int phase = 0; phase < IB_PHASES; phase++) {
		struct hook_file_vec files;

		hooks_phase(&stage->own_hooks,
			    arena_printf(pl->plan->arena, "%s.d", ib_phases[phase].name),
			    pl->plan->arena, &files);
		vec_foreach (struct hook_file, f, &files) {
			if (strcmp(f->element->name, "bootloader") == 0 || !names_device(f))
				continue;
			ib_diag_add(pl->diag, IB_D_NEEDS_DEVICE, f->at,
				    "hook '%s' of element '%s' uses IMAGE_BLOCK_DEVICE, but disks "
				    "are made "
				    "without block devices",
				    f->path, f->element->name);
			ib_diag_hint(pl->diag,
				     "leave '%s' out; 'bootloader' and LAYOUT do what most such "
				     "hooks do",
				     f->element->name);
		}
	}
}
