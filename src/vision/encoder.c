#include "vision/encoder.h"

int64_t encoder_positions(const struct encoder *encoder, int width, int height)
{
    int64_t patches = (int64_t)(width / encoder->patch_size) * (height / encoder->patch_size);
    return patches + (encoder->has_class ? 1 : 0);
}

void encoder_finish(struct encoder *encoder)
{
    if (encoder->free)
        encoder->free(encoder->model);
    *encoder = (struct encoder){0};
}
