#include "engine.h"

#include "beside.h"
#include "error.h"
#include "hints.h"
#include "hub.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool holds_model(const char *path)
{
    char config[PATH_MAX];
    return snprintf(config, sizeof config, "%s/config.json", path) < (int)sizeof config && access(config, F_OK) == 0;
}

static char *model_beside_program(const char *relative)
{
    char *path = beside_program(relative);
    char *resolved = path && holds_model(path) ? realpath(path, NULL) : NULL;
    free(path);
    return resolved;
}

/* The model shipped with the program, to be freed; NULL: none. Found even if the whole installation was moved. */
static char *shipped_model(void)
{
    char *path = model_beside_program(MODEL_FROM_BIN);
    if (!path)
        path = model_beside_program(MODEL_FROM_BUILD);
    return path || !holds_model(MODEL_FOLDER) ? path : strdup(MODEL_FOLDER);
}

lmvr_status engine_model_path(const struct options *options, char **path, lmvr_error *error)
{
    if (options->model)
        return hub_find(options->model, path, error);
    *path = shipped_model();
    if (*path)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "no model: none came with this program, so -m has to name a Hugging Face folder or a GGUF file");
}

/* As the sentences of commands, over a line of progress. */
static void tell(lmvr_notice notice, const char *sentence, void *user)
{
    (void)notice, (void)user;
    fprintf(stderr, "%slmvr: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", sentence);
}

static void tell_losses(lmvr_notice notice, const char *sentence, void *user)
{
    if (notice == LMVR_NOTICE_LOST)
        tell(notice, sentence, user);
}

lmvr_status engine_load(const char *path, const struct options *options, lmvr_model **model, lmvr_error *error)
{
    lmvr_model_options opened;
    lmvr_model_options_default(&opened);
    opened.dtype = options->dtype;
    opened.cache_dtype = options->cache_dtype;
    opened.threads = options->session.threads;
    opened.device = options->device;
    opened.fast = options->fast;
    opened.mmproj = options->mmproj;
    opened.notice = options->quiet ? tell_losses : tell;
    lmvr_status status = lmvr_model_open_with(path, &opened, model, error);
    if (status != LMVR_OK)
        return status;
    lmvr_model_info info;
    lmvr_model_get_info(*model, &info);
    if (info.notice)
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
    if (!options->model)
        hint_shipped_model(options->quiet);
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
