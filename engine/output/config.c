/* SPDX-License-Identifier: Apache-2.0 */
/* What a container runtime is told about an image, as the JSON that OCI and Docker share. */
#include "output/output.h"

#include <imagebuild/jsonout.h>

#include <string.h>
#include <time.h>

static void add_arch(struct jsonout *j, const char *arch)
{
	static const struct {
		const char *debian, *go, *variant;
	} words[] = {
		{ "i386", "386", NULL },        { "armhf", "arm", "v7" },
		{ "armel", "arm", "v5" },       { "arm64", "arm64", "v8" },
		{ "ppc64el", "ppc64le", NULL }, { "mips64el", "mips64le", NULL },
		{ "mipsel", "mipsle", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].debian, arch) != 0)
			continue;
		json_str(j, "architecture", words[i].go);
		if (words[i].variant)
			json_str(j, "variant", words[i].variant);
		return;
	}
	json_str(j, "architecture", arch);
}

static void add_words(struct jsonout *j, const char *key, const struct str_vec *words)
{
	if (!words->len)
		return;
	json_array(j, key);
	vec_foreach (const char *, word, words)
		json_str(j, NULL, *word);
	json_array_end(j);
}

/* A set, as Go programs write it. */
static void add_set(struct jsonout *j, const char *key, const struct str_vec *words)
{
	if (!words->len)
		return;
	json_object(j, key);
	vec_foreach (const char *, word, words) {
		json_object(j, *word);
		json_object_end(j);
	}
	json_object_end(j);
}

static void add_text(struct jsonout *j, const char *key, const char *value)
{
	if (value)
		json_str(j, key, value);
}

static void add_env(struct jsonout *j, const struct ib_pair_vec *env)
{
	json_array(j, "Env");
	vec_foreach (const struct ib_pair, pair, env) {
		cleanup_free char *text = ib_xprintf("%s=%s", pair->key, pair->value);

		json_str(j, NULL, text);
	}
	json_array_end(j);
}

static void add_labels(struct jsonout *j, const struct ib_pair_vec *labels)
{
	if (!labels->len)
		return;
	json_object(j, "Labels");
	vec_foreach (const struct ib_pair, pair, labels)
		json_str(j, pair->key, pair->value);
	json_object_end(j);
}

static void add_config(struct jsonout *j, const struct image_config *c)
{
	json_object(j, "config");
	add_text(j, "User", c->user);
	add_set(j, "ExposedPorts", &c->ports);
	add_env(j, &c->env);
	add_words(j, "Entrypoint", &c->entrypoint);
	add_words(j, "Cmd", &c->command);
	add_set(j, "Volumes", &c->volumes);
	add_text(j, "WorkingDir", c->workdir);
	add_labels(j, &c->labels);
	add_text(j, "StopSignal", c->stop_signal);
	json_object_end(j);
}

static void add_created(struct jsonout *j, int64_t epoch)
{
	time_t seconds = (time_t)epoch;
	struct tm tm;
	char text[64] = "";

	if (gmtime_r(&seconds, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_str(j, "created", text);
}

void image_config_json(const struct image_config *c, int64_t epoch, const char *diff_id,
		       struct buf *out)
{
	struct jsonout j = { .out = out, .is_compact = true };

	json_object(&j, NULL);
	add_created(&j, epoch);
	add_arch(&j, c->arch);
	json_str(&j, "os", "linux");
	add_config(&j, c);
	json_object(&j, "rootfs");
	json_str(&j, "type", "layers");
	json_array(&j, "diff_ids");
	json_str(&j, NULL, diff_id);
	json_array_end(&j);
	json_object_end(&j);
	json_array(&j, "history");
	json_object(&j, NULL);
	add_created(&j, epoch);
	json_str(&j, "created_by", "imagebuild");
	json_object_end(&j);
	json_array_end(&j);
	json_object_end(&j);
}
