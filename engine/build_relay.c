/* SPDX-License-Identifier: Apache-2.0 */
/* Events, errors and results from the supervisor to the caller: one program, so structs go through
 * the pipe as they are; strings follow them, each with its length. */
#include "build_internal.h"

#include "support/fs.h"

#include <errno.h>
#include <string.h>

enum relay_kind { RELAY_EVENT, RELAY_ERROR, RELAY_TARGET, RELAY_BYTES };

struct relay_head {
	uint32_t kind, size;
};

struct relay_target {
	uint32_t index;
	bool is_current;
	struct digest key;
};

#define NO_STRING UINT32_MAX

static void send_record(struct build *b, enum relay_kind kind, const void *data, size_t n)
{
	struct relay_head head = { .kind = kind, .size = (uint32_t)n };
	cleanup_buf struct buf record = BUF_INIT;

	buf_add(&record, &head, sizeof(head));
	buf_add(&record, data, n);
	/* A caller that is gone has taken us with it: there is nobody to tell of a failed write. */
	(void)fs_write_all(b->pipe_fd, record.data, record.len);
}

static void add_string(struct buf *out, const char *s)
{
	uint32_t n = s ? (uint32_t)strlen(s) : NO_STRING;

	buf_add(out, &n, sizeof(n));
	if (s)
		buf_add(out, s, n);
}

static void emit(void *context, const struct ib_event *event)
{
	cleanup_buf struct buf payload = BUF_INIT;
	struct ib_event e = *event;

	e.phase = e.text = e.log = NULL;
	buf_add(&payload, &e, sizeof(e));
	add_string(&payload, event->phase);
	add_string(&payload, event->text);
	add_string(&payload, event->log);
	send_record(context, RELAY_EVENT, payload.data, payload.len);
}

struct ib_sink relay_sink(struct build *b)
{
	return (struct ib_sink){ .emit = emit, .context = b };
}

void relay_error(struct build *b, const struct ib_error *err)
{
	send_record(b, RELAY_ERROR, err, sizeof(*err));
}

void relay_target(struct build *b, uint32_t index)
{
	const struct target *t = &b->targets.items[index];
	struct relay_target r;

	memset(&r, 0, sizeof(r));
	r.index = index;
	r.is_current = t->is_current;
	r.key = t->key;
	send_record(b, RELAY_TARGET, &r, sizeof(r));
}

void relay_bytes(struct build *b, uint64_t bytes)
{
	send_record(b, RELAY_BYTES, &bytes, sizeof(bytes));
}

/* A string of the payload, copied for its NUL. */
static char *take_string(const char **p, const char *end)
{
	uint32_t n = NO_STRING;
	char *s;

	if ((size_t)(end - *p) < sizeof(n))
		return NULL;
	memcpy(&n, *p, sizeof(n));
	*p += sizeof(n);
	if (n == NO_STRING || (size_t)(end - *p) < n)
		return NULL;
	s = ib_xmalloc((size_t)n + 1);
	memcpy(s, *p, n);
	s[n] = '\0';
	*p += n;
	return s;
}

static void take_event(const struct relay *r, const char *p, size_t n)
{
	const char *end = p + n;
	struct ib_event e;
	cleanup_free char *phase = NULL, *text = NULL, *log = NULL;

	if (n < sizeof(e))
		return;
	memcpy(&e, p, sizeof(e));
	p += sizeof(e);
	phase = take_string(&p, end);
	text = take_string(&p, end);
	log = take_string(&p, end);
	e.phase = phase;
	e.text = text;
	e.log = log;
	ib_emit(r->build->sink, &e);
}

static void take_target(const struct relay *r, const char *p, size_t n)
{
	struct relay_target t;
	struct target *to;

	if (n != sizeof(t))
		return;
	memcpy(&t, p, sizeof(t));
	if (t.index >= r->build->targets.len)
		return;
	to = &r->build->targets.items[t.index];
	to->key = t.key;
	to->is_current = t.is_current;
}

static void take_record(struct relay *r, const struct relay_head *head, const char *p)
{
	switch ((enum relay_kind)head->kind) {
	case RELAY_EVENT:
		take_event(r, p, head->size);
		return;
	case RELAY_TARGET:
		take_target(r, p, head->size);
		return;
	case RELAY_ERROR:
		if (head->size == sizeof(*r->err)) {
			memcpy(r->err, p, sizeof(*r->err));
			r->has_error = true;
		}
		return;
	case RELAY_BYTES:
		if (head->size == sizeof(r->bytes))
			memcpy(&r->bytes, p, sizeof(r->bytes));
		return;
	}
}

int relay_read(struct relay *r, int fd, struct ib_error *err)
{
	char chunk[65536];
	struct relay_head head;
	size_t at = 0;
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EINTR ? 1 : ib_fail(err, errno, "read from the supervisor");
	if (n == 0)
		return 0;
	buf_add(&r->pending, chunk, (size_t)n);
	while (r->pending.len - at >= sizeof(head)) {
		memcpy(&head, r->pending.data + at, sizeof(head));
		if (r->pending.len - at - sizeof(head) < head.size)
			break;
		take_record(r, &head, r->pending.data + at + sizeof(head));
		at += sizeof(head) + head.size;
	}
	memmove(r->pending.data, r->pending.data + at, r->pending.len - at);
	r->pending.len -= at;
	return 1;
}
