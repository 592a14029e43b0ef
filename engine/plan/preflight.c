/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine must have before the first step runs, looked for in one go. */
#include "plan/private.h"

#include "base/base.h"
#include "block/block.h"
#include "output/output.h"
#include "sandbox/sandbox.h"
#include "support/fs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define MIB ((uint64_t)1 << 20)
/* A minimal system's layers; the smallest disk that boots, compressed. */
#define STORE_SPACE (1024 * MIB)
#define OUTPUT_SPACE (256 * MIB)

/* Debian packages of host programs whose name says something else. */
static const struct {
	const char *tool, *package;
} tool_packages[] = {
	{ "apt-get", "apt" },
	{ "bash", "bash" },
	{ "curl", "curl" },
	{ "debootstrap", "debootstrap" },
	{ "dnf", "dnf" },
	{ "dpkg", "dpkg" },
	{ "dpkg-deb", "dpkg" },
	{ "git", "git" },
	{ "gpg", "gpg" },
	{ "gpgv", "gpgv" },
	{ "gzip", "gzip" },
	{ "mcopy", "mtools" },
	{ "mkfs.vfat", "dosfstools" },
	{ "mkswap", "util-linux" },
	{ "mmd", "mtools" },
	{ "mmdebstrap", "mmdebstrap" },
	{ "newgidmap", "uidmap" },
	{ "newuidmap", "uidmap" },
	{ "perl", "perl" },
	{ "python3", "python3" },
	{ "qemu-img", "qemu-utils" },
	{ "rpm", "rpm" },
	{ "rsync", "rsync" },
	{ "tar", "tar" },
	{ "unzip", "unzip" },
	{ "wget", "wget" },
	{ "xz", "xz-utils" },
	{ "yum", "yum" },
	{ "zstd", "zstd" },
};

struct preflight {
	const struct plan *plan;
	struct missing_vec *missing;
	char path[8192];
};

static const char *package_of(const char *tool)
{
	for (size_t i = 0; i < ARRAY_SIZE(tool_packages); i++)
		if (strcmp(tool_packages[i].tool, tool) == 0)
			return tool_packages[i].package;
	return NULL;
}

static const char *copy(const struct preflight *pf, const char *s)
{
	return s ? arena_strdup(pf->plan->arena, s) : NULL;
}

static void add(void *context, const char *what, const char *why, const char *package,
		const char *todo)
{
	struct preflight *pf = context;

	vec_foreach (struct missing, old, pf->missing)
		if (strcmp(old->what, what) == 0)
			return;
	vec_push(pf->plan->arena, pf->missing,
		 ((struct missing){ .what = copy(pf, what),
				    .why = copy(pf, why),
				    .package = copy(pf, package),
				    .todo = copy(pf, todo) }));
}

static bool has_tool(const struct preflight *pf, const char *tool)
{
	char found[PATH_MAX];

	return fs_find_program(tool, pf->path, found, sizeof(found));
}

static void need_tool(void *context, const char *tool, const char *package, const char *why)
{
	struct preflight *pf = context;

	if (!has_tool(pf, tool))
		add(pf, tool, why, package ? package : package_of(tool), NULL);
}

static void check_elements(struct preflight *pf, const struct plan_stage *stage)
{
	vec_foreach (const struct element *, e, &stage->set.members)
		vec_foreach (const char *, tool, &(*e)->host_tools) {
			size_t before = pf->missing->len;

			need_tool(pf, *tool, NULL,
				  arena_printf(pf->plan->arena,
					       "element '%s' names it in host-tools", (*e)->name));
			if (pf->missing->len > before)
				pf->missing->items[before].at = (*e)->at;
		}
}

static void need_format(struct preflight *pf, const char *name, struct ib_span at)
{
	const struct output_format *f = output_find(name);
	size_t before = pf->missing->len;

	if (!f || !f->tool)
		return;
	need_tool(pf, f->tool, f->package,
		  arena_printf(pf->plan->arena, "output format '%s' is written by it", name));
	if (pf->missing->len > before)
		pf->missing->items[before].at = at;
}

static void check_outputs(struct preflight *pf, const struct plan_stage *stage)
{
	const struct str_vec *formats = &pf->plan->options->formats;
	bool has_output = false;

	vec_foreach (const char *, format, formats)
		need_format(pf, *format, stage->ir->at);
	vec_foreach (struct ib_op, op, &stage->ir->ops) {
		if (op->code != IB_OP_OUTPUT)
			continue;
		has_output = true;
		if (formats->len == 0)
			vec_foreach (struct ib_word, format, &op->output.formats)
				need_format(pf, format->text, format->at);
	}
	if (!has_output && formats->len == 0)
		need_format(pf, "qcow2", stage->ir->at);
}

