/* Opens a model where this build of a test runs it: on the processor, on the emulated GPU, or on a real one. */
#ifndef LMVR_TESTS_SESSION_OPEN_MODEL_H
#define LMVR_TESTS_SESSION_OPEN_MODEL_H

#include "model/model.h"

#ifdef LMVR_ON_CARD

#include <stdio.h>
#include <stdlib.h>

/* Ends a test where no GPU can be used, as skipped. */
static inline void need_device(void)
{
    lmvr_error error;
    const struct device *device;
    if (device_open("cuda:0", 0, false, &device, &error) != LMVR_OK) {
        printf("skipped: %s\n", error.message);
        exit(77); /* as CMakeLists.txt says */
    }
    device_close(device);
}

static inline lmvr_status open_tested_device(const struct device **device, lmvr_error *error)
{
    return device_open("cuda:0", 0, false, device, error);
}

#else

static inline void need_device(void) {}

#ifdef LMVR_ON_GPU

#include "tensor/cuda/device.h"
#include "tensor/cuda/emulate_api.h"

static inline lmvr_status open_tested_device(const struct device **device, lmvr_error *error)
{
    return cuda_device_open(emulated_cuda_api(), 0, false, device, error);
}

#else

static inline lmvr_status open_tested_device(const struct device **device, lmvr_error *error)
{
    (void)error;
    *device = device_cpu();
    return LMVR_OK;
}

#endif
#endif

static inline lmvr_status open_tested_with(const char *path, const lmvr_model_options *options, lmvr_model **model,
                                           lmvr_error *error)
{
    const struct device *device;
    *model = NULL;
    lmvr_status status = open_tested_device(&device, error);
    return status == LMVR_OK ? model_open_on(path, options, device, model, error) : status;
}

static inline lmvr_status open_tested(const char *path, lmvr_dtype dtype, lmvr_model **model, lmvr_error *error)
{
    const lmvr_model_options options = {.dtype = dtype};
    return open_tested_with(path, &options, model, error);
}

/* The device's floats in the host's memory, in the arena. */
static inline float *fetched(struct arena *arena, const float *floats, size_t count)
{
    float *copy = arena_alloc(arena, (int64_t)count, sizeof *copy);
    if (copy && arena->device->operations->read(arena, copy, floats, count * sizeof *copy, NULL) != LMVR_OK)
        copy = NULL;
    return copy;
}

#endif
