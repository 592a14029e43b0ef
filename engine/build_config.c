/* SPDX-License-Identifier: Apache-2.0 */
/* What docker and oci say about an image: gathered from the stages. */
#include "build_internal.h"

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

#define STANDARD_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct gather {
	struct arena *arena;
	struct image_config *config;
	bool has_command, has_entrypoint; /* this stage said it */
};

/* The last value wins, at the place of the first. */
static void put_pair(struct gather *g, struct ib_pair_vec *pairs, const struct ib_pair *pair)
{
	vec_foreach (struct ib_pair, it, pairs) {
		if (strcmp(it->key, pair->key) != 0)
			continue;
		it->value = pair->value;
		return;
	}
	vec_push(g->arena, pairs, *pair);
}

static bool has_pair(const struct ib_pair_vec *pairs, const char *key)
{
	vec_foreach (const struct ib_pair, it, pairs)
		if (strcmp(it->key, key) == 0)
			return true;
	return false;
}

/* The words as they are, or the shell that runs the text. */
static struct str_vec command_of(struct gather *g, const struct ib_op_config *c)
{
	struct str_vec argv = { NULL, 0, 0 };

	vec_foreach (const char *, word, &c->shell)
		vec_push(g->arena, &argv, *word);
	vec_foreach (const char *, word, &c->words)
		vec_push(g->arena, &argv, *word);
	return argv;
}

static void take_cmd(struct gather *g, const struct ib_op_config *c)
{
	g->config->command = command_of(g, c);
	g->has_command = true;
}

static void take_entrypoint(struct gather *g, const struct ib_op_config *c)
{
	g->config->entrypoint = command_of(g, c);
	g->has_entrypoint = true;
}

/* "80" is 80/tcp, "8000-8002/udp" three of them. The parser has looked at the numbers. */
static void take_port(struct gather *g, const char *word)
{
	const char *slash = strchr(word, '/'), *dash = strchr(word, '-');
	long first = strtol(word, NULL, 10), last = dash ? strtol(dash + 1, NULL, 10) : first;

	for (long port = first; port <= last; port++)
		vec_push(g->arena, &g->config->ports,
			 arena_printf(g->arena, "%ld%s", port, slash ? slash : "/tcp"));
}

static void take_expose(struct gather *g, const struct ib_op_config *c)
{
	vec_foreach (const char *, word, &c->words)
		take_port(g, *word);
}

static void take_volume(struct gather *g, const struct ib_op_config *c)
{
	vec_foreach (const char *, word, &c->words)
		vec_push(g->arena, &g->config->volumes, *word);
}

static void take_stopsignal(struct gather *g, const struct ib_op_config *c)
{
	g->config->stop_signal = c->words.items[0];
}

static const struct {
	const char *keyword;
	void (*take)(struct gather *g, const struct ib_op_config *c);
} settings[] = {
	{ "CMD", take_cmd },       { "ENTRYPOINT", take_entrypoint }, { "EXPOSE", take_expose },
	{ "VOLUME", take_volume }, { "STOPSIGNAL", take_stopsignal },
};

static void take_op(struct gather *g, const struct ib_op *op)
{
	if (op->code == IB_OP_LABEL)
		put_pair(g, &g->config->labels, &op->env);
	if (op->code != IB_OP_CONFIG)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (strcmp(settings[i].keyword, op->config.keyword) == 0)
			settings[i].take(g, &op->config);
}

/* The stages that STAGE continues come first. A new ENTRYPOINT makes an older CMD meaningless. */
static void take_stage(struct gather *g, const struct plan_stage *stage)
{
	const struct ib_op_base *base = &stage->ir->ops.items[0].base;

	if (stage->parent)
		take_stage(g, stage->parent);
	if (base->arch)
		g->config->arch = base->arch;
	g->has_command = g->has_entrypoint = false;
	for (size_t i = stage->inherited_settings; i < stage->settings.len; i++)
		take_op(g, &stage->settings.items[i]);
	if (g->has_entrypoint && !g->has_command)
		g->config->command.len = 0;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct ib_pair *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int compare_words(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* In byte order, each once. */
static void make_set(struct str_vec *words)
{
	size_t len = 0;

	if (words->len)
		qsort(words->items, words->len, sizeof(*words->items), compare_words);
	for (size_t i = 0; i < words->len; i++)
		if (i == 0 || strcmp(words->items[i], words->items[len - 1]) != 0)
			words->items[len++] = words->items[i];
	words->len = len;
}

/* Copies, so that what is added does not write into BASE. */
static void take_base(struct gather *g, const struct image_config *base)
{
	*g->config = *base;
	g->config->env = g->config->labels = (struct ib_pair_vec){ NULL, 0, 0 };
	g->config->ports = g->config->volumes = (struct str_vec){ NULL, 0, 0 };
	vec_foreach (const struct ib_pair, pair, &base->env)
		vec_push(g->arena, &g->config->env, *pair);
	vec_foreach (const struct ib_pair, pair, &base->labels)
		vec_push(g->arena, &g->config->labels, *pair);
	vec_foreach (const char *, word, &base->ports)
		vec_push(g->arena, &g->config->ports, *word);
	vec_foreach (const char *, word, &base->volumes)
		vec_push(g->arena, &g->config->volumes, *word);
}

/* Of STAGE's image: BASE, what the image below it says (NULL: nothing), changed by the stages that
 * STAGE continues and by itself. */
static void gather_config(const struct plan *p, const struct plan_stage *stage,
			  const struct image_config *base, struct arena *a,
			  struct image_config *ret)
{
	static const struct ib_pair path = { .key = "PATH", .value = STANDARD_PATH };
	struct gather g = { .arena = a, .config = ret };

	*ret = (struct image_config){ .arch = NULL };
	if (base)
		take_base(&g, base);
	if (!has_pair(&ret->env, path.key))
		vec_push(a, &ret->env, path);
	ret->arch = p->arch;
	vec_foreach (const struct ib_pair, pair, &stage->ir->env)
		if (strncmp(pair->key, "DIB_", 4) != 0)
			put_pair(&g, &ret->env, pair);
	if (stage->ir->user)
		ret->user = stage->ir->user;
	if (stage->ir->workdir)
		ret->workdir = stage->ir->workdir;
	take_stage(&g, stage);
	if (ret->labels.len)
		qsort(ret->labels.items, ret->labels.len, sizeof(*ret->labels.items),
		      compare_pairs);
	make_set(&ret->ports);
	make_set(&ret->volumes);
}

void target_config(const struct build *b, const struct target *t, struct image_config *ret_config)
{
	const struct plan_stage *stage = &b->plan->stages[t->stage];
	const struct base *base = plan_base_below(stage);

	gather_config(b->plan, stage, base ? base->config : NULL, b->arena, ret_config);
}
