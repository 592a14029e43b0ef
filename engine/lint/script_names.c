/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a script reads and nothing sets. In upper case they may come from outside: such a one
 * is reported where it looks like one that is set. */
#include "lint/script_rules.h"

#include <imagebuild/intern.h>

#include <ctype.h>
#include <string.h>

/* Set by the shell, the system or dib before a step begins. */
static const char *const given[] = {
	/* shells, login, locale */
	"BASHPID",
	"BASH",
	"BASH_ENV",
	"BASH_SOURCE",
	"BASH_VERSION",
	"BASH_REMATCH",
	"BASH_LINENO",
	"BASH_COMMAND",
	"BASH_VERSINFO",
	"BASH_SUBSHELL",
	"COLUMNS",
	"DIRSTACK",
	"EPOCHSECONDS",
	"EPOCHREALTIME",
	"EUID",
	"FUNCNAME",
	"GROUPS",
	"HOME",
	"HOSTNAME",
	"HOSTTYPE",
	"IFS",
	"LANG",
	"LC_ALL",
	"LINENO",
	"LINES",
	"LOGNAME",
	"MACHTYPE",
	"MAIL",
	"OLDPWD",
	"OPTARG",
	"OPTERR",
	"OPTIND",
	"OSTYPE",
	"PATH",
	"PIPESTATUS",
	"PPID",
	"PS1",
	"PS2",
	"PS4",
	"PWD",
	"RANDOM",
	"REPLY",
	"SECONDS",
	"SHELL",
	"SHELLOPTS",
	"SHLVL",
	"SUDO_USER",
	"TERM",
	"TMP",
	"TMPDIR",
	"UID",
	"USER",
	"_",
	"COPROC",
	"MAPFILE",
	"COMP_WORDS",
	"DEBIAN_FRONTEND",
	"SOURCE_DATE_EPOCH",
	"http_proxy",
	"https_proxy",
	"ftp_proxy",
	"no_proxy",
	"all_proxy",
	"debian_chroot",
	/* of dib's core */
	"ARCH",
	"CLEAR_ENV",
	"COMPRESS_IMAGE",
	"DIB_ARGS",
	"DIB_BLOCK_DEVICE",
	"DIB_BLOCK_DEVICE_PARAMS_YAML",
	"DIB_BOOT_LABEL",
	"DIB_CHECKSUM",
	"DIB_DEBUG_TRACE",
	"DIB_DEFAULT_INSTALLTYPE",
	"DIB_DISTRIBUTION_MIRROR",
	"DIB_ENV",
	"DIB_IMAGE_CACHE",
	"DIB_IMAGE_EXTRA_SIZE",
	"DIB_IMAGE_SIZE",
	"DIB_INIT_SYSTEM",
	"DIB_JOURNAL_SIZE",
	"DIB_LOCKFILES",
	"DIB_MANIFEST_IMAGE_DIR",
	"DIB_MIN_TMPFS",
	"DIB_MOUNTPOINTS",
	"DIB_NO_TMPFS",
	"DIB_OFFLINE",
	"DIB_PYTHON",
	"DIB_PYTHON_EXEC",
	"DIB_PYTHON_VERSION",
	"DIB_RELEASE",
	"DIB_ROOT_FSTYPE",
	"DIB_ROOT_LABEL",
	"DISTRO_NAME",
	"DOCKER_TARGET",
	"ELEMENTS_PATH",
	"FS_TYPE",
	"IMAGE_BLOCK_DEVICE",
	"IMAGE_BLOCK_DEVICES",
	"IMAGE_ELEMENT",
	"IMAGE_ELEMENT_YAML",
	"IMAGE_NAME",
	"IMAGE_TYPE",
	"LOGFILE",
	"MAX_ONLINE_RESIZE",
	"OUT_IMAGE_PATH",
	"RAMDISK_ELEMENT",
	"SKIP_BASE",
	"TARGET_ROOT",
	"TMP_BUILD_DIR",
	"TMP_HOOKS_PATH",
	"TMP_IMAGE_DIR",
	"TMP_MOUNT_PATH",
	"YUM",
	"_LIB",
	"_ps4",
};

