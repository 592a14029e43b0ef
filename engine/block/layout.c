/* SPDX-License-Identifier: Apache-2.0 */
/* A layout from its configuration to places: what is fixed is settled by layout_new, the rest by
 * layout_place from the tree. Sizes by contract section 10. */
#include "block/graph.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EFI_EXTRA_KIB (525 * KIB) /* what dib adds for block-device-efi */
#define JOURNAL_MIB 64
#define MUCH (MIB * MIB)

const char *layout_var(const struct layout *l, const char *name)
{
	return l->input->lookup ? l->input->lookup(l->input->lookup_context, name) : NULL;
}

const char *job_var(const struct disk_job *job, const char *name)
{
	return job->lookup ? job->lookup(job->lookup_context, name) : NULL;
}

static void find_roots(struct layout *l)
{
	vec_foreach (struct block_node *, n, &l->nodes) {
		if (!(*n)->mount)
			continue;
		if (strcmp((*n)->mount, "/") == 0)
			l->root = *n;
		if (strcmp((*n)->mount, "/boot") == 0)
			l->boot = *n;
	}
	if (!l->boot)
		l->boot = l->root;
}

static void check_label(const struct layout *l, const struct block_node *n, struct ib_diag *diag)
{
	vec_foreach (struct block_node *, it, &l->nodes) {
		const struct block_node *other = *it;

		if (other == n)
			return;
		if (other->row->role != BLOCK_CONTENT || strcmp(other->label, n->label) != 0)
			continue;
		ib_diag_add(diag, IB_D_DUPLICATE_LABEL, node_span(n, "label"),
			    "two file systems have the label '%s'", n->label);
		ib_diag_note(diag, node_span(other, "label"), "the other is here");
	}
}

/* Against what stands before in L. */
static void check_labels(const struct layout *l, const struct layout *other, struct ib_diag *diag)
{
	vec_foreach (struct block_node *, n, &l->nodes)
		if ((*n)->row->role == BLOCK_CONTENT)
			check_label(other, *n, diag);
}

static void check_root(const struct layout *l, struct ib_diag *diag)
{
	if (!l->root)
		ib_diag_add(diag, IB_D_NO_ROOT, l->top->source->at,
			    "no file system is mounted at /; give one of them mount=/");
	else if (content_is(l->root, "vfat"))
		ib_diag_add(
			diag, IB_D_NO_ROOT, node_span(l->root, "mount"),
			"vfat keeps no owners, modes or links; the root needs another file system");
}

static bool has_esp(const struct layout *l)
{
	vec_foreach (struct block_node *, n, &l->nodes)
		if ((*n)->row->role == BLOCK_SLOT && slot_is(*n, "esp"))
			return true;
	return false;
}

/* dib goes by the element's name, also where the size is explicit. */
static uint64_t efi_extra(const struct layout *l, const char *elements)
{
	bool is_efi = elements ? strstr(elements, "block-device-efi") != NULL : has_esp(l);

	return l->is_dib && is_efi ? EFI_EXTRA_KIB : 0;
}

/* "2.5" GiB in KiB; 0 and false for what is no number. */
static bool read_gib(const char *text, uint64_t *ret_kib)
{
	char *end;
	double gib = strtod(text, &end);

	if (end == text || *end || !(gib > 0) || gib > 1 << 20)
		return false;
	*ret_kib = (uint64_t)(gib * 1024 * 1024);
	return true;
}

static uint64_t round_disk(uint64_t kib)
{
	return align_up(kib, 64) * KIB;
}

/* The disk's size as far as it is known before the build; 0: it is not. */
static uint64_t known_size(const struct layout *l)
{
	const char *gib = layout_var(l, "DIB_IMAGE_SIZE");
	uint64_t kib;

	if (l->given.is_given)
		return l->given.bytes;
	if (l->is_second || !gib || !read_gib(gib, &kib))
		return 0;
	return round_disk(kib + efi_extra(l, layout_var(l, "IMAGE_ELEMENT")));
}

static void check_sizes(struct layout *l, struct ib_diag *diag)
{
	uint64_t size = known_size(l);
	struct block_node *bad = NULL;

	l->known = size;
	if (!l->top->children || l->top->children->row->role != BLOCK_SLOT)
		return;
	/* on a disk that is large enough those of fixed size get their places */
	if (partition_lay_out(l, size > 0 ? size : partition_fixed(l) + MUCH, &bad))
		return;
	cleanup_buf struct buf sum = BUF_INIT;

	partition_sum(l, bad, size, &sum);
	ib_diag_add(diag, IB_D_OVERFULL, bad->size_at, "partition '%s' does not fit: %s", bad->name,
		    sum.data);
	if (l->given.is_given)
		ib_diag_note(diag, l->given_at, "the disk's size is given here");
	else if (size > 0)
		ib_diag_hint(diag, "the disk's size is DIB_IMAGE_SIZE");
}

