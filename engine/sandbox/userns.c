/* SPDX-License-Identifier: Apache-2.0 */
/* The user namespace: who needs one, and its maps. "0 UID 1" and "1 SUB 65535" make the caller root
 * and give every other id that a distribution uses; newuidmap(1) may write that, an ordinary user
 * may not. */
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define IDS_NEEDED 65535UL
#define EXTENTS_MAX 16

static bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

bool idmap_is_needed(void)
{
	return geteuid() != 0 || !has_capability(CAP_SYS_ADMIN);
}

pid_t sb_clone(unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
}

int sb_clone_fail(int code, struct ib_error *err)
{
	(void)ib_fail(err, code, "make a user namespace");
	if (code == ENOSPC)
		return ib_hint(err, "raise the limit: sysctl user.max_user_namespaces=15000");
	return ib_hint(err,
		       "this machine forbids user namespaces to ordinary users: allow them (sysctl "
		       "kernel.unprivileged_userns_clone=1, or "
		       "kernel.apparmor_restrict_unprivileged_userns=0), "
		       "or run as root with CAP_SYS_ADMIN");
}

/* One pass over /etc/subuid or /etc/subgid: a range of NAME that is large enough, and the end of
 * all ranges. */
static unsigned long find_range(const char *file, const char *name, unsigned long *ret_end)
{
	FILE *f = fopen(file, "re");
	unsigned long found = 0, start = 0, count = 0;
	char line[512], owner[256], id[32];

	*ret_end = 100000;
	if (!f)
		return 0;
	(void)snprintf(id, sizeof(id), "%u", (unsigned int)getuid());
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%255[^:]:%lu:%lu", owner, &start, &count) != 3)
			continue;
		if (start + count > *ret_end)
			*ret_end = start + count;
		if (!found && count >= IDS_NEEDED &&
		    (strcmp(owner, name) == 0 || strcmp(owner, id) == 0))
			found = start;
	}
	(void)fclose(f);
	return found;
}

static int find_sub(const char *file, const char *name, unsigned long *ret_start,
		    struct ib_error *err)
{
	unsigned long end = 0, start = find_range(file, name, &end);

	if (start) {
		*ret_start = start;
		return 0;
	}
	(void)ib_fail_text(err, EPERM, "no subordinate ids: %s has no range of 65536 for '%s'",
			   file, name);
	return ib_hint(err, "add the line %s:%lu:65536 to %s", name, end, file);
}

int idmap_find(struct idmap *ret_map, struct ib_error *err)
{
	struct idmap map = { .uid = geteuid(), .gid = getegid() };
	const struct passwd *pw = getpwuid(getuid());
	char name[256];
	int r;

	if (geteuid() == 0 && has_capability(CAP_SETUID) && has_capability(CAP_SETGID)) {
		map.is_by_hand = true;
		*ret_map = map;
		return 0;
	}
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return ib_fail_text(
			err, EPERM,
			"no_new_privs is set for this process, so newuidmap cannot map ids");
	(void)snprintf(name, sizeof(name), pw ? "%s" : "%.0s%u", pw ? pw->pw_name : "",
		       (unsigned int)getuid());
	r = find_sub("/etc/subuid", name, &map.sub_uid, err);
	if (r == 0)
		r = find_sub("/etc/subgid", name, &map.sub_gid, err);
	if (r < 0)
		return r;
	*ret_map = map;
	return 0;
}

/* The caller's own map again: each extent of its own, as one extent may not span two of the parent.
 */
static int write_own_map(const char *from, pid_t pid, const char *name, struct ib_error *err)
{
	cleanup_free char *to = ib_xprintf("/proc/%d/%s", (int)pid, name);
	cleanup_buf struct buf text = BUF_INIT;
	FILE *f = fopen(from, "re");
	unsigned long inside = 0, count = 0;
	size_t extents = 0;
	cleanup_fd int fd = -1;

	if (!f)
		return ib_fail(err, errno, "open %s", from);
	while (extents++ < EXTENTS_MAX && fscanf(f, "%lu %*u %lu", &inside, &count) == 2)
		buf_printf(&text, "%lu %lu %lu\n", inside, inside, count);
	(void)fclose(f);
	fd = open(to, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open %s", to);
	/* The kernel takes a map in one write only. */
	if (write(fd, text.data, text.len) != (ssize_t)text.len)
		return ib_fail(err, errno, "write %s", to);
	return 0;
}

static int run_newidmap(const char *program, pid_t pid, unsigned long own, unsigned long sub,
			struct ib_error *err)
{
	cleanup_free char *pid_text = ib_xprintf("%d", (int)pid);
	cleanup_free char *own_text = ib_xprintf("%lu", own);
	cleanup_free char *sub_text = ib_xprintf("%lu", sub);
	const char *argv[] = {
		program, pid_text, "0", own_text, "1", "1", sub_text, "65535", NULL
	};
	const struct child_spec spec = { .argv = argv, .in_fd = -1, .out_fd = -1, .err_fd = -1 };
	int r = child_run(&spec, NULL, err);

	if (r == -ENOENT)
		return ib_hint(
			err, "install the package uidmap (shadow-utils on Fedora, shadow on SUSE)");
	if (r < 0)
		return ib_wrap(err, "map subordinate ids");
	return 0;
}

int idmap_write(const struct idmap *map, pid_t pid, struct ib_error *err)
{
	int r;

	if (map->is_by_hand) {
		r = write_own_map("/proc/self/uid_map", pid, "uid_map", err);
		return r < 0 ? r : write_own_map("/proc/self/gid_map", pid, "gid_map", err);
	}
	r = run_newidmap("newuidmap", pid, map->uid, map->sub_uid, err);
	return r < 0 ? r : run_newidmap("newgidmap", pid, map->gid, map->sub_gid, err);
}
