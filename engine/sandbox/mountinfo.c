/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that a step left behind: the difference of two /proc/self/mountinfo. */
#include "sandbox/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* "\040" and the like back to bytes, in place. */
static char *unescape(char *s)
{
	char *out = s;

	for (const char *p = s; *p; out++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
			*out = (char)(((p[1] - '0') << 6) | ((p[2] - '0') << 3) | (p[3] - '0'));
			p += 4;
		} else {
			*out = *p++;
		}
	}
	*out = '\0';
	return s;
}

/* "36 35 98:0 /root /target rw,noatime master:1 - ext3 /dev/root rw" */
static bool parse_line(char *line, struct mount_entry *m)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save);
	char *words[6];
	size_t n = 0;

	for (; word && n < ARRAY_SIZE(words); word = strtok_r(NULL, " \n", &save))
		words[n++] = word;
	while (word && strcmp(word, "-") != 0)
		word = strtok_r(NULL, " \n", &save);
	word = word ? strtok_r(NULL, " \n", &save) : NULL;
	if (n < ARRAY_SIZE(words) || !word)
		return false;
	*m = (struct mount_entry){ .id = strtoull(words[0], NULL, 10),
				   .parent = strtoull(words[1], NULL, 10),
				   .device = words[2],
				   .root = unescape(words[3]),
				   .target = unescape(words[4]),
				   .type = word };
	return true;
}

int mountinfo_read(struct arena *a, struct mount_vec *ret_mounts, struct ib_error *err)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct mount_vec mounts = { 0 };
	cleanup_free char *line = NULL;
	size_t size = 0;

	if (!f)
		return ib_fail(err, errno, "open /proc/self/mountinfo");
	while (getline(&line, &size, f) > 0) {
		struct mount_entry m;

		if (parse_line(arena_strdup(a, line), &m))
			vec_push(a, &mounts, m);
	}
	(void)fclose(f);
	*ret_mounts = mounts;
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static const struct mount_entry *find_id(const struct mount_vec *mounts, uint64_t id)
{
	vec_foreach (const struct mount_entry, m, mounts) {
		if (m->id == id)
			return m;
	}
	return NULL;
}

/* Kinds that are new with every mount and mean the same everywhere: made again by binding ours. */
static const char *standing_source(const char *type)
{
	static const char *const rows[][2] = { { "proc", "/proc" },
					       { "sysfs", "/sys" },
					       { "devpts", "/dev/pts" } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(type, rows[i][0]) == 0)
			return rows[i][1];
	return NULL;
}

/* A path that shows what M shows: through the mount of BEFORE with the same file system whose root
 * is nearest above M's. NULL where there is none: M is no bind. */
static const char *find_source(struct arena *a, const struct mount_vec *before,
			       const struct mount_entry *m)
{
	const struct mount_entry *best = NULL;
	size_t best_len = 0;

	vec_foreach (const struct mount_entry, b, before) {
		size_t len = strcmp(b->root, "/") == 0 ? 0 : strlen(b->root);

		if (strcmp(b->device, m->device) != 0 || (len && !is_below(m->root, b->root)))
			continue;
		if (!best || len > best_len) {
			best = b;
			best_len = len;
		}
	}
	if (!best)
		return standing_source(m->type);
	if (strcmp(m->root + best_len, "/") == 0 || m->root[best_len] == '\0')
		return best->target;
	return arena_printf(a, "%s%s", strcmp(best->target, "/") == 0 ? "" : best->target,
			    m->root + best_len);
}

/* The notifier binds host nodes on stand-ins at chroot(2); they come again by themselves. */
static bool is_node(const struct mount_entry *m)
{
	static const char *const nodes[] = { SB_NODES };
	const char *slash = strrchr(m->target, '/');

	if (!slash || slash - m->target < 4 || strncmp(slash - 4, "/dev", 4) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		if (strcmp(slash + 1, nodes[i]) == 0)
			return true;
	return false;
}

/* A recursive bind brings the mounts below its source along: M shows what the source shows at that
 * place. */
static bool came_along(const struct mount_diff *diff, const struct mount_entry *m,
		       const char *source)
{
	vec_foreach (const struct sandbox_left, l, &diff->left) {
		size_t target_len = strlen(l->target), source_len = strlen(l->source);

		if (is_below(m->target, l->target) && is_below(source, l->source) &&
		    strcmp(m->target + target_len, source + source_len) == 0)
			return true;
	}
	return false;
}

struct mount_diff mountinfo_diff(struct arena *a, const struct mount_vec *before,
				 const struct mount_vec *after)
{
	struct mount_diff diff = { 0 };

	vec_foreach (const struct mount_entry, m, after) {
		struct sandbox_left left = { .target = m->target };

		if (find_id(before, m->id) || is_node(m) ||
		    !(is_below(m->target, SB_MNT) || is_below(m->target, SB_HOME)))
			continue;
		left.source = find_source(a, before, m);
		if (!left.source || access(left.source, F_OK) < 0)
			diff.has_other_mounts = true;
		else if (!came_along(&diff, m, left.source))
			vec_push(a, &diff.left, left);
	}
	return diff;
}

bool mountinfo_is_gone(const struct mount_vec *before, const struct mount_vec *after,
		       const char *target)
{
	vec_foreach (const struct mount_entry, m, before) {
		if (strcmp(m->target, target) == 0 && !find_id(after, m->id))
			return true;
	}
	return false;
}
