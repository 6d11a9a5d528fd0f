#include "tensor/cuda/attention_kernels.cuh"

static void launch_any(cuda_stream stream, const struct attention_work *w)
{
    int dim = w->head_dim;
    (dim <= 32    ? launch<bf16, 32, 2>
     : dim <= 64  ? launch<bf16, 64, 2>
     : dim <= 80  ? launch<bf16, 80, 2>
     : dim <= 96  ? launch<bf16, 96, 2>
     : dim <= 112 ? launch<bf16, 112, 2>
     : dim <= 128 ? launch<bf16, 128, 2>
                  : launch<bf16, 256, 1>)(stream, w);
}

void attend_bf16(cuda_stream stream, const struct attention_work *w)
{
    bool small = w->head_dim <= 64;
    if (!fits(w))
        (small ? launch_special<bf16, 64, false, true> : launch_special<bf16, 256, false, true>)(stream, w);
    else if (w->bias.values)
        (small ? launch_special<bf16, 64, true, true> : launch_special<bf16, 256, true, true>)(stream, w);
    else
        launch_any(stream, w);
}
