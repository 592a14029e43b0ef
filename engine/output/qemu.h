/* SPDX-License-Identifier: Apache-2.0 */
/* Formats that qemu-img writes. */
#ifndef IMAGEBUILD_OUTPUT_QEMU_H
#define IMAGEBUILD_OUTPUT_QEMU_H

#include "output/output.h"

int qemu_write(const struct output_job *job, const struct output_format *f, int fd,
	       struct ib_error *err);

#endif
