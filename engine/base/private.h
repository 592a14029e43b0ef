/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of base/ share. */
#ifndef IMAGEBUILD_BASE_PRIVATE_H
#define IMAGEBUILD_BASE_PRIVATE_H

#include "base/base.h"

#include <imagebuild/diag.h>
#include <imagebuild/error.h>

/* What the first bytes of FD say it is ("a qcow2 image"), or NULL. */
const char *base_found(int fd);
/* "'x' is no tar archive: it is a qcow2 image", with a hint where another word would do. */
void base_report_kind(const struct base *b, int fd, const char *expected, const char *otherwise,
		      struct ib_diag *diag);

int tar_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err);
int disk_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err);
int disk_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err);
int oci_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err);
int oci_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err);
int tar_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err);

#endif
