/* SPDX-License-Identifier: Apache-2.0 */
/* Modes and owners of COPY. */
#ifndef IMAGEBUILD_COPY_H
#define IMAGEBUILD_COPY_H

#include "run/stage.h"

/* chmod(1)'s TEXT ("0644", "u=rwX,go=rX") applied to OLD; umask does not count. False: not a mode.
 */
bool mode_apply(const char *text, mode_t old, bool is_dir, mode_t *ret_mode);
/* The third field of NAME's line in the text of a passwd or group file. */
bool owner_id(const char *text, const char *name, uint32_t *ret_id);
/* "U:G", names or numbers, by the target's etc/passwd and etc/group. */
int owner_find(int root_fd, const char *text, uid_t *ret_uid, gid_t *ret_gid, struct ib_error *err);

#endif
