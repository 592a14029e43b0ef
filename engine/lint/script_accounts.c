/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on what a script leaves in the image for everyone: passwords, keys, permissions. */
#include "lint/element_private.h"
#include "lint/script_rules.h"

#include <string.h>

static void report_password(struct lint *l, struct ib_span at, bool is_root, const char *what)
{
	if (is_root)
		lint_add(l, IB_R_ROOT_PASSWORD, at, "%s of root is the same in every image", what);
	else
		lint_add(l, IB_R_LITERAL_PASSWORD, at,
			 "%s stands in the script and is the same in every image", what);
	ib_diag_hint(l->diag, "use keys, a secret mount, or let the first boot set it");
}

/* "user:password" for chpasswd, as text of C: an echo in front of it, a heredoc or string of its
 * own. */
static void check_chpasswd(struct lint *l, const struct lint_script *s,
			   const struct shell_command *c, bool is_root)
{
	struct shell_span text;

	for (size_t at = 0; script_next_text(c, &at, &text);) {
		uint32_t colon = script_find(s, text.start, text.end, ":");
		bool has_quote = text.start < text.end && strchr("\"'", s->text[text.start]);
		uint32_t start = text.start + has_quote;

		if (colon == text.end || colon == start || colon + 1 >= text.end ||
		    strchr("$\"'`", s->text[colon + 1]) ||
		    memchr(s->text + start, ' ', colon - start))
			continue;
		if ((colon - start == 4 && memcmp(s->text + start, "root", 4) == 0) == is_root)
			report_password(l, lint_script_span(s, text.start, text.end), is_root,
					"the password");
	}
}

/* The word behind the option, or NULL. */
static const struct shell_word *behind_option(const struct script_call *call, const char *options)
{
	const struct shell_words *words = &call->command->words;

	for (size_t i = call->at + 1; i + 1 < words->len; i++)
		if (words->items[i].text && script_among(words->items[i].text, options))
			return &words->items[i + 1];
	return NULL;
}

static void check_passwords(struct lint *l, const struct lint_script *s, bool is_root)
{
	script_foreach (c, s) {
		const struct shell_word *w, *last;
		struct script_call call, next;
		const struct shell_command *to = script_piped_to(s, c);
		bool is_user;

		if (!script_call(c, &call))
			continue;
		if (strcmp(call.program, "chpasswd") == 0 ||
		    (to && script_runs(&call, "echo printf", NULL) && script_call(to, &next) &&
		     strcmp(next.program, "chpasswd") == 0))
			check_chpasswd(l, s, c, is_root);
		last = &c->words.items[c->words.len - 1];
		is_user = last->text && (strcmp(last->text, "root") == 0) == is_root;
		if (script_runs(&call, "passwd", NULL) && is_user &&
		    shell_has_option(c, call.at + 1, 'd', "--delete"))
			report_password(l, script_command(s, c), is_root, "an empty password");
		w = script_runs(&call, "usermod useradd", NULL) && is_user
			    ? behind_option(&call, "-p --password")
			    : NULL;
		if (w && w->text && w != last && !script_among(w->text, "! * !!"))
			report_password(l, script_word(s, w), is_root,
					w->text[0] ? "the password" : "an empty password");
	}
}

void lint_7013(struct lint *l, const struct lint_script *s)
{
	check_passwords(l, s, false);
}

void lint_7016(struct lint *l, const struct lint_script *s)
{
	check_passwords(l, s, true);
}

void lint_7014(struct lint *l, const struct lint_script *s)
{
	if (!script_is_in_chroot(s))
		return;
	script_foreach (c, s) {
		struct script_call call;
		bool is_made;

		if (!script_call(c, &call))
			continue;
		is_made = strcmp(call.program, "ssh-keygen") == 0 &&
			  (shell_has_word(c, call.at, "-A") ||
			   script_find(s, c->start, c->end, "ssh_host_") < c->end) &&
			  !shell_has_option(c, call.at + 1, 'l', NULL);
		if (!is_made && !script_runs(&call, "dpkg-reconfigure", "openssh-server"))
			continue;
		lint_add(l, IB_R_SSH_HOST_KEYS_BAKED, script_command(s, c),
			 "every machine of this image gets the same host keys");
		ib_diag_hint(l->diag, "let the first boot make them");
	}
}

/* Whether C writes something to /etc/machine-id: not an empty file, not "uninitialized". */
static bool writes_machine_id(const struct shell_command *c)
{
	struct script_call call;

	if (!script_call(c, &call) || script_runs(&call, "true : truncate cat", NULL) ||
	    shell_has_word(c, 1, "uninitialized") ||
	    (script_runs(&call, "echo printf", NULL) &&
	     (c->words.len < 2 || shell_has_word(c, 1, "-n") || shell_has_word(c, 1, ""))))
		return false;
	vec_foreach (const struct shell_redir, r, &c->redirs)
		if ((r->op == SHELL_WRITE || r->op == SHELL_APPEND) && r->target.text &&
		    strcmp(r->target.text, "/etc/machine-id") == 0)
			return true;
	return false;
}

