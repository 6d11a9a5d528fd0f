/* The device that this build of a test is for: the processor, the emulated GPU (LMVR_ON_GPU), or a real one (LMVR_ON_CARD,
 * too). */
#ifndef LMVR_TESTS_TENSOR_TESTED_DEVICE_H
#define LMVR_TESTS_TENSOR_TESTED_DEVICE_H

#include "cmocka_all.h"

#include "tensor/device.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef LMVR_ON_CARD

/* Ends the test as skipped where no GPU can be used, and as failed where one computes wrongly what training needs. */
static inline const struct device *open_tested_device(void)
{
    const struct device *device;
    lmvr_error error;
    if (device_open("cuda:0", 0, false, &device, &error) != LMVR_OK) {
        printf("skipped: %s\n", error.message);
        exit(77); /* as CMakeLists.txt says */
    }
    if (device_check_training(device, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return device;
}

#elif defined(LMVR_ON_GPU)

#include "tensor/cuda/device.h"
#include "tensor/cuda/emulate_api.h"

static inline const struct device *open_tested_device(void)
{
    const struct device *device;
    assert_int_equal(cuda_device_open(emulated_cuda_api(), 0, false, &device, NULL), LMVR_OK);
    return device;
}

#else

static inline const struct device *open_tested_device(void)
{
    return device_cpu();
}

#endif

/* It is open until the test ends. */
static inline const struct device *tested_device(void)
{
    static const struct device *device;
    if (!device)
        device = open_tested_device();
    return device;
}

#endif
