/* SPDX-License-Identifier: Apache-2.0 */
/* grub.cfg: the kernels of the tree's /boot, with the parameters that dib's bootloader element
 * documents. */
#include "block/grub.h"

#include "support/fs.h"

#include <imagebuild/error.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_CMDLINE "nofb nomodeset gfxpayload=text"
#define DEFAULTS_MAX (64u << 10)

struct kernel {
	const char *version, *initrd; /* initrd: NULL where there is none */
};
struct kernel_vec VEC(struct kernel);

/* Numbers by value, the rest by bytes: 6.1.0-9 < 6.1.0-10. */
static int compare_versions(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			char *a_end, *b_end;
			unsigned long x = strtoul(a, &a_end, 10), y = strtoul(b, &b_end, 10);

			if (x != y)
				return x < y ? -1 : 1;
			a = a_end;
			b = b_end;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	return (*a != '\0') - (*b != '\0');
}

static const char *find_initrd(struct grub *g, const char *version, char *const *names, size_t len)
{
	const char *const candidates[] = { arena_printf(g->arena, "initrd.img-%s", version),
					   arena_printf(g->arena, "initramfs-%s.img", version),
					   arena_printf(g->arena, "initrd-%s", version) };

	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < ARRAY_SIZE(candidates); k++)
			if (strcmp(names[i], candidates[k]) == 0)
				return candidates[k];
	return NULL;
}

/* What would end GRUB's word or line has no place in a file name of /boot. */
static bool is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("+-._~", *c))
			return false;
	return true;
}

static void insert_kernel(struct grub *g, struct kernel_vec *kernels, struct kernel k)
{
	size_t i = kernels->len;

	vec_push(g->arena, kernels, k);
	for (; i > 0 && compare_versions(kernels->items[i - 1].version, k.version) < 0; i--)
		kernels->items[i] = kernels->items[i - 1];
	kernels->items[i] = k;
}

static int find_kernels(struct grub *g, struct kernel_vec *kernels, struct ib_error *err)
{
	static const char prefix[] = "vmlinuz-";
	cleanup_fd int dir = fs_open_in(g->root_fd, "boot", O_RDONLY | O_DIRECTORY, 0);
	cleanup_free char **names = NULL;
	size_t len = 0;

	if (dir < 0)
		return ib_fail(err, errno, "open boot of the image");
	int r = fs_list(dir, ".", &names, &len, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++) {
		if (strncmp(names[i], prefix, strlen(prefix)) != 0 || !is_plain(names[i]))
			continue;
		const char *version = arena_strdup(g->arena, names[i] + strlen(prefix));

		insert_kernel(g, kernels,
			      (struct kernel){ version, find_initrd(g, version, names, len) });
	}
	if (kernels->len > 0)
		return 0;
	(void)ib_fail_text(err, ENOENT, "the image has no kernel (boot/vmlinuz-*)");
	return ib_hint(err, "add a kernel package, or say loader=none in the LAYOUT");
}

/* dib: hvc0 on Power, ttyAMA0 on ARM64, ttyS0 elsewhere. */
static const char *serial_console(const struct grub *g)
{
	const char *given = job_var(g->job, "DIB_BOOTLOADER_SERIAL_CONSOLE");

	if (given && *given)
		return given;
	return strcmp(g->layout->arch, "arm64") == 0 ? "ttyAMA0,115200" : "ttyS0,115200";
}

/* What elements have put into the tree's own defaults: GRUB_CMDLINE_LINUX="...", the last line
 * wins. */
