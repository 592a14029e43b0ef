/* SPDX-License-Identifier: Apache-2.0 */
/* oci:PATH[:TAG]: an OCI image layout (a directory, or an archive of one) or an archive of `docker
 * save`. OCI image specification 1.1: image-layout.md, image-index.md, manifest.md, layer.md,
 * config.md. */
#include "base/private.h"

#include "support/archive.h"
#include "support/fs.h"
#include "support/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_MAX (16u << 20)
#define LAYER_MAX ((uint64_t)1 << 40)
#define INDEX_DEPTH 4
#define LAYERS_MAX 1000
#define REF_NAME "org.opencontainers.image.ref.name"

struct look {
	struct base *base;
	int fd;
	bool is_dir;
	struct arena *arena;
	struct ib_diag *diag;
	struct ib_error *err;
};

/* Debian's words in those of Go. */
static const struct {
	const char *debian, *go;
} arches[] = {
	{ "i386", "386" },        { "armhf", "arm" },         { "armel", "arm" },
	{ "ppc64el", "ppc64le" }, { "mips64el", "mips64le" }, { "mipsel", "mipsle" },
};

static const char *go_arch(const char *debian)
{
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (strcmp(arches[i].debian, debian) == 0)
			return arches[i].go;
	return debian;
}

static int bad(struct look *l, const char *fmt, ...) IB_PRINTF(2, 3);
static int bad(struct look *l, const char *fmt, ...)
{
	cleanup_buf struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	ib_diag_add(l->diag, IB_D_BAD_BASE, l->base->at, "'%s': %s", l->base->path, text.data);
	return -1;
}

/* The file NAME of the image; of an archive a copy, in memory or unnamed in TMP_FD. */
static int open_file(int fd, bool is_dir, const char *name, int tmp_fd, uint64_t max,
		     struct ib_error *err)
{
	int file = -1, r;

	if (is_dir)
		file = fs_open_beneath(fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	else if (tmp_fd >= 0)
		file = openat(tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	else
		file = memfd_create("image", MFD_CLOEXEC);
	if (file < 0)
		return ib_fail(err, errno, "open '%s'", name);
	r = is_dir ? 0 : archive_member(fd, name, file, max, err);
	if (r < 0)
		(void)close(file);
	return r < 0 ? r : file;
}

/* The text of NAME; with DIGEST it must be its. NULL with something reported. */
static char *read_text(struct look *l, const char *name, const struct digest *digest,
		       size_t *ret_len)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_fd int fd = open_file(l->fd, l->is_dir, name, -1, JSON_MAX, &err);
	struct stat st = { .st_size = 0 };
	struct digest found;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)bad(l, "%s", fd < 0 ? err.text : strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > JSON_MAX) {
		(void)bad(l, "'%s' is no file of at most %u bytes", name, JSON_MAX);
		return NULL;
	}
	text = arena_alloc(l->arena, (size_t)st.st_size + 1);
	if (fs_pread_all(fd, text, (size_t)st.st_size, 0) < 0) {
		(void)bad(l, "'%s' cannot be read", name);
		return NULL;
	}
	digest_of(text, (size_t)st.st_size, &found);
	if (digest && !digest_equal(&found, digest)) {
		(void)bad(l, "'%s' has another digest than its name says", name);
		return NULL;
	}
	*ret_len = (size_t)st.st_size;
	return text;
}

static const struct json_value *read_json(struct look *l, const char *name,
					  const struct digest *digest)
{
	const struct json_value *v;
	const char *why = "";
	size_t len = 0;
	char *text = read_text(l, name, digest, &len);

	if (!text)
		return NULL;
	v = json_parse(l->arena, text, len, NULL, &why);
	if (!v)
		(void)bad(l, "'%s' is not JSON: %s", name, why);
	return v;
}

static const char *text_of(const struct json_value *object, const char *key)
{
	const struct json_value *v = object ? json_get(object, key) : NULL;

	return v && v->kind == JSON_STRING && *v->text ? v->text : NULL;
}

static const struct json_value *items_of(const struct json_value *object, const char *key)
{
	const struct json_value *v = object ? json_get(object, key) : NULL;

	return v ? v->children : NULL;
}

/* "sha256:<hex>", and the blob's name. */
static int parse_digest(struct look *l, const char *text, struct digest *ret_digest,
			const char **ret_name)
{
	static const char prefix[] = "sha256:";

	if (!text || strncmp(text, prefix, sizeof(prefix) - 1) != 0 ||
	    strlen(text) != sizeof(prefix) - 1 + DIGEST_HEX - 1 ||
	    !digest_from_hex(text + sizeof(prefix) - 1, ret_digest))
		return bad(l, "expected a digest 'sha256:<64 hexadecimal digits>', not '%s'",
			   text ? text : "");
	*ret_name = arena_printf(l->arena, "blobs/sha256/%s", text + sizeof(prefix) - 1);
	return 0;
}

