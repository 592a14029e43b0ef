/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of step: what their keys are made of, and how they read to people. */
#include "plan/private.h"

#include "base/base.h"
#include "cache/cache.h"
#include "support/fetch.h"
#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int file_digest(const struct plan *p, int fd, struct digest *ret, struct ib_error *err)
{
	return p->statcache ? store_file_digest(p->statcache, fd, p->is_running, ret, err)
			    : digest_of_fd(fd, ret, err);
}

static int path_digest(const struct plan *p, const char *path, struct digest *ret_digest,
		       struct ib_error *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "open %s", path);
	r = file_digest(p, fd, ret_digest, err);
	return r < 0 ? ib_wrap(err, "%s", path) : 0;
}

static int hash_path(const struct plan *p, const char *name, const char *path, struct buf *out,
		     struct ib_error *err)
{
	struct digest d;
	int r = path_digest(p, path, &d, err);

	if (r < 0)
		return r;
	key_digest(out, name, &d);
	return 0;
}

/* One part of hooks/, by the directory it lies in. */
static bool pick_directory(const struct hook_file *f, const void *dir)
{
	return strncmp(f->path, dir, strlen(dir)) == 0;
}

static void hash_directory(const struct step *s, const struct plan *p, const char *dir,
			   struct buf *out)
{
	const struct plan_stage *stage = plan_stage_of(p, s);
	struct digest d;

	hooks_digest_lines(&stage->hooks, &stage->hook_lines, pick_directory, dir, &d);
	key_digest(out, dir, &d);
}

static int hash_environ(const struct step *s, const struct plan *p, struct buf *out,
			struct ib_error *err)
{
	const struct plan_stage *stage = plan_stage_of(p, s);

	if (s->needs.len == 0) {
		key_text(out, "arch", p->arch);
		vec_foreach (const struct element *, e, &stage->set.members)
			key_text(out, "element", (*e)->name);
	}
	vec_foreach (struct ib_pair, pair, &stage->env)
		if (!plan_is_proxy_name(pair->key))
			key_variable(out, pair->key, pair->value);
	(void)err;
	hash_directory(s, p, "environment.d/", out);
	return 0;
}

/* A file is known by its bytes, an image of many files by a digest that covers them. */
int key_base(const struct plan *p, const char *context, const struct base *b, struct buf *out,
	     struct ib_error *err)
{
	cleanup_fd int fd = -1;
	struct digest d = b->content;
	int r;

	key_text(out, "kind", base_word(b->kind));
	if (b->kind == BASE_SCRATCH)
		return 0;
	if (b->select)
		key_text(out, "select", b->select);
	if (!b->has_content) {
		fd = plan_base_open(context, b);
		if (fd < 0)
			return ib_fail(err, errno, "open '%s' of the context", b->path);
		r = file_digest(p, fd, &d, err);
		if (r < 0)
			return ib_wrap(err, "%s", b->path);
	}
	key_digest(out, "content", &d);
	return 0;
}

static int hash_base(const struct step *s, const struct plan *p, struct buf *out,
		     struct ib_error *err)
{
	return key_base(p, plan_context(p, s->op), s->base, out, err);
}

/* What lies in another stage's tree follows from its steps. */
static int hash_tree(const struct plan *p, const struct ib_tree_ref *ref, struct buf *out,
		     struct ib_error *err)
{
	const struct plan_import *import = plan_import_find(p, ref);
	const struct plan_stage *from;

	if (import)
		return key_base(p, import->context, import->base, out, err);
	from = ref->kind == IB_FROM_STAGE ? plan_stage_find(p, ref->stage) : NULL;
	if (from)
		key_digest(out, "from", plan_tree_key(from));
	return 0;
}

static int hash_hook(const struct step *s, const struct plan *p, struct buf *out,
		     struct ib_error *err)
{
	const struct plan_stage *stage = plan_stage_of(p, s);

	key_text(out, "path", s->hook->path);
	key_digest(out, "beside", &stage->hooks_beside[s->phase]);
	key_digest(out, "hooks", &stage->hooks_shared);
	return hash_path(p, "script", s->hook->source, out, err);
}

static int hash_entry(const struct plan *p, int context_fd, const struct copy_entry *e,
		      struct buf *out, struct ib_error *err);

/* What of a mount can change the result: not how it is shared, nor what a cache or a secret holds.
 */
static int hash_mount(const struct step *s, const struct plan *p, size_t i, int context_fd,
		      struct buf *out, struct ib_error *err)
{
	const struct ib_mount *m = &s->op->run.mounts.items[i];
	int r = 0;

