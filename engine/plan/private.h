/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of plan/ share and nobody else sees. */
#ifndef IMAGEBUILD_PLAN_PRIVATE_H
#define IMAGEBUILD_PLAN_PRIVATE_H

#include "plan/plan.h"

#include <imagebuild/error.h>

/* A plan being made. */
struct planner {
	struct plan *plan;
	struct ib_diag *diag;
	size_t errors; /* of DIAG, before it was begun */
	struct ib_error *err;
};

/* unbuilt.c: what is checked but not built yet, at its place. The second half needs hooks and
 * variables. */
void unbuilt_check(struct planner *pl, const struct ib_stage *stage);
void unbuilt_check_ops(struct planner *pl, const struct ib_op_vec *ops);
void unbuilt_check_hooks(struct planner *pl, const struct plan_stage *stage);

/* disk.c: the LAYOUT among OPS, NULL if there is none. */
const struct ib_op *layout_op(const struct ib_op_vec *ops);
bool stage_needs_disk(const struct plan *p, const struct ib_stage *stage);
/* dib's automatic block-device-mbr or -efi, as an ELEMENT where `vm` stands; NULL where none can be
 * wanted. It joins if nothing provides a block device. */
const struct ib_op *disk_automatic(struct planner *pl, const struct ib_stage *stage);
/* Makes the layout and what follows from it: DIB_BLOCK_DEVICE, packages. -1 with DIAG set. */
int disk_plan(struct planner *pl, struct plan_stage *stage);

/* lower.c: the steps of a stage in order. */
int lower_stage(struct planner *pl, struct plan_stage *stage);
/* Whether all that R asks for is known without a shell. */
bool request_is_known(const struct package_request *r, const struct plan_known *known);
/* Whether R is part of the transaction that installs, or of the one that removes. */
bool request_is_of(const struct package_request *r, enum ib_phase phase, bool is_removal);

/* fetches.c: collects STAGE's sources, and reports those that cannot be. -1 with DIAG set. */
int fetches_plan(struct planner *pl, struct plan_stage *stage);
/* Calls NEED with "curl" or "git" for each thing that STAGE fetches. */
void fetches_tools(const struct plan *p, const struct plan_stage *stage,
		   void (*need)(void *context, const char *tool, const char *why, struct ib_span at), void *context);

/* base.c: looks at what REF of OP names where that is oci: or tar:. -1 with DIAG or ERR set. */
int plan_import_add(struct planner *pl, const struct ib_op *op, const struct ib_tree_ref *ref);
/* base.c: a second operating system beside the base. -1 with DIAG set. */
int plan_base_check(struct planner *pl, const struct plan_stage *stage);

/* key.c */
int key_stage(struct planner *pl, struct plan_stage *stage);
/* A line "name length:value\n". */
void key_add(struct buf *out, const char *name, const char *value, size_t n);
void key_text(struct buf *out, const char *name, const char *value);
void key_digest(struct buf *out, const char *name, const struct digest *d);
/* "NAME value", the value of a secret as its HMAC. */
void key_variable(struct buf *out, const char *name, const char *value);

/* steps.c: what the tree of B in CONTEXT is known by. */
int key_base(const struct plan *p, const char *context, const struct base *b, struct buf *out, struct ib_error *err);

/* epoch.c: SOURCE_DATE_EPOCH, -1 where the build must find it. */
int64_t plan_epoch(const struct plan *p);

/* http_proxy and its kin: of the caller's machine, in no key and no text. */
bool plan_is_proxy_name(const char *variable);

/* ignore.c: a file's patterns in order, '!' in front of those that take back; whether they keep PATH, or a
 * directory above it, out. */
void ignore_parse(struct arena *a, const char *text, size_t n, struct str_vec *ret_patterns);
bool ignore_matches(const struct str_vec *patterns, const char *path);
/* a/./b//c/../d as a/b/d; NULL where it leaves through "..". */
const char *path_clean(struct arena *a, const char *path);

/* context.c */
const char *context_find(struct planner *pl);

/* The value of KEY in PAIRS, or NULL. */
const char *pairs_find(const struct ib_pair_vec *pairs, const char *key);

#endif
