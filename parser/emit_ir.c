/* SPDX-License-Identifier: Apache-2.0 */
/* A checked tree becomes IR: one emit_KEYWORD a row of directives.def. Runs only where there were
 * no errors, so nothing is reported here. */
#include "front.h"
#include "parse.h"

#include <string.h>

struct emit {
	struct ib_recipe *r;
	struct ib_ir *ir;
	struct ib_stage *stage;
	const struct live *live;
	struct where *where; /* one a stage, as of the line */
	unsigned stepped;    /* phases in which a RUN, COPY or ADD stood already */
};

#define DIRECTIVE(keyword, ...) \
	static void emit_##keyword(struct emit *e, const struct ib_ast_instruction *in);
#include "directives.def"
#undef DIRECTIVE

static void (*const emits[DIRECTIVES])(struct emit *, const struct ib_ast_instruction *) = {
#define DIRECTIVE(keyword, ...) emit_##keyword,
#include "directives.def"
#undef DIRECTIVE
};

enum { ORDER_STEP = 90, ORDER_ENVIRONMENT = 10 };

static const struct where *now(const struct emit *e)
{
	return &e->where[e->live->stage];
}

/* A new op with what all have in common; valid until the next one. */
static struct ib_op *add_op(struct emit *e, enum ib_opcode code,
			    const struct ib_ast_instruction *in)
{
	struct ib_op op = { .code = code,
			    .at = in->at,
			    .keyword_at = in->keyword_at,
			    .phase = ib_ops[code].phase,
			    .order = -1,
			    .fragment = e->r->outer ? e->ir : NULL };

	if (op.phase != IB_PHASE_NONE) {
		op.phase = flag_phase(in, op.phase);
		op.order = flag_order(in, ORDER_STEP);
		for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
			struct ib_cond cond;

			if (strcmp(f->name, "when") == 0 && cond_parse(e->r, f->value, &cond))
				(void)vec_push(e->r->arena, &op.when, cond);
		}
	}
	(void)vec_push(e->r->arena, &e->stage->ops, op);
	return &e->stage->ops.items[e->stage->ops.len - 1];
}

static void mark_step(struct emit *e, const struct ib_op *op)
{
	e->stepped |= 1u << op->phase;
}

static void add_word(struct emit *e, struct ib_word_vec *words, const char *text, struct ib_span at)
{
	struct ib_word word = { text, at };

	(void)vec_push(e->r->arena, words, word);
}

/* What a fragment's paths are relative to; NULL: the recipe's context. */
static const char *own_directory(const struct emit *e)
{
	return e->r->outer ? e->ir->context : NULL;
}

static void emit_FROM(struct emit *e, const struct ib_ast_instruction *in)
{
	const struct stage *s = &e->r->stages.items[e->live->stage];
	struct ib_op *op = add_op(e, IB_OP_BASE, in);
	const char *colon = strchr(s->base, ':');

	op->base.kind = s->kind;
	op->base.arch = s->arch;
	op->base.stage = s->parent;
	op->base.at = s->base_word->at;
	if (s->kind == IB_BASE_STAGE)
		op->base.name = e->r->stages.items[s->parent].name;
	else if (s->kind == IB_BASE_TAR || s->kind == IB_BASE_OCI || s->kind == IB_BASE_DISK)
		op->base.name = colon + 1;
	else
		op->base.name = intern_str(e->r->names, s->base);
}

/* A fragment's ARG and ENV become lines of an environment.d file with that number. */
static int environment_order(const struct emit *e, const struct ib_ast_instruction *in)
{
	return e->r->is_fragment ? flag_order(in, ORDER_ENVIRONMENT) : -1;
}

static void emit_ARG(struct emit *e, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		struct ib_op *op = add_op(e, IB_OP_ARG, in);

		op->order = environment_order(e, in);
		op->shell = strchr(w->text, '=') ? w->shell : NULL;
		if (!pair_parse(e->r, w, &op->env))
			op->env = (struct ib_pair){ intern_str(e->r->names, w->text), NULL, w->at };
	}
}

static void emit_ENV(struct emit *e, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		struct ib_op *op = add_op(e, IB_OP_ENV, in);

		op->order = environment_order(e, in);
		op->shell = w->shell;
		(void)pair_parse(e->r, w, &op->env);
	}
}

static void emit_LABEL(struct emit *e, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		(void)pair_parse(e->r, w, &add_op(e, IB_OP_LABEL, in)->env);
}

static void emit_ELEMENT(struct emit *e, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next) {
		struct ib_op *op = add_op(e, IB_OP_ELEMENT, in);

		op->at = w->at;
		op->element.name = intern_str(e->r->names, w->text);
		op->element.is_path = strchr(w->text, '/') != NULL;
	}
}

