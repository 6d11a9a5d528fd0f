#include "vision/eva.h"

#include <stdlib.h>

lmvr_status eva_forward(const struct eva *eva, struct arena *arena, int count, const float *pixels, float *const *states,
                        lmvr_error *error)
{
    const struct clip *vit = &eva->vit;
    TRY(clip_forward(vit, arena, count, pixels, states, error));
    float *last = states[vit->block_count];
    if (last)
        layer_norm_forward(&eva->post_norm, (int64_t)count * clip_positions(vit), vit->width, last, last);
    return LMVR_OK;
}

void eva_finish(struct eva *eva)
{
    clip_finish(&eva->vit);
    layer_norm_finish(&eva->post_norm);
}

/* ---- as an encoder ---- */

static lmvr_status forward(const void *model, struct arena *arena, int count, const float *pixels, float *const *states,
                           lmvr_error *error)
{
    return eva_forward(model, arena, count, pixels, states, error);
}

static void free_model(void *model)
{
    eva_finish(model);
    free(model);
}

struct encoder eva_encoder(struct eva *eva)
{
    return (struct encoder){.image_size = eva->vit.image_size,
                            .patch_size = eva->vit.patch_size,
                            .width = eva->vit.width,
                            .block_count = eva->vit.block_count,
                            .positions = clip_positions(&eva->vit),
                            .model = eva,
                            .forward = forward,
                            .free = free_model};
}
