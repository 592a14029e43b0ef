/* SPDX-License-Identifier: Apache-2.0 */
/* package-installs.{yaml,json} as PACKAGE lines. A file that holds what PACKAGE has no word for
 * stays a file, all of it: an install and a removal of one package belong together. */
#include "convert/element.h"

#include "support/yaml.h"

#include <imagebuild/error.h>
#include <imagebuild/ir.h>

#include <ctype.h>
#include <string.h>

enum { COLUMNS = 100 };

/* A line that is being written: the flags, and the comment and the names that go with them. */
struct packages {
	struct element_conversion *c;
	struct ib_span text;
	struct buf out, flags, names;
	const char *why; /* it stays a file */
	struct ib_span why_at;
};

static void refuse(struct packages *p, struct ib_span at, const char *why)
{
	if (p->why)
		return;
	p->why = why;
	p->why_at = at;
}

static void end_line(struct packages *p)
{
	if (p->names.len)
		buf_printf(&p->out, "PACKAGE%s%s\n", p->flags.len ? p->flags.data : "",
			   p->names.data);
	buf_reset(&p->names);
}

static bool is_word(const char *s, const char *more)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && (p == s || !strchr(more, *p)))
			return false;
	return *s != '\0';
}

static void add_phase(struct packages *p, const struct yaml_node *n, struct buf *flags)
{
	static const char *const phases[] = { "pre-install.d", "post-install.d" };

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		if (strcmp(n->text, phases[i]) == 0) {
			buf_printf(flags, " --phase=%.*s", (int)strlen(phases[i]) - 2, phases[i]);
			return;
		}
	if (strcmp(n->text, "install.d") != 0)
		refuse(p, n->at, "packages of that phase are never installed");
}

/* "a, b" as a,b, each with MARK in front. */
static void add_arches(struct packages *p, const struct yaml_node *n, struct buf *flags,
		       const char *mark)
{
	const char *before = "";

	buf_str(flags, *mark ? " --arch='" : " --arch=");
	for (const char *s = n->text; *s; s += strspn(s, ", ")) {
		size_t len = strcspn(s, ", ");
		const char *arch = arena_strndup(p->c->job->arena, s, len);

		if (!is_word(arch, "_")) {
			refuse(p, n->at, "no architecture can be read there");
			return;
		}
		buf_printf(flags, "%s%s%s", before, mark, arch);
		before = ",";
		s += len;
	}
	if (*mark)
		buf_char(flags, '\'');
	if (!*before)
		refuse(p, n->at, "it names no architecture");
}

/* "NAME = value" or "NAME != value". */
static void add_condition(struct packages *p, const struct yaml_node *n, struct buf *flags)
{
	const char *text = n->kind == YAML_SCALAR ? n->text : "", *value;
	size_t name =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	const char *op = text + name + strspn(text + name, " \t");
	size_t len;

	if (!name || (*op != '=' && strncmp(op, "!=", 2) != 0)) {
		refuse(p, n->at, "'when' is not NAME = VALUE or NAME != VALUE");
		return;
	}
	value = op + (*op == '!') + 1;
	value += strspn(value, " \t");
	len = strlen(value);
	while (len > 0 && strchr(" \t", value[len - 1]))
		len--;
	buf_str(flags, " --when=");
	write_word(flags, arena_printf(p->c->job->arena, "%.*s%s%.*s", (int)name, text,
				       *op == '!' ? "!=" : "=", (int)len, value));
}

static void add_when(struct packages *p, const struct yaml_node *n, struct buf *flags)
{
	if (n->kind != YAML_LIST) {
		add_condition(p, n, flags);
		return;
	}
	for (const struct yaml_node *item = n->children; item; item = item->next)
		add_condition(p, item, flags);
}

/* `false` is true for dib, and false for us. */
static bool is_true(struct packages *p, const struct yaml_node *n)
{
	static const char *const words[] = { "true", "True", "TRUE", "yes", "1" };

	if (n->kind == YAML_SCALAR && str_among(n->text, words, ARRAY_SIZE(words)))
		return true;
	refuse(p, n->at, "dib reads the presence of the key, whatever its value is");
	return false;
}

