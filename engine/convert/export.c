/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe as elements and the commands that stock dib builds with: one element of the recipe's own
 * lines, its fragments, and what dib has not of its own. */
#include "convert/export.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#define ELEMENTS "elements"

struct exporter {
	struct convert_job *job;
	const struct plan *plan;
	const struct plan_stage *stage;
	const char *name;   /* of the element of the recipe's own lines */
	bool has_lines;     /* it has files */
	bool has_packages;  /* the recipe or a fragment has: what package-installs reads */
	bool has_sources;   /* likewise: what source-repositories reads */
	const char *layout; /* the element of the LAYOUT, or NULL */
	bool has_failed;
	struct ib_error *err;
};

static void refuse(struct exporter *x, struct ib_span at, const char *text)
{
	ib_diag_add(x->job->diag, IB_D_NOT_SAID, at, "%s", text);
	x->has_failed = true;
}

/* A name that dib takes for an element's and a hook's. */
static const char *clean_name(struct arena *a, const char *name)
{
	char *clean = arena_strdup(a, name);

	for (char *p = clean; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			*p = '-';
	return clean;
}

/* "elements/NAME/PATH" */
static const char *in_element(struct exporter *x, const char *element, const char *path)
{
	return arena_printf(x->job->arena, ELEMENTS "/%s/%s", element, path);
}

static void add_text(struct exporter *x, const char *element, const char *path, mode_t mode,
		     const struct buf *text)
{
	convert_add_text(x->job, in_element(x, element, path), S_IFREG | mode, text->data,
			 text->len);
}

/* The hook of a step, and its files. ELEMENT NULL: the recipe's. */
static void add_step(struct exporter *x, const struct step *s, const char *hook)
{
	const char *element = s->element ? s->element->name : x->name;
	struct export_script script = {
		.job = x->job,
		.stage = x->stage,
		.step = s,
		.context = plan_context(x->plan, s->op),
		.element = element,
		.has_pkg_map = !s->element && x->plan->pkg_map,
		.beside = arena_printf(x->job->arena, "imagefile-%s/%s", element, hook),
	};

	if (export_step(&script) && !script.is_refused) {
		add_text(x, element,
			 arena_printf(x->job->arena, "%s.d/%s", ib_phases[s->phase].name, hook),
			 0755, &script.text);
		vec_foreach (struct convert_file, f, &script.data) {
			f->path = in_element(
				x, element,
				arena_printf(x->job->arena, "%s/%s", script.beside, f->path));
			vec_push(x->job->arena, &x->job->files, *f);
		}
		x->has_lines = x->has_lines || !s->element;
	}
	x->has_failed = x->has_failed || script.is_refused;
	buf_release(&script.text);
}

const char *export_hook(const struct step *s, size_t number, struct arena *a)
{
	return arena_printf(a, "%02ldzzz-imagefile-%04zu-%s", s->number, number, s->name);
}

/* Removals of a PACKAGE --build-only have a step of their own, of the same op. */
static void add_steps(struct exporter *x)
{
	size_t number = 0;

	vec_foreach (struct step, s, &x->stage->steps) {
		if (!s->op)
			continue;
		if (s->element) {
			add_step(x, s, s->name);
			continue;
		}
		add_step(x, s, export_hook(s, ++number, x->job->arena));
	}
}

static void write_list(struct buf *out, const char *key, const struct str_vec *words)
{
	if (!words->len)
		return;
	buf_printf(out, "    %s: ", key);
	vec_foreach (const char *, w, words)
		buf_printf(out, "%s%s", w > words->items ? "," : "", *w);
	buf_char(out, '\n');
}

/* The keys of package-installs.yaml (contract section 8). */
static void write_request(struct buf *out, const struct package_request *r)
{
	buf_printf(out, "  - phase: %s.d\n", ib_phases[r->phase].name);
	if (r->is_removal)
		buf_str(out, "    uninstall: true\n");
	if (r->is_build_only)
		buf_str(out, "    build-only: true\n");
	if (r->install_type)
		buf_printf(out, "    installtype: %s\n", r->install_type);
	if (r->python_version)
		buf_printf(out, "    dib_python_version: '%s'\n", r->python_version);
	write_list(out, "arch", &r->arches);
	write_list(out, "not-arch", &r->not_arches);
	if (r->when.len)
		buf_str(out, "    when:\n");
	vec_foreach (struct ib_cond, c, &r->when)
		buf_printf(out, "      - '%s %s %s'\n", c->key, c->is_negated ? "!=" : "=",
			   c->value);
}

static bool is_first(const struct package_request_vec *all, const struct package_request *r,
		     const struct element *element)
{
	for (const struct package_request *o = all->items; o < r; o++)
		if (o->element == element && strcmp(o->name, r->name) == 0)
			return false;
	return true;
}

/* What ELEMENT (NULL: the recipe) asks of the transactions by its instructions. */
static void add_packages(struct exporter *x, const struct element *element, const char *name)
{
	const struct package_request_vec *all = &x->stage->packages;
	cleanup_buf struct buf out = BUF_INIT;

	vec_foreach (struct package_request, r, all) {
		if (r->element != element || !is_first(all, r, element))
			continue;
		buf_printf(&out, "%s:\n", r->name);
		for (const struct package_request *o = r; o < all->items + all->len; o++)
			if (o->element == element && strcmp(o->name, r->name) == 0)
				write_request(&out, o);
	}
	if (!out.len)
		return;
	add_text(x, name, "package-installs.yaml", 0644, &out);
	x->has_packages = true;
	x->has_lines = x->has_lines || !element;
}

/* The SOURCE ops of one text; whether there are any. */
static bool add_sources(struct exporter *x, const struct ib_op_vec *ops, const char *name)
{
	cleanup_buf struct buf out = BUF_INIT;

	vec_foreach (struct ib_op, op, ops) {
		if (op->code != IB_OP_SOURCE)
			continue;
		if (op->when.len)
			refuse(x, op->at, "dib fetches each source: SOURCE --when cannot be said");
		buf_printf(&out, "%s %s %s %s%s%s\n", op->source.name, op->source.type,
			   op->source.dest, op->source.location, op->source.ref ? " " : "",
			   op->source.ref ? op->source.ref : "");
	}
	if (!out.len)
		return false;
	add_text(x, name, arena_printf(x->job->arena, "source-repository-%s", name), 0644, &out);
	return x->has_sources = true;
}

static void add_names(struct exporter *x, const char *element, const char *file,
		      const struct str_vec *names)
{
	cleanup_buf struct buf out = BUF_INIT;

	vec_foreach (const char *, n, names)
		buf_printf(&out, "%s\n", *n);
	if (out.len)
		add_text(x, element, file, 0644, &out);
}

/* What lies beside the Imagefile of a fragment. */
static void add_beside(struct exporter *x, const struct element *e)
{
	vec_foreach (struct hook_file, f, &x->stage->hooks.files) {
		if (f->element != e)
			continue;
		if (f->text)
			convert_add_text(x->job, in_element(x, e->name, f->path), f->mode, f->text,
					 strlen(f->text));
		else if (!S_ISDIR(f->mode))
			convert_add_copy(x->job, in_element(x, e->name, f->path), f->mode,
					 f->source);
	}
}

static void add_fragment(struct exporter *x, const struct element *e)
{
	add_names(x, e->name, "element-deps", &e->deps);
	add_names(x, e->name, "element-provides", &e->provides);
	add_beside(x, e);
	add_packages(x, e, e->name);
	add_sources(x, &e->fragment->stages.items[0].ops, e->name);
	convert_became(x->job, e->name, ELEMENTS "/%s", e->name);
}

/* dib has it of its own. */
static bool is_dibs(const struct element *e)
{
	return !e->dir || e->framework != FRAMEWORK_NONE ||
	       strstr(e->dir, "/diskimage_builder/elements/");
}

static int add_members(struct exporter *x)
{
	vec_foreach (const struct element *, it, &x->stage->set.members) {
		const struct element *e = *it;

		if (e->fragment) {
			add_fragment(x, e);
		} else if (!is_dibs(e)) {
			const char *path = arena_printf(x->job->arena, ELEMENTS "/%s", e->name);

			if (convert_add_tree(x->job, path, e->dir, S_IFDIR | 0755, x->err) < 0)
				return -1;
			convert_became(x->job, e->name, "%s, a copy", path);
		}
	}
	return 0;
}

static void add_layout(struct exporter *x, const struct ib_op *op)
{
	const char *name = arena_printf(x->job->arena, "block-device-%s", x->name);
	struct str_vec provides = { NULL, 0, 0 };
	cleanup_buf struct buf yaml = BUF_INIT;
	cleanup_buf struct buf env = BUF_INIT;

	if (x->layout) {
		refuse(x, op->at, "dib makes one disk: a second LAYOUT cannot be said");
		return;
	}
	x->layout = name;
	if (op->layout.root && convert_layout_yaml(x->job, op->layout.root, &yaml) < 0) {
		x->has_failed = true;
		return;
	}
	if (op->layout.root)
		add_text(x, name, "block-device-default.yaml", 0644, &yaml);
	else
		convert_add_copy(x->job, in_element(x, name, "block-device-default.yaml"),
				 S_IFREG | 0644,
				 arena_printf(x->job->arena, "%s/%s", plan_context(x->plan, op),
					      op->layout.file.text));
	vec_push(x->job->arena, &provides, "block-device");
	add_names(x, name, "element-provides", &provides);
	vec_foreach (struct ib_pair, p, &x->stage->env)
		if (strcmp(p->key, "DIB_BLOCK_DEVICE") == 0)
			buf_printf(&env, "export DIB_BLOCK_DEVICE=%s\n", p->value);
	if (env.len)
		add_text(x, name, "environment.d/15-block-device.bash", 0644, &env);
}

/* The recipe's lines that are no steps. */
static void add_ops(struct exporter *x)
{
	vec_foreach (struct ib_op, op, &x->stage->ir->ops) {
		if (op->code == IB_OP_LAYOUT)
			add_layout(x, op);
		else if (op->code == IB_OP_CONFIG || op->code == IB_OP_LABEL)
			ib_diag_add(x->job->diag, IB_D_LEFT_OUT, op->at,
				    "dib's images have no configuration: this is left out");
	}
	if (add_sources(x, &x->stage->ir->ops, x->name))
		x->has_lines = true;
	add_packages(x, NULL, x->name);
	if (x->plan->pkg_map && x->has_lines)
		convert_add_copy(x->job, in_element(x, x->name, "pkg-map"), S_IFREG | 0644,
				 x->plan->pkg_map);
}

/* NAME of dib is needed where IS_USED, and joins by the element of the lines where nothing else has
 * it. */
static void add_need(struct exporter *x, bool is_used, const char *name, struct str_vec *deps)
{
	if (is_used && (x->has_lines || !element_set_find(&x->stage->set, name)))
		vec_push(x->job->arena, deps, name);
}

/* What of dib reads the files of the recipe and its fragments. */
static void add_deps(struct exporter *x)
{
	struct str_vec deps = { NULL, 0, 0 };

	add_need(x, x->has_packages, "package-installs", &deps);
	add_need(x, x->has_lines && x->plan->pkg_map, "pkg-map", &deps);
	add_need(x, x->has_sources, "source-repositories", &deps);
	add_names(x, x->name, "element-deps", &deps);
	x->has_lines = x->has_lines || deps.len;
}

static bool check_stage(struct exporter *x)
{
	const struct plan_stage *stage = x->stage;

	if (stage->parent)
		refuse(x, stage->ir->at, "dib has no stages: FROM an earlier one cannot be said");
	else if (!stage->is_product)
		refuse(x, stage->ir->at,
		       "dib has no stages: one that others copy from cannot be said");
	else if (stage->base)
		refuse(x, stage->ir->at,
		       "dib builds on an element that provides an operating system");
	else
		return true;
	return false;
}

static const char *member_name(const struct plan_stage *stage, const struct ib_op *op)
{
	vec_foreach (const struct element *, e, &stage->set.members)
		if ((*e)->at.start >= op->at.start && (*e)->at.start < op->at.end &&
		    (*e)->is_requested)
			return (*e)->name;
	return op->element.name;
}

/* The elements of the command: FROM's and ELEMENT's, what stands for the rest of the recipe. */
static void write_elements(struct exporter *x, struct buf *out)
{
	bool has_base = false;

	vec_foreach (struct ib_op, op, &x->stage->ir->ops) {
		const char *name = op->code == IB_OP_BASE      ? op->base.name
				   : op->code != IB_OP_ELEMENT ? NULL
				   : op->element.is_path       ? member_name(x->stage, op)
							       : op->element.name;

		if (name && strcmp(name, "base") == 0)
			has_base = true;
		else if (name)
			buf_printf(out, " %s", name);
	}
	if (x->layout)
		buf_printf(out, " %s", x->layout);
	if (x->has_lines)
		buf_printf(out, " %s", x->name);
	if (!has_base)
		buf_str(out, " -n");
}

static void write_formats(struct exporter *x, struct buf *out, const struct ib_op_output *o)
{
	buf_str(out, " -t ");
	vec_foreach (struct ib_word, f, &o->formats) {
		if (strcmp(f->text, "oci") == 0)
			refuse(x, f->at, "dib has no oci output");
		buf_printf(out, "%s%s", f > o->formats.items ? "," : "", f->text);
	}
	if (o->has_md5 && o->has_sha256)
		buf_str(out, " --checksum");
	if (o->is_uncompressed)
		buf_str(out, " -u");
	if (o->options.len)
		buf_str(out, " --qemu-img-options ");
	vec_foreach (struct ib_pair, p, &o->options)
		buf_printf(out, "%s%s=%s", p > o->options.items ? "," : "", p->key, p->value);
	vec_foreach (const char *, tag, &o->tags)
		buf_printf(out, " --docker-target %s", *tag);
}

static void write_command(struct exporter *x, struct buf *out, const struct ib_op_output *o)
{
	const struct ib_op *base = x->stage->ir->ops.items;

	if (o && o->has_md5 != o->has_sha256)
		buf_printf(out, "DIB_CHECKSUM=%s ", o->has_md5 ? "md5" : "sha256");
	buf_str(out, "disk-image-create");
	if (base->base.arch)
		buf_printf(out, " -a %s", base->base.arch);
	if (o)
		write_formats(x, out, o);
	buf_str(out, " -o ");
	export_quote(out, ib_output_name(x->plan->ir, x->stage->ir, o, NULL, x->job->arena));
	write_elements(x, out);
	buf_str(out, " \"$@\"\n");
}

/* In a shell of its own, so that one product's variables are not the next one's. */
static void write_product(struct exporter *x, struct buf *out)
{
	bool has_output = false;

	buf_str(out, "(\n");
	vec_foreach (struct ib_pair, p, &x->stage->ir->env) {
		buf_printf(out, "export %s=", p->key);
		export_quote(out, p->value);
		buf_char(out, '\n');
	}
	vec_foreach (struct ib_op, op, &x->stage->ir->ops)
		if (op->code == IB_OP_OUTPUT) {
			write_command(x, out, &op->output);
			has_output = true;
		}
	if (!has_output)
		write_command(x, out, NULL);
	buf_str(out, ")\n");
}

const char *export_name(const struct plan *plan, const struct plan_stage *stage, struct arena *a)
{
	const char *stem = plan->ir->stem ? plan->ir->stem : "image";

	if (stage->ir->is_only || !stage->ir->name)
		return clean_name(a, arena_printf(a, "imagefile-%s", ib_base_name(stem)));
	return clean_name(a,
			  arena_printf(a, "imagefile-%s-%s", ib_base_name(stem), stage->ir->name));
}

static int export_stage(struct exporter *x, const struct plan_stage *stage, struct buf *build)
{
	x->stage = stage;
	x->name = export_name(x->plan, stage, x->job->arena);
	x->has_lines = x->has_packages = x->has_sources = false;
	x->layout = NULL;
	if (!check_stage(x))
		return 0;
	if (add_members(x) < 0)
		return -1;
	add_steps(x);
	add_ops(x);
	add_deps(x);
	write_product(x, build);
	return 0;
}

/* Elements that two products share are written once. */
static void drop_doubles(struct convert_job *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->files.len; i++) {
		bool is_known = false;

		for (size_t k = 0; !is_known && k < n; k++)
			is_known = strcmp(j->files.items[k].path, j->files.items[i].path) == 0;
		if (!is_known)
			j->files.items[n++] = j->files.items[i];
	}
	j->files.len = n;
}

int convert_export(struct convert_job *j, const struct plan *plan, struct ib_error *err)
{
	struct exporter x = { .job = j, .plan = plan, .err = err };
	cleanup_buf struct buf build = BUF_INIT;

	buf_printf(&build,
		   "#!/bin/sh\n# Written by `imagebuild export` from %s. More words go to "
		   "disk-image-create.\nset -e\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\n"
		   "ELEMENTS_PATH=$here/" ELEMENTS "${ELEMENTS_PATH:+:$ELEMENTS_PATH}\n"
		   "export ELEMENTS_PATH\n",
		   ib_base_name(plan->ir->file));
	for (size_t i = 0; i < plan->stages_len; i++)
		if (export_stage(&x, &plan->stages[i], &build) < 0)
			return -1;
	if (x.has_failed)
		return -1;
	convert_add_text(j, "build", S_IFREG | 0755, build.data, build.len);
	convert_became(j, plan->ir->file, "build and " ELEMENTS "/%s", x.name);
	drop_doubles(j);
	return 0;
}