static const struct ib_node *find_config(struct layout *l, struct ib_diag *diag)
{
	if (l->input->root)
		return l->input->root;
	l->is_dib = true;
	if (l->input->yaml.end > 0)
		return config_yaml(l, diag);
	return config_default(l, diag);
}

const struct ib_node *layout_config(const struct layout_input *input,
				    const struct ib_sources *sources, struct arena *a,
				    struct ib_diag *diag)
{
	struct layout l = { .arena = a,
			    .sources = sources,
			    .input = input,
			    .arch = input->arch ? input->arch : "" };

	return find_config(&l, diag);
}

static int check_all(struct layout *l, struct ib_diag *diag)
{
	size_t errors = ib_diag_errors(diag);
	const struct ib_node *config = find_config(l, diag);

	if (!config || graph_build(l, config, diag) < 0)
		return -1;
	if (l->is_dib && config->next)
		ib_diag_add(diag, IB_D_NOT_BUILT_YET, config->next->at,
			    "a second disk of one file is not built yet");
	/* what was left out for a mistake would be missed a second time */
	bool is_whole = ib_diag_errors(diag) == errors;

	find_roots(l);
	fstab_sort(&l->mounts);
	l->all_mounts = l->mounts;
	check_labels(l, l, diag);
	if (!is_whole)
		return -1;
	l->is_second = l->input->is_one_of_many && !l->root;
	if (!l->input->is_one_of_many)
		check_root(l, diag);
	check_sizes(l, diag);
	if (!l->input->is_one_of_many)
		(void)boot_check(l, diag);
	return ib_diag_errors(diag) == errors ? 0 : -1;
}

struct layout *layout_new(const struct layout_input *input, const struct ib_sources *sources,
			  struct arena *a, struct ib_diag *diag)
{
	struct layout *l = arena_alloc(a, sizeof(*l));

	*l = (struct layout){
		.arena = a,
		.sources = sources,
		.input = input,
		.arch = input->arch ? arena_strdup(a, input->arch) : "",
		.has_bootloader = input->has_bootloader,
		.fd = -1,
	};
	int r = check_all(l, diag);

	l->input = NULL;
	return r == 0 ? l : NULL;
}

static void check_mounts(const struct layout *l, const struct layout *other, struct ib_diag *diag)
{
	vec_foreach (struct block_node *, n, &l->mounts)
		vec_foreach (struct block_node *, m, &other->mounts) {
			if (!(*n)->mount || !(*m)->mount || strcmp((*n)->mount, (*m)->mount) != 0)
				continue;
			ib_diag_add(diag, IB_D_DUPLICATE_MOUNT, node_span(*n, "mount"),
				    "'%s' is mounted twice", (*n)->mount);
			ib_diag_note(diag, node_span(*m, "mount"), "the first is here");
		}
}

static void check_pairs(struct layout *const *disks, size_t len, struct ib_diag *diag)
{
	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < i; k++) {
			check_mounts(disks[i], disks[k], diag);
			check_labels(disks[i], disks[k], diag);
		}
}

/* The disk that holds the file system of /boot, else of /. */
static struct layout *boot_disk(struct layout *const *disks, size_t len, struct layout *root)
{
	for (size_t i = 0; i < len; i++)
		if (disks[i]->boot && disks[i]->boot != disks[i]->root)
			return disks[i];
	return root;
}

static void share(struct layout *const *disks, size_t len, struct layout *root, struct layout *boot)
{
	struct block_node_vec all = { NULL, 0, 0 };

	for (size_t i = 0; i < len; i++)
		vec_foreach (struct block_node *, n, &disks[i]->mounts)
			vec_push(root->arena, &all, *n);
	fstab_sort(&all);
	for (size_t i = 0; i < len; i++) {
		disks[i]->all_mounts = all;
		disks[i]->disks = disks;
		disks[i]->disks_len = len;
		disks[i]->root = root->root;
		disks[i]->boot = boot->boot;
	}
}

int layout_join(struct layout *const *disks, size_t len, struct ib_diag *diag)
{
	size_t errors = ib_diag_errors(diag), root = len;
	struct layout *boot;

	for (size_t i = len; i > 0; i--)
		if (disks[i - 1]->root)
			root = i - 1;
	check_pairs(disks, len, diag);
	check_root(disks[root < len ? root : 0], diag);
	if (ib_diag_errors(diag) > errors)
		return -1;
	boot = boot_disk(disks, len, disks[root]);
	share(disks, len, disks[root], boot);
	for (size_t i = 0; i < len; i++)
		disks[i]->has_bootloader = disks[i]->has_bootloader && disks[i] == boot;
	(void)boot_check(boot, diag);
	return ib_diag_errors(diag) > errors ? -1 : (int)root;
}

