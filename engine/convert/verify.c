/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two plans make the same image: each is written as facts, a line each, in which neither
 * the spelling (element, fragment, recipe) nor the order of the files shows. */
#include "convert/export.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20)

struct facts {
	struct arena *arena;
	const struct plan *plan;
	const struct plan_stage *stage;
	struct str_vec lines;
};

static void fact(struct facts *f, const char *fmt, ...) IB_PRINTF(2, 3);
static void fact(struct facts *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vec_push(f->arena, &f->lines, arena_vprintf(f->arena, fmt, ap));
	va_end(ap);
}

static const char *shown(struct facts *f, const struct digest *d)
{
	char hex[DIGEST_HEX];

	digest_hex(d, hex);
	return arena_strndup(f->arena, hex, 16);
}

static const char *sum(struct facts *f, const void *data, size_t n)
{
	struct digest d;

	digest_of(data, n, &d);
	return shown(f, &d);
}

/* Of the bytes of a file, or of where a link leads. */
static const char *file_sum(struct facts *f, const char *path, mode_t mode)
{
	struct ib_error ignored = IB_ERROR_INIT;
	cleanup_fd int fd = -1;
	char link[4096];
	struct digest d;
	ssize_t n;

	if (S_ISLNK(mode)) {
		n = readlink(path, link, sizeof(link));
		return n < 0 ? "?" : sum(f, link, (size_t)n);
	}
	if (S_ISREG(mode))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 || digest_of_fd(fd, &d, &ignored) < 0 ? "?" : shown(f, &d);
}

static const char *hook_sum(struct facts *f, const struct hook_file *h)
{
	return h->text ? sum(f, h->text, strlen(h->text)) : file_sum(f, h->source, h->mode);
}

/* The name behind the number that sorts it. */
static const char *behind_number(const char *name)
{
	const char *p = name + (*name == '-');

	while (isdigit((unsigned char)*p))
		p++;
	return *p == '-' && p > name ? p + 1 : p > name && *p ? p : name;
}

static void hook_fact(struct facts *f, const struct step *s, const char *name, mode_t mode,
		      const char *hex)
{
	fact(f, "hook %s %ld %s %04o %s", ib_phases[s->phase].name, hooks_number(name),
	     behind_number(name), mode & 07777, hex);
}

/* A line of a fragment or of the recipe, as the hook that it would be exported as. */
static void line_fact(struct facts *f, const struct step *s, const char *hook)
{
	struct ib_sources *sources = f->plan->sources;
	struct convert_job job = { .arena = f->arena,
				   .sources = sources,
				   .diag = ib_diag_new(sources),
				   .options = f->plan->options };
	const char *element =
		s->element ? s->element->name : export_name(f->plan, f->stage, f->arena);
	struct export_script x = {
		.job = &job,
		.stage = f->stage,
		.step = s,
		.context = plan_context(f->plan, s->op),
		.element = element,
		.has_pkg_map = !s->element && f->plan->pkg_map,
		.beside = arena_printf(f->arena, "imagefile-%s/%s", element, hook),
	};

	if (export_step(&x)) {
		hook_fact(f, s, hook, 0755, sum(f, x.text.data ? x.text.data : "", x.text.len));
		vec_foreach (struct convert_file, file, &x.data)
			fact(f, "data %s/%s %04o %s", x.beside, file->path, file->mode & 07777,
			     file->data ? sum(f, file->data, file->len)
					: file_sum(f, file->source, file->mode));
	}
	buf_release(&x.text);
	ib_diag_free(job.diag);
}

static void add_steps(struct facts *f)
{
	size_t number = 0;

	vec_foreach (struct step, s, &f->stage->steps) {
		if (s->hook)
			hook_fact(f, s, s->name, s->hook->mode, hook_sum(f, s->hook));
		else if (s->op)
			line_fact(f, s, s->element ? s->name : export_hook(s, ++number, f->arena));
		else if (s->element && s->code != STEP_source_repositories)
			fact(f, "framework %s %s", ib_phases[s->phase].name, s->name);
	}
}

/* A value of the shell without its quotes; what expands stays as it is. */
static void add_unquoted(struct buf *out, const char *word, size_t n)
{
	char quote = '\0';

	for (size_t i = 0; i < n; i++) {
		if (word[i] == quote) {
			quote = '\0';
		} else if (!quote && (word[i] == '\'' || word[i] == '"')) {
			quote = word[i];
		} else if (word[i] == '\\' && quote != '\'' && i + 1 < n &&
			   (!quote || strchr("\"\\$`", word[i + 1]))) {
			buf_char(out, '\\');
			buf_char(out, word[++i]);
		} else if (word[i] == '$' && quote == '\'') {
			buf_str(out, "\\$");
		} else {
			buf_char(out, word[i]);
		}
	}
}