static void emit_PROVIDES(struct emit *e, const struct ib_ast_instruction *in)
{
	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		add_op(e, IB_OP_PROVIDES, in)->provides =
			(struct ib_word){ intern_str(e->r->names, w->text), w->at };
}

static void emit_PACKAGE(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_PACKAGE, in);
	const char *list = flag_text(in, "arch"), *part;
	size_t n;

	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		add_word(e, &op->package.names, intern_str(e->r->names, w->text), w->at);
	op->package.is_removal = flag_is_on(in, "remove");
	op->package.is_build_only = flag_is_on(in, "build-only");
	op->package.install_type = flag_text(in, "install-type");
	op->package.is_step = (e->stepped & 1u << op->phase) || ib_ast_flag(in, "order");
	op->package.arches_negated = list && *list == '!';
	while (list_next(&list, &part, &n)) {
		bool has_mark = *part == '!';

		(void)vec_push(e->r->arena, &op->package.arches,
			       intern_bytes(e->r->names, part + has_mark, n - has_mark));
	}
}

/* The shell of a RUN: SHELL's, else ["/bin/sh", "-e"], on the host bash. */
static void add_shell(struct emit *e, struct ib_op *op)
{
	const struct ib_ast_instruction *shell = now(e)->shell;
	bool is_host = ib_phases[op->phase].side == IB_HOST;

	if (shell) {
		op->run.shell = shell->json;
		return;
	}
	(void)vec_push(e->r->arena, &op->run.shell, is_host ? "/bin/bash" : "/bin/sh");
	(void)vec_push(e->r->arena, &op->run.shell, "-e");
}

/* The text as the shell gets it: with the heredocs' bodies and terminators behind the line. */
static void add_shell_text(struct emit *e, struct ib_op *op, const struct ib_ast_instruction *in)
{
	cleanup_buf struct buf text = BUF_INIT;

	buf_str(&text, in->text);
	buf_char(&text, '\n');
	op->run.text_at = in->text_at;
	for (const struct ib_ast_heredoc *h = in->heredocs; h; h = h->next) {
		buf_add(&text, h->body, h->len);
		buf_printf(&text, "%s\n", h->name);
		op->run.text_at.end = h->body_at.end;
	}
	op->run.text = arena_strndup(e->r->arena, text.data, text.len);
}

static bool is_heredoc_alone(const struct ib_ast_instruction *in)
{
	const struct ib_ast_heredoc *h = in->heredocs;

	return h && !h->next && h->at.start == in->text_at.start && h->at.end == in->text_at.end;
}

static void add_command(struct emit *e, struct ib_op *op, const struct ib_ast_instruction *in)
{
	const struct ib_ast_heredoc *h = in->heredocs;

	if (ib_ast_flag(in, "script")) {
		op->run.form = IB_RUN_FILE;
		op->run.text = flag_text(in, "script");
		op->run.text_at = ib_ast_flag(in, "script")->value->at;
	} else if (in->is_json) {
		op->run.form = IB_RUN_EXEC;
		op->run.argv = in->json;
		op->run.text_at = in->text_at;
	} else if (is_heredoc_alone(in)) {
		op->run.form = strncmp(h->body, "#!", 2) == 0 ? IB_RUN_SCRIPT : IB_RUN_SHELL;
		op->run.text = h->body;
		op->run.text_at = h->body_at;
	} else {
		op->run.form = IB_RUN_SHELL;
		add_shell_text(e, op, in);
	}
	if (op->run.form == IB_RUN_SHELL)
		add_shell(e, op);
}

static void emit_RUN(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_RUN, in);
	bool is_host = ib_phases[op->phase].side == IB_HOST;
	const char *network = flag_text(in, "network");

	add_command(e, op, in);
	op->run.name = flag_text(in, "name");
	if (e->live->env)
		op->run.env = *e->live->env;
	op->run.workdir = is_host ? NULL : now(e)->workdir;
	op->run.user = is_host ? NULL : now(e)->said_user;
	op->run.install_type = flag_text(in, "install-type");
	op->run.is_offline = network && strcmp(network, "none") == 0;
	op->run.is_uncached = flag_is_on(in, "no-cache");
	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		struct ib_mount mount;

		if (strcmp(f->name, "mount") == 0 &&
		    mount_parse(e->r, f->value, e->live->stage, NULL, &mount)) {
			if (mount.from.kind == IB_FROM_CONTEXT)
				mount.from.name = own_directory(e);
			(void)vec_push(e->r->arena, &op->run.mounts, mount);
		} else if (strcmp(f->name, "input") == 0)
			add_word(e, &op->run.inputs, f->value->text, f->value->at);
	}
	mark_step(e, op);
}

static const char *dest_path(struct emit *e, const char *text)
{
	return path_join(e->r, now(e)->workdir ? now(e)->workdir : "/", text);
}

