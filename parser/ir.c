/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of phases, formats and ops, and the IR as JSON (docs/ir.md). */
#include "front.h"

#include <imagebuild/jsonout.h>
#include <imagebuild/recipe.h>
#include <imagebuild/source.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct ib_phase_info ib_phases[IB_PHASES] = {
#define PHASE(id, name, side) { (name), IB_##side },
#include <imagebuild/phases.def>
#undef PHASE
};

const char *const ib_formats[IB_FORMATS] = {
#define FORMAT(name, suffix) #name,
#define FORMAT_QEMU(name, suffix) #name,
#define FORMAT_LATER(name, suffix) #name,
#include <imagebuild/formats.def>
#undef FORMAT
#undef FORMAT_QEMU
#undef FORMAT_LATER
};

const char *const ib_mount_types[] = { [IB_MOUNT_BIND] = "bind",
				       [IB_MOUNT_CACHE] = "cache",
				       [IB_MOUNT_TMPFS] = "tmpfs",
				       [IB_MOUNT_SECRET] = "secret" };

const struct ib_op_info ib_ops[IB_OPS] = {
#define OP(id, name, phase, effects) { (name), IB_PHASE_##phase, IB_EFFECT_##effects },
#include <imagebuild/ir_ops.def>
#undef OP
};

enum ib_phase ib_phase_find(const char *name)
{
	for (int i = 0; i < (int)IB_PHASES; i++) {
		if (strcmp(ib_phases[i].name, name) == 0)
			return (enum ib_phase)i;
	}
	return IB_PHASE_NONE;
}

enum ib_phase ib_phase_of_directory(const char *name, size_t n)
{
	for (int i = 0; i < IB_PHASES; i++) {
		size_t len = strlen(ib_phases[i].name);

		if (n == len + 2 && memcmp(name, ib_phases[i].name, len) == 0 &&
		    memcmp(name + len, ".d", 2) == 0)
			return (enum ib_phase)i;
	}
	return IB_PHASE_NONE;
}

static void verify_op(const struct ib_op *op, uint32_t stage)
{
	bool is_step = ib_ops[op->code].phase != IB_PHASE_NONE;

	assert(op->code < IB_OPS && op->at.end >= op->at.start && op->at.end > 0);
	assert(is_step == (op->phase != IB_PHASE_NONE));
	assert(op->order >= -1 && op->order <= 99 && (!is_step || op->order >= 0));
	if (op->code == IB_OP_BASE)
		assert(op->base.kind == IB_BASE_STAGE ? op->base.stage < stage
						      : op->base.name != NULL);
	if (op->code == IB_OP_COPY && op->copy.from.kind == IB_FROM_STAGE)
		assert(op->copy.from.stage < stage);
	if (op->code == IB_OP_COPY || op->code == IB_OP_ADD)
		assert(op->copy.dest.text[0] == '/' &&
		       op->copy.sources.len + op->copy.heredocs.len > 0);
	if (op->code == IB_OP_RUN)
		assert(op->run.form == IB_RUN_EXEC ? op->run.argv.len > 0 : op->run.text != NULL);
	if (op->code == IB_OP_RUN && op->run.form == IB_RUN_SHELL)
		assert(op->run.shell.len > 0);
	if (op->code == IB_OP_LAYOUT)
		assert(!op->layout.root != !op->layout.file.text);
	(void)is_step;
	(void)stage;
}

const char *ib_output_name(const struct ib_ir *ir, const struct ib_stage *stage,
			   const struct ib_op_output *op, const char *given, struct arena *a)
{
	const char *stem = ir->stem ? ir->stem : "image";

	if (given)
		return given;
	if (op && op->name)
		return op->name;
	if (stage->name && !stage->is_only)
		return arena_printf(a, "%s-%s", stem, stage->name);
	return stem;
}

