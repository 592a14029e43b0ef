/* SPDX-License-Identifier: Apache-2.0 */
/* mke2fs's decisions, as tables: Debian 12's /etc/mke2fs.conf and the options that recipes use. */
#include "support/extopts.h"

#include "support/extfs.h"

#include <errno.h>
#include <imagebuild/error.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

/* base_features of mke2fs.conf */
#define BASE_COMPAT (0x0008u | EXT_RESIZE_INODE | EXT_DIR_INDEX)
#define BASE_RO_COMPAT (EXT_SPARSE_SUPER | 0x0002u)

static const struct fs_type {
	const char *name;
	uint32_t compat, incompat, ro_compat;
} fs_types[] = {
	{ "ext2", 0, 0, 0 },
	{ "ext3", EXT_HAS_JOURNAL, 0, 0 },
	{ "ext4", EXT_HAS_JOURNAL, EXT_EXTENTS | EXT_64BIT | EXT_FLEX_BG,
	  0x0008u | EXT_DIR_NLINK | 0x0040u | EXT_METADATA_CSUM },
};

/* [fs_types] of mke2fs.conf that set sizes; the first five also follow from the size (BELOW MiB).
 */
static const struct usage {
	const char *name;
	uint64_t below;
	uint32_t block_size, inode_ratio;
} usages[] = {
	{ "floppy", 3, 1024, 8192 },
	{ "small", 512, 1024, 4096 },
	{ "default", UINT64_C(4) << 20, 4096, 16384 },
	{ "big", UINT64_C(16) << 20, 4096, 32768 },
	{ "huge", UINT64_MAX, 4096, 65536 },
	{ "news", 0, 4096, 4096 },
	{ "largefile", 0, 4096, 1048576 },
	{ "largefile4", 0, 4096, 4194304 },
};

enum word { COMPAT, INCOMPAT, RO_COMPAT };

static const struct feature {
	const char *name;
	enum word word;
	uint32_t mask;
} features[] = {
	{ "has_journal", COMPAT, EXT_HAS_JOURNAL },
	{ "ext_attr", COMPAT, 0x0008u },
	{ "resize_inode", COMPAT, EXT_RESIZE_INODE },
	{ "dir_index", COMPAT, EXT_DIR_INDEX },
	{ "filetype", INCOMPAT, EXT_FILETYPE },
	{ "meta_bg", INCOMPAT, EXT_META_BG },
	{ "extent", INCOMPAT, EXT_EXTENTS },
	{ "extents", INCOMPAT, EXT_EXTENTS },
	{ "64bit", INCOMPAT, EXT_64BIT },
	{ "flex_bg", INCOMPAT, EXT_FLEX_BG },
	{ "metadata_csum_seed", INCOMPAT, EXT_CSUM_SEED },
	{ "sparse_super", RO_COMPAT, EXT_SPARSE_SUPER },
	{ "large_file", RO_COMPAT, 0x0002u },
	{ "huge_file", RO_COMPAT, 0x0008u },
	{ "uninit_bg", RO_COMPAT, EXT_GDT_CSUM },
	{ "uninit_groups", RO_COMPAT, EXT_GDT_CSUM },
	{ "dir_nlink", RO_COMPAT, EXT_DIR_NLINK },
	{ "extra_isize", RO_COMPAT, 0x0040u },
	{ "metadata_csum", RO_COMPAT, EXT_METADATA_CSUM },
};

static const struct {
	const char *name;
	uint16_t value;
} error_actions[] = { { "continue", 1 }, { "remount-ro", 2 }, { "panic", 3 } };

/* What the options said, before the size is looked at; 0 and NULL: nothing. */
struct wish {
	struct extopts *opts;
	uint64_t size;
	const char *label, *uuid;
	const struct usage *usage;
	uint32_t block_size, inode_ratio, journal_mib;
	uint64_t inodes, resize;
	double reserved; /* percent */
	struct ib_error *err;
};

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value,
			struct ib_error *err)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < min || value > max)
		return ib_fail_text(err, EINVAL,
				    "'%s' is not a number from %" PRIu64 " to %" PRIu64, text, min,
				    max);
	*ret_value = value;
	return 0;
}

