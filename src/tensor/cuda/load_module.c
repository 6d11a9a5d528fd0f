#include "tensor/cuda/load_module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE "lmvr-cuda.so"

static const struct cuda_api *loaded;
static lmvr_error refusal;

/* Loads a file; `refusal` says what is wrong with one that is there. */
static void load(const char *path)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct cuda_api *(*find)(void) = NULL;
    if (!module) {
        error_write(&refusal, "cannot load the module for GPUs: %.900s", dlerror());
        return;
    }
    void *symbol = dlsym(module, "lmvr_cuda_api");
    memcpy(&find, &symbol, sizeof find); /* C has no cast from an object to a function */
    const struct cuda_api *api = symbol ? find() : NULL;
    if (api && api->version == CUDA_API_VERSION)
        loaded = api;
    else
        error_write(&refusal, "%.900s is of another version of lmvr", path);
}

/* Loads FOLDER/NAME if it is there. */
static bool try_folder(const char *folder, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path || access(path, F_OK) != 0)
        return false;
    load(path);
    return true;
}

static void find_module(void)
{
    const char *chosen = getenv("LMVR_CUDA_MODULE");
    Dl_info here;
    char folder[PATH_MAX];
    if (chosen && *chosen) {
        load(chosen);
        return;
    }
    error_write(&refusal,
                "there is no module for GPUs, %s, beside this program or installed; `make` builds it where CUDA's nvcc is",
                MODULE);
    if (dladdr((const void *)&refusal, &here) && here.dli_fname && strlen(here.dli_fname) < sizeof folder) {
        snprintf(folder, sizeof folder, "%s", here.dli_fname);
        char *slash = strrchr(folder, '/');
        *(slash ? slash : folder) = '\0';
        if (slash && (try_folder(folder, MODULE) || try_folder(folder, "lmvr/" MODULE)))
            return;
    }
    try_folder(LMVR_MODULE_DIR, MODULE);
}

lmvr_status cuda_module_load(const struct cuda_api **api, lmvr_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_module);
    *api = loaded;
    return loaded ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s", refusal.message);
}
