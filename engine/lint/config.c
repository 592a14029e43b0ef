/* SPDX-License-Identifier: Apache-2.0 */
/* .imagebuild.yaml: found upwards from what is judged, else in the user's configuration directory
 * (docs/lint.md). */
#include "lint/private.h"

#include "support/yaml.h"

#include <imagebuild/error.h>
#include <imagebuild/intern.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define RUN_LINES 40 /* of a RUN, where the configuration says nothing */

struct reader {
	struct lint *l;
	struct lint_config *config;
	struct ib_diag *diag; /* what is wrong in the file */
};

static void wrong(struct reader *r, struct ib_span at, const char *text)
{
	ib_diag_add(r->diag, IB_D_BAD_ELEMENT_FILE, at, "%s", text);
}

static void set_level(struct reader *r, const struct ib_diag_row *row, int level)
{
	const char *key = intern_str(r->l->names, row->slug);
	int *slot = arena_alloc(r->l->arena, sizeof(*slot));

	*slot = level;
	*map_put(r->l->arena, &r->config->levels, key) = slot;
}

/* "off" or a level; -1 for another word. */
static int level_of(const char *word)
{
	int level;

	if (strcmp(word, "off") == 0 || strcmp(word, "false") == 0)
		return IB_NOTE;
	return lint_level_find(word, &level) && level <= IB_ERROR ? level : -1;
}

static void read_rules(struct reader *r, const struct yaml_node *node)
{
	for (const struct yaml_node *n = node->children; n; n = n->next) {
		const struct ib_diag_row *row = lint_rule_find(n->key);
		int level = n->kind == YAML_SCALAR ? level_of(n->text) : -1;

		if (!row)
			wrong(r, n->key_at,
			      "no rule has that name; `imagebuild lint --list` has them");
		else if (level < 0)
			wrong(r, n->at, "expected off, style, info, warning or error");
		else
			set_level(r, row, level);
	}
}

static void read_words(struct reader *r, const struct yaml_node *node, struct str_vec *ret_words)
{
	for (const struct yaml_node *n = node->children; n; n = n->next)
		if (n->kind == YAML_SCALAR)
			vec_push(r->l->arena, ret_words, arena_strdup(r->l->arena, n->text));
		else
			wrong(r, n->at, "expected a word");
}

static const char *const keys[] = { "rules",    "fail-level",      "require-reason",
				    "baseline", "trusted-sources", "required-labels",
				    "run-lines" };

/* Which of KEYS may have a list or a map for its value. */
static enum yaml_kind kind_of(size_t key)
{
	return key == 0 ? YAML_MAP : key == 4 || key == 5 ? YAML_LIST : YAML_SCALAR;
}

static void read_scalar(struct reader *r, size_t key, const struct yaml_node *n)
{
	struct lint_config *c = r->config;
	char *end;

	if (key == 1 && !lint_level_find(n->text, &c->fail_level))
		wrong(r, n->at, "expected style, info, warning, error or none");
	if (key == 2) {
		c->requires_reason = strcmp(n->text, "true") == 0 || strcmp(n->text, "yes") == 0;
		if (!c->requires_reason && strcmp(n->text, "false") != 0 &&
		    strcmp(n->text, "no") != 0)
			wrong(r, n->at, "expected true or false");
	}
	if (key == 3)
		c->baseline = n->text;
	if (key == 6) {
		c->run_lines = (unsigned)strtoul(n->text, &end, 10);
		if (*end || !c->run_lines)
			wrong(r, n->at, "expected a number of lines");
	}
}

static void read_key(struct reader *r, const struct yaml_node *n)
{
	size_t key = 0;

	while (key < ARRAY_SIZE(keys) && strcmp(n->key, keys[key]) != 0)
		key++;
	if (key == ARRAY_SIZE(keys)) {
		ib_diag_unknown(r->diag, IB_D_BAD_ELEMENT_FILE, n->key_at, n->key, keys,
				ARRAY_SIZE(keys), "unknown key '%s'", n->key);
		return;
	}
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != kind_of(key))
		wrong(r, n->at, "expected a value of another kind; see docs/lint.md");
	else if (key == 0)
		read_rules(r, n);
	else if (key == 4)
		read_words(r, n, &r->config->trusted_sources);
	else if (key == 5)
		read_words(r, n, &r->config->labels);
	else
		read_scalar(r, key, n);
}