bool ib_shell_takes_text(const struct str_vec *shell)
{
	const char *last = shell->len ? shell->items[shell->len - 1] : "";

	return last[0] == '-' && last[1] != '-' && strchr(last, 'c');
}

void ir_verify(const struct ib_ir *ir)
{
	assert(ir->stages.len > 0 && (!ir->is_fragment || ir->stages.len == 1));
	for (uint32_t i = 0; i < ir->stages.len; i++) {
		const struct ib_stage *s = &ir->stages.items[i];

		assert(ir->is_fragment || (s->ops.len > 0 && s->ops.items[0].code == IB_OP_BASE));
		vec_foreach (struct ib_op, op, &s->ops)
			verify_op(op, i);
		for (size_t k = 1; k < s->env.len; k++)
			assert(strcmp(s->env.items[k - 1].key, s->env.items[k].key) < 0);
	}
}

struct dump {
	struct jsonout j;
	const struct ib_sources *sources;
};

static void place(struct dump *d, const char *key, struct ib_span at)
{
	struct ib_place p;
	char text[4200];

	if (!ib_sources_locate(d->sources, at.start, &p))
		return;
	(void)snprintf(text, sizeof(text), "%s:%u:%u", p.file, p.line, p.column);
	json_str(&d->j, key, text);
}

/* Written only where it says something: NULL, false and empty lists are left out. */
static void text(struct dump *d, const char *key, const char *value)
{
	if (value)
		json_str(&d->j, key, value);
}

static void claim(struct dump *d, const char *key, bool value)
{
	if (value)
		json_bool(&d->j, key, true);
}

bool ib_is_git_url(const char *text)
{
	static const char *const schemes[] = { "git@", "git://", "ssh://" };
	size_t n = strcspn(text, "#");

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return n > 4 && strncmp(text + n - 4, ".git", 4) == 0;
}

bool ib_is_secret_name(const char *variable)
{
	static const char *const marks[] = { "PASSWORD", "PASSWD", "TOKEN", "KEY", "SECRET" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strcasestr(variable, marks[i]))
			return true;
	return false;
}

static const char *shown(const char *key, const char *value)
{
	return value && *value && ib_is_secret_name(key) ? "<set>" : value;
}

static void strings(struct dump *d, const char *key, const struct str_vec *v)
{
	if (v->len == 0)
		return;
	json_array(&d->j, key);
	vec_foreach (const char *, s, v)
		json_str(&d->j, NULL, *s);
	json_array_end(&d->j);
}

static void words(struct dump *d, const char *key, const struct ib_word_vec *v)
{
	if (v->len == 0)
		return;
	json_array(&d->j, key);
	vec_foreach (struct ib_word, w, v)
		json_str(&d->j, NULL, w->text);
	json_array_end(&d->j);
}

static void pairs(struct dump *d, const char *key, const struct ib_pair_vec *v)
{
	if (v->len == 0)
		return;
	json_object(&d->j, key);
	vec_foreach (struct ib_pair, p, v)
		json_str(&d->j, p->key, p->value);
	json_object_end(&d->j);
}

/* The same for an environment, whose secrets stay out of sight. */
static void variables(struct dump *d, const struct ib_pair_vec *v)
{
	if (v->len == 0)
		return;
	json_object(&d->j, "env");
	vec_foreach (struct ib_pair, p, v)
		json_str(&d->j, p->key, shown(p->key, p->value));
	json_object_end(&d->j);
}

static void conditions(struct dump *d, const struct ib_cond_vec *v)
{
	if (v->len == 0)
		return;
	json_array(&d->j, "when");
	vec_foreach (struct ib_cond, c, v) {
		json_object(&d->j, NULL);
		json_str(&d->j, "key", c->key);
		json_str(&d->j, c->is_negated ? "is-not" : "is", c->value);
		json_object_end(&d->j);
	}
	json_array_end(&d->j);
}

