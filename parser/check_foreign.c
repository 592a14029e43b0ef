/* SPDX-License-Identifier: Apache-2.0 */
/* What Docker has and the language has not: flags without a meaning here, instructions that are
 * refused. */
#include "check.h"

#include <string.h>

/* Docker's flags that have no meaning here. */
static const struct {
	enum directive_id id;
	const char *name, *hint;
} foreign[] = {
	{ D_COPY, "link", "leave it out: every COPY is a layer of its own" },
	{ D_ADD, "link", "leave it out: every ADD is a layer of its own" },
	{ D_COPY, "parents", "name the directories in the destination" },
	{ D_COPY, "exclude", "list the paths in .imageignore" },
	{ D_ADD, "exclude", "list the paths in .imageignore" },
	{ D_ADD, "keep-git-dir", "leave it out, or clone with RUN" },
	{ D_RUN, "security", "leave it out: steps run in a sandbox of their own" },
	{ D_RUN, "device", "leave it out: a build has no devices" },
	{ D_FROM, "build-arg", "set it with ARG NAME=VALUE" },
};

const char *foreign_flag(const struct directive *d, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		if (foreign[i].id == d->id && strcmp(foreign[i].name, name) == 0)
			return foreign[i].hint;
	}
	return NULL;
}

void check_ONBUILD(struct check *c, const struct ib_ast_instruction *in)
{
	ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, in->keyword_at,
		    "ONBUILD is not part of the language");
	ib_diag_hint(
		c->diag,
		"put the instructions into a fragment and add it with ELEMENT ./PATH or INCLUDE");
}

void check_MAINTAINER(struct check *c, const struct ib_ast_instruction *in)
{
	ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, in->keyword_at,
		    "MAINTAINER is not part of the language");
	ib_diag_hint(c->diag, "write LABEL org.opencontainers.image.authors=\"%s\"",
		     in->text ? in->text : "NAME");
}

void check_HEALTHCHECK(struct check *c, const struct ib_ast_instruction *in)
{
	ib_diag_add(c->diag, IB_D_WRITE_INSTEAD, in->keyword_at,
		    "HEALTHCHECK is not part of the language");
	ib_diag_hint(c->diag, "a disk image has an init system: COPY a systemd unit or timer that "
			      "checks the service");
}
