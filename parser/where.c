/* SPDX-License-Identifier: Apache-2.0 */
/* WORKDIR, USER and SHELL hold for the lines that follow, also in the stages that continue a stage.
 */
#include "front.h"

#include <string.h>

void where_begin(const struct ib_recipe *r, struct where *all, uint32_t i)
{
	uint32_t parent = r->stages.items[i].parent;

	if (parent != NO_STAGE)
		all[i] = all[parent];
	else
		all[i] = (struct where){ 0 };
}

void where_update(struct ib_recipe *r, struct where *w, const struct ib_ast_instruction *in)
{
	const char *text = in->words ? in->words->text : NULL;

	switch ((int)in->directive->id) {
	case D_WORKDIR:
		if (!text || !*text || *text == '~')
			break;
		w->is_relative = text[0] != '/';
		w->workdir = path_join(r, w->workdir ? w->workdir : "/", text);
		w->workdir_at = in->at;
		break;
	case D_USER:
		w->user = w->said_user = text;
		w->user_at = in->at;
		if (text && (strcmp(text, "root") == 0 || strcmp(text, "0") == 0))
			w->user = NULL;
		break;
	case D_SHELL:
		if (in->is_json && !in->is_broken)
			w->shell = in;
		break;
	default:
		break;
	}
}
