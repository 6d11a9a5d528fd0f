#include "train/objectives/objective_t5.h"

#include "format/input.h"

#include "train/model_folder.h"

#include <stdlib.h>
#include <string.h>

static struct value *loss(void *self, struct tape *tape, const struct batch *batch)
{
    struct t5_language *t = self;
    return t5_net_loss(&t->net, tape, batch, NULL, 0);
}

static lmvr_status save(void *self, const char *folder, lmvr_error *error)
{
    static const struct folder_naming naming[] = {{"language_model.", ""}, {NULL, NULL}};
    struct t5_language *t = self;
    struct folder_write write = {.folder = folder,
                                 .dtype = t->saved,
                                 .parameters = &t->parameters,
                                 .naming = naming,
                                 .config = t->json,
                                 .copies = {{t->start, folder_generation}},
                                 .tokenizer = t->tokenizer,
                                 .tokenizer_name = "spiece.model"};
    return folder_write(&write, error);
}

lmvr_status t5_language_init(struct t5_language *t, const char *start, const char *tokenizer, const struct net_options *options,
                             lmvr_error *error)
{
    *t = (struct t5_language){.saved = options->saved, .start = strdup(start)};
    parameters_init(&t->parameters, options->products);
    t->tokenizer = tokenizer ? strdup(tokenizer) : NULL;
    if (!t->start || (tokenizer && !t->tokenizer))
        return error_no_memory(error, "the objective");
    TRY(config_read_t5(start, &t->config, error));
    TRY(folder_read_config(start, &t->json, error));
    struct net net = {.parameters = &t->parameters, .trained = true, .error = error};
    random_init(&net.random, options->seed);
    if (input_is_folder(start))
        TRY(checkpoint_open(start, &net.checkpoint, error));
    lmvr_status status = t5_net_init(&t->net, &t->config, &net);
    checkpoint_close(net.checkpoint);
    t->net.recompute = options->recompute;
    t->net.noise = options->noise;
    t->net.seed = options->seed;
    t->objective = (struct objective){t, "language", &t->parameters, loss, NULL, save};
    return status;
}

void t5_language_finish(struct t5_language *t)
{
    t5_net_finish(&t->net);
    parameters_finish(&t->parameters);
    json_decref(t->json);
    free(t->start);
    free(t->tokenizer);
    *t = (struct t5_language){0};
}
