/* SPDX-License-Identifier: Apache-2.0 */
/* Small readers of flags and words, shared by the passes behind expand. */
#include "front.h"
#include "parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *flag_text(const struct ib_ast_instruction *in, const char *name)
{
	const struct ib_ast_flag *f = ib_ast_flag(in, name);

	return f && f->value ? f->value->text : NULL;
}

bool flag_is_on(const struct ib_ast_instruction *in, const char *name)
{
	const struct ib_ast_flag *f = ib_ast_flag(in, name);
	const char *text = f && f->value ? f->value->text : "yes";

	return f && text && (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0);
}

enum ib_phase flag_phase(const struct ib_ast_instruction *in, enum ib_phase otherwise)
{
	const char *text = flag_text(in, "phase");
	enum ib_phase phase = text ? ib_phase_find(text) : IB_PHASE_NONE;

	return phase == IB_PHASE_NONE ? otherwise : phase;
}

int flag_order(const struct ib_ast_instruction *in, int otherwise)
{
	const char *text = flag_text(in, "order");

	if (!text || strspn(text, "0123456789") != strlen(text) || strlen(text) == 0 ||
	    strlen(text) > 2)
		return otherwise;
	return text[1] ? (text[0] - '0') * 10 + (text[1] - '0') : text[0] - '0';
}

bool name_is_valid(const char *s, size_t n)
{
	if (n == 0 || isdigit((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	}
	return true;
}

bool pair_parse(struct ib_recipe *r, const struct ib_ast_word *w, struct ib_pair *ret_pair)
{
	const char *equals = strchr(w->text, '=');

	if (!equals)
		return false;
	ret_pair->key = intern_bytes(r->names, w->text, (size_t)(equals - w->text));
	ret_pair->value = equals + 1;
	ret_pair->at = w->at;
	return true;
}

bool cond_parse(struct ib_recipe *r, const struct ib_ast_word *w, struct ib_cond *ret_cond)
{
	const char *equals = strchr(w->text, '=');
	size_t n = equals ? (size_t)(equals - w->text) : 0;
	bool is_negated = n > 0 && w->text[n - 1] == '!';

	n -= is_negated;
	if (!name_is_valid(w->text, n) || equals[1] == '=')
		return false;
	*ret_cond = (struct ib_cond){ intern_bytes(r->names, w->text, n), equals + 1, is_negated,
				      w->at };
	return true;
}

/* Debian's words, and what Docker and the kernel call them. */
static const struct {
	const char *debian, *docker, *kernel;
} arches[] = {
	{ "amd64", "amd64", "x86_64" },       { "arm64", "arm64", "aarch64" },
	{ "armhf", "arm/v7", "armv7l" },      { "armhf", "arm", "arm" },
	{ "armel", "arm/v6", "armv6l" },      { "i386", "386", "i686" },
	{ "ppc64el", "ppc64le", "ppc64le" },  { "riscv64", "riscv64", "riscv64" },
	{ "s390x", "s390x", "s390x" },        { "loong64", "loong64", "loongarch64" },
	{ "mips64el", "mips64le", "mips64" },
};

const char *arch_find(const char *arch)
{
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		if (strcmp(arches[i].debian, arch) == 0)
			return arches[i].debian;
	}
	return NULL;
}

const char *platform_arch(const char *platform)
{
	if (strncmp(platform, "linux/", 6) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		if (strcmp(arches[i].docker, platform + 6) == 0)
			return arches[i].debian;
	}
	return strcmp(platform + 6, "arm64/v8") == 0 ? "arm64" : NULL;
}

void arch_unknown(struct ib_diag *d, struct ib_span at, const char *arch)
{
	const char *words[ARRAY_SIZE(arches)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		if (n == 0 || strcmp(words[n - 1], arches[i].debian) != 0)
			words[n++] = arches[i].debian;
		if (strcmp(arches[i].kernel, arch) != 0 && strcmp(arches[i].docker, arch) != 0)
			continue;
		ib_diag_add(d, IB_D_FLAG_VALUE, at, "unknown architecture '%s'; did you mean '%s'?",
			    arch, arches[i].debian);
		return;
	}
	ib_diag_unknown(d, IB_D_FLAG_VALUE, at, arch, words, n, "unknown architecture '%s'", arch);
}

void platform_unknown(struct ib_diag *d, struct ib_span at, const char *platform)
{
	char names[ARRAY_SIZE(arches)][24];
	const char *words[ARRAY_SIZE(arches)];

	for (size_t i = 0; i < ARRAY_SIZE(arches); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "linux/%s", arches[i].docker);
		words[i] = names[i];
	}
	ib_diag_unknown(d, IB_D_FLAG_VALUE, at, platform, words, ARRAY_SIZE(arches),
			"unknown platform '%s'", platform);
}