static void add_key(struct packages *p, const struct yaml_node *n, struct buf *flags)
{
	if (strcmp(n->key, "when") == 0)
		add_when(p, n, flags);
	else if (strcmp(n->key, "uninstall") == 0 && is_true(p, n))
		buf_str(flags, " --remove");
	else if (strcmp(n->key, "build-only") == 0 && is_true(p, n))
		buf_str(flags, " --build-only");
	else if (n->kind != YAML_SCALAR)
		refuse(p, n->at, "a key has no word as its value");
	else if (strcmp(n->key, "phase") == 0)
		add_phase(p, n, flags);
	else if (strcmp(n->key, "installtype") == 0 &&
		 (strcmp(n->text, "source") == 0 || strcmp(n->text, "package") == 0))
		buf_printf(flags, " --install-type=%s", n->text);
	else if (strcmp(n->key, "arch") == 0)
		add_arches(p, n, flags, "");
	else if (strcmp(n->key, "not-arch") == 0)
		add_arches(p, n, flags, "!");
	else if (!p->why && strcmp(n->key, "uninstall") != 0 && strcmp(n->key, "build-only") != 0)
		refuse(p, n->key_at, "PACKAGE has no flag for a key of it");
}

/* The comment lines directly above AT, as they are. */
static void add_comment(struct packages *p, uint32_t at, struct buf *out)
{
	const char *text = ib_sources_text(p->c->job->sources, p->text);
	const char *line = text + (at - p->text.start), *end;

	while (line > text && line[-1] != '\n')
		line--;
	end = line;
	while (line > text) {
		const char *above = line - 1;

		while (above > text && above[-1] != '\n')
			above--;
		if (*above != '#')
			break;
		line = above;
	}
	buf_add(out, line, (size_t)(end - line));
}

static void add_package(struct packages *p, const struct yaml_node *name,
			const struct yaml_node *params)
{
	cleanup_buf struct buf flags = BUF_INIT, comment = BUF_INIT;
	bool is_same;

	if (!is_word(name->key, "+-._:~@/*"))
		refuse(p, name->key_at, "the name of a package is no plain word");
	if (params->kind != YAML_MAP && params->kind != YAML_NULL)
		refuse(p, params->at, "a package has neither keys nor nothing");
	for (const struct yaml_node *n = params->kind == YAML_MAP ? params->children : NULL; n;
	     n = n->next)
		add_key(p, n, &flags);
	add_comment(p, name->key_at.start, &comment);
	is_same =
		flags.len == p->flags.len && (!flags.len || strcmp(flags.data, p->flags.data) == 0);
	if (!is_same || comment.len ||
	    7 + flags.len + p->names.len + 1 + strlen(name->key) > COLUMNS)
		end_line(p);
	if (comment.len)
		buf_add(&p->out, comment.data, comment.len);
	buf_reset(&p->flags);
	buf_str(&p->flags, flags.len ? flags.data : "");
	buf_printf(&p->names, " %s", name->key);
}

static void add_file(struct packages *p, const struct yaml_node *root)
{
	if (root->kind != YAML_MAP && root->kind != YAML_NULL)
		refuse(p, root->at, "it is no map of package names");
	for (const struct yaml_node *n = root->kind == YAML_MAP ? root->children : NULL; n;
	     n = n->next) {
		if (n->kind != YAML_LIST)
			add_package(p, n, n);
		for (const struct yaml_node *item = n->kind == YAML_LIST ? n->children : NULL; item;
		     item = item->next)
			add_package(p, n, item);
	}
	end_line(p);
}

int element_packages(struct element_conversion *c, const char *path, struct ib_error *err)
{
	struct packages p = { .c = c };
	const struct yaml_node *root;
	int r = element_read(c, path, &p.text, err);

	if (r < 0)
		return r;
	if (!element_needs(c, "package-installs"))
		return element_keep(c, path,
				    "nothing that the element needs brings package-installs",
				    p.text, err);
	root = yaml_parse(c->job->arena, c->job->sources, p.text, c->job->diag);
	if (!root)
		return -1;
	add_file(&p, root);
	if (p.why) {
		r = element_keep(c, path, p.why, p.why_at, err);
	} else {
		convert_became(c->job, element_path(c, path), "%s",
			       p.out.len ? "PACKAGE" : "nothing: it is empty");
		buf_add(&c->packages, p.out.data, p.out.len);
	}
	buf_release(&p.out);
	buf_release(&p.flags);
	buf_release(&p.names);
	return r;
}
