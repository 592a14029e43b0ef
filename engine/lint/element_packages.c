/* SPDX-License-Identifier: Apache-2.0 */
/* package-installs, pkg-map and svc-map: what dib fails at, and what it passes over or takes for
 * something else. What the compiler reports of package-installs (IB1407) is reported by its own
 * reader. */
#include "lint/element_private.h"

#include "support/json.h"
#include "support/yaml.h"

#include <imagebuild/error.h>

#include <string.h>

static const char *const package_files[] = { "package-installs.json", "package-installs.yaml" };
static const char *const package_keys[] = {
	"phase", "uninstall", "build-only",         "installtype",
	"arch",  "not-arch",  "dib_python_version", "when",
};
static const char *const map_sections[] = { "release", "distro", "family", "default" };
static const char *const families[] = { "debian", "gentoo", "redhat", "suse" };

/* A tree of F, quietly: NULL for no file, and for one that the compiler or dib refuses. */
static const struct yaml_node *read_yaml(struct lint *l, const struct lint_file *f)
{
	struct ib_diag *quiet;
	const struct yaml_node *root;

	if (!f || !f->text.end)
		return NULL;
	quiet = ib_diag_new(l->sources);
	root = yaml_parse(l->arena, l->sources, f->text, quiet);
	ib_diag_free(quiet);
	return root;
}

void lint_packages(struct lint *l, const struct lint_element *e)
{
	const struct element self = { .name = e->name, .dir = e->dir };

	for (size_t i = 0; i < ARRAY_SIZE(package_files); i++) {
		const struct lint_file *f = lint_element_file(e, package_files[i]);
		struct package_request_vec requests;

		if (f && f->text.end)
			packages_read(&self, f->text, l->arena, l->sources, &requests, l->diag);
	}
}

typedef void see_key(struct lint *l, const struct lint_element *e, const struct yaml_node *package,
		     const struct yaml_node *key);

static void each_key(struct lint *l, const struct lint_element *e, const struct yaml_node *package,
		     const struct yaml_node *params, see_key *see)
{
	for (const struct yaml_node *n = params->kind == YAML_MAP ? params->children : NULL; n;
	     n = n->next)
		see(l, e, package, n);
}

/* Calls SEE for each key of each package. */
static void each_package(struct lint *l, const struct lint_element *e, see_key *see)
{
	for (size_t i = 0; i < ARRAY_SIZE(package_files); i++) {
		const struct yaml_node *root = read_yaml(l, lint_element_file(e, package_files[i]));
		const struct yaml_node *n = root && root->kind == YAML_MAP ? root->children : NULL;

		for (; n; n = n->next) {
			const struct yaml_node *item = n->kind == YAML_LIST ? n->children : NULL;

			each_key(l, e, n, n, see);
			for (; item; item = item->next)
				each_key(l, e, n, item, see);
		}
	}
}

/* EMPTY_PACKAGE_INSTALLS */
void lint_3029(struct lint *l, const struct lint_element *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(package_files); i++) {
		const struct lint_file *f = lint_element_file(e, package_files[i]);
		const struct yaml_node *root = read_yaml(l, f);

		if (root && root->kind == YAML_NULL)
			lint_add(l, IB_R_EMPTY_PACKAGE_INSTALLS, lint_file_span(f),
				 "'%s' names no package, and dib fails at such a file", f->path);
	}
}

static bool has_blank(const char *list)
{
	return strpbrk(list, " \t") != NULL;
}

/* The list without its blanks. */
static void mend_list(struct lint *l, const struct yaml_node *n)
{
	char *text = arena_strdup(l->arena, n->text), *to = text;

	for (const char *from = text; *from; from++)
		if (*from != ' ' && *from != '\t')
			*to++ = *from;
	*to = '\0';
	ib_diag_edit(l->diag, n->at, n->is_plain ? text : arena_printf(l->arena, "\"%s\"", text));
}

