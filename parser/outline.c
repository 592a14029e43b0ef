/* SPDX-License-Identifier: Apache-2.0 */
/* What a recipe offers and asks for: parameters, stages, outputs, secrets, with the comments
 * directly above ARG and FROM as descriptions. */
#include "front.h"

#include <imagebuild/jsonout.h>
#include <imagebuild/source.h>

#include <string.h>

enum { OUTLINE_VERSION = 1, COLUMNS_MAX = 4, WIDTH_MAX = 40 };

struct parameter {
	const char *name, *value, *given, *description; /* value: the default; NULL: none */
	const char *stage; /* NULL: before the first FROM, or unnamed */
	struct ib_span at;
};
struct parameter_vec VEC(struct parameter);

struct output {
	const char *stage, *name;
	struct str_vec formats, files;
	struct ib_span at;
};
struct output_vec VEC(struct output);

struct secret {
	const char *id;
	bool is_required;
	struct ib_span at; /* its first use */
};
struct secret_vec VEC(struct secret *);

struct outline {
	struct ib_recipe *r;
	struct map parameter_names, secret_ids;
	struct parameter_vec parameters;
	struct output_vec outputs;
	struct secret_vec secrets;
};

static const char *given(const struct outline *o, const char *name)
{
	const char *value = NULL;

	vec_foreach (struct ib_pair, p, &o->r->options->build_args) {
		if (strcmp(p->key, name) == 0)
			value = p->value;
	}
	return value;
}

/* A bare ARG of a name that is known changes nothing, and is not listed. */
static void add_parameter(struct outline *o, const struct live *live, const struct ib_ast_word *w)
{
	const char *equals = strchr(w->text, '=');
	size_t n = strcspn(w->text, "=");
	struct parameter p = { .name = intern_bytes(o->r->names, w->text, n),
			       .value = equals ? equals + 1 : NULL,
			       .description = live->in->comment,
			       .at = w->at };
	void **known = map_put(o->r->arena, &o->parameter_names, p.name);

	if (*known && !equals)
		return;
	*known = o;
	p.given = given(o, p.name);
	if (live->stage != NO_STAGE)
		p.stage = o->r->stages.items[live->stage].name;
	(void)vec_push(o->r->arena, &o->parameters, p);
}

static const char *mount_key(const struct ib_mount *mount, const char *name)
{
	vec_foreach (struct ib_pair, key, &mount->keys) {
		if (strcmp(key->key, name) == 0)
			return key->value;
	}
	return "";
}

static void add_secret(struct outline *o, const struct ib_mount *mount)
{
	const char *id = intern_str(o->r->names, mount_key(mount, "id"));
	void **known = map_put(o->r->arena, &o->secret_ids, id);
	struct secret *s = *known;

	if (!s) {
		*known = s = arena_alloc(o->r->arena, sizeof(*s));
		*s = (struct secret){ .id = id, .at = mount->at };
		(void)vec_push(o->r->arena, &o->secrets, s);
	}
	if (strcmp(mount_key(mount, "required"), "false") != 0)
		s->is_required = true;
}

static const char *suffix_of(const char *format)
{
	static const char *const suffixes[][2] = {
#define FORMAT(name, suffix) { #name, suffix },
#define FORMAT_QEMU(name, suffix) { #name, suffix },
#define FORMAT_LATER(name, suffix) { #name, suffix },
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER
	};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (strcmp(suffixes[i][0], format) == 0)
			return suffixes[i][1];
	}
	return format;
}

static void add_format(struct outline *o, struct output *out, const char *format, bool is_only)
{
	size_t n = strlen(out->name);
	const char *suffix = suffix_of(format), *file;
	size_t end = n - strlen(suffix);

	/* -o image.qcow2 with one format is image.qcow2 */
	if (is_only && n > strlen(suffix) + 1 && out->name[end - 1] == '.' &&
	    strcmp(out->name + end, suffix) == 0)
		file = out->name;
	else
		file = arena_printf(o->r->arena, "%s.%s", out->name, suffix);
	(void)vec_push(o->r->arena, &out->formats, format);
	(void)vec_push(o->r->arena, &out->files, file);
}

