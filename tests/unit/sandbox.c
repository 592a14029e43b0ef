/* SPDX-License-Identifier: Apache-2.0 */
/* What of the sandbox needs no namespace: mounts left behind, users of the target. */
#include "test.h"

#include "sandbox/internal.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>

static struct mount_entry entry(uint64_t id, const char *device, const char *root,
				const char *target, const char *type)
{
	return (struct mount_entry){
		.id = id, .device = device, .root = root, .target = target, .type = type
	};
}

static struct mount_vec before_of(struct arena *a)
{
	struct mount_vec v = { 0 };

	vec_push(a, &v, entry(1, "0:1", "/", "/", "tmpfs"));
	vec_push(a, &v, entry(2, "8:1", "/usr", "/usr", "ext4"));
	vec_push(a, &v, entry(3, "8:1", "/usr/share", "/usr/share", "ext4"));
	vec_push(a, &v, entry(4, "0:2", "/", SB_BUILD, "overlay"));
	return v;
}

TEST("a bind is told by the nearest mount that shows its source")
{
	cleanup_arena struct arena *a = arena_new();
	struct mount_vec before = before_of(a), after = before_of(a);
	struct mount_diff diff;

	vec_push(a, &after, entry(10, "8:1", "/usr/share", SB_MNT "/x", "ext4"));
	vec_push(a, &after, entry(11, "8:1", "/usr/bin", SB_MNT "/y", "ext4"));
	vec_push(a, &after, entry(12, "8:1", "/usr", "/elsewhere", "ext4"));
	diff = mountinfo_diff(a, &before, &after);
	check_int(diff.left.len, 2);
	check_str(diff.left.items[0].source, "/usr/share");
	check_str(diff.left.items[1].source, "/usr/bin");
	check_str(diff.left.items[1].target, SB_MNT "/y");
	check(!diff.has_other_mounts);
}

TEST("what a recursive bind brought along is not told again")
{
	cleanup_arena struct arena *a = arena_new();
	struct mount_vec before = before_of(a), after = before_of(a);
	struct mount_diff diff;

	vec_push(a, &after, entry(10, "8:1", "/usr", SB_MNT "/u", "ext4"));
	vec_push(a, &after, entry(11, "8:1", "/usr/share", SB_MNT "/u/share", "ext4"));
	vec_push(a, &after, entry(12, "8:1", "/usr/share", SB_MNT "/u/doc", "ext4"));
	diff = mountinfo_diff(a, &before, &after);
	check_int(diff.left.len, 2);
	check_str(diff.left.items[1].target, SB_MNT "/u/doc");
}

TEST("a new file system is no bind, sysfs is made again from ours")
{
	cleanup_arena struct arena *a = arena_new();
	struct mount_vec before = before_of(a), after = before_of(a);
	struct mount_diff diff;

	vec_push(a, &after, entry(10, "0:9", "/", SB_MNT "/sys", "sysfs"));
	diff = mountinfo_diff(a, &before, &after);
	check(!diff.has_other_mounts);
	check_str(diff.left.items[0].source, "/sys");
	vec_push(a, &after, entry(11, "0:10", "/", SB_MNT "/run", "tmpfs"));
	check(mountinfo_diff(a, &before, &after).has_other_mounts);
}

TEST("a mount that went is gone, one that stayed is not")
{
	cleanup_arena struct arena *a = arena_new();
	struct mount_vec before = before_of(a), after = before_of(a);

	check(!mountinfo_is_gone(&before, &after, "/usr"));
	after.items[1].id = 20;
	check(mountinfo_is_gone(&before, &after, "/usr"));
	check(!mountinfo_is_gone(&before, &after, "/not/mounted"));
}

/* A root with etc/passwd and etc/group; an open descriptor of it. */
static int make_root(char dir[32])
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\n42:x:7:8::/srv/42:/bin/"
				     "sh\nweb:x:33:33::/var/www:/bin/sh\n";
	static const char group[] = "root:x:0:\nweb:x:33:\nlog:x:4:web,root\n";
	struct ib_error err = IB_ERROR_INIT;
	int fd;

	(void)strcpy(dir, "/tmp/sandbox-unit-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check_int(fs_mkdirs_at(fd, "etc", 0755, &err), 0);
	check_int(fs_write_at(fd, "etc/passwd", passwd, strlen(passwd), 0644, &err), 0);
	check_int(fs_write_at(fd, "etc/group", group, strlen(group), 0644, &err), 0);
	return fd;
}

TEST("users and groups come from the target's files, names before numbers")
{
	static const struct {
		const char *user;
		int uid, gid, groups;
	} rows[] = { { NULL, 0, 0, 1 },      { "web", 33, 33, 2 }, { "web:log", 33, 4, 1 },
		     { "33", 33, 33, 2 },    { "42", 7, 8, 1 },    { "99", 99, 0, 1 },
		     { "99:77", 99, 77, 1 }, { ":log", 0, 4, 1 } };
	char dir[32];
	cleanup_fd int root = make_root(dir);
	struct ib_error err = IB_ERROR_INIT;
	struct ids ids;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		check_int(ids_find(root, rows[i].user, &ids, &err), 0);
		check_int(ids.uid, rows[i].uid);
		check_int(ids.gid, rows[i].gid);
		check_int(ids.groups_len, rows[i].groups);
	}
	check_int(ids_find(root, "nobody", &ids, &err), -ENOENT);
	check_str(err.text, "no user 'nobody' in /etc/passwd of the target");
	check_int(ids_find(root, "web:none", &ids, &err), -ENOENT);
	check_int(fs_remove_at(AT_FDCWD, dir, &err), 0);
}

TEST("mount points are made inside the root only, and taken away again")
{
	char dir[32];
	cleanup_fd int root = make_root(dir);
	struct made_paths made = { 0 };
	struct ib_error err = IB_ERROR_INIT;
	int fd;

	check_int(symlinkat("/etc", root, "link"), 0);
	fd = mountpoint_in(root, "/link/deep/er", false, &made, &err);
	check(fd >= 0);
	(void)close(fd);
	fd = mountpoint_in(root, "/etc/file", true, &made, &err);
	check(fd >= 0);
	(void)close(fd);
	check_int(made.len, 3);
	check_int(faccessat(root, "etc/deep/er", F_OK, 0), 0);
	made_paths_remove(&made, root);
	check(faccessat(root, "etc/deep", F_OK, 0) < 0);
	check(faccessat(root, "etc/file", F_OK, 0) < 0);
	check_int(faccessat(root, "etc/passwd", F_OK, 0), 0);
	check_int(fs_remove_at(AT_FDCWD, dir, &err), 0);
}

TEST_MAIN()
