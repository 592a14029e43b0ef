/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be installed and removed: package-installs.{json,yaml} of the elements, the older
 * package-installs-<element> files of a phase, and PACKAGE lines (contract section 8). Collected
 * when the plan is made; chosen where the variables they ask for are known. */
#include "element/maps.h"

#include "support/fs.h"
#include "support/yaml.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct collect {
	struct arena *arena;
	struct ib_sources *sources;
	struct ib_diag *diag;
	struct package_request_vec requests;
	const struct element *element;
	const char *map; /* the element's pkg-map, or NULL */
};

/* E's pkg-map, or NULL where it has none. */
static const char *element_map(const struct element *e, struct arena *a)
{
	const char *path = e->dir ? arena_printf(a, "%s/pkg-map", e->dir) : NULL;

	return path && access(path, F_OK) == 0 ? path : NULL;
}

static const char *strip(struct arena *a, const char *s, size_t n)
{
	while (n > 0 && strchr(" \t\r\n", *s)) {
		s++;
		n--;
	}
	while (n > 0 && strchr(" \t\r\n", s[n - 1]))
		n--;
	return arena_strndup(a, s, n);
}

/* "a, b" as a list: the blanks that dib keeps are a bug (B6). */
static void split_list(struct arena *a, const char *text, struct str_vec *ret_items)
{
	while (text && *text) {
		size_t n = strcspn(text, ",");
		const char *item = strip(a, text, n);

		if (*item)
			vec_push(a, ret_items, item);
		text += n + (text[n] == ',');
	}
}

static void bad(struct collect *c, struct ib_span at, const char *what)
{
	ib_diag_add(c->diag, IB_D_BAD_ELEMENT_FILE, at, "package-installs of element '%s': %s",
		    c->element->name, what);
}

static bool is_true(const struct yaml_node *n)
{
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "0" };

	for (size_t i = 0; n->kind == YAML_SCALAR && n->is_plain && i < ARRAY_SIZE(no); i++)
		if (strcmp(n->text, no[i]) == 0)
			return false;
	return true;
}

typedef void set_key(struct collect *c, struct package_request *r, const struct yaml_node *n);

static const char *scalar(struct collect *c, const struct yaml_node *n)
{
	if (n->kind == YAML_SCALAR)
		return n->text;
	if (n->kind != YAML_NULL)
		bad(c, n->at,
		    arena_printf(c->arena, "'%s' takes one word", n->key ? n->key : "when"));
	return NULL;
}

static void set_phase(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	const char *text = scalar(c, n);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return;
	r->phase = len > 2 && strcmp(text + len - 2, ".d") == 0
			   ? ib_phase_find(arena_strndup(c->arena, text, len - 2))
			   : IB_PHASE_NONE;
	if (r->phase == IB_PHASE_PRE_INSTALL || r->phase == IB_PHASE_INSTALL ||
	    r->phase == IB_PHASE_POST_INSTALL)
		return;
	r->phase = IB_PHASE_NONE;
	ib_diag_add(c->diag, IB_D_NOTE, n->at,
		    "no packages are installed in phase '%s', so '%s' is left out, as in dib", text,
		    r->name);
}

static void set_uninstall(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	(void)c;
	r->is_removal = is_true(n);
}

static void set_build_only(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	(void)c;
	r->is_build_only = is_true(n);
}

static void set_installtype(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	r->install_type = scalar(c, n);
}

static void set_arch(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	split_list(c->arena, scalar(c, n), &r->arches);
}

static void set_not_arch(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	split_list(c->arena, scalar(c, n), &r->not_arches);
}

static void set_python(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	r->python_version = scalar(c, n);
}

/* "VAR = value" or "VAR != value". */
static void add_condition(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	const char *text = scalar(c, n), *op;
	struct ib_cond cond = { .at = n->at };

	if (!text)
		return;
	op = text + strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	cond.key = arena_strndup(c->arena, text, (size_t)(op - text));
	op += strspn(op, " \t");
	cond.is_negated = *op == '!';
	op += cond.is_negated;
	if (!*cond.key || *op != '=') {
		bad(c, n->at,
		    arena_printf(c->arena, "'when: %s' must be 'NAME = value' or 'NAME != value'",
				 text));
		return;
	}
	cond.value = strip(c->arena, op + 1, strlen(op + 1));
	vec_push(c->arena, &r->when, cond);
}

