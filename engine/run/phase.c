/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a phase before environment.d (element-contract.md, sections 4.2, 4.3 and 5),
 * and which of its variables count in keys. */
#include "run/schedule.h"

#include <imagebuild/buf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_PATH SB_BIN ":" RUN_TARGET_PATH

enum ib_side phase_side(enum ib_phase phase)
{
	return ib_phases[phase].side;
}

struct variable {
	const char *name, *value;
};

/* The same in every build and phase, unless the recipe says otherwise. */
static const struct variable constants[] = {
	{ "TMP_BUILD_DIR", SB_BUILD },
	{ "TMP_MOUNT_PATH", SB_MNT },
	{ "TMP_HOOKS_PATH", SB_HOOKS },
	{ "TMP_IMAGE_DIR", RUN_IMAGE_DIR },
	{ "_LIB", SB_LIB },
	{ "DIB_IMAGE_CACHE", SB_CACHE },
	{ "DIB_LOCKFILES", RUN_LOCKS },
	{ "DIB_PYTHON_EXEC", "/usr/bin/python3" },
	{ "IMAGE_TYPE", "qcow2" },
	{ "FS_TYPE", "ext4" },
	{ "DIB_OFFLINE", "" },
	{ "DIB_DEBUG_TRACE", "0" },
	{ "DIB_CHECKSUM", "0" },
	{ "DIB_NO_TMPFS", "0" },
	{ "DIB_MIN_TMPFS", "2" },
	{ "OUT_IMAGE_PATH", "" },
	{ "LC_ALL", "C" },
	{ "USER", "root" },
	{ "LOGNAME", "root" },
	{ "PS4", "+ " },
};