static void see_arch(struct lint *l, const struct lint_element *e, const struct yaml_node *package,
		     const struct yaml_node *key)
{
	(void)e;
	if ((strcmp(key->key, "arch") != 0 && strcmp(key->key, "not-arch") != 0) ||
	    key->kind != YAML_SCALAR || !has_blank(key->text))
		return;
	lint_add(l, IB_R_ARCH_LIST_BLANK, key->at,
		 "dib takes the blanks of '%s' for parts of the names, so only the first of them "
		 "counts for "
		 "'%s'",
		 key->text, package->key);
	mend_list(l, key);
}

/* ARCH_LIST_BLANK */
void lint_3032(struct lint *l, const struct lint_element *e)
{
	each_package(l, e, see_arch);
}

static bool is_false(const char *text)
{
	static const char *const no[] = { "false", "no", "off", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (strcasecmp(text, no[i]) == 0)
			return true;
	return false;
}

static void see_presence(struct lint *l, const struct lint_element *e,
			 const struct yaml_node *package, const struct yaml_node *key)
{
	(void)e;
	if ((strcmp(key->key, "uninstall") == 0 || strcmp(key->key, "build-only") == 0) &&
	    key->kind == YAML_SCALAR && is_false(key->text))
		lint_add(l, IB_R_FALSE_IS_TRUE, key->at,
			 "dib asks only whether '%s' is there, so '%s: %s' means true for '%s'",
			 key->key, key->key, key->text, package->key);
}

/* FALSE_IS_TRUE */
void lint_3033(struct lint *l, const struct lint_element *e)
{
	each_package(l, e, see_presence);
}

static void see_unknown(struct lint *l, const struct lint_element *e,
			const struct yaml_node *package, const struct yaml_node *key)
{
	cleanup_buf struct buf text = BUF_INIT;

	(void)e;
	if (str_among(key->key, package_keys, ARRAY_SIZE(package_keys)))
		return;
	ib_suggest_text(&text, key->key, package_keys, ARRAY_SIZE(package_keys));
	lint_add(l, IB_R_UNKNOWN_PACKAGE_KEY, key->key_at, "nothing reads the key '%s' of '%s'%s",
		 key->key, package->key, text.data ? text.data : "");
}

/* UNKNOWN_PACKAGE_KEY */
void lint_3034(struct lint *l, const struct lint_element *e)
{
	each_package(l, e, see_unknown);
}

static void see_phase(struct lint *l, const struct lint_element *e, const struct yaml_node *package,
		      const struct yaml_node *key)
{
	static const char *const phases[] = { "pre-install.d", "install.d", "post-install.d" };

	(void)e;
	if (strcmp(key->key, "phase") != 0 || key->kind != YAML_SCALAR ||
	    str_among(key->text, phases, ARRAY_SIZE(phases)))
		return;
	lint_add(l, IB_R_PACKAGE_PHASE, key->at,
		 "no packages are installed in '%s', so '%s' is never installed; expected "
		 "pre-install.d, "
		 "install.d or post-install.d",
		 key->text, package->key);
}

/* PACKAGE_PHASE */
void lint_3035(struct lint *l, const struct lint_element *e)
{
	each_package(l, e, see_phase);
}

/* Whether FILE, of environment.d, assigns NAME. */
static bool assigns(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strstr(text, name); p; p = strstr(p + 1, name))
		if (p[n] == '=' && (p == text || !strchr("_$", p[-1])))
			return true;
	return false;
}

static bool element_assigns(struct lint *l, const struct element *x, const char *name)
{
	struct hooks hooks = { .files = { NULL, 0, 0 } };
	const struct element_set set = { .members = { &x, 1, 1 } };
	struct ib_diag *quiet = ib_diag_new(l->sources);
	bool is_found = false;

	(void)hooks_merge(&set, 0, l->arena, l->sources, &hooks, NULL, quiet);
	vec_foreach (struct hook_file, f, &hooks.files)
		if (strncmp(f->path, "environment.d/", 14) == 0 && f->at.end > f->at.start)
			is_found = is_found ||
				   assigns(f->text ? f->text : ib_sources_text(l->sources, f->at),
					   name);
	ib_diag_free(quiet);
	return is_found;
}

