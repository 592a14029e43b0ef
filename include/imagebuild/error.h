/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine did wrong: made where it happens, prefixed on the way up, shown once. */
#ifndef IMAGEBUILD_ERROR_H
#define IMAGEBUILD_ERROR_H

#include <imagebuild/base.h>

struct ib_error {
	int code;	  /* positive errno; 0: none */
	int exit;	  /* enum ib_exit; 0 counts as IB_EXIT_MACHINE */
	char text[2000];  /* "lay out root: write superblock: No space left on device" */
	char hint[600];	  /* what to do, may be empty */
	struct ib_span at; /* the recipe line or element file, where known */
};

#define IB_ERROR_INIT { .code = 0 }

/* Sets ERR to the formatted text, ": " and strerror(CODE) (left out for CODE EINVAL when the text
 * says why: then use ib_fail_text). Returns -CODE. exit and at
 * stay as they were set, so set them before or after; the hint is emptied. */
int ib_fail(struct ib_error *err, int code, const char *fmt, ...) IB_PRINTF(3, 4);
/* Sets ERR to the formatted text alone. Returns -CODE. */
int ib_fail_text(struct ib_error *err, int code, const char *fmt, ...) IB_PRINTF(3, 4);
/* Puts the formatted text and ": " before what ERR says. Returns -err->code. */
int ib_wrap(struct ib_error *err, const char *fmt, ...) IB_PRINTF(2, 3);
/* Sets the hint. Returns -err->code, so that `return ib_hint(err, ...)` ends a function. */
int ib_hint(struct ib_error *err, const char *fmt, ...) IB_PRINTF(2, 3);

#endif
