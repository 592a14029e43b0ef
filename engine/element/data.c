/* SPDX-License-Identifier: Apache-2.0 */
/* Where the program's own files are: beside it when installed, in the source tree when not. */
#include "element/element.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Where each directory lies in the source tree. */
static const struct {
	const char *name, *source;
} data_dirs[] = {
	{ "framework", "engine/element/framework" },
	{ "elements", "elements" },
	{ "lib", "engine/run/lib" },
	{ "bin", "engine/sandbox/bin" },
	{ "lint", "docs/lint" },
};

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* <dir of the program>/../share/imagebuild/NAME */
static const char *beside_program(struct arena *a, const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(exe, '/');
		if (!slash)
			return NULL;
		*slash = '\0';
	}
	return arena_printf(a, "%s/share/imagebuild/%s", exe, name);
}

static const char *in_source_tree(struct arena *a, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(data_dirs); i++)
		if (strcmp(data_dirs[i].name, name) == 0)
			return arena_printf(a, "%s/%s", IMAGEBUILD_SOURCE_DIR, data_dirs[i].source);
	return NULL;
}

const char *ib_data_find(struct arena *a, const char *name)
{
	const char *set = getenv("IMAGEBUILD_DATA_DIR");
	const char *candidates[] = {
		set && *set ? arena_printf(a, "%s/%s", set, name) : NULL,
		beside_program(a, name),
		in_source_tree(a, name),
		arena_printf(a, "%s/%s", IMAGEBUILD_DATA_DIR, name),
	};

	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (candidates[i] && is_directory(candidates[i]))
			return candidates[i];
	return NULL;
}
