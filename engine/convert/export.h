/* SPDX-License-Identifier: Apache-2.0 */
/* Steps as hooks: for export, and for what two plans have in common. */
#ifndef IMAGEBUILD_CONVERT_EXPORT_H
#define IMAGEBUILD_CONVERT_EXPORT_H

#include "convert/private.h"
#include "plan/plan.h"

/* A step written as a hook. The caller sets what stands above TEXT, and releases TEXT. */
struct export_script {
	struct convert_job *job;
	const struct plan_stage *stage;
	const struct step *step;
	const char *context; /* what paths of the step are below */
	const char *element; /* the name of the element that gets it */
	const char *beside;  /* the directory of its files, in hooks/ */
	bool has_pkg_map;    /* the element has one */
	struct buf text;     /* the script; set */
	struct convert_file_vec data; /* its files, below BESIDE; set */
	bool is_refused;     /* dib cannot say it: reported */
};

/* False for a step that is no line of a recipe or a fragment: another part of the export says it. */
bool export_step(struct export_script *x);
/* The name of the element of a stage's own lines, and of the hook of its NUMBERth step. */
const char *export_name(const struct plan *plan, const struct plan_stage *stage, struct arena *a);
const char *export_hook(const struct step *s, size_t number, struct arena *a);
/* TEXT for a shell. */
void export_quote(struct buf *out, const char *text);

#endif
