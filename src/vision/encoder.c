#include "vision/encoder.h"

void encoder_finish(struct encoder *encoder)
{
    if (encoder->free)
        encoder->free(encoder->model);
    *encoder = (struct encoder){0};
}
