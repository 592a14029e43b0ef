/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines of disk-image-create, ramdisk-image-create and ironic-python-agent-builder
 * (contract sections 5, 7 and 9). A command is a text in the source map, so that each word has a
 * place. */
#include "convert/private.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <stddef.h>
#include <string.h>

struct command {
	struct convert_job *j;
	const struct ib_word_vec *words;
	size_t next;
	struct image *image;
	const struct option *options;
	size_t options_len;
	bool has_failed;
	struct ib_word_vec operands;
	const char *extra_args; /* of ironic-python-agent-builder */
};

/* What an option is about. */
struct option {
	const char *name; /* without dashes; NULL: it has a letter only */
	char letter;
	bool has_value;
	void (*take)(struct command *c, const struct option *o, const char *value,
		     struct ib_span at);
	const char *about; /* the variable that it sets, or why it is left out */
	size_t member;     /* of struct image, that it sets */
};

#define MEMBER(name) .member = offsetof(struct image, name)

static void *member_of(struct command *c, const struct option *o)
{
	return (char *)c->image + o->member;
}

static void fail(struct command *c, struct ib_span at, const char *text, const char *what)
{
	ib_diag_add(c->j->diag, IB_D_BAD_CONVERSION_INPUT, at, "%s%s", text, what);
	c->has_failed = true;
}

static void add_commas(struct command *c, struct str_vec *list, const char *text)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, ',');
		if (end > text)
			vec_push(c->j->arena, list,
				 arena_strndup(c->j->arena, text, (size_t)(end - text)));
	}
}

static void add_blanks(struct command *c, struct str_vec *list, const char *text)
{
	while (*(text += strspn(text, " \t\n"))) {
		size_t n = strcspn(text, " \t\n");

		vec_push(c->j->arena, list, arena_strndup(c->j->arena, text, n));
		text += n;
	}
}

static void take_variable(struct command *c, const struct option *o, const char *value,
			  struct ib_span at)
{
	image_set(c->j, c->image, o->about, value ? value : "1", at);
}

static void take_left_out(struct command *c, const struct option *o, const char *value IB_UNUSED,
			  struct ib_span at)
{
	ib_diag_add(c->j->diag, IB_D_LEFT_OUT, at, "%s", o->about);
}

static void take_refused(struct command *c, const struct option *o, const char *value IB_UNUSED,
			 struct ib_span at)
{
	fail(c, at, "disk-image-create documents this option and refuses it; set ", o->about);
}

static void take_arch(struct command *c, const struct option *o IB_UNUSED, const char *value,
		      struct ib_span at IB_UNUSED)
{
	c->image->arch = strcmp(value, "aarch64") == 0   ? "arm64"
			 : strcmp(value, "x86_64") == 0  ? "amd64"
			 : strcmp(value, "ppc64le") == 0 ? "ppc64el"
							 : value;
}

static void take_word(struct command *c, const struct option *o, const char *value,
		      struct ib_span at IB_UNUSED)
{
	*(const char **)member_of(c, o) = value;
}

static void take_list(struct command *c, const struct option *o, const char *value,
		      struct ib_span at IB_UNUSED)
{
	add_commas(c, member_of(c, o), value);
}

static void take_switch(struct command *c, const struct option *o, const char *value IB_UNUSED,
			struct ib_span at IB_UNUSED)
{
	*(bool *)member_of(c, o) = true;
}

static void take_checksum(struct command *c, const struct option *o IB_UNUSED,
			  const char *value IB_UNUSED, struct ib_span at IB_UNUSED)
{
	c->image->checksum = "1";
}

static void take_ramdisk(struct command *c, const struct option *o IB_UNUSED, const char *value,
			 struct ib_span at)
{
	if (c->image->ramdisk_element)
		c->image->ramdisk_element = value;
	else
		ib_diag_add(c->j->diag, IB_D_LEFT_OUT, at,
			    "only ramdisk-image-create has a ramdisk element");
}