	key_text(out, "mount", ib_mount_types[m->type]);
	vec_foreach (struct ib_pair, pair, &m->keys)
		if (strcmp(pair->key, "sharing") != 0) {
			key_text(out, "key", pair->key);
			key_text(out, "value", pair->value);
		}
	if (m->from.kind != IB_FROM_CONTEXT)
		r = hash_tree(p, &m->from, out, err);
	if (s->mounted)
		vec_foreach (struct copy_entry, e, &s->mounted[i])
			r = r < 0 ? r : hash_entry(p, context_fd, e, out, err);
	return r;
}

static int hash_inputs(const struct step *s, const struct plan *p, struct buf *out,
		       struct ib_error *err)
{
	int r = 0;

	vec_foreach (struct ib_word, input, &s->op->run.inputs) {
		const char *path = plan_input(p, input->text);

		key_text(out, "input", input->text);
		/* one that is missing is what preflight says */
		if (r == 0 && (p->is_running || access(path, F_OK) == 0))
			r = hash_path(p, "content", path, out, err);
	}
	return r;
}

/* The files that a RUN reads: those of its mounts, its script, its inputs. */
static int hash_run_files(const struct step *s, const struct plan *p, struct buf *out,
			  struct ib_error *err)
{
	const char *context = plan_context(p, s->op);
	cleanup_fd int fd = context ? open(context, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	cleanup_free char *script =
		s->op->run.form == IB_RUN_FILE ? fs_join(context, s->op->run.text) : NULL;
	int r = script ? hash_path(p, "content", script, out, err) : 0;

	for (size_t i = 0; r == 0 && i < s->op->run.mounts.len; i++)
		r = hash_mount(s, p, i, fd, out, err);
	return r < 0 ? r : hash_inputs(s, p, out, err);
}

static int hash_run(const struct step *s, const struct plan *p, struct buf *out,
		    struct ib_error *err)
{
	static const char *const forms[] = { "shell", "exec", "script", "file" };
	const struct ib_op_run *run = &s->op->run;

	key_text(out, "form", forms[run->form]);
	if (run->text)
		key_text(out, "text", run->text);
	vec_foreach (const char *, word, &run->argv)
		key_text(out, "argv", *word);
	if (run->form == IB_RUN_SHELL)
		vec_foreach (const char *, word, &run->shell)
			key_text(out, "shell", *word);
	vec_foreach (struct ib_pair, pair, &run->env)
		key_variable(out, pair->key, pair->value);
	key_text(out, "workdir", run->workdir ? run->workdir : "");
	key_text(out, "user", run->user ? run->user : "");
	if (run->is_offline)
		key_text(out, "network", "none");
	if (run->install_type)
		key_text(out, "installtype", run->install_type);
	return hash_run_files(s, p, out, err);
}

/* "f 644 path" and the content: a digest, or a link's target. */
static int hash_entry(const struct plan *p, int context_fd, const struct copy_entry *e,
		      struct buf *out, struct ib_error *err)
{
	const char *slash = strrchr(e->path, '/');
	cleanup_fd int fd = -1;
	char target[PATH_MAX];
	struct digest d;
	ssize_t n;
	int r;

	/* without a name of its own it has the source's where the destination is a directory */
	key_text(out, "name", *e->name ? e->name : slash ? slash + 1 : e->path);
	if (S_ISLNK(e->mode)) {
		n = readlinkat(context_fd, e->path, target, sizeof(target));
		if (n < 0)
			return ib_fail(err, errno, "read the link %s", e->path);
		key_add(out, "link", target, (size_t)n);
		return 0;
	}
	key_text(out, S_ISDIR(e->mode) ? "directory" : "file", "");
	buf_printf(out, "mode 4:%04o\n", (unsigned int)e->mode & 07777);
	if (S_ISDIR(e->mode))
		return 0;
	fd = fs_open_beneath(context_fd, e->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open %s of the context", e->path);
	r = file_digest(p, fd, &d, err);
	if (r < 0)
		return ib_wrap(err, "%s", e->path);
	key_digest(out, "content", &d);
	return 0;
}

static void hash_files(const struct ib_op_copy *copy, struct buf *out)
{
	key_text(out, "dest", copy->dest.text);
	key_text(out, "chown", copy->chown ? copy->chown : "");
	key_text(out, "chmod", copy->chmod ? copy->chmod : "");
	if (copy->is_unpacked)
		key_text(out, "unpack", "");
	vec_foreach (struct ib_heredoc, doc, &copy->heredocs) {
		struct digest d;

		digest_of(doc->body, doc->len, &d);
		key_text(out, "heredoc", doc->name);
		key_digest(out, "content", &d);
	}
}

static int hash_copy(const struct step *s, const struct plan *p, struct buf *out,
		     struct ib_error *err)
{
	const char *dir = plan_context(p, s->op);
	cleanup_fd int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r;

