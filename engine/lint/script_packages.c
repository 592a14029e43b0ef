/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on package managers in scripts: answers, what is left behind, versions, the wrong one. */
#include "lint/script_rules.h"

#include <string.h>

#define APT "apt-get apt aptitude"

/* Whether apt is asked for something that it asks back about. */
static bool is_apt_change(const struct script_call *call)
{
	return script_runs(
		call, APT,
		"install remove purge upgrade dist-upgrade full-upgrade autoremove build-dep");
}

void lint_6001(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || !is_apt_change(&call) || c->before == SHELL_PIPE ||
		    script_has_dynamic(&call) || shell_has_option(c, call.at + 1, 'y', "--yes") ||
		    shell_has_option(c, call.at + 1, 's', "--assume-yes") ||
		    shell_has_option(c, call.at + 1, 'd', "--download-only") ||
		    shell_has_option(c, call.at + 1, '\0', "--simulate") ||
		    shell_has_word(c, call.at + 1, "-qq"))
			continue;
		lint_add(l, IB_R_APT_NO_Y, script_call_span(s, &call),
			 "'%s %s' asks before it does so, and no one answers", call.program,
			 call.sub);
		ib_diag_hint(l->diag, "add -y");
		ib_diag_edit(l->diag, script_behind(s, &c->words.items[call.sub_at]), " -y");
	}
}

void lint_6002(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || !script_runs(&call, "apt-get apt", "install") ||
		    s->side == IB_HOST || script_has_dynamic(&call) ||
		    shell_has_option(c, call.at + 1, '\0', "--no-install-recommends") ||
		    shell_has_option(c, call.at + 1, '\0', "--install-recommends") ||
		    script_find(s, c->start, c->end, "Install-Recommends") < c->end)
			continue;
		lint_add(l, IB_R_APT_NO_RECOMMENDS_FLAG, script_call_span(s, &call),
			 "packages that are only recommended come along");
		ib_diag_hint(l->diag, "add --no-install-recommends");
		ib_diag_edit(l->diag, script_behind(s, &c->words.items[call.sub_at]),
			     " --no-install-recommends");
	}
}

/* What a manager leaves, and the text by which one sees that it is removed. The elements of an
 * operating system remove what its own manager leaves: those rows are for bases that are images. */
static const struct {
	const char *names, *subs, *option, *left, *removed[3], *hint;
	bool is_system;
} caches[] = {
	{ "apt-get apt",
	  "install",
	  NULL,
	  "the lists of packages stay",
	  { "/var/lib/apt/lists", NULL, NULL },
	  "rm -rf /var/lib/apt/lists/*",
	  true },
	{ "dnf yum tdnf microdnf",
	  "install update upgrade",
	  NULL,
	  "the packages' cache stays",
	  { "dnf clean", "yum clean", "/var/cache/" },
	  "dnf clean all",
	  true },
	{ "zypper",
	  "install in",
	  NULL,
	  "the packages' cache stays",
	  { "zypper clean", "zypper --non-interactive clean", "/var/cache/zypp" },
	  "zypper clean --all",
	  true },
	{ "apk",
	  "add",
	  "--no-cache",
	  "the packages' cache stays",
	  { "/var/cache/apk", NULL, NULL },
	  "apk add --no-cache",
	  true },
	{ "pip pip3",
	  "install",
	  "--no-cache-dir",
	  "pip's cache stays",
	  { "pip cache purge", "PIP_NO_CACHE_DIR", ".cache" },
	  "pip install --no-cache-dir",
	  false },
	{ "npm",
	  "install ci i",
	  NULL,
	  "npm's cache stays",
	  { "npm cache clean", ".npm", NULL },
	  "npm cache clean --force",
	  false },
};

/* The caches that some script of the recipe removes, or that were reported for it, a bit for each
 * row. */
static unsigned removed_caches(struct lint *l, const struct lint_recipe *r)
{
	if (l->removed_of == r)
		return l->removed;
	l->removed_of = r;
	l->removed = 0;
	vec_foreach (const struct lint_script, s, &r->scripts)
		for (unsigned i = 0; i < ARRAY_SIZE(caches); i++)
			for (size_t k = 0;
			     k < ARRAY_SIZE(caches[i].removed) && caches[i].removed[k]; k++)
				if (memmem(s->text, s->len, caches[i].removed[k],
					   strlen(caches[i].removed[k])))
					l->removed |= 1U << i;
	return l->removed;
}

