/* SPDX-License-Identifier: Apache-2.0 */
/* What FROM, COPY --from and RUN --mount can take from beside a stage: tar archives, container
 * images, disk images. Looking at one only reads; unpacking writes below one directory. */
#ifndef IMAGEBUILD_BASE_BASE_H
#define IMAGEBUILD_BASE_BASE_H

#include "support/crypto.h"
#include "support/image_config.h"

#include <imagebuild/ir.h>

struct ib_diag;
struct ib_error;

enum base_kind { BASE_SCRATCH, BASE_TAR, BASE_OCI, BASE_DISK };

struct base_layer {
	const char *name;     /* in the image's directory or archive */
	struct digest digest; /* of the file; of a docker archive: without compression */
	uint64_t size;
	bool has_size;
};
struct base_layer_vec VEC(struct base_layer);

struct base {
	enum base_kind kind;
	const char *path;   /* as the recipe has it, without what selects inside; NULL: scratch */
	const char *select; /* oci: the tag; disk: "label=X", "uuid=X", "partition=N"; or NULL */
	struct ib_span at;  /* the recipe's text */
	const char *arch;   /* in Debian's words */
	/* After base_look: */
	bool has_content;      /* false: the file's bytes are what its content is known by */
	struct digest content; /* of the image's manifest or configuration */
	bool is_docker; /* oci: an archive of docker's */
	bool needs_qemu; /* disk: qemu-img converts it first */
	struct base_layer_vec layers; /* oci: lowest first */
	const struct image_config *config; /* oci; else NULL */
};

/* Of a FROM; BASE_SCRATCH for those that are no file. */
enum base_kind base_kind_of(enum ib_base_kind kind);
/* "tar", "oci", "disk" */
const char *base_word(enum base_kind kind);

/* Splits NAME, the text behind "tar:", "oci:" or "disk:". */
void base_parse(struct base *b, const char *name, struct arena *a);
/* Looks at what FD, B's path, holds; what is wrong with it goes to DIAG (-1), what the machine did
 * to ERR. */
int base_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err);
/* Unpacks the root that FD holds below DIR_FD. TMP: an open directory for files that are needed
 * meanwhile. */
int base_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err);

#endif
