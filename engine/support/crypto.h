/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and checksums; the one user of libcrypto. */
#ifndef IMAGEBUILD_CRYPTO_H
#define IMAGEBUILD_CRYPTO_H

#include <imagebuild/base.h>

struct ib_error;

struct digest {
	uint8_t bytes[32]; /* SHA-256, FIPS 180-4 */
};

#define DIGEST_HEX 65

struct hasher; /* a running digest */

struct hasher *hasher_new(const char *algorithm); /* "sha256" or "md5" */
void hasher_free(struct hasher *h);
void hasher_add(struct hasher *h, const void *data, size_t n);
/* Writes the digest (16 or 32 bytes) and its length; the hasher can only be freed afterwards. */
size_t hasher_end(struct hasher *h, uint8_t ret_bytes[32]);

void digest_of(const void *data, size_t n, struct digest *ret_digest);
int digest_of_fd(int fd, struct digest *ret_digest, struct ib_error *err);
/* HMAC-SHA-256 (RFC 2104), for the printed form of secret values. */
void digest_hmac(const void *key, size_t key_len, const void *data, size_t n, struct digest *ret_digest);
void digest_hex(const struct digest *d, char ret_hex[DIGEST_HEX]);
bool digest_from_hex(const char *hex, struct digest *ret_digest);
static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
	return __builtin_memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* CRC-32 as in GPT and zlib (reflected 0xedb88320, init and final xor of ~0). */
uint32_t crc32_of(const void *data, size_t n);

/* A version 8 UUID (RFC 9562, 5.8) from SHA-256 of SEED and NAME: "xxxxxxxx-xxxx-8xxx-..." */
void uuid_from(const struct digest *seed, const char *name, char ret_uuid[37]);

#endif
