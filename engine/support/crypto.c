/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by libcrypto, CRC-32 by a table of half bytes, UUIDs made of digests. */
#include "support/crypto.h"

#include <imagebuild/error.h>

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

struct hasher {
	EVP_MD_CTX *context;
};

/* Looked for once: EVP_sha256 is looked for again by every EVP_DigestInit_ex. */
static const EVP_MD *sha256(void)
{
	static const EVP_MD *found;

	if (!found)
		found = EVP_MD_fetch(NULL, "SHA256", NULL);
	return found ? found : EVP_sha256();
}

struct hasher *hasher_new(const char *algorithm)
{
	const EVP_MD *md = strcmp(algorithm, "md5") == 0 ? EVP_md5() : sha256();
	struct hasher *h = ib_xmalloc(sizeof(*h));

	assert(strcmp(algorithm, "md5") == 0 || strcmp(algorithm, "sha256") == 0);
	h->context = EVP_MD_CTX_new();
	if (!h->context || EVP_DigestInit_ex(h->context, md, NULL) != 1)
		ib_oom(); /* nothing else can fail here */
	return h;
}

void hasher_free(struct hasher *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->context);
	free(h);
}

void hasher_add(struct hasher *h, const void *data, size_t n)
{
	(void)EVP_DigestUpdate(h->context, data, n); /* fails only after the end */
}

size_t hasher_end(struct hasher *h, uint8_t ret_bytes[32])
{
	unsigned n = 0;

	(void)EVP_DigestFinal_ex(h->context, ret_bytes, &n);
	return n;
}

void digest_of(const void *data, size_t n, struct digest *ret_digest)
{
	struct hasher *h = hasher_new("sha256");

	hasher_add(h, data, n);
	(void)hasher_end(h, ret_digest->bytes);
	hasher_free(h);
}

static int add_fd(struct hasher *h, int fd)
{
	char chunk[65536];

	for (off_t at = 0;;) {
		ssize_t n = pread(fd, chunk, sizeof(chunk), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		hasher_add(h, chunk, (size_t)n);
		at += n;
	}
}

int digest_of_fd(int fd, struct digest *ret_digest, struct ib_error *err)
{
	struct hasher *h = hasher_new("sha256");
	int r = add_fd(h, fd);

	if (r == 0)
		(void)hasher_end(h, ret_digest->bytes);
	hasher_free(h);
	return r < 0 ? ib_fail(err, -r, "read for a digest") : 0;
}

void digest_hmac(const void *key, size_t key_len, const void *data, size_t n,
		 struct digest *ret_digest)
{
	unsigned len = 0;

	assert(key_len <= INT32_MAX);
	/* an empty key must not be NULL: HMAC would take that for "the key of before" */
	if (!HMAC(EVP_sha256(), key_len ? key : "", (int)key_len, data, n, ret_digest->bytes, &len))
		ib_oom();
}

void digest_hex(const struct digest *d, char ret_hex[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(d->bytes); i++) {
		ret_hex[2 * i] = digits[d->bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	ret_hex[2 * sizeof(d->bytes)] = '\0';
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 'a' - 'A' : c) : NULL;

	return p ? (int)(p - digits) : -1;
}

bool digest_from_hex(const char *hex, struct digest *ret_digest)
{
	struct digest d;

	if (strlen(hex) != 2 * sizeof(d.bytes))
		return false;
	for (size_t i = 0; i < sizeof(d.bytes); i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		d.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_digest = d;
	return true;
}

uint32_t crc32_of(const void *data, size_t n)
{
	/* the remainders of the sixteen half bytes by the reflected polynomial 0xedb88320 */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *p = data;
	uint32_t crc = ~0u;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

void uuid_from(const struct digest *seed, const char *name, char ret_uuid[37])
{
	struct hasher *h = hasher_new("sha256");
	uint8_t b[32];

	hasher_add(h, seed->bytes, sizeof(seed->bytes));
	hasher_add(h, name, strlen(name));
	(void)hasher_end(h, b);
	hasher_free(h);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x80); /* version 8 */
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* variant 10 */
	(void)snprintf(ret_uuid, 37,
		       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		       b[13], b[14], b[15]);
}
