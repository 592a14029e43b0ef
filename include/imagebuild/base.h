/* SPDX-License-Identifier: Apache-2.0 */
/* What every file may use: attributes, spans, scope cleanup. Nothing here allocates but ib_x*. */
#ifndef IMAGEBUILD_BASE_H
#define IMAGEBUILD_BASE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define IB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define IB_NONNULL __attribute__((nonnull))
#define IB_UNUSED __attribute__((unused))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses of every verb; stable, documented in imagebuild(1). */
enum ib_exit {
	IB_EXIT_OK = 0,
	IB_EXIT_INPUT = 1,     /* an error in a recipe, a finding, `fmt --check` differs */
	IB_EXIT_USAGE = 2,     /* usage, configuration, unreadable file */
	IB_EXIT_PREFLIGHT = 3, /* something that the plan needs is missing */
	IB_EXIT_STEP = 4,      /* a step failed */
	IB_EXIT_MACHINE = 5,   /* the machine or a bug */
	IB_EXIT_DIFFERS = 6,   /* verify or convert found a difference */
	IB_EXIT_SIGNAL = 128   /* plus the signal's number */
};

/* Bytes [start, end) of the concatenation of all sources (source.h). {0, 0} is "nowhere". */
struct ib_span {
	uint32_t start, end;
};

/* Says "out of memory" on standard error and exits with IB_EXIT_MACHINE. */
_Noreturn void ib_oom(void);

/* malloc, realloc, strdup, asprintf that call ib_oom(); the result is freed with free(). */
void *ib_xmalloc(size_t size);
void *ib_xrealloc(void *p, size_t size);
char *ib_xstrdup(const char *s);
char *ib_xprintf(const char *fmt, ...) IB_PRINTF(1, 2);

/* PATH behind its last slash; borrowed. */
const char *ib_base_name(const char *path);

static inline void ib_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void ib_cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void ib_cleanup_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* Declare what is acquired with one of these; hand it on with take_fd() or take_ptr(). */
#define cleanup_free __attribute__((cleanup(ib_cleanup_free)))
#define cleanup_fd __attribute__((cleanup(ib_cleanup_fd)))
#define cleanup_dir __attribute__((cleanup(ib_cleanup_dir)))

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(p) \
	__extension__({ \
		__typeof__(p) taken_ = (p); \
		(p) = NULL; \
		taken_; \
	})

#endif
