/* SPDX-License-Identifier: Apache-2.0 */
/* What steps take from elsewhere: found before their keys, fetched into the caller's image cache,
 * by the supervisor. */
#include "run/schedule.h"

#include "cache/cache.h"

#include <imagebuild/buf.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool is_refreshed(const struct stage_run *sr)
{
	vec_foreach (const char *, what, &sr->run->plan->options->refresh)
		if (strcmp(*what, "all") == 0 || strcmp(*what, "sources") == 0)
			return true;
	return false;
}

static bool is_proxy(const char *entry)
{
	size_t n = strcspn(entry, "=");

	return n > 6 && strncasecmp(entry + n - 6, "_proxy", 6) == 0;
}

const char *const *fetched_env(struct stage_run *sr)
{
	struct env e = { 0 };
	const char *agent = getenv("SSH_AUTH_SOCK"), *home = sr->run->plan->options->home;

	vec_foreach (const char *, entry, &sr->env.entries) {
		const char *equals = strchr(*entry, '=');

		if (is_proxy(*entry))
			env_set(sr->arena, &e,
				arena_strndup(sr->arena, *entry, (size_t)(equals - *entry)),
				equals + 1);
	}
	env_set(sr->arena, &e, "PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	env_set(sr->arena, &e, "LC_ALL", "C");
	env_set(sr->arena, &e, "HOME", home ? home : "/");
	env_set(sr->arena, &e, "GIT_TERMINAL_PROMPT", "0");
	env_set(sr->arena, &e, "GIT_ALLOW_PROTOCOL", "http:https:git:ssh:file");
	env_set(sr->arena, &e, "GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=30");
	if (agent)
		env_set(sr->arena, &e, "SSH_AUTH_SOCK", agent);
	return env_array(sr->arena, &e);
}

struct note_context {
	struct stage_run *sr;
	struct ib_span at;
};

static void note(void *context, const char *text)
{
	const struct note_context *c = context;

	stage_note(c->sr, c->at, "%s", text);
}

static struct fetcher fetcher_of(struct stage_run *sr, struct note_context *c)
{
	const char *offline = env_get(&sr->env, "DIB_OFFLINE");

	return (struct fetcher){ .cache = SB_CACHE,
				 .envp = fetched_env(sr),
				 .is_refreshed = is_refreshed(sr),
				 .is_offline = offline && *offline,
				 .note = note,
				 .context = c };
}

static int get_file(struct stage_run *sr, const struct fetcher *f, struct fetched *x,
		    struct ib_error *err)
{
	int r = fetch_file(f, x->url, sr->arena, &x->path, err);

	if (r < 0)
		return r;
	x->fd = open(x->path, O_RDONLY | O_CLOEXEC);
	if (x->fd < 0)
		return ib_fail(err, errno, "open '%s'", x->path);
	r = store_file_digest(sr->run->store, x->fd, true, &x->digest, err);
	return r < 0 ? ib_wrap(err, "'%s'", x->path) : 0;
}

static int fail_at(const struct fetched *x, int r, struct ib_error *err)
{
	if (r < 0 && !err->exit)
		err->exit = IB_EXIT_STEP;
	if (r < 0 && !err->at.end)
		err->at = x->at;
	return r;
}

/* Finds what is in the key: the bytes of a file, the commit of a repository. */
static int find_one(struct stage_run *sr, struct fetched *x, bool is_keyed_already,
		    struct ib_error *err)
{
	struct note_context c = { sr, x->at };
	struct fetcher f = fetcher_of(sr, &c);
	const char *ref = x->request.name ? x->request.ref : x->ref.name;
	int r = 0;

	x->shown = fetch_shown(x->url, sr->arena);
	if (x->is_git)
		r = fetch_resolve(&f, x->url, ref, sr->arena, &x->ref, err);
	else if (!is_keyed_already)
		r = get_file(sr, &f, x, err);
	return fail_at(x, r, err);
}

static void find_add(struct stage_run *sr, const struct step *s)
{
	vec_foreach (struct ib_word, word, &s->op->copy.sources) {
		struct add_url url;

		plan_add_url(word->text, sr->arena, &url);
		vec_push(sr->arena, &sr->fetched,
			 ((struct fetched){ .at = word->at,
					    .url = url.url,
					    .is_git = url.is_git,
					    .is_unpacked = s->op->copy.is_unpacked,
					    .fd = -1,
					    .ref = { .name = url.ref },
					    .name = url.name,
					    .subdir = url.subdir }));
	}
}

static int find_sources(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	struct source_request_vec requests = { 0 };
	int r = sources_find(sr, s, &requests, err);

	vec_foreach (struct source_request, request, &requests)
		vec_push(sr->arena, &sr->fetched,
			 ((struct fetched){ .at = request->at,
					    .url = request->location,
					    .is_git = strcmp(request->type, "git") == 0,
					    .fd = -1,
					    .request = *request }));
	return r;
}

static void drop(struct stage_run *sr)
{
	vec_foreach (struct fetched, x, &sr->fetched)
		ib_cleanup_fd(&x->fd);
	sr->fetched.len = 0;
}

int fetched_find(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	int r = 0;

	drop(sr);
	if (s->code == STEP_add)
		find_add(sr, s);
	else if (s->code == STEP_source || s->code == STEP_source_repositories)
		r = find_sources(sr, s, err);
	for (size_t i = 0; r >= 0 && i < sr->fetched.len; i++)
		r = find_one(sr, &sr->fetched.items[i], s->code == STEP_add && s->op->copy.checksum,
			     err);
	return r;
}

static void hash_text(struct hasher *h, const char *text)
{
	hasher_add(h, text ? text : "", (text ? strlen(text) : 0) + 1);
}

/* The time is a file's own where a server said it. */
static void hash_file(const struct fetched *x, struct hasher *h)
{
	struct stat st;
	int64_t mtime = 0;

	if (!x->path)
		return; /* the checksum is in the input key */
	if (fstat(x->fd, &st) == 0)
		mtime = st.st_mtim.tv_sec;
	hasher_add(h, &x->digest, sizeof(x->digest));
	/* what is unpacked has times of its own */
	if (!x->request.name && !x->is_unpacked)
		hasher_add(h, &mtime, sizeof(mtime));
}

void fetched_hash(const struct stage_run *sr, struct hasher *h)
{
	vec_foreach (struct fetched, x, &sr->fetched) {
		const struct source_request *q = &x->request;

		hash_text(h, x->shown);
		hash_text(h, q->name);
		hash_text(h, q->type);
		hash_text(h, q->dest);
		hash_text(h, q->ref);
		if (x->is_git) {
			hash_text(h, x->ref.commit);
			hash_text(h, x->ref.refs);
		} else {
			hash_file(x, h);
		}
	}
}

/* --checksum. */
static int verify(const struct fetched *x, const char *checksum, struct ib_error *err)
{
	char hex[DIGEST_HEX];
	const char *got = x->is_git ? x->ref.commit : hex;

	digest_hex(&x->digest, hex);
	if (strncasecmp(got, checksum, strlen(checksum)) == 0)
		return 0;
	return ib_fail_text(err, EBADMSG, "%s of '%s' is another: expected %s, got %s",
			    x->is_git ? "the commit" : "the SHA-256", x->shown, checksum, got);
}

int fetched_get(struct stage_run *sr, const struct step *s, struct ib_error *err)
{
	const char *checksum = s->code == STEP_add ? s->op->copy.checksum : NULL;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sr->fetched.len; i++) {
		struct fetched *x = &sr->fetched.items[i];
		struct note_context c = { sr, x->at };
		struct fetcher f = fetcher_of(sr, &c);

		if (x->is_git)
			r = checksum ? verify(x, checksum, err) : 0;
		else if (!x->path)
			r = get_file(sr, &f, x, err);
		if (r >= 0 && x->is_git)
			r = fetch_git(&f, x->url, &x->ref, sr->arena, &x->path, err);
		else if (r >= 0 && checksum)
			r = verify(x, checksum, err);
		r = fail_at(x, r, err);
	}
	return r;
}