static void set_when(struct collect *c, struct package_request *r, const struct yaml_node *n)
{
	if (n->kind != YAML_LIST) {
		add_condition(c, r, n);
		return;
	}
	for (const struct yaml_node *item = n->children; item; item = item->next)
		add_condition(c, r, item);
}

static const struct {
	const char *name;
	set_key *set;
} keys[] = {
	{ "phase", set_phase },
	{ "uninstall", set_uninstall },
	{ "build-only", set_build_only },
	{ "installtype", set_installtype },
	{ "arch", set_arch },
	{ "not-arch", set_not_arch },
	{ "dib_python_version", set_python },
	{ "when", set_when },
};

/* Unknown keys are passed over, as dib does. */
static void add_request(struct collect *c, const struct yaml_node *name,
			const struct yaml_node *params)
{
	struct package_request r = { .name = name->key,
				     .element = c->element,
				     .at = name->key_at,
				     .phase = IB_PHASE_INSTALL };

	if (params->kind != YAML_MAP && params->kind != YAML_NULL) {
		bad(c, params->at,
		    arena_printf(c->arena, "'%s' takes a map of keys, or nothing", name->key));
		return;
	}
	r.pkg_map = c->map;
	for (const struct yaml_node *n = params->children; n; n = n->next)
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (strcmp(n->key, keys[i].name) == 0)
				keys[i].set(c, &r, n);
	if (r.arches.len && r.not_arches.len)
		bad(c, name->key_at,
		    arena_printf(c->arena, "'%s' has both arch and not-arch", r.name));
	if (r.phase != IB_PHASE_NONE)
		vec_push(c->arena, &c->requests, r);
}

/* The text of a package-installs file. */
static void read_requests(struct collect *c, struct ib_span text)
{
	const struct yaml_node *root = yaml_parse(c->arena, c->sources, text, c->diag);

	if (!root || root->kind == YAML_NULL)
		return;
	if (root->kind != YAML_MAP) {
		bad(c, root->at, "the file must be a map of package names");
		return;
	}
	for (const struct yaml_node *n = root->children; n; n = n->next) {
		if (n->kind != YAML_LIST) {
			add_request(c, n, n);
			continue;
		}
		for (const struct yaml_node *item = n->children; item; item = item->next)
			add_request(c, n, item);
	}
}

void packages_read(const struct element *e, struct ib_span text, struct arena *a,
		   struct ib_sources *sources, struct package_request_vec *ret_requests,
		   struct ib_diag *diag)
{
	struct collect c = { .arena = a, .sources = sources, .diag = diag, .element = e };

	read_requests(&c, text);
	*ret_requests = c.requests;
}

static void read_file(struct collect *c, const char *file)
{
	const char *path = arena_printf(c->arena, "%s/%s", c->element->dir, file);
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span;

	if (access(path, F_OK) < 0)
		return;
	if (element_source(c->sources, path, &span, &err) < 0) {
		bad(c, c->element->at, err.text);
		return;
	}
	read_requests(c, span);
}

/* The element of the set that a deprecated file is named after: its pkg-map maps the names. */
static const char *named_map(struct collect *c, const struct element_set *set, const char *name)
{
	vec_foreach (const struct element *, e, &set->members)
		if ((*e)->dir && strcmp((*e)->name, name) == 0)
			return element_map(*e, c->arena);
	return NULL;
}

/* One package a line, '#' comments, '-' in front: removed again at the phase's end. */
static void read_list(struct collect *c, const char *path, enum ib_phase phase, const char *map)
{
	struct ib_error err = IB_ERROR_INIT;
	struct ib_span span;
	const char *text;

	if (element_source(c->sources, path, &span, &err) < 0) {
		bad(c, c->element->at, err.text);
		return;
	}
	text = ib_sources_text(c->sources, span);
	for (uint32_t at = span.start; at < span.end;) {
		const char *line = text + (at - span.start);
		const char *end = memchr(line, '\n', span.end - at);
		uint32_t n = end ? (uint32_t)(end - line) : span.end - at;
		const char *hash = memchr(line, '#', n);
		const char *name = strip(c->arena, line, hash ? (size_t)(hash - line) : n);
		struct package_request r = { .element = c->element,
					     .at = { at, at + n },
					     .phase = phase,
					     .is_build_only = *name == '-',
					     .pkg_map = map };

		r.name = name + r.is_build_only;
		if (*r.name)
			vec_push(c->arena, &c->requests, r);
		at += n + 1;
	}
}

