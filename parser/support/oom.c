/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where memory runs out. */
#include <imagebuild/base.h>

#include <stdio.h>

void ib_oom(void)
{
	(void)fputs("imagebuild: out of memory\n", stderr);
	exit(IB_EXIT_MACHINE);
}