static void base(struct dump *d, const struct ib_op_base *b)
{
	static const char *const kinds[] = { "element", "stage", "scratch", "tar", "oci", "disk" };

	json_str(&d->j, "kind", kinds[b->kind]);
	text(d, "name", b->name);
	if (b->kind == IB_BASE_STAGE)
		json_u64(&d->j, "stage", b->stage);
	text(d, "arch", b->arch);
}

static void mounts(struct dump *d, const struct ib_mount_vec *v)
{
	if (v->len == 0)
		return;
	json_array(&d->j, "mounts");
	vec_foreach (struct ib_mount, m, v) {
		json_object(&d->j, NULL);
		json_str(&d->j, "type", ib_mount_types[m->type]);
		vec_foreach (struct ib_pair, p, &m->keys)
			json_str(&d->j, p->key, p->value);
		json_object_end(&d->j);
	}
	json_array_end(&d->j);
}

static void run(struct dump *d, const struct ib_op_run *r)
{
	static const char *const forms[] = { "shell", "exec", "script", "file" };

	json_str(&d->j, "form", forms[r->form]);
	text(d, "name", r->name);
	text(d, "text", r->text);
	place(d, "text-at", r->text_at);
	strings(d, "argv", &r->argv);
	strings(d, "shell", &r->shell);
	variables(d, &r->env);
	text(d, "workdir", r->workdir);
	text(d, "user", r->user);
	mounts(d, &r->mounts);
	words(d, "inputs", &r->inputs);
	text(d, "install-type", r->install_type);
	claim(d, "offline", r->is_offline);
	claim(d, "uncached", r->is_uncached);
}

static void copy(struct dump *d, const struct ib_op_copy *c)
{
	static const char *const origins[] = { "context", "stage", "oci", "tar" };

	if (c->from.kind != IB_FROM_CONTEXT) {
		json_str(&d->j, "from", origins[c->from.kind]);
		text(d, "from-name", c->from.name);
	}
	if (c->from.kind == IB_FROM_STAGE)
		json_u64(&d->j, "from-stage", c->from.stage);
	words(d, "sources", &c->sources);
	if (c->heredocs.len > 0) {
		json_object(&d->j, "heredocs");
		vec_foreach (struct ib_heredoc, h, &c->heredocs)
			json_bytes(&d->j, h->name, h->body, h->len);
		json_object_end(&d->j);
	}
	json_str(&d->j, "dest", c->dest.text);
	text(d, "chown", c->chown);
	text(d, "chmod", c->chmod);
	text(d, "checksum", c->checksum);
	claim(d, "unpacked", c->is_unpacked);
}

static void package(struct dump *d, const struct ib_op_package *p)
{
	words(d, "names", &p->names);
	claim(d, "removal", p->is_removal);
	claim(d, "build-only", p->is_build_only);
	claim(d, "step", p->is_step);
	text(d, "install-type", p->install_type);
	strings(d, p->arches_negated ? "not-arches" : "arches", &p->arches);
}

/* Nodes nest at most 64 deep: the parser's limit. */
static void node(struct dump *d, const char *key, const struct ib_node *n)
{
	json_object(&d->j, key);
	json_str(&d->j, "kind", n->kind);
	text(d, "name", n->name);
	place(d, "at", n->at);
	pairs(d, "keys", &n->attrs);
	if (n->children) {
		json_array(&d->j, "children");
		for (const struct ib_node *c = n->children; c; c = c->next)
			node(d, NULL, c);
		json_array_end(&d->j);
	}
	json_object_end(&d->j);
}

static void layout(struct dump *d, const struct ib_op_layout *l)
{
	text(d, "file", l->file.text);
	if (l->root)
		node(d, "root", l->root);
}

static void output(struct dump *d, const struct ib_op_output *o)
{
	words(d, "formats", &o->formats);
	text(d, "name", o->name);
	claim(d, "md5", o->has_md5);
	claim(d, "sha256", o->has_sha256);
	claim(d, "uncompressed", o->is_uncompressed);
	pairs(d, "options", &o->options);
	strings(d, "tags", &o->tags);
}