/* -t replaces the formats of a stage's first OUTPUT; the others are not written then. */
static void add_output(struct outline *o, const struct ib_stage *stage, const struct ib_op *op)
{
	const struct str_vec *chosen = &o->r->options->formats;
	struct output out = { .stage = stage->name, .at = op->at };

	out.name = ib_output_name(o->r->ir, stage, &op->output, o->r->options->output_name,
				  o->r->arena);
	vec_foreach (const char *, format, chosen)
		add_format(o, &out, *format, chosen->len == 1);
	for (size_t i = 0; chosen->len == 0 && i < op->output.formats.len; i++)
		add_format(o, &out, op->output.formats.items[i].text, op->output.formats.len == 1);
	(void)vec_push(o->r->arena, &o->outputs, out);
}

static void add_stage(struct outline *o, const struct ib_stage *stage)
{
	bool has_output = false;

	vec_foreach (struct ib_op, op, &stage->ops) {
		if (op->code == IB_OP_OUTPUT && stage->is_product &&
		    !(has_output && o->r->options->formats.len > 0)) {
			add_output(o, stage, op);
			has_output = true;
		}
		for (size_t i = 0; op->code == IB_OP_RUN && i < op->run.mounts.len; i++) {
			if (op->run.mounts.items[i].type == IB_MOUNT_SECRET)
				add_secret(o, &op->run.mounts.items[i]);
		}
	}
}

static struct outline *make(struct ib_recipe *r)
{
	struct outline *o = arena_alloc(r->arena, sizeof(*o));

	o->r = r;
	vec_foreach (struct live, live, &r->live) {
		for (struct ib_ast_word *w = live->in->words; live->in->directive->id == D_ARG && w;
		     w = w->next)
			add_parameter(o, live, w);
	}
	vec_foreach (struct ib_stage, stage, &r->ir->stages)
		add_stage(o, stage);
	return o;
}

static const char *shown(const char *name, const char *value)
{
	return value && *value && ib_is_secret_name(name) ? "<set>" : value;
}

static const char *description(const struct stage *s)
{
	return s->from ? s->from->comment : NULL;
}

/* --- for programs --- */

static void json_place(const struct outline *o, struct jsonout *j, struct ib_span at)
{
	struct ib_place place = { 0 };

	(void)ib_sources_locate(o->r->sources, at.start, &place);
	json_str(j, "at",
		 arena_printf(o->r->arena, "%s:%u:%u", place.file, place.line, place.column));
}

static void json_strings(struct jsonout *j, const char *key, const struct str_vec *strings)
{
	json_array(j, key);
	vec_foreach (const char *, s, strings)
		json_str(j, NULL, *s);
	json_array_end(j);
}