/* What sudo sets on dib's way into the chroot, for root without a terminal. */
static const struct variable sudo_constants[] = {
	{ "SHELL", "/bin/bash" }, { "TERM", "unknown" }, { "SUDO_USER", "root" },
	{ "SUDO_UID", "0" },      { "SUDO_GID", "0" },
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What PyYAML's safe_dump makes of {name: directory}: sorted, a line each. */
static void set_yaml(struct stage_run *sr, struct env *e)
{
	struct str_vec lines = { 0 };
	cleanup_buf struct buf yaml = BUF_INIT;

	vec_foreach (const struct element *, it, &sr->stage->set.members)
		vec_push(sr->arena, &lines,
			 arena_printf(sr->arena, "%s: %s\n", (*it)->name,
				      (*it)->dir ? (*it)->dir : "''"));
	if (lines.len)
		qsort(lines.items, lines.len, sizeof(*lines.items), compare_entries);
	vec_foreach (const char *, line, &lines)
		buf_str(&yaml, *line);
	env_set(sr->arena, e, "IMAGE_ELEMENT_YAML", yaml.len ? yaml.data : "{}\n");
}

static void set_elements(struct stage_run *sr, struct env *e)
{
	cleanup_buf struct buf names = BUF_INIT, function = BUF_INIT;
	struct arena *a = sr->arena;

	buf_str(&function, "() {  echo \"");
	vec_foreach (const struct element *, it, &sr->stage->set.members) {
		buf_printf(&names, "%s%s", names.len ? " " : "", (*it)->name);
		buf_printf(&function, "[%s]=%s ", (*it)->name, (*it)->dir ? (*it)->dir : "");
	}
	buf_str(&function, "\"\n}");
	set_yaml(sr, e);
	env_set(a, e, "IMAGE_ELEMENT", names.len ? names.data : "");
	env_set(a, e, "ELEMENTS_PATH", ib_elements_path(sr->run->plan->elements));
	env_set(a, e, "BASH_FUNC_get_image_element_array%%", function.data);
	env_set(a, e, "BASH_FUNC_die%%", "() {  printf '%s\\n' \"ERROR: $*\" >&2\n exit 1\n}");
	env_set(a, e, "DIB_ARGS", names.len ? names.data : "");
}

/* DIB_ENV: what `declare -p` prints of the DIB_ variables that the build was given. */
static void set_dib_env(struct stage_run *sr, struct env *e)
{
	cleanup_buf struct buf out = BUF_INIT;

	vec_foreach (struct ib_pair, p, &sr->stage->env) {
		if (strncmp(p->key, "DIB_", 4) != 0)
			continue;
		buf_printf(&out, "%sdeclare -x %s=\"", out.len ? "\n" : "", p->key);
		for (const char *c = p->value; *c; c++)
			buf_printf(&out, strchr("\"\\$`", *c) ? "\\%c" : "%c", *c);
		buf_char(&out, '"');
	}
	env_set(sr->arena, e, "DIB_ENV", out.len ? out.data : "");
}

/* What `sudo -E` drops on the way into the chroot. */
static void drop_for_chroot(struct env *e)
{
	static const char *const names[] = { "PS4",        "PYTHONPATH", "PERL5LIB",   "TERMINFO",
					     "IFS",        "BASH_ENV",   "SHELLOPTS",  "CDPATH",
					     "BASHOPTS",   "ENV",        "GLOBIGNORE", "TMPDIR",
					     "VIRTUAL_ENV" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		env_unset(e, names[i]);
	for (size_t i = 0; i < e->entries.len;) {
		const char *entry = e->entries.items[i];

		if (strncmp(entry, "BASH_FUNC_", 10) == 0 || strncmp(entry, "LD_", 3) == 0)
			e->entries.items[i] = e->entries.items[--e->entries.len];
		else
			i++;
	}
}

void phase_env(struct stage_run *sr, enum ib_phase phase, struct env *ret_env)
{
	const struct run *run = sr->run;
	struct env e = { 0 };
	bool is_host = phase_side(phase) == IB_HOST;

	for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
		env_set(sr->arena, &e, constants[i].name, constants[i].value);
	for (size_t i = 0; !is_host && i < ARRAY_SIZE(sudo_constants); i++)
		env_set(sr->arena, &e, sudo_constants[i].name, sudo_constants[i].value);
	set_elements(sr, &e);
	set_dib_env(sr, &e);
	env_set(sr->arena, &e, "ARCH", run->plan->arch);
	if (sr->distro && *sr->distro)
		env_set(sr->arena, &e, "DISTRO_NAME", sr->distro);
	if (sr->release && *sr->release)
		env_set(sr->arena, &e, "DIB_RELEASE", sr->release);
	env_set(sr->arena, &e, "IMAGE_NAME", run->image_name);
	/* A stage without a disk has dib's answers for its plain one. */
	env_set(sr->arena, &e, "DIB_ROOT_LABEL",
		run->root_label ? run->root_label : "cloudimg-rootfs");
	env_set(sr->arena, &e, "DIB_ROOT_FSTYPE", run->root_fstype ? run->root_fstype : "ext4");
	env_set(sr->arena, &e, "DIB_BOOT_LABEL", run->boot_label ? run->boot_label : "");
	env_set(sr->arena, &e, "DIB_MOUNTPOINTS", run->mount_points ? run->mount_points : "/");
	if (phase == IB_PHASE_ROOT || phase == IB_PHASE_CLEANUP)
		env_set(sr->arena, &e, "TARGET_ROOT", SB_MNT);
	if (sr->epoch >= 0)
		env_set(sr->arena, &e, "SOURCE_DATE_EPOCH",
			arena_printf(sr->arena, "%lld", (long long)sr->epoch));
	env_set(sr->arena, &e, "PATH", is_host ? HOST_PATH : RUN_TARGET_PATH);
	vec_foreach (struct ib_pair, p, &sr->stage->env)
		env_set(sr->arena, &e, p->key, p->value);
	env_set(sr->arena, &e, "HOME", is_host ? SB_HOME : "/root");
	if (!is_host)
		drop_for_chroot(&e);
	*ret_env = e;
}

/* Which recipe this is and where its elements lie: what does not ask for it can be shared with
 * other recipes. */
static const struct {
	const char *entry, *name;
} named_only[] = {
	{ "IMAGE_NAME=", "IMAGE_NAME" },
	{ "DIB_MANIFEST_SAVE_DIR=", "DIB_MANIFEST_SAVE_DIR" },
	{ "IMAGE_ELEMENT=", "IMAGE_ELEMENT" },
	{ "IMAGE_ELEMENT_YAML=", "IMAGE_ELEMENT_YAML" },
	{ "ELEMENTS_PATH=", "ELEMENTS_PATH" },
	{ "BASH_FUNC_get_image_element_array", "get_image_element_array" },
};

/* Constant, or a matter of place, not of content: paths of this machine, names of the output. */
static bool is_keyed(const struct stage_run *sr, const struct step *s, const char *entry)
{
	static const char *const names[] = {
		"DIB_ARGS=",  "DIB_ENV=",  "TMP_",       "http_proxy=", "https_proxy=",
		"ftp_proxy=", "no_proxy=", "all_proxy=", "HTTP_PROXY=", "HTTPS_PROXY=",
		"FTP_PROXY=", "NO_PROXY=", "ALL_PROXY="
	};

	/* Its result is stored with every one of them in it. */
	if (s->code == STEP_environ)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(named_only); i++) {
		if (strncmp(entry, named_only[i].entry, strlen(named_only[i].entry)) == 0)
			return step_names_variable(sr, s, named_only[i].name);
	}
	/* A derived one moves with every commit of the recipe; the clamp of the outputs uses it
	 * anyhow. */
	if (strncmp(entry, "SOURCE_DATE_EPOCH=", 18) == 0)
		return sr->run->plan->options->source_date_epoch >= 0;
	return true;
}

void env_hash(struct stage_run *sr, const struct step *s, struct env *e, struct hasher *h)
{
	const char *const *entries = env_array(sr->arena, e);

	for (size_t i = 0; entries[i]; i++) {
		if (is_keyed(sr, s, entries[i]))
			hasher_add(h, entries[i], strlen(entries[i]) + 1);
	}
}
