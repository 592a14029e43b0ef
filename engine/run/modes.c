/* SPDX-License-Identifier: Apache-2.0 */
/* --chmod and --chown of COPY: chmod(1)'s octal and symbolic modes, names of the target's own
 * files. */
#include "run/copy.h"

#include "support/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define IDS_MAX (4u << 20)

/* The bits that "u", "g", "o" stand for, with set-id and sticky. */
static mode_t who_mask(const char **p)
{
	mode_t mask = 0;

	for (; **p && strchr("ugoa", **p); (*p)++) {
		switch (**p) {
		case 'u':
			mask |= S_ISUID | S_IRWXU;
			break;
		case 'g':
			mask |= S_ISGID | S_IRWXG;
			break;
		case 'o':
			mask |= S_ISVTX | S_IRWXO;
			break;
		default:
			mask |= 07777;
			break;
		}
	}
	return mask ? mask : 07777;
}

static bool add_bit(char c, mode_t old, bool is_dir, mode_t *bits)
{
	switch (c) {
	case 'r':
		*bits |= 0444;
		return true;
	case 'w':
		*bits |= 0222;
		return true;
	case 'x':
		*bits |= 0111;
		return true;
	case 'X':
		*bits |= is_dir || (old & 0111) ? 0111 : 0;
		return true;
	case 's':
		*bits |= S_ISUID | S_ISGID;
		return true;
	case 't':
		*bits |= S_ISVTX;
		return true;
	default:
		return false;
	}
}

static mode_t apply(mode_t mode, char op, mode_t mask, mode_t bits)
{
	if (op == '+')
		return mode | (bits & mask);
	if (op == '-')
		return mode & ~(bits & mask);
	return (mode & ~(mask & 0777)) | (bits & mask);
}

bool mode_apply(const char *text, mode_t old, bool is_dir, mode_t *ret_mode)
{
	mode_t mode = old & 07777;
	char *end;

	if (*text >= '0' && *text <= '7') {
		mode = (mode_t)strtoul(text, &end, 8);
		*ret_mode = mode;
		return !*end && mode <= 07777;
	}
	for (const char *p = text; *p;) {
		mode_t mask = who_mask(&p);

		if (!*p || !strchr("+-=", *p))
			return false;
		while (*p && strchr("+-=", *p)) {
			char op = *p++;
			mode_t bits = 0;

			while (add_bit(*p, mode, is_dir, &bits))
				p++;
			mode = apply(mode, op, mask, bits);
		}
		if (*p == ',' && p[1])
			p++;
		else if (*p)
			return false;
	}
	*ret_mode = mode;
	return *text != '\0';
}

static bool is_number(const char *s, uint32_t *ret_id)
{
	char *end;
	unsigned long n;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (*end || errno || n >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)n;
	return true;
}

/* The number that field N (from 0) of LINE holds. */
static bool field(const char *line, int n, uint32_t *ret_number)
{
	const char *p = line;
	char *end;
	unsigned long number;

	for (; n > 0; n--) {
		p += strcspn(p, ":\n");
		if (*p++ != ':')
			return false;
	}
	if (*p < '0' || *p > '9')
		return false;
	number = strtoul(p, &end, 10);
	if ((*end != ':' && *end != '\n' && *end) || number >= UINT32_MAX)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

bool owner_id(const char *text, const char *name, uint32_t *ret_id)
{
	size_t n = strlen(name);

	for (const char *line = text; *line;) {
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			return field(line, 2, ret_id);
		line = strchrnul(line, '\n');
		line += *line == '\n';
	}
	return false;
}

static int look_up(int root_fd, const char *file, const char *name, uint32_t *ret_id,
		   struct ib_error *err)
{
	cleanup_free char *text = NULL;
	cleanup_fd int fd = -1;
	struct stat st;

	if (is_number(name, ret_id))
		return 0;
	fd = fs_open_in(root_fd, file, O_RDONLY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || (uint64_t)st.st_size > IDS_MAX)
		return ib_fail(err, errno,
			       "--chown names '%s', but '%s' of the target cannot be read", name,
			       file);
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		ib_oom();
	if (fs_pread_all(fd, text, (size_t)st.st_size, 0) < 0)
		return ib_fail(err, errno, "read '%s' of the target", file);
	if (owner_id(text, name, ret_id))
		return 0;
	return ib_fail_text(err, ENOENT,
			    "--chown names '%s', which '%s' of the target does not have", name,
			    file);
}

int owner_find(int root_fd, const char *text, uid_t *ret_uid, gid_t *ret_gid, struct ib_error *err)
{
	const char *colon = strchr(text, ':');
	cleanup_free char *user = ib_xprintf("%.*s", colon ? (int)(colon - text) : INT_MAX, text);
	uint32_t uid = 0, gid = 0;
	int r = 0;

	if (*user)
		r = look_up(root_fd, "etc/passwd", user, &uid, err);
	/* As in a Dockerfile: without a group it has the user's number. */
	gid = uid;
	if (r >= 0 && colon && colon[1])
		r = look_up(root_fd, "etc/group", colon + 1, &gid, err);
	if (r < 0)
		return r;
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}
