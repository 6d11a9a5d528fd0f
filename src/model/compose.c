#include "model/compose.h"

#include <stdlib.h>

lmvr_status load_encoder(struct loader *loader, const struct model_config *config, struct encoder *encoder)
{
    lmvr_status status;
    if (config->vision.kind == VISION_EVA) {
        struct eva *eva = calloc(1, sizeof *eva);
        if (!eva)
            return error_no_memory(loader->error, "the encoder");
        status = load_eva(loader, &config->vision, eva);
        *encoder = eva_encoder(eva);
    } else {
        struct clip *clip = calloc(1, sizeof *clip);
        if (!clip)
            return error_no_memory(loader->error, "the encoder");
        status = load_clip(loader, &config->vision, clip);
        *encoder = clip_encoder(clip);
    }
    return status;
}

lmvr_status load_connector(struct loader *loader, const struct model_config *config, int positions, struct connector *connector)
{
    lmvr_status status;
    int state = config_encoder_state(config);
    if (config->connector == CONNECTOR_QFORMER) {
        struct qformer *qformer = calloc(1, sizeof *qformer);
        if (!qformer)
            return error_no_memory(loader->error, "the Q-Former");
        status = load_qformer(loader, config, qformer);
        *connector = qformer_connector(qformer, state, positions);
    } else {
        struct projector *projector = calloc(1, sizeof *projector);
        if (!projector)
            return error_no_memory(loader->error, "the projector");
        status = load_projector(loader, config, projector);
        *connector = projector_connector(projector, state, positions, config->projector.drop_class);
    }
    return status;
}

lmvr_status load_language(struct loader *loader, const struct model_config *config, struct language *language)
{
    lmvr_status status;
    if (config->language.kind == LANGUAGE_T5) {
        struct t5 *t5 = calloc(1, sizeof *t5);
        if (!t5)
            return error_no_memory(loader->error, "the language model");
        status = load_t5(loader, &config->language, t5);
        *language = t5_language(t5);
    } else {
        struct llama *llama = calloc(1, sizeof *llama);
        if (!llama)
            return error_no_memory(loader->error, "the language model");
        status = load_llama(loader, &config->language, llama);
        *language = llama_language(llama);
    }
    return status;
}
