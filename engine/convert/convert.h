/* SPDX-License-Identifier: Apache-2.0 */
/* From what dib and Docker read to recipes, and back. Each conversion reads its input, runs nothing of it and writes
 * nothing: what it makes stands in the job, for the command line to print or to write. Facts:
 * shared/design/element-contract.md, sections 2, 3, 8, 9, 11. */
#ifndef IMAGEBUILD_CONVERT_H
#define IMAGEBUILD_CONVERT_H

#include <imagebuild/diag.h>
#include <imagebuild/ir.h>
#include <imagebuild/options.h>

struct elements;
struct ib_error;
struct plan;

/* A file of the result. */
struct convert_file {
	const char *path;   /* below the output directory: "pypi/Imagefile" */
	const char *data;   /* its bytes; NULL: those of SOURCE; a symlink's target where the mode says so */
	size_t len;
	const char *source; /* absolute path of what it is a copy of, or NULL */
	mode_t mode;	    /* S_IFREG, S_IFLNK or S_IFDIR and permission bits */
};
struct convert_file_vec VEC(struct convert_file);

/* What became of a file, or of a word of a command line. */
struct convert_entry {
	const char *source; /* "pypi/install.d/04-pypi" */
	const char *became; /* "RUN", "file pypi/install.d/04-pypi", "left out: no part of a build" */
};
struct convert_entry_vec VEC(struct convert_entry);

/* One run of `convert` or `export`. Guesses (GUESS), what stays a file (KEPT_AS_FILE) and what is left out
 * (LEFT_OUT) are findings at the place of the input that they are about; what the other side cannot say
 * (NOT_SAID) and bad input (BAD_CONVERSION_INPUT) are errors. */
struct convert_job {
	struct arena *arena;
	struct ib_sources *sources;
	struct ib_diag *diag;
	const struct ib_options *options;
	const char *arch; /* Debian's word, for what depends on it; NULL: such a thing is an error */
	struct elements *elements; /* where names are looked for; NULL: any name is taken as it is */
	struct convert_file_vec files;
	struct convert_entry_vec report;
};

/* All return 0, or -1 with DIAG set (bad input) or ERR set (the machine; a file that cannot be read: IB_EXIT_USAGE).
 * Recipes among the files are formatted (ib_recipe_format). */

/* The element directory DIR becomes NAME/Imagefile, a fragment, with the files that it keeps beside it. A directory
 * whose directories are elements is a tree: each becomes one. */
int convert_element(struct convert_job *j, const char *dir, struct ib_error *err);
/* A command line: WORDS begins with disk-image-create, ramdisk-image-create or ironic-python-agent-builder, or with
 * NAME=VALUE words before it; ENV: more of the environment that it is run in. */
int convert_command(struct convert_job *j, const struct str_vec *words, const struct ib_pair_vec *env,
		    struct ib_error *err);
/* The same for a command as a shell reads it: quotes and backslashes; what a shell would expand or run is an error. */
int convert_command_text(struct convert_job *j, const char *text, const struct ib_pair_vec *env, struct ib_error *err);
/* diskimage-builder's image definitions: FILES are read as one list, merged; a recipe an image. */
int convert_yaml(struct convert_job *j, const struct str_vec *files, struct ib_error *err);
/* nodepool's `diskimages`, with what they inherit: a recipe an image that is not abstract. */
int convert_nodepool(struct convert_job *j, const char *file, struct ib_error *err);
/* For lint: whether TEXT is image definitions or nodepool's images; then what is wrong in it is in J->diag. */
bool convert_check_images(struct convert_job *j, struct ib_span text);
/* dib's block-device YAML becomes a fragment with a LAYOUT; a recipe's LAYOUTs become YAML. Told apart by content. */
int convert_layout(struct convert_job *j, const char *file, struct ib_error *err);
int convert_dockerfile(struct convert_job *j, const char *file, struct ib_error *err);

/* The recipe of PLAN as elements and `build`, the script with the disk-image-create commands. */
int convert_export(struct convert_job *j, const struct plan *plan, struct ib_error *err);

/* What an image is made of, one line a fact, sorted: "hook PHASE NUMBER NAME MODE SHA256", "env NAME SHA256 of the
 * assignments' effect", "package ...", "layout ...", "element NAME". Equal builds have equal lines. */
void convert_facts(const struct plan *plan, struct buf *out);
/* Appends the lines that A and B do not share, "- x" and "+ y"; whether there are none. */
bool convert_compare(const struct buf *a, const struct buf *b, struct buf *out);

#endif