bool path_leaves(const char *path)
{
	int depth = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			depth--;
		else if (n > 0 && !(n == 1 && path[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		path += n;
		path += strspn(path, "/");
	}
	return false;
}

/* Appends the components of PATH; OUT begins with '/' and has no slash at its end but that one. */
static void add_components(struct buf *out, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (out->len > 1 && out->data[out->len - 1] != '/')
				out->len--;
			if (out->len > 1)
				out->len--;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (out->len > 1)
				buf_char(out, '/');
			buf_add(out, path, n);
		}
		path += n;
		path += strspn(path, "/");
	}
}

const char *path_join(struct ib_recipe *r, const char *dir, const char *path)
{
	cleanup_buf struct buf out = BUF_INIT;
	size_t n = strlen(path);

	buf_char(&out, '/');
	if (path[0] != '/')
		add_components(&out, dir);
	add_components(&out, path);
	if (n > 0 && out.len > 1 &&
	    (path[n - 1] == '/' || strcmp(path, ".") == 0 ||
	     (n > 1 && strcmp(path + n - 2, "/.") == 0)))
		buf_char(&out, '/');
	return arena_strndup(r->arena, out.data, out.len);
}

uint32_t stage_find(const struct ib_recipe *r, const char *name, uint32_t before)
{
	for (uint32_t i = before; i-- > 0;) {
		const char *stage = r->stages.items[i].name;

		if (stage && strcasecmp(stage, name) == 0)
			return i;
	}
	return NO_STAGE;
}

const char *stage_suggest(const struct ib_recipe *r, const char *name, uint32_t before)
{
	const char *words[STAGE_LIMIT];
	size_t n = 0;

	for (uint32_t i = 0; i < before && i < STAGE_LIMIT; i++) {
		if (r->stages.items[i].name)
			words[n++] = r->stages.items[i].name;
	}
	return ib_suggest(name, words, n);
}

struct ib_tree_ref tree_ref(const struct ib_recipe *r, const char *text, struct ib_span at,
			    uint32_t stage)
{
	if (strncmp(text, "oci:", 4) == 0 || strncmp(text, "tar:", 4) == 0)
		return (struct ib_tree_ref){ .kind = text[0] == 'o' ? IB_FROM_OCI : IB_FROM_TAR,
					     .name = text + 4,
					     .stage = NO_STAGE,
					     .at = at };
	return (struct ib_tree_ref){ .kind = IB_FROM_STAGE,
				     .name = text,
				     .stage = stage_find(r, text, stage == NO_STAGE ? 0 : stage),
				     .at = at };
}

void tree_ref_check(struct ib_recipe *r, const char *text, struct ib_span at, uint32_t stage)
{
	uint32_t now = stage == NO_STAGE ? 0 : stage;
	const char *near;

	if (tree_ref(r, text, at, stage).kind != IB_FROM_STAGE ||
	    stage_find(r, text, now) != NO_STAGE)
		return;
	near = stage_suggest(r, text, now);
	if (text[0] && strspn(text, "0123456789") == strlen(text))
		ib_diag_add(r->diag, IB_D_UNKNOWN_STAGE, at,
			    "stages have no numbers here; name it with FROM BASE AS NAME");
	else if (stage != NO_STAGE && stage_find(r, text, now + 1) == now)
		ib_diag_add(r->diag, IB_D_UNKNOWN_STAGE, at, "'%s' is this stage itself", text);
	else if (near)
		ib_diag_add(r->diag, IB_D_UNKNOWN_STAGE, at,
			    "unknown stage '%s'; did you mean '%s'?", text, near);
	else
		ib_diag_add(r->diag, IB_D_UNKNOWN_STAGE, at,
			    "no stage '%s' above this line; expected a stage, oci:PATH or tar:PATH",
			    text);
}

bool list_next(const char **s, const char **ret_part, size_t *ret_len)
{
	if (!*s)
		return false;
	*ret_part = *s;
	*ret_len = strcspn(*s, ",");
	*s = (*s)[*ret_len] ? *s + *ret_len + 1 : NULL;
	return true;
}

/* The place of [START, END) of the text, where that is the word as it was written; else of the
 * word. */
struct ib_span word_part(const struct ib_ast_word *w, size_t start, size_t end)
{
	if (!w->text || strcmp(w->text, w->raw) != 0)
		return w->at;
	return ast_word_span(w, start, end);
}