/* The nearest directory above PATH that exists. */
static bool free_space(const char *path, uint64_t *ret_bytes)
{
	cleanup_free char *dir = ib_xstrdup(path);
	struct statvfs st;

	while (statvfs(dir, &st) < 0) {
		char *slash = strrchr(dir, '/');

		if (errno != ENOENT || !slash || slash == dir)
			return false;
		*slash = '\0';
	}
	*ret_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return true;
}

static void need_space(struct preflight *pf, const char *dir, uint64_t bytes, const char *what)
{
	uint64_t have;

	if (!dir || !free_space(dir, &have) || have >= bytes)
		return;
	add(pf,
	    arena_printf(pf->plan->arena, "%llu MiB of space in %s",
			 (unsigned long long)(bytes / MIB), dir),
	    arena_printf(pf->plan->arena, "%s needs that much; %llu MiB are free", what,
			 (unsigned long long)(have / MIB)),
	    NULL, "make room, or name another directory");
}

static void need_at(void *context, const char *tool, const char *why, struct ib_span at)
{
	struct preflight *pf = context;
	size_t before = pf->missing->len;

	need_tool(pf, tool, NULL, why);
	if (pf->missing->len > before)
		pf->missing->items[before].at = at;
}

static void missing_at(struct preflight *pf, size_t before, struct ib_span at)
{
	if (pf->missing->len > before)
		pf->missing->items[before].at = at;
}

static bool has_secret(const struct preflight *pf, const char *id)
{
	vec_foreach (struct ib_secret, s, &pf->plan->options->secrets)
		if (strcmp(s->id, id) == 0)
			return true;
	return false;
}

static void check_secret(struct preflight *pf, const struct ib_mount *m)
{
	const char *id = mount_value(m, "id"), *required = mount_value(m, "required");
	size_t before = pf->missing->len;

	if (m->type != IB_MOUNT_SECRET || has_secret(pf, id) ||
	    (required && strcmp(required, "false") == 0))
		return;
	add(pf, arena_printf(pf->plan->arena, "the secret '%s'", id), "a RUN mounts it", NULL,
	    arena_printf(pf->plan->arena, "give it with --secret id=%s,src=FILE", id));
	missing_at(pf, before, m->at);
}

static void check_input(struct preflight *pf, const struct ib_word *input)
{
	const char *path = plan_input(pf->plan, input->text);
	size_t before = pf->missing->len;

	if (access(path, R_OK) == 0)
		return;
	add(pf, path, arena_printf(pf->plan->arena, "--input names it: %s", strerror(errno)), NULL,
	    "name a file that can be read");
	missing_at(pf, before, input->at);
}

static void check_runs(struct preflight *pf, const struct plan_stage *stage)
{
	vec_foreach (struct step, s, &stage->steps) {
		if (s->code != STEP_run)
			continue;
		vec_foreach (struct ib_mount, m, &s->op->run.mounts)
			check_secret(pf, m);
		vec_foreach (struct ib_word, input, &s->op->run.inputs)
			check_input(pf, input);
	}
}

static void check_base(struct preflight *pf, const struct base *b)
{
	if (b && b->needs_qemu)
		need_at(pf, "qemu-img",
			arena_printf(pf->plan->arena, "FROM disk:%s is converted by it", b->path),
			b->at);
}

int ib_plan_preflight(const struct plan *p, struct missing_vec *ret_missing)
{
	struct preflight pf = { .plan = p, .missing = ret_missing };
	const char *path = getenv("PATH");
	bool needs_disk = false;

	(void)snprintf(pf.path, sizeof(pf.path), "%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
		       path ? path : "/usr/local/bin");
	need_tool(&pf, "bash", NULL, "environment.d and hooks are run by it");
	(void)sandbox_preflight(p->options->store, add, &pf);
	for (size_t i = 0; i < p->stages_len; i++) {
		check_base(&pf, p->stages[i].base);
		check_elements(&pf, &p->stages[i]);
		if (!p->stages[i].is_product)
			continue;
		check_outputs(&pf, &p->stages[i]);
		check_runs(&pf, &p->stages[i]);
		fetches_tools(p, &p->stages[i], need_at, &pf);
		vec_foreach (struct plan_disk, disk, &p->stages[i].disks)
			layout_tools(disk->layout, need_tool, &pf);
		needs_disk = needs_disk || stage_needs_disk(p, p->stages[i].ir);
	}
	need_space(&pf, p->options->store, STORE_SPACE, "the store");
	if (needs_disk)
		need_space(&pf, p->options->directory, OUTPUT_SPACE, "the output");
	return ret_missing->len ? -1 : 0;
}