static int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret_value,
		     struct ib_error *err)
{
	uint64_t value;
	int r = parse_number(text, min, max, &value, err);

	if (r >= 0)
		*ret_value = (uint32_t)value;
	return r;
}

static bool is_power(uint32_t n)
{
	return n && !(n & (n - 1));
}

static int set_block_size(struct wish *w, const char *value)
{
	int r = parse_u32(value, 1024, 65536, &w->block_size, w->err);

	if (r >= 0 && !is_power(w->block_size))
		return ib_fail_text(w->err, EINVAL, "block size %s is no power of two", value);
	return r;
}

static int set_inode_size(struct wish *w, const char *value)
{
	int r = parse_u32(value, 128, 4096, &w->opts->inode_size, w->err);

	if (r >= 0 && !is_power(w->opts->inode_size))
		return ib_fail_text(w->err, EINVAL, "inode size %s is no power of two", value);
	return r;
}

static int set_inode_ratio(struct wish *w, const char *value)
{
	return parse_u32(value, 1024, 65536u * 1024, &w->inode_ratio, w->err);
}

static int set_inodes(struct wish *w, const char *value)
{
	return parse_number(value, 1, UINT32_MAX, &w->inodes, w->err);
}

static int set_reserved(struct wish *w, const char *value)
{
	char *end;

	w->reserved = strtod(value, &end);
	if (end == value || *end || !(w->reserved >= 0 && w->reserved <= 50))
		return ib_fail_text(w->err, EINVAL, "'%s' is not a percentage from 0 to 50", value);
	return 0;
}

static int set_flex(struct wish *w, const char *value)
{
	uint32_t n;
	int r = parse_u32(value, 1, 1u << 30, &n, w->err);

	if (r < 0)
		return r;
	if (!is_power(n))
		return ib_fail_text(w->err, EINVAL, "flex_bg size %s is no power of two", value);
	w->opts->log_flex = (uint32_t)__builtin_ctz(n);
	return 0;
}

static int set_label(struct wish *w, const char *value)
{
	w->label = value;
	return 0;
}

static int set_uuid(struct wish *w, const char *value)
{
	w->uuid = value;
	return 0;
}

static int set_errors(struct wish *w, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(error_actions); i++) {
		if (strcmp(error_actions[i].name, value) != 0)
			continue;
		w->opts->errors = error_actions[i].value;
		return 0;
	}
	return ib_fail_text(w->err, EINVAL, "'%s' is none of continue, remount-ro, panic", value);
}

static int set_usage(struct wish *w, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(usages); i++) {
		if (strcmp(usages[i].name, value) != 0)
			continue;
		w->usage = &usages[i];
		return 0;
	}
	return ib_fail_text(w->err, EINVAL, "usage type '%s' is unknown", value);
}

static int edit_feature(struct extopts *o, const char *name, struct ib_error *err)
{
	bool is_off = *name == '^' || *name == '-';
	uint32_t *const words[] = { &o->compat, &o->incompat, &o->ro_compat };

	if (!strcmp(name, "none")) {
		o->compat = o->incompat = o->ro_compat = 0;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		const struct feature *f = &features[i];

		if (strcmp(f->name, name + is_off) != 0)
			continue;
		if (is_off)
			*words[f->word] &= ~f->mask;
		else
			*words[f->word] |= f->mask;
		return 0;
	}
	return ib_fail_text(err, EINVAL, "feature '%s' is not supported", name + is_off);
}

/* Calls ITEM for each part of "a,b=1,c". */
static int each_part(struct wish *w, const char *value, int (*item)(struct wish *w, char *part))
{
	cleanup_free char *copy = ib_xstrdup(value);
	char *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		int r = item(w, p);

		if (r < 0)
			return r;
	}
	return 0;
}

static int feature_part(struct wish *w, char *part)
{
	return edit_feature(w->opts, part, w->err);
}

static int set_features(struct wish *w, const char *value)
{
	return each_part(w, value, feature_part);
}

static int journal_part(struct wish *w, char *part)
{
	if (strncmp(part, "size=", 5) != 0)
		return ib_fail_text(w->err, EINVAL, "'%s' is not supported, only size=MIB", part);
	return parse_u32(part + 5, 1, 10240000, &w->journal_mib, w->err);
}