static const struct json_value *read_blob(struct look *l, const struct json_value *descriptor,
					  struct digest *ret_digest)
{
	const char *name = NULL;

	if (parse_digest(l, text_of(descriptor, "digest"), ret_digest, &name) < 0)
		return NULL;
	return read_json(l, name, ret_digest);
}

/* The tag of an entry of index.json: the annotation, of a whole name the part behind the ':'. */
static const char *tag_of(const struct json_value *descriptor)
{
	const char *name = text_of(json_get(descriptor, "annotations"), REF_NAME);
	const char *colon = name ? strrchr(name, ':') : NULL;

	return colon && !strchr(colon, '/') ? colon + 1 : name;
}

static bool is_wanted_arch(const struct look *l, const struct json_value *descriptor)
{
	const struct json_value *platform = json_get(descriptor, "platform");
	const char *arch = text_of(platform, "architecture"), *os = text_of(platform, "os");

	return !platform ||
	       (arch && strcmp(arch, go_arch(l->base->arch)) == 0 && (!os || !strcmp(os, "linux")));
}

static void add_word(struct buf *out, const char *word)
{
	if (!out->len || !strstr(out->data, word))
		buf_printf(out, "%s%s", out->len ? ", " : "", word);
}

/* "amd64, arm64": what ITEMS are for. Attestations are for "unknown". */
static void list_arches(const struct json_value *items, struct buf *out)
{
	for (const struct json_value *v = items; v; v = v->next) {
		const char *arch = text_of(json_get(v, "platform"), "architecture");

		if (arch && strcmp(arch, "unknown") != 0)
			add_word(out, arch);
	}
}

static void report_tag(struct look *l, const char *tag, const struct buf *tags)
{
	if (tag)
		(void)bad(l, "there is no tag '%s'", tag);
	else
		(void)bad(l, "it holds several images; name one as oci:%s:TAG", l->base->path);
	ib_diag_hint(l->diag, "%s%s", tags->len ? "its tags are " : "it has no tags",
		     tags->len ? tags->data : "");
}

/* The one entry of index.json that is asked for: by tag, then by architecture. */
static const struct json_value *select_entry(struct look *l, const struct json_value *items)
{
	cleanup_buf struct buf tags = BUF_INIT, have = BUF_INIT;
	const struct json_value *found = NULL;
	size_t matches = 0, wanted = 0;

	for (const struct json_value *v = items; v; v = v->next) {
		const char *tag = tag_of(v);

		if (tag)
			add_word(&tags, tag);
		if (l->base->select && (!tag || strcmp(tag, l->base->select) != 0))
			continue;
		matches++;
		if (!is_wanted_arch(l, v))
			continue;
		wanted++;
		found = v;
	}
	if (wanted == 1)
		return found;
	if (!matches || wanted > 1) {
		report_tag(l, l->base->select, &tags);
		return NULL;
	}
	list_arches(items, &have);
	(void)bad(l, "it has no image for %s, only for %s", go_arch(l->base->arch), have.data);
	return NULL;
}

/* The first image of an index for the architecture. */
static const struct json_value *select_platform(struct look *l, const struct json_value *items)
{
	cleanup_buf struct buf have = BUF_INIT;

	for (const struct json_value *v = items; v; v = v->next)
		if (is_wanted_arch(l, v))
			return v;
	list_arches(items, &have);
	(void)bad(l, "it has no image for %s, only for %s", go_arch(l->base->arch),
		  have.len ? have.data : "none");
	return NULL;
}

static void add_words(struct look *l, const struct json_value *items, struct str_vec *words)
{
	for (const struct json_value *v = items; v; v = v->next)
		if (v->kind == JSON_STRING)
			vec_push(l->arena, words, v->text);
}

/* A set as Go writes it: an object of empty objects. */
static void add_keys(struct look *l, const struct json_value *items, struct str_vec *words)
{
	for (const struct json_value *v = items; v; v = v->next)
		if (v->key)
			vec_push(l->arena, words, v->key);
}

static void add_env(struct look *l, const struct json_value *items, struct ib_pair_vec *env)
{
	for (const struct json_value *v = items; v; v = v->next) {
		const char *equals = v->kind == JSON_STRING ? strchr(v->text, '=') : NULL;

		if (equals && equals > v->text)
			vec_push(
				l->arena, env,
				((struct ib_pair){ .key = arena_strndup(l->arena, v->text,
									(size_t)(equals - v->text)),
						   .value = equals + 1 }));
	}
}

static void add_labels(struct look *l, const struct json_value *items, struct ib_pair_vec *labels)
{
	for (const struct json_value *v = items; v; v = v->next)
		if (v->key && v->kind == JSON_STRING)
			vec_push(l->arena, labels,
				 ((struct ib_pair){ .key = v->key, .value = v->text }));
}

