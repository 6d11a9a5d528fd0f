#include "train/objectives/objective_contrastive.h"

#include "format/input.h"

#include "train/model_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct value *loss(void *self, struct tape *tape, const struct batch *batch)
{
    struct contrastive *c = self;
    struct tape_contrast contrast = {.scale = c->net.logit_scale, .queries = 1};
    struct value *images = clip_net_images(&c->net, tape, batch);
    return tape_contrastive(tape, images, clip_net_texts(&c->net, tape, batch), &contrast);
}

/* "clipped to prevent scaling the logits by more than 100" (Radford et al. 2021, section 2.5). */
static void after_step(void *self)
{
    struct contrastive *c = self;
    float most = logf(100.0f), scale;
    parameter_get(c->net.logit_scale, 0, 1, &scale);
    if (scale > most)
        parameter_set(c->net.logit_scale, 0, 1, &most);
}

static lmvr_status save(void *self, const char *folder, lmvr_error *error)
{
    static const struct folder_naming naming[] = {{"vision_tower.vision_model.", "vision_model."}, {NULL, NULL}};
    struct contrastive *c = self;
    struct folder_write write = {.folder = folder,
                                 .dtype = c->saved,
                                 .parameters = &c->parameters,
                                 .naming = naming,
                                 .config = c->json,
                                 .copies = {{c->start, folder_processors}},
                                 .tokenizer = c->tokenizer,
                                 .tokenizer_name = "tokenizer.model",
                                 .preprocess = &c->preprocess};
    return folder_write(&write, error);
}

lmvr_status contrastive_init(struct contrastive *c, const char *start, const char *tokenizer, const struct net_options *options,
                             lmvr_error *error)
{
    *c = (struct contrastive){.saved = options->saved, .start = strdup(start)};
    parameters_init(&c->parameters, options->products);
    c->tokenizer = tokenizer ? strdup(tokenizer) : NULL;
    if (!c->start || (tokenizer && !c->tokenizer))
        return error_no_memory(error, "the objective");
    TRY(config_read_clip(start, &c->config, error));
    TRY(config_read_preprocess(start, c->config.vision.image_size, &c->preprocess, error));
    TRY(folder_read_config(start, &c->json, error));
    struct net net = {.parameters = &c->parameters, .trained = true, .error = error};
    random_init(&net.random, options->seed);
    if (input_is_folder(start))
        TRY(checkpoint_open(start, &net.checkpoint, error));
    lmvr_status status = clip_net_init(&c->net, &c->config, &net);
    checkpoint_close(net.checkpoint);
    c->net.recompute = options->recompute;
    c->objective = (struct objective){c, "contrastive", &c->parameters, loss, after_step, save};
    return status;
}

void contrastive_finish(struct contrastive *c)
{
    clip_net_finish(&c->net);
    parameters_finish(&c->parameters);
    json_decref(c->json);
    free(c->start);
    free(c->tokenizer);
    *c = (struct contrastive){0};
}