static int set_journal(struct wish *w, const char *value)
{
	return each_part(w, value, journal_part);
}

/* Extended options that matter for a device only; an image file reads as zeros anyway. */
static const char *const ignored_extended[] = {
	"discard",
	"nodiscard",
	"lazy_itable_init",
	"lazy_itable_init=0",
	"lazy_itable_init=1",
	"lazy_journal_init",
	"lazy_journal_init=0",
	"lazy_journal_init=1",
	"assume_storage_prezeroed=0",
	"assume_storage_prezeroed=1",
};

static int extended_part(struct wish *w, char *part)
{
	if (!strncmp(part, "resize=", 7))
		return parse_number(part + 7, 1, UINT64_C(1) << 48, &w->resize, w->err);
	if (!strncmp(part, "stride=", 7))
		return parse_u32(part + 7, 0, 65535, &w->opts->stride, w->err);
	if (!strncmp(part, "stripe_width=", 13) || !strncmp(part, "stripe-width=", 13))
		return parse_u32(part + 13, 0, UINT32_MAX, &w->opts->stripe_width, w->err);
	for (size_t i = 0; i < ARRAY_SIZE(ignored_extended); i++)
		if (!strcmp(ignored_extended[i], part))
			return 0;
	return ib_fail_text(w->err, EINVAL, "extended option '%s' is not supported", part);
}

static int set_extended(struct wish *w, const char *value)
{
	return each_part(w, value, extended_part);
}

static int set_journal_on(struct wish *w, IB_UNUSED const char *value)
{
	w->opts->compat |= EXT_HAS_JOURNAL;
	return 0;
}

/* A NULL function: the option is read and means nothing here. */
static const struct option {
	char letter;
	bool has_value;
	int (*set)(struct wish *w, const char *value);
} option_table[] = {
	{ 'b', true, set_block_size },  { 'I', true, set_inode_size },
	{ 'i', true, set_inode_ratio }, { 'N', true, set_inodes },
	{ 'm', true, set_reserved },    { 'G', true, set_flex },
	{ 'L', true, set_label },       { 'U', true, set_uuid },
	{ 'e', true, set_errors },      { 'T', true, set_usage },
	{ 'O', true, set_features },    { 'J', true, set_journal },
	{ 'E', true, set_extended },    { 'F', false, NULL },
	{ 'q', false, NULL },           { 'v', false, NULL },
	{ 'j', false, set_journal_on },
};

static const struct option *find_option(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_table); i++)
		if (word[0] == '-' && word[1] == option_table[i].letter)
			return &option_table[i];
	return NULL;
}

/* "-i 4096 -J size=64" and "-i4096". WORDS is cut into pieces, which label and uuid point into. */
static int read_words(struct wish *w, char *words)
{
	char *save = NULL;

	for (char *p = strtok_r(words, " \t\n", &save); p; p = strtok_r(NULL, " \t\n", &save)) {
		const struct option *o = find_option(p);
		const char *value = p + 2;
		int r;

		if (!o || (!o->has_value && *value))
			return ib_fail_text(w->err, EINVAL, "mkfs option '%s' is not supported", p);
		if (o->has_value && !*value)
			value = strtok_r(NULL, " \t\n", &save);
		if (!value)
			return ib_fail_text(w->err, EINVAL, "mkfs option '%s' needs a value", p);
		r = o->set ? o->set(w, value) : 0;
		if (r < 0)
			return ib_wrap(w->err, "mkfs option '-%c'", o->letter);
	}
	return 0;
}