static void read_lists(struct collect *c, const struct element_set *set)
{
	static const char prefix[] = "package-installs-";
	static const enum ib_phase phases[] = { IB_PHASE_PRE_INSTALL, IB_PHASE_INSTALL,
						IB_PHASE_POST_INSTALL };

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		const char *dir = arena_printf(c->arena, "%s/%s.d", c->element->dir,
					       ib_phases[phases[i]].name);
		cleanup_free char **names = NULL;
		struct ib_error err = IB_ERROR_INIT;
		size_t n = 0;

		if (access(dir, F_OK) < 0 || fs_list(AT_FDCWD, dir, &names, &n, &err) < 0)
			continue;
		for (size_t k = 0; k < n; k++)
			if (strncmp(names[k], prefix, sizeof(prefix) - 1) == 0)
				read_list(c, arena_printf(c->arena, "%s/%s", dir, names[k]),
					  phases[i],
					  named_map(c, set, names[k] + sizeof(prefix) - 1));
	}
}

static bool has_framework(const struct element_set *set, enum framework id)
{
	vec_foreach (const struct element *, e, &set->members)
		if ((*e)->framework == id)
			return true;
	return false;
}

void packages_of_op(const struct ib_op *op, const struct element *element, const char *pkg_map,
		    struct arena *a, struct package_request_vec *ret_requests)
{
	const char *map = element ? element_map(element, a) : pkg_map;

	vec_foreach (struct ib_word, name, &op->package.names) {
		struct package_request r = { .name = name->text,
					     .at = name->at,
					     .phase = op->phase,
					     .is_removal = op->package.is_removal,
					     .is_build_only = op->package.is_build_only,
					     .install_type = op->package.install_type,
					     .when = op->when,
					     .element = element,
					     .pkg_map = map };

		if (op->package.arches_negated)
			r.not_arches = op->package.arches;
		else
			r.arches = op->package.arches;
		vec_push(a, ret_requests, r);
	}
}

/* The PACKAGE lines that are no steps of their own. */
static void add_transaction(struct collect *c, const struct ib_stage *stage,
			    const struct element *element, const char *pkg_map)
{
	vec_foreach (struct ib_op, op, &stage->ops)
		if (op->code == IB_OP_PACKAGE && !op->package.is_step)
			packages_of_op(op, element, pkg_map, c->arena, &c->requests);
}

int packages_collect(const struct element_set *set, size_t first, const struct ib_stage *stage,
		     const char *pkg_map, struct arena *a, struct ib_sources *sources,
		     struct package_request_vec *ret_requests, struct ib_diag *diag)
{
	struct collect c = { .arena = a, .sources = sources, .diag = diag };
	size_t errors = ib_diag_errors(diag);
	bool reads_files = has_framework(set, FRAMEWORK_PACKAGE_INSTALLS);

	for (size_t i = first; i < set->members.len; i++) {
		c.element = set->members.items[i];
		c.map = element_map(c.element, a);
		if (c.element->fragment)
			add_transaction(&c, &c.element->fragment->stages.items[0], c.element, NULL);
		if (!c.element->dir || !reads_files)
			continue;
		read_file(&c, "package-installs.json");
		read_file(&c, "package-installs.yaml");
		read_lists(&c, set);
	}
	add_transaction(&c, stage, NULL, pkg_map);
	*ret_requests = c.requests;
	return ib_diag_errors(diag) > errors ? -1 : 0;
}

/* DIB_INSTALLTYPE_<element>, DIB_DEFAULT_INSTALLTYPE, "source". */
static const char *type_of(const struct element *e, env_lookup *lookup, const void *context,
			   struct arena *a)
{
	const char *value = NULL;

