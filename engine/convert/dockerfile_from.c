/* SPDX-License-Identifier: Apache-2.0 */
/* FROM: an image that an element makes, too, becomes that element; others are read from a layout.
 */
#include "convert/docker.h"

#include "element/element.h"

#include <ctype.h>
#include <string.h>

/* The releases that a tag names by a number (distro-info-data). */
struct release {
	const char *number, *name;
};

static const struct release debian[] = {
	{ "10", "buster" }, { "11", "bullseye" }, { "12", "bookworm" },
	{ "13", "trixie" }, { NULL, NULL },
};

static const struct release ubuntu[] = {
	{ "16.04", "xenial" }, { "18.04", "bionic" }, { "20.04", "focal" },
	{ "22.04", "jammy" },  { "24.04", "noble" },  { NULL, NULL },
};

static const struct distribution {
	const char *image, *element, *latest;
	const struct release *releases;
} distributions[] = {
	{ "debian", "debian-minimal", "stable", debian },
	{ "ubuntu", "ubuntu-minimal", "noble", ubuntu },
};

/* "HOST/NAMESPACE/NAME:TAG@DIGEST" */
struct reference {
	const char *name; /* without the default registry's words */
	const char *tag;  /* NULL: none */
	const char *digest;
};

static struct reference parse(struct arena *a, const char *text)
{
	struct reference r = { .name = text };
	const char *at = strchr(text, '@'), *slash, *colon, *library;

	if (at) {
		r.digest = at + 1;
		text = arena_strndup(a, text, (size_t)(at - text));
	}
	slash = strrchr(text, '/');
	colon = strchr(slash ? slash : text, ':');
	r.tag = colon ? colon + 1 : NULL;
	r.name = colon ? arena_strndup(a, text, (size_t)(colon - text)) : text;
	library = strstr(r.name, "library/");
	if (library && (library == r.name || library[-1] == '/'))
		r.name = library + strlen("library/");
	return r;
}

/* "bookworm-slim", "12.5", "bookworm-20240110": the release that it names, or NULL. */
static const char *release_of(struct arena *a, const struct distribution *dist, const char *tag)
{
	size_t n = strcspn(tag, "-");
	const char *word = arena_strndup(a, tag, n);

	for (const struct release *r = dist->releases; r->number; r++) {
		size_t m = strlen(r->number);

		if (strcmp(r->name, word) == 0 ||
		    (strncmp(r->number, word, m) == 0 && (!word[m] || word[m] == '.')))
			return r->name;
	}
	if (dist->releases == debian)
		for (size_t i = 0; i < n; i++)
			if (!islower((unsigned char)word[i]))
				return NULL;
	return dist->releases == debian && n && strcmp(word, "latest") != 0 ? word : NULL;
}