static int take_config(struct look *l, const struct json_value *root)
{
	const struct json_value *c = json_get(root, "config");
	const char *arch = text_of(root, "architecture"), *os = text_of(root, "os");
	struct image_config *config = arena_alloc(l->arena, sizeof(*config));

	if (arch && strcmp(arch, go_arch(l->base->arch)) != 0)
		return bad(l, "it is an image for %s; this machine builds for %s", arch,
			   go_arch(l->base->arch));
	if (os && strcmp(os, "linux") != 0)
		return bad(l, "it is an image for %s, not for linux", os);
	*config = (struct image_config){ .arch = l->base->arch };
	l->base->config = config;
	if (!c || c->kind != JSON_OBJECT)
		return 0;
	config->user = text_of(c, "User");
	config->workdir = text_of(c, "WorkingDir");
	config->stop_signal = text_of(c, "StopSignal");
	add_env(l, items_of(c, "Env"), &config->env);
	add_labels(l, items_of(c, "Labels"), &config->labels);
	add_words(l, items_of(c, "Entrypoint"), &config->entrypoint);
	add_words(l, items_of(c, "Cmd"), &config->command);
	add_keys(l, items_of(c, "ExposedPorts"), &config->ports);
	add_keys(l, items_of(c, "Volumes"), &config->volumes);
	return 0;
}

static int add_layer(struct look *l, const struct json_value *descriptor)
{
	const struct json_value *size = json_get(descriptor, "size");
	const char *type = text_of(descriptor, "mediaType");
	struct base_layer layer = { .name = NULL };

	if (parse_digest(l, text_of(descriptor, "digest"), &layer.digest, &layer.name) < 0)
		return -1;
	if (type && strstr(type, "encrypted"))
		return bad(l, "layer '%s' is encrypted", layer.name);
	layer.has_size = size && size->kind == JSON_NUMBER && size->number >= 0;
	layer.size = layer.has_size ? (uint64_t)size->number : 0;
	vec_push(l->arena, &l->base->layers, layer);
	return 0;
}

static int take_manifest(struct look *l, const struct json_value *manifest)
{
	const struct json_value *config;
	struct digest digest;
	int r = 0;

	if (!json_get(manifest, "layers") || !json_get(manifest, "config"))
		return bad(l, "its manifest is no image manifest of version 2");
	config = read_blob(l, json_get(manifest, "config"), &digest);
	if (!config)
		return -1;
	for (const struct json_value *v = items_of(manifest, "layers"); v && r >= 0; v = v->next)
		r = l->base->layers.len < LAYERS_MAX
			    ? add_layer(l, v)
			    : bad(l, "it has more than %d layers", LAYERS_MAX);
	return r < 0 ? r : take_config(l, config);
}

static int look_layout(struct look *l)
{
	const struct json_value *index = read_json(l, "index.json", NULL), *v;

	v = index ? select_entry(l, items_of(index, "manifests")) : NULL;
	for (int depth = 0; v; depth++) {
		const struct json_value *blob = read_blob(l, v, &l->base->content);

		if (!blob)
			return -1;
		if (!json_get(blob, "manifests"))
			return take_manifest(l, blob);
		if (depth == INDEX_DEPTH)
			return bad(l, "its indices are nested too deep");
		v = select_platform(l, items_of(blob, "manifests"));
	}
	return -1;
}

/* RepoTags has "NAME:TAG". */
static bool has_tag(const struct json_value *image, const char *tag, struct buf *tags)
{
	bool is_found = !tag;

	for (const struct json_value *v = items_of(image, "RepoTags"); v; v = v->next) {
		const char *colon = v->kind == JSON_STRING ? strrchr(v->text, ':') : NULL;

		if (!colon)
			continue;
		add_word(tags, colon + 1);
		is_found = is_found || strcmp(colon + 1, tag) == 0;
	}
	return is_found;
}

static const struct json_value *select_docker(struct look *l, const struct json_value *items)
{
	cleanup_buf struct buf tags = BUF_INIT;
	const struct json_value *found = NULL;
	size_t matches = 0;

	for (const struct json_value *v = items; v; v = v->next) {
		if (!has_tag(v, l->base->select, &tags))
			continue;
		matches++;
		found = v;
	}
	if (matches == 1)
		return found;
	report_tag(l, l->base->select, &tags);
	return NULL;
}

