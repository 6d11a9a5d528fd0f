/* A model and a session on it, as the options request. */
#ifndef LMVR_CLI_ENGINE_H
#define LMVR_CLI_ENGINE_H

#include "options.h"

struct engine {
    lmvr_model *model;
    lmvr_session *session;
};

/* The path of the model to use: -m's, which may be a name on the hub (hub.h), or the one shipped with the program; to be
 * freed. */
lmvr_status engine_model_path(const struct options *options, char **path, lmvr_error *error);

/* Opens the model, and prints its notices to standard error, also those to come. */
lmvr_status engine_load(const char *path, const struct options *options, lmvr_model **model, lmvr_error *error);

lmvr_status engine_open(const struct options *options, struct engine *engine, lmvr_error *error);
void engine_close(struct engine *engine);

#endif