static int set_type(struct extopts *o, const char *type, struct ib_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_types); i++) {
		const struct fs_type *t = &fs_types[i];

		if (strcmp(t->name, type) != 0)
			continue;
		o->compat = BASE_COMPAT | t->compat;
		o->incompat = EXT_FILETYPE | t->incompat;
		o->ro_compat = BASE_RO_COMPAT | t->ro_compat;
		return 0;
	}
	return ib_fail_text(err, EINVAL, "'%s' is none of ext2, ext3, ext4", type);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_uuid(const char *text, uint8_t ret_bytes[16], struct ib_error *err)
{
	const char *p = text;

	for (size_t i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return ib_fail_text(err, EINVAL, "'%s' is not a UUID", text);
		high = hex_digit(p[0]);
		low = high < 0 ? -1 : hex_digit(p[1]);
		if (low < 0)
			return ib_fail_text(err, EINVAL, "'%s' is not a UUID", text);
		ret_bytes[i] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	return *p ? ib_fail_text(err, EINVAL, "'%s' is not a UUID", text) : 0;
}

static const struct usage *usage_of_size(uint64_t size)
{
	const struct usage *u = usages;

	while (u->below != UINT64_MAX && size >= u->below * MIB)
		u++;
	return u;
}

static int choose_blocks(struct wish *w, uint32_t sector_size)
{
	struct extopts *o = w->opts;

	o->block_size = w->block_size ? w->block_size : w->usage->block_size;
	if (!w->block_size && o->block_size < sector_size)
		o->block_size = sector_size;
	if (o->block_size < sector_size)
		return ib_fail_text(w->err, EINVAL,
				    "blocks of %u bytes are smaller than the disk's sectors of %u",
				    o->block_size, sector_size);
	if (o->block_size > 4096)
		return ib_fail_text(
			w->err, EINVAL,
			"blocks of %u bytes cannot be mounted everywhere; use 1024 to 4096",
			o->block_size);
	if (o->inode_size > o->block_size)
		return ib_fail_text(w->err, EINVAL,
				    "inodes of %u bytes are larger than blocks of %u",
				    o->inode_size, o->block_size);
	o->blocks = w->size / o->block_size;
	if (o->blocks > UINT32_MAX && !(o->incompat & EXT_64BIT))
		return ib_fail_text(w->err, EFBIG, "%" PRIu64 " blocks need the feature 64bit",
				    o->blocks);
	if (o->blocks < 60)
		return ib_fail_text(w->err, ENOSPC,
				    "%" PRIu64 " bytes are too small for an ext file system",
				    w->size);
	o->reserved = (uint64_t)(w->reserved * (double)o->blocks / 100.0);
	return 0;
}

static int choose_inodes(struct wish *w)
{
	struct extopts *o = w->opts;
	uint32_t ratio = w->inode_ratio ? w->inode_ratio : w->usage->inode_ratio;

	o->inodes = w->inodes ? w->inodes : o->blocks * o->block_size / ratio;
	if (o->inodes > UINT32_MAX)
		return ib_fail_text(w->err, EFBIG,
				    "%" PRIu64
				    " inodes are more than ext can have; raise the inode ratio",
				    o->inodes);
	return 0;
}

/* ext2fs_default_journal_size(): blocks of the journal by thousands of blocks of the file system.
 */
static uint32_t default_journal(uint64_t blocks)
{
	static const struct {
		uint64_t below;
		uint32_t journal;
	} table[] = {
		{ 2, 0 },        { 32, 1024 },    { 256, 4096 },    { 512, 8192 },
		{ 4096, 16384 }, { 8192, 32768 }, { 16384, 65536 }, { 32768, 131072 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (blocks < table[i].below << 10)
			return table[i].journal;
	return 262144;
}

static int choose_journal(struct wish *w)
{
	struct extopts *o = w->opts;
	uint64_t n;

	if (w->journal_mib)
		o->compat |= EXT_HAS_JOURNAL;
	if (!(o->compat & EXT_HAS_JOURNAL))
		return 0;
	n = w->journal_mib ? w->journal_mib * MIB / o->block_size : default_journal(o->blocks);
	if (!n)
		o->compat &= ~EXT_HAS_JOURNAL; /* as mke2fs does below 2048 blocks */
	if (n && (n < 1024 || n > 10240000))
		return ib_fail_text(w->err, EINVAL,
				    "a journal of %u MiB has %" PRIu64
				    " blocks, expected 1024 to 10240000",
				    w->journal_mib, n);
	if (n > o->blocks / 2)
		return ib_fail_text(w->err, ENOSPC,
				    "a journal of %" PRIu64
				    " MiB is too large for a file system of %" PRIu64 " MiB",
				    n * o->block_size / MIB, w->size / MIB);
	o->journal_blocks = (uint32_t)n;
	return 0;
}

static uint64_t div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* -E resize=N: the block groups of N blocks need this many blocks of descriptors more than now. */
static int choose_growth(struct wish *w)
{
	struct extopts *o = w->opts;
	uint64_t group = (uint64_t)o->block_size * 8, a_block, now, later;

	if (!w->resize)
		return 0;
	if (w->resize <= o->blocks)
		return ib_fail_text(w->err, EINVAL,
				    "resize=%" PRIu64 " is not above the size of %" PRIu64
				    " blocks",
				    w->resize, o->blocks);
	a_block = o->block_size / (o->incompat & EXT_64BIT ? 64 : 32);
	now = div_up(div_up(o->blocks, group), a_block);
	later = div_up(div_up(w->resize, group), a_block);
	if (later > now) {
		o->compat |= EXT_RESIZE_INODE;
		o->reserved_gdt = (uint32_t)(later - now);
	}
	if (o->reserved_gdt > o->block_size / 4)
		o->reserved_gdt = o->block_size / 4;
	return 0;
}

static int check_features(struct wish *w)
{
	struct extopts *o = w->opts;

	if ((o->compat & EXT_RESIZE_INODE) && (o->incompat & EXT_META_BG))
		return ib_fail_text(w->err, EINVAL,
				    "features resize_inode and meta_bg exclude each other");
	if ((o->compat & EXT_RESIZE_INODE) && !(o->ro_compat & EXT_SPARSE_SUPER))
		return ib_fail_text(w->err, EINVAL, "feature resize_inode needs sparse_super");
	if ((o->incompat & EXT_CSUM_SEED) && !(o->ro_compat & EXT_METADATA_CSUM))
		return ib_fail_text(w->err, EINVAL,
				    "feature metadata_csum_seed needs metadata_csum");
	if ((o->incompat & EXT_64BIT) && !(o->incompat & EXT_EXTENTS))
		return ib_fail_text(w->err, EINVAL, "feature 64bit needs extent");
	if (o->ro_compat & EXT_METADATA_CSUM)
		o->ro_compat &= ~EXT_GDT_CSUM;
	if (!(o->incompat & EXT_FLEX_BG))
		o->log_flex = 0;
	return 0;
}

static int set_names(struct wish *w, const struct extfs_options *options)
{
	size_t n = w->label ? strlen(w->label) : 0;
	int r;

	if (n > sizeof(w->opts->label))
		return ib_fail_text(w->err, EINVAL, "label '%s' has %zu bytes, at most 16 fit",
				    w->label, n);
	memcpy(w->opts->label, w->label ? w->label : "", n);
	r = parse_uuid(w->uuid, w->opts->uuid, w->err);
	return r < 0 ? r : parse_uuid(options->hash_seed, w->opts->hash_seed, w->err);
}

static int decide(struct wish *w, const struct extfs_options *options)
{
	int r = choose_blocks(w, options->sector_size);

	if (r >= 0)
		r = choose_inodes(w);
	if (r >= 0)
		r = choose_journal(w);
	if (r >= 0)
		r = choose_growth(w);
	if (r >= 0)
		r = check_features(w);
	return r < 0 ? r : set_names(w, options);
}

int extopts_read(const struct extfs_options *options, uint64_t size, struct extopts *ret_opts,
		 struct ib_error *err)
{
	cleanup_free char *words = ib_xstrdup(options->opts ? options->opts : "");
	struct extopts o = { .inode_size = 256, .log_flex = 4, .errors = 1 };
	struct wish w = {
		.opts = &o,
		.size = size,
		.label = options->label,
		.uuid = options->uuid,
		.usage = usage_of_size(size),
		.block_size = options->block_size,
		.inode_ratio = options->inode_ratio,
		.journal_mib = options->journal_mib,
		.reserved = 5,
		.err = err,
	};
	int r = set_type(&o, options->type, err);

	if (r >= 0)
		r = read_words(&w, words);
	if (r >= 0)
		r = decide(&w, options);
	if (r >= 0)
		*ret_opts = o;
	return r;
}
