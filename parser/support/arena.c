/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks in a chain; the newest one is cut from. What is larger than a quarter of a block gets a
 * block of its own behind the newest, so that the rest of the newest stays in use. */
#include <imagebuild/arena.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10)

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct block *top;
};

static struct block *block_new(size_t size)
{
	struct block *b;

	if (size > SIZE_MAX - sizeof(*b))
		ib_oom();
	b = calloc(1, sizeof(*b) + size);
	if (!b)
		ib_oom();
	b->size = size;
	return b;
}

struct arena *arena_new(void)
{
	struct arena *a = ib_xmalloc(sizeof(*a));

	a->top = block_new(BLOCK_SIZE - sizeof(struct block));
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	while (a->top) {
		struct block *next = a->top->next;

		free(a->top);
		a->top = next;
	}
	free(a);
}

static void *alloc_alone(struct arena *a, size_t size)
{
	struct block *b = block_new(size);

	b->used = size;
	b->next = a->top->next;
	a->top->next = b;
	return b->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct block *b = a->top;
	void *p;

	if (size > BLOCK_SIZE / 4)
		return alloc_alone(a, size);
	size = (size + align - 1) & ~(align - 1);
	if (b->size - b->used < size) {
		b = block_new(BLOCK_SIZE - sizeof(struct block));
		b->next = a->top;
		a->top = b;
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (n)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		ib_oom();
	text = arena_alloc(a, (size_t)n + 1);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}

const char *arena_dir_name(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
}
