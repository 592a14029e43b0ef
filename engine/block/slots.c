/* SPDX-License-Identifier: Apache-2.0 */
/* Types of partitions: the names of the Discoverable Partitions Specification, sgdisk's codes,
 * GUIDs and MBR bytes, one row each. */
#include "block/graph.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct slot_type types[] = {
	{ "linux", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "8300", "83" },
	{ "linux-generic", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "8300", "83" },
	{ "esp", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "EF00", "ef" },
	{ "xbootldr", "BC13C2FF-59E6-4262-A352-B275FD6F7172", "EA00", "ea" },
	{ "bios-boot", "21686148-6449-6E6F-744E-656564454649", "EF02", NULL },
	{ "prep", "9E1A2D38-C612-4316-AA26-8B49521E5A8B", "4100", "41" },
	{ "swap", "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "8200", "82" },
	{ "lvm", "E6D6D379-F507-44C2-A23C-238F2A3DF928", "8E00", "8e" },
	{ "raid", "A19D880F-05FC-4D3B-A006-743F0F84911E", "FD00", "fd" },
	{ "luks", "CA7D7CCB-63ED-4C53-861C-1742536059CC", "8309", "e8" },
	{ "dm-crypt", "7FFEC5C9-2D00-49B7-8941-3EA10A5586B7", "8308", NULL },
	{ "home", "933AC7E1-2EB4-4F13-B844-0E14E2AEF915", "8302", "83" },
	{ "srv", "3B8F8425-20E0-4F3B-907F-1A25A76F98E8", "8306", "83" },
	{ "var", "4D21B016-B534-45C2-A9FB-5C16E091FD2D", "8310", "83" },
	{ "tmp", "7EC6F557-3BC5-4ACA-B293-16EF5DF639D1", "8311", "83" },
	{ "user-home", "773F91EF-66D4-49B5-BD83-D683BF40AD16", "8312", "83" },
	{ "linux-reserved", "8DA63339-0007-60C0-C436-083AC8230908", "8301", NULL },
	{ "root-x86", "44479540-F297-41B2-9AF7-D131D5F0458A", "8303", "83" },
	{ "root-x86-64", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "8304", "83" },
	{ "root-arm64", "B921B045-1DF0-41C3-AF44-4C6F280D3FAE", "8305", "83" },
	{ "root-arm", "69DAD710-2CE4-4E3C-B16C-21A1D49ABED3", "8307", "83" },
	{ "root-ia64", "993D8D3D-F80E-4225-855A-9DAF8ED7EA97", "830A", "83" },
	{ "root-x86-verity", "D13C5D3B-B5D1-422A-B29F-9454FDC89D76", "830B", NULL },
	{ "root-x86-64-verity", "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5", "830C", NULL },
	{ "root-arm-verity", "7386CDF2-203C-47A9-A498-F2ECCE45A2D6", "830D", NULL },
	{ "root-arm64-verity", "DF3300CE-D69F-4C92-978C-9BFB0F38D820", "830E", NULL },
	{ "root-ia64-verity", "86ED10D5-B607-45BB-8957-D350F23D0571", "830F", NULL },
	{ "usr-x86", "75250D76-8CC6-458E-BD66-BD47CC81A812", "8313", "83" },
	{ "usr-x86-64", "8484680C-9521-48C6-9C11-B0720656F69E", "8314", "83" },
	{ "mbr-scheme", "024DEE41-33E7-11D3-9D69-0008C781F39F", "EF01", NULL },
	{ "basic-data", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0700", "07" },
	{ "fat32-lba", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "0C00", "0c" },
	{ "microsoft-reserved", "E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "0C01", NULL },
	{ "windows-re", "DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "2700", "27" },
};

/* `root` and `root-verity` mean the architecture's. */
static const struct {
	const char *arch, *suffix;
} arches[] = {
	{ "amd64", "x86-64" }, { "i386", "x86" },  { "arm64", "arm64" },
	{ "armhf", "arm" },    { "armel", "arm" },
};

static bool is_hex(const char *s, size_t n)
{
	size_t i = 0;

	while (isxdigit((unsigned char)s[i]))
		i++;
	return i == n && s[i] == '\0';
}

/* 8-4-4-4-12 */
static bool is_guid(const char *s)
{
	for (size_t i = 0; i < 36; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return s[36] == '\0';
}

static const char *column(const struct slot_type *t, int which)
{
	const char *const columns[] = { t->name, t->guid, t->code, t->mbr };

	return columns[which];
}

enum { BY_NAME, BY_GUID, BY_CODE, BY_MBR };

static const struct slot_type *find(const char *text, int which)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const char *value = column(&types[i], which);

		if (value && strcasecmp(value, text) == 0)
			return &types[i];
	}
	return NULL;
}

/* "root" -> "root-x86-64"; others stay. */
static const char *resolve_arch(const char *text, struct layout *l)
{
	bool is_verity = strcasecmp(text, "root-verity") == 0;

	if (!is_verity && strcasecmp(text, "root") != 0)
		return text;
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (l->arch && strcmp(arches[i].arch, l->arch) == 0)
			return arena_printf(l->arena, "root-%s%s", arches[i].suffix,
					    is_verity ? "-verity" : "");
	return text;
}

/* A number names a row by sgdisk's code or by the MBR's byte; "0x41" and "0x4100" are dib's ways.
 */
static const struct slot_type *find_any(const char *text, const char **ret_digits)
{
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;

	*ret_digits = NULL;
	if (is_guid(text))
		return find(text, BY_GUID);
	if (!is_hex(digits, 1) && !is_hex(digits, 2) && !is_hex(digits, 4))
		return find(text, BY_NAME);
	*ret_digits = digits;
	return find(digits, strlen(digits) == 4 ? BY_CODE : BY_MBR);
}

bool slot_type_set(struct block_node *n, const char *text, bool is_gpt, struct layout *l)
{
	const char *digits;
	const struct slot_type *t;

	text = resolve_arch(text, l);
	t = find_any(text, &digits);
	n->type = t;
	if (is_gpt) {
		n->type_code = t ? t->guid : is_guid(text) ? arena_strdup(l->arena, text) : NULL;
		return n->type_code != NULL;
	}
	/* every byte is a type of an MBR, known or not; 00 is a free entry */
	if (digits && strlen(digits) <= 2) {
		unsigned long byte = strtoul(digits, NULL, 16);

		n->type_code = arena_printf(l->arena, "%02lx", byte);
		return byte != 0;
	}
	n->type_code = t ? t->mbr : NULL;
	return n->type_code != NULL;
}

const char *layout_type_code(const char *text, bool is_gpt, const char *arch, struct arena *a)
{
	struct layout l = { .arena = a, .arch = arch };
	struct block_node n = { .row = NULL };

	if (!slot_type_set(&n, text, is_gpt, &l))
		return NULL;
	return is_gpt && n.type ? n.type->code : n.type_code;
}

const char *slot_type_suggest(const char *text)
{
	const char *names[ARRAY_SIZE(types)];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		names[i] = types[i].name;
	return ib_suggest(text, names, ARRAY_SIZE(types));
}

bool slot_is(const struct block_node *n, const char *type)
{
	return n->type && strcmp(n->type->name, type) == 0;
}