/* A source without the slashes and dots before it; "." for the whole context. */
static const char *source_path(struct emit *e, const char *text)
{
	const char *joined = path_join(e->r, "/", text);

	return joined[1] ? joined + 1 : ".";
}

static void add_files(struct emit *e, struct ib_op *op, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *w = in->words;

	for (; w->next; w = w->next)
		add_word(e, &op->copy.sources,
			 op->code == IB_OP_COPY ? source_path(e, w->text) : w->text, w->at);
	op->copy.dest = (struct ib_word){ dest_path(e, w->text), w->at };
	for (const struct ib_ast_heredoc *h = in->heredocs; h; h = h->next) {
		struct ib_heredoc doc = { h->name, h->text, h->text_len, h->at };

		(void)vec_push(e->r->arena, &op->copy.heredocs, doc);
	}
	op->copy.chown = flag_text(in, "chown");
	op->copy.chmod = flag_text(in, "chmod");
	op->copy.is_unpacked = flag_is_on(in, "unpack");
	mark_step(e, op);
}

static void emit_COPY(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_COPY, in);
	const char *from = flag_text(in, "from");

	add_files(e, op, in);
	op->copy.from.name = own_directory(e);
	if (from)
		op->copy.from =
			tree_ref(e->r, from, ib_ast_flag(in, "from")->value->at, e->live->stage);
}

static void emit_ADD(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_ADD, in);
	const char *sum = flag_text(in, "checksum");

	add_files(e, op, in);
	op->copy.checksum = sum && strncmp(sum, "sha256:", 7) == 0 ? sum + 7 : sum;
}

static void emit_SOURCE(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_SOURCE, in);
	const char **fields[] = { &op->source.name, &op->source.type, &op->source.dest,
				  &op->source.location, &op->source.ref };
	size_t i = 0;

	for (const struct ib_ast_word *w = in->words; w && i < ARRAY_SIZE(fields); w = w->next)
		*fields[i++] = w->text;
}

static void emit_WORKDIR(struct emit *e, const struct ib_ast_instruction *in)
{
	add_op(e, IB_OP_WORKDIR, in)->workdir = (struct ib_word){ now(e)->workdir, in->words->at };
}

static void emit_LAYOUT(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_LAYOUT, in);

	if (ib_ast_flag(in, "file"))
		op->layout.file = (struct ib_word){ flag_text(in, "file"),
						    ib_ast_flag(in, "file")->value->at };
	else
		op->layout.root = layout_node(e->r, in->words, in->nodes);
}

static bool has_part(const char *list, const char *word)
{
	const char *part;
	size_t n;

	while (list_next(&list, &part, &n)) {
		if (n == strlen(word) && strncmp(part, word, n) == 0)
			return true;
	}
	return false;
}

static void add_options(struct emit *e, struct ib_op *op, const char *list, struct ib_span at)
{
	const char *part;
	size_t n;

	while (list_next(&list, &part, &n)) {
		size_t len = strcspn(part, "=");
		struct ib_pair pair = { intern_bytes(e->r->names, part, len),
					arena_strndup(e->r->arena, part + len + 1, n - len - 1),
					at };

		(void)vec_push(e->r->arena, &op->output.options, pair);
	}
}

static void emit_OUTPUT(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_OUTPUT, in);
	const char *sums = flag_text(in, "checksum");

	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		add_word(e, &op->output.formats, intern_str(e->r->names, w->text), w->at);
	op->output.name = flag_text(in, "name");
	op->output.has_md5 = has_part(sums, "md5");
	op->output.has_sha256 = has_part(sums, "sha256");
	op->output.is_uncompressed = ib_ast_flag(in, "compress") && !flag_is_on(in, "compress");
	for (const struct ib_ast_flag *f = in->flags; f; f = f->next) {
		if (strcmp(f->name, "options") == 0)
			add_options(e, op, f->value->text, f->value->at);
		else if (strcmp(f->name, "tag") == 0)
			(void)vec_push(e->r->arena, &op->output.tags, f->value->text);
	}
}

/* As Docker has it: the text is the last word, behind a flag that takes it. */
static void add_config_shell(struct emit *e, struct str_vec *shell)
{
	const struct ib_ast_instruction *given = now(e)->shell;

	if (given)
		vec_foreach (const char *, word, &given->json)
			(void)vec_push(e->r->arena, shell, *word);
	else
		(void)vec_push(e->r->arena, shell, "/bin/sh");
	if (!ib_shell_takes_text(shell))
		(void)vec_push(e->r->arena, shell, "-c");
}