/* The configuration has the digests of the layers, uncompressed, in their order. */
static int take_docker_layers(struct look *l, const struct json_value *image,
			      const struct json_value *config)
{
	const struct json_value *name = items_of(image, "Layers");
	const struct json_value *id = items_of(json_get(config, "rootfs"), "diff_ids");

	for (; name && id; name = name->next, id = id->next) {
		struct base_layer layer = { .name = name->text };
		const char *unused = NULL;

		if (name->kind != JSON_STRING || id->kind != JSON_STRING ||
		    l->base->layers.len == LAYERS_MAX)
			return bad(l, "its list of layers cannot be read");
		if (parse_digest(l, id->text, &layer.digest, &unused) < 0)
			return -1;
		vec_push(l->arena, &l->base->layers, layer);
	}
	return name || id ? bad(l, "it has not as many layers as its configuration says") : 0;
}

static int look_docker(struct look *l)
{
	const struct json_value *root = read_json(l, "manifest.json", NULL);
	const struct json_value *image, *config = NULL;
	const char *name, *why = "";
	size_t len = 0;
	char *text;

	image = root && root->kind == JSON_ARRAY ? select_docker(l, root->children) : NULL;
	if (!image)
		return root && root->kind != JSON_ARRAY ? bad(l, "'manifest.json' is no list") : -1;
	name = text_of(image, "Config");
	text = name ? read_text(l, name, NULL, &len) : NULL;
	if (!text)
		return name ? -1 : bad(l, "'manifest.json' names no configuration");
	digest_of(text, len, &l->base->content);
	config = json_parse(l->arena, text, len, NULL, &why);
	if (!config)
		return bad(l, "'%s' is not JSON: %s", name, why);
	l->base->is_docker = true;
	return take_docker_layers(l, image, config) < 0 ? -1 : take_config(l, config);
}

/* 1 where it is there, -1 where that cannot be said. */
static int has_file(struct look *l, const char *name)
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_fd int fd = open_file(l->fd, l->is_dir, name, -1, JSON_MAX, &err);

	return fd >= 0 ? 1 : l->is_dir && err.code != ENOENT ? bad(l, "%s", err.text) : 0;
}

int oci_look(struct base *b, int fd, struct arena *a, struct ib_diag *diag, struct ib_error *err)
{
	struct look l = { .base = b, .fd = fd, .arena = a, .diag = diag, .err = err };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "look at '%s'", b->path);
	l.is_dir = S_ISDIR(st.st_mode);
	b->layers.len = 0;
	b->has_content = true;
	r = has_file(&l, "index.json");
	if (r != 0)
		return r < 0 ? r : look_layout(&l);
	r = has_file(&l, "manifest.json");
	if (r != 0)
		return r < 0 ? r : look_docker(&l);
	if (l.is_dir)
		return bad(&l, "the directory is no image: it has no index.json");
	base_report_kind(b, fd, "container image", "something else", diag);
	return -1;
}

static int check_layer(const struct base *b, const struct base_layer *layer, int fd,
		       struct ib_error *err)
{
	struct digest found;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ib_fail_text(err, EINVAL, "it is no file");
	if (layer->has_size && (uint64_t)st.st_size != layer->size)
		return ib_fail_text(err, EINVAL,
				    "it has %" PRIu64 " bytes, and the manifest says %" PRIu64,
				    (uint64_t)st.st_size, layer->size);
	r = lseek(fd, 0, SEEK_SET) < 0 ? ib_fail(err, errno, "read it")
				       : digest_of_fd(fd, &found, err);
	if (r >= 0 && !digest_equal(&found, &layer->digest) && b->is_docker)
		r = archive_digest_plain(fd, &found, err);
	if (r >= 0 && !digest_equal(&found, &layer->digest))
		return ib_fail_text(err, EINVAL, "its bytes have another digest than %s says",
				    b->is_docker ? "the configuration" : "the manifest");
	return r;
}

static int unpack_layer(const struct base *b, const struct base_layer *layer, int fd, bool is_dir,
			int dir_fd, int tmp_fd, struct ib_error *err)
{
	const struct archive_options options = { .is_root = true, .has_whiteouts = true };
	cleanup_fd int file = open_file(fd, is_dir, layer->name, tmp_fd, LAYER_MAX, err);
	int r = file < 0 ? file : check_layer(b, layer, file, err);

	if (r < 0)
		return r;
	if (lseek(file, 0, SEEK_SET) < 0)
		return ib_fail(err, errno, "read it");
	return archive_extract(file, dir_fd, &options, err);
}

int oci_unpack(const struct base *b, int fd, int dir_fd, int tmp_fd, struct ib_error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "look at the image");
	for (size_t i = 0; i < b->layers.len; i++) {
		const struct base_layer *layer = &b->layers.items[i];
		int r = unpack_layer(b, layer, fd, S_ISDIR(st.st_mode), dir_fd, tmp_fd, err);

		if (r < 0)
			return ib_wrap(err, "layer %zu of %zu, '%s'", i + 1, b->layers.len,
				       layer->name);
	}
	return 0;
}
