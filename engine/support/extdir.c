/* SPDX-License-Identifier: Apache-2.0 */
/* Directories in blocks: names one after another, or sorted by hash with an index in front of them
 * (Documentation/filesystems/ext4/directory.rst). All names are known, so every block is full. */
#include "support/extfs_private.h"

#include <errno.h>
#include <imagebuild/error.h>
#include <string.h>

#define DOTS_LEN 12u /* "." and ".." take that each */
#define ROOT_ENTRIES_AT 32u
#define NODE_ENTRIES_AT 8u

/* Blocks that grow at the end. */
struct packer {
	ext2_filsys fs;
	uint8_t *blocks;
	uint32_t count;
	unsigned used, room; /* bytes of the last block; bytes of a block that names may take */
	unsigned last;       /* where its last entry starts */
};

static uint8_t *block_at(const struct packer *p, uint32_t i)
{
	return p->blocks + (size_t)i * p->fs->blocksize;
}

static struct ext2_dir_entry *entry_at(const struct packer *p, uint32_t block, unsigned at)
{
	return (struct ext2_dir_entry *)(void *)(block_at(p, block) + at);
}

static uint8_t *add_block(struct packer *p)
{
	p->blocks = ib_xrealloc(p->blocks, ((size_t)p->count + 1) * p->fs->blocksize);
	memset(block_at(p, p->count), 0, p->fs->blocksize);
	p->used = p->last = 0;
	return block_at(p, p->count++);
}

static void set_length(struct packer *p, unsigned at, unsigned length)
{
	(void)ext2fs_set_rec_len(p->fs, length, entry_at(p, p->count - 1, at));
}

static void put_entry(struct packer *p, const struct ext_dir_item *item, unsigned length)
{
	struct ext2_dir_entry *e = entry_at(p, p->count - 1, p->used);

	e->inode = item->ino;
	ext2fs_dirent_set_name_len(e, item->name_len);
	if (ext2fs_has_feature_filetype(p->fs->super))
		ext2fs_dirent_set_file_type(e, item->type);
	memcpy(e->name, item->name, item->name_len);
	set_length(p, p->used, length);
	p->last = p->used;
	p->used += length;
}

/* The last entry reaches to the end, or to the checksum. */
static void end_block(struct packer *p)
{
	set_length(p, p->last, p->room - p->last);
	if (p->room < p->fs->blocksize)
		ext2fs_initialize_dirent_tail(
			p->fs, EXT2_DIRENT_TAIL(block_at(p, p->count - 1), p->fs->blocksize));
}

static unsigned entry_length(const struct ext_dir_item *item)
{
	return (8u + item->name_len + 3u) & ~3u;
}

static void put_dots(struct packer *p, const struct ext_dir *dir)
{
	struct ext_dir_item dot = { ".", dir->ino, 0, 0, 1, EXT2_FT_DIR };
	struct ext_dir_item dots = { "..", dir->parent, 0, 0, 2, EXT2_FT_DIR };

	put_entry(p, &dot, DOTS_LEN);
	put_entry(p, &dots, DOTS_LEN);
}

static void build_linear(struct packer *p, const struct ext_dir *dir)
{
	(void)add_block(p);
	put_dots(p, dir);
	for (size_t i = 0; i < dir->len; i++) {
		unsigned n = entry_length(&dir->items[i]);

		if (p->used + n > p->room) {
			end_block(p);
			(void)add_block(p);
		}
		put_entry(p, &dir->items[i], n);
	}
	end_block(p);
	while (p->count < dir->min_blocks) {
		(void)add_block(p);
		end_block(p);
	}
}

static bool fits_one_block(const struct packer *p, const struct ext_dir *dir)
{
	size_t n = 2 * DOTS_LEN;

	for (size_t i = 0; i < dir->len && n <= p->room; i++)
		n += entry_length(&dir->items[i]);
	return n <= p->room;
}

static int hash_compare(const void *a, const void *b)
{
	const struct ext_dir_item *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->minor_hash != y->minor_hash)
		return x->minor_hash < y->minor_hash ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int hash_items(ext2_filsys fs, struct ext_dir *dir, struct ib_error *err)
{
	for (size_t i = 0; i < dir->len; i++) {
		struct ext_dir_item *item = &dir->items[i];
		errcode_t code = ext2fs_dirhash2(fs->super->s_def_hash_version, item->name,
						 item->name_len, NULL, 0, fs->super->s_hash_seed,
						 &item->hash, &item->minor_hash);

		if (code)
			return ext_fail(err, code, "hash the name '%s'", item->name);
	}
	qsort(dir->items, dir->len, sizeof(*dir->items), hash_compare);
	return 0;
}

/* Packs the names into blocks; HASHES becomes the lowest hash of each, with bit 0 set where names
 * of that hash begin in the block before. */