	r = hash_tree(p, &s->op->copy.from, out, err);
	if (r < 0)
		return r;
	if (s->op->copy.from.kind != IB_FROM_CONTEXT)
		vec_foreach (struct ib_word, source, &s->op->copy.sources)
			key_text(out, "source", source->text);
	hash_files(&s->op->copy, out);
	if (s->entries)
		vec_foreach (struct copy_entry, e, s->entries)
			r = r < 0 ? r : hash_entry(p, fd, e, out, err);
	return r;
}

/* What the addresses lead to is in the run key. */
static int hash_add(const struct step *s, const struct plan *p, struct buf *out,
		    struct ib_error *err)
{
	const struct ib_op_copy *add = &s->op->copy;

	(void)err;
	hash_files(add, out);
	vec_foreach (struct ib_word, word, &add->sources)
		key_text(out, "url", fetch_shown(word->text, p->arena));
	if (add->checksum)
		key_text(out, "checksum", add->checksum);
	return 0;
}

static int hash_source(const struct step *s, const struct plan *p, struct buf *out,
		       struct ib_error *err)
{
	const struct ib_op_source *source = &s->op->source;

	(void)err;
	key_text(out, "name", source->name);
	key_text(out, "type", source->type);
	key_text(out, "dest", source->dest);
	key_text(out, "location", fetch_shown(source->location, p->arena));
	key_text(out, "ref", source->ref ? source->ref : "");
	return 0;
}

static int hash_source_repositories(const struct step *s, const struct plan *p, struct buf *out,
				    struct ib_error *err)
{
	(void)err;
	vec_foreach (struct source_line, line, &plan_stage_of(p, s)->sources)
		key_text(out, "source", fetch_shown(line->text, p->arena));
	return 0;
}

static int hash_workdir(const struct step *s, const struct plan *p, struct buf *out,
			struct ib_error *err)
{
	(void)p;
	(void)err;
	key_text(out, "path", s->op->workdir.text);
	return 0;
}

static void hash_conditions(const struct package_request *r, struct buf *out)
{
	vec_foreach (struct ib_cond, cond, &r->when) {
		key_text(out, cond->is_negated ? "when-not" : "when", cond->key);
		key_text(out, "is", cond->value);
	}
	vec_foreach (const char *, arch, &r->arches)
		key_text(out, "arch", *arch);
	vec_foreach (const char *, arch, &r->not_arches)
		key_text(out, "not-arch", *arch);
	if (r->install_type)
		key_text(out, "installtype", r->install_type);
	if (r->python_version)
		key_text(out, "python", r->python_version);
}

/* The pkg-map of one request after the other: an element's have the same. */
struct map_digest {
	const char *path;
	struct digest digest;
};

static int hash_map(const struct plan *p, const char *path, struct map_digest *last,
		    struct buf *out, struct ib_error *err)
{
	if (!last->path || strcmp(last->path, path) != 0) {
		int r = path_digest(p, path, &last->digest, err);

		if (r < 0)
			return r;
		last->path = path;
	}
	key_digest(out, "pkg-map", &last->digest);
	return 0;
}

/* All that a request may ask, where what it comes to is not known yet. */
static int hash_request(const struct plan *p, const struct package_request *r,
			struct map_digest *last, struct buf *out, struct ib_error *err)
{
	key_text(out, "package", r->name);
	key_text(out, "of", r->element ? r->element->name : "");
	key_text(out, "phase", ib_phases[r->phase].name);
	key_text(out, "does",
		 r->is_removal ? "remove" : (r->is_build_only ? "build-only" : "install"));
	hash_conditions(r, out);
	return r->pkg_map ? hash_map(p, r->pkg_map, last, out, err) : 0;
}

static int hash_packages(const struct step *s, const struct plan *p, struct buf *out,
			 struct ib_error *err)
{
	const struct plan_stage *stage = plan_stage_of(p, s);
	struct plan_known known = { p, stage };
	struct str_vec names = { NULL, 0, 0 };
	struct map_digest last = { .path = NULL };
	int r = 0;

