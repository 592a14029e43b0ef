/* SPDX-License-Identifier: Apache-2.0 */
/* What the user wrote wrong: diagnostics with spans, collected, sorted by span, rendered once. */
#ifndef IMAGEBUILD_DIAG_H
#define IMAGEBUILD_DIAG_H

#include <imagebuild/buf.h>
#include <imagebuild/source.h>
#include <imagebuild/vec.h>

struct ib_diag;

/* IB_STYLE and IB_INFO are lint's alone; a note is no finding, but what should be known. */
enum ib_severity { IB_NOTE, IB_STYLE, IB_INFO, IB_WARNING, IB_ERROR };

/* The rows of diags.def: IB_D_<SLUG>. An id (IB1001) never changes its meaning. */
enum ib_diag_id {
#define DIAG(id, slug, severity) IB_D_##slug = (id),
#include <imagebuild/diags.def>
#undef DIAG
};

/* A row of diags.def or of lint/rules.def. */
struct ib_diag_row {
	int id;
	const char *slug; /* "UNKNOWN_INSTRUCTION" */
	enum ib_severity severity;
};
/* All rows of diags.def, by number. */
extern const struct ib_diag_row ib_diag_rows[];
extern const size_t ib_diag_rows_len;

/* A line beneath a finding: with a place, or (AT nowhere) a hint. */
struct ib_note {
	struct ib_span at;
	const char *text;
};
struct ib_note_vec VEC(struct ib_note);

/* A change of the source that mends a finding: TEXT in place of AT; NULL: the file gets its execute bits. */
struct ib_edit {
	struct ib_span at;
	const char *text;
};
struct ib_edit_vec VEC(struct ib_edit);

struct ib_finding {
	const struct ib_diag_row *row;
	struct ib_span at;
	const char *text;
	struct ib_note_vec notes, hints;
	struct ib_edit_vec edits; /* all of them, or none */
	size_t number;		  /* of its making, so that the sort is stable */
};
struct ib_finding_vec VEC(struct ib_finding *);

/* SOURCES is borrowed and outlives it. */
struct ib_diag *ib_diag_new(const struct ib_sources *sources);
void ib_diag_free(struct ib_diag *d);
const struct ib_sources *ib_diag_sources(const struct ib_diag *d);

/* Findings of a severity that are kept; those behind are counted. ib_diag_limit sets another bound. */
#define IB_DIAG_MAX 1000
void ib_diag_limit(struct ib_diag *d, size_t most);

/* Adds a finding; its severity is the row's. The text is lower case, without a full stop. */
void ib_diag_add(struct ib_diag *d, enum ib_diag_id id, struct ib_span at, const char *fmt, ...)
	IB_PRINTF(4, 5);
/* The same for a row of another table, which outlives it. */
void ib_diag_add_row(struct ib_diag *d, const struct ib_diag_row *row, struct ib_span at, const char *fmt, ...)
	IB_PRINTF(4, 5);
/* Adds to the last finding an edit that is safe: the meaning stays, or becomes what was surely meant. TEXT is copied. */
void ib_diag_edit(struct ib_diag *d, struct ib_span at, const char *text);
/* Adds to the last finding: a second place, drawn beneath; a line that says what to do. */
void ib_diag_note(struct ib_diag *d, struct ib_span at, const char *fmt, ...) IB_PRINTF(3, 4);
void ib_diag_hint(struct ib_diag *d, const char *fmt, ...) IB_PRINTF(2, 3);
/* Adds a finding about WORD, which is none of WORDS (N of them): FMT and ib_suggest_text. */
void ib_diag_unknown(struct ib_diag *d, enum ib_diag_id id, struct ib_span at, const char *word,
		     const char *const *words, size_t n, const char *fmt, ...) IB_PRINTF(7, 8);
/* The same note on all findings from number FIRST (of ib_diag_count) on. */
void ib_diag_note_from(struct ib_diag *d, size_t first, struct ib_span at, const char *fmt, ...)
	IB_PRINTF(4, 5);
/* With --strict: warnings count and print as errors. */
void ib_diag_strict(struct ib_diag *d, bool is_strict);

size_t ib_diag_errors(const struct ib_diag *d);
size_t ib_diag_count(const struct ib_diag *d);

/* All findings, sorted by place; good until the next one is added. */
const struct ib_finding_vec *ib_diag_sorted(struct ib_diag *d);
/* Appends one finding as ib_diag_render does, as SEVERITY. */
void ib_diag_render_one(const struct ib_diag *d, const struct ib_finding *f, enum ib_severity severity,
			struct buf *out, bool has_color);

/* Appends all findings, sorted:
 *   Imagefile:5:1: error: unknown instruction 'FORM'; did you mean 'FROM'? [IB1001]
 *       5 | FORM x
 *         | ^~~~
 * then its hints, the INCLUDEs that brought its file, and its notes. The same finding at the same
 * place is printed once. */
void ib_diag_render(struct ib_diag *d, struct buf *out, bool has_color);

/* One located message in the same rendering, for errors that are not findings (a step failed).
 * NOTES are printed as "= note" lines; NULL-terminated, may be NULL. */
void ib_diag_show(const struct ib_sources *sources, struct ib_span at, enum ib_severity severity,
		  const char *text, const char *const *notes, struct buf *out, bool has_color);

/* The word of WORDS (N of them) nearest to WORD within a distance that grows with its length, or
 * NULL: for "did you mean". */
const char *ib_suggest(const char *word, const char *const *words, size_t n);
/* Appends "; did you mean 'x'?" or, where none is near, "; expected a, b or c"; a list that is long
 * or empty is not given. */
void ib_suggest_text(struct buf *out, const char *word, const char *const *words, size_t n);

#endif
