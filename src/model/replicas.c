#include "error.h"
#include "model/model.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>

/* A replica that is being loaded. */
struct replica {
    const char *path;
    lmvr_model_options options;
    const struct device *device; /* the model takes it over */
    pthread_t thread;
    bool started;
    lmvr_model *model;
    lmvr_status status;
    lmvr_error error;
};

static void *load(void *argument)
{
    struct replica *r = argument;
    r->status = model_open_on(r->path, &r->options, r->device, &r->model, &r->error);
    return NULL;
}

/* Loads them side by side, and chains them, the first one first. */
static lmvr_status load_all(struct replica *replicas, int count, lmvr_model **model, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (int i = 1; i < count; i++)
        replicas[i].started = pthread_create(&replicas[i].thread, NULL, load, &replicas[i]) == 0;
    for (int i = 0; i < count; i++) {
        if (replicas[i].started)
            pthread_join(replicas[i].thread, NULL);
        else
            load(&replicas[i]);
        if (replicas[i].status != LMVR_OK && status == LMVR_OK)
            status = error_set(error, replicas[i].status, "%s", replicas[i].error.message);
    }
    for (int i = count - 1; i >= 0; i--)
        if (replicas[i].model) {
            replicas[i].model->next = *model;
            *model = replicas[i].model;
        }
    if (status != LMVR_OK) {
        lmvr_model_free(*model);
        *model = NULL;
    }
    return status;
}

const lmvr_model *model_not_lost(const lmvr_model *model)
{
    while (model && model->device->operations->is_lost(model->device))
        model = model->next;
    return model;
}

lmvr_status model_open_replicas(const char *path, const lmvr_model_options *options, lmvr_model **model, lmvr_error *error)
{
    struct model_config config;
    const struct device **devices;
    int count;
    *model = NULL;
    TRY(model_config_read_any(path, options->mmproj, &config, error));
    TRY(device_open_all(model_device_bytes(&config, options->dtype), options->fast, &devices, &count, error));
    struct replica *replicas = calloc((size_t)count, sizeof *replicas);
    lmvr_model_options each = *options;
    each.threads = (options->threads > 0 ? options->threads : omp_get_max_threads()) / count;
    each.threads += each.threads == 0;
    for (int i = 0; i < count && replicas; i++)
        replicas[i] = (struct replica){.path = path, .options = each, .device = devices[i]};
    for (int i = 0; i < count && !replicas; i++)
        device_close(devices[i]);
    lmvr_status status = replicas ? load_all(replicas, count, model, error) : error_no_memory(error, "the replicas");
    free(replicas);
    free(devices);
    return status;
}