static const char *tree_cmdline(struct grub *g)
{
	static const char name[] = "GRUB_CMDLINE_LINUX=";
	struct ib_error ignored = IB_ERROR_INIT;
	const char *text, *found = "";
	size_t len;

	/* not there, or not readable: then nobody has said anything */
	if (grub_read(g, "etc/default/grub", DEFAULTS_MAX, &text, &len, &ignored) < 0)
		return "";
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		const char *value = line + strlen(name);
		const char *end = *value == '"' ? "\"\n" : *value == '\'' ? "'\n" : " \t\n";

		value += *value == '"' || *value == '\'';
		found = arena_strndup(g->arena, value, strcspn(value, end));
	}
	/* shell in it would need a shell */
	return strpbrk(found, "$`\\") ? "" : found;
}

static void add_cmdline(struct grub *g, struct buf *b)
{
	const char *more = g->layout->cmdline, *serial = serial_console(g), *tree = tree_cmdline(g);

	if (!more)
		more = job_var(g->job, "DIB_BOOTLOADER_DEFAULT_CMDLINE");
	if (!more)
		more = DEFAULT_CMDLINE;
	buf_printf(b, "root=LABEL=%s ro", g->layout->root->label);
	if (*tree)
		buf_printf(b, " %s", tree);
	buf_printf(b, " console=tty0 console=%s no_timer_check", serial);
	if (*more)
		buf_printf(b, " %s", more);
}

/* GRUB itself on the serial line, where that is one that it can drive: "ttyS0,115200n8" is unit 0.
 */
static void add_terminal(const struct grub *g, struct buf *b)
{
	static const char name[] = "ttyS";
	const char *serial = serial_console(g);
	char *end;

	if (strncmp(serial, name, strlen(name)) != 0)
		return;
	unsigned long unit = strtoul(serial + strlen(name), &end, 10);
	unsigned long speed = *end == ',' ? strtoul(end + 1, NULL, 10) : 0;

	buf_printf(b, "serial --speed=%lu --unit=%lu --word=8 --parity=no --stop=1\n",
		   speed ? speed : 115200, unit);
	buf_str(b, "terminal_input serial console\nterminal_output serial console\n");
}

static int add_timeout(const struct grub *g, struct buf *b, struct ib_error *err)
{
	const char *text = job_var(g->job, "DIB_GRUB_TIMEOUT");
	char *end;

	if (!text || !*text)
		text = "5";
	long seconds = strtol(text, &end, 10);

	if (*end || seconds < -1 || seconds > 86400) {
		(void)ib_fail_text(err, EINVAL, "DIB_GRUB_TIMEOUT '%s' is not a number of seconds",
				   text);
		err->exit = IB_EXIT_INPUT;
		return -EINVAL;
	}
	buf_printf(b, "set default=0\nset timeout=%ld\n", seconds);
	return 0;
}

static void add_entries(struct grub *g, const struct kernel_vec *kernels, struct buf *b)
{
	const char *dir = g->layout->boot == g->layout->root ? "/boot" : "";

	vec_foreach (struct kernel, k, kernels) {
		buf_printf(b, "menuentry 'Linux %s' {\n\tlinux %s/vmlinuz-%s ", k->version, dir,
			   k->version);
		add_cmdline(g, b);
		buf_char(b, '\n');
		if (k->initrd)
			buf_printf(b, "\tinitrd %s/%s\n", dir, k->initrd);
		buf_str(b, "}\n");
	}
}

int grub_config(struct grub *g, struct ib_error *err)
{
	struct kernel_vec kernels = { NULL, 0, 0 };
	cleanup_buf struct buf b = BUF_INIT;

	buf_str(&b,
		"# Written by imagebuild. GRUB's root is the partition that holds this file.\n");
	int r = find_kernels(g, &kernels, err);

	if (r == 0)
		r = add_timeout(g, &b, err);
	if (r < 0)
		return r;
	add_terminal(g, &b);
	add_entries(g, &kernels, &b);
	struct boot_file f = {
		.path = arena_printf(g->arena, "%s/grub.cfg", g->dir),
		.mode = 0644,
		.data = arena_strndup(g->arena, b.data, b.len),
		.len = b.len,
	};

	vec_push(g->arena, g->files, f);
	return 0;
}
