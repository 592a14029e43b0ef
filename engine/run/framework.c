/* SPDX-License-Identifier: Apache-2.0 */
/* The framework elements' work (element-contract.md, section 8), inside a step, in C. */
#include "run/schedule.h"

#include "support/fs.h"

#include <imagebuild/buf.h>
#include <imagebuild/intern.h>
#include <imagebuild/map.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 200
#define TARGET_BIN "usr/local/bin"

/* Copies a file's content; a symlink is followed. MODE as it will be. */
static int install_file(int from_dir, const char *from, int to_dir, const char *to, mode_t mode,
			struct ib_error *err)
{
	cleanup_fd int in = openat(from_dir, from, O_RDONLY | O_CLOEXEC);
	cleanup_fd int out = -1;
	struct stat st;
	int r;

	if (in < 0 || fstat(in, &st) < 0)
		return ib_fail(err, errno, "open '%s' of the hooks", from);
	if (!S_ISREG(st.st_mode))
		return ib_fail_text(err, EINVAL, "'%s' of the hooks is not a regular file", from);
	if (unlinkat(to_dir, to, 0) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "replace '%s'", to);
	out = openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return ib_fail(err, errno, "make '%s'", to);
	r = fs_copy_sparse(in, 0, out, 0, (uint64_t)st.st_size, err);
	if (r >= 0 && (ftruncate(out, st.st_size) < 0 || fchmod(out, mode) < 0))
		return ib_fail(err, errno, "finish '%s'", to);
	return r;
}

