/* SPDX-License-Identifier: Apache-2.0 */
/* The source map. Offsets begin at 1, so that {0, 0} is nowhere; each text is followed by one
 * offset of its own for its end, so that "at the end of the file" names the right file. */
#include <imagebuild/source.h>

#include <imagebuild/buf.h>
#include <imagebuild/error.h>
#include <imagebuild/vec.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct text {
	const char *name, *data;
	uint32_t base, len;
	struct u32_vec lines; /* where each line begins, from the start of the text */
	struct ib_span asked; /* the INCLUDE that asked for it, or nowhere */
};

struct ib_sources {
	struct arena *arena;
	struct {
		struct text *items;
		size_t len, cap;
	} texts;
	uint32_t next;
};

struct ib_sources *ib_sources_new(void)
{
	struct arena *a = arena_new();
	struct ib_sources *s = arena_alloc(a, sizeof(*s));

	s->arena = a;
	s->next = 1;
	return s;
}

void ib_sources_free(struct ib_sources *s)
{
	if (s)
		arena_free(s->arena);
}

static void index_lines(struct arena *a, struct text *t)
{
	const char *end = t->data + t->len;

	vec_push(a, &t->lines, 0);
	for (const char *p = t->data; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		vec_push(a, &t->lines, (uint32_t)(p + 1 - t->data));
}

int ib_sources_add(struct ib_sources *s, const char *name, const char *text, size_t n,
		   struct ib_span *ret_span, struct ib_error *err)
{
	struct text t = { .base = s->next };

	if (n > IB_SOURCE_MAX)
		return ib_fail_text(err, E2BIG, "'%s' is larger than %u MiB", name,
				    IB_SOURCE_MAX >> 20);
	if (n >= IB_SOURCES_MAX - s->next)
		return ib_fail_text(err, E2BIG,
				    "'%s' is one file too many: all sources together "
				    "are larger than 2 GiB",
				    name);
	t.name = arena_strdup(s->arena, name);
	t.data = arena_strndup(s->arena, text, n);
	t.len = (uint32_t)n;
	index_lines(s->arena, &t);
	vec_push(s->arena, &s->texts, t);
	s->next += t.len + 1;
	*ret_span = (struct ib_span){ t.base, t.base + t.len };
	return 0;
}

/* Reads to the end, or one byte beyond the bound: then ib_sources_add says so. */
static int slurp(int fd, struct buf *text)
{
	char chunk[16384];

	while (text->len <= IB_SOURCE_MAX) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_add(text, chunk, (size_t)n);
	}
	return 0;
}

static int add_fd(struct ib_sources *s, int fd, const char *name, struct ib_span *ret_span,
		  struct ib_error *err)
{
	cleanup_buf struct buf text = BUF_INIT;
	int r = slurp(fd, &text);

	if (r < 0)
		return ib_fail(err, -r, "read '%s'", name);
	return ib_sources_add(s, name, text.data ? text.data : "", text.len, ret_span, err);
}

int ib_sources_read_at(struct ib_sources *s, int dir_fd, const char *path, const char *name,
		       struct ib_span *ret_span, struct ib_error *err)
{
	/* O_NONBLOCK: a FIFO must not hang us before it is refused */
	cleanup_fd int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return ib_fail(err, errno, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return ib_fail(err, errno, "stat '%s'", name);
	if (S_ISDIR(st.st_mode))
		return ib_fail_text(err, EISDIR, "'%s' is a directory, expected a file", name);
	if (!S_ISREG(st.st_mode))
		return ib_fail_text(err, EINVAL, "'%s' is not a regular file", name);
	return add_fd(s, fd, name, ret_span, err);
}

int ib_sources_read(struct ib_sources *s, const char *path, struct ib_span *ret_span,
		    struct ib_error *err)
{
	if (strcmp(path, "-") == 0)
		return add_fd(s, STDIN_FILENO, "-", ret_span, err);
	return ib_sources_read_at(s, AT_FDCWD, path, path, ret_span, err);
}

/* The text that holds OFFSET, its end included; NULL for nowhere. */
static struct text *find(const struct ib_sources *s, uint32_t offset)
{
	size_t low = 0, high = s->texts.len;

	if (offset == 0 || offset >= s->next)
		return NULL;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s->texts.items[mid].base <= offset)
			low = mid;
		else
			high = mid;
	}
	return &s->texts.items[low];
}

void ib_sources_included(struct ib_sources *s, struct ib_span text, struct ib_span asked)
{
	struct text *t = find(s, text.start);

	if (t)
		t->asked = asked;
}

struct ib_span ib_sources_includer(const struct ib_sources *s, uint32_t offset)
{
	const struct text *t = find(s, offset);

	return t ? t->asked : (struct ib_span){ 0, 0 };
}

const char *ib_sources_text(const struct ib_sources *s, struct ib_span span)
{
	const struct text *t = find(s, span.start);

	return t ? t->data + (span.start - t->base) : "";
}

/* The index of the line that holds byte AT of T. */
static size_t line_of(const struct text *t, uint32_t at)
{
	size_t low = 0, high = t->lines.len;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (t->lines.items[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return low;
}

bool ib_sources_locate(const struct ib_sources *s, uint32_t offset, struct ib_place *ret_place)
{
	const struct text *t = find(s, offset);
	uint32_t start, end;
	size_t line;

	if (!t)
		return false;
	line = line_of(t, offset - t->base);
	start = t->lines.items[line];
	end = line + 1 < t->lines.len ? t->lines.items[line + 1] - 1 : t->len;
	if (end > start && t->data[end - 1] == '\r')
		end--;
	*ret_place = (struct ib_place){
		.file = t->name,
		.line = (uint32_t)line + 1,
		.column = offset - t->base - start + 1,
		.text = t->data + start,
		.text_len = end - start,
		.line_start = t->base + start,
	};
	return true;
}
