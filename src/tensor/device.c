#include "tensor/device.h"

#include "tensor/cuda/load_module.h"
#include "tensor/cuda/self_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether NVIDIA's driver runs here, Linux's or Windows's below it; without one, loading the module takes a tenth of a second
 * in vain. */
static bool has_driver(void)
{
    return access("/dev/nvidiactl", F_OK) == 0 || access("/dev/dxg", F_OK) == 0;
}

/* Opens GPU `index`, if it has `bytes` free. */
static lmvr_status open_gpu(int index, uint64_t bytes, bool fast, const struct device **device, lmvr_error *error)
{
    const struct cuda_api *api;
    struct cuda_properties properties;
    int count;
    TRY(cuda_module_load(&api, error));
    TRY(api->count(&count, error));
    if (index >= count)
        return error_set(error, LMVR_ERROR_INVALID, "there is no GPU cuda:%d, only %d", index, count);
    TRY(cuda_device_open(api, index, fast, device, error));
    lmvr_status status = cuda_device_describe(*device, &properties, error);
    if (status == LMVR_OK && properties.free < bytes)
        status = error_set(error, LMVR_ERROR_RESOURCE, "the model needs %.1f GB, but %s, cuda:%d, has %.1f GB free",
                           (double)bytes * 1e-9, properties.name, index, (double)properties.free * 1e-9);
    if (status != LMVR_OK) {
        device_close(*device);
        *device = NULL;
    }
    return status;
}

/* The number in "cuda:N"; 0 for "cuda"; -1 for anything else. */
static int gpu_index(const char *name)
{
    char *end;
    if (strcmp(name, "cuda") == 0)
        return 0;
    if (strncmp(name, "cuda:", 5) != 0 || name[5] < '0' || name[5] > '9')
        return -1;
    long index = strtol(name + 5, &end, 10);
    return *end == '\0' && index < 1000 ? (int)index : -1;
}

lmvr_status device_open(const char *name, uint64_t bytes, bool fast, const struct device **device, lmvr_error *error)
{
    *device = device_cpu();
    if (!name) {
        lmvr_error why; /* a GPU that cannot be used was not asked for */
        if (!has_driver() || open_gpu(0, bytes, fast, device, &why) != LMVR_OK)
            *device = device_cpu();
        return LMVR_OK;
    }
    if (strcmp(name, "cpu") == 0)
        return LMVR_OK;
    *device = NULL;
    if (strcmp(name, "cuda:all") == 0)
        return error_set(error, LMVR_ERROR_INVALID, "one device is used here, so it is cuda or cuda:N, not cuda:all");
    int index = gpu_index(name);
    if (index < 0)
        return error_set(error, LMVR_ERROR_INVALID, "\"%s\" is no device; devices are cpu, cuda, cuda:N and cuda:all", name);
    return open_gpu(index, bytes, fast, device, error);
}

lmvr_status device_check_training(const struct device *device, lmvr_error *error)
{
    return device == device_cpu() ? LMVR_OK : self_check_training(device, error);
}

static lmvr_status open_all(uint64_t bytes, bool fast, const struct device **devices, int count, lmvr_error *error)
{
    for (int i = 0; i < count; i++) {
        TRY(open_gpu(i, bytes, fast, &devices[i], error));
        if (strcmp(devices[i]->gpu, devices[0]->gpu) != 0)
            return error_set(error, LMVR_ERROR_INVALID,
                             "cuda:all is for GPUs of one kind, which compute the same bits, but cuda:0 is %s and cuda:%d is "
                             "%s; CUDA_VISIBLE_DEVICES chooses among them",
                             devices[0]->gpu, i, devices[i]->gpu);
    }
    return LMVR_OK;
}

lmvr_status device_open_all(uint64_t bytes, bool fast, const struct device ***devices, int *count, lmvr_error *error)
{
    const struct cuda_api *api;
    *devices = NULL;
    TRY(cuda_module_load(&api, error));
    TRY(api->count(count, error));
    *devices = calloc((size_t)*count + 1, sizeof **devices);
    if (!*devices)
        return error_no_memory(error, "the GPUs");
    lmvr_status status = open_all(bytes, fast, *devices, *count, error);
    if (status != LMVR_OK) {
        for (int i = 0; i < *count; i++)
            device_close((*devices)[i]);
        free(*devices);
        *devices = NULL;
    }
    return status;
}

void device_close(const struct device *device)
{
    if (device)
        device->operations->close(device);
}

lmvr_status device_take(const struct device *device, void *memory, size_t bytes, void **taken, lmvr_error *error)
{
    *taken = memory;
    if (!memory || device == device_cpu())
        return LMVR_OK;
    *taken = device->operations->allocate(device, bytes);
    lmvr_status status = *taken ? device->operations->send(device, *taken, memory, bytes, error)
                                : error_set(error, LMVR_ERROR_RESOURCE, "%s is out of memory for the weights", device->name);
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