static void source(struct dump *d, const struct ib_op_source *s)
{
	json_str(&d->j, "name", s->name);
	json_str(&d->j, "type", s->type);
	json_str(&d->j, "dest", s->dest);
	json_str(&d->j, "location", s->location);
	text(d, "ref", s->ref);
}

static void config(struct dump *d, const struct ib_op_config *c)
{
	json_str(&d->j, "keyword", c->keyword);
	strings(d, "words", &c->words);
	strings(d, "shell", &c->shell);
	claim(d, "exec", c->is_exec);
}

static void arguments(struct dump *d, const struct ib_op *op)
{
	switch (op->code) {
	case IB_OP_BASE:
		base(d, &op->base);
		break;
	case IB_OP_ELEMENT:
		json_str(&d->j, op->element.is_path ? "path" : "name", op->element.name);
		break;
	case IB_OP_ENV:
	case IB_OP_ARG:
	case IB_OP_LABEL:
		json_str(&d->j, "key", op->env.key);
		text(d, "value", shown(op->env.key, op->env.value));
		text(d, "bash", shown(op->env.key, op->shell));
		break;
	case IB_OP_RUN:
		run(d, &op->run);
		break;
	case IB_OP_COPY:
	case IB_OP_ADD:
		copy(d, &op->copy);
		break;
	case IB_OP_PACKAGE:
		package(d, &op->package);
		break;
	case IB_OP_SOURCE:
		source(d, &op->source);
		break;
	case IB_OP_WORKDIR:
		json_str(&d->j, "path", op->workdir.text);
		break;
	case IB_OP_LAYOUT:
		layout(d, &op->layout);
		break;
	case IB_OP_OUTPUT:
		output(d, &op->output);
		break;
	case IB_OP_CONFIG:
		config(d, &op->config);
		break;
	case IB_OP_PROVIDES:
		json_str(&d->j, "name", op->provides.text);
		break;
	case IB_OP_LATER:
		json_str(&d->j, "text", op->later.text);
		break;
	case IB_OPS:
		break;
	}
}

static void dump_op(struct dump *d, const struct ib_op *op)
{
	json_object(&d->j, NULL);
	json_str(&d->j, "op", ib_ops[op->code].name);
	place(d, "at", op->at);
	if (op->phase != IB_PHASE_NONE)
		json_str(&d->j, "phase", ib_phases[op->phase].name);
	if (op->order >= 0)
		json_i64(&d->j, "order", op->order);
	conditions(d, &op->when);
	arguments(d, op);
	json_object_end(&d->j);
}

static void dump_stage(struct dump *d, const struct ib_stage *s)
{
	json_object(&d->j, NULL);
	text(d, "name", s->name);
	place(d, "at", s->at);
	claim(d, "product", s->is_product);
	variables(d, &s->env);
	text(d, "user", s->user);
	text(d, "workdir", s->workdir);
	json_array(&d->j, "ops");
	vec_foreach (struct ib_op, op, &s->ops)
		dump_op(d, op);
	json_array_end(&d->j);
	json_object_end(&d->j);
}

void ib_ir_dump(const struct ib_ir *ir, const struct ib_sources *sources, struct buf *out)
{
	struct dump d = { JSONOUT_INIT(out), sources };

	json_object(&d.j, NULL);
	json_u64(&d.j, "version", IB_IR_VERSION);
	json_str(&d.j, "file", ir->file);
	json_str(&d.j, "context", ir->context);
	text(&d, "stem", ir->stem);
	claim(&d, "fragment", ir->is_fragment);
	json_array(&d.j, "stages");
	vec_foreach (struct ib_stage, s, &ir->stages)
		dump_stage(&d, s);
	json_array_end(&d.j);
	json_object_end(&d.j);
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_char(out, '\n');
}