static void json_parameters(const struct outline *o, struct jsonout *j)
{
	json_array(j, "parameters");
	vec_foreach (struct parameter, p, &o->parameters) {
		json_object(j, NULL);
		json_str(j, "name", p->name);
		json_place(o, j, p->at);
		json_str(j, "stage", p->stage);
		json_str(j, "default", shown(p->name, p->value));
		json_str(j, "given", shown(p->name, p->given));
		json_str(j, "description", p->description);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_stages(const struct outline *o, struct jsonout *j)
{
	json_array(j, "stages");
	vec_foreach (struct stage, s, &o->r->stages) {
		if (!s->from)
			continue;
		json_object(j, NULL);
		json_str(j, "name", s->name);
		json_place(o, j, s->from->at);
		json_str(j, "base", s->base);
		json_bool(j, "product", s->is_product);
		json_str(j, "description", description(s));
		json_object_end(j);
	}
	json_array_end(j);
}

void ib_recipe_outline_json(struct ib_recipe *r, struct buf *out)
{
	const struct outline *o = make(r);
	struct jsonout j = JSONOUT_INIT(out);

	json_object(&j, NULL);
	json_u64(&j, "version", OUTLINE_VERSION);
	json_str(&j, "file", r->ir->file);
	json_bool(&j, "fragment", r->is_fragment);
	json_parameters(o, &j);
	json_stages(o, &j);
	json_array(&j, "outputs");
	vec_foreach (struct output, it, &o->outputs) {
		json_object(&j, NULL);
		json_str(&j, "name", it->name);
		json_place(o, &j, it->at);
		json_str(&j, "stage", it->stage);
		json_strings(&j, "formats", &it->formats);
		json_strings(&j, "files", &it->files);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_array(&j, "secrets");
	vec_foreach (struct secret *, s, &o->secrets) {
		json_object(&j, NULL);
		json_str(&j, "id", (*s)->id);
		json_place(o, &j, (*s)->at);
		json_bool(&j, "required", (*s)->is_required);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
}

/* --- for people --- */

/* Rows of as many cells as there are heads; the first row is the heads. The last column may have
 * several lines. */
struct table {
	struct arena *arena;
	size_t columns;
	struct str_vec cells;
};

static void add_row(struct table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->columns; i++)
		(void)vec_push(t->arena, &t->cells, cells[i] ? cells[i] : "");
}

static void print_row(const struct table *t, const char *const *row, const size_t *widths,
		      struct buf *out)
{
	size_t last = t->columns - 1, left = 0;

	while (last > 0 && !*row[last])
		last--;
	for (size_t i = 0; i < last; left += widths[i++] + 2)
		buf_printf(out, "%-*s", (int)widths[i] + 2, row[i]);
	for (const char *text = row[last], *end;; text = end + 1) {
		end = strchrnul(text, '\n');
		buf_printf(out, "%.*s\n", (int)(end - text), text);
		if (!*end)
			return;
		if (end[1] && end[1] != '\n')
			buf_printf(out, "%*s", (int)left, "");
	}
}

/* Nothing where there is no row beneath the heads. */
static void print_table(const struct table *t, struct buf *out)
{
	size_t widths[COLUMNS_MAX] = { 0 };

	if (t->cells.len <= t->columns)
		return;
	if (out->len > 0)
		buf_char(out, '\n');
	for (size_t i = 0; i < t->cells.len; i++) {
		size_t n = strlen(t->cells.items[i]);

		n = n < WIDTH_MAX ? n : WIDTH_MAX;
		if (i % t->columns + 1 < t->columns && n > widths[i % t->columns])
			widths[i % t->columns] = n;
	}
	for (size_t i = 0; i < t->cells.len; i += t->columns)
		print_row(t, &t->cells.items[i], widths, out);
}

static void print_parameters(const struct outline *o, struct buf *out)
{
	struct table t = { .arena = o->r->arena, .columns = 3 };

	add_row(&t, (const char *[]){ "PARAMETER", "VALUE", "DESCRIPTION" });
	vec_foreach (struct parameter, p, &o->parameters) {
		const char *value = shown(p->name, p->given ? p->given : p->value);

		add_row(&t, (const char *[]){ p->name,
					      !value   ? "-"
					      : *value ? value
						       : "\"\"",
					      p->description });
	}
	print_table(&t, out);
}

static void print_stages(const struct outline *o, struct buf *out)
{
	struct table t = { .arena = o->r->arena, .columns = 3 };

	add_row(&t, (const char *[]){ "STAGE", "FROM", "DESCRIPTION" });
	vec_foreach (struct stage, s, &o->r->stages) {
		if (s->from)
			add_row(&t, (const char *[]){ s->name ? s->name : "-", s->base,
						      description(s) });
	}
	print_table(&t, out);
}

static const char *joined(const struct outline *o, const struct str_vec *strings)
{
	cleanup_buf struct buf text = BUF_INIT;

	vec_foreach (const char *, s, strings)
		buf_printf(&text, "%s%s", text.len ? " " : "", *s);
	return arena_strdup(o->r->arena, text.data ? text.data : "");
}

static void print_outputs(const struct outline *o, struct buf *out)
{
	struct table t = { .arena = o->r->arena, .columns = 4 };

	add_row(&t, (const char *[]){ "OUTPUT", "STAGE", "FORMATS", "FILES" });
	vec_foreach (struct output, it, &o->outputs)
		add_row(&t, (const char *[]){ it->name, it->stage ? it->stage : "-",
					      joined(o, &it->formats), joined(o, &it->files) });
	print_table(&t, out);
}

static void print_secrets(const struct outline *o, struct buf *out)
{
	struct table t = { .arena = o->r->arena, .columns = 3 };

	add_row(&t, (const char *[]){ "SECRET", "REQUIRED", "FIRST USE" });
	vec_foreach (struct secret *, s, &o->secrets) {
		struct ib_place place = { 0 };

		(void)ib_sources_locate(o->r->sources, (*s)->at.start, &place);
		add_row(&t, (const char *[]){
				    (*s)->id, (*s)->is_required ? "yes" : "no",
				    arena_printf(o->r->arena, "%s:%u", place.file, place.line) });
	}
	print_table(&t, out);
}

void ib_recipe_outline(struct ib_recipe *r, struct buf *out)
{
	const struct outline *o = make(r);

	print_parameters(o, out);
	print_stages(o, out);
	print_outputs(o, out);
	print_secrets(o, out);
}
