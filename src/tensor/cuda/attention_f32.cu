#include "tensor/cuda/attention_kernels.cuh"

static void launch_any(cuda_stream stream, const struct attention_work *w)
{
    int dim = w->head_dim;
    (dim <= 32    ? launch<float, 32, 1>
     : dim <= 64  ? launch<float, 64, 1>
     : dim <= 96  ? launch<float, 96, 1>
     : dim <= 128 ? launch<float, 128, 1>
                  : launch<float, 256, 1>)(stream, w);
}

void attend_f32(cuda_stream stream, const struct attention_work *w)
{
    bool small = w->head_dim <= 64;
    if (!fits(w))
        (small ? launch_special<float, 64, false, true> : launch_special<float, 256, false, true>)(stream, w);
    else if (w->bias.values)
        (small ? launch_special<float, 64, true, true> : launch_special<float, 256, true, true>)(stream, w);
    else
        launch_any(stream, w);
}
