/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on what is fetched and how far it is believed. */
#include "lint/script_rules.h"

#include <string.h>

#define FETCHERS "curl wget"
#define PIPE_MAX 100 /* programs behind a fetch */
#define SHELLS "sh bash dash zsh ksh ash"

/* The first word behind the program that has PART in it; NULL if none has. */
static const struct shell_word *word_with(const struct lint_script *s,
					  const struct script_call *call, const char *part)
{
	const struct shell_words *words = &call->command->words;

	for (size_t i = call->at + 1; i < words->len; i++)
		if (script_find(s, words->items[i].start, words->items[i].end, part) <
		    words->items[i].end)
			return &words->items[i];
	return NULL;
}

/* Whether the host behind "http://" at AT is of this machine, or comes from a variable. */
static bool is_near(const struct lint_script *s, uint32_t at)
{
	static const char *const hosts[] = { "localhost", "127.",     "169.254.",
					     "[",         "0.0.0.0",  "$",
					     "10.",       "192.168.", "host.docker" };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (at + strlen(hosts[i]) <= s->len &&
		    memcmp(s->text + at, hosts[i], strlen(hosts[i])) == 0)
			return true;
	return false;
}

void lint_7005(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;
		const struct shell_word *w;
		uint32_t at, end;

		if (!script_call(c, &call) || (!script_runs(&call, FETCHERS " rpm", NULL) &&
					       !script_runs(&call, "git", "clone") &&
					       !script_runs(&call, "pip pip3 dnf yum", "install") &&
					       !script_runs(&call, "zypper", "addrepo ar")))
			continue;
		w = word_with(s, &call, "http://");
		at = w ? script_find(s, w->start, w->end, "http://") : 0;
		if (!w || is_near(s, at + 7))
			continue;
		for (end = at; end < w->end && !strchr("\"' ", s->text[end]);)
			end++;
		lint_add(l, IB_R_HTTP_URL, lint_script_span(s, at, end),
			 "what comes over http can be changed on its way");
		ib_diag_hint(l->diag, "use https");
	}
}

/* Whether C runs what comes on its input. */
static bool runs_input(const struct shell_command *c)
{
	struct script_call call;

	if (!script_call(c, &call) ||
	    (!script_runs(&call, SHELLS " python python3 perl ruby node", NULL)))
		return false;
	for (size_t i = call.at + 1; i < c->words.len; i++) {
		const char *text = c->words.items[i].text;

		if (text && script_among(text, "- -s /dev/stdin"))
			return true;
		if (!text || text[0] != '-' ||
		    script_among(text, "-c -m -e -n -ne -pe -V --version"))
			return false;
	}
	return true;
}

static bool is_fetch(const struct shell_command *c)
{
	struct script_call call;

	return script_call(c, &call) && script_runs(&call, FETCHERS, NULL);
}

static void report_piped(struct lint *l, const struct lint_script *s, uint32_t start, uint32_t end)
{
	lint_add(l, IB_R_CURL_PIPE_SHELL, lint_script_span(s, start, end),
		 "what is fetched runs unseen");
	ib_diag_hint(l->diag, "fetch it with SOURCE or ADD --checksum, then run the file");
}

void lint_7006(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		const struct shell_command *next = c, *outer;
		struct script_call call;

		if (!is_fetch(c))
			continue;
		for (int i = 0; (next = script_piped_to(s, next)) && !runs_input(next); i++)
			if (i == PIPE_MAX)
				return;
		if (next) {
			report_piped(l, s, c->start, next->end);
			continue;
		}
		if (c->place.parent == SHELL_NO_COMMAND)
			continue;
		outer = &s->shell->commands.items[c->place.parent];
		if (!script_call(outer, &call))
			continue;
		if (script_runs(&call, "eval source .", NULL) ||
		    (script_runs(&call, SHELLS, NULL) &&
		     (shell_has_option(outer, call.at + 1, 'c', NULL) ||
		      s->text[c->start - 1] == '(')))
			report_piped(l, s, outer->start, outer->end);
	}
}

/* Options and words that make a program believe what it cannot check. */
static const struct {
	const char *names, *word; /* NULL names: of any program, or in a file that is written */
	char letter;
} believers[] = {
	{ "curl", "--insecure", 'k' },          { "wget", "--no-check-certificate", '\0' },
	{ "pip pip3", "--trusted-host", '\0' }, { "apt-get apt", "--allow-unauthenticated", '\0' },
	{ "apt-get apt", "--force-yes", '\0' }, { "dnf yum tdnf microdnf", "--nogpgcheck", '\0' },
	{ "zypper", "--no-gpg-checks", '\0' },  { "apk", "--allow-untrusted", '\0' },
	{ "rpm", "--nosignature", '\0' },
};

static const char *const beliefs[] = { "[trusted=yes",         "trusted=yes]",
				       "http.sslVerify=false", "sslVerify false",
				       "gpgcheck=0",           "strict-ssl false",
				       "strict-ssl=false",     "SigLevel = Never" };

static const struct {
	const char *name, *value;
} unchecked[] = {
	{ "GIT_SSL_NO_VERIFY", NULL },
	{ "NODE_TLS_REJECT_UNAUTHORIZED", "0" },
	{ "PYTHONHTTPSVERIFY", "0" },
	{ "PIP_TRUSTED_HOST", NULL },
};

#define UNCHECKED "what comes is not checked for whom it is from"