/* All that is known to be set, from where else than the script's own names. */
static void add_recipe(struct arena *a, const struct lint_script *s, struct str_vec *names)
{
	for (const struct ib_ast_instruction *in = NULL;
	     s->recipe && (in = lint_next(s->recipe, in));) {
		if (!lint_is(in, "ENV") && !lint_is(in, "ARG"))
			continue;
		for (const struct ib_ast_word *w = in->words; w; w = w->next)
			vec_push(a, names, arena_strndup(a, w->raw, strcspn(w->raw, "=")));
	}
}

static void add_sets(struct arena *a, const struct shell *shell, struct str_vec *names)
{
	vec_foreach (const struct shell_set, set, &shell->sets)
		vec_push(a, names, set->name);
}

/* What the environment.d of the element sets. */
static void add_element(struct arena *a, const struct lint_script *s, struct str_vec *names)
{
	if (!s->element)
		return;
	vec_foreach (const struct lint_script, other, &s->element->scripts)
		if (other->is_environment)
			add_sets(a, shell_parse(a, other->text, other->len), names);
}

static bool is_known(const struct str_vec *names, const char *name)
{
	vec_foreach (const char *, it, names)
		if (strcmp(*it, name) == 0)
			return true;
	return false;
}

/* Whether all that the script sets can be seen: nothing is read in, no name is made up as it runs.
 */
static bool is_closed(const struct lint_script *s)
{
	if (s->shell->has_source || s->shell->is_incomplete)
		return false;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) ||
		    !script_runs(
			    &call,
			    "export declare local typeset readonly read mapfile printf getopts",
			    NULL))
			continue;
		vec_foreach (const struct shell_word, w, &c->words)
			if (!w->text && !w->is_assignment &&
			    (strcmp(call.program, "printf") != 0 || shell_has_word(c, 1, "-v")))
				return false;
	}
	return true;
}

static bool is_variable(const struct shell_use *use)
{
	return !use->has_default && (isalpha((unsigned char)use->name[0]) || use->name[0] == '_');
}

static bool has_upper_case(const char *name)
{
	while (*name && !islower((unsigned char)*name))
		name++;
	return !*name;
}

/* Whether A is B with one letter more, less, changed, or with two of them swapped. A number at the
 * end tells names apart. */
static bool is_slip(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i = 0;

	if (isdigit((unsigned char)a[n - 1]) || isdigit((unsigned char)b[m - 1]))
		return false;
	while (a[i] && a[i] == b[i])
		i++;
	if (n == m)
		return strcmp(a + i + 1, b + i + 1) == 0 ||
		       (a[i] == b[i + 1] && a[i + 1] == b[i] && strcmp(a + i + 2, b + i + 2) == 0);
	return n == m + 1 ? strcmp(a + i + 1, b + i) == 0
			  : m == n + 1 && strcmp(a + i, b + i + 1) == 0;
}

static void check_name(struct lint *l, const struct lint_script *s, const struct shell_use *use,
		       const struct str_vec *names)
{
	const char *near = ib_suggest(use->name, names->items, names->len);
	cleanup_buf struct buf text = BUF_INIT;

	if (has_upper_case(use->name) &&
	    (!near || strlen(use->name) < 5 || !is_slip(use->name, near)))
		return;
	buf_printf(&text, "nothing sets '%s'", use->name);
	if (near)
		buf_printf(&text, "; did you mean '%s'?", near);
	lint_add(l, IB_R_UNDEFINED_VAR, lint_script_span(s, use->start, use->end), "%s", text.data);
}

void lint_2001(struct lint *l, const struct lint_script *s)
{
	struct arena *a = l->arena;
	struct str_vec names = { NULL, 0, 0 };

	if (!s->shell || s->shell->uses.len == 0 || !script_is_step(s) || !is_closed(s))
		return;
	add_sets(a, s->shell, &names);
	add_recipe(a, s, &names);
	add_element(a, s, &names);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		vec_push(a, &names, given[i]);
	vec_foreach (const struct shell_use, use, &s->shell->uses) {
		if (!is_variable(use) || is_known(&names, use->name))
			continue;
		check_name(l, s, use, &names);
		vec_push(a, &names, use->name);
	}
}
