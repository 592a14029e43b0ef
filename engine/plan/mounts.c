/* SPDX-License-Identifier: Apache-2.0 */
/* RUN's --mount, --script and --input, as far as they can be known before the build. */
#include "plan/private.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *mount_value(const struct ib_mount *m, const char *key)
{
	return pairs_find(&m->keys, key);
}

static struct ib_span key_at(const struct ib_mount *m, const char *key)
{
	vec_foreach (struct ib_pair, pair, &m->keys)
		if (strcmp(pair->key, key) == 0)
			return pair->at;
	return m->at;
}

bool mount_is(const struct ib_mount *m, const char *key)
{
	const char *value = mount_value(m, key);

	return value && strcmp(value, "true") == 0;
}

bool mount_takes_tree(const struct ib_mount *m)
{
	return m->type == IB_MOUNT_BIND ||
	       (m->type == IB_MOUNT_CACHE &&
		(m->from.kind != IB_FROM_CONTEXT || mount_value(m, "source")));
}

const char *mount_target(const struct ib_op_run *run, const struct ib_mount *m, struct arena *a)
{
	const char *target = mount_value(m, "target"), *id = mount_value(m, "id");

	if (!target)
		return m->type == IB_MOUNT_SECRET && !mount_value(m, "env")
			       ? arena_printf(a, "/run/secrets/%s", id)
			       : NULL;
	if (target[0] == '/')
		return target;
	return arena_printf(a, "%s/%s", run->workdir ? run->workdir : "", target);
}

bool mount_size(const char *text, uint64_t *ret_bytes)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = { { "", 1 },
		      { "B", 1 },
		      { "KiB", 1u << 10 },
		      { "MiB", 1u << 20 },
		      { "GiB", 1u << 30 },
		      { "kB", 1000 },
		      { "MB", 1000u * 1000 },
		      { "GB", 1000u * 1000 * 1000 } };
	char *end;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret_bytes = n * units[i].bytes;
			return errno == 0 && n <= UINT64_MAX / units[i].bytes;
		}
	return false;
}

const char *plan_input(const struct plan *p, const char *path)
{
	return path[0] == '/' ? path : arena_printf(p->arena, "%s/%s", p->options->directory, path);
}

/* What the engine itself mounts in a target, and the root. */
static bool is_taken(struct arena *a, const char *target)
{
	static const char *const taken[] = { "proc", "sys", "dev" };
	const char *path = path_clean(a, target);

	if (!path || strcmp(path, ".") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		size_t n = strlen(taken[i]);

		if (strncmp(path, taken[i], n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

static void check_mount(const struct ib_op *op, const struct ib_mount *m, struct arena *a,
			struct ib_diag *diag)
{
	const char *target = mount_target(&op->run, m, a), *size = mount_value(m, "size");
	uint64_t bytes;

	if (target && is_taken(a, target))
		ib_diag_add(
			diag, IB_D_BAD_MOUNT, key_at(m, "target"),
			"nothing can be mounted on '%s': the build has a mount of its own there",
			target);
	if (size && !mount_size(size, &bytes))
		ib_diag_add(diag, IB_D_BAD_MOUNT, key_at(m, "size"),
			    "'%s' is not a size; write bytes, or as in 64MiB", size);
}

/* A source of the context is expanded as COPY expands it. */
static int expand_mount(const struct plan *p, const struct ib_op *op, const struct ib_mount *m,
			struct arena *a, struct copy_entry_vec *ret_entries, struct ib_diag *diag)
{
	const char *source = mount_value(m, "source");
	struct ib_op copy = { .code = IB_OP_COPY, .fragment = op->fragment };
	struct ib_word word = { source ? source : ".", key_at(m, "source") };

	if (!mount_takes_tree(m) || m->from.kind != IB_FROM_CONTEXT)
		return 0;
	copy.copy.dest = (struct ib_word){ "/", m->at };
	while (*word.text == '/')
		word.text++;
	if (!*word.text)
		word.text = ".";
	vec_push(a, &copy.copy.sources, word);
	return plan_copy_expand(p, &copy, a, ret_entries, diag);
}

static int check_script(const struct plan *p, const struct ib_op *op, struct ib_diag *diag)
{
	const char *dir = plan_context(p, op);
	cleanup_fd int context_fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	cleanup_fd int fd = -1;
	struct stat st;

	if (op->run.form != IB_RUN_FILE)
		return 0;
	fd = fs_open_beneath(context_fd, op->run.text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	ib_diag_add(diag, IB_D_CONTEXT, op->run.text_at, "'%s' %s", op->run.text,
		    fd >= 0          ? "is not a file"
		    : errno == EXDEV ? "leaves the context by a symbolic link"
				     : "is not in the context");
	return -1;
}

int plan_run_expand(const struct plan *p, const struct ib_op *op, struct arena *a,
		    struct copy_entry_vec **ret_mounted, struct ib_diag *diag)
{
	size_t errors = ib_diag_errors(diag), n = op->run.mounts.len;
	struct copy_entry_vec *mounted = arena_alloc(a, (n + 1) * sizeof(*mounted));

	(void)check_script(p, op, diag);
	for (size_t i = 0; i < n; i++) {
		const struct ib_mount *m = &op->run.mounts.items[i];

		check_mount(op, m, a, diag);
		(void)expand_mount(p, op, m, a, &mounted[i], diag);
	}
	*ret_mounted = mounted;
	return ib_diag_errors(diag) > errors ? -1 : 0;
}
