/* SPDX-License-Identifier: Apache-2.0 */
/* crypto: published vectors. */
#include "support/crypto.h"

#include "test.h"

#include <imagebuild/error.h>

#include <errno.h>
#include <fcntl.h>

static const char *hex_of(const struct digest *d)
{
	static char hex[DIGEST_HEX];

	digest_hex(d, hex);
	return hex;
}

TEST("SHA-256 is that of FIPS 180-4's examples")
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	struct hasher *h = hasher_new("sha256");
	struct digest d;
	char a[1000];

	digest_of("", 0, &d);
	check_str(hex_of(&d), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_of("abc", 3, &d);
	check_str(hex_of(&d), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_of(two, strlen(two), &d);
	check_str(hex_of(&d), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(a, 'a', sizeof(a));
	for (int i = 0; i < 1000; i++)
		hasher_add(h, a, sizeof(a));
	check_int(hasher_end(h, d.bytes), 32);
	hasher_free(h);
	check_str(hex_of(&d), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST("MD5 is that of RFC 1321's suite")
{
	static const uint8_t want[16] = { 0xf9, 0x6b, 0x69, 0x7d, 0x7c, 0xb7, 0x93, 0x8d,
					  0x52, 0x5a, 0x2f, 0x31, 0xaa, 0xf1, 0x61, 0xd0 };
	struct hasher *h = hasher_new("md5");
	uint8_t bytes[32];

	hasher_add(h, "message ", 8);
	hasher_add(h, "digest", 6);
	check_int(hasher_end(h, bytes), 16);
	check(memcmp(bytes, want, sizeof(want)) == 0);
	hasher_free(h);
}

TEST("HMAC-SHA-256 is that of RFC 4231, cases 1, 2 and 6")
{
	uint8_t key[131];
	struct digest d;

	memset(key, 0x0b, 20);
	digest_hmac(key, 20, "Hi There", 8, &d);
	check_str(hex_of(&d), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, &d);
	check_str(hex_of(&d), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	digest_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
		    &d);
	check_str(hex_of(&d), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	digest_hmac("", 0, "", 0, &d);
	check_str(hex_of(&d), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST("CRC-32 is that of the check word and of zeros")
{
	static const uint8_t zeros[32];

	check_int(crc32_of("123456789", 9), 0xcbf43926);
	check_int(crc32_of("", 0), 0);
	check_int(crc32_of(zeros, sizeof(zeros)), 0x190a55ad);
}

TEST("a digest of a file is that of its bytes, wherever its offset stands")
{
	struct ib_error err = IB_ERROR_INIT;
	cleanup_fd int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct digest d, e;
	int fds[2];

	check(write(fd, "abc", 3) == 3);
	check_int(digest_of_fd(fd, &d, &err), 0);
	digest_of("abc", 3, &e);
	check(digest_equal(&d, &e));
	check(pipe2(fds, O_CLOEXEC) == 0);
	check_int(digest_of_fd(fds[0], &d, &err), -ESPIPE);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

TEST("hex is read in both cases, and nothing else is")
{
	struct digest d, e;
	char hex[DIGEST_HEX];

	digest_of("x", 1, &d);
	digest_hex(&d, hex);
	check(digest_from_hex(hex, &e) && digest_equal(&d, &e));
	hex[10] = 'A';
	hex[11] = 'f';
	check(digest_from_hex(hex, &e) && e.bytes[5] == 0xaf);
	hex[63] = 'g';
	check(!digest_from_hex(hex, &e));
	hex[63] = '\0';
	check(!digest_from_hex(hex, &e));
}

TEST("a UUID has version 8 and the variant of RFC 9562, and follows from seed and name")
{
	struct digest seed, other;
	char a[37], b[37];

	digest_of("seed", 4, &seed);
	digest_of("other", 5, &other);
	uuid_from(&seed, "root", a);
	uuid_from(&seed, "root", b);
	check_str(a, b);
	check_int(strlen(a), 36);
	check(a[14] == '8' && strchr("89ab", a[19]) != NULL);
	check(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
	uuid_from(&seed, "boot", b);
	check(strcmp(a, b) != 0);
	uuid_from(&other, "root", b);
	check(strcmp(a, b) != 0);
}

TEST_MAIN()
