/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "support/crypto.h"
#include "support/fs.h"
#include "support/ptable.h"

#include <imagebuild/error.h>

#include <endian.h>
#include <sys/mman.h>

#define DISK (64u << 20)

static int make_disk(void)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);

	check(fd >= 0 && ftruncate(fd, DISK) == 0);
	return fd;
}

static const struct ptable_partition gpt_parts[] = {
	{ .start = 2048,
	  .size = 2048,
	  .type = "21686148-6449-6E6F-744E-656564454649",
	  .name = "bios",
	  .uuid = "11111111-2222-8333-8444-555555555555",
	  .number = 1 },
	{ .start = 4096,
	  .size = 65536,
	  .type = "12345678-1234-1234-1234-123456789abc",
	  .name = "r\xc3\xb6ot",
	  .uuid = "66666666-2222-8333-8444-555555555555",
	  .number = 2 },
};

static const struct ptable gpt = { .label = "gpt",
				   .id = "99999999-2222-8333-8444-555555555555",
				   .sector_size = 512,
				   .partitions = gpt_parts,
				   .len = 2 };

/* The header at AT: its own CRC and the entries' are right. UEFI 2.10, table 5.5. */
static void check_header(int fd, uint64_t at, uint64_t entries_at)
{
	uint8_t header[92], zeroed[92], entries[16384];
	uint32_t crc, entries_crc;

	check_int(fs_pread_all(fd, header, sizeof(header), (off_t)at), 0);
	check_int(fs_pread_all(fd, entries, sizeof(entries), (off_t)entries_at), 0);
	check(memcmp(header, "EFI PART", 8) == 0);
	memcpy(&crc, header + 16, 4);
	memcpy(&entries_crc, header + 88, 4);
	memcpy(zeroed, header, sizeof(header));
	memset(zeroed + 16, 0, 4);
	check_int(le32toh(crc), crc32_of(zeroed, sizeof(zeroed)));
	check_int(le32toh(entries_crc), crc32_of(entries, sizeof(entries)));
}

TEST("a GPT has both headers with right checksums, and what was asked for")
{
	cleanup_fd int fd = make_disk();
	struct ib_error err = IB_ERROR_INIT;
	uint8_t entry[128];
	uint64_t lba, first;

	check_int(ptable_write(fd, &gpt, &err), 0);
	check_str(err.text, "");
	check_header(fd, 512, 1024);
	check_header(fd, DISK - 512, DISK - 512 - 16384);
	check_int(fs_pread_all(fd, &first, 8, 512 + 40), 0);
	check_int(le64toh(first), 34);
	check_int(fs_pread_all(fd, entry, 128, 1024 + 128), 0);
	/* the first three fields of a GUID are little-endian */
	check(memcmp(entry, "\x78\x56\x34\x12\x34\x12\x34\x12\x12\x34\x12\x34", 12) == 0);
	check(memcmp(entry + 16, "\x66\x66\x66\x66", 4) == 0);
	memcpy(&lba, entry + 32, 8);
	check_int(le64toh(lba), 4096);
	memcpy(&lba, entry + 40, 8);
	check_int(le64toh(lba), 4096 + 65536 - 1);
	check(memcmp(entry + 56, "r\0\xf6\0o\0t\0\0\0", 10) == 0);
}

TEST("equal arguments write equal bytes")
{
	cleanup_fd int a = make_disk(), b = make_disk();
	struct ib_error err = IB_ERROR_INIT;
	struct digest x, y;

	check_int(ptable_write(a, &gpt, &err), 0);
	check_int(ptable_write(b, &gpt, &err), 0);
	check_int(digest_of_fd(a, &x, &err), 0);
	check_int(digest_of_fd(b, &y, &err), 0);
	check(digest_equal(&x, &y));
}

TEST("an MBR holds a primary, an extended and two logical partitions, each EBR before its data")
{
	static const struct ptable_partition parts[] = {
		{ .start = 2048, .size = 8192, .type = "83", .number = 1, .is_bootable = true },
		{ .start = 10240, .size = 65536, .type = "0f", .number = 2 },
		{ .start = 12288, .size = 4096, .type = "82", .number = 5 },
		{ .start = 18432, .size = 4096, .type = "83", .number = 6 },
	};
	const struct ptable mbr = { .label = "mbr",
				    .id = "0xdeadbeef",
				    .sector_size = 512,
				    .partitions = parts,
				    .len = 4 };
	cleanup_fd int fd = make_disk();
	struct ib_error err = IB_ERROR_INIT;
	uint8_t sector[512];
	uint32_t value;

	check_int(ptable_write(fd, &mbr, &err), 0);
	check_str(err.text, "");
	check_int(fs_pread_all(fd, sector, 512, 0), 0);
	check(memcmp(sector + 440, "\xef\xbe\xad\xde", 4) == 0);
	check_int(sector[446], 0x80);
	check_int(sector[446 + 4], 0x83);
	check_int(sector[446 + 16 + 4], 0x0f);
	check(memcmp(sector + 510, "\x55\xaa", 2) == 0);
	check_int(fs_pread_all(fd, sector, 512, 10240 * 512), 0);
	memcpy(&value, sector + 446 + 8, 4);
	check_int(le32toh(value), 2048);
	check_int(sector[446 + 4], 0x82);
	memcpy(&value, sector + 446 + 16 + 8,
	       4); /* the next EBR, from the extended partition's start */
	check_int(le32toh(value), 18432 - 2048 - 10240);
}

TEST("a partition past the end is an error that names it")
{
	static const struct ptable_partition part = {
		.start = 2048, .size = 1 << 20, .type = "83", .number = 1
	};
	const struct ptable mbr = { .label = "mbr",
				    .id = "0x00000001",
				    .sector_size = 512,
				    .partitions = &part,
				    .len = 1 };
	cleanup_fd int fd = make_disk();
	struct ib_error err = IB_ERROR_INIT;

	check(ptable_write(fd, &mbr, &err) < 0);
	check(strstr(err.text, "partition 1") != NULL);
}

TEST_MAIN()
