/* SPDX-License-Identifier: Apache-2.0 */
/* environment.d: one bash a phase sources the files on the phase's side and prints what became of
 * the environment; also the listing of the phase's own directory, since hooks may have made hooks.
 */
#include "run/stage.h"

#include "support/crypto.h"
#include "support/fs.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* $0 is the directory. A file's last status counts, and so does an unset variable; assignments
 * without export reach the files behind it. Standard output is ours: files write to the log. */
static const char script[] = "shopt -s nullglob\n"
			     "set -ue -o pipefail\n"
			     "exec {_ib_out}>&1 1>&2\n"
			     "for _ib_file in \"$0\"/*; do\n"
			     "\t_ib_name=${_ib_file##*/}\n"
			     "\t[[ -f $_ib_file && $_ib_name =~ ^[0-9A-Za-z_.-]+$ ]] || continue\n"
			     "\techo \"sourcing environment.d/$_ib_name\"\n"
			     "\t((${DIB_DEBUG_TRACE:-0} == 0)) || set -x\n"
			     "\tsource \"$_ib_file\"\n"
			     "\t{ set +x; } 2>/dev/null\n"
			     "done\n"
			     "exec env -0 >&$_ib_out\n";

int run_environ(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	static const char *const bash[] = { "bin/bash" };
	bool is_host = phase_side(s->phase) == IB_HOST;
	const char **argv = arena_alloc(sr->arena, 5 * sizeof(*argv));
	int found = is_host ? 1 : target_find(sr, bash, ARRAY_SIZE(bash), err);
	bool has_bash = found == 0; /* a target made of scratch may have none */

	if (found < 0)
		return found;
	if (!has_bash)
		a->box.side = SANDBOX_HOST;

	argv[0] = "/bin/bash";
	argv[1] = "-c";
	argv[2] = script;
	argv[3] = has_bash ? RUN_IN_TARGET "/environment.d" : SB_HOOKS "/environment.d";
	a->data_fd = data_new(err);
	if (a->data_fd < 0)
		return a->data_fd;
	a->box.argv = argv;
	a->box.out_fd = a->data_fd;
	env_copy(sr->arena, &a->env, &sr->base);
	return 0;
}

int envd_take(struct stage_run *sr, int fd, struct ib_error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	int r = data_read(fd, &out, err);

	if (r < 0)
		return r;
	env_parse_nul(sr->arena, out.data ? out.data : "", out.len, &sr->env);
	return 0;
}

/* Writes "<hex> <d or b> <name>\n" for one hook. */
static int list_one(int dir_fd, const char *name, int out_fd, struct ib_error *err)
{
	cleanup_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct digest digest;
	struct stat st;
	char hex[DIGEST_HEX], magic[4] = { 0 };
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return 0;
	if (pread(fd, magic, sizeof(magic), 0) < 0)
		return ib_fail(err, errno, "read hook '%s'", name);
	r = digest_of_fd(fd, &digest, err);
	if (r < 0)
		return r;
	digest_hex(&digest, hex);
	(void)dprintf(out_fd, "%s %c %s\n", hex,
		      memcmp(magic, "#!", 2) == 0 || memcmp(magic, "\177ELF", 4) == 0 ? 'd' : 'b',
		      name);
	return 0;
}

static int list_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	cleanup_free char *path = ib_xprintf(SB_HOOKS "/%s.d", ib_phases[job->sr->phase].name);
	cleanup_fd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names = NULL;
	size_t len = 0;
	int r;

	if (dir_fd < 0)
		return errno == ENOENT ? 0 : ib_fail(err, errno, "open '%s'", path);
	r = fs_list(dir_fd, ".", &names, &len, err);
	for (size_t i = 0; r >= 0 && i < len; i++) {
		if (hooks_is_name(names[i]))
			r = list_one(dir_fd, names[i], job->data_fd, err);
	}
	free(names);
	return r;
}

static void parse_listing(struct stage_run *sr, const char *text)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		struct phase_hook h = { 0 };
		char *line = arena_strndup(sr->arena, text, (size_t)(end - text));

		text = *end ? end + 1 : end;
		if (strlen(line) < DIGEST_HEX + 2)
			continue;
		line[DIGEST_HEX - 1] = '\0';
		if (!digest_from_hex(line, &h.digest))
			continue;
		h.has_shebang = line[DIGEST_HEX] == 'd';
		h.name = line + DIGEST_HEX + 2;
		vec_push(sr->arena, &sr->found, h);
	}
}

/* The listing follows from the layers and the hooks below them. */
static void listing_key(const struct stage_run *sr, struct digest *ret_key)
{
	struct hasher *h = hasher_new("sha256");
	const char *phase = ib_phases[sr->phase].name;

	hasher_add(h, "listing 1", 10);
	hasher_add(h, &sr->parent, sizeof(sr->parent));
	hasher_add(h, &sr->hooks_digest, sizeof(sr->hooks_digest));
	hasher_add(h, phase, strlen(phase));
	(void)hasher_end(h, ret_key->bytes);
	hasher_free(h);
}

static int make_listing(struct stage_run *sr, const struct digest *key, char **ret_text,
			struct ib_error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct job job = { .sr = sr };
	int r;

	job.data_fd = data_new(err);
	if (job.data_fd < 0)
		return job.data_fd;
	r = stage_read(sr, "list the hooks", list_fn, &job, err);
	if (r >= 0)
		r = data_read(job.data_fd, &out, err);
	(void)close(job.data_fd);
	if (r < 0)
		return r;
	buf_str(&out, "");
	*ret_text = buf_take(&out);
	return store_record_put(sr->run->store, "listing", key, *ret_text, err);
}

int phase_list(struct stage_run *sr, struct ib_error *err)
{
	cleanup_free char *text = NULL;
	struct digest key;
	int r = 0;

	sr->found = (struct phase_hook_vec){ 0 };
	listing_key(sr, &key);
	if (store_record_get(sr->run->store, "listing", &key, &text) < 0)
		r = make_listing(sr, &key, &text, err);
	if (r < 0)
		return ib_wrap(err, "list the hooks of %s.d", ib_phases[sr->phase].name);
	parse_listing(sr, text);
	sr->has_listing = true;
	return 0;
}

const struct phase_hook *phase_find(const struct stage_run *sr, const char *name)
{
	for (size_t i = 0; i < sr->found.len; i++) {
		if (strcmp(sr->found.items[i].name, name) == 0)
			return &sr->found.items[i];
	}
	return NULL;
}
