/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of a step's scripts. It is no security boundary: it makes calls work that only real
 * root may do. */
#include "support/bpf.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void release(scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}

#define X32_BIT 0x40000000

static const char *const call_names[] = {
	[BPF_OTHER] = "",      [BPF_MKNOD] = "mknod",     [BPF_MKNODAT] = "mknodat",
	[BPF_MOUNT] = "mount", [BPF_UMOUNT2] = "umount2", [BPF_CHROOT] = "chroot",
};

/* The store makes a layer durable once; what its programs sync on the way is thrown away or copied.
 */
static const char *const sync_names[] = { "fsync",  "fdatasync",       "sync",
					  "syncfs", "sync_file_range", "sync_file_range2" };

/* Programs of every architecture that this kernel runs, as an i386 dpkg in an amd64 image. */
static const uint32_t arches[][3] = {
	{ SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 },
	{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM, SCMP_ARCH_ARM },
	{ SCMP_ARCH_S390X, SCMP_ARCH_S390, SCMP_ARCH_S390 },
};

enum bpf_call bpf_call(uint32_t arch, int nr)
{
	cleanup_free char *name = seccomp_syscall_resolve_num_arch(arch, nr & ~X32_BIT);

	for (size_t i = 1; name && i < ARRAY_SIZE(call_names); i++)
		if (strcmp(name, call_names[i]) == 0)
			return (enum bpf_call)i;
	return BPF_OTHER;
}

static int add_arches(scmp_filter_ctx ctx)
{
	uint32_t native = seccomp_arch_native();
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		for (size_t j = 1; arches[i][0] == native && j < ARRAY_SIZE(arches[i]); j++)
			if (r == 0 || r == -EEXIST)
				r = seccomp_arch_add(ctx, arches[i][j]);
	return r == -EEXIST ? 0 : r;
}

/* One rule; a call that this libseccomp or architecture does not know needs none. */
static int add(scmp_filter_ctx ctx, uint32_t action, const char *name,
	       const struct scmp_arg_cmp *arg)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR)
		return 0;
	return arg ? seccomp_rule_add_array(ctx, action, nr, 1, arg)
		   : seccomp_rule_add(ctx, action, nr, 0);
}

static int add_sync(scmp_filter_ctx ctx)
{
	const struct scmp_arg_cmp sync = SCMP_A2(SCMP_CMP_MASKED_EQ, MS_SYNC, MS_SYNC);
	int r = add(ctx, SCMP_ACT_ERRNO(0), "msync", &sync);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sync_names); i++)
		r = add(ctx, SCMP_ACT_ERRNO(0), sync_names[i], NULL);
	return r;
}

static int add_notified(scmp_filter_ctx ctx)
{
	static const mode_t types[] = { S_IFCHR, S_IFBLK };
	int r = add(ctx, SCMP_ACT_ERRNO(ENOSYS), "fsopen", NULL);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(types); i++) {
		const struct scmp_arg_cmp mode1 = SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, types[i]);
		const struct scmp_arg_cmp mode2 = SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, types[i]);

		r = add(ctx, SCMP_ACT_NOTIFY, "mknod", &mode1);
		if (r == 0)
			r = add(ctx, SCMP_ACT_NOTIFY, "mknodat", &mode2);
	}
	for (enum bpf_call c = BPF_MOUNT; r == 0 && c <= BPF_CHROOT; c++)
		r = add(ctx, SCMP_ACT_NOTIFY, call_names[c], NULL);
	return r;
}

static int set_attributes(scmp_filter_ctx ctx)
{
	/* NO_NEW_PRIVS would break su and sudo in the image; raw codes tell EBUSY from the rest. */
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	return r < 0 ? r : seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
}

static int load(bool has_notifier, int *ret_listener, struct ib_error *err)
{
	__attribute__((cleanup(release))) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!ctx)
		return ib_fail(err, ENOMEM, "make a system call filter");
	r = set_attributes(ctx);
	if (r == 0)
		r = add_arches(ctx);
	if (r == 0)
		r = add_sync(ctx);
	if (r == 0 && has_notifier)
		r = add_notified(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	if (r < 0)
		return ib_fail(err, -r, "load the system call filter");
	*ret_listener = has_notifier ? seccomp_notify_fd(ctx) : -1;
	return 0;
}

int bpf_load(bool has_notifier, int *ret_listener, struct ib_error *err)
{
	int r = load(has_notifier, ret_listener, err);

	/* libseccomp 2.5 calls an errno that it does not expect, as EBUSY, EFAULT. */
	return has_notifier && (r == -EBUSY || r == -EFAULT) ? load(false, ret_listener, err) : r;
}
