/* Transformer blocks: their weights by the names of their family, their parameters. */
#include "model/load_tensor.h"

#include <stdio.h>

/* Writes the name of a layer of block `index` to a part. */
static void name_layer(struct part *part, int64_t out, const struct block_names *names, int index, const char *layer)
{
    char block[LOAD_NAME_SIZE / 2];
    snprintf(block, sizeof block, names->block, index);
    *part = (struct part){.out = out};
    snprintf(part->prefix, sizeof part->prefix, "%s%s", block, layer);
}

/* Stacks the layers `layers`, up to the first NULL. */
static lmvr_status load_layers(struct loader *l, const struct block_names *names, int index, const char *const *layers,
                               int most, int64_t out, int64_t in, bool bias, struct linear *linear)
{
    struct part parts[3];
    int count = 0;
    while (count < most && layers[count])
        count++;
    for (int i = 0; i < count; i++)
        name_layer(&parts[i], out / count, names, index, layers[i]);
    return load_stacked(l, parts, count, in, NULL, bias, linear);
}

static lmvr_status load_block_norm(struct loader *l, const struct block_plan *plan, int index, const char *name,
                                   struct norm *norm)
{
    struct part part;
    name_layer(&part, plan->width, plan->names, index, name);
    return load_norm(l, part.prefix, plan->width, plan->norm_eps, plan->rms, norm);
}

lmvr_status load_block(struct loader *loader, const struct block_plan *plan, int index, struct block *block)
{
    const struct block_names *n = plan->names;
    int64_t width = plan->width, mlp = plan->mlp_width;
    TRY(load_layers(loader, n, index, n->qkv, 3, 3 * width, width, plan->qkv_bias, &block->qkv));
    TRY(load_layers(loader, n, index, &n->attention_out, 1, width, width, true, &block->attention_out));
    TRY(load_layers(loader, n, index, n->mlp, 2, (n->mlp[1] ? 2 : 1) * mlp, width, true, &block->fc1));
    TRY(load_layers(loader, n, index, &n->mlp_out, 1, width, mlp, true, &block->fc2));
    TRY(load_block_norm(loader, plan, index, n->norm1, &block->norm1));
    return load_block_norm(loader, plan, index, n->norm2, &block->norm2);
}

struct counts count_block(const struct block_plan *plan)
{
    int64_t width = plan->width, norm = plan->rms ? width : 2 * width,
            wide = plan->mlp_width * (int64_t)(plan->names->mlp[1] ? 2 : 1);
    return (struct counts){.matrices = 4 * width * width + width * (wide + plan->mlp_width),
                           .vectors = 2 * norm + (plan->qkv_bias ? 3 : 0) * width + width + wide + width};
}