	key_text(out, "does", s->is_removal ? "remove" : "install");
	if (s->is_decided_at_build) {
		vec_foreach (struct package_request, request, s->requests)
			if (r == 0 && request->phase == s->phase)
				r = hash_request(p, request, &last, out, err);
		return r;
	}
	r = packages_select(s->requests, &stage->set, s->phase, s->is_removal, plan_known_find,
			    &known, p->arena, &names, err);
	if (r == 0)
		vec_foreach (const char *, name, &names)
			key_text(out, "package", *name);
	return r;
}

/* Steps that do the same to every tree. */
static int hash_nothing(const struct step *s, const struct plan *p, struct buf *out,
			struct ib_error *err)
{
	(void)s;
	(void)p;
	(void)out;
	(void)err;
	return 0;
}

static int hash_enter(const struct step *s, const struct plan *p, struct buf *out,
		      struct ib_error *err)
{
	return hash_nothing(s, p, out, err);
}

static int hash_leave(const struct step *s, const struct plan *p, struct buf *out,
		      struct ib_error *err)
{
	return hash_nothing(s, p, out, err);
}

static int hash_clean(const struct step *s, const struct plan *p, struct buf *out,
		      struct ib_error *err)
{
	return hash_nothing(s, p, out, err);
}

/* Links are made by name; what they lead to is in the key of the step that runs it. */
static int hash_install_types(const struct step *s, const struct plan *p, struct buf *out,
			      struct ib_error *err)
{
	static const char dir[] = "install.d/";

	(void)err;
	vec_foreach (struct hook_file, f, &plan_stage_of(p, s)->hooks.files)
		if (strncmp(f->path, dir, sizeof(dir) - 1) == 0 &&
		    strchr(f->path + sizeof(dir) - 1, '/'))
			key_text(out, "file", f->path);
	return 0;
}

static int hash_package_installs(const struct step *s, const struct plan *p, struct buf *out,
				 struct ib_error *err)
{
	struct map_digest last = { .path = NULL };

