/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules on scripts share: calls of programs, places, texts. */
#include "lint/script_rules.h"

#include <string.h>

const struct shell_commands *script_commands(const struct lint_script *s)
{
	static const struct shell_commands none = { NULL, 0, 0 };

	return s->shell ? &s->shell->commands : &none;
}

bool script_among(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *at = list; n && (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

bool script_call(const struct shell_command *c, struct script_call *ret_call)
{
	struct script_call call = { .command = c, .sub = "", .sub_at = c->words.len };

	call.program = shell_program(c, &call.at);
	if (!call.program)
		return false;
	for (size_t i = call.at + 1; i < c->words.len; i++) {
		const char *text = c->words.items[i].text;

		if (text &&
		    script_among(text, "-o -c -t -C --root --installroot -R --releasever")) {
			i++;
		} else if (text && text[0] != '-' && text[0]) {
			call.sub = text;
			call.sub_at = i;
			break;
		} else if (!text && !c->words.items[i].has_unquoted) {
			break;
		}
	}
	*ret_call = call;
	return true;
}

bool script_runs(const struct script_call *call, const char *names, const char *subs)
{
	return script_among(call->program, names) && (!subs || script_among(call->sub, subs));
}

bool script_has_dynamic(const struct script_call *call)
{
	for (size_t i = call->at + 1; i < call->command->words.len && i < call->sub_at; i++)
		if (!call->command->words.items[i].text)
			return true;
	return false;
}

struct ib_span script_word(const struct lint_script *s, const struct shell_word *w)
{
	return lint_script_span(s, w->start, w->end);
}

struct ib_span script_command(const struct lint_script *s, const struct shell_command *c)
{
	return lint_script_span(s, c->start, c->end);
}

struct ib_span script_call_span(const struct lint_script *s, const struct script_call *call)
{
	const struct shell_word *words = call->command->words.items;
	size_t last = call->sub_at == call->at + 1 ? call->sub_at : call->at;

	return lint_script_span(s, words[call->at].start,
				words[last < call->command->words.len ? last : call->at].end);
}

struct ib_span script_behind(const struct lint_script *s, const struct shell_word *w)
{
	uint32_t end = lint_script_span(s, w->start, w->end).end;

	return (struct ib_span){ end, end };
}

bool script_has_errexit(const struct lint_script *s)
{
	return s->has_errexit || (s->shell && s->shell->has_errexit);
}

bool script_is_step(const struct lint_script *s)
{
	return s->run || s->is_hook;
}

bool script_is_in_chroot(const struct lint_script *s)
{
	return script_is_step(s) && s->phase != IB_PHASE_NONE && s->side == IB_CHROOT;
}

bool script_is_guarded(const struct shell_command *c)
{
	return c->place.in_condition || c->is_negated || c->after == SHELL_AND ||
	       c->after == SHELL_OR;
}

const struct shell_command *script_piped_to(const struct lint_script *s,
					    const struct shell_command *c)
{
	const struct shell_commands *all = script_commands(s);
	const struct shell_command *next = c + 1, *end = all->items + all->len;

	if (c->after != SHELL_PIPE)
		return NULL;
	while (next < end && (next->start < c->end || next->place.parent != c->place.parent))
		next++;
	return next < end && next->before == SHELL_PIPE ? next : NULL;
}

uint32_t script_find(const struct lint_script *s, uint32_t from, uint32_t end, const char *needle)
{
	const char *at = memmem(s->text + from, end - from, needle, strlen(needle));

	return at ? (uint32_t)(at - s->text) : end;
}

bool script_next_text(const struct shell_command *c, size_t *at, struct shell_span *ret_text)
{
	size_t i = (*at)++;

	if (i < c->words.len) {
		*ret_text = (struct shell_span){ c->words.items[i].start, c->words.items[i].end };
		return true;
	}
	i -= c->words.len;
	if (i >= c->redirs.len)
		return false;
	*ret_text = c->redirs.items[i].op == SHELL_HERESTRING
			    ? (struct shell_span){ c->redirs.items[i].target.start,
						   c->redirs.items[i].target.end }
			    : c->redirs.items[i].body;
	return true;
}

/* The last part of "registry/debian:12", of "element://fedora" and "debian-minimal" up to a colon
 * or hyphen. */
static const char *manager_of(const char *base)
{
	static const struct {
		const char *names, *manager;
	} families[] = {
		{ "debian ubuntu devuan", "apt-get" },
		{ "fedora centos rhel rocky rockylinux almalinux openeuler", "dnf" },
		{ "opensuse sles", "zypper" },
		{ "alpine", "apk" },
		{ "gentoo", "emerge" },
		{ "arch archlinux", "pacman" },
	};
	char name[32] = "";
	size_t n;

	base = ib_base_name(base);
	n = strspn(base, "abcdefghijklmnopqrstuvwxyz");
	if (n == 0 || n >= sizeof(name))
		return NULL;
	memcpy(name, base, n);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (script_among(name, families[i].names))
			return families[i].manager;
	return NULL;
}

const char *script_manager(const struct lint_script *s)
{
	return s->base ? manager_of(s->base) : NULL;
}