static void build_leaves(struct packer *p, const struct ext_dir *dir, uint32_t **ret_hashes)
{
	uint32_t *hashes = NULL;
	uint32_t first = p->count;

	for (size_t i = 0; i < dir->len; i++) {
		const struct ext_dir_item *item = &dir->items[i];
		unsigned n = entry_length(item);

		if (!i || p->used + n > p->room) {
			bool is_continued = i && item->hash == dir->items[i - 1].hash;

			if (i)
				end_block(p);
			(void)add_block(p);
			hashes = ib_xrealloc(hashes, (p->count - first) * sizeof(*hashes));
			hashes[p->count - 1 - first] = item->hash | is_continued;
		}
		put_entry(p, item, n);
	}
	end_block(p);
	*ret_hashes = hashes;
}

static unsigned index_limit(const struct packer *p, unsigned at)
{
	unsigned tail = ext2fs_has_feature_metadata_csum(p->fs->super) ? 8 : 0;

	return (p->fs->blocksize - at - tail) / 8;
}

/* Writes N index entries at AT of BLOCK: hash and number of the blocks from FIRST. The first
 * entry's hash is implied, its place holds limit and count. */
static void put_index(struct packer *p, uint32_t block, unsigned at, const uint32_t *hashes,
		      uint32_t first, size_t n)
{
	struct ext2_dx_entry *e = (struct ext2_dx_entry *)(void *)(block_at(p, block) + at);
	struct ext2_dx_countlimit *c = (struct ext2_dx_countlimit *)(void *)e;

	for (size_t i = 0; i < n; i++) {
		e[i].hash = ext2fs_cpu_to_le32(hashes[i]);
		e[i].block = ext2fs_cpu_to_le32(first + (uint32_t)i);
	}
	c->limit = ext2fs_cpu_to_le16((uint16_t)index_limit(p, at));
	c->count = ext2fs_cpu_to_le16((uint16_t)n);
}

/* A level of index blocks over the leaves. HASHES shrinks to one a node. */
static size_t build_nodes(struct packer *p, uint32_t *hashes, size_t n)
{
	size_t limit = index_limit(p, NODE_ENTRIES_AT), nodes = 0;

	for (size_t i = 0; i < n; i += limit) {
		size_t part = n - i < limit ? n - i : limit;

		(void)add_block(p);
		set_length(p, 0, p->fs->blocksize);
		put_index(p, p->count - 1, NODE_ENTRIES_AT, hashes + i, 1 + (uint32_t)i, part);
		hashes[nodes++] = hashes[i];
	}
	return nodes;
}

static void put_root(struct packer *p, const struct ext_dir *dir)
{
	struct ext2_dx_root_info *info;
	uint8_t *block = add_block(p);

	put_dots(p, dir);
	set_length(p, DOTS_LEN, p->fs->blocksize - DOTS_LEN);
	info = (struct ext2_dx_root_info *)(void *)(block + 2 * DOTS_LEN);
	info->hash_version = p->fs->super->s_def_hash_version;
	info->info_length = sizeof(*info);
}

/* Block 0 is the root of the index, then come the leaves, then, in huge directories, index nodes.
 */
static int build_indexed(struct packer *p, struct ext_dir *dir, struct ib_error *err)
{
	cleanup_free uint32_t *hashes = NULL;
	uint32_t first = 1;
	size_t n;
	int r = hash_items(p->fs, dir, err);

	if (r < 0)
		return r;
	put_root(p, dir);
	build_leaves(p, dir, &hashes);
	n = p->count - 1;
	if (n > index_limit(p, ROOT_ENTRIES_AT)) {
		first = p->count;
		n = build_nodes(p, hashes, n);
		block_at(p, 0)[2 * DOTS_LEN + 6] = 1; /* indirect_levels */
	}
	if (n > index_limit(p, ROOT_ENTRIES_AT))
		return ib_fail_text(err, EFBIG, "a directory of %zu names is too large", dir->len);
	put_index(p, 0, ROOT_ENTRIES_AT, hashes, first, n);
	return 0;
}

int ext_dir_build(ext2_filsys fs, struct ext_dir *dir, uint8_t **ret_blocks, uint32_t *ret_count,
		  bool *ret_is_indexed, struct ib_error *err)
{
	struct packer p = { .fs = fs, .room = fs->blocksize };
	bool is_indexed;
	int r = 0;

	if (ext2fs_has_feature_metadata_csum(fs->super))
		p.room -= (unsigned)sizeof(struct ext2_dir_entry_tail);
	is_indexed = ext2fs_has_feature_dir_index(fs->super) && !fits_one_block(&p, dir);
	if (is_indexed)
		r = build_indexed(&p, dir, err);
	else
		build_linear(&p, dir);
	if (r < 0) {
		free(p.blocks);
		return r;
	}
	*ret_blocks = p.blocks;
	*ret_count = p.count;
	*ret_is_indexed = is_indexed;
	return 0;
}
