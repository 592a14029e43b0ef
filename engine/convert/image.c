/* SPDX-License-Identifier: Apache-2.0 */
/* The recipe of one call of disk-image-create. */
#include "convert/private.h"

#include "element/element.h"

#include <string.h>

/* What provides `operating-system` in dib, for elements that are not at hand. */
static const char *const known_systems[] = {
	"almalinux-container",
	"almalinux",
	"amazonlinux",
	"centos",
	"centos-minimal",
	"centos7",
	"centos8",
	"containerfile",
	"debian",
	"debian-minimal",
	"debian-systemd-container",
	"fedora",
	"fedora-container",
	"fedora-minimal",
	"gentoo",
	"openeuler-minimal",
	"opensuse",
	"opensuse-minimal",
	"rhel",
	"rhel7",
	"rhel8",
	"rocky",
	"rocky-container",
	"ubuntu",
	"ubuntu-minimal",
	"ubuntu-systemd-container",
};

/* Whether NAME, or what it needs, provides an operating system; SEEN ends circles. */
static bool provides_system(struct elements *elements, const char *name, bool with_deps,
			    struct arena *a, struct str_vec *seen)
{
	const struct element *e = elements ? ib_elements_find(elements, name, NULL) : NULL;

	if (str_vec_has(seen, name))
		return false;
	vec_push(a, seen, name);
	if (!e)
		return str_among(name, known_systems, ARRAY_SIZE(known_systems));
	if (str_vec_has(&e->provides, "operating-system"))
		return true;
	if (with_deps)
		vec_foreach (const char *, dep, &e->deps)
			if (provides_system(elements, *dep, true, a, seen))
				return true;
	return false;
}

/* The element that FROM names: one that is an operating system, else one that needs one, else the
 * first. */
static size_t find_system(struct convert_job *j, const struct image *i)
{
	for (int with_deps = 0; with_deps < 2; with_deps++)
		for (size_t k = 0; k < i->elements.len; k++) {
			struct str_vec seen = { NULL, 0, 0 };

			if (provides_system(j->elements, i->elements.items[k], with_deps, j->arena,
					    &seen))
				return k;
		}
	if (i->elements.len)
		ib_diag_add(j->diag, IB_D_GUESS, i->at,
			    "none of the elements is known to provide an operating system; FROM "
			    "is the first of them");
	return 0;
}

void image_set(struct convert_job *j, struct image *i, const char *name, const char *value,
	       struct ib_span at)
{
	struct ib_pair pair = { .key = name, .value = value, .at = at };

	vec_foreach (struct ib_pair, p, &i->env)
		if (strcmp(p->key, name) == 0) {
			*p = pair;
			return;
		}
	vec_push(j->arena, &i->env, pair);
}

static void write_words(struct buf *out, const char *keyword, const struct str_vec *words)
{
	if (!words->len)
		return;
	buf_str(out, keyword);
	vec_foreach (const char *, w, words) {
		buf_char(out, ' ');
		write_word(out, *w);
	}
	buf_char(out, '\n');
}

static void write_env(struct convert_job *j, struct buf *out, const struct image *i)
{
	struct str_vec plain = { NULL, 0, 0 };

	vec_foreach (struct ib_pair, p, &i->env) {
		if (strchr(p->value, '\n'))
			continue;
		vec_push(j->arena, &plain, arena_printf(j->arena, "%s=%s", p->key, p->value));
	}
	/* a few on one line, many a line each */
	if (plain.len <= 2) {
		write_words(out, "ENV", &plain);
		return;
	}
	for (size_t k = 0; k < plain.len; k++) {
		buf_str(out, k ? "    " : "ENV ");
		write_word(out, plain.items[k]);
		buf_str(out, k + 1 < plain.len ? " \\\n" : "\n");
	}
}

