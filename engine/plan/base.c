/* SPDX-License-Identifier: Apache-2.0 */
/* Bases and trees of COPY --from that are files of the context: found there, looked at, keyed by
 * content. */
#include "plan/private.h"

#include "base/base.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int plan_base_open(const char *context, const struct base *b)
{
	cleanup_fd int dir_fd = context ? open(context, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!context)
		errno = ENOENT;
	return dir_fd < 0 ? -1
			  : fs_open_beneath(dir_fd, b->path,
					    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static void report_open(const struct base *b, struct ib_diag *diag)
{
	if (errno == EXDEV || errno == ELOOP)
		ib_diag_add(diag, IB_D_CONTEXT, b->at, "'%s' leaves the context", b->path);
	else if (errno == ENOENT)
		ib_diag_add(diag, IB_D_CONTEXT, b->at, "'%s' is not in the context", b->path);
	else
		ib_diag_add(diag, IB_D_CONTEXT, b->at, "cannot open '%s' in the context: %s",
			    b->path, strerror(errno));
}

int plan_base_find(const struct plan *p, const char *context, const struct base *as,
		   const char *name, struct arena *a, const struct base **ret_base,
		   struct ib_diag *diag, struct ib_error *err)
{
	struct base *b = arena_alloc(a, sizeof(*b));
	cleanup_fd int fd = -1;
	const char *path;

	*b = *as;
	b->arch = p->arch;
	*ret_base = b;
	if (b->kind == BASE_SCRATCH)
		return 0;
	base_parse(b, name, a);
	path = path_clean(a, b->path);
	if (!path) {
		ib_diag_add(diag, IB_D_CONTEXT, b->at, "'%s' leaves the context", b->path);
		return -1;
	}
	b->path = path;
	fd = plan_base_open(context, b);
	if (fd < 0) {
		report_open(b, diag);
		return -1;
	}
	return base_look(b, fd, a, diag, err);
}

int plan_base_of(const struct plan *p, const struct ib_op *op, struct arena *a,
		 const struct base **ret_base, struct ib_diag *diag, struct ib_error *err)
{
	const struct base as = { .kind = base_kind_of(op->base.kind), .at = op->base.at };

	return plan_base_find(p, plan_context(p, op), &as, op->base.name, a, ret_base, diag, err);
}

int plan_base_key(const struct plan *p, const char *context, const struct base *b,
		  struct digest *ret_key, struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	int r;

	key_text(&text, "import", "1");
	r = key_base(p, context, b, &text, err);

	if (r >= 0)
		digest_of(text.data, text.len, ret_key);
	return r;
}

int plan_import_add(struct planner *pl, const struct ib_op *op, const struct ib_tree_ref *ref)
{
	struct plan *p = pl->plan;
	struct base as = { .kind = BASE_TAR, .at = ref->at };
	struct plan_import import = { .ref = ref, .context = plan_context(p, op) };

	if (ref->kind == IB_FROM_OCI)
		as.kind = BASE_OCI;
	else if (ref->kind != IB_FROM_TAR)
		return 0;
	if (plan_base_find(p, import.context, &as, ref->name, p->arena, &import.base, pl->diag,
			   pl->err) < 0)
		return -1;
	vec_push(p->arena, &p->imports, import);
	return 0;
}

const struct plan_import *plan_import_find(const struct plan *p, const struct ib_tree_ref *ref)
{
	vec_foreach (const struct plan_import, import, &p->imports)
		if (import->ref == ref)
			return import;
	return NULL;
}

const struct base *plan_base_below(const struct plan_stage *stage)
{
	while (stage->parent)
		stage = stage->parent;
	return stage->base;
}

static bool provides_system(const struct element *e)
{
	vec_foreach (const char *, name, &e->provides)
		if (strcmp(*name, "operating-system") == 0)
			return true;
	return false;
}

int plan_base_check(struct planner *pl, const struct plan_stage *stage)
{
	const struct base *b = plan_base_below(stage);
	int r = 0;

	if (!b)
		return 0;
	vec_foreach (const struct element *, e, &stage->set.members) {
		if (!provides_system(*e))
			continue;
		ib_diag_add(pl->diag, IB_D_ALREADY_PROVIDED, (*e)->at,
			    "element '%s' brings an operating system, and so does FROM %s%s%s",
			    (*e)->name, base_word(b->kind), b->path ? ":" : "",
			    b->path ? b->path : "");
		ib_diag_note(pl->diag, b->at, "the base is here");
		ib_diag_hint(pl->diag, "write FROM %s, or leave it out", (*e)->name);
		r = -1;
	}
	return r;
}