static bool has_cache_mount(const struct lint_script *s)
{
	for (const struct ib_ast_flag *f = ib_ast_flag(s->run, "mount"); f; f = f->next)
		if (strcmp(f->name, "mount") == 0 && f->value &&
		    strstr(f->value->raw, "type=cache"))
			return true;
	return false;
}

void lint_6003(struct lint *l, const struct lint_script *s)
{
	bool is_image = s->base && strpbrk(s->base, ":/");

	if (!s->run || !s->recipe || !script_is_in_chroot(s) || has_cache_mount(s))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(caches); i++) {
		if (removed_caches(l, s->recipe) & 1U << i || (caches[i].is_system && !is_image))
			continue;
		script_foreach (c, s) {
			struct script_call call;

			if (!script_call(c, &call) ||
			    !script_runs(&call, caches[i].names, caches[i].subs) ||
			    (caches[i].option &&
			     shell_has_option(c, call.at + 1, '\0', caches[i].option)))
				continue;
			lint_add(l, IB_R_CACHE_NOT_CLEANED, script_call_span(s, &call),
				 "%s in the image", caches[i].left);
			ib_diag_hint(l->diag, "use PACKAGE, RUN --mount=type=cache, or '%s'",
				     caches[i].hint);
			l->removed |= 1U << i;
			break;
		}
	}
}

void lint_6004(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || strcmp(call.program, "apt") != 0 ||
		    !script_among(call.sub,
				  "install update upgrade remove purge autoremove full-upgrade"))
			continue;
		lint_add(l, IB_R_APT_IN_SCRIPT, script_word(s, &c->words.items[call.at]),
			 "what 'apt' prints and asks may change");
		ib_diag_hint(l->diag, "use apt-get");
		if (strcmp(call.sub, "full-upgrade") != 0 &&
		    strcmp(c->words.items[call.at].text, "apt") == 0)
			ib_diag_edit(l->diag, script_word(s, &c->words.items[call.at]), "apt-get");
	}
}

/* A package that comes from a registry, without a version. */
static bool is_unpinned(const char *program, const char *word)
{
	if (!word || !word[0] || strpbrk(word, "/$:") || word[0] == '-' || word[0] == '.')
		return false;
	if (script_among(program, "pip pip3"))
		return !strpbrk(word, "=<>~@") && !strstr(word, ".whl");
	if (strcmp(program, "gem") == 0)
		return !strchr(word, ':') && !strstr(word, ".gem");
	return !strchr(word + 1, '@') && !strstr(word, ".tgz");
}

static bool installs_by_name(const struct script_call *call)
{
	const struct shell_command *c = call->command;

	if (script_runs(call, "pip pip3", "install"))
		return !shell_has_option(c, call->sub_at, 'r', "--requirement") &&
		       !shell_has_option(c, call->sub_at, 'c', "--constraint") &&
		       !shell_has_option(c, call->sub_at, 'e', "--editable") &&
		       !shell_has_option(c, call->sub_at, '\0', "--no-index");
	if (script_runs(call, "npm", "install i add"))
		return shell_has_option(c, call->at + 1, 'g', "--global");
	return script_runs(call, "gem", "install") &&
	       !shell_has_option(c, call->sub_at, 'v', "--version");
}

/* Options of these that take a word of their own. */
static bool takes_word(const char *option)
{
	return script_among(option, "-i --index-url --extra-index-url -t --target --prefix --root "
				    "-d -f --find-links --trusted-host "
				    "--proxy --cache-dir --src --registry --python -n --bindir");
}

/* The first package without a version, or NULL. */
static const struct shell_word *unpinned_word(const struct script_call *call)
{
	const struct shell_words *words = &call->command->words;
	const char *last = words->items[words->len - 1].text;

	if (script_runs(call, "go", "install"))
		return last && strstr(last, "@latest") ? &words->items[words->len - 1] : NULL;
	if (!installs_by_name(call))
		return NULL;
	for (size_t i = call->sub_at + 1; i < words->len; i++) {
		const char *word = words->items[i].text;

		if (word && takes_word(word))
			i++;
		else if (is_unpinned(call->program, word))
			return &words->items[i];
	}
	return NULL;
}

