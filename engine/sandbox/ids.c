/* SPDX-License-Identifier: Apache-2.0 */
/* "U[:G]" of USER and --user, looked up in the passwd and group files of the root that the step
 * sees. */
#include "sandbox/internal.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (64 * 1024)

static FILE *open_in(int root_fd, const char *path)
{
	int fd = fs_open_in(root_fd, path, O_RDONLY | O_CLOEXEC, 0);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		(void)close(fd);
	return f;
}

static bool is_number(const char *s, unsigned int *ret_id)
{
	char *end = NULL;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return false;
	n = strtoul(s, &end, 10);
	if (*end || n > UINT32_MAX - 1)
		return false;
	*ret_id = (unsigned int)n;
	return true;
}

/* A name first, then a number; a number needs no line, and its group is 0 then. */
static int find_user(int root_fd, const char *name, struct ids *ids, char *ret_name, size_t size,
		     struct ib_error *err)
{
	FILE *f = open_in(root_fd, "/etc/passwd");
	cleanup_free char *line = ib_xmalloc(LINE_MAX_BYTES);
	struct passwd pw, *found = NULL;
	unsigned int id = 0;
	bool numeric = is_number(name, &id);

	while (f && fgetpwent_r(f, &pw, line, LINE_MAX_BYTES, &found) == 0)
		if (strcmp(pw.pw_name, name) == 0 || (numeric && pw.pw_uid == id))
			break;
		else
			found = NULL;
	if (f)
		(void)fclose(f);
	if (!found && !numeric)
		return ib_fail_text(err, ENOENT, "no user '%s' in /etc/passwd of the target", name);
	ids->uid = found ? pw.pw_uid : id;
	ids->gid = found ? pw.pw_gid : 0;
	(void)snprintf(ids->home, sizeof(ids->home), "%s", found && pw.pw_dir[0] ? pw.pw_dir : "/");
	(void)snprintf(ret_name, size, "%s", found ? pw.pw_name : "");
	return 0;
}

static void add_group(struct ids *ids, gid_t gid)
{
	for (size_t i = 0; i < ids->groups_len; i++)
		if (ids->groups[i] == gid)
			return;
	if (ids->groups_len < ARRAY_SIZE(ids->groups))
		ids->groups[ids->groups_len++] = gid;
}

static bool has_member(const struct group *gr, const char *name)
{
	for (char **m = gr->gr_mem; *name && *m; m++)
		if (strcmp(*m, name) == 0)
			return true;
	return false;
}

/* GROUP: the one asked for, or NULL; the groups that NAME is a member of are added either way. */
static int find_groups(int root_fd, const char *name, const char *group, struct ids *ids,
		       struct ib_error *err)
{
	FILE *f = open_in(root_fd, "/etc/group");
	cleanup_free char *line = ib_xmalloc(LINE_MAX_BYTES);
	struct group gr, *entry = NULL;
	unsigned int id = 0;
	bool found = group && is_number(group, &id);

	if (found)
		ids->gid = id;
	while (f && fgetgrent_r(f, &gr, line, LINE_MAX_BYTES, &entry) == 0) {
		if (group && strcmp(gr.gr_name, group) == 0) {
			ids->gid = gr.gr_gid;
			found = true;
		}
		if (!group && has_member(&gr, name))
			add_group(ids, gr.gr_gid);
	}
	if (f)
		(void)fclose(f);
	if (group && !found)
		return ib_fail_text(err, ENOENT, "no group '%s' in /etc/group of the target",
				    group);
	add_group(ids, ids->gid);
	return 0;
}

int ids_find(int root_fd, const char *user, struct ids *ret_ids, struct ib_error *err)
{
	struct ids ids = { .home = "/root" };
	const char *colon = user ? strchr(user, ':') : NULL;
	char login[256] = "", name[256] = "";
	int r;

	if (!user) {
		add_group(&ids, 0);
		*ret_ids = ids;
		return 0;
	}
	(void)snprintf(login, sizeof(login), "%.*s", colon ? (int)(colon - user) : 255, user);
	r = find_user(root_fd, login[0] ? login : "0", &ids, name, sizeof(name), err);
	if (r == 0)
		r = find_groups(root_fd, name, colon ? colon + 1 : NULL, &ids, err);
	if (r < 0)
		return r;
	*ret_ids = ids;
	return 0;
}
