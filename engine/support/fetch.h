/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads, by the host's curl and git, into a cache that builds share. A download is there whole
 * or not at all; builds at the same time wait for each other. */
#ifndef IMAGEBUILD_FETCH_H
#define IMAGEBUILD_FETCH_H

#include <imagebuild/arena.h>

struct ib_error;

struct fetcher {
	const char *cache;       /* a directory: downloads/ and git/ are made in it */
	const char *const *envp; /* of curl and git */
	bool is_refreshed;       /* asks the servers again for what the cache has */
	bool is_offline;         /* the cache alone */
	void (*note)(void *context, const char *text); /* what is fetched and how much it was */
	void *context;
};

#define FETCH_COMMIT 65

/* A branch, tag or commit of a repository. */
struct fetch_ref {
	char commit[FETCH_COMMIT]; /* hexadecimal */
	char refs[FETCH_COMMIT];   /* of "*": the SHA-256 of all branches and tags; else "" */
	const char *name;          /* "refs/heads/main"; NULL for a commit */
};

/* Downloads URL unless the cache has it; its file. The time of a file is what the server says
 * (Last-Modified), 0 where it says nothing. */
int fetch_file(const struct fetcher *f, const char *url, struct arena *a, const char **ret_path,
	       struct ib_error *err);

/* Finds what REF (NULL: the default branch; "*": everything) is in the repository. A whole commit
 * is itself; another name is asked for once and kept in the cache. */
int fetch_resolve(const struct fetcher *f, const char *url, const char *ref, struct arena *a,
		  struct fetch_ref *ret_ref, struct ib_error *err);
/* A bare repository that holds REF's commit. */
int fetch_git(const struct fetcher *f, const char *url, const struct fetch_ref *ref,
	      struct arena *a, const char **ret_path, struct ib_error *err);

/* URL without "user:password@": for messages and keys. */
const char *fetch_shown(const char *url, struct arena *a);
/* Whether TEXT is a whole commit. */
bool fetch_is_commit(const char *text);

#endif
