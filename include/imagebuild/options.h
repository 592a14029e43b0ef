/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller of the front end and of a build may set: the command line, once it is checked.
 * All strings are borrowed and outlive the recipe and the plan. */
#ifndef IMAGEBUILD_OPTIONS_H
#define IMAGEBUILD_OPTIONS_H

#include <imagebuild/ir.h>

/* --secret id=ID,src=FILE or id=ID,env=VARIABLE. */
struct ib_secret {
	const char *id;
	const char *file, *variable;	/* one of them */
};
struct ib_secret_vec VEC(struct ib_secret);

struct ib_options {
	const char *file;		/* the recipe; "-": standard input */
	const char *context;		/* NULL: the recipe's directory */
	const char *output_name;	/* -o, or NULL */
	struct str_vec formats;		/* -t; empty: as OUTPUT says */
	struct str_vec targets;		/* --target */
	struct ib_pair_vec build_args;	/* --build-arg */
	struct ib_pair_vec env;		/* --env, values resolved; proxy variables of the caller included */
	struct str_vec element_path;	/* --element-path and ELEMENTS_PATH, in search order */
	struct str_vec no_cache_from;	/* --no-cache-from=STEP */
	struct str_vec refresh;		/* --refresh */
	struct ib_secret_vec secrets;	/* --secret */
	const char *store;		/* directory of the store */
	const char *state_dir;		/* where logs/ lies */
	const char *image_cache;	/* DIB_IMAGE_CACHE: a real read-write directory */
	const char *home;		/* the caller's home, for what host hooks name below ~ */
	const char *directory;		/* the caller's working directory, absolute */
	int64_t source_date_epoch;	/* -1: derive it (imagefile.md, "The command") */
	bool is_dib_library;		/* --library=dib: dib's elements before ours */
	bool is_unkeyed;		/* the plan is only looked at: its steps get no keys */
	bool is_uncached, is_strict, is_dry_run, keeps_going, is_debug_shell;
	bool force_old_overlay;		/* IMAGEBUILD_OVERLAY=mount: stack layers by mount(2); tests */
	uint64_t step_timeout;		/* seconds; 0: none */
	int tail_lines;			/* of a failed step's log that are shown */
};

#endif
