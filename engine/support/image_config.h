/* SPDX-License-Identifier: Apache-2.0 */
/* What a container runtime is told about an image: read by base, written by output. */
#ifndef IMAGEBUILD_IMAGE_CONFIG_H
#define IMAGEBUILD_IMAGE_CONFIG_H

#include <imagebuild/ir.h>

struct image_config {
	const char *arch; /* in Debian's words */
	struct ib_pair_vec env, labels;
	struct str_vec entrypoint, command;       /* argv; empty: none */
	struct str_vec ports, volumes;            /* "80/tcp"; "/data" */
	const char *user, *workdir, *stop_signal; /* NULL: not said */
};

#endif
