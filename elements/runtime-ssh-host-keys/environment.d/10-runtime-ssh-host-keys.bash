# SPDX-License-Identifier: Apache-2.0
export DIB_RUNTIME_SSH_HOST_KEYS=${DIB_RUNTIME_SSH_HOST_KEYS:-ed25519 ecdsa}