void lint_6006(struct lint *l, const struct lint_script *s)
{
	if (!script_is_step(s))
		return;
	script_foreach (c, s) {
		struct script_call call;
		const struct shell_word *w = script_call(c, &call) ? unpinned_word(&call) : NULL;

		if (w)
			lint_add(l, IB_R_UNPINNED_PACKAGE, script_word(s, w),
				 "'%s' has no version: the image depends on the day it is built",
				 w->text);
	}
}

void lint_6007(struct lint *l, const struct lint_script *s)
{
	const struct shell_command *update = NULL;
	struct script_call found = { 0 };

	if (!s->run)
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call)) {
			if (c->kind == SHELL_SIMPLE && c->words.len)
				return;
			continue;
		}
		if (script_runs(&call, "apt-get apt", "update") && !update) {
			update = c;
			found = call;
		} else if (script_runs(&call, APT " dpkg apt-cache tasksel", NULL) ||
			   strchr(call.program, '/') || c->words.items[call.at].text[0] == '/' ||
			   c->words.items[call.at].text[0] == '.') {
			return;
		}
	}
	if (!update)
		return;
	lint_add(l, IB_R_UPDATE_ALONE, script_call_span(s, &found),
		 "a later install may find these lists out of date in the cache");
	ib_diag_hint(l->diag, "update and install in one RUN, or use PACKAGE");
}

void lint_6008(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) ||
		    (!script_runs(&call, APT, "dist-upgrade full-upgrade") &&
		     !script_runs(&call, "zypper", "dist-upgrade dup") &&
		     !script_runs(&call, "do-release-upgrade", NULL)))
			continue;
		lint_add(l, IB_R_DIST_UPGRADE, script_call_span(s, &call),
			 "packages are removed and replaced as the day has it");
	}
}

void lint_6009(struct lint *l, const struct lint_script *s)
{
	static const char *const families[] = { "apt-get apt aptitude dpkg",
						"dnf yum microdnf rpm",
						"zypper",
						"apk",
						"emerge",
						"pacman" };
	const char *manager = s->run && script_is_in_chroot(s) ? script_manager(s) : NULL;

	if (!manager)
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || c->place.in_branch || c->place.in_condition ||
		    c->place.function || c->before >= SHELL_AND || c->after == SHELL_OR ||
		    script_among("rpm dpkg", call.program))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
			if (!script_among(call.program, families[i]) ||
			    script_among(manager, families[i]) ||
			    (strcmp(manager, "zypper") == 0 && i == 1) ||
			    !script_among(call.sub, "install update upgrade remove add in -S"))
				continue;
			lint_add(l, IB_R_WRONG_MANAGER, script_call_span(s, &call),
				 "the base has %s, not %s", manager, call.program);
			ib_diag_hint(l->diag, "PACKAGE installs on any base");
		}
	}
}

void lint_6011(struct lint *l, const struct lint_script *s)
{
	const struct shell_command *first = NULL;

	if (!script_is_step(s))
		return;
	script_foreach (c, s) {
		struct script_call call, other;

		if (!script_call(c, &call) || !script_runs(&call, "wget curl", NULL) ||
		    c->place.in_branch || c->before >= SHELL_AND)
			continue;
		if (!first) {
			first = c;
		} else if (script_call(first, &other) && strcmp(other.program, call.program) != 0) {
			lint_add(l, IB_R_WGET_AND_CURL, script_word(s, &c->words.items[call.at]),
				 "both wget and curl are used");
			ib_diag_note(l->diag, script_word(s, &first->words.items[other.at]),
				     "%s is used here", other.program);
			return;
		}
	}
}

void lint_6012(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || strcmp(call.program, "useradd") != 0 ||
		    shell_has_option(c, call.at + 1, 'l', "--no-log-init"))
			continue;
		for (size_t i = call.at + 1; i + 1 < c->words.len; i++) {
			const char *value = c->words.items[i + 1].text;

			if (!c->words.items[i].text ||
			    !script_among(c->words.items[i].text, "-u --uid") || !value ||
			    strspn(value, "0123456789") != strlen(value) || strlen(value) < 6)
				continue;
			lint_add(l, IB_R_USERADD_LASTLOG, script_word(s, &c->words.items[i + 1]),
				 "a high number makes /var/log/lastlog and faillog very large");
			ib_diag_hint(l->diag, "add -l");
			ib_diag_edit(l->diag, script_behind(s, &c->words.items[call.at]), " -l");
		}
	}
}
