/* SPDX-License-Identifier: Apache-2.0 */
/* The back end's pass table, and all that engine/cli needs of it. */
#ifndef IMAGEBUILD_BUILD_H
#define IMAGEBUILD_BUILD_H

#include <imagebuild/diag.h>
#include <imagebuild/event.h>
#include <imagebuild/options.h>
#include <imagebuild/recipe.h>

struct ib_error;
struct elements;
struct plan;

/* Fills what the caller left unset: store, state and cache directories (XDG_CACHE_HOME,
 * XDG_STATE_HOME; dib's
 * ~/.cache/image-create), home, working directory. Strings go to A. */
int ib_build_defaults(struct ib_options *options, struct arena *a, struct ib_error *err);

/* The paths of the files that a plan makes, absolute; they are not opened. */
int ib_build_outputs(struct plan *plan, struct arena *a, struct str_vec *ret_paths,
		     struct ib_error *err);

/* Runs a plan: tree, finish, layout_place, disk, output. Preflight has passed. Blocks; SIGINT and
 * SIGTERM to this process end the supervisor and everything in it, then -EINTR with exit
 * IB_EXIT_SIGNAL + n. Whatever the end, no mount, process, half-made output or temporary directory
 * stays. */
int ib_build_run(struct plan *plan, const struct ib_sink *sink, struct ib_error *err);

/* Removes what no build used for DAYS from the store, inside the namespaces, where its content can
 * be removed; also logs of that age. */
int ib_build_prune(const struct ib_options *options, int days, uint64_t *ret_bytes,
		   struct ib_error *err);

#endif
