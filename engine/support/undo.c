/* SPDX-License-Identifier: Apache-2.0 */
/* The undo stack of a build. */
#include "support/undo.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <fcntl.h>

struct undo_entry {
	struct undo_entry *next;
	void (*fn)(void *);
	void *arg;
};

void undo_push(struct undo *u, void (*fn)(void *), void *arg)
{
	struct undo_entry *e = ib_xmalloc(sizeof(*e));

	*e = (struct undo_entry){ .next = u->top, .fn = fn, .arg = arg };
	u->top = e;
}

static void remove_tree(void *path)
{
	struct ib_error err = IB_ERROR_INIT;

	(void)fs_remove_at(AT_FDCWD, path, &err); /* nobody is left to tell */
	free(path);
}

void undo_push_tree(struct undo *u, const char *path)
{
	undo_push(u, remove_tree, ib_xstrdup(path));
}

void undo_unwind(struct undo *u)
{
	while (u->top) {
		struct undo_entry *e = u->top;

		u->top = e->next;
		e->fn(e->arg);
		free(e);
	}
}