/* disk-image-create's, as its getopt takes them. */
static const struct option options[] = {
	{ NULL, 'a', true, take_arch, .about = NULL },
	{ NULL, 'o', true, take_word, MEMBER(name) },
	{ NULL, 't', true, take_list, MEMBER(types) },
	{ NULL, 'p', true, take_list, MEMBER(packages) },
	{ NULL, 'u', false, take_switch, MEMBER(is_uncompressed) },
	{ NULL, 'n', false, take_switch, MEMBER(skips_base) },
	{ "checksum", 0, false, take_checksum, .about = NULL },
	{ NULL, 'x', false, take_left_out, .about = "traces: `imagebuild logs` has each step's" },
	{ NULL, 'c', false, take_left_out,
	  .about = "imagebuild passes no more of the environment than --env says" },
	{ NULL, 'h', false, take_left_out, .about = "prints the help" },
	{ "help", 0, false, take_left_out, .about = "prints the help" },
	{ "version", 0, false, take_left_out, .about = "prints the version" },
	{ "no-tmpfs", 0, false, take_left_out,
	  .about = "imagebuild builds in its store, never on a tmpfs" },
	{ "min-tmpfs", 0, true, take_left_out,
	  .about = "imagebuild builds in its store, never on a tmpfs" },
	{ "image-cache", 0, true, take_left_out,
	  .about = "the cache is the caller's: set DIB_IMAGE_CACHE for a build" },
	{ "logfile", 0, true, take_left_out, .about = "`imagebuild logs` has the log" },
	{ "offline", 0, false, take_variable, .about = "DIB_OFFLINE" },
	{ "image-size", 0, true, take_variable, .about = "DIB_IMAGE_SIZE" },
	{ "image-extra-size", 0, true, take_refused, .about = "DIB_IMAGE_EXTRA_SIZE" },
	{ "mkfs-journal-size", 0, true, take_refused, .about = "DIB_JOURNAL_SIZE" },
	{ "max-online-resize", 0, true, take_variable, .about = "MAX_ONLINE_RESIZE" },
	{ "mkfs-options", 0, true, take_variable, .about = "MKFS_OPTS" },
	{ "root-label", 0, true, take_variable, .about = "ROOT_LABEL" },
	{ "install-type", 0, true, take_variable, .about = "DIB_DEFAULT_INSTALLTYPE" },
	{ "qemu-img-options", 0, true, take_word, MEMBER(qemu_options) },
	{ "docker-target", 0, true, take_word, MEMBER(tag) },
	{ "ramdisk-element", 0, true, take_ramdisk, .about = NULL },
};

static void take_element(struct command *c, const struct option *o IB_UNUSED, const char *value,
			 struct ib_span at)
{
	vec_push(c->j->arena, &c->operands, ((struct ib_word){ value, at }));
}

static void take_branch(struct command *c, const struct option *o IB_UNUSED, const char *value,
			struct ib_span at)
{
	image_set(c->j, c->image, "DIB_REPOREF_ironic_python_agent", value, at);
	image_set(c->j, c->image, "DIB_REPOREF_requirements", value, at);
}

static void take_lzma(struct command *c, const struct option *o IB_UNUSED,
		      const char *value IB_UNUSED, struct ib_span at)
{
	image_set(c->j, c->image, "DIB_IPA_COMPRESS_CMD", "xz --format=lzma --compress --stdout",
		  at);
}

static void take_extra(struct command *c, const struct option *o IB_UNUSED, const char *value,
		       struct ib_span at IB_UNUSED)
{
	c->extra_args = value;
}

/* ironic-python-agent-builder's (its __init__.py). */
static const struct option ipa_options[] = {
	{ "release", 'r', true, take_variable, .about = "DIB_RELEASE" },
	{ "output", 'o', true, take_word, MEMBER(name) },
	{ "element", 'e', true, take_element, .about = NULL },
	{ "branch", 'b', true, take_branch, .about = NULL },
	{ "verbose", 'v', false, take_left_out,
	  .about = "traces: `imagebuild logs` has each step's" },
	{ "lzma", 0, false, take_lzma, .about = NULL },
	{ "extra-args", 0, true, take_extra, .about = NULL },
	{ "elements-path", 0, true, take_left_out,
	  .about = "where elements are is the caller's: --element-path=DIR or ELEMENTS_PATH" },
};

/* getopt_long takes the beginning of a name where only one has it. */
static const struct option *find_long(struct command *c, const char *name, size_t n)
{
	const struct option *found = NULL;

	for (size_t i = 0; i < c->options_len; i++) {
		const struct option *o = &c->options[i];

		if (!o->name || strncmp(o->name, name, n) != 0)
			continue;
		if (!o->name[n])
			return o;
		if (found)
			return NULL;
		found = o;
	}
	return found;
}