const char *layout_root_label(const struct layout *l)
{
	return l->root->label;
}

const char *layout_root_fstype(const struct layout *l)
{
	return l->root->row->name;
}

const char *layout_boot_label(const struct layout *l)
{
	return l->boot == l->root ? "" : l->boot->label;
}

const char *layout_device_kind(const struct layout *l)
{
	if (has_esp(l))
		return "efi";
	return strcmp(l->top->row->name, "none") == 0 ? NULL : l->top->row->name;
}

void layout_tools(const struct layout *l,
		  void (*add)(void *context, const char *tool, const char *package,
			      const char *why),
		  void *context)
{
	vec_foreach (struct block_node *, n, &l->nodes) {
		if (!content_is(*n, "vfat"))
			continue;
		const char *why =
			arena_printf(l->arena, "makes the vfat file system '%s'", (*n)->name);

		add(context, "mkfs.vfat", "dosfstools", why);
		add(context, "mmd", "mtools", why);
		add(context, "mcopy", "mtools", why);
	}
}

const char *const *layout_excluded(const struct layout *l, const struct block_node *n,
				   struct arena *a)
{
	struct str_vec paths = { NULL, 0, 0 };
	size_t len = strcmp(n->mount, "/") == 0 ? 0 : strlen(n->mount);

	vec_foreach (struct block_node *, m, &l->all_mounts) {
		const char *mount = (*m)->mount;

		if (*m != n && mount && strncmp(mount, n->mount, len) == 0 && mount[len] == '/' &&
		    mount[len + 1])
			vec_push(a, &paths, mount + len + 1);
	}
	vec_push(a, &paths, NULL);
	return paths.items;
}

int layout_open_tree(const struct layout *l, const struct block_node *n, struct tree **ret_tree,
		     struct ib_error *err)
{
	cleanup_arena struct arena *a = arena_new();
	struct tree_options options = {
		.sub = n->mount + 1,
		.excluded = layout_excluded(l, n, a),
		.clamp = l->job->epoch,
	};

	return tree_open(l->job->root_fd, &options, ret_tree, err);
}

struct view layout_view(const struct layout *l, const struct block_node *n,
			struct view_extent *extent)
{
	*extent = (struct view_extent){ .at = 0, .offset = n->start, .size = n->bytes };
	return (struct view){ .fd = l->fd, .extents = extent, .len = 1 };
}

static int bad_number(struct ib_error *err, const char *what, const char *text)
{
	(void)ib_fail_text(err, EINVAL, "%s '%s' is not a positive number", what, text);
	err->exit = IB_EXIT_INPUT;
	return -EINVAL;
}

/* What a tree of BYTES needs, in KiB: all of it and DIB_IMAGE_EXTRA_SIZE MiB, or 1/0.6 of it. */
static int grow(const struct disk_job *job, uint64_t bytes, uint64_t *ret_kib, struct ib_error *err)
{
	uint64_t du = bytes / KIB;
	char *end;

	if (!job->extra_size || !*job->extra_size) {
		*ret_kib = du * 10 / 6;
		return 0;
	}
	double extra = strtod(job->extra_size, &end);

	if (end == job->extra_size || *end || extra < 0 || extra > 1 << 30)
		return bad_number(err, "DIB_IMAGE_EXTRA_SIZE", job->extra_size);
	*ret_kib = du + (uint64_t)(extra * 1024);
	return 0;
}

static int journal_kib(const struct layout *l, const struct block_node *n, uint64_t *ret_kib,
		       struct ib_error *err)
{
	const char *text = l->job->journal_size;

	*ret_kib = 0;
	if (n != l->root || !content_is(n, "ext4"))
		return 0;
	*ret_kib = JOURNAL_MIB * KIB;
	if (!text || !*text)
		return 0;
	char *end;
	unsigned long mib = strtoul(text, &end, 10);

	if (*end || mib == 0 || mib > 1 << 20)
		return bad_number(err, "DIB_JOURNAL_SIZE", text);
	*ret_kib = mib * KIB;
	return 0;
}

