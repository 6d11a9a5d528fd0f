#include "vision/eva.h"

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