static const struct option *find_letter(struct command *c, char letter)
{
	for (size_t i = 0; i < c->options_len; i++)
		if (c->options[i].letter == letter)
			return &c->options[i];
	return NULL;
}

/* The value of O: what is LEFT of its word, or the next one. */
static void take_option(struct command *c, const struct option *o, const char *left,
			struct ib_span at)
{
	const struct ib_word *next = c->next < c->words->len ? &c->words->items[c->next] : NULL;

	if (!o->has_value) {
		o->take(c, o, NULL, at);
		return;
	}
	if (!left && !next) {
		fail(c, at, "this option needs a value", "");
		return;
	}
	if (!left) {
		c->next++;
		left = next->text;
		at = next->at;
	}
	o->take(c, o, left, at);
}

static void take_long(struct command *c, const struct ib_word *w)
{
	size_t n = strcspn(w->text + 2, "=");
	const struct option *o = find_long(c, w->text + 2, n);

	if (!o)
		fail(c, w->at, "unknown option ", w->text);
	else
		take_option(c, o, w->text[2 + n] ? w->text + 3 + n : NULL, w->at);
}

/* "-xu", "-oNAME", "-o" and "NAME" */
static void take_letters(struct command *c, const struct ib_word *w)
{
	for (const char *p = w->text + 1; *p; p++) {
		const struct option *o = find_letter(c, *p);

		if (!o) {
			fail(c, w->at, "unknown option ", w->text);
			return;
		}
		take_option(c, o, o->has_value && p[1] ? p + 1 : NULL, w->at);
		if (o->has_value)
			return;
	}
}

static void read_words(struct command *c)
{
	bool is_end = false;

	while (c->next < c->words->len) {
		const struct ib_word *w = &c->words->items[c->next++];

		if (is_end || w->text[0] != '-' || !w->text[1])
			vec_push(c->j->arena, &c->operands, *w);
		else if (strcmp(w->text, "--") == 0)
			is_end = true;
		else if (w->text[1] == '-')
			take_long(c, w);
		else
			take_letters(c, w);
	}
}

/* Variables of the core that are no part of a recipe, and what they are here. */
static const struct {
	const char *name, *why;
} outside[] = {
	{ "ELEMENTS_PATH",
	  "where elements are is the caller's: --element-path=DIR or ELEMENTS_PATH" },
	{ "DIB_IMAGE_CACHE", "the cache is the caller's: set DIB_IMAGE_CACHE for a build" },
	{ "TMP_DIR", "imagebuild builds in its store" },
	{ "TMPDIR", "imagebuild builds in its store" },
	{ "DIB_NO_TMPFS", "imagebuild builds in its store, never on a tmpfs" },
	{ "DIB_MIN_TMPFS", "imagebuild builds in its store, never on a tmpfs" },
	{ "OVERWRITE_OLD_IMAGE", "an image takes the place of the one that was there" },
	{ "DIB_QUIET", "the caller's: --quiet" },
	{ "DIB_NO_TIMESTAMP", "imagebuild prints no timestamps" },
	{ "DIB_LOCKFILES", "imagebuild locks its store" },
	{ "DIB_GZIP_BIN", "imagebuild compresses itself" },
};

/* Assignments in front of the command, and the environment that is given. */
static void take_environment(struct command *c, const char *name, const char *value,
			     struct ib_span at)
{
	size_t n = strlen(name);

