/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp filters; the one user of libseccomp. */
#ifndef IMAGEBUILD_BPF_H
#define IMAGEBUILD_BPF_H

#include <imagebuild/base.h>

struct ib_error;

/* Loads a filter into the calling thread, without NO_NEW_PRIVS: fsync, fdatasync, sync, syncfs,
 * sync_file_range and msync(MS_SYNC) return 0; with has_notifier mknod(at) of device nodes, mount,
 * umount2 and chroot go to a listener, and fsopen is ENOSYS, so that programs use mount(2). Needs
 * CAP_SYS_ADMIN in the user namespace. In ret_listener the listener (CLOEXEC), or -1 where another
 * one above us refuses it (EBUSY): then the filter without it is loaded. */
int bpf_load(bool has_notifier, int *ret_listener, struct ib_error *err);

enum bpf_call { BPF_OTHER, BPF_MKNOD, BPF_MKNODAT, BPF_MOUNT, BPF_UMOUNT2, BPF_CHROOT };

/* What NR of a notification is: numbers differ between the architectures that one kernel runs. */
enum bpf_call bpf_call(uint32_t arch, int nr);

#endif
