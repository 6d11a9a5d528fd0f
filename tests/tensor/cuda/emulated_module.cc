/* The emulated GPU as a module that the engine finds, so that the whole program runs on it. */
#include "emulate_api.h"

__attribute__((visibility("default"))) const struct cuda_api *lmvr_cuda_api(void)
{
    return emulated_cuda_api();
}
