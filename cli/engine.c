#include "engine.h"

#include "error.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where `make install` puts the model, seen from the program: PREFIX/bin/lmvr and PREFIX/share/lmvr/model. */
static char *installed_model(void)
{
    char program[PATH_MAX];
    char *path = NULL;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return NULL;
    program[length] = '\0';
    return asprintf(&path, "%s/../share/lmvr/model", dirname(program)) < 0 ? NULL : path;
}

static bool holds_model(const char *path)
{
    char config[PATH_MAX];
    return snprintf(config, sizeof config, "%s/config.json", path) < (int)sizeof config && access(config, F_OK) == 0;
}

lmvr_status engine_model_path(const struct options *options, char **path, lmvr_error *error)
{
    if (options->model) {
        *path = strdup(options->model);
        return *path ? LMVR_OK : error_no_memory(error, "a file name");
    }
    *path = installed_model();
    if (*path && holds_model(*path))
        return LMVR_OK;
    free(*path);
    *path = NULL;
#ifdef LMVR_DEFAULT_MODEL /* in the source tree, for a program that is not installed */
    if (holds_model(LMVR_DEFAULT_MODEL)) {
        *path = strdup(LMVR_DEFAULT_MODEL);
        return *path ? LMVR_OK : error_no_memory(error, "a file name");
    }
#endif
    return error_set(error, LMVR_ERROR_INVALID,
                     "no model: none came with this program, so -m has to name a Hugging Face folder");
}

lmvr_status engine_load(const char *path, const struct options *options, lmvr_model **model, lmvr_error *error)
{
    lmvr_status status = lmvr_model_open(path, options->dtype, options->session.threads, model, error);
    if (status != LMVR_OK)
        return status;
    lmvr_model_info info;
    lmvr_model_get_info(*model, &info);
    if (info.notice[0] != '\0')
        fprintf(stderr, "lmvr: %s\n", info.notice);
    return LMVR_OK;
}

lmvr_status engine_open(const struct options *options, struct engine *engine, lmvr_error *error)
{
    char *path;
    *engine = (struct engine){.model = NULL};
    lmvr_status status = engine_model_path(options, &path, error);
    if (status != LMVR_OK)
        return status;
    status = engine_load(path, options, &engine->model, error);
    free(path);
    if (status == LMVR_OK)
        status = lmvr_session_create(engine->model, &options->session, &engine->session, error);
    if (status != LMVR_OK)
        engine_close(engine);
    return status;
}

void engine_close(struct engine *engine)
{
    lmvr_session_free(engine->session);
    lmvr_model_free(engine->model);
    *engine = (struct engine){.model = NULL};
}

lmvr_image *engine_images(char *const *paths, size_t count)
{
    lmvr_image *images = calloc(count + 1, sizeof *images);
    for (size_t i = 0; images && i < count; i++)
        images[i].path = paths[i];
    return images;
}
