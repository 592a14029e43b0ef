/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what FROM oci: reads: looked at and unpacked, and nothing lies outside of the
 * directory. */
#include "fuzz/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct base b = { .kind = BASE_OCI, .path = "base" };

	unpack_bytes(&b, data, n);
	return 0;
}