/* The word that has the option; a cluster of letters counts. */
static const struct shell_word *option_word(const struct script_call *call, char letter,
					    const char *name)
{
	const struct shell_words *words = &call->command->words;

	for (size_t i = call->at + 1; i < words->len; i++) {
		const char *text = words->items[i].text;
		size_t n = strlen(name);

		if (!text || text[0] != '-')
			continue;
		if (strncmp(text, name, n) == 0 && (!text[n] || text[n] == '='))
			return &words->items[i];
		if (letter && text[1] != '-' &&
		    strspn(text + 1, "sSfLkOgviIN#0123456789") == strlen(text + 1) &&
		    strchr(text, letter))
			return &words->items[i];
	}
	return NULL;
}

static bool is_in_comment(const struct lint_script *s, uint32_t at)
{
	while (at > 0 && s->text[at - 1] != '\n' && s->text[at - 1] != '#')
		at--;
	return at > 0 && s->text[at - 1] == '#';
}

/* The first place of BELIEF in TEXT that is no comment, and no part of a longer name
 * (repo_gpgcheck); its end if none. */
static uint32_t find_belief(const struct lint_script *s, struct shell_span text, const char *belief)
{
	uint32_t at = script_find(s, text.start, text.end, belief);

	while (at < text.end) {
		if (is_in_comment(s, at))
			at = script_find(s, at, text.end, "\n");
		else if (at > 0 && s->text[at - 1] == '_')
			at++;
		else
			return at;
		at = script_find(s, at, text.end, belief);
	}
	return at;
}

static void check_beliefs(struct lint *l, const struct lint_script *s,
			  const struct shell_command *c)
{
	struct shell_span text;

	for (size_t at = 0; script_next_text(c, &at, &text);) {
		for (size_t i = 0; i < ARRAY_SIZE(beliefs); i++) {
			uint32_t found = find_belief(s, text, beliefs[i]);

			if (found == text.end)
				continue;
			lint_add(l, IB_R_TLS_VERIFICATION_OFF,
				 lint_script_span(s, found, found + strlen(beliefs[i])), UNCHECKED);
			break;
		}
	}
}

void lint_7007(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		for (size_t i = 0; script_call(c, &call) && i < ARRAY_SIZE(believers); i++) {
			const struct shell_word *w =
				script_runs(&call, believers[i].names, NULL)
					? option_word(&call, believers[i].letter, believers[i].word)
					: NULL;

			if (w)
				lint_add(l, IB_R_TLS_VERIFICATION_OFF, script_word(s, w),
					 UNCHECKED);
		}
		vec_foreach (const struct shell_assign, assign, &c->assigns)
			for (size_t i = 0; i < ARRAY_SIZE(unchecked); i++)
				if (strcmp(assign->name, unchecked[i].name) == 0 &&
				    assign->value.text && assign->value.text[0] &&
				    (!unchecked[i].value ||
				     strcmp(assign->value.text, unchecked[i].value) == 0))
					lint_add(l, IB_R_TLS_VERIFICATION_OFF,
						 lint_script_span(s, assign->start,
								  assign->value.end),
						 UNCHECKED);
		check_beliefs(l, s, c);
	}
}

/* Whether the script checks anything that it fetched. */
static bool checks_digests(const struct lint_script *s)
{
	static const char *const marks[] = { "sha256sum",   "sha512sum", "sha1sum",   "md5sum",
					     "shasum",      "--verify",  "gpgv",      "cosign",
					     "minisign",    "rpmkeys",   "sha384sum", "b2sum",
					     "openssl dgst" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (script_find(s, 0, (uint32_t)s->len, marks[i]) < s->len)
			return true;
	return false;
}

/* Whether the output of a fetch is kept: in a file, or taken apart. */
static bool keeps(const struct lint_script *s, const struct script_call *call)
{
	const struct shell_command *c = call->command, *next = script_piped_to(s, c);
	struct script_call to;

	vec_foreach (const struct shell_redir, r, &c->redirs)
		if (r->op == SHELL_WRITE && r->fd == 1)
			return !r->target.text || strcmp(r->target.text, "/dev/null") != 0;
	if (next)
		return script_call(next, &to) &&
		       script_runs(&to, "tar unzip cpio bsdtar dpkg", NULL);
	if (strcmp(call->program, "wget") == 0)
		return !shell_has_word(c, call->at, "-O-") &&
		       !shell_has_word(c, call->at, "-qO-") && !shell_has_word(c, call->at, "-") &&
		       !shell_has_option(c, call->at + 1, '\0', "--spider") &&
		       !c->place.in_substitution;
	return (shell_has_option(c, call->at + 1, 'o', "--output") ||
		shell_has_option(c, call->at + 1, 'O', "--remote-name")) &&
	       !shell_has_word(c, call->at, "/dev/null") && !shell_has_word(c, call->at, "-I");
}

void lint_7004(struct lint *l, const struct lint_script *s)
{
	if (!script_is_step(s) || checks_digests(s))
		return;
	script_foreach (c, s) {
		struct script_call call;
		const struct shell_word *w;

		if (!script_call(c, &call) || !script_runs(&call, FETCHERS, NULL) ||
		    !keeps(s, &call))
			continue;
		w = word_with(s, &call, "https://");
		w = w ? w : word_with(s, &call, "http://");
		if (!w || is_near(s, script_find(s, w->start, w->end, "://") + 3))
			continue;
		lint_add(l, IB_R_DOWNLOAD_NO_CHECKSUM, script_word(s, w),
			 "nothing says that this is what was meant");
		ib_diag_hint(
			l->diag,
			"use ADD --checksum=sha256:.. or SOURCE, or check it with sha256sum -c");
	}
}

void lint_7019(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || !script_runs(&call, "apt-key", "add adv") ||
		    c->after == SHELL_OR)
			continue;
		lint_add(
			l, IB_R_APT_KEY, script_call_span(s, &call),
			"apt-key is gone from newer releases, and its keys vouch for every source");
		ib_diag_hint(l->diag,
			     "put the key into /etc/apt/keyrings and name it with signed-by=");
	}
}