static void add_config(struct emit *e, const struct ib_ast_instruction *in)
{
	struct ib_op *op = add_op(e, IB_OP_CONFIG, in);

	op->config.keyword = in->directive->keyword;
	op->config.is_exec = in->is_json;
	if (in->directive->shape == SHAPE_TEXT && in->is_json)
		op->config.words = in->json;
	else if (in->directive->shape == SHAPE_TEXT) {
		(void)vec_push(e->r->arena, &op->config.words, in->text);
		add_config_shell(e, &op->config.shell);
	}
	for (const struct ib_ast_word *w = in->words; w; w = w->next)
		(void)vec_push(e->r->arena, &op->config.words, w->text);
}

static void emit_CMD(struct emit *e, const struct ib_ast_instruction *in)
{
	add_config(e, in);
}

static void emit_ENTRYPOINT(struct emit *e, const struct ib_ast_instruction *in)
{
	add_config(e, in);
}

static void emit_EXPOSE(struct emit *e, const struct ib_ast_instruction *in)
{
	add_config(e, in);
}

static void emit_VOLUME(struct emit *e, const struct ib_ast_instruction *in)
{
	add_config(e, in);
}

static void emit_STOPSIGNAL(struct emit *e, const struct ib_ast_instruction *in)
{
	add_config(e, in);
}

/* These hold for the lines that follow, which carry them: where.c. INCLUDE's instructions are in
 * the list themselves; the last three are errors. */
static void emit_nothing(struct emit *e, const struct ib_ast_instruction *in)
{
	(void)e;
	(void)in;
}

static void emit_SHELL(struct emit *e, const struct ib_ast_instruction *in)
{
	emit_nothing(e, in);
}

static void emit_USER(struct emit *e, const struct ib_ast_instruction *in)
{
	emit_nothing(e, in);
}

static void emit_INCLUDE(struct emit *e, const struct ib_ast_instruction *in)
{
	emit_nothing(e, in);
}

static void emit_ONBUILD(struct emit *e, const struct ib_ast_instruction *in)
{
	emit_nothing(e, in);
}

static void emit_MAINTAINER(struct emit *e, const struct ib_ast_instruction *in)
{
	emit_nothing(e, in);
}

static void emit_HEALTHCHECK(struct emit *e, const struct ib_ast_instruction *in)
{
	emit_nothing(e, in);
}

/* A product without OUTPUT is a qcow2: said by an op at the FROM, so that nobody else has to know.
 */
static void add_default_output(struct emit *e, const struct stage *s)
{
	struct ib_op *op = add_op(e, IB_OP_OUTPUT, s->from);

	add_word(e, &op->output.formats, intern_str(e->r->names, "qcow2"), s->from->keyword_at);
}

/* X of X.Imagefile */
static const char *stem_of(struct ib_recipe *r, const char *file)
{
	static const char end[] = ".Imagefile";
	const char *name = ib_base_name(file);
	size_t n = strlen(name), m = sizeof(end) - 1;

	if (n <= m || strcmp(name + n - m, end) != 0)
		return NULL;
	return arena_strndup(r->arena, name, n - m);
}

static void add_stages(struct ib_recipe *r, struct ib_ir *ir)
{
	vec_foreach (struct stage, s, &r->stages) {
		struct ib_stage stage = { .name = s->name,
					  .is_product = s->is_product,
					  .is_only = s->is_only };

		if (s->from)
			stage.at = s->from->at;
		scope_env(r, &s->scope, &stage.env);
		(void)vec_push(r->arena, &ir->stages, stage);
	}
}

void pass_emit(struct ib_recipe *r)
{
	struct ib_ir *ir = arena_alloc(r->arena, sizeof(*ir));
	struct emit e = { .r = r, .ir = ir };
	uint32_t begun = 0; /* stages whose WHERE is set up */

	ir->file = r->options->file;
	ir->context =
		r->options->context ? r->options->context : arena_dir_name(r->arena, ir->file);
	ir->stem = stem_of(r, ir->file);
	ir->is_fragment = r->is_fragment;
	add_stages(r, ir);
	e.where = arena_alloc(r->arena, (r->stages.len + 1) * sizeof(*e.where));
	vec_foreach (struct live, live, &r->live) {
		if (live->stage == NO_STAGE)
			continue; /* global ARGs: their values are where they are used */
		for (; begun <= live->stage; begun++) {
			where_begin(r, e.where, begun);
			e.stepped = 0;
		}
		e.live = live;
		e.stage = &ir->stages.items[live->stage];
		where_update(r, &e.where[live->stage], live->in);
		emits[live->in->directive->id](&e, live->in);
	}
	for (size_t i = 0; i < r->stages.len; i++) {
		e.stage = &ir->stages.items[i];
		e.stage->user = e.where[i].said_user;
		e.stage->workdir = e.where[i].workdir;
		if (r->stages.items[i].is_product && !r->stages.items[i].has_output)
			add_default_output(&e, &r->stages.items[i]);
	}
	ir_verify(ir);
	r->ir = ir;
}