static int measure(const struct layout *l, const struct block_node *n, bool is_whole,
		   uint64_t *ret_bytes, struct ib_error *err)
{
	cleanup_tree struct tree *tree = NULL;
	struct tree_options whole = { .sub = NULL, .clamp = l->job->epoch };
	int r = is_whole ? tree_open(l->job->root_fd, &whole, &tree, err)
			 : layout_open_tree(l, n, &tree, err);

	if (r == 0)
		*ret_bytes = tree_bytes(tree);
	return r;
}

/* KiB that the file system N needs for its tree; IS_WHOLE: for all of the tree. */
static int need(const struct layout *l, const struct block_node *n, bool is_whole,
		uint64_t *ret_kib, struct ib_error *err)
{
	uint64_t bytes = 0, kib = 0, journal = 0;
	int r = measure(l, n, is_whole, &bytes, err);

	if (r == 0)
		r = grow(l->job, bytes, &kib, err);
	if (r == 0)
		r = journal_kib(l, n, &journal, err);
	if (r < 0)
		return r;
	/* a journal is at most half of its file system (mke2fs) */
	*ret_kib = (kib > journal ? kib : journal) + journal;
	return 0;
}

/* A LAYOUT without a size: its fixed parts, and enough of the rest that each part of it holds its
 * own. */
static int sum_layout(const struct layout *l, uint64_t *ret_bytes, struct ib_error *err)
{
	uint64_t rest = 0;

	for (const struct block_node *s = l->top->children; s; s = s->next) {
		uint64_t kib = 64, share = partition_share(l, s);

		if (!s->size.is_relative)
			continue;
		if (s->children && s->children->mount) {
			int r = need(l, s->children, false, &kib, err);

			if (r < 0)
				return r;
		}
		uint64_t bytes = align_up(kib, 64) * KIB + l->align;
		uint64_t wanted =
			share > 0 ? bytes / share * 1000000 + bytes % share * 1000000 / share : 0;

		if (wanted > rest)
			rest = wanted;
	}
	*ret_bytes = align_up(partition_fixed(l) + align_up(rest, l->align), MIB);
	return 0;
}

static int compute_size(const struct layout *l, uint64_t *ret_bytes, struct ib_error *err)
{
	bool has_slots = strcmp(l->top->row->name, "none") != 0;
	uint64_t kib = 0;

	if (!l->is_dib && has_slots)
		return sum_layout(l, ret_bytes, err);
	const struct block_node *content = l->is_dib ? l->root : l->top->children;
	int r = content->mount ? need(l, content, l->is_dib, &kib, err) : 0;

	if (r < 0)
		return r;
	uint64_t bytes = round_disk(kib + efi_extra(l, job_var(l->job, "IMAGE_ELEMENT")));

	/* dib stops here where its fixed partitions are larger than that; the disk may as well hold
	 * them */
	if (has_slots && bytes < partition_fixed(l) + l->align)
		bytes = round_disk(kib + partition_fixed(l) / KIB);
	*ret_bytes = bytes;
	return 0;
}

static int settle_size(struct layout *l, struct ib_error *err)
{
	const char *gib = l->job->image_size;
	uint64_t kib;

	if (l->given.is_given) {
		l->size = l->given.bytes;
		return 0;
	}
	if (l->is_second || !gib || !*gib)
		return compute_size(l, &l->size, err);
	if (!read_gib(gib, &kib))
		return bad_number(err, "DIB_IMAGE_SIZE", gib);
	l->size = round_disk(kib + efi_extra(l, job_var(l->job, "IMAGE_ELEMENT")));
	return 0;
}

int layout_place(struct layout *l, const struct disk_job *job, struct ib_error *err)
{
	l->job = job;
	int r = settle_size(l, err);

	if (r < 0)
		return ib_wrap(err, "compute the disk's size");
	vec_foreach (struct block_node *, n, &l->nodes) {
		if (!(*n)->row->type->place)
			continue;
		r = (*n)->row->type->place(*n, l, err);
		if (r < 0)
			return r;
	}
	return 0;
}

uint64_t layout_size(const struct layout *l)
{
	return l->size;
}

static int write_all(struct layout *l, struct ib_error *err)
{
	vec_foreach (struct block_node *, n, &l->nodes) {
		int r = (*n)->row->type->write ? (*n)->row->type->write(*n, l, err) : 0;

		if (r < 0)
			return r;
	}
	return boot_write(l, err);
}

int disk_write(struct layout *l, const struct disk_job *job, int fd, struct ib_error *err)
{
	l->job = job;
	l->fd = fd;
	if (ftruncate(fd, (off_t)l->size) < 0)
		return ib_fail(err, errno, "give the disk its size of %llu bytes",
			       (unsigned long long)l->size);
	int r = write_all(l, err);

	l->fd = -1;
	return r;
}
