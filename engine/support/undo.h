/* SPDX-License-Identifier: Apache-2.0 */
/* What must be taken back when a build ends: pushed on the line after it exists, unwound in reverse. */
#ifndef IMAGEBUILD_UNDO_H
#define IMAGEBUILD_UNDO_H

#include <imagebuild/base.h>

struct undo_entry;

struct undo {
	struct undo_entry *top;
};

#define UNDO_INIT { NULL }

void undo_push(struct undo *u, void (*fn)(void *), void *arg);
/* A temporary file or tree: removed with fs_remove_at. PATH is copied. */
void undo_push_tree(struct undo *u, const char *path);
/* Runs and forgets everything, newest first. */
void undo_unwind(struct undo *u);

#define cleanup_undo __attribute__((cleanup(undo_unwind)))

#endif