/* What the core exports, and what every element that is an operating system does. */
static bool is_always_set(const char *name)
{
	static const char *const names[] = {
		"ARCH",
		"DIB_CHECKSUM",
		"DIB_DEBUG_TRACE",
		"DIB_IMAGE_CACHE",
		"DIB_INIT_SYSTEM",
		"DIB_OFFLINE",
		"DIB_PYTHON",
		"DIB_PYTHON_VERSION",
		"DIB_RELEASE",
		"DISTRO_NAME",
		"FS_TYPE",
		"IMAGE_NAME",
		"IMAGE_TYPE",
		"DIB_DEFAULT_INSTALLTYPE",
		"DIB_ROOT_FSTYPE",
		"DIB_ROOT_LABEL",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool is_set_somewhere(struct lint *l, const struct lint_element *e, const char *name)
{
	const struct element_vec *others = lint_closure(l, e);

	if (is_always_set(name))
		return true;
	vec_foreach (struct lint_file, f, &e->files)
		if (strncmp(f->path, "environment.d/", 14) == 0 && f->text.end &&
		    assigns(ib_sources_text(l->sources, f->text), name))
			return true;
	vec_foreach (const struct element *, x, others)
		if (element_assigns(l, *x, name))
			return true;
	return false;
}

static void check_condition(struct lint *l, const struct lint_element *e,
			    const struct yaml_node *package, const struct yaml_node *n)
{
	size_t len =
		n->kind == YAML_SCALAR
			? strspn(n->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					  "0123456789_")
			: 0;
	const char *name = len ? arena_strndup(l->arena, n->text, len) : NULL;

	/* a condition of another form is the reader's */
	if (!name || !strchr("=!", n->text[len + strspn(n->text + len, " \t")]) ||
	    is_set_somewhere(l, e, name))
		return;
	lint_add(l, IB_R_WHEN_UNSET, n->at,
		 "nothing that '%s' brings sets %s: a build without it ends at '%s'", e->name, name,
		 package->key);
	ib_diag_hint(l->diag, "give it a default: export %s=${%s:-} in environment.d", name, name);
}

static void see_when(struct lint *l, const struct lint_element *e, const struct yaml_node *package,
		     const struct yaml_node *key)
{
	if (strcmp(key->key, "when") != 0)
		return;
	check_condition(l, e, package, key);
	for (const struct yaml_node *n = key->kind == YAML_LIST ? key->children : NULL; n;
	     n = n->next)
		check_condition(l, e, package, n);
}

/* WHEN_UNSET */
void lint_3040(struct lint *l, const struct lint_element *e)
{
	each_package(l, e, see_when);
}

static void check_names(struct lint *l, const struct yaml_node *map)
{
	if (map->kind != YAML_MAP) {
		lint_add(l, IB_R_BAD_PKG_MAP, map->at, "'%s' must be a map of packages' names",
			 map->key);
		return;
	}
	for (const struct yaml_node *n = map->children; n; n = n->next)
		if (n->kind != YAML_SCALAR)
			lint_add(l, IB_R_BAD_PKG_MAP, n->at,
				 "'%s' must be a string: the packages that it is, parted by blanks",
				 n->key);
}

/* DEPTH maps of names lie in each other: 1 for default, 2 for family and distro, 3 for release. */
static void check_section(struct lint *l, const struct yaml_node *map, int depth)
{
	if (depth == 1) {
		check_names(l, map);
		return;
	}
	if (map->kind != YAML_MAP)
		lint_add(l, IB_R_BAD_PKG_MAP, map->at, "'%s' must be a map", map->key);
	for (const struct yaml_node *n = map->kind == YAML_MAP ? map->children : NULL; n;
	     n = n->next)
		check_section(l, n, depth - 1);
}

/* BAD_PKG_MAP */
void lint_3028(struct lint *l, const struct lint_element *e)
{
	const struct lint_file *f = lint_element_file(e, "pkg-map");
	const char *why = NULL;
	const struct yaml_node *root;
	size_t offset = 0;

	if (!f || !f->text.end)
		return;
	if (!json_parse(l->arena, ib_sources_text(l->sources, f->text), f->text.end - f->text.start,
			&offset, &why)) {
		struct ib_span at = { f->text.start + (uint32_t)offset,
				      f->text.start + (uint32_t)offset + 1 };

		lint_add(l, IB_R_BAD_PKG_MAP, at.end > f->text.end ? lint_file_span(f) : at,
			 "pkg-map is not JSON: %s", why ? why : "unexpected text");
		return;
	}
	root = read_yaml(l, f);
	if (!root)
		return;
	if (root->kind != YAML_MAP)
		lint_add(l, IB_R_BAD_PKG_MAP, root->at, "pkg-map must be a JSON object");
	for (const struct yaml_node *n = root->kind == YAML_MAP ? root->children : NULL; n;
	     n = n->next)
		for (size_t i = 0; i < ARRAY_SIZE(map_sections); i++)
			if (strcmp(map_sections[i], n->key) == 0)
				check_section(l, n, i == 0 ? 3 : i < 3 ? 2 : 1);
}

static void check_word(struct lint *l, const struct yaml_node *n, const char *const *words,
		       size_t len, const char *what)
{
	cleanup_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < len; i++)
		if (strcmp(words[i], n->key) == 0)
			return;
	ib_suggest_text(&text, n->key, words, len);
	lint_add(l, IB_R_PKG_MAP_KEY, n->key_at, "pkg-map has no %s '%s'%s", what, n->key,
		 text.data ? text.data : "");
}

/* PKG_MAP_KEY */
void lint_3041(struct lint *l, const struct lint_element *e)
{
	const struct yaml_node *root = read_yaml(l, lint_element_file(e, "pkg-map")), *family;

	if (!root || root->kind != YAML_MAP)
		return;
	for (const struct yaml_node *n = root->children; n; n = n->next)
		check_word(l, n, map_sections, ARRAY_SIZE(map_sections), "section");
	family = yaml_get(root, "family");
	for (const struct yaml_node *n = family && family->kind == YAML_MAP ? family->children
									    : NULL;
	     n; n = n->next)
		check_word(l, n, families, ARRAY_SIZE(families), "family");
}

/* The service NAME in the svc-map of X: whether it is there. */
static bool maps_service(struct lint *l, const struct element *x, const char *name)
{
	struct ib_pair_vec pairs = { NULL, 0, 0 };
	struct ib_error ignored = IB_ERROR_INIT;
	const struct element_set set = { .members = { &x, 1, 1 } };

	if (svc_map_merge(&set, NULL, l->arena, &pairs, &ignored) < 0)
		return false;
	vec_foreach (struct ib_pair, p, &pairs)
		if (strcmp(p->key, name) == 0)
			return true;
	return false;
}

/* BAD_SVC_MAP */
void lint_3038(struct lint *l, const struct lint_element *e)
{
	const struct lint_file *f = lint_element_file(e, "svc-map");
	const struct element_vec *others = lint_closure(l, e);
	const struct yaml_node *root = NULL;

	if (f && f->text.end)
		root = yaml_parse(l->arena, l->sources, f->text, l->diag);
	if (root && root->kind != YAML_MAP)
		lint_add(l, IB_R_BAD_SVC_MAP, lint_file_span(f),
			 "svc-map must be a map of services");
	for (const struct yaml_node *n = root && root->kind == YAML_MAP ? root->children : NULL; n;
	     n = n->next)
		vec_foreach (const struct element *, x, others)
			if (maps_service(l, *x, n->key))
				lint_add(l, IB_R_BAD_SVC_MAP, n->key_at,
					 "elements '%s' and '%s' both map the service '%s'",
					 e->name, (*x)->name, n->key);
}
