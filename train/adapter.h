/* LoRA adapters in the format of Hugging Face's PEFT: the trained weights without the base model. */
#ifndef LMVR_TRAIN_ADAPTER_H
#define LMVR_TRAIN_ADAPTER_H

#include "train/tape/parameter.h"

struct adapter {
    const char *base; /* the base model's folder */
    int rank;
    double alpha;
    const char *decoder;                 /* its name in transformers' model since 4.52: "language_model", "text_model" */
    bool projector;                      /* a LLaVA's is fully trained */
    const struct parameters *parameters; /* those with ".lora_" in their names, and the projector's, are written, as f32 */
};

/* Makes FOLDER/adapter/ with adapter_config.json and adapter_model.safetensors, each complete or absent. Modules have their
 * names in transformers' model; the projector is in modules_to_save. */
lmvr_status adapter_write(const struct adapter *adapter, const char *folder, lmvr_error *error);

/* Removes an adapter left there by an earlier run. */
lmvr_status adapter_remove(const char *folder, lmvr_error *error);

#endif