const char *docker_image(struct docker *d, const char *image, struct ib_span at)
{
	struct reference r = parse(d->j->arena, image);
	char *path = arena_strdup(d->j->arena, r.name);
	const char *tag = r.tag ? r.tag : "latest", *place;

	for (char *p = path; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			*p = '-';
	if (r.digest && !r.tag)
		tag = "pinned";
	place = arena_printf(d->j->arena, "oci:%s:%s", path, tag);
	ib_diag_add(d->j->diag, IB_D_GUESS, at, "the image '%s' is read from a layout: %s", image,
		    place);
	ib_diag_hint(d->j->diag, "get it, beside the recipe: skopeo copy docker://%s%s%s %s", image,
		     r.tag || r.digest ? "" : ":", r.tag || r.digest ? "" : tag, place);
	return place;
}

/* Whether TAG is one variable and perhaps "-slim", whose value is RELEASE. */
static const char *variable_tag(struct docker *d, const char *tag, const char *release)
{
	const char *name, *modifier;
	size_t n = docker_variable(d->j->arena, tag, strlen(tag), &name, &modifier);

	if (!n || (tag[n] && strcmp(tag + n, "-slim") != 0))
		return NULL;
	tag = arena_strndup(d->j->arena, tag, n);
	return strcmp(docker_expand(d, tag), release) == 0 ? tag : NULL;
}

/* The release as the recipe says it; what is not certain has a note. */
static const char *say_release(struct docker *d, const struct distribution *dist,
			       const char *written, const struct reference *r, struct ib_span at)
{
	const char *release = r->tag ? release_of(d->j->arena, dist, r->tag) : NULL;
	const char *variable = NULL, *tag = parse(d->j->arena, written).tag;

	if (!release && (!r->tag || strcmp(r->tag, "latest") == 0)) {
		release = dist->latest;
		ib_diag_add(d->j->diag, IB_D_GUESS, at, "the newest release is taken to be %s",
			    release);
	}
	if (release && tag)
		variable = variable_tag(d, tag, release);
	if (release && tag && strchr(tag, '$') && !variable)
		ib_diag_add(d->j->diag, IB_D_GUESS, at, "%s is the release of '%s'", release,
			    r->tag);
	if (release && r->digest)
		ib_diag_add(d->j->diag, IB_D_GUESS, at,
			    "the digest is left out: the packages are those of the day of the "
			    "build");
	return variable ? variable : release;
}

/* "debian:12" as FROM debian-minimal and its release; false: no element makes it. */
static bool from_element(struct docker *d, const struct docker_line *l, const char *written,
			 const char *image, struct docker_stage *s)
{
	struct reference r = parse(d->j->arena, image);
	struct ib_span end = { l->args.end, l->args.end };

	for (size_t i = 0; i < ARRAY_SIZE(distributions); i++) {
		const struct distribution *dist = &distributions[i];
		const char *release;

		if (strcmp(r.name, dist->image) != 0 ||
		    (d->j->elements && !ib_elements_find(d->j->elements, dist->element, NULL)))
			continue;
		release = say_release(d, dist, written, &r, s->base_at);
		if (!release)
			return false;
		docker_change(d, s->base_at, dist->element);
		docker_change(d, end, arena_printf(d->j->arena, "\nENV DIB_RELEASE=%s", release));
		return true;
	}
	return false;
}

static void convert_platform(struct docker *d, const struct docker_word *w)
{
	static const struct {
		const char *platform, *arch;
	} archs[] = {
		{ "linux/amd64", "amd64" },    { "linux/arm64", "arm64" },
		{ "linux/arm64/v8", "arm64" }, { "linux/arm/v7", "armhf" },
		{ "linux/386", "i386" },       { "linux/ppc64le", "ppc64el" },
		{ "linux/s390x", "s390x" },    { "linux/riscv64", "riscv64" },
	};
	const char *value = w->text + strcspn(w->text, "=");

	value += *value == '=';
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (strcmp(value, archs[i].platform) == 0) {
			docker_change(d, w->at,
				      arena_printf(d->j->arena, "--arch=%s", archs[i].arch));
			return;
		}
	docker_change(d, w->at, "");
	ib_diag_add(d->j->diag, IB_D_GUESS, w->at,
		    "the stage is built for this machine's architecture");
}

/* PLACE with the variables that the tag of WRITTEN has. */
static const char *keep_tag(struct docker *d, const char *place, const char *written)
{
	const char *tag = strchr(written, '@') ? NULL : parse(d->j->arena, written).tag;
	const char *name = tag ? arena_strndup(d->j->arena, written, (size_t)(tag - written)) : "$";

	if (strchr(name, '$') || !strchr(tag, '$'))
		return place;
	return arena_printf(d->j->arena, "%.*s%s", (int)(strrchr(place, ':') + 1 - place), place,
			    tag);
}

/* Stages are called in small letters. */
static const char *stage_name(struct docker *d, const struct docker_word *w)
{
	char *name = arena_strdup(d->j->arena, w->text);

	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strcmp(name, w->text) != 0)
		docker_change(d, w->at, name);
	return name;
}

static void start_from(struct docker *d, const struct docker_line *l, const char *written,
		       struct docker_stage *s)
{
	/* a stage's number is no name here */
	const struct docker_stage *parent =
		isdigit((unsigned char)written[0]) ? NULL : docker_stage_find(d, written);
	const char *image = parent ? NULL : docker_expand(d, written);

	if (parent) {
		s->base = parent->base;
		if (strcmp(parent->name, written) != 0)
			docker_change(d, s->base_at, parent->name);
		vec_foreach (struct ib_pair, p, &parent->variables)
			docker_define(d, &s->variables, p->key, p->value);
		return;
	}
	if (!image) {
		docker_fail(d, s->base_at, "a variable of the image has no value");
		ib_diag_hint(d->j->diag, "give its ARG a default");
	} else if (strcmp(image, "scratch") == 0) {
		s->base = DOCKER_SCRATCH;
		if (strcmp(written, image) != 0)
			docker_change(d, s->base_at, image);
	} else if (!from_element(d, l, written, image, s)) {
		s->base = DOCKER_IMAGE;
		docker_change(d, s->base_at,
			      keep_tag(d, docker_image(d, image, s->base_at), written));
	}
}

void docker_from(struct docker *d, const struct docker_line *l)
{
	size_t base = l->flags_len;
	const struct docker_word *words = l->words.items;
	struct docker_stage s = { .base = DOCKER_ELEMENT };

	if (l->words.len != base + 1 &&
	    (l->words.len != base + 3 || strcasecmp(words[base + 1].text, "AS") != 0)) {
		docker_fail(d, l->at, "expected FROM IMAGE [AS NAME]");
		return;
	}
	for (size_t i = 0; i < base; i++)
		convert_platform(d, &words[i]);
	s.base_at = words[base].at;
	if (l->words.len > base + 1)
		s.name = stage_name(d, &words[base + 2]);
	vec_push(d->j->arena, &d->stages, s);
	start_from(d, l, words[base].text, &s);
	d->stages.items[d->stages.len - 1] = s;
}
