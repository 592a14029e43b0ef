/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a script reads and nothing sets. In upper case they may come from outside: such a one
 * is reported where it looks like one that is set. */
#include "lint/script_rules.h"

#include <imagebuild/intern.h>

#include <ctype.h>
#include <string.h>

#define UNKNOWN_MAX 100 /* names of a script that are reported */
#define CANDIDATES_MAX 2000

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

static void add_name(struct lint *l, struct map *names, const char *name, size_t n)
{
	const char *own = intern_bytes(l->names, name, n);

	*map_put(l->arena, names, own) = (void *)(uintptr_t)own; /* NOLINT: a mark */
}

void script_add_sets(struct lint *l, struct map *names, const struct shell *shell)
{
	vec_foreach (const struct shell_set, set, &shell->sets)
		add_name(l, names, set->name, strlen(set->name));
}

static void add_recipe(struct lint *l, const struct lint_recipe *r)
{
	for (const struct ib_ast_instruction *in = NULL; (in = lint_next(r, in));) {
		if (!lint_is(in, "ENV") && !lint_is(in, "ARG"))
			continue;
		for (const struct ib_ast_word *w = in->words; w; w = w->next)
			add_name(l, &l->known, w->raw, strcspn(w->raw, "="));
	}
}

/* What is set from elsewhere than the script: once for all scripts of a recipe or an element. */
static void learn(struct lint *l, const struct lint_script *s)
{
	const void *of = s->recipe ? (const void *)s->recipe : (const void *)s->element;

	if (of && l->known_of == of)
		return;
	l->known = (struct map){ NULL, 0, 0 };
	l->known_of = of;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		add_name(l, &l->known, given[i], strlen(given[i]));
	if (s->recipe)
		add_recipe(l, s->recipe);
	if (!s->element)
		return;
	vec_foreach (const struct lint_script, other, &s->element->scripts)
		if (other->is_environment)
			script_add_sets(l, &l->known,
					shell_parse(l->arena, other->text, other->len));
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

/* Adds the names of MAP that are about as long as N. */
static void add_candidates(struct lint *l, const struct map *map, size_t n, struct str_vec *words)
{
	for (size_t i = 0; i < map->cap && words->len < CANDIDATES_MAX; i++) {
		const char *key = map->slots[i].key;
		size_t len = key ? strlen(key) : 0;

		if (key && len <= n + 2 && n <= len + 2)
			vec_push(l->arena, words, key);
	}
}

/* The name of OWN or of all that is known that is nearest. */
static const char *nearest(struct lint *l, const struct map *own, const char *name)
{
	struct str_vec words = { NULL, 0, 0 };

	add_candidates(l, own, strlen(name), &words);
	add_candidates(l, &l->known, strlen(name), &words);
	return ib_suggest(name, words.items, words.len);
}

static void check_name(struct lint *l, const struct lint_script *s, const struct shell_use *use,
		       const struct map *own)
{
	const char *near = nearest(l, own, use->name);

	if (has_upper_case(use->name) &&
	    (!near || strlen(use->name) < 5 || !is_slip(use->name, near)))
		return;
	if (near)
		lint_add(l, IB_R_UNDEFINED_VAR, lint_script_span(s, use->start, use->end),
			 "nothing sets '%s'; did you mean '%s'?", use->name, near);
	else
		lint_add(l, IB_R_UNDEFINED_VAR, lint_script_span(s, use->start, use->end),
			 "nothing sets '%s'", use->name);
}

void lint_2001(struct lint *l, const struct lint_script *s)
{
	struct map own = { NULL, 0, 0 };
	unsigned unknown = 0;

	if (!s->shell || s->shell->uses.len == 0 || !script_is_step(s) || !is_closed(s))
		return;
	learn(l, s);
	script_add_sets(l, &own, s->shell);
	vec_foreach (const struct shell_use, use, &s->shell->uses) {
		const char *name = intern_str(l->names, use->name);

		if (!is_variable(use) || map_get(&own, name) || map_get(&l->known, name))
			continue;
		if (++unknown > UNKNOWN_MAX)
			return;
		check_name(l, s, use, &own);
		add_name(l, &own, name, strlen(name));
	}
}
