/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: kept in the order they were made, each once, sorted when they are shown. */
#include <imagebuild/diag.h>

#include <imagebuild/intern.h>
#include <imagebuild/map.h>
#include <imagebuild/utf8.h>
#include <imagebuild/vec.h>

#include <string.h>

struct ib_diag {
	struct arena *arena;
	struct intern *names;
	const struct ib_sources *sources;
	struct map seen; /* "id start end text" -> struct ib_finding */
	struct ib_finding_vec findings;
	struct ib_finding *last; /* what notes and hints are for */
	bool is_strict;
	size_t most;                 /* of a severity that are kept */
	size_t counts[IB_ERROR + 1]; /* findings of each severity, as their rows say */
};

const struct ib_diag_row ib_diag_rows[] = {
#define DIAG(id, slug, severity) { id, #slug, severity },
#include <imagebuild/diags.def>
#undef DIAG
};
const size_t ib_diag_rows_len = ARRAY_SIZE(ib_diag_rows);

struct ib_diag *ib_diag_new(const struct ib_sources *sources)
{
	struct arena *a = arena_new();
	struct ib_diag *d = arena_alloc(a, sizeof(*d));

	d->arena = a;
	d->names = intern_new(a);
	d->sources = sources;
	d->most = IB_DIAG_MAX;
	return d;
}

void ib_diag_limit(struct ib_diag *d, size_t most)
{
	d->most = most;
}

void ib_diag_free(struct ib_diag *d)
{
	if (d)
		arena_free(d->arena);
}

const struct ib_sources *ib_diag_sources(const struct ib_diag *d)
{
	return d->sources;
}

void ib_diag_strict(struct ib_diag *d, bool is_strict)
{
	d->is_strict = is_strict;
}

static const struct ib_diag_row *row_of(enum ib_diag_id id)
{
	size_t i = 0;

	while (ib_diag_rows[i].id != (int)id)
		i++;
	return &ib_diag_rows[i];
}

static void add(struct ib_diag *d, const struct ib_diag_row *row, struct ib_span at,
		const char *fmt, va_list ap) IB_PRINTF(4, 0);
static void add(struct ib_diag *d, const struct ib_diag_row *row, struct ib_span at,
		const char *fmt, va_list ap)
{
	struct ib_finding *f = arena_alloc(d->arena, sizeof(*f));
	void **seen;

	*f = (struct ib_finding){ .row = row,
				  .at = at,
				  .text = arena_vprintf(d->arena, fmt, ap),
				  .number = d->findings.len };
	d->last = f; /* a repeated finding takes its notes with it, unseen */
	seen = map_put(d->arena, &d->seen,
		       intern_str(d->names, arena_printf(d->arena, "%d %u %u %s", row->id, at.start,
							 at.end, f->text)));
	if (*seen)
		return;
	*seen = f;
	if (d->counts[row->severity]++ < d->most)
		vec_push(d->arena, &d->findings, f);
}

void ib_diag_add(struct ib_diag *d, enum ib_diag_id id, struct ib_span at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, row_of(id), at, fmt, ap);
	va_end(ap);
}

void ib_diag_add_row(struct ib_diag *d, const struct ib_diag_row *row, struct ib_span at,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, row, at, fmt, ap);
	va_end(ap);
}

void ib_diag_edit(struct ib_diag *d, struct ib_span at, const char *text)
{
	struct ib_edit e = { at, text ? arena_strdup(d->arena, text) : NULL };

	if (d->last)
		vec_push(d->arena, &d->last->edits, e);
}

void ib_diag_unknown(struct ib_diag *d, enum ib_diag_id id, struct ib_span at, const char *word,
		     const char *const *words, size_t n, const char *fmt, ...)
{
	cleanup_buf struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	ib_suggest_text(&text, word, words, n);
	ib_diag_add(d, id, at, "%s", text.data);
}

void ib_diag_note(struct ib_diag *d, struct ib_span at, const char *fmt, ...)
{
	struct ib_note n = { .at = at };
	va_list ap;

	if (!d->last)
		return;
	va_start(ap, fmt);
	n.text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	vec_push(d->arena, &d->last->notes, n);
}

void ib_diag_note_from(struct ib_diag *d, size_t first, struct ib_span at, const char *fmt, ...)
{
	struct ib_note n = { .at = at };
	va_list ap;

	va_start(ap, fmt);
	n.text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	for (size_t i = first; i < d->findings.len; i++)
		vec_push(d->arena, &d->findings.items[i]->notes, n);
}

void ib_diag_hint(struct ib_diag *d, const char *fmt, ...)
{
	struct ib_note n = { .at = { 0, 0 } };
	va_list ap;

	if (!d->last)
		return;
	va_start(ap, fmt);
	n.text = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
	vec_push(d->arena, &d->last->hints, n);
}

static enum ib_severity shown_as(const struct ib_diag *d, const struct ib_finding *f)
{
	return d->is_strict && f->row->severity == IB_WARNING ? IB_ERROR : f->row->severity;
}

size_t ib_diag_errors(const struct ib_diag *d)
{
	return d->counts[IB_ERROR] + (d->is_strict ? d->counts[IB_WARNING] : 0);
}

size_t ib_diag_count(const struct ib_diag *d)
{
	return d->findings.len;
}

/* How a severity looks: its word and its colour (SGR). */
static const struct {
	const char *word, *color;
} looks[] = {
	[IB_NOTE] = { "note", "\033[1;36m" },   [IB_STYLE] = { "style", "\033[1;32m" },
	[IB_INFO] = { "info", "\033[1;34m" },   [IB_WARNING] = { "warning", "\033[1;35m" },
	[IB_ERROR] = { "error", "\033[1;31m" },
};

