/* SPDX-License-Identifier: Apache-2.0 */
/* What a build tells while it runs. Producers emit, sinks (engine/cli/ui_*.c) render. */
#ifndef IMAGEBUILD_EVENT_H
#define IMAGEBUILD_EVENT_H

#include <imagebuild/base.h>

enum ib_event_kind {
	IB_EVENT_PLAN,	    /* count: the steps of all stages together */
	IB_EVENT_STARTED,   /* step, count, phase, text (what it does), log */
	IB_EVENT_CACHED,    /* step, count, phase, text */
	IB_EVENT_OUTPUT,    /* step, text: one line that the step printed */
	IB_EVENT_FINISHED,  /* step, count, phase, text, nanoseconds */
	IB_EVENT_FAILED,    /* as FINISHED, and status (wait status) */
	IB_EVENT_PROGRESS,  /* text, bytes, total: a long copy or compression */
	IB_EVENT_NOTE,	    /* text: worth a line, not a fault */
	IB_EVENT_WROTE	    /* text: an output file that is now in place; bytes: its size */
};

struct ib_event {
	enum ib_event_kind kind;
	uint32_t step, count;	/* step from 1; for disk and output passes they continue */
	uint64_t nanoseconds, bytes, total;
	int status;
	struct ib_span at;
	const char *phase, *text, *log; /* borrowed during the call; may be NULL */
};

struct ib_sink {
	void (*emit)(void *context, const struct ib_event *event);
	void *context;
};

static inline void ib_emit(const struct ib_sink *sink, const struct ib_event *event)
{
	sink->emit(sink->context, event);
}

#endif
