#include "tensor/device.h"

#include <stdlib.h>

lmvr_status device_take(const struct device *device, void *memory, size_t bytes, void **taken, lmvr_error *error)
{
    *taken = memory;
    if (!memory || device == device_cpu())
        return LMVR_OK;
    struct arena arena;
    *taken = device->operations->allocate(device, bytes);
    lmvr_status status = *taken ? arena_init_on(&arena, device, F32, error)
                                : error_set(error, LMVR_ERROR_RESOURCE, "%s is out of memory for the weights", device->name);
    if (*taken && status == LMVR_OK) {
        char end;
        device->operations->write(&arena, *taken, memory, bytes);
        status = device->operations->read(&arena, &end, *taken, 1, error);
        arena_finish(&arena);
    }
    free(memory);
    if (status != LMVR_OK) {
        device_release(device, *taken);
        *taken = NULL;
    }
    return status;
}

void device_release(const struct device *device, void *memory)
{
    if (memory)
        device->operations->release(device, memory);
}