	if (e) {
		char *variable = arena_printf(a, "DIB_INSTALLTYPE_%s", e->name);

		for (char *p = variable; *p; p++)
			if (*p == '-')
				*p = '_';
		value = lookup(context, variable);
	}
	if (!value)
		value = lookup(context, "DIB_DEFAULT_INSTALLTYPE");
	return value && *value ? value : "source";
}

static bool is_for_arch(const struct package_request *r, const char *arch)
{
	if (r->arches.len)
		return arch && str_vec_has(&r->arches, arch);
	return !(arch && str_vec_has(&r->not_arches, arch));
}

/* 1: wanted under this environment; 0: not; negative: a variable is not set. */
static int is_wanted(const struct package_request *r, env_lookup *lookup, const void *context,
		     struct arena *a, struct ib_error *err)
{
	const char *python = r->python_version ? lookup(context, "DIB_PYTHON_VERSION") : NULL;
	bool holds = is_for_arch(r, lookup(context, "ARCH"));

	if (r->install_type &&
	    strcmp(r->install_type, type_of(r->element, lookup, context, a)) != 0)
		holds = false;
	if (r->python_version && (!python || strcmp(python, r->python_version) != 0))
		holds = false;
	vec_foreach (struct ib_cond, cond, &r->when) {
		const char *value = lookup(context, cond->key);

		if (!value) {
			err->at = cond->at;
			return ib_fail_text(err, EINVAL, "'when' asks for %s, which is not set",
					    cond->key);
		}
		if ((strcmp(value, cond->value) == 0) == cond->is_negated)
			holds = false;
	}
	return holds;
}

static bool is_kept(const struct package_request_vec *wanted, const char *name)
{
	vec_foreach (struct package_request, r, wanted)
		if (!r->is_removal && !r->is_build_only && strcmp(r->name, name) == 0)
			return true;
	return false;
}

/* Tables by path: many packages are mapped by few files. */
struct tables {
	struct arena *arena;
	struct table {
		const char *path;
		const struct json_value *root;
	} * items;
	size_t len, cap;
};

static int find_table(struct tables *t, const char *path, const struct json_value **ret_root,
		      struct ib_error *err)
{
	struct table table = { .path = path };
	int r;

	vec_foreach (struct table, it, t)
		if (strcmp(it->path, path) == 0) {
			*ret_root = it->root;
			return 0;
		}
	r = pkg_map_read(path, t->arena, &table.root, err);
	if (r < 0)
		return r;
	vec_push(t->arena, t, table);
	*ret_root = table.root;
	return 0;
}

int packages_select(const struct package_request_vec *requests, const struct element_set *set,
		    enum ib_phase phase, bool is_removal, env_lookup *lookup, const void *context,
		    struct arena *a, struct str_vec *ret_names, struct ib_error *err)
{
	const char *distro = lookup(context, "DISTRO_NAME"),
		   *release = lookup(context, "DIB_RELEASE");
	struct package_request_vec wanted = { NULL, 0, 0 };
	struct str_vec names = { NULL, 0, 0 };
	struct tables tables = { .arena = a };
	const struct json_value *table;
	int r;

	(void)set;
	vec_foreach (struct package_request, it, requests) {
		if (it->phase != phase)
			continue;
		r = is_wanted(it, lookup, context, a, err);
		if (r < 0)
			return r;
		if (r)
			vec_push(a, &wanted, *it);
	}
	vec_foreach (struct package_request, it, &wanted) {
		/* A plain install beats the removal of the same name. */
		bool counts = is_removal ? (it->is_removal || it->is_build_only) &&
						   !is_kept(&wanted, it->name)
					 : !it->is_removal;

		if (!counts)
			continue;
		if (!it->pkg_map) {
			vec_push(a, &names, it->name);
			continue;
		}
		r = find_table(&tables, it->pkg_map, &table, err);
		if (r < 0) {
			err->at = it->at;
			return r;
		}
		pkg_map_names(table, it->name, distro, release, a, &names);
	}
	str_vec_sort(&names);
	*ret_names = names;
	return 0;
}
