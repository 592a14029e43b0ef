/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images: diskimage-builder's definitions (contract section 9) and nodepool's diskimages.
 */
#include "convert/private.h"

#include "support/yaml.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>
#include <imagebuild/map.h>

#include <ctype.h>
#include <string.h>

#define PARENTS_MAX 64 /* of a nodepool image */

static int wrong(struct convert_job *j, struct ib_span at, const char *text, const char *what)
{
	ib_diag_add(j->diag, IB_D_BAD_CONVERSION_INPUT, at, "%s%s", text, what);
	return -1;
}

static int left_out(struct convert_job *j, const struct yaml_node *n, const char *why)
{
	ib_diag_add(j->diag, IB_D_LEFT_OUT, n->key_at, "%s is left out: %s", n->key, why);
	return 0;
}

enum type { T_STRING, T_BOOL, T_INT, T_OTHER };

/* Digits with an optional sign, in the forms of YAML 1.1's int and float (yaml.org/type). */
static bool is_number(const char *s)
{
	bool has_digit = false;

	s += *s == '-' || *s == '+';
	if (strcmp(s, ".inf") == 0 || strcmp(s, ".nan") == 0)
		return true;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b'))
		return true;
	for (; *s; s++) {
		if (isdigit((unsigned char)*s))
			has_digit = true;
		else if (!strchr("._:", *s) && !(has_digit && strchr("eE", *s) && s[1]) &&
			 !(strchr("+-", *s) && strchr("eE", s[-1])))
			return false;
	}
	return has_digit;
}

static bool is_date(const char *s)
{
	static const char form[] = "dddd-dd-dd";
	size_t i = 0;

	for (; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != '-')
			return false;
	return !s[i] || s[i] == 'T' || s[i] == 't' || s[i] == ' ';
}

/* What a plain scalar is in YAML 1.1, as PyYAML reads it. */
static enum type type_of(const struct yaml_node *n)
{
	static const char *const bools[] = { "yes", "no", "true", "false", "on", "off" };

	if (n->kind != YAML_SCALAR)
		return T_OTHER;
	if (!n->is_plain)
		return T_STRING;
	for (size_t i = 0; i < ARRAY_SIZE(bools); i++)
		if (strcasecmp(n->text, bools[i]) == 0)
			return T_BOOL;
	if (!*n->text || strcmp(n->text, "~") == 0 || strcasecmp(n->text, "null") == 0)
		return T_OTHER;
	if (is_number(n->text))
		return strpbrk(n->text, ".:") ? T_OTHER : T_INT;
	return is_date(n->text) ? T_OTHER : T_STRING;
}

static bool is_true(const struct yaml_node *n)
{
	return tolower((unsigned char)n->text[0]) == 'y' || strcasecmp(n->text, "true") == 0 ||
	       strcasecmp(n->text, "on") == 0;
}

/* What a key of a definition holds. */
enum shape { S_STRING, S_BOOL, S_INT, S_STRINGS, S_MAP };