	vec_foreach (struct package_request, request, &plan_stage_of(p, s)->packages) {
		int r = hash_request(p, request, &last, out, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* FILE of every element that has one. */
static int hash_maps(const struct step *s, const struct plan *p, const char *file, struct buf *out,
		     struct ib_error *err)
{
	vec_foreach (const struct element *, e, &plan_stage_of(p, s)->set.members) {
		cleanup_free char *path = (*e)->dir ? fs_join((*e)->dir, file) : NULL;
		int r;

		if (!path || access(path, F_OK) < 0)
			continue;
		key_text(out, "element", (*e)->name);
		r = hash_path(p, file, path, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int hash_pkg_map(const struct step *s, const struct plan *p, struct buf *out,
			struct ib_error *err)
{
	return hash_maps(s, p, "pkg-map", out, err);
}

static int hash_svc_map(const struct step *s, const struct plan *p, struct buf *out,
			struct ib_error *err)
{
	return hash_maps(s, p, "svc-map", out, err);
}

static int hash_install_bin(const struct step *s, const struct plan *p, struct buf *out,
			    struct ib_error *err)
{
	(void)err;
	hash_directory(s, p, "bin/", out);
	return 0;
}

static int hash_install_static(const struct step *s, const struct plan *p, struct buf *out,
			       struct ib_error *err)
{
	(void)err;
	hash_directory(s, p, "static/", out);
	return 0;
}

static int hash_init_system(const struct step *s, const struct plan *p, struct buf *out,
			    struct ib_error *err)
{
	return hash_nothing(s, p, out, err);
}

static int hash_init_scripts(const struct step *s, const struct plan *p, struct buf *out,
			     struct ib_error *err)
{
	(void)err;
	hash_directory(s, p, "init-scripts/", out);
	return 0;
}

static int hash_manifests(const struct step *s, const struct plan *p, struct buf *out,
			  struct ib_error *err)
{
	(void)err;
	vec_foreach (struct ib_op, op, &plan_stage_of(p, s)->settings)
		if (op->code == IB_OP_LABEL)
			key_variable(out, op->env.key, op->env.value);
	return 0;
}

static void describe_environ(const struct step *s, struct buf *out)
{
	(void)s;
	buf_str(out, "environment.d");
}

static void describe_base(const struct step *s, struct buf *out)
{
	buf_printf(out, "FROM %s", base_word(s->base->kind));
	if (s->base->path)
		buf_printf(out, ":%s", s->op->base.name);
}

static void describe_hook(const struct step *s, struct buf *out)
{
	buf_printf(out, "%s (element %s)", s->hook->path,
		   s->hook->element ? s->hook->element->name : "-");
}

/* " (element web)" behind a fragment's step, as behind a hook. */
static void add_element(const struct step *s, struct buf *out)
{
	if (s->op && s->element)
		buf_printf(out, " (element %s)", s->element->name);
}

/* The first line of a text, shortened. */
static void first_line(const char *text, struct buf *out)
{
	size_t n = strcspn(text, "\n");
	bool is_cut = n > 60 || (text[n] && text[n + 1]);

	buf_add(out, text, n > 60 ? 60 : n);
	if (is_cut)
		buf_str(out, " ...");
}

static void describe_mounts(const struct ib_op_run *run, struct buf *out)
{
	vec_foreach (struct ib_mount, m, &run->mounts) {
		const char *id = mount_value(m, "id");

		buf_printf(out, "%s%s %s", m > run->mounts.items ? ", " : "(",
			   ib_mount_types[m->type], id ? id : mount_value(m, "target"));
	}
	if (run->mounts.len)
		buf_str(out, ") ");
}

static void describe_run(const struct step *s, struct buf *out)
{
	const struct ib_op_run *run = &s->op->run;

	buf_str(out, "RUN ");
	describe_mounts(run, out);
	if (run->form == IB_RUN_EXEC)
		vec_foreach (const char *, word, &run->argv)
			buf_printf(out, "%s%s", word > run->argv.items ? " " : "", *word);
	else
		first_line(run->text ? run->text : "", out);
	add_element(s, out);
}

static void describe_copy(const struct step *s, struct buf *out)
{
	const struct ib_op_copy *copy = &s->op->copy;

	buf_str(out, "COPY");
	if (copy->from.kind != IB_FROM_CONTEXT)
		buf_printf(out, " --from=%s", copy->from.name);
	vec_foreach (struct ib_word, word, &copy->sources)
		buf_printf(out, " %s", word->text);
	vec_foreach (struct ib_heredoc, doc, &copy->heredocs)
		buf_printf(out, " <<%s", doc->name);
	buf_printf(out, " %s", copy->dest.text);
	add_element(s, out);
}

static void describe_add(const struct step *s, struct buf *out)
{
	const struct ib_op_copy *add = &s->op->copy;
	cleanup_arena struct arena *a = arena_new();

	buf_str(out, "ADD");
	vec_foreach (struct ib_word, word, &add->sources)
		buf_printf(out, " %s", fetch_shown(word->text, a));
	vec_foreach (struct ib_heredoc, doc, &add->heredocs)
		buf_printf(out, " <<%s", doc->name);
	buf_printf(out, " %s", add->dest.text);
	add_element(s, out);
}

static void describe_source(const struct step *s, struct buf *out)
{
	const struct ib_op_source *source = &s->op->source;

	buf_printf(out, "SOURCE %s %s %s", source->name, source->type, source->dest);
	add_element(s, out);
}

static void describe_workdir(const struct step *s, struct buf *out)
{
	buf_printf(out, "WORKDIR %s", s->op->workdir.text);
	add_element(s, out);
}

static void describe_packages(const struct step *s, struct buf *out)
{
	size_t n = 0;

	buf_str(out, s->is_removal ? "remove packages" : "install packages");
	vec_foreach (struct package_request, r, s->requests) {
		if (!request_is_of(r, s->phase, s->is_removal))
			continue;
		buf_printf(out, "%s%s", n++ ? " " : ": ", r->name);
	}
	add_element(s, out);
}

static void describe_verb(const struct step *s, struct buf *out)
{
	buf_str(out, step_kinds[s->code].verb);
}

#define describe_enter describe_verb
#define describe_leave describe_verb
#define describe_clean describe_verb
#define describe_install_types describe_verb
#define describe_package_installs describe_verb
#define describe_pkg_map describe_verb
#define describe_svc_map describe_verb
#define describe_install_bin describe_verb
#define describe_install_static describe_verb
#define describe_init_system describe_verb
#define describe_init_scripts describe_verb
#define describe_source_repositories describe_verb
#define describe_manifests describe_verb

const struct step_kind step_kinds[STEPS] = {
#define STEP(name, verb) { #name, verb, hash_##name, describe_##name },
#include "plan/steps.def"
#undef STEP
};
