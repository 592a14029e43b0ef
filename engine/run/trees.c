/* SPDX-License-Identifier: Apache-2.0 */
/* Trees that are not the stage's own: what COPY --from and RUN --mount from= read. */
#include "run/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int run_tree_open(struct run_tree *t, struct arena *a, struct ib_error *err)
{
	struct sandbox_layers layers = { .lowers = t->layers, .len = t->layers_len };
	cleanup_free char *root = NULL;
	int r;

	if (t->root)
		return 0;
	r = sandbox_open_tree(&layers, &t->root_fd, &root, err);
	if (r < 0)
		return r;
	t->root = arena_strdup(a, root);
	return 0;
}

/* The descriptor stays open as long as the supervisor lives. */
static int context_open(struct stage_run *sr, const char *path, struct ib_error *err)
{
	int fd;

	vec_foreach (struct context, c, &sr->contexts)
		if (strcmp(c->path, path) == 0)
			return c->fd;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open the context '%s'", path);
	vec_push(sr->arena, &sr->contexts, ((struct context){ path, fd }));
	return fd;
}

/* NULL: the context. */
static int find(struct stage_run *sr, const struct ib_tree_ref *ref, bool is_key_enough,
		struct run_tree **ret_tree, struct ib_error *err)
{
	*ret_tree = NULL;
	if (ref->kind == IB_FROM_CONTEXT)
		return 0;
	if (ref->kind != IB_FROM_STAGE)
		return import_open(sr, ref, is_key_enough, ret_tree, err);
	*ret_tree = sr->run->trees ? sr->run->trees[ref->stage] : NULL;
	return *ret_tree ? 0
			 : ib_fail_text(err, ENOENT, "the tree of '%s' was not made", ref->name);
}

int tree_ref_open(struct stage_run *sr, const struct ib_tree_ref *ref, int *ret_fd,
		  const char **ret_path, struct digest *ret_key, struct ib_error *err)
{
	const char *context = ref->name ? ref->name : sr->run->plan->context;
	struct run_tree *t = NULL;
	int r;

	err->at = ref->at;
	r = find(sr, ref, !ret_fd && !ret_path, &t, err);
	if (r < 0)
		return r;
	if (ret_fd || ret_path) {
		r = t ? run_tree_open(t, sr->arena, err) : context_open(sr, context, err);
		if (r < 0)
			return r;
	}
	if (ret_fd)
		*ret_fd = t ? t->root_fd : r;
	if (ret_path)
		*ret_path = t ? t->root : context;
	if (ret_key)
		*ret_key = t ? t->key : (struct digest){ 0 };
	err->at = (struct ib_span){ 0, 0 };
	return 0;
}
