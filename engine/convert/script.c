/* SPDX-License-Identifier: Apache-2.0 */
/* A step of a recipe or of a fragment as a hook of dib: a script, and the files that it takes from
 * beside the hooks. */
#include "convert/export.h"

#include <imagebuild/error.h>

#include <string.h>
#include <sys/stat.h>

void export_quote(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./:=@%+,";

	if (*text && !text[strspn(text, plain)]) {
		buf_str(out, text);
		return;
	}
	buf_char(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_str(out, "'\\''");
		else
			buf_char(out, *text);
	buf_char(out, '\'');
}

static void refuse(struct export_script *x, struct ib_span at, const char *text)
{
	ib_diag_add(x->job->diag, IB_D_NOT_SAID, at, "%s", text);
	x->is_refused = true;
}

static void add_data(struct export_script *x, const char *path, mode_t mode, const char *text,
		     size_t len, const char *source)
{
	struct convert_file f = { .path = arena_strdup(x->job->arena, path),
				  .data = text ? arena_strndup(x->job->arena, text, len) : NULL,
				  .len = len,
				  .source = source,
				  .mode = mode };

	vec_push(x->job->arena, &x->data, f);
}

/* --when and --install-type: the hook ends where they do not hold; a variable that is not set fails
 * it. */
static void write_conditions(struct export_script *x)
{
	const struct ib_op *op = x->step->op;

	vec_foreach (struct ib_cond, c, &op->when) {
		buf_printf(&x->text, "[ \"${%s?}\" %s ", c->key, c->is_negated ? "!=" : "=");
		export_quote(&x->text, c->value);
		buf_str(&x->text, " ] || exit 0\n");
	}
	if (op->code == IB_OP_RUN && op->run.install_type)
		buf_printf(&x->text, "[ \"${DIB_DEFAULT_INSTALLTYPE:-source}\" = %s ] || exit 0\n",
			   op->run.install_type);
}

/* What ENV and ARG say at this line, where the stage's last ENV says another thing. */
static bool write_exports(struct export_script *x, struct buf *out)
{
	bool is_any = false;

	vec_foreach (struct ib_pair, p, &x->step->op->run.env) {
		const char *last = NULL;

		vec_foreach (struct ib_pair, s, &x->stage->ir->env)
			if (strcmp(s->key, p->key) == 0)
				last = s->value;
		if (!p->value || (last && strcmp(last, p->value) == 0))
			continue;
		buf_printf(out, "export %s=", p->key);
		export_quote(out, p->value);
		buf_char(out, '\n');
		is_any = true;
	}
	return is_any;
}

static bool is_default_shell(const struct str_vec *shell)
{
	return shell->len == 2 && strcmp(shell->items[1], "-e") == 0 && shell->items[0][0] == '/';
}

static void write_words(struct buf *out, const struct str_vec *words)
{
	vec_foreach (const char *, w, words) {
		buf_char(out, ' ');
		export_quote(out, *w);
	}
}

/* Whether the command is a file: neither words nor a text that the shell takes. */
static bool has_script(const struct ib_op_run *run)
{
	return run->form != IB_RUN_EXEC &&
	       !(run->form == IB_RUN_SHELL && ib_shell_takes_text(&run->shell));
}

/* The text of the command beside the hooks, and the words that run it. */
static void write_command(struct export_script *x)
{
	const struct ib_op_run *run = &x->step->op->run;

	buf_str(&x->text, "exec");
	if (run->user && strcmp(run->user, "root") != 0) {
		buf_str(&x->text, " runuser -u ");
		export_quote(&x->text, run->user);
		buf_str(&x->text, " --");
	}
	if (run->form == IB_RUN_EXEC)
		write_words(&x->text, &run->argv);
	else if (run->form == IB_RUN_SHELL)
		write_words(&x->text, &run->shell);
	if (run->form == IB_RUN_SHELL && ib_shell_takes_text(&run->shell)) {
		buf_char(&x->text, ' ');
		export_quote(&x->text, run->text);
	} else if (has_script(run)) {
		buf_str(&x->text, " \"$beside/script\"");
	}
	buf_char(&x->text, '\n');
}

static void begin(struct export_script *x)
{
	buf_str(&x->text, "#!/bin/sh\nset -e\n");
}

/* Before the working directory changes: $0 may be relative to it. */
static void write_beside(struct export_script *x)
{
	buf_printf(&x->text, "beside=$(cd \"$(dirname \"$0\")/..\" && pwd)/%s\n", x->beside);
}

/* What a script of its own needs around it: nothing, where it is a whole one. */
static void write_run(struct export_script *x)
{
	const struct ib_op *op = x->step->op;
	const struct ib_op_run *run = &op->run;
	cleanup_buf struct buf exports = BUF_INIT;
	bool needs = write_exports(x, &exports) || op->when.len || run->install_type ||
		     run->workdir || (run->user && strcmp(run->user, "root") != 0);

	if (run->mounts.len)
		refuse(x, run->mounts.items[0].at, "dib has no mounts for a hook");
	if (run->is_offline)
		refuse(x, op->at, "dib's hooks have the network: --network=none cannot be said");
	if (x->is_refused)
		return;
	if (!needs && run->form == IB_RUN_SCRIPT) {
		buf_str(&x->text, run->text);
		return;
	}
	if (!needs && run->form == IB_RUN_SHELL && is_default_shell(&run->shell)) {
		buf_printf(&x->text, "#!%s -e\n%s", run->shell.items[0], run->text);
		return;
	}
	begin(x);
	write_conditions(x);
	if (has_script(run))
		write_beside(x);
	buf_add(&x->text, exports.data ? exports.data : "", exports.len);
	if (run->workdir) {
		buf_str(&x->text, "cd ");
		export_quote(&x->text, run->workdir);
		buf_char(&x->text, '\n');
	}
	write_command(x);
	if (run->form == IB_RUN_FILE)
		add_data(x, "script", S_IFREG | 0755, NULL, 0,
			 arena_printf(x->job->arena, "%s/%s", x->context, run->text));
	else if (has_script(run))
		add_data(x, "script", S_IFREG | 0755, run->text, strlen(run->text), NULL);
}

/* The files go into the target as COPY would put them: owned by root, with their modes. */
static void write_owner(struct export_script *x, const char *flag, const char *command,
			const char *value)
{
	if (!value)
		return;
	buf_printf(&x->text, "(cd \"$beside\" && find . -mindepth 1%s -print0) |\n\t(cd ", flag);
	export_quote(&x->text, x->step->op->copy.dest.text);
	buf_printf(&x->text, " && xargs -0 -r %s ", command);
	export_quote(&x->text, value);
	buf_str(&x->text, ")\n");
}

/* One file that gets the destination's name. */
static void write_copy_as(struct export_script *x, const char *name)
{
	const struct ib_op_copy *copy = &x->step->op->copy;
	const char *dest = copy->dest.text;

	buf_str(&x->text, "to=");
	export_quote(&x->text, dest);
	buf_str(&x->text, "\nmkdir -p \"$(dirname \"$to\")\"\n[ ! -d \"$to\" ] || to=$to/");
	export_quote(&x->text, name);
	buf_str(&x->text, "\ncp -P --preserve=mode --remove-destination \"$beside/\"");
	export_quote(&x->text, name);
	buf_str(&x->text, " \"$to\"\n");
	if (copy->chown) {
		buf_str(&x->text, "chown -h ");
		export_quote(&x->text, copy->chown);
		buf_str(&x->text, " \"$to\"\n");
	}
	if (copy->chmod) {
		buf_str(&x->text, "chmod ");
		export_quote(&x->text, copy->chmod);
		buf_str(&x->text, " \"$to\"\n");
	}
}

static void write_copy_below(struct export_script *x)
{
	const struct ib_op_copy *copy = &x->step->op->copy;

	buf_str(&x->text, "mkdir -p ");
	export_quote(&x->text, copy->dest.text);
	buf_str(&x->text, "\ncp -RP --preserve=mode --remove-destination \"$beside\"/. ");
	export_quote(&x->text, copy->dest.text);
	buf_char(&x->text, '\n');
	write_owner(x, "", "chown -h", copy->chown);
	write_owner(x, " ! -type l", "chmod", copy->chmod);
}

static void add_entries(struct export_script *x)
{
	vec_foreach (const struct copy_entry, e, x->step->entries)
		add_data(x, *e->name ? e->name : ib_base_name(e->path), e->mode, NULL, 0,
			 arena_printf(x->job->arena, "%s/%s", x->context, e->path));
	vec_foreach (struct ib_heredoc, h, &x->step->op->copy.heredocs)
		add_data(x, ib_base_name(h->name), S_IFREG | 0644, h->body, h->len, NULL);
}

/* Whether the only source gets the destination's name; its own is *RET_NAME. */
static bool is_one_file(const struct export_script *x, const char **ret_name)
{
	const struct ib_op_copy *copy = &x->step->op->copy;
	size_t n = strlen(copy->dest.text);

	if (x->step->entries->len == 1 && !*x->step->entries->items[0].name) {
		*ret_name = ib_base_name(x->step->entries->items[0].path);
		return true;
	}
	if (copy->heredocs.len == 1 && !copy->sources.len && n && copy->dest.text[n - 1] != '/') {
		*ret_name = ib_base_name(copy->heredocs.items[0].name);
		return true;
	}
	return false;
}

static void write_copy(struct export_script *x)
{
	const struct ib_op *op = x->step->op;
	const char *name = NULL;

	if (op->copy.from.kind != IB_FROM_CONTEXT)
		refuse(x, op->copy.from.at, "dib has one tree: COPY --from cannot be said");
	if (op->copy.is_unpacked)
		refuse(x, op->at, "COPY --unpack is not written as a hook; unpack it in a RUN");
	if (ib_phases[op->phase].side == IB_HOST)
		refuse(x, op->at, "COPY is written as a hook of the chroot's phases alone");
	if (x->is_refused)
		return;
	begin(x);
	write_conditions(x);
	write_beside(x);
	if (is_one_file(x, &name))
		write_copy_as(x, name);
	else
		write_copy_below(x);
	add_entries(x);
}

static void write_packages(struct export_script *x)
{
	const struct ib_op_package *p = &x->step->op->package;

	if (p->is_build_only)
		refuse(x, x->step->op->at,
		       "PACKAGE --build-only behind a RUN cannot be said; put it before the first");
	if (p->arches.len)
		refuse(x, x->step->op->at,
		       "PACKAGE --arch behind a RUN cannot be said; put it before the first");
	if (x->is_refused)
		return;
	begin(x);
	write_conditions(x);
	buf_printf(&x->text, "install-packages%s%s%s", p->is_removal ? " -e" : "",
		   x->has_pkg_map ? " -m " : "", x->has_pkg_map ? x->element : "");
	vec_foreach (struct ib_word, w, &p->names) {
		buf_char(&x->text, ' ');
		export_quote(&x->text, w->text);
	}
	buf_char(&x->text, '\n');
}

static void write_workdir(struct export_script *x)
{
	begin(x);
	buf_str(&x->text, "mkdir -p ");
	export_quote(&x->text, x->step->op->workdir.text);
	buf_char(&x->text, '\n');
}

static void write_add(struct export_script *x)
{
	refuse(x, x->step->op->at,
	       "ADD is not written as a hook; SOURCE NAME file DST URL is what dib has");
}

static const struct {
	enum ib_opcode code;
	void (*write)(struct export_script *x);
} writers[] = {
	{ IB_OP_RUN, write_run },          { IB_OP_COPY, write_copy },
	{ IB_OP_PACKAGE, write_packages }, { IB_OP_WORKDIR, write_workdir },
	{ IB_OP_ADD, write_add },
};

bool export_step(struct export_script *x)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (writers[i].code == x->step->op->code) {
			writers[i].write(x);
			return true;
		}
	return false;
}
