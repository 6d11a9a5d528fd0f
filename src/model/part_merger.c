/* Patch mergers: their weights' names, their parameters. */
#include "model/load_tensor.h"

#include <stdio.h>

/* The width of merged patches. */
static int64_t merged_width(const struct model_config *c)
{
    return (int64_t)c->vision.width * c->vision.merge * c->vision.merge;
}

lmvr_status load_merger(struct loader *l, const struct model_config *c, const struct merger_names *names, int index,
                        struct merger *merger)
{
    char prefix[LOAD_NAME_SIZE / 2], name[LOAD_NAME_SIZE];
    int64_t wide = merged_width(c), to = c->language.width;
    snprintf(prefix, sizeof prefix, names->prefix, index);
    merger->norm_merged = names->norm_merged;
    if (names->norm) {
        snprintf(name, sizeof name, "%s%s", prefix, names->norm);
        TRY(load_norm(l, name, names->norm_merged ? wide : c->vision.width, c->vision.layer_norm_eps, c->vision.family->rms,
                      &merger->norm));
    }
    snprintf(name, sizeof name, "%s%s", prefix, names->fc1);
    TRY(load_linear(l, name, names->fc2 ? wide : to, wide, names->fc2 != NULL, &merger->fc1));
    if (!names->fc2)
        return LMVR_OK;
    snprintf(name, sizeof name, "%s%s", prefix, names->fc2);
    return load_linear(l, name, to, wide, true, &merger->fc2);
}

struct counts count_merger(const struct model_config *c, const struct merger_names *names)
{
    int64_t wide = merged_width(c), to = c->language.width, norm = names->norm_merged ? wide : c->vision.width;
    if (!names->fc2)
        return (struct counts){.matrices = wide * to};
    return (struct counts){.matrices = wide * wide + wide * to,
                           .vectors = wide + to + (c->vision.family->rms ? norm : 2 * norm)};
}