struct pen {
	const struct ib_sources *sources;
	struct buf *out;
	bool has_color;
};

static void color(const struct pen *p, const char *sgr)
{
	if (p->has_color)
		buf_str(p->out, sgr);
}

/* "      |   ^~~~": blanks for characters, tabs for tabs, so that the caret stands under its byte
 * whatever the tab width; it stops where the line ends. */
static void draw_caret(const struct pen *p, const struct ib_place *at, struct ib_span span)
{
	uint32_t from = span.start - at->line_start, to = span.end - at->line_start;
	const char *color_on = looks[IB_NOTE].color;

	if (to > at->text_len)
		to = at->text_len;
	if (from > at->text_len)
		from = at->text_len;
	buf_str(p->out, "      | ");
	for (uint32_t i = 0; i < from; i++)
		if (((unsigned char)at->text[i] & 0xc0) != 0x80)
			buf_char(p->out, at->text[i] == '\t' ? '\t' : ' ');
	color(p, color_on);
	buf_char(p->out, '^');
	for (uint32_t i = from + 1; i < to; i++)
		if (((unsigned char)at->text[i] & 0xc0) != 0x80)
			buf_char(p->out, '~');
	color(p, "\033[0m");
	buf_char(p->out, '\n');
}

/* Of a long line what stands around the span is shown. */
static void narrow(struct ib_place *at, uint32_t start)
{
	enum { BEFORE = 80, SHOWN = 240 };
	uint32_t skip = start - at->line_start;

	if (at->text_len <= SHOWN)
		return;
	skip = skip > BEFORE ? skip - BEFORE : 0;
	while (skip > 0 && ((unsigned char)at->text[skip] & 0xc0) == 0x80)
		skip--;
	at->text += skip;
	at->line_start += skip;
	at->text_len -= skip;
	if (at->text_len <= SHOWN)
		return;
	at->text_len = SHOWN;
	while (at->text_len > 0 && ((unsigned char)at->text[at->text_len] & 0xc0) == 0x80)
		at->text_len--;
}

/* The line "file:line:column: error: text [IB1001]" and the source line with its caret. ID 0: none.
 */
static void draw(const struct pen *p, struct ib_span span, enum ib_severity severity,
		 const char *text, int id)
{
	struct ib_place at;
	bool is_placed = ib_sources_locate(p->sources, span.start, &at);

	if (is_placed) {
		color(p, "\033[1m");
		utf8_visible(p->out, at.file, strlen(at.file));
		buf_printf(p->out, ":%u:%u: ", at.line, at.column);
		color(p, "\033[0m");
	}
	color(p, looks[severity].color);
	buf_printf(p->out, "%s: ", looks[severity].word);
	color(p, "\033[0m");
	utf8_visible(p->out, text, strlen(text));
	if (id)
		buf_printf(p->out, " [IB%d]", id);
	buf_char(p->out, '\n');
	if (!is_placed)
		return;
	narrow(&at, span.start);
	buf_printf(p->out, "%5u | ", at.line);
	utf8_visible(p->out, at.text, at.text_len);
	buf_char(p->out, '\n');
	draw_caret(p, &at, span);
}

static void draw_line(const struct pen *p, const char *text)
{
	buf_str(p->out, "      = ");
	utf8_visible(p->out, text, strlen(text));
	buf_char(p->out, '\n');
}

/* The INCLUDEs that brought the text of AT, from the nearest on. */
static void draw_includers(const struct pen *p, struct ib_span at)
{
	while ((at = ib_sources_includer(p->sources, at.start)).start)
		draw(p, at, IB_NOTE, "included here", 0);
}

static void draw_finding(const struct pen *p, const struct ib_finding *f, enum ib_severity severity)
{
	draw(p, f->at, severity, f->text, f->row->id);
	vec_foreach (struct ib_note, n, &f->hints)
		draw_line(p, n->text);
	draw_includers(p, f->at);
	vec_foreach (struct ib_note, n, &f->notes)
		draw(p, n->at, IB_NOTE, n->text, 0);
}

static int by_place(const void *x, const void *y)
{
	const struct ib_finding *a = *(struct ib_finding *const *)x,
				*b = *(struct ib_finding *const *)y;

	if (a->at.start != b->at.start)
		return a->at.start < b->at.start ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

const struct ib_finding_vec *ib_diag_sorted(struct ib_diag *d)
{
	if (d->findings.len)
		qsort(d->findings.items, d->findings.len, sizeof(*d->findings.items), by_place);
	return &d->findings;
}

void ib_diag_render_one(const struct ib_diag *d, const struct ib_finding *f,
			enum ib_severity severity, struct buf *out, bool has_color)
{
	struct pen p = { d->sources, out, has_color };

	draw_finding(&p, f, severity);
}

void ib_diag_render(struct ib_diag *d, struct buf *out, bool has_color)
{
	const struct ib_finding_vec *findings = ib_diag_sorted(d);
	size_t all = 0;

	vec_foreach (struct ib_finding *, f, findings)
		ib_diag_render_one(d, *f, shown_as(d, *f), out, has_color);
	for (size_t i = 0; i < ARRAY_SIZE(d->counts); i++)
		all += d->counts[i];
	if (all > d->findings.len)
		buf_printf(out, "and %zu more\n", all - d->findings.len);
}

void ib_diag_show(const struct ib_sources *sources, struct ib_span at, enum ib_severity severity,
		  const char *text, const char *const *notes, struct buf *out, bool has_color)
{
	struct pen p = { sources, out, has_color };

	draw(&p, at, severity, text, 0);
	for (; notes && *notes; notes++)
		draw_line(&p, *notes);
	draw_includers(&p, at);
}
