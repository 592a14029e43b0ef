/* SPDX-License-Identifier: Apache-2.0 */
/* The tree as an image of one layer: an OCI image layout in a tar, or the archive that `docker
 * load` takes. */
#include "output/output.h"

#include "support/archive.h"
#include "support/crypto.h"

#include <imagebuild/error.h>
#include <imagebuild/jsonout.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEDIA "application/vnd.oci.image."
#define NAME_BYTES 128u /* of a name that is made of the file's */

/* Something that its digest names. */
struct blob {
	char hex[DIGEST_HEX];
	uint64_t size;
	int fd; /* -1: text */
	struct buf text;
};

static void blob_release(struct blob *b)
{
	if (b->fd >= 0)
		(void)close(b->fd);
	buf_release(&b->text);
}
#define cleanup_blob __attribute__((cleanup(blob_release)))
#define BLOB_INIT                          \
	{                                  \
		.fd = -1, .text = BUF_INIT \
	}

static int blob_new(const struct output_job *job, struct blob *b, struct ib_error *err)
{
	b->fd = open(job->temp_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return b->fd < 0 ? ib_fail(err, errno, "make a file in '%s'", job->temp_dir) : 0;
}

static int blob_seal(struct blob *b, struct ib_error *err)
{
	struct digest digest;
	struct stat st;
	int r = 0;

	if (b->fd < 0) {
		digest_of(b->text.data, b->text.len, &digest);
		b->size = b->text.len;
	} else {
		r = digest_of_fd(b->fd, &digest, err);
		if (r >= 0 && fstat(b->fd, &st) < 0)
			r = ib_fail(err, errno, "stat a layer");
		if (r >= 0)
			b->size = (uint64_t)st.st_size;
	}
	if (r >= 0)
		digest_hex(&digest, b->hex);
	return r;
}

/* The layer as a plain tar. Not every runtime reads the maps of sparse files, and OCI forbids them.
 */
static int write_layer(const struct output_job *job, struct blob *layer, struct ib_error *err)
{
	int r = blob_new(job, layer, err);

	for (size_t i = 0; i < job->tree->len; i++)
		job->tree->entries[i].allocated = job->tree->entries[i].size;
	if (r >= 0)
		r = archive_write_tar(layer->fd, job->tree, err);
	return r < 0 ? ib_wrap(err, "write the layer") : blob_seal(layer, err);
}

static int compress_layer(const struct output_job *job, const struct blob *layer,
			  struct blob *packed, struct ib_error *err)
{
	int r = blob_new(job, packed, err);

	if (r >= 0)
		r = archive_gzip(layer->fd, packed->fd, err);
	return r < 0 ? ib_wrap(err, "compress the layer") : blob_seal(packed, err);
}

static int write_config(const struct output_job *job, const struct blob *layer, struct blob *config,
			struct ib_error *err)
{
	cleanup_free char *id = ib_xprintf("sha256:%s", layer->hex);

	image_config_json(job->config, job->epoch, id, &config->text);
	return blob_seal(config, err);
}

/* The last part of the image's name, with what a registry's name cannot have as '-'. */
static char *standard_tag(const char *name)
{
	const char *slash = strrchr(name, '/');
	cleanup_buf struct buf out = BUF_INIT;

	for (const char *p = slash ? slash + 1 : name; *p && out.len < NAME_BYTES; p++) {
		char c = (char)tolower((unsigned char)*p);
		bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (is_word)
			buf_char(&out, c);
		else if (out.len && isalnum((unsigned char)out.data[out.len - 1]))
			buf_char(&out, c == '.' || c == '_' ? c : '-');
	}
	if (out.len && !isalnum((unsigned char)out.data[out.len - 1]))
		out.len--;
	return ib_xprintf("%.*s:latest", out.len ? (int)out.len : 5, out.len ? out.data : "image");
}

/* Calls ADD for each tag. */
static void each_tag(const struct output_job *job, struct jsonout *j, const void *context,
		     void (*add)(struct jsonout *j, const void *context, const char *tag))
{
	cleanup_free char *standard = NULL;

	if (job->op && job->op->tags.len) {
		vec_foreach (const char *, tag, &job->op->tags)
			add(j, context, *tag);
		return;
	}
	standard = standard_tag(job->name);
	add(j, context, standard);
}

static void add_descriptor(struct jsonout *j, const char *media, const struct blob *b)
{
	cleanup_free char *digest = ib_xprintf("sha256:%s", b->hex);

	json_str(j, "mediaType", media);
	json_str(j, "digest", digest);
	json_u64(j, "size", b->size);
}

static int write_manifest(const struct blob *config, const struct blob *layer, bool is_plain,
			  struct blob *manifest, struct ib_error *err)
{
	struct jsonout j = { .out = &manifest->text, .is_compact = true };

	json_object(&j, NULL);
	json_u64(&j, "schemaVersion", 2);
	json_str(&j, "mediaType", MEDIA "manifest.v1+json");
	json_object(&j, "config");
	add_descriptor(&j, MEDIA "config.v1+json", config);
	json_object_end(&j);
	json_array(&j, "layers");
	json_object(&j, NULL);
	add_descriptor(&j, is_plain ? MEDIA "layer.v1.tar" : MEDIA "layer.v1.tar+gzip", layer);
	json_object_end(&j);
	json_array_end(&j);
	json_object_end(&j);
	return blob_seal(manifest, err);
}

static void add_reference(struct jsonout *j, const void *context, const char *tag)
{
	json_object(j, NULL);
	add_descriptor(j, MEDIA "manifest.v1+json", context);
	json_object(j, "annotations");
	json_str(j, "org.opencontainers.image.ref.name", tag);
	json_object_end(j);
	json_object_end(j);
}

static void write_index(const struct output_job *job, const struct blob *manifest, struct buf *out)
{
	struct jsonout j = { .out = out, .is_compact = true };

	json_object(&j, NULL);
	json_u64(&j, "schemaVersion", 2);
	json_str(&j, "mediaType", MEDIA "index.v1+json");
	json_array(&j, "manifests");
	each_tag(job, &j, manifest, add_reference);
	json_array_end(&j);
	json_object_end(&j);
}

static int compare_members(const void *a, const void *b)
{
	const struct archive_member *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int write_members(const struct output_job *job, struct archive_member *members, size_t n,
			 int fd, struct ib_error *err)
{
	qsort(members, n, sizeof(*members), compare_members);
	return archive_write_members(fd, members, n, job->epoch, err);
}

static struct archive_member member(const char *path, const struct blob *b)
{
	return (struct archive_member){
		.path = path, .data = b->text.data, .len = b->text.len, .fd = b->fd
	};
}

static int write_layout(const struct output_job *job, const struct blob *config,
			const struct blob *layer, const struct blob *manifest, int fd,
			struct ib_error *err)
{
	static const char version[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	cleanup_free char *config_path = ib_xprintf("blobs/sha256/%s", config->hex);
	cleanup_free char *layer_path = ib_xprintf("blobs/sha256/%s", layer->hex);
	cleanup_free char *manifest_path = ib_xprintf("blobs/sha256/%s", manifest->hex);
	cleanup_buf struct buf index = BUF_INIT;

	write_index(job, manifest, &index);
	struct archive_member members[] = {
		{ .path = "blobs/", .fd = -1 },
		{ .path = "blobs/sha256/", .fd = -1 },
		member(config_path, config),
		member(layer_path, layer),
		member(manifest_path, manifest),
		{ .path = "index.json", .data = index.data, .len = index.len, .fd = -1 },
		{ .path = "oci-layout", .data = version, .len = sizeof(version) - 1, .fd = -1 },
	};
	return write_members(job, members, ARRAY_SIZE(members), fd, err);
}

static int oci_write(const struct output_job *job, const struct output_format *f IB_UNUSED, int fd,
		     struct ib_error *err)
{
	cleanup_blob struct blob layer = BLOB_INIT, packed = BLOB_INIT, config = BLOB_INIT,
				 manifest = BLOB_INIT;
	const struct blob *given = job->is_uncompressed ? &layer : &packed;
	int r = write_layer(job, &layer, err);

	if (r >= 0 && !job->is_uncompressed)
		r = compress_layer(job, &layer, &packed, err);
	if (r >= 0)
		r = write_config(job, &layer, &config, err);
	if (r >= 0)
		r = write_manifest(&config, given, job->is_uncompressed, &manifest, err);
	return r < 0 ? r : write_layout(job, &config, given, &manifest, fd, err);
}

static void add_name(struct jsonout *j, const void *context IB_UNUSED, const char *tag)
{
	json_str(j, NULL, tag);
}

static void write_docker_manifest(const struct output_job *job, const char *config_path,
				  const char *layer_path, struct buf *out)
{
	struct jsonout j = { .out = out, .is_compact = true };

	json_array(&j, NULL);
	json_object(&j, NULL);
	json_str(&j, "Config", config_path);
	json_array(&j, "RepoTags");
	each_tag(job, &j, NULL, add_name);
	json_array_end(&j);
	json_array(&j, "Layers");
	json_str(&j, NULL, layer_path);
	json_array_end(&j);
	json_object_end(&j);
	json_array_end(&j);
}

static int docker_write(const struct output_job *job, const struct output_format *f IB_UNUSED,
			int fd, struct ib_error *err)
{
	cleanup_blob struct blob layer = BLOB_INIT, config = BLOB_INIT;
	cleanup_free char *config_path = NULL, *dir_path = NULL, *layer_path = NULL;
	cleanup_buf struct buf manifest = BUF_INIT;
	int r = write_layer(job, &layer, err);

	if (r >= 0)
		r = write_config(job, &layer, &config, err);
	if (r < 0)
		return r;
	config_path = ib_xprintf("%s.json", config.hex);
	dir_path = ib_xprintf("%s/", layer.hex);
	layer_path = ib_xprintf("%s/layer.tar", layer.hex);
	write_docker_manifest(job, config_path, layer_path, &manifest);
	struct archive_member members[] = {
		{ .path = dir_path, .fd = -1 },
		member(layer_path, &layer),
		member(config_path, &config),
		{ .path = "manifest.json", .data = manifest.data, .len = manifest.len, .fd = -1 },
	};
	return write_members(job, members, ARRAY_SIZE(members), fd, err);
}

const struct output_format output_oci = {
	.name = "oci", .suffix = "oci.tar", .has_config = true, .write = oci_write
};

const struct output_format output_docker = {
	.name = "docker", .suffix = "docker.tar", .has_config = true, .write = docker_write
};