static const struct key {
	const char *name;
	enum shape shape;
	const char *variable; /* that it sets, or NULL */
	const char *why;      /* it is left out, or NULL */
	const char *refused;  /* dib takes it and fails: what to set instead, or NULL */
} keys[] = {
	{ "imagename", S_STRING, NULL, NULL, NULL },
	{ "arch", S_STRING, NULL, NULL, NULL },
	{ "types", S_STRINGS, NULL, NULL, NULL },
	{ "environment", S_MAP, NULL, NULL, NULL },
	{ "ramdisk", S_BOOL, NULL, NULL, NULL },
	{ "uncompressed", S_BOOL, NULL, NULL, NULL },
	{ "checksum", S_BOOL, NULL, NULL, NULL },
	{ "qemu-img-options", S_MAP, NULL, NULL, NULL },
	{ "ramdisk-element", S_STRING, NULL, NULL, NULL },
	{ "docker-target", S_STRING, NULL, NULL, NULL },
	{ "packages", S_STRINGS, NULL, NULL, NULL },
	{ "skip-base", S_BOOL, NULL, NULL, NULL },
	{ "elements", S_STRINGS, NULL, NULL, NULL },
	{ "image-size", S_INT, "DIB_IMAGE_SIZE", NULL, NULL },
	{ "max-online-resize", S_INT, "MAX_ONLINE_RESIZE", NULL, NULL },
	{ "mkfs-options", S_STRING, "MKFS_OPTS", NULL, NULL },
	{ "offline", S_BOOL, "DIB_OFFLINE", NULL, NULL },
	{ "root-label", S_STRING, "ROOT_LABEL", NULL, NULL },
	{ "install-type", S_STRING, "DIB_DEFAULT_INSTALLTYPE", NULL, NULL },
	{ "debug-trace", S_INT, NULL, "`imagebuild logs` has each step's trace", NULL },
	{ "logfile", S_STRING, NULL, "`imagebuild logs` has the log", NULL },
	{ "image-cache", S_STRING, NULL, "the cache is the caller's: set DIB_IMAGE_CACHE", NULL },
	{ "min-tmpfs", S_INT, NULL, "imagebuild builds in its store", NULL },
	{ "no-tmpfs", S_BOOL, NULL, "imagebuild builds in its store", NULL },
	{ "image-extra-size", S_INT, NULL, NULL, "DIB_IMAGE_EXTRA_SIZE in environment" },
	{ "mkfs-journal-size", S_INT, NULL, NULL, "DIB_JOURNAL_SIZE in environment" },
	{ "clear", S_BOOL, NULL, NULL, "nothing: --env says what is passed" },
};

static const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static int check_strings(struct convert_job *j, const struct yaml_node *n)
{
	int r = 0;

	for (const struct yaml_node *c = n->children; c; c = c->next)
		if (type_of(c) != T_STRING)
			r = wrong(j, c->at, "expected a string; quote it", "");
	return r;
}

static int check_shape(struct convert_job *j, const struct key *k, const struct yaml_node *n)
{
	static const char *const names[] = { "a string; quote a number", "true or false",
					     "a whole number", "a list of strings", "a map" };
	static const enum type scalars[] = { T_STRING, T_BOOL, T_INT };

	if (k->shape == S_STRINGS && n->kind == YAML_LIST)
		return check_strings(j, n);
	if (k->shape == S_MAP && n->kind == YAML_MAP)
		return check_strings(j, n);
	if (k->shape < S_STRINGS && type_of(n) == scalars[k->shape])
		return 0;
	return wrong(j, n->at, "expected ", names[k->shape]);
}

static void append(struct convert_job *j, struct str_vec *list, const struct yaml_node *n)
{
	for (const struct yaml_node *c = n->children; c; c = c->next)
		vec_push(j->arena, list, c->text);
}

/* One image while its entries are read. */
struct definition {
	struct image image;
	bool is_ramdisk;
	const char *ramdisk_element;
	struct ib_pair_vec qemu;
	const struct yaml_node *variables[ARRAY_SIZE(keys)]; /* the values of keys that set one */
};
struct definition_vec VEC(struct definition *);

static void set_pair(struct convert_job *j, struct ib_pair_vec *pairs, const struct yaml_node *n)
{
	vec_foreach (struct ib_pair, p, pairs)
		if (strcmp(p->key, n->key) == 0) {
			p->value = n->text;
			return;
		}
	vec_push(j->arena, pairs, ((struct ib_pair){ n->key, n->text, n->at }));
}

