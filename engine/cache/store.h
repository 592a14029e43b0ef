/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cache/ share. */
#ifndef IMAGEBUILD_STORE_H
#define IMAGEBUILD_STORE_H

#include "cache/cache.h"

struct store {
	char *path;  /* where it is seen: the caller's path, or SB_STORE in the supervisor */
	int fd;      /* its directory; survives store_move */
	int lock_fd; /* flock: shared, exclusive while it is pruned */
};

/* "layers/<hex>" in RET_NAME. */
#define STORE_NAME (DIGEST_HEX + 16)
void store_name(const char *kind, const struct digest *key, char ret_name[STORE_NAME]);
/* Says that an entry was used now, for prune. */
void store_touch(const struct store *s, const char *name);

#endif