	/* every build passes the caller's on */
	if (n > 6 && strcasecmp(name + n - 6, "_proxy") == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		if (strcmp(name, outside[i].name) == 0) {
			ib_diag_add(c->j->diag, IB_D_LEFT_OUT, at, "%s is left out: %s", name,
				    outside[i].why);
			return;
		}
	if (strcmp(name, "ARCH") == 0)
		take_arch(c, NULL, value, at);
	else if (strcmp(name, "IMAGE_ELEMENT") == 0)
		add_blanks(c, &c->image->elements, value);
	else if (strcmp(name, "SKIP_BASE") == 0)
		c->image->skips_base = strcmp(value, "1") == 0;
	else if (strcmp(name, "DIB_CHECKSUM") == 0)
		c->image->checksum = value;
	else if (strcmp(name, "IMAGE_NAME") == 0)
		c->image->name = value;
	else if (strcmp(name, "RAMDISK_ELEMENT") == 0 && c->image->ramdisk_element)
		c->image->ramdisk_element = value;
	else
		image_set(c->j, c->image, name, value, at);
}

static bool is_assignment(const char *word, size_t *ret_name)
{
	size_t n = 0;

	while (isalnum((unsigned char)word[n]) || word[n] == '_')
		n++;
	*ret_name = n;
	return n > 0 && !isdigit((unsigned char)word[0]) && word[n] == '=';
}

/* What stands in front of the program: sudo, env, assignments. */
static void skip_front(struct command *c)
{
	size_t n;

	for (; c->next < c->words->len; c->next++) {
		const struct ib_word *w = &c->words->items[c->next];

		if (is_assignment(w->text, &n))
			take_environment(c, arena_strndup(c->j->arena, w->text, n), w->text + n + 1,
					 w->at);
		else if (strcmp(w->text, "sudo") != 0 && strcmp(w->text, "env") != 0 &&
			 !(c->next > 0 && strcmp(w->text, "-E") == 0))
			return;
	}
}

static void finish_elements(struct command *c)
{
	vec_foreach (struct ib_word, w, &c->operands)
		vec_push(c->j->arena, &c->image->elements, w->text);
	/* of one type the suffix is no part of the name */
	if (c->image->name && c->image->types.len <= 1) {
		const char *type = c->image->types.len ? c->image->types.items[0] : "qcow2";
		size_t n = strlen(c->image->name), m = strlen(type);

		if (n > m + 1 && strcmp(c->image->name + n - m, type) == 0 &&
		    c->image->name[n - m - 1] == '.')
			c->image->name = arena_strndup(c->j->arena, c->image->name, n - m - 1);
	}
}

/* ironic-python-agent-builder runs disk-image-create with its own words and EXTRA. */
static void read_ipa(struct command *c)
{
	struct ib_word_vec given, extra = { NULL, 0, 0 };
	struct image *i = c->image;

	c->options = ipa_options;
	c->options_len = ARRAY_SIZE(ipa_options);
	i->name = "ironic-python-agent";
	read_words(c);
	given = c->operands;
	c->operands = (struct ib_word_vec){ NULL, 0, 0 };
	vec_push(c->j->arena, &i->elements, "ironic-python-agent-ramdisk");
	if (!given.len)
		fail(c, i->at, "ironic-python-agent-builder needs a distribution", "");
	vec_foreach (struct ib_word, w, &given)
		vec_push(c->j->arena, &c->operands, *w);
	if (!i->checksum)
		i->checksum = "sha256";
	image_set(c->j, i, "DIB_INSTALLTYPE_pip_and_virtualenv", "package", i->at);
	if (!c->extra_args || command_split(c->j, c->extra_args, i->at, &extra) < 0)
		return;
	c->words = &extra;
	c->next = 0;
	c->options = options;
	c->options_len = ARRAY_SIZE(options);
	read_words(c);
}

int command_read(struct convert_job *j, const struct ib_word_vec *words,
		 const struct ib_pair_vec *env, struct image *ret_image)
{
	struct command c = { .j = j,
			     .words = words,
			     .image = ret_image,
			     .options = options,
			     .options_len = ARRAY_SIZE(options) };
	const char *program;

	*ret_image =
		(struct image){ .at = words->len ? words->items[0].at : (struct ib_span){ 0, 0 } };
	if (env)
		vec_foreach (struct ib_pair, p, env)
			take_environment(&c, p->key, p->value, p->at);
	skip_front(&c);
	program = c.next < words->len ? ib_base_name(words->items[c.next].text) : "";
	if (c.next < words->len)
		ret_image->at = words->items[c.next++].at;
	if (strcmp(program, "ironic-python-agent-builder") == 0) {
		read_ipa(&c);
	} else if (strcmp(program, "disk-image-create") == 0 ||
		   strcmp(program, "ramdisk-image-create") == 0) {
		if (program[0] == 'r')
			ret_image->ramdisk_element = "ramdisk";
		read_words(&c);
	} else {
		fail(&c, ret_image->at,
		     "expected disk-image-create, ramdisk-image-create or "
		     "ironic-python-agent-builder, not ",
		     *program ? program : "nothing");
	}
	finish_elements(&c);
	return c.has_failed ? -1 : 0;
}