/* The bytes of the word at TEXT: to a blank outside of quotes and braces. */
static size_t word_length(const char *text, size_t n)
{
	char quote = '\0';
	int depth = 0;
	size_t i = 0;

	for (; i < n && (quote || depth || !isspace((unsigned char)text[i])); i++) {
		if (text[i] == '\\' && quote != '\'')
			i++;
		else if (text[i] == quote)
			quote = '\0';
		else if (!quote && (text[i] == '\'' || text[i] == '"'))
			quote = text[i];
		else if (quote != '\'' && text[i] == '{')
			depth++;
		else if (quote != '\'' && text[i] == '}' && depth)
			depth--;
	}
	return i < n ? i : n;
}

/* A line of environment.d: exports are a fact each, anything else is one as it stands. */
static void env_line(struct facts *f, long number, const char *line, size_t n)
{
	for (; n > 0 && isspace((unsigned char)*line); n--)
		line++;
	while (n > 0 && isspace((unsigned char)line[n - 1]))
		n--;
	if (!n || *line == '#')
		return;
	if (n < 7 || strncmp(line, "export ", 7) != 0 || memchr(line, ';', n) ||
	    memchr(line, '`', n)) {
		fact(f, "environment %ld %.*s", number, (int)n, line);
		return;
	}
	for (size_t i = 7; i < n;) {
		size_t len = word_length(line + i, n - i);
		cleanup_buf struct buf word = BUF_INIT;

		add_unquoted(&word, line + i, len);
		if (len)
			fact(f, "environment %ld export %s", number, word.data ? word.data : "");
		for (i += len; i < n && isspace((unsigned char)line[i]);)
			i++;
	}
}

static void env_file(struct facts *f, const struct hook_file *h)
{
	const char *slash = strrchr(h->path, '/');
	cleanup_free char *read = NULL;
	struct ib_error ignored = IB_ERROR_INIT;
	const char *text = h->text;
	size_t len = text ? strlen(text) : 0;

	if (!text && fs_read_at(AT_FDCWD, h->source, FILE_MAX, &read, &len, &ignored) < 0)
		return;
	text = text ? text : read;
	for (const char *line = text, *end; line < text + len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + len - line));
		if (!end)
			end = text + len;
		env_line(f, hooks_number(slash + 1), line, (size_t)(end - line));
	}
}

static void add_environment(struct facts *f)
{
	struct hook_file_vec files = { NULL, 0, 0 };

	hooks_environment(&f->stage->hooks, f->arena, &files);
	vec_foreach (struct hook_file, h, &files)
		env_file(f, h);
	vec_foreach (struct ib_pair, p, &f->stage->env) {
		bool is_layout = strcmp(p->key, "DIB_BLOCK_DEVICE") == 0;

		/* what a LAYOUT says is exported as a file of an element */
		if (is_layout)
			fact(f, "environment 15 export %s=%s", p->key, p->value);
		else
			fact(f, "variable %s %s", p->key, sum(f, p->value, strlen(p->value)));
	}
}

static const char *join(struct facts *f, const struct str_vec *words)
{
	cleanup_buf struct buf out = BUF_INIT;

	buf_str(&out, "");
	vec_foreach (const char *, w, words)
		buf_printf(&out, "%s%s", w > words->items ? "," : "", *w);
	return arena_strndup(f->arena, out.data, out.len);
}

static void add_packages(struct facts *f)
{
	vec_foreach (struct package_request, r, &f->stage->packages) {
		cleanup_buf struct buf when = BUF_INIT;

		buf_str(&when, "");
		vec_foreach (struct ib_cond, c, &r->when)
			buf_printf(&when, " %s%s%s", c->key, c->is_negated ? "!=" : "=", c->value);
		fact(f, "package %s %s of %s%s%s%s%s arch=%s not-arch=%s python=%s map=%s when=%s",
		     ib_phases[r->phase].name, r->name,
		     r->element ? r->element->name : export_name(f->plan, f->stage, f->arena),
		     r->is_removal ? " removed" : "", r->is_build_only ? " build-only" : "",
		     r->install_type ? " type=" : "", r->install_type ? r->install_type : "",
		     join(f, &r->arches), join(f, &r->not_arches),
		     r->python_version ? r->python_version : "",
		     r->pkg_map && access(r->pkg_map, R_OK) == 0 ? file_sum(f, r->pkg_map, S_IFREG)
								 : "none",
		     when.data);
	}
}

