/* SPDX-License-Identifier: Apache-2.0 */
/* Elements: where they are, what they need and provide, what they put into hooks/, which packages
 * they ask for. Facts: shared/design/element-contract.md (dib 3.42), sections 2, 3, 4, 8. All [p]:
 * only hooks_write writes. */
#ifndef IMAGEBUILD_ELEMENT_H
#define IMAGEBUILD_ELEMENT_H

#include <imagebuild/diag.h>
#include <imagebuild/intern.h>
#include <imagebuild/ir.h>
#include <imagebuild/map.h>
#include <imagebuild/options.h>
#include <imagebuild/recipe.h>

struct ib_error;
struct elements;
struct digest;

/* A directory of what belongs to the program: "framework", "elements", "lib", "bin". Looked for in
 * $IMAGEBUILD_DATA_DIR, share/imagebuild beside the program's bin, the source tree it was built
 * from, the install prefix. NULL where there is none. */
const char *ib_data_find(struct arena *a, const char *name);

/* The elements whose work the engine does itself, in C (framework.def): their directories of other
 * libraries are never merged. */
enum framework {
	FRAMEWORK_NONE = -1,
#define FRAMEWORK(id, name) FRAMEWORK_##id,
#include "element/framework.def"
#undef FRAMEWORK
	FRAMEWORKS
};

struct element {
	const char *name;
	const char *dir; /* absolute, real path; NULL for a framework element that has no files */
	struct str_vec deps, provides; /* sorted, without duplicates */
	struct str_vec host_tools;     /* lines of its file host-tools */
	struct ib_span at;             /* of a member: the recipe's word that brought it */
	const struct ib_ir
		*fragment; /* its Imagefile, compiled for the stage; NULL: a dib element */
	enum framework framework;
	bool is_requested; /* named by FROM or ELEMENT */
};
struct element_vec VEC(const struct element *);

/* Opens the search path: OPTIONS->element_path, elements/ beside the recipe, our library, dib's
 * installed one (the last two swapped by is_dib_library; one that is not installed is left out). A
 * listed directory that is not one is an error of IB_EXIT_USAGE. */
int ib_elements_open(const struct ib_options *options, struct ib_sources *sources,
		     struct elements **ret_elements, struct ib_error *err);
void ib_elements_free(struct elements *e);
/* NULL if there is none; reads its files on first use. Owned by E. */
const struct element *ib_elements_find(struct elements *e, const char *name, struct ib_diag *diag);
const char *ib_elements_suggest(struct elements *e, const char *name);
/* For the front end; E is borrowed. */
struct ib_vocab ib_elements_vocab(struct elements *e);
/* All names of the path, sorted. */
const struct str_vec *ib_elements_names(const struct elements *e);
/* Reports that the element BY needs NAME at AT, which is none and which none provides (MISSING_DEPENDENCY). */
void ib_elements_missing(struct elements *e, const char *by, const char *name, struct ib_span at,
			 struct ib_diag *diag);
/* Whether DIR holds what tells an element from any other directory: hooks, element-deps, an Imagefile and the like. */
bool element_is_directory(const char *dir);
/* The directories of the path, joined with ':' (ELEMENTS_PATH inside). */
const char *ib_elements_path(const struct elements *e);
/* The directory of a `bootloader` that would have come before ours, or NULL. */
const char *elements_shadowed_bootloader(const struct elements *e);

/* ib_sources_read of an element's file: below the working directory it is named relative to that.
 */
int element_source(struct ib_sources *sources, const char *path, struct ib_span *ret_span,
		   struct ib_error *err);

/* What a stage's closure is. */
struct element_set {
	struct element_vec members; /* without what is provided; deterministic: requested first in
				       text order, then dependencies in the order they were found */
	struct map provided;        /* virtual or real name -> the element that provides it */
};

/* What the elements of a stage see before environment.d: fragments are compiled for it. */
struct element_scope {
	const struct ib_pair_vec *env; /* --env and ENV, sorted */
	const char *arch;
};

/* Resolves FROM and ELEMENT of STAGE to a fixed point (contract section 2: an element that is
 * provided by another contributes neither itself nor its dependencies). PROVIDED are names that the
 * engine provides
 * ("block-device" for a LAYOUT). Errors name the chain of dependencies and suggest. -1 with DIAG
 * set. */