static void read_document(struct reader *r, const struct yaml_node *root)
{
	const struct yaml_node *lint = root->kind == YAML_MAP ? yaml_get(root, "lint") : NULL;

	if (root->kind != YAML_MAP && root->kind != YAML_NULL)
		wrong(r, root->at, "expected a map with the key 'lint'");
	if (lint && lint->kind != YAML_MAP && lint->kind != YAML_NULL)
		wrong(r, lint->at, "expected a map");
	else if (lint)
		for (const struct yaml_node *n = lint->children; n; n = n->next)
			read_key(r, n);
}

static int read_file(struct reader *r, const char *path, struct ib_error *err)
{
	const struct yaml_node *root;
	struct ib_span at;

	if (ib_sources_read(r->l->sources, path, &at, err) < 0) {
		err->exit = IB_EXIT_USAGE;
		return -1;
	}
	r->config->file = arena_strdup(r->l->arena, path);
	root = yaml_parse(r->l->arena, r->l->sources, at, r->diag);
	if (root)
		read_document(r, root);
	if (!ib_diag_errors(r->diag))
		return 0;
	cleanup_buf struct buf text = BUF_INIT;

	ib_diag_render(r->diag, &text, false);
	(void)ib_fail_text(err, EINVAL, "the configuration is wrong\n%s", text.data);
	err->exit = IB_EXIT_USAGE;
	return -1;
}

/* --rule=RULE=LEVEL */
static int add_settings(struct reader *r, struct ib_error *err)
{
	vec_foreach (const char *, word, &r->l->settings->levels) {
		const char *equals = strchr(*word, '=');
		const struct ib_diag_row *row =
			equals ? lint_rule_find(arena_strndup(r->l->arena, *word,
							      (size_t)(equals - *word)))
			       : NULL;
		int level = equals ? level_of(equals + 1) : -1;

		if (row && level >= 0) {
			set_level(r, row, level);
			continue;
		}
		(void)ib_fail_text(err, EINVAL, "--rule=%s: %s", *word,
				   row ? "expected off, style, info, warning or error"
				       : "expected RULE=LEVEL");
		err->exit = IB_EXIT_USAGE;
		return ib_hint(err, "`imagebuild lint --list` has the rules");
	}
	return 0;
}

/* .imagebuild.yaml in DIR (absolute) or above; in the user's configuration directory; or NULL. */
static const char *find_file(struct lint *l, const char *dir)
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
	char *path = arena_strdup(l->arena, dir), *slash;
	const char *file;

	for (;;) {
		file = arena_printf(l->arena, "%s/.imagebuild.yaml", path);
		if (access(file, F_OK) == 0)
			return file;
		slash = strrchr(path, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	if (xdg && *xdg == '/')
		file = arena_printf(l->arena, "%s/imagebuild/config.yaml", xdg);
	else if (home && *home == '/')
		file = arena_printf(l->arena, "%s/.config/imagebuild/config.yaml", home);
	else
		return NULL;
	return access(file, F_OK) == 0 ? file : NULL;
}

/* The directory of PATH, or PATH where it is one; absolute. */
static const char *directory_of(struct lint *l, const char *path)
{
	char real[PATH_MAX];
	char *text = arena_strdup(l->arena, strcmp(path, "-") == 0 ? "." : path);
	struct stat st;
	char *slash;

	if (stat(text, &st) < 0 || !S_ISDIR(st.st_mode)) {
		slash = strrchr(text, '/');
		if (slash == text)
			return "";
		if (slash)
			*slash = '\0';
		else
			text = arena_strdup(l->arena, ".");
	}
	return arena_strdup(l->arena, realpath(text, real) ? real : "");
}

const struct lint_config *lint_config_for(struct lint *l, const char *path, struct ib_error *err)
{
	const char *dir = directory_of(l, path);
	const char *file = l->settings->config ? l->settings->config : find_file(l, dir);
	void **slot = map_put(l->arena, &l->configs, intern_str(l->names, file ? file : ""));
	struct reader r = { .l = l };
	int result = 0;

	if (*slot)
		return *slot;
	r.config = arena_alloc(l->arena, sizeof(*r.config));
	*r.config = (struct lint_config){ .fail_level = -1, .run_lines = RUN_LINES };
	r.diag = ib_diag_new(l->sources);
	if (file)
		result = read_file(&r, file, err);
	if (result == 0)
		result = add_settings(&r, err);
	ib_diag_free(r.diag);
	if (result < 0)
		return NULL;
	*slot = r.config;
	return r.config;
}