static const char *words_of(struct facts *f, const char *text)
{
	cleanup_buf struct buf out = BUF_INIT;

	buf_str(&out, "");
	while (*(text += strspn(text, " \t\n"))) {
		size_t n = strcspn(text, " \t\n");

		buf_printf(&out, " %.*s", (int)n, text);
		text += n;
	}
	return arena_strndup(f->arena, out.data, out.len);
}

static void source_facts(struct facts *f, const struct ib_op_vec *ops)
{
	vec_foreach (struct ib_op, op, ops)
		if (op->code == IB_OP_SOURCE)
			fact(f, "source %s %s %s %s%s%s", op->source.name, op->source.type,
			     op->source.dest, op->source.location, op->source.ref ? " " : "",
			     op->source.ref ? op->source.ref : "");
}

static void add_sources(struct facts *f)
{
	vec_foreach (struct source_line, line, &f->stage->sources)
		fact(f, "source%s", words_of(f, line->text));
	source_facts(f, &f->stage->ir->ops);
	vec_foreach (const struct element *, e, &f->stage->set.members)
		if ((*e)->fragment)
			source_facts(f, &(*e)->fragment->stages.items[0].ops);
}

/* Whether H is run, or read as environment, and said elsewhere. */
static bool is_run(const struct hook_file *h)
{
	if (strncmp(h->path, "environment.d/", 14) == 0)
		return !strchr(h->path + 14, '/');
	return (h->mode & 0111) && hooks_phase_of(h->path) != IB_PHASE_NONE;
}

/* What lies beside the hooks for them to read. Files outside of directories are of no use to a
 * build. */
static void add_data(struct facts *f)
{
	vec_foreach (struct hook_file, h, &f->stage->hooks.files)
		if (strchr(h->path, '/') && !S_ISDIR(h->mode) && !is_run(h))
			fact(f, "data %s %04o %s", h->path, h->mode & 07777, hook_sum(f, h));
}

static bool is_exported(const char *name)
{
	return strncmp(name, "imagefile-", 10) == 0 ||
	       strncmp(name, "block-device-imagefile-", 23) == 0;
}

static void add_elements(struct facts *f)
{
	vec_foreach (const struct element *, it, &f->stage->set.members) {
		const struct element *e = *it;

		if (e->framework == FRAMEWORK_NONE && !is_exported(e->name))
			fact(f, "element %s", e->name);
		vec_foreach (const char *, p, &e->provides)
			if (strcmp(*p, "block-device") != 0)
				fact(f, "provides %s", *p);
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void convert_facts(const struct plan *plan, struct buf *out)
{
	struct facts f = { .arena = arena_new(), .plan = plan };
	cleanup_buf struct buf layout = BUF_INIT;

	for (size_t i = 0; i < plan->stages_len; i++) {
		f.stage = &plan->stages[i];
		add_elements(&f);
		add_steps(&f);
		add_environment(&f);
		add_packages(&f);
		add_sources(&f);
		add_data(&f);
	}
	ib_plan_emit_layout(plan, &layout);
	if (layout.len)
		fact(&f, "layout %s", words_of(&f, layout.data));
	if (f.lines.len)
		qsort(f.lines.items, f.lines.len, sizeof(*f.lines.items), compare_lines);
	vec_foreach (const char *, line, &f.lines)
		buf_printf(out, "%s\n", *line);
	arena_free(f.arena);
}

static size_t line_of(const char *text)
{
	return strcspn(text, "\n");
}

bool convert_compare(const struct buf *a, const struct buf *b, struct buf *out)
{
	const char *p = a->data ? a->data : "", *q = b->data ? b->data : "";
	bool is_same = true;

	while (*p || *q) {
		size_t n = line_of(p), m = line_of(q);
		int order = !*p ? 1 : !*q ? -1 : 0;

		if (!order) {
			order = strncmp(p, q, n < m ? n : m);
			order = order ? order : (n > m) - (n < m);
		}
		if (order) {
			buf_printf(out, "%c %.*s\n", order < 0 ? '-' : '+',
				   (int)(order < 0 ? n : m), order < 0 ? p : q);
			is_same = false;
		}
		if (order <= 0)
			p += n + (p[n] == '\n');
		if (order >= 0)
			q += m + (q[m] == '\n');
	}
	return is_same;
}