/* Scalars replace, lists append, maps update. */
static void take_key(struct convert_job *j, struct definition *d, const struct yaml_node *n)
{
	struct image *i = &d->image;
	const char *k = n->key;

	if (strcmp(k, "arch") == 0)
		i->arch = n->text;
	else if (strcmp(k, "types") == 0)
		append(j, &i->types, n);
	else if (strcmp(k, "packages") == 0)
		append(j, &i->packages, n);
	else if (strcmp(k, "elements") == 0)
		append(j, &i->elements, n);
	else if (strcmp(k, "ramdisk") == 0)
		d->is_ramdisk = is_true(n);
	else if (strcmp(k, "ramdisk-element") == 0)
		d->ramdisk_element = n->text;
	else if (strcmp(k, "uncompressed") == 0)
		i->is_uncompressed = is_true(n);
	else if (strcmp(k, "checksum") == 0)
		i->checksum = is_true(n) ? "1" : NULL;
	else if (strcmp(k, "skip-base") == 0)
		i->skips_base = is_true(n);
	else if (strcmp(k, "docker-target") == 0)
		i->tag = n->text;
	else
		for (const struct yaml_node *c = n->children; c; c = c->next) {
			if (strcmp(k, "environment") == 0)
				image_set(j, i, c->key, c->text, c->at);
			else if (strcmp(k, "qemu-img-options") == 0)
				set_pair(j, &d->qemu, c);
		}
}

static int read_key(struct convert_job *j, struct definition *d, const struct yaml_node *n)
{
	const struct key *k = key_find(n->key);
	const char *names[ARRAY_SIZE(keys)];

	for (size_t i = 0; !k && i < ARRAY_SIZE(keys); i++)
		names[i] = keys[i].name;
	if (!k) {
		ib_diag_unknown(j->diag, IB_D_BAD_CONVERSION_INPUT, n->key_at, n->key, names,
				ARRAY_SIZE(keys), "unknown key '%s'", n->key);
		return -1;
	}
	if (check_shape(j, k, n) < 0)
		return -1;
	if (k->refused)
		return wrong(j, n->key_at, "disk-image-create refuses what this key becomes; set ",
			     k->refused);
	if (k->why)
		return left_out(j, n, k->why);
	if (k->variable)
		d->variables[k - keys] = n;
	else
		take_key(j, d, n);
	return 0;
}

/* As options they win over the environment, in the order of the command line. */
static void set_variables(struct convert_job *j, struct definition *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *n = d->variables[i];
		bool is_flag = keys[i].shape == S_BOOL;

		if (n && (!is_flag || is_true(n)))
			image_set(j, &d->image, keys[i].variable, is_flag ? "1" : n->text, n->at);
	}
}

static struct definition *definition_of(struct convert_job *j, struct definition_vec *all,
					const char *name, struct ib_span at)
{
	struct definition *d;

	vec_foreach (struct definition *, it, all)
		if (strcmp((*it)->image.name, name) == 0)
			return *it;
	d = arena_alloc(j->arena, sizeof(*d));
	*d = (struct definition){ .image = { .name = name, .at = at } };
	vec_push(j->arena, all, d);
	return d;
}

/* A missing name is the one of the entry before. */
static int read_entry(struct convert_job *j, struct definition_vec *all,
		      const struct yaml_node *entry, const char **name)
{
	const struct yaml_node *n = entry->kind == YAML_MAP ? yaml_get(entry, "imagename") : NULL;
	struct definition *d;
	int r = 0;

	if (entry->kind != YAML_MAP)
		return wrong(j, entry->at, "expected a map: the definition of an image", "");
	if (n && type_of(n) != T_STRING)
		return wrong(j, n->at, "expected a string; quote a number", "");
	if (n)
		*name = n->text;
	d = definition_of(j, all, *name, entry->at);
	for (n = entry->children; n; n = n->next)
		if (strcmp(n->key, "imagename") != 0 && read_key(j, d, n) < 0)
			r = -1;
	return r;
}

static const char *join_pairs(struct convert_job *j, const struct ib_pair_vec *pairs)
{
	cleanup_buf struct buf out = BUF_INIT;

	vec_foreach (struct ib_pair, p, pairs)
		buf_printf(&out, "%s%s=%s", p > pairs->items ? "," : "", p->key, p->value);
	return out.len ? arena_strndup(j->arena, out.data, out.len) : NULL;
}

static const char *recipe_path(struct convert_job *j, const char *name)
{
	return arena_printf(j->arena, "%s.Imagefile", ib_base_name(name));
}