struct element_request {
	const struct ib_stage *stage;
	const struct element_set *inherited; /* what the stage that STAGE continues has, or NULL */
	struct element_scope scope;
	struct str_vec provided;
	const struct ib_op *automatic; /* an ELEMENT that joins where nothing provides block-device; or NULL */
};
int elements_resolve(struct elements *e, const struct element_request *request, struct arena *a,
		     struct element_set *ret_set, struct ib_diag *diag);

/* A variable's value, or NULL if it is unset. */
typedef const char *env_lookup(const void *context, const char *name);

/* The member of that name, or NULL. */
const struct element *element_set_find(const struct element_set *set, const char *name);

/* One file of the merged hooks directory. */
struct hook_file {
	const char *path;   /* in hooks/: "install.d/10-foo", "bin/install-packages" */
	const char *source; /* absolute path; NULL for what a fragment says: */
	const char *text;
	const struct element *element;
	struct ib_span at; /* its first line; {0,0} before hooks_span */
	mode_t mode;       /* as lstat says */
};
struct hook_file_vec VEC(struct hook_file);

struct hooks {
	struct hook_file_vec files; /* sorted by path */
};

/* Merges what SET puts into hooks/ (section 3): a duplicated hook file is an error that names both
 * places; a file with a shebang but no execute bit (NOT_EXECUTABLE) or a dot in its name
 * (HOOK_NAME) in a phase directory is a located warning. ret_own (may be NULL): the files of the members from FIRST
 * on; those before it are inherited, and said nothing of. */
int hooks_merge(const struct element_set *set, size_t first, struct arena *a,
		struct ib_sources *sources, struct hooks *ret_all, struct hooks *ret_own,
		struct ib_diag *diag);
/* The two warnings on one file of a phase directory, PATH ("install.d/10-x", "install.d/a-source-install/10-x"), named SHOWN. LINE is its first line,
 * which HAS_SHEBANG or not, MODE that of what it leads to. NOT_EXECUTABLE has an edit. */
void hooks_check(const char *path, const char *shown, const char *element, mode_t mode,
		 bool has_shebang, struct ib_span line, struct ib_diag *diag);
/* Copies them below DIR_FD (cp -a's rules). Also puts the framework's helper programs into bin/. */
int hooks_write(const struct hooks *hooks, int dir_fd, struct ib_error *err);
/* The scripts of DIR ("install.d") that dib-run-parts would run, in its order: executable, name
 * [0-9A-Za-z_-]+, `LANG=C sort -n`. */
void hooks_phase(const struct hooks *hooks, const char *dir, struct arena *a,
		 struct hook_file_vec *ret_files);
/* The phase of "install.d/50-x"; IB_PHASE_NONE for what lies elsewhere or deeper. */
enum ib_phase hooks_phase_of(const char *path);
/* Whether dib-run-parts runs a file called NAME: [0-9A-Za-z_-]+. */
bool hooks_is_name(const char *name);
/* install.d/P-T-install/NAME: what install-types may link into install.d. */
bool hooks_is_install_type(const char *path);
/* The same order for two names: leading number, then bytes. */
int hooks_compare(const char *a, const char *b);
/* The number a name sorts by: "-5-x" -5, "010-c" 10, "abc" 0. */
long hooks_number(const char *name);
/* environment.d's files in their order (byte order; names [0-9A-Za-z_.-]+). */
void hooks_environment(const struct hooks *hooks, struct arena *a, struct hook_file_vec *ret_files);
/* What install-types links into install.d (section 8): the files of the chosen P-T-install
 * directories, with the path they get ("install.d/50-foo"). A file linked twice: the last one. For
 * the plan and for the step. */
void hooks_install_types(const struct hooks *hooks, env_lookup *lookup, const void *context,
			 struct arena *a, struct hook_file_vec *ret_links);
/* Canonical bytes (path, mode, digest of the content) of each file, for keys. */
int hooks_lines(const struct hooks *hooks, struct arena *a, struct str_vec *ret_lines,
		struct ib_error *err);
/* The digest of those of LINES whose files PICK accepts. */
void hooks_digest_lines(const struct hooks *hooks, const struct str_vec *lines,
			bool (*pick)(const struct hook_file *, const void *), const void *arg,
			struct digest *ret_digest);
