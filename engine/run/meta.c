/* SPDX-License-Identifier: Apache-2.0 */
/* meta.json of a layer: the mounts it left and what later steps must know of it:
 * {"step":"hook","name":"50-x","empty":false,"left":[{"source":"/a","target":"/b"}],"gone":[],"epoch":1,"resolv":"<hex>"}
 */
#include "run/schedule.h"

#include "support/fs.h"
#include "support/json.h"

#include <imagebuild/jsonout.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define META_MAX (1u << 20)
#define ENV_MAX (16u << 20)

/* True where DIR holds nothing but the directories of KNOWN (NULL-terminated), which are mere
 * traces of a mount point that came and went. */
static bool holds_only(int at, const char *path, const char *const *known)
{
	cleanup_dir DIR *dir = NULL;
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT;
	dir = fdopendir(fd);
	if (!dir || fgetxattr(fd, "user.overlay.opaque", NULL, 0) >= 0)
		return false;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		bool is_known = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;

		for (size_t i = 0; known[i] && !is_known; i++)
			is_known = strcmp(e->d_name, known[i]) == 0 && e->d_type == DT_DIR;
		if (!is_known)
			return false;
	}
	return true;
}

bool meta_is_empty(const char *draft)
{
	static const char *const none[] = { NULL }, *const mnt[] = { "mnt", NULL },
				 *const tmp[] = { "tmp", NULL };
	cleanup_fd int fd = open(draft, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && holds_only(fd, "out", none) && holds_only(fd, "fs", mnt) &&
	       holds_only(fd, "fs/mnt", tmp) && holds_only(fd, "fs/mnt/tmp", none);
}

void meta_write(const struct step *s, const struct layer_meta *meta, struct buf *out)
{
	struct jsonout j = JSONOUT_INIT(out);
	char hex[DIGEST_HEX];

	json_object(&j, NULL);
	json_str(&j, "step", step_kinds[s->code].name);
	json_str(&j, "name", s->name);
	json_bool(&j, "empty", meta->is_empty);
	json_array(&j, "left");
	vec_foreach (const struct sandbox_left, l, &meta->left) {
		json_object(&j, NULL);
		json_str(&j, "source", l->source);
		json_str(&j, "target", l->target);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_array(&j, "gone");
	vec_foreach (const char *, target, &meta->gone)
		json_str(&j, NULL, *target);
	json_array_end(&j);
	if (meta->has_epoch)
		json_i64(&j, "epoch", meta->epoch);
	if (meta->has_resolv) {
		digest_hex(&meta->resolv, hex);
		json_str(&j, "resolv", hex);
	}
	if (meta->distro)
		json_str(&j, "distro", meta->distro);
	if (meta->release)
		json_str(&j, "release", meta->release);
	json_object_end(&j);
	buf_char(out, '\n');
}

static void read_left(struct stage_run *sr, const struct json_value *left, struct layer_meta *meta)
{
	for (const struct json_value *v = left ? left->children : NULL; v; v = v->next) {
		const struct json_value *source = json_get(v, "source"),
					*target = json_get(v, "target");

		if (source && source->text && target && target->text)
			vec_push(sr->arena, &meta->left,
				 ((struct sandbox_left){ .source = source->text,
							 .target = target->text }));
	}
}

static void read_gone(struct stage_run *sr, const struct json_value *gone, struct layer_meta *meta)
{
	for (const struct json_value *v = gone ? gone->children : NULL; v; v = v->next) {
		if (v->text)
			vec_push(sr->arena, &meta->gone, v->text);
	}
}

static int read_env(struct stage_run *sr, int dir_fd, struct layer_meta *meta, struct ib_error *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	if (faccessat(dir_fd, "env", F_OK, 0) < 0)
		return 0;
	r = fs_read_at(dir_fd, "env", ENV_MAX, &text, &len, err);
	if (r < 0)
		return r;
	meta->env = arena_strndup(sr->arena, text, len);
	return 0;
}

int meta_read(struct stage_run *sr, const char *dir, struct layer_meta *ret_meta,
	      struct ib_error *err)
{
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	struct layer_meta meta = { 0 };
	const struct json_value *root, *v;
	const char *why = "";
	size_t len = 0;
	int r;

	if (fd < 0)
		return ib_fail(err, errno, "open '%s'", dir);
	r = fs_read_at(fd, "meta.json", META_MAX, &text, &len, err);
	if (r < 0)
		return r;
	root = json_parse(sr->arena, text, len, NULL, &why);
	if (!root)
		return ib_fail_text(err, EIO, "'%s/meta.json' is damaged: %s", dir, why);
	v = json_get(root, "empty");
	meta.is_empty = v && v->number;
	read_left(sr, json_get(root, "left"), &meta);
	read_gone(sr, json_get(root, "gone"), &meta);
	v = json_get(root, "epoch");
	meta.has_epoch = v != NULL;
	meta.epoch = v ? v->number : 0;
	v = json_get(root, "resolv");
	meta.has_resolv = v && v->text && digest_from_hex(v->text, &meta.resolv);
	v = json_get(root, "distro");
	meta.distro = v ? v->text : NULL;
	v = json_get(root, "release");
	meta.release = v ? v->text : NULL;
	r = read_env(sr, fd, &meta, err);
	if (r < 0)
		return r;
	*ret_meta = meta;
	return 0;
}
