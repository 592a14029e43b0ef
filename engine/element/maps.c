/* SPDX-License-Identifier: Apache-2.0 */
/* pkg-map (JSON: generic package name to a distribution's) and svc-map (YAML: service to the name
 * of its unit), contract section 8. */
#include "element/maps.h"

#include "support/json.h"
#include "support/yaml.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <string.h>

static const struct {
	const char *family, *distro;
} families[] = {
	{ "redhat", "almalinux" }, { "redhat", "centos" },    { "redhat", "centos7" },
	{ "redhat", "fedora" },    { "redhat", "openeuler" }, { "redhat", "rhel" },
	{ "redhat", "rhel7" },     { "redhat", "rocky" },     { "debian", "debian" },
	{ "debian", "ubuntu" },    { "suse", "opensuse" },    { "gentoo", "gentoo" },
};

static const char *family_of(const char *distro)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (strcmp(families[i].distro, distro) == 0)
			return families[i].family;
	return NULL;
}

/* NAME in table[section] or table[section][key]; NULL where it is not there. */
static const char *entry(const struct json_value *table, const char *section, const char *key,
			 const char *key2, const char *name)
{
	const struct json_value *v = json_get(table, section);

	if (v && key)
		v = json_get(v, key);
	if (v && key2)
		v = json_get(v, key2);
	if (v)
		v = json_get(v, name);
	return v && v->kind == JSON_STRING ? v->text : NULL;
}

/* The most particular section wins: release, distribution, family, default. */
static const char *mapped(const struct json_value *table, const char *name, const char *distro,
			  const char *release)
{
	const char *family = distro ? family_of(distro) : NULL, *found = NULL;

	if (release && strcmp(release, "8-stream") == 0)
		release = "8";
	if (distro && release)
		found = entry(table, "release", distro, release, name);
	if (!found && distro)
		found = entry(table, "distro", distro, NULL, name);
	if (!found && family)
		found = entry(table, "family", family, NULL, name);
	return found ? found : entry(table, "default", NULL, NULL, name);
}

static void push_words(struct arena *a, struct str_vec *names, const char *text)
{
	while (*text) {
		size_t n;

		text += strspn(text, " \t\r\n");
		n = strcspn(text, " \t\r\n");
		if (n)
			vec_push(a, names, arena_strndup(a, text, n));
		text += n;
	}
}

int pkg_map_read(const char *path, struct arena *a, const struct json_value **ret_table,
		 struct ib_error *err)
{
	size_t len = 0, offset = 0;
	const char *why = NULL, *slash = strrchr(path, '/');
	cleanup_free char *text =
		element_file(arena_strndup(a, path, (size_t)(slash - path)), slash + 1, &len, err);

	if (!text && err->code)
		return -err->code;
	*ret_table = text ? json_parse(a, text, len, &offset, &why) : NULL;
	if (text && !*ret_table)
		return ib_fail_text(err, EINVAL, "%s is not JSON at byte %zu: %s", path, offset,
				    why ? why : "unexpected text");
	return 0;
}

void pkg_map_names(const struct json_value *table, const char *name, const char *distro,
		   const char *release, struct arena *a, struct str_vec *ret_names)
{
	const char *found = table ? mapped(table, name, distro, release) : NULL;

	if (found)
		push_words(a, ret_names, found);
	else
		vec_push(a, ret_names, name);
}

struct svc_map {
	struct arena *arena;
	struct ib_pair_vec pairs;
	struct str_vec owners; /* beside pairs */
};

static const char *yaml_text(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = key ? yaml_get(map, key) : NULL;

	return n && n->kind == YAML_SCALAR ? n->text : NULL;
}

/* Distribution, then family, then default, else the service's own name. */
static const char *settle(const struct yaml_node *service, const char *distro)
{
	const char *found = NULL;

	if (service->kind == YAML_SCALAR)
		return service->text;
	if (service->kind != YAML_MAP)
		return service->key;
	if (distro)
		found = yaml_text(service, distro);
	if (!found && distro)
		found = yaml_text(service, family_of(distro));
	if (!found)
		found = yaml_text(service, "default");
	return found ? found : service->key;
}

static int add_services(struct svc_map *m, const struct yaml_node *root, const struct element *e,
			const char *distro, struct ib_error *err)
{
	for (const struct yaml_node *n = root->children; n; n = n->next) {
		for (size_t i = 0; i < m->pairs.len; i++)
			if (strcmp(m->pairs.items[i].key, n->key) == 0)
				return ib_fail_text(err, EINVAL,
						    "elements '%s' and '%s' both map the service "
						    "'%s' in svc-map",
						    m->owners.items[i], e->name, n->key);
		vec_push(m->arena, &m->pairs,
			 ((struct ib_pair){ .key = arena_strdup(m->arena, n->key),
					    .value = arena_strdup(m->arena, settle(n, distro)) }));
		vec_push(m->arena, &m->owners, e->name);
	}
	return 0;
}

static int read_svc_map(struct svc_map *m, const struct element *e, const char *distro,
			struct ib_error *err)
{
	struct ib_sources *sources = ib_sources_new();
	struct ib_diag *diag = ib_diag_new(sources);
	cleanup_arena struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/svc-map", e->dir);
	const struct yaml_node *root = NULL;
	struct ib_span span;
	cleanup_buf struct buf text = BUF_INIT;
	int r = ib_sources_read(sources, path, &span, err);

	if (r == 0) {
		root = yaml_parse(a, sources, span, diag);
		if (root && root->kind == YAML_MAP)
			r = add_services(m, root, e, distro, err);
		else if (!root || root->kind != YAML_NULL) {
			ib_diag_render(diag, &text, false);
			r = ib_fail_text(err, EINVAL, "%s is not a map of services%s%s", path,
					 text.len ? ": " : "", text.len ? text.data : "");
		}
	}
	ib_diag_free(diag);
	ib_sources_free(sources);
	return r;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct ib_pair *)a)->key, ((const struct ib_pair *)b)->key);
}

int svc_map_merge(const struct element_set *set, const char *distro, struct arena *a,
		  struct ib_pair_vec *ret_pairs, struct ib_error *err)
{
	struct svc_map m = { .arena = a };

	vec_foreach (const struct element *, e, &set->members) {
		int r;

		if (!(*e)->dir || access(arena_printf(a, "%s/svc-map", (*e)->dir), F_OK) < 0)
			continue;
		r = read_svc_map(&m, *e, distro, err);
		if (r < 0)
			return r;
	}
	if (m.pairs.len)
		qsort(m.pairs.items, m.pairs.len, sizeof(*m.pairs.items), compare_pairs);
	*ret_pairs = m.pairs;
	return 0;
}
