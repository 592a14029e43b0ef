# SPDX-License-Identifier: Apache-2.0
export DIB_MORE=${DIB_MORE:-no}