void lint_7015(struct lint *l, const struct lint_script *s)
{
	/* sysprep empties it again in finalise.d */
	if (!script_is_in_chroot(s) || (s->element && lint_brings(l, s->element, "sysprep")))
		return;
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) ||
		    (!writes_machine_id(c) &&
		     !script_runs(&call, "systemd-machine-id-setup", NULL) &&
		     !(script_runs(&call, "dbus-uuidgen", NULL) &&
		       shell_has_option(c, call.at + 1, '\0', "--ensure"))))
			continue;
		lint_add(l, IB_R_MACHINE_ID_BAKED, script_command(s, c),
			 "every machine of this image gets the same machine id");
		ib_diag_hint(l->diag, "leave /etc/machine-id empty: the first boot fills it");
	}
}

/* The part of TEXT that ends up in a file: what a sed expression puts in place of its pattern. */
static struct shell_span written_part(const struct lint_script *s, struct shell_span text)
{
	uint32_t at = text.start;
	char mark;
	const char *second, *third;

	while (at < text.end && strchr("\"'", s->text[at]))
		at++;
	if (at + 2 >= text.end || s->text[at] != 's' || !strchr("/|,#@:?!", s->text[at + 1]))
		return text;
	mark = s->text[at + 1];
	second = memchr(s->text + at + 2, mark, text.end - at - 2);
	if (!second)
		return text;
	third = memchr(second + 1, mark, (size_t)(s->text + text.end - second - 1));
	return (struct shell_span){ (uint32_t)(second + 1 - s->text),
				    third ? (uint32_t)(third - s->text) : text.end };
}

/* The first of WORDS that C writes somewhere as a setting, in an empty span if none. */
static struct shell_span find_setting(const struct lint_script *s, const struct shell_command *c,
				      const char *const *words, size_t n)
{
	struct script_call call;
	struct shell_span text;

	if (!script_call(c, &call) || !script_runs(&call, "sed echo printf cat tee install", NULL))
		return (struct shell_span){ 0, 0 };
	for (size_t at = 0; script_next_text(c, &at, &text);) {
		if (strcmp(call.program, "sed") == 0)
			text = written_part(s, text);
		for (size_t i = 0; i < n; i++) {
			uint32_t found = script_find(s, text.start, text.end, words[i]);

			if (found < text.end && (found == 0 || s->text[found - 1] != '#') &&
			    (found < 2 || s->text[found - 2] != '#'))
				return (struct shell_span){ found,
							    found + (uint32_t)strlen(words[i]) };
		}
	}
	return (struct shell_span){ 0, 0 };
}

void lint_7017(struct lint *l, const struct lint_script *s)
{
	static const char *const words[] = { "PermitRootLogin yes", "PasswordAuthentication yes",
					     "PermitEmptyPasswords yes" };

	script_foreach (c, s) {
		struct shell_span at = find_setting(s, c, words, ARRAY_SIZE(words));

		if (at.end == 0)
			continue;
		lint_add(l, IB_R_PERMISSIVE_SSHD, lint_script_span(s, at.start, at.end),
			 "passwords can be tried against every machine of this image");
		ib_diag_hint(l->diag, "allow keys alone");
	}
}

void lint_7018(struct lint *l, const struct lint_script *s)
{
	static const char *const words[] = { "SELINUX=disabled", "SELINUX=permissive" };

	script_foreach (c, s) {
		struct shell_span at = find_setting(s, c, words, ARRAY_SIZE(words));
		struct script_call call;

		if (at.end == 0 && script_call(c, &call) &&
		    script_runs(&call, "setenforce", "0 Permissive permissive"))
			at = (struct shell_span){ c->start, c->end };
		if (at.end > 0)
			lint_add(l, IB_R_SELINUX_DISABLED, lint_script_span(s, at.start, at.end),
				 "the image runs without SELinux's protection");
	}
}

/* "777", "0777", "a+w", "o=rwx": everyone may write. A sticky directory (1777) is as /tmp is. */
static bool is_open_mode(const char *mode)
{
	size_t n = strlen(mode);

	if (n >= 3 && n <= 5 && strspn(mode, "01234567") == n)
		return strchr("2367", mode[n - 1]) &&
		       (n == 3 || strcmp(mode + n - 3, "777") == 0 || mode[n - 4] == '0') &&
		       !(n >= 4 && (mode[n - 4] & 1));
	return strpbrk(mode, "ao") && strchr(mode, 'w') && strpbrk(mode, "+=") &&
	       !strchr(mode, 't') && strspn(mode, "augorwxX+=") == n &&
	       strpbrk(mode, "+=") > strpbrk(mode, "ao");
}

void lint_7020(struct lint *l, const struct lint_script *s)
{
	script_foreach (c, s) {
		struct script_call call;

		if (!script_call(c, &call) || strcmp(call.program, "chmod") != 0 ||
		    call.sub_at >= c->words.len || !is_open_mode(call.sub))
			continue;
		lint_add(l, IB_R_WORLD_WRITABLE, script_word(s, &c->words.items[call.sub_at]),
			 "every user may change it");
	}
}