static int write_images(struct convert_job *j, const struct definition_vec *all)
{
	int r = 0;

	vec_foreach (struct definition *, it, all) {
		struct definition *d = *it;
		const char *path = recipe_path(j, d->image.name);

		if (d->is_ramdisk)
			d->image.ramdisk_element =
				d->ramdisk_element ? d->ramdisk_element : "ramdisk";
		d->image.qemu_options = join_pairs(j, &d->qemu);
		set_variables(j, d);
		if (convert_image(j, &d->image, path) < 0)
			r = -1;
		else
			convert_became(j, d->image.name, "%s", path);
	}
	return r;
}

static const struct yaml_node *read_yaml(struct convert_job *j, const char *file,
					 struct ib_error *err)
{
	struct ib_span at;

	if (ib_sources_read(j->sources, file, &at, err) < 0) {
		err->exit = IB_EXIT_USAGE;
		return NULL;
	}
	return yaml_parse(j->arena, j->sources, at, j->diag);
}

int convert_yaml(struct convert_job *j, const struct str_vec *files, struct ib_error *err)
{
	struct definition_vec all = { NULL, 0, 0 };
	const char *name = "image";
	int r = 0;

	vec_foreach (const char *, file, files) {
		const struct yaml_node *root = read_yaml(j, *file, err);

		if (!root)
			return -1;
		if (root->kind != YAML_LIST) {
			r = wrong(j, root->at, "expected a list of image definitions", "");
			continue;
		}
		for (const struct yaml_node *n = root->children; n; n = n->next)
			if (read_entry(j, &all, n, &name) < 0)
				r = -1;
	}
	return r < 0 ? r : write_images(j, &all);
}

/* A list of maps of nodepool's configuration, by name. */
struct pool {
	struct convert_job *j;
	const struct yaml_node *list;
	struct image *image;
	size_t depth;
};

static const struct yaml_node *pool_find(const struct pool *p, const char *name)
{
	for (const struct yaml_node *n = p->list->children; n; n = n->next) {
		const struct yaml_node *own = n->kind == YAML_MAP ? yaml_get(n, "name") : NULL;

		if (own && own->kind == YAML_SCALAR && strcmp(own->text, name) == 0)
			return n;
	}
	return NULL;
}

/* nodepool's own of an image: when and where, not what. */
static const char *const schedule[] = {
	"name",          "parent",          "abstract",
	"pause",         "rebuild-age",     "python-path",
	"keep-formats",  "shell-type",      "username",
	"build-timeout", "connection-type", "connection-port",
	"metadata",      "dib-cmd",         "build-log-retention",
};

static int pool_strings(struct pool *p, const struct yaml_node *n, struct str_vec *list)
{
	for (const struct yaml_node *c = n->children; c; c = c->next) {
		if (c->kind != YAML_SCALAR)
			return wrong(p->j, c->at, "expected a word", "");
		vec_push(p->j->arena, list, c->text);
	}
	return n->kind == YAML_LIST || n->kind == YAML_NULL
		       ? 0
		       : wrong(p->j, n->at, "expected a list", "");
}

static int pool_env(struct pool *p, const struct yaml_node *n)
{
	if (n->kind != YAML_MAP)
		return wrong(p->j, n->at, "expected a map", "");
	for (const struct yaml_node *c = n->children; c; c = c->next) {
		if (c->kind != YAML_SCALAR)
			return wrong(p->j, c->at, "expected a word", "");
		image_set(p->j, p->image, c->key, c->text, c->at);
	}
	return 0;
}

static int pool_key(struct pool *p, const struct yaml_node *n)
{
	if (strcmp(n->key, "elements") == 0)
		return pool_strings(p, n, &p->image->elements);
	if (strcmp(n->key, "env-vars") == 0)
		return pool_env(p, n);
	if (strcmp(n->key, "formats") == 0) {
		p->image->types = (struct str_vec){ NULL, 0, 0 };
		return pool_strings(p, n, &p->image->types);
	}
	if (strcmp(n->key, "release") == 0) {
		if (n->kind != YAML_SCALAR)
			return wrong(p->j, n->at, "expected a word", "");
		image_set(p->j, p->image, "DIB_RELEASE", n->text, n->at);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(schedule); i++)
		if (strcmp(n->key, schedule[i]) == 0)
			return i < 3 ? 0 : left_out(p->j, n, "nodepool's own, no part of an image");
	return left_out(p->j, n, "not known");
}