/* The digest of all of them. */
int hooks_digest(const struct hooks *hooks, struct digest *ret_digest, struct ib_error *err);

/* Variables that environment.d sets by plain assignments (export X=v, X=${X:-d}) on top of ENV,
 * read without a shell: for what is known at plan time. Keys are interned in NAMES, values are
 * strings. A variable that anything else assigns is absent. */
void environ_guess(const struct hooks *hooks, const struct ib_pair_vec *env, struct intern *names,
		   struct arena *a, struct map *ret_vars);

/* The bytes of the variable's name that S begins with; 0: it begins with none. */
size_t environ_name_length(const char *s);

/* One package asked for by an element's package-installs or by a PACKAGE line. */
struct package_request {
	const char *name;
	const struct element *element; /* NULL: the recipe, mapped by its own pkg-map */
	struct ib_span at;
	enum ib_phase phase;
	bool is_removal, is_build_only;
	const char *install_type; /* or NULL */
	struct str_vec arches, not_arches;
	const char *python_version; /* or NULL */
	struct ib_cond_vec when;
	const char *pkg_map; /* the file that maps the name, absolute, or NULL: as it is */
};
struct package_request_vec VEC(struct package_request);

/* All requests of a stage's transactions: package-installs.{json,yaml} of SET's elements from FIRST on
 * (all keys of section 8), the deprecated <phase>.d/package-installs-<element> files, and STAGE's
 * PACKAGE ops that are no step. */
int packages_collect(const struct element_set *set, size_t first, const struct ib_stage *stage,
		     const char *pkg_map, struct arena *a, struct ib_sources *sources,
		     struct package_request_vec *ret_requests, struct ib_diag *diag);
/* The requests of one package-installs file of E, which SOURCES has already. Mistakes go to DIAG. */
void packages_read(const struct element *e, struct ib_span text, struct arena *a,
		   struct ib_sources *sources, struct package_request_vec *ret_requests,
		   struct ib_diag *diag);
/* The requests of one PACKAGE op of the fragment ELEMENT, or (NULL) of the recipe: PKG_MAP is its
 * file or NULL. */
void packages_of_op(const struct ib_op *op, const struct element *element, const char *pkg_map,
		    struct arena *a, struct package_request_vec *ret_requests);
/* The names, mapped and sorted, that PHASE installs (or removes, at its end) under an environment.
 * Unknown variables of `when` are an error with the request's place in err->at. */
int packages_select(const struct package_request_vec *requests, const struct element_set *set,
		    enum ib_phase phase, bool is_removal, env_lookup *lookup, const void *context,
		    struct arena *a, struct str_vec *ret_names, struct ib_error *err);
/* A line of a source-repository-* file, as written. */
struct source_line {
	const char *text;
	struct ib_span at;
	const struct element *element;
};
struct source_line_vec VEC(struct source_line);

/* One source: of such a line or of SOURCE. */
struct source_request {
	const char *name, *type, *dest, *location, *ref; /* from dest on, NULL where not given */
	const struct element *element;			 /* NULL: the recipe */
	struct ib_span at;
};

struct source_request_vec VEC(struct source_request);

/* The lines of all source-repository-* files, but for empty ones and comments. */
int sources_collect(const struct hooks *hooks, struct ib_sources *sources, struct arena *a,
		    struct source_line_vec *ret_lines, struct ib_error *err);
/* Puts variables into LINE and splits it. -ENOKEY: one is not set. */
int source_parse(const struct source_line *line, env_lookup *lookup, const void *context,
		 struct arena *a, struct source_request *ret_request, struct ib_error *err);
/* What DIB_REPOTYPE_N, DIB_REPOLOCATION_N, DIB_REPOREF_N and DIB_GITREPOBASE make of R: 1; 0 where its
 * install type is not source, so that nothing is fetched. */
int source_settle(struct source_request *r, env_lookup *lookup, const void *context, struct arena *a,
		  struct ib_error *err);
/* SET's svc-map files merged and settled for a distribution: sorted service -> name pairs. */
int svc_map_merge(const struct element_set *set, const char *distro, struct arena *a,
		  struct ib_pair_vec *ret_pairs, struct ib_error *err);

#endif