static int install_bin_fn(void *arg, struct ib_error *err)
{
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int from = open(SB_HOOKS "/bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int to = -1;
	char **names = NULL;
	size_t n = 0;
	int r;

	(void)arg;
	if (root_fd < 0)
		return root_fd;
	if (from < 0)
		return ib_fail_text(err, ENOENT, "install-bin: no element has a file in bin/");
	to = target_mkdirs(root_fd, TARGET_BIN, 0755, err);
	if (to < 0)
		return to;
	r = fs_list(from, ".", &names, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = install_file(from, names[i], to, names[i], 0755, err);
	free(names);
	return r;
}

int run_install_bin(struct stage_run *sr, const struct step *s, struct action *a,
		    struct ib_error *err)
{
	(void)err;
	action_call(sr, s, a, install_bin_fn, NULL);
	return 0;
}

/* What `rsync -C` leaves out (rsync(1), --cvs-exclude). */
static bool is_cvs_excluded(const char *name)
{
	static const char *const patterns[] = {
		"RCS",   "SCCS",   "CVS",         "CVS.adm",      "RCSLOG", "cvslog.*",
		"tags",  "TAGS",   ".make.state", ".nse_depinfo", "*~",     "#*",
		".#*",   ",*",     "_$*",         "*$",           "*.old",  "*.bak",
		"*.BAK", "*.orig", "*.rej",       ".del-*",       "*.a",    "*.olb",
		"*.o",   "*.obj",  "*.so",        "*.exe",        "*.Z",    "*.elc",
		"*.ln",  "core",   ".svn",        ".git",         ".hg",    ".bzr"
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	}
	return false;
}

static int copy_symlink(int from_dir, int to_dir, const char *name, struct ib_error *err)
{
	char target[4096];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return ib_fail(err, errno, "read the symlink '%s'", name);
	target[n] = '\0';
	if (unlinkat(to_dir, name, 0) < 0 && errno != ENOENT)
		return ib_fail(err, errno, "replace '%s'", name);
	return symlinkat(target, to_dir, name) < 0
		       ? ib_fail(err, errno, "make the symlink '%s'", name)
		       : 0;
}

/* A file that is there keeps its mode, a new one has the source's but for the umask. */
static int copy_file(int from_dir, int to_dir, const char *name, mode_t mode, struct ib_error *err)
{
	struct stat st;

	mode &= 0777 & ~(mode_t)022;
	if (fstatat(to_dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		mode = st.st_mode & 07777;
	return install_file(from_dir, name, to_dir, name, mode, err);
}

/* A directory of static/ and where it goes. */
struct level {
	int root_fd, from_fd, to_fd;
	const char *path; /* below the target's root */
	int depth;
};

static int copy_tree(const struct level *level, struct ib_error *err);

static int copy_one(const struct level *level, const char *name, struct ib_error *err)
{
	cleanup_free char *path = fs_join(level->path, name);
	cleanup_fd int fd = -1;
	struct level sub = { .root_fd = level->root_fd, .path = path, .depth = level->depth - 1 };
	struct stat st;

	if (fstatat(level->from_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ib_fail(err, errno, "stat '%s'", path);
	if (S_ISLNK(st.st_mode))
		return copy_symlink(level->from_fd, level->to_fd, name, err);
	if (S_ISREG(st.st_mode))
		return copy_file(level->from_fd, level->to_fd, name, st.st_mode, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(level->from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ib_fail(err, errno, "open '%s'", path);
	sub.from_fd = fd;
	return copy_tree(&sub, err);
}

/* rsync -lCr: owners are root's, times are now. A symlink of the target that stands for a directory
 * (a merged /usr) is followed within the target. */
static int copy_tree(const struct level *level, struct ib_error *err)
{
	struct level here = *level;
	cleanup_fd int to_fd = -1;
	char **names = NULL;
	struct stat st;
	size_t n = 0;
	int r;

	if (level->depth == 0)
		return ib_fail_text(err, ELOOP, "'%s': directories are nested too deep",
				    level->path);
	if (fstat(level->from_fd, &st) < 0)
		return ib_fail(err, errno, "stat '%s'", level->path);
	to_fd = target_mkdirs(level->root_fd, level->path, st.st_mode & 0777 & ~(mode_t)022, err);
	if (to_fd < 0)
		return to_fd;
	here.to_fd = to_fd;
	r = fs_list(level->from_fd, ".", &names, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (!is_cvs_excluded(names[i]))
			r = copy_one(&here, names[i], err);
	}
	free(names);
	return r;
}

static int install_static_fn(void *arg, struct ib_error *err)
{
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int from = open(SB_HOOKS "/static", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct level level;

	(void)arg;
	if (root_fd < 0)
		return root_fd;
	if (from < 0)
		return errno == ENOENT ? 0 : ib_fail(err, errno, "open static/ of the hooks");
	level = (struct level){
		.root_fd = root_fd, .from_fd = from, .path = "", .depth = DEPTH_MAX
	};
	return copy_tree(&level, err);
}

int run_install_static(struct stage_run *sr, const struct step *s, struct action *a,
		       struct ib_error *err)
{
	(void)err;
	action_call(sr, s, a, install_static_fn, NULL);
	return 0;
}

/* Links the chosen P-T-install/ files into install.d, as ln -sf does in dib. */
static int install_types_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct hook_file_vec *links = job->data;
	cleanup_fd int fd = open(SB_HOOKS "/install.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!links->len)
		return 0;
	if (fd < 0)
		return ib_fail(err, errno, "open install.d");
	vec_foreach (const struct hook_file, f, links) {
		const char *name = strrchr(f->path, '/') + 1;
		const char *target = f->source;
		const char *dir = strstr(target, "/install.d/");

		if (dir)
			target = dir + strlen("/install.d/");
		if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
			return ib_fail(err, errno, "replace install.d/%s", name);
		if (symlinkat(target, fd, name) < 0)
			return ib_fail(err, errno, "link install.d/%s", name);
	}
	return 0;
}

int run_install_types(struct stage_run *sr, const struct step *s, struct action *a,
		      struct ib_error *err)
{
	struct hook_file_vec *links = arena_alloc(sr->arena, sizeof(*links));

	(void)err;
	hooks_install_types(&sr->stage->hooks, env_find, &sr->env, sr->arena, links);
	action_call(sr, s, a, install_types_fn, links);
	return 0;
}

/* The requests are read when the plan is made; the transactions are steps of their own. */
int run_package_installs(struct stage_run *sr, const struct step *s, struct action *a,
			 struct ib_error *err)
{
	(void)sr;
	(void)s;
	(void)err;
	a->is_nothing = true;
	return 0;
}

static int pkg_map_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int to = -1;

	if (root_fd < 0)
		return root_fd;
	to = target_mkdirs(root_fd, "usr/share/pkg-map", 0755, err);
	if (to < 0)
		return to;
	vec_foreach (const struct element *, e, &job->sr->stage->set.members) {
		cleanup_free char *path = (*e)->dir ? fs_join((*e)->dir, "pkg-map") : NULL;
		int r;

		if (!path || access(path, R_OK) < 0)
			continue;
		r = install_file(AT_FDCWD, path, to, (*e)->name, 0644, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int run_pkg_map(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	(void)err;
	action_call(sr, s, a, pkg_map_fn, NULL);
	return 0;
}

static int svc_map_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct ib_pair_vec *pairs = job->data;
	cleanup_fd int root_fd = target_open(err);
	cleanup_buf struct buf text = BUF_INIT;

	if (root_fd < 0)
		return root_fd;
	vec_foreach (const struct ib_pair, p, pairs)
		buf_printf(&text, "%s: %s\n", p->key, p->value);
	return target_write(root_fd, "usr/share/svc-map/services", text.len ? text.data : "",
			    text.len, 0644, err);
}

int run_svc_map(struct stage_run *sr, const struct step *s, struct action *a, struct ib_error *err)
{
	struct ib_pair_vec *pairs = arena_alloc(sr->arena, sizeof(*pairs));
	const char *distro = env_get(&sr->env, "DISTRO_NAME");
	int r = svc_map_merge(&sr->stage->set, distro ? distro : "", sr->arena, pairs, err);

	if (r < 0)
		return r;
	action_call(sr, s, a, svc_map_fn, pairs);
	return 0;
}

static const struct {
	const char *name, *directory;
} init_systems[] = {
	{ "systemd", "usr/lib/systemd/system" },
	{ "upstart", "etc/init" },
	{ "openrc", "etc/init.d" },
	{ "sysv", "etc/init.d" },
};

static int find_init(struct stage_run *sr, const char **ret_name, const char **ret_dir,
		     struct ib_error *err)
{
	const char *name = env_get(&sr->env, "DIB_INIT_SYSTEM");

	for (size_t i = 0; name && i < ARRAY_SIZE(init_systems); i++) {
		if (strcmp(name, init_systems[i].name) != 0)
			continue;
		*ret_name = init_systems[i].name;
		*ret_dir = init_systems[i].directory;
		return 0;
	}
	return ib_fail_text(err, EINVAL,
			    "DIB_INIT_SYSTEM is '%s'; it must be systemd, upstart, openrc or sysv",
			    name ? name : "");
}

static int init_system_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	cleanup_fd int root_fd = target_open(err);
	cleanup_buf struct buf text = BUF_INIT;

	if (root_fd < 0)
		return root_fd;
	buf_printf(&text, "#!/bin/sh\necho %s\n", (const char *)job->data);
	return target_write(root_fd, TARGET_BIN "/dib-init-system", text.data, text.len, 0755, err);
}

int run_init_system(struct stage_run *sr, const struct step *s, struct action *a,
		    struct ib_error *err)
{
	const char *name = NULL, *dir = NULL;
	int r = find_init(sr, &name, &dir, err);

	if (r < 0)
		return r;
	action_call(sr, s, a, init_system_fn, name);
	return 0;
}

struct init_scripts {
	const char *name, *dir;
};

static int init_scripts_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct init_scripts *init = job->data;
	cleanup_fd int root_fd = target_open(err);
	cleanup_free char *path = fs_join(SB_HOOKS "/init-scripts", init->name);
	cleanup_fd int from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int to = -1;
	char **names = NULL;
	size_t n = 0;
	int r;

	if (root_fd < 0)
		return root_fd;
	if (from < 0)
		return errno == ENOENT ? 0 : ib_fail(err, errno, "open '%s'", path);
	to = target_mkdirs(root_fd, init->dir, 0755, err);
	if (to < 0)
		return to;
	r = fs_list(from, ".", &names, &n, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = fs_copy_at(from, names[i], to, names[i], err);
		if (r >= 0 && fchownat(to, names[i], 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
			r = ib_fail(err, errno, "own '%s'", names[i]);
	}
	free(names);
	return r;
}

int run_init_scripts(struct stage_run *sr, const struct step *s, struct action *a,
		     struct ib_error *err)
{
	struct init_scripts *init = arena_alloc(sr->arena, sizeof(*init));
	int r = find_init(sr, &init->name, &init->dir, err);

	if (r < 0)
		return r;
	action_call(sr, s, a, init_scripts_fn, init);
	return 0;
}

struct manifests {
	const char *image_dir; /* in the image */
	const char *save_dir;  /* absolute, in the caller's directory; NULL: none */
	const char *env, *args;
	const char *labels; /* the LABELs of the stage, a line each; empty: none */
};

static int protect(int dir_fd, struct ib_error *err)
{
	char **names = NULL;
	size_t n = 0;
	int r = fs_list(dir_fd, ".", &names, &n, err);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct stat st;

		if (fstatat(dir_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (fchmodat(dir_fd, names[i], 0600, 0) < 0 ||
		    fchownat(dir_fd, names[i], 0, 0, 0) < 0)
			r = ib_fail(err, errno, "protect the manifest '%s'", names[i]);
	}
	free(names);
	return r;
}

static int manifests_fn(void *arg, struct ib_error *err)
{
	const struct job *job = arg;
	const struct manifests *m = job->data;
	cleanup_fd int root_fd = target_open(err);
	cleanup_fd int dir_fd = -1;
	int r;

	if (root_fd < 0)
		return root_fd;
	dir_fd = target_mkdirs(root_fd, m->image_dir, 0755, err);
	/* extra-data.d makes the directory for hooks to write into, cleanup.d collects it. */
	if (dir_fd < 0 || job->step->phase == IB_PHASE_EXTRA_DATA)
		return dir_fd < 0 ? dir_fd : 0;
	r = fs_write_at(dir_fd, "dib_environment", m->env, strlen(m->env), 0644, err);
	if (r >= 0)
		r = fs_write_at(dir_fd, "dib_arguments", m->args, strlen(m->args), 0644, err);
	if (r >= 0 && *m->labels)
		r = fs_write_at(dir_fd, "image_labels", m->labels, strlen(m->labels), 0644, err);
	if (r >= 0 && m->save_dir)
		r = fs_mkdirs_at(AT_FDCWD, m->save_dir, 0755, err);
	if (r >= 0 && m->save_dir)
		r = fs_copy_at(dir_fd, ".", AT_FDCWD, m->save_dir, err);
	return r < 0 ? r : protect(dir_fd, err);
}

/* "KEY=VALUE\n" of each LABEL, in the order of the text; of a key given twice the last one. */
static const char *label_lines(struct stage_run *sr)
{
	const struct ib_op_vec *ops = &sr->stage->settings;
	struct intern *names = intern_new(sr->arena);
	struct map last = { 0 };
	cleanup_buf struct buf text = BUF_INIT;

	vec_foreach (struct ib_op, op, ops)
		if (op->code == IB_OP_LABEL)
			*map_put(sr->arena, &last, intern_str(names, op->env.key)) = op;
	vec_foreach (struct ib_op, op, ops)
		if (op->code == IB_OP_LABEL && map_get(&last, intern_str(names, op->env.key)) == op)
			buf_printf(&text, "%s=%s\n", op->env.key, op->env.value);
	return arena_strdup(sr->arena, text.len ? text.data : "");
}

/* Hooks can write below the caller's directory and nowhere else on the host. */
static const char *save_directory(struct stage_run *sr, const struct step *s)
{
	const char *save = env_get(&sr->env, "DIB_MANIFEST_SAVE_DIR");
	const char *top = sr->run->plan->options->directory;
	size_t n = strlen(top);

	if (!save)
		save = arena_printf(sr->arena, "%s.d/", sr->run->image_name);
	if (save[0] != '/')
		return arena_printf(sr->arena, "%s/%s", top, save);
	if (strncmp(save, top, n) == 0 && (save[n] == '/' || n == 1))
		return save;
	if (s->phase == IB_PHASE_CLEANUP)
		stage_note(sr, s->at,
			   "the manifests are in the image alone: '%s' is outside of the working "
			   "directory",
			   save);
	return NULL;
}

int run_manifests(struct stage_run *sr, const struct step *s, struct action *a,
		  struct ib_error *err)
{
	struct manifests *m = arena_alloc(sr->arena, sizeof(*m));
	const char *image = env_get(&sr->env, "DIB_MANIFEST_IMAGE_DIR");
	const char *env = env_get(&sr->env, "DIB_ENV"), *args = env_get(&sr->env, "DIB_ARGS");

	(void)err;
	m->image_dir = image ? image : "/etc/dib-manifests";
	m->save_dir = save_directory(sr, s);
	m->labels = label_lines(sr);
	m->env = arena_printf(sr->arena, "%s\n", env ? env : "");
	m->args = arena_printf(sr->arena, "%s\n", args ? args : "");
	action_call(sr, s, a, manifests_fn, m);
	return 0;
}