/* What the parent says comes first. */
static int pool_read(struct pool *p, const struct yaml_node *entry)
{
	const struct yaml_node *parent = yaml_get(entry, "parent");
	int r = 0;

	if (parent && parent->kind == YAML_SCALAR) {
		const struct yaml_node *above = pool_find(p, parent->text);

		if (!above)
			return wrong(p->j, parent->at, "no diskimage has the name ", parent->text);
		if (++p->depth > PARENTS_MAX)
			return wrong(p->j, parent->at,
				     "the image is, by its parents, its own parent", "");
		if (pool_read(p, above) < 0)
			return -1;
	}
	for (const struct yaml_node *n = entry->children; n; n = n->next)
		if (pool_key(p, n) < 0)
			r = -1;
	return r;
}

static bool is_abstract(const struct yaml_node *entry)
{
	const struct yaml_node *n = yaml_get(entry, "abstract");

	return n && n->kind == YAML_SCALAR && is_true(n);
}

static int pool_check(struct convert_job *j, const struct yaml_node *list,
		      const struct yaml_node *entry, struct image *ret_image)
{
	const struct yaml_node *name = entry->kind == YAML_MAP ? yaml_get(entry, "name") : NULL;
	struct pool p = { .j = j, .list = list, .image = ret_image };

	*ret_image = (struct image){ .at = entry->at };
	if (!name || name->kind != YAML_SCALAR)
		return wrong(j, entry->at, "expected a diskimage with a name", "");
	ret_image->name = name->text;
	return pool_read(&p, entry);
}

static int pool_image(struct convert_job *j, const struct yaml_node *list,
		      const struct yaml_node *entry)
{
	struct image i;
	const char *path;

	if (pool_check(j, list, entry, &i) < 0)
		return -1;
	if (is_abstract(entry))
		return 0;
	path = recipe_path(j, i.name);
	if (convert_image(j, &i, path) < 0)
		return -1;
	convert_became(j, i.name, "%s", path);
	return 0;
}

int convert_nodepool(struct convert_job *j, const char *file, struct ib_error *err)
{
	const struct yaml_node *root = read_yaml(j, file, err);
	const struct yaml_node *list =
		root && root->kind == YAML_MAP ? yaml_get(root, "diskimages") : NULL;
	int r = 0;

	if (!root)
		return -1;
	if (!list || list->kind != YAML_LIST)
		return wrong(j, root->at, "expected a map with a list of diskimages", "");
	for (const struct yaml_node *n = list->children; n; n = n->next)
		if (pool_image(j, list, n) < 0)
			r = -1;
	return r;
}

/* Whether a list's first entry has a key that only a definition has. */
static bool is_definition(const struct yaml_node *root)
{
	const struct yaml_node *first = root->kind == YAML_LIST ? root->children : NULL;

	for (const struct yaml_node *n = first && first->kind == YAML_MAP ? first->children : NULL;
	     n; n = n->next)
		if (key_find(n->key))
			return true;
	return false;
}

bool convert_check_images(struct convert_job *j, struct ib_span text)
{
	struct ib_diag *scrap = ib_diag_new(j->sources);
	const struct yaml_node *root = yaml_parse(j->arena, j->sources, text, scrap), *list;
	struct definition_vec all = { NULL, 0, 0 };
	const char *name = "image";
	struct image image;

	ib_diag_free(scrap);
	list = root && root->kind == YAML_MAP ? yaml_get(root, "diskimages") : NULL;
	if (list && list->kind == YAML_LIST) {
		for (const struct yaml_node *n = list->children; n; n = n->next)
			(void)pool_check(j, list, n, &image);
		return true;
	}
	if (!root || !is_definition(root))
		return false;
	for (const struct yaml_node *n = root->children; n; n = n->next)
		(void)read_entry(j, &all, n, &name);
	return true;
}
