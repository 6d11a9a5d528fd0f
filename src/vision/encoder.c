#include "vision/encoder.h"

#include <stdlib.h>

static struct encoder describe(const struct clip *vit)
{
    return (struct encoder){.image_size = vit->image_size,
                            .patch_size = vit->patch_size,
                            .width = vit->width,
                            .block_count = vit->block_count,
                            .positions = clip_positions(vit)};
}

static lmvr_status forward_clip(const void *model, struct arena *arena, int count, const float *pixels, float *const *states,
                                lmvr_error *error)
{
    return clip_forward(model, arena, count, pixels, states, error);
}

static void free_clip(void *model)
{
    clip_finish(model);
    free(model);
}

struct encoder encoder_of_clip(struct clip *clip)
{
    struct encoder encoder = describe(clip);
    encoder.model = clip;
    encoder.forward = forward_clip;
    encoder.free = free_clip;
    return encoder;
}

static lmvr_status forward_eva(const void *model, struct arena *arena, int count, const float *pixels, float *const *states,
                               lmvr_error *error)
{
    return eva_forward(model, arena, count, pixels, states, error);
}

static void free_eva(void *model)
{
    eva_finish(model);
    free(model);
}

struct encoder encoder_of_eva(struct eva *eva)
{
    struct encoder encoder = describe(&eva->vit);
    encoder.model = eva;
    encoder.forward = forward_eva;
    encoder.free = free_eva;
    return encoder;
}

void encoder_finish(struct encoder *encoder)
{
    if (encoder->free)
        encoder->free(encoder->model);
    *encoder = (struct encoder){0};
}
