/* SPDX-License-Identifier: Apache-2.0 */
/* COPY and ADD: sources, destination, owner and mode. */
#include "check.h"

#include <string.h>
#include <strings.h>

/* u=rwX,go=rX: clauses of who, operator and permissions. */
static bool is_symbolic_mode(const char *s)
{
	for (;;) {
		s += strspn(s, "ugoa");
		if (!*s || !strchr("+-=", *s))
			return false;
		while (*s && strchr("+-=", *s)) {
			s++;
			s += strspn(s, "rwxXstugo");
		}
		if (!*s)
			return true;
		if (*s++ != ',')
			return false;
	}
}

static void check_ownership(struct check *c, const struct ib_ast_instruction *in)
{
	const char *owner = flag_text(in, "chown"), *mode = flag_text(in, "chmod");
	bool is_octal = mode && strspn(mode, "01234567") == strlen(mode) && strlen(mode) <= 5;

	if (owner && *owner && !is_owner(owner))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, ib_ast_flag(in, "chown")->value->at,
			    "'%s' is not USER or USER:GROUP", owner);
	if (mode && *mode && !is_symbolic_mode(mode) &&
	    (!is_octal || strtol(mode, NULL, 8) > 07777))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, ib_ast_flag(in, "chmod")->value->at,
			    "'%s' is not a mode like 0644 or u=rwX,go=rX", mode);
	if (mode && ib_ast_flag(in, "unpack"))
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, ib_ast_flag(in, "chmod")->at,
			    "--chmod does not go with --unpack: archives bring their modes");
}

static bool is_target_phase(struct check *c, const struct ib_ast_instruction *in)
{
	if (flag_phase(in, IB_PHASE_INSTALL) != IB_PHASE_ROOT)
		return true;
	ib_diag_add(c->diag, IB_D_BAD_PHASE, ib_ast_flag(in, "phase")->value->at,
		    "%s writes into the target, which is not there before phase root is done; the "
		    "first is extra-data",
		    in->directive->keyword);
	return false;
}

static const struct ib_ast_word *last_word(const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *w = in->words;

	while (w && w->next)
		w = w->next;
	return w;
}

static bool is_url(const char *s)
{
	static const char *const schemes[] = { "http://", "https://", "git://", "ssh://", "git@" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return false;
}

/* The destination: a word, the last one; with several sources a directory. False where it is
 * neither. */
static bool check_dest(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *dest = last_word(in);
	const struct ib_ast_heredoc *h = in->heredocs;
	bool has_glob = false;

	while (h && h->next)
		h = h->next;
	if (!dest || (h && h->at.start > dest->at.start)) {
		if (h)
			ib_diag_add(c->diag, IB_D_HEREDOC_PLACE, h->at,
				    "a heredoc is a source: the destination stands last");
		return false;
	}
	for (const struct ib_ast_word *w = in->words; w != dest; w = w->next)
		has_glob = has_glob || (w->text && !is_url(w->text) && strpbrk(w->text, "*?["));
	if (!dest->text || !*dest->text) {
		if (dest->text)
			ib_diag_add(c->diag, IB_D_BAD_VALUE, dest->at, "the destination is empty");
	} else if ((count_words(in) > 2 || has_glob) && dest->text[strlen(dest->text) - 1] != '/' &&
		   strcmp(dest->text, ".") != 0 && strcmp(dest->text, "..") != 0) {
		ib_diag_add(c->diag, IB_D_BAD_VALUE, dest->at,
			    "several sources go into a directory: write '%s/'", dest->text);
	}
	return true;
}

static void check_from(struct check *c, const struct ib_ast_instruction *in)
{
	const char *from = flag_text(in, "from");
	const struct ib_ast_word *w = from ? ib_ast_flag(in, "from")->value : NULL;
	struct ib_tree_ref ref;

	if (!from || !*from)
		return;
	ref = tree_ref(c->r, from, w->at, c->live->stage);
	if (ref.kind == IB_FROM_STAGE)
		tree_ref_check(c->r, from, w->at, c->live->stage);
	else
		check_path_word(c, w, ref.name, "--from");
	if (in->heredocs)
		ib_diag_add(c->diag, IB_D_HEREDOC_PLACE, in->heredocs->at,
			    "a heredoc cannot stand beside --from");
}

void check_COPY(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *dest = last_word(in);

	check_ownership(c, in);
	(void)is_target_phase(c, in);
	check_from(c, in);
	if (in->is_broken || !check_dest(c, in))
		return;
	for (const struct ib_ast_word *w = in->words; w != dest; w = w->next) {
		if (!w->text)
			continue;
		if (!*w->text)
			ib_diag_add(c->diag, IB_D_BAD_VALUE, w->at,
				    "the source is empty; '.' is the whole context");
		else if (is_url(w->text))
			ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, w->at,
				    "COPY does not download; write ADD %s", w->text);
		else if (path_leaves(w->text))
			ib_diag_add(c->diag, IB_D_CONTEXT, w->at,
				    "source '%s' is outside of the context", w->text);
	}
}

static bool is_archive(const char *s)
{
	static const char *const ends[] = { ".tar", ".tgz", ".gz",  ".xz",
					    ".bz2", ".zst", ".zip", ".txz" };
	size_t n = strlen(s);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t m = strlen(ends[i]);

		if (n > m && strcmp(s + n - m, ends[i]) == 0)
			return true;
	}
	return false;
}

/* --checksum: of a file sha256:HEX, of a repository the commit or its start. */
static void check_checksum(struct check *c, const struct ib_ast_instruction *in)
{
	const char *sum = flag_text(in, "checksum"), *url = in->words ? in->words->text : NULL;
	bool is_git = url && ib_is_git_url(url);
	bool is_sha256 = sum && strncmp(sum, "sha256:", 7) == 0;
	const char *hex = sum && is_sha256 ? sum + 7 : sum;
	size_t n = sum ? strspn(hex, "0123456789abcdefABCDEF") : 0;

	if (!sum || !*sum)
		return;
	if (is_git ? is_sha256 || hex[n] || n < 7 || n > 64 : !is_sha256 || hex[n] || n != 64)
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, ib_ast_flag(in, "checksum")->value->at,
			    is_git ? "expected a commit: 7 to 64 hexadecimal digits"
				   : "expected sha256: and 64 hexadecimal digits");
	if (!in->is_broken && count_words(in) > 2)
		ib_diag_add(c->diag, IB_D_FLAG_VALUE, ib_ast_flag(in, "checksum")->at,
			    "--checksum is of one URL; write an ADD for each");
}

void check_ADD(struct check *c, const struct ib_ast_instruction *in)
{
	const struct ib_ast_word *dest = last_word(in);

	check_ownership(c, in);
	(void)is_target_phase(c, in);
	check_checksum(c, in);
	if (in->is_broken || !check_dest(c, in))
		return;
	for (const struct ib_ast_word *w = in->words; w != dest; w = w->next) {
		if (w->text && !is_url(w->text))
			ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, w->at,
				    "'%s' is not a URL: ADD downloads; write COPY %s%s ...",
				    w->text, is_archive(w->text) ? "--unpack " : "", w->text);
		else if (w->text && ib_is_git_url(w->text) && ib_ast_flag(in, "chmod"))
			ib_diag_add(c->diag, IB_D_FLAG_VALUE, ib_ast_flag(in, "chmod")->at,
				    "--chmod does not go with a repository: its files bring their "
				    "modes");
	}
}