/* A value of several lines has no word. */
static int check_env(struct convert_job *j, const struct image *i)
{
	int r = 0;

	vec_foreach (struct ib_pair, p, &i->env) {
		if (!strchr(p->value, '\n'))
			continue;
		ib_diag_add(j->diag, IB_D_NOT_SAID, p->at.end ? p->at : i->at,
			    "the value of %s has several lines, which ENV cannot hold; pass it "
			    "with --env",
			    p->key);
		r = -1;
	}
	return r;
}

static void write_from(struct convert_job *j, struct buf *out, const struct image *i)
{
	struct str_vec more = { NULL, 0, 0 };
	size_t system = find_system(j, i);

	buf_str(out, "FROM ");
	if (i->arch)
		buf_printf(out, "--arch=%s ", i->arch);
	write_word(out, i->elements.items[system]);
	buf_char(out, '\n');
	write_env(j, out, i);
	if (!i->skips_base && !str_vec_has(&i->elements, "base"))
		vec_push(j->arena, &more, "base");
	if (i->ramdisk_element && !str_vec_has(&i->elements, i->ramdisk_element))
		vec_push(j->arena, &more, i->ramdisk_element);
	for (size_t k = 0; k < i->elements.len; k++)
		if (k != system && !str_vec_has(&more, i->elements.items[k]))
			vec_push(j->arena, &more, i->elements.items[k]);
	write_words(out, "ELEMENT", &more);
}

/* dib says 1 for both. */
static const char *checksum_words(const char *checksum)
{
	if (strcmp(checksum, "1") == 0)
		return "md5,sha256";
	return checksum;
}

/* Whether the recipe in PATH is named so without a word: NAME.Imagefile, or image. */
static bool is_named_by(const char *path, const char *name)
{
	const char *file = ib_base_name(path);
	size_t n = strlen(name);

	if (strcmp(file, "Imagefile") == 0)
		return strcmp(name, "image") == 0;
	return strncmp(file, name, n) == 0 && strcmp(file + n, ".Imagefile") == 0;
}

static void write_output(struct convert_job *j, struct buf *out, const struct image *i,
			 const char *path)
{
	struct str_vec formats = { NULL, 0, 0 };

	vec_foreach (const char *, t, &i->types)
		if (!str_vec_has(&formats, *t))
			vec_push(j->arena, &formats, *t);
	if (!formats.len)
		vec_push(j->arena, &formats, "qcow2");
	buf_str(out, "OUTPUT");
	if (!is_named_by(path, i->name ? i->name : "image")) {
		buf_str(out, " --name=");
		write_word(out, i->name ? i->name : "image");
	}
	if (i->checksum && *i->checksum && strcmp(i->checksum, "0") != 0)
		buf_printf(out, " --checksum=%s", checksum_words(i->checksum));
	if (i->is_uncompressed)
		buf_str(out, " --compress=no");
	if (i->qemu_options) {
		buf_str(out, " --options=");
		write_word(out, i->qemu_options);
	}
	if (i->tag && !str_vec_has(&formats, "docker")) {
		ib_diag_add(j->diag, IB_D_LEFT_OUT, i->at,
			    "the docker target '%s' is left out: no output is docker", i->tag);
	} else if (i->tag) {
		buf_str(out, " --tag=");
		write_word(out, i->tag);
	}
	write_words(out, "", &formats);
}

int convert_image(struct convert_job *j, const struct image *i, const char *path)
{
	cleanup_buf struct buf out = BUF_INIT;

	if (!i->elements.len) {
		ib_diag_add(
			j->diag, IB_D_BAD_CONVERSION_INPUT, i->at,
			"the image has no elements; name one that provides an operating system");
		return -1;
	}
	if (check_env(j, i) < 0)
		return -1;
	buf_str(&out, "# imagefile=1\n");
	if (i->comment) {
		buf_str(&out, "#\n");
		write_comment(&out, i->comment);
	}
	buf_char(&out, '\n');
	write_from(j, &out, i);
	if (i->packages.len) {
		buf_char(&out, '\n');
		write_words(&out, "PACKAGE", &i->packages);
	}
	buf_char(&out, '\n');
	write_output(j, &out, i, path);
	return convert_add_recipe(j, path, &out);
}
